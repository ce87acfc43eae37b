"""Marks: what the times at which a catalogue's metadata marks sound events say of a claim about them.

The index is taken as complete for the sounds that occur in it at all, in any track: where a track with marked events has no
siren among them, and the index knows sirens, there is none. Of a sound that the index never names it tells nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mdialog import vocab
from mdialog.claims import Claim
from mdialog.eventwords import mentions, plain
from mdialog.happenings import by_strokes, first_of, overlapping, sounds_of, times_of
from mdialog.metadata import EventSpan

ONSET_S = 1.0  # a begin is told rightly within this
DURATION_S, DURATION_SHARE = 1.0, 0.25  # a length within the wider of the two
COUNTED = 3  # beyond which nobody counts exactly


@dataclass(frozen=True)
class Marks:
    """The events that are marked in a clip.

    Parameters
    ----------
    events : tuple of EventSpan
        In the clip's own time.
    duration_s : float
        Of the clip.
    known : frozenset of str
        Every label of the catalogue.
    """

    events: tuple[EventSpan, ...]
    duration_s: float
    known: frozenset[str]

    def holds(self, claim: Claim) -> tuple[bool | None, dict]:
        """Whether what a claim says, denied or not, is so; None where that cannot be told. And by what.

        An onset holds within 1 s of the first begin (within 1 s of a later one it cannot be told); a duration within 1 s or
        25 % of one of the event's lengths; a number of times exactly up to 3; an order where the begins lie .5 s apart;
        together are two that share .7 s, and apart two that share nothing.

        Parameters
        ----------
        claim : Claim
            Of one of the kinds of :func:`happenings.find`.
        """
        names = sounds_of(claim, self.known)
        spans = {name: [event for event in self.events if event.label == name] for name in names}
        seen = {"source": "metadata", "value": {name: [[e.start_s, e.end_s] for e in own] for name, own in spans.items()}}
        if gone := [name for name, own in spans.items() if not own]:
            return self._of_missing(claim, gone, seen)
        if claim.kind == "event":
            return True, seen
        holds, tolerance = getattr(self, f"_{claim.kind}")(claim, names)
        return holds, {**seen, **tolerance}

    def _of_missing(self, claim: Claim, gone: Sequence[str], seen: dict) -> tuple[bool | None, dict]:
        labels = sorted({event.label for event in self.events})
        for name in gone:
            kin = [one for one in labels if one not in vocab.events() and name in {m.name for m in mentions(plain(one))}]
            if kin:
                return None, {**seen, "why": f"{name} may be what is marked as {kin[0]}"}
            if name not in self.known:
                return None, {**seen, "why": f"no {name} is marked in any track: the index may not name it"}
        if claim.kind == "together" and not claim.present:
            return None, {**seen, "why": f"there is no {gone[0]} to be heard with the other"}
        # Whoever says, or denies, a time of a sound says that it comes in: not so either way.
        return claim.kind != "event" and not claim.present, {**seen, "marked": labels}

    def _onset(self, claim: Claim, names: Sequence[str]) -> tuple[bool | None, dict]:
        told, begins = float(claim.value.rpartition(" ")[2]), sorted(e.start_s for e in self.events if e.label == names[0])
        near = [abs(begin - told) <= ONSET_S for begin in begins]
        return (near[0] or (None if any(near) else False)), {"tolerance_s": ONSET_S}

    def _duration(self, claim: Claim, names: Sequence[str]) -> tuple[bool | None, dict]:
        own, told = [e for e in self.events if e.label == names[0]], claim.value.rpartition(" ")[2]
        if told == "all":
            last_s = self.duration_s - DURATION_S
            if any(e.start_s <= DURATION_S and e.end_s >= last_s for e in own):
                return True, {"tolerance_s": DURATION_S}
            with_gaps = min(e.start_s for e in own) <= DURATION_S and max(e.end_s for e in own) >= last_s
            return (None if with_gaps else False), {"tolerance_s": DURATION_S}
        lengths = [e.end_s - e.start_s for e in own]
        near = [abs(s - float(told)) <= max(DURATION_S, DURATION_SHARE * s) for s in (*lengths, sum(lengths))]
        return any(near), {"tolerance_s": DURATION_S, "tolerance_share": DURATION_SHARE}

    def _times(self, claim: Claim, names: Sequence[str]) -> tuple[bool | None, dict]:
        told, n = claim.value.rpartition(" ")[2], times_of(self.events, names[0])
        if told == "2+":
            return n >= 2, {"counted": n}
        if float(told) > n and by_strokes(claim.text):  # "barks three times": how often within an event is not marked
            return None, {"counted": n, "why": "what comes within one event is not counted"}
        exact = float(told) == n or float(told) == COUNTED < n
        beyond = min(float(told), n) > COUNTED
        return (exact or (None if beyond else False)), {"counted": n}

    def _order(self, claim: Claim, names: Sequence[str]) -> tuple[bool | None, dict]:
        first = first_of(self.events, *names)
        return (None, {"why": "they begin together"}) if first is None else (first == names[0], {})

    def _together(self, claim: Claim, names: Sequence[str]) -> tuple[bool | None, dict]:
        both = overlapping(self.events, *names)
        return both, {"why": "they hardly overlap"} if both is None else {}
