"""The query language: text to predicates and ranked terms, each with the spot it was written at.

    genre:reggae tempo:>120 -vocal:male ~track:3f9a "warm organ over a slow groove"

A term is a predicate ``[-][meta.|heard.|measured.]kind:value``, a likeness ``[-]~track:ID`` or
``[-]~artist:"Name"``, free text in quotes or as bare words, or the flag ``or-unknown``. Values with blanks are
quoted or written with underscores; alternatives stand in brackets, ``genre:(reggae|funk)``; numbers take
``< > <= >= =``, ranges ``90..120`` and decades ``1990s``.
"""

import difflib
import math
import re
import unicodedata
from collections.abc import Callable, Collection
from dataclasses import dataclass

from mdialog import vocab
from mdialog.errors import QueryError
from mdialog.metadata import canonical

SOURCES = ("meta", "heard", "measured")

# Where a kind's words and numbers come from. Several sources: the first that has a value is meant without a prefix.
WORD_SOURCES = {
    "genre": ("meta", "heard"),
    "mood": ("meta", "heard"),
    "theme": ("meta", "heard"),
    "instrument": ("meta", "heard"),
    "vocal": ("meta", "heard"),
    "culture": ("meta",),
    "metre": ("heard",),
    "tempo": ("measured",),
    "key": ("measured",),
    "mode": ("measured",),
    "energy": ("measured",),
    "track": ("meta",),
    "artist": ("meta",),
    "album": ("meta",),
}
NUMBER_SOURCES = {
    "tempo": ("measured", "meta"),
    "energy": ("measured",),
    "popularity": ("meta",),
    "year": ("meta",),
}
# Sources that hold a kind but are never meant without their prefix: what was measured is surer than what was typed in.
ONLY_PREFIXED = {("key", "meta"), ("tempo", "meta")}

KINDS = tuple(dict.fromkeys((*WORD_SOURCES, *NUMBER_SOURCES)))
NAME_KINDS = ("track", "artist", "album")
LIKE_KINDS = ("track", "artist")

# Words that metadata commonly holds and that nothing here hears.
READ_WORDS = {"vocal": ("male", "female")}

# Two tempi are equal within 4 %, as beat trackers are judged (MIREX); other numbers exactly.
TEMPO_TOLERANCE = 0.04

_QUOTES = {'"': '"', "“": "”", "„": "“"}
_HEAD = re.compile(r"(?:([^\s:.\"()|]+)\.)?([^\s:.\"()|]+):")
_RUN = re.compile(r"[^\s\"|()]+")
_NUMBER = r"-?\d+(?:\.\d+)?"
_COMPARISON = re.compile(rf"(<=|>=|<|>|=)?({_NUMBER})")
_RANGE = re.compile(rf"({_NUMBER})\.\.({_NUMBER})")
_DECADE = re.compile(r"(\d{4}|\d{2})s")


@dataclass(frozen=True)
class Interval:
    """Numbers from `low` to `high`; an open end leaves its bound out."""

    low: float
    high: float
    low_open: bool = False
    high_open: bool = False

    def __contains__(self, x: float) -> bool:
        above = x > self.low if self.low_open else x >= self.low
        return above and (x < self.high if self.high_open else x <= self.high)


@dataclass(frozen=True)
class Predicate:
    """An exact condition on the columns.

    Parameters
    ----------
    kind : str
    source : {'meta', 'heard', 'measured'} or None
        None: the first source of the kind that the track has.
    options : tuple of (str or Interval)
        Alternatives: folded words (see `fold`) or numbers.
    negated : bool
    span : (int, int)
        Where in the query's text it stands.
    """

    kind: str
    source: str | None
    options: tuple[str | Interval, ...]
    negated: bool
    span: tuple[int, int]


@dataclass(frozen=True)
class Ranked:
    """A similarity to rank by.

    Parameters
    ----------
    target : {'track', 'artist', 'text'}
    value : str
        An id or the start of one, a name, or the text.
    sign : {1, -1}
        Toward it, or away.
    span : (int, int)
    """

    target: str
    value: str
    sign: int
    span: tuple[int, int]

    def __str__(self) -> str:
        sign = "-" if self.sign < 0 else ""
        value = self.value if self.target == "track" else f'"{self.value}"'
        return f"{sign}{value}" if self.target == "text" else f"{sign}~{self.target}:{value}"


@dataclass(frozen=True)
class Query:
    """A parsed query: predicates joined by AND, ranked terms to be added."""

    text: str
    predicates: tuple[Predicate, ...]
    ranked: tuple[Ranked, ...]
    or_unknown: bool = False


def fold(text: str) -> str:
    """How words are compared: Unicode-normalised, case-folded, underscores and runs of blanks as one blank."""
    return " ".join(unicodedata.normalize("NFKC", text).replace("_", " ").casefold().split())


