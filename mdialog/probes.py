"""Probes: rendered clips with known truth and questions about them, to find out how well a listener hears.

The multiple choice follows MuChoMusic (arXiv 2408.01337): one right option and wrong ones of graded closeness, in those of
its categories that sound alone can answer. The right options of a category are spread as evenly as the music allows, and
so are their letters, so that little is won by guessing.
"""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np

from mdialog import seeds, vocab
from mdialog.claims import ENERGY_TOLERANCE, TEMPO_TOLERANCE
from mdialog.errors import InputError
from mdialog.synth.compose import Piece, compose
from mdialog.synth.genres import genres
from mdialog.synth.harmony import TONICS, parse_key
from mdialog.synth.labels import ClipLabels

CLIP_S = 10.0
SOUNDS = ("real", "another", "noise", "silence")
ITEMS_A_CLIP = 4
RENDER_RATE_HZ = 48_000  # whatever the listener takes, so that all hear the same
_POOL = 3  # pieces composed for each clip that is used: the more, the more evenly answers are spread
_KEPT = 256  # rendered clips kept

FAMILIES = {
    "keyboards": ("piano", "electric piano", "organ", "harpsichord", "accordion"),
    "plucked strings": ("acoustic guitar", "harp", "banjo", "sitar"),
    "electric guitars": ("electric guitar", "distorted guitar"),
    "bowed strings": ("violin", "cello", "strings"),
    "brass": ("trumpet", "brass"),
    "woodwinds": ("saxophone", "clarinet", "oboe", "flute", "recorder"),
    "mallets": ("vibraphone", "marimba", "music box", "steel drums"),
    "synthesizers": ("synth lead", "synth pad"),
    "rhythm": ("bass", "drums"),
}
_MOODS = {"major": ("calm", "tender", "cheerful", "triumphant"), "minor": ("melancholic", "mysterious", "tense", "aggressive")}
_STEP, _BEATS = 1.32, (30.0, 300.0)  # between the tempi of a question, and how far they reach, in beats a minute


@dataclass(frozen=True)
class Probe:
    """Ten seconds of a piece, and the truth about them."""

    piece: Piece
    start_s: float
    labels: ClipLabels


@dataclass(frozen=True)
class Item:
    """One question with its options.

    Parameters
    ----------
    id : str
        ``category-number``.
    category : str
        One of `CATEGORIES`.
    probe, other : int
        Places in the exam's probes: of the clip asked about, and of one for which the right option is wrong.
    options : tuple of str
        Values, in the order in which they are shown.
    right : int
        Place of the right one.
    """

    id: str
    category: str
    probe: int
    other: int
    options: tuple[str, ...]
    right: int

    @property
    def question(self) -> str:
        """The multiple choice as text."""
        category = CATEGORIES[self.category]
        shown = [f"{letter}) {shown_as(category.kind, value)}" for letter, value in zip("ABCD", self.options, strict=False)]
        return "\n".join([f"Listen to the music. {category.question}", *shown, "Answer with the letter alone."])


Choice = tuple[str, list[str]]


@dataclass(frozen=True)
class Category:
    """What is asked about.

    Parameters
    ----------
    aspect : str
        MuChoMusic's name for it.
    kind : str
        Of the vocabulary, as far as options are its values.
    question : str
    stated : str or None
        The word before an option in a list of what is heard; None where there is no such list.
    choose : callable
        Labels and dice to the right value and wrong ones, nearest first; None where the clip has no clear answer.
    negative : bool
        The right option is the one that does not hold.
    """

    aspect: str
    kind: str
    question: str
    stated: str | None
    choose: Callable[[ClipLabels, random.Random], Choice | None]
    negative: bool = False


def shown_as(kind: str, value: str) -> str:
    """An option as a question shows it."""
    if kind == "tempo":
        word = vocab.load()["tempo"][value]
        low, high = word.low, word.high
        span = f"under {high:g}" if low < 0 else f"{low:g} or more" if high == float("inf") else f"{low:g} to {high:g}"
        return f"{value} ({span} beats a minute)"
    if kind == "beats":
        return f"{value} beats a minute"
    if kind == "metre":
        return {"4/4": "four (4/4)", "3/4": "three (3/4)", "6/8": "two, each of three parts (6/8)", "5/4": "five (5/4)"}[value]
    if kind == "course":
        return {"rising": "it builds up", "falling": "it winds down", "level": "it stays about the same"}[value]
    if kind == "vocal":
        return {"choir": "voices sing", "instrumental": "there are no voices"}[value]
    return value


