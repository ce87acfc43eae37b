"""The phrase book's questions about what plays, its answers from the sound, and its descriptions."""

import random
import re
from collections.abc import Sequence
from functools import cache

from mdialog import vocab
from mdialog.claims import ENERGY_TOLERANCE, LOOSE, TEMPO_TOLERANCE
from mdialog.happenings import about_events
from mdialog.particulars import ELECTRIC
from mdialog.question import LEVELS, better, which
from mdialog.synth import happenings, sound
from mdialog.synth.grammar import PLURALS, as_pattern, book, draw, expand, slots_of
from mdialog.synth.labels import ClipLabels, suits

LENGTHS = ("tag line", "sentence", "paragraph", "dense")  # of a description
OF_TWO = ("compare", "same", "compare:tempo", "compare:energy", "compare:instrument", "which", "suits", "suits")
WHETHER = ("instrument", "lead", "vocal", "tempo", "energy", "mood", "mode", "genre", "metre", "key")
_LEAST_CLEAR = {"paragraph": 0.5, "dense": 0.5}  # who has much to say says what is less clear too
_FACTS = {"tag line": 3, "sentence": 3, "paragraph": 6, "dense": 7}


def draw_ask(rng: random.Random, labels: ClipLabels | None, *, compares: bool) -> str:
    """What is asked of the sound beyond a kind: ``instrument:flute``, ``course``; of two clips ``compare:tempo``, ``same``.

    Half of the values asked after are true of the clip where its labels are given.
    """
    if compares and rng.random() < 0.7:
        return draw_of_two(rng, labels)
    if rng.random() < 0.06:
        return "electric"
    if rng.random() < 0.1 and (labels is None or labels.course):
        return "course"
    kind = rng.choice(WHETHER + ("instrument", "instrument", "vocal"))
    values = vocab.load()["instrument" if kind == "lead" else kind].names
    if labels is not None and rng.random() < 0.5:
        values = _true(kind, labels) or values
    return f"{kind}:{rng.choice(list(values))}"


def draw_of_two(rng: random.Random, labels: ClipLabels | None) -> str:
    """What is asked of two clips; `labels` are of the last one."""
    ask = rng.choice(OF_TWO)
    true = {"suits": labels.themes, "which": labels.instruments} if labels is not None and rng.random() < 0.5 else {}
    if ask == "suits":
        return f"suits:{rng.choice(true.get(ask) or vocab.load()['theme'].names)}"
    return f"which:instrument:{rng.choice(true.get(ask) or vocab.load()['instrument'].names)}" if ask == "which" else ask


def _true(kind: str, labels: ClipLabels) -> tuple[str, ...]:
    """Values of a kind that hold for a clip."""
    if kind in ("instrument", "mood"):
        return labels.instruments if kind == "instrument" else labels.moods
    value = getattr(labels, kind)
    return (value,) if value else ()


def question(ask: str, before: str, rng: random.Random, *, it: str = "") -> str:
    """A question in the phrase book's words, without its mark.

    Parameters
    ----------
    ask : str
    before : str
        Names the clip to compare with.
    rng : random.Random
    it : str, optional
        The sound that is spoken of as "it".
    """
    kind, _, value = ask.partition(":")
    table = book("questions")
    if about_events(ask):
        return happenings.question(ask, rng, it=it)
    if kind == "which":
        word = sound.fact("instrument", value.partition(":")[2], rng)
        return expand(rng.choice(forms(ask)), word.slots() | {"B": before}, rng, plural=word.word in PLURALS)
    if kind == "suits":
        return expand(rng.choice(forms(ask)), {"B": before, "t": sound.word_of("theme", value, rng)}, rng)
    if kind in ("compare", "same", "course", "electric"):
        return expand(rng.choice(forms(ask)), {"B": before}, rng)
    fact = sound.fact(kind, value, rng)
    return expand(rng.choice(table["whether"][_form(fact)]), fact.slots(), rng)


def forms(ask: str) -> list[str]:
    """Every template that asks this in talk."""
    kind, _, value = ask.partition(":")
    if about_events(ask):
        return happenings.forms(ask)
    table, plain = book("questions"), book("requests")["question_user"]
    if ask in plain:
        return plain[ask]
    if kind in ("suits", "which", "electric"):
        return table[kind]["ask"]
    if kind in ("compare", "same", "course"):
        return table[kind].get(value, table[kind]["any"])
    return [form for name, own in table["whether"].items()
            if name == kind or name.startswith(f"{kind}_") for form in own]  # fmt: skip