def quote(value: str) -> str:
    """A value as the query language reads it: bare where it can be, else in quotes."""
    if _RUN.fullmatch(value) and value[0] not in _QUOTES and "\\" not in value:
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def parse(text: str, *, known: Callable[[str], Collection[str]] | None = None) -> Query:
    """Read a query.

    Parameters
    ----------
    text : str
    known : callable, optional
        Gives for a kind the folded values that a catalogue's metadata holds beyond the vocabulary's.

    Raises
    ------
    QueryError
        With the text, a caret under the spot, the rule and the valid values.

    Examples
    --------
    >>> parse("-genre:bossa_nova").predicates[0].options
    ('bossa nova',)
    """
    return _Parser(text, known or (lambda kind: ())).query()


def at_spot(text: str, span: tuple[int, int], rule: str) -> QueryError:
    """An error that shows the text with a caret line under the spot."""
    start, end = span
    shown = "".join(" " if c.isspace() else c for c in text)  # a line break would part text and carets
    width = sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in shown[:start])
    return QueryError(f"{shown}\n{' ' * width}{'^' * max(1, end - start)}\n{rule}")


def did_you_mean(word: str, valid: Collection[str]) -> str:
    """``did you mean 'x'? `` or nothing."""
    near = difflib.get_close_matches(word, list(valid), n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}? " if near else ""


