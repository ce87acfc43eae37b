"""Talk the walk: a walk over collections of tracks toward a hidden one, and the talk that explains each of its steps.

After TalkTheWalk (Leszczynski et al., arXiv 2301.11489): items and curated collections share a space; a biased random walk over
collections gives a sequence of item sets that drifts to a target set; a language model then writes the user's turn that
explains each move. Here it hears a track of the set that is left, and the liked one that points to the set that comes; larger
listeners may hear tracks of that set too (`ahead`).

What each option means there stands in its description. The abstract, which is all of the paper that was at hand, gives no
formula and no number: those are this module's own.
"""

import math
import random
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator

from mdialog import gather, seeds
from mdialog.attributes import Attribute
from mdialog.cascade import Cascade, Goal, is_focus, weighted
from mdialog.clips import best_clip
from mdialog.contrast import contrasts, has
from mdialog.dialogue import MAX_TRACK_SEQ
from mdialog.errors import InputError
from mdialog.gather import MAX_SIZE, MIN_SIZE, SOURCES, TITLE_WEIGHT, Collection, Space, unit
from mdialog.intents import kind_weights, set_sizes
from mdialog.plan import Clip, Plan
from mdialog.playlists import read_playlists
from mdialog.recipes.audio_dialogue import numbered
from mdialog.recipes.talk import Talk, persona_of
from mdialog.snapshot import Snapshot, unpack

NAME = "talk-the-walk"
KEPT = 5  # tracks that a wish leaves of a set, where it has as many
PER_ARTIST = 2  # tracks of one artist in a set, where there are others
AVOID_SHARE = 0.5  # of further wishes of a turn: they name what is left behind, not what comes
ARTIST_SHARE = 0.3  # of likenesses: to the artist, not the track
GREETING_SHARE = 0.3


