"""Probes: right is right, wrong is wrong, and guessing gains nothing."""

from collections import Counter

import numpy as np
import pytest

from mdialog import probes, vocab
from mdialog.errors import InputError
from mdialog.probes import CATEGORIES, FAMILIES, ITEMS_A_CLIP, Sounds, draw_items, draw_probe, holds

N = 156  # twelve of each category


@pytest.fixture(scope="module")
def drawn():
    return draw_items(N, seed=5)


def test_one_option_holds_and_the_others_do_not(drawn):
    clips, items = drawn
    for item in items:
        labels = clips[item.probe].labels
        assert [holds(item.category, option, labels) for option in item.options] == [
            i == item.right for i in range(len(item.options))
        ]
        assert 2 <= len(set(item.options)) == len(item.options) <= 4


def test_the_other_clip_has_another_answer(drawn):
    clips, items = drawn
    for item in items:
        assert item.other != item.probe
        assert not holds(item.category, item.options[item.right], clips[item.other].labels)


def test_guessing_gains_little(drawn):
    _, items = drawn
    for category in CATEGORIES:
        mine = [item for item in items if item.category == category]
        assert len(mine) == N // len(CATEGORIES)
        places = Counter(item.right for item in mine)
        assert max(places.values()) - min(places[i] for i in range(len(mine[0].options))) <= 1, category
        answers = Counter(item.options[item.right] for item in mine)
        assert max(answers.values()) <= {2: 7, 3: 5}.get(len(answers), 4), f"{category}: {answers}"


def test_the_place_of_a_tempo_among_the_others_tells_nothing(drawn):
    beats = [item for item in drawn[1] if item.category == "beats"]
    ranks = Counter(sorted(map(int, item.options)).index(int(item.options[item.right])) for item in beats)
    assert len(ranks) >= 3 and max(ranks.values()) <= len(beats) / 2
    for item in beats:
        ratios = [int(option) / int(item.options[item.right]) for option in item.options]
        assert not any(abs(ratio / double - 1) < 0.08 for ratio in ratios for double in (0.5, 2.0))


def test_clips_are_asked_about_a_few_times_each(drawn):
    clips, items = drawn
    assert len({item.id for item in items}) == N
    asked = Counter(item.probe for item in items)
    assert max(asked.values()) <= ITEMS_A_CLIP and len(asked) <= 1.3 * N / ITEMS_A_CLIP
    assert {item.probe for item in items} | {item.other for item in items} == set(range(len(clips)))


def test_the_seed_decides(drawn):
    again, other = draw_items(N, seed=5), draw_items(N, seed=6)
    assert again[1] == drawn[1] and [p.labels for p in again[0]] == [p.labels for p in drawn[0]]
    assert other[1] != drawn[1]


@pytest.mark.parametrize("n", [0, -3])
def test_no_items_are_refused(n):
    with pytest.raises(InputError, match="no exam"):
        draw_items(n)


@pytest.mark.parametrize(("n", "seed"), [(1, 1), (2, 2), (17, 3), (400, 1)])
def test_any_number_of_items_works(n, seed):
    clips, items = draw_items(n, seed=seed)
    assert len(items) == n and all(max(item.probe, item.other) < len(clips) for item in items)


def test_every_instrument_has_one_family():
    members = [instrument for family in FAMILIES.values() for instrument in family]
    assert sorted(members) == sorted(vocab.load()["instrument"].names)


def test_wrong_options_are_graded(drawn):
    _, items = drawn
    for item in items:
        right, wrong = item.options[item.right], [o for i, o in enumerate(item.options) if i != item.right]
        if item.category in ("lead", "instrument"):
            assert sum(option in next(f for f in FAMILIES.values() if right in f) for option in wrong) == 1
        if item.category == "key":
            assert {option.split()[1] for option in item.options} == {right.split()[1]}
        if item.category == "mood":
            modes = [right in mode for mode in probes._MOODS.values()]
            assert sum([option in mode for mode in probes._MOODS.values()] == modes for option in wrong) == 1


def test_questions_show_every_option(drawn):
    _, items = drawn
    for item in items:
        lines = item.question.splitlines()
        assert [line[:3] for line in lines[1:-1]] == [f"{letter}) " for letter in "ABCD"[: len(item.options)]]
        assert len(set(lines)) == len(lines)


def test_the_four_sounds():
    clips = [draw_probe(0, number) for number in range(2)]
    sounds = Sounds(clips, sample_rate=16000, seed=3)
    played = {sound: sounds.of(0, 1, sound) for sound in probes.SOUNDS}
    assert all(x.shape == (160000,) and x.dtype == np.float32 for x in played.values())
    assert np.array_equal(played["another"], sounds.of(1, 0, "real"))
    assert not played["silence"].any() and np.abs(played["real"]).max() > 0.01
    levels = [np.sqrt(np.mean(played[sound] ** 2)) for sound in ("real", "noise")]
    assert levels[1] == pytest.approx(levels[0], rel=0.02)
    assert abs(np.corrcoef(played["real"], played["noise"])[0, 1]) < 0.02
    assert np.array_equal(Sounds(clips, sample_rate=16000, seed=3).of(0, 1, "noise"), played["noise"])
    assert len(Sounds(clips, sample_rate=8000).of(0, 1, "real")) == 80000
