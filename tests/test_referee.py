"""Claims of an utterance for the record: verdict and basis, by what the turn heard."""

import dataclasses

import plans
import pytest

from mdialog import brief as briefs
from mdialog import dialogue
from mdialog.attributes import Attribute
from mdialog.referee import barely, contradicted, unlikely, untold
from mdialog.write import Options, Written, write_plans


@pytest.fixture
def plan(tmp_path):
    return plans.plan(tmp_path)


@pytest.fixture
def referee():
    return plans.referee()


def judged(referee, plan, i, text, **change):
    brief = briefs.build(plan, i, [f"turn {k}" for k in range(i)])
    claims = referee.claims(text, dataclasses.replace(brief, **change), plan=plan, turn_index=i)
    return [(c.kind, c.value, c.verdict, c.basis) for c in claims]


def test_the_window_that_was_heard_is_what_counts(referee, plan):
    assert judged(referee, plan, 1, '"Blue Hour" has a moderate tempo.') == [("tempo", "moderate", "supported", "heard")]
    assert judged(referee, plan, 3, '"River" has a moderate tempo.') == [("tempo", "moderate", "contradicted", "heard")]


def test_what_plays_ahead_is_no_evidence(referee, plan):
    ahead = plans.looks_ahead(plan)
    for text, verdict in (("It has a moderate tempo.", "supported"), ("It has a fast tempo.", "contradicted")):
        said = [("tempo", text.split()[3], verdict, "heard")]
        assert judged(referee, ahead, 2, text) == judged(referee, plan, 2, text) == said
    assert judged(referee, ahead, 2, "It is faster than the last one.")[0][2] == "unverifiable"  # none was heard before
    turns = tuple(dataclasses.replace(turn, clips=()) for turn in ahead.turns[:3])
    unheard = dataclasses.replace(ahead, turns=turns)
    assert judged(referee, unheard, 2, "It has a fast tempo.")[0][2] == "unverifiable"


def test_names_claim_nothing(referee, plan):
    slow = dataclasses.replace(plan.tracks["t1"], title="Slow Fast Flute")
    plan = dataclasses.replace(plan, tracks={**plan.tracks, "t1": slow})
    assert judged(referee, plan, 1, "Slow Fast Flute is one for you.") == []


def test_what_the_brief_or_the_talk_holds_is_an_echo_and_hints_are_told(referee, plan):
    assert judged(referee, plan, 3, "It has a slow pulse.")[0][3] == "echoed"  # asked for in the turn before
    history = (("user", "It is in D minor, I think."),)
    assert judged(referee, plan, 1, "It is in D minor.", history=history)[0][3] == "echoed"
    assert judged(referee, plan, 1, "It is in D minor.", hints=("key D minor",))[0][3] == "told"
    assert judged(referee, plan, 1, "It is in D minor.")[0][3] == "heard"


def test_comparison_looks_back_over_the_dialogue(referee, plan):
    assert judged(referee, plan, 3, "It is faster than the last one.") == [("tempo", "fast", "supported", "heard")]
    assert judged(referee, plan, 3, "It is slower than the last one.") == [("tempo", "fast", "contradicted", "heard")]
    assert judged(referee, plan, 4, "It is slower than the last one.")[0][2] == "contradicted"  # t1 was heard two turns ago


def test_a_claim_is_held_against_the_clip_that_it_speaks_of(referee, plan):
    assert judged(referee, plan, 3, '"Blue Hour" has a moderate tempo.') == [("tempo", "moderate", "supported", "heard")]
    assert judged(referee, plan, 3, '"Blue Hour" is faster.') == [("tempo", "fast", "contradicted", "heard")]
    assert judged(referee, plan, 3, "Both have a moderate tempo.") == [("tempo", "moderate", "contradicted", "heard")]
    assert judged(referee, plan, 3, "Both are in D minor.") == [("key", "D minor", "supported", "heard")]


def test_a_track_heard_earlier_is_judged_by_its_own_clip(referee, plan):
    (slower,) = judged(referee, plan, 4, "The last one was fast.")
    assert slower == ("tempo", "fast", "contradicted", "heard")  # "Blue Hour", of turn 1
    assert judged(referee, plan, 4, '"Blue Hour" has a moderate tempo.')[0][2] == "supported"
    brief = briefs.build(plan, 4, [f"turn {k}" for k in range(4)])
    (claim,) = referee.claims('"Blue Hour" has a moderate tempo.', brief, plan=plan, turn_index=4)
    assert (claim.clip, claim.beside) == ("before", "t1")
    offered = briefs.names(briefs.build(plan, 3, ["a", "b", "c"]))[1]
    assert judged(referee, plan, 3, f"{offered} is in D minor.")[0][2] == "unverifiable"  # it does not play


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ("Song in D minor", "It is in D minor."),
        ("Song in D minor", "It is in a minor key."),
        ("Flute Waltz", "There is a flute."),
    ],
)
def test_what_stands_in_a_title_need_not_be_heard(referee, plan, title, text):
    assert judged(referee, plan, 1, text)[0][3] == "heard"
    named = dataclasses.replace(plan, tracks={**plan.tracks, "t1": dataclasses.replace(plan.tracks["t1"], title=title)})
    assert judged(referee, named, 1, text)[0][3] == "echoed"


