"""Tag heads: linear read-outs that teach an audio encoder before it meets language; and what they are to find."""

import numpy as np
import torch
from counting import BEATS_HZ
from torch import nn
from torch.nn import functional as F

from mdialog import vocab
from mdialog.synth.labels import ClipLabels

CHOICES = ("tempo", "key", "mode", "metre", "genre", "vocal", "energy")
BPM, BINS_AN_OCTAVE = (45.0, 210.0), 12
N_BPM = int(np.log2(BPM[1] / BPM[0]) * BINS_AN_OCTAVE) + 2  # classes of tempo, a twelfth of an octave each
NONE = -100  # no clear value: not counted in a loss


def targets(labels: list[ClipLabels]) -> dict[str, torch.Tensor]:
    """Labels as tensors: class indices for one-of-many kinds, 0/1 rows for the others."""
    v = vocab.load()
    out = {kind: torch.tensor([v[kind].names.index(getattr(row, kind)) for row in labels]) for kind in CHOICES}
    instruments, moods = v["instrument"].names, v["mood"].names
    out["lead"] = torch.tensor([instruments.index(row.lead) if row.lead else NONE for row in labels])
    out["instrument"] = torch.tensor([[float(i in row.instruments) for i in instruments] for row in labels])
    out["mood"] = torch.tensor([[float(m in row.moods) for m in moods] for row in labels])
    places = np.log2(np.array([[row.tempo_bpm] for row in labels]) / BPM[0]) * BINS_AN_OCTAVE
    near = np.exp(-0.5 * (places - np.arange(N_BPM)) ** 2)
    out["bpm"] = torch.tensor(near / near.sum(1, keepdims=True), dtype=torch.float32)
    return out


class Heads(nn.Module):
    """One linear layer a kind over a pooled embedding."""

    def __init__(self, dim: int):
        super().__init__()
        v = vocab.load()
        sizes = {kind: len(v[kind].values) for kind in CHOICES}
        sizes |= {"lead": len(v["instrument"].values), "instrument": len(v["instrument"].values),
                  "mood": len(v["mood"].values), "bpm": N_BPM}
        self.linear = nn.ModuleDict({kind: nn.Linear(dim, n) for kind, n in sizes.items()})

    def forward(self, pooled: torch.Tensor) -> dict[str, torch.Tensor]:
        return {kind: layer(pooled) for kind, layer in self.linear.items()}

    def fit(self, pooled: torch.Tensor, true: dict[str, torch.Tensor], *, steps: int = 2000) -> None:
        """Fit the heads to embeddings that are finished, (n, dim), by Adam on the whole of them scaled to deviation one."""
        mean, spread = pooled.mean(0), pooled.std(0) + 1e-6
        scaled, rng = (pooled - mean) / spread, torch.Generator().manual_seed(0)
        optimizer = torch.optim.Adam(self.parameters(), lr=3e-3, weight_decay=1e-4)
        rate = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        for _ in range(steps):
            rows = torch.randint(len(pooled), (256,), generator=rng)
            optimizer.zero_grad()
            self.loss(self(scaled[rows]), {kind: x[rows] for kind, x in true.items()}).backward()
            optimizer.step()
            rate.step()
        with torch.no_grad():
            for layer in self.linear.values():
                layer.weight /= spread
                layer.bias -= layer.weight @ mean

    @staticmethod
    def loss(out: dict[str, torch.Tensor], true: dict[str, torch.Tensor]) -> torch.Tensor:
        total = torch.zeros((), dtype=torch.float32)
        for kind, x in out.items():
            x = x.float()
            if kind in ("instrument", "mood"):
                part = F.binary_cross_entropy_with_logits(x, true[kind]) * (6.0 if kind == "instrument" else 2.0)
            elif kind == "bpm":
                part = F.cross_entropy(x, true[kind])
            elif (true[kind] == NONE).all():
                continue
            else:
                part = F.cross_entropy(x, true[kind], ignore_index=NONE) * (2.0 if kind == "lead" else 1.0)
            total = total + part
        return total

    @staticmethod
    def clarity(out: dict[str, torch.Tensor], true: dict[str, torch.Tensor]) -> list[dict[str, float]]:
        """How much probability each clip's truth has, at least .05: by kind, and by ``instrument:NAME``."""
        rows: list[dict[str, float]] = [{} for _ in true["lead"]]
        for kind in (*CHOICES, "lead"):
            counted = true[kind].clamp(min=0)
            p = out[kind].float().softmax(1).gather(1, counted[:, None])[:, 0]
            for row, x in zip(rows, p.tolist(), strict=True):
                row[kind] = max(0.05, x)
        names = vocab.load()["instrument"].names
        right = torch.where(true["instrument"] > 0, out["instrument"].float(), -out["instrument"].float()).sigmoid()
        for row, ps in zip(rows, right.tolist(), strict=True):
            row.update({f"instrument:{name}": max(0.05, x) for name, x in zip(names, ps, strict=True)})
        mood = (out["mood"].float().sigmoid() * true["mood"]).amax(1)
        for row, x in zip(rows, mood.tolist(), strict=True):
            row["mood"] = max(0.05, x)
        return rows

    @staticmethod
    def accuracy(out: dict[str, torch.Tensor], true: dict[str, torch.Tensor]) -> dict[str, float]:
        """Share right for one-of-many kinds; F1 at .5 for instruments; hit of the best for mood."""
        found = {}
        for kind, x in out.items():
            if kind == "instrument":
                said = x > 0
                hit = (said & (true[kind] > 0)).sum().item()
                found[kind] = 2 * hit / max(1, said.sum().item() + int(true[kind].sum().item()))
            elif kind == "mood":
                found[kind] = true[kind].gather(1, x.argmax(1, keepdim=True)).mean().item()
            elif kind == "bpm":
                found[kind] = ((x.argmax(1) - true[kind].argmax(1)).abs() <= 1).float().mean().item()
            else:
                counted = true[kind] != NONE
                found[kind] = (x.argmax(1) == true[kind])[counted].float().mean().item()
        return found


BANDS = 3


def rhythm(mel: torch.Tensor, *, frames_per_s: float) -> torch.Tensor:
    """How strongly onsets repeat at each of `BEATS_HZ`, in three bands: what an encoder must compute to know a tempo.

    Magnitudes of the Fourier transform of the spectral flux, by their root mean square in each band. From the tempo
    word alone, counting is learned late or never; from this, every clip teaches it.

    Parameters
    ----------
    mel : torch.Tensor [shape=(n, bins, frames)]
        Log-mel power.

    Returns
    -------
    torch.Tensor [shape=(n, BANDS * len(BEATS_HZ))]
    """
    n, bins, frames = mel.shape
    flux = (mel[..., 1:] - mel[..., :-1]).clamp(min=0).view(n, BANDS, bins // BANDS, -1).mean(2)
    flux = flux - F.avg_pool1d(flux, 101, 1, 50, count_include_pad=False)
    angle = 2 * np.pi * torch.tensor(BEATS_HZ, dtype=torch.float32)[:, None] * torch.arange(frames - 1) / frames_per_s
    there = flux.transpose(0, 1).reshape(BANDS * n, -1)
    power = (there @ angle.cos().T) ** 2 + (there @ angle.sin().T) ** 2
    size = power.sqrt().view(BANDS, n, -1).transpose(0, 1)
    return (size / (size.square().mean(2, keepdim=True).sqrt() + 1e-4)).reshape(n, -1)
