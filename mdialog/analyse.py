"""One decode a file: what ingest needs of a sound, made in worker processes."""

import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mdialog import audio
from mdialog.errors import MdialogError
from mdialog.metadata import Metadata, read_tags
from mdialog.tags import TrackTags, measure_track

CLAP_HZ = 48_000  # clap.SAMPLE_RATE_HZ; that module is not loaded in workers
# Starting workers (they import numpy, scipy and torch anew) takes longer than a few files do.
FEW_FILES = 16


@dataclass(frozen=True)
class Job:
    """A file to analyse, as it was when it was looked at."""

    path: str
    content_hash: str
    size: int
    mtime_ns: int


@dataclass(frozen=True)
class Analysed:
    """What one decode gave.

    Parameters
    ----------
    job : Job
    failure : str or None
        Why there is nothing else.
    duration_s : float
    sample_rate, channels : int
    metadata : Metadata
    tags : TrackTags or None
        None for a silent file.
    spans : tuple of (start_s, end_s)
        Windows with sound in them and without.
    windows : np.ndarray [shape=(n, 480000), dtype=int16] or None
        The windows with sound, mono at 48 kHz.
    seconds : dict of str to float
        Spent in `decode`, `resample` and `measure`.
    """

    job: Job
    failure: str | None = None
    duration_s: float = 0.0
    sample_rate: int = 0
    channels: int = 0
    metadata: Metadata = field(default_factory=Metadata)
    tags: TrackTags | None = None
    spans: tuple[tuple[float, float], ...] = ()
    windows: np.ndarray | None = None
    seconds: dict[str, float] = field(default_factory=dict)


def analyse(job: Job) -> Analysed:
    """Decode a file, measure it, and cut the windows that CLAP hears. What goes wrong becomes `failure`."""
    try:
        return _analyse(job)
    except MdialogError as error:
        return Analysed(job, failure=str(error))
    except Exception as error:  # one odd file must not end the ingest of all the others
        return Analysed(job, failure=f"{job.path}: {type(error).__name__}: {error}")


def _analyse(job: Job) -> Analysed:
    clock = [time.perf_counter()]
    decoded = audio.decode(job.path)
    metadata = read_tags(job.path)
    clock.append(time.perf_counter())
    rate, n = decoded.sample_rate, decoded.samples.shape[1]
    tags = measure_track(decoded.samples, rate)
    clock.append(time.perf_counter())
    spans = tuple(audio.windows(n, rate))
    windows = None
    if tags is not None:
        y = audio.resample(audio.mono(decoded.samples), rate, CLAP_HZ)
        sounding = [span for span, measured in zip(spans, tags.windows, strict=True) if measured is not None]
        windows = np.stack([_pcm(audio.cut(y, CLAP_HZ, start_s=a, end_s=b)) for a, b in sounding] or [_NO_WINDOW])
        windows = windows[: len(sounding)]
    clock.append(time.perf_counter())
    return Analysed(
        job,
        duration_s=decoded.duration_s,
        sample_rate=rate,
        channels=decoded.channels,
        metadata=metadata,
        tags=tags,
        spans=spans,
        windows=windows,
        seconds=dict(zip(("decode", "measure", "resample"), np.diff(clock).tolist(), strict=True)),
    )


_NO_WINDOW = np.zeros(10 * CLAP_HZ, np.int16)


def _pcm(samples: np.ndarray) -> np.ndarray:
    """16 bits: half the size on its way from the worker, and below what any of the models resolves."""
    return np.clip(np.round(samples * 32768.0), -32768, 32767).astype(np.int16)


def analyse_all(jobs: Sequence[Job], *, workers: int | None = None) -> Iterator[Analysed]:
    """Analyse files in worker processes, in the order of `jobs`; few files, or one worker, in this process.

    Only about one result a worker waits at any time, so that memory does not grow with the number of files.

    Parameters
    ----------
    jobs : sequence of Job
    workers : int > 0, optional
        All cores by default.
    """
    workers = workers or len(os.sched_getaffinity(0))
    if workers == 1 or len(jobs) < FEW_FILES:
        yield from map(analyse, jobs)
        return
    waiting = deque(jobs)
    while waiting:
        running: deque = deque()
        try:
            with _pool(workers) as pool:
                while waiting or running:
                    while waiting and len(running) < workers + 2:
                        running.append((waiting[0], pool.submit(analyse, waiting[0])))
                        waiting.popleft()
                    result = running[0][1].result()
                    running.popleft()
                    yield result
        except BrokenProcessPool:
            # A worker died (a crash in a decoder, out of memory); each file it may have been at is tried alone.
            yield from (_alone(job) for job, _ in running)


def _alone(job: Job) -> Analysed:
    try:
        with _pool(1) as pool:
            return pool.submit(analyse, job).result()
    except BrokenProcessPool:
        reason = "the worker process died on it (a crash, or out of memory); leave it out"
        return Analysed(job, failure=f"{job.path}: {reason}")


def _pool(workers: int) -> ProcessPoolExecutor:
    # Spawn: threads of torch and of LanceDB do not survive a fork.
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=_start_worker)


def _start_worker() -> None:
    import threadpoolctl

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process ends the workers in order
    # A worker a core: for what is loaded already, and for torch, which is loaded when first needed.
    threadpoolctl.threadpool_limits(1)
    os.environ["OMP_NUM_THREADS"] = "1"


def job_of(path: Path) -> Job:
    """Look at a file: its size, time and content hash.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    content_hash = audio.content_hash(path)
    stat = path.stat()
    return Job(str(path), content_hash, stat.st_size, stat.st_mtime_ns)
