import dataclasses

import numpy as np
import plans
import pytest

from mdialog import brief as briefs
from mdialog.checks import faults
from mdialog.listener.base import Sampling
from mdialog.plan import Clip, PlannedTurn
from mdialog.write import Failure, Options, Written, write_plans, write_turn


def silence(plan, clip):
    return np.zeros(16, np.float32)


@pytest.fixture
def many(tmp_path):
    return [plans.plan(tmp_path, i) for i in range(12)]


def texts(outcomes):
    return {o.plan.id: [t.text for t in o.turns] for o in outcomes if isinstance(o, Written)}


def test_every_turn_is_written_and_passes_the_checks(many):
    outcomes = list(write_plans(many, plans.Reader(), play=silence))
    assert len(outcomes) == 12 and all(isinstance(o, Written) for o in outcomes)
    for outcome in outcomes:
        said = [turn.text for turn in outcome.turns]
        assert len(said) == len(outcome.plan.turns)
        for i, text in enumerate(said):
            brief = briefs.build(outcome.plan, i, said[:i])
            assert not faults(text, brief, plan=outcome.plan, turn_index=i)


@pytest.mark.parametrize("batch", [1, 5, 64])
def test_what_stands_beside_a_dialogue_does_not_change_it(many, batch):
    together = texts(write_plans(many, plans.Reader(), play=silence))
    assert texts(write_plans(many[::-1], plans.Reader(), play=silence, options=Options(batch=batch))) == together


def test_a_batch_is_one_call_a_round(many):
    sizes = []
    list(write_plans(many, plans.Reader(bad=0, on_write=lambda r: sizes.append(len(r))), play=silence))
    assert sizes == [12] * 6


def test_the_first_good_candidate_is_taken_and_the_bad_ones_counted(many):
    outcomes = list(write_plans(many, plans.Reader(bad=0.5), play=silence, options=Options(max_rounds=8)))
    turns = [turn for outcome in outcomes for turn in outcome.turns]
    assert {turn.candidates for turn in turns} > {1, 2, 3}
    for turn in turns:
        assert (turn.candidates > 1) == bool(turn.rejected)
        assert max(turn.rejected.values(), default=0) <= turn.candidates - 1


def test_candidates_are_numbered_on_through_the_rounds_and_grow_warmer():
    rounds = list(Options(candidates=4, max_rounds=3, sampling=Sampling(0.8)).rounds())
    assert [(first, n) for first, n, _ in rounds] == [(0, 1), (1, 4), (5, 4)]
    assert np.allclose([s.temperature for _, _, s in rounds], [0.8, 0.9, 1.0])
    assert [s.temperature for *_, s in Options(sampling=Sampling(0.0)).rounds()] == [0.0] * 4
    assert [s.temperature for *_, s in Options(sampling=Sampling(1.0)).rounds()] == [1.0] * 4  # never hotter than it learned
    assert [s.temperature for *_, s in Options(sampling=Sampling(1.2)).rounds()] == [1.2] * 4


def test_both_nuclei_widen_with_the_rounds():
    rounds = list(Options(max_rounds=3, sampling=Sampling(0.8, 0.7, stated_top_p=0.3)).rounds())
    assert [(s.top_p, s.stated_top_p) for *_, s in rounds] == [(0.7, 0.3), (0.825, 0.625), (0.95, 0.95)]
    assert {s.top_p for *_, s in Options(sampling=Sampling(0.8, 0.98)).rounds()} == {0.98}  # never smaller than advised
    assert all(s.stated_top_p == s.top_p for *_, s in Options(sampling=Sampling(0.8, 0.5)).rounds())


def test_a_turn_that_cannot_be_written_ends_in_a_failure_without_words_of_ours(many):
    outcomes = list(write_plans(many, plans.Reader(bad=1), play=silence))
    assert all(isinstance(o, Failure) for o in outcomes) and len(outcomes) == 12
    for failure in outcomes:
        assert (failure.turn, failure.written, failure.candidates) == (0, (), 13)
        assert failure.intents == ("add_filter", "initial_query")
        assert failure.rejected and failure.examples[0]["faults"]


