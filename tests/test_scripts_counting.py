"""The layers that count, set over convolutions that nobody has trained: they tell beats of different speed apart."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))
import counting

CONTENT = 64


def clicks(bpm: float, *, seed: int) -> np.ndarray:
    """A log-mel of ten seconds, (32, 500): a click on every beat over noise."""
    rng = np.random.default_rng(seed)
    mel = 0.05 * rng.standard_normal((32, 500))
    at = (np.arange(rng.uniform(0, 60 / bpm), 10, 60 / bpm) * 50).astype(int)
    for after in range(4):
        mel[:, np.minimum(at + after, 499)] += 1.0 - after / 4
    return mel


@pytest.fixture(scope="module")
def tower():
    from transformers import Qwen2AudioEncoder, Qwen2AudioEncoderConfig

    torch.manual_seed(0)
    config = Qwen2AudioEncoderConfig(
        num_mel_bins=32, d_model=CONTENT + counting.RULED, encoder_layers=3, encoder_attention_heads=5,
        encoder_ffn_dim=640, max_source_positions=250, attn_implementation="eager",
    )  # fmt: skip
    tower = Qwen2AudioEncoder(config).eval()
    for convolution in (tower.conv1, tower.conv2):
        torch.nn.init.normal_(convolution.weight, std=convolution.weight[0].numel() ** -0.5)
    counting.reserve(tower)
    return tower


def mels(bpm) -> torch.Tensor:
    return torch.tensor(np.stack([clicks(x, seed=i) for i, x in enumerate(bpm)]), dtype=torch.float32)


def test_counting_changes_with_the_beat_and_not_with_the_sound(tower):
    rng = np.random.default_rng(1)
    bpm = rng.uniform(70, 180, 300)
    assert tower.conv2.weight[-counting.RULED :].abs().max() == 0
    counting.put_in_front(tower, mels(bpm))
    probe = [80, 80, 100, 100, 125, 125, 150, 150]
    with torch.no_grad():
        heard = counting.before_reading(tower, mels(probe))
    content = counting.before_layers(tower, mels(probe))[..., -counting.RULED :]
    assert torch.allclose(content, counting.ruler(250).expand_as(content))  # nothing of the sound is on the ruler
    spectrum = heard.mean(1)[:, -counting.RULED : -counting.RULED // 2]
    spectrum = spectrum - spectrum.mean(0)
    close = torch.nn.functional.cosine_similarity(spectrum[:, None], spectrum[None], dim=-1)
    for i in range(len(probe)):
        others = [j for j in range(len(probe)) if j != i]
        assert probe[max(others, key=lambda j: close[i, j])] == probe[i]


@pytest.mark.slow
def test_reading_learns_tempo_words_and_writes_them(tower):
    rng = np.random.default_rng(2)
    bpm = rng.uniform(70, 180, 400)
    word = torch.tensor(np.digitize(bpm, [95, 120, 150]))
    true = {"tempo": word, "bpm": torch.nn.functional.one_hot(word, 4).float()}
    counting.put_in_front(tower, mels(bpm[:300]))
    seen = counting.before_reading(tower, mels(bpm))[:, ::50]
    counting.teach_reading(tower, seen[:300], {k: x[:300] for k, x in true.items()}, epochs=60)
    third, start = tower.layers[2], CONTENT + counting.RULED // 2
    with torch.no_grad():
        told = third.fc2(torch.nn.functional.gelu(third.fc1(seen[300:])))[..., start : start + 4].mean(1)
    assert (told.argmax(1) == word[300:]).float().mean() > 0.7


def test_what_counts_stays_as_it_is_set(tower):
    counting.freeze(tower)
    assert not any(p.requires_grad for part in (tower.conv1, tower.conv2, *tower.layers[:2]) for p in part.parameters())
    assert all(p.requires_grad for p in tower.layers[2].parameters())
