"""What each player plays in a section: notes from patterns, chords and dice. Times are in beats here."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from mdialog.synth.genres import DRUM_PITCHES, Instrument
from mdialog.synth.harmony import Chord, nearest, voicing

Note = tuple[float, float, int, float]  # start and length in beats, MIDI pitch, velocity


@dataclass(frozen=True)
class Bar:
    """One bar of harmony: where it starts, how long it is, its chords in equal shares (all in beats)."""

    start: float
    beats: int
    chords: tuple[Chord, ...]

    def chord_at(self, offset: float) -> Chord:
        share = int(offset / self.beats * len(self.chords) + 1e-6)
        return self.chords[min(share, len(self.chords) - 1)]


def steps(pattern: str, beats: int) -> list[tuple[float, float, str]]:
    """Onsets of a one-bar pattern: offset and length in beats, and the character."""
    width = beats / len(pattern)
    found = []
    for i, char in enumerate(pattern):
        if char in ".-":
            continue
        end = i + 1
        while end < len(pattern) and pattern[end] == "-":
            end += 1
        found.append((i * width, (end - i) * width, char))
    return found


def drums(rng: random.Random, bars: Sequence[Bar], groove: dict[str, str], *, velocity: float, fill: bool) -> list[Note]:
    """A groove over bars, with a crash at the start of busy sections and a fill at the end if asked for."""
    notes: list[Note] = []
    for n, bar in enumerate(bars):
        filling = fill and n == len(bars) - 1
        for name, pattern in groove.items():
            if name == "crash" and n % 4:
                continue
            loud = {"hat": 0.78, "ride": 0.82, "shaker": 0.7, "pedal": 0.7, "open": 0.85, "tambourine": 0.8}.get(name, 1.0)
            for offset, _, char in steps(pattern, bar.beats):
                if filling and offset >= bar.beats - 1 and name != "kick":
                    continue
                accent = {"X": 1.12, "g": 0.5}.get(char, 1.0)
                notes.append((bar.start + offset, 0.5, DRUM_PITCHES[name], velocity * loud * accent))
        if filling:
            hits = rng.choice((3, 4)) if bar.beats != 2 else 3
            for i in range(hits):
                pitch = rng.choice((38, 38, 45, 47, 43))
                notes.append((bar.start + bar.beats - 1 + i / hits, 0.4, pitch, velocity * (0.8 + 0.08 * i)))
    return notes


def chords(bars: Sequence[Bar], pattern: str, instrument: Instrument, *, velocity: float) -> list[Note]:
    """Chords or broken chords over bars after a pattern."""
    notes: list[Note] = []
    for bar in bars:
        events = steps(pattern, bar.beats)
        if len(bar.chords) > 1:
            events = _cut(events, [bar.beats * i / len(bar.chords) for i in range(1, len(bar.chords))])
        for offset, length, char in events:
            tones = _tones(bar.chord_at(offset), instrument)
            start = bar.start + offset
            if char == "b":
                low = tones[0] - 12 if tones[0] >= 50 else tones[0]
                notes.append((start, length, low, velocity))
            elif char.isdigit():
                step = int(char)
                pitch = tones[step % len(tones)] + 12 * (step // len(tones))
                # Broken chords ring into each other on instruments that decay.
                ring = length if instrument.sustained else max(length, 1.0)
                notes.append((start, ring, pitch, velocity * (1.05 if step == 0 else 0.95)))
            else:
                loud = velocity * (1.12 if char == "X" else 1.0)
                if len(tones) == 3 and not instrument.power:
                    # The root doubled: a triad's fifth, strong in the root's own overtones, would pass for the tonic.
                    root = bar.chord_at(offset).root
                    tones = sorted({*tones, nearest(root, to=tones[0] - 3), nearest(root, to=tones[-1] + 3)})[-4:]
                notes.extend((start, length * 0.95, pitch, loud) for pitch in tones)
    return notes


def _cut(events: list[tuple[float, float, str]], edges: list[float]) -> list[tuple[float, float, str]]:
    """Held chords sounded again where the harmony changes."""
    done = []
    for offset, length, char in events:
        cuts = [e for e in edges if offset + 1e-6 < e < offset + length - 1e-6]
        points = [offset, *cuts, offset + length]
        done.extend((a, b - a, char) for a, b in zip(points, points[1:], strict=False))
    return done


def _tones(chord: Chord, instrument: Instrument) -> list[int]:
    if not instrument.power:
        return voicing(chord.pitches, centre=instrument.chords)
    root = 40 + (chord.root - 40) % 12
    return [root, root + 7, root + 12]


def pads(bars: Sequence[Bar], *, centre: int, velocity: float) -> list[Note]:
    """Held chords, tones common to the next chord held over within a phrase of four bars."""
    notes: list[Note] = []
    held: dict[int, list[float]] = {}
    for n, bar in enumerate(bars):
        if n % 4 == 0:
            notes.extend((a, b - a, pitch, velocity) for pitch, (a, b) in held.items())
            held.clear()
        width = bar.beats / len(bar.chords)
        for i, chord in enumerate(bar.chords):
            start = bar.start + i * width
            tones = voicing(chord.pitches[:4], centre=centre)
            for pitch in [p for p in held if p not in tones]:
                a, b = held.pop(pitch)
                notes.append((a, b - a, pitch, velocity))
            for pitch in tones:
                held.setdefault(pitch, [start, start])[1] = start + width
    notes.extend((a, b - a, pitch, velocity) for pitch, (a, b) in held.items())
    return sorted(notes)


def bass(rng: random.Random, bars: Sequence[Bar], patterns: Sequence[str], *, low: int, velocity: float) -> list[Note]:
    """A bass line: the root where a bar or a chord begins, the pattern's tones between."""
    notes: list[Note] = []
    for n, bar in enumerate(bars):
        pattern = patterns[0] if n % 4 < 3 else rng.choice(patterns)
        previous = None
        for offset, length, char in steps(pattern, bar.beats):
            chord = bar.chord_at(offset)
            following = bars[n + 1].chords[0] if n + 1 < len(bars) else bars[0].chords[0]
            root = low + (chord.root - low) % 12
            pitch = _bass_pitch(char, root, chord, following, low)
            if chord is not previous:
                pitch, previous = root, chord
            accent = 1.08 if pitch % 12 == chord.root else 0.9
            notes.append((bar.start + offset, length * 0.92, pitch, velocity * accent))
    return notes