@pytest.mark.parametrize(
    ("wish", "text"),
    [
        ("instrument:acoustic guitar", "There is a guitar."),
        ("key:C major", "It is in a major key."),
        ("-instrument:drums", "There are no drums."),
    ],
)
def test_what_was_wished_for_before_is_an_echo_even_when_it_was_withdrawn(referee, plan, wish, text):
    asked = dataclasses.replace(plan.turns[0], attributes=(wish,))
    gone = dataclasses.replace(plan.turns[2], attributes=(), removed=(wish,))
    plan = dataclasses.replace(plan, turns=(asked, plan.turns[1], gone, *plan.turns[3:]))
    assert judged(referee, plan, 3, text)[0][3] == "echoed"


def test_no_is_of_the_clip_that_was_asked_about(referee, plan):
    asked = {"intents": ("item_attribute_answer",), "asks": ("mode:minor",)}
    assert [one[2] for one in judged(referee, plan, 3, "No.", **asked)] == ["contradicted"]
    both = judged(referee, plan, 3, "No, but the first is in minor.", **asked)
    assert sorted(one[2] for one in both) == ["contradicted", "supported"]


def test_without_a_clip_nothing_can_be_told(referee, plan):
    assert judged(referee, plan, 0, "It is fast.")[0][2] == "unverifiable"


def test_a_key_in_the_title_that_the_signal_does_not_have_is_recorded(referee, plan):
    brief = briefs.build(plan, 1, ["turn 0"])
    (claim,) = referee.claims("It is in D minor.", brief, plan=plan, turn_index=1)
    assert claim.verdict == "supported" and claim.evidence["disagrees"] and claim.evidence["metadata"] == "E major"


class Deaf(plans.Reader):
    """Says of every offered track first that it is fast, then that it is moderate; looks at its instructions."""

    def __init__(self):
        super().__init__(bad=0.0)
        self.told: list[str] = []

    def _say(self, request, k, seed):
        self.told.append(request.messages[0]["content"][0]["text"])
        said = super()._say(request, k, seed)
        return f"{said} The tempo is {'fast' if k == 0 else 'moderate'}." if "is one for you" in said else said


def test_a_contradicted_candidate_is_thrown_away_and_named_in_the_next_brief(referee, plan):
    listener = Deaf()
    (done,) = write_plans([plan], listener, play=lambda plan, clip: None, referee=referee)
    assert isinstance(done, Written)
    assert done.turns[1].text.endswith("The tempo is moderate.") and done.turns[1].rejected == {"claims.tempo": 1}
    assert done.turns[3].text.endswith("The tempo is fast.") and done.turns[3].rejected == {}  # "River" is fast
    assert any("None of this is so: The tempo is fast" in text for text in listener.told)


def test_a_wish_that_reads_like_a_statement_costs_no_candidate(referee, plan):
    brief = briefs.build(plan, 4, [f"turn {k}" for k in range(4)])
    brief = dataclasses.replace(brief, new=(Attribute(kind="tempo", value="moderate"),))
    judged = referee.claims("Not for me. It is fast. It is moderate, too.", brief, plan=plan, turn_index=4)
    assert [c.verdict for c in judged] == ["supported", "contradicted"] and contradicted(judged, brief) == []
    other = referee.claims("It is at 110 bpm.", brief, plan=plan, turn_index=4)
    assert [c.value for c in contradicted(other, brief)] == ["110"]
    assistant = dataclasses.replace(brief, role="assistant", intents=("passive_recommend",))
    assert len(contradicted(judged, assistant)) == 1
    refused = dataclasses.replace(brief, new=(Attribute(kind="tempo", value="moderate", polarity="avoid"),))
    assert [c.value for c in contradicted(judged, refused)] == ["moderate"]  # who wants none and says that it is so


