"""Attributes as people ask for them: noun phrases, exclusions, and what is given up, in the vocabulary's words."""

import random
import re
from collections.abc import Sequence

from mdialog import vocab
from mdialog.attributes import Attribute
from mdialog.synth.grammar import PLURALS, Names, article, book, expand, listed, with_article
from mdialog.synth.sound import HOLLOW, table_of, word_of

COUNTABLE = ("waltz", "polka", "tango")
# Kinds whose words stand before a noun, in the order in which English lines them up.
ADJECTIVES = ("popularity", "energy", "mood", "tempo", "vocal", "culture")
# Kinds that follow the noun, in their natural order.
FOLLOWING = ("instrument", "vocal", "mode", "key", "metre", "energy", "mood", "tempo", "popularity", "culture", "year",
             "album", "artist", "user", "theme")  # fmt: skip


def number(value: str) -> str:
    """An open value (a year, a range, a person) as it is said."""
    if re.fullmatch(r"\d{4}s", value):
        return f"the {value}"
    if match := re.fullmatch(r"(\d+)\s*(?:\.\.|-)\s*(\d+)", value):
        return f"between {match[1]} and {match[2]}"
    if match := re.fullmatch(r"([<>])=?\s*(.+)", value):
        return f"{'before' if match[1] == '<' else 'after'} {match[2]}"
    return value


def name_of(attribute: Attribute, names: Names) -> str:
    """The hidden name that an attribute holds; a bare title gets its quotes."""
    value = attribute.value
    if attribute.kind in ("track", "album") and not (value.startswith('"') and value.count('"') > 1):
        value = f'"{value}"'
    return names.hide(value)


def _slots(attribute: Attribute, names: Names, rng: random.Random, *, plain: bool = False) -> tuple[str, dict]:
    """Section of ``requests.toml`` for an attribute, and its slots."""
    kind, value = attribute.kind, attribute.value
    if attribute.polarity == "like":
        return "like", {"n": name_of(attribute, names)}
    if kind in ("artist", "track", "album"):
        return kind, {"n": name_of(attribute, names)}
    if kind in ("year", "user"):
        return kind, {"n": number(value)}
    v = vocab.load()
    if value not in v[kind]:
        return "user", {"n": number(value)}
    word = v[kind][value].words[0] if plain else value if kind == "mode" else word_of(kind, value, rng)
    slots = {"w": word, "a": with_article(word), "aw": f"{article(word)} {word}"}
    if kind == "genre":
        name = word.removeprefix("a ")
        slots |= {"m": name, "g": name}
    section = f"vocal_{value}" if kind == "vocal" else kind if kind == "mode" else table_of(kind, word, value)
    return {"tempo_only": "tempo", "choir": "vocal_choir"}.get(section, section), slots


def _pick(form: str, section: str, slots: dict, rng: random.Random) -> str:
    table = book("requests")[form]
    fallback = {"tempo_word": "tempo"} if form in ("after", "drop") else {}
    for name in (section, fallback.get(section, "adjective"), "adjective"):
        if name in table:
            fits = [t for t in table[name] if slots.get("w") not in HOLLOW or "too " not in t]
            return expand(rng.choice(fits), slots, rng, plural=slots.get("w") in PLURALS)
    raise KeyError(f"requests.toml has no [{form}] {section}")


def _adjective(attribute: Attribute, rng: random.Random) -> str | None:
    """The attribute as a word before a noun, where it has one (drawn anew each time)."""
    kind, value = attribute.kind, attribute.value
    if kind not in ADJECTIVES or attribute.polarity != "want" or value not in vocab.load()[kind]:
        return None
    if kind == "vocal":
        return "instrumental" if value == "instrumental" and rng.random() < 0.6 else None
    word = vocab.load()[kind][value].words[0] if kind == "culture" else word_of(kind, value, rng)
    usable = " in pace" not in word and not word.startswith(("from ", "off ", "a ")) and rng.random() < 0.8
    return word if usable else None


