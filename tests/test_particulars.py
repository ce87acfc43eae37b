"""What is told only where it is asked after is found there, and held against what there is to hold it against."""

import numpy as np
import pytest

from mdialog import claims, particulars, subjects
from mdialog.brief import Brief, Name, messages
from mdialog.checks import faults
from mdialog.claims import Claim, true_of
from mdialog.evidence import COLUMNS, Evidence, Witness
from mdialog.plan import Clip
from mdialog.synth.compose import compose
from mdialog.verdicts import N_MEASURED, Judge, Verifier

ONE, TWO = (Clip("b", 0.0, 10.0),), (Clip("a", 0.0, 10.0), Clip("b", 0.0, 10.0))
NOT_ELECTRIC, ELECTRIC = (("instrument", particulars.ELECTRIC, present, None) for present in (False, True))
LIVE, STUDIO = (("setting", "live", present, None) for present in (True, False))


def brief(ask, role="assistant"):
    two = ask.startswith(("compare:", "which:"))
    intent = "item_attribute_answer" if role == "assistant" else "item_attribute_question"
    before = Name("Red Sky", "Bob") if two else None
    return Brief(role, (intent,), asks=(ask,), about=Name("Blue", "Ann"), before=before, clips=TWO if two else ONE)


def told(ask, text):
    return [(c.kind, c.value, c.present, c.comparison) for c in subjects.find(text, brief(ask))]


@pytest.mark.parametrize(
    ("ask", "text", "expected"),
    [
        ("electric", "It's acoustic.", [NOT_ELECTRIC]),
        ("electric", "Electric: the amps are up.", [ELECTRIC]),
        ("electric", "Not electric at all.", [NOT_ELECTRIC]),
        ("electric", "A mix of acoustic and electronic sounds.", [ELECTRIC]),
        ("electric", "An acoustic guitar.", [("instrument", "acoustic guitar", True, None)]),  # and what else there may be
        ("electric", "Is it acoustic or electric?", []),
        ("live", "Was it recorded live or in a studio?", []),
        ("live", "I live for this.", []),
        ("live", "No question, it was live.", [LIVE]),
        ("live", "Live, with a crowd.", [LIVE]),
        ("live", "Not live: a studio take.", [STUDIO, STUDIO]),
        ("compare:opening", "The second begins louder.", [("opening", "loud", True, "more")]),
        ("compare:opening", "It starts more quietly than the first.", [("opening", "loud", True, "less")]),
        ("compare:bpm", "It's about 20 bpm faster than the first.", [("tempo", "20", True, "more")]),
        ("compare:bpm", "It's faster than the first by 20 beats per minute.", [("tempo", "20", True, "more")]),
        ("compare:bpm", "It's 20 beats faster.", [("tempo", "20", True, "more")]),
        ("compare:bpm", "The difference is about 20 bpm.", []),
        ("compare:bpm", "They are 20 beats a minute apart.", []),
        ("compare:bpm", "Slower, by some 30 beats a minute.", [("tempo", "30", True, "less")]),
        ("compare:bpm", "It's at 120 bpm, faster.", [("tempo", "120", True, None), ("tempo", "fast", True, "more")]),
    ],
)
def test_what_is_asked_after_is_found(ask, text, expected):
    assert told(ask, text) == expected


def test_elsewhere_these_words_claim_nothing():
    for text in ("It's acoustic.", "A live take.", "Electric!"):
        assert told("tempo", text) == [] == claims.find(text)


@pytest.mark.parametrize(
    ("ask", "question", "answer"),
    [
        ("electric", "Is it acoustic or electric?", "It's acoustic."),
        ("live", "Was it recorded live or in a studio?", "It was recorded live."),
        ("compare:opening", "Which of the two begins louder?", "The first begins louder."),
        ("compare:bpm", "By how many bpm is it faster than the first?", "It's 20 bpm faster."),
    ],
)
def test_who_is_asked_tells_and_who_asks_names_it(ask, question, answer):
    def bad(text, role):
        return [fault.text for fault in faults(text, brief(ask, role)) if fault.check == "intents"]

    assert bad(question, "user") == bad(answer, "assistant") == []
    assert ask in bad("How is it, or the other?", "user") and ask in bad("It is lovely.", "assistant")
    if ask == "compare:bpm":
        assert bad("The first is 100 bpm and the second is 120 bpm.", "assistant") == []
    system = messages(brief(ask), play=lambda clip: np.zeros(8))[0]["content"][0]["text"]
    assert particulars.MEANS[ask] in system


def test_acoustic_is_held_against_the_electric_instruments():
    rng = np.random.default_rng(0)
    names = [f"instrument:{one}" for one in claims.LOOSE[particulars.ELECTRIC]]
    weights = np.zeros((len(names), 4 + N_MEASURED), np.float32)
    weights[0, 0] = 9.0
    judge = Judge(tuple(names), weights, np.zeros(len(names), np.float32), np.full(len(names), 5.0, np.float32),
                  np.full(len(names), 1.0, np.float32), np.zeros(len(names), np.float32), "m")  # fmt: skip

    def verdict(present, x):
        heard = Evidence({"energy": 0.5}, np.array([x, *rng.normal(size=1)], np.float32))
        return Verifier(judge).verdict(Claim("", "instrument", particulars.ELECTRIC, present, 0, 0), heard).verdict

    assert verdict(True, 1.0) == "supported" and verdict(False, 1.0) == "contradicted"
    assert verdict(True, 0.0) == "contradicted" and verdict(False, 0.0) == "supported"
    assert verdict(True, 0.3) == verdict(False, 0.3) == "unverifiable"


