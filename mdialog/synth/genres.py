"""What makes each genre recognisable, and what each instrument can play: the tables in TOML, read and checked."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from mdialog import vocab
from mdialog.errors import InputError

BEATS = {"4/4": 4, "3/4": 3, "6/8": 2}
"""Beats a bar; the beat of 6/8 is the dotted quarter."""

CHOIR_PROGRAMS = (52, 53, 54)

DRUM_PITCHES = {
    "kick": 36, "rim": 37, "snare": 38, "clap": 39, "hat": 42, "pedal": 44, "tom": 45, "open": 46, "crash": 49,
    "ride": 51, "china": 52, "tambourine": 54, "shaker": 70,
}  # fmt: skip


@dataclass(frozen=True)
class Instrument:
    """How the composer uses an instrument (or the choir).

    Parameters
    ----------
    name : str
    programs : tuple of int in [0, 127]
    lead : (int, int)
        MIDI range of a melody.
    chords : int or None
        Centre of its chords; None if it plays none.
    power : bool
        Its chords are root and fifth only (a third would drown in the distortion).
    sustained, line : bool
        Held notes keep sounding; plays held counter-lines well.
    release_s : float
    """

    name: str
    programs: tuple[int, ...]
    lead: tuple[int, int]
    chords: int | None = None
    power: bool = False
    sustained: bool = False
    line: bool = False
    release_s: float = 0.1


@dataclass(frozen=True)
class Patterns:
    """One-bar step patterns of a genre in one metre (notation: see ``genres.toml``)."""

    chords: tuple[str, ...]
    chords_light: tuple[str, ...]
    bass: tuple[str, ...]
    melody: tuple[str, ...]
    busy: tuple[str, ...]
    drums_light: tuple[Mapping[str, str], ...] = ()
    drums: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True)
class Genre:
    """Rhythm, harmony, instrumentation and form of a genre.

    Parameters
    ----------
    metres : mapping of metre to weight
    tempo : (float, float)
        Usual range in beats a minute; `metre_tempo` overrides it for a metre.
    minor : float in [0, 1]
        Share of pieces in minor.
    energy : float in [0, 1]
        Centre of the intensity of its sections; `dynamics` scales how far they range.
    layers : mapping of role to float
        Intensity from which the layer plays; above 1 never.
    leads, chords, pads, seconds : mapping of instrument to weight
    harmony : mapping of mode to progressions
    patterns : mapping of metre to Patterns
    swing, swing16 : float in [0.5, 0.7]
    cycle : bool
        The phrases of a progression follow each other (twelve-bar form) instead of one repeating.
    tight : bool
        Played by machines: next to no deviation in time.
    """

    name: str
    metres: Mapping[str, float]
    tempo: tuple[float, float]
    minor: float
    energy: float
    layers: Mapping[str, float]
    leads: Mapping[str, float]
    chords: Mapping[str, float]
    pads: Mapping[str, float]
    seconds: Mapping[str, float]
    basses: tuple[int, ...]
    kits: tuple[int, ...]
    harmony: Mapping[str, tuple[str, ...]]
    patterns: Mapping[str, Patterns]
    metre_tempo: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    bass_instruments: Mapping[str, float] = field(default_factory=lambda: {"bass": 1.0})
    chord_programs: Mapping[str, int] = field(default_factory=dict)
    lead_programs: Mapping[str, int] = field(default_factory=dict)
    dynamics: float = 1.0
    swing: float = 0.5
    swing16: float = 0.5
    cycle: bool = False
    tight: bool = False

    def tempo_range(self, metre: str) -> tuple[float, float]:
        """Usual tempi in beats a minute in `metre`."""
        return tuple(self.metre_tempo.get(metre, self.tempo))


def _table(name: str) -> dict:
    return tomllib.loads(files(__package__).joinpath(name).read_text(encoding="utf-8"))


@cache
def instruments() -> dict[str, Instrument]:
    """Every instrument of the vocabulary but drums, and ``choir``, by name."""
    table = {name.replace("-", " "): row for name, row in _table("instruments.toml").items()}
    programs = {value.name: value.programs for value in vocab.load()["instrument"].values if value.programs}
    programs["choir"] = CHOIR_PROGRAMS
    return {name: Instrument(name=name, programs=programs[name], **_tuples(table[name])) for name in programs}


@cache
def genres() -> dict[str, Genre]:
    """Every genre of the vocabulary by name."""
    table = _table("genres.toml")
    return {name: _genre(name, table[name]) for name in vocab.load()["genre"].names}


def genre(name: str) -> Genre:
    """One genre.

    Raises
    ------
    InputError
        If the vocabulary has no such genre.
    """
    if name not in genres():
        raise InputError(f"genre {name!r} is not one the composer knows; choose one of: {', '.join(genres())}")
    return genres()[name]


def _genre(name: str, row: dict) -> Genre:
    row = dict(row)
    row["harmony"] = {mode: tuple(progressions) for mode, progressions in row["harmony"].items()}
    row["patterns"] = {metre: Patterns(**_tuples(cells)) for metre, cells in row["patterns"].items()}
    return Genre(name=name, **_tuples(row))


def _tuples(row: dict) -> dict:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in row.items()}
