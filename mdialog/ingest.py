"""From folders of music to a catalogue: what changed, who analyses it, and rows in batches."""

import dataclasses
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mdialog.analyse import Analysed, Job, analyse_all
from mdialog.background import FEW_WINDOWS, MAX_WINDOWS, heard_scores, heard_values, make_background, shipped_background
from mdialog.catalog import Catalog
from mdialog.changes import ID_DIGITS, Listed, Todo, compare, ids_without_sound, metadata_hash, read_listed, scan
from mdialog.evidence import Evidence
from mdialog.metadata import merge, read_tags
from mdialog.schema import heard_columns, measured_row, meta_columns, term_columns, track_row
from mdialog.tags import Measured
from mdialog.verdicts import judge_of

if TYPE_CHECKING:
    from mdialog.clap import Clap

FAILURES = "ingest-failures.jsonl"
BATCH_TRACKS = 64
BATCH_S = 20.0  # at the most so much work is lost when an ingest is killed
OPTIMIZE_EVERY = 50  # batches; each leaves a fragment, and every write lists all fragments


@dataclass
class IngestReport:
    """What an ingest did.

    Parameters
    ----------
    n_new, n_updated, n_moved, n_unchanged, n_failed, n_metadata_only, n_duplicate, n_removed : int
        Files (or table rows), each counted once. `n_updated` are files whose sound or metadata changed,
        `n_duplicate` files whose bytes another file has: they share its row.
    n_silent : int
        Of the new and updated ones.
    duplicates : list of (str, str)
        Path, and the path whose row it shares.
    failures : dict of str to str
        Reasons by path, or by line of the table.
    notes : list of str
        What a user should know though nothing was lost.
    seconds : dict of str to float
        Spent in each part; `decode`, `measure` and `resample` are summed over the workers.
    """

    n_new: int = 0
    n_updated: int = 0
    n_moved: int = 0
    n_unchanged: int = 0
    n_failed: int = 0
    n_metadata_only: int = 0
    n_duplicate: int = 0
    n_removed: int = 0
    n_silent: int = 0
    duplicates: list[tuple[str, str]] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    seconds: Counter = field(default_factory=Counter)

    @property
    def exit_code(self) -> int:
        """1 if anything was lost."""
        return int(self.n_failed > 0)

    def fail(self, name: str, reason: str) -> None:
        self.failures[name] = reason
        self.n_failed = len(self.failures)

    def __str__(self) -> str:
        names = [f.name for f in dataclasses.fields(self) if f.name.startswith("n_")]
        counts = [f"{n} {name[2:].replace('_', ' ')}" for name in names if (n := getattr(self, name))]
        return ", ".join(counts) or "nothing to do"


def ingest(
    dirs: Sequence[str | Path],
    *,
    catalog: str | Path,
    metadata: str | Path | None = None,
    clap: "Clap | str | None" = None,
    prune: bool = False,
    workers: int | None = None,
    device: str = "cpu",
    progress: Callable[[int, int], None] | None = None,
) -> IngestReport:
    """Bring a catalogue up to date with folders of music; may be killed at any moment and run again.

    Parameters
    ----------
    dirs : sequence of str or Path
        Folders, searched with all below them, or single files.
    catalog : str or Path
        A folder or a URI; made if it is not there.
    metadata : str or Path, optional
        A table: ``table.read_table``. Rows without a file become tracks with metadata only.
    clap : Clap or str, optional
        A loaded model or what ``Clap.load`` takes.
    prune : bool
        Remove the rows of files that are gone from `dirs` and, with `metadata`, of rows gone from the table.
    workers : int, optional
        Processes that decode and measure; all cores by default.
    device : str
        Where CLAP runs.
    progress : callable, optional
        Called with the number of files done and of all to do.

    Raises
    ------
    InputError
        If a folder or the table cannot be read, or the catalogue was made with another model or version.
    """
    started = time.perf_counter()
    report = IngestReport()
    roots, files = scan(dirs)
    table, lost = read_listed(metadata, roots)
    report.notes += table.notes
    for line, reason in lost.items():
        report.fail(line, reason)
    # A table may name files that lie elsewhere.
    files = sorted({*files, *(Path(path) for path in table.by_path)})
    clap, source = _timed(report, "load", lambda: _load(clap, device))
    looked = time.perf_counter()
    catalog = Catalog.create(catalog, clap=clap, clap_source=source)
    catalog.sweep()
    todo = compare(files, catalog, table, report)
    report.seconds["look"] = time.perf_counter() - looked
    _update_rows(catalog, todo, table)
    _Writer(catalog, clap, table, report, todo.replaced).run(todo.jobs, workers=workers, progress=progress)
    _metadata_only(catalog, table, report)
    stale = todo.stale | (_gone(catalog, roots, files, table if metadata else None) if prune else set())
    report.n_removed += len(stale - todo.stale)
    catalog.remove(stale)
    _timed(report, "write", catalog.optimize)
    _write_failures(catalog.path, report, scanned={str(f) for f in files}, roots=roots)
    report.seconds["total"] = time.perf_counter() - started
    return report


