"""Keys, scales, chords from Roman numerals, and voicings."""

import re
from dataclasses import dataclass
from functools import cache

from mdialog import vocab
from mdialog.errors import InputError

TONICS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
SCALES = {"major": (0, 2, 4, 5, 7, 9, 11), "minor": (0, 2, 3, 5, 7, 8, 10)}
_NUMERALS = ("I", "II", "III", "IV", "V", "VI", "VII")


@dataclass(frozen=True)
class Chord:
    """A chord of a key.

    Parameters
    ----------
    pitches : tuple of int in [0, 12)
        Pitch classes from the root up.
    scale : tuple of int in [0, 12)
        Pitch classes that a melody over it may use.
    dominant : bool
        Whether it leads to the tonic.
    """

    pitches: tuple[int, ...]
    scale: tuple[int, ...]
    dominant: bool

    @property
    def root(self) -> int:
        return self.pitches[0]


def parse_key(key: str) -> tuple[int, str]:
    """Pitch class of the tonic and mode of a key such as ``'F# minor'`` or ``'Eb major'``.

    Raises
    ------
    InputError
        If it is not one of the 24 keys.
    """
    name = vocab.load().canonical("key", key)
    if name is None:
        raise InputError(f"key {key!r} is not one of the 24 keys; write a tonic and a mode, such as 'F# minor'")
    tonic, mode = name.split()
    return TONICS.index(tonic), mode


@cache
def chord(numeral: str, *, tonic: int, mode: str) -> Chord:
    """The chord that a Roman numeral names in a key.

    Upper case is a major triad, lower case a minor one; ``7`` adds the minor seventh, ``maj7`` the major one.
    Degrees are those of the mode's own scale (natural minor), so ``VI`` in minor is the flat sixth.
    """
    match = re.fullmatch(r"([IV]+|[iv]+)(maj7|7)?", numeral)
    if match is None:
        raise InputError(f"chord {numeral!r} is not a Roman numeral such as I, ii7, V7 or Imaj7")
    degree = _NUMERALS.index(match[1].upper())
    scale = SCALES[mode]
    root = (tonic + scale[degree]) % 12
    third = 4 if match[1].isupper() else 3
    pitches = [root, (root + third) % 12, (root + 7) % 12]
    if match[2]:
        pitches.append((root + (11 if match[2] == "maj7" else 10)) % 12)
    usable = {(tonic + step) % 12 for step in scale}
    # Tones a semitone from the chord's own (the seventh degree under a major V in minor) give way to them.
    usable = {p for p in usable if not any((p - c) % 12 in (1, 11) for c in pitches[:3]) or p in pitches}
    return Chord(tuple(pitches), tuple(sorted(usable | set(pitches))), dominant=degree in (4, 6))


def progression(text: str, *, tonic: int, mode: str) -> list[list[tuple[Chord, ...]]]:
    """Phrases of bars of chords from text such as ``'I|IV|V7|I'`` (``||`` parts phrases, ``,`` chords of a bar)."""
    return [
        [tuple(chord(c.strip(), tonic=tonic, mode=mode) for c in bar.split(",")) for bar in phrase.split("|")]
        for phrase in text.split("||")
    ]


def voicing(pitches: tuple[int, ...], *, centre: int) -> list[int]:
    """Chord tones as MIDI pitches, each the nearest to `centre` from a fourth below, ascending."""
    low = centre - 6
    return sorted(low + (p - low) % 12 for p in pitches)


def nearest(pitch_class: int, *, to: float) -> int:
    """The MIDI pitch of a class nearest to a pitch."""
    base = round(to)
    up = (pitch_class - base) % 12
    return base + up if up <= 6 else base + up - 12
