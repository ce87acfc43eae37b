"""Measures are what they say: exact on sounds made for them, unmoved by level, rate and channels."""

import os
from pathlib import Path

import numpy as np
import pytest

from mdialog import audio, tags, tempo, tonality, vocab
from mdialog.table import read_table

RATE = 22_050


def noise(seconds: float, *, seed: int = 0, rate: int = RATE) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(round(seconds * rate)).astype(np.float32)


def hits(times_s, seconds: float, *, hz: float | None = None, rate: int = RATE) -> np.ndarray:
    """Short decaying bursts of noise, or of a low tone, at given times, (1, n)."""
    y = np.zeros(round(seconds * rate), np.float32)
    t = np.arange(round(0.08 * rate)) / rate
    burst = np.exp(-t * 60) * (noise(0.09, rate=rate)[: t.size] if hz is None else np.sin(2 * np.pi * hz * t))
    for time_s in times_s:
        start = round(time_s * rate)
        n = min(burst.size, y.size - start)
        y[start : start + n] += 0.3 * burst[:n]
    return y[None]


def drums(bpm: float, *, seconds: float = 20.0, rate: int = RATE) -> np.ndarray:
    """Kick on one and three, snare on two and four, hi-hat on eighths: one reading of the beat."""
    beat = 60.0 / bpm
    n = int(seconds / beat)
    kick = hits([i * beat for i in range(0, n, 2)], seconds, hz=60.0, rate=rate)
    snare = hits([i * beat for i in range(1, n, 2)], seconds, rate=rate)
    hat = hits([i * beat / 2 for i in range(2 * n)], seconds, rate=rate)
    hat[:, 1:] -= 0.95 * hat[:, :-1]
    return 2 * kick + 0.8 * snare + 0.15 * hat


def notes(pitches, seconds: float, *, rate: int = RATE) -> np.ndarray:
    """A chord of tones with five harmonics, (n,)."""
    t = np.arange(round(seconds * rate)) / rate
    hz = [440.0 * 2 ** ((pitch - 69) / 12) for pitch in pitches]
    y = sum(0.6**h * np.sin(2 * np.pi * f * (h + 1) * t) for f in hz for h in range(5))
    return (0.1 * y * np.exp(-1.5 * t)).astype(np.float32)


def cadence(key: str) -> np.ndarray:
    """I IV V I, or i iv V i, twice with a bass, (1, n)."""
    tonic, mode = key.split()
    root = 60 + [name.split()[0] for name in vocab.load()["key"].names[:12]].index(tonic)
    third = 4 if mode == "major" else 3
    chords = [(0, third, 7), (5, 5 + third, 12), (7, 11, 14), (0, third, 7)] * 2
    return np.concatenate([notes([root - 24 + c[0], *(root + p for p in c)], 1.25) for c in chords])[None]


# --- tempo -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bpm", [60.0, 72.0, 87.5, 100.0, 123.4, 140.0, 160.0, 180.0])
def test_tempo_of_a_drum_kit(bpm):
    """Exact to half a percent; of very slow and very fast kits people too say half or double."""
    found = tags.measure_track(drums(bpm), RATE)
    for got in (found.track, *found.windows):
        octaves = np.log2(got.tempo_bpm / bpm)
        assert octaves - round(octaves) == pytest.approx(0.0, abs=np.log2(1.005))
        assert got.tempo_bpm == pytest.approx(found.track.tempo_bpm, rel=0.01)
        assert got.beat_strength > 0.4
    if 80.0 <= bpm <= 150.0:
        assert found.track.tempo_bpm == pytest.approx(bpm, rel=0.005)


def test_noise_and_held_tones_have_no_sure_tempo():
    sure = tags.measure(drums(120.0), RATE).tempo_confidence
    for sound in (0.1 * noise(20.0)[None], np.tile(notes([60, 64, 67], 20.0), (1, 1))):
        got = tags.measure(sound, RATE)
        assert got.tempo_confidence < min(0.6, sure)
        assert got.beat_strength < 0.35


def test_the_posterior_is_a_distribution_and_favours_its_track():
    found = tempo.tempogram(tags.frames(drums(100.0), RATE).onsets, tags.FPS)
    share = tempo.posterior(found.over(), tags.FPS, onset_rate_hz=3.3)
    assert share.shape == tempo.GRID_BPM.shape and share.sum() == pytest.approx(1.0)
    near = np.abs(np.log(tempo.GRID_BPM / 50.0)) < 0.04
    drawn = tempo.posterior(found.over(), tags.FPS, onset_rate_hz=3.3, around_bpm=50.0)
    assert drawn[near].sum() > 3 * share[near].sum()


@pytest.mark.parametrize("rate_hz", [1.0, 2.0, 4.0, 6.0])
def test_onset_rate(rate_hz):
    sound = hits(np.arange(0.2, 19.9, 1 / rate_hz), 20.0)
    assert tags.measure(sound, RATE).onset_rate_hz == pytest.approx(rate_hz, rel=0.06)


