"""Question: what an answer is to take from its clips, in lines that each ask for a word or two, and how these are noted.

What is asked of two clips is put to each of them alone: what they share and what sets them apart follows from the two answers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mdialog import vocab
from mdialog.brief import Brief, asked, label
from mdialog.claims import TEMPO_TOLERANCE
from mdialog.happenings import about_events

LEVELS = 20  # steps of energy, from 0 to 1
SAME_LEVEL = 1  # levels apart that are as much energy
SUITS = 2  # points for a purpose from which on the better of two is taken
SUIT_BOTH = 4  # points that both need where they have as many
# What is asked of each of two clips for a question about both. Words tell more surely than numbers which has more.
_OF_EACH = {
    "compare": ("tempo", "energy", "vocal", "instrument:drums"),
    "compare:tempo": ("tempo", "bpm"),
    "compare:energy": ("energy", "level"),
    "compare:instrument": ("instrument", "instrument:drums"),
    "same": ("tempo", "energy", "mode", "genre", "vocal", "lead", "metre", "mood", "instrument", "instrument:drums"),
}


@dataclass(frozen=True)
class Question:
    """One question of a turn.

    Parameters
    ----------
    ask : str
        As in :attr:`mdialog.brief.Brief.asks`.
    asks : tuple of str
        What is asked for it, each in a line: ``bpm``, of two clips.
    template : int
        Wording of the state.
    of_each : bool
        Whether each clip is asked alone.
    value : str
        Where it is asked whether a clip has this value of a kind of which it has one: the kind is asked after, and tells.
    other : str
        Of two clips, the title of the first.
    """

    ask: str
    asks: tuple[str, ...]
    template: int = 0
    of_each: bool = False
    value: str = ""
    other: str = ""

    @property
    def lines(self) -> tuple[str, ...]:
        """What is asked, as it stands in a state, without the rest of it."""
        return tuple(line_of(ask, self.template) for ask in self.asks)

    def note(self, *heard: Sequence[str]) -> str:
        """What was heard as it is noted: ``fast``; where that was asked after, ``yes; fast``; a clip as one speaks of it.

        Parameters
        ----------
        *heard : sequence of str
            The answers to `lines`: of the clip before and of this one where `of_each`, else of this one.
        """
        if self.of_each:
            before, now = (dict(zip(self.asks, answers, strict=True)) for answers in heard)
            return self._of_two(before, now)
        ((answer,),) = heard
        return f"{'yes' if answer == self.value else 'no'}; {answer}" if self.value else answer

    def _of_two(self, before: Mapping[str, str], now: Mapping[str, str]) -> str:
        first, second = before[self.asks[0]], now[self.asks[0]]
        if self.ask.startswith("suits:"):
            return self._named(better(*_numbers(first, second) or (0, 0)))
        if self.ask.startswith("which:"):
            return self._named(which(first == "yes", second == "yes"))
        return ", ".join(_shared(before, now) if self.ask == "same" else apart(before, now)) or "nothing"

    def _named(self, chosen: str) -> str:
        """A choice of :func:`which` as one speaks of it."""
        return {"this": "this one", "other": f'"{self.other}"'}.get(chosen, chosen)


def questions(brief: Brief) -> tuple[Question, ...]:
    """What is asked of the sound in a turn; nothing of a turn that asks itself, or is told the facts."""
    if not brief.clips or brief.hints or brief.role != "assistant" or "item_attribute_answer" not in brief.intents:
        return ()
    asks = dict.fromkeys(one for ask in brief.asks if _in_a_word(ask) for one in _with_what_it_takes(ask))
    return tuple(one for ask in asks if (one := _question(ask, brief)))


def _question(ask: str, brief: Brief) -> Question | None:
    """The question that puts this; None where it is after two clips and one plays."""
    if of_each := _asked_of_each(ask):
        return Question(ask, of_each, brief.template, of_each=True, other=brief.before.title) if brief.before else None
    kind, colon, value = ask.partition(":")
    if colon and kind in _heard_kinds() - {"instrument", "mood"}:  # of those a clip has several
        return Question(ask, (kind,), brief.template, value=value)
    return Question(ask, (ask,), brief.template)


def line_of(ask: str, template: int) -> str:
    """A question as it stands in the state, without the rest of it."""
    return f"{label('ask', template)}: {asked(ask)}"


def _asked_of_each(ask: str) -> tuple[str, ...]:
    kind, _, value = ask.partition(":")
    return _OF_EACH.get(ask) or {"suits": (ask,), "which": (value,)}.get(kind, ())


def _with_what_it_takes(ask: str) -> tuple[str, ...]:
    """A question, and what else one tells in answering it: why a clip suits better, which mood it is instead."""
    if ask.startswith("suits:"):
        return (ask, "compare")
    return (ask, "mood") if ask.startswith("mood:") else (ask,)


def _in_a_word(ask: str) -> bool:
    return about_events(ask) or bool(_asked_of_each(ask)) or ask.partition(":")[0] in _heard_kinds() | {"electric"}


def _heard_kinds() -> set[str]:
    return {kind.name for kind in vocab.load() if kind.audible} | {"lead"}


def which(before: bool, now: bool) -> str:
    """Of two clips the one that has something: ``this``, ``other``, ``both``, ``neither``."""
    return {(True, True): "both", (False, False): "neither", (False, True): "this"}.get((before, now), "other")


def better(before: int, now: int) -> str:
    """Of two clips the one that suits a purpose better, by the points of each, in [0, 5]; neither where both hardly do."""
    if before == now:
        return which(before >= SUIT_BOTH, now >= SUIT_BOTH)
    return which(before > now, now > before) if max(before, now) >= SUITS else "neither"


def apart(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """How a clip differs from the one before, as far as was asked: ``faster``, ``less energy``, ``flute``, ``no drums``.

    Numbers tell where the words are the same.
    """
    found = [_step("tempo", before, now) or _ratio(before, now), _step("energy", before, now) or _level(before, now)]
    if before.get("vocal") != now.get("vocal"):
        found.append(now["vocal"])
    if len({one.get("instrument:drums") for one in (before, now)}) == 2:
        found.append("drums" if now["instrument:drums"] == "yes" else "no drums")
    here, there = (_listed(one.get("instrument", "")) for one in (now, before))
    found += [name for name in here if name not in (*there, "drums")][:1]
    return [one for one in found if one] + [f"no {name}" for name in there if name not in (*here, "drums")][:1]


_MORE = {"tempo": ("slower", "faster"), "energy": ("less energy", "more energy")}


def _step(kind: str, before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Which of two words of a kind is more; nothing where they are one."""
    names = vocab.load()[kind].names
    if not {before.get(kind), now.get(kind)} <= {*names} or before[kind] == now[kind]:
        return ""
    return _MORE[kind][names.index(now[kind]) > names.index(before[kind])]


