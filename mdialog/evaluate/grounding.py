"""Grounding: is what is said of the sound true, and does its truth come from the sound?

Turns of a run's plans are written again, first candidate and no check of claims, under four kinds of audio: the real clip,
another one, noise at the clip's level, silence. Of truth only claims count whose value was neither told nor said before. It is
the composer's labels where the music was written by ``mdialog synth``: never the verifier that filtered the run. Without
labels it is the verifier's verdicts, and the headline is the real clip minus another one. Chance is how often what was said
of the real clips is true of those of other turns. Noise in place of audio follows RUListening (arXiv 2504.00369).
"""

import time
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
BOOTSTRAPS = 2000


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
    claim : mdialog.claims.Claim
    """

    sound: str
    kind: str
    basis: str
    true: bool | None
    verdict: str
    claim: audible.Claim


@dataclass(frozen=True)
class Written:
    """How often audible things are said under one sound.

    Parameters
    ----------
    turns : int
    claims : float
        Heard ones, a turn.
    recommending, recommending_heard : Share
        Recommending turns with an audible claim at all, and with one that was neither told nor said before.
    well_formed : Share
    """

    turns: int
    claims: float
    recommending: Share
    recommending_heard: Share
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
    gain : tuple of float or None
        The share of true claims with the real clip minus that with another one, and its 95 % interval over turns (bootstrap).
    chance : float or None
        How often the claims made of the real clips are true of the clips of other turns; by the composer's labels only.
    written : dict of sound to Written
    rejected : dict of str to Share
        Of all candidates of the run, those of dialogues that failed among them, the ones that each check rejected.
    writer : str
        The listener of the run: whose candidates these were.
    cost : dict of str to float
        Milliseconds a candidate, as it was written again: ``listener``, ``checks`` (with claims and verdicts).
    checker : dict of str to Share
        Of first candidates: ``true ones contradicted``, ``false ones supported``, ``verdict given``; and what share of the
        accepted statements is true, of those that were supported and of those that nothing could tell.
    correlation : float or None
        Phi between "the listener is wrong" and "the verdict is wrong" over decided claims of instruments and voices.
    """

    listener: str
    truth: str
    by_kind: dict[str, dict[str, Share]]
    gain: tuple[float, float, float] | None
    chance: float | None
    written: dict[str, Written]
    rejected: dict[str, Share]
    writer: str
    cost: dict[str, float]
    checker: dict[str, Share]
    correlation: float | None

    def as_json(self) -> dict:
        """Ready for JSON."""
        return {
            "listener": self.listener, "truth": self.truth, "correlation": self.correlation, "writer": self.writer,
            "gain": self.gain, "chance": self.chance, "cost": self.cost,
            "rejected": {check: s.as_json() for check, s in self.rejected.items()},
            "by_kind": {sound: {kind: s.as_json() for kind, s in kinds.items()} for sound, kinds in self.by_kind.items()},
            "written": {sound: asdict(w) for sound, w in self.written.items()},
            "checker": {name: s.as_json() for name, s in self.checker.items()},
        }  # fmt: skip


Play = Callable[[Plan, Clip], np.ndarray]


