"""Consistency on cases with known answers: perfect, random, constant; and on plans, whose words are the catalogue's own."""

import dataclasses
import json
import math

import numpy as np
import pytest

from mdialog import seeds
from mdialog.dialogue import Dialogue
from mdialog.errors import InputError
from mdialog.evaluate.consistency import (
    PERMUTATIONS,
    evaluate_consistency,
    found,
    table,
    text_scores,
    words,
)
from mdialog.pairs import pairs
from mdialog.recipes.talk_the_walk import plan_many
from mdialog.snapshot import Snapshot
from mdialog.synth.tables import draw_tables, labels


@pytest.fixture(scope="module")
def snapshot():
    return Snapshot.from_arrow(*draw_tables(300, seed=9, dim=16, gaps=0.0), labels=labels())


@pytest.fixture(scope="module")
def planned(snapshot):
    return list(plan_many(snapshot, seed=2, n=15))


def test_perfect_scores_find_every_set():
    result = found(np.eye(40))
    assert result.mrr == 1 and result.hits[1].value == result.hits[5].value == 1 and result.n == 40
    assert result.p == pytest.approx(1 / (1 + PERMUTATIONS))
    assert result.shuffled_mrr[2] < 0.3 and result.hits[1].interval[0] > 0.9


def test_the_wrong_way_round_finds_nothing():
    result = found(-np.eye(40))
    assert result.mrr == pytest.approx(1 / 40) and result.hits[5].hits == 0 and result.p == 1


def test_ranks_are_counted():
    scores = np.array([[3.0, 2, 1], [3, 2, 1], [3, 2, 1]])  # own sets at 1, 2, 3
    result = found(scores)
    assert result.mrr == pytest.approx((1 + 1 / 2 + 1 / 3) / 3) and result.hits[1].hits == 1 and result.hits[5].hits == 3
    assert result.chance_mrr == pytest.approx((1 + 1 / 2 + 1 / 3) / 3) and result.chance_hits == {1: 1 / 3, 5: 1}


@pytest.mark.parametrize("scores", [np.zeros((200, 200)), np.random.default_rng(1).random((200, 200))], ids=["equal", "random"])
def test_scores_that_know_nothing_are_at_chance(scores):
    result = found(scores)
    assert result.mrr == pytest.approx(result.chance_mrr, abs=0.03)
    assert result.shuffled_mrr[0] == pytest.approx(result.chance_mrr, abs=0.005)
    assert result.hits[5].interval[0] < result.chance_hits[5] < result.hits[5].interval[1]
    assert result.p > 0.01


def test_chance_is_the_mean_reciprocal_rank_of_a_random_order():
    assert found(np.zeros((4, 4))).chance_mrr == pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 4) / 4)


def test_one_pair_alone_is_found_whatever_is_said():
    result = found(np.zeros((1, 1)))
    assert result.mrr == result.chance_mrr == result.p == 1


def test_text_finds_the_document_that_shares_its_rare_words():
    documents = ["slow jazz piano", "fast jazz drums", "jazz jazz jazz", "été polka"]
    scores = text_scores(["Some SLOW piano, please!", "drums", "no such word", "Été?"], documents)
    assert scores.shape == (4, 4)
    assert scores[[0, 1, 3]].argmax(axis=1).tolist() == [0, 1, 3] and not scores[2].any()
    assert not text_scores(["slow"], ["", "!"]).any()


def test_sets_are_described_by_names_and_values(snapshot):
    text = words(snapshot, np.array([3, 8]))
    for track in (3, 8):
        ref = snapshot.ref(track)
        assert ref.title in text and ref.artist in text
        row = snapshot.rows[track]
        for v, (_, value) in enumerate(snapshot.values):
            if int(row[v >> 6]) >> (v & 63) & 1:
                assert value in text


def _teller(snapshot, planned):
    """An embedder of text that knows which set each utterance is for."""
    place = {row["query"]: snapshot.embedding[[snapshot.index[i] for i in row["positives"]]].mean(axis=0)
             for row in pairs(planned)}  # fmt: skip
    return lambda texts: np.array([place[text] for text in texts])


