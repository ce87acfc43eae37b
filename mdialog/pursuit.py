"""Pursuit: a dialogue that nobody planned, between a seeker after a goal and a recommender who knows what was said.

Both sides judge tracks by what the listener answers when it is asked about their sound (:mod:`mdialog.ear`): no tag of the
catalogue decides for the seeker, and none of the goal reaches the recommender. The plan is the trace that the play leaves.
"""

import random
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mdialog import brief as briefs
from mdialog import ear, seeds
from mdialog.attributes import Attribute
from mdialog.brief import Brief
from mdialog.claims import Claim
from mdialog.clips import best_clip
from mdialog.ear import Heard
from mdialog.errors import InputError, QueryError
from mdialog.finder import Finder, Term, joined, without
from mdialog.listener.base import Request
from mdialog.plan import Clip, Plan, PlannedTurn
from mdialog.referee import Referee
from mdialog.seeker import Seeker
from mdialog.snapshot import count
from mdialog.utterance import Fault
from mdialog.write import Ask, Failure, Game, Options, Play, Written, WrittenTurn, failure, write_turn

COMPARE_SHARE = 0.3  # of recommendations: heard beside the track before
# What a recommender does beside recommending, by weight.
MANNERS = {(): 4.0, ("sympathetic_response",): 3.0, ("feedback_request",): 1.5, ("parroting_response",): 1.5}

Answers = list[list[str]]


@dataclass(frozen=True)
class Stage:
    """What the dialogues of a run share.

    Parameters
    ----------
    finder : Finder
    play : callable
    writing : Options
    referee : Referee or None
    candidates : int > 0
        Tracks that the recommender hears before it picks one.
    max_turns : int >= 4
        Of both sides together.
    """

    finder: Finder
    play: Play
    writing: Options
    referee: Referee | None
    candidates: int = 4
    max_turns: int = 12


class _Lost(Exception):
    """The dialogue cannot go on; carries its failure."""

    def __init__(self, failure: Failure):
        super().__init__(failure.reason)
        self.failure = failure


class Talk:
    """What has been said and heard so far, and how a side says or hears more.

    Parameters
    ----------
    plan : Plan
        Without turns: who talks, and the goal.
    stage : Stage
    """

    def __init__(self, plan: Plan, stage: Stage):
        self.plan, self.stage = plan, stage
        self.written: list[WrittenTurn] = []
        self.steps: list[dict] = []  # one a recommendation, for evaluation
        self._answers: dict[tuple[Clip, str], tuple[Claim, ...]] = {}

    def say(self, turn: PlannedTurn, tracks: Iterable[int] = ()) -> Generator[Ask, Answers, None]:
        """Add a turn to the plan and write it; `tracks` are those that it is the first to name."""
        refs = {ref.track_id: ref for ref in map(self.stage.finder.snapshot.ref, tracks)}
        self.plan = replace(self.plan, turns=(*self.plan.turns, turn), tracks=self.plan.tracks | refs)
        stage, texts = self.stage, [said.text for said in self.written]
        how = {"play": stage.play, "options": stage.writing, "referee": stage.referee}
        came = yield from write_turn(self.plan, len(texts), texts, **how)
        if isinstance(came, Failure):
            raise _Lost(came)
        self.written.append(came)

    def listen(self, who: str, clips: Sequence[Clip], asks: Sequence[str]) -> Generator[Ask, Answers, list[Heard]]:
        """Ask the listener about clips; what was asked of a clip before is not asked again."""
        wanted = [(clip, ask) for clip in clips for ask in asks]
        new = [pair for pair in dict.fromkeys(wanted) if pair not in self._answers]
        if new:
            asked = [ear.question(clip, self._name(clip), ask) for clip, ask in new]
            names = [f"{self.plan.id}/{len(self.written)}/{who} hears {clip.track_id}/{ask}" for clip, ask in new]
            try:
                requests = [Request.of(name, one, play=self._play) for one, name in zip(asked, names, strict=True)]
            except InputError as error:
                self.lose(who, "item_attribute_answer", str(error), [])
            answers = yield Ask(tuple(requests), 0, 1, ear.SAMPLING, True)
            read = [ear.read(texts[0], one) for texts, one in zip(answers, asked, strict=True)]
            self._answers |= dict(zip(new, read, strict=True))
        return [Heard(clip, {ask: self._answers[clip, ask] for ask in asks}) for clip in clips]

    def lose(self, role: str, intent: str, reason: str, tried: Sequence[tuple[str, Sequence[Fault]]]) -> None:
        """Give the dialogue up where no turn is being written.

        Raises
        ------
        _Lost
        """
        texts = [said.text for said in self.written]
        raise _Lost(failure(self.plan, len(texts), role, (intent,), reason, tried=tried, written=texts))

    def traced(self, ended: str | None) -> Plan:
        """The plan as it came about, with what happened for its goal."""
        met = ended == "met"
        return replace(self.plan, goal={**self.plan.goal, "met": met, "ended": ended, "steps": self.steps})

    def _ref(self, clip: Clip):
        snapshot = self.stage.finder.snapshot
        return snapshot.ref(snapshot.index[clip.track_id])

    def _name(self, clip: Clip) -> briefs.Name:
        return briefs.name_of(replace(self.plan, tracks={clip.track_id: self._ref(clip)}), clip.track_id)

    def _play(self, clip: Clip) -> np.ndarray:
        return self.stage.play(replace(self.plan, tracks={clip.track_id: self._ref(clip)}), clip)


