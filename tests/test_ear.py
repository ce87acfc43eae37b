import pytest
from pursuits import told

from mdialog import ear, vocab
from mdialog.attributes import Attribute
from mdialog.brief import Name, state
from mdialog.ear import Heard, ask_about, heard_instead, question, read, verdict
from mdialog.plan import Clip

CLIP, NAME = Clip("t1", 0.0, 10.0), Name("No Drums in E major", "The Slow Flutes")


def heard(answer: str, ask: str):
    return read(answer, question(CLIP, NAME, ask))


@pytest.mark.parametrize("kind", ear.OPENLY)
def test_one_value_named_is_there_and_the_others_are_not(kind):
    names = vocab.load()[kind].names
    for value in names:
        found = heard(told(kind, value), kind)
        for other in names:
            assert verdict(Attribute(kind, other), found) is (other == value), (value, other)
            assert verdict(Attribute(kind, other, "avoid"), found) is (other != value)
        assert heard_instead(Attribute(kind, value), found) == []
        assert heard_instead(Attribute(kind, next(n for n in names if n != value)), found) == [Attribute(kind, value)]


@pytest.mark.parametrize("attribute", [Attribute("instrument", "flute"), Attribute("mood", "calm")])
@pytest.mark.parametrize(
    ("answer", "there"),
    [("Yes.", True), ("No, not at all.", False), ("Hard to say.", None), ("", None), ("Größe?\n\u2028", None)],
)
def test_yes_no_and_neither(attribute, answer, there):
    found = heard(answer, ask_about(attribute))
    assert verdict(attribute, found) is there
    assert verdict(Attribute(attribute.kind, attribute.value, "avoid"), found) is (None if there is None else not there)


@pytest.mark.parametrize(
    ("ask", "answer", "attribute", "there"),
    [
        ("instrument:flute", "The flute carries the tune.", "instrument:flute", True),  # who leads is there
        ("instrument:flute", "There is a trumpet.", "instrument:flute", None),  # beside which a flute may be
        ("tempo", "It runs at 150 beats a minute.", "tempo:slow", False),
        ("vocal", "Someone is singing.", "vocal:choir", None),  # that may be a choir
        ("vocal", "Someone is singing.", "vocal:instrumental", False),
        ("vocal", "There is no singing.", "vocal:instrumental", True),
        ("tempo", "It is slow, and it is fast.", "tempo:moderate", False),
    ],
)
def test_what_answers_imply(ask, answer, attribute, there):
    assert verdict(Attribute.parse(attribute), heard(answer, ask)) is there


def test_names_claim_nothing():
    assert heard('Hard to say of "No Drums in E major" by The Slow Flutes.', "key") == ()


def test_what_was_not_asked_or_cannot_be_heard_stays_open():
    one = Heard(CLIP, {"tempo": heard("It is slow in tempo.", "tempo")})
    assert one.verdict(Attribute("tempo", "slow")) is True
    assert one.verdict(Attribute("mood", "calm")) is None
    assert one.verdict(Attribute("theme", "sleep")) is None and one.verdict(Attribute("year", "1990s")) is None
    assert not ear.can_tell(Attribute("genre", "reggae", "like"))


def test_a_question_holds_its_clip_and_what_is_asked():
    brief = question(CLIP, NAME, "instrument:flute")
    assert brief.clips == (CLIP,) and not brief.history and not brief.wanted
    assert "whether instrument flute" in state(brief)