def _load(clap: "Clap | str | None", device: str) -> tuple["Clap", str | None]:
    if clap is not None and not isinstance(clap, str):
        return clap, None
    from mdialog.clap import DEFAULT, Clap

    name = clap or DEFAULT
    # A relative folder would mean another one from elsewhere.
    return Clap.load(name, device=device), str(Path(name).resolve()) if Path(name).is_dir() else name


# --- rows whose sound stays ------------------------------------------------------------


def _update_rows(catalog: Catalog, todo: Todo, table: Listed) -> None:
    """Rows whose sound stays: where it is now, and what the table says of it now."""
    from lancedb.expr import col

    tracks = catalog.table("tracks")
    ids = sorted(todo.rows)
    for start in range(0, len(ids), BATCH_TRACKS):
        batch = ids[start : start + BATCH_TRACKS]
        rows = catalog.columns(tracks.schema.names, where=col("track_id").isin(batch)).to_pylist()
        catalog.update([_updated(row, todo.rows[row["track_id"]], table) for row in rows])


def _updated(row: dict, job: Job | None, table: Listed) -> dict:
    if job is not None:
        row |= {"path": job.path, "size": job.size, "mtime_ns": job.mtime_ns}
    path = row["path"]
    wanted = table.hash_of(path)
    if wanted is not None and wanted != row["table_hash"]:
        row |= meta_columns(merge(read_tags(path), table.by_path[path])) | {"table_hash": wanted}
        row |= term_columns(row)
    return row


# --- rows --------------------------------------------------------------------------------------------------------