def test_claims_stand_in_what_was_written(referee, plan):
    short = dataclasses.replace(plan, turns=plan.turns[:2])
    (done,) = write_plans([short], Deaf(), play=lambda plan, clip: None, referee=referee)
    assert isinstance(done, Written)
    assert done.turns[1].rejected == {"claims.tempo": 1}
    assert [(c.value, c.verdict) for c in done.turns[1].claims] == [("moderate", "supported")]
    (free,) = write_plans([short], Deaf(), play=lambda plan, clip: None, options=Options())
    assert free.turns[1].text.endswith("The tempo is fast.") and free.turns[1].claims == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Yes.", [("key", "D minor", "supported", "heard")]),
        ("No.", [("key", "D minor", "contradicted", "heard")]),
        ("Right, I don't think so.", [("key", "D minor", "contradicted", "heard")]),
        ("Yes, it's in D minor.", [("key", "D minor", "supported", "heard")]),
        ("Hard to say.", []),
    ],
)
def test_yes_and_no_claim_what_was_asked_after(referee, plan, text, said):
    asked = {"intents": ("item_attribute_answer",), "asks": ("key:D minor",), "offered": ()}
    assert judged(referee, plan, 1, text, **asked) == said
    assert judged(referee, plan, 1, "Yes.", intents=("item_attribute_answer",), asks=("key",)) == []


class Vague(plans.Reader):
    """Says of every offered track what nothing here can tell, and from candidate `clear` on what can be told."""

    def __init__(self, clear):
        super().__init__(bad=0.0)
        self._clear = clear

    def _say(self, request, k, seed):
        said = super()._say(request, k, seed)
        vague = "There is a flute and a harp." if k % 2 else "There is a flute."
        return f"{said} {'The tempo is moderate.' if k >= self._clear else vague}" if "is one for you" in said else said


def test_of_both_clips_the_one_that_speaks_against_it_counts():
    said = {"text": "both", "kind": "instrument", "value": "flute", "clip": "both", "basis": "heard", "verdict": "unverifiable"}
    assert unlikely([dialogue.Claim(**said, evidence={"each": [{"leans": 2.0}, {"leans": -3.0}]})])
    assert not unlikely([dialogue.Claim(**said, evidence={"each": [{"leans": 2.0}, {"why": "nothing"}]})])


class Leaning(plans.Reader):
    """Says of every offered track that there is a flute, and from candidate `clear` on what can be told."""

    def __init__(self, clear):
        super().__init__(bad=0.0)
        self._clear = clear

    def _say(self, request, k, seed):
        said = super()._say(request, k, seed)
        heard = "The tempo is moderate." if k >= self._clear else "There is a flute."
        return f"{said} {heard}" if "is one for you" in said else said


@pytest.mark.parametrize(
    ("value", "thresholds", "weak"),
    [(2.5, [-1, 2], True), (3.5, [-1, 2], False), (-1.5, [-1, 2], True), (-2.5, [-1, 2], False), (0.0, None, False)],
)
def test_what_lies_just_inside_a_border_is_supported_barely(value, thresholds, weak):
    evidence = {"value": value} | ({"thresholds": thresholds} if thresholds else {})
    said = {"text": "a flute", "kind": "instrument", "value": "flute", "basis": "heard"}
    claim = dialogue.Claim(**said, verdict="supported", evidence=evidence)
    assert bool(barely([claim])) is weak
    both = claim.model_copy(update={"evidence": {"each": [{"value": 9.0, "thresholds": [-1, 2]}, evidence]}})
    assert bool(barely([both])) is weak
    assert not barely([claim.model_copy(update={"basis": "echoed"}), claim.model_copy(update={"verdict": "unverifiable"})])


def test_what_is_clearly_supported_is_taken_before_what_barely_is(referee, plan, monkeypatch):
    from mdialog.verdicts import Verdict, Verifier

    just = Verdict("supported", {"source": "heard", "value": 1.1, "thresholds": [-1.0, 1.0]})
    monkeypatch.setattr(Verifier, "_instrument", lambda *_: just, raising=False)
    short = dataclasses.replace(plan, turns=plan.turns[:2])
    for clear, end in ((5, "moderate."), (99, "a flute.")):
        (done,) = write_plans([short], Leaning(clear), play=lambda plan, clip: None, referee=referee, options=Options())
        assert done.turns[1].text.endswith(end) and done.turns[1].rejected["barely.instrument"] >= 4


@pytest.mark.parametrize(("leans", "clear", "taken"), [(-1.1, 5, True), (-1.1, 99, False), (-0.9, 99, True), (0.5, 99, True)])
def test_what_is_more_likely_false_is_not_taken_even_at_last(referee, plan, monkeypatch, leans, clear, taken):
    from mdialog.verdicts import Verdict, Verifier

    doubt = Verdict("unverifiable", {"leans": leans, "why": "heard neither clearly enough nor clearly not"})
    monkeypatch.setattr(Verifier, "_instrument", lambda *_: doubt, raising=False)
    short = dataclasses.replace(plan, turns=plan.turns[:2])
    (done,) = write_plans([short], Leaning(clear), play=lambda plan, clip: None, referee=referee, options=Options())
    assert isinstance(done, Written) is taken


