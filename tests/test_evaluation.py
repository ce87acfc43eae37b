"""`mdialog evaluate` on a small run of the bundled listener: every part writes its figures."""

import json

import pytest
from click.testing import CliRunner

from mdialog import cli, run
from mdialog.errors import InputError
from mdialog.evaluation import evaluate


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
