"""Words for sound events: where a text names them, and what of it states anything; the lists are ``happenings.toml``."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

from mdialog import vocab

TABLE = tomllib.loads((files("mdialog") / "happenings.toml").read_text(encoding="utf-8"))
_UNITS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
          "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty")  # fmt: skip
NUMBERS = {word: n for n, word in enumerate(_UNITS, 1)}
FIRST_CHAR = 0xE000  # a private character stands for each sound


@dataclass(frozen=True)
class Mention:
    """Where a text names a sound, and whether as one that is there."""

    name: str
    start: int
    end: int
    present: bool = True


def any_of(*sections: str) -> str:
    """One alternative of the lists of these names, as a regular expression."""
    return "(?:" + "|".join(one for section in sections for one in TABLE["grammar"][section]) + ")"


def word(pattern: str) -> re.Pattern:
    """The pattern as a whole word."""
    return re.compile(rf"\b{pattern}(?!\w)", re.I)


_NOTHING, _FRESH = re.compile(any_of("nothing_stated"), re.I), re.compile(any_of("fresh"), re.I)
_TAGGED = re.compile(r",\s*(?:(?:is|are|does|do|wo|ca)n't (?:it|they|there|you)|right|no|eh)\?\W*$", re.I)
_SPLIT = re.compile(r"[,;:!?…()]|\.(?!\d)| and (?!a half\b)| but | then | while | with ", re.I)

# ---- what is looked for

_COUNT = rf"(?:\d+(?:\.\d+)?|{'|'.join(NUMBERS)})"
_N = rf"(?:half an?|an?|a couple of|{_COUNT})"
TIME = re.compile(
    rf"(?<![\w.])(?:(?:(?P<low>{_COUNT}) (?:to |or |and )?)?(?<![\w.])(?P<n>{_N})(?P<half> and a half)?"
    r"(?: ?(?:seconds?|secs?)|(?<=\d) ?s)\b"
    rf"|(?<!the )second (?P<at>\d+|{'|'.join(NUMBERS)})\b|0?0:(?P<clock>[0-5]\d)\b)",
    re.I,
)
TIMES = re.compile(
    rf"(?<!at )\b(?:(?P<once>once(?! (?:the|it|again|more|they|that|in)\b)|(?:one|a single) time(?! or))|(?P<twice>twice)"
    rf"|(?P<thrice>thrice)|(?P<n>\d+|a couple of|{'|'.join(NUMBERS)}) (?:separate |different |short )?times)\b",
    re.I,
)
DENIED = re.compile(rf"\b{any_of('deny')}(?: {any_of('between')}\b)* $", re.I)
NOT_DENIED = re.compile(r"\bno doubt|\bnot (?:only|just)\b", re.I)
ABSENT = re.compile(rf"^(?: \w+)? ?{any_of('absent_after')}(?!\w)", re.I)
WHOLE, START, START_ASKED = (word(any_of(name)) for name in ("whole", "start", "start_asked"))
AGAIN, STROKES = word(any_of("again")), word(any_of("strokes"))
TOGETHER, APART = word(any_of("together")), word(any_of("apart"))
_ABOUT = rf"(?: ?\b{any_of('about')}\b)*\s*$"
BEFORE = {kind: re.compile(rf"(?:{any_of(name)})(?:\b|(?<= )){_ABOUT}", re.I) for kind, name in
           (("none", "no_time_before"), ("onset", "starts_before"), ("duration", "lasts_before"))}  # fmt: skip
AFTER = {kind: re.compile(rf"\s*(?:or so )?{any_of(name)}", re.I) for kind, name in
          (("none", "no_time_after"), ("onset", "starts_after"), ("duration", "lasts_after"))}  # fmt: skip
NOT = re.compile(r"(?:\bnot|n't|\bnever|\bno)(?: [\w']+){0,4} ?$", re.I)
_SECOND = rf"(?: {any_of('about')})* (?:second )?(?P<%s>{_N})(?: ?seconds?| ?s)?"
FROM_TO = re.compile(rf"\b(?:from|between){_SECOND % 'a'}(?: in)? (?:to|until|till|and){_SECOND % 'b'}\b", re.I)
PREPOSITION = re.compile(r"\s*(?:over|under|with|during|before|after|behind|through|against|beneath|on top of)\b", re.I)

# Of two sounds, each one character (:func:`skeleton`): the patterns, and whether the second one is the first to begin.
_M, _G, _X = "([\ue000-\uf8ff])", "[^\ue000-\uf8ff;.!?]{0,60}?", "[^\ue000-\uf8ff]{0,80}?"
_UP_TO = r"(?: [\w']+){0,3}? ?"
_NO_THAT = r"(?! (?:that|this|it|them|which)\b)"
_NO_TIME = r"(?! (?:about |around |only |just )*(?:\d|a (?:second|few|moment|while)\b|(?:" + "|".join(NUMBERS) + r")\b))"
ORDERS = tuple((re.compile(pattern, re.I), turned) for pattern, turned in (
    (rf"{_M}(?={_X}\b{any_of('then')}\b(?! than){_NO_THAT}{_G}{_M})", False),
    (rf"{_M}(?={_X}\b(?:after (?:that|this|it|them))\b{_G}{_M})", False),
    (rf"{_M}(?={_G}\b(?:after|follows|following|later than)\b{_NO_THAT}{_NO_TIME}{_UP_TO}{_M})", True),
    (rf"{_M}(?={_G}\b(?:sooner|earlier|first,? ahead of) than\b{_UP_TO}{_M})", False),
    (rf"(?:^|[;.,!?:])\s*(?:only |just |right |and |but )*after{_NO_TIME}{_UP_TO}{_M}(?=,?{_G}{_M})", False),
    (rf"(?:^|[;.,!?:])\s*(?:just |right |and |but )*before{_UP_TO}{_M}(?=,?{_G}{_M})", True),
    (rf"\b(?:begins|starts|opens|kicks off) with\b{_G}{_M}(?={_G}\bends with\b{_G}{_M})", False),
))  # fmt: skip
_NOT_TIME = r"\b(?! (?:time|few|half|second|\d|thing)\b)"
FIRSTS = tuple((re.compile(pattern, re.I), turned) for pattern, turned in (
    (rf"{_M}(?: (?!than\b)[\w']+){{0,6}}? (?:first|sooner|earlier){_NOT_TIME}(?! than)", False),
    (rf"\bfirst{_NOT_TIME}(?:,? (?!then\b)[\w']+){{0,4}}?,? {_M}", False),
    (rf"\b(?:begins|starts|opens|kicks off) with\b{_G}{_M}", False),
    (rf"{_M}(?: (?!than\b)[\w']+){{0,5}}? (?:(?<!a )second|last|later|afterwards)\b(?! than| on\b)", True),
))  # fmt: skip
_OVER = rf"(?: [\w',]+){{0,5}}? {any_of('over')}(?: (?:the|an?|some|this|it all))?(?: [\w']+)?"
OVER = re.compile(rf"{_M}(?=(?P<gap>{_OVER}) {_M})", re.I)


# ---- where it is looked for


def plain(text: str) -> str:
    """The text letter by letter, with apostrophes of one kind and spaces for hyphens."""
    return re.sub(r"(?<=\w)-(?=\w)", " ", text.replace("’", "'").replace("—", ",").replace("–", ",")).replace(" - ", " , ")


_UNCOUNTED = ("fire", "wind", "sea")  # with an s they are something else


@lru_cache(maxsize=256)
def _finder(labels: tuple[str, ...]) -> tuple[re.Pattern, tuple[str | None, ...]]:
    """One pattern for all ways to name a sound, the longest first, and the sound of each of its groups."""
    forms: dict[str, str | None] = dict.fromkeys(TABLE["grammar"]["not_meant"])
    for value in vocab.events().values:
        said = [re.escape(plain(one)) for one in (value.name, *value.words) if not re.search(r"[,(]", one)]
        said += [] if value.name in _UNCOUNTED else [f"{one}(?:s|es)" for one in said]
        forms |= dict.fromkeys((*said, *TABLE["words"].get(value.name, ())), value.name)
    for label in labels:
        if label not in vocab.events():
            parts = [re.sub(r"\W+", " ", part).strip() for part in (label, *re.split(r"[,(]", label))]
            forms = dict.fromkeys(filter(None, map(re.escape, parts)), label) | forms
    ordered = sorted(forms, key=len, reverse=True)
    pattern = "|".join(f"(?P<w{i}>{form})" for i, form in enumerate(ordered))
    return re.compile(rf"(?<![\w'])(?:{pattern})(?!\w)", re.I), tuple(forms[form] for form in ordered)


def mentions(text: str, labels: Iterable[str] = ()) -> Iterator[Mention]:
    """Sounds that a text (:func:`plain`) names, as if all of them were there.

    Parameters
    ----------
    text : str
    labels : iterable of str, optional
        A source's own words for sounds, beside the vocabulary's.
    """
    pattern, sounds = _finder(tuple(sorted({*labels})))
    for match in pattern.finditer(text):
        name = sounds[int(match.lastgroup[1:])]
        if name and not re.search(r"\b(?:my|your|our|his|her|their) $", text[: match.start()], re.I):
            yield Mention(name, *match.span())


def named(text: str, name: str) -> bool:
    """Whether a text speaks of a sound, stated or not."""
    return any(found.name == name for found in mentions(plain(text), (name,)))


def asks_for(text: str, ask: str) -> bool:
    """Whether a question has a word that its kind needs: "when" for an onset."""
    needed = TABLE["asking"].get(ask.partition(":")[0])
    return needed is None or re.search(needed, plain(text), re.I) is not None


_OTHERS = {"second", "seconds", "once", "twice", "times", "affirmative", "negative"}


@cache
def words() -> frozenset[str]:
    """Single words with which events are spoken of: the vocabulary's, and those that :func:`happenings.find` looks for."""
    texts = [one for value in vocab.events().values for one in value.words]
    patterns = [one for section in ("words", "grammar") for ones in TABLE[section].values() for one in ones]
    texts += [re.sub(r"\\.|\[[^]]*\]", " ", pattern) for pattern in patterns]
    found = {one for text in texts for one in re.findall(r"[a-z]+(?:'[a-z]+)?", text.casefold())}
    return frozenset(found | NUMBERS.keys() | {one + "s" for one in found} | _OTHERS)


