"""What was read, not measured or heard: tags in the files, and named values of any spelling."""

import ast
import dataclasses
import json
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mdialog import vocab
from mdialog.errors import InputError

# Column and tag names, lower case with only letters and digits, that mean a field.
ALIASES = {
    "file": ("file", "path", "filename", "filepath", "audio", "audiopath", "audiofile", "location"),
    "title": ("title", "tracktitle", "trackname", "track", "song", "name"),
    "artist": ("artist", "artistname", "artists", "performer", "band"),
    "album": ("album", "albumname", "albumtitle", "release"),
    "year": ("year", "date", "originaldate", "originalyear", "releasedate", "releaseyear", "recordingdate"),
    "genre": ("genre", "genres", "style", "styles"),
    "mood": ("mood", "moods"),
    "theme": ("theme", "themes", "occasion", "usage"),
    "instrument": ("instrument", "instruments", "instrumentation"),
    "vocal": ("vocal", "vocals", "voice"),
    "culture": ("culture", "country", "origin"),
    "popularity": ("popularity",),
    "tempo_bpm": ("bpm", "tempo", "tempobpm", "beatsperminute"),
    "key": ("key", "initialkey", "musicalkey"),
    "tags": ("tag", "tags", "keyword", "keywords", "grouping"),
    "description": ("description", "summary"),
    "caption": ("caption",),
    "aspects": ("aspects", "aspectlist"),
    "licence": ("licence", "license"),
}
_FIELD_OF = {alias: field for field, aliases in ALIASES.items() for alias in aliases}
_LISTS = ("genre", "mood", "theme", "instrument", "tags")
_NOTHING = {"unknown", "unclassifiable", "other", "misc", "none", "null", "n/a", "nan", "-"}  # words for no value
_MAX_TEXT = 10_000  # characters; an embedded cue sheet or lyrics dump is not metadata


@dataclass(frozen=True)
class EventSpan:
    """A sound event and when it is heard.

    Parameters
    ----------
    label : str
        A value of the vocabulary's kind `event` where it is one, else the source's own word.
    start_s, end_s : float
        From the begin of the file.
    """

    label: str
    start_s: float
    end_s: float


EVENT_HEARD_S = 0.3  # of an event that a cut leaves, for it to be there


def events_over(events: Iterable[EventSpan], start_s: float, end_s: float) -> tuple[EventSpan, ...]:
    """Events of the clip ``start_s <= t < end_s``, in its own time; what the cut leaves less than .3 s of is left out.

    Parameters
    ----------
    events : iterable of EventSpan
        In the file's time.
    start_s, end_s : float

    Returns
    -------
    tuple of EventSpan
        By their starts, each within ``[0, end_s - start_s]``.
    """
    found = []
    for event in events:
        start, end = max(event.start_s, start_s), min(event.end_s, end_s)
        if end - start >= min(EVENT_HEARD_S, event.end_s - event.start_s) and end > start:
            found.append(EventSpan(event.label, round(start - start_s, 3), round(end - start_s, 3)))
    return tuple(sorted(found, key=lambda event: (event.start_s, event.label)))


@dataclass(frozen=True)
class Metadata:
    """What is known of a track without listening.

    Parameters
    ----------
    title, artist, album : str or None
    year : int or None
        In [1000, 2100].
    genre, mood, theme, instrument : tuple of str
        Canonical values of the vocabulary where they match one, else the source's words in lower case.
    vocal, culture : str or None
        The same.
    popularity : float in [0, 100] or None
    tempo_bpm : float in [20, 400] or None
    key : str or None
        A value of the vocabulary's kind `key`.
    tags : tuple of str
        Free words, lower case.
    description : str or None
    caption : str or None
        How people who listened put the sound into words.
    aspects : tuple of str
        What they named of it, lower case.
    events : tuple of EventSpan
        By their starts; empty where nobody marked any.
    extra : dict of str to str
        Everything else, and whatever could not be understood, under its own name.
    """

    title: str | None = None
    artist: str | None = None
    album: str | None = None
    year: int | None = None
    genre: tuple[str, ...] = ()
    mood: tuple[str, ...] = ()
    theme: tuple[str, ...] = ()
    instrument: tuple[str, ...] = ()
    vocal: str | None = None
    culture: str | None = None
    popularity: float | None = None
    tempo_bpm: float | None = None
    key: str | None = None
    tags: tuple[str, ...] = ()
    description: str | None = None
    caption: str | None = None
    aspects: tuple[str, ...] = ()
    events: tuple[EventSpan, ...] = ()
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def display_artist(self) -> str:
        return self.artist or "Unknown artist"


# --- values -----------------------------------------------------------------------------------------------

_KEY = re.compile(
    r"^([A-Ga-g])[\s\-_]*(#|♯|b|♭|sharp|flat|is|es)?[\s\-_:]*(minor|min|moll|m|major|maj|dur|M)?\.?$", re.ASCII
)
_SEMITONE = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_CAMELOT = re.compile(r"^(1[0-2]|[1-9])([ABab])$")


