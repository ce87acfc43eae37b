"""A clip is encoded once: the rows that an audio tower has computed, kept by content."""

import hashlib
from collections import OrderedDict

import torch

# Names under which transformers' audio chat models keep the encoder of sound.
_TOWERS = ("audio_tower", "encoder")
MAX_ROWS = 256  # a row of Qwen2-Audio (30 s, 750 x 1280, bf16) takes 1.9 MB


class TowerMemo:
    """Stands in for an audio tower's ``forward`` and computes only rows it has not seen.

    Candidates of one prompt, turns about one track and rounds of drawing repeat the same sound; rows of a tower
    do not depend on each other, so each is computed once.

    Parameters
    ----------
    tower : torch.nn.Module
        Takes features ``(rows, ...)`` and keyword tensors with the same first dimension, returns an object
        whose ``last_hidden_state`` is ``(rows, ...)``.
    max_rows : int > 0
        Kept rows; the one unused for longest goes first.

    Attributes
    ----------
    encoded : int
        Rows that the tower has computed.
    """

    def __init__(self, tower: torch.nn.Module, *, max_rows: int = MAX_ROWS):
        self._forward, self._max_rows = tower.forward, max_rows
        self._rows: OrderedDict[bytes, torch.Tensor] = OrderedDict()
        self.encoded = 0

    def __call__(self, input_features: torch.Tensor, **kwargs):
        from transformers.modeling_outputs import BaseModelOutputWithPooling

        n = len(input_features)
        by_row = {k: v for k, v in kwargs.items() if isinstance(v, torch.Tensor) and v.ndim and len(v) == n}
        keys = _keys(input_features, list(by_row.values()))
        new = {key: i for i, key in enumerate(keys) if key not in self._rows}
        fresh: dict[bytes, torch.Tensor] = {}
        if new:
            at = torch.tensor(list(new.values()), device=input_features.device)
            chosen = {k: v[at] if k in by_row else v for k, v in kwargs.items()}
            hidden = self._forward(input_features[at], **chosen).last_hidden_state
            if len(hidden) != len(new):  # a tower that packs its rows: nothing to remember
                return self._forward(input_features, **kwargs)
            self.encoded += len(new)
            fresh = dict(zip(new, hidden, strict=True))
        hidden = torch.stack([fresh[key] if key in fresh else self._rows[key] for key in keys])
        self._keep(keys, fresh)
        return BaseModelOutputWithPooling(last_hidden_state=hidden)

    def _keep(self, keys: list[bytes], fresh: dict[bytes, torch.Tensor]) -> None:
        for key in keys:
            if key in self._rows:
                self._rows.move_to_end(key)
        self._rows |= {key: row.clone() for key, row in fresh.items()}  # a view would keep the whole batch alive
        while len(self._rows) > self._max_rows:
            self._rows.popitem(last=False)


def _keys(features: torch.Tensor, masks: list[torch.Tensor]) -> list[bytes]:
    """A hash a row, of the features and of the masks unless they hide nothing."""
    arrays = [_bytes(features), *(_bytes(mask) for mask in masks)]
    hides = [True, *(_hides(mask) for mask in masks)]
    keys = []
    for i in range(len(features)):
        digest = hashlib.blake2b(digest_size=16)
        for rows, hidden in zip(arrays, hides, strict=True):
            if hidden is True or hidden[i]:
                digest.update(rows[i].tobytes())
            digest.update(b"|")
        keys.append(digest.digest())
    return keys


def _bytes(tensor: torch.Tensor):
    tensor = tensor.detach().cpu().contiguous()
    return tensor.view(torch.uint8).numpy() if tensor.dtype != torch.bool else tensor.numpy()


def _hides(mask: torch.Tensor) -> list[bool]:
    """Whether a row's mask excludes anything: 0 in a boolean or integer mask, below 0 in an additive one."""
    flat = mask.detach().flatten(1)
    return (flat < 0 if flat.is_floating_point() else flat == 0).any(1).tolist()


def remember_tower(model: torch.nn.Module, *, max_rows: int = MAX_ROWS) -> TowerMemo | None:
    """Give the model's audio tower a memory; None where it has no tower that works row by row."""
    for name, module in model.named_modules():
        if name.split(".")[-1] in _TOWERS and name.count(".") <= 2 and _by_rows(module):
            memo = TowerMemo(module, max_rows=max_rows)
            module.forward = memo
            return memo
    return None


def _by_rows(tower: torch.nn.Module) -> bool:
    """The Omni towers take all clips packed into one row."""
    return "omni" not in type(tower).__name__.lower()