def test_a_failure_leaves_the_others_alone(many):
    good = texts(write_plans(many, plans.Reader(), play=silence))

    class Half(plans.Reader):
        def _say(self, request, k, seed):
            return "" if request.id == "md-000003/2" else super()._say(request, k, seed)

    outcomes = list(write_plans(many, Half(), play=silence))
    (failure,) = [o for o in outcomes if isinstance(o, Failure)]
    assert (failure.plan_id, failure.turn) == ("md-000003", 2)
    assert list(failure.written) == good["md-000003"][:2]
    assert texts(outcomes) == {k: v for k, v in good.items() if k != "md-000003"}


LENGTHS = {
    "tag line": "A slow waltz.", "sentence": "It is a slow waltz in minor.",
    "dense": "Slow pace, minor key, three-four, flute up front, strings behind it, no singing, no drums.",
}  # fmt: skip


class Teller(plans.Reader):
    """Describes in every length but those that it cannot."""

    def __init__(self, cannot=()):
        super().__init__()
        self._cannot = cannot

    def _say(self, request, k, seed):
        asked = request.messages[-1]["content"][-1]["text"].rpartition("ask: ")[2].split("\n")[0]
        return "" if asked in self._cannot else LENGTHS[asked]


def described(tmp_path, cannot):
    """A track in every length of `LENGTHS`, by someone who cannot write some."""
    clip = Clip("t1", 0.0, 10.0)
    turns = tuple(PlannedTurn("assistant", ("description",), asks=(length,), clips=(clip,)) for length in LENGTHS)
    plan = dataclasses.replace(plans.plan(tmp_path), recipe="description", goal={"track_ids": ["t1"]}, turns=turns)
    (outcome,) = write_plans([plan], Teller(cannot), play=silence, options=Options(max_rounds=2))
    return outcome


@pytest.mark.parametrize("cannot", [("tag line",), ("sentence",), ("dense",), ("tag line", "sentence"), ("tag line", "dense")])
def test_a_length_that_cannot_be_written_takes_no_other_with_it(tmp_path, cannot):
    failure = described(tmp_path, cannot)
    kept = {length: text for length, text in LENGTHS.items() if length not in cannot}
    assert isinstance(failure, Failure) and list(failure.written) == list(kept.values())
    assert {t.asks[0]: said.text for t, said in zip(failure.finished.plan.turns, failure.finished.turns, strict=True)} == kept
    assert failure.turn == list(LENGTHS).index(cannot[0]) and failure.candidates == failure.rejected["form"] == 5 * len(cannot)


def test_of_a_track_without_any_length_nothing_is_finished(tmp_path):
    assert isinstance(described(tmp_path, ()), Written)
    failure = described(tmp_path, tuple(LENGTHS))
    assert failure.finished is None and failure.written == () and failure.turn == 0


def test_what_answers_what_failed_is_not_finished(many):
    outcomes = list(write_plans(many, plans.Reader(bad=0.6), play=silence, options=Options(max_rounds=2)))
    failures = [one for one in outcomes if isinstance(one, Failure)]
    assert any(one.written for one in failures) and all(one.finished is None for one in failures)


def test_sound_that_cannot_be_played_is_a_failure_not_a_crash(many):
    from mdialog.errors import InputError

    def broken(plan, clip):
        if plan.id == "md-000001":
            raise InputError("gone.wav: no such file; check the path")
        return silence(plan, clip)

    outcomes = list(write_plans(many, plans.Reader(), play=broken))
    (failure,) = [o for o in outcomes if isinstance(o, Failure)]
    assert failure.reason == "gone.wav: no such file; check the path" and failure.turn == 1


def test_a_plan_that_names_an_unknown_track_fails_alone(many):
    many[0] = dataclasses.replace(many[0], tracks={})
    outcomes = list(write_plans(many, plans.Reader(), play=silence))
    assert sum(isinstance(o, Failure) for o in outcomes) == 1


def test_no_plans_no_dialogues():
    assert list(write_plans([], plans.Reader(), play=silence)) == []


def test_a_turn_that_hears_only_what_is_ahead_hears_something(many):
    made = plans.looks_ahead(many[0])
    silent = tuple(dataclasses.replace(turn, clips=()) for turn in made.turns[:3])

    def hears(turns):
        plan = dataclasses.replace(made, turns=turns)
        return next(write_turn(plan, 2, ["One.", "Two."], play=silence, options=Options(), referee=None)).hears

    assert hears(silent) and not hears(tuple(dataclasses.replace(turn, ahead=()) for turn in silent))
