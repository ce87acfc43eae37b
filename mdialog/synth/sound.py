"""Audible facts: what may be said of a clip, drawn from its labels, in the vocabulary's own words."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from mdialog import vocab
from mdialog.claims import ENERGY_TOLERANCE, TEMPO_TOLERANCE
from mdialog.synth.grammar import PLURALS, article, book, expand, listed, patterns, with_article
from mdialog.synth.labels import ClipLabels

# How often each kind of fact is spoken of, relative to the others.
WEIGHTS = {
    "lead": 3.0, "tempo": 3.0, "drums": 1.5, "vocal": 1.8, "instrument": 2.2, "energy": 1.2, "mood": 1.4,
    "mode": 0.8, "genre": 1.0, "course": 0.8, "metre": 0.12, "nodrums": 1.5,
}  # fmt: skip
CERTAINTY = 16  # what is heard with .9 of the certainty is said a fifth as often: who says what he hears best is seldom wrong
LEAST_CLEAR = 0.8  # what is heard less clearly goes unsaid where anything clearer is there
ODD_METRE = 0.9
PLAIN = 0.7  # share of draws that use a value's first word
DIFFERS = 1.12  # ratio of tempos that is heard as faster
LOUDEST = 3  # instruments that are spoken of unasked
_DEGREE = re.compile(r"\b(quite|pretty|so|sort of|kind of|how|such|what)\b")
HOLLOW = ("very fast", "breakneck", "frantic in pace")  # no "too" before these


@dataclass(frozen=True)
class Fact:
    """One audible statement waiting for its form.

    Parameters
    ----------
    kind : str
        A key of `WEIGHTS`.
    table : str
        Section of ``sound.toml`` that says it.
    word : str
        The vocabulary's word for the value.
    """

    kind: str
    table: str
    word: str

    @property
    def adjective(self) -> str | None:
        """The word where it can stand before a noun, else None."""
        if self.table in ("tempo", "tempo_word", "energy", "mood"):
            return None if " in pace" in self.word else self.word
        if self.table == "mode":
            return f"{self.word}-key"
        return "instrumental" if self.word == "instrumental" else None

    def slots(self) -> dict[str, str]:
        """What the templates of ``sound.toml`` may ask for."""
        word = self.word
        return {
            "w": word,
            "a": with_article(word),
            "aw": f"{article(word)} {word}",
            "g": word if word not in ("waltz", "polka", "tango") else f"a {word}",
            "too": f"too {word}" if word not in HOLLOW else f"rather {word}" if word != "very fast" else word,
        }

    def say(self, form: str, *, manner: str, rng: random.Random) -> str:
        """The fact in one of the forms of ``sound.toml``: clause, with, bare, np, con."""
        table = book("sound")[self.table]
        own = patterns(table, manner) if form == "clause" and rng.random() < 0.35 else []
        fits = own or table[form]
        if self.word in HOLLOW:
            fits = [t for t in fits if not _DEGREE.search(t)] or table["clause"][:1]
        return expand(rng.choice(fits), self.slots(), rng, plural=self.word in PLURALS)


def word_of(kind: str, value: str, rng: random.Random) -> str:
    """The vocabulary's word for a value: most often the plainest one."""
    words = vocab.load()[kind][value].words
    return words[0] if len(words) == 1 or rng.random() < PLAIN else rng.choice(words[1:])


def fact(kind: str, value: str, rng: random.Random) -> Fact:
    """A fact of a vocabulary kind (``lead`` and ``drums`` speak of the kind `instrument`)."""
    if kind in ("lead", "instrument", "drums", "nodrums"):
        word = word_of("instrument", value, rng)
        return Fact("drums" if kind == "nodrums" else kind, kind, word)
    if kind == "mode":
        return Fact(kind, kind, value)
    word = word_of(kind, value, rng)
    if kind == "genre":
        word = word.removeprefix("a ")
    return Fact(kind, table_of(kind, word, value), word)


def table_of(kind: str, word: str, value: str) -> str:
    """Section of ``sound.toml`` for a word of a kind."""
    if kind == "tempo":
        return "tempo_only" if word == "moderate" else "tempo_word" if "pace" in word or "tempo" in word else kind
    if kind == "metre":
        return "metre_beats" if "beats" in word else kind
    return value if kind == "vocal" else kind


