"""What is said is recorded as plans have it, with every track that was named and no other."""

import random

import numpy as np
import pytest

from mdialog import personas
from mdialog.attributes import Attribute
from mdialog.cascade import Cascade, Goal
from mdialog.plan import PlannedTurn, from_json, to_json
from mdialog.recipes.talk import Talk, noted, persona_of
from mdialog.snapshot import Snapshot
from mdialog.synth.tables import draw_tables, labels


@pytest.fixture(scope="module")
def snapshot():
    return Snapshot.from_arrow(*draw_tables(30, seed=1, dim=8), labels=labels())


@pytest.fixture
def talk(snapshot):
    none = np.array([], int)
    goal = Goal(np.array([7, 2]), np.array([0, 3]), none, snapshot.sketch[[7, 2]].mean(axis=0))
    return Talk(cascade=Cascade(snapshot, goal), rng=random.Random(0))


def test_a_goal_is_noted_by_what_it_shares_and_its_tracks(talk, snapshot):
    shared = [str(Attribute(*snapshot.values[v])) for v in (0, 3)]
    assert noted(talk.cascade.goal, snapshot) == {"attributes": shared, "track_ids": [snapshot.ids[t].as_py() for t in (7, 2)]}


def test_the_plan_holds_what_was_said_and_the_tracks_that_were_named(talk, snapshot):
    wish, gone = Attribute("mood", "calm"), Attribute("artist", "Sol's", "like")
    talk.seeker_says({"initial_query", "add_filter"}, added=[wish], lapsed=[gone], asks=("tempo",))
    talk.recommender_says(["passive_recommend"], tracks=[9, 4])
    talk.seeker_says({"accept_response"}, liked=[4], refused=[9], removed=[wish])
    talk.id_of(5)
    plan = talk.plan("x-1", recipe="soup", seed=3, persona={"user_manner": "m"}, sonic=0.5)
    ids = {track: snapshot.ref(track).track_id for track in (4, 5, 9)}
    assert plan.turns == (
        PlannedTurn("user", ("add_filter", "initial_query"), attributes=(str(wish),), lapsed=(str(gone),), asks=("tempo",)),
        PlannedTurn("assistant", ("passive_recommend",), track_seq=(ids[9], ids[4]), pool_size=talk.cascade.size),
        PlannedTurn("user", ("accept_response",), removed=(str(wish),), liked=(ids[4],), refused=(ids[9],)),
    )
    assert list(plan.tracks) == [ids[4], ids[5], ids[9]]
    assert plan.goal == {**noted(talk.cascade.goal, snapshot), "sonic": 0.5}
    assert (plan.id, plan.recipe, plan.seed, plan.persona) == ("x-1", "soup", 3, {"user_manner": "m"})
    assert from_json(to_json(plan)) == plan


def test_who_speaks_goes_by_the_number_of_the_dialogue():
    assert persona_of("md-000007", seed=2) == persona_of("tw-7", seed=2) == personas.draw(7, seed=2)
    unnumbered = {str(persona_of(name, seed=2)) for name in ("one", "another", "a third", "")}
    assert len(unnumbered) > 1 and persona_of("one", seed=2) == persona_of("one", seed=2)
