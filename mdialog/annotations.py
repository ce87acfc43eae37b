"""Index files of datasets that cut their sounds from longer recordings: AudioSet-Strong's events, MusicCaps' captions."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from mdialog import audio, vocab
from mdialog.metadata import EventSpan, Metadata, from_fields, texts_of

# AudioSet: research.google.com/audioset/download_strong.html; MusicCaps: huggingface.co/datasets/google/MusicCaps.
EVENT_COLUMNS = ("segment_id", "start_time_seconds", "end_time_seconds", "label")
CAPTION_COLUMNS = ("ytid", "start_s", "end_s", "caption")
NAMES = "mid_to_display_name.tsv"  # AudioSet's names of its machine ids, where it lies beside the index

SEGMENT_S = 10.0  # both datasets' segments; a few at a recording's end are shorter
_LONGER_S = 0.5


@dataclass(frozen=True)
class Segment:
    """What an index says of one piece of a recording.

    Parameters
    ----------
    line : int
        The first line of the index that speaks of it.
    id : str
        AudioSet's form, ``<recording>_<start in ms>``, or any other name of a file.
    recording : str
    start_s : float or None
        Where it begins in the recording; None where that is not known.
    metadata : Metadata
    """

    line: int
    id: str
    recording: str
    start_s: float | None
    metadata: Metadata

    @cached_property
    def stems(self) -> tuple[str, ...]:
        """Names, without their ending, of files that hold the segment; those of the recording itself come last."""
        names = [self.id]
        if self.start_s is not None:
            start, end = f"{self.start_s:g}", f"{self.start_s + SEGMENT_S:g}"
            tails = (f"_{self.start_s * 1000:.0f}", f"_{start}", f"_{start}_{end}")
            names += [self.recording + tail for tail in tails] + [f"[{self.recording}]-[{start}-{end}]"]
        # Some downloads put a Y before ids, as names that begin with a dash are awkward.
        names += [f"Y{name}" for name in names]
        return tuple(dict.fromkeys((*names, self.recording, f"Y{self.recording}")))

    def begins_in(self, path: Path) -> float | None:
        """Where the segment begins in a file that holds all of its recording; None if the file is the segment.

        A file that bears the recording's name only may be either: longer than a segment, it is the recording.
        """
        if self.start_s is None or path.stem not in (self.recording, f"Y{self.recording}"):
            return None
        return self.start_s if length_s(path) > SEGMENT_S + _LONGER_S else None

    def later(self, by_s: float) -> "Segment":
        """The segment with its events moved to a later time."""
        moved = (replace(e, start_s=e.start_s + by_s, end_s=e.end_s + by_s) for e in self.metadata.events)
        return replace(self, metadata=replace(self.metadata, events=tuple(moved)))


def is_index(names: Iterable[str]) -> bool:
    """Whether these columns are those of an index of segments."""
    names = {str(name).strip().casefold() for name in names}
    return names.issuperset(EVENT_COLUMNS) or names.issuperset(CAPTION_COLUMNS)


def read_segments(path: Path, records: Iterable[tuple[int, dict[str, Any] | str]]) -> tuple[list[Segment], dict[int, str]]:
    """Segments of an index, and what was wrong with other rows, by line.

    Parameters
    ----------
    path : Path
        Of the index.
    records : iterable of (int, dict or str)
        Line, and the row by column or what is wrong with it.
    """
    codes, found, problems = _names(path), {}, {}
    events: dict[str, list[EventSpan]] = {}
    for line, record in records:
        try:
            if isinstance(record, str):
                raise ValueError(record)
            record = {str(name).strip(): value for name, value in record.items()}
            segment = _captioned(line, record) if "ytid" in record else _marked(line, record, codes)
            if segment is None:
                continue
            if not segment.metadata.events and segment.id in found:
                raise ValueError(f"line {found[segment.id].line} describes segment {segment.id} already; remove one")
        except ValueError as error:
            problems[line] = str(error)
            continue
        found.setdefault(segment.id, segment)
        events.setdefault(segment.id, []).extend(segment.metadata.events)
    return [_with(segment, events[segment.id]) for segment in found.values()], problems


def _with(segment: Segment, events: list[EventSpan]) -> Segment:
    ordered = tuple(sorted(events, key=lambda e: (e.start_s, e.end_s, e.label)))
    return replace(segment, metadata=replace(segment.metadata, events=ordered))


def _marked(line: int, record: dict[str, Any], codes: dict[str, str]) -> Segment | None:
    """One row of an events file; None for one that says that a sound is *not* there."""
    name, label = _text(record, "segment_id"), _text(record, "label")
    start_s, end_s = _seconds(record, "start_time_seconds"), _seconds(record, "end_time_seconds")
    if end_s <= start_s:
        raise ValueError(f"event ends at {end_s:g} s, not after it begins at {start_s:g} s; swap or correct the times")
    if str(record.get("present") or "").casefold().startswith("not"):
        return None
    parts = re.fullmatch(r"(.+)_(\d+)", name)
    recording, begin_s = (parts[1], int(parts[2]) / 1000) if parts else (name, None)
    event = EventSpan(event_label(label, codes.get(label)), start_s, end_s)
    metadata = Metadata(events=(event,), extra={"segment_id": name})
    return Segment(line, name, recording, begin_s, metadata)


def _captioned(line: int, record: dict[str, Any]) -> Segment:
    """One row of a captions file."""
    recording = _text(record, "ytid")
    start_s, end_s = _seconds(record, "start_s"), _seconds(record, "end_s")
    if end_s <= start_s:
        raise ValueError(f"clip ends at {end_s:g} s, not after it begins at {start_s:g} s; swap or correct the times")
    metadata = from_fields(record)
    if not (metadata.caption or metadata.aspects):
        raise ValueError("row has neither caption nor aspect_list; give one of them")
    name = f"{recording}_{start_s * 1000:.0f}"
    metadata = replace(metadata, extra=metadata.extra | {"segment_id": name})
    return Segment(line, name, recording, start_s, metadata)


@lru_cache(maxsize=4096)
def event_label(text: str, name: str | None = None) -> str:
    """The vocabulary's name of an event given as a word or a code, else its display `name`, else `text` as it is."""
    known = vocab.events()
    return known.canonical(text) or (known.canonical(name) or name if name else text)


