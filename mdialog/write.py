"""Writing: plays plans turn by turn, many dialogues at once; draws candidates and takes the first that passes."""

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np

from mdialog import brief as briefs
from mdialog import dialogue as records
from mdialog.checks import faults
from mdialog.errors import InputError
from mdialog.listener.base import Listener, Request, Sampling
from mdialog.plan import Clip, Plan
from mdialog.referee import Referee, barely, contradicted, unlikely, untold
from mdialog.statements import statement
from mdialog.utterance import Fault

Play = Callable[[Plan, Clip], np.ndarray]

WIDEST_TOP_P = 0.95  # of the last round: what else is there to try
FREE_TOP_P = 0.85  # where nothing is heard and no `min_p` cuts off what is unlikely
HOTTEST = 1.0  # as the model learned to talk; beyond it talk falls apart
SHOWN_CANDIDATES = 4  # rejected candidates that a failure quotes


@dataclass(frozen=True)
class Options:
    """How hard to try.

    Parameters
    ----------
    candidates : int > 0
        Candidates a round. The first round draws one: mostly it is taken, and the rest would be thrown away.
    max_rounds : int > 0
        Rounds before a turn is given up.
    batch : int > 0
        Dialogues played side by side.
    sampling : Sampling
        Of the first round.
    surer : int >= 0
        Further rounds that are drawn for a candidate whose statements about the sound are all clearly supported, before one is
        taken that says what is supported barely, or what nothing here can tell. 0 takes the first that is not contradicted.
    strict : bool
        Never take what nothing here can tell, even at last: such a turn fails.
    warmer : float >= 0
        Added to the temperature with each round, up to `HOTTEST`; the nuclei (`Sampling.top_p` and `stated_top_p`) widen with
        it, up to `WIDEST_TOP_P` in the last one: what a small nucleus has said wrongly once it says again.
    seed : int
    by_the_book : bool
        Whether the listener learned to talk from the phrase book alone: a word that does not stand there is then a slip.
    hints : callable, optional
        ``hints(clip)``: what is told of the clip that a turn is about (:mod:`mdialog.hints`); nothing by default.
    """

    candidates: int = 4
    max_rounds: int = 4
    batch: int = 64
    sampling: Sampling = Sampling()
    surer: int = 3
    strict: bool = False
    warmer: float = 0.1
    seed: int = 0
    by_the_book: bool = False
    hints: Callable[[Clip], tuple[str, ...]] | None = None

    def rounds(self) -> Iterator[tuple[int, int, Sampling]]:
        """First candidate, number of candidates, and sampling of each round.

        Which candidate has which number and temperature is fixed, so the first good one is the same whatever else
        is written beside it.
        """
        first = 0
        for i in range(self.max_rounds):
            n = 1 if i == 0 and self.max_rounds > 1 else self.candidates
            warmer, share = self.sampling, i / max(1, self.max_rounds - 1)
            if warmer.temperature:
                stated = warmer.top_p if warmer.stated_top_p is None else warmer.stated_top_p
                hotter = min(warmer.temperature + self.warmer * i, max(warmer.temperature, HOTTEST))
                warmer = replace(warmer, temperature=hotter,
                                 top_p=_widened(warmer.top_p, share), stated_top_p=_widened(stated, share))  # fmt: skip
            yield first, n, warmer
            first += n


def _widened(top_p: float, share: float) -> float:
    return round(top_p + max(0.0, WIDEST_TOP_P - top_p) * share, 4)


@dataclass(frozen=True)
class WrittenTurn:
    """An utterance that passed the checks, and what it took.

    Parameters
    ----------
    text : str
    candidates : int
        Looked at. The last one was taken, or, where none was better, an earlier one that says what nothing here can tell.
    rejected : dict of str to int
        Check to number of candidates that it rejected.
    claims : tuple of Claim
    contradicted : tuple of (str, tuple of Claim)
        Candidates that said of the sound what is not so.
    """

    text: str
    candidates: int
    rejected: dict[str, int]
    claims: tuple[records.Claim, ...] = ()
    contradicted: tuple[tuple[str, tuple[records.Claim, ...]], ...] = ()


