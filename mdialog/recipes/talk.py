"""Talk: a dialogue toward a hidden goal while it is planned: what was said, of which tracks, and the plan that comes of it."""

import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from mdialog import personas, seeds
from mdialog.attributes import Attribute
from mdialog.cascade import Cascade, Goal
from mdialog.plan import Clip, Plan, PlannedTurn
from mdialog.snapshot import Snapshot


@dataclass(kw_only=True)
class Talk:
    """What has been said so far.

    Parameters
    ----------
    cascade : Cascade
        What is in force, and which tracks satisfy it.
    rng : random.Random
        Of this dialogue.
    turns : list of PlannedTurn
    named : set of int
        Tracks that the plan refers to.
    """

    cascade: Cascade
    rng: random.Random
    turns: list[PlannedTurn] = field(default_factory=list)
    named: set[int] = field(default_factory=set)

    @property
    def snapshot(self) -> Snapshot:
        return self.cascade.snapshot

    def id_of(self, track: int) -> str:
        """The id of a track, which is named thereby."""
        self.named.add(track)
        return self.snapshot.ref(track).track_id

    def seeker_says(
        self, intents: Iterable[str], *, added: Sequence[Attribute] = (), removed: Sequence[Attribute] = (),
        lapsed: Sequence[Attribute] = (), liked: Sequence[int] = (), refused: Sequence[int] = (),
        clips: tuple[Clip, ...] = (), ahead: tuple[Clip, ...] = (), asks: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        """Record a turn of the user; liked and refused are tracks, all else as in :class:`mdialog.plan.PlannedTurn`."""
        self.turns.append(
            PlannedTurn(
                "user", tuple(sorted(intents)), attributes=tuple(map(str, added)), removed=tuple(map(str, removed)),
                lapsed=tuple(map(str, lapsed)), asks=asks, clips=clips, ahead=ahead,
                liked=tuple(map(self.id_of, liked)), refused=tuple(map(self.id_of, refused)),
            )
        )  # fmt: skip

    def recommender_says(
        self, intents: Iterable[str], *, tracks: Sequence[int] = (), named: int | None = None, clips: tuple[Clip, ...] = (),
        asks: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        """Record a turn of the assistant, which recommends these tracks and names the first `named` of them."""
        self.turns.append(
            PlannedTurn(
                "assistant", tuple(sorted(intents)), asks=asks, track_seq=tuple(map(self.id_of, tracks)), named=named,
                pool_size=self.cascade.size, clips=clips,
            )
        )  # fmt: skip

    def plan(self, dialogue_id: str, *, recipe: str, seed: int, persona: dict[str, str], **goal: object) -> Plan:
        """The plan of all that was said; `goal` is what the recipe notes beside the goal's attributes and tracks."""
        return Plan(
            id=dialogue_id, recipe=recipe, seed=seed, persona=persona, goal={**noted(self.cascade.goal, self.snapshot), **goal},
            turns=tuple(self.turns), tracks={ref.track_id: ref for ref in map(self.snapshot.ref, sorted(self.named))},
        )  # fmt: skip


def noted(goal: Goal, snapshot: Snapshot) -> dict[str, list[str]]:
    """A goal as plans have it: what its tracks share, and their ids."""
    return {
        "attributes": [str(Attribute(*snapshot.values[v])) for v in goal.shared.tolist()],
        "track_ids": [snapshot.ids[t].as_py() for t in goal.tracks.tolist()],
    }


def persona_of(dialogue_id: str, *, seed: int) -> dict[str, str]:
    """Who speaks in a dialogue: drawn by the number at the end of its id, or by the id where there is none."""
    number = re.search(r"\d+$", dialogue_id)
    return personas.draw(int(number[0]) if number else seeds.derive(seed, dialogue_id, "persona"), seed=seed)
