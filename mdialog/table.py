"""Tables about tracks: CSV, Parquet and JSON-lines files, read row by row, bad rows named and good ones kept."""

import csv
import dataclasses
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from mdialog import annotations
from mdialog.errors import InputError
from mdialog.metadata import ALIASES, Metadata, field_of, from_fields, texts_of


@dataclass(frozen=True)
class TableRow:
    """One row of a table about tracks.

    Parameters
    ----------
    line : int
        Line of the file it starts on; row number, from 1, in Parquet.
    path : Path or None
        The sound file, absolute; None for a track with metadata only.
    metadata : Metadata
    """

    line: int
    path: Path | None
    metadata: Metadata


@dataclass(frozen=True)
class Table:
    """The rows of a table that could be read, and what was wrong with the others.

    Parameters
    ----------
    rows : tuple of TableRow
    problems : tuple of str
        One line each, with file and line number. A row whose file is missing is a problem *and* a row.
    notes : tuple of str
        What a user should know though nothing was wrong.
    """

    rows: tuple[TableRow, ...]
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[TableRow]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


def read_table(path: str | Path, *, folders: Sequence[str | Path] = ()) -> Table:
    """Read a table about tracks: ``.csv`` (or ``.tsv``), ``.parquet``, ``.jsonl``.

    Columns go by name (``ALIASES``); unknown ones go to ``extra``. A row's file is looked for beside the table,
    then in `folders`. A row without a file, or whose file is missing, is a track with metadata only.

    Indexes of datasets are told by their columns: AudioSet-Strong's events (many rows a segment; segments without a
    file are left out) and MusicCaps' captions. Their files are found by name: ``annotations.Segment.stems``.

    Parameters
    ----------
    path : str or Path
    folders : sequence of str or Path
        Where else relative files may lie: the folders being ingested.

    Returns
    -------
    Table

    Raises
    ------
    InputError
        If the file is missing, of another type, cannot be read at all, or has neither a file nor a title column.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such table; check the path")
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{path}: not a table that can be read; give one of {', '.join(_READERS)}")
    roots = [path.resolve().parent, *(Path(folder).resolve() for folder in folders)]
    records, columns = _peeked(reader(path))
    if annotations.is_index(columns):
        return _index(path, records, [Path(folder) for folder in folders])
    rows, problems = [], []
    for line, record in records:
        try:
            row, problem = _row(line, record, roots) if isinstance(record, dict) else (None, record)
        except (ValueError, TypeError, OSError) as error:
            row, problem = None, str(error)
        if row:
            rows.append(row)
        if problem:
            problems.append(f"{path}:{line}: {problem}")
    return Table(rows=tuple(rows), problems=tuple(problems))


def _peeked(records: Iterator[tuple[int, dict | str]]) -> tuple[Iterator[tuple[int, dict | str]], Iterable[str]]:
    """The same records, and the columns of the first one that could be read."""
    seen = []
    for entry in records:
        seen.append(entry)
        if isinstance(entry[1], dict):
            return chain(seen, records), entry[1]
    return iter(seen), ()


def _index(path: Path, records: Iterable[tuple[int, dict | str]], folders: list[Path]) -> Table:
    """Rows of a dataset's index: one a segment."""
    segments, problems = annotations.read_segments(path, records)
    files = annotations.sound_files(path, folders)
    rows, left_out = {}, 0
    for segment in segments:
        found = next((files[stem] for stem in segment.stems if stem in files), None)
        if found is None and not segment.metadata.events:
            rows[segment.id] = TableRow(segment.line, None, dataclasses.replace(segment.metadata, title=segment.id))
        elif found is None:
            left_out += 1
        else:
            begins_s, before = segment.begins_in(found), rows.get(found)
            said = segment.later(begins_s or 0.0).metadata
            if before is not None and begins_s is not None and said.events:  # one more segment of a whole recording
                said = dataclasses.replace(before.metadata, events=before.metadata.events + said.events)
            elif before is not None:
                problems[segment.line] = f"file {found} holds another segment already; name files <segment_id>.*"
                continue
            rows[found] = TableRow(segment.line, found, said)
    notes = [f"{path}: {left_out} of {len(segments)} segments have no file named after them, and are left out"]
    lost = tuple(f"{path}:{line}: {problem}" for line, problem in sorted(problems.items()))
    return Table(tuple(rows.values()), lost, tuple(notes if left_out else ()))