class _Parser:
    """Reads terms from left to right; `pos` is the next character."""

    def __init__(self, text: str, known: Callable[[str], Collection[str]]):
        self.text, self.known, self.pos = text, known, 0

    def query(self) -> Query:
        predicates, ranked, bare, or_unknown = [], [], [], False
        while self._skip_blanks():
            start = self.pos
            negated = self._take("-")
            if self._peek() in _QUOTES:
                ranked.append(self._text(start, self._quoted(), negated))
            elif self._take("~"):
                ranked.append(self._like(start, negated))
            elif head := _HEAD.match(self.text, self.pos):
                predicates.append(self._predicate(start, head, negated))
            else:
                word = self._bare()
                if word == "or-unknown" and not negated:
                    or_unknown = True
                elif negated:
                    ranked.append(self._text(start, word, negated))
                else:
                    bare.append((word, start))
        if bare:  # bare words are one text, wherever they stand
            ranked.append(Ranked("text", " ".join(w for w, _ in bare), 1, (bare[0][1], bare[-1][1] + len(bare[-1][0]))))
        return Query(self.text, tuple(predicates), tuple(sorted(ranked, key=lambda r: r.span)), or_unknown)

    def _predicate(self, start: int, head: re.Match, negated: bool) -> Predicate:
        source, kind = head[1], head[2]
        if source is not None and source not in SOURCES:
            near = did_you_mean(source, SOURCES)
            self._fail(head.span(1), f"{source!r} is no source; {near}valid: {', '.join(SOURCES)}")
        if kind not in KINDS:
            self._fail(
                head.span(2),
                f"{kind!r} is no kind; {did_you_mean(kind, KINDS)}valid: {', '.join(KINDS)} "
                "(text with a colon goes in quotes)",
            )
        held = tuple(dict.fromkeys((*WORD_SOURCES.get(kind, ()), *NUMBER_SOURCES.get(kind, ()))))
        held += ("meta",) if (kind, "meta") in ONLY_PREFIXED and "meta" not in held else ()
        if source is not None and source not in held:
            self._fail(head.span(1), f"{kind} has no {source!r} source; valid: {', '.join(held)}")
        self.pos = head.end()
        options = tuple(self._option(kind, value, span) for value, span in self._values(kind))
        return Predicate(kind, source, options, negated, (start, self.pos))

    def _values(self, kind: str) -> list[tuple[str, tuple[int, int]]]:
        """The alternatives after the colon, each with its span."""
        opened = self.pos
        if not self._take("("):
            return [self._value(kind)]
        values = []
        while True:
            self._skip_blanks()
            values.append(self._value(kind))
            self._skip_blanks()
            if self._take(")"):
                break
            if not self._take("|"):
                self._fail((opened, opened + 1), f"alternatives are written {kind}:(a|b) and end with a bracket")
        self._end_of_term()
        return values

    def _value(self, kind: str) -> tuple[str, tuple[int, int]]:
        start = self.pos
        in_brackets = "(" in self.text[:start] and self.text[:start].rstrip().endswith(("(", "|"))
        if self._peek() in _QUOTES:
            value = self._quoted()
        else:
            run = _RUN.match(self.text, start)
            if not run:
                self._fail((start, start + 1), f"a value must follow {kind}: (one with blanks or ( ) | goes in quotes)")
            value, self.pos = run[0], run.end()
        if not value.strip():
            self._fail((start, self.pos), f"a value must follow {kind}:")
        if not in_brackets:
            self._end_of_term()
        return value, (start, self.pos)

    def _option(self, kind: str, value: str, span: tuple[int, int]) -> str | Interval:
        if kind in NUMBER_SOURCES:
            number = self._number(kind, value, span)
            if number is not None:
                return number
        if kind in NAME_KINDS:
            return fold(value)
        return self._word(kind, value, span)

    def _number(self, kind: str, value: str, span: tuple[int, int]) -> Interval | None:
        """An interval, or None if the value is a word."""
        value = value.strip()
        if kind == "year" and (decade := _DECADE.fullmatch(value)):
            year = int(decade[1]) + (0 if len(decade[1]) == 4 else 1900 if int(decade[1]) >= 30 else 2000)
            if year % 10:
                self._fail(span, f"{value!r} is no decade; write 1990s")
            return Interval(year, year + 10, high_open=True)
        if ends := _RANGE.fullmatch(value):
            low, high = float(ends[1]), float(ends[2])
            if low > high:
                self._fail(span, f"the range {value} is empty; the smaller number comes first")
            return Interval(low, high)
        if compared := _COMPARISON.fullmatch(value):
            return _compare(kind, compared[1] or "=", float(compared[2]))
        if value[0] in "<>=" or value[0].isdigit() or kind == "year":
            self._fail(span, _number_rule(kind, value))
        return None

    def _word(self, kind: str, value: str, span: tuple[int, int]) -> str | Interval:
        v = vocab.load()
        named = canonical(kind, value)
        if kind == "popularity" and named in v[kind]:
            return Interval(v[kind][named].low, v[kind][named].high, high_open=True)
        if named in v[kind]:
            return fold(named)
        read = READ_WORDS.get(kind, ())
        if fold(value) in read or fold(value) in self.known(kind):
            return fold(value)
        valid = (*v[kind].names, *read, *sorted(set(self.known(kind)) - {fold(n) for n in v[kind].names} - set(read)))
        if kind in NUMBER_SOURCES:
            self._fail(span, _number_rule(kind, value))
        self._fail(span, f"{value!r} is no {kind}; {did_you_mean(fold(value), valid)}valid: {', '.join(valid)}")

    def _like(self, start: int, negated: bool) -> Ranked:
        head = _HEAD.match(self.text, self.pos)
        kind = head[2] if head else None
        if kind not in LIKE_KINDS or head[1]:
            spot = head.span() if head else (self.pos - 1, self.pos)
            self._fail(spot, f"~ ranks by likeness to one of: {', '.join(f'~{k}:' for k in LIKE_KINDS)}")
        self.pos = head.end()
        value, _ = self._value(f"~{kind}")
        return Ranked(kind, value.strip(), -1 if negated else 1, (start, self.pos))

    def _text(self, start: int, text: str, negated: bool) -> Ranked:
        if not text.strip():
            self._fail((start, self.pos), "the text is empty; write what it should sound like")
        self._end_of_term()
        return Ranked("text", text.strip(), -1 if negated else 1, (start, self.pos))

    def _bare(self) -> str:
        run = _RUN.match(self.text, self.pos)
        if not run or run[0].startswith("-"):
            spot = (self.pos, self.pos + 1)
            self._fail(spot, 'a term starts here; write kind:value, ~track:ID, "free text" or plain words')
        self.pos = run.end()
        self._end_of_term()
        return run[0]

    def _quoted(self) -> str:
        start = self.pos
        closing = _QUOTES[self.text[start]]
        out, i = [], start + 1
        while i < len(self.text):
            c = self.text[i]
            if c == "\\" and self.text[i + 1 : i + 2] in (closing, "\\"):
                out.append(self.text[i + 1])
                i += 2
            elif c == closing:
                self.pos = i + 1
                return "".join(out)
            else:
                out.append(c)
                i += 1
        self._fail((start, start + 1), f"the quote that opens here is not closed; end it with {closing}")

    def _end_of_term(self) -> None:
        if self.pos < len(self.text) and not self.text[self.pos].isspace():
            self._fail(
                (self.pos, self.pos + 1),
                "a blank must part two terms; values that hold blanks, quotes or ( ) | go in quotes, "
                "alternatives in brackets: genre:(a|b)",
            )

    def _skip_blanks(self) -> bool:
        """Go to the next term; False at the end."""
        while self.pos < len(self.text) and self.text[self.pos].isspace():
            self.pos += 1
        return self.pos < len(self.text)

    def _peek(self) -> str:
        return self.text[self.pos : self.pos + 1]

    def _take(self, character: str) -> bool:
        taken = self._peek() == character
        self.pos += taken
        return taken

    def _fail(self, span: tuple[int, int], rule: str):
        raise at_spot(self.text, span, rule)


def _compare(kind: str, operator: str, x: float) -> Interval:
    if operator == "=" and kind == "tempo":
        return Interval(x * (1 - TEMPO_TOLERANCE), x * (1 + TEMPO_TOLERANCE))
    return {
        "=": Interval(x, x),
        "<": Interval(-math.inf, x, high_open=True),
        "<=": Interval(-math.inf, x),
        ">": Interval(x, math.inf, low_open=True),
        ">=": Interval(x, math.inf),
    }[operator]


def _number_rule(kind: str, value: str) -> str:
    v = vocab.load()
    words = f", or a word: {', '.join(v[kind].names)}" if kind in v else ", or a decade: 1990s"
    near = did_you_mean(fold(value), v[kind].names) if kind in v else ""
    return f"{value!r} is no {kind}; {near}valid: a number (>120, <=90, =100), a range (90..120){words}"
