"""Whether a judge can judge: dialogues with an obvious fault beside their repaired twins, and scores withheld if it cannot.

A judge can judge by a rubric if it scores the repaired twin higher in at least 80 % of the pairs, significantly more often
than a coin would (one-sided binomial test at 5 %; a tie or a refused answer counts as not higher, so five pairs are the least).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mdialog import seeds
from mdialog.dialogue import Dialogue, Turn
from mdialog.errors import InputError
from mdialog.evaluate.judge import Judgements, Play, Question, ask, choose
from mdialog.listener.base import Listener

MIN_HIGHER = 0.8
LEVEL = 0.05


@dataclass(frozen=True)
class Case:
    """A dialogue with a known fault, and the same without it.

    Parameters
    ----------
    fault : {'answer', 'refused', 'persona', 'goal'}
        A recommendation said in another dialogue's words; a refused track recommended again in place of the new one;
        another dialogue's persona; another dialogue's goal.
    faulty, repaired : Dialogue
        Both end with the turn at fault, if it is one turn's.
    """

    fault: str
    faulty: Dialogue
    repaired: Dialogue


def known_cases(dialogues: Sequence[Dialogue], *, seed: int = 0) -> list[Case]:
    """Cases made from the given dialogues, as many as can be: up to one of each fault a dialogue."""
    cases = []
    for dialogue in dialogues:
        rng = seeds.stdlib(seed, "known cases", dialogue.id)
        others = [other for other in dialogues if other.id != dialogue.id]
        rng.shuffle(others)
        for make in (_another_answer, _refused_again, _another_persona, _another_goal):
            if case := make(dialogue, others, rng):
                cases.append(case)
    return cases


def _another_answer(dialogue: Dialogue, others: Sequence[Dialogue], rng) -> Case | None:
    """One recommendation in the words of another dialogue's, which names none of the tracks of this one."""
    offers = [i for i, turn in enumerate(dialogue.turns) if turn.track_seq]
    here = {name for track in dialogue.tracks.values() for name in (track.title, track.artist) if name}
    for other in others:
        words = [turn.content for turn in other.turns if turn.track_seq]
        words = [text for text in words if not any(name in text for name in here)]
        if offers and words:
            at = rng.choice(offers)
            repaired = _until(dialogue, at)
            return Case("answer", _with(repaired, at, content=rng.choice(words)), repaired)
    return None


def _refused_again(dialogue: Dialogue, others: Sequence[Dialogue], rng) -> Case | None:
    """A recommendation that names and lists a track refused before in place of its first."""
    refused: list[str] = []
    possible = []
    for i, turn in enumerate(dialogue.turns):
        refused += turn.refused
        title = dialogue.tracks[turn.track_seq[0]].title if turn.track_seq else ""
        if title and title in turn.content:
            possible += [(i, bad) for bad in refused if bad not in turn.track_seq and dialogue.tracks[bad].title]
    if not possible:
        return None
    at, bad = rng.choice(possible)
    turn, repaired = dialogue.turns[at], _until(dialogue, at)
    new, old = dialogue.tracks[turn.track_seq[0]], dialogue.tracks[bad]
    said = turn.content.replace(new.title, old.title)
    said = said.replace(new.artist, old.artist) if new.artist else said
    return Case("refused", _with(repaired, at, content=said, track_seq=[bad, *turn.track_seq[1:]]), repaired)


def _another_persona(dialogue: Dialogue, others: Sequence[Dialogue], rng) -> Case | None:
    """The persona of the dialogue whose own differs in most fields."""

    def differs(other: Dialogue) -> int:
        return sum(other.persona.get(key) != value for key, value in dialogue.persona.items())

    farthest = max(others, key=differs, default=None)
    if farthest is None or not differs(farthest):
        return None
    return Case("persona", dialogue.model_copy(update={"persona": farthest.persona}), dialogue)


def _another_goal(dialogue: Dialogue, others: Sequence[Dialogue], rng) -> Case | None:
    """The goal of another dialogue, without anything that this one asks for or wants."""
    wishes = {text for turn in dialogue.turns for text in turn.music_attribute} | set(dialogue.goal.get("attributes", ()))
    if not dialogue.goal.get("attributes"):
        return None
    for other in others:
        goal = [text for text in other.goal.get("attributes", ()) if text not in wishes]
        if goal:
            return Case("goal", dialogue.model_copy(update={"goal": {"attributes": goal}}), dialogue)
    return None


def _until(dialogue: Dialogue, at: int) -> Dialogue:
    return dialogue.model_copy(update={"turns": dialogue.turns[: at + 1]})


def _with(dialogue: Dialogue, at: int, **fields) -> Dialogue:
    turn = Turn.model_validate({**dialogue.turns[at].model_dump(), **fields})
    return dialogue.model_copy(update={"turns": [*dialogue.turns[:at], turn, *dialogue.turns[at + 1 :]]})


# ------------------------------------------------------------------ the judge on known cases

@dataclass(frozen=True)
class Calibration:
    """A judge on the known cases of one rubric.

    Parameters
    ----------
    pairs, higher, refused : int
        Pairs, those whose repaired twin was scored higher, and those with an answer that was refused.
    p : float in [0, 1]
        Of the one-sided binomial test against a coin.
    """

    pairs: int
    higher: int
    refused: int
    p: float

    @property
    def can_judge(self) -> bool:
        return bool(self.pairs) and self.higher >= MIN_HIGHER * self.pairs and self.p < LEVEL

    def __str__(self) -> str:
        verdict = "can judge" if self.can_judge else "cannot judge"
        refused = f", {self.refused} with a refused answer" if self.refused else ""
        return f"{verdict}: the repaired of {self.pairs} pairs higher in {self.higher}{refused} (p {self.p:.2g})"


