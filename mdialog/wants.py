"""Wants: a wish in plain language to what is wanted, what is not, and like what it should be.

Words are those of the vocabulary and of the claim finder (``claims.toml``); ``wants.toml`` adds how people wish: popularity,
activity, time, company, weather, and the words that turn a wish round. Nothing is dropped in silence: words that mean nothing
here are listed, and count by likeness of text and sound alone.
"""

import math
import re
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

from mdialog import claims, clauses, vocab
from mdialog.attributes import Attribute
from mdialog.claims import LOOSE
from mdialog.mentions import NO_NAMES, Names, mentions

_TABLE = tomllib.loads((files("mdialog") / "wants.toml").read_text(encoding="utf-8"))
_GRAMMAR = _TABLE["grammar"]
_NOT, _FIGURE = (re.compile("|".join(_GRAMMAR[name]), re.I) for name in ("not", "figures"))
# The claim finder's kinds and values as kinds and values that can be asked for.
_SPOKEN_KINDS = ("tempo", "instrument", "vocal", "mode", "mood", "energy", "genre", "metre")
_AS_ASKED = {("vocal", "voice"): "choir"}
_COMPARED = {"tempo": "tempo", "energy": "energy", "loudness": "energy"}
_OTHER_POLE = {"tempo": "slow", "energy": "low"}
# Words of the vocabulary that alone are too common in wishes to mean it.
_TOO_COMMON = {"known", "even-tempered", "low", "medium", "high", "reading", "a toast", "major", "minor", "voices", "exercise"}
NEAR_MARGIN = 0.1  # cosine by which the nearest theme or mood must lead the next one, to be read out of a context


@dataclass(frozen=True)
class Want:
    """One thing that a wish asks for.

    Parameters
    ----------
    kind : str
        A kind of attribute; numbers have the query language's form (``tempo:=120``, ``year:1980s``).
    values : tuple of str
        Any of them will do.
    polarity : {'want', 'avoid', 'like', 'unlike'}
        The last two are of names: it should sound like them, or not.
    words : str
        As they stand in the wish.
    start, end : int
        Where they stand.
    basis : {'words', 'context', 'likeness'}
        Read from words that say it, from an activity, time, company or weather, or guessed by likeness of text.
    compares : {'more', 'less'} or None
        Of tempo and energy: compared with what it should be like; without that, `values` count.
    """

    kind: str
    values: tuple[str, ...]
    polarity: str = "want"
    words: str = ""
    start: int = 0
    end: int = 0
    basis: str = "words"
    compares: str | None = None

    @property
    def attribute(self) -> Attribute | None:
        """As an attribute, where it is a single one."""
        if len(self.values) > 1 or self.compares or self.polarity == "unlike":
            return None
        return Attribute(self.kind, self.values[0], self.polarity)

    def __str__(self) -> str:
        sign = {"want": "", "avoid": "-", "like": "~", "unlike": "-~"}[self.polarity]
        value = f"{self.compares} of it" if self.compares else "|".join(self.values)
        return f"{sign}{self.kind}:{value}"