def _dialogue(plan, number):
    """The plan with an utterance of its own for every turn."""
    turns = [{"role": t.role, "content": f"utterance {i} of {plan.id} {number}", "intent": list(t.intents),
              "music_attribute": [], "track_seq": list(t.track_seq)} for i, t in enumerate(plan.turns)]  # fmt: skip
    tracks = {k: {"title": t.title, "artist": t.artist} for k, t in plan.tracks.items()}
    return Dialogue.model_validate({"id": plan.id, "recipe": "x", "seed": 0, "persona": {}, "goal": {}, "models": {},
                                    "tracks": tracks, "turns": turns})  # fmt: skip


def test_who_says_what_the_set_sounds_like_is_found_by_sound(snapshot, planned):
    talks = [_dialogue(plan, i) for i, plan in enumerate(planned)]
    result = evaluate_consistency(talks, snapshot, embed_text=_teller(snapshot, talks))
    assert result.by_sound.hits[1].value > 0.95 and result.n_dialogues == len(talks)
    assert result.by_sound.n == sum(len(t.turns) // 2 for t in talks)
    # "utterance 0 of tw ..." says nothing of any track.
    assert result.by_text.mrr == pytest.approx(result.by_text.chance_mrr, abs=0.08)


def test_an_embedder_that_does_not_know_is_at_chance(snapshot, planned):
    def nonsense(texts):
        return np.array([seeds.generator(0, text).normal(size=snapshot.embedding.shape[1]) for text in texts])

    talks = [_dialogue(plan, i) for i, plan in enumerate(planned)]
    result = evaluate_consistency(talks, snapshot, embed_text=nonsense)
    assert result.by_sound.mrr == pytest.approx(result.by_sound.chance_mrr, abs=0.08)
    assert result.by_sound.p > 0.01


def _answered_by(plan, other):
    """A plan's users with another one's sets."""
    turns = tuple(b if b.role == "assistant" else a for a, b in zip(plan.turns, other.turns, strict=False))
    return dataclasses.replace(plan, turns=turns, tracks={**plan.tracks, **other.tracks})


def test_what_was_planned_finds_its_set_by_text_far_above_chance(snapshot, planned):
    result = evaluate_consistency(planned, snapshot)
    assert result.by_sound is None
    assert result.by_text.mrr > 4 * result.by_text.chance_mrr and result.by_text.p < 0.01
    shifted = [_answered_by(one, other) for one, other in zip(planned, planned[1:], strict=False)]
    assert evaluate_consistency(shifted, snapshot).by_text.mrr < result.by_text.mrr / 2


def test_the_same_seed_gives_the_same_figures(snapshot, planned):
    one, other = (evaluate_consistency(planned, snapshot, seed=3) for _ in range(2))
    assert one == other


def test_sets_without_sound_are_left_out_of_the_sound(snapshot, planned):
    deaf = dataclasses.replace(snapshot, embedding=np.zeros_like(snapshot.embedding))
    result = evaluate_consistency(planned, deaf, embed_text=lambda texts: np.ones((len(texts), 16)))
    assert result.by_sound is None and result.by_text.n > 0


def test_nothing_to_judge_and_another_catalogue_are_refused(snapshot, planned):
    with pytest.raises(InputError, match="recommend nothing"):
        evaluate_consistency([], snapshot)
    other = Snapshot.from_arrow(*draw_tables(5, seed=1, dim=16), labels=labels())
    with pytest.raises(InputError, match="not in the catalogue"):
        evaluate_consistency(planned, other)


def test_the_table_holds_the_figures_and_json_takes_them(snapshot, planned):
    result = evaluate_consistency(planned, snapshot, embed_text=_teller(snapshot, planned))
    text = table(result)
    assert f"{result.by_text.mrr:.3f}" in text and f"{result.by_sound.mrr:.3f}" in text and "chance" in text
    rows = [line for line in text.split("\n") if line.startswith("|")]
    assert len(rows) == 4 and len({row.count("|") for row in rows}) == 1
    assert not math.isnan(json.loads(json.dumps(dataclasses.asdict(result)))["by_text"]["mrr"])
