"""Composes a piece from a seed: form, harmony and arrangement of a genre, and the exact labels of what sounds when."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mdialog.errors import InputError
from mdialog.seeds import generator, stdlib
from mdialog.synth import parts as play
from mdialog.synth.arrange import (
    Cast,
    Section,
    Style,
    draw_cast,
    draw_form,
    draw_grooves,
    draw_harmony,
    draw_key,
    draw_tempo,
    roles_of,
    weighted,
)
from mdialog.synth.energy import HARD, ROLE_GAIN, energy
from mdialog.synth.genres import BEATS, Genre, Instrument, genre, instruments
from mdialog.synth.harmony import TONICS, parse_key
from mdialog.synth.labels import Labels, Span, moods, themes

TEMPO_BPM = (40.0, 220.0)
"""Tempi that can be asked for; those drawn lie in 50-200."""



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
    metre = metre or weighted(rng, spec.metres)
    tempo_bpm = tempo_bpm or draw_tempo(rng, spec.tempo_range(metre), style)
    tonic, mode = parse_key(key or draw_key(rng, spec, style))
    cast = draw_cast(rng, spec, style, lead=lead, accompaniment=accompaniment, choir=choir)
    beat_s = 60.0 / tempo_bpm
    sections = draw_form(rng, spec, bar_s=BEATS[metre] * beat_s, duration_s=duration_s)
    harmony = draw_harmony(rng, spec, sections, tonic=tonic, mode=mode, beats=BEATS[metre])
    grooves = draw_grooves(rng, spec, metre)
    tunes = {s.letter: rng.randrange(2**31) for s in sections}
    with_drums = spec.layers["drums"] <= 1.0 if drums is None else drums
    drawn: dict[str, list[np.ndarray]] = {}
    for i, (section, bars) in enumerate(zip(sections, harmony, strict=True)):
        roles = roles_of(rng, spec, cast, section, drums=with_drums, last=i == len(sections) - 1)
        for role in roles:
            notes = _play(rng, role, spec, cast, grooves, section, bars, tonic=tonic, tune=tunes[section.letter])
            if notes:
                drawn.setdefault(role, []).append(np.array(notes, dtype=float))
    end_beat = harmony[-1][-1].start + BEATS[metre]
    _end(drawn, harmony[-1][-1], cast.players["chords"][0])
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


def _end(drawn: dict[str, list[np.ndarray]], last: play.Bar, accompanist: Instrument) -> None:
    """The last bar is one held chord of the tonic: later onsets are dropped, what begins it is held."""
    for role, blocks in drawn.items():
        notes = blocks[-1]
        held = np.abs(notes[:, 0] - last.start) < 1e-6
        if role != "drums":
            notes[held, 1] = np.maximum(notes[held, 1], last.beats * 0.97)
        blocks[-1] = notes[notes[:, 0] < last.start + 1e-6]
    chords = drawn["chords"]
    before = chords[-1][chords[-1][:, 0] < last.start - 1e-6]
    velocity = before[:, 3].mean() if len(before) else 60.0
    final = play.chords([last], "x" + "-" * 11, accompanist, velocity=velocity)
    chords[-1] = np.concatenate([before, np.array(final, dtype=float)])


def _perform(seed: int, drawn: dict, spec: Genre, cast: Cast, *, beat_s: float) -> tuple[Part, ...]:
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
        hard=max((HARD.get(part.instrument, 0.0) for part, _ in played), default=0.0),
    )


def _themes(name: str, mode: str, tempo_bpm: float, spans: Sequence[Span]) -> tuple[str, ...]:
    total = sum(s.end_s - s.start_s for s in spans)
    mean = sum(s.energy * (s.end_s - s.start_s) for s in spans) / total
    found = moods(mode=mode, tempo_bpm=tempo_bpm, energy=mean)
    return themes(genre=name, moods=found, energy=mean, tempo_bpm=tempo_bpm)
