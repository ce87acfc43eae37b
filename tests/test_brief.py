import dataclasses

import numpy as np
import plans
import pytest

from mdialog import brief as briefs
from mdialog.brief import Name
from mdialog.errors import InputError
from mdialog.plan import Clip


@pytest.fixture
def plan(tmp_path):
    return plans.plan(tmp_path)


def build(plan, i, **options):
    return briefs.build(plan, i, [f"turn {k}" for k in range(i)], **options)


def test_state_follows_the_order_of_turns(plan):
    wanted = [[str(a) for a in build(plan, i).wanted] for i in range(6)]
    like = '~track:"Don\'t "Stop" Now" by Ötzi & Söhne'
    assert wanted[0] == []
    assert wanted[2] == wanted[3] == ["genre:reggae", like]
    assert wanted[4] == ["genre:reggae", like, "tempo:slow"]
    assert wanted[1] == [] and wanted[5] == ["genre:reggae", like]
    new = [[str(a) for a in build(plan, i).new] for i in range(6)]
    assert new[0] == new[1] == ["genre:reggae", like]
    assert new[2] == new[3] == ["tempo:slow"] and new[4] == new[5] == ["-instrument:drums"]
    assert [str(a) for a in build(plan, 4).dropped] == ["tempo:slow"]


def test_an_echo_without_a_new_wish_says_back_the_last_one(plan):
    turns = list(plan.turns)
    turns[2] = dataclasses.replace(turns[2], attributes=())
    turns[3] = dataclasses.replace(turns[3], intents=("parroting_response",))
    plan = dataclasses.replace(plan, turns=tuple(turns))
    assert [str(a) for a in build(plan, 3).new] == ['~track:"Don\'t "Stop" Now" by Ötzi & Söhne']
    assert [str(a) for a in build(plan, 3).wanted] == ["genre:reggae"]


def test_nothing_of_the_future_or_the_goal_reaches_a_brief(plan):
    for i in range(len(plan.turns)):
        cut = dataclasses.replace(plan, turns=plan.turns[: i + 1], goal={})
        assert build(plan, i) == build(cut, i)
        assert "calm" not in briefs.instructions(build(plan, i)) + briefs.state(build(plan, i))


def test_ids_never_reach_a_listener(plan):
    for i in range(len(plan.turns)):
        text = briefs.state(build(plan, i)) + briefs.instructions(build(plan, i))
        assert not {"t1", "t2", "t3"} & set(text.replace('"', " ").replace(",", " ").split())


@pytest.mark.parametrize(
    ("before", "ask", "it", "line"),
    [("onset:bell", "times:bell", "bell", "times it"), ("event:bell", "onset:bell", "bell", "onset it"),
     ("onset:siren", "times:bell", "", "times bell"), ("order:bell+siren", "times:bell", "", "times bell"),
     ("onset:bell", "order:bell+siren", "", "order bell siren"), ("onset:bell", "event:bell", "", "whether event bell")],
)  # fmt: skip
def test_a_sound_that_was_asked_about_just_before_is_it_to_the_one_who_asks(plan, before, ask, it, line):
    turns = list(plan.turns)
    for i, one in ((0, before), (1, before), (2, ask), (3, ask)):
        turns[i] = dataclasses.replace(turns[i], asks=(one,))
    plan = dataclasses.replace(plan, turns=tuple(turns))
    assert build(plan, 2).it == it and build(plan, 0).it == build(plan, 3).it == ""
    ends = [text.splitlines() for text in map(briefs.state, (build(plan, 2), build(plan, 3)))]
    assert any(one.endswith(f": {line}") for one in ends[0])
    assert any(one.endswith(f": {line.replace(' it', ' bell')}") for one in ends[1])


def test_judgements_reach_the_one_who_judges_and_the_one_who_answers(plan):
    blue, river = Name("Blue Hour", "The Lamps"), Name("River", "Ana Sol")
    assert build(plan, 2).liked == build(plan, 3).liked == (blue,)
    assert build(plan, 4).refused == build(plan, 5).refused == (river,)
    assert build(plan, 4).liked == build(plan, 1).liked == ()


def test_clips_and_offers_are_named(plan):
    brief = build(plan, 3)
    assert (brief.before.title, brief.about.title) == ("Blue Hour", "River")
    assert [n.title for n in brief.offered] == ["River", 'Don\'t "Stop" Now']
    assert build(plan, 0).about is None and build(plan, 1).before is None
    many = dataclasses.replace(plan.turns[1], track_seq=("t1", "t2", "t3", "t1x"))
    assert len(build(dataclasses.replace(plan, turns=(plan.turns[0], many)), 1).offered) == 3


def test_state_reads_as_lines_of_what_is_there(plan):
    assert briefs.state(build(plan, 4, hints=["82 BPM"])).splitlines() == [
        "seeker, chatty",
        "do: add_filter, reject_response, remove_filter",
        "new: not instrument drums",
        "drop: tempo slow",
        'wanted: genre reggae; like track "Don\'t "Stop" Now" by Ötzi & Söhne; tempo slow',
        'refused: "River" by Ana Sol',
        'now: "River" by Ana Sol',
        "hints: 82 BPM",
    ]


