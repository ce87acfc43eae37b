"""Answers against references: what listening adds to answers and descriptions, by BLEU-4, ROUGE-L and CIDEr-D.

These metrics reward manner as much as truth. So the same answers are held against references made in the same way for another
track's clip: only the difference comes of the sound. The phrase book's own further text stands beside, as what hears
everything and has the references' words.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from mdialog import seeds
from mdialog.dialogue import Dialogue
from mdialog.evaluate.references import BOOK, CAPTIONS, REFERENCES, Compared, answers_of, compare
from mdialog.evaluate.relevance import composer_truth
from mdialog.evaluate.text import Metric, TextScores, evaluate_text, percentiles
from mdialog.plan import Plan
from mdialog.snapshot import Snapshot
from mdialog.synth.labels import Labels

LEAST = 20  # answers that a row of a recipe or a kind of question needs
LIBRARIES = {"sacrebleu": "sacrebleu", "rouge_score": "rouge-score", "pycocoevalcap": "pycocoevalcap"}


@dataclass(frozen=True)
class Figure:
    """One metric of some answers.

    Parameters
    ----------
    metric : str
    best : float
        The highest score there is.
    score, another : float or None
        Against the clip's references, and against another clip's; None for CIDEr-D of a single answer.
    score_interval, another_interval : (float, float) or None
        95 %, by the bootstrap over tracks.
    adds : float or None
        The first less the second: what comes of the sound.
    adds_interval : (float, float) or None
        Both with the same draws.
    book : float or None
        The phrase book's own text against the clip's references.
    book_adds, book_adds_interval
        Its difference.
    """

    metric: str
    best: float
    score: float | None
    score_interval: tuple[float, float] | None
    another: float | None
    another_interval: tuple[float, float] | None
    adds: float | None
    adds_interval: tuple[float, float] | None
    book: float | None
    book_adds: float | None
    book_adds_interval: tuple[float, float] | None


@dataclass(frozen=True)
class Row:
    """Figures of all answers, of a recipe's, or of those to one kind of question.

    CIDEr-D weighs words by the row's own references: figures compare within a row, not between rows.

    Parameters
    ----------
    of : str
        ``all``, the recipe, or the kind of question.
    source : {'phrase book', 'captions'}
    n, n_tracks : int
    figures : tuple of Figure
    """

    of: str
    source: str
    n: int
    n_tracks: int
    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class Answers:
    """What the answers of a run come to.

    Parameters
    ----------
    n : int
        Answers that were looked at.
    left_out : dict of str to int
        Those that were not compared, by the reason.
    rows : tuple of Row
    methods : dict of source to list of str
        Each metric's library, options and tokeniser.
    compared : tuple of Compared
    """

    n: int
    left_out: dict[str, int]
    rows: tuple[Row, ...]
    methods: dict[str, list[str]]
    compared: tuple[Compared, ...]

    def as_json(self) -> dict:
        """Ready for JSON, every answer with its references included."""
        return asdict(self)


def missing() -> str | None:
    """What to install before answers can be compared; None where all is there."""
    from importlib.util import find_spec

    lacking = [name for module, name in LIBRARIES.items() if find_spec(module) is None]
    return f"{', '.join(lacking)} not installed; text metrics need: pip install 'mdialog[eval]'" if lacking else None


def evaluate_answers(
    dialogues: Sequence[Dialogue], plans: Iterable[Plan], snapshot: Snapshot, *, truth: Mapping[str, Labels] | None = None,
    tracks: Collection[str] | None = None, n: int = 2_000, seed: int = 0,
) -> Answers:  # fmt: skip
    """Hold the answers of a run against references that are true of what was heard, and of something else.

    Parameters
    ----------
    dialogues : sequence of Dialogue
        The run's.
    plans : iterable of Plan
        At least those of the dialogues.
    snapshot : Snapshot
        Of the catalogue that they were planned on: it has the marked events and the captions.
    truth : mapping of str to Labels, optional
        The composer's labels by track id; looked for beside the music (:func:`composer_truth`) by default.
    tracks : collection of str, optional
        Only answers that heard these tracks and no others: those of the test side, where somebody has learned from the rest.
    n : int > 0
        Answers at most, drawn by `seed` where there are more.
    seed : int
        Of the references, the other clips and the bootstrap.

    Returns
    -------
    Answers
        Without rows where nothing could be compared.

    Raises
    ------
    InputError
        If a library of the metrics is missing.

    Examples
    --------
    The test side of a split by tracks and artists:

    >>> test = set(split(dialogues).test)  # doctest: +SKIP
    >>> held = {track for d in dialogues if d.id in test for track in d.tracks}  # doctest: +SKIP
    >>> evaluate_answers(dialogues, plans, snapshot, tracks=held)  # doctest: +SKIP
    """
    found = list(answers_of(dialogues))
    if tracks is not None:
        tracks = frozenset(tracks)
        found = [(d, i) for d, i in found if tracks.issuperset(clip.track_id for clip in d.turns[i].heard)]
    if len(found) > n:
        found = [found[k] for k in sorted(seeds.stdlib(seed, "answers").sample(range(len(found)), n))]
    compared, left_out = compare(found, plans, snapshot, composer_truth(snapshot) if truth is None else truth, seed=seed)
    rows, methods = [], {}
    for source in (BOOK, CAPTIONS):
        if own := [one for one in compared if one.source == source]:
            scores = _scores(own, seed)
            methods[source] = [f"{m.name} (to {m.best:g}): {m.library}; tokeniser: {m.tokeniser}" for m in scores[0].metrics]
            rows += _rows(own, source, scores, seed)
    return Answers(len(found), dict(left_out), tuple(rows), methods, compared)


# ---- figures


def _rows(own: Sequence[Compared], source: str, scores: tuple[TextScores | None, ...], seed: int) -> list[Row]:
    """Of all, and of each recipe and kind of question that has `LEAST` answers and is not all there is."""
    groups: dict[str, list[Compared]] = {}
    for name in (lambda one: one.recipe, lambda one: one.kind):
        parted: dict[str, list[Compared]] = {}
        for one in own:
            parted.setdefault(name(one), []).append(one)
        groups |= {key: parted[key] for key in sorted(parted) if LEAST <= len(parted[key]) < len(own)}
    return [_row("all", source, own, scores),
            *(_row(of, source, some, _scores(some, seed)) for of, some in groups.items())]  # fmt: skip


def _scores(some: Sequence[Compared], seed: int) -> tuple[TextScores | None, ...]:
    """Answers and the phrase book's text, each against the clip's references and another clip's."""
    books = [one.book for one in some]
    return tuple(
        None if None in said else evaluate_text(said, wanted, groups=[one.tracks[-1] for one in some], seed=seed)
        for said in ([one.text for one in some], books)
        for wanted in ([one.references for one in some], [one.another for one in some])
    )


