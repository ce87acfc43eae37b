"""Mentions: artists and titles that a text names, and what reads as a name and is none of the catalogue's."""

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files

from mdialog import vocab
from mdialog.query import fold

_GRAMMAR = tomllib.loads((files("mdialog") / "wants.toml").read_text(encoding="utf-8"))["names"]
_CUE = "|".join(_GRAMMAR["like"])
_BETWEEN = "".join(f"(?: {words})?" for words in _GRAMMAR["between"])
_LIKE = re.compile(rf"(?:{_CUE}){_BETWEEN}\s+$", re.I)
_BY = re.compile(rf"(?:{'|'.join(_GRAMMAR['by'])})\s+$", re.I)
_UNKNOWN = re.compile(rf"(?:{_CUE}|\bby){_BETWEEN}\s+((?:[A-Z][\w'&.-]*)(?:\s+(?:[A-Z][\w'&.-]*|(?:of|the|and)(?=\s+[A-Z])))*)")
_QUOTED = re.compile(r'["“„]([^"“”„]+)["”“]')
_NO_NAME = {"I", "I'd", "I'm", "I've", "I'll"}


@dataclass(frozen=True)
class Mention:
    """A name in a text.

    Parameters
    ----------
    kind : {'artist', 'track'} or None
        None for what reads as a name and is not in the catalogue.
    name : str
        As the catalogue spells it.
    like : bool
        Named as something to be like.
    start, end : int
    """

    kind: str | None
    name: str
    like: bool
    start: int
    end: int


@dataclass(frozen=True)
class Names:
    """Artists and titles that a wish may name, by their words in lower case.

    Parameters
    ----------
    artists, titles : mapping of str to str
        Words (:func:`plain`) to the name as the catalogue spells it.
    """

    artists: Mapping[str, str] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, artists: Iterable[str | None], titles: Iterable[str | None]) -> "Names":
        """Of names as they are spelled; of several spellings the first one counts."""
        by_words: list[dict[str, str]] = [{}, {}]
        for found, names in zip(by_words, (artists, titles), strict=True):
            for name in names:
                if name and plain(name):
                    found.setdefault(plain(name), name)
        return cls(*by_words)

    @cached_property
    def longest(self) -> int:
        """Words of the longest name."""
        return max((len(name.split()) for name in (*self.artists, *self.titles)), default=0)


NO_NAMES = Names()


def plain(name: str) -> str:
    """Words of a name in lower case and without accents: how names are compared."""
    bare = re.sub(r"[\u0300-\u036f]", "", unicodedata.normalize("NFKD", fold(name)))
    return " ".join(re.findall(r"[^\W_]+", bare))


def mentions(text: str, names: Names) -> list[Mention]:
    """Names in a text, left to right.

    A quoted name counts anywhere; one of several words behind "like" or "by", or written with its capitals; one of a single
    word, which may be any word, only behind "like" or "by" and with its capital.

    Parameters
    ----------
    text : str
    names : Names
        Of the catalogue.
    """
    spans = [(m.start(), m.end(), True) for m in _QUOTED.finditer(text)]
    words = list(re.finditer(r"[^\W_]+(?:['’][^\W_]+)*", text))
    for i in range(len(words)):
        for j in range(min(i + names.longest, len(words)), i, -1):
            spans.append((words[i].start(), words[j - 1].end(), False))
    found: list[Mention] = []
    for start, end, quoted in sorted(spans, key=lambda s: (s[0] - s[1], s[0])):
        mention = _at(text, start, end, quoted, names)
        if mention and not any(m.start < end and start < m.end for m in found):
            found.append(mention)
    for match, group in [*((m, 1) for m in _UNKNOWN.finditer(text)), *((m, 0) for m in _QUOTED.finditer(text))]:
        start, end = match.span(group)
        if not any(m.start < end and start < m.end for m in found) and not _is_word(match[1]):
            found.append(Mention(None, match[1], False, start, end))
    return sorted(found, key=lambda m: m.start)


def _at(text: str, start: int, end: int, quoted: bool, names: Names) -> Mention | None:
    key, before = plain(text[start:end]), text[:start]
    for kind, index in (("artist", names.artists), ("track", names.titles)):
        if key not in index:
            continue
        like, by = bool(_LIKE.search(before)), kind == "artist" and bool(_BY.search(before))
        capital = _capitals(text[start:end]) >= _capitals(index[key]) > 0
        one_word = " " not in key
        if quoted or (capital if one_word and (like or by) else not one_word and (capital or like or by)):
            return Mention(kind, index[key], like, start, end)
    return None


def _is_word(name: str) -> bool:
    """Whether it is no name but a word of the vocabulary ("like Jazz"), or the speaker."""
    return name in _NO_NAME or any(vocab.load().canonical(kind.name, name) for kind in vocab.load())


def _capitals(text: str) -> int:
    return sum(word[0].isupper() for word in re.findall(r"[^\W\d_]\w*", text))
