"""`mdialog recommend`: what was understood is said, opinions are kept, sentences are heard and checked."""

import json
import shutil

import pytest
from click.testing import CliRunner

from mdialog import claims, cli, recommend
from mdialog.dialogue import Claim
from mdialog.errors import InputError
from mdialog.evaluate.seekers import CUT
from mdialog.listener.base import Sampling
from mdialog.profile import load
from mdialog.referee import Referee
from mdialog.run import player, referee_of
from mdialog.shelf import Shelf
from mdialog.snapshot import Snapshot
from mdialog.write import Options


@pytest.fixture(scope="module")
def shelf(catalog):
    return Shelf.of(catalog)


def mdialog(*arguments):
    return CliRunner().invoke(cli.main, ["recommend", *map(str, arguments)])


def test_empty_wishes_need_something_liked(shelf):
    for text in ("", "   ", "!?", "please play me some music"):
        with pytest.raises(InputError, match="asks for nothing"):
            recommend.answer(shelf, text)
    found = recommend.answer(shelf, "", like=[shelf.ids[0]], limit=3)
    assert len(found.hits) == 3 and shelf.ids[0] not in [hit.track_id for hit in found.hits] and found.n_barred == 1


def test_dislikes_never_return_from_the_profile(shelf, tmp_path):
    profile, shown = tmp_path / "me.json", set()
    first = recommend.answer(shelf, "calm music", profile=profile, limit=3)
    assert not profile.exists(), "without an opinion there is nothing to keep"
    for _ in range(3):
        worst = recommend.answer(shelf, "calm music", profile=profile, limit=1).hits[0].track_id
        shown.add(worst)
        found = recommend.answer(shelf, "calm music", dislike=[worst], profile=profile, limit=100)
        assert not shown & {hit.track_id for hit in found.hits}
    assert len(shown) == 3 and load(profile).rounds == 3
    assert first.hits[0].track_id in shown
    other = recommend.answer(shelf, "loud metal", profile=profile, limit=100)
    assert not shown & {hit.track_id for hit in other.hits} and len(other.hits) == len(shelf) - 3


def test_nothing_is_kept_of_a_call_that_fails(shelf, tmp_path):
    profile = tmp_path / "me.json"
    with pytest.raises(InputError, match="no track or artist"):
        recommend.answer(shelf, "jazz", like=[shelf.ids[0], "no such name"], profile=profile)
    with pytest.raises(InputError, match="liked and disliked"):
        recommend.answer(shelf, "jazz", like=[shelf.ids[0]], dislike=[shelf.ids[0]], profile=profile)
    with pytest.raises(InputError, match="asks for nothing"):
        recommend.answer(shelf, "", dislike=[shelf.ids[0]], profile=profile)
    assert not profile.exists()


class Says:
    """A listener that says what a test gives it, in turn."""

    model_id, sample_rate, max_clip_s, sampling, by_the_book = "says@0", 16_000, None, Sampling(), False

    def __init__(self, say):
        self.say, self.requests = say, []

    def write(self, requests, *, n=1, first=0, seed=0, sampling=None):
        self.requests += requests
        return [[self.say(request, first + i) for i in range(n)] for request in requests]


def told(shelf, listener, wish="slow calm music, no drums", limit=2, referee=None):
    from mdialog.audio import AudioCache

    found, snapshot = recommend.answer(shelf, wish, limit=limit), Snapshot.of(shelf.catalog)
    plans = recommend.plans_of(found, snapshot)
    referee = referee or referee_of(shelf.catalog, list(plans.values()))
    play = player(AudioCache(), sample_rate=listener.sample_rate)
    return found, recommend.sentences(found, snapshot, listener, play=play, options=Options(), referee=referee)


def test_sentences_hear_the_pick_and_the_wish(shelf):
    def say(request, i):
        name = request.names[0]
        return f'"{name.title}" by {name.artist} is a major-key piece.' if i % 2 else f'"{name.title}" is a minor-key piece.'

    listener = Says(say)
    found, reasons = told(shelf, listener)
    assert len(reasons) == len(found.hits) == 2 and all(reason.text for reason in reasons.values())
    for reason in reasons.values():
        verdicts = {claim.verdict for claim in reason.claims}
        assert "supported" in verdicts and "contradicted" not in verdicts
    for request in listener.requests:
        system, user = request.messages
        assert "slow calm music, no drums" in system["content"][0]["text"]
        audio = [part for part in user["content"] if part["type"] == "audio"]
        assert len(audio) == 1 and 9 * 16_000 < len(audio[0]["audio"]) <= 10.1 * 16_000
        assert "not instrument drums" in user["content"][-1]["text"]


class Believes:
    """A referee that takes every statement for true."""

    def claims(self, text, brief, **where):
        return tuple(
            Claim(text=c.text, kind=c.kind, value=c.value, present=c.present, comparison=c.comparison, verdict="supported",
                  basis="heard", evidence={})
            for c in claims.find(text, names=[part for name in brief.offered for part in (name.title, name.artist)])
        )  # fmt: skip


