"""Sieves: four tests of an answer about a clip, for :mod:`mdialog.filtration`.

Is it like the clip, does it commit itself, does it need the sound, has it been said before?
"""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from mdialog import brief as briefs
from mdialog import happenings, lexicon, seeds, subjects
from mdialog.brief import Brief, Name
from mdialog.claims import Claim
from mdialog.dialogue import Dialogue
from mdialog.errors import InputError
from mdialog.evaluate.diversity import shared_words, words
from mdialog.hearing import Share, share
from mdialog.listener.base import Listener, Request
from mdialog.plan import Clip, Plan
from mdialog.referee import answered
from mdialog.write import Play

MISMATCHED = 20  # clips of other tracks that each answer is held against
FEW_ANSWERS = 30  # with fewer, an interval by resampling means nothing, and no threshold is taken from them
CALIBRATED = 2_000  # answers that the calibration is made on, at the most
RESAMPLES = 1_000  # of the bootstrap over answers, for the interval of the AUC
CONTROLS = 100  # answers that are asked for again with the real clip too
SOUNDS = ("noise", "silence", "none")

# An answer with one of these does not commit itself. "I think", "maybe" and "I can't quite put my finger on it" are manners of
# speech, not doubts. `lexicon.FORBIDDEN` holds what speaks of the task.
_LEVEL = r"(?:(?:\w+ly|quite|rather|very|too|still|even|a (?:bit|little)) )?"
_FINDS_OUT = r"(?:say|tell|know|determine|identify|be sure|make (?:\w+ )?out|work (?:\w+ )?out|pin (?:\w+ )?down)"
_OPENING = (
    r"(?:^|[.;:!?…]\s+)(?:(?:well|so|oh|hmm*|um+|uh|er|yes|no|maybe|perhaps|honestly|to me),? )*"
    r"(?:i(?:'d| would)? (?:think|guess|suppose|believe|reckon|say),? (?:that )?)?"
)
_IT = r"(?:it|this|that|these|those|they|there|the \w+(?: \w+)?)"
# What is no doubt about the sound: "That might be what you want.", "It could be worth a try.", "It may be called slow."
_SURE = (
    r"(?! (?:called|described|heard|said|it|what|why|worth|doable|right|wrong|your|for you|just what|the (?:one|thing)"
    r"|one (?:for|of|to|you)|something (?:for|that|to|you)|(?:nice|good|fun|better|best) (?:for|to|if)|of|more (?:to|of))\b)"
)
LOW_CONFIDENCE = (
    r"\b(?:is|are|was|were|has|have)(?:n't| not)(?: been)? (?:\w+ly )?(?:specified|mentioned|stated|described|provided)\b",
    r"\b(?:is|are|was|were)(?:n't| not) (?:\w+ly )?(?:clear|known|indicated)\b",
    r"\bdoes(?:n't| not) (?:\w+ly )?(?:specify|mention|state|indicate)\b",
    rf"\b{_IT}(?:'s| is| are) {_LEVEL}(?:unclear|unknown|uncertain)\b(?! to)|\bunspecified\b",
    rf"\b(?:seems?|remains?|stays?|appears?(?: to be)?) {_LEVEL}(?:unclear|unknown)\b(?! to)",
    rf"\b(?:hard|difficult|impossible|tricky) (?:for me )?to {_FINDS_OUT}\b",
    r"\bi(?:'m| am) (?:not (?:\w+ )?(?:sure|certain)|unsure|uncertain)\b(?!,? (?:but|yet)\b)",  # "but" commits after all
    rf"\bi (?:do not|don't|cannot|can't|could not|couldn't) {_LEVEL}{_FINDS_OUT}\b",
    rf"\bi(?:'m| am) (?:not able|unable) to {_FINDS_OUT}\b",
    r"\b(?:cannot|can't|could not|couldn't) be (?:determined|identified|confirmed|known|made out)\b",
    rf"{_OPENING}(?:{_IT} )?(?:might|may|could) (?:well |just |also |possibly |perhaps |even )?be\b{_SURE}",
    rf"\b{_IT}(?:'s| is| are) either\b[^.;!?]*\bor\b",
    r"\b(?:not enough|insufficient) (?:information|details?)\b|\bno information\b",
    r"\bi have no idea\b|\banyone's guess\b|\bno way (?:to|of) (?:tell|know)",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Answer:
    """A turn that says something of the sound of its clip."""

    dialogue: Dialogue
    turn: int

    @property
    def text(self) -> str:
        return self.dialogue.turns[self.turn].content

    @property
    def question(self) -> str:
        before = self.dialogue.turns[: self.turn]
        return next((turn.content for turn in reversed(before) if turn.role == "user"), "")

    @property
    def clips(self) -> tuple[Clip, ...]:
        """What it speaks of: of two that were played those that its claims are of, both where it compares or claims nothing."""
        played = tuple(Clip(**span.model_dump()) for span in self.dialogue.turns[self.turn].heard[-2:])
        of = {place for *_, place in self.said}
        places = ("before", "this")[-len(played) :]
        return tuple(clip for clip, place in zip(played, places, strict=True) if {place, "both"} & of) or played

    @cached_property
    def brief(self) -> Brief:
        """What the record still tells of the brief with which it was written, with every name of the dialogue."""
        turn = self.dialogue.turns[self.turn]
        named = {track_id: Name(track.title, track.artist) for track_id, track in self.dialogue.tracks.items()}
        clips = tuple(Clip(**span.model_dump()) for span in turn.heard[-2:])
        return Brief(
            turn.role, tuple(turn.intent), asks=tuple(turn.asks), offered=tuple(named.values()), clips=clips,
            about=named[clips[-1].track_id], before=named[clips[0].track_id] if len(clips) == 2 else None,
        )  # fmt: skip

    @cached_property
    def names(self) -> tuple[str, ...]:
        return names_of(self.dialogue)

    @cached_property
    def said(self) -> frozenset[tuple]:
        return self.claims_in(self.text)

    def claims_in(self, text: str) -> frozenset[tuple]:
        """What a text in its place claims: kind, value, whether it is there, comparison, and of which clip."""
        found = subjects.find(text, self.brief)
        found += answered(text, self.brief, found) + happenings.find(text, self.brief.asks, names=self.names)
        return frozenset(key for claim in found for key in _keys(claim))

    def same(self, text: str) -> bool:
        """Whether a text makes all claims of this answer, or has the same words."""
        return (bool(self.said) and self.said <= self.claims_in(text)) or words(text) == words(self.text)


_TURNED = {"more": "less", "less": "more", "same": "same"}


def _keys(claim: Claim) -> Iterator[tuple]:
    """What a claim says, the same however it is put: of both is of each; where the first is faster, the second is slower."""
    comparison, clip = claim.comparison, claim.clip
    if comparison:
        yield claim.kind, claim.value, claim.present, _TURNED[comparison] if clip == "before" else comparison, "both"
        return
    for place in ("before", "this") if clip == "both" else (clip,):
        yield claim.kind, claim.value, claim.present, None, place


def names_of(dialogue: Dialogue) -> tuple[str, ...]:
    """Titles and artists of a dialogue."""
    return tuple(name for track in dialogue.tracks.values() for name in (track.title, track.artist) if name)


def answers_of(dialogue: Dialogue) -> list[Answer]:
    """The assistant's turns that hear a clip, and answer a question about it or make an audible claim."""
    heard = [Answer(dialogue, i) for i, turn in enumerate(dialogue.turns) if turn.role == "assistant" and turn.heard]
    return [a for a in heard if "item_attribute_answer" in dialogue.turns[a.turn].intent or a.said]


@dataclass(frozen=True)
class Likeness:
    """How well CLAP tells an answer's own clip from those of other tracks, and the threshold that follows.

    Parameters
    ----------
    n, n_mismatched : int
        Answers, and pairs of an answer with another track's clip.
    auc : float in [0, 1] or None
        Chance that an answer is nearer to its own clip; .5 tells nothing apart. None where there is no other track.
    low, high : float or None
        95 % interval of it, by the bootstrap over answers.
    threshold : float or None
        Cosine.
    given : bool
        Whether it was given as a number.
    used : bool
        False where `auc` may be .5, or rests on fewer than `FEW_ANSWERS`: a threshold would then drop answers by chance, and
        none is dropped.
    below, below_mismatched : float or None
        Share of the answers with their own clips, and with others', that lie under the threshold.
    """

    n: int
    n_mismatched: int
    auc: float | None
    low: float | None
    high: float | None
    threshold: float | None
    given: bool
    used: bool
    below: float | None
    below_mismatched: float | None

    def __str__(self) -> str:
        if self.auc is None:
            return f"similarity: {self.n} answers and no clip of another track to hold them against" + (
                f"; under {self.threshold:.3f} is dropped, as given" if self.used else "; nothing is dropped by it")
        told = (f"similarity: an answer is nearer to its own clip than to another's with AUC {self.auc:.3f} "
                f"[{self.low:.3f}, {self.high:.3f}]; under {self.threshold:.3f} lie {self.below:.1%} of the answers and "
                f"{self.below_mismatched:.1%} of {self.n_mismatched} mismatched pairs")  # fmt: skip
        why = f"fewer than {FEW_ANSWERS} answers" if self.n < FEW_ANSWERS else "the interval reaches .5"
        return told + ("" if self.used else f"; {why}: nothing is dropped by it")


def calibrate(
    texts: np.ndarray, sounds: np.ndarray, tracks: Sequence[Collection[str]], *, percentile: float = 10.0,
    given: float | None = None, seed: int = 0,
) -> Likeness:  # fmt: skip
    """Threshold of the similarity from mismatched pairs of the same answers and clips.

    Parameters
    ----------
    texts, sounds : np.ndarray [shape=(n, dim)]
        L2-normalised embeddings of the answers, and of what each speaks of.
    tracks : sequence of collection of str, of length n
        What it speaks of: what shares a track with it is no mismatch.
    percentile : float in [0, 100]
        Of the mismatched cosines.
    given : float, optional
        A threshold to take instead.
    seed : int
        Of the mismatched pairs and the bootstrap.
    """
    n, rng = len(texts), seeds.generator(seed, "mismatched")
    picked = rng.permutation(n)[:CALIBRATED]
    other = rng.integers(0, max(1, n), size=(len(picked), MISMATCHED))
    of = [frozenset(some) for some in tracks]
    apart = np.array([[not of[i] & of[j] for j in row] for i, row in zip(picked, other, strict=True)]).reshape(other.shape)
    if not apart.any():
        return Likeness(n, 0, None, None, None, given, given is not None, given is not None, None, None)
    own = (texts[picked] * sounds[picked]).sum(axis=1)
    cosines = np.einsum("nd,nkd->nk", texts[picked], sounds[other])
    drawn = rng.multinomial(len(picked), np.full(len(picked), 1 / len(picked)), size=RESAMPLES)
    auc, *resampled = _auc(own, cosines, apart, np.vstack([np.ones(len(picked), int), drawn]))
    low, high = np.nanpercentile(resampled, [2.5, 97.5])
    others = cosines[apart]
    threshold = float(np.percentile(others, percentile)) if given is None else given
    return Likeness(
        n=n, n_mismatched=len(others), auc=float(auc), low=float(low), high=float(high), threshold=threshold,
        given=given is not None, used=given is not None or (n >= FEW_ANSWERS and bool(low > 0.5)),
        below=float((own < threshold).mean()), below_mismatched=float((others < threshold).mean()),
    )  # fmt: skip


def _auc(own: np.ndarray, others: np.ndarray, there: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Chance that an answer's own cosine is above one of the others', for each row of weights of the answers, (rows, n).

    `others` and `there` are (n, k): the cosines of mismatched pairs, and which of these are. Ties count half.
    """
    won = np.zeros((len(own), len(own)), np.float32)  # of the pairs of answer j, those that answer i is above
    for cosine, valid in zip(others.T, there.T, strict=True):
        won += ((own[:, None] > cosine) + 0.5 * (own[:, None] == cosine)) * valid
    pairs = weights.sum(axis=1) * (weights @ there.sum(axis=1))
    return np.divide(((weights @ won) * weights).sum(axis=1), pairs, out=np.full(len(weights), np.nan), where=pairs > 0)


def low_confidence(text: str, *, more: Sequence[str] = ()) -> str | None:
    """The first phrase of a text that dodges the question or speaks of the task."""
    plain = text.replace("’", "'")
    patterns = (*LOW_CONFIDENCE, lexicon.FORBIDDEN.pattern, lexicon.UNHEARD.pattern, *more)
    found = [match for pattern in patterns if (match := re.search(pattern, plain, re.I))]
    return min(found, key=lambda match: match.start())[0] if found else None


def earlier(texts: Sequence[str], *, near: float, out: Sequence[bool], kinds: Sequence[object] | None = None) -> dict:
    """Near-duplicates: which kept text before it each one repeats.

    Parameters
    ----------
    texts : sequence of str
    near : float in (0, 1]
        Jaccard similarity of two sets of words.
    out : sequence of bool
        Texts that are dropped anyway: what repeats only these is no duplicate.
    kinds : sequence, optional
        Only texts of the same kind repeat each other.

    Returns
    -------
    dict of int to (int, float)
        Number of a duplicate to the number of the first one that is like it, and how much.
    """
    found: dict[int, tuple[int, float]] = {}
    for start, both, either in shared_words(texts):
        alike = both / np.maximum(either, 1)
        for row, j in np.argwhere(np.tril(alike >= near, start - 1)).tolist():  # a row's columns before it
            i = start + row
            if i not in found and j not in found and not out[j] and (kinds is None or kinds[i] == kinds[j]):
                found[i] = (j, float(alike[row, j]))
    return found


@dataclass(frozen=True)
class Deafness:
    """How often the listener gives the same answer again, without the sound and with it.

    Parameters
    ----------
    sound : str
        What was played in its place.
    listener : str
    without : Share
        Answers of which ``agree`` of the samples, or more, say the same without the sound.
    control, control_without : Share
        The same for some of the answers with the real clip, and for these without it. Where they are alike, the filter tells
        nothing.
    """

    sound: str
    listener: str
    without: Share
    control: Share
    control_without: Share

    def __str__(self) -> str:
        return (f"deaf: {self.without.figure()} of the answers come again from {self.listener} with {self.sound} played; "
                f"of {self.control.n} asked both ways, {self.control} with the real clip and {self.control_without} without")



def answered_deaf(
    answers: Sequence[Answer], plans: dict[str, Plan], listener: Listener, *, play: Play, sound: str = "noise",
    samples: int = 4, agree: float = 0.5, batch: int = 64, seed: int = 0, say: Callable[[str], None] = lambda text: None,
) -> tuple[np.ndarray, Deafness]:  # fmt: skip
    """Ask for every answer again, without its sound.

    Parameters
    ----------
    answers : sequence of Answer
    plans : dict of str to Plan
        By id: the requests are made of them as they were for the run.
    listener : Listener
    play : callable
        ``play(plan, clip)``: mono float32 samples at the listener's rate.
    sound : {'noise', 'silence', 'none'}
        Noise at the level of the clip (RUListening, arXiv 2504.00369), zeros, or a request without any clip.
    samples : int > 0
    agree : float in (0, 1]
        Share of the samples from which on an answer counts as given without the sound.
    batch : int > 0
    seed : int
    say : callable

    Returns
    -------
    same : np.ndarray [shape=(n,)]
        Share of the samples that say the same (:meth:`Answer.same`).
    Deafness

    Raises
    ------
    InputError
        If an answer's dialogue has no plan.
    """
    if missing := [a.dialogue.id for a in answers if a.dialogue.id not in plans]:
        raise InputError(f"dialogue {missing[0]!r} has no plan in the run; the deaf pass needs it: restore plans.jsonl")

    def shares(some: Sequence[Answer], how: str) -> np.ndarray:
        found = []
        for start in range(0, len(some), batch):
            part = some[start : start + batch]
            requests = [_request(a, plans[a.dialogue.id], play, how, seed) for a in part]
            drawn = listener.write(requests, n=samples, seed=seed, sampling=listener.sampling)
            found += [np.mean([a.same(text) for text in texts]) for a, texts in zip(part, drawn, strict=True)]
            say(f"asked again, {how if how in SOUNDS else 'the real clip'}: {len(found)} of {len(some)}")
        return np.array(found)

    same = shares(answers, sound)
    some = np.unique(np.linspace(0, len(answers) - 1, min(CONTROLS, len(answers))).astype(int)) if len(answers) else []
    control = shares([answers[i] for i in some], "real")
    return same, Deafness(
        sound if sound != "none" else "nothing", listener.model_id, share((same >= agree).tolist()),
        share((control >= agree).tolist()), share((same[some] >= agree).tolist() if len(answers) else ()),
    )  # fmt: skip


def _request(answer: Answer, plan: Plan, play: Play, sound: str, seed: int) -> Request:
    """The request that an answer was written on, with another sound and draws of its own."""
    brief = briefs.build(plan, answer.turn, [turn.content for turn in answer.dialogue.turns[: answer.turn]])
    rng = seeds.generator(seed, "noise", plan.id, answer.turn)

    def heard(clip: Clip) -> np.ndarray:
        samples = play(plan, clip)
        if sound == "noise":
            level = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
            return (level * rng.standard_normal(samples.shape)).astype(np.float32)
        return np.zeros_like(samples) if sound == "silence" else samples

    brief = replace(brief, clips=()) if sound == "none" else brief
    return Request.of(f"filter/{plan.id}/{answer.turn}", brief, play=heard)
