"""Grounding: is what is said of the sound true, and does its truth come from the sound?

Turns of a run's plans are written again, first candidate and no check of claims, under four kinds of audio: the real clip,
another one, noise at the clip's level, silence. Of truth only claims count whose value was neither told nor said before. It is
the composer's labels where the music was written by ``mdialog synth``: never the verifier that filtered the run. Without
labels it is the verifier's verdicts, and the headline is the real clip minus another one. Noise in place of audio follows
RUListening (arXiv 2504.00369).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import cycle, islice

import numpy as np

from mdialog import brief as briefs
from mdialog import claims as audible
from mdialog import seeds
from mdialog.checks import faults
from mdialog.dialogue import Dialogue
from mdialog.errors import InputError
from mdialog.happenings import ASKS
from mdialog.hearing import Share, share
from mdialog.listener.base import Listener, Request
from mdialog.plan import Clip, Plan, about_and_before
from mdialog.referee import Referee
from mdialog.synth.labels import ClipLabels, Labels

SOUNDS = ("real clip", "another clip", "noise", "silence")
RECOMMENDS = {"passive_recommend", "active_recommend"}


@dataclass(frozen=True)
class Stated:
    """A claim of a turn that was written again, and whether it is true.

    Parameters
    ----------
    sound : str
        Of `SOUNDS`, or ``accepted``: what the run took.
    kind : str
        The claim's; ``drums`` for the instrument of that name.
    basis : {'heard', 'told', 'echoed'}
    true : bool or None
        By the composer's labels, or by the verifier where there are none; None where neither says.
    verdict : str
    """

    sound: str
    kind: str
    basis: str
    true: bool | None
    verdict: str


@dataclass(frozen=True)
class Written:
    """How often audible things are said under one sound."""

    turns: int
    claims: float
    recommending: Share
    well_formed: Share


@dataclass(frozen=True)
class Grounding:
    """What came of it.

    Parameters
    ----------
    listener : str
    truth : {'composer', 'verifier'}
    by_kind : dict of sound to dict of kind to Share
        True ones among the heard claims; ``all`` is a kind too. `SOUNDS` and ``accepted``.
    written : dict of sound to Written
    rejected : dict of str to float
        Candidates that each check rejected, a turn of the run.
    checker : dict of str to Share
        Of first candidates: ``true ones contradicted``, ``false ones supported``, ``verdict given``; and what share of the
        accepted statements is true, of those that were supported and of those that nothing could tell.
    correlation : float or None
        Phi between "the listener is wrong" and "the verdict is wrong" over decided claims of instruments and voices.
    """

    listener: str
    truth: str
    by_kind: dict[str, dict[str, Share]]
    written: dict[str, Written]
    rejected: dict[str, float]
    checker: dict[str, Share]
    correlation: float | None

    def as_json(self) -> dict:
        """Ready for JSON."""
        return {
            "listener": self.listener, "truth": self.truth, "correlation": self.correlation, "rejected": self.rejected,
            "by_kind": {sound: {kind: s.as_json() for kind, s in kinds.items()} for sound, kinds in self.by_kind.items()},
            "written": {sound: asdict(w) for sound, w in self.written.items()},
            "checker": {name: s.as_json() for name, s in self.checker.items()},
        }  # fmt: skip


Play = Callable[[Plan, Clip], np.ndarray]


def evaluate_grounding(
    dialogues: Sequence[Dialogue], plans: Iterable[Plan], listener: Listener, referee: Referee, *, play: Play,
    truth: Mapping[str, Labels], n: int = 200, seed: int = 0,
) -> Grounding:  # fmt: skip
    """Write a sample of a run's turns again under real, swapped, noise and silent audio.

    Parameters
    ----------
    dialogues : sequence of Dialogue
        The run's.
    plans : iterable of Plan
        At least those of the dialogues.
    listener : Listener
    referee : Referee
        Finds the claims; its verdicts are the truth where `truth` is empty.
    play : callable
        ``play(plan, clip)``: samples.
    truth : mapping of str to Labels
        By track id; may be empty.
    n : int > 0
        Turns to write again, of those that hear a clip.
    seed : int
    """
    by_id = {plan.id: plan for plan in plans}
    heard = [(d, i) for d in dialogues for i, turn in enumerate(d.turns) if turn.heard and d.id in by_id]
    seeds.stdlib(seed, "grounding").shuffle(heard)
    picked = heard[:n]
    turns = [_Turn(by_id[d.id], i, [t.content for t in d.turns[:i]]) for d, i in picked]
    sounds = _sounds(turns, play, seed)
    stated: list[Stated] = []
    written: dict[str, Written] = {}
    for sound in SOUNDS:
        texts = _write(listener, turns, sounds[sound], seed)
        found = [_claims(turn, text, sound, referee, truth) for turn, text in zip(turns, texts, strict=True)]
        stated += [claim for claims in found for claim in claims]
        written[sound] = _spoken(turns, texts, found)
    accepted = [c for d, i in heard for c in _accepted(d, i, by_id[d.id], truth)]
    stated += accepted
    recommending = [(d, i) for d, i in heard if RECOMMENDS & set(d.turns[i].intent)]
    written["accepted"] = Written(
        len(heard), len(accepted) / max(1, len(heard)), share(bool(d.turns[i].claims) for d, i in recommending), Share(0, 0)
    )
    first = [s for s in stated if s.sound == "real clip"]
    return Grounding(
        listener=listener.model_id, truth="composer" if truth else "verifier", by_kind=_by_kind(stated), written=written,
        rejected=_rejected(dialogues), checker=_checker(first) | _by_verdict(accepted) if truth else {},
        correlation=_phi(first) if truth else None,
    )  # fmt: skip


@dataclass(frozen=True)
class _Turn:
    plan: Plan
    index: int
    before: list[str]

    @property
    def brief(self) -> briefs.Brief:
        return briefs.build(self.plan, self.index, self.before)

    @property
    def clips(self) -> tuple[Clip, ...]:
        return self.brief.clips


def _sounds(turns: Sequence[_Turn], play: Play, seed: int) -> dict[str, list[list[np.ndarray]]]:
    """For every sound, what each turn hears: its clips in order."""
    real = [[play(turn.plan, clip) for clip in turn.clips] for turn in turns]
    return {
        "real clip": real,
        "another clip": [_others(turns, real, i) for i in range(len(turns))],
        "noise": [[_noise(x, seeds.generator(seed, "noise", i, j)) for j, x in enumerate(xs)] for i, xs in enumerate(real)],
        "silence": [[np.zeros_like(x) for x in xs] for xs in real],
    }


def _others(turns: Sequence[_Turn], real: list[list[np.ndarray]], i: int) -> list[np.ndarray]:
    """As many clips of the next turns, none of a track that this turn hears."""
    own, found = {clip.track_id for clip in turns[i].clips}, []
    for j in range(i + 1, i + len(turns)):
        for clip, samples in zip(turns[j % len(turns)].clips, real[j % len(turns)], strict=True):
            if clip.track_id not in own:
                found.append(samples)
    if not found:
        raise InputError(f"{len(turns)} turns play the same tracks: none can hear another one's clip; "
                         "give more dialogues, or more --turns")  # fmt: skip
    return list(islice(cycle(found), len(real[i])))


def _noise(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    level = float(np.sqrt(np.mean(np.square(samples)))) if samples.size else 0.0
    return (level * rng.standard_normal(samples.shape)).astype(np.float32)


def _write(listener: Listener, turns: Sequence[_Turn], played: list[list[np.ndarray]], seed: int) -> list[str]:
    requests = []
    for i, (turn, sounds) in enumerate(zip(turns, played, strict=True)):
        brief, queue = turn.brief, list(sounds)
        messages = briefs.messages(brief, play=lambda _, queue=queue: queue.pop(0))
        requests.append(Request(id=f"grounding/{i}", messages=messages, names=briefs.names(brief)))
    return [candidates[0] for candidates in listener.write(requests, n=1, seed=seed, sampling=listener.sampling)]


def _claims(turn: _Turn, text: str, sound: str, referee: Referee, truth: Mapping[str, Labels]) -> list[Stated]:
    judged = referee.claims(text, turn.brief, plan=turn.plan, turn_index=turn.index)
    return [_stated(claim, sound, turn.plan, turn.index, truth) for claim in judged]


def _accepted(dialogue: Dialogue, i: int, plan: Plan, truth: Mapping[str, Labels]) -> list[Stated]:
    return [_stated(claim, "accepted", plan, i, truth) for claim in dialogue.turns[i].claims]


def _stated(claim, sound: str, plan: Plan, i: int, truth: Mapping[str, Labels]) -> Stated:
    said = audible.Claim(claim.text, claim.kind, claim.value, claim.present, 0, 0, claim.comparison, claim.clip)
    true = None
    if truth and claim.kind not in ASKS:  # of sound events the marked times tell: nobody had to hear them
        about, before = _labels(plan, i, truth, beside=claim.beside)
        true = audible.true_of(said, about, before) if about else None
    elif claim.verdict != "unverifiable":
        true = claim.verdict == "supported"
    kind = "drums" if claim.value == "drums" else f"{claim.kind} compared" if claim.comparison else claim.kind
    return Stated(sound, kind, claim.basis, true, claim.verdict)


def _labels(
    plan: Plan, i: int, truth: Mapping[str, Labels], *, beside: str | None
) -> tuple[ClipLabels | None, ClipLabels | None]:
    """Truth of the clip that a turn is about, and of the one heard before it."""
    played = about_and_before([turn.clips for turn in plan.turns[: i + 1]], beside=beside)
    about, before = (truth[c.track_id].over(c.start_s, c.end_s) if c and c.track_id in truth else None for c in played)
    return about, before


def _spoken(turns: Sequence[_Turn], texts: Sequence[str], found: Sequence[list[Stated]]) -> Written:
    recommends = [bool(claims) for turn, claims in zip(turns, found, strict=True) if RECOMMENDS & set(turn.brief.intents)]
    good = [not faults(text, replace(turn.brief, history=())) for turn, text in zip(turns, texts, strict=True)]
    return Written(len(turns), sum(map(len, found)) / max(1, len(turns)), share(recommends), share(good))


def _by_kind(stated: Sequence[Stated]) -> dict[str, dict[str, Share]]:
    cells: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for s in stated:
        if s.basis == "heard" and s.true is not None:
            cells[s.sound][s.kind].append(s.true)
            cells[s.sound]["all"].append(s.true)
    return {sound: {kind: share(cells[sound][kind]) for kind in sorted(cells[sound])} for sound in (*SOUNDS, "accepted")}


def _rejected(dialogues: Sequence[Dialogue]) -> dict[str, float]:
    """Candidates that each check rejected, for each turn that was taken."""
    counts: dict[str, int] = defaultdict(int)
    turns = [turn for d in dialogues for turn in d.turns if turn.writing]
    for turn in turns:
        for check, times in turn.writing.rejected.items():
            counts[check] += times
    return {check: round(times / max(1, len(turns)), 4) for check, times in sorted(counts.items())}


def _checker(stated: Sequence[Stated]) -> dict[str, Share]:
    known = [s for s in stated if s.true is not None]
    return {
        "true ones contradicted": share(s.verdict == "contradicted" for s in known if s.true),
        "false ones supported": share(s.verdict == "supported" for s in known if not s.true),
        "verdict given": share(s.verdict != "unverifiable" for s in stated),
    }


def _by_verdict(accepted: Sequence[Stated]) -> dict[str, Share]:
    known = [s for s in accepted if s.true is not None and s.basis == "heard"]
    return {
        "accepted and supported ones that are true": share(s.true for s in known if s.verdict == "supported"),
        "accepted ones that cannot be told, and are true": share(s.true for s in known if s.verdict == "unverifiable"),
    }


def _phi(stated: Sequence[Stated]) -> float | None:
    """Correlation of the listener's errors with the checker's, where both come of learned hearing."""
    decided = [s for s in stated if s.kind in ("instrument", "drums", "lead", "vocal", "genre", "mood")
               and s.true is not None and s.verdict != "unverifiable"]  # fmt: skip
    wrong = np.array([not s.true for s in decided], float)
    misjudged = np.array([(s.verdict == "supported") != s.true for s in decided], float)
    if len(decided) < 2 or not wrong.std() or not misjudged.std():
        return None
    return float(np.corrcoef(wrong, misjudged)[0, 1])


def table(result: Grounding) -> str:
    """The figures as Markdown."""
    sounds = [s for s in (*SOUNDS, "accepted") if s in result.by_kind]
    kinds = sorted({kind for cells in result.by_kind.values() for kind in cells} - {"all"})
    lines = [f"Truth of what {result.listener} says it hears, first candidates, by the {result.truth}:", ""]
    lines += ["| claims of | " + " | ".join(sounds) + " |", "|---|" + "---|" * len(sounds)]
    for kind in (*kinds, "all"):
        cells = [result.by_kind[sound].get(kind, Share(0, 0)) for sound in sounds]
        lines.append(f"| {kind} | " + " | ".join(f"{cell} (n {cell.n})" if cell.n else "-" for cell in cells) + " |")
    lines += ["", "| | turns | claims a turn | recommending turns with a claim | pass the other checks |"]
    lines.append("|---|---|---|---|---|")
    for sound, w in result.written.items():
        lines.append(f"| {sound} | {w.turns} | {w.claims:.2f} | {w.recommending} | {w.well_formed} |")
    lines += ["", "Candidates rejected a turn of the run: " + (
        ", ".join(f"{check} {times:.3f}" for check, times in result.rejected.items()) or "none") + "."]  # fmt: skip
    lines += [f"- {name}: {cell} (n {cell.n})" for name, cell in result.checker.items()]
    if result.correlation is not None:
        lines.append(f"- correlation of the listener's errors with the checker's, of what is learned: {result.correlation:.2f}")
    return "\n".join(lines)
