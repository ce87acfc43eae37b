"""References for the answers of a run: texts that are true of the clip that was heard, and of another one.

What is true are the composer's labels, the marked sound events, or a caption. The first two are put by the phrase book for the
same brief, several times, each from a random stream of its own; a caption is used as it is.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from mdialog import brief as briefs
from mdialog import seeds, vocab
from mdialog.dialogue import Dialogue
from mdialog.happenings import about_events, first_of, names_of, overlapping, times_of
from mdialog.metadata import events_over
from mdialog.plan import Clip, Plan
from mdialog.snapshot import Snapshot
from mdialog.synth import sound
from mdialog.synth.grammar import book
from mdialog.synth.labels import ClipEvents, ClipLabels, Labels
from mdialog.synth.phrases import say
from mdialog.synth.questions import WHETHER

INTENTS = {"item_attribute_answer", "description"}
REFERENCES = 5  # texts of the phrase book for each answer
BOOK, CAPTIONS = "phrase book", "captions"

_Truth = ClipLabels | ClipEvents | str


@dataclass(frozen=True)
class Compared:
    """An answer with what it was held against.

    Parameters
    ----------
    dialogue : str
    turn : int
        From 0.
    recipe, kind : str
        Kind of question: ``value asked``, ``whether``, ``course``, ``compare``, ``same``, ``suits``, ``events``, ``several``,
        or ``description, LENGTH``.
    source : {'phrase book', 'captions'}
        Of the references.
    tracks : tuple of str
        Heard; the last one is asked about.
    text : str
    references, another : tuple of str
        Of the clip that was heard, and of another track's.
    book : str or None
        One further text of the phrase book, true of the clip; None where there are no labels to make it from.
    """

    dialogue: str
    turn: int
    recipe: str
    kind: str
    source: str
    tracks: tuple[str, ...]
    text: str
    references: tuple[str, ...]
    another: tuple[str, ...]
    book: str | None


def answers_of(dialogues: Iterable[Dialogue]) -> Iterator[tuple[Dialogue, int]]:
    """Every answer about a clip and every description: the dialogue, and the number of the turn."""
    for dialogue in dialogues:
        for i, turn in enumerate(dialogue.turns):
            if turn.role == "assistant" and turn.heard and INTENTS & set(turn.intent):
                yield dialogue, i


def compare(
    found: Iterable[tuple[Dialogue, int]], plans: Iterable[Plan], snapshot: Snapshot, truth: Mapping[str, Labels], *,
    seed: int = 0,
) -> tuple[tuple[Compared, ...], Counter[str]]:  # fmt: skip
    """Make references for answers: of their own clips, and of another track's.

    Another's clips are those of the next answer, in a shuffled order, that shares no track, has as many clips and such a truth,
    and one that answers the same question. A question gives something away by being asked: half of the flutes that are asked
    after are there, and whoever always says yes would seem to hear. So the others have, as a whole, what is asked after as
    often as the clips that were heard; an answer is left out where no other track would do for it.

    Parameters
    ----------
    found : iterable of (Dialogue, int)
        Answers, as :func:`answers_of` finds them.
    plans : iterable of Plan
        At least those of the dialogues.
    snapshot : Snapshot
        Has the marked events and the captions.
    truth : mapping of str to Labels
        The composer's, by track id; may be empty.
    seed : int

    Returns
    -------
    tuple of Compared
        In the order of the answers.
    Counter of str
        How many were left out, by the reason.
    """
    by_id, truths = {plan.id: plan for plan in plans}, _Truths(snapshot, truth)
    asked = [_asked(d, i, by_id.get(d.id), truths) for d, i in found]
    kept = [one for one in asked if isinstance(one, _Asked)]
    others = _others(kept, truths, seed)
    left_out = Counter(one for one in asked if isinstance(one, str))
    left_out += Counter("no other track to compare with" for other in others if other is None)
    return tuple(_compare(one, other, truths, seed) for one, other in zip(kept, others, strict=True) if other), left_out


# ---- what is true of what was heard


@dataclass(frozen=True)
class _Truths:
    snapshot: Snapshot
    labels: Mapping[str, Labels]

    @cached_property
    def marked(self) -> frozenset[str]:
        """Every label of an event in the catalogue: of others the index says nothing."""
        return frozenset(e["label"] for events in self.snapshot.events.to_pylist() for e in events or ())

    def of(self, clip: Clip, what: str) -> _Truth | None:
        """``labels``, ``events`` or ``caption`` of a clip, where there are any."""
        if what == "labels":
            return self.labels[clip.track_id].over(clip.start_s, clip.end_s) if clip.track_id in self.labels else None
        track = self.snapshot.index.get(clip.track_id)
        if track is None:
            return None
        if what == "events":
            events = self.snapshot.events_of(track)
            cut = events_over(events, clip.start_s, clip.end_s)
            return ClipEvents(cut, clip.end_s - clip.start_s) if events else None
        caption = self.snapshot.captions[track].as_py()
        return caption if caption and any(map(str.isalnum, caption)) else None

    def over(self, clips: Sequence[Clip], what: str) -> list[_Truth] | None:
        """The same of several clips; of a caption the last one alone. None where one lacks it."""
        found = [self.of(clip, what) for clip in (clips[-1:] if what == "caption" else clips)]
        return None if None in found else found

    def answer(self, one: "_Asked", clips: Sequence[Clip]) -> bool:
        """Whether what is true of some clips answers all that was asked; there is always something to describe."""
        known = self.over(clips, one.what)
        return "description" in one.brief.intents or all(_answers(ask, known, self.marked) for ask in one.brief.asks)

    def given_away(self, one: "_Asked", clips: Sequence[Clip]) -> tuple:
        """What is true of some clips of that which the questions, by being asked, make likely or not."""
        known = self.over(clips, one.what)
        return () if "description" in one.brief.intents else tuple(_given_away(ask, known) for ask in one.brief.asks)


@dataclass(frozen=True)
class _Asked:
    """An answer with a truth: `what` of ``labels``, ``events``, ``caption``."""

    dialogue: Dialogue
    turn: int
    brief: briefs.Brief
    what: str

    @property
    def name(self) -> tuple[str, int]:
        return self.dialogue.id, self.turn


def _asked(dialogue: Dialogue, i: int, plan: Plan | None, truths: _Truths) -> _Asked | str:
    """An answer with what its truth is, or why it has none."""
    if plan is None:
        return "without a plan"
    brief = briefs.build(plan, i, [turn.content for turn in dialogue.turns[:i]])
    if "description" in brief.intents:
        what = "caption" if truths.over(brief.clips, "caption") else "labels"
    else:
        what = "events" if any(map(about_events, brief.asks)) else "labels"
    if truths.over(brief.clips, what) is None:
        return "a track without a truth"
    one = _Asked(dialogue, i, brief, what)
    return one if truths.answer(one, brief.clips) else "no clear answer in the truth"


def _answers(ask: str, clips: Sequence[_Truth], marked: frozenset[str]) -> bool:
    """Whether the truth answers a question, clearly and in words of the phrase book."""
    kind, _, value = ask.partition(":")
    if isinstance(clips[-1], ClipEvents):
        return about_events(ask) and _answered_by_events(ask, clips[-1], marked)
    if kind == "course":
        return clips[-1].course is not None
    if kind in ("compare", "same", "suits"):
        return len(clips) == 2 and (kind != "suits" or value in vocab.load()["theme"])
    if value:
        return kind in WHETHER and value in vocab.load()["instrument" if kind == "lead" else kind]
    return bool(sound.answers(kind, clips[-1], manner="plain", rng=random.Random(0)))


def _given_away(ask: str, clips: Sequence[_Truth]) -> bool | tuple[bool, ...] | None:
    """Whether what is asked after is there; of a purpose, whether each of two clips suits it; None where nothing is named."""
    kind, _, value = ask.partition(":")
    if isinstance(clips[-1], ClipEvents):
        return {event.label for event in clips[-1].events}.issuperset(names_of(ask)) if value else None
    if kind == "suits":
        return tuple(value in clip.themes for clip in clips)
    if not value or kind == "compare":
        return None
    return value in (getattr(clips[-1], f"{kind}s") if kind in ("instrument", "mood") else (getattr(clips[-1], kind),))


def _answered_by_events(ask: str, clip: ClipEvents, marked: frozenset[str]) -> bool:
    kind, names, words = ask.partition(":")[0], names_of(ask), book("happenings")["words"].keys()
    there = {event.label for event in clip.events}
    if not names:
        return kind == "event" and words >= there
    if not words & marked >= {*names}:
        return False
    if kind in ("event", "onset", "times") or not there >= {*names}:
        return True
    if kind == "duration":
        return times_of(clip.events, names[0]) == 1
    return (first_of if kind == "order" else overlapping)(clip.events, *names) is not None


# ---- the texts


def _others(kept: Sequence[_Asked], truths: _Truths, seed: int) -> list[tuple[Clip, ...] | None]:
    """For each answer the clips of another one; None where there is none that would do."""
    pools: dict[tuple, list[tuple[Clip, ...]]] = defaultdict(list)
    groups: dict[tuple, list[_Asked]] = defaultdict(list)
    for one in sorted(kept, key=lambda one: one.name):
        pools[one.what, len(one.brief.clips)].append(one.brief.clips)
        groups[one.what, len(one.brief.clips), tuple(map(_form, one.brief.asks))].append(one)
    rng = seeds.stdlib(seed, "answers", "others")
    pools = {key: rng.sample(own, len(own)) for key, pool in pools.items() if (own := list(dict.fromkeys(pool)))}
    found = {}
    for (*key, _), group in groups.items():
        sides = {one.name: truths.given_away(one, one.brief.clips) for one in group}
        others = {one.name: _by_side(one, pools[*key], truths, {*sides.values()}) for one in group}
        names = [name for name in sides if others[name].keys() >= {*sides.values()}]
        rng.shuffle(names)
        found |= {name: others[name][sides[after]] for name, after in zip(names, names[1:] + names[:1], strict=True)}
    return [found.get(one.name) for one in kept]


def _by_side(
    one: _Asked, pool: Sequence[tuple[Clip, ...]], truths: _Truths, sides: set[tuple]
) -> dict[tuple, tuple[Clip, ...]]:
    """The next clips of other tracks that answer the same, for each of the sides that an answer can be on."""
    own, place = {clip.track_id for clip in one.brief.clips}, pool.index(one.brief.clips)
    found: dict[tuple, tuple[Clip, ...]] = {}
    for clips in (*pool[place + 1 :], *pool[:place]):
        if own.isdisjoint(clip.track_id for clip in clips) and truths.answer(one, clips):
            found.setdefault(truths.given_away(one, clips), clips)
            if found.keys() >= sides:
                break
    return found


def _compare(one: _Asked, other: tuple[Clip, ...], truths: _Truths, seed: int) -> Compared:
    brief, turn = one.brief, one.dialogue.turns[one.turn]

    def texts(clips: tuple[Clip, ...], what: str, streams: Iterable[int]) -> tuple[str, ...]:
        true = truths.over(clips, what)
        if what == "caption":
            return tuple(true)
        return tuple(say(brief, true, seeds.stdlib(seed, "answers", one.dialogue.id, one.turn, k)) for k in streams)

    told = "labels" if one.what == "caption" else one.what  # what the phrase book's further text is made from
    return Compared(
        dialogue=one.dialogue.id, turn=one.turn, recipe=one.dialogue.recipe, kind=_kind(brief),
        source=CAPTIONS if one.what == "caption" else BOOK,
        tracks=tuple(clip.track_id for clip in brief.clips), text=turn.content,
        references=texts(brief.clips, one.what, range(REFERENCES)), another=texts(other, one.what, range(REFERENCES)),
        book=texts(brief.clips, told, [REFERENCES])[0] if truths.over(brief.clips, told) else None,
    )  # fmt: skip


def _kind(brief: briefs.Brief) -> str:
    if "description" in brief.intents:
        return f"description, {brief.asks[0] if brief.asks else 'sentence'}"
    kinds = {_kind_of(ask) for ask in brief.asks} or {"value asked"}
    return kinds.pop() if len(kinds) == 1 else "several"


def _form(ask: str) -> str:
    """Questions of one form name what is there about as often: half of ``event:NAME``, all of ``onset:NAME``."""
    kind, colon, _ = ask.partition(":")
    return kind + colon if about_events(ask) else _kind_of(ask)


def _kind_of(ask: str) -> str:
    kind, colon, _ = ask.partition(":")
    if about_events(ask):
        return "events"
    return kind if kind in ("course", "compare", "same", "suits") else "whether" if colon else "value asked"
