"""`mdialog evaluate`: a run's grounding, relevance, and talk beside people's, as one page of figures.

What it writes into ``RUN/evaluation``: a ``.json`` a part, ``evaluation.md``, pictures.
"""

import dataclasses
import json
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from mdialog.dialogue import Dialogue, read_dialogues
from mdialog.errors import InputError
from mdialog.hints import hints_of
from mdialog.plan import Plan, read_plans
from mdialog.run import CONFIG, DIALOGUES, FAILURES, PLANS, player, referee_of, refuse_ahead
from mdialog.run import plan as plan_run
from mdialog.snapshot import Snapshot

FOLDER, PAGE = "evaluation", "evaluation.md"
PARTS = ("grounding", "answers", "relevance", "consistency", "people")  # and, where a judge is named, "judge"
JUDGED = 40  # dialogues that a judge scores
PLANS_COMPARED = 2_000  # so many plans' order of intents is held against people's


def evaluate(
    run: Path,
    *,
    catalog: str,
    parts: tuple[str, ...] = (),
    listener: str | None = None,
    device: str = "cpu",
    turns: int = 200,
    people: Path | None = None,
    judge: str | None = None,
    tracks: Collection[str] | None = None,
    seed: int = 0,
    say: Callable[[str], None] = lambda text: None,
) -> str:
    """Evaluate a run folder and keep the figures in it.

    Parameters
    ----------
    run : Path
    catalog : str
        That the run was planned on.
    parts : tuple of str
        Of `PARTS`; by default those that the run's kind of dialogue has (:func:`parts_of`), without those that lack a library.
    listener : str, optional
        Who writes turns again for the grounding; the run's own by default.
    device : str
    turns : int > 0
        Turns to write again.
    people : Path, optional
        CPCD's dialogues; without it only the counts of people's intents stand beside the run.
    judge : str, optional
        A listener that scores dialogues by the rubrics, after it has shown on known cases that it can.
    tracks : collection of str, optional
        `answers` looks only at those about these: the test side's (:func:`mdialog.split.split`).
    seed : int
    say : callable
        Told what is being done.

    Returns
    -------
    str
        The page, in Markdown.

    Raises
    ------
    InputError
        If the folder holds no finished dialogues, a part is not known, or one that was asked for lacks a library.
    """
    from mdialog.catalog import Catalog
    from mdialog.evaluate.answers import missing

    if unknown := [part for part in parts if part not in PARTS]:
        raise InputError(f"no part {unknown[0]!r} of an evaluation; it has: {', '.join(PARTS)}")
    dialogues, plans = list(read_dialogues(run / DIALOGUES)), list(read_plans(run / PLANS))
    if not dialogues:
        raise InputError(f"{run / DIALOGUES} holds no dialogue; write some with `mdialog generate`")
    lacking = missing()
    if lacking and "answers" in parts:
        raise InputError(lacking)
    sections = []
    parts = parts or parts_of(dialogues)
    if lacking and "answers" in parts:
        parts = tuple(part for part in parts if part != "answers")
        sections.append(f"Without answers: {lacking}\n")
        say(f"without answers: {lacking}")
    opened = Catalog.open(catalog, device=device)
    out = run / FOLDER
    out.mkdir(exist_ok=True)
    job = _Job(run, dialogues, plans, opened, out, listener, device, turns, people, judge, tracks, seed)
    for part in (*parts, *(("judge",) if judge else ())):
        say(part)
        result, text = _PARTS[part](job)
        (out / f"{part}.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        sections.append(f"## {part.capitalize()}\n\n{text}\n")
    page = f"# {run.name}: {len(dialogues)} dialogues\n\n" + "\n".join(sections)
    (out / PAGE).write_text(page, encoding="utf-8")
    return page


def parts_of(dialogues: Sequence[Dialogue]) -> tuple[str, ...]:
    """What there is to be evaluated: answers, recommendations, walks, talk that people's can be held beside."""
    from mdialog.evaluate.references import answers_of

    recommends = any(turn.track_seq for dialogue in dialogues for turn in dialogue.turns)
    walks = any(dialogue.recipe == "talk-the-walk" for dialogue in dialogues)
    answers = next(answers_of(dialogues), None) is not None
    has = {"answers": answers, "relevance": recommends, "consistency": walks, "people": recommends}
    return tuple(part for part in PARTS if has.get(part, True))


@dataclasses.dataclass(frozen=True)
class _Job:
    run: Path
    dialogues: list[Dialogue]
    plans: list[Plan]
    catalog: object
    out: Path
    listener: str | None
    device: str
    turns: int
    people: Path | None
    judge: str | None
    tracks: Collection[str] | None
    seed: int

    @property
    def failures(self) -> list[dict]:
        path = self.run / FAILURES
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []

    @property
    def config(self) -> dict:
        return json.loads((self.run / CONFIG).read_text(encoding="utf-8"))


def _grounding(job: _Job) -> tuple[dict, str]:
    from mdialog.audio import AudioCache
    from mdialog.evaluate import grounding
    from mdialog.evaluate.relevance import composer_truth
    from mdialog.listener import load

    writer = load(job.listener or job.config.get("listener"), device=job.device)
    refuse_ahead(writer, job.plans)
    play = player(AudioCache(), sample_rate=writer.sample_rate)
    heard = {clip.track_id for plan in job.plans for turn in plan.turns for clip in turn.clips}
    told = job.config.get("hints")
    result = grounding.evaluate_grounding(
        job.dialogues, job.plans, writer, referee_of(job.catalog, job.plans), play=play,
        truth=composer_truth(Snapshot.of(job.catalog)), failures=job.failures,
        hints=hints_of(job.catalog, heard, told) if told else None, n=job.turns, seed=job.seed,
    )  # fmt: skip
    return result.as_json(), grounding.table(result)


def _answers(job: _Job) -> tuple[dict, str]:
    from mdialog.evaluate import answers

    result = answers.evaluate_answers(job.dialogues, job.plans, Snapshot.of(job.catalog), tracks=job.tracks, seed=job.seed)
    hints = job.config.get("hints") or []
    told = "The listener was told captions (--hints known): answers that agree with captions need not come from the sound."
    return result.as_json() | {"hints": hints}, answers.table(result) + (f"\n\n{told}" if "known" in hints else "")


def _relevance(job: _Job) -> tuple[dict, str]:
    from mdialog.evaluate import relevance

    written = {dialogue.id for dialogue in job.dialogues}
    plans = [plan for plan in job.plans if plan.id in written]
    result = relevance.evaluate_relevance(plans, Snapshot.of(job.catalog), seed=job.seed)
    return dataclasses.asdict(result), relevance.table(result)


def _consistency(job: _Job) -> tuple[dict, str]:
    from mdialog.evaluate import consistency

    embed_text = job.catalog.clap.embed_text
    result = consistency.evaluate_consistency(job.dialogues, Snapshot.of(job.catalog), embed_text=embed_text, seed=job.seed)
    return dataclasses.asdict(result), consistency.table(result)


def _people(job: _Job) -> tuple[dict, str]:
    from mdialog.evaluate import people as humans
    from mdialog.evaluate.pictures import pictures
    from mdialog.run import config_from

    made = humans.evaluate_people(job.dialogues, people_file=job.people, clap=job.catalog.clap, seed=job.seed)
    options = {name: job.config[name] for name in ("recipe", "recipe_options", "seed")}
    wide = config_from({**options, "catalog": job.catalog.path, "out": job.run, "n": PLANS_COMPARED})
    order = humans.evaluate_transitions(plan_run(wide, job.catalog), seed=job.seed)
    pictures(made, job.out)
    asked = ", ".join(f"{name}={value}" for name, value in wide.recipe_options.items())
    planned = f"{order.n_dialogues} plans of {wide.recipe} with {asked or 'its options as they are'}"
    result = {"talk": dataclasses.asdict(made), "intents": dataclasses.asdict(order), "planned": planned}
    return result, humans.table(made, order) + f"\n\nTransitions are of {planned}."


def _judge(job: _Job) -> tuple[dict, str]:
    from mdialog.audio import AudioCache
    from mdialog.evaluate.calibrate import calibrate, rows, table
    from mdialog.evaluate.judge import judge, plays
    from mdialog.listener import load

    who = load(job.judge, device=job.device)
    play = plays({plan.id: plan for plan in job.plans}, player(AudioCache(), sample_rate=who.sample_rate))
    kept = job.out / "judgements.jsonl"
    kept.unlink(missing_ok=True)
    able = calibrate(job.dialogues, who, play=play, seed=job.seed)
    found = judge(job.dialogues, who, play=play, n=JUDGED, seed=job.seed, out=kept)
    text = f"By {who.model_id}; scores stand only where the judge told faulty dialogues from repaired ones.\n\n"
    return {"judge": who.model_id, "rows": [dataclasses.asdict(row) for row in rows(found, able)]}, text + table(found, able)


_PARTS = {
    "grounding": _grounding, "answers": _answers, "relevance": _relevance, "consistency": _consistency, "people": _people,
    "judge": _judge,
}  # fmt: skip
