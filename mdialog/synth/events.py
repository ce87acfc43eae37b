"""Sounds that are not music, each cut to what is audible of it, so that its times are exact."""

from dataclasses import dataclass

import numpy as np

from mdialog.errors import InputError
from mdialog.metadata import EventSpan
from mdialog.seeds import generator
from mdialog.synth.effects import MAKERS
from mdialog.synth.studio import Studio, faded, panned, reflected

AUDIBLE_DB = 32.0
"""A sound begins and ends where 10 ms of it come within this of its loudest 10 ms."""
_CUT_DB = 27.0  # it is cut a little sooner: what fluctuates would else dip under the other before its end
LONGEST_S = 12.0
SHORTEST_S = 4.0
"""The least that may be asked for as the longest."""

_FRAME_S = 0.01
_FADE_S = 0.02  # after the last frame that is loud enough, which stays as it is
_LOUDEST_S = 0.05  # the level of a sound is that of its loudest 50 ms


@dataclass(frozen=True)
class Event(EventSpan):
    """A sound event of a scene.

    Parameters
    ----------
    label : str
        A value of the kind `event`.
    start_s, end_s : float
        Where it is audible; see ``AUDIBLE_DB``.
    level_db : float
        RMS of its loudest 50 ms, both channels together, in dB below full scale.
    onsets_s : tuple of float
        Begin of each knock, bark, ring …; empty for sounds that are not counted.
    """

    level_db: float
    onsets_s: tuple[float, ...] = ()

    @property
    def count(self) -> int | None:
        """How often it sounds, for what can be counted."""
        return len(self.onsets_s) or None


@dataclass(frozen=True)
class Take:
    """One rendering of a sound, its first sample where it becomes audible and its last where it ceases to be.

    Parameters
    ----------
    label : str
    samples : np.ndarray [shape=(2, n), float32]
        Its loudest 50 ms have an RMS of 1.
    onsets_s : tuple of float
        As in :class:`Event`, from the first sample.
    """

    label: str
    samples: np.ndarray
    onsets_s: tuple[float, ...] = ()


def make_take(label: str, seed: int, *, sample_rate: int = 44_100, longest_s: float = LONGEST_S) -> Take:
    """Render one sound; pitch, pace, length and timbre go by the seed.

    Parameters
    ----------
    label : str
        One of :func:`labels`.
    seed : int
    sample_rate : int >= 16000
        In hertz.
    longest_s : float >= 4

    Raises
    ------
    InputError
        If there is no such sound, or `longest_s` is too short for it.
    """
    if label not in MAKERS:
        raise InputError(f"{label!r} is no sound event that can be made; one of: {', '.join(MAKERS)}")
    if longest_s < SHORTEST_S:
        raise InputError(f"{longest_s:g} s is too short for a sound event; allow {SHORTEST_S:g} s or more")
    rng = generator(seed, "event", label)
    sound, onsets = MAKERS[label](Studio(rng, sample_rate, longest_s))
    if sound.ndim == 1:
        sound = reflected(panned(sound, rng.uniform(-0.7, 0.7)), sample_rate, rng)
    first, end = _audible(sound, sample_rate, round(longest_s * sample_rate))
    sound = sound[:, first:end] * faded(end - first, sample_rate, 0.002, _FADE_S)
    return Take(label, sound / _loudest(sound, sample_rate), tuple(max(0.0, t - first / sample_rate) for t in onsets))


def labels() -> tuple[str, ...]:
    """Sounds that can be made: every value of the kind `event` but music."""
    return tuple(MAKERS)


def _audible(sound: np.ndarray, rate: int, longest: int) -> tuple[int, int]:
    """First sample and end of what is audible."""
    size = round(_FRAME_S * rate)
    power = np.square(sound[:, : sound.shape[1] // size * size]).sum(axis=0).reshape(-1, size).sum(axis=1)
    loud = np.flatnonzero(power >= power.max() * 10 ** (-_CUT_DB / 10))
    first = loud[0] * size
    return first, min((loud[-1] + 1) * size + round(_FADE_S * rate), first + longest, sound.shape[1])


def _loudest(sound: np.ndarray, rate: int) -> float:
    size = round(_LOUDEST_S * rate)
    total = np.concatenate([[0.0], np.cumsum(np.square(sound).mean(axis=0, dtype=np.float64))])
    size = min(size, len(total) - 1)
    return float(np.sqrt((total[size:] - total[:-size]).max() / size))