def _others(kind: str, right: str) -> list[str]:
    """Other values of a scale, the nearest first."""
    names = vocab.load()[kind].names
    at = names.index(right)
    return sorted((name for name in names if name != right), key=lambda name: abs(names.index(name) - at))


def _tempo(labels: ClipLabels, rng: random.Random) -> Choice | None:
    word = vocab.load()["tempo"][labels.tempo]
    clear = word.low * (1 + TEMPO_TOLERANCE) <= labels.tempo_bpm < word.high * (1 - TEMPO_TOLERANCE)
    return (labels.tempo, _others("tempo", labels.tempo)) if clear else None


def _beats(labels: ClipLabels, rng: random.Random) -> Choice:
    """Tempi in equal steps, the right one anywhere among them: neither its place nor a doubling gives it away."""
    ladders = [[labels.tempo_bpm * _STEP ** (i - place) for i in range(4)] for place in range(4)]
    ladder = rng.choice([steps for steps in ladders if steps[0] >= _BEATS[0] and steps[-1] <= _BEATS[1]])
    right = str(round(labels.tempo_bpm))
    return right, [value for value in (str(round(bpm)) for bpm in ladder) if value != right]


def _energy(labels: ClipLabels, rng: random.Random) -> Choice | None:
    word = vocab.load()["energy"][labels.energy]
    clear = word.low + ENERGY_TOLERANCE <= labels.energy_value < word.high - ENERGY_TOLERANCE
    return (labels.energy, _others("energy", labels.energy)) if clear else None


def _key(labels: ClipLabels, rng: random.Random) -> Choice:
    """A fifth, a third and a tritone away: they share six, four and two of seven tones."""
    tonic, mode = parse_key(labels.key)
    steps = (rng.choice((5, 7)), rng.choice((3, 9)), 6)
    return labels.key, [f"{TONICS[(tonic + step) % 12]} {mode}" for step in steps]


def _family(instrument: str) -> str | None:
    return next((name for name, members in FAMILIES.items() if instrument in members), None)


def _graded(right: str, sounding: Sequence[str], rng: random.Random) -> list[str] | None:
    """Instruments that do not sound: one of the family of `right`, and two of other families, silent ones last."""
    silent = {name: [i for i in members if i not in sounding] for name, members in FAMILIES.items() if name != "rhythm"}
    own = _family(right)
    near = [i for i in silent.pop(own, []) if i != right]
    absent = [name for name, members in silent.items() if members and not set(FAMILIES[name]) & set(sounding)]
    present = [name for name, members in silent.items() if members and name not in absent]
    if not near or len(absent) < 2:
        return None
    far = rng.sample(absent, 2)
    return [rng.choice(near), rng.choice(silent[rng.choice(present) if present else far[1]]), rng.choice(silent[far[0]])]


def _lead(labels: ClipLabels, rng: random.Random) -> Choice | None:
    wrong = _graded(labels.lead, labels.instruments, rng) if _family(labels.lead or "") else None
    return (labels.lead, wrong) if wrong else None


def _present(labels: ClipLabels, rng: random.Random) -> Choice | None:
    loudest = [i for i in labels.instruments[:3] if _family(i) != "rhythm"]
    right = rng.choice(loudest) if loudest else None
    wrong = _graded(right, labels.instruments, rng) if right else None
    return (right, wrong) if wrong else None


def _absent(labels: ClipLabels, rng: random.Random) -> Choice | None:
    sounding = {_family(i) for i in labels.instruments}
    silent = [i for name, members in FAMILIES.items() if name not in sounding for i in members]
    if len(labels.instruments) < 3 or not silent:
        return None
    return rng.choice(silent), list(labels.instruments[:3])


def _mood(labels: ClipLabels, rng: random.Random) -> Choice:
    """Beside it in the same mode; as lively in the other mode; in the other mode and as far off in liveliness as can be."""
    right = rng.choice(labels.moods)
    own, other = _MOODS[labels.mode], _MOODS["minor" if labels.mode == "major" else "major"]
    at = own.index(right)
    near = min((m for m in own if m not in labels.moods), key=lambda m: abs(own.index(m) - at))
    return right, [near, other[at], other[0 if at >= 2 else 3]]