class _Writer:
    """Takes what the workers give, embeds it, and writes it in batches."""

    def __init__(
        self, catalog: Catalog, clap: "Clap", table: Listed, report: IngestReport, replaced: dict[str, set[str]]
    ):
        self.catalog, self.clap, self.table, self.report, self.replaced = catalog, clap, table, report, replaced
        self.pending: list[tuple[Analysed, np.ndarray]] = []
        self.background, self.judge = _background(catalog, clap), judge_of(clap.model_id, catalog.about.clap_source)
        self.n_batches = 0

    def run(self, jobs: list[Job], *, workers: int | None, progress: Callable[[int, int], None] | None) -> None:
        flushed = time.perf_counter()
        for n, (found, embeddings) in enumerate(self._embedded(analyse_all(jobs, workers=workers)), 1):
            if progress is not None:
                progress(n, len(jobs))
            if found.failure is not None:
                self.report.fail(found.job.path, found.failure)
                continue
            self.pending.append((found, embeddings))
            if self.background is None and sum(len(e) for _, e in self.pending) < MAX_WINDOWS:
                continue  # the first windows become the background that all rows are read against
            if len(self.pending) >= BATCH_TRACKS or time.perf_counter() - flushed > BATCH_S:
                self._flush()
                flushed = time.perf_counter()
        self._flush()

    def _embedded(self, stream: Iterable[Analysed]) -> Iterator[tuple[Analysed, np.ndarray]]:
        """Each with its windows' embeddings (n, dim) in place of their samples."""
        for found in stream:
            self.report.seconds.update(found.seconds)
            embeddings = np.zeros((0, self.clap.dim), np.float32)
            if found.windows is not None and len(found.windows):
                samples = found.windows.astype(np.float32) / 32768.0
                # A track at a time: what else is in a batch must not change its embedding.
                embeddings = _timed(self.report, "embed", lambda samples=samples: self.clap.embed_audio(samples))
            found = dataclasses.replace(found, windows=None)
            if not np.isfinite(embeddings).all():
                reason = f"{found.job.path}: CLAP {self.clap.model_id} gives NaN for it; check the model with doctor"
                found = dataclasses.replace(found, failure=reason)
            yield found, embeddings

    def _flush(self) -> None:
        if not self.pending:
            return
        if self.background is None:
            self._fix_background()
        tracks, windows, replaces = [], [], set()
        for found, embeddings in self.pending:
            track, own = self._rows(found, embeddings)
            tracks.append(track)
            windows += own
            gone = self.replaced.get(found.job.path, set())
            if said := self.table.by_path.get(found.job.path):
                gone = gone | ids_without_sound(said, found.job.path)  # the track was known by its metadata only
            self.report.n_updated += bool(self.replaced.get(found.job.path))
            self.report.n_new += not self.replaced.get(found.job.path)
            self.report.n_silent += found.tags is None
            replaces |= gone
        _timed(self.report, "write", lambda: self.catalog.write(tracks, windows, replaces=replaces))
        self.pending = []
        self.n_batches += 1
        if self.n_batches % OPTIMIZE_EVERY == 0:
            _timed(self.report, "write", lambda: self.catalog.optimize(index=False))

    def _fix_background(self) -> None:
        embeddings = np.concatenate([e for _, e in self.pending])
        if not len(embeddings):
            return
        self.background = make_background(
            embeddings, model_id=self.clap.model_id, labels=tuple(self.clap.zero_shot.labels)
        )
        self.catalog.set_background(self.background)
        if len(embeddings) < FEW_WINDOWS:
            self.report.notes.append(
                f"heard tags are calibrated on {len(embeddings)} windows only and stay so in this catalogue; "
                "start a new one with more music for better ones"
            )

    def _rows(self, found: Analysed, embeddings: np.ndarray) -> tuple[dict, list[dict]]:
        """The row of `tracks` and those of `windows`."""
        job, said = found.job, self.table.by_path.get(found.job.path)
        file = {
            "track_id": job.content_hash[:ID_DIGITS],
            "path": job.path,
            "content_hash": job.content_hash,
            "size": job.size,
            "mtime_ns": job.mtime_ns,
            "table_hash": self.table.hash_of(job.path),
            "duration_s": found.duration_s,
            "sample_rate": found.sample_rate,
            "channels": found.channels,
            "silent": found.tags is None,
            "clap_model": self.clap.model_id,
        }
        metadata = merge(found.metadata, said) if said else found.metadata
        if found.tags is None or not len(embeddings):
            return track_row(file, metadata, measured=found.tags.track if found.tags else None), []
        mean = embeddings.mean(axis=0)
        heard = self._heard(np.stack([*embeddings, mean / max(np.linalg.norm(mean), 1e-12)]))
        heard = [row | self._read(row["embedding"], measured, found.tags.track, heard[-1]["embedding"])
                 for row, measured in zip(heard, [*filter(None, found.tags.windows), found.tags.track], strict=True)]
        sounding = iter(heard[:-1])
        windows = []
        for i, ((start_s, end_s), measured) in enumerate(zip(found.spans, found.tags.windows, strict=True)):
            row = {"track_id": file["track_id"], "index": i, "start_s": start_s, "end_s": end_s}
            windows.append(row | measured_row(measured) | (next(sounding) if measured is not None else {}))
        return track_row(file, metadata, measured=found.tags.track, heard=heard[-1]), windows

    def _read(self, embedding: np.ndarray, measured: Measured, track: Measured, around: np.ndarray) -> dict:
        """``heard_*`` words by the read-outs that lie beside the model; none, so that zero-shot words stay, without them."""
        if self.judge is None:
            return {}
        evidence = Evidence(dataclasses.asdict(measured), embedding, around=around, track_bpm=track.tempo_bpm)
        return {f"heard_{kind}": words for kind, words in self.judge.values(evidence).items()}

    def _heard(self, embeddings: np.ndarray) -> list[dict]:
        """``heard_*`` columns of each embedding."""
        scores = heard_scores(embeddings, self.clap.zero_shot, self.background)
        return [heard_columns(e, s, heard_values(s, self.background)) for e, s in zip(embeddings, scores, strict=True)]