# --- key ---------------------------------------------------------------------------------------------------


def test_every_key_of_a_cadence():
    wrong = []
    for key in vocab.load()["key"].names:
        treble, bass, _ = tonality.chroma(cadence(key)[0], RATE)
        got = tonality.decide(treble, bass)
        if got.name != key or not (0 < got.confidence <= 1 and 0.5 <= got.mode_confidence <= 1):
            wrong.append((key, got))
    assert not wrong


def test_a_recording_out_of_tune_keeps_its_key():
    y = audio.resample(cadence("A major"), 1000, 1023)  # 39 cents flat
    treble, bass, tuning = tonality.chroma(y[0], RATE)
    assert tuning == pytest.approx(-0.39, abs=0.05)
    assert tonality.decide(treble, bass).name == "A major"


def test_mode_and_key_agree_and_noise_has_no_sure_key():
    got = tags.measure(cadence("F# minor"), RATE)
    assert (got.key, got.mode) == ("F# minor", "minor")
    unsure = tags.measure(0.1 * noise(10.0)[None], RATE)
    assert unsure.key is None or unsure.key_confidence < 0.5 * got.key_confidence


# --- loudness, spectrum, energy ----------------------------------------------------------------------------


def test_loudness_is_that_of_the_standard():
    import pyloudnorm

    sine = np.sin(2 * np.pi * 997.0 * np.arange(48_000 * 5) / 48_000).astype(np.float32)
    assert tags.measure(sine[None], 48_000).loudness_lufs == pytest.approx(-3.01, abs=0.05)
    sound = np.stack([0.1 * noise(12.0, rate=44_100), 0.03 * noise(12.0, seed=1, rate=44_100)])
    sound[:, 100_000:200_000] *= 0.02  # gated out
    wanted = pyloudnorm.Meter(44_100).integrated_loudness(sound.T)
    assert tags.measure(sound, 44_100).loudness_lufs == pytest.approx(wanted, abs=0.01)
    # 5.1: what the low-frequency channel plays does not count.
    six = np.concatenate([sound, np.zeros((1, sound.shape[1]), np.float32), sound[:1] * 9, sound * 0], axis=0)
    assert tags.measure(six, 44_100).loudness_lufs == pytest.approx(wanted, abs=0.01)


def test_level_rate_and_channels_do_not_change_what_is_heard():
    sound = drums(110.0, rate=44_100) + np.tile(cadence("D minor"), (1, 5))[:, : 44_100 * 20]
    first = tags.measure(sound, 44_100)
    quiet = tags.measure(sound * 0.1, 44_100)
    assert quiet.loudness_lufs == pytest.approx(first.loudness_lufs - 20.0, abs=0.01)
    stereo = tags.measure(np.concatenate([sound, sound]), 44_100)
    assert stereo.loudness_lufs == pytest.approx(first.loudness_lufs + 3.01, abs=0.01)
    faster_rate = tags.measure(audio.resample(sound, 44_100, 96_000), 96_000)
    for other in (quiet, stereo, faster_rate, tags.measure(sound[0], 44_100), tags.measure(sound, 44_100)):
        assert (other.key, other.mode) == (first.key, first.mode)
        assert other.tempo_bpm == pytest.approx(first.tempo_bpm, rel=0.002)
        for name in ("brightness_hz", "percussive_share", "onset_rate_hz", "dynamic_range_db", "beat_strength"):
            assert getattr(other, name) == pytest.approx(getattr(first, name), rel=0.03), name
    assert first == tags.measure(sound, 44_100)


def test_percussion_and_brightness():
    struck = tags.measure(drums(120.0), RATE)
    held = tags.measure(np.concatenate([notes([60, 64, 67], 4.0)] * 3)[None], RATE)
    assert struck.percussive_share > 0.6 > 0.4 > held.percussive_share
    for hz in (300.0, 1000.0, 4000.0):
        sine = 0.3 * np.sin(2 * np.pi * hz * np.arange(RATE * 3) / RATE).astype(np.float32)
        assert tags.measure(sine[None], RATE).brightness_hz == pytest.approx(hz, rel=0.05)