def parse_key(text: str) -> str | None:
    """The key that a tag names: ``Ebm``, ``E flat minor``, ``F#`` (major, as ID3 has it), ``8A`` (Camelot).

    Returns
    -------
    str or None
        A value of the vocabulary's kind `key`; None if it names none.
    """
    text = " ".join(text.split())
    tonics = [name.split()[0] for name in vocab.load()["key"].names[:12]]
    if found := _CAMELOT.match(text):
        # The wheel goes up a fifth a step: 8B is C major, 8A its relative A minor.
        major = (int(found[1]) - 8) * 7 % 12
        return f"{tonics[major]} major" if found[2] in "Bb" else f"{tonics[(major + 9) % 12]} minor"
    # Words are case-insensitive, but "M" is major and "m" minor.
    text = re.sub(r"(?i)sharp|flat|minor|min|moll|major|maj|dur", lambda m: m[0].lower(), text)
    found = _KEY.match(text)
    if not found:
        return None
    shift = {"#": 1, "♯": 1, "sharp": 1, "is": 1, None: 0}.get(found[2], -1)
    mode = "minor" if found[3] in ("m", "min", "minor", "moll") else "major"
    return f"{tonics[(_SEMITONE[found[1].upper()] + shift) % 12]} {mode}"


def _number(text: str, *, low: float, high: float) -> float | None:
    found = re.match(r"^\D*?(-?\d+(?:[.,]\d+)?)\s*(?:bpm|%)?\s*$", text.strip(), re.IGNORECASE)
    value = float(found[1].replace(",", ".")) if found else math.nan
    return value if low <= value <= high else None


def _year(text: str) -> int | None:
    found = re.search(r"(?<!\d)(1\d{3}|20\d\d|2100)(?!\d)", text)
    return int(found[1]) if found else None


def canonical(kind: str, text: str) -> str:
    """The vocabulary's name for `text` (also without a plural s, or with "and" for "&"), else `text` in lower case."""
    text = " ".join(text.replace("&", " and ").split())
    for form in (text, text.replace("-", " "), text.removesuffix("s")):
        if (value := vocab.load().canonical(kind, form)) is not None:
            return value
    return text.casefold()


def _split(kind: str, texts: Iterable[str]) -> tuple[str, ...]:
    """Values of one or several texts; a whole text that the vocabulary knows is not split."""
    found: dict[str, None] = {}
    for text in texts:
        whole = canonical(kind, text) if kind in vocab.load() else ""
        if kind in vocab.load() and whole in vocab.load()[kind]:
            found[whole] = None
            continue
        for part in re.split(r"[;/,|\n]|\s\\\s", text):
            part = part.strip(" \t[]'\"")
            if part and part.casefold() not in _NOTHING:
                found[canonical(kind, part) if kind in vocab.load() else part.casefold()] = None
    return tuple(found)


def _aspects(texts: list[str]) -> tuple[str, ...]:
    """Aspects of one or several texts; one text may be a list as Python and JSON write it, else commas part it."""
    if len(texts) == 1:
        try:
            texts = texts_of(list(ast.literal_eval(texts[0]))) if texts[0].startswith("[") else texts[0].split(",")
        except (ValueError, SyntaxError):
            texts = texts[0].strip("[]").split(",")
    return tuple(dict.fromkeys(clean for text in texts if (clean := text.strip(" '\"").casefold())))


def texts_of(value: Any) -> list[str]:
    """Any tag value as clean, non-empty texts: NUL separates values, control characters vanish."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return []
    if isinstance(value, (list, tuple)):
        return [text for part in value for text in texts_of(part)]
    if isinstance(value, dict):
        return [json.dumps(value, ensure_ascii=False, default=str)]
    if isinstance(value, bytes):
        value = value.decode("utf-8", errors="replace")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    clean = ("".join(c if c.isprintable() else " " for c in part) for part in str(value).split("\0"))
    return [text[:_MAX_TEXT] for part in clean if (text := " ".join(part.split()))]


def field_of(name: Any) -> str | None:
    """The field that a column or tag name means, if any."""
    return _FIELD_OF.get(re.sub(r"[\W_]", "", str(name).casefold()))


def from_fields(fields: dict[str, Any]) -> Metadata:
    """Metadata from named values of any type and spelling.

    Parameters
    ----------
    fields : dict
        Names are matched without case, spaces or punctuation against ``ALIASES``; the first name of a field that
        can be understood counts, the others and unknown names go to `extra`.
    """
    got: dict[str, Any] = {}
    extra: dict[str, str] = {}
    for name, value in fields.items():
        texts = texts_of(value)
        if not texts:
            continue
        target = field_of(name)
        parsed = _parse(target, texts) if target in _FIELDS and target not in got else None
        if parsed is not None:
            got[target] = parsed
        elif target != "file":
            extra["licence" if target == "licence" else str(name)] = "; ".join(texts)
    return Metadata(**got, extra=extra)


_FIELDS = {f.name for f in dataclasses.fields(Metadata)} - {"extra"}  # that a table can give whole


def _parse(target: str, texts: list[str]) -> Any:
    """The field's value, or None where the texts make no sense for it."""
    first = texts[0]
    if target in _LISTS:
        return _split(target, texts) or None
    if target == "aspects":
        return _aspects(texts) or None
    if target == "year":
        return _year(first)
    if target == "tempo_bpm":
        return _number(first, low=20, high=400)
    if target == "popularity":
        return _number(first, low=0, high=100)
    if target == "key":
        return parse_key(first)
    if target in ("vocal", "culture"):
        return canonical(target, first)
    return ", ".join(dict.fromkeys(texts)) if target == "artist" else first