@dataclass(frozen=True)
class Wish:
    """What a text asks for.

    Parameters
    ----------
    text : str
    wants : tuple of Want
        In the order of the text.
    unread : tuple of str
        Words that are not understood: they count by likeness of text and sound alone.
    unknown : tuple of str
        What reads as a name and is not in the catalogue.
    """

    text: str
    wants: tuple[Want, ...] = ()
    unread: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def lean(self) -> int:
        """-1 toward what is little known, 1 toward what is well known, else 0."""
        sides = {("want", "popular"): 1, ("avoid", "popular"): -1, ("want", "obscure"): -1, ("avoid", "obscure"): 1}
        asked = [sides.get((w.polarity, value), 0) for w in self.wants if w.kind == "popularity" for value in w.values]
        return max(-1, min(1, sum(asked)))

    @property
    def wanted_text(self) -> str:
        """The text without what is not wanted and without names, for likeness of text and sound: these do not know "no"."""
        out = list(self.text)
        for want in self.wants:
            if want.polarity != "want" or want.kind in ("artist", "track", "popularity"):
                out[want.start : want.end] = " " * (want.end - want.start)
        bare = "".join(out)
        for name in self.unknown:
            bare = bare.replace(name, " ")
        kept = _NOT.sub(" ", _FIGURE.sub(" ", bare))
        kept = re.sub(r"\s+([,.;!?])", r"\1", " ".join(kept.split()))
        return kept.strip(" ,.;!?\"'") if re.search(r"\w", kept) else ""

    def understood(self) -> list[str]:
        """Lines that say what was read and what was not."""
        sides = {"want": "wanted", "avoid": "not wanted", "like": "like", "unlike": "not like"}
        basis = {"context": ", context", "likeness": ", guessed"}
        lines = []
        for polarity, side in sides.items():
            said = [f'{w.kind}:{str(w).split(":", 1)[1]} ("{w.words}"{basis.get(w.basis, "")})'
                    for w in self.wants if w.polarity == polarity]  # fmt: skip
            lines += [f"{side}: {'; '.join(said)}"] if said else []
        lines += [f"by likeness only: {', '.join(self.unread)}"] if self.unread else []
        lines += [f"not in the catalogue: {', '.join(self.unknown)}"] if self.unknown else []
        return lines


def read(text: str, *, names: Names = NO_NAMES, near: Callable[[str], Want | None] | None = None) -> Wish:
    """Read a wish.

    Parameters
    ----------
    text : str
    names : Names
        Of the catalogue.
    near : callable, optional
        Gives for a context that no word explains (``for ...``, ``while ...``) the theme or mood that it is near to, or
        None (see :func:`nearest`).

    Returns
    -------
    Wish

    Examples
    --------
    >>> [str(w) for w in read("slow jazz for a rainy day, but no piano").wants]
    ['tempo:slow', 'genre:jazz', 'theme:rainy day', '-instrument:piano']
    """
    mentioned = mentions(text, names)
    known = [Want(m.kind, (m.name,), "like" if m.like else "want", start=m.start, end=m.end) for m in mentioned if m.kind]
    masked = _masked(text, [(m.start, m.end) for m in mentioned])
    found, numbers = _words(masked, _entries()), _numbers(masked)
    found = [w for w in found if not any(_overlap(w, n) for n in numbers)] + numbers
    found += [w for w in _words(masked, _contexts()) if not any(_overlap(w, f) for f in found)]
    found = _with_polarity(masked, sorted(found + known, key=lambda w: w.start))
    found = _joined(masked, found)
    if near:
        found = sorted(found + _guessed(masked, found, near), key=lambda w: w.start)
    wants = tuple(replace(w, words=text[w.start : w.end].strip()) for w in _once(found))
    return Wish(text, wants, _unread(masked, found), tuple(m.name for m in mentioned if not m.kind))


# ---- words


@dataclass(frozen=True)
class _Entry:
    want: Want
    pattern: re.Pattern


def _entry(kind: str, values: Iterable[str], word: str, **more) -> _Entry:
    return _Entry(Want(kind, tuple(values), **more), re.compile(rf"(?<![\w#'_])(?:{word})(?![\w#_])", re.I))


@cache
def _entries() -> tuple[_Entry, ...]:
    """Every way to say a value: the vocabulary's, the claim finder's, and those of wants.toml."""
    terms, found = vocab.load(), []

    def add(kind: str, value: str, word: str) -> None:
        value = _AS_ASKED.get((kind, value), value)
        values = LOOSE.get(value, (value,))
        if all(v in terms[kind] for v in values):
            found.append(_entry(kind, values, word))

    for kind in terms:
        for value in kind.values if kind.attribute and kind.name != "key" else ():
            for word in {value.name, *value.words} - _TOO_COMMON:
                bare = re.sub(r"^(?:an?|the) ", "", word)
                bare = bare if len(bare) > 4 and bare not in _TOO_COMMON or kind.name != "theme" else word
                add(kind.name, value.name, re.escape(bare).replace(r"\-", " ").replace(r"\ ", " ") + "(?:s|es)?")
    for kind in _SPOKEN_KINDS:
        for value, words in clauses.TABLE.get(kind, {}).items():
            for word in words:
                add(kind, value, word)
    for kind, values in _TABLE["words"].items():
        for value, words in values.items():
            for word in words:
                add(kind, value, word)
    return tuple(found + _comparatives())


