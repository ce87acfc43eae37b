"""Verdicts: each claim against what was measured, heard and read of the windows that were played.

A claim is supported, contradicted, or cannot be told. Thresholds leave a band between the two, so wide that on rendered music
with known truth at most 2 % of the true claims of a kind are contradicted; ``scripts/fit_verdicts.py`` fits them and prints
the table on SoundFonts that nothing was fitted on. Of sound events the times decide that metadata has (:mod:`mdialog.marks`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path

import numpy as np

from mdialog import claims, vocab
from mdialog.claims import LOOSE, Claim
from mdialog.errors import InputError
from mdialog.evidence import MEASURES, Evidence
from mdialog.happenings import ASKS
from mdialog.marks import Marks

FILE = "verdicts.npz"  # beside a CLAP model's weights: what its embeddings tell of each label
JUDGED = ("instrument", "lead", "vocal", "mood", "genre", "metre", "tempo", "energy")  # by embedding and measures
# Heard tags by kind: from which logit on, and how many at the most.
HEARD = {"instrument": (0.5, 8), "vocal": (0.5, 1), "genre": (0.0, 1), "mood": (-0.5, 1)}
AUDIENCE = ("applause", "cheering", "crowd")  # sounds by which a track was played to somebody
SURER = 0.8  # logits more that it takes to contradict who says that something is not there, and for one of several labels
SURE_OF_TEMPO = 1.4  # logits by which the word of a measured tempo is heard clearly before its number is believed
WIDE_ENOUGH_S = 9.0  # a course needs a clip of about ten seconds


@dataclass(frozen=True)
class Verdict:
    """What came of checking a claim.

    Parameters
    ----------
    verdict : {'supported', 'contradicted', 'unverifiable'}
    evidence : dict
        Source, value and threshold; why it cannot be told; where metadata and signal disagree.
    """

    verdict: str
    evidence: dict


_ARRAYS = ("weights", "bias", "present", "absent", "prior")


@dataclass(frozen=True)
class Judge:
    """What embedding and measures tell of each label: a logit, and from where on it is believed.

    Parameters
    ----------
    labels : tuple of str
        ``kind:value``.
    weights : np.ndarray [shape=(n_labels, n_features)]
        On :func:`features`.
    bias : np.ndarray [shape=(n_labels,)]
    present, absent : np.ndarray [shape=(n_labels,)]
        Logits from which on a label is there, or up to which it is not; infinite where that cannot be told.
    prior : np.ndarray [shape=(n_labels,)]
        Log odds of each label in the music that the borders were fitted on. What is claimed is as often true as not, however
        rare it is: the borders of a kind are equal beyond these.
    model : str
        Revision of the CLAP model.
    """

    labels: tuple[str, ...]
    weights: np.ndarray
    bias: np.ndarray
    present: np.ndarray
    absent: np.ndarray
    prior: np.ndarray
    model: str

    @cached_property
    def index(self) -> dict[str, int]:
        """Place of each label."""
        return {name: i for i, name in enumerate(self.labels)}

    @cached_property
    def kinds(self) -> frozenset[str]:
        return frozenset(label.split(":")[0] for label in self.labels)

    def logits(self, evidence: Evidence) -> np.ndarray:
        """One logit a label, (n_labels,)."""
        return self.weights @ features(evidence) + self.bias

    def values(self, evidence: Evidence) -> dict[str, list[str]]:
        """The values of `HEARD` kinds that are more likely there than not, the likeliest first: heard tags.
        """
        logits = self.logits(evidence)
        found: dict[str, list[str]] = {}
        for kind, (least, most) in HEARD.items():
            own = sorted((i for name, i in self.index.items() if name.startswith(f"{kind}:")), key=lambda i: -logits[i])
            found[kind] = [self.labels[i].split(":", 1)[1] for i in own if logits[i] >= least][:most]
        if not found["vocal"] and logits[self.index["vocal:choir"]] <= -HEARD["vocal"][0]:
            found["vocal"] = ["instrumental"]
        return found

    def save(self, path: Path) -> None:
        """Write ``verdicts.npz``, in half precision."""
        np.savez_compressed(path, labels=np.array(self.labels), weights=self.weights.astype(np.float16),
                            bias=self.bias.astype(np.float32), present=self.present.astype(np.float32),
                            absent=self.absent.astype(np.float32), prior=self.prior.astype(np.float32),
                            model=np.array(self.model))  # fmt: skip

    @classmethod
    def load(cls, path: Path) -> "Judge":
        """Read ``verdicts.npz``.

        Raises
        ------
        InputError
            If it is none.
        """
        try:
            with np.load(path) as file:
                arrays = {name: file[name].astype(np.float32) for name in _ARRAYS}
                return cls(labels=tuple(file["labels"].tolist()), model=str(file["model"]), **arrays)
        except (OSError, KeyError, ValueError) as error:
            raise InputError(f"{path}: no verdicts ({error}); make it again with scripts/fit_verdicts.py") from error


def features(evidence: Evidence) -> np.ndarray:
    """Embeddings of clip and track, then what was measured: `MEASURES`, energy beyond its words' borders, words of tempo."""
    measured = evidence.measured
    energy = float(measured.get("energy") or 0.0)
    low, high = (vocab.load()["energy"][name] for name in ("low", "high"))
    measures = [float(measured.get(name) or 0.0) / scale for name, scale in MEASURES.items()]
    beyond = [10 * max(0.0, low.high - energy), 10 * max(0.0, energy - high.low)]
    here, there = _word(measured.get("tempo_bpm")), _word(evidence.track_bpm)
    names, both = vocab.load()["tempo"].names, here if here == there else None
    words = [float(name == word) for word in (here, there, both) for name in names]
    around = evidence.embedding if evidence.around is None else evidence.around
    return np.concatenate([evidence.embedding, around, measures, beyond, words]).astype(np.float32)


