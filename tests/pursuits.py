"""A catalogue of drawn tracks, and a listener that plays both sides of a pursuit and hears what the catalogue says."""

import random
import re

import numpy as np
import plans
from small_clap import small_clap

from mdialog import seeds, vocab
from mdialog.background import make_background
from mdialog.brief import _LABELS
from mdialog.catalog import Catalog
from mdialog.listener.base import Request
from mdialog.metadata import Metadata
from mdialog.schema import heard_columns, measured_row, track_row
from mdialog.snapshot import unpack
from mdialog.tags import Measured

N = 72
GENRES, MOODS, INSTRUMENTS = ("reggae", "jazz", "techno"), ("calm", "tense"), ("flute", "trumpet", "drums", "cello")
_PART = {label: part for template in _LABELS for part, label in template.items()}


def catalog(folder) -> Catalog:
    """`N` tracks by twelve artists, of three genres that also sound apart, each with two windows and no file."""
    rng, clap = random.Random(2), small_clap()
    directions = np.linalg.qr(np.random.default_rng(0).normal(size=(clap.dim, clap.dim)))[0]
    sample = np.random.default_rng(1).normal(size=(64, clap.dim))
    sample /= np.linalg.norm(sample, axis=1, keepdims=True)
    made = Catalog.create(folder / "catalog", clap=clap)
    made.set_background(make_background(sample, model_id=clap.model_id, labels=clap.zero_shot.labels))
    tracks, windows = [], []
    for i in range(N):
        genre = i % len(GENRES)
        said = Metadata(title=f"Bluebird {i:02d}", artist=f"Nakamo {i % 12}", genre=(GENRES[genre],))
        bpm, key = (64.0, 100.0, 150.0)[i // 3 % 3], ("C major", "D minor")[i // 9 % 2]
        measured = Measured(
            tempo_bpm=bpm, tempo_confidence=1.0, beat_strength=0.5, key=key, key_confidence=1.0, mode=key.split()[1],
            mode_confidence=1.0, loudness_lufs=-14.0, dynamic_range_db=6.0, brightness_hz=2000.0, onset_rate_hz=2.0,
            percussive_share=0.3, energy=(0.15, 0.85)[i // 4 % 2], energy_curve=(0.1, 0.2), energy_trend=0.0,
        )  # fmt: skip
        heard = {"instrument": rng.sample(INSTRUMENTS, 2), "mood": [rng.choice(MOODS)],
                 "vocal": [rng.choice(("choir", "instrumental"))]}  # fmt: skip
        e = directions[genre] + 0.3 * np.random.default_rng(i).normal(size=clap.dim)
        e = (e / np.linalg.norm(e)).astype(np.float32)
        columns = heard_columns(e, np.zeros(len(clap.zero_shot.labels), np.float32), heard)
        file = {"track_id": f"{i:016x}", "path": f"/nowhere/{i}.flac", "silent": False, "duration_s": 20.0}
        tracks.append(track_row(file, said, measured=measured, heard=columns))
        windows += [
            {"track_id": file["track_id"], "index": k, "start_s": 10.0 * k, "end_s": 10.0 * k + 10,
             **measured_row(measured), **columns}
            for k in range(2)
        ]  # fmt: skip
    made.write(tracks, windows)
    return made


def silence(plan, clip):
    assert clip.track_id in plan.tracks
    return np.zeros(16, np.float32)


ANSWERS = {
    "tempo": "It is {} in tempo.", "key": "It is in {}.", "mode": "It is in a {} key.", "metre": "It is in {}.",
    "energy": "The energy is {}.", "genre": "This is {}.", "vocal": "There is a {} on it.",
}  # fmt: skip


def told(kind: str, value: str) -> str:
    """A value, said of a track."""
    return "It is instrumental." if value == "instrumental" else ANSWERS[kind].format(value)


class Player(plans.Reader):
    """Both sides of a pursuit.

    Parameters
    ----------
    snapshot : Snapshot
        What it hears.
    deaf : bool
        Says nothing of the sound when asked.
    bad_queries : float in [0, 1]
        Share of its queries that are none.
    """

    model_id = "player@1"

    def __init__(self, snapshot, *, bad: float = 0.2, deaf: bool = False, bad_queries: float = 0.3, on_write=None):
        super().__init__(bad=bad, on_write=on_write)
        self._deaf, self._bad_queries = deaf, bad_queries
        self._values = {}
        for t in range(len(snapshot)):
            values = self._values.setdefault(snapshot.ref(t).title, {})
            for v in unpack(snapshot.rows[t]).tolist():
                values.setdefault(snapshot.values[v][0], []).append(snapshot.values[v][1])

    def _say(self, request, k: int, seed: int) -> str:
        first, *lines = request.messages[-1]["content"][-1]["text"].split("\n")
        said = {_PART[label]: text for label, _, text in (line.partition(": ") for line in lines)}
        if said["do"] == "search":
            return self._query(said["said"], seeds.stdlib(seed, request.id, k))
        if " hears " in request.id:
            return self._hear(said["ask"], re.match('"(.*?)"', said["now"])[1])
        text = "\n".join([first, *(f"{part}: {text}" for part, text in said.items())])
        words = super()._say(Request(request.id, [{"content": [{"text": text}]}]), k, seed)
        if "is one for you" not in words:
            return words
        wishes = [wish.split(" ", 2 if wish.startswith("not ") else 1)[-1] for wish in said.get("new", "").split("; ")]
        return f"{', '.join(filter(None, wishes)).capitalize() or 'More'}? {words}"

    def _query(self, said: str, rng) -> str:
        if rng.random() < self._bad_queries:
            return rng.choice(("Some music for you.", "genre:nothing_like_it", "", "genre:reggae -genre:reggae", "kind:"))
        wishes = re.findall(r"\b(some|no) ([^,.]+)", said)
        kinds = {value: kind.name for kind in vocab.load() for value in kind.names}
        return " ".join(f"{'-' * (word == 'no')}{kinds[value]}:{value.replace(' ', '_')}" for word, value in wishes)

    def _hear(self, ask: str, title: str) -> str:
        if self._deaf:
            return "Hard to say."
        if match := re.match(r"whether (\w+) (.*)", ask):
            return "Yes." if match[2] in self._values[title].get(match[1], ()) else "No, not that."
        return told(ask, self._values[title][ask][0]) if ask in self._values[title] else "Hard to say."
