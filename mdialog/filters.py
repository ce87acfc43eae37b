"""Predicates of a query as typed LanceDB expressions over the catalogue's columns; no text is ever pasted.

Unknown is neither: a comparison with a missing value is unknown in three-valued logic, and so is its negation, so
that a track without a value matches neither ``x`` nor ``-x``, unless ``or-unknown`` is asked for.
"""

import functools
import operator
from typing import TYPE_CHECKING

from mdialog import vocab
from mdialog.query import NAME_KINDS, NUMBER_SOURCES, WORD_SOURCES, Interval, Predicate, Query, fold

if TYPE_CHECKING:
    from lancedb.expr import Expr

# Folded words of a list stand in one text between separators: typed expressions of lancedb 0.40 know `contains` on
# text, but no function on lists. U+001F counts as a blank, so `fold` leaves none inside a word.
SEPARATOR = "\x1f"


def terms(words: list[str] | tuple[str, ...]) -> str | None:
    """Folded words as a searchable text: ``<US>bossa nova<US>jazz<US>``; None if there are none."""
    folded = list(dict.fromkeys(f for word in words if (f := fold(word))))
    return SEPARATOR + SEPARATOR.join(folded) + SEPARATOR if folded else None


def number_column(kind: str, source: str | None) -> str:
    """Name of the column that holds a kind's number."""
    source = source or NUMBER_SOURCES[kind][0]
    return f"{source}_tempo_bpm" if kind == "tempo" else f"{source}_{kind}"


def terms_column(kind: str, source: str | None) -> str:
    """Name of the column that holds a kind's words as :func:`terms`."""
    sources = WORD_SOURCES[kind]
    kind = "title" if kind == "track" else kind
    if source is None and len(sources) > 1:
        return f"{kind}_terms"
    return f"{source or sources[0]}_{kind}_terms"


def word_column(kind: str, source: str | None) -> str:
    """Name of the column that holds a kind's one word: measured, or the key that was read."""
    source = source or WORD_SOURCES[kind][0]
    return "measured_energy_word" if kind == "energy" else f"{source}_{kind}"


def compile_filter(query: Query) -> "Expr | None":
    """The conjunction of a query's predicates; None if it has none."""
    parts = [_predicate(predicate, or_unknown=query.or_unknown) for predicate in query.predicates]
    return functools.reduce(operator.and_, parts) if parts else None


def _predicate(predicate: Predicate, *, or_unknown: bool) -> "Expr":
    options = [_option(predicate, option) for option in predicate.options]
    matched = functools.reduce(operator.or_, (condition for condition, _ in options))
    if predicate.negated:
        matched = ~matched
    if or_unknown:
        columns = dict.fromkeys(column for _, column in options)
        matched = matched | functools.reduce(operator.and_, (_is_null(column) for column in columns))
    return matched


def _option(predicate: Predicate, option: str | Interval) -> tuple["Expr", str]:
    """Condition of one alternative, and the column it reads."""
    from lancedb.expr import col, lit

    kind, source = predicate.kind, predicate.source
    if not isinstance(option, Interval) and kind in ("tempo", "energy") and source == "meta":
        value = _canonical(kind, option)
        option = Interval(vocab.load()[kind][value].low, vocab.load()[kind][value].high, high_open=True)
    if isinstance(option, Interval):
        column = number_column(kind, source)
        return _within(column, option), column
    if kind in NAME_KINDS or WORD_SOURCES[kind][0] != "measured":
        column = terms_column(kind, source)
        condition = col(column).contains(lit(SEPARATOR + option + SEPARATOR))
        return (condition | (col("track_id") == lit(option)) if kind == "track" else condition), column
    column = word_column(kind, source)
    return col(column) == lit(_canonical(kind, option)), column


def _canonical(kind: str, folded: str) -> str:
    return next(name for name in vocab.load()[kind].names if fold(name) == folded)


def _within(column: str, interval: Interval) -> "Expr":
    from lancedb.expr import col, lit

    value = col(column)
    parts = []
    if interval.low != float("-inf"):
        parts.append(value > lit(interval.low) if interval.low_open else value >= lit(interval.low))
    if interval.high != float("inf"):
        parts.append(value < lit(interval.high) if interval.high_open else value <= lit(interval.high))
    return functools.reduce(operator.and_, parts) if parts else value == value


def _is_null(column: str) -> "Expr":
    """There is no typed IS NULL in lancedb 0.40; `concat` reads a missing text as an empty one."""
    from lancedb.expr import col, func, lit

    return func("concat", col(column).cast("string"), lit("")) == lit("")
