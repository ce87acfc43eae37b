"""What the composer knows: exact labels of a piece per time span, and of any clip cut from it."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from mdialog import vocab
from mdialog.metadata import EventSpan


@dataclass(frozen=True)
class Span:
    """A section's share of time in which nothing about the arrangement changes.

    Parameters
    ----------
    start_s, end_s : float
    energy : float in [0, 1]
    instruments : tuple of str
        Values of the kind `instrument` that sound, loudest first; ``drums`` among them.
    lead : str or None
        The instrument that carries the melody.
    vocal : {'choir', 'instrumental'}
    """

    start_s: float
    end_s: float
    energy: float
    instruments: tuple[str, ...]
    lead: str | None
    vocal: str


@dataclass(frozen=True)
class ClipLabels:
    """Truth about one clip: values of the vocabulary, or None where the clip has no clear one.

    ``clarity`` says how clearly a listener hears each fact, in [0, 1]: by kind, and by ``instrument:NAME``; what it does
    not hold is clear. The phrase book speaks most of what is clear.
    """

    tempo_bpm: float
    tempo: str
    key: str
    mode: str
    metre: str
    genre: str
    instruments: tuple[str, ...]
    lead: str | None
    vocal: str
    energy: str
    energy_value: float
    course: str | None
    moods: tuple[str, ...]
    themes: tuple[str, ...] = ()
    clarity: Mapping[str, float] = field(default_factory=dict, compare=False, repr=False)

    def clear(self, what: str) -> float:
        """How clearly a kind, or ``instrument:NAME``, is heard."""
        return self.clarity.get(what, 1.0)


@dataclass(frozen=True)
class ClipEvents:
    """Truth about a clip of a scene: what sounds when.

    Parameters
    ----------
    events : tuple of EventSpan
        In the clip's own time.
    duration_s : float
    """

    events: tuple[EventSpan, ...]
    duration_s: float


@dataclass(frozen=True)
class Labels:
    """Truth about a whole piece."""

    tempo_bpm: float
    key: str
    metre: str
    genre: str
    themes: tuple[str, ...]
    spans: tuple[Span, ...]

    @property
    def mode(self) -> str:
        return self.key.split()[1]

    def over(self, start_s: float, end_s: float) -> ClipLabels:
        """Labels of the clip ``start_s <= t < end_s``.

        An instrument counts as sounding if its spans cover at least a quarter of the clip; the lead is the
        one that leads longest. Course compares the energy of the first and last third: a difference of .2
        or more is rising or falling, under .05 level, in between None.
        """
        total = end_s - start_s
        parts = [(s, min(s.end_s, end_s) - max(s.start_s, start_s)) for s in self.spans]
        parts = [(s, d) for s, d in parts if d > 0]
        if not parts:
            raise ValueError(f"clip {start_s}-{end_s} s lies outside the piece's spans")
        covered = sum(d for _, d in parts)
        sounding: dict[str, float] = {}
        leading: dict[str, float] = {}
        voices = 0.0
        for span, d in parts:
            for instrument in span.instruments:
                sounding[instrument] = sounding.get(instrument, 0.0) + d
            if span.lead:
                leading[span.lead] = leading.get(span.lead, 0.0) + d
            voices += d * (span.vocal == "choir")
        energy = sum(s.energy * d for s, d in parts) / covered
        v = vocab.load()
        lead = max(leading, key=leading.get) if leading and max(leading.values()) >= covered / 2 else None
        change = self._energy(end_s - total / 3, end_s) - self._energy(start_s, start_s + total / 3)
        course = "rising" if change >= 0.2 else "falling" if change <= -0.2 else "level" if abs(change) < 0.05 else None
        return ClipLabels(
            tempo_bpm=self.tempo_bpm,
            tempo=v["tempo"].word_for(self.tempo_bpm),
            key=self.key,
            mode=self.mode,
            metre=self.metre,
            genre=self.genre,
            instruments=tuple(i for i, d in sounding.items() if d >= covered / 4),
            lead=lead,
            vocal="choir" if voices >= covered / 4 else "instrumental",
            energy=v["energy"].word_for(energy),
            energy_value=energy,
            course=course,
            moods=moods(mode=self.mode, tempo_bpm=self.tempo_bpm, energy=energy),
            themes=self.themes,
        )

    def _energy(self, start_s: float, end_s: float) -> float:
        parts = [(s.energy, min(s.end_s, end_s) - max(s.start_s, start_s)) for s in self.spans]
        parts = [(e, d) for e, d in parts if d > 0]
        return sum(e * d for e, d in parts) / sum(d for _, d in parts) if parts else 0.0


def moods(*, mode: str, tempo_bpm: float, energy: float) -> tuple[str, ...]:
    """Moods by rule, as composers use the means: valence from mode, arousal from energy and tempo.

    Arousal is ``.65 energy + .35 tempo`` with tempo scaled from 60 to 160 BPM onto 0 to 1. Four bands per
    mode, each with one mood; a value within .03 of a border has both neighbours' moods.
    The valence/arousal reading is Russell's circumplex (1980).
    """
    tempo = min(1.0, max(0.0, (tempo_bpm - 60.0) / 100.0))
    arousal = 0.65 * energy + 0.35 * tempo
    bands = ("calm", "tender", "cheerful", "triumphant") if mode == "major" else (
        "melancholic", "mysterious", "tense", "aggressive")
    edges = (0.3, 0.48, 0.68)
    low = sum(arousal - 0.03 >= edge for edge in edges)
    high = sum(arousal + 0.03 >= edge for edge in edges)
    return tuple(dict.fromkeys((bands[low], bands[high])))


def themes(*, genre: str, moods: tuple[str, ...], energy: float, tempo_bpm: float) -> tuple[str, ...]:
    """Themes by rule: at most three of what people would do to this music, the most fitting first.

    Each theme collects points: 2 for a genre that belongs to it, 1 for a mood that does, 1 for energy and 1 for
    tempo inside its range; those with 4 points or more hold (else the best), in the order of points
    and then of the vocabulary.

    Parameters
    ----------
    genre : str
    moods : tuple of str
        From :func:`moods`, of the whole piece.
    energy : float in [0, 1]
        Mean over the piece.
    tempo_bpm : float
    """
    names = vocab.load()["theme"].names
    points = {name: _points(name, genre=genre, moods=moods, energy=energy, tempo_bpm=tempo_bpm) for name in names}
    holding = [name for name in points if points[name] >= 4] or [max(points, key=points.get)]
    return tuple(sorted(holding, key=lambda name: -points[name])[:3])


def _points(theme: str, *, genre: str, moods: tuple[str, ...], energy: float, tempo_bpm: float) -> int:
    genres, fitting, (low, high), (slow, fast) = _THEMES[theme]
    return 2 * (genre in genres) + any(m in fitting for m in moods) + (low <= energy < high) + (slow <= tempo_bpm < fast)


def suits(theme: str, labels: ClipLabels) -> int:
    """How well a clip suits a theme: the points of :func:`themes` by what the clip itself is, in [0, 5]."""
    return _points(theme, genre=labels.genre, moods=labels.moods, energy=labels.energy_value, tempo_bpm=labels.tempo_bpm)


# Genres, moods, energy and tempo that belong to each theme.
_THEMES = {
    "workout": (("techno", "drum and bass", "metal", "rock", "disco", "hip hop"),
                ("triumphant", "aggressive", "tense"), (0.6, 1.01), (112, 999)),
    "party": (("disco", "funk", "techno", "hip hop", "reggae", "polka"),
              ("cheerful", "triumphant"), (0.5, 1.01), (90, 140)),
    "study": (("ambient", "baroque", "bossa nova", "hip hop"),
              ("calm", "tender", "mysterious"), (0.0, 0.45), (0, 112)),
    "sleep": (("ambient", "folk", "waltz"), ("calm", "melancholic"), (0.0, 0.35), (0, 84)),
    "driving": (("rock", "country", "blues", "techno", "drum and bass"),
                ("cheerful", "tense", "triumphant"), (0.45, 1.01), (96, 999)),
    "dinner": (("jazz", "bossa nova", "baroque", "tango"), ("tender", "calm", "cheerful"), (0.2, 0.6), (70, 130)),
    "cafe": (("bossa nova", "jazz", "folk", "waltz", "reggae"), ("calm", "tender", "cheerful"), (0.0, 0.5), (60, 120)),
    "celebration": (("polka", "waltz", "disco", "country", "folk"), ("triumphant", "cheerful"), (0.45, 1.01), (90, 999)),
    "gaming": (("metal", "drum and bass", "techno", "rock"), ("aggressive", "tense", "mysterious"), (0.6, 1.01), (120, 999)),
    "rainy day": (("blues", "jazz", "ambient", "tango", "folk"),
                  ("melancholic", "mysterious", "tender"), (0.0, 0.5), (0, 100)),
}  # fmt: skip


def random_labels(rng: random.Random, **fixed: object) -> ClipLabels:
    """Labels of a clip that nobody composed: each fact drawn by itself, those in `fixed` given."""
    v = vocab.load()
    bpm, key, energy = rng.uniform(50, 200), rng.choice(v["key"].names), rng.random()
    bpm, key = fixed.pop("tempo_bpm", bpm), fixed.pop("key", key)
    mode = key.split()[1]
    sounding = rng.sample([i for i in v["instrument"].names if i != "drums"], rng.randint(1, 4))
    lead = rng.choice(sounding) if rng.random() < 0.9 else None
    if rng.random() < 0.5:
        sounding.insert(rng.randrange(len(sounding) + 1), "drums")
    fields = dict(
        tempo_bpm=bpm, tempo=v["tempo"].word_for(bpm), key=key, mode=mode, metre=rng.choice(v["metre"].names),
        genre=rng.choice(v["genre"].names), instruments=tuple(sounding), lead=lead, vocal=rng.choice(v["vocal"].names),
        energy=v["energy"].word_for(energy), energy_value=energy, course=rng.choice((None, *v["course"].names)),
        moods=moods(mode=mode, tempo_bpm=bpm, energy=energy),
    )  # fmt: skip
    return ClipLabels(**fields | fixed)