@dataclass(frozen=True)
class Written:
    """A plan with words to all of its turns."""

    plan: Plan
    turns: tuple[WrittenTurn, ...]


@dataclass(frozen=True)
class Failure:
    """A plan that could not be written to its end, and why.

    Parameters
    ----------
    plan_id : str
    turn : int
        Index of the turn that could not be written.
    role : str
    intents : tuple of str
    reason : str
    candidates : int
        Candidates looked at.
    rejected : dict of str to int
        Check to number of candidates that it rejected.
    examples : tuple of dict
        A few rejected candidates and their faults.
    written : tuple of str
        The turns before it, which were good; where turns stand apart, those after it too.
    finished : Written or None
        The same as a dialogue, where turns stand apart (:attr:`Plan.apart`). Of several that could not be written,
        `candidates`, `rejected` and `examples` are of all, and the rest tells of the first.
    plan : Plan or None
        As far as it came, where it was made while it was written.
    """

    plan_id: str
    turn: int
    role: str
    intents: tuple[str, ...]
    reason: str
    candidates: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    examples: tuple[dict, ...] = ()
    written: tuple[str, ...] = ()
    finished: Written | None = None
    plan: Plan | None = None


@dataclass(frozen=True)
class Ask:
    """What one dialogue asks of the listener before it can go on.

    Parameters
    ----------
    requests : tuple of Request
    first, n : int
        Candidates ``first .. first + n - 1`` of each.
    sampling : Sampling
    hears : bool
        Whether there is sound in them.
    """

    requests: tuple[Request, ...]
    first: int
    n: int
    sampling: Sampling
    hears: bool


def write_turn(
    plan: Plan, turn_index: int, written: Sequence[str], *, play: Play, options: Options, referee: Referee | None
) -> Generator[Ask, list[list[str]], WrittenTurn | Failure]:
    """Draw candidates of a turn, round after round, and take the first without a fault.

    Parameters
    ----------
    plan : Plan
        Its turns up to this one are all that is looked at, but for what must not be said yet.
    turn_index : int
    written : sequence of str
        The utterances before it.
    play, options, referee
        As for :func:`write_plans`.

    Yields
    ------
    Ask
        Answered with the candidates of its requests.

    Returns
    -------
    WrittenTurn or Failure
    """
    draft = _Draft(plan, turn_index, tuple(written), referee, options)
    for first, n, sampling in options.rounds():
        try:
            request = draft.prepare(play)
        except InputError as error:
            return draft.failure(str(error))
        hears = bool(draft.brief.clips or draft.brief.ahead)
        if not hears and sampling.temperature and not sampling.min_p:  # nothing to get wrong about the sound
            sampling = replace(sampling, top_p=max(sampling.top_p, FREE_TOP_P))
        (candidates,) = yield Ask((request,), first, n, sampling, hears)
        if taken := draft.judge(candidates, surer=options.surer):
            return taken
    return draft.least_unsure() or draft.failure("no candidate passed the checks")


