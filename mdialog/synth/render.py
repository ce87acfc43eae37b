"""Pieces to sound: General MIDI through a SoundFont, mixed here.

symusic's synthesiser ignores velocity, controllers and releases (measured, 0.5.9: the same RMS at velocity 20 and
120; a note ends within 1 ms of its length), and its quality above 5 is silent for melodic programs. So it only
renders single notes, once each; force, release, level and place in the stereo image are applied when they are mixed.
"""

import importlib.util
from collections import OrderedDict
from functools import cache
from pathlib import Path

import numpy as np

from mdialog.errors import InputError
from mdialog.seeds import stdlib
from mdialog.synth.compose import Part, Piece
from mdialog.synth.energy import ROLE_GAIN
from mdialog.synth.genres import instruments
from mdialog.synth.soundfont import in_tune

QUALITY = 4  # of 0-7; 6 and above are silent

# Sustained sounds are loops of a whole number of samples at the synthesiser's rate: at 32 kHz that mistunes notes of
# the top octave by up to half a semitone, at this rate by a tenth.
_LOOP_RATE_HZ = 44000

_SLOTS_S = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
_GAP_S = 0.25  # between notes on the synthesiser's time line: a note's last samples must not reach the next
_CACHE_BYTES = 192 * 2**20
# Velocities at which samples are taken, each with the cut-off of a soft low-pass: played softly, duller.
_TOUCHES = ((62, 56, 1400.0), (88, 80, 3500.0), (128, 112, None))
_FORCE_EXPONENT = 1.9  # amplitude over velocity; SoundFont's default curve is 2

# Peak level of each drum in the mix at full force, and what replaces one that a kit lacks.
_DRUM_PEAK = {
    36: 0.95, 37: 0.45, 38: 0.8, 39: 0.5, 42: 0.22, 43: 0.6, 44: 0.16, 45: 0.6, 46: 0.3, 47: 0.6, 49: 0.42, 51: 0.24,
    52: 0.4, 54: 0.25, 70: 0.16,
}  # fmt: skip
_DRUM_INSTEAD = {
    37: 75, 75: 38, 39: 38, 70: 82, 82: 42, 54: 42, 52: 49, 51: 42, 49: 46, 46: 42, 44: 42, 43: 45, 47: 45, 45: 36,
}  # fmt: skip
_SILENT_PEAK = 0.012
# An electronic kick left to ring is a bass note of its own, in no key.
_DRUM_RING_S = {36: 0.2, 43: 0.25, 45: 0.25, 47: 0.25, 46: 0.5, 49: 1.6, 51: 0.7, 52: 1.4}


@cache
def default_soundfont() -> Path:
    """The General MIDI SoundFont in pretty_midi's wheel (TimGM6mb, GPL-2), found without importing the package.

    Raises
    ------
    InputError
        If the wheel is not installed or carries none.
    """
    spec = importlib.util.find_spec("pretty_midi")
    path = Path(spec.origin).parent / "TimGM6mb.sf2" if spec and spec.origin else None
    if path is None or not path.is_file():
        raise InputError("no SoundFont: pretty_midi's TimGM6mb.sf2 is missing; install pretty_midi or give a path to one")
    return path


def render(
    piece: Piece,
    *,
    soundfont: Path | None = None,
    sample_rate: int = 44100,
    start_s: float = 0.0,
    end_s: float | None = None,
) -> np.ndarray:
    """Sound of a piece, or of a span of it (which costs only the span).

    The level is the track's own (-14 to -1 dBFS at about its loudest moment, by seed) and the same for every
    span, so that differences between sections remain and a span is a slice of the whole.

    Parameters
    ----------
    piece : Piece
    soundfont : Path, optional
        An SF2 or SF3 file with General MIDI programs; the default one if None.
    sample_rate : int > 0
        In hertz.
    start_s, end_s : float
        Span in seconds; to the end of the piece if None.

    Returns
    -------
    np.ndarray [shape=(2, round((end_s - start_s) * sample_rate)), float32]

    Raises
    ------
    InputError
        If the SoundFont cannot be read or the span lies outside the piece.
    """
    end_s = piece.duration_s if end_s is None else end_s
    if not 0.0 <= start_s < end_s <= piece.duration_s + 1e-6:
        raise InputError(f"span {start_s}-{end_s} s lies outside the piece's 0-{piece.duration_s:.2f} s")
    bank = _bank(str(soundfont or default_soundfont()), sample_rate)
    n = round((end_s - start_s) * sample_rate)
    first = round(start_s * sample_rate)
    # Notes that begin before the span ring into it; the mix is cut from whole notes, so nothing is approximated.
    mix = np.zeros((2, n), dtype=np.float32)
    for part in piece.parts:
        _mix_part(mix, part, bank, first=first)
    mix *= _level(piece)
    return _limit(mix)


