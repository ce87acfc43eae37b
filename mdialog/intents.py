"""Intents: what a turn does, and a model of how people's turns follow one another.

The model is fitted on counts of human dialogues (``intent_counts.json``, which names its source).
"""

import json
import math
import random
from bisect import bisect
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from itertools import accumulate

from mdialog.errors import InputError

USER_INTENTS = {
    "greeting": "Greet the recommender or open the conversation politely.",
    "initial_query": "State for the first time what music is looked for.",
    "add_filter": "Ask for something more: a further wish that narrows or shifts the search.",
    "remove_filter": "Take back a wish that was in force, so that the search widens.",
    "continue": "Ask for more of the same.",
    "item_attribute_question": "Ask something about the track that is playing.",
    "accept_response": "Say that a recommended track is liked.",
    "reject_response": "Say that a recommended track is not what is wanted.",
    "others": "Say something that neither asks for music nor judges it.",
}
SYSTEM_INTENTS = {
    "passive_recommend": "Recommend tracks that answer what the seeker asked for.",
    "active_recommend": "Offer further tracks unasked, from what the seeker liked or the context suggests.",
    "detail_attribute_request": "Ask the seeker for a detail not given yet.",
    "feedback_request": "Ask what the seeker thinks of the recommendation.",
    "item_attribute_answer": "Answer the seeker's question about the track that is playing.",
    "parroting_response": "Say back what the seeker asked for, to show that it was understood.",
    "sympathetic_response": "React warmly to what the seeker said: greet, agree, share the feeling.",
    "others": "Say something that neither recommends, asks nor answers.",
}
# What people's recommenders do not do, but other kinds of dialogue need.
OTHER_INTENTS = {
    "description": "Describe how the track that is playing sounds, in the length asked for.",
    "search": "Write what was asked for as a query, kind:value with - before what is not wanted and ~ before a likeness.",
}
ROLE_INTENTS = {"user": USER_INTENTS, "assistant": SYSTEM_INTENTS | OTHER_INTENTS}

# How often each kind is named when only the sound is spoken of. People's counts are no guide here (they name
# none of key, mode, energy); these follow how readily a listener can name each from hearing alone.
SONIC_KIND_WEIGHTS = {
    "instrument": 3.0, "mood": 3.0, "tempo": 3.0, "energy": 2.0, "vocal": 2.0, "mode": 1.0, "key": 0.5, "metre": 0.5,
}  # fmt: skip
# Pairs of turns are what is to come out as people's: their own counts are nearly all that is used, and the back-off
# is there for contexts that people never made. Full Witten-Bell doubt adds .004 bits of divergence.
DOUBT_OF_ONE = 0.1
STAGES = ("first", "later", "any")
START, END = "<start>", "<end>"

Turn = tuple[str, tuple[str, ...]]  # role, sorted intents


@dataclass(frozen=True)
class _Context:
    """What followed one context: outcomes, cumulated counts, and how much its own counts are trusted."""

    outcomes: tuple[Turn | None, ...]
    cumulated: tuple[int, ...]
    trust: float
    p_end: float

    @classmethod
    def of(cls, counts: Counter, *, doubt: float = 1.0) -> "_Context":
        n = counts.total()
        return cls(
            outcomes=tuple(counts),
            cumulated=tuple(accumulate(counts.values())),
            # Witten & Bell (1991), method C, for doubt 1: the mass of unseen outcomes is types / (types + tokens).
            trust=n / (n + doubt * len(counts)),
            p_end=counts[None] / n,
        )

    def draw(self, rng: random.Random) -> Turn | None:
        return self.outcomes[bisect(self.cumulated, rng.random() * self.cumulated[-1])]


def _turn(label: str) -> Turn | None:
    """``user:a+b`` as a turn; None for ``<start>`` and ``<end>``.

    A label that is no intent of its role (three system turns carry `item_attribute_question`) counts as `others`.
    """
    if label in (START, END):
        return None
    role, _, names = label.partition(":")
    role = {"system": "assistant"}.get(role, role)
    known = ROLE_INTENTS[role]
    return role, tuple(sorted({name if name in known else "others" for name in names.split("+")}))


