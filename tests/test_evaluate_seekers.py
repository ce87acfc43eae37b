"""Simulated seekers: tastes that can be satisfied, grades by the composer's labels, feedback that is fair to its control."""

import importlib.util
import shutil
import sys

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from mdialog import match
from mdialog.errors import InputError
from mdialog.evaluate import seekers as people
from mdialog.evaluate.relevance import composer_truth
from mdialog.match import Opinions
from mdialog.shelf import Shelf
from mdialog.snapshot import Snapshot
from mdialog.wants import read


@pytest.fixture(scope="module")
def shelf(catalog):
    return Shelf.of(catalog)


@pytest.fixture(scope="module")
def truth(shelf):
    return people.Truth.of(shelf, composer_truth(Snapshot.of(shelf.catalog)))


@pytest.fixture(scope="module")
def crowd(shelf, truth):
    return people.draw_seekers(shelf, truth, n=60, seed=3)


def test_the_same_seed_draws_the_same_people(shelf, truth, crowd):
    assert people.draw_seekers(shelf, truth, n=60, seed=3) == crowd
    assert people.draw_seekers(shelf, truth, n=5, seed=3) == crowd[:5]
    others = people.draw_seekers(shelf, truth, n=60, seed=4)
    assert sum(a.wish == b.wish for a, b in zip(crowd, others, strict=True)) < 5


def test_every_taste_can_be_satisfied(shelf, truth, crowd):
    for seeker in crowd:
        wants = len(seeker.said) + len(seeker.unsaid)
        assert people.grades(seeker, shelf, truth).max() >= wants - seeker.long_tail
        assert seeker.said and 2 <= wants <= 4


def test_wishes_say_what_is_said_and_nothing_else(crowd):
    for seeker in crowd:
        wants = read(seeker.wish).wants
        asked = {(w.kind, v) for w in wants if w.polarity == "want" for v in w.values} - {("popularity", "obscure")}
        assert asked >= set(seeker.said), seeker
        assert not asked & (set(seeker.unsaid) - set(seeker.said)), seeker
        refused = {v for w in wants if w.polarity == "avoid" and w.kind == "instrument" for v in w.values}
        assert refused == ({seeker.unwanted} if seeker.unwanted else set()), seeker
        assert (read(seeker.wish).lean == -1) == seeker.long_tail, seeker


def test_wishes_avoid_the_stored_words(crowd):
    said = [(v, s.wish.lower()) for s in crowd for k, v in s.said if k in ("mood", "energy")]
    assert said and not [wish for value, wish in said if f" {value} " in f" {wish} "]


def test_what_is_unwanted_is_worth_nothing(shelf, truth, crowd):
    seeker = next(s for s in crowd if s.unwanted)
    sounds = truth.has("instrument", seeker.unwanted)
    assert sounds.any() and not people.grades(seeker, shelf, truth)[sounds].any()


def test_ndcg_is_scikit_learns():
    rng = np.random.default_rng(0)
    for _ in range(20):
        grade, order = rng.integers(0, 4, 40), rng.permutation(40)
        score = np.zeros(40)
        score[order] = np.arange(40, 0, -1)
        expected = ndcg_score([2.0**grade - 1], [score], k=people.CUT, ignore_ties=True)
        assert people.ndcg(order[: people.CUT], grade) == pytest.approx(expected)
    assert people.ndcg(np.array([0]), np.zeros(5, int)) == 0
    assert people.ndcg(np.array([2]), np.array([3, 0, 1]), among=np.array([False, True, True])) == 1


def test_ways_of_ranking(shelf):
    ways = people.rankings(shelf) | {"recommend": people.recommending(shelf)}
    for name, rank in ways.items():
        ids = rank("slow jazz", match.NO_OPINIONS, ())
        assert len(ids) == len(set(ids)) == people.CUT, name
        rest = rank("slow jazz", match.NO_OPINIONS, ids)
        assert len(rest) == len(shelf) - people.CUT and not set(rest) & set(ids), name
    known = [shelf.popularity[shelf.index[t]] for t in ways["popularity order"]("", match.NO_OPINIONS, ())]
    assert known == sorted(known, reverse=True)


