"""Rendered scenes: sound events at known times, alone, in sequence, over each other, over music, with an index of them."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from itertools import count
from pathlib import Path

import numpy as np

from mdialog import vocab
from mdialog.errors import InputError
from mdialog.files import write_text
from mdialog.metadata import EventSpan
from mdialog.seeds import derive, generator
from mdialog.synth.batch import made_rows, read_rows, write_rows
from mdialog.synth.compose import compose
from mdialog.synth.events import LONGEST_S, SHORTEST_S, Event, Take, labels, make_take
from mdialog.synth.labels import Labels
from mdialog.synth.library import SAMPLE_RATE, labels_from
from mdialog.synth.studio import Studio

INDEX = "events.tsv"
SCENES = "scenes.jsonl"
DURATION_S = (10.0, 30.0)
MUSIC_SHARE, NOISE_SHARE = 0.3, 0.45  # the rest has nothing behind the events

TEXTURES = ("rain", "sea", "wind", "fire", "engine", "helicopter", "applause", "cricket")
"""Sounds that go on, and that others can be heard through."""
_GAP_S = 0.3
_PEAK = 0.95
_BANDS = 24
_HEARD_SHARE = 0.6  # of an event's own frames in which it must be the loudest thing in some band


@dataclass(frozen=True)
class Scene:
    """What sounds in a scene.

    Parameters
    ----------
    id : str
        Also the file's name, without ``.flac``; in AudioSet's form, name and start in milliseconds.
    seed : int
    duration_s : float
    layout : {'alone', 'sequence', 'repeated', 'overlap'}
    behind : {'silence', 'noise', 'music'}
    events : tuple of Event
        By their starts.
    music : Labels or None
        Of the music behind, which lasts the whole scene, in the scene's time.
    """

    id: str
    seed: int
    duration_s: float
    layout: str
    behind: str
    events: tuple[Event, ...]
    music: Labels | None = None

    @property
    def spans(self) -> tuple[EventSpan, ...]:
        """The events and the music, as the index has them."""
        music = (EventSpan("music", 0.0, self.duration_s),) if self.music else ()
        return (*music, *(EventSpan(e.label, e.start_s, e.end_s) for e in self.events))


def make_scene(seed: int, *, scene_id: str = "", soundfont: Path | None = None) -> tuple[Scene, np.ndarray]:
    """Draw and render one scene; one in which an event is drowned by the others is drawn anew.

    Parameters
    ----------
    seed : int
        The same seed gives the same scene.
    scene_id : str
    soundfont : Path, optional
        Of the music; the default one if None.

    Returns
    -------
    scene : Scene
    samples : np.ndarray [shape=(2, n), float32]
        At 44.1 kHz, within -1 to 1.
    """
    for attempt in count():
        rng = generator(seed, "scene", attempt)
        duration_s = round(float(rng.uniform(*DURATION_S)), 2)
        layout, placed = _draft(rng, derive(seed, "takes", attempt), duration_s)
        behind, back, music = _behind(rng, derive(seed, "music", attempt), duration_s, soundfont)
        stems = [_stem(take, start_s, level_db, back.shape[1]) for take, start_s, level_db in placed]
        if not _all_heard([*stems, back]):
            continue
        mix = back + sum(stems)
        gain = min(1.0, _PEAK / float(np.abs(mix).max()))
        change_db = 20 * np.log10(gain)
        events = sorted((_event(*row, change_db=change_db) for row in placed), key=lambda e: (e.start_s, e.label))
        return Scene(scene_id, seed, duration_s, layout, behind, tuple(events), music), (mix * gain).astype(np.float32)


Placed = list[tuple[Take, float, float]]  # with its start in seconds and its level in dB


def _draft(rng: np.random.Generator, seed: int, duration_s: float) -> tuple[str, Placed]:
    layout = str(rng.choice(("alone", "sequence", "repeated", "overlap"), p=(0.15, 0.3, 0.2, 0.35)))
    most = min(4, int(duration_s // (SHORTEST_S + _GAP_S)))
    if layout == "overlap":
        return layout, _over(rng, seed, duration_s)
    if layout == "alone":
        names = [str(rng.choice(labels()))]
    elif layout == "repeated":
        lone = [name for name in labels() if name not in TEXTURES]
        names = [str(rng.choice(lone))] * int(rng.integers(2, min(3, most) + 1))
    else:
        names = [str(name) for name in rng.choice(labels(), int(rng.integers(2, most + 1)), replace=False)]
    longest_s = min(LONGEST_S, duration_s / len(names) - 2 * _GAP_S)
    takes = _takes(rng, seed, names, longest_s)
    # What time is left is dealt out between them.
    left = duration_s - sum(map(_length_s, takes)) - _GAP_S * (len(takes) + 1)
    gaps = _GAP_S + left * rng.dirichlet(np.ones(len(takes) + 1))
    starts = np.cumsum(gaps[:-1]) + np.concatenate([[0.0], np.cumsum([_length_s(take) for take in takes])[:-1]])
    levels = rng.uniform(-26.0, -12.0) + rng.uniform(-3.0, 3.0, len(takes))
    return layout, [_limited(*row) for row in zip(takes, starts, levels, strict=True)]


def _over(rng: np.random.Generator, seed: int, duration_s: float) -> Placed:
    """A sound that goes on, and one to three others that begin while it lasts."""
    under = str(rng.choice(TEXTURES))
    others = [name for name in labels() if name != under and (name not in TEXTURES or rng.random() < 0.2)]
    names = [str(name) for name in rng.choice(others, int(rng.choice((1, 2, 3), p=(0.5, 0.35, 0.15))), replace=False)]
    bed = _takes(rng, seed, [under], min(LONGEST_S, duration_s - 2 * _GAP_S))[0]
    start_s = rng.uniform(_GAP_S, duration_s - _GAP_S - _length_s(bed))
    placed = [_limited(bed, start_s, rng.uniform(-32.0, -20.0))]
    for take in _takes(rng, derive(seed, "over"), names, SHORTEST_S + 1.0):
        last_s = min(start_s + _length_s(bed) - 0.5, duration_s - _GAP_S - _length_s(take))
        placed.append(_limited(take, rng.uniform(min(start_s, last_s), last_s), rng.uniform(-20.0, -12.0)))
    return placed


def _takes(rng: np.random.Generator, seed: int, names: list[str], longest_s: float) -> list[Take]:
    """A take of each name; of a name that comes again, half the time the very same one."""
    same = rng.random() < 0.5
    seeds = [derive(seed, 0 if same and len(set(names)) == 1 else i) for i in range(len(names))]
    longest_s = max(SHORTEST_S, longest_s)
    return [make_take(n, s, sample_rate=SAMPLE_RATE, longest_s=longest_s) for n, s in zip(names, seeds, strict=True)]


def _length_s(take: Take) -> float:
    return take.samples.shape[1] / SAMPLE_RATE


def _limited(take: Take, start_s: float, level_db: float) -> tuple[Take, float, float]:
    """With times on whole milliseconds, and no louder than its peaks allow."""
    crest_db = 20 * np.log10(np.abs(take.samples).max())
    return take, round(float(start_s), 3), round(float(min(level_db, -1.0 - crest_db)), 1)


def _stem(take: Take, start_s: float, level_db: float, n: int) -> np.ndarray:
    stem = np.zeros((2, n), np.float32)
    first = round(start_s * SAMPLE_RATE)
    stem[:, first : first + take.samples.shape[1]] = take.samples * np.float32(10 ** (level_db / 20))
    return stem


def _event(take: Take, start_s: float, level_db: float, *, change_db: float) -> Event:
    onsets = tuple(round(start_s + t, 3) for t in take.onsets_s)
    return Event(take.label, start_s, round(start_s + _length_s(take), 3), round(level_db + change_db, 1), onsets)


def _behind(rng: np.random.Generator, seed: int, duration_s: float, soundfont: Path | None):
    """What is heard behind the events: its name, its sound (2, n) and, of music, its labels."""
    n, dice = round(duration_s * SAMPLE_RATE), rng.random()
    if dice < MUSIC_SHARE:
        from mdialog.synth.render import forget, render

        style = str(rng.choice(vocab.load()["genre"].names))
        piece = compose(seed, genre=style, duration_s=duration_s + 8.0)
        if piece.duration_s >= duration_s:
            forget()  # the synthesiser remembers what it played
            sound = render(piece, soundfont=soundfont, sample_rate=SAMPLE_RATE, end_s=duration_s)
            sound *= 10 ** (rng.uniform(-34.0, -24.0) / 20) / np.sqrt(np.square(sound).mean())
            spans = tuple(replace(s, end_s=min(s.end_s, duration_s)) for s in piece.labels.spans if s.start_s < duration_s)
            return "music", sound, replace(piece.labels, spans=spans)
    if dice < MUSIC_SHARE + NOISE_SHARE:
        noise = Studio(rng, SAMPLE_RATE, duration_s).noise(n, 60, 10_000, slope_db=rng.uniform(-5, -2), channels=2)
        return "noise", noise * np.float32(10 ** (rng.uniform(-76.0, -64.0) / 20)), None
    return "silence", np.zeros((2, n), np.float32), None


def _all_heard(stems: list[np.ndarray]) -> bool:
    """Whether every event but the last stem, most of its time, is louder than all else in some band of frequencies."""
    bands = [_bands(stem) for stem in stems]
    total = sum(bands)
    for own in bands[:-1]:
        power = own.sum(axis=1)
        sounding = power > power.max() * 1e-2
        heard = (own >= 0.5 * total) & (own >= 0.05 * power[:, None])
        if heard[sounding].any(axis=1).mean() < _HEARD_SHARE:
            return False
    return True


def _bands(sound: np.ndarray) -> np.ndarray:
    """Power (frames, bands) in frames of 1024 samples."""
    from scipy.fft import rfft

    mono = sound.sum(axis=0)
    frames = mono[: len(mono) // 1024 * 1024].reshape(-1, 1024) * np.hanning(1024).astype(np.float32)
    edges = np.unique(np.geomspace(2, 512, _BANDS + 1).round().astype(int))[:-1]
    return np.add.reduceat(np.square(np.abs(rfft(frames, axis=1)[:, :512])), edges, axis=1)


# --- folders of scenes -----------------------------------------------------------------------------------------------


def write_scenes(
    folder: Path,
    *,
    n: int,
    seed: int,
    soundfont: Path | None = None,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Render scenes with an index in AudioSet-Strong's format, ``events.tsv``, and all that is known in ``scenes.jsonl``.

    The files do not depend on the number of workers; more scenes of a seed begin with the same ones.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    n : int >= 1
    seed : int
    soundfont : Path, optional
        Of the music behind; the default one if None.
    workers : int >= 1, optional
        Processes; one a core if None.
    progress : callable, optional
        Called with the number of scenes done and of all.

    Returns
    -------
    Path
        Of the index.
    """
    if n < 1:
        raise InputError(f"{n} scenes are none; ask for 1 or more")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [(str(folder), seed, i, soundfont) for i in range(n)]
    scenes = made_rows(_write_scene, jobs, workers=workers, progress=progress)
    lines = ["segment_id\tstart_time_seconds\tend_time_seconds\tlabel"]
    for scene in map(_scene, scenes):
        lines += [f"{scene.id}\t{e.start_s:.3f}\t{e.end_s:.3f}\t{e.label}" for e in scene.spans]
    write_rows(folder / SCENES, scenes)
    write_text(folder / INDEX, "\n".join(lines) + "\n")
    return folder / INDEX


def _write_scene(job: tuple[str, int, int, Path | None]) -> dict:
    import soundfile as sf

    folder, seed, index, soundfont = job
    name = f"scene-{seed}-{index:05d}_0"
    scene, sound = make_scene(derive(seed, "scene", index), scene_id=name, soundfont=soundfont)
    path = Path(folder) / f"{name}.flac"
    temporary = path.with_suffix(".part")
    sf.write(temporary, sound.T, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    temporary.replace(path)
    return asdict(scene)


def read_scenes(path: Path) -> dict[str, Scene]:
    """All that is known of written scenes, by their ids.

    Parameters
    ----------
    path : Path
        Of ``scenes.jsonl`` or of its folder.

    Raises
    ------
    InputError
        If there is no such file or a line of it does not parse.
    """
    return {scene.id: scene for scene in read_rows(path, SCENES, _scene, what="a scene", batch="scenes")}


def _scene(row: dict) -> Scene:
    events = tuple(Event(**{**event, "onsets_s": tuple(event["onsets_s"])}) for event in row["events"])
    return Scene(**{**row, "events": events, "music": labels_from(row["music"]) if row["music"] else None})
