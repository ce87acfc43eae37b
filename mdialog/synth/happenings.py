"""The phrase book's talk of sound events: questions after what, when, how long and how often, and answers from the times."""

import random
from collections.abc import Sequence

from mdialog.happenings import AT_ONCE_S, first_of, names_of, overlapping, times_of
from mdialog.metadata import EventSpan
from mdialog.synth.grammar import book, draw, expand, listed
from mdialog.synth.labels import ClipEvents

MOST_NAMED, MOST_TIMES = 3, 3
AS_IT = 0.25  # share of answers about one sound that do not name it
PLURAL = ("footsteps",)


def question(ask: str, rng: random.Random, *, it: str = "") -> str:
    """A question in the phrase book's words, without its mark; the sound `it` goes by that."""
    names = names_of(ask)
    if names == [it]:
        return expand(rng.choice(forms(ask)), {"the": "it", "a": "it"}, rng)
    return expand(rng.choice(forms(ask)), _slots(names, rng), rng, plural=_plural(names))


def forms(ask: str) -> list[str]:
    """Every template that asks this."""
    return book("happenings")["ask"]["whether" if ask.startswith("event:") else ask.partition(":")[0]]


def answer(ask: str, clip: ClipEvents, *, manner: str, rng: random.Random) -> str:
    """What the sound answers: that a sound is not there, where one is asked after that is not.

    Parameters
    ----------
    ask : str
    clip : ClipEvents
    manner : str
    rng : random.Random
    """
    events = clip.events
    kind, _, value = ask.partition(":")
    names = value.split("+") if value else []
    if kind == "event":
        return _whether_there(names[0], events, manner, rng) if names else heard(events, rng)
    if not {event.label for event in events}.issuperset(names):
        missing = next(name for name in names if name not in {event.label for event in events})
        return _said("there", "absent", [missing], rng)
    spans = [event for event in events if event.label == names[0]]
    if kind == "onset":
        start_s = min(span.start_s for span in spans)
        return _said("onset", "start" if start_s < AT_ONCE_S else "later", names, rng, t=_seconds(start_s))
    if kind == "duration":
        lasts_s = spans[0].end_s - spans[0].start_s
        whole = spans[0].start_s < AT_ONCE_S and spans[0].end_s > clip.duration_s - AT_ONCE_S
        return _said("duration", "all" if whole else "some", names, rng, t=_seconds(lasts_s))
    if kind == "times":
        return _said("times", str(min(times_of(events, names[0]), MOST_TIMES)), names, rng)
    first = first_of(events, *names) or names[0]
    names.sort(key=lambda name: name != first)
    return _said("order", "first", names, rng) if kind == "order" else _said(
        "together", "yes" if overlapping(events, *names) else "no", names, rng)  # fmt: skip


def value_of(ask: str, clip: ClipEvents) -> str:
    """What answers a question of :func:`mdialog.happenings.draw_ask` in a word or two: ``yes``, ``3``, ``bell``."""
    kind, _, value = ask.partition(":")
    names = value.split("+") if value else []
    if kind == "event":
        there = dict.fromkeys(event.label for event in sorted(clip.events, key=lambda event: event.start_s))
        return ("yes" if names[0] in there else "no") if names else ", ".join(there) or "nothing"
    if kind in ("order", "together"):
        return first_of(clip.events, *names) if kind == "order" else "yes" if overlapping(clip.events, *names) else "no"
    spans = [event for event in clip.events if event.label == names[0]]
    if kind == "times":
        return str(min(len(spans), MOST_TIMES))
    return str(round(min(span.start_s for span in spans) if kind == "onset" else spans[0].end_s - spans[0].start_s))


def heard(events: Sequence[EventSpan], rng: random.Random) -> str:
    """The sounds of a clip in their order, at most `MOST_NAMED` of them."""
    names = list(dict.fromkeys(event.label for event in sorted(events, key=lambda event: event.start_s)))[:MOST_NAMED]
    if not names:
        return rng.choice(book("happenings")["there"]["nothing"])
    if len(names) == 1:
        return _said("there", "one", names, rng)
    if len(names) == 2 and first_of(events, *names) and overlapping(events, *names) is False and rng.random() < 0.6:
        return _said("there", "then", names, rng)
    named = listed([_word(name, 0, rng) for name in names])
    return expand(rng.choice(book("happenings")["there"]["all"]), {"l": named}, rng)


def _whether_there(name: str, events: Sequence[EventSpan], manner: str, rng: random.Random) -> str:
    there = any(event.label == name for event in events)
    said = _said("there", "one" if there else "absent", [name], rng)
    return draw(book("questions")["yes" if there else "no"], manner, {"s": said}, rng) or said


def _said(section: str, form: str, names: Sequence[str], rng: random.Random, **slots: str) -> str:
    if section in ("onset", "duration", "times") and rng.random() < AS_IT:
        slots["the"] = "they" if _plural(names) else "it"
    return expand(rng.choice(book("happenings")[section][form]), _slots(names, rng) | slots, rng, plural=_plural(names))


def _slots(names: Sequence[str], rng: random.Random) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, number in zip(names, ("", "2"), strict=False):
        found |= {f"{slot}{number}": _word(name, i, rng) for i, slot in enumerate(("a", "the", "no"))}
    return found


def _word(name: str, form: int, rng: random.Random) -> str:
    return rng.choice(book("happenings")["words"][name][form])


def _plural(names: Sequence[str]) -> bool:
    return bool(names) and names[0] in PLURAL


def _seconds(s: float) -> str:
    n = max(1, round(s))
    return f"{n} second{'s' if n > 1 else ''}"
