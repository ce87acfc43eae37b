"""Playlists as their files have them: M3U, XSPF, JSON, and the goal playlists of human dialogues (CPCD)."""

import json
import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from mdialog.errors import InputError
from mdialog.metadata import ALIASES

SUFFIXES = (".m3u", ".m3u8", ".xspf", ".jspf")  # read below a folder; these hold anything, and are read where they are named:
NAMED_SUFFIXES = (".json", ".jsonl")


@dataclass(frozen=True)
class Entry:
    """A track as a playlist names it.

    Parameters
    ----------
    text : str
        For the report.
    paths : tuple of str
        Where its file may be, the likeliest first.
    names : tuple of (artist, title)
        In each way that the playlist may mean them.
    track_id : str or None
    """

    text: str
    paths: tuple[str, ...] = ()
    names: tuple[tuple[str, str], ...] = ()
    track_id: str | None = None


@dataclass(frozen=True)
class Playlist:
    """A playlist as its file has it."""

    id: str
    title: str
    entries: tuple[Entry, ...]


def read_playlists(path: str | Path, *, split: str | Path | None = None) -> list[Playlist]:
    """Playlists of a file, or of all M3U, XSPF and JSPF files below a folder.

    Parameters
    ----------
    path : str or Path
        ``.m3u``/``.m3u8``; ``.xspf``; ``.json``/``.jspf`` (``{"title": ..., "tracks": [...]}``, a list of those or of lists of
        ids, a mapping of titles to such lists, a slice of Spotify's Million Playlist Dataset); ``.jsonl`` is CPCD's
        dialogues, of which the goal playlists are read.
    split : str or Path, optional
        CPCD's split; by default ``split.json`` beside the dialogues.

    Raises
    ------
    InputError
        If a file is missing or is none of these: names it.
    """
    path = Path(path)
    if path.is_dir():
        files = sorted(f for f in path.rglob("*") if f.suffix.lower() in SUFFIXES and f.is_file())
        return [playlist for file in files for playlist in read_playlists(file, split=split)]
    readers = {".m3u": _m3u, ".m3u8": _m3u, ".xspf": _xspf, ".json": _json, ".jspf": _json}
    kind, known = path.suffix.lower(), (*SUFFIXES, *NAMED_SUFFIXES)
    if kind not in known:
        raise InputError(f"{path}: no playlist by its name; give a file that ends in {', '.join(known)}")
    try:
        return list(_cpcd(path, Path(split or path.with_name("split.json"))) if kind == ".jsonl" else readers[kind](path))
    except OSError as error:
        raise InputError(f"{error.filename}: cannot be read ({error.strerror}); name another file") from error


def _text(data: bytes) -> str:
    """Text in the encodings that playlists occur in: Unicode with or without its mark, else Windows' Western one."""
    for encoding in ("utf-16",) if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")


_INFO = re.compile(r"#EXTINF:\s*-?[\d.]*(?:\s+[\w-]+=\"[^\"]*\")*\s*,(.*)", re.I)


def _m3u(path: Path) -> Iterator[Playlist]:
    title, info, entries = path.stem, "", []
    for line in re.split(r"[\r\n]+", _text(path.read_bytes())):
        line = line.strip()
        if found := _INFO.match(line):
            info = found[1].strip()
        elif line.upper().startswith("#PLAYLIST:"):
            title = line[10:].strip() or title
        elif line and not line.startswith("#"):
            entries.append(Entry(info or line, _places(line, path), tuple(_splits(info)), line))
            info = ""
    yield Playlist(_id(path), title, tuple(entries))


def _splits(text: str) -> Iterator[tuple[str, str]]:
    """Artist and title of ``Artist - Title``, whichever dash parts them."""
    for dash in re.finditer(r"\s[-–—]\s", text):
        yield text[: dash.start()], text[dash.end() :]


def _places(location: str, playlist: Path) -> tuple[str, ...]:
    """Absolute paths that a location in a playlist may mean: as it stands, or with escapes taken for what they stand for."""
    if found := re.match(r"file:(?://(?:localhost)?)?", location, re.I):
        location = location[found.end() :]
    elif re.match(r"[a-z][a-z0-9+.-]+://", location, re.I):
        return ()
    plain = [location, unquote(location)]
    plain += [text.replace("\\", "/") for text in plain]
    folder = playlist.parent.absolute()
    return tuple(dict.fromkeys(os.path.normpath(folder / re.sub(r"^/(?=[a-z]:)", "", text, flags=re.I)) for text in plain))


def _xspf(path: Path) -> Iterator[Playlist]:
    data = path.read_bytes()
    # XSPF has no document type. Where none is declared, nothing can be an entity that expands or reaches elsewhere.
    if b"<!DOCTYPE" in data.replace(b"\0", b""):
        raise InputError(f"{path}: declares a document type, which playlists have none of; remove the <!DOCTYPE ...> from it")
    try:
        root = ET.fromstring(data)
    except (ET.ParseError, ValueError, LookupError) as error:
        raise InputError(f"{path}: not XML ({error}); save the playlist again") from error
    if root.tag.rpartition("}")[2] != "playlist":
        raise InputError(f"{path}: its root is <{root.tag}>, not XSPF's <playlist>; save the playlist as XSPF")
    entries = []
    for track in root.iterfind("{*}trackList/{*}track"):
        places = [text for text in _children(track, "location") if text]
        artist, title = (next(_children(track, name), "") for name in ("creator", "title"))
        track_id = next(_children(track, "identifier"), None)
        text = f"{artist} - {title}" if title else next(iter(places), track_id or "a track without location or title")
        paths = tuple(place for text in places for place in _places(text, path))
        entries.append(Entry(text, paths, ((artist, title),) if artist and title else (), track_id))
    yield Playlist(_id(path), next(_children(root, "title"), "") or path.stem, tuple(entries))


