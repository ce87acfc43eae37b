import random

import numpy as np
import pytest
from pursuits import told

from mdialog.attributes import Attribute
from mdialog.brief import Name
from mdialog.cascade import Goal
from mdialog.ear import Heard, question, read
from mdialog.plan import Clip
from mdialog.seeker import GIVES_UP_AFTER, Seeker

WANTS = [Attribute("tempo", "slow"), Attribute("instrument", "flute"), Attribute("theme", "sleep"), Attribute("mood", "calm")]
EMBEDDING = np.eye(6, dtype=np.float32)


def seeker(**other) -> Seeker:
    goal = Goal(np.array([0, 1, 2]), np.array([], int), np.array([], int), np.zeros(2, np.float32))
    absent = frozenset({Attribute("tempo", "fast", "avoid")})
    given = {"at_once": 1, "patience": 9} | other
    return Seeker(goal, EMBEDDING, list(WANTS), absent, rng=random.Random(0), **given)


def heard(track: int = 5, **answers) -> Heard:
    """By ask, with a blank for the colon: an answer."""
    clip, asks = Clip(f"t{track}", 0.0, 10.0), {ask.replace("_", ":"): answer for ask, answer in answers.items()}
    return Heard(clip, {ask: read(answer, question(clip, Name("A", "B"), ask)) for ask, answer in asks.items()})


def test_the_opening_says_what_comes_first():
    one = seeker(at_once=2).opening()
    assert one.attributes == ("tempo:slow", "instrument:flute") and one.role == "user"
    assert {"add_filter", "initial_query"} <= set(one.intents) and not one.clips


def test_it_listens_for_all_that_can_be_heard_of_what_it_wants():
    assert seeker().asks == ("tempo", "instrument:flute", "mood:calm")


def test_a_track_of_the_goal_that_sounds_right_ends_it():
    one, step = seeker(), {}
    one.opening()
    turn = one.react(1, heard(tempo=told("tempo", "slow")), step, last=False)
    assert (one.ended, turn.intents, turn.liked, turn.attributes) == ("met", ("accept_response",), ("t5",), ())
    assert step["accepted"] and step["toward"] and step["heard"] == {"tempo:slow": True}


def test_a_track_of_the_goal_that_sounds_wrong_does_not():
    one = seeker()
    one.opening()
    turn = one.react(1, heard(tempo=told("tempo", "fast")), {}, last=False)
    assert one.ended is None and "reject_response" in turn.intents and turn.refused == ("t5",)


def test_what_is_heard_in_the_wrong_place_is_kept_out_once():
    one = seeker()
    one.opening()
    assert one.react(5, heard(tempo=told("tempo", "fast")), {}, last=False).attributes == ("-tempo:fast",)
    assert one.react(4, heard(tempo=told("tempo", "fast")), {}, last=False).attributes != ("-tempo:fast",)


def test_what_the_track_lacks_is_asked_for_before_what_it_has():
    one = seeker()
    one.opening()
    turn = one.react(5, heard(tempo=told("tempo", "slow"), instrument_flute="Yes.", mood_calm="No."), {}, last=False)
    assert turn.intents == ("accept_response", "add_filter") and turn.attributes == ("mood:calm",)
    turn = one.react(4, heard(tempo=told("tempo", "slow"), instrument_flute="Yes."), {}, last=False)
    assert turn.attributes == ("theme:sleep",)  # open: nobody hears a theme
    turn = one.react(4, heard(tempo=told("tempo", "slow"), instrument_flute="Yes."), {}, last=False)
    assert turn.attributes == ("instrument:flute",)
    turn = one.react(4, heard(tempo=told("tempo", "slow")), {}, last=False)
    assert turn.intents == ("accept_response", "continue") and not turn.attributes  # all was said


def test_what_is_asked_for_in_vain_is_dropped():
    one = seeker()
    one.opening()
    turns = [one.react(5, heard(tempo=told("tempo", "moderate")), {}, last=False) for _ in range(GIVES_UP_AFTER)]
    assert turns[-1].removed == ("tempo:slow",) and "remove_filter" in turns[-1].intents
    assert not any(turn.removed for turn in turns[:-1])
    assert "tempo" not in one.asks


@pytest.mark.parametrize("patience", [2, 4])
def test_patience_is_spent_by_tracks_that_come_no_nearer(patience):
    one = seeker(patience=patience)
    one.opening()
    steps = [{} for _ in range(patience)]
    for i, step in enumerate(steps):
        assert one.ended is None, i
        turn = one.react(5, heard(), step, last=False)
    assert one.ended == "patience" and not any(step["toward"] for step in steps)
    assert turn.intents == ("accept_response",) and not turn.attributes


def test_a_step_toward_the_goal_restores_patience():
    one = seeker(patience=2)
    one.opening()
    for track, answers in ((5, {}), (5, {"instrument_flute": "Yes."}), (5, {})):
        one.react(track, heard(**answers), {}, last=False)
    assert one.ended is None
    one.react(5, heard(), {}, last=True)
    assert one.ended == "patience"


def test_where_there_is_no_room_it_asks_for_nothing_more():
    one = seeker()
    one.opening()
    turn = one.react(5, heard(tempo=told("tempo", "fast")), {}, last=True)
    assert (one.ended, turn.intents, turn.attributes) == ("length", ("reject_response",), ())


def test_a_deaf_ear_leaves_everything_open():
    one, step = seeker(), {}
    one.opening()
    assert "accept_response" in one.react(5, heard(tempo="Hard to say.", mood_calm=""), step, last=False).intents
    assert step["heard"] == {}