@cache
def _genres_by_distance(name: str) -> tuple[str, ...]:
    """Other genres, the most alike first: by tempo, energy, drums and who plays."""
    table = genres()
    own = table[name]

    def distance(other) -> float:
        tempo = abs(np.log2(sum(other.tempo) / sum(own.tempo)))
        drums = abs((other.layers["drums"] > 1) - (own.layers["drums"] > 1))
        mine, theirs = {*own.leads, *own.chords}, {*other.leads, *other.chords}
        return 2 * tempo + 2 * abs(other.energy - own.energy) + drums + 1 - len(mine & theirs) / len(mine | theirs)

    return tuple(sorted((other for other in table if other != name), key=lambda other: distance(table[other])))


def _genre(labels: ClipLabels, rng: random.Random) -> Choice:
    ranked = _genres_by_distance(labels.genre)
    return labels.genre, [rng.choice(ranked[:3]), rng.choice(ranked[6:11]), rng.choice(ranked[-4:])]


CATEGORIES = {
    "lead": Category("melody", "instrument", "Which instrument leads, playing the tune?", "lead", _lead),
    "key": Category("harmony", "key", "In which key is it?", "key", _key),
    "mode": Category("harmony", "mode", "Is it in a major or a minor key?", "mode",
                     lambda labels, _: (labels.mode, ["minor" if labels.mode == "major" else "major"])),
    "tempo": Category("metre and rhythm", "tempo", "How fast is it?", "tempo", _tempo),
    "beats": Category("metre and rhythm", "beats", "About how fast is its beat?", None, _beats),
    "metre": Category("metre and rhythm", "metre", "How many beats are there to the bar?", "metre",
                      lambda labels, _: (labels.metre, [m for m in ("4/4", "3/4", "6/8", "5/4") if m != labels.metre])),
    "instrument": Category("instrumentation", "instrument", "Which of these instruments plays?", "instruments", _present),
    "absent": Category("instrumentation", "instrument", "Which of these instruments does not play?", "instruments", _absent,
                       negative=True),
    "vocal": Category("instrumentation", "vocal", "Are there voices?", "vocal", lambda labels, _: (
        labels.vocal, _others("vocal", labels.vocal))),
    "course": Category("structure", "course", "What happens over the course of the clip?", None, lambda labels, _: (
        (labels.course, _others("course", labels.course)) if labels.course else None)),
    "energy": Category("dynamics", "energy", "How much energy does it have?", "energy", _energy),
    "mood": Category("mood", "mood", "Which mood does it have?", "mood", _mood),
    "genre": Category("genre", "genre", "Which genre is it?", "genre", _genre),
}  # fmt: skip


def holds(category: str, value: str, labels: ClipLabels) -> bool:
    """Whether `value` would be a right answer about a clip."""
    kind = CATEGORIES[category].kind
    if category in ("absent", "instrument"):
        return (value in labels.instruments) != CATEGORIES[category].negative
    if category == "lead":
        return value == labels.lead
    if kind == "beats":
        return abs(labels.tempo_bpm / float(value) - 1) <= TEMPO_TOLERANCE
    return value in labels.moods if kind == "mood" else value == getattr(labels, kind)


def draw_probe(seed: int, number: int) -> Probe:
    """Probe `number` of an exam: genres go round; half of the clips lie across the border of two sections."""
    rng = seeds.stdlib(seed, "probe", number)
    names = vocab.load()["genre"].names
    piece = compose(seeds.derive(seed, "piece", number), genre=names[number % len(names)], choir=rng.random() < 0.5)
    last_s = piece.duration_s - CLIP_S - 1.0
    borders = [span.start_s - CLIP_S / 2 for span in piece.labels.spans[1:]]
    borders = [start_s for start_s in borders if 0.0 <= start_s <= last_s]
    start_s = rng.choice(borders) if borders and rng.random() < 0.5 else rng.uniform(0.0, max(0.0, last_s))
    return Probe(piece, start_s, piece.labels.over(start_s, start_s + CLIP_S))