@pytest.mark.parametrize(
    ("clear", "surer", "end", "candidates"),
    [
        (0, 1, "moderate.", 1),
        (3, 1, "moderate.", 4),
        (3, 0, "a flute.", 1),
        (9, 1, "a flute.", 5),
        (7, 2, "moderate.", 8),
        (99, 3, "a flute.", 13),
    ],
)
def test_what_can_be_told_is_taken_before_what_cannot(referee, plan, clear, surer, end, candidates):
    short, options = dataclasses.replace(plan, turns=plan.turns[:2]), Options(surer=surer)
    (done,) = write_plans([short], Vague(clear), play=lambda plan, clip: None, referee=referee, options=options)
    turn = done.turns[1]
    assert turn.text.endswith(end) and turn.candidates == candidates
    assert turn.rejected == ({"untold.instrument": candidates - 1} if candidates > 1 else {})
    assert [c.verdict for c in turn.claims] == ["supported" if end == "moderate." else "unverifiable"]


def test_who_is_strict_never_takes_what_cannot_be_told(referee, plan):
    short, options = dataclasses.replace(plan, turns=plan.turns[:2]), Options(strict=True)
    for clear, taken in ((99, False), (9, True)):
        (done,) = write_plans([short], Vague(clear), play=lambda plan, clip: None, referee=referee, options=options)
        assert isinstance(done, Written) is taken


def test_what_was_told_or_said_before_is_no_reason_to_look_further(referee, plan):
    brief = briefs.build(plan, 1, ["Some reggae with a flute."])
    judged = referee.claims("There is a flute.", brief, plan=plan, turn_index=1)
    assert [(c.verdict, c.basis) for c in judged] == [("unverifiable", "echoed")] and untold(judged) == []


@pytest.fixture
def sounds(referee):
    """The referee, who knows what is marked in `t1`: rain all along, a horn from 2 to 4 s and a siren from 14 s on."""
    spans = (("rain", 0, 20), ("horn", 2, 4), ("siren", 14, 18))
    marked = [{"label": label, "start_s": start, "end_s": end} for label, start, end in spans]
    track = {**referee.witness.tracks["t1"], "meta_events": marked}
    witness = dataclasses.replace(referee.witness, tracks={"t1": track}, labels=frozenset(("rain", "horn", "siren", "bell")))
    return dataclasses.replace(referee, witness=witness)


@pytest.mark.parametrize(
    ("ask", "text", "said"),
    [
        ("event:horn", "Yes.", [("event", "horn", "supported", "heard")]),
        ("event:siren", "Yes.", [("event", "siren", "contradicted", "heard")]),  # it comes after the clip
        ("onset:horn", "About 2 seconds in.", [("onset", "horn 2", "supported", "heard")]),
        ("order:horn+rain", "The horn comes first.", [("order", "horn rain", "contradicted", "heard")]),
        ("event", "The rain fades.", [("event", "rain", "supported", "heard")]),
        ("event", "Rain, in D minor.", [("event", "rain", "supported", "heard"), ("key", "D minor", "supported", "heard")]),
    ],
)
def test_turns_that_ask_about_events_are_judged_by_their_times(sounds, plan, ask, text, said):
    answer = {"intents": ("item_attribute_answer",), "asks": (ask,), "offered": ()}
    assert judged(sounds, plan, 1, text, **answer) == said


def test_elsewhere_a_horn_is_brass(sounds, plan):
    assert [claim[:2] for claim in judged(sounds, plan, 1, "There is a horn.")] == [("instrument", "brass")]
    without = judged(sounds, plan, 3, "About 2 seconds in.", intents=("item_attribute_answer",), asks=("onset:horn",))
    assert without == [("onset", "horn 2", "unverifiable", "heard")]  # nothing is marked in "River"


def test_what_was_said_of_events_before_is_an_echo(sounds, plan):
    asked = dataclasses.replace(plan.turns[0], intents=("item_attribute_question",), attributes=(), asks=("onset:horn",))
    plan = dataclasses.replace(plan, turns=(asked, *plan.turns[1:]))
    answer = {"intents": ("item_attribute_answer",), "asks": ("onset:horn",)}
    history = (("user", "It starts after 2 seconds."),)
    assert judged(sounds, plan, 1, "About 2 seconds in.", history=history, **answer)[0][3] == "echoed"
    assert judged(sounds, plan, 1, "About 2 seconds in.", hints=("after 2 seconds",), **answer)[0][3] == "told"
