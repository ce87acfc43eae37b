"""Answers to a listening sheet: what people heard, and whether they agree with the checker and with each other."""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from statistics import median

from mdialog.errors import InputError
from mdialog.hearing import Share, share
from mdialog.sheet import ANSWERS, COLUMNS, KEY

SAYS = {"supported": "true", "contradicted": "false"}  # what a decided verdict answers
VERDICTS = (*SAYS, "unverifiable")
NOTE = """Agree: share of the answers true and false that say what the verdict says, with the 95 % Wilson interval; answers
count one by one, so with several listeners to an item the intervals are a little narrow. Kappa: Cohen's, 0 by chance and 1 in
full agreement; none where either side gave one answer only."""


@dataclass(frozen=True)
class Answer:
    """What one listener said to one item, in how many seconds."""

    item: str
    answer: str
    listener: str
    seconds: float


def read_answers(path: str | Path, *, items: Iterable[str]) -> tuple[list[Answer], list[str]]:
    """Answers of a CSV as the page or a spreadsheet saved it, and the lines that are none, each with what is wrong.

    Parameters
    ----------
    path : str or Path
    items : iterable of str
        Ids that may be answered.

    Raises
    ------
    InputError
        If the file cannot be read, or a column is missing.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        delimiter = ";" if text.partition("\n")[0].count(";") else ","
        rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
        if missing := [name for name in COLUMNS if name not in (rows.fieldnames or ())]:
            raise InputError(f"{path}: no column {', '.join(missing)}; give a file that the page of `mdialog sheet` saved")
        read = [(rows.line_num, row) for row in rows]
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; give a file that the page of `mdialog sheet` saved") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: no CSV in UTF-8 ({error}); save it as one") from error
    items, answers, problems = set(items), [], []
    for line, row in read:
        try:
            answers.append(_answer(row, items))
        except ValueError as error:
            problems.append(f"{path}, line {line}: {error}")
    return answers, problems


def _answer(row: Mapping[str | None, str | None], items: set[str]) -> Answer:
    """One row; a ValueError says what is wrong with it."""
    item, answer, listener, seconds = ((row[name] or "").strip() for name in COLUMNS)
    if None in row:
        raise ValueError(f"more than {len(row) - 1} fields")
    if item not in items:
        raise ValueError(f"no item {item!r} in the key: the sheet was made anew since, or of another run")
    spoken = answer.casefold().replace("’", "'")
    if spoken not in ANSWERS:
        raise ValueError(f"answer {answer!r} to {item} is none of {', '.join(ANSWERS)}")
    if not listener:
        raise ValueError(f"the answer to {item} names no listener")
    if not re.fullmatch(r"\d+([.,]\d*)?", seconds):
        raise ValueError(f"{seconds!r} seconds for {item}: not a number from 0 on")
    return Answer(item, spoken, listener, float(seconds.replace(",", ".")))


@dataclass(frozen=True)
class Row:
    """What people said to the items of one kind and verdict (either may be ``all``).

    Parameters
    ----------
    kind, verdict : str
    said : tuple of Share
        Of the answers, those that are each of `ANSWERS`.
    agree : Share
        Of the answers true and false to decided verdicts, those that say what the verdict says.
    """

    kind: str
    verdict: str
    said: tuple[Share, ...]
    agree: Share


@dataclass(frozen=True)
class Pair:
    """Two who judged the same items.

    Parameters
    ----------
    one, other : str
    equal : Share
        Of the items that both judged, those judged alike.
    kappa : float in [-1, 1] or None
        Cohen's; None where either gave one answer only: there is then nothing to agree on.
    """

    one: str
    other: str
    equal: Share
    kappa: float | None


@dataclass(frozen=True)
class Agreement:
    """Whether people hear what the checker says.

    Parameters
    ----------
    n_items : int
        Of the sheet.
    answers : tuple of Answer
    rows : tuple of Row
        All, each verdict, then each kind and verdict.
    checker : Pair
        The checker and people, over answers true and false to decided verdicts.
    people : tuple of Pair
        Listeners who answered the same items, over all answers.
    problems : tuple of str
        Lines that do not count, and why.
    """

    n_items: int
    answers: tuple[Answer, ...]
    rows: tuple[Row, ...]
    checker: Pair
    people: tuple[Pair, ...]
    problems: tuple[str, ...]

    def table(self) -> str:
        """The figures in Markdown."""
        heads = ("kind", "verdict", "answers", *ANSWERS, "agree")
        rows = [(r.kind, r.verdict, str(r.said[0].n), *(f"{s.value:.2f}" if s.n else "-" for s in r.said), str(r.agree))
                for r in self.rows]
        pairs = [(p.one, p.other, str(p.equal.n), str(p.equal), "-" if p.kappa is None else f"{p.kappa:.2f}")
                 for p in (self.checker, *self.people)]
        return "\n\n".join([str(self), _markdown(heads, rows), _markdown(("", "", "judged", "alike", "kappa"), pairs), NOTE])

    def __str__(self) -> str:
        n_heard, listeners = len({a.item for a in self.answers}), {a.listener for a in self.answers}
        pace = f", {median(a.seconds for a in self.answers):.0f} s an answer" if self.answers else ""
        lost = f"; {len(self.problems)} lines do not count" if self.problems else ""
        return (f"{len(self.answers)} answers of {len(listeners)} listeners to {n_heard} of {self.n_items} items{pace}{lost}")


def _markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    cells = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(" ".join(c.replace("|", "\\|").split()) for c in row) + " |" for row in cells)


def agreement(run: str | Path, csvs: Iterable[str | Path]) -> Agreement:
    """Hold people's answers against the verdicts.

    Parameters
    ----------
    run : str or Path
        The run that :func:`mdialog.sheet.make` made a sheet of.
    csvs : iterable of str or Path
        Files that the page saved, one or more a listener. Who answers an item twice counts once, with the later answer.

    Raises
    ------
    InputError
        If the run has no key, or a file is no CSV with these columns.
    """
    key = _read_key(Path(run) / KEY)
    latest: dict[tuple[str, str], Answer] = {}
    problems: list[str] = []
    for path in csvs:
        answers, wrong = read_answers(path, items=key)
        problems += wrong
        for answer in answers:
            before = latest.get((answer.listener, answer.item))
            if before and before.answer != answer.answer:
                problems.append(f"{answer.listener} says {before.answer!r} and later {answer.answer!r} to {answer.item}")
            latest[answer.listener, answer.item] = answer
    answers = tuple(latest.values())
    listeners = sorted({a.listener for a in answers})
    by = {name: {a.item: a.answer for a in answers if a.listener == name} for name in listeners}
    decided = [(SAYS[key[a.item]["verdict"]], a.answer) for a in answers if _is_decided(a, key)]
    people = [_pair(one, other, [(by[one][i], by[other][i]) for i in sorted(by[one].keys() & by[other].keys())])
              for one, other in combinations(listeners, 2)]
    return Agreement(n_items=len(key), answers=answers, rows=_rows(answers, key), checker=_pair("checker", "people", decided),
                     people=tuple(p for p in people if p.equal.n), problems=tuple(problems))


def _read_key(path: Path) -> dict[str, dict]:
    try:
        key = json.loads(path.read_text(encoding="utf-8"))
        if all(entry["verdict"] in VERDICTS and entry["kind"] for entry in key.values()):
            return key
        raise ValueError("an item without a verdict")
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; make a sheet of the run first with `mdialog sheet`") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: not the key of a sheet ({error}); make the sheet again with the same seed") from error


def _is_decided(answer: Answer, key: Mapping[str, dict]) -> bool:
    return answer.answer in SAYS.values() and key[answer.item]["verdict"] in SAYS


def _rows(answers: Sequence[Answer], key: Mapping[str, dict]) -> tuple[Row, ...]:
    cells = Counter((key[a.item]["kind"], key[a.item]["verdict"]) for a in answers)
    kinds = ["all", *sorted({kind for kind, _ in cells})]
    rows = []
    for kind in kinds:
        for verdict in (("all",) if kind == "all" else ()) + VERDICTS:
            here = [a for a in answers if kind in ("all", key[a.item]["kind"]) and verdict in ("all", key[a.item]["verdict"])]
            if here:
                agree = share(a.answer == SAYS[key[a.item]["verdict"]] for a in here if _is_decided(a, key))
                rows.append(Row(kind, verdict, tuple(share(a.answer == said for a in here) for said in ANSWERS), agree))
    return tuple(rows)


def _pair(one: str, other: str, judged: Sequence[tuple[str, str]]) -> Pair:
    """Two judges' answers to the same items, each item a pair."""
    from sklearn.metrics import cohen_kappa_score

    columns = list(zip(*judged, strict=True))
    told = judged and all(len(set(column)) > 1 for column in columns)
    return Pair(one, other, share(a == b for a, b in judged), float(cohen_kappa_score(*columns)) if told else None)
