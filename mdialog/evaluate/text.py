"""Text metrics: how near answers come to reference answers, by BLEU-4, ROUGE-L and CIDEr-D as kept libraries compute them.

A figure of any of these depends on the library, its options and its tokeniser: each result names all three. None of them
knows what is true of a sound; they are here because published work on audio dialogue reports them.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version

import numpy as np

from mdialog import seeds
from mdialog.errors import InputError

RESAMPLES = 1_000  # of the bootstrap
SIGMA = 6.0  # words: width of CIDEr-D's penalty for another length (Vedantam et al. 2015)
ORDERS = 4  # the longest n-grams of BLEU-4 and CIDEr-D

Total = Callable[[np.ndarray], float]  # weight of every item, (n,), to the corpus score


@dataclass(frozen=True)
class Metric:
    """One metric of a set of answers.

    Parameters
    ----------
    name : str
    library, tokeniser : str
        With versions and options, as to be quoted beside the figure.
    best : float
        The highest score there is: 100, 1 or 10. The lowest is 0.
    score : float or None
        Of all answers together; None where it is not defined.
    interval : (float, float) or None
        95 %, by the bootstrap over groups; None for fewer than two groups.
    items : tuple of float
        Score of every answer, in order.
    drawn : tuple of float
        Score of each draw of the bootstrap; equal seeds and groups draw alike, so that two metrics compare draw by draw.
    """

    name: str
    library: str
    tokeniser: str
    best: float
    score: float | None
    interval: tuple[float, float] | None
    items: tuple[float, ...]
    drawn: tuple[float, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class TextScores:
    """What answers come to against their references.

    Parameters
    ----------
    n, n_references, n_groups : int
    n_empty : int
        Answers without a word; they score 0.
    metrics : tuple of Metric
        BLEU-4, ROUGE-L, CIDEr-D.
    """

    n: int
    n_references: int
    n_groups: int
    n_empty: int
    metrics: tuple[Metric, ...]

    def as_json(self) -> dict:
        """Ready for JSON, the scores of every answer included."""
        found = asdict(self)
        for metric in found["metrics"]:
            del metric["drawn"]
        return found


def percentiles(drawn: Sequence[float]) -> tuple[float, float] | None:
    """The middle 95 % of the bootstrap's scores; None where nothing was drawn."""
    return tuple(np.percentile(drawn, [2.5, 97.5]).tolist()) if len(drawn) else None


def evaluate_text(
    answers: Sequence[str], references: Sequence[str | Sequence[str]], *, groups: Sequence[object] | None = None, seed: int = 0
) -> TextScores:
    """Compare answers with references.

    Two sets of answers compare only under the same references, libraries and tokenisers.

    Parameters
    ----------
    answers : sequence of str
        An empty one scores 0.
    references : sequence of (str or sequence of str), of equal length
        What would have been right: one text or several for each answer.
    groups : sequence, optional
        What belongs together, such as the clip or the dialogue of each answer: the bootstrap draws groups whole, as answers
        about the same clip do not err apart. Each answer by itself by default.
    seed : int
        Of the bootstrap.

    Returns
    -------
    TextScores

    Raises
    ------
    InputError
        If nothing is given, the lengths differ, an answer has no reference or one without a word, or a library is missing.
    """
    wanted = [[texts] if isinstance(texts, str) else list(texts) for texts in references]
    _check(answers, wanted, groups)
    known: dict[object, int] = {}
    group_of = np.array([known.setdefault(g, len(known)) for g in (range(len(answers)) if groups is None else groups)])
    metrics = (
        _metric("BLEU-4", 100.0, _bleu(answers, wanted), group_of, seed),
        _metric("ROUGE-L", 1.0, _rouge(answers, wanted), group_of, seed),
        _metric("CIDEr-D", 10.0, _cider(answers, wanted), group_of, seed),
    )
    return TextScores(len(answers), sum(map(len, wanted)), len(known), sum(not _has_word(text) for text in answers), metrics)


def _check(answers: Sequence[str], wanted: list[list[str]], groups: Sequence[object] | None) -> None:
    if not len(answers):
        raise InputError("0 answers to compare; give at least one")
    for what, values in (("lists of references", wanted), *((("groups", groups),) if groups is not None else ())):
        if len(values) != len(answers):
            raise InputError(f"{len(answers)} answers and {len(values)} {what}; give one for each answer")
    for i, texts in enumerate(wanted):
        if not texts or not all(map(_has_word, texts)):
            raise InputError(f"answer {i}: references {texts!r}; each answer needs one or more, each with a word in it")


def _has_word(text: str) -> bool:
    return any(map(str.isalnum, text))


# ---- metrics: what is quoted beside the figure, the score of every answer, and that of all of them, weighted

_Found = tuple[str, str, np.ndarray, Total | None]


