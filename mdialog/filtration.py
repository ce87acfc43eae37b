"""Filtration in the open, after Audio Dialogues (arXiv 2404.07616): what of a run is dropped, why, and with which figures.

An answer is a turn of the assistant that hears a clip and says something of its sound. It fails when CLAP finds its words
unlike the clip, when it does not commit itself, when the listener says the same without the sound, or when the run has
said nearly the same before. What a filter of these cannot do (CLAP that does not tell clips apart) is in the summary too.

================= ===========================================================================================
``kept.jsonl``    dialogues as they were, or rows of question and answer; with the folder, `mdialog export` takes them
``dropped.jsonl`` one a line with its reasons, the figures, and the record itself
``filter.json``   the run, options, counts by reason and by overlap of reasons, calibration
``filter.md``     the same to read
================= ===========================================================================================
"""

import json
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator

from mdialog.dialogue import Dialogue, read_dialogues
from mdialog.errors import InputError
from mdialog.evaluate.diversity import NAME, NEAR, mask
from mdialog.evidence import witness
from mdialog.files import write_text
from mdialog.hearing import Share
from mdialog.kept import KEPT, RESULT
from mdialog.listener.base import Listener
from mdialog.plan import read_plans
from mdialog.run import CONFIG, DIALOGUES, PLANS, player
from mdialog.sieves import Answer, Deafness, Likeness, answered_deaf, answers_of, calibrate, earlier, low_confidence, names_of

DROPPED, PAGE = "dropped.jsonl", "filter.md"
FILTERS = ("similarity", "phrases", "deaf", "duplicates")

Reasons = dict[str, dict]  # a filter's name to its figures