# ---- the recommender


@dataclass(frozen=True)
class Offer:
    """A recommendation to be written.

    Parameters
    ----------
    track : int
    turn : PlannedTurn
    step : dict
        How it came about, for evaluation.
    """

    track: int
    turn: PlannedTurn
    step: dict


class Recommender:
    """Who knows what was said: turns words into queries, hears what they find, and picks.

    Parameters
    ----------
    finder : Finder
    rng : random.Random
    """

    def __init__(self, finder: Finder, rng: random.Random):
        self._finder, self._rng = finder, rng
        self._terms: tuple[Term, ...] = ()
        self._offered: list[int] = []
        self._liked: list[int] = []
        self._refused: list[int] = []
        self._last: Clip | None = None

    def answer(self, talk: Talk, turn: PlannedTurn) -> Generator[Ask, Answers, Offer | None]:
        """A recommendation for the seeker's turn that was written last; None where every track was offered."""
        finder, step = self._finder, {"turn": len(talk.written), "query": None}
        self._liked += [finder.snapshot.index[t] for t in turn.liked]
        self._refused += [finder.snapshot.index[t] for t in turn.refused]
        fresh = finder.playable & ~finder.snapshot.mask(self._offered)
        if not fresh.any():
            return None
        self._terms = without(self._terms, finder.terms_of(map(Attribute.parse, turn.removed)))
        if turn.attributes:
            query = yield from self._search(talk, fresh, step)
            meant = {term.meaning for term in finder.terms_of(map(Attribute.parse, turn.attributes))}
            step["read_right"] = meant == {term.meaning for term in query}
            self._terms = joined(self._terms, query)
        given_up = []
        while not (finder.pool(self._terms) & fresh).any():  # the oldest gives way: a later wish is what counts
            given_up.append(self._terms[0].text)
            self._terms = self._terms[1:]
        step |= {"in_force": [term.text for term in self._terms], "given_up": given_up}
        track, clip = yield from self._pick(talk, fresh, step)
        return Offer(track, self._turn(track, clip, said_anew=bool(turn.attributes)), step)

    def _search(self, talk: Talk, fresh: np.ndarray, step: dict) -> Generator[Ask, Answers, tuple[Term, ...]]:
        """The seeker's last words as a query that finds something; candidates that are none are drawn again."""
        i, said = len(talk.written), talk.written[-1].text
        template = int(talk.plan.persona.get("brief_template", 0)) % briefs.TEMPLATES
        brief = Brief("assistant", ("search",), template=template, history=(("user", said),))
        request = Request.of(f"{talk.plan.id}/{i}/search", brief, play=talk.stage.play)
        tried: list[tuple[str, list[Fault]]] = []
        for first, n, sampling in talk.stage.writing.rounds():
            (candidates,) = yield Ask((request,), first, n, sampling, False)
            for text in candidates:
                try:
                    terms = self._finder.read(text)
                except QueryError as error:
                    tried.append((text, [Fault("search.parse", text, str(error).splitlines()[-1])]))
                    continue
                if (self._finder.pool(terms) & fresh).any():
                    step |= {"query": text, "rejected": len(tried)}
                    return terms
                tried.append((text, [Fault("search.finds", text, "no track that was not offered yet satisfies it")]))
        talk.lose("assistant", "search", "no candidate is a query that finds something", tried)

    def _pick(self, talk: Talk, fresh: np.ndarray, step: dict) -> Generator[Ask, Answers, tuple[int, Clip]]:
        """Of the first tracks of the pool, the one in which most of what was said is heard."""
        finder, terms = self._finder, self._terms
        pool = finder.pool(terms)
        wishes = list(dict.fromkeys(wish for term in terms for wish in term.wishes))  # asked for of two sources, it counts once
        among = self._by_others(pool & fresh)
        n = talk.stage.candidates
        tracks = finder.best(among, terms, n=n, liked=self._liked, refused=self._refused, rng=self._rng)
        clips = [best_clip(finder.snapshot, track, wanted=wishes) for track in tracks]
        asks = tuple(dict.fromkeys(ear.ask_about(wish) for wish in wishes if ear.can_tell(wish)))
        heard = yield from talk.listen("recommender", clips if len(clips) > 1 else (), asks)
        fits = [sum({True: 1, False: -1, None: 0}[one.verdict(wish)] for wish in wishes) for one in heard] or [0]
        best = fits.index(max(fits))
        step |= {"pool": int(count(pool)), "candidates": len(tracks), "fits": fits}
        return tracks[best], clips[best]

    def _by_others(self, tracks: np.ndarray) -> np.ndarray:
        """Tracks but for those by an artist of whom one was refused, if any are left; packed."""
        snapshot = self._finder.snapshot
        for artist in {int(snapshot.artist[t]) for t in self._refused if snapshot.artist[t] >= 0}:
            others = tracks & ~snapshot.mask(snapshot.tracks_by(artist))
            tracks = others if others.any() else tracks
        return tracks

    def _turn(self, track: int, clip: Clip, *, said_anew: bool) -> PlannedTurn:
        kinds = [kind for kind in MANNERS if said_anew or "parroting_response" not in kind]
        more = self._rng.choices(kinds, weights=[MANNERS[kind] for kind in kinds])[0]
        compares = self._last is not None and self._rng.random() < COMPARE_SHARE
        clips = (self._last, clip) if compares else (clip,)
        self._offered.append(track)
        self._last = clip
        size = int(count(self._finder.pool(self._terms)))
        intents = tuple(sorted(("passive_recommend", *more)))
        return PlannedTurn("assistant", intents, track_seq=(clip.track_id,), pool_size=size, clips=clips)