def candidates(labels: ClipLabels, rng: random.Random, *, least: float = LEAST_CLEAR) -> dict[Fact, float]:
    """Everything that may be said unasked of a clip, with its weight: less for what is less clear, none under `least`."""
    facts: dict[Fact, float] = {}
    clearly: set[Fact] = set()

    def add(kind: str, value: str, *, weight: float, clear: str | None = None) -> None:
        one = fact(kind, value, rng)
        facts[one] = weight * labels.clear(clear or kind) ** CERTAINTY
        clearly.update({one} if labels.clear(clear or kind) >= least else ())

    add("tempo", labels.tempo, weight=WEIGHTS["tempo"])
    if labels.lead:
        add("lead", labels.lead, weight=WEIGHTS["lead"])
    others = [i for i in labels.instruments[:LOUDEST] if i not in (labels.lead, "drums")]
    for name in others:
        add("instrument", name, weight=WEIGHTS["instrument"] / len(others), clear=f"instrument:{name}")
    if "drums" in labels.instruments:
        add("drums", "drums", weight=WEIGHTS["drums"], clear="instrument:drums")
    elif "steel drums" not in labels.instruments:  # "no drums" would be misread
        add("nodrums", "drums", weight=WEIGHTS["nodrums"], clear="instrument:drums")
    for kind in ("vocal", "energy", "mode", "genre"):
        add(kind, getattr(labels, kind), weight=WEIGHTS[kind])
    add("metre", labels.metre, weight=WEIGHTS["metre"] if labels.metre == "4/4" else ODD_METRE)
    if labels.moods:
        add("mood", rng.choice(labels.moods), weight=WEIGHTS["mood"])
    if labels.course in ("rising", "falling"):
        add("course", labels.course, weight=WEIGHTS["course"], clear="energy")
    return {one: weight for one, weight in facts.items() if one in clearly or not clearly}


def choose(labels: ClipLabels, n: int, rng: random.Random, *, least: float = LEAST_CLEAR) -> list[Fact]:
    """`n` facts of different kinds, drawn by weight among those that are heard with a clarity of `least` or more."""
    left, chosen = candidates(labels, rng, least=least), []
    while left and len(chosen) < n:
        one = rng.choices(list(left), weights=list(left.values()))[0]
        chosen.append(one)
        left = {f: w for f, w in left.items() if f.kind != one.kind and f.word != one.word}
    return chosen


NOUNS = ("track", "piece", "one", "tune", "number")


def noun_phrase(facts: Sequence[Fact], *, manner: str, rng: random.Random) -> str:
    """Facts as a thing one can recommend: ``a slow, sad piece with a flute in front``."""
    genre = next((f for f in facts if f.kind == "genre"), None)
    adjectives = [f for f in facts if f.adjective][:2]
    rest = [f for f in facts if f not in adjectives and f is not genre]
    noun = rng.choice(NOUNS)
    if genre:
        countable = genre.word in ("waltz", "polka", "tango")
        bare = genre.word.removesuffix(" music")
        noun = genre.word if countable else f"{bare} {rng.choice(('track', 'piece', 'number'))}"
    if noun == "one" and not adjectives:
        head = "one"
    else:
        head = " ".join([", ".join(f.adjective for f in adjectives), noun]).strip()
        head = f"{article(head)} {head}"
    tails = sorted((f.say("with", manner=manner, rng=rng) for f in rest), key=_tail_place)
    return " ".join([head, _chained(tails)]).strip()


def _tail_place(tail: str) -> int:
    """Where a follower stands: ``at a slow tempo``, ``in a minor key``, ``with a flute``, the others."""
    starts = ("at ", "in ", "wit")
    return starts.index(tail[:3]) if tail[:3] in starts else len(starts)


def _chained(tails: Sequence[str]) -> str:
    """Followers of one noun; neighbours that both begin with `with` share it."""
    text = tails[0] if tails else ""
    for before, tail in zip(tails, tails[1:], strict=False):
        both = before.startswith("with ") and tail.startswith("with ")
        text += " and " + tail.removeprefix("with ") if both else " " + tail if before[:3] in ("at ", "in ") else ", " + tail
    return text


def statement(facts: Sequence[Fact], *, manner: str, rng: random.Random) -> str:
    """Facts as one statement with its own subject."""
    first, rest = facts[0], facts[1:]
    if not rest:
        return first.say("clause", manner=manner, rng=rng)
    if manner == "terse":
        return listing(facts, rng=rng)
    if first.adjective and first.table != "mode" and rng.random() < 0.5:
        tail = [f.adjective if f.adjective and f.table != "mode" else f.say("with", manner=manner, rng=rng) for f in rest]
        joint = " and " if rest[0].adjective and rest[0].table != "mode" else ", "
        return f"it's {first.word}" + joint + ", ".join(tail)
    clauses = [f.say("clause", manner=manner, rng=rng) for f in facts]
    joint = rng.choice((", and ", ", and ", "; ", ". "))
    clauses[1:] = [c.removeprefix("and ") for c in clauses[1:]]
    return joint.join([", ".join(clauses[:-1]), clauses[-1]])


