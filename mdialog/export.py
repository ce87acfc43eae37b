"""`mdialog export`: a run as a dataset that other people's tools load, with the clips that were heard.

===================== =====================================================================================
``README.md``         the card of the dataset (:mod:`mdialog.card`)
``export.json``       what the folder holds: format, run, split
``audio/HASH.flac``   each clip once, under what it was cut from; ``parquet`` has them inside, some formats have none
``dialogues.…``       the rows; ``train.…`` and ``test.…`` where they are split
``test.tracks``       ids of the tracks of the test side, for ``mdialog evaluate --tracks``
``lost.jsonl``        dialogues that are not in it, and why
===================== =====================================================================================
"""

import hashlib
import io
import json
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from itertools import chain, count, islice
from pathlib import Path
from typing import Any

from mdialog import card, formats
from mdialog.dialogue import Dialogue, Heard
from mdialog.errors import InputError, MdialogError
from mdialog.files import write_text
from mdialog.kept import Source
from mdialog.pairs import pairs
from mdialog.plan import read_plans
from mdialog.run import PLANS
from mdialog.split import Split, split, write_tracks

ABOUT, AUDIO, LOST = "export.json", "audio", "lost.jsonl"
WHOLE = "dialogues"  # the name of the rows where they are not split
DEFAULT_SHARD_MB = 500
_AT_ONCE = 16  # dialogues whose clips are in memory together
_ROW_GROUP_BYTES = 32 << 20

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Cut:
    """A clip's file name, or why there is none; its bytes where they are not on disk."""

    name: str = ""
    data: bytes = b""
    problem: str | None = None


@dataclass
class Report:
    """What an export came to.

    Parameters
    ----------
    out : Path
    n_dialogues, n_rows, n_clips : int
        Dialogues that are in it, their rows, different clips among them.
    split : Split or None
    lost : list of (id, why)
        Dialogues that are not in it.
    """

    out: Path
    n_dialogues: int = 0
    n_rows: int = 0
    n_clips: int = 0
    split: Split | None = None
    lost: list[tuple[str, str]] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """1 when anything was lost."""
        return 1 if self.lost else 0

    def __str__(self) -> str:
        lost = f", {len(self.lost)} lost ({self.out / LOST})" if self.lost else ""
        sides = f" ({self.split})" if self.split else ""
        return f"{self.n_dialogues} dialogues in {self.n_rows} rows{sides}, {self.n_clips} clips{lost} in {self.out}"