class _Draft:
    """A turn being written: its request, and the candidates that were tried for it."""

    def __init__(self, plan: Plan, turn_index: int, written: tuple[str, ...], referee: Referee | None, options: Options):
        clips = plan.turns[turn_index].clips
        self._hints = options.hints(clips[-1]) if options.hints and clips else ()
        self._by_the_book, self._strict = options.by_the_book, options.strict
        self.plan, self._i, self._written, self._referee = plan, turn_index, written, referee
        self.brief: briefs.Brief | None = None
        self._request: Request | None = None
        self._contradicted: tuple[str, ...] = ()
        self._tried: list[tuple[str, list]] = []
        self._untrue: list[tuple[str, tuple[records.Claim, ...]]] = []
        self._unsure: dict[int, tuple[records.Claim, ...]] = {}  # place among the tried: passed, but says what cannot be told
        self._rounds_after = 0

    def prepare(self, play: Play) -> Request:
        """Brief and request of the turn, unless an earlier round has made them."""
        if self._request is None:
            brief = briefs.build(self.plan, self._i, self._written, hints=self._hints)
            self.brief = replace(brief, contradicted=self._contradicted)
            self._request = Request.of(f"{self.plan.id}/{self._i}", self.brief, play=lambda clip: play(self.plan, clip))
        return self._request

    def judge(self, candidates: list[str], *, surer: int) -> WrittenTurn | None:
        """The first candidate without a fault whose statements are clearly supported; after `surer` rounds more, the one that
        says least of what cannot be told, then of what barely can; None where there is neither.
        """
        untrue = list(self.brief.contradicted)
        for text in candidates:
            found = faults(text, self.brief, plan=self.plan, turn_index=self._i, by_the_book=self._by_the_book)
            judged = ()
            if not found and self._referee:
                judged = self._referee.claims(text, self.brief, plan=self.plan, turn_index=self._i)
                against = contradicted(judged, self.brief)
                found = [_contradiction(claim) for claim in against]
                untrue += map(_of_which, against)
                self._untrue += [(text, judged)] if against else []
            if not found:
                if not untold(judged) and not barely(judged):
                    return self._taken(text, judged, self._tried)
                if not unlikely(judged) and not (self._strict and untold(judged)):
                    self._unsure[len(self._tried)] = judged
                found = [Fault(f"untold.{claim.kind}", claim.text, "nothing here can tell") for claim in untold(judged)]
                found += [Fault(f"barely.{claim.kind}", claim.text, "barely supported") for claim in barely(judged)]
            self._tried.append((text, found))
        if self._unsure:
            self._rounds_after += 1
            if self._rounds_after > surer:
                return self.least_unsure()
        if len(untrue) > len(self.brief.contradicted):
            self._contradicted, self._request = tuple(dict.fromkeys(untrue)), None  # the next brief names them
        return None

    def least_unsure(self) -> WrittenTurn | None:
        """Of the candidates that passed but for what nothing here can tell for sure, the one that says least of it."""
        if not self._unsure:
            return None
        best = min(self._unsure, key=lambda place: (len(untold(self._unsure[place])), len(barely(self._unsure[place]))))
        others = [one for place, one in enumerate(self._tried) if place != best]
        return self._taken(self._tried[best][0], self._unsure[best], others)

    def _taken(self, text: str, judged: tuple[records.Claim, ...], others: list) -> WrittenTurn:
        return WrittenTurn(text, len(others) + 1, _counted(others), judged, tuple(self._untrue))

    def failure(self, reason: str) -> Failure:
        turn = self.plan.turns[self._i]
        return failure(self.plan, self._i, turn.role, turn.intents, reason, tried=self._tried, written=self._written)


def failure(
    plan: Plan, turn_index: int, role: str, intents: tuple[str, ...], reason: str, *,
    tried: Sequence[tuple[str, Sequence[Fault]]], written: Sequence[str],
) -> Failure:  # fmt: skip
    """What is kept of a turn that came to nothing: `tried` are its candidates and their faults."""
    shown = tried[:SHOWN_CANDIDATES]
    examples = tuple({"text": text, "faults": [f"{f.check}: {f.text!r}: {f.message}" for f in found]} for text, found in shown)
    return Failure(plan.id, turn_index, role, intents, reason, len(tried), _counted(tried), examples, tuple(written))


def _counted(tried: Sequence[tuple[str, Sequence[Fault]]]) -> dict[str, int]:
    """Check to number of candidates that it rejected."""
    return dict(Counter(check for _, found in tried for check in sorted({fault.check for fault in found})))


def _of_which(claim: records.Claim) -> str:
    """What is not so, in words that a brief can repeat."""
    said = statement(claim).rstrip(".")
    return f"of the first clip: {said}" if claim.clip == "before" else said


def _contradiction(claim: records.Claim) -> Fault:
    each = claim.evidence.get("each", [claim.evidence])
    against = [{k: v for k, v in one.items() if k in ("source", "value", "label")} for one in each]
    against = against[0] if len(against) == 1 else against
    return Fault(f"claims.{claim.kind}", claim.text, f"contradicted by what is {against}")


