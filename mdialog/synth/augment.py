"""Makes rendered sound differ as real recordings do: room, equipment, medium, level. Pitch and time stay as they are."""

import io
from functools import cache

import numpy as np

CODEC_SHARE = 0.06
"""Share of calls that go through a lossy codec, which costs ten times what all the rest does."""


def augment(audio: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """One random recording chain.

    Every step is drawn by itself, so that some sound comes out nearly clean and little has everything: smooth
    equalisation, reverb, stereo width, compression or clipping, band limit, noise, hum, crackle, codec, level.

    Parameters
    ----------
    audio : np.ndarray [shape=(channels, n), float32]
    sample_rate : int > 0
        In hertz.
    rng : np.random.Generator

    Returns
    -------
    np.ndarray [shape=(channels, n), float32]
        Within -1 to 1.
    """
    sound = np.array(audio, dtype=np.float32)
    if not sound.size or not np.abs(sound).max() > 0:
        return sound
    peak = np.abs(sound).max()
    sound /= peak
    if len(sound) == 2 and rng.random() < 0.4:
        sound = _width(sound, rng.uniform(0.0, 1.6))
    if rng.random() < 0.75:
        sound = _filtered(sound, sample_rate, rng)
    if rng.random() < 0.4:
        sound = _reverb(sound, sample_rate, rng)
    if rng.random() < 0.3:
        sound = _compressed(sound, rng)
    if rng.random() < 0.55:
        sound = sound + _noise(sound, sample_rate, rng)
    if rng.random() < CODEC_SHARE:
        sound = _codec(sound, sample_rate, rng)
    level = 10.0 ** (rng.uniform(-20.0, -0.5) / 20.0)
    return (sound * (level / max(float(np.abs(sound).max()), 1e-6))).astype(np.float32)


def _width(sound: np.ndarray, width: float) -> np.ndarray:
    middle, side = sound.mean(axis=0), (sound[0] - sound[1]) / 2 * width
    return np.stack([middle + side, middle - side])


def _filtered(sound: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """A smooth random response within 9 dB, and sometimes the band limits of a small speaker or an old medium."""
    n = sound.shape[1]
    size = _fast_length(n)
    spectrum = _fft().rfft(sound, size, axis=1)
    hertz = np.linspace(1.0, sample_rate / 2, spectrum.shape[1], dtype=np.float32)
    knots = np.linspace(np.log(30.0), np.log(sample_rate / 2), 7)
    gains = np.cumsum(rng.normal(0.0, 2.2, 7))
    gains = np.clip(gains - gains.mean(), -9.0, 9.0)
    octaves = np.log(hertz)
    response = np.interp(octaves, knots, gains)
    if rng.random() < 0.3:
        top = rng.uniform(3500.0, 12000.0)
        response -= 24.0 / np.log(2) * np.maximum(0.0, octaves - np.log(top))
    if rng.random() < 0.25:
        bottom = rng.uniform(40.0, 220.0)
        response -= 18.0 / np.log(2) * np.maximum(0.0, np.log(bottom) - octaves)
    spectrum *= (10.0 ** (np.maximum(response, -80.0) / 20.0)).astype(np.float32)
    return _fft().irfft(spectrum, size, axis=1)[:, :n].astype(np.float32)


def _reverb(sound: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """Exponentially decaying, darkening noise as a room's impulse response, mixed under the dry sound."""
    seconds = float(rng.uniform(0.15, 1.4))
    n = int(seconds * sample_rate)
    decay = 10.0 ** (-3.0 * np.linspace(0.0, 1.0, n, dtype=np.float32))
    room = rng.standard_normal((len(sound), n), dtype=np.float32) * decay
    delay = int(rng.uniform(0.0, 0.03) * sample_rate)
    room[:, 1:] = 0.5 * (room[:, 1:] + room[:, :-1])
    room[:, :delay] = 0.0
    room /= np.sqrt(np.square(room).sum(axis=1, keepdims=True)) + 1e-9
    size = _fast_length(sound.shape[1] + n)
    wet = _fft().irfft(_fft().rfft(sound, size, axis=1) * _fft().rfft(room, size, axis=1), size, axis=1)
    return sound + float(rng.uniform(0.08, 0.55)) * wet[:, : sound.shape[1]].astype(np.float32)


def _compressed(sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    drive = float(rng.uniform(1.0, 3.5)) / max(float(np.abs(sound).max()), 1e-6)
    return np.tanh(sound * drive) if rng.random() < 0.7 else np.clip(sound * drive * 0.6, -1.0, 1.0)


def _noise(sound: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """A noise floor 20-55 dB under the sound; sometimes mains hum, sometimes crackle instead."""
    n = sound.shape[1]
    rms = float(np.sqrt(np.mean(np.square(sound)))) + 1e-9
    level = rms * 10.0 ** (-float(rng.uniform(20.0, 55.0)) / 20.0)
    kind = rng.random()
    if kind < 0.15:
        time = np.arange(n, dtype=np.float32) / sample_rate
        mains = rng.choice((50.0, 60.0))
        hum = sum(np.sin(2 * np.pi * mains * k * time) / k for k in (1, 2, 3))
        return (level * hum).astype(np.float32)
    if kind < 0.3:
        crackle = np.zeros((1, n), dtype=np.float32)
        count = rng.poisson(n / sample_rate * rng.uniform(2.0, 25.0))
        crackle[0, rng.integers(0, n, count)] = rng.exponential(8.0 * level + 0.01, count)
        return np.minimum(crackle, 0.5)
    noise = rng.standard_normal((len(sound), n), dtype=np.float32)
    if kind < 0.65:
        noise[:, 1:] = 0.8 * noise[:, :-1] + 0.2 * noise[:, 1:]
    return np.float32(level) * noise


def _codec(sound: np.ndarray, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """There and back through Ogg Vorbis or MP3 at low quality; the delay of the codec is taken out again."""
    import soundfile as sf

    n = sound.shape[1]
    peak = max(float(np.abs(sound).max()), 1e-6)
    kind = "MP3" if rng.random() < 0.5 and sample_rate in (16000, 22050, 24000, 32000, 44100, 48000) else "OGG"
    stream = io.BytesIO()
    sf.write(stream, (sound / peak * 0.9).T, sample_rate, format=kind, compression_level=float(rng.uniform(0.6, 0.95)))
    stream.seek(0)
    decoded = sf.read(stream, dtype="float32", always_2d=True)[0].T * (peak / 0.9)
    out = np.zeros_like(sound)
    size = min(n, decoded.shape[1])
    out[:, :size] = decoded[:, :size]
    return out


@cache
def _fft():
    import scipy.fft

    return scipy.fft


def _fast_length(n: int) -> int:
    return _fft().next_fast_len(n, real=True)