def _mix_part(mix: np.ndarray, part: Part, bank: "_Bank", *, first: int) -> None:
    n = mix.shape[1]
    rate = bank.sample_rate
    notes = part.notes
    last_s = (first + n) / rate
    ring = 0.0 if part.is_drum else instruments()[part.instrument].release_s
    length = np.array([_DRUM_RING_S.get(int(p), 0.4) for p in notes[:, 2]]) if part.is_drum else notes[:, 1] + ring
    notes = notes[(notes[:, 0] < last_s) & (notes[:, 0] + length > first / rate)]
    length = length[(part.notes[:, 0] < last_s) & (part.notes[:, 0] + length > first / rate)]
    if not len(notes):
        return
    gain = ROLE_GAIN[part.role] * (notes[:, 3] / 127.0) ** _FORCE_EXPONENT
    left, right = np.sqrt(0.5 * (1 - part.pan)) * np.sqrt(2), np.sqrt(0.5 * (1 + part.pan)) * np.sqrt(2)
    bank.prepare(part, notes, length)
    starts = np.round(notes[:, 0] * rate).astype(int) - first
    for note, start, seconds, g in zip(notes, starts, length, gain, strict=True):
        sound, own = bank.note(part, int(note[2]), int(note[3]), float(seconds))
        size = min(sound.shape[1], int(seconds * rate))
        lo, hi = max(0, -start), min(size, n - start)
        if hi <= lo:
            continue
        piece_of = sound[:, lo:hi] * np.array([[g * own * left], [g * own * right]], dtype=np.float32)
        release = bank.release(size, float(seconds) / 2 if part.is_drum else ring)
        tail = size - len(release)
        if hi > tail:
            piece_of[:, max(0, tail - lo) :] *= release[max(0, lo - tail) : hi - tail]
        mix[:, start + lo : start + hi] += piece_of


