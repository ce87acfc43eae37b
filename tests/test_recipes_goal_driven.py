"""Goal-driven dialogues: played by a listener that hears well, is deaf, or writes bad queries; and as a run on the disk."""

import json
import random
import re
from collections import Counter
from pathlib import Path

import pursuits
import pytest

from mdialog import brief as briefs
from mdialog import dialogue, recipes, run, wording
from mdialog import plan as plans
from mdialog.attributes import Attribute
from mdialog.checks import faults
from mdialog.errors import InputError
from mdialog.evaluate.relevance import evaluate_relevance
from mdialog.finder import Finder
from mdialog.plan import PlannedTurn
from mdialog.pursuit import Recommender, Stage, Talk
from mdialog.recipes import goal_driven
from mdialog.snapshot import Snapshot
from mdialog.write import Failure, Options, Written, WrittenTurn

WRITING = Options(max_rounds=5)
N = 24


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    return pursuits.catalog(tmp_path_factory.mktemp("goals"))


@pytest.fixture(scope="module")
def snapshot(catalog):
    return Snapshot.of(catalog)


def played(catalog, listener, ids=None, *, writing=WRITING, play=pursuits.silence, **options):
    options = goal_driven.Options(**options)
    ids = goal_driven.ids(N) if ids is None else ids
    return list(goal_driven.play_many(ids, catalog, listener, play=play, writing=writing, seed=1, options=options))


class Requests(list):
    """Every request that a run makes, once."""

    def note(self, requests):
        self += [request for request in requests if request.id not in {one.id for one in self}]


@pytest.fixture(scope="module")
def asked():
    return Requests()


@pytest.fixture(scope="module")
def well(catalog, snapshot, asked):
    """Dialogues of a listener that hears."""
    return played(catalog, pursuits.Player(snapshot, on_write=asked.note))


def users(plan):
    return [turn for turn in plan.turns if turn.role == "user"]


def texts(outcomes):
    return {o.plan.id: (plans.to_json(o.plan), [turn.text for turn in o.turns]) for o in outcomes}


def test_who_hears_well_meets_most_goals(well, snapshot):
    assert len(well) == N and all(isinstance(one, Written) for one in well)
    found = goal_driven.figures([one.plan for one in well], {}, snapshot)
    assert found.met > 0.8 and found.satisfied == 1.0 > 3 * found.chance and found.by == "columns"
    assert found.read_right == 1.0 and 0.4 < found.first_query < 0.95 and 4 <= found.turns_to_goal + 1 <= 12