def write_plans(
    plans: Iterable[Plan], listener: Listener, *, play: Play, options: Options = Options(), referee: Referee | None = None
) -> Iterator[Written | Failure]:
    """Write dialogues, yielding each as soon as it is finished.

    Up to ``options.batch`` dialogues stand side by side, each at its own turn; one step gives all of them their
    next candidates in as few model calls as their rounds allow, and a finished one makes room for the next plan.

    Parameters
    ----------
    plans : iterable of Plan
        Taken as there is room.
    listener : Listener
    play : callable
        ``play(plan, clip)``: mono float32 samples at the listener's rate, or an InputError.
    options : Options
    referee : Referee, optional
        Judges what is said of the sound: a candidate with a contradicted claim is rejected.

    Yields
    ------
    Written or Failure
        One for every plan, in the order in which they finish.
    """
    games = (_played(plan, play, options, referee) for plan in plans)
    return side_by_side(games, listener, batch=options.batch, seed=options.seed)


Game = Generator[Ask, list[list[str]], Written | Failure]


def _played(plan: Plan, play: Play, options: Options, referee: Referee | None) -> Game:
    """All turns of a plan, one after the other; where they stand apart, one that cannot be written is left out."""
    turns: list[WrittenTurn] = []
    lost: list[Failure] = []
    left = plan
    for number in range(len(plan.turns)):
        i = len(turns)
        came = yield from write_turn(left, i, [t.text for t in turns], play=play, options=options, referee=referee)
        if not isinstance(came, Failure):
            turns.append(came)
        elif plan.apart:
            lost.append(replace(came, turn=number))
            left = replace(left, turns=(*left.turns[:i], *left.turns[i + 1 :]))
        else:
            return came
    written = Written(plan=left, turns=tuple(turns))
    return _partly(written, lost) if lost else written


def _partly(done: Written, lost: Sequence[Failure]) -> Failure:
    """The failure of a plan of which some turns could not be written, with those that could."""
    return replace(
        lost[0], written=tuple(turn.text for turn in done.turns), finished=done if done.turns else None,
        candidates=sum(one.candidates for one in lost), rejected=dict(sum((Counter(one.rejected) for one in lost), Counter())),
        examples=tuple(example for one in lost for example in one.examples),
    )  # fmt: skip


@dataclass
class _Standing:
    """A dialogue under way: what it asks now, or what it came to."""

    game: Game
    ask: Ask | None = None
    outcome: Written | Failure | None = None

    def go_on(self, answers: list[list[str]] | None = None) -> None:
        try:
            self.ask = self.game.send(answers)
        except StopIteration as end:
            self.outcome = end.value


def side_by_side(games: Iterable[Game], listener: Listener, *, batch: int, seed: int) -> Iterator[Written | Failure]:
    """Play dialogues together, up to `batch` at once; what those that stand alike ask shares a call of the listener.

    Parameters
    ----------
    games : iterable of generator
        Each yields what it asks, is sent the answers (a list of candidates for each request), and returns its outcome.
    listener : Listener
    batch : int > 0
    seed : int

    Yields
    ------
    Written or Failure
        In the order in which they finish.
    """
    waiting, standing = iter(games), []
    while True:
        fresh = [_Standing(game) for game in islice(waiting, batch - len(standing))]
        for one in fresh:
            one.go_on()
        standing += fresh
        if not standing:
            return
        _step([one for one in standing if one.outcome is None], listener, seed)
        yield from (one.outcome for one in standing if one.outcome is not None)
        standing = [one for one in standing if one.outcome is None]


def _step(standing: list[_Standing], listener: Listener, seed: int) -> None:
    """One step of every dialogue: those at the same round, and all hear something or all do not, share a call."""
    alike: dict[tuple, list[_Standing]] = {}
    for one in standing:
        alike.setdefault((one.ask.first, one.ask.n, one.ask.sampling, one.ask.hears), []).append(one)
    for (first, n, sampling, _), together in alike.items():
        requests = [request for one in together for request in one.ask.requests]
        answers = listener.write(requests, n=n, first=first, seed=seed, sampling=sampling)
        drawn = (candidates for _, candidates in zip(requests, answers, strict=True))
        for one in together:
            one.go_on(list(islice(drawn, len(one.ask.requests))))
