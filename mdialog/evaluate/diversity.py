"""How varied utterances are: pure functions over lists of texts.

Most of these figures depend on how much text there is, so two sides are compared at equal budgets: Distinct-n at an equal
number of tokens, everything else at an equal number of utterances. :func:`measure` keeps to that.
"""

import math
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mdialog import seeds

NAME = "<name>"
BUDGETS = (1_500, 8_000)  # tokens
CURVE = (250, 500, 1_000, 1_500, 2_000, 3_000, 4_000, 6_000, 8_000, 12_000, 16_000)  # tokens
ORDERS = 10  # shuffled orders that Distinct-n is averaged over: one alone wavers by .02 at 1,500 tokens
SAMPLE = 300  # utterances that self-BLEU and the Vendi score are taken over: both are quadratic
REPEAT_SAMPLE = 4_000  # utterances that repeats and openings are taken over at the most
NEAR = 0.8  # Jaccard similarity of two sets of words from which one nearly repeats the other
BLOCK = 512  # texts whose words are compared with those of all others at once
OPENING_WORDS, OPENINGS = 3, 10

_OPEN, _CLOSE = "(?:(?<!\\w)[\"'“‘])?", "(?:[\"'”’](?!\\w))?"  # but the apostrophe of "Sol's" stays
_BRACKETS = re.compile(r"\s*[(\[][^)\]]*[)\]]|\s+-\s.*$")


@dataclass(frozen=True)
class Spread:
    """Mean and quartiles of some numbers."""

    mean: float
    q25: float
    median: float
    q75: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread | None":
        """None for no values."""
        if not len(values):
            return None
        q25, median, q75 = np.percentile(values, [25, 50, 75])
        return cls(float(np.mean(values)), float(q25), float(median), float(q75))


@dataclass(frozen=True)
class Diversity:
    """How varied one side's utterances are; names are masked but where it says "as written".

    Parameters
    ----------
    n_utterances, n_tokens : int
        Of the side as a whole; tokens as written.
    distinct, distinct_as_written : dict of str to (dict of str to float) or None
        Budget in tokens to order (1, 2, 3) to share; None where the side has fewer tokens.
    curve : tuple of (int, float)
        Distinct-2 at growing budgets, as far as the side's tokens go.
    n_compared : int
        Utterances that repeats and openings are taken over; the same on both sides.
    exact_repeats, near_repeats : float in [0, 1]
        Share of utterances that repeat an earlier one: exact as written, near after masking.
    opening_share : float in [0, 1]
        Share of utterances that begin with one of the ten most common first three words.
    openings : tuple of (str, float)
        Those ten, and the share of each.
    n_sampled : int
        Utterances that self-BLEU and Vendi scores are taken over; the same on both sides.
    self_bleu : float in [0, 1] or None
    vendi : dict of str to float
        Embedder to score, in [1, n_sampled].
    words : Spread or None
        Words an utterance, as written.
    lengths : tuple of (int, int)
        Words and how many utterances have so many.
    """

    n_utterances: int
    n_tokens: int
    distinct: dict[str, dict[str, float] | None]
    distinct_as_written: dict[str, dict[str, float] | None]
    curve: tuple[tuple[int, float], ...]
    n_compared: int
    exact_repeats: float
    near_repeats: float
    opening_share: float
    openings: tuple[tuple[str, float], ...]
    n_sampled: int
    self_bleu: float | None
    vendi: dict[str, float]
    words: Spread | None
    lengths: tuple[tuple[int, int], ...]


def measure(
    written: Sequence[str], masked: Sequence[str], *, compared: Sequence[int], vendi: Mapping[str, float], seed: int = 0
) -> Diversity:
    """All figures of one side.

    Parameters
    ----------
    written, masked : sequence of str, of equal length
        The side's utterances, and the same after :func:`mask`.
    compared : sequence of int
        Which of them repeats and openings are taken over; self-BLEU takes the first `SAMPLE` of these.
    vendi : mapping of str to float
        Scores of the same first `SAMPLE`, which need an embedder (see :func:`vendi_score`).
    seed : int
    """
    lengths = [len(tokens(text)) for text in written]
    own, without_names = [written[i] for i in compared], [masked[i] for i in compared]
    share, most = openings(without_names)
    curve = ((budget, distinct(masked, budget=budget, seed=seed)) for budget in CURVE)
    return Diversity(
        n_utterances=len(written),
        n_tokens=sum(lengths),
        distinct={str(b): distinct(masked, budget=b, seed=seed) for b in BUDGETS},
        distinct_as_written={str(b): distinct(written, budget=b, seed=seed) for b in BUDGETS},
        curve=tuple((budget, shares["2"]) for budget, shares in curve if shares),
        n_compared=len(own),
        exact_repeats=exact_repeats(own),
        near_repeats=near_repeats(without_names),
        opening_share=share,
        openings=most,
        n_sampled=len(own[:SAMPLE]),
        self_bleu=self_bleu(without_names[:SAMPLE]),
        vendi=dict(vendi),
        words=Spread.of(lengths),
        lengths=tuple(sorted(Counter(lengths).items())),
    )