class Options(BaseModel):
    """How walks go.

    Of TalkTheWalk's own are, by its abstract, that the walk is random (`noise`) and biased toward a target (`bias`), that it
    gives a sequence of sets (`length`, `slate`) which drift (`drift`), and that collections are curated (`playlists`). How
    far, how long and how many is not said there, and nothing of `reach`, `named`, `likes`, `dislikes`, `wishes`, `ahead`,
    `sources`, sizes and titles. A page shows a whole set; who reads knows of it what is named. People (CPCD) talk for 5.3
    turns, like 3.6 tracks in each and refuse 1.0.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    bias: float = Field(2.0, ge=0, description="pull of the target on a step, beside 1 of the place where the walk is; 0: none")
    length: int = Field(5, ge=1, le=14, description="sets of a walk at the most; it ends where it reaches its target")
    drift: float = Field(0.75, gt=0, le=1, description="how far a step goes: 1 is all the way to the collection that was drawn")
    noise: float = Field(0.5, ge=0, description="temperature of a step's softmax: 0 takes the best, more goes astray")
    reach: float = Field(0.25, gt=0, le=1, description="share of all collections that a step chooses among: the nearest")
    slate: int = Field(MAX_TRACK_SEQ, ge=1, le=MAX_TRACK_SEQ, description="tracks of a set at the most")
    named: int = Field(1, ge=1, le=3, description="tracks of a set that its turn names: only these are liked or refused")
    likes: int = Field(3, ge=1, le=3, description="named tracks that are liked at the most: those nearest to the target")
    dislikes: float = Field(0.25, ge=0, le=1, description="chance that the named track farthest from the target is refused")
    ahead: int = Field(0, ge=0, le=2, description="tracks of the set to come that the user hears too; for larger listeners")
    wishes: int = Field(2, ge=1, le=3, description="wishes that a turn adds at the most")
    sonic: float = Field(0.5, ge=0, le=1, description="how often wishes name what the sound shows: 0 as people do")
    sources: tuple[Literal["artist", "value", "sound"], ...] = Field(SOURCES, description="collections of the catalogue's own")
    playlists: tuple[Path, ...] = Field((), description="playlist files, or folders of them, that are walked over too")
    min_size: int = Field(MIN_SIZE, ge=1, description="tracks of a collection at the least")
    max_size: int = Field(MAX_SIZE, ge=1, description="tracks of a collection at the most: those nearest to its middle")
    title_weight: float = Field(TITLE_WEIGHT, ge=0, description="of a title's text in a collection's place, if it is embedded")

    @field_validator("sources", "playlists", mode="before")
    @classmethod
    def _listed(cls, given: object) -> object:
        """A text is a list with commas, as a command line has it."""
        return [part.strip() for part in given.split(",") if part.strip()] if isinstance(given, str) else given


DEFAULT = Options()


def space_of(
    snapshot: Snapshot,
    *,
    options: Options = DEFAULT,
    collections: Iterable[Collection] = (),
    embed_text: Callable[[Sequence[str]], np.ndarray] | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Space:
    """The collections to walk over, in the space of the tracks.

    Parameters
    ----------
    snapshot : Snapshot
    options : Options
        What is gathered from playlists and from the catalogue.
    collections : iterable of Collection
        Others, as ``gather.albums(catalog, snapshot)``.
    embed_text : callable, optional
        Texts to vectors of the tracks' space (``Clap.embed_text``): titles then count too.
    say : callable
        Told what was found of the playlists, and what not.

    Raises
    ------
    InputError
        If there are fewer than two collections that sound.
    """
    sizes = {"min_size": options.min_size, "max_size": options.max_size}
    lists = [playlist for path in options.playlists for playlist in read_playlists(path)]
    gathered = gather.gather(lists, snapshot, **sizes)
    if lists:
        say(gathered.report())
    given = [*gathered.collections, *collections]
    own = gather.of_snapshot(snapshot, sources=options.sources, **sizes)
    space = Space.of(snapshot, [*given, *own], embed_text=embed_text, title_weight=options.title_weight)
    if len(space.collections) < 2:
        raise InputError(
            f"{len(space.collections)} collections with sound of {options.min_size} to {options.max_size} tracks among "
            f"{len(snapshot)}: a walk needs two; ingest more music, lower min_size, or give playlists of it"
        )
    return space


def next_collection(
    rng: random.Random, space: Space, *, position: np.ndarray, target: int, open_: Sequence[int], options: Options
) -> int | None:
    """Where a walk goes from a place.

    Of the open collections nearest to the place (a share `options.reach` of all) one is drawn, with probability
    ``softmax((z(similarity to the place) + bias * z(similarity to the target)) / noise)``; z brings the similarities of these
    collections to mean 0 and deviation 1.

    Parameters
    ----------
    rng : random.Random
    space : Space
    position : np.ndarray of float32 [shape=(dim,)]
    target : int
    open_ : sequence of int
        Collections that may be gone to.
    options : Options

    Returns
    -------
    int or None
        None if nothing is open.
    """
    if not len(open_):
        return None
    open_ = np.asarray(open_)
    n = math.ceil(options.reach * len(space.collections))
    near = open_[np.argsort(-(space.places[open_] @ position), kind="stable")[:n]]
    score = _z(space.places[near] @ position) + options.bias * _z(space.places[near] @ space.places[target])
    if not options.noise:
        return int(near[score.argmax()])
    return rng.choices(near.tolist(), weights=np.exp((score - score.max()) / options.noise).tolist())[0]


def _z(values: np.ndarray) -> np.ndarray:
    return (values - values.mean()) / (values.std() + 1e-9)


# ---- plans


@dataclass(kw_only=True)
class _Walk(Talk):
    """A walk under way, and what has been said on it."""

    space: Space
    options: Options
    target: int
    at: int
    position: np.ndarray
    path: list[int] = field(default_factory=list)
    slate: list[int] = field(default_factory=list)
    spoken: list[int] = field(default_factory=list)  # tracks that were named, of all sets
    clips: dict[int, Clip] = field(default_factory=dict)

    def clip(self, track: int) -> Clip:
        """The track's best clip; once heard it stays, so that both sides speak of the same seconds."""
        self.named.add(track)
        if track not in self.clips:
            self.clips[track] = best_clip(self.snapshot, track, wanted=self.cascade.in_force)
        return self.clips[track]

    @property
    def introduced(self) -> list[int]:
        """The tracks of the last set that were named."""
        return self.slate[: self.options.named]

    def nearness(self, tracks: Sequence[int]) -> np.ndarray:
        """Similarity of tracks to the target."""
        return self.space.place(self.snapshot.embedding[list(tracks)]) @ self.space.places[self.target]