def listing(facts: Sequence[Fact], *, rng: random.Random) -> str:
    """Facts as notes: ``slow, flute in front``."""
    return ", ".join(f.say("bare", manner="terse", rng=rng) for f in facts)


def comparison(
    before: ClipLabels, about: ClipLabels, name: str, rng: random.Random, *, kind: str | None = None, asked: bool = False
) -> str | None:
    """One clear difference (or shared lead) between two clips, as a clause, of a kind if given; None where nothing is clear.

    Where it is `asked` after, what :mod:`mdialog.question` notes is told: small steps only where their kind is asked after, the
    first instruments that are new or gone where instruments are, and nothing of what leads.
    """
    table, options = book("sound")["compare"], []

    def add(key: str, word: str = "", other: str = "", *, of: str, weight: float = 1.0) -> None:
        slots = {
            "B": name,
            "w": word,
            "a": with_article(word) if word else "",
            "b": with_article(other) if other else "",
        }
        if kind in (None, of, of.partition(":")[0]):
            options.append((weight * (before.clear(of) * about.clear(of)) ** CERTAINTY, key, slots, word in PLURALS))

    ratio, step = about.tempo_bpm / before.tempo_bpm, about.energy_value - before.energy_value
    differs = 1 + TEMPO_TOLERANCE if asked else DIFFERS
    if (ratio > differs or 1 / ratio > differs) and (kind or not asked or about.tempo != before.tempo):
        add("faster" if ratio > 1 else "slower", of="tempo", weight=3)
    if about.energy != before.energy or asked and kind and abs(step) > ENERGY_TOLERANCE:
        add("more" if step > 0 else "less", of="energy", weight=1.5)
    word = word_of("instrument", "drums", rng)
    if "steel drums" not in (*about.instruments, *before.instruments) and (
        ("drums" in about.instruments) != ("drums" in before.instruments)
    ):
        add("drums_in" if "drums" in about.instruments else "drums_out", word, of="instrument:drums", weight=1.5)
    if about.vocal != before.vocal:
        word = word_of("vocal", "choir", rng)
        add("choir_in" if about.vocal == "choir" else "choir_out", word, of="vocal", weight=1.5)
    for key, here, there in (("adds", about, before), ("lacks", before, about)) if kind or not asked else ():
        other = [i for i in here.instruments if i not in (*there.instruments, "drums") and (asked or i != there.lead)]
        for name_ in other[:1] if asked else [i for i in other if i in here.instruments[:LOUDEST]]:
            add(key, word_of("instrument", name_, rng), of=f"instrument:{name_}", weight=0.7)
    if about.lead and before.lead and not asked:
        lead = word_of("instrument", about.lead, rng)
        if about.lead == before.lead:
            add("same_lead", lead, of="lead", weight=1.5)
        else:
            add("new_lead", lead, word_of("instrument", before.lead, rng), of="lead")
    if not options:
        return None
    _, key, slots, plural = rng.choices(options, weights=[o[0] for o in options])[0]
    return expand(rng.choice(table[key]), slots, rng, plural=plural)


def answers(kind: str, labels: ClipLabels | None, *, manner: str, rng: random.Random) -> list[Fact] | None:
    """Facts that answer a question about `kind`; None where the sound has no answer."""
    if labels is None:
        return None
    if kind == "instrument":
        others = sorted((i for i in labels.instruments[:LOUDEST] if i not in (labels.lead, "drums")),
                        key=lambda i: -labels.clear(f"instrument:{i}"))  # fmt: skip
        facts = [fact("instrument", i, rng) for i in others[: 2 if manner != "terse" else 1]]
        lead = [fact("lead", labels.lead, rng)] if labels.lead else []
        return (lead + facts if labels.clear("lead") >= 0.5 else facts or lead) or None
    if kind == "mood":
        return [fact("mood", rng.choice(labels.moods), rng)] if labels.moods else None
    value = getattr(labels, kind, None) if kind in ("tempo", "key", "mode", "metre", "energy", "genre", "vocal") else None
    return [fact(kind, value, rng)] if value else None


def heard_instruments(facts: Sequence[Fact], *, rng: random.Random) -> str:
    """Instruments as one list: ``I hear a flute, strings and a harp``."""
    return (
        rng.choice(("I hear", "there's", "what I hear is", "I can make out"))
        + " "
        + listed([with_article(f.word) for f in facts])
    )
