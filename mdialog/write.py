"""Writing: plays plans turn by turn, many dialogues at once; draws candidates and takes the first that passes."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np

from mdialog import brief as briefs
from mdialog import dialogue as records
from mdialog.checks import Fault, faults
from mdialog.errors import InputError
from mdialog.listener.base import Listener, Request, Sampling
from mdialog.plan import Clip, Plan
from mdialog.referee import Referee, contradicted

Play = Callable[[Plan, Clip], np.ndarray]

WIDEST_TOP_P = 0.95
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
    warmer : float >= 0
        Added to the temperature with each round; the nucleus (`Sampling.top_p`) widens with it, up to .95 in the last
        one: what a small nucleus has said wrongly once it says again.
    seed : int
    """

    candidates: int = 4
    max_rounds: int = 4
    batch: int = 64
    sampling: Sampling = Sampling()
    warmer: float = 0.1
    seed: int = 0

    def rounds(self) -> Iterator[tuple[int, int, Sampling]]:
        """First candidate, number of candidates, and sampling of each round.

        Which candidate has which number and temperature is fixed, so the first good one is the same whatever else
        is written beside it.
        """
        first = 0
        for i in range(self.max_rounds):
            n = 1 if i == 0 and self.max_rounds > 1 else self.candidates
            warm = self.sampling.temperature + self.warmer * i if self.sampling.temperature else 0.0
            top_p = self.sampling.top_p
            wide = top_p + max(0.0, WIDEST_TOP_P - top_p) * i / max(1, self.max_rounds - 1)
            yield first, n, Sampling(warm, round(wide, 4) if warm else top_p, self.sampling.max_new_tokens)
            first += n


@dataclass(frozen=True)
class WrittenTurn:
    """An utterance that passed the checks, and what it took.

    Parameters
    ----------
    text : str
    candidates : int
        Looked at; the last one was taken.
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
        The turns before it, which were good.
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


class _Game:
    """One dialogue being played: the turn it is at, and the candidates that were tried for it."""

    def __init__(self, plan: Plan, options: Options, referee: Referee | None):
        self.plan, self._options, self._referee = plan, options, referee
        self.turns: list[WrittenTurn] = []
        self.outcome: Written | Failure | None = None
        self._next_turn()

    def _next_turn(self) -> None:
        self.request: Request | None = None
        self.brief: briefs.Brief | None = None
        self._contradicted: tuple[str, ...] = ()
        self._rounds = self._options.rounds()
        self.round = next(self._rounds)
        self._tried: list[tuple[str, list]] = []
        self._untrue: list[tuple[str, tuple[records.Claim, ...]]] = []
        if len(self.turns) == len(self.plan.turns):
            self.outcome = Written(plan=self.plan, turns=tuple(self.turns))

    def prepare(self, play: Play) -> None:
        """Brief and request of the turn, unless an earlier round has made them."""
        if self.request is not None:
            return
        i = len(self.turns)
        try:
            brief = briefs.build(self.plan, i, [turn.text for turn in self.turns])
            self.brief = replace(brief, contradicted=self._contradicted)
            messages = briefs.messages(self.brief, play=lambda clip: play(self.plan, clip))
        except InputError as error:
            self._fail(str(error))
            return
        self.request = Request(id=f"{self.plan.id}/{i}", messages=messages, names=briefs.names(self.brief))

    def judge(self, candidates: list[str]) -> None:
        """Take the first candidate without a fault; else go on to the next round, or give up."""
        i, untrue = len(self.turns), list(self.brief.contradicted)
        for text in candidates:
            found, judged = faults(text, self.brief, plan=self.plan, turn_index=i), ()
            if not found and self._referee:
                judged = self._referee.claims(text, self.brief, plan=self.plan, turn_index=i)
                against = contradicted(judged, self.brief)
                found = [_contradiction(claim) for claim in against]
                untrue += [claim.text for claim in against]
                self._untrue += [(text, judged)] if against else []
            if not found:
                rejected = dict(self._rejected())
                self.turns.append(WrittenTurn(text, len(self._tried) + 1, rejected, judged, tuple(self._untrue)))
                self._next_turn()
                return
            self._tried.append((text, found))
        if len(untrue) > len(self.brief.contradicted):
            self._contradicted, self.request = tuple(dict.fromkeys(untrue)), None  # the next brief names them
        if (following := next(self._rounds, None)) is None:
            self._fail("no candidate passed the checks")
        else:
            self.round = following

    def _rejected(self) -> Counter:
        return Counter(check for _, found in self._tried for check in sorted({fault.check for fault in found}))

    def _fail(self, reason: str) -> None:
        turn = self.plan.turns[len(self.turns)]
        self.outcome = Failure(
            plan_id=self.plan.id,
            turn=len(self.turns),
            role=turn.role,
            intents=turn.intents,
            reason=reason,
            candidates=len(self._tried),
            rejected=dict(self._rejected()),
            examples=tuple(
                {"text": text, "faults": [f"{f.check}: {f.text!r}: {f.message}" for f in found]}
                for text, found in self._tried[:SHOWN_CANDIDATES]
            ),
            written=tuple(turn.text for turn in self.turns),
        )


def _contradiction(claim: records.Claim) -> Fault:
    against = {k: v for k, v in claim.evidence.items() if k in ("source", "value", "label")}
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
    waiting, games = iter(plans), []
    while True:
        games += [_Game(plan, options, referee) for plan in islice(waiting, options.batch - len(games))]
        if not games:
            return
        for game in games:
            if game.outcome is None:
                game.prepare(play)
        _step([game for game in games if game.outcome is None], listener, options)
        yield from (game.outcome for game in games if game.outcome is not None)
        games = [game for game in games if game.outcome is None]


def _step(games: list[_Game], listener: Listener, options: Options) -> None:
    """One round for every dialogue: those that stand at the same round, and all hear something or all do not, share a call.

    Who hears nothing has nothing to get wrong about the sound: these turns are drawn from the widest nucleus at once.
    """
    by_round: dict[tuple, list[_Game]] = {}
    for game in games:
        by_round.setdefault((game.round, bool(game.brief.clips)), []).append(game)
    for ((first, n, sampling), hears), together in by_round.items():
        requests = [game.request for game in together]
        if not hears and sampling.temperature:
            sampling = replace(sampling, top_p=max(sampling.top_p, WIDEST_TOP_P))
        drawn = listener.write(requests, n=n, first=first, seed=options.seed, sampling=sampling)
        for game, candidates in zip(together, drawn, strict=True):
            game.judge(candidates)