def _children(element: ET.Element, name: str) -> Iterator[str]:
    return ((child.text or "").strip() for child in element.iterfind(f"{{*}}{name}"))


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not JSON ({error}); write the file again") from error


def _json(path: Path) -> Iterator[Playlist]:
    held = _parsed(_text(path.read_bytes()), str(path))
    lists = list(_lists(held, path.stem, path))
    for i, (title, items) in enumerate(lists):
        yield Playlist(_id(path, i if len(lists) > 1 else None), title, tuple(_item(item, path) for item in items))


def _lists(held: Any, title: str, path: Path) -> Iterator[tuple[str, list]]:
    """Titles and entries of whatever form the playlists have."""
    if isinstance(held, dict) and (inner := held.get("playlist", held.get("playlists"))) is not None:
        yield from _lists(inner, title, path)
    elif isinstance(held, dict) and isinstance(items := held.get("tracks", held.get("track")), list):
        yield str(held.get("title") or held.get("name") or title), items
    elif isinstance(held, dict) and held and all(isinstance(value, dict | list) for value in held.values()):
        for name, value in held.items():
            yield from _lists(value, str(name), path)
    elif isinstance(held, list) and held and all(_is_playlist(item) for item in held):
        for i, item in enumerate(held, start=1):
            yield from _lists(item, f"{title} {i}", path)
    elif isinstance(held, list) and not any(_is_playlist(item) for item in held):
        yield title, held
    else:
        raise InputError(f'{path}: no playlist in {str(held)[:40]!r}; write {{"title": ..., "tracks": [...]}}, or lists of ids')


def _is_playlist(item: Any) -> bool:
    return isinstance(item, list) or isinstance(item, dict) and any(isinstance(item.get(k), list) for k in ("tracks", "track"))


def _item(item: Any, path: Path) -> Entry:
    if isinstance(item, str | int):
        return Entry(str(item), _places(str(item), path), track_id=str(item))
    if isinstance(item, dict) and isinstance(item.get("track"), dict):
        item = item["track"]  # as Spotify's own interface wraps it
    if not isinstance(item, dict):
        raise InputError(f"{path}: {str(item)[:40]!r} is no track; write its id, its path, or an object that holds them")
    said = {re.sub(r"[\W_]", "", k.casefold()): text for k, v in item.items() if (text := _first(v))}

    def first(*keys: str) -> str:
        return next((said[key] for key in keys if key in said), "")

    artist, title = first(*ALIASES["artist"], "creator"), first(*ALIASES["title"])
    place, track_id = first("path", "location", "file"), first("id", "trackid", "identifier", "trackuri", "uri")
    text = f"{artist} - {title}" if title else track_id or place or str(item)[:40]
    return Entry(text, _places(place, path) if place else (), ((artist, title),) if artist and title else (), track_id or None)


def _first(value: Any) -> str:
    """A value as text: of several the first, of an object its name."""
    if isinstance(value, list):
        value = value[0] if value else ""
    if isinstance(value, dict):
        value = value.get("name")
    return str(value) if value else ""


def _cpcd(path: Path, split: Path) -> Iterator[Playlist]:
    """Goal playlists of the dialogues that the split gives to training; others are never looked into."""
    parts = _parsed(_text(split.read_bytes()), str(split))
    if not isinstance(parts, dict) or not all(isinstance(parts.get(part), list) for part in ("train", "test")):
        raise InputError(f'{split}: not a split; write {{"train": [ids], "test": [ids]}}')
    if both := set(parts["train"]) & set(parts["test"]):
        raise InputError(f"{split}: {min(both)} is in train and in test; take it out of one")
    train = set(parts["train"])
    for i, line in enumerate(_text(path.read_bytes()).split("\n"), start=1):
        if not line.strip():
            continue
        row = _parsed(line, f"{path}, line {i}")
        try:
            if row["id"] in train:
                entries = [_cpcd_entry(track_id, row["tracks"].get(track_id, {})) for track_id in row["goal_playlist"]]
                yield Playlist(f"playlist:cpcd/{row['id']}", f"playlist {row['id']}", tuple(entries))
        except (KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{path}, line {i}: no dialogue of CPCD ({error!r}); take the data set's own file") from error


def _cpcd_entry(track_id: str, track: dict) -> Entry:
    artists, title = track.get("track_artists", []), track.get("track_titles", "")
    names = dict.fromkeys((name, title) for name in (", ".join(artists), " & ".join(artists), *artists))
    return Entry(f"{', '.join(artists)} - {title}" if title else track_id, (), tuple(names) if title else (), track_id)


def _id(path: Path, number: int | None = None) -> str:
    return f"playlist:{path.name}" + ("" if number is None else f"#{number}")