def _background(catalog: Catalog, clap: "Clap"):
    """The catalogue's background; on the first ingest the one that ships with the model, if any."""
    if catalog.has_background:
        return catalog.background
    shipped = shipped_background(clap)
    if shipped is not None:
        catalog.set_background(shipped)
    return shipped


def _metadata_only(catalog: Catalog, table: Listed, report: IngestReport) -> None:
    """Tracks of the table without a sound file."""
    known = {r["track_id"]: r["table_hash"] for r in catalog.columns(["track_id", "table_hash"]).to_pylist()}
    report.n_metadata_only = len(table.fileless)
    rows = []
    for track_id, said in table.fileless.items():
        table_hash = metadata_hash(said)
        if known.get(track_id) != table_hash:
            rows.append(track_row({"track_id": track_id, "table_hash": table_hash}, said))
    for start in range(0, len(rows), 1000):
        _timed(report, "write", lambda start=start: catalog.write(rows[start : start + 1000], []))


def _gone(catalog: Catalog, roots: list[Path], files: list[Path], table: Listed | None) -> set[str]:
    """Ids of rows whose file is no longer in the folders, and of metadata-only rows no longer in the table."""
    there = {str(f) for f in files}
    gone = set()
    for row in catalog.columns(["track_id", "path"]).to_pylist():
        if row["path"] is None:
            if table is not None and row["track_id"] not in table.fileless:
                gone.add(row["track_id"])
        elif row["path"] not in there and _below(row["path"], roots):
            gone.add(row["track_id"])
    return gone


def _below(path: str, roots: list[Path]) -> bool:
    return any(Path(path) == root or root in Path(path).parents for root in roots)


def _timed(report: IngestReport, part: str, do: Callable):
    started = time.perf_counter()
    try:
        return do()
    finally:
        report.seconds[part] += time.perf_counter() - started


# --- failures ------------------------------------------------------------------------------------------------------


def read_failures(catalog: str | Path) -> dict[str, str]:
    """Reasons by path of ``ingest-failures.jsonl`` in a catalogue's folder; empty if there is none."""
    files, name = _beside(str(catalog))
    if files.get_file_info(name).type.name == "NotFound":
        return {}
    with files.open_input_stream(name) as stream:
        lines = stream.read().decode().splitlines()
    return {row["path"]: row["reason"] for row in map(json.loads, lines)}


def _write_failures(catalog: str, report: IngestReport, *, scanned: set[str], roots: list[Path]) -> None:
    """What failed now, and what failed before and was not looked at now."""
    before = read_failures(catalog)
    now = {p: r for p, r in before.items() if p not in scanned and not _below(p, roots) and Path(p).is_file()}
    now |= report.failures
    files, name = _beside(catalog)
    if not now:
        if before:
            files.delete_file(name)
        return
    text = "".join(json.dumps({"path": p, "reason": r}, ensure_ascii=False) + "\n" for p, r in sorted(now.items()))
    with files.open_output_stream(name + ".partial") as stream:
        stream.write(text.encode())
    files.move(name + ".partial", name)


def _beside(catalog: str):
    """File system and name of the failures file in a catalogue's folder or under its URI."""
    from pyarrow import fs

    if "://" in catalog:
        files, path = fs.FileSystem.from_uri(catalog)
    else:
        files, path = fs.LocalFileSystem(), str(Path(catalog).resolve())
    return files, f"{path}/{FAILURES}"
