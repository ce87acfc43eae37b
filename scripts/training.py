"""What both training scripts share: a clock, processes that train one model together, augmentation, rounding, options."""

import argparse
import math
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import distributed
from torch.nn import functional as F


class Clock:
    """Minutes of a stage: learning rate by one warm-up and a cosine down, wherever the stage stands."""

    def __init__(self, minutes: float, peak: float, *, done_s: float = 0.0):
        self.minutes, self.peak, self.done_s, self.start = minutes, peak, done_s, time.time()

    @property
    def spent_s(self) -> float:
        return self.done_s + time.time() - self.start

    @property
    def share(self) -> float:
        return self.spent_s / (60 * self.minutes) if self.minutes else 1.0

    def rate(self, share: float) -> float:
        share = min(1.0, share)
        return self.peak * min(1.0, share / 0.03 + 0.01) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * share)))


class Crew:
    """The processes that train one model together, each on its own part of the clips; one if not under torchrun.

    On a CPU, one thread in each of two processes does more than two threads in one: small matrices leave a second
    thread idle.
    """

    def __init__(self) -> None:
        self.size = int(os.environ.get("WORLD_SIZE", 1))
        self.rank = int(os.environ.get("RANK", 0))
        if self.size > 1:
            distributed.init_process_group("gloo")

    @property
    def leads(self) -> bool:
        return self.rank == 0

    def average(self, parameters: Sequence[torch.nn.Parameter], share: float) -> float:
        """Replace every gradient by the mean over the crew; returns the mean of `share`, the same for all."""
        if self.size == 1:
            return share
        for p in parameters:
            if p.grad is None:
                p.grad = torch.zeros_like(p)
        flat = torch.cat([*(p.grad.reshape(-1) for p in parameters), torch.tensor([share], device=parameters[0].device)])
        distributed.all_reduce(flat)
        flat /= self.size
        start = 0
        for p in parameters:
            p.grad.copy_(flat[start : start + p.numel()].view_as(p))
            start += p.numel()
        return float(flat[-1])

    def share(self, module: torch.nn.Module) -> None:
        """Give every process the leader's weights."""
        if self.size > 1:
            for p in module.parameters():
                distributed.broadcast(p.data, 0)

    def say(self, text: str) -> None:
        if self.leads:
            print(text, flush=True)


def augmented(mel: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
    """Level and a smooth tilt over frequency, in units of a quarter of log10 power. mel: (n, bins, frames)."""
    n, bins, _ = mel.shape
    level = (torch.rand(n, 1, 1, generator=rng) - 0.5) * 0.4
    knots = (torch.rand(n, 1, 5, generator=rng) - 0.5) * 0.3
    tilt = F.interpolate(knots, size=bins, mode="linear", align_corners=True).transpose(1, 2)
    return mel + (level + tilt).to(mel.device)


MANTISSA = 4  # bits of a weight that are kept of ten: as good, and smaller once compressed


def rounded(weight: torch.Tensor) -> torch.Tensor:
    """Half precision with `MANTISSA` bits after the leading one, to the nearest."""
    drop = 10 - MANTISSA
    bits = weight.half().view(torch.int16).int() + (1 << (drop - 1))
    return (bits & ~((1 << drop) - 1)).to(torch.int16).view(torch.float16)


def parser(doc: str) -> argparse.ArgumentParser:
    """The options that every training has."""
    made = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("clips", type=Path)
    made.add_argument("--out", type=Path, required=True, help="checkpoints; the finished model goes to OUT/model")
    made.add_argument("--device", default="cpu")
    made.add_argument("--threads", type=int, default=0, help="CPU threads; 0 leaves torch's choice")
    return made


def start(args: argparse.Namespace) -> None:
    """Threads, seed and the output folder."""
    # On a CPU oneDNN keeps what it compiled for each new length of a sequence: by default 1,024 of them, gigabytes.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "128")
    if args.threads:
        torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    args.out.mkdir(parents=True, exist_ok=True)


def kept_tokenizer(folder: Path, build: Callable):
    """The tokenizer in `folder`, built and saved there the first time."""
    from transformers import AutoTokenizer

    if not (folder / "tokenizer.json").exists():
        build().save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder)