def calibrate(
    dialogues: Sequence[Dialogue],
    listener: Listener,
    *,
    rubrics: Iterable[str] | None = None,
    play: Play | None = None,
    n: int = 20,
    seed: int = 0,
) -> dict[str, Calibration]:
    """Let a judge score known cases, twins apart and in shuffled order.

    Parameters
    ----------
    dialogues : sequence of Dialogue
        Two at least: faults are made from other dialogues' parts.
    listener : Listener
    rubrics, play
        As for :func:`mdialog.evaluate.judge.judge`.
    n : int > 0
        Pairs a rubric at the most.
    seed : int

    Returns
    -------
    dict of str to Calibration
        By rubric. Too few pairs (refusals are rare in some runs) are no leave to judge.

    Raises
    ------
    InputError
        If there are not two dialogues.
    """
    chosen = choose(rubrics, sound=play is not None)
    if len(dialogues) < 2:
        raise InputError(f"{len(dialogues)} dialogues to calibrate a judge with; give two at least")
    cases = known_cases(dialogues, seed=seed)
    seeds.stdlib(seed, "calibrate", "cases").shuffle(cases)
    questions = []
    for rubric in chosen:
        # The fault must lie where the rubric looks: for the use of the sound, in a turn that hears a clip.
        fit = [case for case in cases if case.fault in rubric.known and _heard_at_fault(case, rubric.sound == "needed")]
        for number, case in enumerate(fit[:n]):
            for twin, dialogue in (("faulty", case.faulty), ("repaired", case.repaired)):
                questions.append((rubric.name, number, twin, Question(dialogue, rubric, f"{case.fault}/{twin}")))
    seeds.stdlib(seed, "calibrate", "order").shuffle(questions)
    answers = ask([question for *_, question in questions], listener, play=play, seed=seed)
    scores = {tuple(key): answer.score for (*key, _), answer in zip(questions, answers, strict=True)}
    return {rubric.name: _calibration(scores, rubric.name) for rubric in chosen}


def _heard_at_fault(case: Case, needed: bool) -> bool:
    return not needed or bool(case.faulty.turns[-1].heard)


def _calibration(scores: Mapping[tuple[str, int, str], int | None], rubric: str) -> Calibration:
    from scipy.stats import binomtest

    numbers = sorted({number for name, number, _ in scores if name == rubric})
    pairs = [(scores[rubric, number, "faulty"], scores[rubric, number, "repaired"]) for number in numbers]
    whole = [(bad, good) for bad, good in pairs if bad is not None and good is not None]
    higher = sum(good > bad for bad, good in whole)
    p = float(binomtest(higher, len(pairs), alternative="greater").pvalue) if pairs else 1.0
    return Calibration(len(pairs), higher, len(pairs) - len(whole), p)


# ------------------------------------------------------------------ what may be told

@dataclass(frozen=True)
class Row:
    """What a judge says of a set of dialogues by one rubric, as far as it may be told.

    Parameters
    ----------
    rubric : str
    n, refused : int
        Dialogues scored, and answers refused.
    mean, low, high : float in [1, 5] or None
        Mean score with its 95 % interval (Student's t); None where withheld, the interval also for fewer than two.
    calibration : str
        What the judge did on the known cases.
    """

    rubric: str
    n: int
    refused: int
    mean: float | None
    low: float | None
    high: float | None
    calibration: str


def rows(judgements: Judgements, calibrations: Mapping[str, Calibration]) -> list[Row]:
    """A row a rubric; the scores of a rubric that the judge cannot judge by, or was not calibrated for, are withheld."""
    found = []
    for rubric in dict.fromkeys(judgement.rubric for judgement in sorted(judgements.all, key=lambda j: j.rubric)):
        scores = list(judgements.scores(rubric).values())
        refused = sum(judgement.rubric == rubric for judgement in judgements.refused)
        calibration = calibrations.get(rubric)
        told = calibration is not None and calibration.can_judge and bool(scores)
        mean, low, high = _mean(scores) if told else (None, None, None)
        said = str(calibration) if calibration else "cannot judge: not calibrated"
        found.append(Row(rubric, len(scores), refused, mean, low, high, said))
    return found


def _mean(scores: Sequence[int]) -> tuple[float, float | None, float | None]:
    from scipy.stats import t

    mean = sum(scores) / len(scores)
    if len(scores) < 2:
        return mean, None, None
    spread = math.sqrt(sum((score - mean) ** 2 for score in scores) / (len(scores) - 1) / len(scores))
    half = float(t.ppf(0.975, len(scores) - 1)) * spread
    return mean, max(1.0, mean - half), min(5.0, mean + half)


def table(judgements: Judgements, calibrations: Mapping[str, Calibration]) -> str:
    """The rows as Markdown."""
    lines = ["| rubric | score | dialogues | refused | known cases |", "|---|---|---|---|---|"]
    for row in rows(judgements, calibrations):
        score = "withheld" if row.mean is None else f"{row.mean:.2f}"
        if row.low is not None:
            score += f" [{row.low:.2f}, {row.high:.2f}]"
        lines.append(f"| {row.rubric} | {score} | {row.n} | {row.refused} | {row.calibration} |")
    return "\n".join(lines)
