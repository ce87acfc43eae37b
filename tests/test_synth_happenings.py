"""The phrase book's talk of sound events is true of the times: what is asked can be answered, and what is answered is so."""

import random
import re

import pytest

from mdialog import vocab
from mdialog.happenings import AT_ONCE_S, draw_ask, first_of, overlapping, times_of
from mdialog.metadata import EventSpan
from mdialog.synth import happenings
from mdialog.synth.grammar import book
from mdialog.synth.labels import ClipEvents

NAMES = vocab.events().names


def random_clip(rng):
    events = []
    for name in rng.sample(NAMES, rng.randint(0, 3)) + ["music"] * rng.randint(0, 1):
        for _ in range(rng.choice((1, 1, 2))):
            start = round(rng.uniform(0, 9), 2)
            events.append(EventSpan(name, start, round(min(10, start + rng.uniform(0.3, 6)), 2)))
    return ClipEvents(tuple(sorted(events, key=lambda event: event.start_s)), 10.0)


def words_of(name):
    return [word for forms in book("happenings")["words"][name] for word in forms]


@pytest.mark.parametrize("seed", range(5))
def test_answers_agree_with_the_times(seed):
    rng = random.Random(seed)
    for _ in range(400):
        clip = random_clip(rng)
        ask = draw_ask(rng, clip.events)
        kind, _, value = ask.partition(":")
        said = happenings.answer(ask, clip, manner="plain", rng=rng)
        there = {event.label for event in clip.events}
        own = [event for event in clip.events if event.label == value]
        if kind == "event" and value:
            assert bool(re.search(r"\bno\b|\bdon't\b|\bnot\b", said)) == (value not in there), (ask, said)
        elif kind == "event":
            named = {name for name in NAMES if any(re.search(rf"\b{word}\b", said) for word in words_of(name))}
            assert named <= there and len(named) == min(3, len(there)), (said, there)
        elif kind == "onset":
            start = min(event.start_s for event in own)
            assert (str(max(1, round(start))) in said) == (start >= AT_ONCE_S), (said, own)
        elif kind == "duration":
            assert len(own) == 1
            lasts = own[0].end_s - own[0].start_s
            assert str(max(1, round(lasts))) in said or lasts > 10 - 2 * AT_ONCE_S, (said, own)
        elif kind == "times":
            assert times_of(clip.events, value) >= 1
            assert re.search({1: "once", 2: "twice|two", 3: "three"}[min(3, times_of(clip.events, value))], said)
        elif kind == "order":
            first = first_of(clip.events, *value.split("+"))
            places = {name: min((said.find(w) for w in words_of(name) if w in said), default=99) for name in value.split("+")}
            assert min(places, key=places.get) == first
        else:
            assert said.startswith("yes") == overlapping(clip.events, *value.split("+"))


def test_whether_is_asked_of_what_is_there_as_often_as_of_what_is_not():
    rng = random.Random(0)
    clip = ClipEvents((EventSpan("bell", 1.0, 3.0), EventSpan("rain", 0.0, 10.0)), 10.0)
    asked = [ask for ask in (draw_ask(rng, clip.events) for _ in range(2000)) if ask.startswith("event:")]
    true = sum(ask in ("event:bell", "event:rain") for ask in asked)
    assert 0.42 < true / len(asked) < 0.58


def test_every_sound_has_words_and_every_question_a_form():
    table = book("happenings")
    assert set(table["words"]) == set(NAMES)
    rng = random.Random(1)
    for ask in ("event", "event:siren", "onset:footsteps", "duration:rain", "times:dog", "order:bell+dog", "together:bell+sea"):
        text = happenings.question(ask, rng)
        assert "{" not in text and not re.search(r"\bdoes the (footsteps|steps)\b", text)


def test_a_sound_that_is_asked_after_and_is_not_there_is_denied():
    clip = ClipEvents((EventSpan("rain", 0.0, 10.0),), 10.0)
    for ask in ("onset:siren", "times:siren", "duration:siren", "order:rain+siren", "together:siren+rain"):
        assert re.search("no siren|any siren", happenings.answer(ask, clip, manner="plain", rng=random.Random(2)))
