"""Utterance: a candidate with what it is checked against, and the faults that a check finds in it."""

import re
from dataclasses import dataclass
from functools import cached_property

from mdialog import brief as briefs
from mdialog.brief import Brief
from mdialog.plan import Plan

MASK = "\u25a1"  # stands for a given name while the words around it are checked


@dataclass(frozen=True)
class Fault:
    """One reason to reject a candidate.

    Parameters
    ----------
    check : str
        Name of the check.
    text : str
        The part of the utterance (or of the brief) that is at fault.
    message : str
    """

    check: str
    text: str
    message: str


@dataclass(frozen=True)
class Utterance:
    """A candidate and what it is checked against.

    Parameters
    ----------
    text : str
    brief : Brief
        With which it was written.
    plan : Plan or None
        For what must not be said yet; without it only the brief is checked against.
    turn_index : int
    by_the_book : bool
        Whether who said it learned to talk from the phrase book alone.
    """

    text: str
    brief: Brief
    plan: Plan | None = None
    turn_index: int = 0
    by_the_book: bool = False

    @cached_property
    def masked(self) -> str:
        """The text with every given name, exactly written, as one `MASK` (its quotation marks too)."""
        text = self.text
        for name in sorted(given_names(self.brief), key=lambda name: (-len(name), name)):
            text = re.sub(rf'"{re.escape(name)}([.,!?]?)"', MASK + r"\1", text)
            text = re.sub(rf"(?<!\w){re.escape(name)}(?!\.?\w)", MASK, text)  # "Notebook.dial" is another name
        return text

    @cached_property
    def words(self) -> list[str]:
        return re.findall(rf"[^\W_]+(?:['’&/-][^\W_]+)*|{MASK}", self.masked)


def given_names(brief: Brief) -> frozenset[str]:
    """Every title, artist and other open value that the brief allows to be said."""
    said = {part for name in briefs.names(brief) for part in (name.title, name.artist)}
    others = {a.value for a in (*brief.new, *brief.dropped, *brief.wanted) if a.kind in ("year", "user")}
    return frozenset(filter(None, said | others))