def test_bm25_over_metadata_reads_no_texts(catalog_path, shelf, tmp_path):
    from mdialog import texts
    from mdialog.catalog import Catalog

    shutil.copytree(catalog_path, tmp_path / "catalog")
    told = Catalog.open(tmp_path / "catalog")
    texts.keep([texts.Text("track", shelf.ids[-1], "dense", "slow jazz " * 9, "ear")], told)
    before, after = (people.rankings(one)["BM25 over metadata"] for one in (shelf, Shelf.of(told)))
    assert before("slow jazz", match.NO_OPINIONS, ()) == after("slow jazz", match.NO_OPINIONS, ())


def test_feedback_follows_the_taste(shelf, truth, crowd):
    grade = np.array([3, 2, 1, 0, *[0] * (len(shelf) - 4)])
    ids = shelf.ids[:4]
    liked, disliked = people.opinions_on(ids, shelf, grade, wants=3)
    assert liked == ids[:2] and disliked == [ids[3]]
    assert people.opinions_on(ids, shelf, np.zeros(len(shelf), int), wants=3)[0] == []


def test_rounds_show_nothing_twice_and_hold_the_control_to_the_same(shelf, truth, crowd):
    asked = []
    rank = people.recommending(shelf)

    def watched(wish, opinions, leave_out):
        asked.append((opinions, tuple(leave_out)))
        return rank(wish, opinions, leave_out)[:3]

    rounds = people.converse(shelf, truth, crowd[0], watched)
    shown = [t for mine, _ in rounds for t in mine.ids]
    assert len(rounds) == people.ROUNDS + 1 and len(shown) == len(set(shown))
    assert rounds[0][0] == rounds[0][1] and asked[0] == (Opinions({}, {}), ())
    assert [left for _, left in asked[0::2]] == [left for _, left in asked[1::2]]
    assert all(opinions == match.NO_OPINIONS for opinions, _ in asked[1::2])


def test_trust_is_counted_between_no_and_yes(shelf, truth):
    counted = people.counted_trust(shelf, truth)
    assert counted["meta", "genre"].yes > 0.8 > 0.2 > counted["meta", "genre"].no
    assert counted["measured", "mode"].yes > counted["measured", "mode"].no
    assert all(0 <= p <= 1 for t in counted.values() for p in (t.yes, t.no)) and ("heard", "instrument") in counted


def test_intervals():
    mean, low, high = people.interval([0.0, 1.0] * 50 + [float("nan")])
    assert low < mean == 0.5 < high and (low, high) == people.interval([0.0, 1.0] * 50)[1:]
    assert people.interval([1.0, 1.0]) == (1.0, 1.0, 1.0) and np.isnan(people.interval([])[0])


def test_gini_of_lists(shelf):
    even = [[t] for t in shelf.ids]
    assert people.gini(even, shelf) == pytest.approx(0) and people.gini([shelf.ids[:1]] * 9, shelf) > 0.9


def test_tracks_without_labels_are_refused(shelf):
    with pytest.raises(InputError, match="composer's labels"):
        people.Truth.of(shelf, {})


def test_the_script_prints_a_table(checkout, catalog_path, monkeypatch, capsys):
    path = checkout / "scripts" / "evaluate_matching.py"
    spec = importlib.util.spec_from_file_location("evaluate_matching", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    monkeypatch.setattr(sys, "argv", [str(path), "--catalog", str(catalog_path), "--seekers", "3"])
    script.main()
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert lines[0].startswith("| ranking | nDCG@10") and {line.count("|") for line in lines} == {5}
    assert sum("recommend" in line for line in lines) == 1 + len(script.POPULARITY_WEIGHTS) + people.ROUNDS