@dataclass(frozen=True)
class IntentModel:
    """Second-order model of intent sets with Witten-Bell back-off, and of dialogue length.

    Two turns of context back off to one, one to how often a side uses a set at all. A dialogue ends only after an
    assistant turn, with the odds of its context times those of people's dialogues of that length.

    Examples
    --------
    >>> model = IntentModel.load()
    >>> model.sample(random.Random(1))[0][0]
    'user'
    """

    two: dict[tuple[Turn | None, Turn | None], _Context]
    one: dict[Turn | None, _Context]
    side: dict[str, _Context]
    length: dict[int, int]
    transitions: Counter

    @classmethod
    def fit(cls, counts: dict) -> "IntentModel":
        """Fit on a table like ``intent_counts.json``.

        Parameters
        ----------
        counts : dict
            ``next_given_previous``, ``next_given_previous_two`` (contexts joined by ``" > "``) and
            ``user_turns_per_dialogue``.

        Raises
        ------
        InputError
            If a table is missing or a role is neither user nor system.
        """
        try:
            one: dict = {}
            for context, row in counts["next_given_previous"].items():
                one.setdefault(_turn(context), Counter()).update(_outcomes(row))
            two: dict = {}
            for context, row in counts["next_given_previous_two"].items():
                first, second = map(_turn, context.split(" > "))
                two.setdefault((first, second), Counter()).update(_outcomes(row))
            length = {int(n): k for n, k in counts["user_turns_per_dialogue"].items()}
        except (KeyError, ValueError, AttributeError) as error:
            raise InputError(f"not a table of intent counts ({error!r}); compare mdialog/intent_counts.json") from error
        side: dict[str, Counter] = {"user": Counter(), "assistant": Counter()}
        for row in one.values():
            for turn, n in row.items():
                if turn:
                    side[turn[0]][turn] += n
        return cls(
            two={context: _Context.of(row) for context, row in two.items()},
            one={context: _Context.of(row, doubt=DOUBT_OF_ONE) for context, row in one.items()},
            side={role: _Context.of(row) for role, row in side.items()},
            length=length,
            transitions=Counter({(a, b): n for a, row in one.items() for b, n in row.items()}),
        )

    @classmethod
    def load(cls) -> "IntentModel":
        """The model of the counts that ship with the package."""
        return _load()

    def next_turn(self, rng: random.Random, *, history: Sequence[Turn], may_end: bool = True) -> Turn | None:
        """Draw what follows.

        Parameters
        ----------
        rng : random.Random
        history : sequence of (role, intents)
            The turns so far; only the last two and their number matter.
        may_end : bool
            False draws a turn even where people would stop.

        Returns
        -------
        (role, intents) or None
            None ends the dialogue; only after an assistant turn.
        """
        last = history[-1] if history else None
        before = history[-2] if len(history) > 1 else None
        role = "assistant" if last and last[0] == "user" else "user"
        levels = [c for c in (self.two.get((before, last)), self.one.get(last)) if c] + [self.side[role]]
        if may_end and last and role == "user" and rng.random() < self._p_end(levels, n_user=(len(history) + 1) // 2):
            return None
        while True:
            level = next((c for c in levels[:-1] if rng.random() < c.trust), levels[-1])
            turn = level.draw(rng)
            if turn:
                return turn

    def sample(self, rng: random.Random, *, max_turns: int = 28) -> list[Turn]:
        """A whole dialogue's intents: starts with the user, alternates, ends after an assistant turn.

        Parameters
        ----------
        rng : random.Random
        max_turns : int >= 2
            Turns of both sides together.
        """
        turns: list[Turn] = []
        while len(turns) + 1 < max_turns or len(turns) % 2:
            turn = self.next_turn(rng, history=turns)
            if turn is None:
                break
            turns.append(turn)
        return turns

    @cached_property
    def _hazards(self) -> dict[int, float]:
        """By number of user turns: of the dialogues that get there, the share that ends there. Further on all do."""
        longest = max(self.length, default=0)
        reached = {n: sum(k for m, k in self.length.items() if m >= n) for n in range(longest + 1)}
        return {n: self.length.get(n, 0) / there for n, there in reached.items()}

    @cached_property
    def _average_hazard(self) -> float:
        return sum(self.length.values()) / sum(n * k for n, k in self.length.items())

    def _p_end(self, levels: Sequence[_Context], *, n_user: int) -> float:
        """Chance to end here: the context's odds times the odds of this length over the average odds."""
        hazard = self._hazards.get(n_user, 1.0)
        if hazard in (0.0, 1.0):
            return hazard
        p, left = 0.0, 1.0
        for level in levels[:-1]:
            p += left * level.trust * level.p_end
            left *= 1 - level.trust
        average = self._average_hazard
        p += left * average
        odds = p / (1 - p) * hazard / (1 - hazard) * (1 - average) / average
        return odds / (1 + odds)

    def divergence(self, dialogues: Iterable[Sequence[Turn]]) -> float:
        """Jensen-Shannon divergence of the dialogues' intent-set transitions from people's, in bits (0 to 1)."""
        return jensen_shannon(transition_counts(dialogues), self.transitions)

    def floor(self, rng: random.Random, *, n_dialogues: int) -> float:
        """The divergence that sampling alone gives: people's own transitions, redrawn, without smoothing or length.

        Parameters
        ----------
        rng : random.Random
        n_dialogues : int
        """
        dialogues = []
        for _ in range(n_dialogues):
            turns: list[Turn | None] = [None, None]
            while True:
                context = self.two.get((turns[-2], turns[-1])) or self.one[turns[-1]]
                turn = context.draw(rng)
                if turn is None:
                    break
                turns.append(turn)
            dialogues.append(turns[2:])
        return self.divergence(dialogues)


@cache
def human_counts() -> dict:
    """The counts that ship with the package, as read."""
    return json.loads(files("mdialog").joinpath("intent_counts.json").read_text(encoding="utf-8"))


@cache
def _load() -> IntentModel:
    return IntentModel.fit(human_counts())


def _outcomes(row: dict[str, int]) -> Counter:
    counts: Counter = Counter()
    for label, n in row.items():
        counts[_turn(label)] += n
    return counts


def transition_counts(dialogues: Iterable[Sequence[Turn]]) -> Counter:
    """How often each turn follows another; None stands for both ends."""
    counts: Counter = Counter()
    for turns in dialogues:
        ends = [None, *((role, tuple(intents)) for role, intents in turns), None]
        counts.update(zip(ends, ends[1:], strict=False))
    return counts


def jensen_shannon(a: Counter, b: Counter) -> float:
    """Jensen-Shannon divergence of two tables of counts, in bits (0: same shares, 1: nothing in common)."""
    total_a, total_b = a.total(), b.total()
    bits = 0.0
    for key in a.keys() | b.keys():
        p, q = a[key] / total_a, b[key] / total_b
        middle = (p + q) / 2
        bits += sum(x / 2 * math.log2(x / middle) for x in (p, q) if x)
    return bits


@cache
def kind_weights(sonic: float, *, stage: str = "any") -> dict[str, float]:
    """How often each kind of attribute is named, as shares that sum to one.

    Parameters
    ----------
    sonic : float in [0, 1]
        0 follows people's counts, 1 names only what the sound itself shows; between, a mixture of both.
    stage : {'first', 'later', 'any'}
        People open with other kinds (themes) than they go on with (artists).

    Raises
    ------
    InputError
        If `sonic` or `stage` is out of range.
    """
    if not 0 <= sonic <= 1:
        raise InputError(f"sonic={sonic!r} is not a share; give a number from 0 (as people do) to 1 (sound only)")
    if stage not in STAGES:
        raise InputError(f"stage={stage!r} is unknown; use one of: {', '.join(STAGES)}")
    human: Counter = Counter()
    for name, sets in human_counts()["user_filter_attribute_sets"].items():
        for label, n in sets.items():
            if stage in (name, "any"):
                human.update(dict.fromkeys(label.split("+"), n))
    del human["none"]
    shares: dict[str, float] = {}
    for weights, part in ((human, 1 - sonic), (SONIC_KIND_WEIGHTS, sonic)):
        total = sum(weights.values())
        for kind, n in weights.items():
            shares[kind] = shares.get(kind, 0.0) + part * n / total
    return {kind: share for kind, share in shares.items() if share > 0}


@cache
def set_sizes(*, stage: str = "any") -> tuple[float, ...]:
    """Shares of filters that name one, two, ... kinds at once."""
    sizes: Counter = Counter()
    for name, sets in human_counts()["user_filter_attribute_sets"].items():
        for label, n in sets.items():
            if stage in (name, "any") and label != "none":
                sizes[label.count("+") + 1] += n
    return tuple(sizes[n] / sizes.total() for n in range(1, max(sizes) + 1))
