"""Notes: what a turn tells of the sound is put down in a few words first, and said with these at hand.

A small model that hears when a bell comes in may still say another second in the midst of talk, where the manner, the names and
the wishes of the brief speak at once; asked in a line of its own, it has nothing else to mind. Larger models think in words
before they answer for the same reason (Wei and others, 2022); here the words are few, and come from the sound alone.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from mdialog.brief import with_notes
from mdialog.listener.base import Request, Sampling

MAX_TOKENS = 64
# Where the sound settles an answer, the first candidate goes by what is likeliest heard, and those drawn after that was thrown
# away by what else it may be. What to tell at all is drawn as the turn itself is.
SURELY = Sampling(temperature=0, max_new_tokens=MAX_TOKENS)
FREELY = Sampling(temperature=1.0, top_p=0.9, max_new_tokens=MAX_TOKENS)


def noted(
    requests: Sequence[Request], numbers: Iterable[int], *, write: Callable[..., list[list[str]]], seed: int, sampling: Sampling
) -> dict[tuple[int, int], Request]:
    """Requests that ask something of the sound, each with what was noted of it.

    Parameters
    ----------
    requests : sequence of Request
    numbers : iterable of int
        Of the candidates.
    write : callable
        As :meth:`mdialog.listener.base.Listener.write`; it is asked only requests that have no questions themselves.
    seed : int
    sampling : Sampling
        Of the turns. At temperature 0 all notes are what is likeliest.

    Returns
    -------
    dict of (int, int) to Request
        By place in `requests` and number of the candidate; candidates with the same notes share one.
    """
    lines = [(i, question, _alone(request, question.line)) for i, request in enumerate(requests)
             for question in request.questions]  # fmt: skip
    made: dict[tuple, Request] = {}
    found: dict[tuple[int, int], Request] = {}
    for number in numbers:
        notes: dict[int, list[str]] = {}
        for settled in (True, False):
            some = [(i, line) for i, question, line in lines if question.settled is settled]
            drawn = _sampling(sampling, settled=settled, first=number == 0)
            texts = write([line for _, line in some], first=number, seed=seed, sampling=drawn) if some else ()
            for (i, _), (text,) in zip(some, texts, strict=True):
                notes.setdefault(i, []).append(_tidy(text))
        for i, several in notes.items():
            found[i, number] = made.setdefault((i, *several), _with(requests[i], several))
    return found


def _sampling(of_turn: Sampling, *, settled: bool, first: bool) -> Sampling:
    if not settled:
        return replace(of_turn, max_new_tokens=MAX_TOKENS)
    return SURELY if first or of_turn.temperature == 0 else FREELY


def _tidy(text: str) -> str:
    """A note on one line, nothing in it twice."""
    return ", ".join(dict.fromkeys(filter(None, re.split(r",\s*", " ".join(text.split())))))


def _alone(request: Request, line: str) -> Request:
    """The request's sounds with nothing but a question beside them."""
    audio = [part for part in request.messages[-1]["content"] if part["type"] == "audio"]
    return Request(f"{request.id}/note/{line}", [{"role": "user", "content": [*audio, {"type": "text", "text": line}]}])


def _with(request: Request, notes: Sequence[str]) -> Request:
    """The same request with notes below its state, which is the last of its texts."""
    *before, last = request.messages
    *parts, state = last["content"]
    content = [*parts, {**state, "text": with_notes(state["text"], notes)}]
    return replace(request, messages=[*before, {**last, "content": content}], questions=())
