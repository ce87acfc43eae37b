"""Slips: words side by side that never stand so in the phrase book.

A small model that learned to talk from that book alone goes astray between two of its sentences: "my bike chain swears by
you". Each word is known, and the pair of them is not. With names, values, numbers and what goes on in a speaker's day as one
word each, the book has so few pairs that ``scripts/find_neighbours.py`` finds nearly all of them by drawing from it; they lie
in ``neighbours.txt``, a word and those that follow it to a line. Of sound events nothing was drawn.
"""

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from mdialog import vocab
from mdialog.brief import Brief
from mdialog.utterance import MASK, Utterance

FILE = "neighbours.txt"
FIRST, LAST = "^", "$"  # of an utterance
_WORD = re.compile(rf"<\w+>|{MASK}|\.\.\.|[\w'&/#-]+|[.,!?;:-]")
_NUMBER = re.compile(r"(?<!\w)\d+(?:st|nd|rd|th|s)?(?!\w)")


def pairs(said: Utterance) -> Iterator[tuple[str, str]]:
    """Each word or mark of an utterance with the next, as the file has them: ``('a', '<tempo>')``."""
    words = [FIRST, *_words(said), LAST]
    yield from zip(words, words[1:], strict=False)


def slips(said: Utterance) -> list[str]:
    """Pairs of an utterance that the phrase book has not: ``["chain swears"]``."""
    known = neighbours()
    return [f"{a} {b}" for a, b in pairs(said) if b not in known.get(a, ())]


@cache
def neighbours() -> dict[str, frozenset[str]]:
    """Words of the phrase book, each with those that follow it somewhere."""
    lines = (files("mdialog") / FILE).read_text(encoding="utf-8").splitlines()
    return {first: frozenset(following) for first, *following in map(str.split, lines)}


def _words(said: Utterance) -> list[str]:
    text = said.masked.replace("…", "...").replace("’", "'")
    text = _daily().sub(lambda found: f" <{found.lastgroup}> ", text)
    for kind, value in _given(said.brief):
        text = re.sub(rf"(?<![\w<]){re.escape(value)}(?![\w>])", f" <{kind}> ", text, flags=re.I)
    text = _values().sub(lambda found: f" <{_kinds()[found[0].casefold()]}> ", text)
    return [word.casefold() for word in _WORD.findall(_NUMBER.sub(" <n> ", text))]


def _given(brief: Brief) -> list[tuple[str, str]]:
    """Values of wishes, which may be none of the vocabulary's, the longest first."""
    given = {(wish.kind, wish.value) for wish in (*brief.new, *brief.dropped, *brief.wanted)}
    return sorted(given, key=lambda one: (-len(one[1]), one))


@cache
def _kinds() -> dict[str, str]:
    """Kind of each word for a value."""
    return {word.casefold(): kind.name for kind in reversed(list(vocab.load())) for value in kind.values
            for word in (value.name, *value.words)}  # fmt: skip


@cache
def _values() -> re.Pattern:
    words = sorted(_kinds(), key=len, reverse=True)
    return re.compile(rf"(?<![\w'<-])(?:{'|'.join(map(re.escape, words))})(?![\w'>-])", re.I)


@cache
def _daily() -> re.Pattern:
    """What stands in the slots of sentences about a speaker's day, a group for each slot."""
    from mdialog.synth.grammar import as_pattern, book

    slots = [f"(?P<{slot}>{'|'.join(map(as_pattern, sorted(texts, key=len, reverse=True)))})"
             for slot, texts in book("asides")["life"].items()]  # fmt: skip
    return re.compile(rf"(?<!\w)(?:{'|'.join(slots)})(?!\w)", re.I)
