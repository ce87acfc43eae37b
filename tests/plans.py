"""Plans with sound of their own, and a listener that reads a brief's state as the bundled one does."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import soundfile

from mdialog import seeds
from mdialog.evidence import Witness
from mdialog.plan import Clip, Plan, PlannedTurn, TrackRef
from mdialog.referee import Referee
from mdialog.verdicts import Verifier

NAMES = {"t1": ("Blue Hour", "The Lamps"), "t2": ("River", "Ana Sol"), "t3": ('Don\'t "Stop" Now', "Ötzi & Söhne")}


def tracks(folder: Path) -> dict[str, TrackRef]:
    """Three tracks of 20 s, each a tone of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for i, (track_id, (title, artist)) in enumerate(NAMES.items()):
        path = folder / f"{track_id}.wav"
        if not path.exists():
            tone = 0.3 * np.sin(2 * np.pi * 220 * (i + 1) * np.arange(20 * 8000) / 8000)
            soundfile.write(path, tone, 8000)
        found[track_id] = TrackRef(track_id=track_id, title=title, artist=artist, path=str(path))
    return found


def plan(folder: Path, number: int = 0) -> Plan:
    """Six turns: a request, a recommendation, a reaction with a further wish, a comparison, a retreat, a question."""
    one, two = Clip("t1", 0.0, 10.0), Clip("t2", 10.0, 20.0)
    turns = (
        PlannedTurn("user", ("add_filter", "initial_query"), attributes=("genre:reggae", "~track:t3")),
        PlannedTurn("assistant", ("passive_recommend",), track_seq=("t1",), pool_size=9, clips=(one,)),
        PlannedTurn("user", ("accept_response", "add_filter"), attributes=("tempo:slow",), clips=(one,), liked=("t1",)),
        PlannedTurn("assistant", ("passive_recommend",), track_seq=("t2", "t3"), pool_size=4, clips=(one, two)),
        PlannedTurn(
            "user", ("add_filter", "reject_response", "remove_filter"), attributes=("-instrument:drums",),
            removed=("tempo:slow",), clips=(two,), refused=("t2",),
        ),
        PlannedTurn("assistant", ("detail_attribute_request", "sympathetic_response"), asks=("theme",), pool_size=7),
    )  # fmt: skip
    return Plan(
        id=f"md-{number:06d}", recipe="music-discovery", seed=0,
        persona={"user_manner": "chatty", "assistant_manner": "terse"},
        goal={"attributes": ["genre:reggae", "mood:calm"], "track_ids": ["t2"]},
        turns=turns, tracks=tracks(folder),
    )  # fmt: skip


def looks_ahead(plan: Plan) -> Plan:
    """The plan with the track that is recommended next ahead of the clip of the seeker's third turn."""
    seeker = dataclasses.replace(plan.turns[2], ahead=(Clip("t2", 10.0, 20.0),))
    return dataclasses.replace(plan, turns=(*plan.turns[:2], seeker, *plan.turns[3:]))


WINDOW = {
    "tempo_bpm": 90.0, "tempo_confidence": 1.0, "key": "D minor", "key_confidence": 1.0, "mode": "minor",
    "mode_confidence": 1.0, "energy": 0.5, "energy_trend": 0.0, "brightness_hz": 1500.0, "onset_rate_hz": 3.0,
    "percussive_share": 0.3, "beat_strength": 0.4,
}  # fmt: skip


def window(start_s, **other):
    return {"start_s": start_s, "end_s": start_s + 10.0, "embedding": [1.0, 0.0],
            **{f"measured_{k}": v for k, v in {**WINDOW, **other}.items()}}  # fmt: skip


def referee() -> Referee:
    """Who knows the measured tags of two windows of `t1` and of `t2`."""
    windows = {"t1": [window(0.0), window(10.0, tempo_bpm=170.0)], "t2": [window(0.0), window(10.0, tempo_bpm=125.0)]}
    return Referee(Witness(windows, {"t1": {"meta_title": "Song in E major"}}), Verifier())


class Reader:
    """A listener that says what a brief's state asks for; a share of its candidates is bad on purpose.

    Parameters
    ----------
    bad : float in [0, 1]
    untrue : float in [0, 1]
        Share of offers that say of the sound what is not so.
    on_write : callable, optional
        Called before each batch, to look on or to crash.
    names_all : bool
        Whether it names all that it offers, and not the first track alone.
    """

    model_id, sample_rate, max_clip_s, max_clips, by_the_book = "reader@1", 16000, None, None, False

    def __init__(self, *, bad: float = 0.3, untrue: float = 0.0, on_write=None, names_all: bool = False):
        self._names_all = names_all
        self._bad, self._untrue, self._on_write, self.drawn = bad, untrue, on_write or (lambda requests: None), 0

    def write(self, requests, *, n=1, first=0, seed=0, sampling=None):
        self._on_write(requests)
        self.drawn += n * len(requests)
        return [[self._say(r, k, seed) for k in range(first, first + n)] for r in requests]

    def _say(self, request, k: int, seed: int) -> str:
        rng = seeds.stdlib(seed, request.id, k)
        if rng.random() < self._bad:
            return rng.choice(('You should hear "Nobody Knows" by Zorbo.', "User: hi there", "the the the the", ""))
        text = request.messages[-1]["content"][-1]["text"]
        said = dict(line.partition(": ")[::2] for line in text.split("\n")[1:])
        side, opener = text.split(",")[0], rng.choice(("Well", "So", "Right", "Okay", "Ah"))
        parts = [opener]
        if side == "seeker":
            if "liked" in said:
                parts.append(f"{said['liked']} is lovely")
            if "refused" in said:
                parts.append(f"{said['refused']} is not for me")
            if "drop" in said:
                parts.append("forget about " + said["drop"].split(" ", 1)[1])
            for wish in filter(None, said.get("new", "").split("; ")):
                polarity = re.match(r"(not |like |)\w+ ", wish)
                parts.append({"not ": "no ", "like ": "like ", "": "some "}[polarity[1]] + wish[polarity.end() :])
            return ", ".join(parts) + "."
        if "offer" in said:
            title, artist = re.match(r'"(.*?)" by (.*?)(?:; "|$)', said["offer"]).groups()
            key = " It is in A major." if self._untrue and rng.random() < self._untrue else ""
            offers = " or ".join(re.split(r'; (?=")', said["offer"])) if self._names_all else f'"{title}" by {artist}'
            return f"{opener}, {offers} is one for you.{key}"
        return f"{opener}, what is it for?"