def plan_dialogue(
    snapshot: Snapshot,
    *,
    seed: int,
    dialogue_id: str,
    options: Options = DEFAULT,
    space: Space | None = None,
    persona: dict[str, str] | None = None,
) -> Plan:
    """Plan one dialogue: a set of tracks in each of the assistant's turns, and in each user's turn what leads to it.

    Parameters
    ----------
    snapshot, seed, dialogue_id, options, persona
        As for :func:`mdialog.recipes.music_discovery.plan_dialogue`.
    space : Space, optional
        By default that of :func:`space_of`; give it where several dialogues are planned.

    Raises
    ------
    InputError
        If there are too few collections to walk over.
    """
    space = space_of(snapshot, options=options) if space is None else space
    persona = persona_of(dialogue_id, seed=seed) if persona is None else persona
    walk = _start(snapshot, space, options, seeds.stdlib(seed, dialogue_id))
    while len(walk.path) < options.length and _step(walk):
        pass
    target = space.collections[walk.target]
    return walk.plan(
        dialogue_id, recipe=NAME, seed=seed, persona=persona, collection=target.title,
        walk={
            "options": options.model_dump(mode="json", exclude={"playlists"}),
            "collections": [space.collections[c].id for c in walk.path],
            "target": target.id,
        },
    )  # fmt: skip


def of_catalog(catalog, snapshot: Snapshot, options: Options) -> dict[str, Space]:
    """What `plan_many` takes of a catalogue: its albums among the collections, titles heard by its CLAP.

    What was found of playlists, and what not, is said on stderr.
    """
    sizes = {"min_size": options.min_size, "max_size": options.max_size}
    space = space_of(
        snapshot, options=options, collections=gather.albums(catalog, snapshot, **sizes),
        embed_text=catalog.clap.embed_text if options.title_weight else None, say=lambda text: print(text, file=sys.stderr),
    )  # fmt: skip
    return {"space": space}