def export(run: str | Path, *, format: str, out: str | Path, catalog: str | Path | None = None, by: str | None = None,
           test_share: float = 0.1, max_shard_mb: int = DEFAULT_SHARD_MB, workers: int | None = None,
           progress: Progress | None = None) -> Report:
    """Write the dialogues of a run into a folder, in a format of :mod:`mdialog.formats`.

    Clips are mono FLAC of 16 bits at the rate of the file that they were cut from. Killed at any moment, the same call goes on:
    clips and shards that are complete stay; a file of rows is complete or not there. What was lost is tried again.

    Parameters
    ----------
    run : str or Path
        A run folder, or the folder into which `mdialog filter` sorted it: then what it kept, single answers as dialogues of
        their own.
    format : str
        One of ``formats.FORMATS``.
    out : str or Path
        Holds nothing, or a part of the same export.
    catalog : str or Path, optional
        Where the sound files are; the run's plans tell it if not given.
    by : str, optional
        Split into train and test in one of ``split.WAYS``; not split if not given.
    test_share : float in (0, 1)
    max_shard_mb : int > 0
        Parquet files end when they reach it, in MB of 10^6 bytes before compression.
    workers : int > 0, optional
        Threads that cut clips; the number of cores if not given.
    progress : callable, optional
        ``progress(done, total)``, dialogues.

    Raises
    ------
    InputError
        If the run has no dialogues or none of the kind that the format is for, the folder holds another export, or there is
        no such split.
    """
    source, out = Source.of(run), Path(out)
    if format not in formats.FORMATS:
        raise InputError(f"no format {format!r}; there are {', '.join(formats.FORMATS)}")
    if next(source.read(), None) is None:
        raise InputError(f"{source.file} holds no dialogue; " + (
            "filter less strictly" if source.filtered else "write some with `mdialog generate`"))  # fmt: skip
    if format == "retrieval" and next(pairs(_alone(source)), None) is None:
        raise InputError(f"{source.file} recommends nothing that somebody asked for: it has no pairs for retrieval; "
                         "give a run of music-discovery or talk-the-walk")  # fmt: skip
    parted = split(_alone(source), by=by, test_share=test_share) if by else None
    _claim(out, {"format": format, "dialogues": _digest(source.file), "split": by, "test_share": test_share if by else None,
                 "max_shard_mb": max_shard_mb})  # fmt: skip
    report = Report(out, split=parted)
    sides = {"train": set(parted.train), "test": set(parted.test)} if parted else {WHOLE: None}
    total = sum(map(len, sides.values())) if parted else _count_lines(source.file)
    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:  # decoding and encoding release the GIL
        cutter = None if format in formats.WITHOUT_CLIPS else Cutter(_paths(source.run, catalog), pool)
        done = count(1)

        def dialogues(ids: set[str] | None) -> Iterator[Dialogue]:
            for dialogue in _alone(source):
                if ids is None or dialogue.id in ids:
                    yield dialogue
                    if progress:
                        progress(next(done), total)

        for side, ids in sides.items():
            _write_side(out / side, dialogues(ids), format=format, cutter=cutter, report=report, shard_mb=max_shard_mb)
    if parted:
        write_tracks((dialogue for dialogue in _alone(source) if dialogue.id in sides["test"]), out)
    if format == "conversations":
        write_text(out / "dataset_info.json", json.dumps(formats.dataset_info(list(sides)), indent=2) + "\n")
    lines = (json.dumps({"id": name, "why": why}, ensure_ascii=False) + "\n" for name, why in report.lost)
    write_text(out / LOST, "".join(lines))
    lost = {name for name, _ in report.lost}
    there = (d for d in _alone(source) if d.id not in lost and (not parted or any(d.id in ids for ids in sides.values())))
    about = f"{report.n_dialogues} dialogues in {report.n_rows} rows, {report.n_clips} clips"
    write_text(out / card.NAME, card.card(
        source, there, format=format, files={s if parted else "train": _files(s, format) for s in sides}, rows=report.n_rows,
        outcome=about, catalog=catalog,
    ))  # fmt: skip
    return report


def _files(side: str, format: str) -> str:
    """The pattern of the files of a side."""
    suffix = {"lp-musicdialog": "-*.parquet", "parquet": "-*.parquet", "audio-dialogues": ".json"}
    return side + suffix.get(format, ".jsonl")


def _claim(out: Path, about: dict) -> None:
    """Note what the folder is to hold; refuse one that holds something else."""
    path = out / ABOUT
    try:
        out.mkdir(parents=True, exist_ok=True)
        held = json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
        if held is None:
            if any(out.iterdir()):
                raise InputError(f"{out} is not empty and holds no export; choose another --out")
            write_text(path, json.dumps(about, indent=2) + "\n")
            return
    except OSError as error:
        raise InputError(f"{out}: cannot be written ({error.strerror}); choose another --out") from error
    except ValueError as error:
        raise InputError(f"{path}: not JSON ({error}); remove the folder or choose another --out") from error
    if held != about:
        differ = ", ".join(name for name in about if not isinstance(held, dict) or held.get(name) != about[name])
        raise InputError(f"{out} holds another export ({differ}); choose another --out")


def _count_lines(path: Path) -> int:
    with path.open("rb") as lines:
        return sum(1 for _ in lines)


def _alone(source: Source) -> Iterator[Dialogue]:
    return (kept.alone for kept in source.read())


def _digest(path: Path) -> str:
    from mdialog.audio import content_hash

    return content_hash(path)


def _paths(run: Path, catalog: str | Path | None) -> dict[str, str | None]:
    """Sound files of the tracks: as the catalogue knows them now, else as they were when the run was planned."""
    if catalog is not None:
        from mdialog.catalog import Catalog

        rows = Catalog.open(catalog).columns(["track_id", "path"]).to_pylist()
        return {row["track_id"]: row["path"] for row in rows}
    if not (run / PLANS).is_file():
        raise InputError(f"{run} has no {PLANS}, which would say where the sound is; give --catalog")
    return {track_id: track.path for plan in read_plans(run / PLANS) for track_id, track in plan.tracks.items()}


# ---- clips


