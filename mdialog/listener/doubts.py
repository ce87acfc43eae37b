"""Doubts: what a candidate states of the sound is put back to the listener as questions of their own, and what it then doubts
is drawn anew.

In the midst of talk a small model says things that it would not answer. Asked in a line, beside one clip and nothing else, it
knows better what it hears, and how surely: models mostly know what they know (Kadavath and others, 2022), and checks that are
answered apart from the draft do not repeat its mistakes (chain of verification: Dhuliawala and others, 2023). All of it is the
listener's own hearing: no measure and no metadata has a part in it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mdialog import subjects, vocab
from mdialog.claims import LOOSE, RECOUNTED, Claim
from mdialog.listener.base import Request
from mdialog.question import line_of

SURE = 0.8  # probability of each statement from which on a candidate is handed on
AGAIN = 3  # times that it is drawn anew at the most; then the surest is
UNHEARD = 0.5  # of what is said beside a track that does not play now
_BY_WORD = ("tempo", "energy", "mode", "metre", "key", "genre", "vocal", "lead", "course")  # kinds of one value a clip
_YES_OR_NO = ("instrument", "mood")
_Row = tuple[int, int]
_Fact = tuple[int, str, str]  # clip, counted from the last; question; answer


def settled(
    rows: Mapping[_Row, Request], *, draw: Callable[[dict[_Row, Request], int], Mapping[_Row, str]],
    score: Callable[[Sequence[Request], Sequence[Sequence[str]]], list[list[np.ndarray]]],
) -> dict[_Row, str]:  # fmt: skip
    """A candidate for every row: the first whose statements its listener is sure of, else the surest that was drawn.

    Parameters
    ----------
    rows : mapping of (int, int) to Request
    draw : callable
        ``draw(rows, time)``: a text for each; `time` is 0 at first.
    score : callable
        As :meth:`mdialog.listener.local.LocalListener.score`.
    """
    best: dict[_Row, tuple[float, str]] = {}
    left = dict(rows)
    for time in range(1 + AGAIN):
        texts = draw(left, time)
        sure = sureness([left[row] for row in texts], list(texts.values()), score=score, anew=time > 0)
        for (row, text), found in zip(texts.items(), sure, strict=True):
            best[row] = max(best.get(row, (-1.0, "")), (found, text), key=lambda one: one[0])
        left = {row: request for row, request in left.items() if best[row][0] < SURE}
        if not left:
            break
    return {row: best[row][1] for row in rows}


def sureness(
    requests: Sequence[Request], texts: Sequence[str], *,
    score: Callable[[Sequence[Request], Sequence[Sequence[str]]], list[list[np.ndarray]]], anew: bool = False,
) -> list[float]:  # fmt: skip
    """How sure a listener is of each text: the probability of its least likely statement, 1 where it states nothing.

    Parameters
    ----------
    requests : sequence of Request
        With which the texts were written.
    texts : sequence of str
    score : callable
        As :meth:`mdialog.listener.local.LocalListener.score`.
    anew : bool
        Whether they stand in for texts that were doubted: then an answer that states nothing is worth nothing.
    """
    stated = [_Stated(request, tuple(_statements(request, text))) for request, text in zip(requests, texts, strict=True)]
    wanted = [(i, fact) for i, one in enumerate(stated) for fact in dict.fromkeys(one.facts)]
    put: dict[tuple[int, str], Request] = {}  # of the same sound the same is asked once
    asked = [stated[i].line(fact) for i, fact in wanted]
    lines = [put.setdefault((id(sound), line), _alone(sound, line)) for sound, line in asked]
    scores = score(lines, [[answer] for _, (_, _, answer) in wanted]) if lines else []
    heard: list[dict[_Fact, float]] = [{} for _ in stated]
    for (i, fact), (logs,) in zip(wanted, scores, strict=True):
        heard[i][fact] = float(np.exp(logs.sum()))
    return [min((_likely(claim, facts) for claim in one.claims), default=float(not (anew and _evades(one.request, text))))
            for one, facts, text in zip(stated, heard, texts, strict=True)]  # fmt: skip


def _evades(request: Request, text: str) -> bool:
    """Whether an answer from the sound states nothing of it."""
    brief = request.brief
    return brief is not None and "item_attribute_answer" in brief.intents and not subjects.find(text, brief)


@dataclass(frozen=True)
class _Stated:
    """A request, and what was stated in answer to it that can be asked after."""

    request: Request
    claims: tuple[Claim, ...]

    @property
    def facts(self) -> list[_Fact]:
        """What is to be known of the clips that play."""
        return [(back, *one) for claim in self.claims for back in _clips_of(claim) if back < len(self.request.brief.clips)
                for one in _asked_for(claim)]  # fmt: skip

    def line(self, fact: _Fact) -> tuple[dict, str]:
        """The clip of a fact, and the question after it in a line."""
        back, ask, _ = fact
        sounds = [part for part in self.request.messages[-1]["content"] if part["type"] == "audio"]
        return sounds[-1 - back], line_of(ask, self.request.brief.template)


def _alone(sound: dict, line: str) -> Request:
    return Request(line, [{"role": "user", "content": [sound, {"type": "text", "text": line}]}])


def _statements(request: Request, text: str) -> Iterator[Claim]:
    """What a text states that can be asked after, but for what its brief holds and what was noted for it."""
    brief = request.brief
    if brief is None or not brief.clips or brief.hints:
        return
    given = {(one.kind, one.value) for one in (*brief.new, *brief.wanted, *brief.dropped)}
    noted = {ask.partition(":")[0] for question in request.questions for ask in question.asks}
    for claim in subjects.find(text, brief):
        kind = "instrument" if claim.kind == "lead" else claim.kind
        if (kind, claim.value) not in given and claim.kind not in noted and claim.clip != "none" and _asked_for(claim):
            yield claim


def _clips_of(claim: Claim) -> tuple[int, ...]:
    """The clips that a claim is of: 0 is the last, 1 the one before it."""
    return (0, 1) if claim.comparison or claim.clip == "both" else (1,) if claim.clip == "before" else (0,)


def _asked_for(claim: Claim) -> tuple[tuple[str, str], ...]:
    """Questions, and the answers to them whose probability tells of a claim; none where no question is taught."""
    kind, value = claim.kind, claim.value
    if kind == "loudness":
        kind, value = "energy", "high" if value == "loud" else "low"
    if claim.comparison:
        steps = kind in ("tempo", "energy") and claim.comparison != "same" and not value.isdigit()
        return tuple((kind, name) for name in vocab.load()[kind].names) if steps else ()
    if kind == "tempo" and value.isdigit():
        value = vocab.load()["tempo"].word_for(float(value))
    if kind == "vocal" and value != "instrumental":
        value = "choir"
    values = LOOSE.get(value, (value,))
    if kind in _YES_OR_NO:
        return tuple((f"{kind}:{one}", "yes") for one in values)
    return tuple((kind, one) for one in values) if kind in _BY_WORD and value not in RECOUNTED else ()


def _likely(claim: Claim, heard: Mapping[_Fact, float]) -> float:
    """Probability that a claim holds, by what was heard of each clip; of both, that of the less likely one."""
    each = [[heard.get((back, *one)) for one in _asked_for(claim)] for back in _clips_of(claim)]
    if any(p is None for probabilities in each for p in probabilities):
        return UNHEARD
    if not claim.comparison:
        return min(max(one) if claim.present else 1.0 - max(one) for one in each)
    now, before = (np.array(one) / max(sum(one), 1e-9) for one in (each if claim.clip != "before" else each[::-1]))
    likely = _is_more(now, before) if claim.comparison == "more" else _is_more(before, now)
    return likely if claim.present else 1.0 - likely


def _is_more(one: np.ndarray, other: np.ndarray) -> float:
    """Probability that the first of two words lies above the second, where they are one by half."""
    joint = np.outer(one, other)
    return float(np.tril(joint, -1).sum() + 0.5 * np.trace(joint))
