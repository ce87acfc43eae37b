"""Notes: what a turn is asked of the sound is answered in a word first, and said with that word at hand.

A small model that hears when a bell comes in may still say another second in the midst of talk, where the manner, the names and
the wishes of the brief speak at once; asked in a line of its own, it has nothing else to mind. Larger models think in words
before they answer for the same reason (Wei and others, 2022); here the words are few, and come from the sound alone.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from mdialog.listener.base import Request, Sampling
from mdialog.question import with_notes

# The first candidate says what is likeliest heard; those drawn after it was thrown away, what else it may be.
SURELY = Sampling(temperature=0, max_new_tokens=40)
FREELY = Sampling(temperature=1.0, top_p=0.9, max_new_tokens=40)


def noted(
    requests: Sequence[Request], numbers: Iterable[int], *, write: Callable[..., list[list[str]]], seed: int, greedy: bool
) -> dict[tuple[int, int], Request]:
    """Requests that ask something of the sound, each with what was noted of it.

    Parameters
    ----------
    requests : sequence of Request
    numbers : iterable of int
        Of the candidates: number 0 goes by what is likeliest heard.
    write : callable
        As :meth:`mdialog.listener.base.Listener.write`; it is asked only requests that have no questions themselves.
    seed : int
    greedy : bool
        Whether every candidate goes by what is likeliest heard.

    Returns
    -------
    dict of (int, int) to Request
        By place in `requests` and number of the candidate; candidates with the same notes share one.
    """
    asking = {i: _each_asked(request) for i, request in enumerate(requests) if request.questions}
    lines = [line for asked in asking.values() for heard in asked for alone in heard for line in alone]
    made: dict[tuple, Request] = {}
    found: dict[tuple[int, int], Request] = {}
    for number in numbers if lines else ():
        texts = iter(write(lines, first=number, seed=seed, sampling=FREELY if number and not greedy else SURELY))
        for i, asked in asking.items():
            heard = [[[_tidy(next(texts)[0]) for _ in alone] for alone in one] for one in asked]
            notes = tuple(question.note(*each) for question, each in zip(requests[i].questions, heard, strict=True))
            found[i, number] = made.setdefault((i, notes), _with(requests[i], notes))
    return found


def _tidy(text: str) -> str:
    """A note on one line, nothing in it twice."""
    return ", ".join(dict.fromkeys(filter(None, re.split(r",\s*", " ".join(text.split())))))


def _each_asked(request: Request) -> list[list[list[Request]]]:
    """For each question, for each clip that it is asked of, its lines with nothing else beside that clip."""
    audio = [part for part in request.messages[-1]["content"] if part["type"] == "audio"]
    last = len(audio) - 1
    clips = [range(last - 1, last + 1) if question.of_each else range(last, last + 1) for question in request.questions]
    return [[[_line(request, audio[i], line, last - i) for line in question.lines] for i in played]
            for question, played in zip(request.questions, clips, strict=True)]  # fmt: skip


def _line(request: Request, sound: dict, line: str, back: int) -> Request:
    """One question of one clip; of the last clip it draws the same whatever plays before it."""
    content = [sound, {"type": "text", "text": line}]
    return Request(f"{request.id}/note/{back}/{line}", [{"role": "user", "content": content}])


def _with(request: Request, notes: Sequence[str]) -> Request:
    """The same request with notes below its state, which is the last of its texts."""
    *before, last = request.messages
    *parts, state = last["content"]
    content = [*parts, {**state, "text": with_notes(state["text"], notes)}]
    return replace(request, messages=[*before, {**last, "content": content}], questions=())
