"""Comparison: two clips, and one to four questions, mostly about what they share and what sets them apart.

Pairs are chosen by sound: near, middling, far, and alike in all that is known of them but one kind.
"""

import random
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from mdialog import seeds
from mdialog.cascade import weighted
from mdialog.errors import InputError
from mdialog.plan import Plan, PlannedTurn
from mdialog.recipes.audio_dialogue import MOST, any_clip, draw_asks, exchange, numbered, playable, values_of
from mdialog.snapshot import Snapshot

NAME = "comparison"
PAIRS = ("near", "middling", "far", "one apart")
ASKS = {"compare": 2.0, "same": 2.0, "compare:tempo": 1.0, "compare:energy": 1.5, "compare:instrument": 1.5,
        "which": 1.0}  # fmt: skip
ALIKE = 0.1  # what is left of a kind's weight where the catalogue does not tell the two apart by it
OF_BOTH = 0.4  # share of later questions that are about both clips: of more of them the bundled listener loses many
# Asked after where it is wanted, but not taught to the bundled listener.
TEXTURE = ("compare:brightness", "compare:loudness", "compare:density", "compare:opening", "compare:bpm")
CLOSE, MIDDLE, FAR = (0.0, 0.05), (0.4, 0.6), (0.95, 1.0)  # shares of the tracks, from the nearest on
TOLD_APART = ("tempo", "energy", "mode", "genre", "vocal", "metre", "mood")  # kinds by which two tracks are one apart
LOOKED_AT = 256  # tracks among which one that is one apart is looked for


