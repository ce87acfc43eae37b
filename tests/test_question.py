"""Questions of a turn: the lines that they are asked in, and what the answers come to."""

import dataclasses

import pytest

from mdialog import brief as briefs
from mdialog import question
from mdialog.brief import Brief, Name
from mdialog.plan import Clip

PAIR = Brief("assistant", ("item_attribute_answer",), asks=("suits:study",), about=Name("Blue", "Ana"), template=1,
             before=Name("Red", "Bo"), clips=(Clip("red", 0.0, 10.0), Clip("blue", 0.0, 10.0)))  # fmt: skip


def asked(*asks: str, **fields) -> tuple[question.Question, ...]:
    return question.questions(dataclasses.replace(PAIR, asks=asks, **fields))


@pytest.mark.parametrize(
    ("asks", "put"),
    [(("tempo", "artist"), [("tempo",)]), (("vocal:male",), [("vocal",)]), (("lead:harp",), [("lead",)]),
     (("instrument:flute",), [("instrument:flute",)]), (("mood:calm",), [("mood:calm",), ("mood",)]),
     (("course",), [("course",)]), (("order:bell+rain",), [("order:bell+rain",)]), (("electric",), [("electric",)]),
     (("live",), []), (("compare:bpm",), []), (("brightness",), []), (("compare:brightness",), []), (("compare:opening",), []),
     (("key:C minor", "key"), [("key",), ("key",)])],
)  # fmt: skip
def test_what_is_noted_can_be_told_in_a_word(asks, put):
    found = asked(*asks)
    assert [one.asks for one in found] == put and not any(one.of_each for one in found)
    for one in found:
        assert {*one.lines} <= {*briefs.state(dataclasses.replace(PAIR, asks=one.asks)).splitlines()}
    told = {"hints": ("tempo fast",)}, {"role": "user"}, {"clips": ()}, {"intents": ("description",)}
    assert not any(asked(*asks, **one) for one in told)


@pytest.mark.parametrize(
    ("ask", "put"),
    [("suits:study", ("suits:study",)), ("which:instrument:flute", ("instrument:flute",)), ("compare:tempo", ("tempo", "bpm")),
     ("compare:energy", ("energy", "level")), ("compare:instrument", ("instrument", "instrument:drums"))],
)
def test_what_is_asked_of_two_is_asked_of_each(ask, put):
    first = asked(ask)[0]
    assert first.of_each and first.asks == put
    assert not asked(ask, before=None, clips=PAIR.clips[1:])


def test_who_chooses_notes_what_sets_them_apart_too():
    assert [one.ask for one in asked("suits:study")] == ["suits:study", "compare"]
    assert [one.ask for one in asked("which:instrument:flute")] == ["which:instrument:flute"]


@pytest.mark.parametrize(
    ("before", "now", "note"),
    [("no", "yes", "this one"), ("yes", "no", '"Red"'), ("yes", "yes", "both"), ("no", "no", "neither")],
)
def test_the_one_that_has_an_instrument_is_called_as_one_speaks_of_it(before, now, note):
    assert asked("which:instrument:flute")[0].note([before], [now]) == note


@pytest.mark.parametrize(
    ("before", "now", "note"),
    [("2", "3", "this one"), ("5", "4", '"Red"'), ("4", "4", "both"), ("3", "3", "neither"), ("0", "1", "neither"),
     ("a lot", "5", "neither")],
)  # fmt: skip
def test_of_two_the_one_with_more_points_suits_better(before, now, note):
    assert asked("suits:study")[0].note([before], [now]) == note


def test_a_value_asked_after_is_there_if_it_is_what_is_heard():
    (one,) = asked("tempo:fast")
    assert (one.note(["fast"]), one.note(["slow"])) == ("yes; fast", "no; slow")
    assert asked("tempo")[0].note(["slow"]) == "slow" and asked("instrument:flute")[0].note(["no"]) == "no"


@pytest.mark.parametrize(
    ("before", "now", "note"),
    [("slow 90", "fast 80", "faster"), ("very fast 90", "fast 99", "slower"), ("slow 70", "slow 72", "same tempo"),
     ("fast 100", "fast 105", "faster"), ("fast 105", "fast 100", "slower"), ("slow 0", "slow 60", "faster"),
     ("slow ?", "slow 60", "nothing"), ("so 60", "slow 80", "faster"), ("slow ?", "so ?", "nothing")],
)  # fmt: skip
def test_words_tell_which_is_faster_and_numbers_where_they_are_one(before, now, note):
    assert asked("compare:tempo")[0].note(before.rsplit(" ", 1), now.rsplit(" ", 1)) == note


@pytest.mark.parametrize(
    ("before", "now", "note"),
    [("low 9", "high 1", "more energy"), ("low 4", "low 5", "same energy"), ("low 4", "low 6", "more energy"),
     ("high 16", "high 12", "less energy"), ("high ?", "medium 1", "less energy")],
)  # fmt: skip
def test_words_tell_which_has_more_energy_and_steps_where_they_are_one(before, now, note):
    assert asked("compare:energy")[0].note(before.split(), now.split()) == note


def test_the_first_instruments_that_are_new_or_gone_are_told_and_drums():
    one = asked("compare:instrument")[0]
    before, now = "flute, harp, bass, drums", "piano, flute, organ"
    assert one.note([before, "yes"], [now, "no"]) == "no drums, piano, no harp"
    assert one.note(["flute", "no"], ["flute, drums", "no"]) == "nothing"


def test_what_sets_two_apart_is_all_that_was_asked():
    one = asked("compare")[0]
    assert one.asks == ("tempo", "energy", "vocal", "instrument:drums")
    before, now = ["slow", "low", "choir", "no"], ["slow", "high", "instrumental", "yes"]
    assert one.note(before, now) == "more energy, instrumental, drums"


def test_what_two_share_is_in_both():
    one = asked("same")[0]
    before = {"tempo": "fast", "energy": "low", "mode": "major", "genre": "jazz", "vocal": "instrumental", "lead": "flute",
              "metre": "4/4", "mood": "calm, tender", "instrument": "flute, piano, harp", "instrument:drums": "no"}  # fmt: skip
    now = before | {"tempo": "slow", "mood": "tender", "instrument": "bass, piano, harp"}

    def noted(*clips):
        return one.note(*([clip[ask] for ask in one.asks] for clip in clips))

    assert noted(before, now) == "low, major, jazz, instrumental, lead flute, tender, no drums, piano"
    other = now | {"instrument:drums": "yes", "lead": "none"}
    assert noted(before, other) == "low, major, jazz, instrumental, tender, piano"
    with_drums = {"instrument:drums": "yes", "instrument": "drums"}
    assert noted(before | with_drums, before | with_drums).endswith(", calm, tender, drums")


def test_notes_stand_below_a_state():
    assert question.with_notes("do: x", ["yes", "fast"]) == "do: x\nnoted: yes; fast"
    assert question.with_notes("do: x", []) == "do: x"
