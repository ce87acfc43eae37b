"""Attributes and their polarity: ``genre:reggae`` (want), ``-genre:reggae`` (avoid), ``~track:ID`` (like this one).

Attributes are terms of the query language (``query.py``): :func:`to_query` writes them as one query.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from mdialog import vocab
from mdialog.errors import QueryError
from mdialog.query import quote

SIGN = {"want": "", "avoid": "-", "like": "~"}


@dataclass(frozen=True, order=True)
class Attribute:
    """One thing asked for.

    Parameters
    ----------
    kind : str
        One of ``vocab.load().attribute_kinds``.
    value : str
        Canonical value of the kind; an id or a name for `like`.
    polarity : {'want', 'avoid', 'like'}
    """

    kind: str
    value: str
    polarity: str = "want"

    def __str__(self) -> str:
        return f"{SIGN[self.polarity]}{self.kind}:{self.value}"

    @classmethod
    def parse(cls, text: str) -> "Attribute":
        """Read what ``str`` writes.

        Raises
        ------
        QueryError
            If `text` is not ``[-~]kind:value`` with a known kind.
        """
        polarity = {"-": "avoid", "~": "like"}.get(text[:1], "want")
        kind, colon, value = text.lstrip("-~").partition(":")
        known = vocab.load().attribute_kinds
        if not colon or not value or kind not in known:
            raise QueryError(f"{text!r} is not an attribute; write [-~]kind:value with a kind of: {', '.join(known)}")
        return cls(kind=kind, value=value, polarity=polarity)


def to_query(attributes: Iterable[Attribute]) -> str:
    """The query that asks for all of them: values that hold blanks are quoted.

    Examples
    --------
    >>> to_query([Attribute("genre", "bossa nova"), Attribute("vocal", "choir", "avoid")])
    'genre:"bossa nova" -vocal:choir'
    """
    return " ".join(f"{SIGN[a.polarity]}{a.kind}:{quote(a.value)}" for a in attributes)
