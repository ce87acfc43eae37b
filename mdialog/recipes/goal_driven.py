"""Goal-driven: a seeker with a hidden goal and a recommender who knows only what was said; nothing is planned ahead.

The kind of dialogue of TalkPlayData 2 (arXiv 2509.09685), in which both sides hear. This recipe plans as it writes: the plan
of a dialogue is the trace that it leaves.
"""

import dataclasses
import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from mdialog import personas, seeds
from mdialog.attributes import Attribute
from mdialog.cascade import Goal, draw_goal
from mdialog.errors import InputError
from mdialog.evidence import Evidence, witness
from mdialog.files import write_text
from mdialog.finder import Finder
from mdialog.intents import kind_weights
from mdialog.listener.base import Listener
from mdialog.plan import Clip, Plan, read_plans
from mdialog.pursuit import Stage, pursue
from mdialog.recipes.audio_dialogue import playable
from mdialog.recipes.music_discovery import FAVOUR
from mdialog.recipes.talk import noted
from mdialog.referee import Referee
from mdialog.seeker import Seeker
from mdialog.snapshot import Snapshot, count
from mdialog.verdicts import Verifier, judge_of
from mdialog.write import Failure, Game, Play, Written, side_by_side
from mdialog.write import Options as Writing

NAME = "goal-driven"
FIGURES = "goals.json"  # in the run folder
PATIENCE = (2, 5)  # recommendations in a row without a step toward the goal
AT_ONCE = {"vague": 1, "specific": 2}  # wishes of the opening
GOAL_DRAWS = 20  # goals drawn until one can be spoken of
COMMON = 0.02  # what is left of a wish's weight if every track satisfies it


class Options(BaseModel):
    """What may be asked of this recipe."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sonic: float = Field(default=0.7, ge=0, le=1, description="how often wishes name what the sound shows; 0 as people do")
    wishes: int = Field(default=6, ge=1, le=20, description="attributes of the goal that the seeker has in mind at most")
    candidates: int = Field(default=4, ge=1, le=10, description="tracks that the recommender hears before it picks one")
    max_turns: int = Field(default=12, ge=4, le=12, description="turns of both sides together at most")


def ids(n: int, *, shard: tuple[int, int] = (0, 1)) -> list[str]:
    """Ids of a shard's dialogues, ``gd-000000`` and so on; which part of how many is counted from 0."""
    return [f"gd-{i:06d}" for i in range(shard[0], n, shard[1])]


def play_many(
    wanted: Iterable[str], catalog, listener: Listener, *, play: Play, writing: Writing, seed: int,
    options: Options | None = None, claims: bool = True,
) -> Iterator[Written | Failure]:  # fmt: skip
    """Play dialogues, yielding each as soon as it is finished; each is the same whatever is played beside it.

    Parameters
    ----------
    wanted : iterable of str
        Of :func:`ids`.
    catalog : Catalog
    listener : Listener
        Who speaks for both sides, hears for both sides, and writes the queries.
    play : callable
        ``play(plan, clip)``: samples.
    writing : mdialog.write.Options
    seed : int
        Of the run.
    options : Options, optional
    claims : bool
        Reject what the signal contradicts.

    Yields
    ------
    Written or Failure
        With the plan as it came about.

    Raises
    ------
    InputError
        If no track of the catalogue can be played, or no goal can be spoken of.
    """
    options, snapshot = options or Options(), Snapshot.of(catalog)
    playable(snapshot)
    judge = judge_of(catalog.about.clap_model, catalog.about.clap_source)
    referee = Referee(_Witness(catalog), Verifier(judge)) if claims else None
    stage = Stage(Finder(catalog, snapshot), play, writing, referee, options.candidates, options.max_turns)
    games = (start(one, stage, seed=seed, options=options) for one in wanted)
    return side_by_side(games, listener, batch=writing.batch, seed=writing.seed)


def start(dialogue_id: str, stage: Stage, *, seed: int, options: Options) -> Game:
    """One dialogue, ready to be played: its goal, and who seeks it.

    Raises
    ------
    InputError
        If no goal can be spoken of.
    """
    rng, snapshot = seeds.stdlib(seed, dialogue_id), stage.finder.snapshot
    persona = personas.draw(int(dialogue_id.removeprefix("gd-")), seed=seed)
    persona["patience"] = str(rng.randint(*PATIENCE))
    family = personas.FAMILIES[persona["goal_family"]]
    weights = {kind: weight * (FAVOUR if kind in family else 1) for kind, weight in kind_weights(options.sonic).items()}
    for _ in range(GOAL_DRAWS):
        goal = draw_goal(rng, snapshot, weights=weights, narrow=persona["goal_target"] == "narrow")
        if wants := in_mind(rng, snapshot, goal, weights=weights, n=options.wishes):
            break
    else:
        raise InputError(f"none of {GOAL_DRAWS} goals has anything that can be asked for; ingest music with tags or sound")
    plan = Plan(
        id=dialogue_id, recipe=NAME, seed=seed, persona=persona, turns=(),
        goal={**noted(goal, snapshot), "in_mind": list(map(str, wants)), "sonic": options.sonic},
    )  # fmt: skip
    absent = frozenset(Attribute(*snapshot.values[v], "avoid") for v in goal.absent.tolist())
    seeker = Seeker(
        goal, snapshot.embedding, wants, absent, at_once=AT_ONCE[persona["goal_query"]], patience=int(persona["patience"]),
        rng=seeds.stdlib(seed, dialogue_id, "seeker"),
    )  # fmt: skip
    return pursue(plan, seeker, stage)


