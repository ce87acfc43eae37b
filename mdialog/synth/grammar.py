"""Templates with slots and nested alternatives, and how pieces of a turn become sentences.

``[x|y]`` draws one of its alternatives (they nest), ``{slot}`` is filled in, ``{v:carries}`` takes the
verb's form that agrees with the word spoken of. Names are carried through as single private-use characters, so
that neither capitalisation nor tidying can touch them.
"""

import random
import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{(\w+)(?::(\w+))?\}")
_PRIVATE = 0xE000

# Verbs whose plural is not the singular without its s.
_PLURAL = {"is": "are", "has": "have", "does": "do", "was": "were", "carries": "carry", "lies": "lie", "got": "got"}

# Words that take no article, by number.
PLURALS = ("strings", "horns", "vibes", "steel drums", "drums", "choral voices", "voices")
MASS = ("brass", "percussion", "singing")


# How often a turn begins with an opening of its manner.
OPENING_SHARE = {"chatty": 0.4, "hesitant": 0.4, "enthusiastic": 0.3, "wry": 0.2, "poetic": 0.2, "formal": 0.12,
                 "expert": 0.15, "plain": 0.1}  # fmt: skip

# Openings of templates before which another opening would be one too many.
_OPENED = (
    r"(so|oh|ooh|okay|ok|ah|um|er|hmm|well|right|listen|wow|yes|no|ha|hi|hey|hello|greetings|good|honestly|let's"
    r"|you know|if I|may I|might)\b"
)
# After these a turn may go on in the same sentence.
_SHORT = ("greeting", "sympathetic_response", "accept_bare", "reject_bare", "parroting_bare")
_JOINTS = {"formal": (", ", "; "), "hesitant": ("... ", ", "), "poetic": (", ", " - "), "enthusiastic": (", ", " - ")}


class Names:
    """Names of one turn, each hidden behind one character until the text is done."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def hide(self, text: str) -> str:
        """A character that stands for `text`."""
        self._texts.append(text)
        return chr(_PRIVATE + len(self._texts) - 1)

    def show(self, text: str) -> str:
        """`text` with every hidden name back in place."""
        return "".join(self._texts[ord(c) - _PRIVATE] if self._is_hidden(c) else c for c in text)

    def _is_hidden(self, char: str) -> bool:
        return _PRIVATE <= ord(char) < _PRIVATE + len(self._texts)


@cache
def book(name: str) -> dict:
    """One of the phrase book's TOML files, read once."""
    return tomllib.loads((files(__package__) / f"{name}.toml").read_text(encoding="utf-8"))


def article(word: str) -> str:
    """``a`` or ``an`` before `word`."""
    first = word.lower()
    return "an" if first[:1] in "aeiou" and not first.startswith(("eu", "uni", "one")) else "a"


def with_article(word: str) -> str:
    """`word` as one says that it is there: ``a flute``, ``strings``, ``brass``."""
    return word if word in PLURALS or word in MASS or word.startswith(("a ", "no ")) else f"{article(word)} {word}"


def verb(form: str, *, plural: bool) -> str:
    """The verb `form` (third person singular) in the number asked for."""
    if not plural:
        return form
    return _PLURAL.get(form, form[:-1] if form.endswith("s") else form)


def slots_of(template: str) -> set[str]:
    """Names of the slots that `template` needs (without verbs)."""
    return {m[1] for m in _SLOT.finditer(template) if not m[2]}


def expand(template: str, slots: Mapping[str, str], rng: random.Random, *, plural: bool = False) -> str:
    """Draw the alternatives of `template` and fill its slots."""
    while match := _CHOICE.search(template):
        template = template[: match.start()] + rng.choice(match[1].split("|")) + template[match.end() :]
    text = _SLOT.sub(lambda m: verb(m[2], plural=plural) if m[2] else slots[m[1]], template)
    return re.sub(r" {2,}", " ", text).strip()


def as_pattern(template: str) -> str:
    """A regular expression of what a template can become: {B} is a name in quotation marks, other slots a few words."""
    words = r"[\w'/#-]+(?: [\w'/#-]+){0,6}?"
    kinds = {"B": rf'(?:"[^"]*"(?: by [^?]+?)?|{words})'}
    out, at = "", 0
    for match in re.finditer(rf"{_CHOICE.pattern}|{_SLOT.pattern}", template):
        out += re.escape(template[at : match.start()])
        slot = _SLOT.fullmatch(match[0])
        if slot is None:
            out += f"(?:{'|'.join(map(as_pattern, match[0][1:-1].split('|')))})"
        else:
            out += r"[\w']+" if slot[2] else kinds.get(slot[1], words)
        at = match.end()
    return out + re.escape(template[at:])


