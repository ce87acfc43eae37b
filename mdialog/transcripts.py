"""Finished dialogues to be checked, from files: ours, and other people's in LP-MusicDialog's format.

A foreign dialogue is a list of turns, ``role, content, intent[], music_attribute[], track_seq[]``; its recommender may be
called ``system``. The public set keeps the list as a Python literal in a string. What a file does not say is named.
"""

import ast
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from mdialog import dialogue as records
from mdialog import vocab
from mdialog.attributes import Attribute
from mdialog.audit import Transcript
from mdialog.errors import InputError
from mdialog.plan import Clip, Plan, PlannedTurn, TrackRef

SUFFIXES = (".jsonl", ".json", ".parquet")
SIDES = {"user": "user", "seeker": "user", "human": "user",
         "assistant": "assistant", "system": "assistant", "recommender": "assistant", "bot": "assistant"}  # fmt: skip
NOT_SAID = {
    "sound": "whether what is said of the sound was heard: no spans that were played",
    "names": "whether titles and artists are those of the tracks: no names of tracks",
    "artists": "whether an artist comes back after someone else was asked for: no names of tracks",
    "refused": "whether refused tracks come back: no judgements of tracks",
    "attribute": "whether attributes are spoken ahead of their turn: no music_attribute",
    "tracks": "whether new tracks are new: no track_seq",
    "intent": "whether the intents are the side's own: no intent",
}


class _Track(BaseModel):
    title: str
    artist: str


