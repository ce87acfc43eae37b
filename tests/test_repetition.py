import dataclasses

import pytest

from mdialog.attributes import Attribute
from mdialog.brief import Brief, Name
from mdialog.plan import Clip
from mdialog.repetition import repetition
from mdialog.utterance import Utterance

BLUE, RIVER = Name("Blue Hour", "The Lamps"), Name("River", "Ana Sol")
CLIP = (Clip("t1", 0.0, 10.0),)
OFFER = Brief("assistant", ("passive_recommend",), offered=(BLUE, RIVER), about=BLUE, clips=CLIP)
TALK = Brief("assistant", ("sympathetic_response",))


def twice(text, brief):
    return bool([*repetition(Utterance(text, brief))])


def test_a_sentence_is_not_said_twice():
    said = dataclasses.replace(TALK, history=(("assistant", "I see what you mean. Sure."), ("user", "Sure!")))
    assert twice("Okay. I see what you mean!", said)
    assert twice("Sure.", said)
    assert not twice("Sure. I hear you.", said)


SLOW = Attribute("tempo", "slow")


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("It's metal, and it's metal.", False),
        ('"Blue Hour" is a fast, fast track.', False),
        ('"Blue Hour" is fast. It has drums, and it is fast.', False),
        ('Okay, something slow. "Blue Hour" by The Lamps is a slow track.', True),
        ('A slow, slow one: "Blue Hour".', False),
        ('"Blue Hour" is fast. "River" by Ana Sol is fast as well.', True),
        ('"Blue Hour" is fast. "River" by Ana Sol is fast.', True),
        ('"Blue Hour" is fast, faster than "River".', True),
        ('"Blue Hour" is sad, mournful, with a harp, yes, a harp.', True),
        ('"Blue Hour" has no drums, no drums at all.', False),
    ],
)
def test_a_turn_states_nothing_twice(text, good):
    assert twice(text, dataclasses.replace(OFFER, wanted=(SLOW,))) is not good


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ('"Blue Hour" holds up. To me it pushes less hard than "Blue Hour".', False),
        ('"Blue Hour" is slower than "Blue Hour" by The Lamps.', False),
        ('"Blue Hour" is slower than "River".', True),
        ('"River" was lovely; "Blue Hour" is next, and it is faster than "River".', True),
        ('"Blue Hour" holds up as it is. I\'d like more like "Blue Hour".', True),
    ],
)
def test_a_track_is_not_compared_with_itself(text, good):
    assert twice(text, dataclasses.replace(OFFER, role="user", intents=("accept_response",), offered=())) is not good


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("Would very slow, slow music do?", False),
        ("I'd like something slow. Let's go for a slow piece.", False),
        ("Something slow, please.", True),
        ("Something slow like The Lamps, in the style of The Lamps.", False),
        ('I liked "Blue Hour" by The Lamps. Something slow by The Lamps.', True),
    ],
)
def test_a_turn_asks_for_nothing_twice(text, good):
    ask = Brief("user", ("add_filter",), new=(SLOW, Attribute("artist", "The Lamps", "like")), liked=(BLUE,))
    assert twice(text, ask) is not good


def test_a_bare_answer_may_come_again():
    before = (("user", "How often does the bell come in?"), ("assistant", "Once."))
    answer = Brief("assistant", ("item_attribute_answer",), asks=("times:dog",), clips=CLIP, history=before)
    assert not twice("Once.", answer)
    assert twice("Once.", dataclasses.replace(TALK, history=before))


def test_no_track_is_put_beside_itself():
    assert twice('"Blue Hour" goes well with "Blue Hour."', OFFER)
    assert not twice('"Blue Hour" goes well with "River."', OFFER)
    assert not twice('Keeping "Blue Hour" by Ann; "River" by Ann; "Lamp Song" by Ivo.', OFFER)  # what stands between quotes
    assert not twice('You liked "Blue Hour". So after "Blue Hour" comes "River".', OFFER)
