"""Audio dialogue: questions about what one clip sounds like, and answers from the sound, one to four of each.

Audio Dialogues (arXiv 2404.07616) with a writer that hears: a text model saw only captions and lists of events there. Asked
are kinds ("what tempo is it?"), values that are there or not ("is there a flute?") and the course over the clip; where sound
events are marked, what is heard, when, how long, how often, in which order (:mod:`mdialog.happenings`).
"""

import random
from collections.abc import Iterator, Mapping

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from mdialog import happenings, personas, seeds, vocab
from mdialog.cascade import weighted
from mdialog.errors import InputError
from mdialog.metadata import EventSpan, events_over
from mdialog.plan import Clip, Plan, PlannedTurn
from mdialog.snapshot import Snapshot, unpack

NAME = "audio-dialogue"
# What is asked, by how readily the sound answers; `course` is how the energy moves over the clip.
KINDS = {
    "instrument": 3.0, "lead": 1.0, "tempo": 3.0, "mood": 2.0, "energy": 2.0, "vocal": 2.0, "genre": 1.5, "mode": 1.5,
    "key": 0.7, "metre": 0.7, "course": 0.5, "electric": 0.5,
}  # fmt: skip
# Asked after too where it is wanted, but not taught to the bundled listener. All but the theme, and mostly `live`, can be held
# against the signal.
TEXTURE = ("brightness", "loudness", "density", "theme", "live")
OPEN_ONLY, VALUE_ONLY = ("course", "electric"), ("lead",)
TRUE_SHARE = 0.5  # of values asked after: the catalogue has them for the track
MOST = 4  # questions a dialogue, as the published set has
BUILDS_ON = 0.6  # of questions about events: on the sound that was asked about just before
DRAWS = 60  # of questions, before a clip is held to answer no more different ones


class Options(BaseModel):
    """What may be asked of this recipe."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    whether: float = Field(default=0.5, ge=0, le=1, description="share of questions after one value: is there a flute?")
    most: int = Field(default=MOST, ge=1, le=MOST, description="questions of a dialogue at most")
    texture: float = Field(default=0.0, ge=0, le=1, description="share of questions after timbre, loudness, density, use, "
                           "live or studio: not taught to the bundled listener")  # fmt: skip
    events: float = Field(default=0.7, ge=0, le=1, description="share of questions about sound events, where any are marked")


def plan_dialogue(
    snapshot: Snapshot, *, seed: int, dialogue_id: str, options: Options | None = None, persona: dict | None = None
) -> Plan:
    """Plan questions about one clip.

    Of a track with marked sound events the clip is cut where they lie. It is asked about its music only where music is
    among them.

    Parameters
    ----------
    snapshot : Snapshot
    seed : int
        The run's seed; every draw derives from it and `dialogue_id`.
    dialogue_id : str
    options : Options, optional
    persona : dict, optional

    Raises
    ------
    InputError
        If no track can be played.
    """
    options, rng = options or Options(), seeds.stdlib(seed, dialogue_id)
    track = int(rng.choice(playable(snapshot)))
    marked = eventful_windows(snapshot, track) if options.events else {}
    clip = eventful_clip(rng, snapshot, track, marked) if marked else any_clip(rng, snapshot, track)
    n = rng.randint(1, options.most)
    asks: list[str] = []
    if marked:
        events = marked[clip.start_s, clip.end_s]
        music = any(event.label == "music" for event in events)
        asks = draw_event_asks(rng, events, n=sum(rng.random() < options.events for _ in range(n)) if music else n)
        n = n - len(asks) if music else 0
    turns: list[PlannedTurn] = []
    for ask in asks + draw_asks(rng, snapshot, track, n=n, whether=options.whether, texture=options.texture):
        turns += exchange((ask,), (clip,), greets=not turns and rng.random() < 0.1)
    return Plan(
        id=dialogue_id, recipe=NAME, seed=seed, persona=persona or {}, goal={"track_ids": [clip.track_id]}, turns=tuple(turns),
        tracks={clip.track_id: snapshot.ref(track)},
    )  # fmt: skip


def plan_many(
    snapshot: Snapshot, *, seed: int, n: int, shard: tuple[int, int] = (0, 1), options: Options | None = None
) -> Iterator[Plan]:
    """Plan `n` dialogues, or a shard of them; the plans are the same however they are split."""
    for i, persona in numbered(seed=seed, n=n, shard=shard):
        yield plan_dialogue(snapshot, seed=seed, dialogue_id=f"ad-{i:06d}", options=options, persona=persona)


# ---- questions about sound events


Windows = dict[tuple[float, float], tuple[EventSpan, ...]]  # begin and end in seconds, to events in the window's own time


def eventful_windows(snapshot: Snapshot, track: int) -> Windows:
    """Windows of a track in which other sounds than music are marked, any but a short last one, with their events.

    Sounds whose names hold a plus sign cannot be asked about and are left out.
    """
    events = [event for event in snapshot.events_of(track) if "+" not in event.label]
    cut = {window: events_over(events, *window) for window in (full_windows(snapshot, track) if events else ())}
    return {window: own for window, own in cut.items() if sounds_of(own)}


def sounds_of(events: tuple[EventSpan, ...]) -> set[str]:
    """Names of the sounds other than music."""
    return {event.label for event in events} - {"music"}


def eventful_clip(rng: random.Random, snapshot: Snapshot, track: int, marked: Windows) -> Clip:
    """One of the windows in which sounds are marked; the more sounds, the likelier."""
    start, end = rng.choices(list(marked), weights=[len(sounds_of(own)) for own in marked.values()])[0]
    return Clip(snapshot.ref(track).track_id, start, end)


def draw_event_asks(rng: random.Random, events: tuple[EventSpan, ...], *, n: int) -> list[str]:
    """Up to `n` different questions that a clip's events answer clearly: what is there first, then when and how long.

    A later one may build on an earlier one: ``times:siren`` after ``onset:siren`` asks whether it comes in again. One at most
    is after what is there, or whether a sound is.
    """
    can = [ask for asks in happenings.askable(events).values() for ask in asks]
    asks: list[str] = []
    for _ in range(DRAWS * (n > 0)):
        spoken_of = happenings.names_of(asks[-1])[:1] if asks else []
        further = [ask for ask in can if spoken_of and spoken_of[0] in happenings.names_of(ask) and _is_new(ask, asks)]
        follows = further and rng.random() < BUILDS_ON
        ask = rng.choice(further) if follows else happenings.draw_ask(rng, events)
        if _is_new(ask, asks) and (ask != "event" or sounds_of(events) & {*vocab.events().names}):
            asks.append(ask)
        if len(asks) == n:
            break
    return sorted(asks, key=lambda ask: not ask.startswith("event"))


def _is_new(ask: str, asks: list[str]) -> bool:
    kind, names = ask.partition(":")[0], {*happenings.names_of(ask)}
    alike = [one for one in asks if one.partition(":")[0] == kind]
    return not alike if kind == "event" else all({*happenings.names_of(one)} != names for one in alike)


# ---- what the recipes of questions share


def numbered(*, seed: int, n: int, shard: tuple[int, int]) -> Iterator[tuple[int, dict[str, str]]]:
    """Numbers of a shard's dialogues, with their personas.

    Raises
    ------
    InputError
        If there is no such shard.
    """
    part, parts = shard
    if not 0 <= part < parts:
        raise InputError(f"shard {part} of {parts} does not exist; count from 0 to {parts - 1}")
    for i in range(part, n, parts):
        yield i, personas.draw(i, seed=seed)


def playable(snapshot: Snapshot) -> np.ndarray:
    """Numbers of the tracks that can be played.

    Raises
    ------
    InputError
        If there are none.
    """
    found = np.flatnonzero(snapshot.audible)
    if not len(found):
        raise InputError(f"none of {len(snapshot)} tracks can be played; ingest music with sound")
    return found


def any_clip(rng: random.Random, snapshot: Snapshot, track: int) -> Clip:
    """One window of a track, any but a short last one."""
    start, end = rng.choice(full_windows(snapshot, track))
    return Clip(snapshot.ref(track).track_id, start, end)


def full_windows(snapshot: Snapshot, track: int) -> list[tuple[float, float]]:
    """Begin and end of a track's windows in seconds, but for a short last one."""
    first, last = int(snapshot.window_start[track]), int(snapshot.window_start[track + 1])
    lengths = snapshot.window_s[first:last, 1] - snapshot.window_s[first:last, 0]
    full = snapshot.window_s[first:last][lengths >= lengths.max() - 0.05]
    return [(round(start, 3), round(end, 3)) for start, end in full.tolist()]


