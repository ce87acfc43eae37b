import dataclasses

import pytest

from mdialog import plan as plans
from mdialog.errors import InputError

PLAN = plans.Plan(
    id="md-000001", recipe="music-discovery", seed=7, persona={"user_manner": "terse", "assistant_manner": "chatty"},
    goal={"attributes": ["genre:reggae"], "track_ids": ["a1"]},
    turns=(
        plans.PlannedTurn(role="user", intents=("add_filter", "initial_query"), attributes=("genre:reggae",)),
        plans.PlannedTurn(
            role="assistant", intents=("passive_recommend",), track_seq=("a1",), pool_size=3,
            clips=(plans.Clip("a1", 10.0, 20.0),),
        ),
    ),
    tracks={"a1": plans.TrackRef("a1", 'Say "Aye"', "Ĉu & Co", "/music/a b.flac")},
)  # fmt: skip


def test_a_plan_survives_its_file(tmp_path):
    path = tmp_path / "plans.jsonl"
    assert plans.write_plans([PLAN, PLAN], path) == 2
    assert list(plans.read_plans(path)) == [PLAN, PLAN]
    assert not list(tmp_path.glob("*.partial"))


def test_clips_ahead_survive_and_plans_without_stay_as_they_were():
    ahead = dataclasses.replace(PLAN.turns[0], ahead=(plans.Clip("a1", 10.0, 20.0),))
    made = dataclasses.replace(PLAN, turns=(ahead, PLAN.turns[1]))
    assert plans.from_json(plans.to_json(made)) == made
    assert '"ahead"' not in plans.to_json(PLAN) and plans.from_json(plans.to_json(PLAN)) == PLAN


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "plans.jsonl"
    plans.write_plans([PLAN], path)

    def broken():
        yield PLAN
        raise RuntimeError("cut off")

    with pytest.raises(RuntimeError):
        plans.write_plans(broken(), path)
    assert list(plans.read_plans(path)) == [PLAN]


@pytest.mark.parametrize("line", ["", "[]", "{}", '{"id": 1, "turns": [{"role": "user"}], "tracks": {}}', "nonsense"])
def test_what_is_no_plan_is_refused_in_one_line(line):
    with pytest.raises(InputError, match="not a plan") as error:
        plans.from_json(line)
    assert "\n" not in str(error.value)


def test_a_turn_is_about_its_last_clip_and_compares_it_with_the_last_one_of_another_track():
    a, b, later = plans.Clip("a", 0, 10), plans.Clip("b", 0, 10), plans.Clip("b", 20, 30)
    assert plans.about_and_before([(a,), (), (b, later)]) == (later, a)
    assert plans.about_and_before([(b,), (a, later)]) == (later, a)
    assert plans.about_and_before([(b, later)]) == (later, None)
    assert plans.about_and_before([(a,), ()]) == plans.about_and_before([]) == (None, None)