def test_every_dialogue_is_one(well, snapshot):
    for one in well:
        plan = one.plan
        assert 4 <= len(plan.turns) <= 12 and len(plan.turns) == len(one.turns)
        assert [turn.role for turn in plan.turns] == ["user", "assistant"] * (len(plan.turns) // 2)
        assert plan.turns[-1].intents == ("sympathetic_response",)
        assert plans.from_json(plans.to_json(plan)) == plan
        dialogue.validate(run.record_of(one, models={}).model_dump())
        offers = [turn.track_seq[0] for turn in plan.turns if turn.track_seq]
        assert len(set(offers)) == len(offers) == len(plan.goal["steps"])
        for turn, offer in zip(users(plan)[1:], offers, strict=True):
            assert (*turn.liked, *turn.refused) == (offer,) and turn.clips[-1].track_id == offer
        goal = {Attribute.parse(text) for text in plan.goal["attributes"]}
        for attribute in (Attribute.parse(text) for turn in users(plan) for text in turn.attributes):
            assert attribute in goal if attribute.polarity == "want" else attribute not in goal


def test_the_end_is_what_the_goal_says(well):
    for one in well:
        goal, last, offers = one.plan.goal, users(one.plan)[-1], [t.track_seq[0] for t in one.plan.turns if t.track_seq]
        assert goal["met"] == (goal["ended"] == "met")
        assert goal["met"] == (last.intents == ("accept_response",) and offers[-1] in goal["track_ids"])
        assert not last.attributes and not last.removed
        accepted = [track for turn in users(one.plan) for track in turn.liked]
        assert not set(accepted[:-1]) & set(goal["track_ids"])  # the first that is met is the last


def test_every_turn_passes_the_checks_with_the_plan_that_was_left(well):
    for one in well:
        said = [turn.text for turn in one.turns]
        for i, text in enumerate(said):
            assert not faults(text, briefs.build(one.plan, i, said[:i]), plan=one.plan, turn_index=i)


def everything(request) -> str:
    return "\n".join(part["text"] for message in request.messages for part in message["content"] if part["type"] == "text")


def test_nothing_of_the_goal_reaches_the_recommender(well, asked):
    plan_of, n = {one.plan.id: one.plan for one in well}, Counter()
    for request in asked:
        (name, i), rest = request.id.split(" ")[0].split("/")[:2], "/".join(request.id.split("/")[2:])
        plan, i = plan_of[name], int(i)
        if rest.startswith("seeker hears") or (not rest and plan.turns[i].role == "user"):
            n["seeker"] += 1
            continue
        said = {text for turn in plan.turns[:i] for text in turn.attributes}
        hidden = [Attribute.parse(text) for text in plan.goal["attributes"] if text not in said]
        known = " ".join(text for text in said)
        # What was said may be in the words of what was not: "minor" of "D minor".
        hidden = [a for a in hidden if not wording.find(a.kind, a.value, known)]
        text = everything(request)
        for attribute in hidden:
            assert not wording.find(attribute.kind, attribute.value, text), (request.id, attribute, text)
        offered = {track for turn in plan.turns[: i + 1] for track in turn.track_seq}
        for track_id in () if "hears" in rest else set(plan.goal["track_ids"]) - offered:
            assert f"Bluebird {int(track_id, 16):02d}" not in text
        n[rest.split(" ")[0] or "says"] += 1
    assert min(n[what] for what in ("seeker", "says", "search", "recommender")) >= N, n


def test_what_is_said_to_the_writer_holds_no_step(well, asked):
    assert not any(re.search(r"toward|in_mind|\bnear\b|patience", everything(request)) for request in asked)


def test_the_ear_decides_for_the_seeker_and_not_the_catalogue(catalog, snapshot):
    class Contrary(pursuits.Player):
        """Hears the opposite of what the catalogue says."""

        def _hear(self, ask, title):
            told = super()._hear(ask, title)
            return {"Yes.": "No.", "No, not that.": "Yes."}.get(told, "Hard to say.")

    outcomes = played(catalog, Contrary(snapshot))
    judged = [step for one in outcomes for step in one.plan.goal["steps"] if step.get("heard")]
    assert sum(not step["accepted"] for step in judged) > 0.5 * len(judged) > 5
    dropped = [text for one in outcomes for turn in one.plan.turns for text in turn.removed]
    assert dropped and all(Attribute.parse(text).kind in ("instrument", "mood") for text in dropped)


def test_a_deaf_listener_leaves_every_attribute_open(catalog, snapshot):
    outcomes = played(catalog, pursuits.Player(snapshot, deaf=True))
    steps = [step for one in outcomes for step in one.plan.goal["steps"]]
    assert len(steps) > N and all(step["heard"] == {} and set(step["fits"]) == {0} for step in steps)
    assert not any(turn.removed or turn.refused for one in outcomes for turn in one.plan.turns)
    assert "patience" in {one.plan.goal["ended"] for one in outcomes}


def test_bad_queries_are_drawn_again_and_counted(well):
    steps = [step for one in well for step in one.plan.goal["steps"] if step["query"] is not None]
    assert {step["rejected"] for step in steps} >= {0, 1, 2}


def test_a_listener_that_writes_no_query_fails_loudly(catalog, snapshot):
    outcomes = played(catalog, pursuits.Player(snapshot, bad_queries=1.0))
    assert len(outcomes) == N and all(isinstance(one, Failure) for one in outcomes)
    for one in outcomes:
        assert (one.turn, one.role, one.intents) == (1, "assistant", ("search",)) and len(one.written) == 1
        assert one.candidates == 17 and sum(one.rejected.values()) == 17
        assert set(one.rejected) <= {"search.parse", "search.finds"} and one.examples[0]["faults"]
        assert [turn.role for turn in one.plan.turns] == ["user"] and one.plan.goal["ended"] is None
    failed = {one.plan_id: {"intents": list(one.intents)} for one in outcomes}
    found = goal_driven.figures([one.plan for one in outcomes], failed, snapshot)
    assert (found.n_queries, found.first_query, found.n_failed, found.met, found.satisfied) == (N, 0.0, N, None, None)


def test_tracks_that_cannot_be_played_are_a_failure_not_a_crash(catalog, snapshot):
    def broken(plan, clip):
        raise InputError("gone.flac: no such file; check the path")

    outcomes = played(catalog, pursuits.Player(snapshot, bad=0, bad_queries=0), goal_driven.ids(3), play=broken)
    assert [(one.turn, one.reason) for one in outcomes] == [(1, "gone.flac: no such file; check the path")] * 3


@pytest.mark.parametrize("batch", [1, 5])
def test_what_stands_beside_a_dialogue_does_not_change_it(catalog, snapshot, well, batch):
    alone = played(catalog, pursuits.Player(snapshot), goal_driven.ids(N)[::-3], writing=Options(max_rounds=5, batch=batch))
    assert len(alone) == N // 3 and texts(alone).items() <= texts(well).items()


def test_shards_share_the_dialogues():
    parts = [goal_driven.ids(10, shard=(i, 3)) for i in range(3)]
    assert sorted(sum(parts, [])) == goal_driven.ids(10) and len(goal_driven.ids(10)) == 10


def test_what_stands_alike_shares_a_call(catalog, snapshot):
    sizes = Counter()

    def look(requests):
        kinds = {"search" if r.id.endswith("/search") else "hear" if " hears " in r.id else "say" for r in requests}
        sizes["+".join(sorted(kinds))] = max(sizes["+".join(sorted(kinds))], len(requests))

    played(catalog, pursuits.Player(snapshot, bad=0, bad_queries=0, on_write=look))
    assert sizes["say"] == sizes["search"] == N and sizes["hear"] > 2 * N


@pytest.mark.parametrize("most", [4, 6])
def test_turns_are_bounded_and_options_hold(catalog, snapshot, most):
    outcomes = played(catalog, pursuits.Player(snapshot), goal_driven.ids(8), max_turns=most, candidates=1, wishes=1)
    assert max(len(one.plan.turns) for one in outcomes) == most
    assert {step["candidates"] for one in outcomes for step in one.plan.goal["steps"]} == {1}
    assert {len(one.plan.goal["in_mind"]) for one in outcomes} == {1}


@pytest.mark.parametrize("given", [{"max_turns": 3}, {"candidates": 0}, {"wishes": 0}, {"sonic": 2}, {"colour": 1}])
def test_wrong_options_are_named(given):
    with pytest.raises(InputError, match=f"goal-driven.*{next(iter(given))}"):
        recipes.options_of("goal-driven", given)


def test_a_catalogue_that_cannot_be_played_is_refused(catalog, snapshot, tmp_path):
    from small_clap import small_clap

    from mdialog.catalog import Catalog

    with pytest.raises(InputError, match="can be played"):
        played(Catalog.create(tmp_path / "empty", clap=small_clap()), pursuits.Player(snapshot), ["gd-000000"])


# ---- as a run

FILES = (run.DIALOGUES, run.FAILURES, run.CONTRADICTED, run.PLANS)


def config(folder: Path, catalog, **options):
    return run.config_from({"catalog": catalog.path, "out": folder, "recipe": "goal-driven", "n": 10} | options)


def written(folder: Path, catalog, snapshot, **options) -> list[bytes]:
    folder.mkdir(exist_ok=True)
    run.trace_run(
        folder, config(folder, catalog), catalog, pursuits.Player(snapshot, bad=0.6, **options), play=pursuits.silence,
        options=Options(batch=4, max_rounds=2), models={"listener": "player@1"},
    )  # fmt: skip
    assert not (folder / run.TRACE).exists()
    return [(folder / name).read_bytes() for name in FILES]


@pytest.fixture(scope="module")
def whole(tmp_path_factory, catalog, snapshot):
    """A run that nothing interrupted, some of whose dialogues failed."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    written(folder, catalog, snapshot)
    return folder


def test_a_run_holds_a_trace_of_every_dialogue_in_order(whole):
    made = list(plans.read_plans(whole / run.PLANS))
    good = {d.id: d for d in dialogue.read_dialogues(whole / run.DIALOGUES)}
    bad = {record["plan_id"]: record for record in run.recover(whole / run.FAILURES)}
    assert [plan.id for plan in made] == goal_driven.ids(10) and good and bad
    assert sorted([*good, *bad]) == goal_driven.ids(10)
    for plan in made:
        if plan.id in good:
            assert [turn.intent for turn in good[plan.id].turns] == [list(turn.intents) for turn in plan.turns]
            assert good[plan.id].goal == plan.goal
        else:
            assert "plan" not in bad[plan.id] and len(bad[plan.id]["written"]) == bad[plan.id]["turn"]


@pytest.mark.parametrize("at", [1, 4, 9, 15, 22])
def test_a_crash_anywhere_changes_nothing_in_the_end(tmp_path, catalog, snapshot, whole, at):
    calls = []

    def crash(requests):
        calls.append(requests)
        if len(calls) == at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        written(tmp_path / "run", catalog, snapshot, on_write=crash)
    assert not (tmp_path / "run" / run.PLANS).exists()
    assert written(tmp_path / "run", catalog, snapshot) == [(whole / name).read_bytes() for name in FILES]


def test_a_trace_without_its_dialogue_is_made_again(tmp_path, catalog, snapshot, whole):
    folder = tmp_path / "run"
    folder.mkdir()
    lines = (whole / run.PLANS).read_bytes().splitlines(keepends=True)
    (folder / run.TRACE).write_bytes(b"".join(lines[:3]) + lines[3][:77])  # killed before the first dialogue was kept
    assert written(folder, catalog, snapshot) == [(whole / name).read_bytes() for name in FILES]


def test_the_report_is_kept_and_counts_what_failed(whole, catalog):
    line = goal_driven.report(whole, catalog)
    found = json.loads((whole / goal_driven.FIGURES).read_text())
    assert found["n"] == 10 and found["n_failed"] == len(run.recover(whole / run.FAILURES)) and "goals met" in line
    assert sum(found["ended"].values()) == 10 - found["n_failed"]


def test_evaluation_takes_the_traces(whole, catalog, snapshot):
    made = list(run.plan(config(whole, catalog), catalog))
    found = evaluate_relevance(made, snapshot)
    assert found.n_plans == 10 and found.refused == found.repeated == 0 and found.by_columns.tracks.share == 1.0
    assert run.referee_of(catalog, made)


def test_nothing_is_planned_before_it_is_written(tmp_path, catalog):
    with pytest.raises(InputError, match="plans as it writes"):
        list(run.plan(config(tmp_path, catalog), catalog))


@pytest.mark.parametrize("text", ["instrument:flute", "-genre:jazz"])
def test_a_wish_taken_back_leaves_the_query(catalog, snapshot, text):
    """The recommender's side alone: one wish, then the same taken back."""
    stage = Stage(Finder(catalog, snapshot), pursuits.silence, WRITING, None)
    talk = Talk(plans.Plan("x", "goal-driven", 0, {}, {}, ()), stage)
    recommender = Recommender(stage.finder, random.Random(0))
    listener = pursuits.Player(snapshot, bad_queries=0)
    attribute = Attribute.parse(text)
    words = {"want": f"Well, some {attribute.value}.", "avoid": f"Well, no {attribute.value}."}[attribute.polarity]
    asks, takes_back = PlannedTurn("user", ("add_filter",), (text,)), PlannedTurn("user", ("remove_filter",), removed=(text,))
    sizes = []
    for turn in (asks, takes_back):
        talk.written.append(WrittenTurn(words, 1, {}))
        steps = recommender.answer(talk, turn)
        try:
            ask = next(steps)
            while True:
                ask = steps.send(listener.write(ask.requests, n=ask.n, first=ask.first))
        except StopIteration as end:
            sizes.append(end.value.turn.pool_size)
    assert sizes[0] < sizes[1] == len(snapshot)
