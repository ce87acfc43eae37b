from mdialog.attributes import Attribute
from mdialog.brief import Brief, Name
from mdialog.utterance import MASK, Utterance, given_names

BRIEF = Brief(
    "assistant", ("passive_recommend",), offered=(Name("Slow Drums", "Ö & Co"), Name("Slow", "Ana Sol")),
    wanted=(Attribute("year", "1990s"), Attribute("artist", "The Lamps", "like")),
)  # fmt: skip


def test_every_given_name_is_masked_and_the_longest_first():
    said = Utterance('Try "Slow Drums" by Ö & Co, or "Slow." Slowly now.', BRIEF)
    assert said.masked == f"Try {MASK} by {MASK}, or {MASK}. Slowly now."
    assert said.words == ["Try", MASK, "by", MASK, "or", MASK, "Slowly", "now"]


def test_open_values_are_names_too():
    assert given_names(BRIEF) == {"Slow Drums", "Ö & Co", "Slow", "Ana Sol", "1990s", "The Lamps"}
