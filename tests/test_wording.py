import pytest

from mdialog.attributes import Attribute
from mdialog.wording import expressed, find


@pytest.mark.parametrize(
    ("kind", "value", "text", "found"),
    [
        ("instrument", "drums", "a drum kit keeps time", "drum kit"),
        ("energy", "high", "a high energy piece", "high energy"),
        ("energy", "high", "a high-energy piece", "high-energy"),
        ("instrument", "flute", "two flutes", "flutes"),
        ("instrument", "flute", "fluted columns", None),
        ("key", "A minor", "in A minor", "A minor"),
        ("key", "A minor", "a minor key", None),
        ("key", "A minor", "a minor or a major one", None),
    ],
)
def test_a_value_is_found_in_its_words(kind, value, text, found):
    match = find(kind, value, text, loose=True)
    assert (match and match[0]) == found


def test_articles_count_unless_it_is_loose():
    assert find("theme", "driving", "for long drive", loose=True) and not find("theme", "driving", "for long drive")
    assert find("theme", "driving", "for a long drive")


def test_names_are_expressed_whatever_their_case_and_values_by_any_word():
    assert expressed(Attribute("artist", "The Lamps"), "more by the lamps, please")
    assert expressed(Attribute("track", '"River" by Ana Sol'), "like River")
    assert not expressed(Attribute("artist", "The Lamps"), "a lamp")
    assert expressed(Attribute("mood", "melancholic"), "something sad") and not expressed(Attribute("mood", "calm"), "sad")
