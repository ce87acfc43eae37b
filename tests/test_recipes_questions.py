"""The recipes of questions and descriptions: audio dialogue, comparison, description."""

import hashlib
import random
from collections import Counter
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from mdialog import happenings, recipes, vocab
from mdialog import plan as plans
from mdialog.brief import build, state
from mdialog.dialogue import validate
from mdialog.errors import InputError
from mdialog.metadata import events_over
from mdialog.recipes import audio_dialogue, comparison, description
from mdialog.recipes.audio_dialogue import values_of
from mdialog.run import record_of
from mdialog.snapshot import Snapshot
from mdialog.synth.tables import draw_tables, labels
from mdialog.write import Written, WrittenTurn

NAMES = ("audio-dialogue", "comparison", "description")


@pytest.fixture(scope="module")
def snapshot():
    return Snapshot.from_arrow(*draw_tables(200, seed=3, dim=16), labels=labels())


@pytest.mark.parametrize("name", NAMES)
def test_plans_are_the_same_however_they_are_split_and_survive_their_file(snapshot, name):
    recipe = recipes.load(name)
    whole = list(recipe.plan_many(snapshot, seed=5, n=31))
    parts = [list(recipe.plan_many(snapshot, seed=5, n=31, shard=(i, 3))) for i in range(3)]
    assert [parts[i % 3][i // 3] for i in range(31)] == whole
    assert list(recipe.plan_many(snapshot, seed=6, n=31)) != whole
    assert len({plan.id for plan in whole}) == 31 and {plan.recipe for plan in whole} == {name}
    for plan in whole:
        assert plans.from_json(plans.to_json(plan)) == plan
    with pytest.raises(InputError, match="shard 3 of 3"):
        list(recipe.plan_many(snapshot, seed=0, n=4, shard=(3, 3)))


@pytest.mark.parametrize("name", NAMES)
def test_every_turn_hears_its_clips_and_can_be_recorded(snapshot, name):
    for plan in recipes.load(name).plan_many(snapshot, seed=1, n=40):
        clips = {turn.clips for turn in plan.turns}
        assert len(clips) == 1 and len(*clips) == (2 if name == "comparison" else 1)
        said = [f"Utterance {i}." for i in range(len(plan.turns))]
        for i, turn in enumerate(plan.turns):
            brief = build(plan, i, said[:i])
            assert brief.clips == turn.clips and (brief.before is None) == (name != "comparison")
            assert "ask" in state(brief) or "question" in state(brief) or "about" in state(brief)
        validate(record_of(Written(plan, tuple(WrittenTurn(text, 1, {}) for text in said)), models={}).model_dump())


@pytest.mark.parametrize("name", ["audio-dialogue", "comparison"])
def test_questions_are_answered_at_once_and_none_is_asked_twice(snapshot, name):
    n_asked = Counter()
    for plan in recipes.load(name).plan_many(snapshot, seed=2, n=200):
        users, answers = plan.turns[::2], plan.turns[1::2]
        assert [t.role for t in users] == ["user"] * len(users) and [t.asks for t in users] == [t.asks for t in answers]
        assert all("item_attribute_answer" in t.intents for t in answers)
        asks = [turn.asks for turn in users]
        assert len(set(asks)) == len(asks)
        n_asked[len(asks)] += 1
    assert set(n_asked) == {1, 2, 3, 4}


def test_values_asked_after_are_known_and_true_as_often_as_not(snapshot):
    true = []
    for plan in audio_dialogue.plan_many(snapshot, seed=4, n=400, options=audio_dialogue.Options(whether=1)):
        (track_id,) = plan.goal["track_ids"]
        own = values_of(snapshot, snapshot.index[track_id])
        for turn in plan.turns[::2]:
            kind, colon, value = turn.asks[0].partition(":")
            assert bool(colon) == (kind not in audio_dialogue.OPEN_ONLY)
            kind = "instrument" if kind == "lead" else kind
            if colon:
                assert value in vocab.load()[kind].names
                true += [value in own[kind]] if kind in own else []
    assert len(true) > 300 and 0.4 < np.mean(true) < 0.6
    plain = audio_dialogue.plan_many(snapshot, seed=4, n=50, options=audio_dialogue.Options(whether=0))
    assert all(":" not in t.asks[0] or t.asks[0].startswith("lead:") for plan in plain for t in plan.turns)


def test_pairs_are_as_alike_as_asked(snapshot):
    alike = {}
    for how in comparison.PAIRS:
        made = list(comparison.plan_many(snapshot, seed=0, n=60, options=comparison.Options(pair=how)))
        assert all(len(set(plan.goal["track_ids"])) == 2 and plan.goal["pair"] == how for plan in made)
        alike[how] = np.mean([plan.goal["similarity"] for plan in made])
        if how == "one apart":
            assert np.mean([len(plan.goal["apart"]) == 1 for plan in made]) > 0.8
    assert alike["near"] > alike["middling"] + 0.1 and alike["middling"] > alike["far"] + 0.1
    assert {p.goal["pair"] for p in comparison.plan_many(snapshot, seed=0, n=40)} == set(comparison.PAIRS)


def test_most_questions_of_a_comparison_are_about_both_clips_and_after_what_sets_them_apart(snapshot):
    of_both, after = Counter(), Counter()
    for plan in comparison.plan_many(snapshot, seed=0, n=400):
        asks = [turn.asks[0] for turn in plan.turns[::2]]
        assert asks[0].startswith(("compare", "same", "which", "suits"))
        of_both.update(ask.startswith(("compare", "same", "which", "suits")) for ask in asks)
        after.update(ask.partition(":")[2] in plan.goal["apart"] for ask in asks if ask in ("compare:tempo", "compare:energy"))
    assert of_both[True] > of_both[False] > 0 and after[True] > 2 * after[False] > 0
    for share in (0.0, 1.0):
        made = list(comparison.plan_many(snapshot, seed=0, n=40, options=comparison.Options(both=share)))
        later = {t.asks[0].startswith(("compare", "same", "which", "suits")) for plan in made for t in plan.turns[2:]}
        assert later == {bool(share)}


def test_each_track_is_described_once_before_one_comes_again(snapshot):
    n = int(snapshot.audible.sum())
    made = list(description.plan_many(snapshot, seed=0, n=n + 1))
    tracks = [plan.goal["track_ids"][0] for plan in made]
    assert len(set(tracks[:n])) == n and tracks[n] == tracks[0]
    assert [t.asks[0] for t in made[0].turns] == list(description.LENGTHS)
    few = next(description.plan_many(snapshot, seed=0, n=1, options=description.Options(lengths="dense, tag line")))
    assert [t.asks[0] for t in few.turns] == ["dense", "tag line"]


@pytest.mark.parametrize("lengths", ["novel", "", " , "])
def test_lengths_that_are_none_are_refused(lengths):
    with pytest.raises(InputError, match="description: lengths="):
        recipes.options_of("description", {"lengths": lengths})


@pytest.mark.parametrize("name", NAMES)
def test_a_catalogue_that_cannot_be_played_is_refused(name):
    tracks, windows = draw_tables(3, seed=0, dim=4)
    silent = tracks.set_column(tracks.schema.get_field_index("silent"), "silent", [[True] * 3])
    with pytest.raises(InputError, match="can be played"):
        list(recipes.load(name).plan_many(Snapshot.from_arrow(silent, windows, labels=labels()), seed=0, n=1))


def test_a_purpose_is_asked_after_where_one_of_two_tracks_has_it(snapshot):
    asked = 0
    never = comparison.plan_many(snapshot, seed=9, n=50, options=comparison.Options(purposes=0))
    assert not any("suits" in ask for plan in never for turn in plan.turns for ask in turn.asks)
    for plan in comparison.plan_many(snapshot, seed=9, n=100, options=comparison.Options(purposes=0.6)):
        themes = [set(values_of(snapshot, snapshot.index[track]).get("theme", [])) for track in plan.goal["track_ids"]]
        for ask in (ask for turn in plan.turns for ask in turn.asks if ask.startswith("suits:")):
            assert sum(ask.removeprefix("suits:") in own for own in themes) == 1
            asked += 1
    assert asked > 20


@pytest.mark.parametrize("recipe", [audio_dialogue, comparison])
def test_timbre_loudness_density_and_use_are_asked_after_where_they_are_wanted(snapshot, recipe):
    def asked(**options):
        made = recipe.plan_many(snapshot, seed=9, n=80, options=recipe.Options(**options))
        return [[turn.asks[0].removeprefix("compare:") for turn in plan.turns[::2]] for plan in made]

    assert not {ask for asks in asked() for ask in asks} & {*audio_dialogue.TEXTURE}
    found = asked(texture=1.0)
    assert {ask for asks in found for ask in asks} >= {*audio_dialogue.TEXTURE}
    if recipe is comparison:
        made = recipe.plan_many(snapshot, seed=9, n=80, options=recipe.Options(texture=1.0, purposes=0))
        assert {plan.turns[0].asks[0] for plan in made} == {*comparison.TEXTURE}
    else:  # all but what the few kinds do not suffice for
        assert all({*asks} <= {*audio_dialogue.TEXTURE} and len({*asks}) == len(asks) for asks in found)


def test_an_instrument_of_one_of_two_is_asked_after(snapshot):
    asked = 0
    for plan in comparison.plan_many(snapshot, seed=9, n=100):
        has = [set(values_of(snapshot, snapshot.index[track]).get("instrument", [])) for track in plan.goal["track_ids"]]
        for ask in (ask for turn in plan.turns for ask in turn.asks if ask.startswith("which:")):
            assert sum(ask.removeprefix("which:instrument:") in own for own in has) == 1
            asked += 1
    assert asked > 10


# ---- sound events


@pytest.fixture(scope="module")
def marked():
    """The catalogue with events in every other track, over music in half of those."""
    tracks, windows = draw_tables(200, seed=3, dim=16)
    rng, rows = random.Random(0), []
    for i in range(200):
        sounds = rng.sample([*vocab.events().names[:-1], "Male speech, man speaking"], 3) if i % 2 else []
        again = [name for name in sounds for _ in range(rng.choice((1, 1, 2)))]
        spans = [(name, round(rng.uniform(0, 40), 2), rng.uniform(0.5, 6)) for name in again]
        events = [{"label": name, "start_s": start, "end_s": round(start + s, 2)} for name, start, s in spans]
        rows.append(events + [{"label": "music", "start_s": 0.0, "end_s": 300.0}] * (i % 4 == 1) or None)
    return Snapshot.from_arrow(tracks.append_column("meta_events", pa.array(rows)), windows, labels=labels())


def of_events(plan):
    return [turn.asks[0] for turn in plan.turns[::2] if happenings.about_events(turn.asks[0])]


def test_catalogues_without_events_give_the_plans_that_they_always_gave(snapshot, marked):
    made = list(audio_dialogue.plan_many(snapshot, seed=5, n=31))
    assert hashlib.blake2b("".join(map(plans.to_json, made)).encode(), digest_size=8).hexdigest() == "034d6cc2fd82b695"
    without = list(audio_dialogue.plan_many(snapshot, seed=5, n=200))
    same = [plan == old for plan, old in zip(audio_dialogue.plan_many(marked, seed=5, n=200), without, strict=True)]
    unmarked = [snapshot.index[plan.goal["track_ids"][0]] % 2 == 0 for plan in without]
    assert all(equal for equal, bare in zip(same, unmarked, strict=True) if bare) and not all(same)
    none = audio_dialogue.Options(events=0)
    assert list(audio_dialogue.plan_many(marked, seed=5, n=200, options=none)) == without


def test_marked_tracks_are_asked_what_their_clip_answers(marked):
    whether, music = [], []
    for plan in audio_dialogue.plan_many(marked, seed=7, n=900):
        asks, clip = of_events(plan), plan.turns[0].clips[0]
        events = events_over(marked.events_of(marked.index[clip.track_id]), clip.start_s, clip.end_s)
        there = {event.label for event in events}
        if not asks:
            assert "music" in there or not there or there == {"music"}
            continue
        assert there - {"music"}
        for ask in asks:
            kind, names = ask.partition(":")[0], happenings.names_of(ask)
            if kind == "event" and names:
                whether.append(names[0] in there)
            else:
                assert ask in happenings.askable(events)[kind]
        if "music" in there:
            music.append(len(asks) / (len(plan.turns) / 2))
        else:
            assert len(asks) == len(plan.turns) / 2
        assert len({*asks}) == len(asks) and not any(ask.startswith("event") for ask in asks[1:])
        assert [turn.asks[0] for turn in plan.turns[::2]][: len(asks)] == asks
    assert len(whether) > 100 and 0.4 < np.mean(whether) < 0.6
    assert len(music) > 60 and np.mean(music) > 0.55


def test_later_questions_build_on_earlier_ones(marked):
    made = map(of_events, audio_dialogue.plan_many(marked, seed=2, n=600))
    pairs = [pair for asks in made for pair in pairwise(asks)]
    builds = [bool({*happenings.names_of(one)} & {*happenings.names_of(two)}) for one, two in pairs]
    assert np.mean(builds) > 0.5
    assert any(one.startswith("onset:") and two == one.replace("onset", "times") for one, two in pairs)


def test_plans_about_events_do_not_depend_on_shards(marked):
    whole = list(audio_dialogue.plan_many(marked, seed=5, n=31))
    parts = [list(audio_dialogue.plan_many(marked, seed=5, n=31, shard=(i, 3))) for i in range(3)]
    assert [parts[i % 3][i // 3] for i in range(31)] == whole and sum(map(bool, map(of_events, whole))) > 5
    assert all(plans.from_json(plans.to_json(plan)) == plan for plan in whole)