def _bass_pitch(char: str, root: int, chord: Chord, following: Chord, low: int) -> int:
    if char == "o":
        return root + 12
    if char == "f":
        return root + 7 if root < low + 7 else root - 5
    if char == "t":
        return root + (chord.pitches[1] - chord.root) % 12
    if char == "s":
        return root + (9 if (root + 9) % 12 in chord.scale else 8 if (root + 8) % 12 in chord.scale else 7)
    if char == "a":
        target = nearest(following.root, to=root)
        return target + (2 if (target + 2) % 12 in chord.scale else 1) if target < root else target - (
            1 if (target - 1) % 12 in chord.scale else 2)
    return root


def melody(
    rng: random.Random,
    bars: Sequence[Bar],
    cells: Sequence[str],
    instrument: Instrument,
    *,
    tonic: int,
    velocity: float,
    motif: int,
) -> list[Note]:
    """A melody in phrases of four bars: two rhythms in the order a-b-a-cadence, chord tones on the beat, steps
    between, the tonic held at the end of each phrase.

    Parameters
    ----------
    motif : int
        Seed of the rhythm and the contour: sections that share it share their tune.
    """
    low, high = instrument.lead
    shape = random.Random(motif)
    first, second = shape.choice(cells), shape.choice(cells)
    centre = low + (high - low) * shape.uniform(0.35, 0.6)
    moves = [shape.choice((-2, -1, -1, 1, 1, 2, 0, 3, -3)) for _ in range(64)]
    pitch = centre + shape.uniform(-3, 3)
    notes: list[Note] = []
    for n, bar in enumerate(bars):
        place = n % 4
        closing = place == 3 or n == len(bars) - 1
        if closing and tonic in bar.chords[-1].pitches:
            pitch = nearest(tonic, to=min(max(pitch, low + 4), high - 4))
            length = bar.beats * rng.choice((0.75, 0.75, 0.95, 0.5))
            notes.append((bar.start, length, _inside(pitch, low, high), velocity))
            continue
        events = steps((first, second, first, second)[place], bar.beats)
        for i, (offset, length, _) in enumerate(events):
            move = moves[((place % 2) * 24 + i) % 64]
            if rng.random() < 0.12:
                move = rng.choice((-1, 1))
            chord = bar.chord_at(offset)
            opening = place == 0 and i == 0
            strong = opening or abs(offset - round(offset)) < 1e-6
            pull = 0.2 * (centre - pitch)
            target = pitch + 1.8 * move + pull
            # Roots and thirds say key and mode; the fifth on the beat is the exception.
            pool = chord.scale if not strong else chord.pitches[:3] if rng.random() < 0.3 else chord.pitches[:2]
            pitch = _inside(min((nearest(p, to=target) for p in pool), key=lambda p: abs(p - target)), low, high)
            accent = 1.05 if strong else 0.95
            notes.append((bar.start + offset, length * 0.95, pitch, velocity * accent))
    return notes


def _inside(pitch: float, low: int, high: int) -> int:
    pitch = round(pitch)
    while pitch < low:
        pitch += 12
    while pitch > high:
        pitch -= 12
    return pitch


def line(bars: Sequence[Bar], instrument: Instrument, *, velocity: float, upper: bool) -> list[Note]:
    """A slow counter-line on the thirds and fifths of the chords, moving as little as it can."""
    low, high = instrument.lead
    pitch = low + (high - low) * (0.55 if upper else 0.3)
    notes: list[Note] = []
    for bar in bars:
        width = bar.beats / len(bar.chords)
        for i, chord in enumerate(bar.chords):
            pool = (chord.pitches[1], chord.pitches[2]) if i == 0 else (chord.pitches[1],)
            pitch = _inside(min((nearest(p, to=pitch) for p in pool), key=lambda p: abs(p - pitch)), low, high)
            notes.append((bar.start + i * width, width * 0.97, pitch, velocity))
    return notes
