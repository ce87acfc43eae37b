"""The seeker: who knows the goal of a dialogue, and reacts to what it hears in the tracks that it is given."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mdialog import ear
from mdialog.attributes import Attribute
from mdialog.cascade import Goal
from mdialog.ear import Heard
from mdialog.plan import PlannedTurn

GREETING_SHARE = 0.3  # of openings
GIVES_UP_AFTER = 2  # recommendations that lack what was asked for, before the seeker drops it


@dataclass
class Seeker:
    """Who knows the goal, and reacts to what it hears.

    Parameters
    ----------
    goal : Goal
    embedding : np.ndarray of float32 [shape=(n_tracks, dim)]
    wants : list of Attribute
        What the goal's tracks share and the seeker has in mind, the first to be said first.
    absent : frozenset of Attribute
        What none of them has: the only things that it may ask to keep out.
    at_once : int > 0
        Wishes of the opening.
    patience : int > 0
        Recommendations in a row without a step toward the goal, after which it stops.
    rng : random.Random
    """

    goal: Goal
    embedding: np.ndarray
    wants: list[Attribute]
    absent: frozenset[Attribute]
    at_once: int
    patience: int
    rng: random.Random
    ended: str | None = None
    _in_force: dict[Attribute, int] = field(default_factory=dict)  # to how many tracks lacked it since it was said
    _spent: set[Attribute] = field(default_factory=set)
    _nearest: float = 0.0
    _most_heard: int = 0
    _idle: int = 0

    def __post_init__(self):
        center = self.embedding[self.goal.tracks].mean(axis=0)
        self._center = center / max(float(np.linalg.norm(center)), 1e-9)
        self._nearest = float((self.embedding @ self._center).mean())  # as near as any track is

    def opening(self) -> PlannedTurn:
        """The first turn: one wish, or as many as it says at once."""
        intents = {"initial_query", "add_filter"} | ({"greeting"} if self.rng.random() < GREETING_SHARE else set())
        return PlannedTurn("user", tuple(sorted(intents)), attributes=self._put_in_force(self.wants[: self.at_once]))

    @property
    def asks(self) -> tuple[str, ...]:
        """What it listens for in every track: all it has in mind and all it has said."""
        return tuple(dict.fromkeys(ear.ask_about(a) for a in (*self.wants, *self._in_force) if ear.can_tell(a)))

    def react(self, track: int, heard: Heard, step: dict, *, last: bool) -> PlannedTurn:
        """The turn that answers a recommendation.

        What it says of the goal is what it heard: it accepts or refuses the track by that, asks first for what the track
        lacks, and keeps out what was heard in the place of a wish. Whether the track was a step toward the goal is in
        `step`; no more of that is said than by these.

        Parameters
        ----------
        track : int
        heard : Heard
            Its clip, with the answers to :attr:`asks`.
        step : dict
            Filled with what happened, for evaluation.
        last : bool
            There is no room for another recommendation.
        """
        verdicts = {a: heard.verdict(a) for a in dict.fromkeys((*self.wants, *self._in_force))}
        accepted = self._accepts(verdicts)
        toward = self._moves(track, verdicts)
        step |= {
            "toward": toward, "accepted": accepted, "near": round(float(self.embedding[track] @ self._center), 4),
            "heard": {str(a): found for a, found in verdicts.items() if found is not None},
        }  # fmt: skip
        if accepted and track in self.goal.members:
            self.ended = "met"
        elif self._idle >= self.patience:
            self.ended = "patience"
        elif last:
            self.ended = "length"
        removed, added = ((), ()) if self.ended else self._wishes(verdicts, heard, accepted)
        intents = {"accept_response" if accepted else "reject_response"}
        intents |= {"add_filter"} if added else set()
        intents |= {"remove_filter"} if removed else set()
        intents |= {"continue"} if accepted and not (added or removed or self.ended) else set()
        judged = (heard.clip.track_id,)
        return PlannedTurn(
            "user", tuple(sorted(intents)), attributes=added, removed=removed, clips=(heard.clip,),
            liked=judged if accepted else (), refused=() if accepted else judged,
        )  # fmt: skip

    def _accepts(self, verdicts: Mapping[Attribute, bool | None]) -> bool:
        """As much is there as is missing, of what was said and of all that it has in mind."""
        said = [verdicts[a] for a in self._in_force]
        every = list(verdicts.values())
        return said.count(False) <= said.count(True) and every.count(False) <= every.count(True)

    def _moves(self, track: int, verdicts: Mapping[Attribute, bool | None]) -> bool:
        """Whether this track sounds nearer to the goal than any before, or more of it is heard; counts the others.

        Nearness is of the embeddings: it says nothing in the talk, and only keeps up the patience of who is on the way.
        """
        near, heard = float(self.embedding[track] @ self._center), sum(verdicts[a] is True for a in self.wants)
        toward = near > self._nearest or heard > self._most_heard
        self._nearest, self._most_heard = max(near, self._nearest), max(heard, self._most_heard)
        self._idle = 0 if toward else self._idle + 1
        return toward

    def _wishes(
        self, verdicts: Mapping[Attribute, bool | None], heard: Heard, accepted: bool
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What it drops, as it was asked for in vain; and what it corrects or adds."""
        for attribute in self._in_force:
            self._in_force[attribute] += verdicts[attribute] is False
        vain = [a for a, times in self._in_force.items() if times >= GIVES_UP_AFTER][:1]
        for attribute in vain:
            del self._in_force[attribute]
            self.wants = [a for a in self.wants if a != attribute]
        wish = None if accepted else self._correction(verdicts, heard)
        wish = wish or self._next(verdicts)
        return tuple(map(str, vain)), self._put_in_force([wish] if wish else [])

    def _correction(self, verdicts: Mapping[Attribute, bool | None], heard: Heard) -> Attribute | None:
        """What was heard in the place of something asked for, to be kept out."""
        for attribute in self._in_force:
            if verdicts[attribute] is False and attribute.polarity == "want":
                for other in ear.heard_instead(attribute, heard.found.get(ear.ask_about(attribute), ())):
                    avoided = replace(other, polarity="avoid")
                    if avoided in self.absent and avoided not in self._spent:
                        return avoided
        return None

    def _next(self, verdicts: Mapping[Attribute, bool | None]) -> Attribute | None:
        """A wish not said yet: first what the track lacks, then what it may have, last what it has."""
        left = [a for a in self.wants if a not in self._spent]
        return min(left, key=lambda a: (False, None, True).index(verdicts[a]), default=None)

    def _put_in_force(self, wishes: Sequence[Attribute]) -> tuple[str, ...]:
        self._in_force |= dict.fromkeys(wishes, 0)
        self._spent |= set(wishes)
        return tuple(map(str, wishes))
