"""Recording chains: nothing but the sound's colour and level changes."""

import numpy as np
import pytest

from mdialog.synth.augment import _codec, augment

RATE = 32000


def tone(seconds=1.0, hertz=440.0, channels=1):
    time = np.arange(int(seconds * RATE)) / RATE
    wave = 0.3 * sum(np.sin(2 * np.pi * hertz * k * time) / k for k in (1, 2, 3))
    return np.tile(wave, (channels, 1)).astype(np.float32)


@pytest.mark.parametrize("channels", [1, 2])
def test_shape_range_and_seed(channels):
    sound = tone(channels=channels)
    before = sound.copy()
    made = [augment(sound, RATE, np.random.default_rng(seed)) for seed in range(40)]
    for out in made:
        assert out.shape == sound.shape and out.dtype == np.float32
        assert np.isfinite(out).all() and np.abs(out).max() <= 1.0
    np.testing.assert_array_equal(sound, before)
    np.testing.assert_array_equal(made[7], augment(sound, RATE, np.random.default_rng(7)))
    assert len({out.tobytes() for out in made}) == len(made)
    peaks = [np.abs(out).max() for out in made]
    assert max(peaks) / min(peaks) > 3


def test_pitch_stays():
    for seed in range(40):
        out = augment(tone(), RATE, np.random.default_rng(seed))[0]
        spectrum = np.abs(np.fft.rfft(out * np.hanning(len(out))))[:5000]
        peak = np.argmax(spectrum[200:])+200
        assert min(abs(peak / h - 1) for h in (440, 880, 1320)) < 0.005, seed


def test_time_stays():
    """An onset stays where it was, through the codecs too."""
    sound = tone(2.0)
    sound[:, :RATE] = 0
    for seed in range(12):
        for out in (augment(sound, RATE, np.random.default_rng(seed)), _codec(sound, RATE, np.random.default_rng(seed))):
            level = np.abs(out[0])
            loud = np.convolve(level, np.ones(320) / 320, "same")
            onset = np.argmax(loud > 0.5 * np.median(loud[int(1.3 * RATE) : int(1.7 * RATE)])) / RATE
            assert abs(onset - 1.0) < 0.04, (seed, onset)


@pytest.mark.parametrize("n", [0, 1, 50, 4097])
def test_short_and_silent(n):
    for seed in range(15):
        rng = np.random.default_rng(seed)
        assert not augment(np.zeros((1, n), np.float32), RATE, rng).any()
        out = augment(tone()[:, :n], RATE, rng)
        assert out.shape == (1, n) and np.isfinite(out).all()
