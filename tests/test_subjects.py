"""Where two clips play, a claim is of the one that is spoken of."""

import dataclasses

import pytest

from mdialog import subjects
from mdialog.brief import Brief, Name
from mdialog.claims import Claim, true_of
from mdialog.plan import Clip
from mdialog.synth.compose import compose

CLIPS = (Clip("a", 0.0, 10.0), Clip("b", 0.0, 10.0))


BLUE, RED = Name("Blue", "Ann"), Name("Red Sky", "Bob")


def brief(*, asks=("compare",), before=RED):
    return Brief("assistant", ("item_attribute_answer",), asks=asks, about=BLUE, before=before, clips=CLIPS)


def told(text, **other):
    return [(claim.text, claim.clip) for claim in subjects.find(text, brief(**other))]


@pytest.mark.parametrize(
    ("text", "clips"),
    [
        ("The first has a flute, the second a piano.", ["before", "this"]),
        ("The first is a slow waltz; the other is a rock song.", ["before", "before", "this"]),
        ("A flute plays in the first, drums in the second.", ["before", "this"]),
        ("Slow in the first and fast in the second.", ["before", "this"]),
        ("The first has a flute, drums and bass.", ["before", "before", "before"]),
        ("The first one is faster than the second.", ["before"]),
        ("It's faster than the first.", ["this"]),
        ("The tempo is down on the first.", ["this"]),
        ("The faster one is the first.", ["before"]),
        ("Unlike the first, it has drums.", ["this"]),
        ("The first is sad. Soft strings play. The second is happy.", ["before", "before", "this"]),
        ("Clip A has a harp, clip B has drums.", ["before", "this"]),
        ("A slow waltz.", ["this", "this"]),
    ],
)
def test_a_claim_is_of_the_clip_that_is_named_nearest(text, clips):
    assert [clip for _, clip in told(text)] == clips


@pytest.mark.parametrize(
    ("text", "clips"),
    [
        ('"Red Sky" by Bob is slower.', ["before"]),
        ('It is slower than "Red Sky" by Bob. It has a flute.', ["this", "this"]),
        ('The tempo is up on "Red Sky" by Bob.', ["this"]),
        ('"Blue" has drums and "Red Sky" has a choir.', ["this", "before"]),
        ("Bob's has drums.", ["before"]),
    ],
)
def test_a_clip_is_called_by_its_name(text, clips):
    assert [clip for _, clip in told(text)] == clips


@pytest.mark.parametrize(
    ("title", "artist", "text", "clips"),
    [
        ("Both Sides Now", "Joni", '"Both Sides Now" has a flute.', ["before"]),
        ("The Second Waltz", "X Y", '"The Second Waltz" is in a major key.', ["before"]),
        ("They Don't Care", "Slow Giants", "Slow Giants play drums.", ["before"]),
        ("It", "Yes", "Yes, it is slow.", ["this"]),
        ("Slow", "Ann", "A slow tune.", ["this"]),
        ("A(b", "C+*", '"A(b" has a flute. This one is slow.', ["before", "this"]),
    ],
)
def test_words_in_a_name_name_no_clip_and_a_name_of_one_word_is_mostly_a_word(title, artist, text, clips):
    assert [clip for _, clip in told(text, before=Name(title, artist))] == clips


@pytest.mark.parametrize(
    "text",
    ["The first ten seconds are slow.", "The first thing I hear is a flute.", "It is in common time.",
     "The drums hit on each beat.", "The two guitars are slow.", "The first bars are slow."],
)  # fmt: skip
def test_parts_of_a_clip_are_no_clip(text):
    assert {clip for _, clip in told(text)} == {"this"}


@pytest.mark.parametrize(
    ("text", "clips"),
    [
        ("One is in a major key, the other in a minor key.", ["before", "this"]),
        ("One has drums, the other has no drums.", ["before", "this"]),
        ("The second has a flute, the other a cello.", ["this", "before"]),
        ("It's a slow piece, whereas the first was quick.", ["this", "before"]),
        ("Slower than Blue, it seems.", ["this"]),
        ('Slower than "Blue", it seems.', ["before"]),
        ("It's the first, not the second, that has the flute.", ["before"]),
        ("The first has drums, and so does the second.", ["both"]),
    ],
)
def test_who_is_meant_by_the_other_and_by_what_is_left_out(text, clips):
    assert [clip for _, clip in told(text)] == clips


def test_in_neither_is_not_there():
    (claim,) = subjects.find("The drums are in neither.", brief())
    assert (claim.clip, claim.present) == ("both", False)


def test_what_both_are_called_names_neither():
    same = Name("Red Sky", "Ann")
    assert told("Ann has a flute here.", before=same) == [("flute", "this")]
    assert told('In "Red Sky" a flute plays.', before=same) == [("flute", "before")]


@pytest.mark.parametrize(
    "text",
    ["Both have drums.", "They have drums in common.", "They're slow.", "Neither has a flute.",
     "It shares drums with the first."],
)
def test_what_is_said_of_both_is_of_both(text):
    assert {clip for _, clip in told(text)} == {"both"}


