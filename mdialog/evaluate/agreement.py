"""Whether two judges agree: quadratic weighted kappa (Cohen 1968) between models, or between a model and people."""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mdialog.errors import InputError
from mdialog.evaluate.judge import SCORES, Judgement, Judgements, load_rubrics

COLUMNS = ("dialogue", "rubric", "score")


@dataclass(frozen=True)
class Agreement:
    """Two judges on the dialogues that both scored, by one rubric.

    Parameters
    ----------
    n : int
        Dialogues scored by both.
    exact : float in [0, 1] or None
        Share of equal scores.
    kappa : float in [-1, 1] or None
        Quadratic weighted, over the scores 1 to 5.
    reason : str or None
        Why there is no kappa.
    """

    n: int
    exact: float | None = None
    kappa: float | None = None
    reason: str | None = None


def agreement(one: Mapping[str, int], other: Mapping[str, int]) -> Agreement:
    """Agreement of two judges' scores, each a mapping of dialogue to score.

    A judge that gives one score only leaves nothing to agree on: kappa would be 0 or undefined whatever the other says, so
    none is given.
    """
    from sklearn.metrics import cohen_kappa_score

    both = sorted(one.keys() & other.keys())
    a, b = [one[key] for key in both], [other[key] for key in both]
    if not both:
        return Agreement(0, reason="no dialogue was scored by both")
    exact = sum(x == y for x, y in zip(a, b, strict=True)) / len(both)
    for scores, name in ((a, "first"), (b, "second")):
        if len(set(scores)) == 1:
            return Agreement(len(both), exact, reason=f"the {name} judge gives {scores[0]} to all {len(both)}")
    return Agreement(len(both), exact, float(cohen_kappa_score(a, b, labels=SCORES, weights="quadratic")))


def read_judgements(path: Path) -> Judgements:
    """Judgements as ``judge(..., out=path)`` has written them.

    Raises
    ------
    InputError
        If the file is missing or a line is not a judgement.
    """
    found = []
    for i, line in enumerate(_read(path).split("\n"), start=1):
        if not line:
            continue
        try:
            found.append(Judgement(**json.loads(line)))
        except (ValueError, TypeError) as error:
            raise InputError(f"{path}, line {i}: not a judgement ({error}); judge again into another file") from error
    return Judgements(tuple(found))


def read_scores(path: Path) -> dict[str, dict[str, int]]:
    """People's scores: rubric to dialogue to score.

    Parameters
    ----------
    path : Path
        A CSV with the columns ``dialogue``, ``rubric`` and ``score``.

    Raises
    ------
    InputError
        If a column is missing, a rubric unknown, a score not 1 to 5, or a pair of dialogue and rubric there twice.
    """
    rows = csv.DictReader(io.StringIO(_read(path), newline=""))
    if missing := [name for name in COLUMNS if name not in (rows.fieldnames or ())]:
        raise InputError(f"{path}: no column {', '.join(missing)}; the columns are {', '.join(COLUMNS)}")
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        dialogue, rubric, score = ((row[name] or "").strip() for name in COLUMNS)
        where = f"{path}, line {rows.line_num}"
        if rubric not in load_rubrics():
            raise InputError(f"{where}: no rubric {rubric!r}; choose from {', '.join(load_rubrics())}")
        if score not in map(str, SCORES):
            raise InputError(f"{where}: score {score!r}; give a whole number from {SCORES[0]} to {SCORES[-1]}")
        if dialogue in found.setdefault(rubric, {}):
            raise InputError(f"{where}: {dialogue} is scored twice for {rubric}; leave one row, or give each person a file")
        found[rubric][dialogue] = int(score)
    return found


def _read(path: Path) -> str:
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; give one with scores") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 ({error}); save it as UTF-8") from error