def tokens(text: str) -> list[str]:
    """Lower-case tokens between white space, punctuation and all."""
    return text.lower().split()


def words(text: str) -> list[str]:
    """Case-folded words without punctuation; an apostrophe or hyphen within a word goes too."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    return plain.translate(str.maketrans("", "", string.punctuation + "“”‘…–—¿¡")).split()


def mask(text: str, names: Iterable[str]) -> str:
    """A text with every title and artist replaced by one token, quotes around it included.

    Names of several words are found in any case, also without what stands in brackets or after a dash ("Radio Mix"). Names
    of one word are found only as they are written, and left alone where they are an everyday word ("You").

    Parameters
    ----------
    text : str
    names : iterable of str
    """
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    spellings = {form.strip() for name in names for form in (name, _BRACKETS.sub("", name))}
    several = [s for s in spellings if " " in s]
    one = [s for s in spellings if len(s) > 2 and " " not in s and s.casefold() not in ENGLISH_STOP_WORDS]
    for forms, flags in ((several, re.IGNORECASE), (one, 0)):
        if forms:
            longest_first = "|".join(map(re.escape, sorted(forms, key=lambda s: (-len(s), s))))
            text = re.sub(rf"{_OPEN}(?<!\w)(?:{longest_first})(?!\w){_CLOSE}", NAME, text, flags=flags)
    return text


def distinct(utterances: Sequence[str], *, budget: int, seed: int = 0) -> dict[str, float] | None:
    """Distinct-1, -2 and -3 (Li et al. 2016): different n-grams over all n-grams, at an equal number of tokens.

    Utterances are taken in a shuffled order until the budget is full, the last one is cut; the mean over `ORDERS` such
    orders. No n-gram crosses from one utterance into the next.

    Parameters
    ----------
    utterances : sequence of str
    budget : int >= 1
        Tokens (:func:`tokens`).
    seed : int

    Returns
    -------
    dict of str to float or None
        ``{"1": ..., "2": ..., "3": ...}``, each in (0, 1]; 0 where there is no n-gram. None where there are fewer tokens.
    """
    split = [tokens(text) for text in utterances]
    if sum(map(len, split)) < budget:
        return None
    totals = np.zeros(3)
    for k in range(ORDERS):
        rng, left, grams = seeds.generator(seed, "distinct", k), budget, (Counter(), Counter(), Counter())
        for i in rng.permutation(len(split)):
            taken = split[i][:left]
            left -= len(taken)
            for n, counts in enumerate(grams, start=1):
                counts.update(zip(*(taken[j:] for j in range(n)), strict=False))
            if not left:
                break
        totals += [len(counts) / max(1, counts.total()) for counts in grams]
    return {str(n): float(total / ORDERS) for n, total in enumerate(totals, start=1)}


def self_bleu(utterances: Sequence[str]) -> float | None:
    """Mean BLEU-4 of each utterance against all the others (Zhu et al. 2018): the lower, the more varied.

    BLEU by Papineni et al. (2002), with add-one smoothing of the orders above one (Lin & Och 2004); an utterance of fewer
    than four tokens is scored on the orders that it has. The score rises with the number of utterances: compare
    equal numbers only.

    Parameters
    ----------
    utterances : sequence of str
        Those without a token are left out.

    Returns
    -------
    float in [0, 1] or None
        None for fewer than two.
    """
    sentences = [t for t in map(tokens, utterances) if t]
    if len(sentences) < 2:
        return None
    logs: list[list[float]] = [[] for _ in sentences]
    for order in range(1, 5):
        counts = [Counter(zip(*(s[j:] for j in range(order)), strict=False)) for s in sentences]
        most: dict[tuple, tuple[int, int, int]] = {}  # n-gram: highest count, whose it is, highest of the others
        for i, own in enumerate(counts):
            for gram, n in own.items():
                top, owner, second = most.get(gram, (0, -1, 0))
                most[gram] = (n, i, top) if n > top else (top, owner, max(second, n))
        for i, own in enumerate(counts):
            if own:
                hits = sum(min(n, most[gram][2] if most[gram][1] == i else most[gram][0]) for gram, n in own.items())
                precision = (hits + (order > 1)) / (own.total() + (order > 1))
                logs[i].append(math.log(precision) if precision else -math.inf)
    length = np.array([len(s) for s in sentences], dtype=float)
    apart = np.abs(length[:, None] - length) + np.where(length < length[:, None], 0.0, 0.1)  # of two as near, the shorter
    np.fill_diagonal(apart, np.inf)
    brevity = np.minimum(0.0, 1 - length[apart.argmin(axis=1)] / length)
    return float(np.mean([math.exp(np.mean(log) + b) for log, b in zip(logs, brevity, strict=True)]))


def vendi_score(embeddings: np.ndarray) -> float:
    """Vendi score (Friedman & Dieng 2023): how many different texts the texts amount to.

    The exponential of the entropy of the eigenvalues of ``K / n``, where `K` holds the cosines: 1 where all are the same, n
    where none has anything in common.

    Parameters
    ----------
    embeddings : np.ndarray [shape=(n, d)]
        Rows that are not zero; scaled to length one here.

    Raises
    ------
    ValueError
        If there is no row, or one is zero: it has no cosine with any.
    """
    x = np.asarray(embeddings, dtype=np.float64)
    norms = np.linalg.norm(x, axis=1, keepdims=True) if x.size else np.zeros((1, 1))
    if not norms.all():
        raise ValueError(f"embeddings of shape {x.shape} with a zero row or none have no Vendi score")
    x = x / norms
    gram = x @ x.T if x.shape[0] <= x.shape[1] else x.T @ x  # the same eigenvalues but for zeros
    shares = np.linalg.eigvalsh(gram) / len(x)
    shares = shares[shares > 1e-12]
    return float(np.exp(-np.sum(shares * np.log(shares))))


def tfidf(texts: Sequence[str]) -> np.ndarray:
    """Embed texts by their character n-grams (2 to 4, within words), weighted by TF-IDF over the given texts.

    Returns
    -------
    np.ndarray [shape=(n, number of n-grams), dtype=float32]
        L2-normalised.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    model = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True, dtype=np.float32)
    return model.fit_transform(texts).toarray()


