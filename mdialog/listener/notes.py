"""Notes: what a turn is asked of the sound is answered in a word first, and said with that word at hand.

A small model that hears when a bell comes in may still say another second in the midst of talk, where the manner, the names and
the wishes of the brief speak at once; asked in a line of its own, it has nothing else to mind. Larger models think in words
before they answer for the same reason (Wei and others, 2022); here the words are few, and come from the sound alone.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from mdialog.brief import with_notes
from mdialog.listener.base import Request, Sampling

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
    lines = [line for asked in asking.values() for line in asked]
    made: dict[tuple, Request] = {}
    found: dict[tuple[int, int], Request] = {}
    for number in numbers if lines else ():
        texts = iter(write(lines, first=number, seed=seed, sampling=FREELY if number and not greedy else SURELY))
        for i in asking:
            notes = tuple(question.note(_tidy(next(texts)[0])) for question in requests[i].questions)
            found[i, number] = made.setdefault((i, notes), _with(requests[i], notes))
    return found


def _tidy(text: str) -> str:
    """A note on one line, nothing in it twice."""
    return ", ".join(dict.fromkeys(filter(None, re.split(r",\s*", " ".join(text.split())))))


def _each_asked(request: Request) -> list[Request]:
    """The request's sounds with nothing but a question beside them, for each of its questions."""
    audio = [part for part in request.messages[-1]["content"] if part["type"] == "audio"]
    texts = ({"type": "text", "text": question.line} for question in request.questions)
    return [Request(f"{request.id}/note/{text['text']}", [{"role": "user", "content": [*audio, text]}]) for text in texts]


def _with(request: Request, notes: Sequence[str]) -> Request:
    """The same request with notes below its state, which is the last of its texts."""
    *before, last = request.messages
    *parts, state = last["content"]
    content = [*parts, {**state, "text": with_notes(state["text"], notes)}]
    return replace(request, messages=[*before, {**last, "content": content}], questions=())