def _comparatives() -> list[_Entry]:
    """Faster, quieter, sadder: more or less than what it should be like; of moods the mood itself."""
    found = []
    for row in clauses.TABLE["comparative"]:
        for compares in ("more", "less"):
            for word in row[compares]:
                if row["kind"] == "mood":
                    found += [_entry("mood", [row["value"]], word)] if compares == "more" else []
                elif kind := _COMPARED.get(row["kind"]):
                    pole = "fast" if kind == "tempo" else "high"
                    found.append(_entry(kind, [pole if compares == "more" else _OTHER_POLE[kind]], word, compares=compares))
    return found


@cache
def _contexts() -> tuple[_Entry, ...]:
    return tuple(
        _entry(kind, row[kind], word, basis="context")
        for row in _TABLE["context"]
        for kind in ("theme", "mood")
        if kind in row
        for word in row["words"]
    )


_BEFORE_CONTEXT = re.compile(r"\b(?:for|while|when|during|to|on|at)(?: (?:a|an|the|my|our|some))?(?: \w+)? ?$", re.I)


def _words(masked: str, entries: Iterable[_Entry]) -> list[Want]:
    """Words of the entries, the longest first where they overlap; a theme wins behind "for", what is heard elsewhere."""
    hits = [replace(e.want, start=m.start(), end=m.end()) for e in entries for m in e.pattern.finditer(masked) if m[0].strip()]

    def order(want: Want) -> tuple:
        behind = bool(_BEFORE_CONTEXT.search(masked[: want.start]))
        return want.start - want.end, (want.kind == "theme") != behind, len(want.values), want.start

    taken: list[Want] = []
    for want in sorted(hits, key=order):
        if not any(_overlap(want, other) for other in taken):
            taken.append(want)
    return taken


_DECADES = {"twenties": 1920, "thirties": 1930, "forties": 1940, "fifties": 1950, "sixties": 1960, "seventies": 1970,
            "eighties": 1980, "nineties": 1990}  # fmt: skip
_DECADE = re.compile(rf"\b(?:(?:19|20)?\d0'?s\b|{'|'.join(_DECADES)}\b)", re.I)
_SIDE_OF_DECADE = re.compile(
    r"\b(?:(?P<before>before|pre|(?:older|earlier) than)|(?P<since>since)|(?P<after>after|post|(?:newer|later) than))"
    r" (?:the )?(?:year )?$", re.I
)
_YEAR = re.compile(
    r"(?:\b(?P<before>before|(?:older|earlier) than|pre)|\b(?P<until>until|till|up to|no later than)"
    r"|\b(?P<after>after|(?:newer|later|younger) than|post)|\b(?P<since>since|no (?:older|earlier) than))? ?(?:the year )?"
    r"\b(?P<year>(?:19|20)\d\d)\b(?!'?s\b| ?(?:bpm|beats|plays|people|listeners|times|miles)\b)"
    r"(?:(?: ?(?:up to|to|and|until|till|–) ?| )(?P<to>(?:19|20)\d\d)\b(?!'?s\b))?"
    r"(?P<on> (?:and |or )?(?:onwards?|(?:on|later|newer|after|up)(?=\W*$|[.,;!?])))?"
    r"(?P<back> (?:and|or) (?:earlier|older|before)(?=\W*$|[.,;!?]))?", re.I
)
_KEY = re.compile(r"(?<![\w#'])([A-G])(?: ?(sharp|flat|#|♯|♭)|(b))? (major|minor)\b(?! key)")