def _bleu(answers: Sequence[str], wanted: list[list[str]]) -> _Found:
    """BLEU (Papineni et al. 2002): n-gram counts added up over the answers; of one answer, over the orders that it has."""
    sacrebleu = _library("sacrebleu")
    whole, single = (sacrebleu.BLEU(lowercase=True, effective_order=one) for one in (False, True))
    found = [single.sentence_score(answer, texts) for answer, texts in zip(answers, wanted, strict=True)]
    # (n, 10): hits and n-grams of each order, words of the answer and of the nearest reference
    counts = np.array([[*one.counts, *one.totals, one.sys_len, one.ref_len] for one in found], dtype=np.int64)

    def total(weights: np.ndarray) -> float:
        *grams, said, wished = (weights @ counts).tolist()
        return whole.compute_bleu(grams[:ORDERS], grams[ORDERS:], said, wished, smooth_method="exp").score

    streams = [[texts[k] if k < len(texts) else None for texts in wanted] for k in range(max(map(len, wanted)))]
    whole.corpus_score(list(answers), streams)  # the signature exists only after a score
    signature = str(whole.get_signature())
    return f"sacrebleu {signature}", "13a, lower case", np.array([one.score for one in found]), total


def _rouge(answers: Sequence[str], wanted: list[list[str]]) -> _Found:
    """ROUGE-L (Lin 2004): F1 of the longest common subsequence with the best reference; the mean over the answers."""
    from functools import partial

    scorer = _library("rouge_score.rouge_scorer").RougeScorer(["rougeL"], use_stemmer=False)
    rows = (scorer.score_multi(texts, answer)["rougeL"] for answer, texts in zip(answers, wanted, strict=True))
    items = np.array([row.fmeasure for row in rows], dtype=float)
    tokeniser = "its own: lower case, runs of a-z and 0-9, no stemming"
    return f"rouge-score {version('rouge-score')}, F1, best reference", tokeniser, items, partial(_mean, items)


def _cider(answers: Sequence[str], wanted: list[list[str]]) -> _Found:
    """CIDEr-D (Vedantam et al. 2015), which is what coco-caption's scorer named CIDEr computes; the mean over the answers.

    Words are weighed by how few of the answers' references have them: the score of one answer depends on the others, a
    single one has none, and the bootstrap keeps the weights as they are.
    """
    from functools import partial

    scorer = _library("pycocoevalcap.cider.cider_scorer").CiderScorer(n=ORDERS, sigma=SIGMA)
    split = _library("sacrebleu.tokenizers.tokenizer_13a").Tokenizer13a()

    def plain(text: str) -> str:
        return " ".join(word for word in split(text.lower()).split() if _has_word(word))

    for answer, texts in zip(answers, wanted, strict=True):
        scorer += (plain(answer), [plain(text) for text in texts])
    items = np.asarray(scorer.compute_score()[1], dtype=float)
    library = f"pycocoevalcap {version('pycocoevalcap')} cider (clipped, sigma {SIGMA:g}: CIDEr-D), weights of these references"
    tokeniser = f"13a of sacrebleu {version('sacrebleu')}, lower case, without punctuation"
    return library, tokeniser, items, partial(_mean, items) if len(answers) > 1 else None


def _mean(items: np.ndarray, weights: np.ndarray) -> float:
    return float(weights @ items / weights.sum())


def _library(name: str):
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError as error:
        package = name.partition(".")[0].replace("_", "-")
        raise InputError(f"{package} is not installed ({error}); text metrics need: pip install 'mdialog[eval]'") from error


# ---- the bootstrap


def _metric(name: str, best: float, found: _Found, group_of: np.ndarray, seed: int) -> Metric:
    """A metric with its interval: the corpus score with whole groups drawn again, every metric with the same draws."""
    library, tokeniser, items, total = found
    score, drawn = None, ()
    if total:
        score = total(np.ones(len(items), dtype=np.int64))
        n = int(group_of.max()) + 1
        if n > 1:
            rng = seeds.generator(seed, "text")
            times = (np.bincount(rng.integers(0, n, size=n), minlength=n) for _ in range(RESAMPLES))
            drawn = tuple(total(some[group_of]) for some in times)
    return Metric(name, library, tokeniser, best, score, percentiles(drawn), tuple(items.tolist()), drawn)


# ---- text


def table(result: TextScores) -> str:
    """The figures as Markdown, each with what it was computed by."""
    lines = [
        f"{result.n} answers ({result.n_empty} empty) against {result.n_references} references; 95 % by the bootstrap over "
        f"{result.n_groups} groups.", "",
        "| metric | score | 95 % | of | library | tokeniser |", "|---|---:|---|---:|---|---|",
    ]  # fmt: skip
    for m in result.metrics:
        digits = 1 if m.best == 100 else 3
        score = "–" if m.score is None else f"{m.score:.{digits}f}"
        interval = "–" if m.interval is None else "[{:.{d}f}, {:.{d}f}]".format(*m.interval, d=digits)
        cells = [m.name, score, interval, f"{m.best:g}", m.library.replace("|", " "), m.tokeniser]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