def _row(line: int, record: dict[str, Any], roots: list[Path]) -> tuple[TableRow | None, str | None]:
    metadata = from_fields(record)
    named = [texts[0] for name, value in record.items() if _is_file(name) and (texts := texts_of(value))]
    if not named:
        if metadata.title:
            return TableRow(line, None, metadata), None
        return None, "row names neither a file nor a title; give one of them"
    found = _resolve(named[0], roots)
    problem = None
    if found is None:
        if not metadata.title:
            metadata = dataclasses.replace(metadata, title=Path(named[0].replace("\\", "/")).stem)
        problem = f"file {named[0]!r} is in none of {', '.join(map(str, roots))}; kept as a track with metadata only"
    return TableRow(line, found, metadata), problem


def _is_file(name: Any) -> bool:
    return field_of(name) == "file"


def _resolve(name: str, roots: list[Path]) -> Path | None:
    for form in dict.fromkeys((name, name.replace("\\", "/"))):
        for root in roots:
            if (root / form).is_file():
                return (root / form).resolve()
    return None


def _need_columns(path: Path, names: Iterable[str]) -> None:
    names = [str(name) for name in names]
    known = {field_of(name) for name in names}
    if annotations.is_index(names):
        return
    if not known & {"file", "title"}:
        raise InputError(
            f"{path}: columns {', '.join(map(repr, names)) or '(none)'} hold neither a file nor a title; "
            f"name one of them {', '.join(ALIASES['file'][:3])} or title"
        )


def _read_csv(path: Path) -> Iterator[tuple[int, dict | str]]:
    csv.field_size_limit(1 << 26)
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            file.seek(0)
            reader = csv.reader(file, delimiter=max(",;\t", key=first.count))
            names = [name.strip() for name in next(reader, [])]
            _need_columns(path, names)
            line = reader.line_num + 1
            for values in reader:
                if len(values) == len(names):
                    yield line, dict(zip(names, values, strict=True))
                elif values:
                    yield line, f"row has {len(values)} fields, the header {len(names)}; quote texts with separators"
                line = reader.line_num + 1
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8") from error
    except csv.Error as error:
        raise InputError(f"{path}: is not CSV ({error}); export it again") from error


def _read_jsonl(path: Path) -> Iterator[tuple[int, dict | str]]:
    seen: dict[str, None] = {}
    kept: list[tuple[int, dict | str]] = []
    # Undecodable bytes spoil their own line only.
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        for line, text in enumerate(file, 1):
            if not text.strip():
                continue
            try:
                record = json.loads(text)
                if not isinstance(record, dict):
                    raise ValueError(f"it is a {type(record).__name__}")
                seen |= dict.fromkeys(record)
            except ValueError as error:
                record = f"row is not a JSON object ({error}); write one object a line"
            kept.append((line, record))
    _need_columns(path, seen)
    yield from kept


def _read_parquet(path: Path) -> Iterator[tuple[int, dict | str]]:
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            _need_columns(path, file.schema_arrow.names)
            line = 1
            for batch in file.iter_batches(batch_size=4096):
                for record in batch.to_pylist():
                    yield line, record
                    line += 1
    except (pyarrow.ArrowException, OSError) as error:
        raise InputError(f"{path}: is not Parquet ({str(error).splitlines()[0]}); export it again") from error


_READERS = {".csv": _read_csv, ".tsv": _read_csv, ".parquet": _read_parquet, ".jsonl": _read_jsonl}