def _numbers(masked: str) -> list[Want]:
    """Decades, years, beats a minute, keys."""
    found = []
    for match in _DECADE.finditer(masked):
        digits = re.sub(r"\D", "", match[0])
        year = _DECADES.get(match[0].lower()) or (int(digits) if len(digits) == 4 else None)
        year = year or (1900 if int(digits) >= 30 else 2000) + int(digits)
        side = _SIDE_OF_DECADE.search(masked, 0, match.start())
        bounds = {"before": f"<{year}", "since": f">={year}", "after": f">={year + 10}", None: f"{year}s"}
        start = side.start() if side else match.start()
        found.append(Want("year", (bounds[side and side.lastgroup],), start=start, end=match.end()))
    for match in _YEAR.finditer(masked):
        signs = {"before": "<", "until": "<=", "after": ">", "since": ">=", "on": ">=", "back": "<="}
        sign = next((sign for name, sign in signs.items() if match[name]), "")
        value = "..".join(sorted((match["year"], match["to"]))) if match["to"] else f"{sign}{match['year']}"
        found.append(Want("year", (value,), start=match.start(), end=match.end()))
    for said in claims.beats(masked):
        if value := _interval(said):
            found.append(Want("tempo", (value,), start=said.start, end=said.end))
    for match in _KEY.finditer(masked):
        sign = {"sharp": "-sharp", "#": "#", "♯": "#", "flat": "-flat", "♭": "b", "b": "b"}.get(match[2] or match[3] or "", "")
        if key := vocab.load().canonical("key", f"{match[1]}{sign} {match[4]}"):
            found.append(Want("key", (key,), start=match.start(), end=match.end()))
    return found


def _interval(said: claims.Beats) -> str | None:
    """Beats a minute in the query language; None where there is no bound."""
    low, high, or_equal = f"{said.low:.0f}", f"{said.high:.0f}", "=" if said.ends else ""
    if math.isinf(said.low):
        return None if math.isinf(said.high) else f"<{or_equal}{high}"
    return f">{or_equal}{low}" if math.isinf(said.high) else f"={low}" if low == high else f"{low}..{high}"


def _overlap(a: Want, b: Want) -> bool:
    return a.start < b.end and b.start < a.end


def _masked(text: str, names: Iterable[tuple[int, int]]) -> str:
    """The text letter by letter: names as underscores, hyphens between letters as blanks, figures of speech gone."""
    out = list(text.replace("’", "'"))
    for start, end in names:
        out[start:end] = "_" * (end - start)
    masked = re.sub(r"(?<=\w)[-\u2010\u2011](?=\w)", " ", "".join(out))
    masked = masked.replace("—", ",").replace("\n", " ")
    return _FIGURE.sub(lambda m: "~" * len(m[0]), masked)


# ---- wanted or not

_BUT = re.compile("|".join(_GRAMMAR["but"]), re.I)
_FILL = r"(?:(?:an?|any|anything|the|too|very|overly|so|that|more|with|like|by|real|really|much|all) )*"
_OR = re.compile(rf"\s*(?:,?\s*(?:or|nor)\b|/)\s*{_FILL}", re.I)
_RUN_ON = re.compile(rf"\s*{_FILL}", re.I)
_AND = re.compile(r"\s*(?:and|&)\s*(?:too |very )?", re.I)
_COMMA = re.compile(rf"\s*,\s*{_FILL}", re.I)
_OR_LATER = re.compile(r"^[^.;!?]*?\b(?:or|nor)\b", re.I)


def _with_polarity(masked: str, found: list[Want]) -> list[Want]:
    """What stands within reach of a "no" is not wanted."""
    denials = [m for m in _NOT.finditer(masked) if not any(w.start <= m.start() and m.end() <= w.end for w in found)]
    out: list[Want] = []
    for want in found:
        before = [m for m in denials if m.end() <= want.start]
        if before and _reaches(masked, before[-1].end(), want, out):
            # Who wants it not fast wants it not faster either.
            values = ("fast", "very fast") if want.values == ("fast",) else want.values
            want = replace(want, polarity={"want": "avoid", "like": "unlike"}[want.polarity], values=values)
        out.append(want)
    return out


def _reaches(masked: str, denied_at: int, want: Want, earlier: list[Want]) -> bool:
    """Whether a denial that ends at `denied_at` holds for a want, over those between them."""
    between = masked[denied_at : want.start]
    if _BUT.search(between):
        return False
    covered = [w for w in earlier if w.start >= denied_at]
    if not covered:
        return "," not in between
    last = covered[-1]
    if last.polarity not in ("avoid", "unlike"):
        return False
    link = masked[last.end : want.start]
    if _OR.fullmatch(link) or _RUN_ON.fullmatch(link):
        return True
    alike = last.kind == want.kind
    return alike and bool(_AND.fullmatch(link) or (_COMMA.fullmatch(link) and _OR_LATER.search(masked[want.end :])))


