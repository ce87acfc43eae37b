"""What answers state of sound events, with what was asked."""

import random

import pytest

from mdialog import happenings, vocab
from mdialog.brief import MANNERS, Brief, Name
from mdialog.happenings import find
from mdialog.metadata import EventSpan
from mdialog.plan import Clip
from mdialog.synth import happenings as book
from mdialog.synth import phrases
from mdialog.synth.labels import ClipEvents

NAMES = tuple(name for name in vocab.events().names if name != "music")
ABOUT = Name("Rain Bell", "The Horns")  # whose words are no sounds


def random_clip(rng):
    """Events at random times, some from the begin, some to the end, some again; at times over music."""
    events = [EventSpan("music", 0.0, 10.0)] if rng.random() < 0.3 else []
    for name in rng.sample(NAMES, rng.choice((1, 2, 2, 3, 3, 4))):
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            start = rng.choice((0.0, rng.uniform(0, 9.5), rng.uniform(0, 9.5)))
            events.append(EventSpan(name, round(start, 3), round(max(start + 0.3, min(10.0, start + rng.uniform(0.3, 12))), 3)))
    return ClipEvents(tuple(sorted(events, key=lambda event: (event.start_s, event.label))), 10.0)


def stated_by(ask, clip):
    """What the phrase book is to say, as claims: kind, value, present."""
    kind, names, events = ask.partition(":")[0], happenings.names_of(ask), clip.events
    there = list(dict.fromkeys(event.label for event in sorted(events, key=lambda event: event.start_s)))
    if kind == "event":
        return {("event", name, name in there) for name in names or there[:3]}
    if missing := [name for name in names if name not in there]:
        return {("event", missing[0], False)}
    own = [event for event in events if event.label == names[0]]
    if kind == "onset":
        start = min(event.start_s for event in own)
        return {(kind, f"{names[0]} {0 if start < 0.7 else max(1, round(start))}", True)}
    if kind == "duration":
        whole = own[0].start_s < 0.7 and own[0].end_s > 9.3
        return {(kind, f"{names[0]} {'all' if whole else max(1, round(own[0].end_s - own[0].start_s))}", True)}
    if kind == "times":
        return {(kind, f"{names[0]} {min(3, len(own))}", True)}
    if kind == "together":
        return {(kind, "+".join(sorted(names)), happenings.overlapping(events, *names))}
    first = happenings.first_of(events, *names)
    return {(kind, f"{first} {names[1 - names.index(first)]}", True)}


def claimed(text, ask, **options):
    return {(claim.kind, claim.value, claim.present) for claim in find(text, ask, **options)}


def test_nearly_all_that_the_phrase_book_states_is_found_and_nothing_else():
    rng, found, more, n = random.Random(11), 0, [], 3000
    for _ in range(n):
        clip = random_clip(rng)
        other = happenings.draw_ask(rng, random_clip(rng).events)
        absent = not {*happenings.names_of(other)} <= {event.label for event in clip.events}
        ask = other if absent and rng.random() < 0.1 else happenings.draw_ask(rng, clip.events)
        brief = Brief("assistant", ("item_attribute_answer",), asks=(ask,), manner=rng.choice(MANNERS), about=ABOUT,
                      clips=(Clip("t", 0.0, 10.0),))  # fmt: skip
        plainly = rng.random() < 0.5
        text = book.answer(ask, clip, manner=brief.manner, rng=rng) if plainly else phrases.say(brief, [clip], rng)
        got, wanted = claimed(text, ask, names=(ABOUT.title, ABOUT.artist)), stated_by(ask, clip)
        found += wanted <= got
        more += [(ask, text, got)] if {kind for kind, _, _ in got - wanted} - {"order"} else []
    assert found >= 0.97 * n and len(more) <= 0.005 * n, more[:5]


def test_nothing_is_found_where_no_events_were_asked_about():
    for ask in ((), "tempo", "instrument:brass", "compare:energy", "suits:sleep"):
        assert find("A siren comes in after 4 seconds, then a bell twice.", ask) == []


