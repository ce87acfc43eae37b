"""Known cases hold the fault that they say; a judge that does not see it has its scores withheld."""

import numpy as np
import pytest
from test_evaluate_judge import Scripted, dialogue, good, rubric_of, text_of

from mdialog.dialogue import to_json, validate
from mdialog.errors import InputError
from mdialog.evaluate.calibrate import Calibration, calibrate, known_cases, rows, table
from mdialog.evaluate.judge import judge

MANY = [dialogue(i) for i in range(16)]


def play(of, span):
    return np.zeros(16, np.float32)


def is_faulty(text):
    """Whether a planted fault is there, told from what a judge sees: a goal unlike the wish, a title not listed or again."""
    said = text[text.index("The dialogue:") :]
    if rubric_of(text).name == "goal":
        wish = said.split("Seeker: Some ")[1].split(",")[0]
        return f"genre:{wish}" not in text
    spoken = [line.split('"')[1] for line in said.splitlines() if line.startswith("Recommender: ")]
    listed = [line.split('"')[1] for line in said.splitlines() if "tracks recommended" in line]
    return spoken != listed or len(set(spoken)) < len(spoken)


def test_cases_hold_their_fault_and_nothing_else():
    cases = known_cases(MANY)
    assert {case.fault for case in cases} == {"answer", "refused", "persona", "goal"}
    for case in cases:
        faulty, repaired = case.faulty, case.repaired
        original = next(d for d in MANY if d.id == repaired.id)
        assert faulty.id == repaired.id and len(faulty.turns) == len(repaired.turns)
        assert repaired.turns == original.turns[: len(repaired.turns)]
        changed = [i for i, (a, b) in enumerate(zip(faulty.turns, repaired.turns, strict=True)) if a != b]
        assert validate(faulty.model_dump()) == faulty and to_json(faulty) != to_json(repaired)
        if case.fault in ("persona", "goal"):
            assert not changed and getattr(faulty, case.fault) != getattr(repaired, case.fault)
        else:
            assert changed == [len(faulty.turns) - 1] and faulty.goal == repaired.goal


def test_a_refused_track_is_recommended_again():
    for case in known_cases(MANY):
        if case.fault == "refused":
            last = case.faulty.turns[-1]
            (bad,) = {t for turn in case.faulty.turns for t in turn.refused}
            assert last.track_seq[0] == bad and case.faulty.tracks[bad].title in last.content
            assert case.repaired.tracks[case.repaired.turns[-1].track_seq[0]].title not in last.content


def test_another_answer_names_nothing_of_the_dialogue():
    for case in known_cases(MANY):
        if case.fault == "answer":
            names = {name for track in case.faulty.tracks.values() for name in (track.title, track.artist)}
            assert not any(name in case.faulty.turns[-1].content for name in names)


def test_a_judge_that_sees_the_fault_can_judge_and_its_scores_are_told():
    def answer(text):
        return good(2 if is_faulty(text) else 4)

    names = ["goal", "helpfulness", "accuracy", "relevance", "personalisation", "explanation"]
    found = calibrate(MANY, Scripted(answer), rubrics=names, n=12)
    assert set(found) == set(names)
    for name in names:
        assert found[name] == Calibration(pairs=12, higher=12, refused=0, p=pytest.approx(2**-12)), name
        assert found[name].can_judge
    told = rows(judge(MANY, Scripted(answer), rubrics=["goal", "relevance"]), found)
    assert [(row.rubric, row.n, row.mean) for row in told] == [("goal", 16, 4.0), ("relevance", 16, 4.0)]
    assert "4.00" in table(judge(MANY, Scripted(answer), rubrics=["goal"]), found)


@pytest.mark.parametrize("answer", [lambda text: good(5), lambda text: "five", lambda text: good(4 if is_faulty(text) else 2)])
def test_a_judge_that_does_not_see_it_is_withheld(answer):
    found = calibrate(MANY, Scripted(answer), rubrics=["relevance"])
    assert found["relevance"].pairs == 20 and found["relevance"].higher == 0 and not found["relevance"].can_judge
    (row,) = rows(judge(MANY, Scripted(answer), rubrics=["relevance"]), found)
    assert row.mean is row.low is row.high is None and row.calibration.startswith("cannot judge")
    said = table(judge(MANY, Scripted(lambda text: good(5)), rubrics=["relevance"]), found)
    assert "withheld" in said and "5.00" not in said


def test_who_sees_only_some_faults_or_answers_only_some_questions():
    """Seven of ten are too few; so are two of two; a refused twin is not a higher one."""
    assert not Calibration(20, 15, 0, 0.02).can_judge
    assert Calibration(20, 16, 0, 0.006).can_judge
    assert not Calibration(2, 2, 0, 0.25).can_judge and not Calibration(0, 0, 0, 1.0).can_judge
    few = calibrate(MANY[:2], Scripted(lambda text: good(2 if is_faulty(text) else 4)), rubrics=["relevance"])
    assert few["relevance"].higher == few["relevance"].pairs == 4 and not few["relevance"].can_judge

    def shy(text):
        return good(4) if not is_faulty(text) else "I would rather not say."

    refused = calibrate(MANY, Scripted(shy), rubrics=["relevance"])["relevance"]
    assert (refused.pairs, refused.higher, refused.refused) == (20, 0, 20)


def test_twins_are_asked_apart_in_shuffled_order_with_nothing_that_tells_them():
    scripted = Scripted(lambda text: good(3))
    calibrate(MANY, scripted, rubrics=["relevance"], n=10, seed=3)
    assert len(scripted.requests) == 20 and len({request.id for request in scripted.requests}) == 20
    order = ["faulty" in request.id for request in scripted.requests]
    assert any(order[i] == order[i + 1] for i in range(0, 20, 2)), "always one after the other"
    assert not any(word in text_of(request) for request in scripted.requests for word in ("faulty", "repaired"))


def test_the_use_of_the_sound_is_tried_where_a_clip_plays():
    scripted = Scripted(lambda text: good(2 if is_faulty(text) else 4))
    assert calibrate(MANY, scripted, rubrics=["sound"], play=play)["sound"].can_judge
    silent = [dialogue(i, heard=False) for i in range(8)]
    assert calibrate(silent, scripted, rubrics=["sound"], play=play)["sound"].pairs == 0


def test_scores_of_a_judge_that_was_not_tried_are_withheld():
    (row,) = rows(judge(MANY, Scripted(lambda text: good(4)), rubrics=["goal"]), {})
    assert row.mean is None and row.n == 16 and "not calibrated" in row.calibration


def test_an_interval_needs_two_scores():
    can = {"goal": Calibration(10, 10, 0, 0.001)}
    (one,) = rows(judge(MANY[:1], Scripted(lambda text: good(4)), rubrics=["goal"]), can)
    assert (one.mean, one.low, one.high) == (4.0, None, None)
    spread = Scripted(lambda text: good(3 if "reggae" in text else 5))
    (row,) = rows(judge(MANY, spread, rubrics=["goal"]), can)
    assert row.mean == pytest.approx(4.75) and row.low < row.mean < row.high <= 5


def test_one_dialogue_cannot_calibrate():
    with pytest.raises(InputError, match="two at least"):
        calibrate(MANY[:1], Scripted(lambda text: good()))