_JOIN = re.compile(r"\s*(?:,|/|,?\s*or|,?\s*and|&)\s*(?:an? |some |the )?(?:maybe |perhaps |even )?", re.I)


def _joined(masked: str, found: list[Want]) -> list[Want]:
    """Wanted values of one kind that are joined are alternatives: by "or", and of an exclusive kind (genres) also by "and"."""
    out: list[Want] = []
    for want in found:
        last = out[-1] if out else None
        if last and (last.kind, last.polarity, last.basis) == (want.kind, "want", want.basis) and want.polarity == "want":
            link = masked[last.end : want.start]
            exclusive = want.kind in vocab.load() and vocab.load()[want.kind].exclusive
            either = re.search(r"\bor\b|/", link) or (exclusive and want.kind != "tempo")
            if _JOIN.fullmatch(link) and either and not (want.compares or last.compares):
                values = tuple(dict.fromkeys((*last.values, *want.values)))
                out[-1] = replace(last, values=values, end=want.end)
                continue
        out.append(want)
    return out


def _once(found: Iterable[Want]) -> list[Want]:
    """The first of those that say the same."""
    first: dict[tuple, Want] = {}
    for want in found:
        first.setdefault((want.kind, frozenset(want.values), want.polarity, want.compares), want)
    return list(first.values())


# ---- what is left


_CONTEXT_PHRASE = re.compile(r"\b(?:for|while|when|whenever|during|as i|before|after)\s+([^,.;!?_~]{3,60})", re.I)


def _guessed(masked: str, found: list[Want], near: Callable[[str], Want | None]) -> list[Want]:
    """Contexts in which nothing was read, by likeness of text."""
    out = []
    for match in _CONTEXT_PHRASE.finditer(masked):
        phrase = re.split(r"\b(?:with|but|without|and|that)\b", match[1])[0].strip()
        start, end = match.start(1), match.start(1) + len(phrase)
        if any(w.start < end and start < w.end for w in found) or not _unread(phrase, []):
            continue
        if want := near(phrase):
            out.append(replace(want, start=start, end=end, basis="likeness"))
    return out


def nearest(clap, phrase: str) -> Want | None:
    """The theme or mood whose texts are nearest to a phrase in CLAP's space; None where the next one is nearly as near.

    Parameters
    ----------
    clap : Clap
    phrase : str
    """
    labels = clap.zero_shot.labels
    rows = [i for i, (kind, _) in enumerate(labels) if kind in ("theme", "mood")]
    cosines = clap.zero_shot.text_embeddings[rows] @ clap.embed_text([phrase])[0]
    order = cosines.argsort()[::-1]
    if cosines[order[0]] - cosines[order[1]] < NEAR_MARGIN:
        return None
    kind, value = labels[rows[order[0]]]
    return Want(kind, (value,), basis="likeness")


@cache
def function_words() -> frozenset[str]:
    """Words of English that carry no meaning alone; of scikit-learn's list some do ("fire", "cry"), and are left out here."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return frozenset(ENGLISH_STOP_WORDS) - frozenset(_GRAMMAR["meaningful"].split())


@cache
def _empty_words() -> frozenset[str]:
    return function_words() | frozenset(_GRAMMAR["plain"].split())


def _unread(masked: str, found: Iterable[Want]) -> tuple[str, ...]:
    """Words that carry meaning and are part of nothing that was read."""
    out = list(masked)
    for want in found:
        out[want.start : want.end] = " " * (want.end - want.start)
    left = _NOT.sub(" ", "".join(out)).replace("_", " ").replace("~", " ")
    words = [word.casefold() for word in re.findall(r"[^\W_]+(?:'[^\W_]+)*", left)]
    return tuple(dict.fromkeys(w for w in words if w not in _empty_words() and len(w) > 1))
