"""The recipes of questions and descriptions: audio dialogue, comparison, description."""

from collections import Counter

import numpy as np
import pytest

from mdialog import plan as plans
from mdialog import recipes, vocab
from mdialog.brief import build, state
from mdialog.dialogue import validate
from mdialog.errors import InputError
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
            assert bool(colon) == (kind != "course")
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
    for plan in comparison.plan_many(snapshot, seed=9, n=300):
        themes = [set(values_of(snapshot, snapshot.index[track]).get("theme", [])) for track in plan.goal["track_ids"]]
        for ask in (ask for turn in plan.turns for ask in turn.asks if ask.startswith("suits:")):
            assert sum(ask.removeprefix("suits:") in own for own in themes) == 1
            asked += 1
    assert asked > 20
