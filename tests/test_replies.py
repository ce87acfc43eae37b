"""What a recommender says back to what was liked and refused."""

import dataclasses
import random

import pytest
from test_checks import labels

from mdialog import brief as briefs
from mdialog.brief import Brief, Name
from mdialog.checks import faults
from mdialog.plan import Clip

SPRINGS, BLUE = Name("Six Springs", "Ivo"), Name("Blue Hour", "The Lamps")
SETS = (("sympathetic_response",), ("passive_recommend", "sympathetic_response"), ("active_recommend",),
        ("feedback_request", "passive_recommend"))  # fmt: skip


def reply(*, liked=(), refused=(), intents=("sympathetic_response",), manner="plain"):
    offered, clips = ((BLUE,), (Clip("t", 0.0, 10.0),)) if len(intents) > 1 or "active_recommend" in intents else ((), ())
    return Brief("assistant", intents, manner=manner, liked=liked, refused=refused, offered=offered,
                 about=BLUE if clips else None, clips=clips)  # fmt: skip


def disagrees(text, brief):
    return "agreement" in {fault.check for fault in faults(text, brief)}


@pytest.mark.parametrize(
    ("text", "liked", "refused"),  # which may it be said of
    [
        ('No more "Six Springs", then.', False, True),
        ('No worries, out goes "Six Springs" by Ivo!', False, True),
        ('Ah, so "Six Springs" wasn\'t it, no hard feelings.', False, True),
        ("I'll break it to Ivo myself.", False, True),
        ("Okay, no hard feelings.", False, True),
        ('Sorry, I thought "Six Springs" might work.', False, True),
        ("Let Six Springs pass.", False, True),
        ('Glad you like "Six Springs".', True, False),
        ('"Six Springs" is a favourite of mine too.', True, False),
        ("Glad you liked it!", True, False),
        ('You can\'t get enough of "Six Springs".', True, True),
        ('Don\'t forget "Six Springs".', True, True),
        ('"Six Springs" is off the same album.', True, True),
        ("Sorry this took a while.", True, True),
        ('Not happy with "Six Springs"?', True, True),
        ('I gather you did not keep "Six Springs".', True, True),
        ('I\'m not sure that you liked "Six Springs".', True, True),
        ("Sorry it wasn't for you.", False, True),
        ('Yay, "Six Springs," it is!', True, False),
        ("Oh good, I wasn't sure about Six Springs.", True, False),
        ("Noted.", True, True),
        ("That makes sense, glad to help.", True, True),
        ('I thought "Six Springs" might please you.', True, True),
        ("Sorry, my glasses cost me a fortune.", True, True),
    ],
)
def test_nobody_turns_down_what_was_liked_or_cheers_what_was_refused(text, liked, refused):
    assert disagrees(text, reply(liked=(SPRINGS,))) is not liked
    assert disagrees(text, reply(refused=(SPRINGS,))) is not refused


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ('No worries, out goes "Blue Hour" by The Lamps!', False),
        ('Okay, "Blue Hour" is out. Noted.', False),
        ('"Blue Hour" is out now.', True),
        ('Sorry it took me a while: "Blue Hour".', True),
        ('No more "Six Springs", then. "Blue Hour" is next.', True),
    ],
)
def test_nobody_offers_what_the_same_turn_turns_down(text, good):
    for refused in ((), (SPRINGS,)):
        assert disagrees(text, reply(intents=SETS[1], refused=refused)) is not good


@pytest.mark.parametrize(
    ("text", "good"),
    [("I think it's the fast tempo that I like.", False), ("I like the flute. Not this one, though.", True),
     ("I don't like the slow tempo.", True), ("I love the drums!", False), ("I like how you put that.", True),
     ("It's the slow tempo that I don't enjoy.", True), ("I rather enjoy its fast tempo.", False)],
)  # fmt: skip
def test_no_seeker_praises_what_it_refuses(text, good):
    brief = Brief("user", ("reject_response",), refused=(SPRINGS,), about=SPRINGS)
    assert disagrees(text, brief) is not good
    assert not disagrees(text, dataclasses.replace(brief, about=BLUE)) and not disagrees(
        text, dataclasses.replace(brief, intents=("add_filter", "reject_response")))  # fmt: skip


