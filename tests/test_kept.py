"""What a filter kept is what is handed on: whole dialogues, or single answers; of that run and no other."""

import json

import pytest
from test_filtration import Stub, folder  # noqa: F401

from mdialog.dialogue import read_dialogues, to_json
from mdialog.errors import InputError
from mdialog.export import export
from mdialog.filtration import Filter, filter_run
from mdialog.kept import KEPT, RESULT, Source
from mdialog.run import DIALOGUES


def filtered(run, out, *, unit="dialogue", **options):
    options = Filter(filters=("similarity",), min_similarity=0.3, unit=unit, **options)
    filter_run(run, catalog=Stub(), listener=None, options=options, out=out)
    return out


def test_a_run_is_all_of_its_dialogues(folder):  # noqa: F811
    kept = list(Source.of(folder).read())
    assert [k.alone for k in kept] == list(read_dialogues(folder / DIALOGUES)) and {k.turns for k in kept} == {(0, 1)}


@pytest.mark.parametrize("place", ["filtered", "../elsewhere/kept"])
def test_whole_dialogues_are_those_that_were_kept_wherever_the_folder_lies(folder, place):  # noqa: F811
    source = Source.of(filtered(folder, folder / place))
    assert source.filtered and source.run == folder
    kept = [k.alone for k in source.read()]
    assert kept == [d for d in read_dialogues(folder / DIALOGUES) if d.id != "md-000007"]


def test_a_run_that_moves_with_its_filter_is_found(folder):  # noqa: F811
    filtered(folder, folder / "filtered")
    moved = folder.rename(folder.with_name("moved"))
    assert len(list(Source.of(moved / "filtered").read())) == 8


def test_a_single_answer_stands_with_its_question_and_is_alone_to_be_learnt(folder):  # noqa: F811
    records = list(read_dialogues(folder / DIALOGUES))
    turns = [*records[0].turns, *records[1].turns, records[2].turns[1]]  # and an answer that nobody asked for
    tracks = {**records[0].tracks, **records[1].tracks, **records[2].tracks}
    both = records[0].model_copy(update={"turns": turns, "tracks": tracks})
    (folder / DIALOGUES).write_text(to_json(both) + "\n", encoding="utf-8")
    kept = list(Source.of(filtered(folder, folder / "filtered", unit="answer")).read())
    assert [k.turns for k in kept] == [(1,), (3,), (4,)] and {k.dialogue.id for k in kept} == {both.id}
    assert [[t.content for t in k.alone.turns] for k in kept] == [
        [t.content for t in turns[:2]], [t.content for t in turns[2:4]], [turns[4].content]
    ]  # fmt: skip
    assert len({k.alone.id for k in kept}) == 3


@pytest.mark.parametrize("unit", ["dialogue", "answer"])
@pytest.mark.parametrize("format", ["messages", "parquet", "audio-dialogues", "lp-musicdialog"])
def test_what_was_kept_is_exported_and_nothing_else(folder, unit, format):  # noqa: F811
    out = filtered(folder, folder / "filtered", unit=unit)
    report = export(out, format=format, out=folder / "set")
    assert (report.n_dialogues, report.n_rows, report.exit_code) == (8, 8, 0)
    assert export(out, format=format, out=folder / "set").n_rows == 8  # the same again
    with pytest.raises(InputError, match=r"another export \(dialogues\)"):
        export(folder, format=format, out=folder / "set")


def test_another_run_or_other_words_are_refused(folder, tmp_path):  # noqa: F811
    out = filtered(folder, folder / "filtered")
    text = (folder / DIALOGUES).read_text(encoding="utf-8")
    (folder / DIALOGUES).write_text(text.replace("surely", "verily"), encoding="utf-8")
    with pytest.raises(InputError, match="md-000002.*filter the run again"):
        list(Source.of(out).read())
    (folder / DIALOGUES).write_text(text.replace("md-000002", "md-900002"), encoding="utf-8")
    with pytest.raises(InputError, match="does not have"):
        list(Source.of(out).read())


@pytest.mark.parametrize("about", [None, "", "[]", "{}", '{"run": 3}'])
def test_a_folder_that_does_not_say_its_run_is_refused(folder, about):  # noqa: F811
    out = filtered(folder, folder / "filtered")
    (out / RESULT).unlink()
    if about is not None:
        (out / RESULT).write_text(about)
    with pytest.raises(InputError, match="which run"):
        Source.of(out)


@pytest.mark.parametrize("line", ["{", "3", "[]", "{}", '{"answer": "x", "dialogue": "y"}', '{"turns": 3, "id": "x"}'])
def test_what_no_filter_wrote_is_named_by_its_line(folder, line):  # noqa: F811
    out = filtered(folder, folder / "filtered")
    with (out / KEPT).open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    with pytest.raises(InputError, match="line 9"):
        list(Source.of(out).read())


def test_nothing_kept_is_nothing_to_export(folder):  # noqa: F811
    out = filtered(folder, folder / "filtered", phrases=())
    (out / KEPT).write_text("")
    with pytest.raises(InputError, match="less strictly"):
        export(out, format="messages", out=folder / "set")
    assert json.loads((out / RESULT).read_text())["run"] == ".." and not (folder / "set").exists()