class _Turn(BaseModel):
    """A turn of someone else's file; further fields are left alone."""

    model_config = ConfigDict(extra="ignore")

    role: Literal["user", "assistant"]
    content: str
    intent: list[str] | None = None
    music_attribute: list[str] | None = None
    track_seq: list[str] | None = None
    heard: list[records.Heard] | None = None  # not theirs: our own exports add it

    @field_validator("role", mode="before")
    @classmethod
    def _side(cls, role: object) -> object:
        return SIDES.get(role.casefold(), role) if isinstance(role, str) else role

    @field_validator("intent", "music_attribute", "track_seq", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value


def read_transcripts(path: Path) -> Iterator[Transcript]:
    """Dialogues of a file, one at a time.

    Parameters
    ----------
    path : Path
        A .jsonl (a dialogue a line), .json (a dialogue, a list of them, or a mapping of ids to them) or .parquet (a
        dialogue a row), ours or in LP-MusicDialog's format.

    Raises
    ------
    InputError
        If the file is missing, of another type or empty, or something in it is no dialogue: names the place.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path}: cannot tell its format by its name; give a file that ends in {', '.join(SUFFIXES)}")
    if not path.is_file():
        raise InputError(f"{path}: no such file; write dialogues with `mdialog generate`")
    number = 0
    for number, (place, row) in enumerate(_rows(path), start=1):
        try:
            yield _transcript(row, default_id=f"#{number}")
        except InputError as error:
            raise InputError(f"{path}, {place}: {error}") from error
    if not number:
        raise InputError(f"{path}: holds no dialogue; give a file with one at least")


def of(dialogue: records.Dialogue) -> Transcript:
    """One of our dialogues.

    What lapsed unsaid is not in the record: it counts as still asked for.
    """
    turns = tuple(
        PlannedTurn(
            role=turn.role,
            intents=tuple(turn.intent),
            attributes=tuple(turn.music_attribute),
            removed=tuple(turn.removed),
            asks=tuple(turn.asks),
            track_seq=tuple(turn.track_seq),
            pool_size=turn.pool_size,
            clips=tuple(Clip(h.track_id, h.start_s, h.end_s) for h in turn.heard),
            ahead=tuple(Clip(h.track_id, h.start_s, h.end_s) for h in turn.ahead),
            liked=tuple(turn.liked),
            refused=tuple(turn.refused),
        )
        for turn in dialogue.turns
    )
    tracks = {k: TrackRef(k, name.title, name.artist) for k, name in dialogue.tracks.items()}
    plan = Plan(dialogue.id, dialogue.recipe, dialogue.seed, dialogue.persona, dialogue.goal, turns, tracks)
    false = [(i, c.text) for i, turn in enumerate(dialogue.turns) for c in turn.claims if c.verdict == "contradicted"]
    return Transcript(plan, tuple(turn.content for turn in dialogue.turns), contradicted=tuple(false))


# ------------------------------------------------------------------ files to rows

def _rows(path: Path) -> Iterator[tuple[str, Any]]:
    """Dialogues as they stand in the file, and where."""
    if path.suffix.lower() == ".parquet":
        rows = (("row", row) for row in _parquet(path))
    elif path.suffix.lower() == ".json":
        rows = (("dialogue", row) for row in _listed(_json(_text(path), where=str(path))))
    else:
        lines = enumerate(_lines(path), start=1)
        yield from ((f"line {i}", _json(line, where=f"{path}, line {i}")) for i, line in lines if line.strip())
        return
    yield from ((f"{what} {i}", row) for i, (what, row) in enumerate(rows, start=1))


def _lines(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8-sig") as lines:
            yield from lines
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 ({error}); save it as UTF-8") from error


def _text(path: Path) -> str:
    return "".join(_lines(path))


def _json(text: str, *, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not JSON ({error})") from error


def _parquet(path: Path) -> Iterator[dict]:
    import pyarrow
    import pyarrow.parquet as parquet

    try:
        for batch in parquet.ParquetFile(path).iter_batches(batch_size=256):
            yield from batch.to_pylist()
    except pyarrow.ArrowInvalid as error:
        raise InputError(f"{path}: not a Parquet file ({error})") from error


def _listed(held: Any) -> Iterable[Any]:
    """Dialogues of a JSON document: one, a list of them, or a mapping of ids to them."""
    if isinstance(held, dict):
        if sum(_find_turns(value) is not None for value in held.values()) < 2:
            return [held]
        return [value if isinstance(value, dict) else {"id": key, "turns": value} for key, value in held.items()]
    return held if isinstance(held, list) and not _are_turns(held) else [held]


# ------------------------------------------------------------------ rows to transcripts

def _transcript(row: Any, *, default_id: str) -> Transcript:
    if isinstance(row, dict) and {"recipe", "turns", "tracks"} <= row.keys():
        return of(records.validate(row))
    turns = _find_turns(row)
    if not turns:
        raise InputError("no list of turns, each with `role` and `content`, is in it")
    return _foreign(_checked(turns), row if isinstance(row, dict) else {}, default_id=default_id)


def _checked(turns: list) -> list[_Turn]:
    found = []
    for i, turn in enumerate(turns):
        try:
            found.append(_Turn.model_validate(turn))
        except ValidationError as error:
            problem = error.errors()[0]
            where = ".".join(map(str, problem["loc"])) or "the turn"
            raise InputError(f"turn {i}: {where} is {problem['input']!r:.60}: {problem['msg']}") from error
    return found


def _find_turns(row: Any) -> list | None:
    """The list of turns of a row: the row itself, or its first value that is one, as a list or as a literal."""
    for value in [row, *(row.values() if isinstance(row, dict) else ())]:
        if isinstance(value, str) and value.lstrip().startswith("["):
            value = _literal(value)
        if _are_turns(value):
            return value
    return None


def _literal(text: str) -> Any:
    """A Python literal or JSON in a string; evaluates nothing."""
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return None


def _are_turns(value: Any) -> bool:
    if not isinstance(value, list) or not value:
        return False
    return all(isinstance(turn, dict) and {"role", "content"} <= turn.keys() for turn in value)


def _foreign(turns: list[_Turn], row: dict, *, default_id: str) -> Transcript:
    name = next((str(row[key]) for key in ("id", "dialog_id", "dialogue_id", "conversation_id") if row.get(key)), default_id)
    named = _names_of(row)
    played = {span.track_id for turn in turns for span in turn.heard or ()}
    ids = dict.fromkeys((*(t for turn in turns for t in turn.track_seq or ()), *sorted(played)))
    tracks = {t: named.get(t, TrackRef(t, "", "")) for t in ids}
    attributes, unknown = _attributes(turns)
    planned = tuple(
        PlannedTurn(t.role, tuple(t.intent or ()), attributes=a, track_seq=tuple(t.track_seq or ()),
                    clips=tuple(Clip(h.track_id, h.start_s, h.end_s) for h in t.heard or ()))
        for t, a in zip(turns, attributes, strict=True)
    )
    plan = Plan(id=name, recipe="", seed=0, persona={}, goal={}, turns=planned, tracks={**named, **tracks})
    lacks = ["sound", "refused"]
    lacks += [] if tracks and tracks.keys() <= named.keys() else ["names", "artists"]
    lacks += [] if any(t.music_attribute for t in turns) else ["attribute"]
    lacks += [] if tracks else ["tracks"]
    lacks += [] if any(t.intent for t in turns) else ["intent"]
    unchecked = [NOT_SAID[key] for key in lacks]
    unchecked += [f"attributes of the kind {kind!r}: not in the vocabulary" for kind in unknown]
    return Transcript(plan, tuple(t.content for t in turns), ours=False, unchecked=tuple(unchecked))


def _names_of(row: dict) -> dict[str, TrackRef]:
    """Names of tracks, where a row has them as our records do: ``tracks``, ids to title and artist."""
    tracks = row.get("tracks")
    found = {}
    for track_id, named in tracks.items() if isinstance(tracks, dict) else ():
        try:
            track = _Track.model_validate(named)
        except ValidationError:
            continue  # then the names are reported as missing
        found[track_id] = TrackRef(track_id, track.title, track.artist)
    return found


def _attributes(turns: list[_Turn]) -> tuple[list[tuple[str, ...]], list[str]]:
    """Attributes of each turn in our notation, and the kinds that the vocabulary does not have."""
    known, unknown = vocab.load(), {}
    read = []
    for turn in turns:
        kept = []
        for text in turn.music_attribute or ():
            kind, _, value = text.lstrip("-~").partition(":")
            polarity = {"-": "avoid", "~": "like"}.get(text[:1], "want")
            if kind.startswith("similar_"):
                kind, polarity = kind.removeprefix("similar_"), "like"
            if kind not in known.attribute_kinds:
                unknown[kind] = kind != "continue"  # "continue:continue" asks for nothing new
            elif value.strip():
                kept.append(str(Attribute(kind, _value(kind, value.strip()), polarity)))
        read.append(tuple(kept))
    return read, [kind for kind, matters in unknown.items() if matters]


def _value(kind: str, value: str) -> str:
    """The vocabulary's name for a value ("fast tempo" is fast), or the value as it stands."""
    if kind in vocab.OPEN_KINDS:
        return value
    bare = value.removesuffix(f" {kind}")
    return vocab.load().canonical(kind, value) or vocab.load().canonical(kind, bare) or bare