def plan_many(
    snapshot: Snapshot,
    *,
    seed: int,
    n: int,
    shard: tuple[int, int] = (0, 1),
    options: Options = DEFAULT,
    space: Space | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Iterator[Plan]:
    """Plan `n` dialogues, or a shard of them; the plans are the same however they are split.

    Parameters
    ----------
    snapshot, seed, options, space
        As for :func:`plan_dialogue`.
    n, shard
        As for :func:`mdialog.recipes.music_discovery.plan_many`; the dialogues are ``tw-000000`` and so on.
    say : callable
        As for :func:`space_of`.
    """
    for i, persona in numbered(seed=seed, n=n, shard=shard):
        space = space_of(snapshot, options=options, say=say) if space is None else space
        yield plan_dialogue(snapshot, seed=seed, dialogue_id=f"tw-{i:06d}", options=options, space=space, persona=persona)


def _start(snapshot: Snapshot, space: Space, options: Options, rng: random.Random) -> _Walk:
    """A target of a drawn source, and a start in the farther half from it."""
    sources: dict[str, list[int]] = {}
    for i, collection in enumerate(space.collections):
        sources.setdefault(collection.source, []).append(i)
    target = rng.choice(sources[rng.choice(list(sources))])
    farthest = np.argsort(space.places @ space.places[target], kind="stable")
    others = farthest[farthest != target].tolist()
    start = rng.choice(others[: max(1, len(others) // 2)])
    cascade = Cascade(snapshot, _goal(snapshot, space.members[target]))
    return _Walk(
        cascade=cascade, rng=rng, space=space, options=options, target=target, at=start, position=space.places[start]
    )


def _goal(snapshot: Snapshot, tracks: np.ndarray) -> Goal:
    rows = snapshot.rows[tracks]
    known = np.bitwise_and.reduce(snapshot.known_rows[tracks])
    absent = unpack(known & ~np.bitwise_or.reduce(rows))
    return Goal(tracks, unpack(np.bitwise_and.reduce(rows)), absent, snapshot.sketch[tracks].mean(axis=0))


def _step(walk: _Walk) -> bool:
    """One turn of each side, for the collection that the walk comes to; False, with nothing added, where it ends."""
    if walk.path:
        if walk.at == walk.target:
            return False
        left = walk.space.any_of(~has(walk.cascade.seen, walk.space.flat))
        left[walk.path] = False
        left = np.flatnonzero(left)
        to = next_collection(walk.rng, walk.space, position=walk.position, target=walk.target, open_=left, options=walk.options)
        if to is None:
            return False
        walk.at = to
        walk.position = unit((1 - walk.options.drift) * walk.position + walk.options.drift * walk.space.places[to])
    walk.path.append(walk.at)
    tracks = _user_turn(walk)
    _assistant_turn(walk, tracks)
    return True


# ---- the user's turn: what explains the move


def _user_turn(walk: _Walk) -> list[int]:
    """Record the turn that leads to the collection; returns the set of tracks that answers it."""
    cascade, first = walk.cascade, not walk.turns
    liked, refused = _judge(walk)
    members = walk.space.members[walk.at]
    fresh, dropped = _fitting(walk, members[~has(cascade.seen, members)])
    lapsed, removed = [a for a in dropped if is_focus(a)], [a for a in dropped if not is_focus(a)]
    added, fresh, replaced = _wishes(walk, fresh)
    if not (added or removed or first):
        added = _likeness(walk, liked, fresh)
    tracks = _slate(walk, fresh)
    clips, ahead = _judged_clips(walk, liked, refused), _clips_ahead(walk, tracks)
    intents = {"initial_query"} if first else {"accept_response"} if liked else set()
    intents |= {"greeting"} if first and walk.rng.random() < GREETING_SHARE else set()
    intents |= {"add_filter"} if added else set()
    intents |= {"remove_filter"} if removed else set()
    intents |= {"reject_response"} if refused else set()
    intents |= set() if added or removed or first else {"continue"}
    lapsed += replaced
    walk.seeker_says(
        intents, added=added, removed=removed, lapsed=lapsed, liked=liked, refused=refused, clips=clips, ahead=ahead
    )
    return tracks


def _judge(walk: _Walk) -> tuple[list[int], list[int]]:
    """Of what was named of the last set: what is liked, nearest to the target, and what is refused, farthest and not of it."""
    if not walk.slate:
        return [], []
    order = [walk.introduced[i] for i in np.argsort(-walk.nearness(walk.introduced), kind="stable")]
    refused = []
    if order[-1] not in walk.cascade.goal.members and walk.rng.random() < walk.options.dislikes:
        refused = [order.pop()]
    return order[: walk.rng.randint(1, walk.options.likes)], refused


def _fitting(walk: _Walk, tracks: np.ndarray) -> tuple[np.ndarray, list[Attribute]]:
    """The tracks that satisfy what is in force, and what had to be given up so that there are enough of them."""
    cascade, dropped = walk.cascade, []
    while True:
        filters = {a: has(mask, tracks) for a, mask in cascade.in_force.items() if mask is not None}
        fits = np.logical_and.reduce([np.ones(len(tracks), dtype=bool), *filters.values()])
        if fits.sum() >= min(KEPT, len(tracks)):
            return tracks[fits], dropped
        dropped.append(min(filters, key=lambda a: filters[a].sum()))
        cascade.drop(dropped[-1])


def _wishes(walk: _Walk, tracks: np.ndarray) -> tuple[list[Attribute], np.ndarray, list[Attribute]]:
    """What sets the tracks apart from the last set; those of them that have it; and the attributes whose place it takes."""
    cascade, rng = walk.cascade, walk.rng
    sizes = set_sizes(stage="later" if walk.turns else "first")[: walk.options.wishes]
    wanted = rng.choices(range(1, len(sizes) + 1), weights=sizes)[0]
    polarities = ["want"] + ["avoid" if walk.turns and rng.random() < AVOID_SHARE else "want"] * (wanted - 1)
    added: list[Attribute] = []
    replaced: list[Attribute] = []
    for polarity in (*polarities, "want", "avoid"):  # the last two stand in for what was not found
        attribute = _wish(walk, tracks, polarity, added) if len(added) < wanted else None
        if attribute:
            replaced += cascade.add(attribute)
            added.append(attribute)
            tracks = tracks[has(cascade.in_force[attribute], tracks)]
    return added, tracks, replaced


def _wish(walk: _Walk, tracks: np.ndarray, polarity: str, added: Sequence[Attribute]) -> Attribute | None:
    """A wish that most of the tracks satisfy and the last set does not, drawn by its kind's weight; None if there is none."""
    cascade = walk.cascade
    weights = kind_weights(walk.options.sonic, stage="later" if walk.turns else "first")
    found: dict[Attribute, float] = {}
    for attribute, difference in contrasts(walk.snapshot, tracks, walk.slate, polarity=polarity):
        new = not _spent(cascade, attribute) and attribute.kind not in {a.kind for a in added}
        # No turn takes back what it has just asked for.
        new = new and not set(cascade.replaced_by(attribute)) & set(added)
        if new and has(cascade.mask_of(attribute), tracks).sum() >= min(KEPT, len(tracks)):
            found[attribute] = (weights.get(attribute.kind, 0.0) + 0.01) * difference
    return weighted(walk.rng, found) if found else None


def _spent(cascade: Cascade, attribute: Attribute) -> bool:
    """Whether the value was spoken of before, wanted or not."""
    return any(Attribute(attribute.kind, attribute.value, polarity) in cascade.spent for polarity in ("want", "avoid", "like"))


def _likeness(walk: _Walk, liked: Sequence[int], tracks: np.ndarray) -> list[Attribute]:
    """A liked track, or its artist, that the tracks to come are like: the nearest to them that can be named anew."""
    snapshot, cascade = walk.snapshot, walk.cascade
    kinds = ("artist", "track") if walk.rng.random() < ARTIST_SHARE else ("track", "artist")
    to = snapshot.embedding[tracks].mean(axis=0)
    for track in sorted(liked, key=lambda t: -float(snapshot.embedding[t] @ to)):
        for kind in kinds if snapshot.embedding[track].any() else ():
            code = int((snapshot.artist if kind == "artist" else snapshot.title)[track])
            if code >= 0:
                value = snapshot.artists[code].as_py() if kind == "artist" else walk.id_of(track)
                attribute = Attribute(kind, value, "like")
                if not _spent(cascade, attribute):
                    cascade.add(attribute)
                    return [attribute]
    return []


def _judged_clips(walk: _Walk, liked: Sequence[int], refused: Sequence[int]) -> tuple[Clip, ...]:
    """Two tracks that were named: one that is left behind, of the last set or one before, then the liked one, if any."""
    audible = walk.snapshot.audible
    good = [t for t in liked if audible[t]][:1]
    others = [walk.introduced[i] for i in np.argsort(walk.nearness(walk.introduced), kind="stable")] if walk.introduced else []
    others += [t for t in reversed(walk.spoken) if t not in walk.introduced]
    left = [t for t in (*refused, *others) if audible[t] and t not in liked][:1]
    return tuple(walk.clip(t) for t in (*left, *good))


def _clips_ahead(walk: _Walk, tracks: Sequence[int]) -> tuple[Clip, ...]:
    """The first tracks of the set that comes that can be heard; none before the first set, which is no move."""
    n = walk.options.ahead if walk.slate else 0
    return tuple(walk.clip(t) for t in [t for t in tracks if walk.snapshot.audible[t]][:n])


# ---- the assistant's turn: the set


def _slate(walk: _Walk, tracks: np.ndarray) -> list[int]:
    """The tracks nearest to the place of the walk, of an artist no more than needed; the first one can be heard."""
    artist, audible = walk.snapshot.artist, walk.snapshot.audible
    near = walk.space.place(walk.snapshot.embedding[tracks]) @ walk.position
    order = tracks[np.argsort(-near, kind="stable")].tolist()
    taken: list[int] = []
    for track in order:
        if artist[track] < 0 or sum(artist[t] == artist[track] for t in taken) < PER_ARTIST:
            taken.append(track)
    taken = (taken if len(taken) >= min(KEPT, len(order)) else order)[: walk.options.slate]
    first = next((t for t in taken if audible[t]), taken[0])
    return [first, *(t for t in taken if t != first)]


def _assistant_turn(walk: _Walk, tracks: list[int]) -> None:
    walk.cascade.offer(tracks)
    walk.slate = tracks
    clips = (walk.clip(tracks[0]),) if walk.snapshot.audible[tracks[0]] else ()
    walk.spoken += walk.introduced
    walk.recommender_says(["passive_recommend"], tracks=tracks, named=len(walk.introduced), clips=clips)
