"""Everything decided about a piece before a note is written: who plays, the form, the harmony, which layer plays when."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mdialog.synth import parts as play
from mdialog.synth.genres import BEATS, Genre, Instrument, instruments
from mdialog.synth.harmony import TONICS, progression

ANY_LEAD = 0.25
"""Share of pieces whose lead is any melodic instrument, so that the genre does not give the lead away."""

CHOIR_SHARE = 0.25
"""Share of pieces with a choir, of artists who do not favour one."""



@dataclass(frozen=True)
class Style:
    """An artist's ways, which bend what the genre would draw.

    Parameters
    ----------
    genres : mapping of genre to weight
    favourites : tuple of str
        Instruments the artist likes as leads.
    accompaniment : tuple of str
        Chordal instruments the artist likes.
    tempo_bias : float in [-1, 1]
        Where in the genre's range the tempi lie.
    minor_bias : float in [-1, 1]
        Added to the genre's share of minor.
    keys : tuple of str
        Tonics the artist returns to; empty for no preference.
    choir : bool
        Whether the artist works with a choir.
    """

    genres: Mapping[str, float] = field(default_factory=dict)
    favourites: tuple[str, ...] = ()
    accompaniment: tuple[str, ...] = ()
    tempo_bias: float = 0.0
    minor_bias: float = 0.0
    keys: tuple[str, ...] = ()
    choir: bool = False


@dataclass(frozen=True)
class Section:
    """One section of the form: its letter (sections of a letter share their tune), place and intensity."""

    letter: str
    start_bar: int
    bars: int
    intensity: float


@dataclass(frozen=True)
class Cast:
    """Who plays what: instrument and program by role."""

    players: Mapping[str, tuple[Instrument, int]]
    kit: int


def weighted(rng: random.Random, weights: Mapping[str, float]) -> str:
    return rng.choices(list(weights), weights=list(weights.values()))[0]


def draw_tempo(rng: random.Random, bounds: tuple[float, float], style: Style) -> float:
    low, high = bounds
    if rng.random() < 0.15:
        # Outliers, so that the genre does not give the tempo away.
        low, high = max(50.0, low * 0.85), min(200.0, high * 1.15)
    place = rng.random()
    if style.tempo_bias:
        place = min(1.0, max(0.0, 0.5 + 0.5 * style.tempo_bias + rng.uniform(-0.35, 0.35)))
    return round(low + (high - low) * place, 1)


def draw_key(rng: random.Random, spec: Genre, style: Style) -> str:
    mode = "minor" if rng.random() < min(0.9, max(0.1, spec.minor + style.minor_bias)) else "major"
    tonic = rng.choice(style.keys) if style.keys and rng.random() < 0.4 else rng.choice(TONICS)
    return f"{tonic} {mode}"


def draw_cast(rng: random.Random, spec: Genre, style: Style, *, lead, accompaniment, choir) -> Cast:
    """Draw players so that no instrument plays two roles."""
    table = instruments()
    has_choir = choir if choir is not None else rng.random() < (0.6 if style.choir else CHOIR_SHARE)
    if lead is None:
        if has_choir and rng.random() < 0.25:
            lead = "choir"
        elif style.favourites and rng.random() < 0.5:
            lead = rng.choice(style.favourites)
        elif rng.random() < ANY_LEAD:
            lead = rng.choice([n for n in table if n not in ("bass", "choir", "synth pad")])
        else:
            lead = weighted(rng, spec.leads)
    used = {lead}
    if accompaniment is None:
        liked = {n: 1.0 for n in style.accompaniment if table[n].chords is not None and n not in used}
        likes = liked and "distorted guitar" not in spec.chords and rng.random() < 0.4
        # Distorted chords belong to their genre even under a distorted lead; all else plays one role only.
        taken = used - {n for n in spec.chords if table[n].power}
        accompaniment = weighted(rng, liked) if likes else _other(rng, spec.chords, taken, fallback="piano")
    used.add(accompaniment)
    bass = _other(rng, spec.bass_instruments, used, fallback="bass")
    used.add(bass)
    players = {"lead": lead, "chords": accompaniment, "bass": bass}
    for role, weights in (("pad", spec.pads), ("second", spec.seconds)):
        if rng.random() < 0.2:
            weights = {n: 1.0 for n, i in table.items() if (i.line if role == "second" else i.sustained and i.chords)}
            weights = {n: w for n, w in weights.items() if n not in ("choir", "distorted guitar", "trumpet")}
        players[role] = _other(rng, weights, used, fallback="strings")
        used.add(players[role])
        if players[role] == "strings" and lead == "strings":
            del players[role]
    if has_choir and lead != "choir":
        players["choir"] = "choir"
    chosen = {}
    for role, name in players.items():
        fixed = {"chords": spec.chord_programs, "lead": spec.lead_programs}.get(role, {})
        programs = spec.basses if name == "bass" else table[name].programs
        program = fixed[name] if name in fixed and rng.random() < 0.8 else rng.choice(programs)
        chosen[role] = (table[name], program)
    return Cast(players=chosen, kit=rng.choice(spec.kits))


def _other(rng: random.Random, weights: Mapping[str, float], used: set[str], *, fallback: str) -> str:
    left = {name: weight for name, weight in weights.items() if name not in used}
    if not left and fallback in used:
        left = {name: 1.0 for name in ("piano", "organ", "strings") if name not in used}
    return weighted(rng, left) if left else fallback


_FORMS = (
    ("iABAC", (-0.35, -0.05, 0.25, 0.0, 0.35)),
    ("iAABo", (-0.3, 0.0, 0.1, 0.35, -0.3)),
    ("ABACA", (-0.1, 0.25, -0.2, 0.35, 0.1)),
    ("AiBAo", (0.1, -0.4, 0.3, 0.2, -0.35)),
    ("iABBC", (-0.4, -0.2, 0.0, 0.2, 0.4)),
    ("BACiB", (0.3, 0.0, -0.2, -0.4, 0.3)),
    ("CBAAo", (0.35, 0.2, 0.0, -0.2, -0.4)),
    ("AABAB", (0.0, 0.0, 0.2, 0.0, 0.2)),
)
"""Sections and how far their intensity lies from the piece's own. `i` and `o` are intro, break and outro."""


