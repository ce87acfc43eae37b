"""`mdialog evaluate` on a small run of the bundled listener: every part writes its figures."""

import dataclasses
import json

import pytest
from click.testing import CliRunner

from mdialog import cli, run
from mdialog.errors import InputError
from mdialog.evaluation import evaluate
from mdialog.run import record_of
from mdialog.write import Written, WrittenTurn


@pytest.fixture(scope="module")
def made(catalog_path, listener_mini, tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluated") / "run"
    options = {"catalog": str(catalog_path), "out": folder, "n": 5, "listener": str(listener_mini), "allow_deaf": True}
    assert run.generate(run.config_from(options)).n_dialogues
    return folder


def test_every_part_writes_its_figures(made, catalog_path):
    arguments = ["evaluate", str(made), "--catalog", str(catalog_path), "--turns", "6"]
    result = CliRunner().invoke(cli.main, arguments)
    assert result.exit_code == 0, result.output
    out = made / "evaluation"
    page = (out / "evaluation.md").read_text()
    for title in ("## Grounding", "## Relevance", "## People", "another clip"):
        assert title in page and title in result.output
    grounding = json.loads((out / "grounding.json").read_text())
    assert grounding["truth"] == "composer" and grounding["written"]["noise"]["turns"] == 6
    relevance = json.loads((out / "relevance.json").read_text())
    assert relevance["refused"] == relevance["repeated"] == 0.0 and relevance["by_labels"]["n_lists"] > 0
    people = json.loads((out / "people.json").read_text())
    assert people["intents"] and people["planned"] in page and "music-discovery" in people["planned"]
    assert {"words.svg", "openings.svg"} <= {path.name for path in out.iterdir()}


def test_what_cannot_be_evaluated_is_named(made, catalog_path, tmp_path):
    with pytest.raises(InputError, match="no part 'soup'"):
        evaluate(made, catalog=str(catalog_path), parts=("soup",))
    with pytest.raises(InputError, match="no such file"):
        evaluate(tmp_path, catalog=str(catalog_path))


def test_a_run_is_evaluated_in_the_parts_that_it_has(catalog_path, tmp_path):
    import plans

    from mdialog.evaluation import parts_of

    def of(recipe, **change):
        made = dataclasses.replace(plans.plan(tmp_path), recipe=recipe)
        made = dataclasses.replace(made, turns=tuple(dataclasses.replace(turn, **change) for turn in made.turns))
        return record_of(Written(made, tuple(WrittenTurn("Hello.", 1, {}) for _ in made.turns)), models={})

    assert parts_of([of("music-discovery")]) == ("grounding", "relevance", "people")
    assert parts_of([of("talk-the-walk")]) == ("grounding", "relevance", "consistency", "people")
    assert parts_of([of("comparison", track_seq=())]) == ("grounding",)
    answers = {"role": "assistant", "intents": ("item_attribute_answer",), "track_seq": (), "liked": (), "refused": ()}
    assert parts_of([of("comparison", **answers)]) == ("grounding", "answers")
    assert parts_of([of("comparison", **answers, clips=())]) == ("grounding",)  # of what was not heard


def test_walks_are_evaluated_for_consistency(catalog_path, listener_mini, tmp_path):
    options = {"catalog": str(catalog_path), "out": tmp_path / "walks", "n": 3, "listener": str(listener_mini)}
    walk = {"recipe": "talk-the-walk", "recipe_options": {"length": 2}, "claims": False, "allow_deaf": True}
    assert run.generate(run.config_from(options | walk)).n_dialogues
    page = evaluate(tmp_path / "walks", catalog=str(catalog_path), parts=("consistency",))
    assert "## Consistency" in page and (tmp_path / "walks" / "evaluation" / "consistency.json").is_file()


def test_answers_are_compared_and_left_out_by_default_where_a_library_lacks(
    catalog_path, listener_mini, tmp_path, monkeypatch
):  # fmt: skip
    options = {"catalog": str(catalog_path), "out": tmp_path / "asked", "n": 4, "listener": str(listener_mini)}
    ask = {"recipe": "audio-dialogue", "claims": False, "allow_deaf": True}
    assert run.generate(run.config_from(options | ask)).n_dialogues
    page = evaluate(tmp_path / "asked", catalog=str(catalog_path), parts=("answers",))
    found = json.loads((tmp_path / "asked" / "evaluation" / "answers.json").read_text())
    assert "## Answers" in page and "sacrebleu" in page and found["rows"][0]["n"] == len(found["compared"]) > 0
    assert found["hints"] == [] and "--hints known" not in page
    config = tmp_path / "asked" / run.CONFIG
    config.write_text(json.dumps(json.loads(config.read_text()) | {"hints": ["known"]}))
    assert "was told captions (--hints known)" in evaluate(tmp_path / "asked", catalog=str(catalog_path), parts=("answers",))
    held = found["compared"][0]["tracks"]
    (tmp_path / "test.tracks").write_text("\n".join(held) + "\n")
    asked = ["evaluate", str(tmp_path / "asked"), "--catalog", str(catalog_path), "--part", "answers", "--tracks"]
    result = CliRunner().invoke(cli.main, [*asked, str(tmp_path / "test.tracks")])
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "asked" / "evaluation" / "answers.json").read_text())["n"] < found["n"]

    line = "sacrebleu not installed; text metrics need: pip install 'mdialog[eval]'"
    monkeypatch.setattr("mdialog.evaluate.answers.missing", lambda: line)
    with pytest.raises(InputError, match=r"sacrebleu .* pip install 'mdialog\[eval\]'"):
        evaluate(tmp_path / "asked", catalog=str(catalog_path), parts=("answers",))
    said = []
    page = evaluate(tmp_path / "asked", catalog=str(catalog_path), turns=4, say=said.append)
    assert said == [f"without answers: {line}", "grounding"] and f"Without answers: {line}" in page
    assert "## Answers" not in page and "## Grounding" in page
