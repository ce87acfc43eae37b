"""What sounds are made of: shaped noise, tones after a course, struck bodies, grains, envelopes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.fft import irfft, next_fast_len, rfftfreq
from scipy.signal import lfilter

TABLE = 4096
_NOISE_S = 6.0  # longer noise repeats itself: nobody hears a period of this length


@dataclass(frozen=True)
class Studio:
    """What a sound is made with: chance, sample rate in hertz, and the longest time it may take in seconds."""

    rng: np.random.Generator
    rate: int
    longest_s: float

    def length(self, low_s: float, high_s: float) -> int:
        """Samples of a sound between two lengths, as far as there is time."""
        return round(self.rng.uniform(min(low_s, self.longest_s), min(high_s, self.longest_s)) * self.rate)

    def times(self, counts: tuple[int, int], period_s: float, *, ring_s: float, jitter: float = 0.04) -> np.ndarray:
        """Onsets in seconds at an uneven pace, as many as there is time for before `ring_s`."""
        most = 1 + int((self.longest_s - ring_s) / (period_s * (1 + jitter)))
        count = min(int(self.rng.integers(counts[0], counts[1] + 1)), max(1, most))
        steps = period_s * (1 + jitter * self.rng.uniform(-1, 1, max(0, count - 1)))
        return np.concatenate([[0.0], np.cumsum(steps)])

    def noise(self, n: int, low_hz: float, high_hz: float, *, slope_db: float = 0.0, channels: int = 1) -> np.ndarray:
        """Noise (channels, n) of RMS 1 between two soft edges, `slope_db` louder each octave; (n,) for one channel."""
        size = next_fast_len(min(max(n, 64), round(_NOISE_S * self.rate)), real=True)
        hertz = np.maximum(rfftfreq(size, 1 / self.rate), 1.0).astype(np.float32)
        gain = (hertz / 1000) ** (slope_db / 6.02) / np.sqrt((1 + (low_hz / hertz) ** 4) * (1 + (hertz / high_hz) ** 8))
        # Parts of the spectrum need not be Gaussian for their sum to be; raw bits come ten times as fast.
        bits = np.frombuffer(self.rng.bytes(4 * channels * len(gain)), np.int16).astype(np.float32)
        gain *= size / np.sqrt(4 * np.square(gain).sum()) * (np.sqrt(3) / 32768)
        sound = irfft(bits.view(np.complex64).reshape(channels, -1) * gain, size, axis=1)
        if size < n:
            sound = np.tile(sound, (1, -(-n // size)))
        sound = np.ascontiguousarray(sound[:, :n])
        return sound if channels > 1 else sound[0]

    def curve(self, n: int, every_s: float, low: float, high: float) -> np.ndarray:
        """A random course (n,) between two values, a new direction about every so many seconds."""
        return stretched(self.rng.uniform(low, high, max(2, round(n / self.rate / every_s) + 2)), n)

    def wave(self, hertz: np.ndarray, partials: Sequence[float]) -> np.ndarray:
        """A tone (n,) of RMS 1 whose frequency follows a course; `partials` are amplitudes of its harmonics."""
        heard = [(k, a) for k, a in enumerate(partials, 1) if k * hertz.max() < 0.45 * self.rate]
        turn = np.arange(TABLE) * (2 * np.pi / TABLE)
        table = sum(a * np.sin(k * turn + self.rng.uniform(0, 6.28)) for k, a in heard)
        return self.cycles(hertz, table / np.sqrt(np.square(table).mean()))

    def cycles(self, hertz: np.ndarray, *tables: np.ndarray) -> np.ndarray:
        """Tables (4096,), each played once a cycle, as sounds (tables, n); (n,) for one."""
        phase = np.cumsum(hertz, dtype=np.float64)
        phase *= TABLE / self.rate
        at = phase.astype(np.int64) & (TABLE - 1)
        played = [table.astype(np.float32)[at] for table in tables]
        return played[0] if len(tables) == 1 else np.stack(played)

    def modes(self, hertz: Sequence[float], t60_s: Sequence[float], gains: Sequence[float], n: int) -> np.ndarray:
        """A struck body (n,): decaying sines, each from a two-pole resonator."""
        impulse = np.zeros(n, dtype=np.float64)
        impulse[0] = 1.0
        sound = np.zeros(n)
        for f, t60, gain in zip(hertz, t60_s, gains, strict=True):
            if f < 0.45 * self.rate:
                r, turn = 10 ** (-3 / (t60 * self.rate)), 2 * np.pi * f / self.rate
                sound += gain * lfilter([np.sin(turn)], [1, -2 * r * np.cos(turn), r * r], impulse)
        return sound.astype(np.float32)

    def burst(self, low_hz: float, high_hz: float, t60_s: float) -> np.ndarray:
        """Decaying noise (n,), as long as its decay."""
        n = max(64, round(t60_s * self.rate))
        return self.noise(n, low_hz, high_hz) * self.decay(n, t60_s)

    def decay(self, n: int, t60_s: float) -> np.ndarray:
        return (10 ** (-3 * np.arange(n) / (t60_s * self.rate))).astype(np.float32)

    def strewn(self, n: int, grains: Sequence[np.ndarray], at_s: np.ndarray, gains: np.ndarray) -> np.ndarray:
        """Grains (each of any of the shapes ``(m,)``), one a time by turns of chance, summed in (n,)."""
        sound = np.zeros(n, dtype=np.float32)
        which = self.rng.integers(len(grains), size=len(at_s))
        for start, kind, gain in zip((at_s * self.rate).astype(int).tolist(), which.tolist(), gains.tolist(), strict=True):
            grain = grains[kind][: n - start]
            sound[start : start + len(grain)] += gain * grain
        return sound

    def repeated(self, strokes: Sequence[np.ndarray], onsets: np.ndarray, *, uneven_db: float = 2.0) -> np.ndarray:
        """Strokes by turns at the onsets, each a little louder or softer."""
        n = round(onsets[-1] * self.rate) + max(map(len, strokes)) + round(0.1 * self.rate)
        sound = np.zeros(n, dtype=np.float32)
        for i, start in enumerate((onsets * self.rate).round().astype(int)):
            stroke = strokes[i % len(strokes)]
            sound[start : start + len(stroke)] += stroke * 10 ** (self.rng.uniform(-uneven_db, 0) / 20)
        return sound

    def shaped(self, n: int, attack_s: tuple[float, float], release_s: tuple[float, float]) -> np.ndarray:
        return faded(n, self.rate, self.rng.uniform(*attack_s), self.rng.uniform(*release_s))


def stretched(points: np.ndarray, n: int) -> np.ndarray:
    """A course (n,) that goes through points of equal distance in straight lines."""
    points = np.asarray(points, dtype=np.float32)
    step = -(-n // (len(points) - 1))
    ramp = np.arange(step, dtype=np.float32) / step
    return (points[:-1, None] + np.diff(points)[:, None] * ramp).ravel()[:n]


def faded(n: int, rate: int, attack_s: float, release_s: float) -> np.ndarray:
    """An envelope (n,) that rises and falls as a raised cosine."""
    shape = np.ones(n, dtype=np.float32)
    a, r = min(n // 2, round(attack_s * rate)), min(n // 2, round(release_s * rate))
    shape[:a] = 0.5 - 0.5 * np.cos(np.pi * np.arange(a) / max(a, 1))
    shape[n - r :] = (0.5 - 0.5 * np.cos(np.pi * np.arange(r) / max(r, 1)))[::-1]
    return shape


def panned(sound: np.ndarray, pan: float) -> np.ndarray:
    """Mono to (2, n) at a place from -1 (left) to 1."""
    return np.stack([sound * np.sqrt((1 - pan) / 2), sound * np.sqrt((1 + pan) / 2)]).astype(np.float32)


def reflected(sound: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """With a few early reflections: a place, not a laboratory."""
    out = np.pad(sound, ((0, 0), (0, round(0.06 * rate))))
    n = sound.shape[1]
    for delay_s in rng.uniform(0.006, 0.05, 4):
        start, side = round(delay_s * rate), int(rng.integers(2))
        out[side, start : start + n] += sound[1 - side] * np.float32(rng.uniform(0.05, 0.2) * (1 - 10 * delay_s))
    return out
