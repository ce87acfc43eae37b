"""Hints: a listener is told only what was asked for, and what it says with that counts as told."""

import dataclasses

import plans
import pytest
from click.testing import CliRunner

from mdialog import brief as briefs
from mdialog import cli, texts
from mdialog.catalog import Catalog
from mdialog.errors import InputError
from mdialog.hints import WORDS, Hints, hints_of
from mdialog.plan import Clip
from mdialog.texts import Text
from mdialog.write import Options, Written, write_plans


@pytest.fixture
def plan(tmp_path):
    made = plans.plan(tmp_path)
    return dataclasses.replace(made, turns=made.turns[:2])


class Attentive(plans.Reader):
    """Keeps what it is shown, and says of every offered track that it is in D minor."""

    def __init__(self):
        super().__init__(bad=0.0)
        self.shown: list[str] = []

    def _say(self, request, k, seed):
        self.shown.append(request.messages[-1]["content"][-1]["text"])
        said = super()._say(request, k, seed)
        return f"{said} It is in D minor." if "is one for you" in said else said


@pytest.mark.parametrize("told", [True, False])
def test_what_is_told_stands_in_the_brief_and_what_is_said_with_it_was_not_heard(plan, told):
    listener, referee = Attentive(), plans.referee()
    hints = Hints(referee.witness, {"t1": ("genre reggae",)}) if told else None
    (done,) = write_plans([plan], listener, play=lambda plan, clip: None, referee=referee, options=Options(hints=hints))
    assert isinstance(done, Written)
    assert [c.basis for c in done.turns[1].claims if c.kind == "key"] == ["told" if told else "heard"]
    assert any("key D minor" in text and "genre reggae" in text for text in listener.shown) is told
    assert not any("key D minor" in text for text in listener.shown if "initial_query" in text)  # no clip, nothing to tell


@pytest.mark.parametrize("text", ["It has high energy.", "It is a reggae tune.", "It is fast.", "It is in a minor key."])
def test_kinds_and_values_of_hints_are_told(plan, text):
    brief = briefs.build(plan, 1, ["a"], hints=("energy high", "genre reggae, dub", "tempo fast", "mode minor"))
    claims = plans.referee().claims(text, brief, plan=plan, turn_index=1)
    assert claims and {claim.basis for claim in claims} == {"told"}


def test_measured_hints_are_of_the_windows_that_are_played():
    hints = Hints(plans.referee().witness, {})
    one, other = hints(Clip("t1", 0.0, 10.0)), hints(Clip("t2", 10.0, 20.0))
    assert "tempo moderate" in one and "tempo fast" in other and "key D minor" in one
    assert hints(Clip("nowhere", 0.0, 10.0)) == ()


def test_known_hints_are_what_metadata_and_texts_say(catalog_path, tmp_path):
    import shutil

    shutil.copytree(catalog_path, tmp_path / "catalog")
    catalog = Catalog.open(tmp_path / "catalog")
    row = next(row for row in catalog.columns(["track_id", "meta_genre", "meta_artist"]).to_pylist() if row["meta_genre"])
    life = " ".join(f"word{i}" for i in range(WORDS + 5))
    texts.keep([Text("artist", row["meta_artist"], "life", life, "book")], catalog)
    hints = hints_of(catalog, [row["track_id"]], ["known"])
    told = hints(Clip(row["track_id"], 0.0, 10.0))
    assert f"genre {', '.join(row['meta_genre'])}" in told
    assert any(line.endswith(f"word{WORDS - 1}") and line.startswith("a text about it: word0") for line in told)
    assert not any(line.startswith(("tempo", "key", "energy")) for line in told)
    assert hints_of(catalog, [row["track_id"]], ["measured"])(Clip(row["track_id"], 0.0, 10.0))


def test_other_kinds_are_refused(catalog_path, tmp_path):
    with pytest.raises(InputError, match="'soup' is no kind of hint"):
        hints_of(Catalog.open(catalog_path), [], ["soup"])
    asked = ["generate", "--catalog", str(catalog_path), "--out", str(tmp_path / "r"), "--recipe", "goal-driven", "-n", "1"]
    result = CliRunner().invoke(cli.main, [*asked, "--hints", "known", "--allow-deaf"])
    assert result.exit_code and "takes no --hints" in result.output