class Filter(BaseModel):
    """Options of ``mdialog filter``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    filters: tuple[Literal["similarity", "phrases", "deaf", "duplicates"], ...] = Field(default=FILTERS, description="used")
    unit: Literal["dialogue", "answer"] = Field(
        default="dialogue", description="what is kept or dropped: dialogues, or single questions with their answers"
    )
    may_fail: float = Field(default=0.0, ge=0, le=1, description="share of its answers that may fail in a kept dialogue")
    percentile: float = Field(
        default=10.0, ge=0, le=100, description="of the cosines of answers with other tracks' clips: under it is unlike"
    )
    min_similarity: float | None = Field(
        default=None, ge=-1, le=1,
        description="cosine to be reached instead, whatever the calibration says; Audio Dialogues took .3 with its CLAP",
    )  # fmt: skip
    phrases: tuple[str, ...] = Field(default=(), description="more low-confidence phrases, as regular expressions")
    sound: Literal["noise", "silence", "none"] = Field(
        default="noise", description="what the deaf pass plays; with none, most models say nothing of a sound"
    )
    samples: int = Field(default=4, ge=1, description="answers of the deaf pass to each question")
    agree: float = Field(default=0.5, gt=0, le=1, description="share of them that must say the same")
    near: float = Field(default=NEAR, gt=0, le=1, description="Jaccard similarity of words from which on one repeats another")
    same_clip: bool = Field(default=False, description="call it a duplicate only where the clips are the same too")
    batch: int = Field(default=64, ge=1, description="questions asked at once")
    seed: int = Field(default=0, ge=0)

    @field_validator("phrases")
    @classmethod
    def _compile(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{pattern!r} is no regular expression ({error})") from error
        return patterns


@dataclass(frozen=True)
class Summary:
    """What the filter came to.

    Parameters
    ----------
    out : Path
    unit : {'dialogue', 'answer'}
    n, n_kept, n_answers : int
    by_reason, by_overlap : dict of str to int
        Dropped units with a reason, and with exactly these reasons together.
    answers_by_reason : dict of str to int
        Answers that fail, in kept dialogues too.
    notes : tuple of str
        What was not judged and what the figures rest on.
    likeness : Likeness or None
    deafness : Deafness or None
    seconds : float
    """

    out: Path
    unit: str
    n: int
    n_kept: int
    n_answers: int
    by_reason: dict[str, int]
    by_overlap: dict[str, int]
    answers_by_reason: dict[str, int]
    notes: tuple[str, ...]
    likeness: Likeness | None
    deafness: Deafness | None
    seconds: float

    def __str__(self) -> str:
        why = ", ".join(f"{reason} {n}" for reason, n in self.by_reason.items()) or "nothing against any"
        return f"{self.n_kept} of {self.n} {self.unit}s kept ({why}) in {self.out / KEPT}; {self.seconds:.0f} s"

    def as_json(self) -> dict:
        """Ready for JSON; without the folder and the time, so that the same filter gives the same file."""
        whole = {k: v for k, v in asdict(self).items() if k not in ("out", "seconds", "deafness")}
        deaf = self.deafness and {k: v.as_json() if isinstance(v, Share) else v for k, v in vars(self.deafness).items()}
        return {**whole, "deafness": deaf}

    def table(self) -> str:
        """Counts as Markdown: by reason, and by overlap of reasons."""
        lines = [f"{self.n_kept} of {self.n} {self.unit}s kept; {self.n_answers} answers judged.", "",
                 f"| reason | answers that fail | {self.unit}s dropped | for this alone |", "|---|---:|---:|---:|"]  # fmt: skip
        for reason in FILTERS:
            cells = [counts.get(reason, 0) for counts in (self.answers_by_reason, self.by_reason, self.by_overlap)]
            lines.append(f"| {reason} | {' | '.join(map(str, cells))} |")
        lines += [f"| {overlap} | | {n} | |" for overlap, n in self.by_overlap.items() if " + " in overlap]
        lines.append(f"| any | | {self.n - self.n_kept} | |")
        return "\n".join([*lines, "", *(f"- {note}" for note in (*filter(None, (self.likeness, self.deafness)), *self.notes))])


def written_by(run: Path) -> str | None:
    """Name of the listener that a run was made with, as it was given; None for the bundled one.

    Raises
    ------
    InputError
        If the folder says nothing of its run.
    """
    try:
        return json.loads((run / CONFIG).read_text(encoding="utf-8")).get("listener")
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(f"{run / CONFIG}: cannot be read ({error}); give a run folder, or name the --listener") from error


def filter_run(
    run: Path, *, catalog, listener: Listener | None, options: Filter, out: Path,
    say: Callable[[str], None] = lambda text: None,
) -> Summary:  # fmt: skip
    """Sort the dialogues of a run, or their answers, into kept and dropped.

    Parameters
    ----------
    run : Path
        A run folder.
    catalog : Catalog
        That the run was planned on; its CLAP and its windows' embeddings tell likeness.
    listener : Listener or None
        That wrote the run; None where the deaf pass is not used.
    options : Filter
    out : Path
        Folder for the four files, which are replaced whole; the run is left as it is.
    say : callable
        Told what is being done.

    Returns
    -------
    Summary

    Raises
    ------
    InputError
        If the run holds no dialogue, or what a filter needs is not there.
    """
    start = time.monotonic()
    dialogues = list(read_dialogues(run / DIALOGUES))
    if not dialogues:
        raise InputError(f"{run / DIALOGUES} holds no dialogue; write some with `mdialog generate`")
    if "deaf" in options.filters and listener is None:
        raise InputError("the filter 'deaf' needs the run's listener; give it, or use the other filters only")
    answers = [answer for dialogue in dialogues for answer in answers_of(dialogue)]
    against: list[Reasons] = [{} for _ in answers]
    notes = _notes(dialogues, answers, catalog, listener if "deaf" in options.filters else None)
    likeness = deafness = None
    if "similarity" in options.filters:
        say("similarity")
        likeness = _unlike(answers, against, catalog, options, notes)
    if "phrases" in options.filters:
        for answer, reasons in zip(answers, against, strict=True):
            if found := low_confidence(mask(answer.text, answer.names), more=options.phrases):
                reasons["phrases"] = {"phrase": found}
    if "deaf" in options.filters:
        deafness = _deaf(answers, against, run, listener, options, say)
    units = _dialogues(dialogues, answers, against, options) if options.unit == "dialogue" else _pairs(answers, against)
    if "duplicates" in options.filters:
        say("duplicates")
        _repeats(units, options)
    result = Summary(
        out=out, unit=options.unit, n=len(units), n_kept=sum(not unit.reasons for unit in units), n_answers=len(answers),
        by_reason=_counts(name for unit in units for name in unit.reasons),
        by_overlap=_counts(" + ".join(sorted(unit.reasons, key=FILTERS.index)) for unit in units if unit.reasons),
        answers_by_reason=_counts(name for reasons in against for name in reasons), notes=tuple(notes),
        likeness=likeness, deafness=deafness, seconds=time.monotonic() - start,
    )  # fmt: skip
    _write(units, result, options, run)
    return result


@dataclass(frozen=True, eq=False)
class _Unit:
    """What is kept or dropped as a whole.

    Parameters
    ----------
    id : str
    record : dict
    text : str
        Names masked, to find repeats by.
    clips : tuple
    reasons : dict
        Filter to figures; empty for what is kept. Of a dialogue, a list of figures, each with its turn.
    """

    id: str
    record: dict
    text: str
    clips: tuple
    reasons: Reasons


def _dialogues(dialogues: list[Dialogue], answers: list[Answer], against: list[Reasons], options: Filter) -> list[_Unit]:
    """Dialogues, with the reasons of their answers where too many of these fail."""
    by_id: dict[str, list[tuple[int, Reasons]]] = {dialogue.id: [] for dialogue in dialogues}
    for answer, reasons in zip(answers, against, strict=True):
        by_id[answer.dialogue.id].append((answer.turn, reasons))
    units = []
    for dialogue in dialogues:
        own, found = by_id[dialogue.id], {}
        if sum(bool(reasons) for _, reasons in own) > options.may_fail * len(own):
            for turn, reasons in own:
                for name, figures in reasons.items():
                    found.setdefault(name, []).append({"turn": turn, **figures})
        text = mask(" ".join(turn.content for turn in dialogue.turns), names_of(dialogue))
        clips = tuple(tuple(heard.model_dump().values()) for turn in dialogue.turns for heard in turn.heard)
        units.append(_Unit(dialogue.id, dialogue.model_dump(mode="json"), text, clips, found))
    return units


def _pairs(answers: list[Answer], against: list[Reasons]) -> list[_Unit]:
    """Rows of a question and its answer."""
    units = []
    for answer, reasons in zip(answers, against, strict=True):
        turn, named = answer.dialogue.turns[answer.turn].model_dump(mode="json"), answer.dialogue.tracks
        id_ = f"{answer.dialogue.id}/{answer.turn}"
        row = {
            "id": id_, "dialogue": answer.dialogue.id, "turn": answer.turn, "recipe": answer.dialogue.recipe,
            "question": answer.question, "answer": answer.text, "heard": turn["heard"], "claims": turn["claims"],
            "tracks": {heard["track_id"]: named[heard["track_id"]].model_dump() for heard in turn["heard"]},
        }  # fmt: skip
        clips = tuple(tuple(heard.values()) for heard in turn["heard"])
        units.append(_Unit(id_, row, mask(f"{answer.question} {answer.text}", answer.names), clips, dict(reasons)))
    return units


def _notes(dialogues: list[Dialogue], answers: list[Answer], catalog, listener: Listener | None) -> list[str]:
    """What the reader of the figures must know."""
    without = len(dialogues) - len({answer.dialogue.id for answer in answers})
    notes = [f"{without} of {len(dialogues)} dialogues hold no answer about a clip: none is judged"] if without else []
    for part, model in (("clap", catalog.about.clap_model), ("listener", listener and listener.model_id)):
        others = {d.models.get(part) for d in dialogues} - {model, None}
        if model and others:
            notes.append(f"the run's {part} is {', '.join(sorted(others))}, the filter's is {model}")
    return notes


def _unlike(answers: list[Answer], against: list[Reasons], catalog, options: Filter, notes: list[str]) -> Likeness | None:
    """Note the answers whose words are unlike their clips.

    What speaks of two clips is held against the mean of their embeddings. The better of the two would be nearer by chance
    alone; of means the mismatched pairs of the calibration are made too.
    """
    seen = witness(catalog, {clip.track_id for answer in answers for clip in answer.clips})
    heard = ((i, [seen.of(clip) for clip in answer.clips]) for i, answer in enumerate(answers))
    found = [(i, np.mean([evidence.embedding for evidence in known], axis=0)) for i, known in heard if all(known)]
    if len(found) < len(answers):
        n = len(answers) - len(found)
        notes.append(f"{n} answers not judged by similarity: the catalogue has no window of their clips")
    if not found:
        return None
    texts = catalog.clap.embed_text([mask(answers[i].text, answers[i].names).replace(NAME, "it") for i, _ in found])
    sounds = np.stack([embedding / max(float(np.linalg.norm(embedding)), 1e-9) for _, embedding in found])
    likeness = calibrate(
        texts, sounds, [{clip.track_id for clip in answers[i].clips} for i, _ in found], percentile=options.percentile,
        given=options.min_similarity, seed=options.seed,
    )  # fmt: skip
    for (i, _), cosine in zip(found, (texts * sounds).sum(axis=1).tolist(), strict=True):
        if likeness.used and cosine < likeness.threshold:
            against[i]["similarity"] = {"cosine": round(cosine, 4), "threshold": round(likeness.threshold, 4)}
    return likeness


def _deaf(
    answers: list[Answer], against: list[Reasons], run: Path, listener: Listener, options: Filter, say: Callable[[str], None]
) -> Deafness:
    """Note the answers that come again without the sound."""
    from mdialog.audio import AudioCache

    same, deafness = answered_deaf(
        answers, {plan.id: plan for plan in read_plans(run / PLANS)}, listener,
        play=player(AudioCache(), sample_rate=listener.sample_rate), sound=options.sound, samples=options.samples,
        agree=options.agree, batch=options.batch, seed=options.seed, say=say,
    )  # fmt: skip
    for reasons, share in zip(against, same.tolist(), strict=True):
        if share >= options.agree:
            reasons["deaf"] = {"same": share, "samples": options.samples, "sound": options.sound}
    return deafness


def _repeats(units: list[_Unit], options: Filter) -> None:
    """Note the units that nearly repeat one that is kept."""
    kinds = [unit.clips for unit in units] if options.same_clip else None
    found = earlier([unit.text for unit in units], near=options.near, out=[bool(u.reasons) for u in units], kinds=kinds)
    for i, (j, alike) in found.items():
        units[i].reasons["duplicates"] = {"of": units[j].id, "jaccard": round(alike, 4)}


def _counts(names: Iterable[str]) -> dict[str, int]:
    """How often each name occurs, most frequent first."""
    return dict(sorted(Counter(names).items(), key=lambda item: (-item[1], item[0])))


def _write(units: list[_Unit], result: Summary, options: Filter, run: Path) -> None:
    """The four files, each whole or not at all."""
    kept = [unit.record for unit in units if not unit.reasons]
    dropped = [{"id": u.id, "reasons": u.reasons, "record": u.record} for u in units if u.reasons]
    about = {"run": os.path.relpath(run, result.out), "options": options.model_dump(), **result.as_json()}
    pages = {
        KEPT: "".join(map(_line, kept)), DROPPED: "".join(map(_line, dropped)),
        RESULT: json.dumps(about, ensure_ascii=False, indent=1) + "\n",
        PAGE: f"# What the filter dropped\n\n{result.table()}\n",
    }  # fmt: skip
    try:
        result.out.mkdir(parents=True, exist_ok=True)
        for name, text in pages.items():
            write_text(result.out / name, text)
    except OSError as error:
        raise InputError(f"{result.out}: cannot be written ({error.strerror}); choose another --out") from error


def _line(record: dict) -> str:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n"
