"""A run covers the manners evenly, whatever its seed."""

from collections import Counter

import pytest

from mdialog import personas
from mdialog.brief import MANNERS
from mdialog.intents import kind_weights

N = len(MANNERS)


@pytest.mark.parametrize("seed", [0, 7, 123456])
def test_manners_are_even_over_any_block(seed):
    drawn = [personas.draw(i, seed=seed) for i in range(N * N)]
    for start in range(0, N * N, N):
        block = drawn[start : start + N]
        assert {p["user_manner"] for p in block} == {p["assistant_manner"] for p in block} == set(MANNERS)
    assert len({(p["user_manner"], p["assistant_manner"]) for p in drawn}) == N * N


def test_fifty_dialogues_cover_every_manner_within_one():
    for side in ("user_manner", "assistant_manner"):
        counts = Counter(personas.draw(i, seed=3)[side] for i in range(50))
        assert max(counts.values()) - min(counts[m] for m in MANNERS) <= 1


@pytest.mark.parametrize("start", [0, 840, 840 * 10**12])
def test_a_field_of_k_values_has_each_once_in_k_dialogues(start):
    drawn = [personas.draw(i, seed=1) for i in range(start, start + 120)]
    for name, values in personas.FIELDS.items():
        k = len(values)
        blocks = [drawn[i : i + k] for i in range(0, 120 - k + 1, k)]
        assert all({p[name] for p in block} == set(values) for block in blocks), name


def test_no_persona_comes_twice_and_the_cycles_meet_in_every_combination():
    n = N * N * 8 * 7 * 5
    drawn = [personas.draw(i, seed=4) for i in range(n)]
    assert len({tuple(p.values()) for p in drawn}) == n
    assert len({tuple(p[f] for f in ("user_manner", "assistant_manner", *personas.CYCLES)) for p in drawn}) == n


def test_fields_do_not_go_together():
    drawn = [personas.draw(i, seed=2) for i in range(600)]
    pairs = Counter((p["user_day"], p["user_situation"]) for p in drawn)
    assert len(pairs) == 25 and max(pairs.values()) < 2 * 600 / 25


def test_draws_depend_on_seed_and_index_only():
    assert personas.draw(12, seed=5) == personas.draw(12, seed=5)
    assert [personas.draw(i, seed=5) for i in range(9)] != [personas.draw(i, seed=6) for i in range(9)]
    assert set(personas.draw(0, seed=0)) == {"user_manner", "assistant_manner", *personas.FIELDS}


def test_every_kind_of_wish_belongs_to_a_family_of_goals():
    assert set(personas.FAMILIES) == set(personas.FIELDS["goal_family"])
    assert {kind for kinds in personas.FAMILIES.values() for kind in kinds} >= set(kind_weights(0.5))