def evaluate_grounding(
    dialogues: Sequence[Dialogue], plans: Iterable[Plan], listener: Listener, referee: Referee, *, play: Play,
    truth: Mapping[str, Labels], failures: Iterable[Mapping] = (), hints: Callable[[Clip], tuple[str, ...]] | None = None,
    n: int = 200, seed: int = 0,
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
    failures : iterable of mapping
        Lines of the run's ``failures.jsonl``: their candidates count among the rejected ones.
    hints : callable, optional
        What the run told its listener of a clip: it is told the same again, under every sound.
    n : int > 0
        Turns to write again, of those that hear a clip.
    seed : int
    """
    by_id = {plan.id: plan for plan in plans}
    heard = [(d, i) for d in dialogues for i, turn in enumerate(d.turns) if turn.heard and d.id in by_id]
    seeds.stdlib(seed, "grounding").shuffle(heard)
    picked = heard[:n]
    turns = [_Turn(by_id[d.id], i, [t.content for t in d.turns[:i]], hints) for d, i in picked]
    sounds = _sounds(turns, play, seed)
    by_turn: dict[str, list[list[Stated]]] = {}
    written: dict[str, Written] = {}
    spent = {"listener": 0.0, "checks": 0.0}
    for sound in SOUNDS:
        begun = time.perf_counter()
        texts = _write(listener, turns, sounds[sound], seed)
        spoken = time.perf_counter()
        by_turn[sound] = [_claims(turn, text, sound, referee, truth) for turn, text in zip(turns, texts, strict=True)]
        good = [not faults(text, replace(turn.brief, history=()), by_the_book=listener.by_the_book)
                for turn, text in zip(turns, texts, strict=True)]  # fmt: skip
        written[sound] = _spoken([set(turn.brief.intents) for turn in turns], by_turn[sound], share(good))
        spent["checks"] += time.perf_counter() - spoken
        spent["listener"] += spoken - begun
    accepted = [_accepted(d, i, by_id[d.id], truth) for d, i in heard]
    written["accepted"] = _spoken([set(d.turns[i].intent) for d, i in heard], accepted, Share(0, 0))
    accepted = [claim for claims in accepted for claim in claims]
    first = [claim for claims in by_turn["real clip"] for claim in claims]
    stated = [claim for turns_of in by_turn.values() for claims in turns_of for claim in claims] + accepted
    return Grounding(
        listener=listener.model_id, truth="composer" if truth else "verifier", by_kind=_by_kind(stated), written=written,
        gain=_gain(by_turn["real clip"], by_turn["another clip"], seeds.generator(seed, "gain")),
        chance=_chance(turns, by_turn["real clip"], truth) if truth else None,
        rejected=_rejected(dialogues, failures), writer=next((d.models["listener"] for d in dialogues if d.models), ""),
        cost={part: round(1000 * seconds / max(1, len(SOUNDS) * len(turns)), 2) for part, seconds in spent.items()},
        checker=_checker(first) | _by_verdict(accepted) if truth else {}, correlation=_phi(first) if truth else None,
    )  # fmt: skip


@dataclass(frozen=True)
class _Turn:
    plan: Plan
    index: int
    before: list[str]
    hints: Callable[[Clip], tuple[str, ...]] | None = None

    @property
    def brief(self) -> briefs.Brief:
        clips = self.plan.turns[self.index].clips
        return briefs.build(self.plan, self.index, self.before, hints=self.hints(clips[-1]) if self.hints and clips else ())

    @property
    def clips(self) -> tuple[Clip, ...]:
        """All that is played, in the order in which it is heard; the last one is what the turn is about."""
        return *self.brief.ahead, *self.brief.clips


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
        requests.append(Request.of(f"grounding/{i}", brief, play=lambda _, queue=queue: queue.pop(0)))
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
    return Stated(sound, kind, claim.basis, true, claim.verdict, said)


def _labels(
    plan: Plan, i: int, truth: Mapping[str, Labels], *, beside: str | None
) -> tuple[ClipLabels | None, ClipLabels | None]:
    """Truth of the clip that a turn is about, and of the one heard before it."""
    played = about_and_before([turn.clips for turn in plan.turns[: i + 1]], beside=beside)
    about, before = (truth[c.track_id].over(c.start_s, c.end_s) if c and c.track_id in truth else None for c in played)
    return about, before


def _spoken(intents: Sequence[set[str]], found: Sequence[list[Stated]], well_formed: Share) -> Written:
    heard = [[claim for claim in claims if claim.basis == "heard"] for claims in found]
    recommending = [i for i, own in enumerate(intents) if RECOMMENDS & own]
    return Written(
        len(found), sum(map(len, heard)) / max(1, len(found)), share(bool(found[i]) for i in recommending),
        share(bool(heard[i]) for i in recommending), well_formed,
    )  # fmt: skip


def _gain(real: Sequence[list[Stated]], other: Sequence[list[Stated]], rng: np.random.Generator) -> tuple[float, ...] | None:
    """Share of true heard claims with the real clip minus that with another one; turns are drawn again for the interval."""
    counts = np.array([[_counted(claims) for claims in pair] for pair in zip(real, other, strict=True)], float)
    if not len(counts) or not counts[:, :, 1].sum(0).all():
        return None
    drawn = counts[rng.integers(len(counts), size=(BOOTSTRAPS, len(counts)))].sum(1)
    drawn = drawn[drawn[:, :, 1].all(1)]
    shares = np.concatenate([counts.sum(0)[None], drawn])
    gains = np.subtract(*(shares[:, :, 0] / shares[:, :, 1]).T)
    return tuple(round(float(x), 4) for x in (gains[0], *np.quantile(gains[1:], (0.025, 0.975))))


def _counted(claims: Sequence[Stated]) -> tuple[int, int]:
    known = [claim.true for claim in claims if claim.basis == "heard" and claim.true is not None]
    return sum(known), len(known)


def _chance(turns: Sequence[_Turn], found: Sequence[list[Stated]], truth: Mapping[str, Labels]) -> float | None:
    """How often what was said of the real clips, but for comparisons, is true of the clips of other tracks' turns."""
    clips = [turn.clips[-1] for turn in turns]
    labels = [truth[c.track_id].over(c.start_s, c.end_s) if c.track_id in truth else None for c in clips]
    holds = []
    for clip, claims in zip(clips, found, strict=True):
        said = [one.claim for one in claims if one.basis == "heard" and one.true is not None and not one.claim.comparison]
        others = [label for other, label in zip(clips, labels, strict=True) if label and other.track_id != clip.track_id]
        holds += [audible.true_of(replace(claim, clip="this"), label) for claim in said for label in others]
    holds = [one for one in holds if one is not None]
    return round(float(np.mean(holds)), 4) if holds else None


def _by_kind(stated: Sequence[Stated]) -> dict[str, dict[str, Share]]:
    cells: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for s in stated:
        if s.basis == "heard" and s.true is not None:
            cells[s.sound][s.kind].append(s.true)
            cells[s.sound]["all"].append(s.true)
    return {sound: {kind: share(cells[sound][kind]) for kind in sorted(cells[sound])} for sound in (*SOUNDS, "accepted")}


def _rejected(dialogues: Sequence[Dialogue], failures: Iterable[Mapping]) -> dict[str, Share]:
    """Candidates that each check rejected, of all that were looked at."""
    counts: dict[str, int] = defaultdict(int)
    written = [(turn.writing.candidates, turn.writing.rejected) for d in dialogues for turn in d.turns if turn.writing]
    written += [(failure.get("candidates", 0), failure.get("rejected", {})) for failure in failures]
    for _, rejected in written:
        for check, times in rejected.items():
            counts[check] += times
    looked_at = sum(candidates for candidates, _ in written)
    return {check: Share(times, looked_at) for check, times in sorted(counts.items())}


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


def _headline(result: Grounding) -> str:
    """What the sound adds: the real clip minus another one, and chance."""
    if result.gain is None:
        return "Too little was said of the sound to tell what listening adds."
    gain, low, high = result.gain
    chance = f"; by chance {result.chance:.2f} would be true" if result.chance is not None else ""
    return f"With the real clip {gain:+.2f} [{low:+.2f}, {high:+.2f}] more is true than with another one{chance}."


def table(result: Grounding) -> str:
    """The figures as Markdown."""
    sounds = [s for s in (*SOUNDS, "accepted") if s in result.by_kind]
    kinds = sorted({kind for cells in result.by_kind.values() for kind in cells} - {"all"})
    lines = [_headline(result), ""]
    lines += [f"Truth of what {result.listener} says it hears, first candidates, by the {result.truth}:", ""]
    lines += ["| claims of | " + " | ".join(sounds) + " |", "|---|" + "---|" * len(sounds)]
    for kind in (*kinds, "all"):
        cells = [result.by_kind[sound].get(kind, Share(0, 0)) for sound in sounds]
        lines.append(f"| {kind} | " + " | ".join(f"{cell} (n {cell.n})" if cell.n else "-" for cell in cells) + " |")
    columns = ("", "turns", "heard claims a turn", "recommending with a claim", "with a heard one", "pass all other checks")
    lines += ["", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for sound, w in result.written.items():
        lines.append(f"| {sound} | {w.turns} | {w.claims:.2f} | {w.recommending} | {w.recommending_heard} | {w.well_formed} |")
    looked_at = max((s.n for s in result.rejected.values()), default=0)
    lines += ["", f"Of {looked_at} candidates of {result.writer} in the run, rejected by: " + (
        ", ".join(f"{check} {s.value:.3f}" for check, s in result.rejected.items()) or "none") + "."]  # fmt: skip
    cost = result.cost
    lines += ["", f"A candidate takes the listener {cost['listener']:.0f} ms, claims and all checks {cost['checks']:.1f} ms."]
    lines += [f"- {name}: {cell} (n {cell.n})" for name, cell in result.checker.items()]
    if result.correlation is not None:
        lines.append(f"- correlation of the listener's errors with the checker's, of what is learned: {result.correlation:.2f}")
    return "\n".join(lines)