def draw(
    table: Mapping[str, Sequence[str]],
    manner: str,
    slots: Mapping[str, str],
    rng: random.Random,
    *,
    plural: bool = False,
) -> str | None:
    """A template of `table` that suits `manner` and whose slots are all at hand, expanded; None without one.

    Half of the draws come from the manner's own list where it has one (of terse ones, three quarters).
    """
    own, shared = ([t for t in patterns(table, key) if slots_of(t) <= slots.keys()] for key in (manner, "shared:" + manner))
    if not own and not shared:
        return None
    pool = own if own and (not shared or rng.random() < (0.75 if manner == "terse" else 0.5)) else shared
    return expand(rng.choice(pool), slots, rng, plural=plural)


def patterns(table: Mapping[str, Sequence[str]], key: str) -> list[str]:
    """Templates of `table` under a manner, or those it shares with others (``shared:manner``)."""
    shared = ("all",) if key == "shared:terse" else ("all", "any") if key.startswith("shared:") else ()
    return [t for names, ts in table.items() for t in ts if any(n in (*shared, key) for n in names.split())]


def sentence(text: str) -> str:
    """`text` with a capital and an end; a name at its start stays as it is."""
    text = text.strip(" ,")
    for i, char in enumerate(text):
        if char.isalpha() or char.isdigit() or ord(char) >= _PRIVATE:
            text = text[:i] + (char.upper() if char.isalpha() else char) + text[i + 1 :]
            break
    return text if text.endswith((".", "!", "?", "…")) else text + "."


def listed(items: Sequence[str], *, word: str = "and") -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    items = list(dict.fromkeys(items))
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {word} {items[-1]}"


def assemble(pieces: Sequence[tuple[str, str]], *, role: str, manner: str, rng: random.Random) -> str:
    """Pieces (section, text) as sentences: short ones run together, each with its manner's punctuation."""
    groups: list[str] = []
    last = ""
    for section, piece in pieces:
        joint = _joint(last, groups[-1], section, manner=manner, rng=rng) if groups else None
        if joint:
            groups[-1] += joint + piece
        else:
            groups.append(piece)
        last = section
    aside = pieces[0][0] == "aside"
    if rng.random() < OPENING_SHARE.get(manner, 0.0) and not aside and not re.match(_OPENED, groups[0]):
        groups[0] = rng.choice(book("phrases")["opening"][role][manner]) + groups[0]
    text = " ".join(_punctuate(g, manner=manner, rng=rng) for g in groups)
    return _tidy(text)


def _joint(last: str, before: str, section: str, *, manner: str, rng: random.Random) -> str | None:
    """What ties a piece to the sentence before it; None for a new sentence."""
    if before[-1] in ".!?…" or ". " in before:
        return None
    if section == "then_sound" and last in ("passive_recommend", "active_recommend", "active_bare"):
        return rng.choice((" - ", ": ")) if rng.random() < 0.2 else None
    if last in _SHORT and len(before.split()) <= 4 and section not in _SHORT and rng.random() < 0.5:
        return rng.choice(_JOINTS.get(manner, (", ", ", ", " - ")))
    return None


def _punctuate(text: str, *, manner: str, rng: random.Random) -> str:
    parts = re.split(r"(?<=[.?!])\s+(?=\S)", text)
    done = []
    for i, part in enumerate(parts):
        last = i == len(parts) - 1
        if last and part[-1] not in ".?!…":
            x = rng.random()
            part += "!" if manner == "enthusiastic" and x < 0.5 else "..." if manner == "hesitant" and x < 0.12 else "."
        done.append(sentence(part))
    return " ".join(done)


def _tidy(text: str) -> str:
    text = re.sub(r"\s+([,.;:!?])", r"\1", text)
    text = re.sub(r",+([.!?;:])", r"\1", re.sub(r",\s*,", ",", text))
    return re.sub(r"\s{2,}", " ", text).strip()
