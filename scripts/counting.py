"""Layers of an audio encoder that count: the first marks onsets on a ruler of beats, the second sums them up, the third reads.

None of this is learned from tags in any time that two cores have: a product of two inputs and then an average over ten
seconds lie between the spectrum and its tempo, and each alone is of no use. So these layers are set to what they should
compute.
"""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

BEATS_HZ = np.linspace(1.0, 7.1, 48)  # about as fine as ten seconds can tell
RULED = 2 * len(BEATS_HZ)  # dimensions, the last ones, that the convolutions leave to the ruler
UNITS = 192  # of the third layer, the last ones, that read
RULER = 0.7  # amplitude of the ruler's sinusoids
MARK = 1.0  # amplitude of an onset's mark
SUM = 2.0  # root mean square of the sums
SOFT = 0.4  # GELU(s + o) - GELU(o - s) at this scale is near a product of s and o
SHARP = 3.0  # and at this one near a ramp
TOLD = 1.5  # root mean square of what the third layer writes


def ruler(frames: int) -> torch.Tensor:
    """A sine and a cosine at each of `BEATS_HZ` over ten seconds: (frames, RULED)."""
    angles = 2 * math.pi * torch.arange(frames)[:, None] / (frames / 10.0) * torch.tensor(BEATS_HZ, dtype=torch.float32)
    return RULER * torch.cat([angles.sin(), angles.cos()], 1)


def onsets(mels: torch.Tensor) -> torch.Tensor:
    """Spectral flux of log-mels (n, bins, frames) at the encoder's rate, (n, frames / 2): of two frames the louder."""
    flux = F.pad((mels[..., 1:] - mels[..., :-1]).clamp(min=0).mean(1), (1, 0))
    return flux.view(len(flux), -1, 2).amax(2)


def reserve(tower) -> None:
    """Keep the place for counting: the first two layers add nothing, the last `RULED` dimensions get nothing from the sound."""
    for layer in tower.layers[:2]:
        _plain(layer)
        layer.requires_grad_(False)
    for parameter in (tower.conv2.weight, tower.conv2.bias):
        parameter.data[-RULED:] = 0.0
        parameter.register_hook(lambda grad: torch.cat([grad[:-RULED], torch.zeros_like(grad[-RULED:])]))


def freeze(tower) -> None:
    """Keep what counts, and what it counts on: sums of ten seconds are small, and enlarged; any drift before drowns them."""
    for part in (tower.conv1, tower.conv2, *tower.layers[:2]):
        part.requires_grad_(False)


@torch.no_grad()
def put_in_front(tower, mels: torch.Tensor) -> None:
    """Set the first two layers of `tower`, beats among its positions, and what of the third hands on what they found.

    Of the width, the last `RULED` dimensions are kept from the convolutions; their positions are a sine and a cosine at
    each of `BEATS_HZ`. The first layer's feed-forward part leaves of them only what stands at an onset. The second layer's
    heads attend evenly, so that they sum: a Fourier transform of the onsets. Its feed-forward part takes magnitudes, and
    heads of the third average them over time.

    Parameters
    ----------
    tower : transformers' Qwen2AudioEncoder
        Its convolutions are trained: what is read off them is fitted to `mels`.
    mels : torch.Tensor [shape=(n, bins, frames)]
        A few hundred training clips of ten seconds.
    """
    tower.embed_positions.weight[:, -RULED:] = ruler(tower.embed_positions.weight.shape[0])
    x = before_layers(tower, mels)
    x = x + _set_marking(tower.layers[0], x, onsets(mels))
    _set_summing(tower.layers[1], x)
    _set_averaging(tower.layers[2], tower.layers[1](x, None))


def before_layers(tower, mels: torch.Tensor) -> torch.Tensor:
    """What the encoder's layers start from: (n, frames / 2, d)."""
    return F.gelu(tower.conv2(F.gelu(tower.conv1(mels)))).transpose(1, 2) + tower.embed_positions.weight


def _normed(x: torch.Tensor) -> torch.Tensor:
    return F.layer_norm(x, x.shape[-1:])


