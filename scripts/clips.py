"""The rendered training clips as arrays: what render_clips.py writes and the training scripts read."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mdialog.metadata import EventSpan
from mdialog.synth.labels import ClipEvents, ClipLabels


@dataclass(frozen=True)
class Clips:
    """A split in memory-mapped shards, addressed as one array.

    Parameters
    ----------
    listener : list of np.ndarray [shape=(n, 192, 500), dtype=float16]
    clap : list of np.ndarray [shape=(n, 1001, 64), dtype=float16]
        None of sound events.
    labels : list of ClipLabels or ClipEvents
    """

    listener: list[np.ndarray]
    clap: list[np.ndarray]
    labels: list[ClipLabels | ClipEvents]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, what: str, rows: np.ndarray) -> np.ndarray:
        """Rows of `listener` or `clap` as float32."""
        shards = getattr(self, what)
        size = len(shards[0])
        return np.stack([shards[i // size][i % size] for i in rows]).astype(np.float32)


def load(folder: Path, split: str, *, part: int = 0, parts: int = 1) -> Clips:
    """Read every finished shard of a split, or every `parts`-th of them from `part` on.

    Raises
    ------
    SystemExit
        If there is none.
    """
    shards = sorted((folder / split).glob("shard-*/labels.jsonl"))[part::parts]
    if not shards:
        raise SystemExit(f"no clips in {folder / split}; make them with scripts/render_clips.py")
    return Clips(
        listener=[np.load(s.parent / "listener.npy", mmap_mode="r") for s in shards],
        clap=[np.load(path, mmap_mode="r") for s in shards if (path := s.parent / "clap.npy").exists()],
        labels=[_labels(json.loads(line)) for shard in shards for line in shard.read_text().splitlines()],
    )


def _labels(row: dict) -> ClipLabels | ClipEvents:
    if "events" in row:
        return ClipEvents(tuple(EventSpan(**event) for event in row["events"]), row["duration_s"])
    row.pop("source")
    many = {name: tuple(row[name]) for name in ("instruments", "moods", "themes")}
    return ClipLabels(**row | many)
