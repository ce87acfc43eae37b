"""What librosa measures of a track and of each of its windows, in one pass over one spectrogram."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np

from mdialog import audio, tempo, tonality, vocab

SAMPLE_RATE = 22_050  # Hz
N_FFT = 2048
HOP = 512
FPS = SAMPLE_RATE / HOP  # 43.07 frames a second
N_MELS = 64
BAND_EDGES = (0, 8, 28, N_MELS)  # mel bands: up to about 350 Hz (kick, bass), to 2.4 kHz, above (cymbals)
CURVE_S = 2.0  # seconds a value of the energy curve
BLOCK_S = 0.4  # of BS.1770, one every 0.1 s
MIN_TEMPO_S = 2.0


@dataclass(frozen=True)
class Measured:
    """What was measured in a span of sound.

    Parameters
    ----------
    tempo_bpm : float in [36, 240] or None
        None where the span is shorter than 2 s or has no onsets.
    tempo_confidence : float in [0, 1]
        Probability that `tempo_bpm` is within 4 %, half and double counting as wrong.
    beat_strength : float in [0, 1]
        How alike the onsets are a beat later.
    key : str or None
        A value of the vocabulary's kind `key`; None where nothing has a pitch.
    key_confidence, mode_confidence : float in [0, 1]
    mode : {'major', 'minor'} or None
    loudness_lufs : float
        Integrated, ITU-R BS.1770-4, from the original channels.
    dynamic_range_db : float >= 0
        Between the 10th and 95th percentile of loudness over 3 s.
    brightness_hz : float
        Spectral centroid, weighted by loudness.
    onset_rate_hz : float
        Onsets a second.
    percussive_share : float in [0, 1]
        Of the spectrum's magnitude, by median filtering (Fitzgerald 2010).
    energy : float in [0, 1]
        See :func:`_energy`.
    energy_curve : tuple of float
        The same of every two seconds.
    energy_trend : float in [-1, 1]
        Last third minus first third.
    """

    tempo_bpm: float | None
    tempo_confidence: float
    beat_strength: float
    key: str | None
    key_confidence: float
    mode: str | None
    mode_confidence: float
    loudness_lufs: float
    dynamic_range_db: float
    brightness_hz: float
    onset_rate_hz: float
    percussive_share: float
    energy: float
    energy_curve: tuple[float, ...]
    energy_trend: float


@dataclass(frozen=True)
class TrackTags:
    """Measures of a track, and of each window of ``audio.windows``; None for a silent window."""

    track: Measured
    windows: tuple[Measured | None, ...]


@dataclass(frozen=True)
class _Frames:
    """Everything per frame, from which any span is measured.

    Parameters
    ----------
    n_samples : int
        At ``SAMPLE_RATE``.
    onsets : np.ndarray [shape=(3, n)]
        Rise in dB of each of three bands, mean over its mel bands.
    peaks : np.ndarray [shape=(n_onsets,)]
        Frames at which an onset is.
    magnitude, percussive : np.ndarray [shape=(n,)]
        Sum over mel bands; the share of it in vertical lines.
    centroid_hz : np.ndarray [shape=(n,)]
    power : np.ndarray [shape=(n_blocks,)]
        K-weighted power of 0.4 s, summed over channels, every 0.1 s.
    lufs : float
        Integrated loudness of it all.
    treble, bass : np.ndarray [shape=(12, n_chroma)]
    tempogram : tempo.Tempogram or None
    """

    n_samples: int
    onsets: np.ndarray
    peaks: np.ndarray
    magnitude: np.ndarray
    percussive: np.ndarray
    centroid_hz: np.ndarray
    power: np.ndarray
    lufs: float
    treble: np.ndarray
    bass: np.ndarray
    tempogram: tempo.Tempogram | None

    @property
    def duration_s(self) -> float:
        return self.n_samples / SAMPLE_RATE


def frames(samples: np.ndarray, sample_rate: int) -> _Frames:
    """One pass over the samples.

    Parameters
    ----------
    samples : np.ndarray [shape=(channels, n) or (n,)], float32
    sample_rate : int
    """
    samples = np.atleast_2d(samples)
    y = np.ascontiguousarray(audio.resample(audio.mono(samples), sample_rate, SAMPLE_RATE))
    mel, centroid = _spectrogram(y)
    onsets, peaks = _onsets(mel)
    magnitude = np.sqrt(mel)
    treble, bass, _ = tonality.chroma(y, SAMPLE_RATE)
    power = _power(samples, sample_rate)
    return _Frames(
        n_samples=y.size,
        onsets=onsets,
        peaks=peaks,
        magnitude=magnitude.sum(axis=0),
        percussive=_percussive(magnitude),
        centroid_hz=centroid,
        power=power,
        lufs=_lufs(power),
        treble=treble,
        bass=bass,
        tempogram=tempo.tempogram(onsets, FPS) if y.size >= MIN_TEMPO_S * SAMPLE_RATE else None,
    )


@cache
def _mel_filters() -> np.ndarray:
    import librosa

    return librosa.filters.mel(sr=SAMPLE_RATE, n_fft=N_FFT, n_mels=N_MELS, fmin=30.0)


def _spectrogram(y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mel power (N_MELS, n) and centroid in Hz (n,), a block at a time so that a long track needs no more memory."""
    import librosa

    hz = np.stack([librosa.fft_frequencies(sr=SAMPLE_RATE, n_fft=N_FFT), np.ones(N_FFT // 2 + 1)]).astype(np.float32)
    padded = np.pad(y, N_FFT // 2)
    mel, centroid, step = [], [], 2048 * HOP
    for start in range(0, max(1, padded.size - N_FFT + 1), step):
        block = padded[start : start + step - HOP + N_FFT]
        magnitude = np.abs(librosa.stft(block, n_fft=N_FFT, hop_length=HOP, center=False))
        first, total = hz @ magnitude
        centroid.append(first / np.maximum(total, 1e-9))
        mel.append(_mel_filters() @ np.square(magnitude, out=magnitude))
    return np.concatenate(mel, axis=1), np.concatenate(centroid)


def _onsets(mel: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Onset strength of three bands, in dB a frame, and the frames of distinct onsets."""
    import librosa
    from scipy.ndimage import uniform_filter1d
    from scipy.signal import find_peaks

    level = librosa.power_to_db(mel, ref=np.max, top_db=70.0)
    bands = librosa.onset.onset_strength_multi(S=level, sr=SAMPLE_RATE, hop_length=HOP, channels=list(BAND_EDGES))
    # An onset may be a kick, a chord or a cymbal: one band is enough.
    strongest = bands.max(axis=0)
    around = uniform_filter1d(strongest, round(FPS), mode="nearest")
    peaks, _ = find_peaks(strongest, height=np.maximum(1.5 * around, 1.5), distance=3)
    return bands, peaks


def _percussive(magnitude: np.ndarray) -> np.ndarray:
    """Magnitude in vertical lines of a mel spectrogram, (n,): soft masks of medians along time and frequency.

    After Fitzgerald 2010; librosa's ``hpss`` does so on every bin of the spectrum and takes ten times the whole
    measurement. Rows are laid end to end, as scipy's median filter of one dimension is several times faster.
    """
    from scipy.ndimage import median_filter

    along_time = median_filter(magnitude.ravel(), 17).reshape(magnitude.shape)
    along_frequency = median_filter(magnitude.T.ravel(), 9).reshape(magnitude.T.shape).T
    harmonic, percussive = np.square(along_time), np.square(along_frequency)
    return np.sum(magnitude * percussive / np.maximum(harmonic + percussive, 1e-12), axis=0)


def _power(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """K-weighted power of every block of BS.1770, summed over channels with its weights."""
    import pyloudnorm

    weights = (1.0, 1.0, 1.0, 1.41, 1.41)
    if samples.shape[0] == 6:  # 5.1: the low-frequency channel has no part in loudness
        samples = samples[[0, 1, 2, 4, 5]]
    elif samples.shape[0] > 5:
        samples = np.stack([samples[0::2].mean(axis=0), samples[1::2].mean(axis=0)])
    shortest = int(np.ceil(BLOCK_S * sample_rate)) + 1
    if samples.shape[1] < shortest:
        samples = audio.cut(samples, sample_rate, start_s=0.0, end_s=1.0, length_s=shortest / sample_rate)
    meter = pyloudnorm.Meter(sample_rate)
    total = 0.0
    # A channel at a time: the meter strides through interleaved ones, which is twice as slow.
    for weight, channel in zip(weights, samples, strict=False):
        meter.integrated_loudness(channel)
        total = total + weight * 10 ** ((np.asarray(meter.blockwise_loudness) + 0.691) / 10)
    return total


def _lufs(power: np.ndarray) -> float:
    """Integrated loudness: blocks above -70 LUFS, then those within 10 LU of their mean (BS.1770-4)."""
    loud = power[power >= 10 ** ((-70 + 0.691) / 10)]
    if loud.size == 0:
        return -70.0
    loud = loud[loud > 0.1 * loud.mean()]
    return float(-0.691 + 10 * np.log10(loud.mean()))


def _dynamic_range(power: np.ndarray) -> float:
    """Spread of loudness over 3 s, between the 10th and 95th percentile, without what is 20 LU below the mean."""
    from scipy.ndimage import uniform_filter1d

    short_term = uniform_filter1d(power, min(27, power.size), mode="nearest")
    loud = short_term[short_term > max(0.01 * short_term.mean(), 10**-6.93)]
    if loud.size == 0:
        return 0.0
    low, high = np.percentile(10 * np.log10(loud), [10, 95])
    return float(high - low)


def measure(samples: np.ndarray, sample_rate: int) -> Measured | None:
    """Measure a whole recording; None if it is silent.

    Parameters
    ----------
    samples : np.ndarray [shape=(channels, n) or (n,)], float32
    sample_rate : int
        Hz.
    """
    if audio.is_silent(samples):
        return None
    found = frames(samples, sample_rate)
    return _measure(found, 0.0, found.duration_s)


def measure_track(samples: np.ndarray, sample_rate: int) -> TrackTags | None:
    """Measure a recording and each of its windows from the same spectrogram; None if it is silent.

    Parameters
    ----------
    samples : np.ndarray [shape=(channels, n) or (n,)], float32
    sample_rate : int
        Hz.
    """
    samples = np.atleast_2d(samples)
    if audio.is_silent(samples):
        return None
    found = frames(samples, sample_rate)
    whole = _measure(found, 0.0, found.duration_s)
    windows = []
    for start_s, end_s in audio.windows(samples.shape[1], sample_rate):
        span = samples[:, round(start_s * sample_rate) : round(end_s * sample_rate)]
        windows.append(None if audio.is_silent(span) else _measure(found, start_s, end_s, around=whole))
    return TrackTags(track=whole, windows=tuple(windows))


def _measure(found: _Frames, start_s: float, end_s: float, *, around: Measured | None = None) -> Measured:
    """Measure a span; `around` is the whole track, whose tempo and key a span of it nearly always has."""
    at = _slice(start_s, end_s, FPS, found.magnitude.size)
    chroma_at = _slice(start_s, end_s, SAMPLE_RATE / tonality.HOP, found.treble.shape[1])
    # Blocks that lie in the span, or the one that begins with it.
    power = found.power[_slice(start_s, end_s - BLOCK_S, 10.0, found.power.size)]
    beat, onset_rate = None, onset_rate_hz(found, start_s, end_s)
    if found.tempogram is not None:
        similarity = found.tempogram.over(start_s, end_s)
        beat = tempo.decide(similarity, FPS, onset_rate_hz=onset_rate, around_bpm=around.tempo_bpm if around else None)
    whole = (found.treble, found.bass) if around else None
    key = tonality.decide(found.treble[:, chroma_at], found.bass[:, chroma_at], within=whole)
    magnitude = found.magnitude[at]
    total = max(float(magnitude.sum()), 1e-9)
    curve = _curve(found, start_s, end_s)
    return Measured(
        tempo_bpm=beat.bpm if beat else None,
        tempo_confidence=beat.confidence if beat else 0.0,
        beat_strength=beat.strength if beat else 0.0,
        key=key.name if key else None,
        key_confidence=key.confidence if key else 0.0,
        mode=key.name.split()[1] if key else None,
        mode_confidence=key.mode_confidence if key else 0.0,
        loudness_lufs=_lufs(power),
        dynamic_range_db=_dynamic_range(power),
        brightness_hz=float(found.centroid_hz[at] @ magnitude / total),
        onset_rate_hz=onset_rate,
        percussive_share=float(found.percussive[at].sum() / total),
        energy=_energy(found, start_s, end_s),
        energy_curve=curve,
        energy_trend=_trend(found, start_s, end_s),
    )


def _slice(start_s: float, end_s: float, per_second: float, size: int) -> slice:
    """Frames of a span: never empty."""
    start = min(round(start_s * per_second), size - 1)
    return slice(start, max(start + 1, round(end_s * per_second)))


def onset_rate_hz(found: _Frames, start_s: float, end_s: float) -> float:
    """Distinct onsets a second in a span."""
    inside = np.count_nonzero((found.peaks >= start_s * FPS) & (found.peaks < end_s * FPS))
    return float(inside / (min(end_s, found.duration_s) - start_s))


@cache
def energy_weights() -> dict[str, float]:
    return json.loads(files("mdialog").joinpath("tags_weights.json").read_text())["energy"]


def energy_parts(found: _Frames, start_s: float, end_s: float) -> dict[str, float]:
    """What energy is made of, each scaled to about [0, 1].

    Loudness from -40 to -10 LUFS, and from 15 LU below to 15 LU above the whole track's; up to 8 onsets a second; the
    share of percussion; brightness from 250 Hz to 4 kHz; of the onset strength of each band its mean, up to 5 dB
    ("flow"), and what only one frame in twenty exceeds, up to 20 dB ("punch").
    """
    at = _slice(start_s, end_s, FPS, found.magnitude.size)
    loudness = _lufs(found.power[_slice(start_s, end_s - BLOCK_S, 10.0, found.power.size)])
    total = max(float(found.magnitude[at].sum()), 1e-9)
    centroid = max(float(found.centroid_hz[at] @ found.magnitude[at] / total), 1.0)
    parts = {
        "loudness": (loudness + 40.0) / 30.0,
        "relative": (loudness - found.lufs + 15.0) / 30.0,
        "onsets": onset_rate_hz(found, start_s, end_s) / 8.0,
        "percussion": float(found.percussive[at].sum() / total),
        "brightness": float(np.log2(centroid / 250.0)) / 4.0,
    }
    onsets = found.onsets[:, at]
    flow, punch = onsets.mean(axis=1) / 5.0, np.percentile(onsets, 95, axis=1) / 20.0
    for i, band in enumerate(("low", "middle", "high")):
        parts |= {f"flow {band}": float(flow[i]), f"punch {band}": float(punch[i])}
    return {name: min(1.2, max(0.0, value)) for name, value in parts.items()}


def _energy(found: _Frames, start_s: float, end_s: float) -> float:
    """Energy in [0, 1]: a weighted sum of :func:`energy_parts`.

    The weights are fitted, by least squares and then stretched to the truth's own spread, to the energy that the
    composer of ``mdialog.synth`` gave windows of rendered pieces; ``scripts/tempo_accuracy.py --fit`` fits them anew.
    """
    weights = energy_weights()
    parts = energy_parts(found, start_s, end_s)
    return float(np.clip(weights["bias"] + sum(weights[name] * value for name, value in parts.items()), 0.0, 1.0))


def _curve(found: _Frames, start_s: float, end_s: float) -> tuple[float, ...]:
    n = max(1, round((end_s - start_s) / CURVE_S))
    edges = np.linspace(start_s, end_s, n + 1)
    return tuple(round(_energy(found, a, b), 4) for a, b in zip(edges[:-1], edges[1:], strict=True))


def _trend(found: _Frames, start_s: float, end_s: float) -> float:
    third = (end_s - start_s) / 3
    return _energy(found, end_s - third, end_s) - _energy(found, start_s, start_s + third)


def words(measured: Measured) -> dict[str, str]:
    """The vocabulary's words for what was measured.

    Returns
    -------
    dict of str to str
        Values of the kinds tempo, key, mode, energy and course; without a kind that was not measured.
    """
    v = vocab.load()
    said = {"energy": v["energy"].word_for(measured.energy)}
    if measured.tempo_bpm is not None:
        said["tempo"] = v["tempo"].word_for(measured.tempo_bpm)
    if measured.key is not None:
        said |= {"key": measured.key, "mode": measured.mode}
    # The same borders as the composer's labels: between them, a course is not clear enough to be named.
    if abs(measured.energy_trend) >= 0.2:
        said["course"] = "rising" if measured.energy_trend > 0 else "falling"
    elif abs(measured.energy_trend) < 0.05:
        said["course"] = "level"
    return said
