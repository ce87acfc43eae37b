"""Slips: words side by side that never stand so in the phrase book."""

import dataclasses
import random
import sys

import pytest

from mdialog import slips
from mdialog.attributes import Attribute
from mdialog.brief import Brief, Name
from mdialog.checks import faults
from mdialog.utterance import Utterance

BRIEF = Brief("user", ("add_filter",), liked=(Name("Slow Fire", "Ana & Co"),))


def found(text: str, brief: Brief = BRIEF) -> list[str]:
    return slips.slips(Utterance(text, brief, by_the_book=True))


@pytest.fixture
def drawing(checkout, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(checkout / "scripts"), *sys.path])
    import find_neighbours

    return find_neighbours


def test_the_phrase_book_hardly_ever_slips(drawing):
    """Where it does, the book was changed: run scripts/find_neighbours.py."""
    rng = random.Random(20)
    texts = [drawing.draw(rng) for _ in range(1500)]
    wrong = [(said.text, odd) for said in texts if (odd := slips.slips(said))]
    assert len(wrong) <= 0.015 * len(texts), wrong


@pytest.mark.parametrize(
    ("text", "odd"),
    [
        ("My bike chain swears by you.", ["<thing> swears"]),
        ("I clean my own husband in a moment.", ["i clean", "clean my"]),
        ("I'm having a medium-energy piece.", ["having a"]),
        ("The window open is a road.", ["window open"]),
        ('Yes, "Slow Fire" by Ana & Co will do.', []),
        ('Yes, "Slow Fire" will do. I\'d like something slow with a flute.', []),
        ("Something very fast, please… I'm peeling potatoes!", []),
        ("", ["^ $"]),
    ],
)
def test_what_is_found(text, odd):
    if odd:
        assert set(odd) <= set(found(text))
    else:
        assert not found(text)


def test_names_values_and_numbers_are_one_word_each():
    text = 'Yes, "Slow Fire" by Ana & Co. Then 120 bpm and something medium-paced, I\'m peeling potatoes!'
    words = [b for _, b in slips.pairs(Utterance(text, BRIEF))]
    assert " ".join(words) == "yes , □ by □ . then <n> bpm and something <tempo> , i'm <doing> ! $"


def test_a_value_outside_the_vocabulary_is_a_value():
    odd = dataclasses.replace(BRIEF, new=(Attribute.parse("genre:deep zydeco house"),))
    assert found("I'd like some deep zydeco house.") and not found("I'd like some deep zydeco house.", odd)


def test_only_who_talks_by_the_book_is_held_to_it():
    text = 'Yes, "Slow Fire" will do. My bike chain swears by you.'
    brief = dataclasses.replace(BRIEF, intents=("accept_response",))
    assert {one.check for one in faults(text, brief, by_the_book=True)} == {"slips"}
    assert not faults(text, brief)