def in_mind(rng: random.Random, snapshot: Snapshot, goal: Goal, *, weights: Mapping[str, float], n: int) -> list[Attribute]:
    """Up to `n` things that the goal's tracks share, drawn by kind and by how few other tracks have them."""
    share = count(snapshot.bits[goal.shared]) / len(snapshot)
    left = {
        Attribute(*snapshot.values[v]): (weights.get(snapshot.values[v][0], 0.0) + 0.001) * (1 - s + COMMON)
        for v, s in zip(goal.shared.tolist(), share.tolist(), strict=True)
    }
    drawn: list[Attribute] = []
    while left and len(drawn) < n:
        drawn += rng.choices(list(left), weights=list(left.values()))
        del left[drawn[-1]]
    return drawn


class _Witness:
    """Evidence of clips of any track, read when it is first asked for: nobody knows before which tracks will be heard."""

    def __init__(self, catalog):
        self._read = lru_cache(maxsize=256)(lambda track_id: witness(catalog, [track_id]))

    def of(self, clip: Clip) -> Evidence | None:
        return self._read(clip.track_id).of(clip)


# ---- what came of a run


@dataclass(frozen=True)
class Figures:
    """What a run came to.

    Parameters
    ----------
    n : int
        Dialogues, the failed ones too.
    n_failed : int
    met : float or None
        Share of the finished ones whose goal was met.
    ended : dict of str to int
        How the finished ones ended.
    turns_to_goal : float or None
        Mean number of turns up to the acceptance that met the goal.
    n_queries : int
        That were to be written.
    first_query : float or None
        Share of them of which the first candidate parsed and found something.
    read_right : float or None
        Share of those taken that ask for exactly what the seeker's turn was to say.
    n_offers : int
    accepted, toward : float or None
        Shares of the recommendations that were judged.
    satisfied : float or None
        Share of recommendations that satisfy all that was said and not taken back.
    chance : float or None
        The same share of tracks taken at random.
    by : str
        Who judges that: the composer's labels, or the catalogue's columns.
    """

    n: int
    n_failed: int
    met: float | None
    ended: dict[str, int]
    turns_to_goal: float | None
    n_queries: int
    first_query: float | None
    read_right: float | None
    n_offers: int
    accepted: float | None
    toward: float | None
    satisfied: float | None
    chance: float | None
    by: str

    def __str__(self) -> str:
        def share(x: float | None) -> str:
            return "-" if x is None else f"{x:.2f}"

        turns = "" if self.turns_to_goal is None else f" after {self.turns_to_goal:.1f} turns"
        return (
            f"goals met {share(self.met)}{turns}; of {self.n_queries} queries {share(self.first_query)} were good at once, "
            f"{share(self.read_right)} read right; of {self.n_offers} offers {share(self.satisfied)} satisfy what was said "
            f"by {self.by} (chance {share(self.chance)})"
        )


def figures(plans: Sequence[Plan], failed: Mapping[str, Mapping], snapshot: Snapshot) -> Figures:
    """What these dialogues came to.

    Parameters
    ----------
    plans : sequence of Plan
        Traces, also of failed dialogues.
    failed : mapping of str to mapping
        Records of ``failures.jsonl`` by the plan's id.
    snapshot : Snapshot
        Of their catalogue.
    """
    finished = [plan for plan in plans if plan.id not in failed]
    steps = [step for plan in plans for step in plan.goal["steps"]]
    queries = [step for step in steps if step["query"] is not None]
    lost = sum(record["intents"] == ["search"] for record in failed.values())
    met = [plan for plan in finished if plan.goal["met"]]
    ends = [plan.goal["ended"] for plan in finished]
    judged = [step for step in steps if "accepted" in step]
    satisfied, by = _satisfied(plans, snapshot)
    return Figures(
        n=len(plans), n_failed=len(plans) - len(finished), met=_mean([plan.goal["met"] for plan in finished]),
        ended={end: ends.count(end) for end in sorted(set(ends))},
        turns_to_goal=_mean([len(plan.turns) - 1 for plan in met]),  # the closing is not counted
        n_queries=len(queries) + lost,
        first_query=_mean([step["rejected"] == 0 for step in queries] + [False] * lost),
        read_right=_mean([step["read_right"] for step in queries]), n_offers=len(steps),
        accepted=_mean([step["accepted"] for step in judged]), toward=_mean([step["toward"] for step in judged]),
        satisfied=satisfied.share if satisfied else None, chance=satisfied.chance if satisfied else None, by=by,
    )  # fmt: skip


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _satisfied(plans: Sequence[Plan], snapshot: Snapshot):
    """Share of offers that satisfy what was said, beside chance, and by whom it is judged."""
    from mdialog.evaluate.relevance import evaluate_relevance

    if not any(turn.track_seq for plan in plans for turn in plan.turns):
        return None, "nobody"
    found = evaluate_relevance(plans, snapshot)
    return (found.by_labels.tracks, "labels") if found.by_labels else (found.by_columns.tracks, "columns")


def report(folder: Path, catalog) -> str:
    """Figures of a finished run folder, kept in it as `FIGURES`; returns them in a line."""
    from mdialog.ledger import recover
    from mdialog.run import FAILURES, PLANS

    failed = {record["plan_id"]: record for record in recover(folder / FAILURES)}
    found = figures(list(read_plans(folder / PLANS)), failed, Snapshot.of(catalog))
    write_text(folder / FIGURES, json.dumps(dataclasses.asdict(found), indent=1) + "\n")
    return str(found)
