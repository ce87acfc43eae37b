"""Composes a piece from a seed: form, harmony and arrangement of a genre, and the exact labels of what sounds when."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mdialog import vocab
from mdialog.errors import InputError
from mdialog.seeds import derive, generator, stdlib
from mdialog.synth import parts as play
from mdialog.synth.genres import BEATS, CHOIR_PROGRAMS, Genre, Instrument, genre, instruments
from mdialog.synth.harmony import TONICS, parse_key, progression
from mdialog.synth.labels import Labels, Span, moods, themes

TEMPO_BPM = (40.0, 220.0)
"""Tempi that can be asked for; those drawn lie in 50-200."""

ANY_LEAD = 0.25
"""Share of pieces whose lead is any melodic instrument, so that the genre does not give the lead away."""

CHOIR_SHARE = 0.26


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
class Part:
    """One player's notes.

    Parameters
    ----------
    role : {'drums', 'bass', 'chords', 'pad', 'second', 'choir', 'lead'}
    instrument : str
        A value of the kind `instrument`, or ``choir``.
    program : int in [0, 127]
        General MIDI program; the kit for drums.
    pan : float in [-1, 1]
    notes : np.ndarray [shape=(n, 4), float64]
        Start and duration in seconds, MIDI pitch, velocity (1-127), sorted by start.
    """

    role: str
    instrument: str
    program: int
    pan: float
    notes: np.ndarray

    @property
    def is_drum(self) -> bool:
        return self.role == "drums"


@dataclass(frozen=True)
class Piece:
    """A composed piece and the truth about it.

    Parameters
    ----------
    seed : int
    parts : tuple of Part
    labels : Labels
    duration_s : float
        With the tail of the last chord.
    bar_s : float
        Length of a bar; the first begins at 0.
    """

    seed: int
    parts: tuple[Part, ...]
    labels: Labels
    duration_s: float
    bar_s: float


@dataclass(frozen=True)
class Section:
    """One section of the form: its letter (sections of a letter share their tune), place and intensity."""

    letter: str
    start_bar: int
    bars: int
    intensity: float


@dataclass(frozen=True)
class _Cast:
    """Who plays what: instrument and program by role."""

    players: Mapping[str, tuple[Instrument, int]]
    kit: int


def compose(
    seed: int,
    *,
    genre: str,
    tempo_bpm: float | None = None,
    key: str | None = None,
    metre: str | None = None,
    lead: str | None = None,
    accompaniment: str | None = None,
    choir: bool | None = None,
    drums: bool | None = None,
    duration_s: float = 45.0,
    style: Style | None = None,
) -> Piece:
    """Compose a piece.

    Parameters
    ----------
    seed : int
        The same arguments give the same piece.
    genre : str
        A value of the kind `genre`.
    tempo_bpm : float in [40, 220], optional
        Beats a minute (of the dotted quarter in 6/8); drawn from the genre's range if None.
    key : str, optional
        One of the 24 keys; drawn evenly if None.
    metre : str, optional
        ``'4/4'``, ``'3/4'`` or ``'6/8'``, if the genre has it.
    lead, accompaniment : str, optional
        Instruments of the melody and of the chords (`lead` may be ``'choir'``).
    choir, drums : bool, optional
        Whether there are any; the dice and the genre decide if None.
    duration_s : float >= 8
        About how long it is: whole sections are played.
    style : Style, optional

    Returns
    -------
    Piece

    Raises
    ------
    InputError
        If an argument is outside its range.
    """
    spec = _spec(genre, tempo_bpm=tempo_bpm, metre=metre, lead=lead, accompaniment=accompaniment, duration_s=duration_s)
    style = style or Style()
    rng = stdlib(seed, "piece", spec.name)
    metre = metre or _weighted(rng, spec.metres)
    tempo_bpm = tempo_bpm or _tempo(rng, spec.tempo_range(metre), style)
    tonic, mode = parse_key(key or _key(rng, spec, style))
    cast = _cast(rng, spec, style, lead=lead, accompaniment=accompaniment, choir=choir)
    beat_s = 60.0 / tempo_bpm
    sections = _form(rng, spec, bar_s=BEATS[metre] * beat_s, duration_s=duration_s)
    harmony = _harmony(rng, spec, sections, tonic=tonic, mode=mode, beats=BEATS[metre])
    grooves = _grooves(rng, spec, metre)
    tunes = {s.letter: rng.randrange(2**31) for s in sections}
    with_drums = spec.layers["drums"] <= 1.0 if drums is None else drums
    drawn: dict[str, list[np.ndarray]] = {}
    for i, (section, bars) in enumerate(zip(sections, harmony, strict=True)):
        roles = _roles(rng, spec, cast, section, drums=with_drums, last=i == len(sections) - 1)
        for role in roles:
            notes = _play(rng, role, spec, cast, grooves, section, bars, tonic=tonic, tune=tunes[section.letter])
            if notes:
                drawn.setdefault(role, []).append(np.array(notes, dtype=float))
    end_beat = harmony[-1][-1].start + BEATS[metre]
    _end(drawn, harmony[-1][-1])
    played = _perform(seed, drawn, spec, cast, beat_s=beat_s)
    duration = end_beat * beat_s + 0.8
    spans = _spans(played, sections, bar_s=BEATS[metre] * beat_s, duration_s=duration)
    name = f"{TONICS[tonic]} {mode}"
    return Piece(
        seed=seed,
        parts=played,
        labels=Labels(
            tempo_bpm=tempo_bpm, key=name, metre=metre, genre=spec.name, spans=spans,
            themes=_themes(spec.name, mode, tempo_bpm, spans),
        ),
        duration_s=duration,
        bar_s=BEATS[metre] * beat_s,
    )  # fmt: skip


def _spec(name: str, *, tempo_bpm, metre, lead, accompaniment, duration_s) -> Genre:
    spec = genre(name)
    if tempo_bpm is not None and not TEMPO_BPM[0] <= tempo_bpm <= TEMPO_BPM[1]:
        raise InputError(f"tempo {tempo_bpm!r} is outside {TEMPO_BPM[0]:.0f}-{TEMPO_BPM[1]:.0f} BPM")
    if metre is not None and metre not in spec.metres:
        raise InputError(f"metre {metre!r} is not one of {name}: {', '.join(spec.metres)}")
    melodic = [n for n in instruments() if n != "bass"]
    if lead is not None and lead not in melodic:
        raise InputError(f"lead {lead!r} is not a melodic instrument; choose one of: {', '.join(melodic)}")
    chordal = [n for n in melodic if instruments()[n].chords is not None]
    if accompaniment is not None and accompaniment not in chordal:
        raise InputError(f"accompaniment {accompaniment!r} plays no chords; choose one of: {', '.join(chordal)}")
    if duration_s < 8.0:
        raise InputError(f"duration {duration_s!r} s is too short for a form; ask for 8 s or more")
    return spec


def _weighted(rng: random.Random, weights: Mapping[str, float]) -> str:
    return rng.choices(list(weights), weights=list(weights.values()))[0]


def _tempo(rng: random.Random, bounds: tuple[float, float], style: Style) -> float:
    low, high = bounds
    if rng.random() < 0.15:
        # Outliers, so that the genre does not give the tempo away.
        low, high = max(50.0, low * 0.85), min(200.0, high * 1.15)
    place = rng.random()
    if style.tempo_bias:
        place = min(1.0, max(0.0, 0.5 + 0.5 * style.tempo_bias + rng.uniform(-0.35, 0.35)))
    return round(low + (high - low) * place, 1)


def _key(rng: random.Random, spec: Genre, style: Style) -> str:
    mode = "minor" if rng.random() < min(0.9, max(0.1, spec.minor + style.minor_bias)) else "major"
    tonic = rng.choice(style.keys) if style.keys and rng.random() < 0.4 else rng.choice(TONICS)
    return f"{tonic} {mode}"


def _cast(rng: random.Random, spec: Genre, style: Style, *, lead, accompaniment, choir) -> _Cast:
    """Draw players so that no instrument plays two roles."""
    table = instruments()
    has_choir = choir if choir is not None else rng.random() < (0.6 if style.choir else CHOIR_SHARE * 0.85)
    if lead is None:
        if has_choir and rng.random() < 0.25:
            lead = "choir"
        elif style.favourites and rng.random() < 0.5:
            lead = rng.choice(style.favourites)
        elif rng.random() < ANY_LEAD:
            lead = rng.choice([n for n in table if n not in ("bass", "choir", "synth pad")])
        else:
            lead = _weighted(rng, spec.leads)
    used = {lead}
    if accompaniment is None:
        liked = {n: 1.0 for n in style.accompaniment if table[n].chords is not None and n not in used}
        likes = liked and "distorted guitar" not in spec.chords and rng.random() < 0.4
        # Distorted chords belong to their genre even under a distorted lead; all else plays one role only.
        taken = used - {n for n in spec.chords if table[n].power}
        accompaniment = _weighted(rng, liked) if likes else _other(rng, spec.chords, taken, fallback="piano")
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
    return _Cast(players=chosen, kit=rng.choice(spec.kits))


def _other(rng: random.Random, weights: Mapping[str, float], used: set[str], *, fallback: str) -> str:
    left = {name: weight for name, weight in weights.items() if name not in used}
    if not left and fallback in used:
        left = {name: 1.0 for name in ("piano", "organ", "strings") if name not in used}
    return _weighted(rng, left) if left else fallback


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


def _form(rng: random.Random, spec: Genre, *, bar_s: float, duration_s: float) -> list[Section]:
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


def _harmony(rng: random.Random, spec: Genre, sections: Sequence[Section], *, tonic, mode, beats) -> list[list[play.Bar]]:
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


def _grooves(rng: random.Random, spec: Genre, metre: str) -> dict:
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


def _roles(rng: random.Random, spec: Genre, cast: _Cast, section: Section, *, drums: bool, last: bool) -> list[str]:
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


def _play(rng, role, spec, cast, grooves, section, bars, *, tonic, tune) -> list[play.Note]:
    x = section.intensity
    velocity = 40.0 + 72.0 * x
    if role == "drums":
        full = x >= spec.layers["drums"] + 0.15
        return play.drums(rng, bars, grooves["drums" if full else "drums_light"], velocity=velocity, fill=full)
    player = cast.players[role][0]
    if role == "bass":
        return play.bass(rng, bars, grooves["bass"], low=player.lead[0] if player.name != "bass" else 28, velocity=velocity)
    if role == "chords":
        pattern = grooves["chords" if x >= 0.38 else "chords_light"]
        return play.chords(bars, pattern, player, velocity=velocity * 0.92)
    if role == "pad":
        return play.pads(bars, centre=player.chords or 62, velocity=velocity * 0.85)
    if role == "choir":
        return play.pads(bars, centre=player.chords, velocity=velocity)
    if role == "second":
        return play.line(bars, player, velocity=velocity * 0.9, upper=True)
    cells = grooves["busy" if x >= 0.6 else "melody"]
    return play.melody(rng, bars, cells, player, tonic=tonic, velocity=velocity * 1.08 + 4, motif=tune)


def _end(drawn: dict[str, list[np.ndarray]], last: play.Bar) -> None:
    """The last bar is one held chord: later onsets are dropped, what begins it is held."""
    for role, blocks in drawn.items():
        notes = blocks[-1]
        after = notes[:, 0] >= last.start + 1e-6
        held = np.abs(notes[:, 0] - last.start) < 1e-6
        if role != "drums":
            notes[held, 1] = np.maximum(notes[held, 1], last.beats * 0.97)
        blocks[-1] = notes[~after]


def _perform(seed: int, drawn: dict, spec: Genre, cast: _Cast, *, beat_s: float) -> tuple[Part, ...]:
    """Beats to seconds: swing, small deviations in time and force."""
    rng = generator(seed, "perform")
    pans = {"drums": 0.0, "bass": 0.0, "lead": 0.0, "choir": 0.0}
    done = []
    for role in ("drums", "bass", "chords", "pad", "second", "choir", "lead"):
        if role not in drawn:
            continue
        notes = np.concatenate(drawn[role])
        start = swung(notes[:, 0], spec) * beat_s
        end = swung(notes[:, 0] + notes[:, 1], spec) * beat_s
        spread = 0.002 if spec.tight else 0.004 if role in ("drums", "bass") else 0.008
        shift = np.clip(rng.normal(0.0, spread, len(notes)), -0.02, 0.02)
        length = np.maximum(end - start, 0.06)
        start = np.maximum(start + shift, 0.0)
        force = np.clip(notes[:, 3] + rng.normal(0.0, 2.0 if spec.tight else 4.0, len(notes)), 12, 127)
        table = np.column_stack([start, length, notes[:, 2], np.round(force)])
        table = table[np.lexsort((table[:, 2], table[:, 0]))]
        pan = pans.get(role, float(rng.uniform(-0.6, 0.6)))
        instrument, program = ("drums", cast.kit) if role == "drums" else (
            cast.players[role][0].name, cast.players[role][1])
        done.append(Part(role=role, instrument=instrument, program=program, pan=pan, notes=table))
    return tuple(done)


def swung(beats: np.ndarray, spec: Genre) -> np.ndarray:
    """Move off-beats late: within each beat (or half beat for `swing16`) the middle goes to the swing point."""
    for ratio, unit in ((spec.swing, 1.0), (spec.swing16, 0.5)):
        # Patterns in twelve steps are in triplets already.
        if ratio == 0.5 or (unit == 1.0 and spec.cycle):
            continue
        whole = np.floor(beats / unit + 1e-9)
        phase = beats / unit - whole
        phase = np.where(phase < 0.5, phase * 2 * ratio, ratio + (phase - 0.5) * 2 * (1 - ratio))
        beats = (whole + phase) * unit
    return beats


ENERGY_WEIGHTS = {"force": 0.34, "drums": 0.2, "density": 0.22, "layers": 0.18, "hard": 0.06}
_HARD = {"distorted guitar": 1.0, "synth lead": 0.6, "brass": 0.6, "electric guitar": 0.3, "organ": 0.3}


def energy(force: float, drums: float, density: float, layers: int, hard: float) -> float:
    """Energy in [0, 1] of a span from what makes its sound energetic.

    A weighted sum (`ENERGY_WEIGHTS`), stretched about its middle so that low, medium and high all occur:

    Parameters
    ----------
    force : float
        Mean velocity of the notes; 45 counts 0, 108 counts 1.
    drums : float in [0, 1]
        0 without drums, .5 without kick or snare, 1 with both.
    density : float
        Different onsets (50 ms) a second; 1 counts 0, 9 counts 1.
    layers : int
        Parts that sound, drums not counted; 1 counts 0, 5 counts 1.
    hard : float in [0, 1]
        1 with distorted guitar, less with other piercing instruments.
    """
    w = ENERGY_WEIGHTS
    value = (
        w["force"] * _unit(force, 45.0, 108.0)
        + w["drums"] * drums
        + w["density"] * _unit(density, 1.0, 9.0)
        + w["layers"] * _unit(layers, 1, 5)
        + w["hard"] * hard
    )
    return round(_unit(value, 0.08, 0.97), 3)


def _unit(x: float, low: float, high: float) -> float:
    return min(1.0, max(0.0, (x - low) / (high - low)))


def _spans(parts: Sequence[Part], sections: Sequence[Section], *, bar_s: float, duration_s: float) -> tuple[Span, ...]:
    """The truth about every section, read off the notes that are played in it."""
    spans = []
    for i, section in enumerate(sections):
        start = section.start_bar * bar_s
        end = (section.start_bar + section.bars) * bar_s
        # Notes are counted by their onset; a few milliseconds early still belong to the section.
        inside = [(p, p.notes[(p.notes[:, 0] >= start - 0.03) & (p.notes[:, 0] < end - 0.03)]) for p in parts]
        inside = sorted(((p, n) for p, n in inside if len(n)), key=_loudness, reverse=True)
        names = [p.instrument for p, _ in inside]
        leads = [p.instrument for p, _ in inside if p.role == "lead"]
        span = Span(
            start_s=round(start, 4),
            end_s=round(duration_s if i == len(sections) - 1 else end, 4),
            energy=_span_energy(inside, end - start),
            instruments=tuple(dict.fromkeys(n for n in names if n != "choir")),
            lead=leads[0] if leads and leads[0] != "choir" else None,
            vocal="choir" if "choir" in names else "instrumental",
        )
        spans.append(span)
    return tuple(spans)


ROLE_GAIN = {"lead": 1.0, "choir": 0.8, "bass": 0.7, "drums": 0.7, "chords": 0.45, "second": 0.5, "pad": 0.35}
"""Level of a role in the mix, before velocity; the renderer uses the same."""


def _loudness(played: tuple[Part, np.ndarray]) -> float:
    part, notes = played
    return ROLE_GAIN[part.role] * float(np.sum(notes[:, 1] * (notes[:, 3] / 127.0) ** 2))


def _span_energy(played: list[tuple[Part, np.ndarray]], length_s: float) -> float:
    every = np.concatenate([notes for _, notes in played])
    hit = {int(pitch) for part, notes in played if part.is_drum for pitch in notes[:, 2]}
    return energy(
        force=float(every[:, 3].mean()),
        drums=1.0 if 36 in hit and hit & {37, 38, 39} else 0.5 if hit else 0.0,
        density=len(np.unique(np.round(every[:, 0] / 0.05))) / length_s,
        layers=sum(not part.is_drum for part, _ in played),
        hard=max((_HARD.get(part.instrument, 0.0) for part, _ in played), default=0.0),
    )


def _themes(name: str, mode: str, tempo_bpm: float, spans: Sequence[Span]) -> tuple[str, ...]:
    total = sum(s.end_s - s.start_s for s in spans)
    mean = sum(s.energy * (s.end_s - s.start_s) for s in spans) / total
    found = moods(mode=mode, tempo_bpm=tempo_bpm, energy=mean)
    return themes(genre=name, moods=found, energy=mean, tempo_bpm=tempo_bpm)