def _text(record: dict[str, Any], name: str) -> str:
    texts = texts_of(record.get(name))
    if not texts:
        raise ValueError(f"row has no {name}; give one")
    return texts[0]


def _seconds(record: dict[str, Any], name: str) -> float:
    text = _text(record, name)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise ValueError(f"{name} is {text!r}; give seconds, 0 or more")
    return value


def _names(path: Path) -> dict[str, str]:
    """Display names by machine id, of the file beside the index."""
    beside = path.parent / NAMES
    if not beside.is_file():
        return {}
    lines = beside.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    return {code.strip(): name.strip() for code, _, name in (line.partition("\t") for line in lines) if name.strip()}


def sound_files(index: Path, folders: Iterable[Path]) -> dict[str, Path]:
    """Sound files by their names without ending: those in `folders` and below, then those beside the index."""
    found: dict[str, Path] = {}
    beside = [path for path in sorted(index.resolve().parent.iterdir()) if path.is_file()]
    below = [path for folder in folders for path in sorted(Path(folder).rglob("*")) if not _hidden(path, folder)]
    for path in (*below, *beside):
        if path.name.lower().endswith(audio.SUFFIXES) and not path.name.startswith("."):
            found.setdefault(path.stem, path.resolve())
    return found


def _hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def length_s(path: Path) -> float:
    """Seconds that a sound file says it lasts; 0 where it does not say."""
    import av

    try:
        with av.open(str(path)) as container:
            return (container.duration or 0) / av.time_base
    except (av.error.FFmpegError, ValueError):
        return 0.0