class _Bank:
    """Single notes of one SoundFont at one rate, kept while they fit in `_CACHE_BYTES`, least recently used out."""

    def __init__(self, path: str, sample_rate: int) -> None:
        import symusic

        self._over = -(-_LOOP_RATE_HZ // sample_rate)
        with in_tune(Path(path)) as copy:
            try:
                self._synth = symusic.Synthesizer(sf_path=str(copy), sample_rate=sample_rate * self._over, quality=QUALITY)
            except (RuntimeError, ValueError, OSError) as e:
                raise InputError(f"SoundFont {path!r} cannot be read: {e}") from e
        self.sample_rate = sample_rate
        self._notes: OrderedDict[tuple, np.ndarray] = OrderedDict()
        self._bytes = 0
        self._gains: dict[tuple, float] = {}
        self._drums: dict[tuple, tuple[int, float]] = {}
        self._releases: dict[int, np.ndarray] = {}

    def prepare(self, part: Part, notes: np.ndarray, length: np.ndarray) -> None:
        """Render what is not there yet, all in one call: most of a call's cost does not depend on how much it does."""
        wanted = {}
        for pitch, velocity, seconds in zip(notes[:, 2], notes[:, 3], length, strict=True):
            key = self._key(part, int(pitch), int(velocity), float(seconds))
            if key not in self._notes:
                wanted[key] = None
            else:
                self._notes.move_to_end(key)
        for key, sound in zip(wanted, self._sounds(list(wanted)), strict=True):
            self._keep(key, sound)

    def note(self, part: Part, pitch: int, velocity: int, seconds: float) -> tuple[np.ndarray, float]:
        """A note's sound, shape (2, at least `seconds` long), and the gain that brings its patch to a common level."""
        key = self._key(part, pitch, velocity, seconds)
        if key not in self._notes:
            # Pushed out by the part's own other notes.
            self._keep(key, self._sounds([key])[0])
        if part.is_drum:
            return self._notes[key], _DRUM_PEAK[pitch] / self._drum(part.program, pitch)[1]
        return self._notes[key], self._patch_gain(part)

    def release(self, size: int, ring_s: float) -> np.ndarray:
        """The fade at a note's end, shape (samples,)."""
        length = min(size, max(64, int(ring_s * self.sample_rate)))
        if length not in self._releases:
            self._releases[length] = (10.0 ** (-2.2 * np.linspace(0, 1, length)) * np.linspace(1, 0, length) ** 0.3).astype(
                np.float32)
        return self._releases[length]

    def _key(self, part: Part, pitch: int, velocity: int, seconds: float) -> tuple:
        pitch = self._drum(part.program, pitch)[0] if part.is_drum else pitch
        touch = next(i for i, (below, _, _) in enumerate(_TOUCHES) if velocity < below)
        slot = next((s for s in _SLOTS_S if seconds <= s), _SLOTS_S[-1])
        return part.is_drum, part.program, pitch, 2 if part.is_drum else touch, slot

    def _keep(self, key: tuple, sound: np.ndarray) -> None:
        self._notes[key] = sound
        self._bytes += sound.nbytes
        while self._bytes > _CACHE_BYTES and len(self._notes) > 1:
            _, old = self._notes.popitem(last=False)
            self._bytes -= old.nbytes

    def _sounds(self, keys: list[tuple]) -> list[np.ndarray]:
        """Sounds of keys, rendered one after the other on one time line."""
        import symusic

        if not keys:
            return []
        score = symusic.Score(480).to("second")
        starts, at = [], 0.0
        tracks: dict[tuple, list[tuple]] = {}
        for is_drum, program, pitch, touch, slot in keys:
            starts.append(at)
            tracks.setdefault((is_drum, program), []).append((at, slot, pitch, _TOUCHES[touch][1]))
            at += slot + _GAP_S
        for (is_drum, program), rows in tracks.items():
            track = symusic.Track(program=program, is_drum=is_drum, name="", ttype="second")
            t, d, p, v = zip(*rows, strict=True)
            track.notes = symusic.Note.from_numpy(
                np.array(t, np.float32), np.array(d, np.float32), np.array(p, np.int8), np.array(v, np.int8), "second")
            score.tracks.append(track)
        sound = self._decimated(self._synth.render(score, stereo=True))
        found = []
        for (_, _, _, touch, slot), start in zip(keys, starts, strict=True):
            lo = round(start * self.sample_rate)
            size = round(slot * self.sample_rate)
            one = np.zeros((2, size), dtype=np.float32)
            cut = sound[:, lo : lo + size]
            one[:, : cut.shape[1]] = cut
            found.append(self._dulled(one, _TOUCHES[touch][2]))
        return found

    def _decimated(self, sound: np.ndarray) -> np.ndarray:
        if self._over == 1:
            return sound
        from scipy.signal import firwin, upfirdn

        taps = firwin(12 * self._over + 1, 0.9 / self._over).astype(np.float32)
        sound = upfirdn(taps, np.ascontiguousarray(sound), down=self._over, axis=1)
        return sound[:, 6:]  # the filter's delay

    def _dulled(self, sound: np.ndarray, cutoff_hz: float | None) -> np.ndarray:
        if cutoff_hz is None:
            return sound
        from scipy.signal import lfilter

        a = np.float32(np.exp(-2 * np.pi * cutoff_hz / self.sample_rate))
        return lfilter([np.float32(1 - a)], [np.float32(1), -a], sound, axis=1).astype(np.float32)

    def _patch_gain(self, part: Part) -> float:
        """Patches of one SoundFont differ by 20 dB: bring each to RMS .1 over a note in the middle of its range."""
        key = (False, part.program)
        if key not in self._gains:
            low, high = instruments()[part.instrument].lead
            middle = [round(low + (high - low) * share) for share in (0.25, 0.5, 0.75)]
            sounds = self._sounds([(False, part.program, pitch, 2, 0.5) for pitch in middle])
            rms = max(float(np.sqrt(np.mean(np.square(s)))) for s in sounds)
            self._gains[key] = 0.1 / max(rms, 0.004)
        return self._gains[key]

    def _drum(self, kit: int, pitch: int) -> tuple[int, float]:
        """The pitch that sounds as a drum in a kit (another where the kit lacks it), and its peak."""
        key = (True, kit, pitch)
        if key not in self._drums:
            peak = float(np.abs(self._sounds([(True, kit, pitch, 2, 0.5)])[0]).max())
            found = (pitch, max(peak, _SILENT_PEAK))
            if peak < _SILENT_PEAK and pitch in _DRUM_INSTEAD:
                found = self._drum(kit, _DRUM_INSTEAD[pitch])
            self._drums[key] = found
        return self._drums[key]


@cache
def _bank(path: str, sample_rate: int) -> _Bank:
    return _Bank(path, sample_rate)


def forget() -> None:
    """Close all SoundFonts, so that the next render depends on nothing rendered before.

    The synthesiser keeps state: patches that share samples (a choir and a synth voice, two organs) differ a little in
    the beating of their layers with which of them played a pitch first. Nothing that labels speak of changes, but
    files that are to be equal bit by bit must each start afresh.
    """
    _bank.cache_clear()


def _level(piece: Piece) -> float:
    """Gain that puts the expected peak of the loudest section at the track's own level.

    Estimated from the notes (power of all that sounds in half a second), so that a span needs no other span.
    """
    power = np.zeros(int(piece.duration_s * 2) + 2)
    for part in piece.parts:
        amplitude = ROLE_GAIN[part.role] * (part.notes[:, 3] / 127.0) ** _FORCE_EXPONENT
        amplitude *= 0.25 if part.is_drum else 0.1
        first = (part.notes[:, 0] * 2).astype(int)
        last = ((part.notes[:, 0] + np.minimum(part.notes[:, 1], 4.0)) * 2).astype(int)
        for k in range(int((last - first).max()) + 1):
            on = first + k <= last
            np.add.at(power, np.minimum(first[on] + k, len(power) - 1), amplitude[on] ** 2)
    loudest = float(np.sqrt(np.quantile(power, 0.95)))
    wanted_db = stdlib(piece.seed, "level").uniform(-14.0, -1.0)
    return 10.0 ** (wanted_db / 20.0) / max(2.6 * loudest, 1e-3)


def _limit(mix: np.ndarray) -> np.ndarray:
    """Bend what exceeds .8 softly under 1; sample by sample, so that a span stays a slice of the whole."""
    over = np.abs(mix) > 0.8
    if over.any():
        x = mix[over]
        mix[over] = np.sign(x) * (0.8 + 0.19 * np.tanh((np.abs(x) - 0.8) / 0.19))
    return mix