class Options(BaseModel):
    """What may be asked of this recipe."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    pair: Literal["any", "near", "middling", "far", "one apart"] = Field(default="any", description="how alike the two sound")
    most: int = Field(default=MOST, ge=1, le=MOST, description="questions of a dialogue at most")
    purposes: float = Field(default=0.15, ge=0, le=1, description="share that begins with which suits a purpose")
    both: float = Field(default=OF_BOTH, ge=0, le=1, description="share of the later questions that are about both clips")
    texture: float = Field(default=0.0, ge=0, le=1, description="share of questions after timbre, loudness, density, use, "
                           "by how much, which begins louder, live: beyond the bundled one")  # fmt: skip
    whether: float = Field(default=0.5, ge=0, le=1, description="share of questions about one clip that are after one value")


def plan_dialogue(
    snapshot: Snapshot, *, seed: int, dialogue_id: str, options: Options | None = None, persona: dict | None = None
) -> Plan:
    """Plan questions about two clips, of two tracks.

    Parameters
    ----------
    snapshot : Snapshot
    seed : int
        The run's seed; every draw derives from it and `dialogue_id`.
    dialogue_id : str
    options : Options, optional
    persona : dict, optional

    Returns
    -------
    Plan
        Its goal says how the pair was chosen, how alike the two sound (cosine of their embeddings, [-1, 1]) and by which kinds
        the catalogue tells them apart.

    Raises
    ------
    InputError
        If fewer than two tracks can be played.
    """
    options, rng = options or Options(), seeds.stdlib(seed, dialogue_id)
    how = rng.choice(PAIRS) if options.pair == "any" else options.pair
    one, other = draw_pair(rng, snapshot, how)
    clips = any_clip(rng, snapshot, one), any_clip(rng, snapshot, other)
    known = [values_of(snapshot, track) for track in (one, other)]
    apart = [kind for kind in TOLD_APART if _differ(*known, kind)]
    n = rng.randint(1, options.most)
    n_both = 1 + sum(rng.random() < options.both for _ in range(n - 1))
    asks = _asks(rng, known, apart, n=n_both, purposes=options.purposes, texture=options.texture)
    asks += draw_asks(rng, snapshot, other, n=n - len(asks), whether=options.whether, texture=options.texture)
    turns: list[PlannedTurn] = []
    for ask in asks:
        turns += exchange((ask,), clips)
    return Plan(
        id=dialogue_id, recipe=NAME, seed=seed, persona=persona or {}, turns=tuple(turns),
        goal={
            "track_ids": [clip.track_id for clip in clips], "pair": how,
            "similarity": round(float(snapshot.embedding[one] @ snapshot.embedding[other]), 4),
            "apart": apart,
        },
        tracks={clip.track_id: snapshot.ref(track) for clip, track in zip(clips, (one, other), strict=True)},
    )  # fmt: skip


def plan_many(
    snapshot: Snapshot, *, seed: int, n: int, shard: tuple[int, int] = (0, 1), options: Options | None = None
) -> Iterator[Plan]:
    """Plan `n` dialogues, or a shard of them; the plans are the same however they are split."""
    for i, persona in numbered(seed=seed, n=n, shard=shard):
        yield plan_dialogue(snapshot, seed=seed, dialogue_id=f"co-{i:06d}", options=options, persona=persona)


def _asks(
    rng: random.Random, known: list[dict[str, list[str]]], apart: Sequence[str], *, n: int, purposes: float, texture: float
) -> list[str]:
    """Up to `n` different questions about both clips, mostly after kinds by which the two are told apart.

    The first may be which suits a purpose (``suits:THEME``), where the catalogue has it for one of the two.
    """
    left = {ask: weight * (ALIKE if ask.partition(":")[2] in {*TOLD_APART} - {*apart} else 1) for ask, weight in ASKS.items()}
    beyond, asks = list(TEXTURE), []
    of_one = sorted(set(known[0].get("instrument", [])) ^ set(known[1].get("instrument", [])))
    if not of_one:
        del left["which"]
    themes = sorted(set(known[0].get("theme", [])) ^ set(known[1].get("theme", [])))
    if themes and rng.random() < purposes:
        asks.append(f"suits:{rng.choice(themes)}")
    while len(asks) < n:
        if texture and beyond and rng.random() < texture:
            asks.append(beyond.pop(rng.randrange(len(beyond))))
        else:
            ask = weighted(rng, left)
            asks.append(f"which:instrument:{rng.choice(of_one)}" if ask == "which" else ask)
            del left[ask]
    return asks


def draw_pair(rng: random.Random, snapshot: Snapshot, how: str) -> tuple[int, int]:
    """Two tracks that can be played: ``near``, ``middling`` or ``far`` by sound, or ``one apart`` by what is known of them."""
    tracks = playable(snapshot)
    if len(tracks) < 2:
        raise InputError("two clips cannot be compared where one track can be played; ingest more music")
    one = int(rng.choice(tracks))
    others = tracks[tracks != one]
    if how == "one apart":
        return one, _one_apart(rng, snapshot, one, others)
    order = others[np.argsort(-(snapshot.embedding[others] @ snapshot.embedding[one]), kind="stable")]
    low, high = {"near": CLOSE, "middling": MIDDLE, "far": FAR}[how]
    first, last = int(low * len(order)), max(int(low * len(order)) + 1, round(high * len(order)))
    return one, int(rng.choice(order[first:last]))


def _one_apart(rng: random.Random, snapshot: Snapshot, one: int, others: np.ndarray) -> int:
    """Of the tracks that share most, one that differs in the fewest kinds: in one, where there is such a track."""
    alike = np.bitwise_count(snapshot.rows[others] & snapshot.rows[one]).sum(axis=1, dtype=np.int64)
    near = others[np.argsort(-alike, kind="stable")[:LOOKED_AT]]
    own = values_of(snapshot, one)
    apart = np.array([sum(_differ(own, values_of(snapshot, int(t)), kind) for kind in TOLD_APART) for t in near])
    wanted = apart[apart >= 1].min(initial=len(TOLD_APART))
    fits = near[apart == wanted] if (apart == wanted).any() else near
    return int(rng.choice(fits))


def _differ(one: dict[str, list[str]], other: dict[str, list[str]], kind: str) -> bool:
    """Whether a kind is known of both and no value of it is shared."""
    return bool(one.get(kind) and other.get(kind)) and not set(one[kind]) & set(other[kind])