# --- tags of files -----------------------------------------------------------------------------------------

_ID3 = {
    "TIT2": "title", "TPE1": "artist", "TALB": "album", "TDRC": "year", "TYER": "year", "TDOR": "originaldate",
    "TBPM": "bpm", "TKEY": "key", "TMOO": "mood", "TIT1": "grouping", "TCOP": "copyright", "TLAN": "language",
    "TCOM": "composer", "TRCK": "tracknumber", "TPE2": "albumartist", "TPUB": "label", "WCOP": "licence",
}  # fmt: skip
_MP4 = {
    "\xa9nam": "title", "\xa9ART": "artist", "\xa9alb": "album", "\xa9day": "year", "\xa9gen": "genre",
    "gnre": "genre", "tmpo": "bpm", "\xa9grp": "grouping", "\xa9cmt": "comment", "desc": "description",
    "ldes": "description", "\xa9wrt": "composer", "aART": "albumartist", "cprt": "copyright",
}  # fmt: skip


def read_tags(path: str | Path) -> Metadata:
    """What a sound file says of itself: ID3, Vorbis comments, MP4 atoms, Matroska tags.

    A file without a title takes its own name; a file without any tags, or with tags that cannot be read, is not an
    error, as its sound may be fine.

    Raises
    ------
    InputError
        If there is no such file.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file; check the path")
    metadata = from_fields(_file_fields(path))
    return metadata if metadata.title else dataclasses.replace(metadata, title=path.stem)


def _file_fields(path: Path) -> dict[str, Any]:
    import mutagen

    try:
        sound = mutagen.File(path)
    except Exception:  # mutagen raises whatever a broken header leads it to
        sound = None
    if sound is None:
        return _container_fields(path)
    tags = sound.tags
    if tags is None:
        return {}
    if hasattr(tags, "getall"):
        return _id3_fields(tags)
    if type(sound).__name__ in ("MP4", "EasyMP4"):
        return _mp4_fields(tags)
    fields: dict[str, Any] = {}
    for name, value in dict(tags).items():
        if "picture" not in name.lower():
            fields[name] = value
    return fields


def _id3_fields(tags) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for frame in tags.values():
        kind = frame.FrameID
        if kind == "TCON":
            fields["genre"] = list(frame.genres)  # resolves "(17)" and "17"
        elif kind == "TXXX":
            fields.setdefault(frame.desc or "text", list(frame.text))
        elif kind == "COMM":
            fields.setdefault(f"comment {frame.desc}".strip(), list(frame.text))
        elif kind in _ID3:
            # A date is an object that prints as it was written.
            value = frame.url if kind.startswith("W") else [str(text) for text in frame.text]
            fields.setdefault(_ID3[kind], value)
    return fields


def _mp4_fields(tags) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in tags.items():
        if name.startswith("----:"):
            fields.setdefault(name.rsplit(":", 1)[-1], [bytes(part) for part in value])
        elif name in _MP4:
            fields.setdefault(_MP4[name], value)
    return fields


def _container_fields(path: Path) -> dict[str, Any]:
    """Tags as FFmpeg reads them, for what mutagen does not know: webm and Matroska among them."""
    import av

    try:
        with av.open(str(path.resolve()), metadata_errors="replace", options={"protocol_whitelist": "file"}) as found:
            fields = dict(found.metadata)
            for stream in found.streams.audio[:1]:
                fields |= {name: value for name, value in stream.metadata.items() if name not in fields}
    except (av.error.FFmpegError, ValueError):
        return {}
    return {name: value for name, value in fields.items() if name.lower() not in ("encoder", "handler_name")}


def merge(tags: Metadata, row: Metadata) -> Metadata:
    """Both together; where both say something, the table is right and the file's words are dropped.

    Parameters
    ----------
    tags : Metadata
        Of the file.
    row : Metadata
        Of the table.
    """
    said = {name: value for name in _FIELDS if (value := getattr(row, name)) not in (None, ())}
    return dataclasses.replace(tags, **said, extra=tags.extra | row.extra)