def _read(x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Least-squares weights (k, d) and biases (k,) that read y (..., k) off x (..., d)."""
    x, y = x.reshape(-1, x.shape[-1]).double(), y.reshape(-1, y.shape[-1]).double()
    x = torch.cat([x, torch.ones(len(x), 1, dtype=x.dtype)], 1)
    ridge = 1e-4 * len(x) * torch.eye(x.shape[1], dtype=x.dtype)
    found = torch.linalg.solve(x.T @ x + ridge, x.T @ y).T.float()
    return found[:, :-1], found[:, -1]


@torch.no_grad()
def _plain(layer) -> None:
    """A layer whose norms do nothing else, that attends nearly evenly, and adds nothing."""
    for norm in (layer.self_attn_layer_norm, layer.final_layer_norm):
        norm.weight.fill_(1.0)
        norm.bias.zero_()
    attention = layer.self_attn
    for part in (attention.q_proj, attention.k_proj):
        part.weight.mul_(0.1)
    for part in (attention.q_proj, attention.v_proj, attention.out_proj, layer.fc1, layer.fc2):
        part.bias.zero_()
    attention.out_proj.weight.zero_()
    layer.fc2.weight.zero_()


def _units(layer, weights: list[torch.Tensor], biases: list[torch.Tensor]) -> int:
    """Give the layer's first units these inputs; how many they are."""
    weight, bias = torch.cat(weights), torch.cat(biases)
    layer.fc1.weight[: len(weight)], layer.fc1.bias[: len(weight)] = weight, bias
    return len(weight)


def _set_marking(layer, x: torch.Tensor, onset: torch.Tensor) -> torch.Tensor:
    """The ruler times the onsets, in the ruler's place."""
    z = _normed(x)
    s, s0 = _read(z, x[..., -RULED:] / RULER)
    o, o0 = _read(z, ((onset - onset.mean()) / onset.std())[..., None])
    n = _units(layer, [SOFT * (s + o), SOFT * (o - s), s, -s], [SOFT * (s0 + o0), SOFT * (o0 - s0), s0, -s0])
    one = torch.eye(RULED)
    layer.fc2.weight[-RULED:, :n] = torch.cat([MARK * one, -MARK * one, -RULER * one, RULER * one], 1)
    return layer.fc2(F.gelu(layer.fc1(z)))


def _set_summing(layer, x: torch.Tensor) -> None:
    attention = layer.self_attn
    centred = torch.eye(RULED) - 1 / RULED  # the norm takes away the mean of all dimensions, another for every frame
    attention.v_proj.weight[:RULED, -RULED:] = centred
    attention.v_proj.weight[:RULED, :-RULED] = 0.0
    sums = _normed(x)[..., -RULED:].mean(1) @ centred  # what even attention gives, a row a clip
    gain, usual = SUM / (sums - sums.mean(0)).square().mean().sqrt(), sums.mean(0)
    attention.out_proj.weight[-RULED:, :RULED] = gain * torch.eye(RULED)
    attention.out_proj.bias[-RULED:] = -gain * usual
    told = (gain * (sums - usual))[:, None].expand(-1, x.shape[1], -1)
    x = x.clone()
    x[..., -RULED:] += told
    w, b = _read(_normed(x), told)
    n = _units(layer, [SHARP * w, -SHARP * w], [SHARP * b, -SHARP * b])
    magnitudes = torch.eye(RULED // 2).repeat(1, 4)  # of a sine and its cosine, into the sine's place
    layer.fc2.weight[-RULED : -RULED // 2, :n] = magnitudes / SHARP


def _set_averaging(layer, x: torch.Tensor) -> None:
    """The last heads hand on the mean over time of the magnitudes, larger than what each frame has of its own."""
    attention, size = layer.self_attn, RULED // 2
    means = layer.self_attn_layer_norm(x)[..., -RULED:-size].mean(1)
    attention.q_proj.weight[-RULED:], attention.q_proj.bias[-RULED:] = 0.0, 0.0
    attention.v_proj.weight[-RULED:], attention.v_proj.bias[-RULED:] = 0.0, 0.0
    attention.v_proj.weight[-RULED:-size, -RULED:-size] = torch.eye(size)
    gain = SUM / means.std(0)
    attention.out_proj.weight[-RULED:] = 0.0
    attention.out_proj.weight[-RULED:-size, -RULED:-size] = torch.diag(gain)
    attention.out_proj.bias[-RULED:-size] = -gain * means.mean(0)


@torch.no_grad()
def before_reading(tower, mels: torch.Tensor) -> torch.Tensor:
    """What the third layer's feed-forward part sees, (n, frames / 2, d)."""
    x = before_layers(tower, mels)
    for layer in tower.layers[:2]:
        x = layer(x, None)
    third = tower.layers[2]
    return third.final_layer_norm(x + third.self_attn(third.self_attn_layer_norm(x))[0])


def teach_reading(tower, seen: torch.Tensor, true: dict[str, torch.Tensor], *, epochs: int = 24) -> None:
    """Teach the third layer's last `UNITS` to tell the tempo, and to write that where the cosines were.

    Parameters
    ----------
    tower : transformers' Qwen2AudioEncoder
    seen : torch.Tensor [shape=(n_clips, n_frames, d)]
        A few frames of every clip of :func:`before_reading`.
    true : dict of str to torch.Tensor
        ``tempo``, classes (n_clips,), and ``bpm``, shares (n_clips, classes).
    """
    x = seen[..., -RULED:].float()
    kinds = {"tempo": 4, "bpm": true["bpm"].shape[1]}
    mean, spread = x.mean((0, 1)), x.std((0, 1)) + 1e-4
    net = nn.Sequential(nn.Linear(RULED, UNITS), nn.GELU(), nn.Dropout(0.1), nn.Linear(UNITS, sum(kinds.values())))
    optimizer = torch.optim.AdamW(net.parameters(), 2e-3, weight_decay=0.01)
    steps = epochs * math.ceil(len(x) / 64)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda i: min(1.0, i / 50) * (1 - i / steps))
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(64):
            frame = torch.randint(x.shape[1], (len(rows),))
            out = net((x[rows, frame] - mean) / spread).split(list(kinds.values()), 1)
            loss = sum(F.cross_entropy(part, true[kind][rows]) for kind, part in zip(kinds, out, strict=True))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    layer, n = tower.layers[2], sum(kinds.values())
    with torch.no_grad():
        size = TOLD / net.eval()((x - mean) / spread).std()
        layer.fc1.weight[-UNITS:] = 0.0
        layer.fc1.weight[-UNITS:, -RULED:] = net[0].weight / spread
        layer.fc1.bias[-UNITS:] = net[0].bias - (net[0].weight / spread) @ mean
        layer.fc2.weight[:, -UNITS:] = 0.0
        start = len(layer.fc2.weight) - RULED // 2
        layer.fc2.weight[start : start + n, -UNITS:] = size * net[3].weight
        layer.fc2.bias[start : start + n] += size * net[3].bias
