"""Tag heads: linear read-outs that teach an audio encoder before it meets language."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from mdialog import vocab
from mdialog.synth.labels import ClipLabels

CHOICES = ("tempo", "key", "mode", "metre", "genre", "vocal", "energy")
NONE = -100  # no clear value: not counted in a loss


def targets(labels: list[ClipLabels]) -> dict[str, torch.Tensor]:
    """Labels as tensors: class indices for one-of-many kinds, 0/1 rows for the others."""
    v = vocab.load()
    out = {kind: torch.tensor([v[kind].names.index(getattr(row, kind)) for row in labels]) for kind in CHOICES}
    instruments, moods = v["instrument"].names, v["mood"].names
    out["lead"] = torch.tensor([instruments.index(row.lead) if row.lead else NONE for row in labels])
    out["instrument"] = torch.tensor([[float(i in row.instruments) for i in instruments] for row in labels])
    out["mood"] = torch.tensor([[float(m in row.moods) for m in moods] for row in labels])
    out["log_tempo"] = torch.tensor([np.log2(row.tempo_bpm / 100.0) for row in labels], dtype=torch.float32)
    return out


class Heads(nn.Module):
    """One linear layer a kind over a pooled embedding."""

    def __init__(self, dim: int):
        super().__init__()
        v = vocab.load()
        sizes = {kind: len(v[kind].values) for kind in CHOICES}
        sizes |= {"lead": len(v["instrument"].values), "instrument": len(v["instrument"].values),
                  "mood": len(v["mood"].values), "log_tempo": 1}
        self.linear = nn.ModuleDict({kind: nn.Linear(dim, n) for kind, n in sizes.items()})

    def forward(self, pooled: torch.Tensor) -> dict[str, torch.Tensor]:
        return {kind: layer(pooled) for kind, layer in self.linear.items()}

    @staticmethod
    def loss(out: dict[str, torch.Tensor], true: dict[str, torch.Tensor]) -> torch.Tensor:
        total = torch.zeros((), dtype=torch.float32)
        for kind, x in out.items():
            x = x.float()
            if kind in ("instrument", "mood"):
                part = F.binary_cross_entropy_with_logits(x, true[kind]) * (6.0 if kind == "instrument" else 2.0)
            elif kind == "log_tempo":
                part = F.smooth_l1_loss(x[:, 0], true[kind])
            else:
                part = F.cross_entropy(x, true[kind], ignore_index=NONE) * (1.5 if kind == "lead" else 1.0)
            total = total + part
        return total

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
            elif kind != "log_tempo":
                counted = true[kind] != NONE
                found[kind] = (x.argmax(1) == true[kind])[counted].float().mean().item()
        return found