def test_messages_play_the_clips_in_order_before_the_text(plan):
    played = []

    def play(clip: Clip) -> np.ndarray:
        played.append(clip)
        return np.zeros(16, np.float32)

    system, user = briefs.messages(build(plan, 3), play=play)
    assert played == list(plan.turns[3].clips)
    assert [part["type"] for part in user["content"]] == ["audio", "audio", "text"]
    assert user["content"][-1]["text"] == briefs.state(build(plan, 3))
    assert "first \"Blue Hour\" by The Lamps, then \"River\"" in system["content"][0]["text"]


def test_instructions_explain_every_intent_and_repeat_what_was_said(plan):
    text = briefs.instructions(build(plan, 2))
    assert "- accept_response: Say that a recommended track is liked." in text
    assert "Seeker: turn 0\nRecommender: turn 1" in text
    assert "chatty" in text


@pytest.mark.parametrize(
    ("change", "says"),
    [({"tracks": {}}, "does not describe it"), ({}, "needs 1 utterances")],
)
def test_what_does_not_fit_is_refused(plan, change, says):
    broken = dataclasses.replace(plan, **change)
    with pytest.raises(InputError, match=says):
        briefs.build(broken, 1, ["x"] if change else [])


def test_an_active_recommendation_knows_what_was_liked_last(plan):
    ask = dataclasses.replace(plan.turns[4], liked=(), refused=(), clips=())
    offer = dataclasses.replace(plan.turns[3], intents=("active_recommend",), track_seq=("t2",))
    later = dataclasses.replace(plan, turns=(*plan.turns[:4], ask, offer))
    assert [name.title for name in build(later, 5).liked] == ["Blue Hour"]  # of turn 2
    passive = dataclasses.replace(plan, turns=(*plan.turns[:4], ask, plan.turns[3]))
    assert build(passive, 5).liked == ()


def test_with_nothing_liked_yet_an_active_recommendation_is_worded_as_any(plan):
    first = dataclasses.replace(plan.turns[1], intents=("active_recommend", "sympathetic_response"))
    brief = build(dataclasses.replace(plan, turns=(plan.turns[0], first)), 1)
    assert brief.intents == ("passive_recommend", "sympathetic_response")


def test_what_a_plan_names_is_offered_and_up_to_three_where_it_leaves_that_open(plan):
    def offered(**fields):
        offer = dataclasses.replace(plan.turns[3], track_seq=("t2", "t3", "t1"), **fields)
        return len(build(dataclasses.replace(plan, turns=(*plan.turns[:3], offer)), 3).offered)

    assert [offered(named=1), offered(named=2), offered()] == [1, 2, 3]


@pytest.mark.parametrize(
    ("ask", "state", "prose"),
    [
        ("event", "ask: event", "what is heard"),
        ("event:siren", "ask: whether event siren", "whether the siren is heard"),
        ("onset:siren", "ask: onset siren", "when the siren comes in"),
        ("order:bell+siren", "ask: order bell siren", "which comes in first, the bell or the siren"),
        ("tempo", "ask: tempo", None),
    ],
)
def test_questions_about_events_are_put_in_plain_words(plan, ask, state, prose):
    for role, intent in (("user", "item_attribute_question"), ("assistant", "item_attribute_answer")):
        brief = dataclasses.replace(build(plan, 1), role=role, intents=(intent,), asks=(ask,))
        assert state in briefs.state(brief).replace("question: ", "ask: ").replace("about: ", "ask: ").splitlines()
        said = briefs.instructions(brief)
        assert f"The question is {prose}" in said if prose else "The question is" not in said


def test_what_plays_ahead_comes_first_and_has_no_name(plan):
    seen, bare = build(plans.looks_ahead(plan), 2), build(plan, 2)
    played = []
    system, user = briefs.messages(seen, play=lambda clip: played.append(clip) or np.zeros(16, np.float32))
    assert played == [Clip("t2", 10.0, 20.0), Clip("t1", 0.0, 10.0)]
    assert [part["type"] for part in user["content"]] == ["audio", "audio", "text"]
    assert (seen.about, seen.before, seen.clips) == (bare.about, None, bare.clips)
    assert briefs.state(seen) == briefs.state(bare) and briefs.names(seen) == briefs.names(bare)
    prose = system["content"][0]["text"]
    assert "begins with an excerpt of a track that you are after and have not heard yet" in prose
    assert 'Then comes what is talked of: "Blue Hour" by The Lamps.' in prose and "State nothing of it" in prose
    assert not any(name in prose for name in ("River", "Ana Sol", "t2"))
    assert all(not build(plans.looks_ahead(plan), i).ahead for i in (0, 1, 3, 4, 5))  # the seeker's turn alone


def test_prose_tells_excerpts_ahead_from_those_talked_of(plan):
    two = dataclasses.replace(build(plan, 3), ahead=(Clip("t3", 0.0, 10.0), Clip("t3", 10.0, 20.0)))
    prose = briefs.instructions(two)
    assert "begins with 2 excerpts" in prose
    assert 'talked of: first "Blue Hour" by The Lamps, then "River" by Ana Sol.' in prose
    alone = briefs.instructions(dataclasses.replace(two, clips=(), about=None, before=None))
    assert "Nothing else is played: say nothing of how any track sounds." in alone and "None" not in alone
    assert "excerpts" not in briefs.instructions(build(plan, 3))