def _ratio(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    if not (tempos := _numbers(before.get("bpm"), now.get("bpm"))):
        return ""
    ratio = tempos[1] / max(1, tempos[0])
    return "same tempo" if abs(ratio - 1) <= TEMPO_TOLERANCE else _MORE["tempo"][ratio > 1]


def _level(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    if not (levels := _numbers(before.get("level"), now.get("level"))):
        return ""
    step = levels[1] - levels[0]
    return "same energy" if abs(step) <= SAME_LEVEL else _MORE["energy"][step > 0]


def _shared(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Values that two clips share; whether there are drums, and of other instruments the first."""
    kinds = [kind for kind in now if not kind.startswith("instrument")]
    found = [(kind, value) for kind in kinds for value in _listed(now[kind]) if value in _listed(before[kind])]
    told = [f"lead {value}" if kind == "lead" else value for kind, value in found if value not in ("none", "4/4")]
    if before["instrument:drums"] == now["instrument:drums"]:
        told.append("drums" if now["instrument:drums"] == "yes" else "no drums")
    here, there = (_listed(one["instrument"]) for one in (now, before))
    return list(dict.fromkeys(told + [name for name in here if name in there and name != "drums"][:1]))


def _listed(answer: str) -> list[str]:
    return [part for part in answer.split(", ") if part]


def _numbers(*answers: str | None) -> tuple[int, ...]:
    """Answers as numbers; none where one of them is not."""
    return tuple(map(int, answers)) if all(one and one.isdigit() for one in answers) else ()


def with_notes(state: str, notes: Sequence[str]) -> str:
    """A state below which stands what was noted for each question that it asks of the sound."""
    return f"{state}\nnoted: {'; '.join(notes)}" if notes else state