def test_an_audience_is_told_by_marks_or_the_title_and_a_studio_by_nothing():
    def verdict(present=True, *, events=None, title="Song"):
        row = {"start_s": 0.0, "end_s": 10.0, "embedding": [1.0], "measured_energy": 0.5}
        row |= {f"measured_{name}": 0.5 for name in COLUMNS}
        seen = Witness({"b": [row]}, {"b": {"meta_title": title, "meta_events": events}}).of(ONE[0])
        return Verifier().verdict(Claim("", "setting", "live", present, 0, 0), seen).verdict

    clapped = [{"start_s": 1.0, "end_s": 3.0, "label": "applause"}]
    assert verdict(events=clapped) == "supported" and verdict(False, events=clapped) == "contradicted"
    assert verdict(title="Song (Live)") == verdict(title="Song - Live at the Lake") == "supported"
    assert verdict(title="Song (Recorded Live)") == verdict(events=[{**clapped[0], "label": "Crowd"}]) == "supported"
    for title in ("Live and Learn", "How to Live on Nothing", "We Live in Fear"):
        assert verdict(title=title) == verdict(False) == "unverifiable"
    assert verdict(events=[{**clapped[0], "label": "rain"}]) == "unverifiable"


@pytest.mark.parametrize(
    ("value", "comparison", "there", "expected"),
    [
        ("20", "more", 100.0, "supported"), ("24", "more", 100.0, "supported"), ("50", "more", 100.0, "contradicted"),
        ("28", "more", 100.0, "unverifiable"), ("20", "less", 100.0, "contradicted"), ("20", "less", 140.0, "supported"),
    ],
)  # fmt: skip
def test_how_much_faster_is_held_against_both_tempos(value, comparison, there, expected):
    here, before = (Evidence({"tempo_bpm": bpm, "tempo_confidence": 1.0}) for bpm in (120.0, there))
    claim = Claim("", "tempo", value, True, 0, 0, comparison)
    assert Verifier().verdict(claim, here, before).verdict == expected


def test_by_the_composers_labels_too():
    slow, fast = (compose(3, genre=genre).labels.over(0.0, 10.0) for genre in ("folk", "techno"))
    apart = str(round(fast.tempo_bpm - slow.tempo_bpm))
    assert true_of(Claim("", "tempo", apart, True, 0, 0, "more"), fast, slow)
    assert true_of(Claim("", "tempo", apart, True, 0, 0, "less"), slow, fast)
    assert not true_of(Claim("", "tempo", apart, True, 0, 0, "less"), fast, slow)
    assert true_of(Claim("", "instrument", particulars.ELECTRIC, True, 0, 0), fast)


def test_the_beginning_is_that_of_the_first_window():
    def window(start_s, *curve):
        row = {f"measured_{name}": 0.5 for name in COLUMNS}
        return row | {"start_s": start_s, "end_s": start_s + 5.0, "embedding": [1.0], "measured_energy_curve": list(curve)}

    witness = Witness({"a": [window(5.0, 0.9), window(0.0, 0.1, 0.9)], "b": [window(0.0, 0.8, 0.1), window(5.0, 0.0)]}, {})
    before, this = (witness.of(clip) for clip in TWO)
    louder, softer = (Claim("", "opening", "loud", True, 0, 0, comparison) for comparison in ("more", "less"))
    assert Verifier().verdict(louder, this, before).verdict == "supported"
    assert Verifier().verdict(softer, this, before).verdict == "contradicted"
    assert Verifier().verdict(louder, this, this).verdict == "unverifiable"
    assert Verifier().verdict(louder, Evidence({}), before).verdict == "unverifiable"


WHICH = "which:instrument:flute"


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("Which of the two has the flute?", True),
        ("Is the flute in the first or in the second?", True),
        ("Which one has drums?", False),
        ("Is there a flute?", False),
    ],
)
def test_who_asks_which_has_something_names_it(text, good):
    assert ("intents" not in {fault.check for fault in faults(text, brief(WHICH, "user"))}) is good


@pytest.mark.parametrize(
    ("text", "clips"),
    [
        ("The first has the flute.", ["before"]),
        ("There is a flute in the second, and none in the first.", ["this"]),
        ("Both have a flute.", ["both"]),
        ("The second one does.", ["this"]),
        ("That would be the first.", ["before"]),
        ("Neither.", ["both"]),
        ('It is in "Red Sky" by Bob.', ["before"]),
        ("It is a slow one.", None),
        ("Hard to say.", None),
    ],
)
def test_who_answers_which_tells_of_that_clip(text, clips):
    assert ("intents" not in {fault.check for fault in faults(text, brief(WHICH))}) is bool(clips)
    found = [c.clip for c in subjects.find(text, brief(WHICH)) if c.value == "flute"]
    assert found[:1] == (clips or [])


def test_larger_listeners_are_told_which_question_it_is():
    (system, user) = messages(brief(WHICH), play=lambda clip: np.zeros(1))
    assert "which of the two has the flute" in system["content"][0]["text"]
    assert "which instrument flute" in user["content"][-1]["text"]


def test_who_names_neither_denies_it_of_both_and_who_asks_claims_nothing():
    (claim,) = subjects.find("Neither of them.", brief(WHICH))
    assert (claim.value, claim.present, claim.clip) == ("flute", False, "both")
    assert subjects.find("Is it in the first or the second?", brief(WHICH, "user")) == []