@pytest.mark.parametrize(
    ("text", "ask", "said"),
    [
        ("The siren kicks in around the 4-second mark.", "onset:siren", "onset siren 4"),
        ("It comes in roughly three to four seconds into the clip.", "onset:bell", "onset bell 3.5"),
        ("The siren doesn't come in until about 6 seconds in.", "onset:siren", "onset siren 6"),
        ("After about 4 seconds, a siren kicks in.", "event", "event siren; onset siren 4"),
        ("It isn't there from the start; it comes in after five seconds.", "onset:bell", "-onset bell 0; onset bell 5"),
        ("At 0:04.", "onset:siren", "onset siren 4"),
        ("From 2 to 5 seconds.", "onset:siren", "onset siren 2; duration siren 3"),
        ("A 4-second siren.", "event", "event siren; duration siren 4"),
        ("Roughly four and a half seconds.", "duration:rain", "duration rain 4.5"),
        ("It goes on for the whole clip.", "duration:rain", "duration rain all"),
        ("Not all the way through, only about 3 seconds.", "duration:rain", "-duration rain all; duration rain 3"),
        ("It stops after 5 seconds.", "duration:rain", ""),
        ("It lasts less than 3 seconds.", "duration:rain", ""),
        ("Yes, it comes back a second time.", "times:siren", "times siren 2+"),
        ("No, it doesn't come in again.", "times:siren", "times siren 1"),
        ("The phone rings two times.", "times:telephone", "times telephone 2"),
        ("A dog barks three times, then a car horn.", "event", "event dog; times dog 3; event horn; order dog horn"),
        ("Yes.", "event:siren", "event siren"),
        ("I don't think so.", "event:siren", "-event siren"),
        ("No, I only hear rain.", "event:siren", "-event siren; event rain"),
        ("There is no siren, just rain.", "event:siren", "-event siren; event rain"),
        ("I hear no rain, thunder or wind.", "event", "-event rain; -event thunder; -event wind"),
        ("Neither the bell nor the siren can be heard.", "order:bell+siren", "-event bell; -event siren"),
        ("The siren.", "order:bell+siren", "order siren bell"),
        ("The siren comes after the bell.", "order:bell+siren", "order bell siren"),
        ("Before the siren, a bell rings.", "event", "event siren; event bell; order bell siren"),
        ("The siren doesn't come first.", "order:bell+siren", "-order siren bell"),
        ("A bell rings, and 4 seconds later a siren.", "event", "event bell; event siren; order bell siren"),
        ("They don't overlap.", "together:bell+siren", "-together bell+siren"),
        ("No, one after the other.", "together:bell+siren", "-together bell+siren"),
        ("No, first the bell, then the siren.", "together:bell+siren", "-together bell+siren; order bell siren"),
        ("A siren wails over heavy rain.", "event", "event siren; event rain; together rain+siren"),
        ("An alarm clock beeps.", "event", "event alarm"),
        ("There's a siren, isn't there?", "event", "event siren"),
    ],
)  # fmt: skip
def test_free_wordings_are_read(text, ask, said):
    wanted = {tuple(one.lstrip("-").split(" ", 1)) + (not one.startswith("-"),) for one in filter(None, said.split("; "))}
    assert claimed(text, ask) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "", "  ", "I hear no sound that I could name.", "Nothing that I could name.", "Hard to say.", "Is there a siren in it?",
        "I can't tell when the siren starts.", "I'm not sure whether there is a siren.", "I'd like to hear a siren.",
        "When does the siren come in?", "It reminds me of my dog.", "A wind instrument, I think.", "Ça alors — où ça ?",
        'How about "Siren in the Rain"?', "No idea.",
    ],
)  # fmt: skip
def test_who_states_nothing_claims_nothing(text):
    for ask in ("event", "onset:siren", "order:bell+siren", "together:bell+siren"):
        assert find(text, ask) == []


def test_claims_stand_where_they_are_said():
    text = "Well: the siren comes in after about 4 seconds, and there's no bell."
    assert [(c.text, text[c.start : c.end]) for c in find(text, "onset:siren")] == [
        ("siren comes in after about 4 seconds",) * 2, ("bell",) * 2,
    ]  # fmt: skip


def test_a_sources_own_words_are_sounds_where_they_are_given():
    label = "Male speech, man speaking"
    assert claimed("There's male speech.", f"event:{label}") == {("event", label, True)}
    both = claimed("Male speech, then a dog.", "event", labels=[label])
    assert both >= {("event", label, True), ("order", f"{label} dog", True)}
    assert claimed("There's male speech.", "event") == set()
    (order,) = (c for c in find("Male speech, then a dog.", "event", labels=[label]) if c.kind == "order")
    assert happenings.sounds_of(order, [label]) == [label, "dog"]


@pytest.mark.parametrize(
    ("text", "ask", "answers"),
    [
        ("About 4 seconds.", "onset:siren", True), ("About 4 seconds.", "times:siren", False),
        ("There is no siren.", "times:siren", True), ("There is no bell.", "times:siren", False),
        ("The bell comes in after 2 seconds, and the siren after 5 seconds.", "order:bell+siren", True),
        ("I hear a bell.", "event", True), ("Lovely.", "event", False),
    ],
)  # fmt: skip
def test_an_answer_tells_of_what_is_asked(text, ask, answers):
    assert happenings.answers(find(text, ask), ask) == answers


def test_what_can_be_asked_has_a_clear_answer():
    rng = random.Random(3)
    for _ in range(300):
        events = random_clip(rng).events
        for kind, asks in happenings.askable(events).items():
            for names in map(happenings.names_of, asks):
                assert {*names} <= {event.label for event in events} - {"music"}
                assert kind != "duration" or happenings.times_of(events, names[0]) == 1
                assert kind != "order" or happenings.first_of(events, *names)
                assert kind != "together" or happenings.overlapping(events, *names) is not None
