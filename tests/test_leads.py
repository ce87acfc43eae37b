"""Which instrument leads: by what stands before and after it."""

import pytest

from mdialog.leads import leads, leads_not


@pytest.mark.parametrize(
    "before, after",
    [
        ("the ", " carries the tune"),
        ("the melody is played on a violin and a ", "."),
        ("the melody is played on a violin, a flute and an ", ""),
        ("the theme is played on a ", " and a flute."),
        ("under the ", ", which has the main melody, a cello plays"),
        ("the ", "'s got the melody"),
        ("in front stands a ", ""),
        ("melody: ", ". backing: bass"),
        ("a ", " playing an arpeggio melody"),
    ],
)
def test_what_leads(before, after):
    assert leads(before, after)


@pytest.mark.parametrize(
    "before, after",
    [
        ("the ", " plays chords under the tune"),
        ("the melody is played on a violin, with drums and a ", "."),
        ("a ", " and a singer who carries the melody"),
        ("the ", " shadows the melody"),
        ("a ", " plays the counter melody"),
        ("", ""),
    ],
)
def test_what_only_accompanies(before, after):
    assert not leads(before, after)


def test_a_lead_that_is_denied():
    assert leads_not(" doesn't carry the tune") and leads_not(" is not in front") and not leads_not(" carries the tune")
