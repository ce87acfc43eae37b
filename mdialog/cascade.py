"""Cascade: the attributes in force along a dialogue and the pool of tracks that satisfy them, toward a hidden goal.

The pool narrows when a filter is added, widens when one is dropped, and always holds a track that was not offered yet.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mdialog.attributes import Attribute
from mdialog.snapshot import Snapshot, count, unpack

# A wish of these kinds points at few tracks: the next one of them takes its place, and it lapses when used up.
FOCUS_KINDS = ("artist", "track")
# Kinds of the human counts that are likenesses, and what a likeness of each is written as.
LIKE_KINDS = {"similar_track": "track", "similar_artist": "artist"}
AVOID_KINDS = ("genre", "mood", "theme", "instrument", "vocal", "tempo", "energy", "culture")

GOAL_SIZE = (3, 10)
GOAL_CATALOG_SHARE = 50  # a small catalogue has small goals: one track in fifty
GOAL_ATTRIBUTES = 10  # attributes by which a goal is gathered around its first track
GOAL_DRAWS = 3
GOAL_ARTIST_TRACKS = 3  # tracks of one artist in a goal
TRACKS_KEPT = 3  # tracks not offered yet that a new filter leaves while the dialogue goes on
SHORTLIST = 64  # tracks that are ranked exactly
DRAWN = 256  # tracks among which a pool without a ranking is drawn from
LIKED_WEIGHT, REFUSED_WEIGHT = 0.7, 0.5  # beside 1.0 for a likeness that was asked for


@dataclass(frozen=True)
class Goal:
    """What the seeker is after.

    Parameters
    ----------
    tracks : np.ndarray of int [shape=(1 to 10,)]
    shared : np.ndarray of int
        Values (rows of the snapshot's bits) that every one of the tracks has.
    absent : np.ndarray of int
        Values that none of them has, of kinds known for all of them.
    center : np.ndarray of float32 [shape=(sketch dim,)]
    """

    tracks: np.ndarray
    shared: np.ndarray
    absent: np.ndarray
    center: np.ndarray

    @cached_property
    def members(self) -> frozenset[int]:
        """The tracks' numbers."""
        return frozenset(self.tracks.tolist())


def kind_of(attribute: Attribute) -> str:
    """The kind as the human counts name it: ``~track:`` is `similar_track`."""
    return f"similar_{attribute.kind}" if attribute.polarity == "like" else attribute.kind


def weighted(rng: random.Random, weights: Mapping[str, float]) -> str:
    """One key, drawn by weight."""
    x = rng.random() * sum(weights.values())
    for key, weight in weights.items():
        x -= weight
        if x < 0:
            return key
    return key


def thin(rng: random.Random, members: np.ndarray, n: int) -> np.ndarray:
    """`n` of the members, evenly spaced from a drawn start."""
    places = (np.arange(n) * (len(members) / n) + rng.random() * len(members)).astype(np.int64)
    return members[places % len(members)]


def draw_goal(rng: random.Random, snapshot: Snapshot, *, weights: Mapping[str, float], narrow: bool = False) -> Goal:
    """A small set of tracks that share attributes and sound alike, around one drawn track.

    Parameters
    ----------
    rng : random.Random
    snapshot : Snapshot
    weights : mapping of kind to float
        How much each kind counts when the attributes to share are chosen.
    narrow : bool
        The smallest goal there is.
    """
    starts = snapshot.starts
    start = int(starts[rng.randrange(len(starts))])
    least, most = GOAL_SIZE
    size = rng.randint(least, least if narrow else max(least, min(most, len(starts) // GOAL_CATALOG_SHARE)))
    pool = snapshot.usable
    own = unpack(snapshot.rows[start]).tolist()
    left = {v: weights.get(snapshot.values[v][0], 0.0) + 0.01 for v in own}
    for _ in range(GOAL_ATTRIBUTES):
        if not left:
            break
        # Of a few drawn values the one that most tracks share: goals with much in common come of small steps.
        drawn = sorted(set(rng.choices(list(left), weights=list(left.values()), k=GOAL_DRAWS)))
        sizes = count(pool & snapshot.bits[drawn])
        best = drawn[int(sizes.argmax())]
        del left[best]
        if sizes.max() >= size:
            pool = pool & snapshot.bits[best]
    members = unpack(pool)
    if len(members) > DRAWN:
        members = thin(rng, members, DRAWN)
    alike = count(snapshot.rows[members] & snapshot.rows[start]) / max(1, len(own))
    near = members[np.argsort(-alike - snapshot.sketch[members] @ snapshot.sketch[start], kind="stable")]
    tracks, per_artist = [start], {int(snapshot.artist[start]): 1}
    for track in near.tolist():
        artist = int(snapshot.artist[track])
        if track != start and len(tracks) < size and (artist < 0 or per_artist.get(artist, 0) < GOAL_ARTIST_TRACKS):
            per_artist[artist] = per_artist.get(artist, 0) + 1
            tracks.append(track)
    return _goal(snapshot, np.array(tracks))


def _goal(snapshot: Snapshot, tracks: np.ndarray) -> Goal:
    rows = snapshot.rows[tracks]
    shared, some = np.bitwise_and.reduce(rows), np.bitwise_or.reduce(rows)
    kinds_known = np.bitwise_and.reduce(snapshot.known_rows[tracks])
    return Goal(
        tracks=tracks,
        shared=unpack(shared),
        absent=unpack(kinds_known & ~some),
        center=snapshot.sketch[tracks].mean(axis=0),
    )


class Cascade:
    """State of one dialogue: what is in force, what was offered, liked and refused.

    Parameters
    ----------
    snapshot : Snapshot
    goal : Goal
    """

    def __init__(self, snapshot: Snapshot, goal: Goal):
        self.snapshot, self.goal = snapshot, goal
        self.in_force: dict[Attribute, np.ndarray | None] = {}
        self.spent: set[Attribute] = set()  # introduced once, in force or not
        self.seen = np.zeros_like(snapshot.usable)
        self.liked: list[int] = []
        self.refused: list[int] = []
        self._pool_changed()

    # ---- the pool

    def _pool_changed(self) -> None:
        self.pool = self._all(focus=True)
        self.size = int(count(self.pool))
        self._fresh_changed()

    def _fresh_changed(self) -> None:
        self.fresh = self.pool & ~self.seen
        self.n_fresh = int(count(self.fresh))
        self._narrowings: tuple[np.ndarray, np.ndarray] | None = None

    def _all(self, *, focus: bool) -> np.ndarray:
        pool = self.snapshot.usable
        for attribute, mask in self.in_force.items():
            if mask is not None and (focus or not is_focus(attribute)):
                pool = pool & mask
        return pool

    def mask_of(self, attribute: Attribute) -> np.ndarray | None:
        """Tracks that satisfy an attribute, packed; None for a likeness, which only ranks."""
        if attribute.polarity == "like":
            return None
        snapshot = self.snapshot
        if attribute.kind == "artist":
            has = snapshot.mask(snapshot.tracks_by(snapshot.artist_index[attribute.value]))
            known = snapshot.artist_known
        elif attribute.kind == "track":
            has, known = snapshot.mask(snapshot.tracks_named(attribute.value)), None
        else:
            has = snapshot.bits[snapshot.value_index[attribute.kind, attribute.value]]
            known = snapshot.known[attribute.kind]
        return has if attribute.polarity == "want" else known & ~has

    def add(self, attribute: Attribute) -> list[Attribute]:
        """Put an attribute in force; returns those whose place it takes."""
        replaced = self.replaced_by(attribute)
        for old in replaced:
            del self.in_force[old]
        self.in_force[attribute] = self.mask_of(attribute)
        self.spent.add(attribute)
        if attribute.polarity == "like" and attribute.kind == "track":
            # Who says "like this one" knows it: it is no recommendation.
            self.seen = self.seen | self.snapshot.mask([self.snapshot.index[attribute.value]])
        self._pool_changed()
        return replaced

    def replaced_by(self, attribute: Attribute) -> list[Attribute]:
        """The focus, if another comes or a filter would not narrow it and leave enough; a likeness only ranks."""
        focus = [a for a in self.in_force if is_focus(a)]
        if not focus or attribute.polarity == "like":
            return []
        mask = self.mask_of(attribute)
        fits = count(self.pool & mask) < self.size and count(self.fresh & mask) >= TRACKS_KEPT
        return focus if is_focus(attribute) or not fits else []

    def drop(self, attribute: Attribute) -> None:
        """Take an attribute out of force: the pool widens."""
        del self.in_force[attribute]
        self._pool_changed()

    def lapse(self, *, below: int) -> list[Attribute]:
        """Drop the focus if fewer than `below` tracks that were not offered are left under it."""
        focus = [a for a in self.in_force if is_focus(a)]
        if self.n_fresh >= below or not focus:
            return []
        for attribute in focus:
            del self.in_force[attribute]
        self._pool_changed()
        return focus

    def offer(self, tracks: Sequence[int]) -> None:
        """Mark tracks as offered: they do not come again."""
        self.seen = self.seen | self.snapshot.mask(tracks)
        self._fresh_changed()

    # ---- wishes that lead to the goal

    def draw_want(self, rng: random.Random, *, weights: Mapping[str, float], reserve: int) -> Attribute | None:
        """A wish that the goal satisfies, narrows the pool and leaves `reserve` tracks not offered yet; or None.

        Parameters
        ----------
        rng : random.Random
        weights : mapping of kind to float
        reserve : int >= 1
        """
        left = {kind: weight for kind, weight in weights.items() if weight > 0}
        while left:
            kind = weighted(rng, left)
            del left[kind]
            options = self._options(kind, reserve)
            if options:
                return options[rng.randrange(len(options))]
        return None

    def draw_avoid(self, rng: random.Random, *, weights: Mapping[str, float], reserve: int) -> Attribute | None:
        """Something that no goal track has but the pool does, to be kept out; or None."""
        absent = self.goal.absent
        absent = absent[count(self.snapshot.bits[absent] & self.fresh) > 0]
        options: dict[str, list[Attribute]] = {}
        for kind, value in (self.snapshot.values[v] for v in absent):
            if kind in AVOID_KINDS:
                options.setdefault(kind, []).append(Attribute(kind, value, "avoid"))
        left = {kind: weights.get(kind, 0.0) + 0.01 for kind in options}
        while left:
            kind = weighted(rng, left)
            del left[kind]
            attribute = options[kind][rng.randrange(len(options[kind]))]
            if attribute not in self.spent and count(self.fresh & self.mask_of(attribute)) >= reserve:
                return attribute
        return None

    def _options(self, kind: str, reserve: int) -> list[Attribute]:
        if kind in FOCUS_KINDS:
            return self._focus_options(kind)
        if kind in LIKE_KINDS:
            return self._like_options(kind)
        if self._narrowings is None:
            self._narrowings = self._count_narrowings()
        narrows, n_fresh = self._narrowings
        options = []
        for v in self.goal.shared[narrows & (n_fresh >= reserve)].tolist():
            if self.snapshot.values[v][0] == kind:
                attribute = Attribute(kind, self.snapshot.values[v][1])
                if attribute not in self.spent and Attribute(*self.snapshot.values[v], "avoid") not in self.spent:
                    options.append(attribute)
        return options

    def _count_narrowings(self) -> tuple[np.ndarray, np.ndarray]:
        """For each value that the goal shares: does it narrow the pool, and how many tracks not offered does it leave?

        Where a focus leaves no room for it, without the focus, which it then replaces.
        """
        masks = self.snapshot.bits[self.goal.shared]
        narrows, n_fresh = count(masks & self.pool) < self.size, count(masks & self.fresh)
        if any(map(is_focus, self.in_force)):
            base = self._all(focus=False)
            beyond = ~narrows | (n_fresh < TRACKS_KEPT)
            narrows = np.where(beyond, count(masks & base) < count(base), narrows)
            n_fresh = np.where(beyond, count(masks & base & ~self.seen), n_fresh)
        return narrows, n_fresh

    def _focus_options(self, kind: str) -> list[Attribute]:
        """Artists or titles of goal tracks that were not offered yet."""
        snapshot, base = self.snapshot, self._all(focus=False)
        codes, names = (snapshot.artist, snapshot.artists) if kind == "artist" else (snapshot.title, snapshot.titles)
        base_size, unseen = int(count(base)), base & ~self.seen
        options = []
        for code in dict.fromkeys(codes[self.goal.tracks].tolist()):
            if code < 0:
                continue
            attribute = Attribute(kind, names[code].as_py())
            if any(Attribute(kind, attribute.value, polarity) in self.spent for polarity in ("want", "avoid", "like")):
                continue
            mask = self.mask_of(attribute)
            if count(mask & unseen) and count(mask & base) < base_size:
                options.append(attribute)
        return options

    def _like_options(self, kind: str) -> list[Attribute]:
        """Tracks or artists to be like: a liked one, else neighbours of the goal that are not part of it."""
        snapshot = self.snapshot
        if not snapshot.embedding.shape[1] or self.n_fresh < 2 or not self.goal.center.any():
            return []
        tracks = [t for t in self.liked[-3:] if snapshot.audible[t]] or self._neighbours()
        options = []
        for track in tracks:
            if kind == "similar_track" and snapshot.title[track] >= 0:
                options.append(Attribute("track", snapshot.ids[track].as_py(), "like"))
            elif kind == "similar_artist" and snapshot.artist[track] >= 0:
                options.append(Attribute("artist", snapshot.artists[int(snapshot.artist[track])].as_py(), "like"))
        named = {a.value for a in self.in_force if a.polarity == "avoid" or is_focus(a)}
        return [a for a in dict.fromkeys(options) if a not in self.spent and a.value not in named]

    def _neighbours(self) -> list[int]:
        """Tracks with sound that are near the goal but not in it."""
        near = self.snapshot.sketch @ self.goal.center
        n = min(len(near), 16)
        top = np.argpartition(-near, n - 1)[:n]
        return [t for t in np.sort(top).tolist() if t not in self.goal.members and self.snapshot.audible[t]]

    # ---- ranking

    def _reference(self, *, from_liked: bool) -> np.ndarray | None:
        """What to sound like: likenesses asked for, toward what was liked, away from what was refused."""
        snapshot, parts = self.snapshot, []
        for attribute in self.in_force:
            if attribute.polarity != "like":
                continue
            if attribute.kind == "track":
                parts.append(snapshot.embedding[snapshot.index[attribute.value]])
            else:
                parts.append(snapshot.artist_embedding(snapshot.artist_index[attribute.value]))
        if self.liked:
            weight = LIKED_WEIGHT * (2 if from_liked else 1)
            parts.append(weight / len(self.liked) * snapshot.embedding[self.liked].sum(axis=0))
        if self.refused:
            parts.append(-REFUSED_WEIGHT / len(self.refused) * snapshot.embedding[self.refused].sum(axis=0))
        reference = np.sum(parts, axis=0) if parts else None
        return reference if reference is not None and reference.any() else None

    def ranked(self, rng: random.Random, *, n: int, from_liked: bool = False) -> list[int]:
        """Up to `n` tracks of the pool that were not offered yet, best first, no artist more than needed.

        Parameters
        ----------
        rng : random.Random
            Draws, by popularity, where nothing was said to rank by.
        n : int >= 1
        from_liked : bool
            Lean more on what was liked.
        """
        snapshot, members = self.snapshot, unpack(self.fresh)
        reference = self._reference(from_liked=from_liked)
        if reference is None:
            order = self._drawn(rng, members)
        else:
            if len(members) > SHORTLIST:
                rough = snapshot.sketch[members] @ (reference @ snapshot.axes)
                members = members[np.argpartition(-rough, SHORTLIST)[:SHORTLIST]]
            order = members[np.argsort(-(snapshot.embedding[members] @ reference), kind="stable")]
        return self._varied(order.tolist(), n)

    def _drawn(self, rng: random.Random, members: np.ndarray) -> np.ndarray:
        """Members in random order, known ones a little earlier (Efraimidis and Spirakis 2006)."""
        if len(members) > DRAWN:
            members = thin(rng, members, DRAWN)
        weight = 0.3 + self.snapshot.popularity_or_half[members]
        keys = (np.frombuffer(rng.randbytes(4 * len(members)), dtype="<u4") / 2**32) ** (1 / weight)
        return members[np.argsort(-keys, kind="stable")]

    def _varied(self, order: Sequence[int], n: int) -> list[int]:
        """The first `n` with two tracks an artist at most, unless an artist is what was asked for."""
        most = n if any(a.kind == "artist" for a in self.in_force if is_focus(a)) else 2
        artist, taken, per_artist = self.snapshot.artist, [], {}
        for track in order:
            name = int(artist[track])
            if name >= 0 and per_artist.get(name, 0) >= most:
                continue
            per_artist[name] = per_artist.get(name, 0) + 1
            taken.append(track)
            if len(taken) == n:
                break
        return taken


def is_focus(attribute: Attribute) -> bool:
    """Whether an attribute points at few tracks and gives way to the next such."""
    return attribute.kind in FOCUS_KINDS and attribute.polarity == "want"