class Cutter:
    """Cuts clips out of sound files, several at a time.

    Parameters
    ----------
    paths : dict of str to str or None
        Track id to file.
    pool : ThreadPoolExecutor
    """

    def __init__(self, paths: dict[str, str | None], pool: ThreadPoolExecutor):
        from mdialog.audio import content_hash

        self._paths, self._pool = paths, pool
        self._hash = cache(content_hash)

    def cut(self, spans: Iterable[Heard], *, folder: Path | None) -> dict[tuple[str, float, float], Cut]:
        """Each span as a :class:`Cut`: as a file in `folder`, unless it is there already, or without a folder as bytes."""
        wanted = {formats.span_key(span): span for span in spans}
        cuts = self._pool.map(lambda span: self._cut(span, folder), wanted.values())
        return dict(zip(wanted, cuts, strict=True))

    def _cut(self, span: Heard, folder: Path | None) -> Cut:
        path = self._paths.get(span.track_id)
        if path is None:
            known = "has metadata only" if span.track_id in self._paths else "is not in this catalogue"
            return Cut(problem=f"track {span.track_id} {known}")
        try:
            name = f"{AUDIO}/{clip_name(self._hash(path), span)}"
            if folder is None:
                return Cut(name, encode(path, span))
            if not (folder / name).is_file():
                _place(folder / name, encode(path, span))
            return Cut(name)
        except MdialogError as error:
            return Cut(problem=str(error))


def clip_name(content_hash: str, span: Heard) -> str:
    """File name of a clip, from what is cut out of what: the same clip has the same name in every export."""
    text = f"{content_hash} {round(span.start_s * 1000)} {round(span.end_s * 1000)} mono pcm16"
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest() + ".flac"


def encode(path: str | Path, span: Heard) -> bytes:
    """A span of a file as mono FLAC of 16 bits, at the file's rate: mono is what the models hear."""
    import soundfile

    from mdialog import audio

    decoded = audio.decode(path, start_s=span.start_s, end_s=span.end_s)
    made = io.BytesIO()
    try:
        soundfile.write(made, audio.mono(decoded.samples).clip(-1, 1), decoded.sample_rate, format="FLAC", subtype="PCM_16")
    except soundfile.LibsndfileError as error:
        raise InputError(f"{path}: {decoded.sample_rate} Hz cannot be written as FLAC ({error}); resample it") from error
    return made.getvalue()


