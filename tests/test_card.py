"""The card of a dataset: datasets loads the folder by it, and it says first whether the talk comes from the sound."""

import json

import pyarrow as pa
import pytest
import yaml
from test_export import written  # noqa: F401
from test_filtration import folder  # noqa: F401
from test_kept import filtered

from mdialog import card
from mdialog.catalog import Catalog
from mdialog.export import export
from mdialog.formats import FORMATS


def parts(out):
    """The head as YAML, and the rest."""
    _, head, text = (out / card.NAME).read_text(encoding="utf-8").split("---\n", 2)
    return yaml.safe_load(head), text


def share(hits, n):
    return {"hits": hits, "n": n, "share": hits / n if n else None, "low": 0.0, "high": 1.0}


def evaluated(run, **shares):
    names = {"real": "real clip", "another": "another clip"}
    cells = {names.get(sound, sound): {"all": share(*of)} if of else {} for sound, of in shares.items()}
    (run / "evaluation").mkdir(exist_ok=True)
    found = {"listener": "ear@1", "truth": "composer", "by_kind": cells, "gain": [0.6, 0.5, 0.7]}
    (run / "evaluation" / "grounding.json").write_text(json.dumps(found))


@pytest.mark.parametrize("format", FORMATS)
def test_the_folder_is_loaded_as_it_is(written, tmp_path, format):  # noqa: F811
    import datasets

    report = export(written, format=format, out=tmp_path / "out")
    loaded = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "hf"))
    assert list(loaded) == ["train"] and len(loaded["train"]) == report.n_rows
    if format == "parquet":
        assert loaded["train"].features["audio"] == datasets.List(datasets.Audio())
    head, text = parts(tmp_path / "out")
    assert head["size_categories"] == ["n<1K"] and "license" not in head
    assert "| music-discovery | 6 |" in text and "- l: r@1" in text


def test_the_grounding_stands_first_and_an_unevaluated_run_says_so(written, tmp_path):  # noqa: F811
    export(written, format="messages", out=tmp_path / "out")
    _, text = parts(tmp_path / "out")
    first = text.strip().split("\n## ")[1]
    assert "was not evaluated" in first and f"mdialog evaluate {written.name}" in first


def test_figures_are_those_of_the_evaluation(folder, tmp_path):  # noqa: F811
    evaluated(folder, real=(90, 100), another=(30, 100), noise=(20, 100), silence=None, accepted=(97, 100))
    export(filtered(folder, folder / "filtered"), format="messages", out=tmp_path / "out")
    _, text = parts(tmp_path / "out")
    first = text.strip().split("\n## ")[1]
    assert "0.900 [0.826, 0.945] (n 100) | 0.300" in first and "| - | 0.970" in first and "before it was filtered" in first
    assert "8 of 9 dialogues were kept (similarity 1)" in text and "composer" in first
    assert "With the real clip +0.60 [+0.50, +0.70] more is true" in first


@pytest.mark.parametrize("held", ["", "[]", "{}", '{"by_kind": 3}', '{"by_kind": {"real clip": {"all": {}}}}'])
def test_an_evaluation_that_cannot_be_read_is_no_figure(folder, tmp_path, held):  # noqa: F811
    evaluated(folder)
    (folder / "evaluation" / "grounding.json").write_text(held)
    export(folder, format="messages", out=tmp_path / "out")
    assert "cannot be read" in parts(tmp_path / "out")[1]


def test_sides_are_splits_and_what_is_lost_is_not_counted(written, tmp_path):  # noqa: F811
    files = {"train": "train.jsonl", "test": "test.jsonl"}
    source = card.Source.of(written)
    text = card.card(source, [], format="messages", files=files, rows=1_000, outcome="-")
    head = yaml.safe_load(text.split("---\n")[1])
    assert head["configs"][0]["data_files"] == [{"split": s, "path": p} for s, p in files.items()]
    assert head["size_categories"] == ["1K<n<10K"] and "test.tracks" in text and "music-discovery" not in text


def test_the_licence_is_what_metadata_knows(written, tmp_path, monkeypatch):  # noqa: F811
    extra = {"t1": '{"licence": "CC BY 4.0"}', "t2": None, "t3": '{"copyright": "someone"}'}
    rows = pa.Table.from_pylist([{"track_id": t, "meta_extra": text} for t, text in extra.items()])
    monkeypatch.setattr(Catalog, "open", lambda path: type("C", (), {"columns": lambda self, names: rows})())
    dialogues = list(card.Source.of(written).read())
    text = card.card(card.Source.of(written), [k.alone for k in dialogues], format="lp-musicdialog", files={}, rows=0,
                     outcome="-", catalog="somewhere")  # fmt: skip
    assert "2 tracks that are heard" in text and "- CC BY 4.0: 1 tracks" in text and "- nothing: 1 tracks" in text
    monkeypatch.undo()
    export(written, format="messages", out=tmp_path / "out")
    assert "not at hand" in parts(tmp_path / "out")[1]
