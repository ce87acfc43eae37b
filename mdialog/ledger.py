"""Ledger: a folder that one process writes at a time, and files to which lines of JSON are added, whole after a kill."""

import fcntl
import json
import os
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from mdialog.errors import InputError
from mdialog.files import write_text


@contextmanager
def open_run(folder: Path) -> Iterator[Path]:
    """Make a folder and keep other processes out of it while it is open.

    Raises
    ------
    InputError
        If it cannot be written, or another process has it open.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror}); choose another --out") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(f"{folder}: another process is writing it; wait, or choose another --out") from None
        yield folder


def recover(path: Path) -> list[dict]:
    """Records of an append-only file; a last line that was cut off in writing is removed from it.

    Raises
    ------
    InputError
        If a line that is complete is not JSON.
    """
    if not path.exists():
        return []
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        with path.open("r+b") as file:
            file.truncate(len(whole))
    found = []
    for i, line in enumerate(whole.decode("utf-8").split("\n")[:-1], start=1):
        try:
            found.append(json.loads(line))
        except ValueError as error:
            raise InputError(f"{path}, line {i}: not JSON ({error}); remove the line to write it again") from error
    return found


def keep_only(path: Path, ids: Container[str]) -> None:
    """Take out the records with any other ``id``, such as a kill leaves of a dialogue that was cut off."""
    found = recover(path)
    lines = path.read_text(encoding="utf-8").split("\n")[:-1] if found else []
    kept = [line for line, record in zip(lines, found, strict=True) if record["id"] in ids]
    write_text(path, "".join(line + "\n" for line in kept))


def appending(path: Path) -> IO[str]:
    """The file, open for :func:`append`; made if it is not there."""
    return path.open("a", encoding="utf-8", newline="\n")


def append(file: IO[str], line: str) -> None:
    """Add a line; it is on the disk when this returns."""
    file.write(line + "\n")
    file.flush()
    os.fsync(file.fileno())


def put_in_order(path: Path, *, key: Callable[[dict], int]) -> None:
    """Sort the records of a file, all of them or none."""
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]  # titles may hold what splitlines() takes for line ends
    ordered = sorted(lines, key=lambda line: key(json.loads(line)))
    if ordered != lines:
        write_text(path, "".join(line + "\n" for line in ordered))