def _word(bpm: float | None) -> str | None:
    return vocab.load()["tempo"].word_for(bpm) if bpm else None


N_MEASURED = len(MEASURES) + 2 + 12  # features beside the embeddings


def judge_of(clap_model: str, source: str | None = None) -> Judge | None:
    """The judge that lies beside a CLAP model's weights; None where there is none, or it was made with other weights.

    Parameters
    ----------
    clap_model : str
        As the catalogue stores it: ``name@revision``.
    source : str, optional
        Where the model was loaded from: a folder anywhere, or a hub id, whose judge lies where the bundled models do.
    """
    from mdialog.models import model_folders

    name, _, revision = clap_model.partition("@")
    folders = [Path(source)] if source else []
    for path in (folder / FILE for folder in (*folders, *(folder / name for folder in model_folders()))):
        if path.is_file():
            judge = Judge.load(path)
            return judge if judge.model == revision else None
    return None


@cache
def thresholds() -> dict[str, float]:
    """Thresholds on measures: ``verdicts.json``, fitted by ``scripts/fit_verdicts.py``."""
    return json.loads((files("mdialog") / "verdicts.json").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Verifier:
    """Judges claims.

    Parameters
    ----------
    judge : Judge or None
        Without one only what is measured or read can be told.
    limits : mapping of str to float
        `thresholds`.
    """

    judge: Judge | None = None
    limits: Mapping[str, float] = field(default_factory=thresholds)

    def verdict(self, claim: Claim, evidence: Evidence | None, before: Evidence | None = None) -> Verdict:
        """Judge one claim.

        Parameters
        ----------
        claim : Claim
        evidence : Evidence or None
            Of the clip that the claim is about; None where nothing was heard.
        before : Evidence, optional
            Of the clip that a comparison is with, or that the claim itself speaks of.
        """
        if claim.clip == "both" and not claim.comparison:
            return _of_both([self.verdict(replace(claim, clip="this"), one) for one in (evidence, before)])
        if claim.clip == "none":
            return _untold("that track was not heard")
        if claim.clip == "before":
            evidence, before = before, evidence
        if evidence is None:
            return _untold("nothing was played")
        if claim.kind in ASKS:
            return _marked(claim, evidence)
        if claim.comparison:
            return self._compared(claim, evidence, before)
        found = getattr(self, f"_{claim.kind}", self._judged)(claim, evidence)
        return _beside_metadata(claim, evidence, found)

    # ---- by measure

    def _tempo(self, claim: Claim, evidence: Evidence) -> Verdict:
        """A word as the judge hears it, a number as it was measured; without a judge both by measure."""
        bpm, sure = evidence.measured.get("tempo_bpm"), evidence.measured.get("tempo_confidence") or 0.0
        if not claim.value.isdigit() and self._can_judge("tempo", evidence):
            return self._judged(claim, evidence)
        if not bpm:
            return _untold("no tempo could be measured")
        low, high = _tempo_range(claim.value)
        allowed = [round(low, 1), round(high, 1)]
        seen = {"source": "measured", "value": round(bpm, 1), "confidence": round(sure, 2), "range": allowed}
        if not self._tempo_is_sure(evidence):
            return _untold("tempo not sure enough", seen)
        if low <= bpm < high:
            return _told(claim, True, seen)
        for ratio, name in ((0.5, "half"), (2.0, "double")):
            if low <= bpm * ratio < high:
                return _untold(f"{name} the measured tempo fits", seen)
        return _told(claim, False, seen)

    def _tempo_is_sure(self, evidence: Evidence) -> bool:
        """Whether the judge hears the word of the measured tempo, and the track has it; without a judge, by confidence."""
        if not self._can_judge("tempo", evidence):
            return (evidence.measured.get("tempo_confidence") or 0.0) >= self.limits["tempo_sure"]
        bpm, track = evidence.measured.get("tempo_bpm"), evidence.track_bpm
        if not bpm or track and abs(np.log(bpm / track)) > claims.TEMPO_TOLERANCE:
            return False
        heard = self._judged(Claim("", "tempo", _word(bpm), True, 0, 0), evidence)
        return heard.verdict == "supported" and heard.evidence["value"] >= heard.evidence["thresholds"][1] + SURE_OF_TEMPO

    def _can_judge(self, kind: str, evidence: Evidence) -> bool:
        return self.judge is not None and evidence.embedding is not None and kind in self.judge.kinds

    def _key(self, claim: Claim, evidence: Evidence) -> Verdict:
        return self._named("key", claim, evidence)

    def _mode(self, claim: Claim, evidence: Evidence) -> Verdict:
        return self._named("mode", claim, evidence)

    def _named(self, kind: str, claim: Claim, evidence: Evidence) -> Verdict:
        value, sure = evidence.measured.get(kind), evidence.measured.get(f"{kind}_confidence") or 0.0
        if value is None:
            return _untold(f"no {kind} could be measured")
        seen = {"source": "measured", "value": value, "confidence": round(sure, 2)}
        holds = value == claim.value
        if sure < self.limits[f"{kind}_{'support' if holds else 'contradict'}"]:
            return _untold(f"{kind} not sure enough", seen)
        return _told(claim, holds, seen)

    def _energy(self, claim: Claim, evidence: Evidence) -> Verdict:
        if self._can_judge("energy", evidence):
            return self._judged(claim, evidence)
        wanted = vocab.load()["energy"][claim.value]
        return self._within("energy", claim, evidence, wanted.low, wanted.high, scale=1.0)

    def _loudness(self, claim: Claim, evidence: Evidence) -> Verdict:
        return self._energy(replace(claim, kind="energy", value="high" if claim.value == "loud" else "low"), evidence)

    def _brightness(self, claim: Claim, evidence: Evidence) -> Verdict:
        edge = self.limits[f"{claim.value}_hz"]
        bright = claim.value == "bright"
        return self._within("brightness_hz", claim, evidence, edge if bright else 0.0, np.inf if bright else edge, scale=edge)

    def _density(self, claim: Claim, evidence: Evidence) -> Verdict:
        edge = self.limits[f"{claim.value}_hz"]
        dense = claim.value == "dense"
        return self._within("onset_rate_hz", claim, evidence, edge if dense else 0.0, np.inf if dense else edge, scale=edge)

    def _within(self, column: str, claim: Claim, evidence: Evidence, low: float, high: float, *, scale: float) -> Verdict:
        """Supported inside a range or nearly, contradicted well outside it."""
        value = evidence.measured.get(column)
        if value is None:
            return _untold(f"no {column} was measured")
        off = max(low - value, value - high, -min(value - low, high - value)) / scale  # negative inside
        seen = {"source": "measured", "column": column, "value": round(float(value), 3), "range": [float(low), float(high)]}
        if off <= self.limits[f"{column}_support"]:
            return _told(claim, True, seen)
        return _told(claim, False, seen) if off >= self.limits[f"{column}_contradict"] else _untold("near the border", seen)

    def _course(self, claim: Claim, evidence: Evidence) -> Verdict:
        trend = evidence.measured.get("energy_trend")
        if trend is None or evidence.duration_s < WIDE_ENOUGH_S:
            return _untold("the clip is too short to have a course")
        along = abs(trend) if claim.value == "level" else trend if claim.value == "rising" else -trend
        seen = {"source": "measured", "value": round(float(trend), 3)}
        if claim.value == "level":
            return _told(claim, True, seen) if along <= self.limits["level_support"] else (
                _told(claim, False, seen) if along >= self.limits["level_contradict"] else _untold("near the border", seen))
        if along >= self.limits["course_support"]:
            return _told(claim, True, seen)
        return _told(claim, False, seen) if along <= self.limits["course_contradict"] else _untold("near the border", seen)

    # ---- by embedding and measures

    def _judged(self, claim: Claim, evidence: Evidence) -> Verdict:
        if self.judge is None or evidence.embedding is None:
            return _untold(f"nothing here can judge {claim.kind}")
        names = [f"{claim.kind}:{value}" for value in LOOSE.get(claim.value, (claim.value,))]
        if claim.kind == "vocal":
            names = ["vocal:choir"]
        places = [self.judge.index[name] for name in names if name in self.judge.index]
        if len(places) < len(names):
            return _untold(f"nothing here can judge {claim.kind} {claim.value}")
        logits, present, absent = self.judge.logits(evidence)[places], self.judge.present[places], self.judge.absent[places]
        best = int((logits - self.judge.prior[places]).argmax())
        without = claim.kind == "vocal" and claim.value == "instrumental"
        several = len(places) > 1  # one of them is easily there by chance, all of them are hardly ever under their borders
        present = present + SURER * ((without or not claim.present) + several)
        absent = absent + SURER * several
        seen = {"source": "heard", "label": names[best], "value": round(float(logits[best]), 2),
                "thresholds": [round(float(absent[best]), 2), round(float(present[best]), 2)]}  # fmt: skip
        if (logits >= present).any():
            return _told(claim, not without, seen)
        if (logits <= absent).all():
            return _told(claim, without, seen)
        leans = round(float(logits[best] - self.judge.prior[places][best]), 2)
        leans = -leans if without == claim.present else leans
        return _untold("heard neither clearly enough nor clearly not", {**seen, "leans": leans})

    def _setting(self, claim: Claim, evidence: Evidence) -> Verdict:
        """Live where metadata marks an audience or the title says so; nothing tells of a studio."""
        heard = sorted({event.label.casefold() for event in evidence.events or ()} & {*AUDIENCE})
        if heard:
            return _told(claim, True, {"source": "metadata", "events": heard})
        if title := evidence.read.get("live"):
            return _told(claim, True, {"source": "metadata", "title": title})
        return _untold("whether it was played to an audience cannot be told")

    def _lead(self, claim: Claim, evidence: Evidence) -> Verdict:
        """What does not sound does not lead; of what does, it can be heard."""
        there = self._judged(replace(claim, kind="instrument", present=True), evidence)
        if there.verdict == "contradicted":
            return Verdict("contradicted" if claim.present else "supported", there.evidence)
        if self._can_judge("lead", evidence):
            return self._judged(claim, evidence)
        sounds = {name: value for name, value in there.evidence.items() if name != "leans"}
        return _untold("which instrument leads cannot be told", sounds)

    # ---- between two clips

    def _compared(self, claim: Claim, evidence: Evidence, before: Evidence | None) -> Verdict:
        column = {"tempo": "tempo_bpm", "energy": "energy", "loudness": "energy", "brightness": "brightness_hz",
                  "density": "onset_rate_hz", "opening": "opening"}.get(claim.kind)  # fmt: skip
        if before is None or column is None:
            why = "there is no earlier clip" if before is None else f"how clips compare in {claim.kind} cannot be told"
            return _untold(why)
        here, there = evidence.measured.get(column), before.measured.get(column)
        of_energy = column in ("energy", "opening")
        if here is None or there is None or not of_energy and not (here and there):
            return _untold("not measured in both clips")
        seen = {"source": "measured", "column": column, "value": round(float(here), 3), "before": round(float(there), 3)}
        if column == "tempo_bpm" and not (self._tempo_is_sure(evidence) and self._tempo_is_sure(before)):
            return _untold("tempo not sure enough", seen)
        if claim.value.isdigit():
            return _apart(claim, here, there, seen)
        step = float(here - there) if of_energy else float(np.log2(here / there))
        near, clear = (self.limits[f"{'energy' if of_energy else column}_{name}"] for name in ("same", "differs"))
        if column == "tempo_bpm" and claim.comparison != "same" and abs(step) <= near:
            return _told(claim, False, seen)
        if claim.comparison == "same":
            unlike = self.limits[f"{'energy' if of_energy else column}_unlike"]
            close = abs(step) <= near
            return _told(claim, close, seen) if close or abs(step) >= unlike else _untold("hardly differs", seen)
        if abs(step) >= clear:
            return _told(claim, claim.comparison == ("more" if step > 0 else "less"), seen)
        return _untold("hardly differs", seen)


def _apart(claim: Claim, here: float, there: float, seen: dict) -> Verdict:
    """By how many beats a minute: within 4 % of the faster of the two, or off by more than twice that."""
    off = abs(here - there - int(claim.value) * (1 if claim.comparison == "more" else -1))
    near = claims.TEMPO_TOLERANCE * max(here, there)
    seen = {**seen, "apart": round(float(here - there), 1), "tolerance": round(float(near), 1)}
    return _told(claim, off <= near, seen) if off <= near or off > 2 * near else _untold("near it", seen)


def _marked(claim: Claim, evidence: Evidence) -> Verdict:
    """By the events that metadata marks, with the tolerances of :meth:`Marks.holds`."""
    if evidence.events is None:
        return _untold("nothing here tells of events")
    holds, seen = Marks(evidence.events, evidence.duration_s, evidence.labels).holds(claim)
    return Verdict("unverifiable", seen) if holds is None else _told(claim, holds, seen)


def _of_both(each: list[Verdict]) -> Verdict:
    """What is said of two clips holds if it does of each of them, and does not if it fails of one."""
    found = {one.verdict for one in each}
    verdict = next(iter(found)) if len(found) == 1 else "contradicted" if "contradicted" in found else "unverifiable"
    return Verdict(verdict, {"each": [one.evidence for one in each]})


def _told(claim: Claim, holds: bool, seen: dict) -> Verdict:
    return Verdict("supported" if holds == claim.present else "contradicted", seen)


def _untold(why: str, seen: Mapping | None = None) -> Verdict:
    return Verdict("unverifiable", {**(seen or {}), "why": why})


def _tempo_range(value: str) -> tuple[float, float]:
    """Beats a minute that a tempo's word or number allows, 4 % more on either side."""
    if value.isdigit():
        low = high = float(value)
    else:
        word = vocab.load()["tempo"][value]
        low, high = word.low, word.high
    return low * (1 - claims.TEMPO_TOLERANCE), high * (1 + claims.TEMPO_TOLERANCE)


def _beside_metadata(claim: Claim, evidence: Evidence, found: Verdict) -> Verdict:
    """The verdict with what metadata says, and whether the signal disagrees with that, whatever was claimed.

    A genre that the signal cannot tell is believed where it was read. What a read-out hears and metadata denies cannot be told:
    it was learned, and is no measure.
    """
    read = evidence.read.get({"tempo": "tempo_bpm", "mode": "key"}.get(claim.kind, claim.kind))
    if not read or claim.kind not in ("genre", "key", "mode", "tempo"):
        return found
    agrees = {
        "genre": lambda: claim.value in read,
        "key": lambda: read == claim.value,
        "mode": lambda: read.split()[-1] == claim.value,
        "tempo": lambda: _tempo_range(claim.value)[0] <= float(read) < _tempo_range(claim.value)[1],
    }[claim.kind]()
    said = list(read) if claim.kind == "genre" else read
    if found.verdict == "unverifiable":
        # A genre beside the vocabulary, such as "deep house", may be a kind of the one claimed, or not.
        unknown = claim.kind == "genre" and not agrees and not {*read} <= {*vocab.load()["genre"].names}
        if claim.kind != "genre" or unknown:
            return Verdict(found.verdict, {**found.evidence, "metadata": said})
        return _told(claim, agrees, {**found.evidence, "source": "metadata", "metadata": said})
    holds = (found.verdict == "supported") == claim.present
    if holds != agrees and found.evidence.get("source") == "heard":
        return _untold("the signal and metadata disagree", {**found.evidence, "metadata": said, "disagrees": True})
    apart = holds != agrees
    if claim.kind in ("key", "mode"):
        apart = evidence.measured.get(claim.kind) != (read if claim.kind == "key" else read.split()[-1])
    return Verdict(found.verdict, {**found.evidence, "metadata": said, **({"disagrees": True} if apart else {})})