def _place(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{threading.get_ident()}")  # two tracks may have the same sound
    partial.write_bytes(data)
    partial.replace(path)


# ---- rows


def _write_side(stem: Path, dialogues: Iterable[Dialogue], *, format: str, cutter: Cutter | None, report: Report,
                shard_mb: int) -> None:
    if format in ("lp-musicdialog", "parquet"):
        schema = formats.lp_schema() if format == "lp-musicdialog" else formats.embedded_schema()
        _write_shards(stem, dialogues, schema, cutter=cutter, report=report, max_bytes=shard_mb * 10**6)
        return
    whole = format == "audio-dialogues"  # a JSON list, as its readers expect; the others are a row a line
    path = stem.with_suffix(".json" if whole else ".jsonl")
    partial = path.with_name(path.name + ".partial")
    with partial.open("w", encoding="utf-8", newline="\n") as file:
        lines = (json.dumps(row, ensure_ascii=False) for row in _text_rows(format, dialogues, cutter, report))
        for i, line in enumerate(lines):
            file.write(("[\n" if not i else ",\n") + line if whole else line + "\n")
        if whole:
            file.write("\n]\n" if file.tell() else "[]\n")
    partial.replace(path)


def _text_rows(format: str, dialogues: Iterable[Dialogue], cutter: Cutter | None, report: Report) -> Iterator[dict]:
    """Rows that name their clips, if the format has any; those are in place before a row comes."""
    make = {"messages": formats.messages, "conversations": formats.conversations, "audio-dialogues": formats.audio_dialogues,
            "retrieval": lambda dialogue, _: formats.retrieval(dialogue)}  # fmt: skip
    names: set[str] = set()
    for several in _batches(dialogues):
        cuts = cutter.cut((span for d in several for span in formats.spans_of(d)), folder=report.out) if cutter else {}
        for dialogue in several:
            if cutter and _refused(dialogue, cuts, report):
                continue
            try:
                made = make[format](dialogue, lambda span, cuts=cuts: cuts[formats.span_key(span)].name)
                rows = [made] if isinstance(made, dict) else list(made)
            except InputError as error:
                report.lost.append((dialogue.id, str(error)))
                continue
            names |= {cuts[formats.span_key(span)].name for span in formats.spans_of(dialogue)} if cutter else set()
            report.n_dialogues += 1
            report.n_rows += len(rows)
            yield from rows
    report.n_clips += len(names)


def _refused(dialogue: Dialogue, cuts: dict[tuple, Cut], report: Report) -> bool:
    """Whether a clip of the dialogue is missing: without it, what is said of it would hang in the air."""
    problems = (cuts[formats.span_key(span)].problem for span in formats.spans_of(dialogue))
    problem = next(filter(None, problems), None)
    if problem:
        report.lost.append((dialogue.id, problem))
    return problem is not None


def _batches(dialogues: Iterable[Dialogue]) -> Iterator[list[Dialogue]]:
    """So few dialogues at once that their clips fit into memory, so many that every thread has one to cut."""
    rest = iter(dialogues)
    while several := list(islice(rest, _AT_ONCE)):
        yield several


# ---- tables


def _write_shards(stem: Path, dialogues: Iterable[Dialogue], schema, *, cutter: Cutter | None, report: Report,
                  max_bytes: int) -> None:
    """Rows in Parquet files of at most about `max_bytes`, each complete or not there; goes on after those that are."""
    kept = _complete_shards(stem)
    _add(report, kept)
    taken = kept[-1]["taken"] if kept else 0
    rows = _table_rows(islice(dialogues, taken, None), cutter, report)
    for number in count(len(kept)):
        first = list(islice(rows, 1))
        if not first and number:
            return
        note = _write_shard(_shard(stem, number), chain(first, rows), schema, taken=taken, max_bytes=max_bytes)
        _add(report, [note])
        taken = note["taken"]


def _add(report: Report, notes: list[dict]) -> None:
    for note in notes:
        report.n_dialogues += note["rows"]
        report.n_rows += note["rows"]
        report.n_clips += note["clips"]


def _shard(stem: Path, number: int) -> Path:
    return stem.with_name(f"{stem.name}-{number:05d}.parquet")


def _complete_shards(stem: Path) -> list[dict]:
    """What is noted in each shard that stays; from the first on that lost something, all are made again."""
    import pyarrow.parquet as pq

    notes: list[dict] = []
    while (path := _shard(stem, len(notes))).is_file():
        note = json.loads(pq.read_metadata(path).metadata[b"mdialog"])
        if note["lost"]:
            break
        notes.append(note)
    for left in stem.parent.glob(f"{stem.name}-*.parquet"):
        if left.name >= path.name:
            left.unlink()
    return notes


def _table_rows(dialogues: Iterable[Dialogue], cutter: Cutter | None, report: Report) -> Iterator[dict | None]:
    """A row a dialogue; None for one that is lost."""
    for several in _batches(dialogues):
        cuts = cutter.cut((span for d in several for span in formats.spans_of(d)), folder=None) if cutter else {}
        for dialogue in several:
            if cutter is None:
                yield formats.lp_musicdialog(dialogue)
            elif _refused(dialogue, cuts, report):
                yield None
            else:
                yield formats.embedded(dialogue, {key: (cut.name, cut.data) for key, cut in cuts.items()})


def _write_shard(path: Path, rows: Iterator[dict | None], schema, *, taken: int, max_bytes: int) -> dict:
    """Rows into one file until it is full; returns what is noted in it, ``taken`` being the dialogues up to its end."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    partial = path.with_name(path.name + ".partial")
    note = {"taken": taken, "rows": 0, "clips": 0, "lost": 0}
    group: list[dict] = []
    group_bytes = file_bytes = 0
    # No dictionaries: hardly a value comes twice, and sound is packed already.
    with pq.ParquetWriter(partial, schema, compression="zstd", use_dictionary=False) as writer:

        def flush() -> None:
            writer.write_table(pa.Table.from_pylist(group, schema=schema))
            group.clear()

        for row in rows:
            note["taken"] += 1
            if row is None:
                note["lost"] += 1
                continue
            note["rows"] += 1
            note["clips"] += len(row.get("audio", ()))
            group.append(row)
            size = _size(row)
            group_bytes, file_bytes = group_bytes + size, file_bytes + size
            if group_bytes >= _ROW_GROUP_BYTES:
                flush()
                group_bytes = 0
            if file_bytes >= max_bytes:
                break
        flush()
        writer.add_key_value_metadata({"mdialog": json.dumps(note)})
    partial.replace(path)
    return note


def _size(row: dict[str, Any]) -> int:
    """Bytes of a row, about."""
    sounds = sum(len(sound["bytes"]) for sound in row.get("audio", ()))
    return sounds + sum(len(str(value)) for name, value in row.items() if name != "audio")