def draw_asks(
    rng: random.Random, snapshot: Snapshot, track: int, *, n: int, whether: float, texture: float = 0.0
) -> list[str]:
    """Up to `n` questions, all different: a kind, or ``kind:value`` for whether it is so; of a kind one, but of instruments.

    A share `texture` of them, as far as that goes, are kinds of `TEXTURE`.
    """
    left, beyond, asks = dict(KINDS), list(TEXTURE), []
    values = values_of(snapshot, track)
    for _ in range(n):
        if texture and beyond and rng.random() < texture:
            asks.append(beyond.pop(rng.randrange(len(beyond))))
            continue
        kind = weighted(rng, left)
        asked_after = kind not in OPEN_ONLY and (kind in VALUE_ONLY or rng.random() < whether)
        ask = f"{kind}:{_value(rng, kind, values)}" if asked_after else kind
        if ask not in asks:
            asks.append(ask)
        left[kind] *= 0.4 if kind == "instrument" else 0.0
    return asks


def values_of(snapshot: Snapshot, track: int) -> dict[str, list[str]]:
    """Values that the catalogue has for a track, by kind."""
    found: dict[str, list[str]] = {}
    for v in unpack(snapshot.rows[track]).tolist():
        kind, value = snapshot.values[v]
        found.setdefault(kind, []).append(value)
    return found


def _value(rng: random.Random, kind: str, values: Mapping[str, list[str]]) -> str:
    """A value to ask after: one that the track has as often as one that it has not."""
    kind = "instrument" if kind == "lead" else kind
    own = values.get(kind, [])
    if own and rng.random() < TRUE_SHARE:
        return rng.choice(own)
    return rng.choice([value for value in vocab.load()[kind].names if value not in own])


def exchange(asks: tuple[str, ...], clips: tuple[Clip, ...], *, greets: bool = False) -> list[PlannedTurn]:
    """A question and its answer, both while the clips play."""
    question = ("greeting", "item_attribute_question") if greets else ("item_attribute_question",)
    return [
        PlannedTurn("user", question, asks=asks, clips=clips),
        PlannedTurn("assistant", ("item_attribute_answer",), asks=asks, clips=clips),
    ]