@pytest.mark.parametrize(
    ("text", "good"),
    [('There are no drums here, unlike in "Six Springs".', False), ('It is faster than "Six Springs" by Ivo.', False),
     ('I want something like "Six Springs".', True), ('It is faster than "Blue Hour".', True),
     ('As for "Six Springs", it is fast.', True)],
)  # fmt: skip
def test_no_track_is_set_beside_itself(text, good):
    brief = Brief("user", ("accept_response",), liked=(SPRINGS,), about=SPRINGS, clips=(Clip("t", 0.0, 10.0),))
    assert disagrees(text, brief) is not good
    assert not disagrees(text, dataclasses.replace(brief, about=BLUE, before=SPRINGS, clips=brief.clips * 2))


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ('"Blue Hour" by The Lamps is next. And "Six Springs" too!', False),
        ('How about "Six Springs"? Or "Blue Hour".', False),
        ('Try "Blue Hour", and maybe "Six Springs" by Ivo.', False),
        ('I picked "Blue Hour". If you want more, "Six Springs".', False),
        ('I picked "Blue Hour". Also worth your time: "Six Springs" by Ivo.', False),
        ('I picked "Blue Hour", then "Six Springs".', False),
        ('"Six Springs" is out, then. I picked "Blue Hour".', True),
        ('No more "Six Springs". Try "Blue Hour" by The Lamps, and "Third" too.', True),
        ('"Blue Hour" by The Lamps as well, and I will not play "Six Springs" again.', True),
        ('How about taking "Six Springs" off and playing "Blue Hour"?', True),
    ],
)
def test_nobody_offers_again_what_was_just_refused(text, good):
    assert disagrees(text, reply(intents=SETS[1], refused=(SPRINGS,))) is not good


def test_of_two_tracks_each_has_its_own_reply():
    brief = reply(liked=(BLUE,), refused=(SPRINGS,))
    assert not disagrees('"Six Springs" is out, "Blue Hour" stays.', brief)
    assert disagrees('"Blue Hour" is out, "Six Springs" stays.', brief)
    same = reply(liked=(Name("Blue Hour", "Ivo"),), refused=(SPRINGS,))  # the artist of both is said of neither
    assert not disagrees("Dropping Ivo.", same)


def test_the_seeker_and_who_offers_something_else_may_say_so():
    assert not disagrees("No more Six Springs, please.", Brief("user", ("reject_response",), refused=(SPRINGS,)))
    offers = reply(liked=(SPRINGS,), intents=("passive_recommend", "sympathetic_response"))
    assert not disagrees('Glad about "Six Springs". Why not "Blue Hour" by The Lamps?', offers)


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ('Yes to "Blue Hour" by The Lamps. I\'d rather skip "Six Springs".', True),
        ('Yes to "Blue Hour" and "Six Springs".', False),
        ('"Six Springs" hits the spot. Not "Blue Hour", thanks.', False),
        ('I don\'t like "Six Springs", but "Blue Hour" works for me.', True),
        ('I like "Blue Hour". "Six Springs" isn\'t for me.', True),
        ('"Six Springs" and "Blue Hour" both make the cut.', False),
        ('"Blue Hour" leaves me cold.', False),
        ('I can\'t say I like "Six Springs". "Blue Hour" is lovely.', True),
    ],
)
def test_a_seeker_takes_what_it_likes_and_leaves_what_it_refuses(text, good):
    brief = Brief("user", ("accept_response", "reject_response"), liked=(BLUE,), refused=(SPRINGS,))
    assert disagrees(text, brief) is not good


def test_the_phrase_books_seeker_agrees_and_would_not_the_other_way_round():
    phrases = pytest.importorskip("mdialog.synth.phrases")
    rng, found, swapped = random.Random(2), [], []
    for _ in range(1500):
        one = ((BLUE, SPRINGS), (SPRINGS, BLUE))[rng.randrange(2)]
        two, extra = rng.random() < 0.3, Name("Third", "Else")
        liked, refused = (one[0], extra) if two else one[:1], one[1:]
        intents = rng.choice((("accept_response",), ("reject_response",), ("accept_response", "reject_response")))
        liked, refused = (x if f"{act}_response" in intents else () for act, x in (("accept", liked), ("reject", refused)))
        brief = Brief("user", intents, manner=rng.choice(briefs.MANNERS), liked=liked, refused=refused)
        text = phrases.say(brief, [], rng)
        found += [text] if disagrees(text, brief) else []
        turned = Brief("user", intents, manner=brief.manner, liked=brief.refused, refused=brief.liked)
        swapped.append(disagrees(text, turned))
    assert not found, found[:20]
    assert sum(swapped) >= 0.5 * len(swapped)


def test_the_phrase_book_agrees_and_would_not_the_other_way_round():
    phrases = pytest.importorskip("mdialog.synth.phrases")
    rng, found, swapped = random.Random(1), [], []
    for i in range(1200):
        intents = SETS[i % len(SETS)]
        up = rng.random() < 0.5 or "active_recommend" in intents
        sides = {"liked": (SPRINGS,)} if up else {"refused": (SPRINGS,)}
        brief = reply(**sides, intents=intents, manner=rng.choice(briefs.MANNERS))
        text = phrases.say(brief, [labels(rng) for _ in brief.clips], rng)
        found += [text] if disagrees(text, brief) else []
        if ("Six Springs" in text or "Ivo" in text) and "active_recommend" not in intents:
            other = {"refused": (SPRINGS,)} if up else {"liked": (SPRINGS,)}
            swapped.append(disagrees(text, reply(**other, intents=intents)))
    assert not found and len(swapped) > 100 and sum(swapped) >= 0.98 * len(swapped)