def draw_form(rng: random.Random, spec: Genre, *, bar_s: float, duration_s: float) -> list[Section]:
    """Sections of four or eight bars (two for some intros), each 6-20 s where the bars allow it."""
    bars = 4 if 4 * bar_s >= (6.0 if rng.random() < 0.5 else 8.0) else 8
    count = max(2, round(duration_s / (bars * bar_s)))
    letters, offsets = rng.choice(_FORMS)
    base = min(0.9, max(0.12, spec.energy + rng.uniform(-0.28, 0.28)))
    first = rng.randrange(len(letters) - min(count, len(letters)) + 1) if rng.random() < 0.3 else 0
    sections, at = [], 0
    for n in range(count):
        i = (first + n) % len(letters)
        letter = letters[i] if n else letters[first]
        length = 2 if letter == "i" and n == 0 and 2 * bar_s >= 5.0 else bars
        wanted = base + 0.9 * spec.dynamics * offsets[i] + rng.uniform(-0.05, 0.05)
        sections.append(Section(letter, at, length, min(1.0, max(0.02, wanted))))
        at += length
    return sections


def draw_harmony(rng: random.Random, spec: Genre, sections: Sequence[Section], *, tonic, mode, beats) -> list[list[play.Bar]]:
    """Bars of chords for every section; sections of a letter share their progression."""
    chosen = {}
    done = []
    phrase = 0
    for section in sections:
        if section.letter not in chosen:
            kind = "A" if spec.cycle else section.letter
            chosen[section.letter] = chosen.get(kind) or rng.choice(spec.harmony[mode])
        phrases = progression(chosen[section.letter], tonic=tonic, mode=mode)
        bars = []
        for n in range(section.bars):
            if n % 4 == 0 and n:
                phrase += 1
            cycle = phrases[phrase % len(phrases)]
            # A two-bar intro stays on the chords that say the key: the first and the last.
            chords = cycle[n % 4] if section.bars >= 4 else cycle[0] if n == 0 else cycle[-1]
            bars.append(play.Bar(start=(section.start_bar + n) * beats, beats=beats, chords=chords))
        phrase += section.bars >= 4
        done.append(bars)
    last = done[-1][-1]
    home = progression("I" if mode == "major" else "i", tonic=tonic, mode=mode)[0][0]
    done[-1][-1] = play.Bar(start=last.start, beats=last.beats, chords=home)
    return done


def draw_grooves(rng: random.Random, spec: Genre, metre: str) -> dict:
    """The piece's own choice of patterns: each player keeps to one or two."""
    cells = spec.patterns[metre]
    bass = list(cells.bass)
    rng.shuffle(bass)
    light = cells.drums_light or ({"hat": "x" * (2 * BEATS[metre])},)
    return {
        "chords": rng.choice(cells.chords),
        "chords_light": rng.choice(cells.chords_light),
        "bass": bass,
        "melody": cells.melody,
        "busy": cells.busy,
        "drums_light": rng.choice(light),
        "drums": rng.choice(cells.drums or light),
    }


def roles_of(rng: random.Random, spec: Genre, cast: Cast, section: Section, *, drums: bool, last: bool) -> list[str]:
    """Layers of a section: those whose threshold its intensity passes, and the lead where the form has one."""
    x = section.intensity
    roles = ["chords"]
    power = cast.players["chords"][0].power
    if "pad" in cast.players and (x >= spec.layers["pad"] or power):
        roles.append("pad")
    if x >= spec.layers["bass"]:
        roles.append("bass")
    if drums and x >= min(spec.layers["drums"], 0.6):
        roles.append("drums")
    if "second" in cast.players and x >= spec.layers["second"]:
        roles.append("second")
    if "choir" in cast.players and (section.letter in "BC" or x >= 0.5 or rng.random() < 0.3):
        roles.append("choir")
    quiet = section.letter in "io"
    if not quiet or rng.random() < (0.5 if last else 0.3):
        roles.append("lead")
    return roles