# ---- the play

CLOSING = PlannedTurn("assistant", ("sympathetic_response",))


def pursue(plan: Plan, seeker: Seeker, stage: Stage) -> Game:
    """Play one dialogue to its end: the goal is met, patience is spent, or there is no room for more.

    Parameters
    ----------
    plan : Plan
        Without turns.
    seeker : Seeker
    stage : Stage

    Yields
    ------
    Ask

    Returns
    -------
    Written or Failure
        With the plan as it came about: ``goal`` tells whether and how it ended, and each recommendation's step.
    """
    talk = Talk(plan, stage)
    recommender = Recommender(stage.finder, seeds.stdlib(plan.seed, plan.id, "recommender"))
    try:
        yield from _turns(talk, seeker, recommender)
    except _Lost as lost:
        return replace(lost.failure, plan=talk.traced(None))
    return Written(talk.traced(seeker.ended), tuple(talk.written))


def _turns(talk: Talk, seeker: Seeker, recommender: Recommender) -> Generator[Ask, Answers, None]:
    turn = seeker.opening()
    while True:
        yield from talk.say(turn)
        offer = None
        if not seeker.ended:
            offer = yield from recommender.answer(talk, turn)
        if offer is None:
            seeker.ended = seeker.ended or "nothing left"
            yield from talk.say(CLOSING)
            return
        talk.steps.append(offer.step)
        yield from talk.say(offer.turn, [offer.track])
        (heard,) = yield from talk.listen("seeker", [offer.turn.clips[-1]], seeker.asks)
        last = len(talk.written) + 4 > talk.stage.max_turns  # another recommendation, the word on it and the closing
        turn = seeker.react(offer.track, heard, offer.step, last=last)
