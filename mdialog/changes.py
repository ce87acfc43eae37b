"""What an ingest finds: the sound files in folders, what a table says, and how both differ from a catalogue."""

import dataclasses
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mdialog import audio
from mdialog.analyse import Job, job_of
from mdialog.catalog import Catalog
from mdialog.errors import InputError, MdialogError
from mdialog.metadata import Metadata
from mdialog.query import fold
from mdialog.table import read_table

if TYPE_CHECKING:
    from mdialog.ingest import IngestReport

ID_DIGITS = 16


def scan(dirs: Sequence[str | Path]) -> tuple[list[Path], list[Path]]:
    """The folders, and every sound file in them, absolute and sorted; names that begin with a dot are left out.

    Raises
    ------
    InputError
        If a folder is not there.
    """
    roots, files = [], set()
    for name in dirs:
        root = Path(name).expanduser().resolve()
        if root.is_file():
            files.add(root)
        elif not root.is_dir():
            raise InputError(f"{name}: no such folder or file; check the path")
        else:
            for folder, below, names in os.walk(root):
                below[:] = [b for b in below if not b.startswith(".")]
                wanted = (n for n in names if n.lower().endswith(audio.SUFFIXES) and not n.startswith("."))
                files.update(Path(folder, n) for n in wanted)
        roots.append(root)
    return roots, sorted(files)


@dataclass(frozen=True)
class Listed:
    """Rows of the metadata table."""

    by_path: dict[str, Metadata] = field(default_factory=dict)
    fileless: dict[str, Metadata] = field(default_factory=dict)  # by track id
    notes: tuple[str, ...] = ()

    def hash_of(self, path: str) -> str | None:
        return metadata_hash(self.by_path[path]) if path in self.by_path else None


def read_listed(path: str | Path | None, roots: list[Path]) -> tuple[Listed, dict[str, str]]:
    """The table, and the reasons why rows of it were lost, by line."""
    if path is None:
        return Listed(), {}
    table = read_table(path, folders=[root if root.is_dir() else root.parent for root in roots])
    read = Listed(notes=table.notes)
    for row in table:
        if row.path is not None:
            read.by_path[str(row.path)] = row.metadata
        else:
            read.fileless[metadata_id(row.metadata)] = row.metadata
    kept = {f"{path}:{row.line}" for row in table}
    lost = {}
    for problem in table.problems:
        line, _, reason = problem.partition(": ")
        if line not in kept:
            lost[line] = reason
    return read, lost


def metadata_id(metadata: Metadata) -> str:
    """Id of a track without sound: a hash of its title, artist, album and year."""
    fields = (metadata.title, metadata.artist, metadata.album, metadata.year)
    text = "\x1f".join(fold(str(f)) if f is not None else "" for f in fields)
    return hashlib.blake2b(text.encode(), digest_size=ID_DIGITS // 2).hexdigest()


def ids_without_sound(metadata: Metadata, path: str) -> set[str]:
    """Ids that a track may have had while its row of the table had no file at `path`."""
    titles = {metadata.title} if metadata.title else {Path(path).stem, metadata.extra.get("segment_id")} - {None}
    return {metadata_id(dataclasses.replace(metadata, title=title)) for title in titles}


def metadata_hash(metadata: Metadata) -> str:
    text = json.dumps(dataclasses.asdict(metadata), sort_keys=True, ensure_ascii=False)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


@dataclass
class Todo:
    """What an ingest has to do.

    Parameters
    ----------
    jobs : list of Job
        Files whose sound is not in the catalogue.
    replaced : dict of str to set of str
        Ids that go when the file at a path has been written.
    rows : dict of str to Job or None
        Ids of rows to update: the file where their sound is now, or None where only metadata changed.
    stale : set of str
        Ids of rows whose file holds something else now that is in another row.
    """

    jobs: list[Job] = field(default_factory=list)
    replaced: dict[str, set[str]] = field(default_factory=dict)
    rows: dict[str, Job | None] = field(default_factory=dict)
    stale: set[str] = field(default_factory=set)


def compare(files: list[Path], catalog: Catalog, table: Listed, report: "IngestReport") -> Todo:
    """Tell new files from unchanged, moved, changed and doubled ones."""
    names = ["track_id", "path", "content_hash", "size", "mtime_ns", "table_hash"]
    rows = [row for row in catalog.columns(names).to_pylist() if row["content_hash"]]
    by_hash = {row["content_hash"]: row for row in rows}
    at_path: dict[str, list[dict]] = {}
    for row in rows:
        at_path.setdefault(row["path"], []).append(row)
    todo, owner, looked = Todo(), {}, []
    for path in map(str, files):
        try:
            stat = os.stat(path)
        except OSError as error:
            report.fail(path, f"{path}: cannot be read ({error.strerror})")
            continue
        same = [r for r in at_path.get(path, ()) if (r["size"], r["mtime_ns"]) == (stat.st_size, stat.st_mtime_ns)]
        if same:
            owner[same[0]["content_hash"]] = path
            todo.stale |= {r["track_id"] for r in at_path[path] if r is not same[0]}
            _unchanged(same[0], None, path, table, todo, report)
        else:
            looked.append(path)
    kept: set[str] = set()
    for path in looked:
        try:
            job = job_of(Path(path))
        except (MdialogError, OSError) as error:
            report.fail(path, str(error))
            continue
        before = {r["track_id"] for r in at_path.get(path, ()) if r["content_hash"] != job.content_hash}
        row = by_hash.get(job.content_hash)
        there = owner.get(job.content_hash) or (row["path"] if row and row["path"] != path and _still(row) else None)
        if there is not None:
            report.n_duplicate += 1
            report.duplicates.append((path, there))
            todo.stale |= before
            continue
        owner[job.content_hash] = path
        if row is None:
            todo.jobs.append(job)
            todo.replaced[path] = before
            continue
        kept.add(row["track_id"])
        todo.stale |= before
        if row["path"] == path:
            _unchanged(row, job, path, table, todo, report)
        else:
            report.n_moved += 1
            todo.rows[row["track_id"]] = job
    # A row whose file was overwritten lives on where its sound turned up elsewhere.
    todo.stale -= kept
    todo.replaced = {path: before - kept for path, before in todo.replaced.items()}
    return todo


def _unchanged(row: dict, job: Job | None, path: str, table: Listed, todo: Todo, report: "IngestReport") -> None:
    """A file whose sound is that of its row; its metadata may still differ, or only its time."""
    wanted = table.hash_of(path)
    if wanted is not None and wanted != row["table_hash"]:
        report.n_updated += 1
        todo.rows[row["track_id"]] = job
    else:
        report.n_unchanged += 1
        if job is not None:
            todo.rows[row["track_id"]] = job


def _still(row: dict) -> bool:
    """Whether the row's own file is still what it was."""
    try:
        stat = os.stat(row["path"])
    except OSError:
        return False
    return (stat.st_size, stat.st_mtime_ns) == (row["size"], row["mtime_ns"])