def exact_repeats(utterances: Sequence[str]) -> float:
    """Share of utterances that equal an earlier one; 0 for none."""
    return 1 - len(set(utterances)) / len(utterances) if utterances else 0.0


def near_repeats(utterances: Sequence[str]) -> float:
    """Share of utterances whose set of words has a Jaccard similarity of `NEAR` or more with that of an earlier one."""
    repeats = 0
    for start, both, either in shared_words(utterances):
        near = np.tril(both >= NEAR * either, start - 1)  # a row's columns before it
        repeats += int(near.any(axis=1).sum())
    return repeats / max(1, len(utterances))


def shared_words(texts: Sequence[str]) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """How many words each text shares with each, by blocks of texts.

    Yields
    ------
    start : int
        Number of the block's first text.
    both, either : np.ndarray [shape=(texts of the block, n)]
        Sizes of the intersection and of the union of two sets of words; their ratio is the Jaccard similarity.
    """
    from scipy.sparse import csr_matrix

    column: dict[str, int] = {}
    held = [[column.setdefault(word, len(column)) for word in dict.fromkeys(words(text))] for text in texts]
    size = np.array([len(columns) for columns in held], int)
    flat = np.array([c for columns in held for c in columns], int)
    shape = (len(texts), max(1, len(column)))
    sets = csr_matrix((np.ones(len(flat), np.float32), flat, np.r_[0, size.cumsum()]), shape=shape)
    for start in range(0, len(texts), BLOCK):
        both = (sets[start : start + BLOCK] @ sets.T).toarray()
        yield start, both, size[start : start + BLOCK, None] + size - both


def openings(utterances: Sequence[str]) -> tuple[float, tuple[tuple[str, float], ...]]:
    """Share of utterances that begin with one of the ten most common first trigrams, and those with their shares."""
    counts = Counter(" ".join(words(text)[:OPENING_WORDS]) for text in utterances)
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:OPENINGS]
    shares = tuple((opening, n / len(utterances)) for opening, n in most)
    return sum(share for _, share in shares), shares
