"""Wording: every way in which a text may say a value of the vocabulary, or a name that it was given."""

import re
from functools import cache

from mdialog import brief as briefs
from mdialog import vocab
from mdialog.attributes import Attribute


def expressed(attribute: Attribute, text: str) -> bool:
    """Whether a text says an attribute: of a closed kind in any of its words, else the name."""
    if attribute.kind in vocab.OPEN_KINDS:
        told = briefs.told(attribute)
        return (told.title or told.artist).casefold() in text.casefold()
    return bool(find(attribute.kind, attribute.value, text, loose=True))


@cache
def pattern(kind: str, value: str, *, loose: bool = True) -> re.Pattern:
    """Every way to say a value: hyphen or space alike, plurals allowed; where `loose`, without leading articles."""
    known = vocab.load()
    words = {value}
    if kind in known and value in known[kind]:
        words |= set(known[kind][value].words)
    forms = [re.sub(r"^(?:an?|the) ", "", word) if loose else word for word in words]
    flexible = [re.sub(r"(?:\\ |\\-)", r"[\\s-]", re.escape(form)) for form in sorted(forms, key=len, reverse=True)]
    if kind == "key":  # "a major or a minor key" names no key
        return re.compile(rf"(?<![\w#/])(?:{'|'.join(flexible)})(?![\w#/])(?! (?:key|or|one)\b)")
    return re.compile(rf"(?<![\w#/])(?:{'|'.join(flexible)})(?:s|es)?(?![\w#/])", re.I)


def find(kind: str, value: str, text: str, *, loose: bool = False) -> re.Match | None:
    """The first place where a text says a value."""
    return pattern(kind, value, loose=loose).search(text)
