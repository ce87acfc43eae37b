"""Batches of rendered files: made by several processes, and a row of JSON about each of them."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from mdialog.errors import InputError
from mdialog.files import write_text

Known = TypeVar("Known")


def made_rows(
    work: Callable[[tuple], dict], jobs: list[tuple], *, workers: int | None, progress: Callable[[int, int], None] | None = None
) -> list[dict]:
    """What `work` gives for each job, in their order.

    Parameters
    ----------
    work : callable
        Of a module: it may run in another process.
    jobs : list of tuple
    workers : int >= 1 or None
        Processes; one a core if None.
    progress : callable, optional
        Called with the number of jobs done and of all.
    """
    rows = []
    for row in _spread(work, jobs, min(workers or os.cpu_count() or 1, len(jobs))):
        rows.append(row)
        if progress:
            progress(len(rows), len(jobs))
    return rows


def _spread(work: Callable[[tuple], dict], jobs: list[tuple], workers: int) -> Iterator[dict]:
    if workers <= 1:
        yield from map(work, jobs)
        return
    import multiprocessing

    # Spawned, not forked: the caller may hold threads or a GPU.
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        yield from pool.imap(work, jobs, chunksize=1)


def write_rows(path: Path, rows: list[dict]) -> None:
    """Write rows as JSON, one a line, all of them or none."""
    write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def read_rows(path: Path, name: str, known: Callable[[dict], Known], *, what: str, batch: str) -> list[Known]:
    """What is known of each file of a batch.

    Parameters
    ----------
    path : Path
        Of the file of rows, or of the folder that it lies in.
    name : str
        Of the file of rows.
    known : callable
        Makes it of a row.
    what, batch : str
        What a row is, and what the batch is called, for errors.

    Raises
    ------
    InputError
        If there is no such file or a line of it does not parse.
    """
    path = Path(path)
    path = path / name if path.is_dir() else path
    if not path.is_file():
        raise InputError(f"{str(path)!r} is not there; give the folder that write_{batch} wrote")
    found = []
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                found.append(known(json.loads(line)))
            except (ValueError, KeyError, TypeError) as e:
                raise InputError(f"{path}, line {number}: not {what} ({e}); write the {batch} again") from e
    return found
