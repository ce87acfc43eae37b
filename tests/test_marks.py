"""What the times of marked events say of a claim: so, not so, or not told."""

import random

import pyarrow as pa
import pytest
from test_happenings import NAMES, random_clip

from mdialog import happenings
from mdialog.errors import InputError
from mdialog.evidence import Evidence, witness
from mdialog.marks import Marks
from mdialog.metadata import EventSpan
from mdialog.plan import Clip
from mdialog.synth import happenings as book
from mdialog.verdicts import Verifier

EVENTS = (
    EventSpan("rain", 0.0, 10.0), EventSpan("bell", 2.0, 4.0), EventSpan("dog", 4.5, 5.0), EventSpan("siren", 4.8, 8.0),
    EventSpan("dog", 7.0, 8.0), EventSpan("Bicycle horn", 9.0, 9.5),
)  # fmt: skip
KNOWN = frozenset({"rain", "bell", "dog", "siren", "thunder", "horn", "Bicycle horn"})


def told(text, ask, *, events=EVENTS, known=KNOWN):
    evidence = Evidence({}, events=events, labels=known, duration_s=10.0)
    labels = {event.label for event in events or ()}
    return [Verifier().verdict(claim, evidence).verdict for claim in happenings.find(text, ask, labels=labels)]


@pytest.mark.parametrize(
    ("text", "ask", "verdict"),
    [
        ("Yes.", "event:bell", "supported"),
        ("No.", "event:bell", "contradicted"),
        ("There is thunder.", "event", "contradicted"),  # the index knows it, and has none here
        ("There is no thunder.", "event", "supported"),
        ("There is a helicopter.", "event", "unverifiable"),  # the index never names one
        ("There is no helicopter.", "event", "unverifiable"),
        ("There is a horn.", "event", "unverifiable"),  # it may be the bicycle's
        ("After about 3 seconds.", "onset:bell", "supported"),
        ("After about 3.1 seconds.", "onset:bell", "contradicted"),
        ("Right at the start.", "onset:bell", "contradicted"),
        ("Not from the start.", "onset:bell", "supported"),
        ("After 5 seconds.", "onset:dog", "supported"),
        ("After 7 seconds.", "onset:dog", "unverifiable"),  # when it comes in again
        ("After 4 seconds.", "onset:thunder", "contradicted"),
        ("About 3 seconds.", "duration:bell", "supported"),
        ("About 4 seconds.", "duration:bell", "contradicted"),
        ("About 8 seconds.", "duration:rain", "supported"),  # within a quarter
        ("From beginning to end.", "duration:rain", "supported"),
        ("From beginning to end.", "duration:siren", "contradicted"),
        ("Twice.", "times:dog", "supported"),
        ("Once.", "times:dog", "contradicted"),
        ("Three times.", "times:dog", "contradicted"),
        ("The dog barks three times.", "times:dog", "unverifiable"),  # how often within an event is not marked
        ("Yes, it comes in again.", "times:dog", "supported"),
        ("The bell comes in again.", "times:bell", "contradicted"),
        ("The bell comes first.", "order:bell+siren", "supported"),
        ("The siren comes first.", "order:bell+siren", "contradicted"),
        ("The dog comes first.", "order:dog+siren", "unverifiable"),  # .3 s apart
        ("The bell comes first.", "order:bell+thunder", "contradicted"),
        ("Yes, together.", "together:rain+siren", "supported"),
        ("No, they don't overlap.", "together:rain+siren", "contradicted"),
        ("Yes, together.", "together:bell+siren", "contradicted"),
        ("They don't overlap.", "together:bell+siren", "supported"),
        ("They don't overlap.", "together:bell+thunder", "unverifiable"),
    ],
)  # fmt: skip
def test_times_decide(text, ask, verdict):
    assert told(text, ask) == [verdict]
    assert told(text, ask, events=None) == ["unverifiable"]


def test_beyond_three_nobody_counts_exactly():
    four = tuple(EventSpan("bell", t, t + 0.5) for t in (0.0, 2.0, 4.0, 6.0))
    said = {n: told(f"{n} times.", "times:bell", events=four)[0] for n in ("two", "three", "four", "five")}
    assert said == {"two": "contradicted", "three": "supported", "four": "supported", "five": "unverifiable"}


def test_nothing_that_the_phrase_book_says_truly_is_contradicted_and_most_of_another_clip_is():
    rng, of_another, n, known = random.Random(2), 0, 1200, frozenset({*NAMES, "music"})
    for _ in range(n):
        clip, other = random_clip(rng), random_clip(rng)
        ask = happenings.draw_ask(rng, clip.events)
        text = book.answer(ask, clip, manner="plain", rng=rng)
        assert set(told(text, ask, events=clip.events, known=known)) == {"supported"}, (ask, text, clip.events)
        text = book.answer(ask, other, manner="plain", rng=rng)
        of_another += "contradicted" in told(text, ask, events=clip.events, known=known)
    assert of_another > 0.6 * n


def test_evidence_says_by_what_it_was_judged():
    (claim,) = happenings.find("After about 5 seconds.", "onset:bell")
    holds, seen = Marks(EVENTS, 10.0, KNOWN).holds(claim)
    assert holds is False and seen == {"source": "metadata", "value": {"bell": [[2.0, 4.0]]}, "tolerance_s": 1.0}


class Tables:
    """The columns that a witness reads, of two tracks; `marked` False for a catalogue of the first version."""

    def __init__(self, marked=True):
        self._marked = marked

    def columns(self, names, *, table="tracks", where=None):
        if "meta_events" in names and not self._marked:
            raise InputError("version 1, without meta_events")
        row = dict.fromkeys(names)
        rows = [row | {"track_id": track, "start_s": 0.0, "end_s": 10.0, "embedding": [1.0, 0.0], "measured_energy": 0.5}
                for track in ("a", "b")]  # fmt: skip
        if table == "tracks" and "meta_events" in names:
            rows[0] |= {"meta_events": [{"label": "siren", "start_s": 8.0, "end_s": 12.0}]}
            rows[1] |= {"meta_events": None}
        return pa.Table.from_pylist([{name: one[name] for name in names} for one in rows])


def test_a_witness_knows_the_events_of_the_clip_and_the_labels_of_all():
    seen = witness(Tables(), ["a", "b"])
    assert seen.of(Clip("a", 0.0, 10.0)).events == (EventSpan("siren", 8.0, 10.0),)
    assert seen.of(Clip("b", 0.0, 10.0)).events is None and seen.of(Clip("b", 0.0, 10.0)).labels == {"siren"}
    assert witness(Tables(), ["b"]).labels == {"siren"}
    assert witness(Tables(marked=False), ["a"]).of(Clip("a", 0.0, 10.0)).events is None
