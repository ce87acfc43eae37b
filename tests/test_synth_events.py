"""Sound events: audible exactly where they say, as often as they say, alike for a seed, and told apart."""

import time

import numpy as np
import pytest

from mdialog import vocab
from mdialog.errors import InputError
from mdialog.synth.events import AUDIBLE_DB, SHORTEST_S, Event, labels, make_take

RATE = 44_100
COUNTED = ("dog", "footsteps", "knock", "bell", "telephone", "alarm", "clock", "horn", "gunshot")
SEEDS = range(4)


@pytest.fixture(scope="module")
def takes():
    return {label: [make_take(label, seed) for seed in SEEDS] for label in labels()}


def envelope(sound, *, window_s=0.01):
    """RMS (n,) around each sample: another way than the module's own frames."""
    size = round(window_s * RATE)
    power = np.concatenate([[0.0], np.cumsum(np.square(sound).mean(axis=0, dtype=np.float64))])
    return np.sqrt(np.maximum(0, power[size:] - power[:-size]) / size)


def test_every_event_of_the_vocabulary_can_be_made():
    assert set(labels()) == set(vocab.events().names) - {"music"} and len(labels()) >= 16


@pytest.mark.parametrize("label", labels())
def test_a_sound_fills_its_time_and_no_more(takes, label):
    for take in takes[label]:
        placed = np.zeros((2, take.samples.shape[1] + 2 * RATE), np.float32)
        placed[:, RATE : RATE + take.samples.shape[1]] = take.samples
        rms = envelope(placed)
        heard = np.flatnonzero(rms >= rms.max() * 10 ** (-AUDIBLE_DB / 20))
        start_s, end_s = heard[0] / RATE + 0.005 - 1.0, heard[-1] / RATE + 0.005 - 1.0
        assert abs(start_s) < 0.05 and abs(end_s - take.samples.shape[1] / RATE) < 0.05


@pytest.mark.parametrize("label", labels())
def test_levels_are_true_and_sounds_finite(takes, label):
    for take in takes[label]:
        assert take.samples.shape[0] == 2 and take.samples.dtype == np.float32 and np.isfinite(take.samples).all()
        assert envelope(take.samples, window_s=0.05).max() == pytest.approx(1.0, abs=0.01)
        assert take.samples.shape[1] / RATE <= 12.0


@pytest.mark.parametrize("label", COUNTED)
def test_every_onset_that_is_counted_is_heard(takes, label):
    for take in takes[label]:
        assert take.onsets_s and take.onsets_s[0] < 0.05 and list(take.onsets_s) == sorted(take.onsets_s)
        rms = envelope(take.samples)
        for onset in take.onsets_s[1:]:
            at = round(onset * RATE)
            before, after = rms[at - 1800 : at - 700].mean(), rms[at : at + 2200].max()
            assert after > 1.5 * before


@pytest.mark.parametrize("label", ["knock", "alarm", "horn", "clock", "footsteps", "dog"])
def test_no_more_is_heard_than_is_counted(takes, label):
    for take in takes[label]:
        rms = envelope(take.samples, window_s=0.02)
        loud = rms > rms.max() * 10 ** (-14 / 20)
        rises = np.flatnonzero(loud[1:] & ~loud[:-1])
        # A toe after its heel, or roughness within a bark, is no new one.
        nearest = np.abs(rises[:, None] / RATE + 0.02 - np.array(take.onsets_s)).min(axis=1)
        assert (nearest < 0.2).all()
        assert 1 <= len(take.onsets_s) <= 24


def test_only_what_can_be_counted_is():
    assert {label for label in labels() if make_take(label, 1).onsets_s} == set(COUNTED)
    assert Event("knock", 0.0, 1.0, -20.0, (0.0, 0.4)).count == 2 and Event("rain", 0.0, 1.0, -20.0).count is None


def test_seeds_vary_and_repeat(takes):
    for label, several in takes.items():
        assert np.array_equal(make_take(label, 0).samples, several[0].samples)
        assert len({take.samples.shape[1] for take in several}) > 1, label
    assert len({len(take.onsets_s) for label in COUNTED for take in takes[label]}) >= 5


def test_shorter_times_and_other_rates():
    for label in labels():
        take = make_take(label, 7, sample_rate=16_000, longest_s=SHORTEST_S)
        assert 0.1 < take.samples.shape[1] / 16_000 <= SHORTEST_S
        assert all(0 <= t < SHORTEST_S for t in take.onsets_s)


def test_what_cannot_be_made_is_named():
    with pytest.raises(InputError, match="'trombone'.*rain, sea"):
        make_take("trombone", 0)
    with pytest.raises(InputError, match="2 s is too short"):
        make_take("rain", 0, longest_s=2.0)


def features(take):
    """How a sound's power lies over frequency and how it moves: 24 bands' means and spreads, and its modulation."""
    mono = take.samples.mean(axis=0)
    mono = np.pad(mono, (0, max(0, 8192 - len(mono))))
    frames = mono[: len(mono) // 512 * 512].reshape(-1, 512)
    spectrum = np.square(np.abs(np.fft.rfft(frames * np.hanning(512), axis=1)))[:, 1:257]
    edges = np.unique(np.geomspace(1, 256, 25).astype(int) - 1)
    bands = np.log(np.add.reduceat(spectrum, edges, axis=1) + 1e-6)
    total = bands.max(axis=1)
    moves = np.abs(np.diff(total))
    return np.concatenate([bands.mean(axis=0), bands.std(axis=0), np.quantile(total, (0.1, 0.5, 0.9)) - total.max(),
                           [moves.mean(), moves.max(), np.log(len(frames))]])  # fmt: skip


def test_kinds_are_told_apart_by_their_sound():
    """A small classifier that has heard six of each kind names nearly all of two others."""
    from sklearn.ensemble import RandomForestClassifier

    kinds = list(labels())
    heard = {kind: [features(make_take(kind, seed, sample_rate=22_050)) for seed in range(100, 108)] for kind in kinds}
    known = RandomForestClassifier(200, random_state=0).fit(
        np.concatenate([heard[k][:6] for k in kinds]), np.repeat(kinds, 6)
    )
    named = known.predict(np.concatenate([heard[k][6:] for k in kinds]))
    assert np.mean(named == np.repeat(kinds, 2)) >= 0.8  # 1 in 20 by chance


def test_a_hundred_times_real_time(takes):
    started, seconds = time.process_time(), 0.0
    for label in labels():
        seconds += make_take(label, 50).samples.shape[1] / RATE
    assert seconds / (time.process_time() - started) > 100
