"""Run: the folder that holds one generation, written so that it can be killed anywhere and gone on with.

=================== ================================================================================
``config.json``     every option that changes the result, and the models' ids
``plans.jsonl``     complete or not there
``trace.jsonl``     of a recipe that plans as it writes: a plan a line, before its dialogue; ``plans.jsonl`` once all are there
``dialogues.jsonl`` one finished dialogue a line, appended; in the order of the plans once the run is complete
``failures.jsonl``  one dialogue that could not be written a line, likewise; of a description, the lengths that could
``contradicted.jsonl`` one candidate a line that a finished dialogue did without, for what it said of the sound
=================== ================================================================================
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from mdialog import dialogue as records
from mdialog.errors import InputError
from mdialog.evidence import witness
from mdialog.files import write_text
from mdialog.hints import Hints, hints_of
from mdialog.ledger import append, appending, keep_only, open_run, put_in_order, recover
from mdialog.options import validated
from mdialog.plan import Clip, Plan, read_plans
from mdialog.plan import to_json as plan_json
from mdialog.plan import write_plans as store_plans
from mdialog.record import contradicted_of, lost_of, record_of
from mdialog.referee import Referee
from mdialog.settings import GenerateConfig
from mdialog.verdicts import Verifier, judge_of
from mdialog.write import Failure, Options, Play, Written, write_plans

CONFIG, PLANS, DIALOGUES, FAILURES = "config.json", "plans.jsonl", "dialogues.jsonl", "failures.jsonl"
CONTRADICTED, TRACE = "contradicted.jsonl", "trace.jsonl"

Progress = Callable[[str, int, int], None]


def config_from(options: dict) -> GenerateConfig:
    """Options as a :class:`GenerateConfig`.

    Raises
    ------
    InputError
        If one is wrong: names it and the rule.
    """
    return validated(GenerateConfig, options)


@dataclass(frozen=True)
class Summary:
    """What a run came to.

    Parameters
    ----------
    out : Path
    n_dialogues, n_failed : int
        In the folder, all resumptions together.
    seconds : float
        Of this call.
    n_utterances : int
        Written by this call.
    note : str
        What the recipe says of the run.
    """

    out: Path
    n_dialogues: int
    n_failed: int
    seconds: float
    n_utterances: int
    note: str = ""

    @property
    def utterances_per_s(self) -> float:
        return self.n_utterances / self.seconds if self.seconds else 0.0

    @property
    def exit_code(self) -> int:
        """1 when anything was lost."""
        return 1 if self.n_failed else 0

    def __str__(self) -> str:
        failed = f", {self.n_failed} failed ({self.out / FAILURES})" if self.n_failed else ""
        speed = f"{self.n_utterances} utterances at {self.utterances_per_s:.1f}/s in {self.seconds:.0f} s"
        note = f"; {self.note}" if self.note else ""
        return f"{self.n_dialogues} dialogues{failed} in {self.out / DIALOGUES}; {speed}{note}"


def generate(config: GenerateConfig, *, progress: Progress | None = None) -> Summary:
    """Plan and write dialogues into ``config.out``; the same call goes on with a run that was killed.

    Parameters
    ----------
    config : GenerateConfig
    progress : callable, optional
        ``progress(what, done, total)``.

    Returns
    -------
    Summary

    Raises
    ------
    InputError
        If the folder holds another run or is being written to, or the catalogue cannot be planned on.
    ModelError
        If the listener cannot be loaded or does not take the briefs.
    """
    from mdialog import recipes
    from mdialog.audio import AudioCache
    from mdialog.catalog import Catalog
    from mdialog.listener import load

    start, note = time.monotonic(), ""
    if config.hints and recipes.traces(recipes.load(config.recipe)):
        raise InputError(f"{config.recipe} plans as it writes and takes no --hints")
    with open_run(config.out) as folder:
        claim_folder(folder, config, {})
        catalog, recipe = Catalog.open(config.catalog), recipes.load(config.recipe)
        traced = recipes.traces(recipe) and not (folder / PLANS).exists()
        plans = [] if traced else _plans(folder, config, catalog, progress)
        listener = load(config.listener, device=config.device, dtype=config.dtype, max_rows=config.max_rows)
        refuse_ahead(listener, plans)
        if not config.allow_deaf:
            refuse_deaf(listener, AudioCache().folder)
        models = {"listener": listener.model_id, "clap": catalog.about.clap_model}
        claim_folder(folder, config, models)
        play = player(AudioCache(), sample_rate=listener.sample_rate)
        options = replace(config.options(listener), hints=_hints(config, catalog, plans))
        how = {"play": play, "options": options, "models": models, "progress": progress}
        if traced:
            n = trace_run(folder, config, catalog, listener, **how)
        else:
            referee = referee_of(catalog, plans) if config.claims else None
            n = write_run(folder, plans, listener, referee=referee, **how)
        if recipes.traces(recipe):
            note = recipe.report(folder, catalog)
    return summary(config.out, start=start, n_utterances=n, note=note)


def _hints(config: GenerateConfig, catalog, plans: Sequence[Plan]) -> Hints | None:
    heard = {clip.track_id for plan in plans for turn in plan.turns for clip in turn.clips}
    return hints_of(catalog, heard, config.hints) if config.hints else None


def refuse_ahead(listener, plans: Sequence[Plan]) -> None:
    """Raise where plans play tracks ahead, and with them more clips than a listener was taught with.

    Raises
    ------
    InputError
        Naming what to do instead.
    """
    most = max((len(turn.ahead) + len(turn.clips[-2:]) for plan in plans for turn in plan.turns if turn.ahead), default=0)
    if listener.max_clips is not None and most > listener.max_clips:
        raise InputError(f"{listener.model_id} was taught with {listener.max_clips} clips at the most, and these plans play "
                         f"{most}. Take a larger listener, or plan with --set ahead=0")  # fmt: skip


def refuse_deaf(listener, cache: Path) -> None:
    """Raise for a listener whose answers do not change with the sound; each model here is examined once and then remembered.

    A server is examined each time: it may serve another model under the same name.

    Raises
    ------
    InputError
        Naming what was found.
    """
    found = _examined(listener) if hasattr(listener, "url") else _remembered(listener, cache)
    if found["deaf"]:
        raise InputError(f"{listener.model_id} does not hear: {found['reason']}. Take another listener, or give --allow-deaf")


def _remembered(listener, cache: Path) -> dict:
    path = cache / "hearing" / f"{hashlib.blake2b(listener.model_id.encode(), digest_size=8).hexdigest()}.json"
    with suppress(OSError, ValueError):
        return json.loads(path.read_text(encoding="utf-8"))
    found = _examined(listener)
    with suppress(OSError):  # a cache that cannot be written costs time and nothing else
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps(found, ensure_ascii=False) + "\n")
    return found


def _examined(listener) -> dict:
    from mdialog.exam import quick_exam

    hearing = quick_exam(listener)
    return {"model": listener.model_id, "deaf": hearing.deaf, "reason": hearing.reason}


def referee_of(catalog, plans: Sequence[Plan]) -> Referee:
    """Who judges what these plans' utterances say of the sound, by the catalogue's windows."""
    heard = {clip.track_id for plan in plans for turn in plan.turns for clip in turn.clips}
    return Referee(witness(catalog, heard), Verifier(judge_of(catalog.about.clap_model, catalog.about.clap_source)))


def claim_folder(folder: Path, config: GenerateConfig, models: dict[str, str]) -> None:
    """Note what the run is; refuse a folder that holds another one.

    Raises
    ------
    InputError
        Naming every option that differs.
    """
    mine = {**config.decisive(), "models": models}
    path = folder / CONFIG
    if path.exists():
        by_default = GenerateConfig(catalog=config.catalog, out=folder).decisive()
        theirs = {**by_default, **_read_config(path)}  # an older run does not have every option
        differ = [k for k in {**theirs, **mine} if k != "models" and theirs.get(k) != mine.get(k)]
        before = theirs.get("models") or {}
        differ += [f"models.{k}" for k in models if before and before.get(k) != models[k]]
        if differ:
            raise InputError(f"{folder} holds a run with other options ({', '.join(differ)}); choose another --out")
        mine["models"] = models or before
        if mine == theirs:
            return
    write_text(path, json.dumps(mine, indent=2, ensure_ascii=False) + "\n")


def _read_config(path: Path) -> dict:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path}: not JSON ({error}); remove the folder or choose another --out") from error


def _plans(folder: Path, config: GenerateConfig, catalog, progress: Progress | None) -> list[Plan]:
    path = folder / PLANS
    if not path.exists():
        store_plans(plan(config, catalog, progress=progress), path)
    return list(read_plans(path))


def plan(config: GenerateConfig, catalog, *, progress: Progress | None = None) -> Iterator[Plan]:
    """Plans of the run's shard.

    Parameters
    ----------
    config : GenerateConfig
    catalog : Catalog
    progress : callable, optional
    """
    from mdialog import recipes
    from mdialog.snapshot import Snapshot

    recipe, options = recipes.load(config.recipe), recipes.options_of(config.recipe, config.recipe_options)
    if recipes.traces(recipe):
        if not (config.out / PLANS).is_file():
            raise InputError(f"{config.recipe} plans as it writes: `mdialog generate` leaves its plans in the run folder")
        yield from read_plans(config.out / PLANS)
        return
    snapshot = Snapshot.of(catalog)
    more = recipe.of_catalog(catalog, snapshot, options) if hasattr(recipe, "of_catalog") else {}
    planned = recipe.plan_many(snapshot, seed=config.seed, n=config.n, shard=config.part, options=options, **more)
    total = len(range(config.part[0], config.n, config.part[1]))
    for i, made in enumerate(planned, start=1):
        if progress:
            progress("plans", i, total)
        yield made


def write_run(
    folder: Path,
    plans: Sequence[Plan],
    listener,
    *,
    play: Play,
    options: Options,
    models: dict[str, str],
    referee: Referee | None = None,
    progress: Progress | None = None,
) -> int:
    """Write the plans that the folder has neither a dialogue nor a failure for.

    Parameters
    ----------
    folder : Path
    plans : sequence of Plan
        All plans of the run.
    listener : Listener
    play : callable
    options : Options
    models : dict of str to str
        For the record.
    referee : Referee, optional
    progress : callable, optional

    Returns
    -------
    int
        Utterances written by this call.
    """

    def outcomes(todo: set[str]) -> Iterator[Written | Failure]:
        left = [plan for plan in plans if plan.id in todo]
        return write_plans(left, listener, play=play, options=options, referee=referee)

    return keep_run(folder, [plan.id for plan in plans], outcomes, models=models, progress=progress)


def keep_run(
    folder: Path,
    ids: Sequence[str],
    outcomes: Callable[[set[str]], Iterator[Written | Failure]],
    *,
    models: dict[str, str],
    traced: bool = False,
    progress: Progress | None = None,
) -> int:
    """Keep dialogues as they finish, those that the folder has neither a dialogue nor a failure for.

    Parameters
    ----------
    folder : Path
    ids : sequence of str
        Of all dialogues of the run, in their order.
    outcomes : callable
        Makes the dialogues with these ids.
    models : dict of str to str
        For the record.
    traced : bool
        The plans came about in the writing: they are kept too, each before its dialogue.
    progress : callable, optional

    Returns
    -------
    int
        Utterances written by this call.
    """
    done = {record["id"] for record in recover(folder / DIALOGUES)}
    done |= {record["plan_id"] for record in recover(folder / FAILURES)}
    beside = (CONTRADICTED, *([TRACE] if traced else []))
    for name in beside:
        keep_only(folder / name, done)
    n_done, n_utterances = len(done), 0
    with ExitStack() as stack:
        good, bad, thrown = (stack.enter_context(appending(folder / name)) for name in (DIALOGUES, FAILURES, CONTRADICTED))
        traces = stack.enter_context(appending(folder / TRACE)) if traced else None
        for outcome in outcomes({one for one in ids if one not in done}):
            if traces:
                append(traces, plan_json(outcome.plan))
            if isinstance(outcome, Written):
                for record in contradicted_of(outcome):
                    append(thrown, json.dumps(record.model_dump(), ensure_ascii=False))
                append(good, records.to_json(record_of(outcome, models=models)))
                n_utterances += len(outcome.turns)
            else:
                append(bad, json.dumps(lost_of(outcome, models=models), ensure_ascii=False))
                n_utterances += len(outcome.written)
            n_done += 1
            if progress:
                progress("dialogues", n_done, len(ids))
    order = {one: i for i, one in enumerate(ids)}
    put_in_order(folder / DIALOGUES, key=lambda record: order[record["id"]])
    put_in_order(folder / FAILURES, key=lambda record: order[record["plan_id"]])
    for name in beside:
        put_in_order(folder / name, key=lambda record: order[record["id"]])
    return n_utterances


def trace_run(
    folder: Path, config: GenerateConfig, catalog, listener, *, play: Play, options: Options, models: dict[str, str],
    progress: Progress | None = None,
) -> int:  # fmt: skip
    """A run of a recipe that plans as it writes; its plans are in place once all of them are there.

    Parameters
    ----------
    folder, listener, play, options, models, progress
        As for :func:`write_run`.
    config : GenerateConfig
    catalog : Catalog

    Returns
    -------
    int
        Utterances written by this call.
    """
    from mdialog import recipes

    recipe, of_recipe = recipes.load(config.recipe), recipes.options_of(config.recipe, config.recipe_options)
    ids = recipe.ids(config.n, shard=config.part)

    def outcomes(todo: set[str]) -> Iterator[Written | Failure]:
        return recipe.play_many(
            [one for one in ids if one in todo], catalog, listener, play=play, writing=options, seed=config.seed,
            options=of_recipe, claims=config.claims,
        )  # fmt: skip

    n = keep_run(folder, ids, outcomes, models=models, traced=True, progress=progress)
    (folder / TRACE).replace(folder / PLANS)
    return n


def summary(folder: Path, *, start: float, n_utterances: int, note: str = "") -> Summary:
    """What the folder holds now."""
    return Summary(
        out=folder,
        n_dialogues=len(recover(folder / DIALOGUES)),
        n_failed=len(recover(folder / FAILURES)),
        seconds=time.monotonic() - start,
        n_utterances=n_utterances,
        note=note,
    )


def player(cache_of_audio, *, sample_rate: int) -> Play:
    """How clips are played: out of the audio cache, at the listener's rate."""
    from mdialog.audio import content_hash

    hash_of = cache(content_hash)

    def play(plan: Plan, clip: Clip):
        path = plan.tracks[clip.track_id].path
        if path is None:
            raise InputError(f"plan {plan.id} plays {clip.track_id!r}, which has no sound; plan again")
        samples = cache_of_audio.clip(
            path, hash_of(path), start_s=clip.start_s, end_s=clip.end_s, sample_rate=sample_rate
        )
        if not len(samples):
            raise InputError(f"{path}: no sound from {clip.start_s:g} to {clip.end_s:g} s; ingest and plan again")
        return samples

    return play
