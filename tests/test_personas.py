"""A run covers the manners evenly, whatever its seed."""

from collections import Counter

import pytest

from mdialog import personas
from mdialog.brief import MANNERS

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


@pytest.mark.parametrize("start", [0, 1000, 10**15])
def test_fields_are_about_even_over_any_stretch(start):
    drawn = [personas.draw(i, seed=1) for i in range(start, start + 120)]
    for name, values in personas.FIELDS.items():
        counts = Counter(p[name] for p in drawn)
        fair = 120 / len(values)
        assert all(abs(counts[v] - fair) <= 0.25 * fair + 2 for v in values), (name, counts)


def test_draws_depend_on_seed_and_index_only():
    assert personas.draw(12, seed=5) == personas.draw(12, seed=5)
    assert [personas.draw(i, seed=5) for i in range(9)] != [personas.draw(i, seed=6) for i in range(9)]
    assert set(personas.draw(0, seed=0)) == {"user_manner", "assistant_manner", *personas.FIELDS}
