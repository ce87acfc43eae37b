"""Hints: a listener is told only what was asked for, and what it says with that counts as told."""

import dataclasses
import shutil

import plans
import pytest
from click.testing import CliRunner

from mdialog import brief as briefs
from mdialog import cli, texts
from mdialog.catalog import Catalog
from mdialog.errors import InputError
from mdialog.hints import ASPECTS, TEXTS, WORDS, Hints, hints_of
from mdialog.ingest import ingest
from mdialog.plan import Clip
from mdialog.shelf import Shelf
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


def test_captions_and_aspects_are_told_in_short_and_what_they_state_is_told(tmp_path, plan):
    from small_clap import small_clap

    long = f"A reggae tune by Vol. 4. It is {'really ' * WORDS}slow."
    aspects = ["with a flute", *(f"aspect {i}" for i in range(ASPECTS))]
    table = tmp_path / "musiccaps.csv"
    table.write_text(f'ytid,start_s,end_s,aspect_list,caption\none,0,10,"{aspects}","{long}"\nother,0,10,[],Slow.\n')
    ingest([], catalog=tmp_path / "c", metadata=table, clap=small_clap(), workers=1)
    catalog = Catalog.open(tmp_path / "c")
    one, other = (row["track_id"] for row in sorted(catalog.columns(["track_id", "meta_title"]).to_pylist(),
                                                    key=lambda row: row["meta_title"]))  # fmt: skip
    hints = hints_of(catalog, [one, other], ["known"])
    assert hints(Clip(other, 0.0, 10.0)) == ("caption Slow.",)
    told = hints(Clip(one, 0.0, 10.0))
    assert told == (f"aspects {', '.join(aspects[:ASPECTS])}", "caption A reggae tune by Vol. 4.")
    brief = briefs.build(plan, 1, ["a"], hints=told)
    claims = plans.referee().claims("It is a reggae tune with a flute. It is slow.", brief, plan=plan, turn_index=1)
    assert {claim.kind: claim.basis for claim in claims} == {"genre": "told", "instrument": "told", "tempo": "heard"}


def test_texts_are_told_of_the_tracks_that_matching_finds_by_them(catalog_path, tmp_path):
    shutil.copytree(catalog_path, tmp_path / "catalog")
    catalog = Catalog.open(tmp_path / "catalog")
    catalog.table("tracks").update(values_sql={"meta_genre": "NULL", "meta_culture": "NULL"})
    shelf = Shelf.of(catalog)
    heard = {kind: set(sum(filter(None, shelf.column(f"heard_{kind}").to_pylist()), [])) for kind in ("genre", "instrument")}
    texts.keep([Text("genre" if kind == "genre" else "music", value, "text", f"On {kind} {value}.", "book")
                for kind, values in heard.items() for value in values], catalog)  # fmt: skip
    hints = hints_of(catalog, shelf.ids, ["known"])
    start = "a text about it: "
    found = {i: [line.removeprefix(start) for line in hints.known[i] if line.startswith(start)] for i in shelf.ids}
    assert found == {i: said[:TEXTS] for i, said in zip(shelf.ids, shelf._texts(), strict=True)}
    for kind in heard:
        assert any(text.startswith(f"On {kind}") for said in found.values() for text in said)


def test_known_hints_are_what_metadata_and_texts_say(catalog_path, tmp_path):
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
