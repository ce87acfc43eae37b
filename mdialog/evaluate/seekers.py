"""Seekers: simulated people with known tastes, to find out how well recommending serves them.

A taste is drawn from what the composer knows of one rendered track, so that at least that track satisfies it. Part of it is
said in a wish, in the vocabulary's synonyms; part is never said and shows only in what is liked and disliked. Relevance is
graded by the composer's labels, never by the catalogue's own columns, which the ranking reads.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np

from mdialog import match, seeds, vocab
from mdialog.errors import InputError
from mdialog.evaluate.relevance import facts
from mdialog.match import Opinions, Trust, Weights
from mdialog.query import WORD_SOURCES
from mdialog.shelf import Shelf
from mdialog.synth.grammar import with_article
from mdialog.synth.labels import Labels

CUT = 10  # tracks of a list
ROUNDS = 3  # of feedback
LIKES, DISLIKES = 4, 1  # a list, at the most; people like 3.6 and dislike 1.0 (CPCD)
# How often a taste has a want of each kind, and how often it is said.
KINDS = {"genre": (0.7, 0.9), "mood": (0.6, 0.8), "theme": (0.4, 1.0), "tempo": (0.6, 0.5), "instrument": (0.7, 0.5),
         "energy": (0.4, 0.4), "mode": (0.2, 0.0)}  # fmt: skip
LONG_TAIL, UNWANTED = 0.35, 0.4  # how often a seeker prefers what is little known, and does not want an instrument
_OPENINGS = ("I'm looking for {}", "I'd like {}", "{}", "Could you find me {}?", "Today I feel like {}", "Play {}", "I need {}")
_LITTLE_KNOWN = ("nothing too famous", "hidden gems if you can", "off the beaten track", "no hits", "something little known")
_UNWANTED = ("no {}", "without {}", "but no {}", "nothing with {}", "please avoid {}")


@dataclass(frozen=True)
class Seeker:
    """Someone with a taste.

    Parameters
    ----------
    id : str
    wish : str
        What is said.
    said, unsaid : tuple of (kind, value)
        What is wanted and said, and what is wanted and not said.
    unwanted : str or None
        An instrument; said.
    long_tail : bool
        Prefers tracks under the median popularity; said.
    """

    id: str
    wish: str
    said: tuple[tuple[str, str], ...]
    unsaid: tuple[tuple[str, str], ...]
    unwanted: str | None
    long_tail: bool


@dataclass(frozen=True)
class Truth:
    """What the composer knows of the tracks of a shelf.

    Parameters
    ----------
    facts : tuple of (mapping or None) [shape=(n,)]
        Values by kind, of each track that has labels.
    """

    facts: tuple[Mapping[str, frozenset[str]] | None, ...]

    @classmethod
    def of(cls, shelf: Shelf, labels: Mapping[str, Labels]) -> "Truth":
        """Of the composer's labels by track id (``relevance.composer_truth``).

        Raises
        ------
        InputError
            If no track has labels.
        """
        known = tuple(facts(labels[t]) if t in labels else None for t in shelf.ids)
        if not any(known):
            raise InputError(f"no track of {shelf.catalog.path} has the composer's labels; make music with `mdialog synth`")
        return cls(known)

    def has(self, kind: str, value: str) -> np.ndarray:
        """Tracks that have a value [shape=(n,), dtype=bool]."""
        return np.array([known is not None and value in known[kind] for known in self.facts])


def draw_seekers(shelf: Shelf, truth: Truth, *, n: int, seed: int) -> list[Seeker]:
    """Seekers whose tastes the catalogue can satisfy; the same seed gives the same ones.

    Parameters
    ----------
    shelf : Shelf
    truth : Truth
    n : int > 0
    seed : int
    """
    labelled = [i for i, known in enumerate(truth.facts) if known]
    long_tail = LONG_TAIL if shelf.long_tail.any() else 0.0
    return [_seeker(truth, seeds.stdlib(seed, "seeker", i), labelled, f"{seed}/{i}", long_tail) for i in range(n)]


def _seeker(truth: Truth, rng: Random, labelled: Sequence[int], name: str, long_tail_share: float) -> Seeker:
    loved = truth.facts[rng.choice(labelled)]
    wants: list[tuple[str, str, bool]] = []
    while len(wants) < 2 or not any(spoken for *_, spoken in wants):
        wants = []
        for kind, (share, spoken) in KINDS.items():
            values = sorted(loved[kind] - {"drums", "bass"})
            if values and rng.random() < share and len(wants) < 4:
                wants.append((kind, rng.choice(values), rng.random() < spoken))
    unwanted = None
    if rng.random() < UNWANTED:
        # What others of its kind have and this one has not.
        absent = sorted({i for known in truth.facts if known and known["genre"] & loved["genre"] for i in known["instrument"]}
                        - loved["instrument"])  # fmt: skip
        unwanted = rng.choice(absent) if absent else None
    said = tuple((kind, value) for kind, value, spoken in wants if spoken)
    unsaid = tuple((kind, value) for kind, value, spoken in wants if not spoken)
    long_tail = rng.random() < long_tail_share
    return Seeker(name, _wish(said, unwanted, long_tail, rng), said, unsaid, unwanted, long_tail)


def _word(kind: str, value: str, rng: Random) -> str:
    """A synonym of a value: not the word that the catalogue stores, where there is another."""
    words = [w for w in vocab.load()[kind][value].words if kind == "theme" or " in " not in w]
    return rng.choice([w for w in words if w.casefold() != value.casefold()] or words)


def _wish(said: Iterable[tuple[str, str]], unwanted: str | None, long_tail: bool, rng: Random) -> str:
    words: dict[str, list[str]] = {}
    for kind, value in said:
        words.setdefault(kind, []).append(_word(kind, value, rng))
    adjectives = [w for kind in ("mood", "tempo", "energy") for w in words.get(kind, ())]
    rng.shuffle(adjectives)
    genre = [w.removeprefix("a ") for w in words.get("genre", ())]
    core = " ".join([*adjectives, *(genre or [rng.choice(("music", "tracks", "tunes"))])])
    core += "".join(f" with {with_article(w)}" for w in words.get("instrument", ()))
    core += "".join(f" for {w}" for w in words.get("theme", ()))
    tails = [rng.choice(_UNWANTED).format(_word("instrument", unwanted, rng))] if unwanted else []
    tails += [rng.choice(_LITTLE_KNOWN)] if long_tail else []
    rng.shuffle(tails)
    text = ", ".join([rng.choice(_OPENINGS).format(f"{rng.choice(('some ', ''))}{core}"), *tails])
    return text[:1].upper() + text[1:]


def grades(seeker: Seeker, shelf: Shelf, truth: Truth) -> np.ndarray:
    """How well each track fits a taste, 0 to the number of its wants [shape=(n,), dtype=int].

    One for each want, said or not; none for a track in which the unwanted instrument sounds; one less for a track that is not
    of the long tail where that is preferred.
    """
    grade = np.sum([truth.has(kind, value) for kind, value in (*seeker.said, *seeker.unsaid)], axis=0)
    if seeker.unwanted:
        grade = np.where(truth.has("instrument", seeker.unwanted), 0, grade)
    if seeker.long_tail:
        grade = grade - ~shelf.long_tail
    return np.where([known is not None for known in truth.facts], np.maximum(grade, 0), 0)


def ndcg(listed: np.ndarray, grade: np.ndarray, *, among: np.ndarray | None = None) -> float:
    """nDCG at `CUT` with gains ``2^grade - 1`` (Burges et al. 2005); 0 where nothing could gain.

    Parameters
    ----------
    listed : np.ndarray of int
        Tracks, best first.
    grade : np.ndarray of int [shape=(n,)]
    among : np.ndarray of bool [shape=(n,)], optional
        Tracks that could have been listed; all by default.
    """
    gain = 2.0**grade - 1
    discount = 1 / np.log2(np.arange(2, CUT + 2))
    best = np.sort(gain if among is None else gain[among])[::-1][:CUT]
    ideal = best @ discount[: len(best)]
    got = gain[listed[:CUT]]
    return float(got @ discount[: len(got)] / ideal) if ideal > 0 else 0.0


@dataclass(frozen=True)
class Served:
    """What a way of ranking gave a seeker in one round.

    Parameters
    ----------
    ndcg : float in [0, 1]
    long_tail : float in [0, 1]
        Share of the list under the catalogue's median popularity; NaN where none is known.
    ids : tuple of str
    """

    ndcg: float
    long_tail: float
    ids: tuple[str, ...]


# A way of ranking: (wish, opinions, ids to leave out) to ids, best first.
Ranking = Callable[[str, Opinions, Sequence[str]], list[str]]


def rankings(shelf: Shelf) -> dict[str, Ranking]:
    """What recommending is held against: popularity order, BM25 over metadata alone, CLAP text to sound alone."""

    def ordered(score: np.ndarray, leave_out: Sequence[str]) -> list[str]:
        left = set(leave_out)
        order = np.lexsort((np.arange(len(shelf)), -np.nan_to_num(score, nan=-np.inf)))
        return [shelf.ids[i] for i in order if shelf.ids[i] not in left][:CUT]

    return {
        "popularity order": lambda wish, opinions, left: ordered(shelf.popularity, left),
        "BM25 over metadata": lambda wish, opinions, left: ordered(shelf.bm25_of_metadata.scores(wish), left),
        "CLAP, text to sound": lambda wish, opinions, left: ordered(match.by_text(shelf, wish), left),
    }


def recommending(shelf: Shelf, *, weights: Weights = match.WEIGHTS, popularity_weight: float = 0.0) -> Ranking:
    """``match.recommend`` as a way of ranking."""
    read = {}

    def rank(text: str, opinions: Opinions, leave_out: Sequence[str]) -> list[str]:
        if text not in read:
            read[text] = match.understand(shelf, text)
        hits = match.recommend(shelf, read[text], opinions=opinions, popularity_weight=popularity_weight, weights=weights,
                               limit=CUT, leave_out=leave_out)  # fmt: skip
        return [hit.track_id for hit in hits]

    return rank


def serve(shelf: Shelf, grade: np.ndarray, ids: Sequence[str], *, leave_out: Iterable[str] = ()) -> Served:
    """A list and how good it is, among the tracks that are not left out."""
    among = np.ones(len(shelf), dtype=bool)
    among[[shelf.index[t] for t in leave_out]] = False
    tail = shelf.exposure(ids).long_tail
    listed = np.array([shelf.index[t] for t in ids], dtype=int)
    return Served(ndcg(listed, grade, among=among), float("nan") if tail is None else tail, tuple(ids))


def opinions_on(ids: Sequence[str], shelf: Shelf, grade: np.ndarray, *, wants: int) -> tuple[list[str], list[str]]:
    """What a seeker likes and dislikes of a list: at most `LIKES` tracks that fail no more than one of its wants, the best
    first, and at most `DISLIKES` that satisfy less than half of them, the worst first."""
    fit = {t: int(grade[shelf.index[t]]) for t in ids}
    liked = sorted((t for t in ids if fit[t] >= max(1, wants - 1)), key=lambda t: -fit[t])[:LIKES]
    disliked = sorted((t for t in ids if 2 * fit[t] < wants and t not in liked), key=lambda t: fit[t])[:DISLIKES]
    return liked, disliked


def converse(shelf: Shelf, truth: Truth, seeker: Seeker, rank: Ranking) -> list[tuple[Served, Served]]:
    """A first list and `ROUNDS` further ones, each of tracks not shown before.

    Returns
    -------
    list of (Served, Served) [shape=(ROUNDS + 1,)]
        With the opinions so far, and without any on the same remaining tracks: what differs is what feedback does.
    """
    grade = grades(seeker, shelf, truth)
    shown: list[str] = []
    liked: dict[tuple[str, str], float] = {}
    disliked: dict[tuple[str, str], float] = {}
    out = []
    for _ in range(ROUNDS + 1):
        ids = rank(seeker.wish, Opinions(dict(liked), dict(disliked)), shown)
        control = rank(seeker.wish, match.NO_OPINIONS, shown)
        out.append((serve(shelf, grade, ids, leave_out=shown), serve(shelf, grade, control, leave_out=shown)))
        good, bad = opinions_on(ids, shelf, grade, wants=len(seeker.said) + len(seeker.unsaid))
        liked |= {("track", t): 1.0 for t in good}
        disliked |= {("track", t): 1.0 for t in bad}
        shown += ids
    return out


def counted_trust(shelf: Shelf, truth: Truth) -> dict[tuple[str, str], Trust]:
    """How likely the composer's labels bear out what each source says, by source and kind.

    Counted over all pairs of a labelled track and a value that some track has; with one added to either side (Laplace).
    """
    out = {}
    labelled = np.array([known is not None for known in truth.facts])
    for kind in KINDS:
        values = sorted({value for known in truth.facts if known for value in known[kind]})
        has = np.array([truth.has(kind, value) for value in values])
        for source in WORD_SOURCES[kind]:
            said = np.array([match.says(shelf, kind, value, source) for value in values])
            known = np.isfinite(said) & labelled
            if known.any():
                yes, no = known & (said > 0), known & (said == 0)
                share = [(has[rows].sum() + 1) / (rows.sum() + 2) for rows in (yes, no)]
                out[source, kind] = Trust(*(round(float(p), 3) for p in share))
    return out


def interval(values: Sequence[float], *, seed: int = 0) -> tuple[float, float, float]:
    """Mean over seekers and its 95 % bootstrap interval (percentiles of 2,000 draws); values that are NaN are left out."""
    from scipy.stats import bootstrap

    known = np.asarray(values, float)
    known = known[np.isfinite(known)]
    if not len(known):
        return float("nan"), float("nan"), float("nan")
    mean = float(known.mean())
    if np.ptp(known) == 0:
        return mean, mean, mean
    found = bootstrap((known,), np.mean, n_resamples=2_000, method="percentile", rng=np.random.default_rng(seed))
    return mean, float(found.confidence_interval.low), float(found.confidence_interval.high)


def gini(lists: Iterable[Sequence[str]], shelf: Shelf) -> float:
    """Gini coefficient of how often each track of the catalogue is shown by some lists, position by position."""
    from mdialog.shelf import concentration

    shown = np.zeros(len(shelf))
    for ids in lists:
        shown[[shelf.index[t] for t in ids]] += 1 / np.log2(np.arange(2, len(ids) + 2))
    return concentration(shown, shown) or 0.0