def test_dynamic_range_is_the_spread_of_loudness():
    steady = 0.1 * noise(30.0)[None]
    assert tags.measure(steady, RATE).dynamic_range_db < 0.5
    step = steady.copy()
    step[:, step.shape[1] // 2 :] *= 10 ** (-12 / 20)
    assert tags.measure(step, RATE).dynamic_range_db == pytest.approx(12.0, abs=0.7)


def test_energy_rises_with_force_and_falls_with_quiet():
    calm = np.tile(notes([48, 55, 60], 5.0) * 0.2, 6)[None]
    wild = drums(150.0, seconds=30.0) * 1.5 + 0.05 * noise(30.0)[None]
    low, high = tags.measure(calm, RATE), tags.measure(wild, RATE)
    assert 0.0 <= low.energy < 0.35 and 0.65 <= high.energy <= 1.0
    assert tags.words(low)["energy"] == "low" and tags.words(high)["energy"] == "high"
    both = tags.measure_track(np.concatenate([calm, wild], axis=1), RATE)
    assert both.track.energy_trend > 0.2 and tags.words(both.track)["course"] == "rising"
    assert len(both.track.energy_curve) == 30
    assert max(both.track.energy_curve[:14]) < min(both.track.energy_curve[16:])
    assert [tags.words(window)["energy"] for window in both.windows] == ["low"] * 3 + ["high"] * 3


def test_words_follow_the_vocabulary():
    got = tags.measure(drums(140.0), RATE)
    said = tags.words(got)
    assert said["tempo"] == vocab.load()["tempo"].word_for(got.tempo_bpm) == "fast"
    for kind, value in said.items():
        assert value in vocab.load()[kind]


# --- odd sounds --------------------------------------------------------------------------------------------


def test_silence_is_not_measured_and_a_silent_window_neither():
    assert tags.measure(np.zeros((2, RATE), np.float32), RATE) is None
    assert tags.measure_track(np.full((1, RATE * 12), 0.3, np.float32), RATE) is None
    part = drums(120.0, seconds=10.0)
    gap = np.concatenate([part, np.zeros_like(part), part], axis=1)
    windows = tags.measure_track(gap, RATE).windows
    assert [window is None for window in windows] == [False, True, False]


@pytest.mark.parametrize("seconds", [0.001, 0.02, 0.3, 0.9, 2.1, 9.0, 14.0, 36.0])
@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (44_100, 2)])
def test_any_length(seconds, rate, channels):
    sound = np.stack([0.1 * noise(seconds, seed=c, rate=rate) for c in range(channels)])
    got = tags.measure_track(sound, rate)
    assert len(got.windows) == len(audio.windows(sound.shape[1], rate))
    for measured in (got.track, *got.windows):
        for name, value in vars(measured).items():
            assert value is None or isinstance(value, (str, tuple)) or np.isfinite(value), name
        confidences = ("tempo_confidence", "key_confidence", "mode_confidence")
        for name in (*confidences, "beat_strength", "percussive_share", "energy"):
            assert 0.0 <= getattr(measured, name) <= 1.0, name
        assert (measured.tempo_bpm is None) == (seconds < 2.0)
        assert measured.onset_rate_hz >= 0 and measured.dynamic_range_db >= 0
        assert measured.energy_curve and all(0 <= value <= 1 for value in measured.energy_curve)
        tags.words(measured)


@pytest.mark.parametrize("channels", [3, 5, 6, 8])
def test_many_channels_and_an_offset(channels):
    sound = np.repeat(drums(120.0, seconds=8.0), channels, axis=0) + 0.2
    got = tags.measure(sound.astype(np.float32), RATE)
    assert got.tempo_bpm == pytest.approx(120.0, rel=0.01)
    assert np.isfinite(got.loudness_lufs)


# --- music -------------------------------------------------------------------------------------------------


def test_rendered_music_of_every_kind():
    """A floor well under what scripts/tempo_accuracy.py prints for hundreds of pieces."""
    from mdialog.synth.compose import compose
    from mdialog.synth.render import render

    tempi = keys = 0
    genres = vocab.load()["genre"].names[::2]
    for i, genre in enumerate(genres):
        piece = compose(77_000 + i, genre=genre, duration_s=30.0)
        got = tags.measure(render(piece, sample_rate=22_050), 22_050)
        tempi += abs(got.tempo_bpm / piece.labels.tempo_bpm - 1) <= 0.04
        keys += got.key == piece.labels.key
    assert tempi >= 0.7 * len(genres)
    assert keys >= 0.8 * len(genres)


@pytest.mark.skipif("MDIALOG_REAL_DATA" not in os.environ, reason="needs MDIALOG_REAL_DATA")
def test_tempo_of_real_recordings():
    table = read_table(Path(os.environ["MDIALOG_REAL_DATA"]) / "real_music" / "labels.csv")
    right, octave, total = 0, 0, 0
    for row in table:
        if row.metadata.tempo_bpm is None:
            continue
        decoded = audio.decode(row.path, start_s=5.0, end_s=65.0)
        ratio = tags.measure(decoded.samples, decoded.sample_rate).tempo_bpm / row.metadata.tempo_bpm
        right += abs(ratio - 1) <= 0.04
        octave += min(abs(ratio / r - 1) for r in (0.5, 1.0, 2.0)) <= 0.04
        total += 1
    assert total == 8 and right >= 6 and octave >= 7