def asks_so(text: str, ask: str) -> bool:
    """Whether a text asks this in one of the phrase book's sentences."""
    return _pattern(tuple(forms(ask))).search(text) is not None


@cache
def _pattern(templates: tuple[str, ...]) -> re.Pattern:
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(as_pattern, templates))})(?=[?!.,;]|$)", re.I)


def _form(fact: sound.Fact) -> str:
    """Section of ``questions.toml`` for a fact: ``vocal_choir``, ``tempo_word``, else its kind."""
    if fact.kind == "vocal":
        return f"vocal_{fact.table}"
    return {"tempo_only": "tempo"}.get(fact.table, fact.table if fact.table in ("tempo_word", "metre_beats") else fact.kind)


def answer(ask: str, clips: Sequence[ClipLabels], before: str, *, manner: str, rng: random.Random) -> str:
    """What the sound answers: true of the last clip, and of the one before where both are asked about."""
    kind, _, value = ask.partition(":")
    if kind == "course":
        course = clips[-1].course
        silent = book("requests")["silent"]["all"]
        return sound.fact("course", course, rng).say("clause", manner=manner, rng=rng) if course else rng.choice(silent)
    if kind == "electric":
        return expand(rng.choice(book("questions")["electric"][_electric(clips[-1])]), {}, rng)
    if kind == "suits":
        return _suits(value, clips, before, rng)
    if kind == "which":
        return _which(value.partition(":")[2], clips, before, rng)
    if kind in ("compare", "same"):
        two = len(clips) == 2
        found = _shared(*clips, before, rng) if two and kind == "same" else None
        found = found or (_compared(value, *clips, before, rng) if two and kind == "compare" else None)
        return found or rng.choice(book("questions")["alike"]["nothing"])
    return _whether(kind, value, clips[-1], manner=manner, rng=rng)


def _whether(kind: str, value: str, labels: ClipLabels, *, manner: str, rng: random.Random) -> str:
    there = value in _true(kind, labels)
    if there or kind == "instrument":
        one = sound.fact("drums" if value == "drums" and kind == "instrument" else kind, value, rng)
    if there:
        said = one.say("clause", manner=manner, rng=rng)
    elif kind == "instrument":
        said = expand(rng.choice(book("questions")["absent"]["all"]), one.slots(), rng, plural=one.word in PLURALS)
    else:
        true = _true(kind, labels)
        said = sound.fact(kind, rng.choice(true), rng).say("clause", manner=manner, rng=rng) if true else ""
    slots = {"s": said.removeprefix("and ")} if said else {}
    return draw(book("questions")["yes" if there else "no"], manner, slots, rng) or "no"


def value_of(ask: str, labels: ClipLabels) -> str:
    """What answers a question about a clip of music in a word or two: ``slow``, ``yes``, ``128``; points for a purpose."""
    kind, colon, value = ask.partition(":")
    if ask in ("bpm", "level", "electric"):
        return {"bpm": _bpm, "level": _level, "electric": _electric}[ask](labels)
    if not colon:
        return ", ".join(_true(kind, labels)) or "none"
    return str(suits(value, labels)) if kind == "suits" else "yes" if value in _true(kind, labels) else "no"


def _bpm(labels: ClipLabels) -> str:
    return str(round(labels.tempo_bpm))


def _level(labels: ClipLabels) -> str:
    return str(round(labels.energy_value * LEVELS))


def _electric(labels: ClipLabels) -> str:
    """Whether the instruments are electric by their names, drums and basses aside, which may be either."""
    named = {*labels.instruments} - {"drums", "bass"}
    electric = named & {*LOOSE[ELECTRIC]}
    return "electric" if electric and electric == named else "both" if electric else "acoustic"


