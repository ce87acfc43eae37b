"""Plan: everything decided about a dialogue before a word of it is written."""

import dataclasses
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mdialog.errors import InputError

ROLES = ("user", "assistant")


@dataclass(frozen=True)
class TrackRef:
    """What writing needs to know of a track, so that it needs no database.

    Parameters
    ----------
    track_id : str
    title, artist : str
    path : str or None
        Absolute path of the audio file; None for a metadata-only track.
    """

    track_id: str
    title: str
    artist: str
    path: str | None = None


@dataclass(frozen=True)
class Clip:
    """One to three adjacent windows of a track, in seconds from its start."""

    track_id: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class PlannedTurn:
    """One turn before it has words.

    Parameters
    ----------
    role : {'user', 'assistant'}
    intents : tuple of str
        Sorted labels of ``intents.py``.
    attributes : tuple of str
        Attributes that this turn introduces, as ``str(Attribute)``.
    removed : tuple of str
        Attributes in force that this turn drops, and says so.
    lapsed : tuple of str
        Attributes in force that end with this turn unsaid: an artist or a title that gives way to the next wish.
    asks : tuple of str
        Kinds that the turn asks about (`detail_attribute_request`, `item_attribute_question`), or answers.
    track_seq : tuple of str
        Recommended track ids, best first, at most ten; only on assistant turns that recommend.
    named : int or None
        How many of them, from the first on, the turn names: nothing else can be liked or refused next. None where that was left
        open: then it names the first, and may name others.
    pool_size : int or None
        Tracks that satisfy every attribute in force after this turn.
    clips : tuple of Clip
        What is heard while the turn is written; the last one is the track under discussion, one before it
        (if any) is there to compare with.
    ahead : tuple of Clip
        Of tracks to be recommended next: played before `clips`, only on user turns, and nothing is said of them.
    liked, refused : tuple of str
        Track ids that this turn accepts or rejects.
    """

    role: str
    intents: tuple[str, ...]
    attributes: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    lapsed: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()
    track_seq: tuple[str, ...] = ()
    named: int | None = None
    pool_size: int | None = None
    clips: tuple[Clip, ...] = ()
    ahead: tuple[Clip, ...] = ()
    liked: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """A dialogue to be written.

    Parameters
    ----------
    id : str
    recipe : str
    seed : int
        The run's seed; the plan's own draws derive from ``(seed, id)``.
    persona : dict
        Who speaks and how: at least ``{"user_manner": ..., "assistant_manner": ...}``.
    goal : dict
        What the seeker wants: ``{"attributes": [...], "track_ids": [...]}``.
    turns : tuple of PlannedTurn
    tracks : dict of str to TrackRef
        Every track that the turns may name or play.
    """

    id: str
    recipe: str
    seed: int
    persona: dict
    goal: dict
    turns: tuple[PlannedTurn, ...]
    tracks: dict[str, TrackRef] = field(default_factory=dict)

    @property
    def apart(self) -> bool:
        """Whether no turn answers another, as the lengths of a description do not: one may be missing."""
        return all("description" in turn.intents for turn in self.turns)


def about_and_before(heard: Sequence[Sequence[Clip]], *, beside: str | None = None) -> tuple[Clip | None, Clip | None]:
    """The clip that the last of some turns is about, and the last one heard before it of another track.

    Parameters
    ----------
    heard : sequence of sequence of Clip
        What each turn heard, from the first to the one in question.
    beside : str, optional
        The other track, where it is not just any.
    """
    if not heard or not heard[-1]:
        return None, None
    about = heard[-1][-1]
    others = [clip for clips in heard for clip in clips if clip.track_id != about.track_id and beside in (None, clip.track_id)]
    return about, others[-1] if others else None


def to_json(plan: Plan) -> str:
    """One line of ``plans.jsonl``."""
    made = dataclasses.asdict(plan)
    for turn in made["turns"]:
        if not turn["ahead"]:
            del turn["ahead"]  # as before there was such a thing: equal plans stay equal lines
    return json.dumps(made, ensure_ascii=False, separators=(",", ":"))


def from_json(line: str) -> Plan:
    """Read one line of ``plans.jsonl``.

    Raises
    ------
    InputError
        If the line is not a plan.
    """
    try:
        raw = json.loads(line)
        turns = tuple(
            PlannedTurn(
                **{k: tuple(v) if isinstance(v, list) else v for k, v in t.items() if k not in ("clips", "ahead")},
                clips=tuple(Clip(**c) for c in t["clips"]),
                ahead=tuple(Clip(**c) for c in t.get("ahead", ())),  # older plans have none
            )
            for t in raw.pop("turns")
        )
        tracks = {k: TrackRef(**v) for k, v in raw.pop("tracks").items()}
        return Plan(turns=turns, tracks=tracks, **raw)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"not a plan ({error}): {line[:80]!r}; make plans with `mdialog plan`") from error


def write_plans(plans: Iterable[Plan], path: Path) -> int:
    """Write plans to a JSON-lines file, complete or not at all; returns how many."""
    partial = path.with_name(path.name + ".partial")
    n = 0
    with partial.open("w", encoding="utf-8") as out:
        for plan in plans:
            out.write(to_json(plan) + "\n")
            n += 1
    partial.replace(path)
    return n


def read_plans(path: Path) -> Iterator[Plan]:
    """Plans of a JSON-lines file, one at a time."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield from_json(line)