def test_what_only_sounds_like_a_clip_is_of_this_one():
    assert [clip for _, clip in told('"Blue" turned up first: a fast one.')] == ["this"]


THIRD = Name("Third, Pt. 3", "St. Cy")


@pytest.mark.parametrize(
    ("text", "clips"),
    [
        ('After "Red Sky" by Bob, maybe "Third, Pt. 3" by St. Cy? It\'s fast.', ["none"]),
        ('"Third, Pt. 3" is a slow one. "Blue" is fast.', ["none", "this"]),
        ('If you liked "Third, Pt. 3", "Blue" is slow.', ["this"]),
        ('"Blue" by Ann is slower than "Third, Pt. 3".', ["this"]),
        ("Blue, by Ann: slow.", ["this"]),
        ("From St. Cy you might like a slow one.", ["this"]),
    ],
)
def test_of_a_track_that_is_named_and_does_not_play_nothing_was_heard(text, clips):
    for two in (True, False):
        both = dataclasses.replace(brief(before=RED if two else None), offered=(BLUE, THIRD), clips=CLIPS[: 1 + two])
        assert [claim.clip for claim in subjects.find(text, both)] == clips


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('"Red Sky" was slower.', RED),
        ("Third, Pt. 3 had a flute.", THIRD),
        ('"Third, Pt. 3" and "Red Sky" were slow.', RED),  # the last one heard
        ("The last one was slower.", RED),
        ("That previous track had drums.", RED),
        ("It is slow.", None),
        ("The first bars are slow, and the last note is long.", None),
        ('"Blue" is slow.', None),
    ],
)
def test_a_track_heard_earlier_is_meant_by_its_name_or_as_the_last_one(text, name):
    assert subjects.meant(text, BLUE, [THIRD, RED]) == name
    assert subjects.meant(text, BLUE, []) is None


@pytest.mark.parametrize(
    "text",
    ["It is the first song here that has drums.", "Slow, the last track of their album.", "The one by Bob was slow.",
     "The first track on that album, with a flute."],
)  # fmt: skip
def test_what_only_looks_like_a_track_heard_earlier_is_none(text):
    assert subjects.meant(text, BLUE, [THIRD, Name("Red", "Bob")]) is None


def test_the_first_one_is_the_first_that_was_heard():
    assert subjects.meant("The first one was slow.", BLUE, [THIRD, RED]) == THIRD


@pytest.mark.parametrize(
    ("text", "clips"),
    [
        ("The last one was slower.", ["before"]),
        ("It is slower than the last one.", ["this"]),
        ('"Red Sky" was in a minor key. "Blue" is next, a fast one.', ["before", "this"]),
        ('"Red Sky" worked, so "Blue" might. Drums drive it.', ["this"]),
        ('"Blue" might, since "Red Sky" worked. Drums drive it.', ["this"]),
        ('"Red Sky" was lovely. It\'s a slow one.', ["this"]),
    ],
)
def test_while_one_plays_talk_comes_back_to_it(text, clips):
    alone = Brief("user", ("accept_response",), about=BLUE, before=RED, clips=CLIPS[:1])
    assert [claim.clip for claim in subjects.find(text, alone)] == clips


def test_they_are_people_where_one_clip_plays_and_words_stay_where_they_are():
    alone = Brief("assistant", ("item_attribute_answer",), about=BLUE, clips=CLIPS[:1])
    assert subjects.find("They are slow.", alone) == []
    (claim,) = subjects.find("They are slow.", brief())
    assert (claim.text, claim.start) == ("slow", 9)


def test_of_what_they_share_both_is_meant_unless_one_is_named():
    assert told("Drums, and a slow tempo.", asks=("same",)) == [("Drums", "both"), ("slow tempo", "both")]
    assert told("The second has drums.", asks=("same",)) == [("drums", "this")]
    assert told("It is both slow and sad.") == [("slow", "this"), ("sad", "this")]


def test_truth_is_looked_up_where_the_claim_belongs():
    one, other = (compose(3, genre=genre).labels.over(0.0, 10.0) for genre in ("folk", "techno"))
    own = next(i for i in one.instruments if i not in other.instruments)
    shared = set(one.instruments) & set(other.instruments)

    def holds(value, clip, present=True):
        return true_of(Claim("", "instrument", value, present, 0, 0, clip=clip), one, other)

    assert holds(own, "this") and not holds(own, "before") and not holds(own, "both")
    assert all(holds(value, "both") for value in shared)
    assert not holds(own, "both", present=False)  # "neither has it": one has
    faster = Claim("", "tempo", "fast", True, 0, 0, "more")
    assert one.tempo_bpm < 0.9 * other.tempo_bpm and not true_of(faster, one, other)
    assert true_of(Claim("", "tempo", "fast", True, 0, 0, "more", clip="before"), one, other)
    assert all(true_of(Claim("", "instrument", own, True, 0, 0, clip=clip), one, None) is None for clip in ("before", "both"))