def _compared(kind: str, before: ClipLabels, about: ClipLabels, name: str, rng: random.Random) -> str | None:
    text = sound.comparison(before, about, name, rng, kind=kind or None, asked=True)
    if text is None and kind in ("tempo", "energy"):
        tempo = abs(about.tempo_bpm / before.tempo_bpm - 1) <= TEMPO_TOLERANCE
        alike = tempo if kind == "tempo" else abs(about.energy_value - before.energy_value) <= ENERGY_TOLERANCE
        text = expand(rng.choice(book("questions")["alike"][f"same_{kind}"]), {"B": name}, rng) if alike else None
    return text


def _suits(theme: str, clips: Sequence[ClipLabels], name: str, rng: random.Random) -> str:
    """Which of two clips suits a purpose better, and what of its sound tells them apart."""
    table = book("questions")["suits"]
    chosen = better(*(suits(theme, clip) for clip in clips)) if len(clips) == 2 else "neither"
    if chosen in ("both", "neither"):
        return expand(rng.choice(table[chosen]), {}, rng)
    why = sound.comparison(*clips, name, rng, asked=True)
    slots = {"B": name} | ({"s": why} if why else {})
    forms = [form for form in table[chosen] if slots_of(form) <= slots.keys()]
    return expand(rng.choice(forms), slots, rng)


def _which(instrument: str, clips: Sequence[ClipLabels], name: str, rng: random.Random) -> str:
    """Which of two clips has an instrument."""
    form = which(*(instrument in clip.instruments for clip in clips))
    word = sound.fact("drums" if instrument == "drums" else "instrument", instrument, rng)
    return expand(rng.choice(book("questions")["which"][form]), word.slots() | {"B": name}, rng, plural=word.word in PLURALS)


def _shared(before: ClipLabels, about: ClipLabels, name: str, rng: random.Random) -> str | None:
    """One thing that is true of two clips, the clearest likeliest."""
    found: dict[sound.Fact, float] = {}

    def add(kind: str, value: str, of: str) -> None:
        weight = sound.WEIGHTS[kind] * (before.clear(of) * about.clear(of)) ** sound.CERTAINTY
        found[sound.fact(kind, value, rng)] = weight

    for kind in ("tempo", "energy", "mode", "genre", "vocal", "lead", "metre"):
        value = getattr(about, kind)
        if value and value == getattr(before, kind) and value != "4/4":
            add(kind, value, kind)
    for mood in set(about.moods) & set(before.moods):
        add("mood", mood, "mood")
    for name_ in [name for name in about.instruments if name in before.instruments and name != "drums"][:1]:
        add("instrument", name_, f"instrument:{name_}")
    drums = {"drums" in clip.instruments for clip in (about, before)}
    if len(drums) == 1 and "steel drums" not in (*about.instruments, *before.instruments):
        add("drums" if drums == {True} else "nodrums", "drums", "instrument:drums")
    if not found:
        return None
    one = rng.choices(list(found), weights=list(found.values()))[0]
    form = f"vocal_{one.table}" if one.kind == "vocal" else {"tempo_only": "tempo"}.get(one.table, one.table)
    return expand(rng.choice(book("questions")["alike"][form]), one.slots() | {"B": name}, rng, plural=one.word in PLURALS)


def description(labels: ClipLabels, length: str, *, manner: str, rng: random.Random) -> str:
    """What a clip sounds like, in one of `LENGTHS`; shorter where little is heard clearly."""
    facts = sound.choose(labels, _FACTS[length], rng, least=_LEAST_CLEAR.get(length, sound.LEAST_CLEAR))
    if length == "dense":
        return ", ".join(f.say("bare", manner="terse", rng=rng) for f in facts)
    first, rest = facts[:3], facts[3:]
    slots = {"n": sound.noun_phrase(first, manner=manner, rng=rng)}
    if length == "tag line":
        slots["l"] = sound.listing(first, rng=rng)
    said = [sound.statement([f], manner="plain" if manner == "terse" else manner, rng=rng).removeprefix("and ") for f in rest]
    table = book("questions")["description"][length.split()[0]]
    if length == "paragraph":
        slots |= dict(zip("tu", (" and ".join(said[:2]), *said[2:]), strict=False)) if said else {}
    slots["s"] = sound.statement(first, manner=manner, rng=rng)
    fits = [t for t in table if slots_of(t) <= slots.keys()] or ["{s}"]
    return expand(rng.choice(fits), slots, rng)
