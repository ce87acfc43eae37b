"""Listener: an audio-language model behind one small interface."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from mdialog import brief as briefs
from mdialog.brief import Name
from mdialog.plan import Clip
from mdialog.question import Question, questions


@dataclass(frozen=True, eq=False)
class Request:
    """One utterance asked of a listener.

    Parameters
    ----------
    id : str
        Names the stream of random draws: same id, seed and messages, same candidates, whatever they are batched with.
    messages : list of dict
        Chat messages (``brief.messages``) whose audio parts hold mono float32 samples at the listener's rate.
    names : tuple of Name
        Titles and artists that the answer may hold; a listener that can, spells them as they are given.
    questions : tuple of Question
        What is asked of the sound; a listener that takes notes answers each in a word first.
    brief : Brief, optional
        What the messages were made of; by it a local listener reads what it said.
    """

    id: str
    messages: list[dict]
    names: tuple[Name, ...] = ()
    questions: tuple[Question, ...] = ()
    brief: briefs.Brief | None = None

    @classmethod
    def of(cls, id: str, brief: briefs.Brief, *, play: Callable[[Clip], np.ndarray]) -> "Request":
        """A brief as it goes to a listener; `play` as in :func:`mdialog.brief.messages`."""
        return cls(id, briefs.messages(brief, play=play), briefs.names(brief), questions(brief), brief)


@dataclass(frozen=True)
class Sampling:
    """How candidates are drawn.

    Parameters
    ----------
    temperature : float >= 0
        0 takes the likeliest token always; then all candidates of a request are equal.
    top_p : float in (0, 1]
        Draws from the smallest set of tokens with this much probability.
    stated_top_p : float in (0, 1], optional
        The same for words that state something audible; as `top_p` by default. A listener behind a server knows only `top_p`.
    min_p : float in [0, 1)
        Leaves out tokens less likely than this share of the likeliest one (Nguyen and others, 2025): where much can be said
        much is, and where little can only that.
    max_new_tokens : int > 0
        A candidate that has not ended by then is cut, and fails the checks.
    """

    temperature: float = 0.8
    top_p: float = 0.95
    max_new_tokens: int = 96
    stated_top_p: float | None = None
    min_p: float = 0.0


DEFAULT = Sampling()


class Listener(Protocol):
    """What writing needs of a model.

    Attributes
    ----------
    model_id : str
        Name and revision, for the record.
    sample_rate : int
        In Hz, of the audio parts.
    max_clip_s : float or None
        Longest stretch that is heard in one piece; longer clips are split, None takes any.
    sampling : Sampling
        As the model's makers advise, else the default.
    by_the_book : bool
        Whether it learned to talk from the phrase book alone, so that a word that does not stand there is a slip.
    max_clips : int or None
        Most clips in one brief that it was taught with; None takes any number.
    """

    model_id: str
    sample_rate: int
    max_clip_s: float | None
    max_clips: int | None
    sampling: Sampling
    by_the_book: bool

    def write(
        self, requests: Sequence[Request], *, n: int = 1, first: int = 0, seed: int = 0, sampling: Sampling = DEFAULT
    ) -> list[list[str]]:
        """Candidates number ``first .. first + n - 1`` of every request, in order."""
        ...
