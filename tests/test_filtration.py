"""The filter on runs of which it is known what must go, and once with the bundled models."""

import json

import numpy as np
import pyarrow as pa
import pytest
from test_sieves import HZ, RATE, WORDS, Hearing, pair, talk

from mdialog import run
from mdialog.dialogue import read_dialogues, to_json
from mdialog.errors import InputError
from mdialog.evidence import COLUMNS
from mdialog.filtration import DROPPED, FILTERS, PAGE, Filter, filter_run, written_by
from mdialog.kept import KEPT, RESULT
from mdialog.options import validated
from mdialog.plan import write_plans
from mdialog.run import CONFIG, DIALOGUES, PLANS
from mdialog.schema import track_schema

TYPES = track_schema(dim=4, n_labels=0)
SPREAD = {"t1": 0, "t2": 1, "t3": 2}  # of each track, which axis of the stub's space


class Stub:
    """A catalogue whose CLAP puts "slow", "fast" and "very fast" where their tracks lie, and every other text nowhere near."""

    class about:
        clap_model = "stub@1"

    class clap:
        @staticmethod
        def embed_text(texts):
            axes = [2 if "very fast" in t else 1 if "fast" in t else 0 if "slow" in t else 3 for t in texts]
            near = np.array([[1, 0.1, 0.1, 0], [0.1, 1, 0.1, 0], [0.1, 0.1, 1, 0], [0, 0, 0, 1]], np.float32)
            return near[axes] / np.linalg.norm(near[axes], axis=1, keepdims=True)

    def columns(self, names, *, table="tracks", where=None):
        row = {f"measured_{name}": 0.5 for name in COLUMNS}
        rows = [{**row, "track_id": t, "start_s": start, "end_s": start + 1, "embedding": np.eye(4)[i].tolist()}
                for t, i in SPREAD.items() for start in (0.0, 1.0)]  # fmt: skip
        found = pa.Table.from_pylist([{name: r.get(name) for name in names} for r in rows])
        typed = [TYPES.field(name) if name in TYPES.names else found.schema.field(name) for name in names]
        return found.cast(pa.schema(typed))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Questions and answers: right ones, one said before of another clip, one that dodges, one unlike its clip."""
    monkeypatch.setenv("MDIALOG_AUDIO_CACHE", str(tmp_path / "cache"))
    texts = {5: "I'd say it's fast here.", 6: "I am not sure, it's fast.", 7: "It has a flute in it.",
             8: "Yes, I'd say it's very fast!"}  # fmt: skip
    tracks = ["t1", "t2", "t3", "t2", "t3", "t2", "t2", "t3", "t3"]
    words = ("indeed", "here", "surely", "this time", "as it goes", *["" for _ in range(4)])
    found = []
    for i, (track, word) in enumerate(zip(tracks, words, strict=True)):
        text = texts.get(i, f"I'd say it's {WORDS[track]} {word}.")
        found.append(talk(tmp_path / "music", i, track, text=text, start_s=float(i == 5)))
    folder = tmp_path / "run"
    folder.mkdir()
    write_plans([plan for plan, _ in found], folder / PLANS)
    (folder / DIALOGUES).write_text("".join(to_json(record) + "\n" for _, record in found), encoding="utf-8")
    return folder


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_each_filter_drops_what_it_is_for_and_all_is_kept_or_dropped(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("mdialog.sieves.FEW_ANSWERS", 9)
    options = Filter(filters=("similarity", "phrases", "duplicates"), percentile=50.0, near=0.95)
    found = filter_run(folder, catalog=Stub(), listener=None, options=options, out=tmp_path / "out")
    dropped = {row["id"]: row["reasons"] for row in lines(tmp_path / "out" / DROPPED)}
    assert dropped["md-000006"].keys() == {"phrases"} and dropped["md-000006"]["phrases"][0]["turn"] == 1
    assert dropped["md-000007"].keys() == {"similarity"} and dropped["md-000007"]["similarity"][0]["cosine"] == 0.0
    assert dropped["md-000005"] == {"duplicates": {"of": "md-000001", "jaccard": 1.0}}
    assert found.likeness.used and 0.8 < found.likeness.auc < 1.0
    kept = (tmp_path / "out" / KEPT).read_text(encoding="utf-8").splitlines()
    assert set(kept) <= set((folder / DIALOGUES).read_text(encoding="utf-8").splitlines())  # as they were
    assert len(kept) + len(dropped) == found.n == 9 and len(kept) == found.n_kept
    assert [d.id for d in read_dialogues(tmp_path / "out" / KEPT)] == sorted(json.loads(k)["id"] for k in kept)


def test_a_given_threshold_drops_what_is_unlike_its_clip_with_the_figures(folder, tmp_path):
    options = Filter(filters=("similarity",), min_similarity=0.3)
    filter_run(folder, catalog=Stub(), listener=None, options=options, out=tmp_path / "out")
    (row,) = lines(tmp_path / "out" / DROPPED)
    assert row["id"] == "md-000007" and row["reasons"] == {"similarity": [{"turn": 1, "cosine": 0.0, "threshold": 0.3}]}
    assert row["record"]["turns"][1]["content"] == "It has a flute in it."


def test_an_answer_is_held_against_the_clips_that_it_speaks_of(folder, tmp_path):
    texts = ["The first one is slow.", "The second one is slow.", "Both are slow.", "The first one is slow, like the other."]
    found = [pair(tmp_path / "music", text).dialogue.model_copy(update={"id": f"co-{i}"}) for i, text in enumerate(texts)]
    (folder / DIALOGUES).write_text("".join(to_json(record) + "\n" for record in found), encoding="utf-8")
    options = Filter(filters=("similarity",), min_similarity=0.99)
    filter_run(folder, catalog=Stub(), listener=None, options=options, out=tmp_path / "out")
    cosine = {row["id"]: row["reasons"]["similarity"][0]["cosine"] for row in lines(tmp_path / "out" / DROPPED)}
    assert cosine == {"co-1": pytest.approx(0.1, abs=0.01), "co-2": pytest.approx(0.77, abs=0.01)}  # t1 is slow, t2 is not


def test_what_the_listener_says_without_the_sound_is_dropped(folder, tmp_path, monkeypatch):
    monkeypatch.setattr("mdialog.filtration.player", lambda *_, **__: lambda plan, clip: np.sin(
        2 * np.pi * HZ[clip.track_id] * np.arange(RATE) / RATE).astype(np.float32))
    options = Filter(filters=("deaf",), samples=2)
    found = filter_run(folder, catalog=Stub(), listener=Hearing(), options=options, out=tmp_path / "out")
    (row,) = lines(tmp_path / "out" / DROPPED)
    assert row["id"] == "md-000000"  # "slow" is what it says of anything
    assert row["reasons"] == {"deaf": [{"turn": 1, "same": 1.0, "samples": 2, "sound": "noise"}]}
    assert found.deafness.control.hits > found.deafness.control_without.hits == 1


def test_rows_of_question_and_answer_and_the_duplicates_among_them(folder, tmp_path):
    options = Filter(filters=("duplicates",), unit="answer", near=1.0)
    found = filter_run(folder, catalog=Stub(), listener=None, options=options, out=tmp_path / "out")
    kept, dropped = lines(tmp_path / "out" / KEPT), lines(tmp_path / "out" / DROPPED)
    assert found.n == 9 == len(kept) + len(dropped) and found.by_reason == {"duplicates": len(dropped)}
    assert kept[0]["id"] == "md-000000/1" and kept[0]["question"] == "How fast is it?" and kept[0]["answer"].endswith("indeed.")
    assert kept[0]["heard"] == [{"track_id": "t1", "start_s": 0.0, "end_s": 1.0}] and kept[0]["tracks"].keys() == {"t1"}
    assert [(row["id"], row["reasons"]["duplicates"]) for row in dropped] == [
        ("md-000005/1", {"of": "md-000001/1", "jaccard": 1.0})
    ]
    same = filter_run(folder, catalog=Stub(), listener=None, options=options.model_copy(update={"same_clip": True}),
                      out=tmp_path / "same")  # fmt: skip
    assert same.n_kept == 9  # it is said of another clip


def test_reasons_are_counted_alone_and_together(folder, tmp_path):
    options = Filter(filters=("similarity", "phrases"), min_similarity=0.3, phrases=("flute",))
    found = filter_run(folder, catalog=Stub(), listener=None, options=options, out=tmp_path / "out")
    assert found.by_reason == {"phrases": 2, "similarity": 1}
    assert found.by_overlap == {"phrases": 1, "similarity + phrases": 1} and found.n_kept == 7
    text = (tmp_path / "out" / PAGE).read_text(encoding="utf-8")
    assert "| phrases | 2 | 2 | 1 |" in text and "| similarity + phrases | | 1 | |" in text and "| any | | 2 | |" in text
    stored = json.loads((tmp_path / "out" / RESULT).read_text(encoding="utf-8"))
    assert stored["by_overlap"] == found.by_overlap and stored["options"]["min_similarity"] == 0.3


def test_a_dialogue_may_keep_some_answers_that_fail(folder, tmp_path):
    (first, *_) = read_dialogues(folder / DIALOGUES)
    turns = [*first.model_dump()["turns"], *first.model_dump()["turns"]]
    turns[3] = turns[3] | {"content": "I am not sure, it's slow."}
    both = first.model_validate(first.model_dump() | {"turns": turns})
    (folder / DIALOGUES).write_text(to_json(both) + "\n", encoding="utf-8")
    for may_fail, kept in ((0.0, 0), (0.4, 0), (0.5, 1)):
        options = Filter(filters=("phrases",), may_fail=may_fail)
        found = filter_run(folder, catalog=Stub(), listener=None, options=options, out=tmp_path / "out")
        assert found.n_kept == kept and found.answers_by_reason == {"phrases": 1}


def test_the_same_filter_gives_the_same_files(folder, tmp_path):
    options = Filter(filters=("similarity", "phrases", "duplicates"))
    for name in ("a", "b"):
        filter_run(folder, catalog=Stub(), listener=None, options=options, out=tmp_path / name)
    for name in (KEPT, DROPPED, RESULT, PAGE):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_dialogues_about_nothing_heard_are_kept_and_counted(folder, tmp_path):
    (first, *_) = read_dialogues(folder / DIALOGUES)
    silent = first.model_validate(
        first.model_dump() | {"turns": [t.model_dump() | {"heard": [], "content": "日本語…"} for t in first.turns]}
    )
    (folder / DIALOGUES).write_text(to_json(silent) + "\n", encoding="utf-8")
    found = filter_run(folder, catalog=Stub(), listener=Hearing(), options=Filter(), out=tmp_path / "out")
    assert found.n_kept == 1 and found.n_answers == 0 and any("1 of 1 dialogues hold no answer" in note for note in found.notes)
    assert (tmp_path / "out" / DROPPED).read_bytes() == b""


def test_a_run_says_who_wrote_it(folder):
    with pytest.raises(InputError, match="--listener"):
        written_by(folder)
    (folder / CONFIG).write_text('{"listener": "some/model"}', encoding="utf-8")
    assert written_by(folder) == "some/model"
    (folder / CONFIG).write_text("[]", encoding="utf-8")
    with pytest.raises(InputError, match="config.json"):
        written_by(folder)


def test_what_is_lacking_is_said(folder, tmp_path):
    with pytest.raises(InputError, match="listener"):
        filter_run(folder, catalog=Stub(), listener=None, options=Filter(), out=tmp_path / "out")
    (folder / DIALOGUES).write_text("")
    with pytest.raises(InputError, match="holds no dialogue"):
        filter_run(folder, catalog=Stub(), listener=Hearing(), options=Filter(), out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"percentile": 101}, "percentile"), ({"filters": ("smell",)}, "filters"), ({"phrases": ("(",)}, "no regular expr"),
        ({"min_similarity": 3}, "min_similarity"), ({"thresh": 1}, "thresh"), ({"agree": 0}, "agree"),
    ],
)  # fmt: skip
def test_wrong_options_are_named(options, message):
    with pytest.raises(InputError, match=message):
        validated(Filter, options)


def test_a_run_of_the_bundled_models_is_filtered(catalog, catalog_path, listener_mini, tmp_path):
    from mdialog.listener.local import LocalListener

    out = tmp_path / "run"
    asked = {"catalog": str(catalog_path), "n": 2, "recipe_options": {"questions": 1.0}, "allow_deaf": True}
    run.generate(run.config_from({**asked, "out": out}))
    listener, options = LocalListener.load(listener_mini), Filter(samples=1, unit="answer")
    found = filter_run(out, catalog=catalog, listener=listener, options=options, out=tmp_path / "filtered")
    rows = [*lines(tmp_path / "filtered" / KEPT), *lines(tmp_path / "filtered" / DROPPED)]
    assert found.n == found.n_answers == len(rows) > 0 and found.likeness.n == found.n and found.deafness.without.n == found.n
    assert {name for row in rows for name in row.get("reasons", ())} <= set(FILTERS) and not found.notes
