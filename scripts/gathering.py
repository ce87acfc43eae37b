"""What the language model of listener-mini is to have gathered half-way up: heads that read it there, for its training alone.

Where a clip ends, the facts of its music (:class:`heads.Heads`); at every place of it, which sounds are heard, which come in,
and which second it is. The encoder hardly hands the second on, and no answer after a time can be given by who does not count.
"""

from collections.abc import Sequence

import torch
from exercises import AUDIO_TOKENS
from heads import Heads
from torch import nn
from torch.nn import functional as F

from mdialog import vocab
from mdialog.synth.labels import ClipEvents

SECONDS = 10  # of a clip
MUSIC, SOUNDS, PLACE = 0.15, 6.0, 1.0  # weights of the losses
COMES_IN = (-3, 5)  # audio tokens about the begin of a sound


class Gathering(nn.Module):
    """Heads over what stands half-way up the language model at every place of a clip, and right after it."""

    def __init__(self, dim: int):
        super().__init__()
        self.music = Heads(dim)
        self.sounds = nn.Linear(dim, 2 * len(vocab.events().names))
        self.second = nn.Linear(dim, SECONDS)

    def loss(
        self, heard: torch.Tensor, music: torch.Tensor, facts: dict[str, torch.Tensor], scenes: Sequence[ClipEvents]
    ) -> torch.Tensor:
        """How badly it was gathered.

        Parameters
        ----------
        heard : torch.Tensor [shape=(n_clips, AUDIO_TOKENS + 1, dim)]
        music : torch.Tensor [shape=(n_clips,), dtype=bool]
            Which of the clips are music; the others are scenes.
        facts : dict of str to torch.Tensor
            :func:`heads.targets` of the music, in its order.
        scenes : sequence of ClipEvents
            In their order.
        """
        loss = torch.zeros((), device=heard.device)
        if len(heard):
            placed = self.second(heard[:, :-1]).float().flatten(0, 1)
            loss = loss + PLACE * F.cross_entropy(placed, seconds().to(heard.device).repeat(len(heard)))
        if music.any():
            loss = loss + MUSIC * Heads.loss(self.music(heard[music, -1]), facts)
        if scenes:
            there = torch.cat([sounding(scenes), coming_in(scenes)], -1).to(heard.device)
            loss = loss + 2 * SOUNDS * F.binary_cross_entropy_with_logits(self.sounds(heard[~music, :-1]).float(), there)
        return loss

    def found(self, heard: torch.Tensor, scenes: Sequence[ClipEvents]) -> dict[str, float]:
        """Of scenes: mean average precision of the sounds at every place and of their begins; share of places whose second
        is known."""
        from sklearn.metrics import average_precision_score

        logits = self.sounds(heard[:, :-1]).detach().float().cpu().chunk(2, -1)
        out = {}
        for what, true, x in zip(("sounds", "begins"), (sounding(scenes), coming_in(scenes)), logits, strict=True):
            each = [average_precision_score(true[..., i].flatten(), x[..., i].flatten()) for i in range(true.shape[-1])
                    if true[..., i].any()]  # fmt: skip
            out |= {what: sum(each) / len(each), f"{what} by chance": true.mean().item()}
        return out | {"second": (self.second(heard[:, :-1]).argmax(-1).cpu() == seconds()).float().mean().item()}


def seconds() -> torch.Tensor:
    """In which second of a clip each audio token stands, counted from 0."""
    return torch.arange(AUDIO_TOKENS) * SECONDS // AUDIO_TOKENS


def sounding(clips: Sequence[ClipEvents]) -> torch.Tensor:
    """Which sounds are there at every audio token of these clips: 0 or 1, (n, AUDIO_TOKENS, sounds)."""
    return _marked(clips, lambda first, end: slice(first, end))


def coming_in(clips: Sequence[ClipEvents]) -> torch.Tensor:
    """Which sounds begin about every audio token of these clips: 0 or 1, (n, AUDIO_TOKENS, sounds)."""
    return _marked(clips, lambda first, _: slice(max(0, first + COMES_IN[0]), first + COMES_IN[1]))


def _marked(clips: Sequence[ClipEvents], where) -> torch.Tensor:
    names = vocab.events().names
    out = torch.zeros(len(clips), AUDIO_TOKENS, len(names))
    for i, clip in enumerate(clips):
        for event in clip.events:
            first, end = (round(s / clip.duration_s * AUDIO_TOKENS) for s in (event.start_s, event.end_s))
            out[i, where(first, end), names.index(event.label)] = 1.0
    return out
