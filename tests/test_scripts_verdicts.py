"""What verdicts rest on: read-outs of what was heard, and borders between which nothing is said."""

import random
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))

import fit_verdicts as fit

from mdialog import claims
from mdialog.evidence import Evidence
from mdialog.synth.compose import compose
from mdialog.synth.genres import genres

MEASURED = {"tempo_bpm": 100.0, "energy": 0.5, "brightness_hz": 1500.0, "onset_rate_hz": 3.0, "percussive_share": 0.3}


@pytest.fixture(scope="module")
def labels():
    names = sorted(genres())
    return [compose(i, genre=names[i % len(names)], duration_s=12).labels.over(0, 10) for i in range(240)]


@pytest.fixture(scope="module")
def heard(labels):
    """Embeddings that hold drums and reggae clearly, and nothing else."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(len(labels), 6)) * 0.1
    rows[:, 0] += ["drums" in one.instruments for one in labels]
    rows[:, 1] += [one.genre == "reggae" for one in labels]
    return rows.astype(np.float32)


@pytest.fixture(scope="module")
def judge(labels, heard):
    both = enumerate(zip(heard, labels, strict=True))
    windows = [fit.Window(f"t{i // 2}", Evidence(MEASURED, row), one) for i, (row, one) in both]
    judge, logits = fit.read_outs("abc", SimpleNamespace(labels=labels), heard, windows)
    return fit.with_borders(judge, logits, windows)


def test_what_is_heard_clearly_is_judged(judge, labels, heard):
    place = judge.index["instrument:drums"]
    logits = np.array([judge.logits(Evidence(MEASURED, row))[place] for row in heard])
    there = np.array(["drums" in one.instruments for one in labels])
    assert logits[there].min() > logits[~there].max()
    assert judge.model == "abc" and (judge.present >= judge.absent).all()


def test_labels_that_hardly_occur_are_left_out(judge):
    assert "lead:drums" not in judge.index and "lead:piano" in judge.index and {"metre", "lead"} <= judge.kinds


def test_borders_of_a_kind_are_equal_beyond_how_common_a_label_is(judge):
    own = [judge.index[name] for name in ("instrument:drums", "instrument:piano", "instrument:bass")]
    assert np.ptp(judge.prior[own]) > 0.5
    for border in (judge.present, judge.absent):
        assert np.ptp((border - judge.prior)[own]) < 1e-5


def test_borders_are_fitted_again_on_other_windows_with_the_same_read_outs(judge, labels, heard):
    windows = [fit.Window("t", Evidence(MEASURED, row), one) for row, one in zip(heard, labels, strict=True)]
    again = fit.with_borders(judge, np.stack([judge.logits(w.evidence) for w in windows], axis=1), windows)
    assert (again.weights == judge.weights).all() and again.model == judge.model and (again.present >= again.absent).all()


def test_between_the_borders_lies_what_cannot_be_told():
    rng = np.random.default_rng(0)
    true = rng.random(4000) < 0.3
    present, absent = fit.band([(rng.normal(size=4000) + 2.0 * true, true)])
    logit, again = rng.normal(size=20_000), rng.random(20_000) < 0.3
    logit += 2.0 * again
    assert present > absent
    assert 0.003 < (logit[again] <= absent).mean() < 2 * fit.FALSE_CONTRADICTION
    assert 0.01 < (logit[~again] >= present).mean() < 2 * fit.FALSE_SUPPORT
    surely = np.where(true, 9.0, -9.0) + rng.normal(size=4000)
    present, absent = fit.band([(surely, true)])
    assert (surely[true] >= present).mean() > 0.98 and (surely[~true] <= absent).mean() > 0.95  # hardly anything lies between


def test_claims_are_true_of_their_clip_and_false_ones_are_those_of_another(labels):
    made = fit.made_claims(labels[0], labels[1])
    assert {true for _, true in made} == {True, False}
    assert all(claims.true_of(claim, labels[0]) is true for claim, true in made)


def test_thresholds_are_the_widest_that_stay_under_the_error(labels):
    windows = []
    for i, one in enumerate(labels):
        right = i % 10 < 9 or random.Random(i).random() < 0.5
        measured = MEASURED | {"mode": one.mode if right else {"major": "minor", "minor": "major"}[one.mode],
                               "mode_confidence": 0.9 if right else 0.3}  # fmt: skip
        windows.append(fit.Window(f"t{i}", Evidence(measured), one))
    grid, limits = np.arange(0.05, 1.0, 0.1), {"mode_contradict": 9.0}
    found = fit._least(windows, random.Random(0), "mode", "support", limits, grid, "mode_support")
    assert found == pytest.approx(0.35)  # above the confidence of those that are wrong


def test_borders_of_other_kinds_stay(judge, labels, heard):
    both = zip(heard, labels, strict=True)
    windows = [fit.Window(f"t{i}", Evidence(MEASURED, row), one) for i, (row, one) in enumerate(both)]
    logits = np.stack([judge.logits(window.evidence) for window in windows], axis=1) + 1.0
    again = fit.with_borders(judge, logits, windows, ["genre"])
    own = np.array([name.startswith("genre:") for name in judge.labels])
    assert np.array_equal(again.absent[~own], judge.absent[~own]) and np.array_equal(again.prior[~own], judge.prior[~own])
    assert (again.absent[own] != judge.absent[own]).any()


def test_claims_count_as_often_as_people_make_them():
    counts = fit.captioned()
    assert counts["instrument"] > counts["genre"] > counts["metre"] > 0 and not any(name.isdigit() for name in counts)
    assert fit.row_of("instrument", "guitar", False) == "no instrument family" and fit.row_of("tempo", "120", True) == "bpm"
    rows = {"genre": [(True, "supported"), (True, "unverifiable"), (False, "unverifiable")], "mood": [(True, "contradicted")]}
    often = {"genre": 3, "mood": 1, "density": 50}
    assert fit.told_of(rows, often, (True,)) == pytest.approx((3 * 0.5 + 1) / 4)
    assert fit.told_of(rows, often, (True, False)) == pytest.approx((3 * 1 / 3 + 1) / 4)