def _row(of: str, source: str, some: Sequence[Compared], scores: tuple[TextScores | None, ...]) -> Row:
    figures = []
    for real, another, book_, book_another in zip(*((s.metrics if s else [None] * 3) for s in scores), strict=True):
        figures.append(Figure(
            real.name, real.best, real.score, real.interval, another.score, another.interval,
            adds=_less(real, another), adds_interval=_interval(real, another),
            book=book_ and book_.score, book_adds=_less(book_, book_another),
            book_adds_interval=_interval(book_, book_another),
        ))  # fmt: skip
    return Row(of, source, len(some), len({one.tracks[-1] for one in some}), tuple(figures))


def _less(one: Metric | None, other: Metric | None) -> float | None:
    return None if not one or one.score is None else one.score - other.score


def _interval(one: Metric | None, other: Metric | None) -> tuple[float, float] | None:
    """95 % of the difference, draw by draw of the bootstrap that both have in common."""
    return percentiles(np.subtract(one.drawn, other.drawn)) if one and other else None


# ---- text


def table(result: Answers) -> str:
    """The figures as Markdown, and under them what they were computed by."""
    left_out = ", ".join(f"{reason} {times}" for reason, times in sorted(result.left_out.items()))
    head = f"{len(result.compared)} of {result.n} answers compared" + (f"; left out: {left_out}" if left_out else "") + "."
    if not result.rows:
        return head + " Rendered music has a truth, and so have marked sound events and captions."
    lines = [head, "", "| answers | references | n (tracks) | metric | score | another clip's | difference | phrase book "
             "| its difference |", "|---|---|---:|---|---|---|---|---:|---|"]  # fmt: skip
    for row in result.rows:
        start = f"| {row.of} | {row.source} | {row.n} ({row.n_tracks}) |"
        for f in row.figures:
            d = 1 if f.best == 100 else 3
            cells = [f.metric, _cell(f.score, d, f.score_interval), _cell(f.another, d, f.another_interval),
                     _cell(f.adds, d, f.adds_interval), _cell(f.book, d),
                     _cell(f.book_adds, d, f.book_adds_interval)]  # fmt: skip
            lines.append(f"{start} {' | '.join(cells)} |")
            start = "| | | |"
    lines += ["", NOTE, ""]
    for source, methods in result.methods.items():
        lines += [f"- {source}, {method}" for method in methods]
    return "\n".join(lines)


NOTE = f"""Score: against references that are true of the clip ({REFERENCES} of the phrase book for each answer, or a caption).
Another clip's: the same answers against references made alike for another track's clip. The difference is what listening
adds. Phrase book: a further text of its own, true of the clip: what one would reach who hears all and has these words. Who has
learned from the phrase book, as listener-mini has, scores higher by its manner alone, in both columns. 95 % by the bootstrap
over tracks; rows of fewer than {LEAST} answers are left out."""


def _cell(value: float | None, digits: int, interval: tuple[float, float] | None = None) -> str:
    if value is None:
        return "–"
    return f"{value:.{digits}f}" + (" [{:.{d}f}, {:.{d}f}]".format(*interval, d=digits) if interval else "")
