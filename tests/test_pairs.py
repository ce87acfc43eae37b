"""Pairs hold the talk before a recommendation, its set, and what was refused: no more and no less."""

import json

import pytest

from mdialog import dialogue as records
from mdialog.attributes import Attribute
from mdialog.pairs import pairs
from mdialog.recipes.talk_the_walk import Options, plan_many
from mdialog.snapshot import Snapshot
from mdialog.synth.tables import draw_tables, labels


@pytest.fixture(scope="module")
def planned():
    snapshot = Snapshot.from_arrow(*draw_tables(300, seed=9, dim=16), labels=labels())
    return list(plan_many(snapshot, seed=4, n=12, options=Options(dislikes=0.7)))


def spoken(plan) -> records.Dialogue:
    """The plan as a dialogue whose turns say no more than their number."""
    turns = [
        {"role": t.role, "content": f"words {i}", "intent": t.intents, "music_attribute": t.attributes,
         "track_seq": t.track_seq, "liked": t.liked, "refused": t.refused}
        for i, t in enumerate(plan.turns)
    ]  # fmt: skip
    tracks = {k: {"title": t.title, "artist": t.artist} for k, t in plan.tracks.items()}
    return records.validate({"id": plan.id, "recipe": plan.recipe, "seed": 1, "persona": {}, "goal": {}, "models": {},
                             "tracks": tracks, "turns": json.loads(json.dumps(turns))})  # fmt: skip


def test_pairs_lead_from_the_talk_so_far_to_the_next_set(planned):
    n_negatives = 0
    for plan in planned:
        rows = list(pairs([spoken(plan)]))
        assert [tuple(row["positives"]) for row in rows] == [t.track_seq for t in plan.turns if t.track_seq]
        for row in rows:
            i = row["turn"]
            lines = row["history"].split("\n") if row["history"] else []
            assert row["query"] == f"words {i - 1}" and row["id"] == plan.id
            assert lines == [f"{t.role}: words {k}" for k, t in enumerate(plan.turns[: i - 1])]
            assert row["negatives"] == [x for t in plan.turns[:i] for x in t.refused]
            assert not set(row["negatives"]) & set(row["positives"])
            n_negatives += len(row["negatives"])
    assert n_negatives


def test_pairs_of_plans_read_in_the_query_language(planned):
    for plan in planned:
        for row in pairs([plan]):
            asked = plan.turns[row["turn"] - 1]
            for attribute in map(Attribute.parse, asked.attributes):
                assert attribute.kind in row["query"] and attribute.value in row["query"]
            assert row["query"]
    assert list(pairs([])) == []


def test_a_recommendation_that_nobody_asked_for_is_no_pair(planned):
    plan = planned[0]
    assert list(pairs([records.Dialogue.model_construct(id="x", turns=spoken(plan).turns[1:2])])) == []
