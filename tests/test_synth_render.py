"""Rendering: in tune, exact in length, and as loud as the labels say."""

from dataclasses import replace

import numpy as np
import pytest

from mdialog.errors import InputError
from mdialog.synth.compose import Part, compose
from mdialog.synth.genres import instruments
from mdialog.synth.harmony import TONICS
from mdialog.synth.render import default_soundfont, render
from mdialog.synth.soundfont import in_tune, rewritten

RATE = 22050
# Krumhansl and Kessler (1982).
PROFILES = {
    "major": [6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88],
    "minor": [6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17],
}


def alone(*rows, instrument="flute", role="lead"):
    """A piece of one part with the given notes."""
    part = Part(role=role, instrument=instrument, program=instruments()[instrument].programs[0], pan=0.0,
                notes=np.array(rows, dtype=float))
    return replace(compose(0, genre="rock", duration_s=10), parts=(part,), duration_s=4.0)


def estimated_key(audio):
    import librosa

    chroma = librosa.feature.chroma_stft(y=audio.mean(0), sr=RATE, tuning=0.0, n_fft=8192, hop_length=4096).mean(1)
    fit = {f"{TONICS[t]} {mode}": np.corrcoef(chroma, np.roll(p, t))[0, 1] for mode, p in PROFILES.items() for t in range(12)}
    return max(fit, key=fit.get)


@pytest.fixture(scope="module")
def sounds():
    """Twelve pieces and their sound."""
    names = ("folk", "jazz", "hip hop", "baroque", "bossa nova", "rock", "waltz", "country", "ambient", "funk", "disco",
             "techno")
    pieces = [compose(11, genre=g, duration_s=25) for g in names]
    return [(p, render(p, sample_rate=RATE)) for p in pieces]


def test_a_span_is_a_slice_of_the_whole():
    piece = compose(4, genre="disco", duration_s=12)
    whole = render(piece, sample_rate=RATE)
    assert whole.shape == (2, round(piece.duration_s * RATE)) and whole.dtype == np.float32
    part = render(piece, sample_rate=RATE, start_s=3.21, end_s=7.87)
    assert part.shape == (2, round((7.87 - 3.21) * RATE))
    first = round(3.21 * RATE)
    np.testing.assert_array_equal(part, whole[:, first : first + part.shape[1]])
    np.testing.assert_array_equal(whole, render(piece, sample_rate=RATE))
    assert np.abs(whole).max() <= 1.0


@pytest.mark.parametrize("instrument", ["piano", "flute", "violin", "acoustic guitar", "bass", "strings", "trumpet"])
def test_notes_sound_at_their_pitch(instrument):
    low, high = instruments()[instrument].lead
    for pitch in np.linspace(low, high - 8, 4).astype(int):
        sound = render(alone((0.1, 2.0, pitch, 100), instrument=instrument), sample_rate=32000)[:, 6400:60000].mean(0)
        spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 1 << 18))
        expected = 440 * 2 ** ((pitch - 69) / 12)
        cents = np.arange(-700, 701, 5)

        def strength(c, spectrum=spectrum, expected=expected):
            places = expected * 2 ** (c / 1200) * np.arange(1, 6) * (1 << 18) / 32000
            return np.log1p(spectrum[np.round(places[places < len(spectrum)]).astype(int)]).sum()

        assert abs(cents[np.argmax([strength(c) for c in cents])]) <= 30, (instrument, pitch)


def test_force_is_heard():
    loud, soft = (render(alone((0.0, 2.0, 76, v)), sample_rate=RATE) for v in (120, 40))
    both = render(alone((0.0, 1.0, 76, 40), (2.0, 1.0, 76, 120)), sample_rate=RATE)
    half = both.shape[1] // 2
    assert np.square(both[:, half:]).mean() > 20 * np.square(both[:, :half]).mean()
    assert loud.shape == soft.shape


def test_the_key_can_be_measured(sounds):
    right = [estimated_key(audio) == piece.labels.key for piece, audio in sounds]
    assert np.mean(right) >= 0.75, np.mean(right)


def test_energy_is_heard(sounds):
    from scipy.stats import spearmanr

    within = []
    for piece, audio in sounds:
        spans = piece.labels.spans
        rms = [np.sqrt(np.square(audio[:, int(s.start_s * RATE) : int(s.end_s * RATE)]).mean()) for s in spans]
        if len({s.energy for s in spans}) > 2:
            within.append(spearmanr([s.energy for s in spans], rms)[0])
    assert np.mean(within) > 0.8


def test_the_tempo_can_be_measured():
    """Onsets recur at the labelled beat more strongly than at tempi in no simple ratio to it."""
    import librosa

    for genre, seed in (("techno", 3), ("polka", 1), ("rock", 2), ("disco", 5), ("waltz", 4), ("blues", 6)):
        piece = compose(seed, genre=genre, duration_s=20)
        onset = librosa.onset.onset_strength(y=render(piece, sample_rate=RATE).mean(0), sr=RATE)
        lags = np.correlate(onset - onset.mean(), onset - onset.mean(), "full")[len(onset) - 1 :]
        beat = 60 / piece.labels.tempo_bpm * RATE / 512

        def strength(lag, lags=lags):
            return max(lags[int(lag) : int(lag) + 2].max(), lags[round(lag)])

        assert strength(beat * piece.bar_s / (60 / piece.labels.tempo_bpm)) > strength(beat * 1.37), genre


def test_sound_does_not_clip_and_differs_in_level(sounds):
    peaks = [np.abs(audio).max() for _, audio in sounds]
    assert max(peaks) <= 1.0 and min(peaks) > 0.05
    assert max(peaks) / min(peaks) > 1.5


def test_outside_and_unreadable_are_named(tmp_path):
    piece = compose(0, genre="rock", duration_s=10)
    with pytest.raises(InputError, match="outside the piece"):
        render(piece, start_s=5.0, end_s=500.0)
    with pytest.raises(InputError, match="nothing.sf2"):
        render(piece, soundfont=tmp_path / "nothing.sf2")
    bad = tmp_path / "bad.sf2"
    bad.write_bytes(b"RIFF\x00\x00\x00\x00sfbk and then noise")
    with pytest.raises(InputError, match="bad.sf2"):
        render(piece, soundfont=bad)


def test_a_rewritten_soundfont_is_one_and_rewriting_it_again_changes_nothing():
    data = default_soundfont().read_bytes()
    once = rewritten(data)
    assert once != data
    assert rewritten(once) == once
    with in_tune(default_soundfont()) as copy:
        assert copy.read_bytes() == once
    assert not copy.exists()
