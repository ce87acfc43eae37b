"""Spectral peaks to a chroma, and a chroma to a key."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from mdialog import vocab

N_FFT = 8192
HOP = 2048
LOW_HZ, SPLIT_HZ, HIGH_HZ = 50.0, 260.0, 2100.0
HARMONICS = 4  # a peak may be the 2nd, 3rd or 4th harmonic of the note that is played
DECAY = 0.6
PROFILE = "albrecht"
BASS = 0.75
WHOLE = 1.0  # weight of the whole track's chroma when a span of it is judged
SHARPNESS = 15.0  # of the softmax over correlations

# Key profiles from the tonic up, major then minor.
PROFILES = {
    # Krumhansl & Kessler 1982, probe-tone ratings.
    "krumhansl": (
        (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
        (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
    ),
    # Temperley 2001, The Cognition of Basic Musical Structures.
    "temperley": (
        (5.0, 2.0, 3.5, 2.0, 4.5, 4.0, 2.0, 4.5, 2.0, 3.5, 1.5, 4.0),
        (5.0, 2.0, 3.5, 4.5, 2.0, 4.0, 2.0, 4.5, 3.5, 2.0, 1.5, 4.0),
    ),
    # Albrecht & Shanahan 2013, counted on 490 pieces.
    "albrecht": (
        (0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081),
        (0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052),
    ),
}


def chroma(y: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Chroma from spectral peaks (after Gomez 2006), above and below middle C, on the recording's own tuning.

    Parameters
    ----------
    y : np.ndarray [shape=(n,)]
    sample_rate : int
        Hz.

    Returns
    -------
    treble, bass : np.ndarray [shape=(12, n_frames)]
        From C; a frame every ``HOP`` samples.
    tuning : float in [-0.5, 0.5)
        Semitones off A = 440 Hz.
    """
    import librosa

    pieces, step = [], 512 * HOP
    padded = np.pad(y, N_FFT // 2)
    for start in range(0, max(1, padded.size - N_FFT + 1), step):
        block = padded[start : start + step - HOP + N_FFT]
        pieces.append(np.abs(librosa.stft(block, n_fft=N_FFT, hop_length=HOP, center=False)))
    return _fold([_peaks(magnitude, sample_rate) for magnitude in pieces])


def _peaks(magnitude: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Frame, pitch (MIDI, fractional) and strength of every local maximum in range, and the number of frames."""
    bin_hz = sample_rate / N_FFT
    low, high = int(LOW_HZ / bin_hz), int(HIGH_HZ / bin_hz)
    part = np.log(magnitude[low - 1 : high + 1] + 1e-9)
    left, mid, right = part[:-2], part[1:-1], part[2:]
    bins, frames = np.nonzero((mid > left) & (mid >= right))
    a, b, c = left[bins, frames], mid[bins, frames], right[bins, frames]
    # The parabola through three log magnitudes peaks where the partial is.
    shift = 0.5 * (a - c) / np.minimum(a - 2 * b + c, -1e-9)
    hz = (bins + low + np.clip(shift, -0.5, 0.5)) * bin_hz
    height = np.exp(b)
    # Against the loudest of its frame, compressed: quiet notes of a chord count too, the floor does not.
    loudest = np.maximum(np.exp(mid.max(axis=0)), 1e-9)
    strength = np.where(height > 0.01 * loudest[frames], np.sqrt(height / loudest[frames]), 0.0)
    keep = strength > 0
    return frames[keep], 69.0 + 12.0 * np.log2(hz[keep] / 440.0), strength[keep], magnitude.shape[1]


def _fold(blocks: list[tuple[np.ndarray, np.ndarray, np.ndarray, int]]) -> tuple[np.ndarray, np.ndarray, float]:
    offsets = np.cumsum([0] + [n for *_, n in blocks])
    frames = np.concatenate([f + o for (f, *_), o in zip(blocks, offsets, strict=False)])
    pitch = np.concatenate([p for _, p, _, _ in blocks])
    strength = np.concatenate([s for *_, s, _ in blocks])
    n = int(offsets[-1])
    # Circular mean of how far each peak is from the nearest semitone.
    turn = np.sum(strength * np.exp(2j * np.pi * pitch))
    tuning = float(np.angle(turn) / (2 * np.pi)) if abs(turn) > 0 else 0.0
    treble, bass = np.zeros(12 * n), np.zeros(12 * n)
    for harmonic in range(1, HARMONICS + 1):
        note = pitch - tuning - 12.0 * np.log2(harmonic)
        nearest = np.round(note)
        weight = strength * DECAY ** (harmonic - 1) * np.cos(np.pi * (note - nearest)) ** 2
        at = frames * 12 + nearest.astype(int) % 12
        low = note < 69 + 12 * np.log2(SPLIT_HZ / 440.0)
        treble += np.bincount(at[~low], weight[~low], 12 * n)
        bass += np.bincount(at[low], weight[low], 12 * n)
    return treble.reshape(n, 12).T, bass.reshape(n, 12).T, tuning


@cache
def _templates(name: str) -> np.ndarray:
    """(24, 12), each of mean 0 and length 1, in the order of the vocabulary's keys."""
    rows = [np.roll(profile, tonic) for profile in PROFILES[name] for tonic in range(12)]
    centred = np.asarray(rows) - np.mean(rows, axis=1, keepdims=True)
    return centred / np.linalg.norm(centred, axis=1, keepdims=True)


@dataclass(frozen=True)
class Key:
    """A decision.

    Parameters
    ----------
    name : str
        A value of the vocabulary's kind `key`.
    confidence : float in [0, 1]
        Of the key among all 24.
    mode_confidence : float in [0, 1]
        Of its mode against the likeliest key of the other.
    """

    name: str
    confidence: float
    mode_confidence: float


def scores(treble: np.ndarray, bass: np.ndarray, *, profile: str = PROFILE, bass_weight: float = BASS) -> np.ndarray:
    """How well each of the 24 keys fits a chroma: correlation with its profile, (24,).

    Parameters
    ----------
    treble, bass : np.ndarray [shape=(12, n_frames)]
    profile : str
        One of ``PROFILES``.
    bass_weight : float
        Of the chroma of what lies below middle C, against 1 for what lies above.
    """
    total = treble.sum(axis=1) / max(treble.sum(), 1e-9) + bass_weight * bass.sum(axis=1) / max(bass.sum(), 1e-9)
    centred = total - total.mean()
    length = np.linalg.norm(centred)
    return _templates(profile) @ (centred / length) if length > 1e-9 else np.zeros(24)


def decide(treble: np.ndarray, bass: np.ndarray, *, within: tuple[np.ndarray, np.ndarray] | None = None) -> Key | None:
    """The likeliest key; None where nothing has a pitch.

    Parameters
    ----------
    treble, bass : np.ndarray [shape=(12, n_frames)]
        Of :func:`chroma`.
    within : (treble, bass), optional
        Of the whole track that this is a span of: ten seconds may hold two chords, and the key is the track's.
    """
    if not np.any(treble) and not np.any(bass):
        return None
    fit = scores(treble, bass)
    if within is not None:
        fit = (fit + WHOLE * scores(*within)) / (1 + WHOLE)
    share = np.exp((fit - fit.max()) * SHARPNESS)
    share /= share.sum()
    best = int(np.argmax(share))
    other = share[12:].max() if best < 12 else share[:12].max()
    return Key(
        name=vocab.load()["key"].names[best],
        confidence=float(share[best]),
        mode_confidence=float(share[best] / (share[best] + other)),
    )