def stated(text: str, names: Iterable[str]) -> str:
    """The text letter by letter, with semicolons for what is not stated: names, questions, doubts, wishes."""
    text = re.sub(r'"[^"]*"', lambda m: ";" * len(m[0]), plain(text))
    for name in sorted(filter(None, names), key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(plain(name))}(?!\w)", lambda m: ";" * len(m[0]), text)
    out = []
    for match in re.finditer(r"[^.!?;…]+(?:\.(?=\d)[^.!?;…]*)*[.!?;…]*|[.!?;…]+", text):
        sentence = match[0]
        if "?" in sentence:
            tag = _TAGGED.search(sentence)
            sentence = sentence[: tag.start()].ljust(len(sentence), ";") if tag else ";" * len(sentence)
        begin = 0
        while nothing := _NOTHING.search(sentence, begin):
            fresh = _FRESH.search(sentence, nothing.end())
            end = fresh.start() if fresh else len(sentence)
            sentence = sentence[: nothing.start()] + ";" * (end - nothing.start()) + sentence[end:]
            begin = end
        out.append(sentence)
    return "".join(out)


def pieces(text: str) -> list[tuple[int, int]]:
    """Clauses: begin and end of each, in order."""
    found, begin = [], 0
    for match in _SPLIT.finditer(text):
        found.append((begin, match.start()))
        begin = match.end()
    return [*found, (begin, len(text))]


def skeleton(text: str, there: Sequence[Mention]) -> tuple[str, list[tuple[int, int]]]:
    """The text with one character for each sound, from `FIRST_CHAR` on, and where each of its characters stood."""
    out, at, end = [], [], 0
    for i, mention in enumerate(there):
        out += [text[end : mention.start], chr(FIRST_CHAR + i)]
        at += [*((k, k + 1) for k in range(end, mention.start)), (mention.start, mention.end)]
        end = mention.end
    return "".join(out) + text[end:], [*at, *((k, k + 1) for k in range(end, len(text)))]


def number(text: str) -> float:
    """A number in digits or words."""
    text = text.lower()
    special = {"half a": 0.5, "half an": 0.5, "a": 1, "an": 1, "a couple of": 2}
    return special[text] if text in special else NUMBERS[text] if text in NUMBERS else float(text)


