"""Encoder outputs of clips, computed once and kept in files: the language model is taught on them while the encoder rests."""

import hashlib
import math
from pathlib import Path

import clips as clip_data
import numpy as np
import torch


def stored(tower: torch.nn.Module, data: clip_data.Clips, folder: Path, *, device: str = "cpu") -> np.ndarray:
    """Outputs of an audio tower for every clip, from a file of the folder where the same tower has heard the same clips.

    Returns
    -------
    np.ndarray [shape=(n, frames, d), dtype=float16]
        Memory-mapped.
    """
    path = folder / f"{_name(tower, data)}.npy"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        partial, out = path.with_suffix(".partial"), None
        for rows in np.array_split(np.arange(len(data)), math.ceil(len(data) / 64)):
            with torch.inference_mode():
                heard = tower(torch.from_numpy(data.take("listener", rows)).to(device)).last_hidden_state.float().cpu().numpy()
            if out is None:
                out = np.lib.format.open_memmap(partial, mode="w+", dtype=np.float16, shape=(len(data), *heard.shape[1:]))
            out[rows] = heard
        out.flush()
        partial.replace(path)
    return np.load(path, mmap_mode="r")


def _name(tower: torch.nn.Module, data: clip_data.Clips) -> str:
    """Of the tower's weights and the clips, so that neither is taken for another's."""
    made = hashlib.sha256()
    for weight in tower.parameters():
        made.update(weight.detach().cpu().numpy().tobytes())
    made.update(repr(data.labels).encode())
    for shard in data.listener:  # the sound itself is gigabytes: a row of each shard
        made.update(np.ascontiguousarray(shard[0]).tobytes())
    return made.hexdigest()[:16]