def draw_items(n: int, *, seed: int = 0) -> tuple[list[Probe], list[Item]]:
    """Clips and the questions about them; the same seed and number give the same.

    Parameters
    ----------
    n : int > 0
        Questions, `ITEMS_A_CLIP` to a clip.
    seed : int

    Returns
    -------
    probes : list of Probe
    items : list of Item
        Categories go round.

    Raises
    ------
    InputError
        If `n` is below 1.
    """
    if n < 1:
        raise InputError(f"{n!r} items make no exam; ask for 1 or more")
    n_clips = -(-n // ITEMS_A_CLIP)
    pool = [draw_probe(seed, number) for number in range(max(_POOL * n_clips, 2 * len(genres())))]
    rng = seeds.stdlib(seed, "items")
    asked: Counter = Counter()  # by place in the pool
    answers: dict[str, Counter] = {name: Counter() for name in CATEGORIES}
    drawn: list[tuple[str, int, Choice]] = []
    for i in range(n):
        category = list(CATEGORIES)[i % len(CATEGORIES)]
        done = {place for name, place, _ in drawn if name == category}
        chosen = {place: choice for place, probe in enumerate(pool) if place not in done and asked[place] < ITEMS_A_CLIP
                  and (asked[place] or len(asked) < n_clips)
                  and (choice := _choice(category, probe, pool, rng))}  # fmt: skip
        if not chosen:  # the clips in use are spent for this category: a fresh one
            chosen = {place: choice for place, probe in enumerate(pool) if not asked[place]
                      and (choice := _choice(category, probe, pool, rng))}  # fmt: skip
        place = min(chosen, key=lambda p: (answers[category][chosen[p][0]], -asked[p], rng.random()))
        answers[category][chosen[place][0]] += 1
        asked[place] += 1
        drawn.append((category, place, chosen[place]))
    return _placed(pool, drawn, rng)


def _choice(category: str, probe: Probe, pool: list[Probe], rng: random.Random) -> Choice | None:
    """A question about a probe, if there is one and its right answer is wrong of another one."""
    choice = CATEGORIES[category].choose(probe.labels, rng)
    return choice if choice and any(not holds(category, choice[0], other.labels) for other in pool) else None


def _placed(pool: list[Probe], drawn: list[tuple[str, int, Choice]], rng: random.Random) -> tuple[list[Probe], list[Item]]:
    """Items with their options shuffled, right letters in turn, and a clip for which the right option is wrong."""
    used = list(dict.fromkeys(place for _, place, _ in drawn))
    number = {place: i for i, place in enumerate(used)}
    letters: dict[str, list[int]] = {name: [] for name in CATEGORIES}
    counts: Counter = Counter()
    items = []
    for category, place, (value, wrong) in drawn:
        others = [p for p in used if p != place and not holds(category, value, pool[p].labels)]
        others = others or [p for p in range(len(pool)) if p != place and not holds(category, value, pool[p].labels)]
        other = rng.choice(others)
        number.setdefault(other, len(number))
        if not letters[category]:
            letters[category] = rng.sample(range(len(wrong) + 1), len(wrong) + 1)
        right = letters[category].pop()
        options = rng.sample(wrong, len(wrong))
        options.insert(right, value)
        items.append(Item(f"{category}-{counts[category]:03d}", category, number[place], number[other], tuple(options), right))
        counts[category] += 1
    return [pool[place] for place in number], items


class Sounds:
    """What is played for an item: its clip, another one, noise at the clip's level, silence.

    Parameters
    ----------
    probes : sequence of Probe
    sample_rate : int > 0
        In hertz, of the listener.
    seed : int
        Of the noise.
    """

    def __init__(self, probes: Sequence[Probe], *, sample_rate: int, seed: int = 0):
        self._probes, self._rate, self._seed = probes, sample_rate, seed
        self._clip = lru_cache(maxsize=_KEPT)(self._render)

    def of(self, probe: int, other: int, sound: str) -> np.ndarray:
        """Mono samples, shape ``(round(CLIP_S * sample_rate),)``, float32; `sound` is one of `SOUNDS`."""
        if sound in ("real", "another"):
            return self._clip(probe if sound == "real" else other)
        clip = self._clip(probe)
        if sound == "silence":
            return np.zeros_like(clip)
        noise = seeds.generator(self._seed, "noise", probe).standard_normal(len(clip))
        return (noise * np.sqrt(np.mean(clip.astype(np.float64) ** 2))).astype(np.float32)

    def _render(self, number: int) -> np.ndarray:
        import torch
        import torchaudio

        from mdialog.synth.render import render

        probe = self._probes[number]
        span = {"start_s": probe.start_s, "end_s": probe.start_s + CLIP_S}
        mono = render(probe.piece, sample_rate=RENDER_RATE_HZ, **span).mean(0)
        return torchaudio.functional.resample(torch.from_numpy(mono), RENDER_RATE_HZ, self._rate).numpy()