def want(attributes: Sequence[Attribute], names: Names, rng: random.Random) -> str | None:
    """What is wanted or likened to, as one noun phrase: ``a slow reggae track with an organ from the 1980s``."""
    wanted = [a for a in attributes if a.polarity == "want"]
    likes = [a for a in attributes if a.polarity == "like"]
    tracks = [a for a in wanted if a.kind == "track"]
    if not wanted and not likes:
        return None
    adjectives, rest = [], []
    for attribute in sorted(wanted, key=lambda a: ADJECTIVES.index(a.kind) if a.kind in ADJECTIVES else 99):
        word = _adjective(attribute, rng) if len(adjectives) < 3 else None
        adjectives.append(word) if word else rest.append(attribute)
    genres = [a for a in rest if a.kind == "genre"]
    rest = [a for a in rest if a not in genres and a not in tracks]
    tails = [_after(a, names, rng) for a in sorted(rest, key=_place)] + [_after(a, names, rng) for a in likes]
    described = bool(adjectives or genres or tails)
    parts = [name_of(a, names) for a in tracks]
    if described:
        parts.append(" ".join([_head(adjectives, [g.value for g in genres], rng), _chain(tails)]).strip())
    return listed(parts, word="or")


def _place(attribute: Attribute) -> int:
    return FOLLOWING.index(attribute.kind) if attribute.kind in FOLLOWING else 99


def _after(attribute: Attribute, names: Names, rng: random.Random) -> str:
    section, slots = _slots(attribute, names, rng)
    if attribute.kind == "year" and slots["n"].startswith(("between", "before", "after")):
        return "from " + slots["n"]
    if attribute.kind in ("culture",) and not slots["w"].startswith("from "):
        return "that's " + slots["w"]
    return _pick("after", section, slots, rng)


def _chain(tails: list[str]) -> str:
    """Several followers of one noun; equal ``with`` and ``that's`` run together."""
    out: list[str] = []
    for tail in tails:
        lead = tail.split(" ")[0]
        if out and lead in ("with", "that's") and out[-1].split(" ")[0] == lead:
            out[-1] += " and " + tail.removeprefix(lead + " ")
        else:
            out.append(tail)
    return " ".join(out) if len(out) < 3 else " ".join(out[:2]) + ", " + ", ".join(out[2:])


def _head(adjectives: list[str], genres: list[str], rng: random.Random) -> str:
    lead = ", ".join(adjectives)
    if not genres:
        if not adjectives:
            return rng.choice(("something", "something", "a track", "a piece", "music", "anything", "a tune", "a number",
                               "some music"))  # fmt: skip
        noun = rng.choice(("track", "piece", "music", "tune", "number"))
        if noun == "music":
            return f"{lead} music"
        return rng.choice((f"something {listed(adjectives)}", f"{article(lead)} {lead} {noun}"))
    words = [word_of("genre", g, rng).removeprefix("a ") for g in genres]
    last = words[-1]
    if last in COUNTABLE:
        return " or ".join(_a(f"{lead} {w}".strip()) if w in COUNTABLE else f"{lead} {w}".strip() for w in words)
    if last.endswith("music") or len(words) > 1 or rng.random() < 0.55:
        return f"{rng.choice(('some ', 'some ', ''))}{lead} {' or '.join(words)}".replace("  ", " ").strip()
    return _a(f"{lead} {last} {rng.choice(('track', 'piece', 'number', 'tune'))}".strip())


def _a(noun: str) -> str:
    return f"{article(noun)} {noun}"


def avoid(attributes: Sequence[Attribute], names: Names, rng: random.Random) -> str | None:
    """What is not wanted: ``nothing with a choir and no reggae``; None where nothing is excluded."""
    parts = []
    for attribute in attributes:
        if attribute.polarity == "avoid":
            plain = attribute.kind in ("culture", "popularity", "vocal")
            section, slots = _slots(attribute, names, rng, plain=plain)
            parts.append(_pick("avoid", section, slots, rng))
    return listed(parts) if parts else None


def dropped(attribute: Attribute, names: Names, rng: random.Random) -> tuple[str, dict[str, str]]:
    """Section of ``phrases.toml`` for giving an attribute up, and its slots."""
    plain = attribute.kind in ("culture", "popularity") or attribute.value == "instrumental"
    section, slots = _slots(attribute, names, rng, plain=plain)
    if attribute.polarity == "avoid":
        return "remove_avoid", {"thing": _pick("thing", section, slots, rng)}
    if attribute.polarity == "want" and attribute.kind in ("tempo", "energy", "mood") and rng.random() < 0.4:
        return "remove_adjective", {"w": slots["w"]}
    return "remove_filter", {"drop": _pick("drop", section, slots, rng)}
