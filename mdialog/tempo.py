"""Onset envelopes to a tempo: a posterior over beats per minute from what repeats, and how often."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

LOW_BPM, HIGH_BPM = 36.0, 240.0
STEP = 0.004  # natural log of the ratio of two neighbours on the grid: a tenth of the 4 % that counts as right
WINDOW_S = 12.0  # holds four beats of the slowest tempo twice
HOP_S = 2.5
RATIOS = (0.25, 1 / 3, 0.5, 2 / 3, 1.0, 1.5, 2.0, 3.0, 4.0)  # of the beat's period, at which repetition is looked at

GRID_BPM = np.exp(np.arange(np.log(LOW_BPM), np.log(HIGH_BPM), STEP))


@dataclass(frozen=True)
class Tempogram:
    """How alike the onsets are to themselves a while later, around several moments of a track.

    Parameters
    ----------
    similarity : np.ndarray [shape=(n_moments, bands, n_lags)]
        Autocorrelation of the onset strength of each band, 1 at lag 0.
    times_s : np.ndarray [shape=(n_moments,)]
        Middle of each moment.
    fps : float
        Lags a second.
    """

    similarity: np.ndarray
    times_s: np.ndarray
    fps: float

    def over(self, start_s: float = 0.0, end_s: float = float("inf")) -> np.ndarray:
        """Mean over the moments in a span, or the one nearest to it, (bands, n_lags)."""
        inside = (self.times_s >= start_s) & (self.times_s < end_s)
        if not inside.any():
            inside[np.argmin(np.abs(self.times_s - (start_s + min(end_s, self.times_s[-1] * 2)) / 2))] = True
        return self.similarity[inside].mean(axis=0)


def tempogram(onsets: np.ndarray, fps: float) -> Tempogram:
    """Local autocorrelations of onset envelopes.

    Parameters
    ----------
    onsets : np.ndarray [shape=(bands, n)]
        Onset strength by band, not negative.
    fps : float
        Frames a second.
    """
    from scipy.ndimage import uniform_filter1d

    n = onsets.shape[1]
    size = min(n, round(WINDOW_S * fps))
    hop = round(HOP_S * fps)
    # Without its slow swell, so that what is left repeats by beats only.
    flat = onsets - uniform_filter1d(onsets, round(2 * fps), axis=1, mode="nearest")
    starts = np.arange(0, n - size + 1, hop)
    window = np.hanning(size + 2)[1:-1]
    pieces = flat[:, starts[:, None] + np.arange(size)].transpose(1, 0, 2) * window  # (moments, bands, size)
    lags = _autocorrelation(pieces, size) / np.maximum(_autocorrelation(window, size), 1e-3 * np.sum(window**2))
    at_zero = lags[..., :1]
    # A band without onsets must not look like one with weak ones.
    floor = 1e-4 * at_zero.max() + 1e-12
    similarity = np.clip(lags / np.maximum(at_zero, floor), -1.0, 1.0)
    return Tempogram(similarity=similarity, times_s=(starts + size / 2) / fps, fps=fps)


def _autocorrelation(x: np.ndarray, size: int) -> np.ndarray:
    import scipy.fft

    n = scipy.fft.next_fast_len(2 * size, real=True)
    return scipy.fft.irfft(np.abs(scipy.fft.rfft(x, n)) ** 2, n)[..., :size]


def features(similarity: np.ndarray, fps: float, *, onset_rate_hz: float) -> np.ndarray:
    """What speaks for or against each tempo of the grid.

    Similarity at multiples and fractions of its period, in each band; the tempo itself on a log scale; how many
    onsets a beat would have.

    Parameters
    ----------
    similarity : np.ndarray [shape=(bands, n_lags)]
    fps : float
        Lags a second.
    onset_rate_hz : float >= 0

    Returns
    -------
    np.ndarray [shape=(len(GRID_BPM), bands * len(RATIOS) + 5)]
    """
    lags = np.arange(similarity.shape[1])
    usable = 0.85 * similarity.shape[1]
    columns = []
    for ratio in RATIOS:
        at = 60.0 / GRID_BPM * fps * ratio
        for band in similarity:
            columns.append(np.where(at < usable, np.interp(at, lags, band), 0.0))
    octave = np.log2(GRID_BPM / 110.0)
    a_beat = np.log2(max(onset_rate_hz, 0.2) * 60.0 / GRID_BPM) - 1.0
    return np.stack([*columns, octave, octave**2, octave**3, a_beat, a_beat**2], axis=1)


@dataclass(frozen=True)
class Tempo:
    """A decision.

    Parameters
    ----------
    bpm : float
    confidence : float in [0, 1]
        Share of the posterior within 4 % of `bpm`.
    strength : float in [0, 1]
        How alike the onsets are one beat later, in the band where they are most.
    """

    bpm: float
    confidence: float
    strength: float


@cache
def weights() -> np.ndarray:
    return np.asarray(json.loads(files("mdialog").joinpath("tags_weights.json").read_text())["tempo"])


def posterior(
    similarity: np.ndarray, fps: float, *, onset_rate_hz: float, around_bpm: float | None = None
) -> np.ndarray:
    """Probability of each tempo of ``GRID_BPM``.

    A linear score of :func:`features` through a softmax; ``scripts/tempo_accuracy.py --fit`` fits its weights by
    maximum likelihood on rendered pieces, whose tempo is known, so that half and double are decided by what the
    bands do at the fractions of a beat, and the probability means what it says.

    Parameters
    ----------
    similarity : np.ndarray [shape=(bands, n_lags)]
        ``Tempogram.over`` of a span.
    fps : float
        Lags a second.
    onset_rate_hz : float >= 0
        Onsets a second of the span: with it, a beat of one onset and a beat of sixteen are unlikely.
    around_bpm : float, optional
        Tempo of the whole track: a span of it rarely has another.
    """
    score = features(similarity, fps, onset_rate_hz=onset_rate_hz) @ weights()
    if around_bpm is not None:
        off = np.log(GRID_BPM / around_bpm) / 0.04
        score = score + np.log(np.exp(-0.5 * off**2) + 0.02)
    share = np.exp(score - score.max())
    return share / share.sum()


def decide(
    similarity: np.ndarray, fps: float, *, onset_rate_hz: float, around_bpm: float | None = None
) -> Tempo | None:
    """The likeliest tempo of a span, None where nothing repeats; parameters as of :func:`posterior`."""
    if not np.any(similarity[:, 1:]):
        return None
    share = posterior(similarity, fps, onset_rate_hz=onset_rate_hz, around_bpm=around_bpm)
    reach = round(0.04 / STEP)
    mass = np.convolve(share, np.ones(2 * reach + 1), mode="same")
    middle = int(np.argmax(mass))
    near = slice(max(0, middle - reach), middle + reach + 1)
    best = GRID_BPM[near][np.argmax(share[near])]
    bpm = _refine(similarity, fps, best)
    at_beat = [np.interp(60.0 / bpm * fps, np.arange(band.size), band) for band in similarity]
    return Tempo(bpm=bpm, confidence=float(min(1.0, mass[middle])), strength=float(np.clip(max(at_beat), 0.0, 1.0)))


def _refine(similarity: np.ndarray, fps: float, bpm: float) -> float:
    """The tempo within 3 % whose first eight beats the onsets repeat at most: finer than a lag is long."""
    lags = np.arange(similarity.shape[1])
    together = similarity.mean(axis=0)
    near = bpm * np.exp(np.arange(-0.03, 0.03, 0.0005))
    beats = [k for k in (1, 2, 3, 4, 6, 8) if 60.0 / bpm * fps * k * 1.03 < 0.85 * lags.size]
    if not beats:
        return float(bpm)
    comb = sum(np.interp(60.0 / near * fps * k, lags, together) for k in beats)
    return float(near[np.argmax(comb)])
