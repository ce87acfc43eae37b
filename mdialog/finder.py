"""The finder: the terms of a dialogue's queries taken together, and the tracks that satisfy them, best first."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from mdialog import vocab
from mdialog.attributes import Attribute, to_query
from mdialog.cascade import LIKED_WEIGHT, REFUSED_WEIGHT
from mdialog.errors import QueryError
from mdialog.query import Predicate, Query, Ranked, fold, parse
from mdialog.snapshot import Snapshot, unpack

SHORTLIST = 256  # hits of a ranked search that are looked through for tracks not offered yet
_QUOTED = ('"', "“", "„", '-"', "-“", "-„")


@dataclass(frozen=True)
class Term:
    """One term of a query.

    Parameters
    ----------
    text : str
        As it was written.
    what : Predicate or Ranked
    or_unknown : bool
        Of its query.
    """

    text: str
    what: Predicate | Ranked
    or_unknown: bool = False

    @property
    def meaning(self) -> tuple:
        """The same for terms that ask for the same, wherever they stand."""
        what = self.what
        if isinstance(what, Predicate):
            return what.kind, what.source, what.options, what.negated, self.or_unknown
        return what.target, what.value, what.sign

    @property
    def wishes(self) -> list[Attribute]:
        """What the term asks for, where it is one value of the vocabulary."""
        what = self.what
        if not isinstance(what, Predicate) or what.kind not in vocab.load() or len(what.options) != 1:
            return []
        names = [name for name in vocab.load()[what.kind].names if fold(name) == what.options[0]]
        return [Attribute(what.kind, name, "avoid" if what.negated else "want") for name in names]


class Finder:
    """Reads queries and finds tracks of a catalogue; what a predicate finds is looked up once.

    Parameters
    ----------
    catalog : Catalog
    snapshot : Snapshot
        Of the same catalogue.
    """

    def __init__(self, catalog, snapshot: Snapshot):
        self._catalog, self.snapshot = catalog, snapshot
        self.playable = snapshot.usable & snapshot.mask(np.flatnonzero(snapshot.audible))
        self._masks: dict[tuple, np.ndarray] = {}
        self._words: dict[str, set[str]] = {}
        for kind, value in snapshot.values:
            self._words.setdefault(kind, set()).add(fold(value))

    def read(self, text: str) -> tuple[Term, ...]:
        """Terms of a query as a listener writes it: ``kind:value``, likenesses, quoted text; plain words are talk, not a query.

        What is asked for twice is one term.

        Raises
        ------
        QueryError
            If it does not parse, asks for nothing, or names what is not there.
        """
        query = parse(text, known=lambda kind: self._words.get(kind, ()))
        own = [r for r in query.ranked if r.target == "text" and not text[slice(*r.span)].startswith(_QUOTED)]
        if own:
            raise QueryError(f"{own[0].value!r} is talk; a query is kind:value, ~kind:name or quoted text")
        if not (query.predicates or query.ranked):
            raise QueryError("nothing is asked for; a query is kind:value, ~kind:name or quoted text")
        if query.ranked:
            self._catalog.search(Query(text, (), query.ranked), limit=1)  # raises where a likeness names nothing
        parts = sorted((*query.predicates, *query.ranked), key=lambda part: part.span)
        terms: dict[tuple, Term] = {}
        for term in (Term(text[slice(*part.span)], part, query.or_unknown) for part in parts):
            terms.setdefault(term.meaning, term)
        return tuple(terms.values())

    def terms_of(self, attributes: Iterable[Attribute]) -> tuple[Term, ...]:
        """The terms that ask for exactly these."""
        text = to_query(attributes)
        return self.read(text) if text else ()

    def pool(self, terms: Iterable[Term]) -> np.ndarray:
        """Tracks that may be recommended and satisfy the predicates, packed."""
        found = self.snapshot.usable
        for term in terms:
            if isinstance(term.what, Predicate):
                found = found & self._mask(term)
        return found

    def _mask(self, term: Term) -> np.ndarray:
        if term.meaning not in self._masks:
            ids = self._catalog.matching(Query(term.text, (term.what,), (), term.or_unknown))
            index = self.snapshot.index
            self._masks[term.meaning] = self.snapshot.mask([index[i] for i in ids if i in index])
        return self._masks[term.meaning]

    def best(
        self, fresh: np.ndarray, terms: Sequence[Term], *, n: int, liked: Sequence[int], refused: Sequence[int],
        rng: random.Random,
    ) -> list[int]:  # fmt: skip
        """Up to `n` tracks, by the likenesses and texts asked for, else toward what was liked, else drawn.

        Parameters
        ----------
        fresh : np.ndarray
            The tracks that may be taken, packed.
        terms : sequence of Term
        n : int > 0
        liked, refused : sequence of int
        rng : random.Random
            Draws where there is nothing to rank by.
        """
        members, embedding = unpack(fresh), self.snapshot.embedding
        ranked = tuple(term.what for term in terms if isinstance(term.what, Ranked))
        if ranked:
            predicates = tuple(term.what for term in terms if isinstance(term.what, Predicate))
            query = Query(" ".join(t.text for t in terms), predicates, ranked, any(t.or_unknown for t in terms))
            hits = self._catalog.search(query, limit=SHORTLIST)
            free, index = set(members.tolist()), self.snapshot.index
            if order := [t for hit in hits if (t := index.get(hit.track_id)) in free][:n]:
                return order
        if liked or refused:
            reference = LIKED_WEIGHT * _mean(embedding, liked) - REFUSED_WEIGHT * _mean(embedding, refused)
            return members[np.argsort(-(embedding[members] @ reference), kind="stable")][:n].tolist()
        return [int(members[i]) for i in rng.sample(range(len(members)), min(n, len(members)))]


def joined(earlier: Sequence[Term], later: Sequence[Term]) -> tuple[Term, ...]:
    """Terms of a query after those of the ones before it.

    A later one takes the place of an earlier one of its kind, where a track has one value of the kind or the two speak of
    the same value. Instruments, moods, genres and themes that were asked for, and what was kept out, stand beside each other.
    """
    return (*(old for old in earlier if not any(_replaces(new, old) for new in later)), *later)


def _replaces(new: Term, old: Term) -> bool:
    a, b = new.what, old.what
    if isinstance(a, Ranked) or isinstance(b, Ranked):
        return isinstance(a, Ranked) and isinstance(b, Ranked) and a.target == b.target
    if a.kind != b.kind:
        return False
    single = a.kind not in vocab.load() or vocab.load()[a.kind].exclusive
    return a.options == b.options or (single and not a.negated and not b.negated)


def without(terms: Sequence[Term], taken_back: Sequence[Term]) -> tuple[Term, ...]:
    """The terms but for those that ask for the same as one taken back."""
    gone = {term.meaning for term in taken_back}
    return tuple(term for term in terms if term.meaning not in gone)


def _mean(embedding: np.ndarray, tracks: Sequence[int]) -> np.ndarray:
    return embedding[list(tracks)].mean(axis=0) if len(tracks) else np.zeros(embedding.shape[1], embedding.dtype)