@pytest.mark.parametrize(
    ("wish", "said", "meets"),
    [
        ("calm music with a flute", ["a minor-key one", "fast", "a slow one with a flute"], ("instrument:flute",)),
        ("slow calm music", ["a minor-key one", "a calm, slow one"], ("tempo:slow", "mood:calm")),
        ("slow music, no drums", ["a minor-key one", "one without drums"], ("-instrument:drums",)),
        ("slow music", ["a minor-key one", "a fast one"], ()),  # true, and not the reason
        ("music for driving", ["a minor-key one", "a fast one"], ()),
    ],
)
def test_what_tells_of_something_wanted_is_taken_first(shelf, wish, said, meets):
    def say(request, i):
        return f'"{request.names[0].title}" is {said[min(i, len(said) - 1)]}.'

    found, reasons = told(shelf, Says(say), wish=wish, referee=Believes(), limit=1)
    (hit,), (reason,) = found.hits, reasons.values()
    assert set(reason.meets) == set(meets) and reason.won == max(hit.why, key=hit.why.get)
    assert reason.text.endswith(f"{said[-1] if meets else said[0]}.")
    assert str(reason).endswith(f"[picked for: {', '.join(reason.meets) or reason.won}]")


@pytest.mark.parametrize(
    "text", ["It is good.", '"{title}" by {artist} suits you.', 'I have "Something Else" for you, in a minor key.', ""]
)
def test_picks_stand_without_a_sentence_and_say_so(shelf, text):
    _, reasons = told(shelf, Says(lambda r, i: text.format(title=r.names[0].title, artist=r.names[0].artist)), limit=1)
    (reason,) = reasons.values()
    assert reason.text is None and reason.lacking == recommend.NOT_WRITTEN and reason.claims == ()


def test_tracks_without_sound_stand_without_a_sentence(clap_mini, library, tmp_path):
    from mdialog.catalog import Catalog
    from mdialog.ingest import ingest

    music = tmp_path / "music"
    music.mkdir()
    shutil.copy(next(library.rglob("*.flac")), music / "one.flac")
    table = tmp_path / "t.csv"
    table.write_text("title,artist,genre\nDusk 🎺,Éva,tango\n", encoding="utf-8")
    ingest([music], catalog=tmp_path / "c", clap=str(clap_mini), workers=1, metadata=table)
    found = recommend.answer(Shelf.of(Catalog.open(tmp_path / "c")), "tango", limit=1)
    assert found.hits[0].title == "Dusk 🎺"
    reasons = recommend.sentences(found, Snapshot.of(Catalog.open(tmp_path / "c")), Says(lambda r, i: "x"), play=None,
                                  options=Options(), referee=Referee(None, None))  # fmt: skip
    assert reasons[found.hits[0].track_id].lacking == recommend.NO_SOUND


# --- the command ---------------------------------------------------------------------------------------------


def test_the_command_says_what_it_understood(catalog_path):
    wish = "slow music for a long drive, nothing too famous, no drums, bouncy, like Radiohead"
    result = mdialog(wish, "--catalog", catalog_path, "--no-explain", "-n", 4)
    assert result.exit_code == 0, result.output
    for said in ('tempo:slow ("slow")', 'theme:driving ("long drive")', 'popularity:popular ("famous")', "instrument:drums",
                 "by likeness only: bouncy", "not in the catalogue: Radiohead"):  # fmt: skip
        assert said in result.stderr
    lines = result.stdout.splitlines()
    assert len(lines) == 1 + 4 + 1 and lines[-1].startswith("this list: long tail") and "the catalogue: long tail" in lines[-1]


def test_the_command_as_json(catalog_path, shelf, tmp_path):
    profile = tmp_path / "me.json"
    result = mdialog("calm, no drums 🎺", "--catalog", catalog_path, "--no-explain", "--json", "--profile", profile,
                     "--like", shelf.ids[0], "--dislike", shelf.ids[1])  # fmt: skip
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert [w["term"] for w in answer["wish"]["wants"]] == ["mood:calm", "-instrument:drums"]
    assert len(answer["picks"]) == CUT and not {shelf.ids[0], shelf.ids[1]} & {p["track_id"] for p in answer["picks"]}
    assert answer["left_out"] == 2 and set(answer["exposure"]) == {"list", "catalog"}
    again = json.loads(mdialog("calm", "--catalog", catalog_path, "--no-explain", "--json", "--profile", profile).stdout)
    assert again["left_out"] == 2


def test_popularity_weight_shows_the_long_tail(catalog_path):
    shares = []
    for weight in (-5, 5):
        result = mdialog("music for an evening", "--catalog", catalog_path, "--no-explain", "--json", "-n", 4,
                         "--popularity-weight", weight)  # fmt: skip
        shares.append(json.loads(result.stdout)["exposure"]["list"])
    assert shares[0]["long_tail"] == 1.0 > shares[1]["long_tail"] and shares[0]["gini"] < 0 < shares[1]["gini"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [([""], "asks for nothing"), (["jazz", "--like", "Nobody 🎺"], "no track or artist"), (["jazz", "--profile", "{tmp}"], "")],
)
def test_mendable_errors_are_one_line(catalog_path, tmp_path, arguments, said):
    result = mdialog(*(a.format(tmp=tmp_path) for a in arguments), "--catalog", catalog_path, "--no-explain")
    assert result.exit_code in (1, 2) and "Traceback" not in result.output and not result.stdout
    assert said in result.stderr


def test_explained_by_the_bundled_listener(catalog_path, listener_mini):
    options = ["-n", 2, "--json", "--allow-deaf", "--listener", listener_mini]
    result = mdialog("something calm", "--catalog", catalog_path, *options)
    assert result.exit_code == 0, result.output
    picks = json.loads(result.stdout)["picks"]
    assert len(picks) == 2
    for pick in picks:
        assert (pick["sentence"] is None) == (pick["lacking"] is not None)
        if pick["sentence"]:
            assert f'"{pick["title"]}"' in pick["sentence"] and any(c["verdict"] == "supported" for c in pick["claims"])
