"""Audible claims: what an utterance says about sound, found by words (the vocabulary's, and claims.toml) and a small grammar.

A claim is a statement about how a track sounds. Wishes, questions, names and figures of speech claim nothing; a hedge still
claims. ``tests/sentences`` holds labelled sentences, ``scripts/evaluate_claims.py`` the precision and recall on them.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property
from importlib.resources import files

from mdialog import vocab
from mdialog.synth.labels import ClipLabels

_TABLE = tomllib.loads((files("mdialog") / "claims.toml").read_text(encoding="utf-8"))

# Tempo words are right for a tempo within 4 % of their range; energy words within .05.
TEMPO_TOLERANCE = 0.04
ENERGY_TOLERANCE = 0.05

# Kinds that speak of a track as a whole: said of one instrument or of a voice they claim nothing about the track.
_WHOLE = {"energy", "loudness", "brightness", "density", "course"}
# The pole that "more" points to; a comparison by the other pole turns round.
POLES = {"tempo": "fast", "energy": "high", "loudness": "loud", "brightness": "bright", "density": "dense"}
_TURNED = {"more": "less", "less": "more", "same": "same"}
LOOSE = {  # instruments that are named without saying which
    "guitar": ("acoustic guitar", "electric guitar", "distorted guitar"),
    "synth": ("synth lead", "synth pad"),
    "keyboard": ("piano", "electric piano", "organ", "harpsichord"),
}


def _any(name: str) -> str:
    """The alternatives of an entry of the grammar in claims.toml."""
    return "|".join(_TABLE["grammar"][name])


@dataclass(frozen=True)
class Claim:
    """One audible statement.

    Parameters
    ----------
    text : str
        The words that make it.
    kind : str
        An audible kind of the vocabulary, or one of ``lead loudness brightness density``.
    value : str
        A value of the kind; a tempo may also be a number of beats a minute.
    present : bool
        False for "no drums", "without a choir".
    start, end : int
        Where in the utterance.
    comparison : {'more', 'less', 'same'} or None
        Against an earlier track; `value` is then what there is more or less of (a tempo: ``fast``).
    """

    text: str
    kind: str
    value: str
    present: bool
    start: int
    end: int
    comparison: str | None = None


def find(utterance: str, *, names: Iterable[str] = ()) -> list[Claim]:
    """Audible claims of an utterance, left to right.

    Parameters
    ----------
    utterance : str
    names : iterable of str
        Titles and artists: words inside them claim nothing. Quoted text never does.

    Returns
    -------
    list of Claim
    """
    masked = _masked(utterance, names)
    found: list[Claim] = []
    for start, end in _stated(masked):
        found += [replace(c, text=utterance[c.start : c.end]) for c in _in_span(masked, start, end)]
    leads = {c.value for c in found if c.kind == "lead" and c.present}
    said = {value for value, which in LOOSE.items() if leads & {*which}}
    return [c for c in found if not (c.present and c.value in {"instrument": leads, "lead": said}.get(c.kind, ()))]


# ---- what is looked at


def _masked(utterance: str, names: Iterable[str]) -> str:
    """The utterance, character by character, with names as underscores, hyphens as spaces, figures of speech gone."""
    text = re.sub(r'"[^"]*"', lambda m: "_" * len(m[0]), utterance)
    for name in sorted(filter(None, names), key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", lambda m: "_" * len(m[0]), text)
    text = text.replace("’", "'").replace(" - ", " , ").replace("—", ",")
    text = re.sub(r"(?<=\w)-(?=\w)", " ", text)
    text = _FIGURES.sub(lambda m: "~" * len(m[0]), text)
    return _STARTS_QUIET.sub(lambda m: "gets louder".ljust(len(m[0])), text)


_STARTS_QUIET = re.compile(
    r"\b(?:starts?|begins?)(?: out| off)? (?:quiet|soft|small)\w*,?(?: and| but)?(?: then)? (?:ends?|finish(?:es)?|gets) \w+",
    re.I,
)
_FIGURES = re.compile(_any("figures"), re.I)

_QUESTION = re.compile(
    r"^\W*(?:(?:so|and|but|or|ooh|oh|um|er|well|okay|wait|hmm|sorry|tell me|i wonder|one (?:thing|question)|also|now|then)\b"
    rf"[\s,:]*)*(?:{_any('question')})",
    re.I,
)
_TAG = re.compile(
    r"^\W*(?:(?:is|are|was|does|do|did|has|have|ca|wo)n't (?:it|they|there|you|we|he|she)|right|no|eh|huh|yes"
    r"|(?:do|does|is|are|have) (?:you|it|they))\W*$",
    re.I,
)
_WISH = re.compile(_any("wish"), re.I)
_WISHED = re.compile(_any("wished"), re.I)
_WISHED_ANYHOW = re.compile(r"\bwould (?:be|hit|do|suit)\b|(?:\bplease|\binstead|\bthen)\W*$|\bthat's the plan\b", re.I)
_SAYS = re.compile(r"_|\b(?:is|are|has|it's|that's|there's|there|here's|sounds?|feels?|hear|with its)\b", re.I)


def _stated(masked: str) -> Iterator[tuple[int, int]]:
    """Spans that state something: sentences without their questions and wishes."""
    for match in re.finditer(r"[^.!?;]+(?:\.(?=\w)[^.!?;]*)*[.!?;]*", masked):
        start, end = match.span()
        text = match[0]
        if "?" in text[-3:]:
            end = start + _before_question(text)
            text = masked[start:end]
        if (wished := _WISHED.search(text)) and (_WISHED_ANYHOW.search(text) or not _SAYS.search(text[: wished.start()])):
            continue
        if wish := _WISH.search(text):
            end = start + wish.start()
        if end > start:
            yield start, end


def _before_question(text: str) -> int:
    """Up to where a sentence that ends with a question mark states something."""
    pieces = list(re.finditer(r"[^,:]+[,:]*", text))
    if len(pieces) > 1 and _TAG.match(pieces[-1][0]):
        return pieces[-1].start()
    for piece in pieces:
        if _QUESTION.match(piece[0]):
            return piece.start()
    return len(text)


# ---- words and what they mean


@dataclass(frozen=True)
class _Entry:
    kind: str
    value: str
    word: str
    comparison: str | None = None

    @cached_property
    def pattern(self) -> re.Pattern:
        return re.compile(rf"(?<![\w#'])(?<!\d/)(?:{self.word})(?![\w#])(?!/\d)", re.I)

    @cached_property
    def hint(self) -> str:
        """Letters that stand in every text which the pattern matches: looked for first, that is many times faster."""
        bare = re.sub(r"\((?:[^()]|\([^()]*\))*\)\??", "|", self.word)
        return max(re.findall(r"[a-z0-9/' ]+", re.sub(r".[?+*]", "|", bare.lower())), key=len, default="")


@cache
def _entries() -> tuple[_Entry, ...]:
    entries = []
    for row in _TABLE["comparative"]:
        for comparison in ("more", "less"):
            entries += [_Entry(row["kind"], row["value"], word, comparison) for word in row[comparison]]
    for kind in (k for k in _TABLE if k not in ("comparative", "grammar")):
        values = _TABLE[kind]
        entries += [_Entry(kind, value, word) for value, words in values.items() for word in words]
    for kind in vocab.load():
        for value in kind.values if kind.audible and kind.name not in ("key", "mode") else ():
            words = [re.escape(w.replace("-", " ")) for w in (value.name, *value.words) if w not in _REREAD]
            entries += [_Entry(kind.name, value.name, word) for word in words]
    return tuple(entries)


# Words of the vocabulary that mean less than it when they stand alone, or that claims.toml reads as another kind.
_REREAD = {
    "warm", "voices", "singing", "no voices", "no singing", "without vocals", "quiet", "hushed", "loud", "low", "medium",
    "high", "synthesizer", "pipe", "rising", "falling", "level", "measured", "steady", "bass", "soft", "gentle", "swing", "ambient",
    "metal", "pad",
}  # fmt: skip


_TONIC = r"(?<![\w#♭])([A-G])(?: ?(#|♯|♭|b|sharp|flat)(?![a-z]))? (major|minor)"
_KEY = re.compile(rf"{_TONIC}(?! (?:or|key|scale|mode|quibble)\b)", re.I)
_KEY_WORDS = re.compile(rf"{_TONIC}(?: (?:key|scale))\b")
_SHARPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_MODE = re.compile(
    r"\b(major|minor)(?= (?:key|scale|mode|tonality|tune|piece|track|melod|feel|sound|number|blues|waltz|side))"
    r"|(?<=\bin )(?:a |the )?(major|minor)\b"
    r"|(?:\b(?:is|be|it's|that's|sounds?|feels?|plainly|clearly|mostly|sort of|firmly|good,|good:|in|key:) )(major|minor)\b"
    r"(?=\W*$|,| and| but| to me| with|:)"
    r"|^\W*(major|minor)\b(?=\W*$|,)",
    re.I,
)
_BPM = re.compile(
    r"\b(\d{2,3})(?:\.\d+)? ?(?:bpm\b|beats? (?:a|per|to the|to a) minute)"
    r"|(?<=\btempo )(?:of |is |at |around |about )+(\d{2,3})\b",
    re.I,
)
_SAME_PACE = re.compile(r"\b(?:tempo|pace|speed)(?: is| stays)?(?: just| about)? the same\b", re.I)
_UP_ON = re.compile(r"\btempo is (up|down) on\b", re.I)


def _in_span(masked: str, start: int, end: int) -> list[Claim]:
    """Claims of one stated span."""
    text = masked[:end]  # what stands before a word may turn it round; what stands after the span is no longer stated
    taken: list[tuple[int, int]] = []
    found: list[Claim] = []
    for kind, value, at, comparison in sorted(_words(text, start), key=lambda w: w[2][0] - w[2][1]):
        if any(a < at[1] and at[0] < b for a, b in taken):
            continue
        taken.append(at)
        claim = _read(text, start, kind, value, at, comparison)
        if claim:
            found.append(claim)
    return sorted(found, key=lambda c: c.start)


def _words(text: str, start: int) -> Iterator[tuple[str, str, tuple[int, int], str | None]]:
    for match in [*_KEY.finditer(text, start), *_KEY_WORDS.finditer(text, start)]:
        if _is_key(text, start, match):
            yield "key", _key_name(match), match.span(), None
    for match in _MODE.finditer(text, start):
        yield "mode", next(filter(None, match.groups())).lower(), match.span(), None
    for match in _BPM.finditer(text, start):
        yield "tempo", match[1] or match[2], match.span(), None
    for match in _SAME_PACE.finditer(text, start):
        yield "tempo", "fast", match.span(), "same"
    for match in _UP_ON.finditer(text, start):
        yield "tempo", "fast", match.span(), "more" if match[1].lower() == "up" else "less"
    folded = text.casefold()
    for entry in _entries():
        if entry.hint not in folded:
            continue
        for match in entry.pattern.finditer(text, start):
            if match[0]:
                yield entry.kind, entry.value, match.span(), entry.comparison


def _is_key(text: str, start: int, match: re.Match) -> bool:
    """Whether "A minor" is a key: its letter is a capital, and not that of an article."""
    letter, accidental = match[1], match[2]
    if letter.islower():
        named = letter != "a" and re.search(r"\b(?:in|key of|key is) $", text[start : match.start()])
        return bool(named) or bool(accidental) and accidental != "b"
    begins = not re.search(r"\w", text[start : match.start()])
    return letter != "A" or accidental is not None or not begins or not re.match(r" \w", text[match.end() :])


def _key_name(match: re.Match) -> str:
    shift = {"#": 1, "♯": 1, "sharp": 1, "♭": -1, "b": -1, "flat": -1}.get((match[2] or "").lower(), 0)
    tonics = [name.split()[0] for name in vocab.load()["key"].names[:24] if name.endswith("major")]
    return f"{tonics[(_SHARPS[match[1].upper()] + shift) % 12]} {match[3].lower()}"


# ---- what stands around a word


_BOUNDARY = re.compile(
    r"[.;!?:,]|\bbut\b|\band (?=it|has|with|the|an?\b|there|then|is|this)|\bwith(?! any)\b|\bjust\b|\bonly\b|\bit's\b"
    r"|\bthere's\b|\bbecause\b|\bplayed\b",
    re.I,
)
_NOT = re.compile(rf"\b(?:{_any('not')})\b(?!, )", re.I)
_PART = rf"(?:{_any('part')})"
_NO_PART = (
    r"(?!(?:an?|the|no|only|maybe|perhaps|just|then|volume|with|of|by|from|on|in|that|as|is|are|it|its|this|which|while|because"
    r"|track|piece|song|music|sound|mix|one|recording|arrangement)\b)"
)
_PART_AFTER = re.compile(rf"^(?:[\s,]+{_NO_PART}[\w'&/]+){{0,4}}?[\s,]+{_PART}\b", re.I)
_PART_SUBJECT = re.compile(
    rf"\b{_PART}\b(?: \w+){{0,3}}? (?:is|are|was|were|plays?|playing|sounds?|gets?|getting|do|does|sings?|singing|chattering"
    r"|increasing|played|provided by)\b[^.;:]*$",
    re.I,
)
_WHOLE_SUBJECT = re.compile(
    r"\b(?:track|song|piece|music|mix|sound|recording|arrangement|texture|tone|timbre|it|this|one|whole thing|atmosphere"
    r"|everything|energy|tune)\b",
    re.I,
)
_NOT_OF_TEMPO = re.compile(
    r"^ (?:\w+ )?(?:rap\b|runs?|licks?|chords?|strum\w*|arpeggi\w*|crescendo|rap\b|fills?|guitar strum\w*|fade|build)", re.I
)
_RAPPED = re.compile(r"\b(?:rap|vocals?|rapping|runs?|licks?|chords?|strumming)(?: vocals?)? (?:is|are)(?: \w+)? $", re.I)
_TAUGHT = re.compile(r"\b(?:about|teach\w*|practi[sc]\w+|explain\w*|learn\w*)(?: the| an?| of)* $", re.I)
_OCCASION = re.compile(
    r"\b(?:i'm|i am|i was|makes me|made me|you're|i feel|feeling|for an?|during an?|at an?|such as|like an?) (?:\w+ )?$", re.I
)


_UNDER_A_VOICE = re.compile(r"(?: playing| beat| track| cover)?\W*(?:$|in the background)")


def _read(text: str, start: int, kind: str, value: str, at: tuple[int, int], comparison: str | None) -> Claim | None:
    """The claim that a word makes where it stands, or None."""
    before, after = text[start : at[0]], text[at[1] :]
    if kind in _WHOLE and comparison is None and _of_a_part(kind, before, after):
        return None
    if comparison and kind in _WHOLE and _PART_SUBJECT.search(before) and not _WHOLE_SUBJECT.search(before):
        return None
    if kind == "tempo" and (_NOT_OF_TEMPO.match(after) or _RAPPED.search(before)):
        return None
    if kind == "mood" and _OCCASION.search(before):
        return None
    if kind == "mood" and value == "tense" and re.search(r"\bbuild\w*(?: up)? $", before) and re.search(r"play", before):
        return None
    if kind == "course" and re.match(r" (?:up )?(?:suspense|tension|anticipation|excitement|fear)", after):
        return None
    if kind == "course" and re.search(r"(?:pad|string|synth|volume|bass) $", before):
        return None
    if kind == "mode" and _TAUGHT.search(before):
        return None
    present = not _denied(before) and "less" not in text[slice(*at)]
    if comparison is None and kind not in ("mode", "key", "metre", "course", "vocal"):
        comparison, present = _compared(before, after, present)
        if comparison and kind in POLES:
            comparison = comparison if value in (POLES[kind], "very fast") else _TURNED[comparison]
            value = POLES[kind]
    elif comparison and re.search(r"\bno $|\b(?:not|n't)(?: \w+)? $", before):
        present = False
    if kind == "instrument":
        kind = "lead" if _leads(before, after) else kind
        present = present and not re.match(r" (?:(?:is|are) (?:not\b|missing|absent|nowhere|gone)|isn't|aren't|free\b)", after)
    if kind == "vocal":
        if value == "voice" and not present:
            value, present = "instrumental", True
        an_instrumental = re.search(r"\b(?:an?|the|over an?(?: \w+)?|quiet|covering|this) $", before)
        if value == "instrumental" and an_instrumental and _UNDER_A_VOICE.match(after):
            return None if re.search(r"sing|vocal|voice|over", before) else Claim("", kind, value, present, *at)
        if value == "voice" and re.match(r" out the\b|(?: is| was)? (?:talk|narrat|speak|over\b|message|note)\w*", after):
            return None
    return Claim("", kind, value, present, *at, comparison)


def _of_a_part(kind: str, before: str, after: str) -> bool:
    clause = re.split(r"[;:]|\bwhile\b|, (?=it|the|this)", before)[-1]
    if kind == "density" and re.match(r" instruments\b", after):
        return False
    if kind == "course":
        return bool(re.search(rf"\b{_PART} $", clause) or _PART_SUBJECT.search(clause) and not _WHOLE_SUBJECT.search(clause))
    return bool(_PART_AFTER.match(after)) or bool(_PART_SUBJECT.search(clause) and not _WHOLE_SUBJECT.search(clause))


def _denied(before: str) -> bool:
    """Whether something before the word denies it."""
    if re.search(r"\bneither\b[^.;:]*$", before, re.I):
        return True
    last = 0
    for boundary in _BOUNDARY.finditer(before):
        last = boundary.end()
    return bool(_NOT.search(before[last:]))


def _compared(before: str, after: str, present: bool) -> tuple[str | None, bool]:
    """Comparison by the words around an adjective or a noun, and whether it holds."""
    if re.search(r"\b(?:not|n't|isn't|nowhere near)(?: quite| nearly| half| exactly)? (?:as|so) $", before, re.I):
        return "less", True
    if re.search(r"\b(?:just|every bit|quite|equally|exactly|about|fully) as $|\bequally $|\bas $", before, re.I) and (
        re.match(r"(?: \w+)? as\b", after) or re.search(r"\b(?:just|every bit|equally|fully) (?:as )?$", before, re.I)
    ):
        return "same", True
    amount = re.search(r"\b(more|less|fewer)(?: of an?| of the)? $", before, re.I)
    if amount and re.search(r"\bthan (?!i\b|you|usual|most|anything|ever|a\b)|\bthis time\b|\bbefore\b", after, re.I):
        return "more" if amount[1].lower() == "more" else "less", not re.search(r"\bno (?:more|less) $", before, re.I)
    return None, present


_LEADS = re.compile(
    r"^(?: (?:that|which|who))?(?: (?:is|are|was|has been|isn't|aren't|is not))?(?: \w+ly)?(?:" + _any("leads") + ")", re.I
)
_LED = re.compile(rf"(?:{_any('led')})\s*$", re.I)


def _leads(before: str, after: str) -> bool:
    return bool(_LEADS.match(after) or _LED.search(before))


# ---- truth


def true_of(claim: Claim, labels: ClipLabels, before: ClipLabels | None = None) -> bool | None:
    """Whether a claim holds for a clip whose truth is known; None where the labels say nothing.

    A tempo word holds within 4 % of its range, a number within 4 % of the tempo, an energy word within .05 of its range.
    Loudness is what the composer means by energy. A comparison needs the labels of the clip `before`.

    Parameters
    ----------
    claim : Claim
    labels : ClipLabels
    before : ClipLabels, optional
        Of the clip that a comparison is with.
    """
    if claim.comparison:
        return _compares(claim, labels, before)
    v = vocab.load()
    kind, value = claim.kind, claim.value
    if kind == "loudness":
        kind, value = "energy", "high" if value == "loud" else "low"
    if kind == "tempo" and value.isdigit():
        holds = abs(labels.tempo_bpm - int(value)) <= TEMPO_TOLERANCE * labels.tempo_bpm
    elif kind == "tempo":
        wanted = v["tempo"][value]
        holds = wanted.low * (1 - TEMPO_TOLERANCE) <= labels.tempo_bpm < wanted.high * (1 + TEMPO_TOLERANCE)
    elif kind == "energy":
        wanted = v["energy"][value]
        holds = wanted.low - ENERGY_TOLERANCE <= labels.energy_value < wanted.high + ENERGY_TOLERANCE
    elif kind == "instrument":
        holds = bool({value, *LOOSE.get(value, ())} & set(labels.instruments))
    elif kind == "lead":
        holds = labels.lead in (value, *LOOSE.get(value, ()))
    elif kind == "mood":
        holds = value in labels.moods
    elif kind == "vocal":
        holds = labels.vocal == ("instrumental" if value == "instrumental" else "choir")
    elif kind == "course" and labels.course is None:
        return None
    elif kind in ("key", "mode", "metre", "genre", "course"):
        holds = getattr(labels, kind) == value
    else:
        return None
    return holds == claim.present


def _compares(claim: Claim, labels: ClipLabels, before: ClipLabels | None) -> bool | None:
    if before is None or claim.kind not in ("tempo", "energy", "loudness"):
        return None
    if claim.kind == "tempo":
        ratio, near = labels.tempo_bpm / before.tempo_bpm, TEMPO_TOLERANCE
        found = "same" if abs(ratio - 1) <= near else "more" if ratio > 1 else "less"
    else:
        change = labels.energy_value - before.energy_value
        found = "same" if abs(change) <= ENERGY_TOLERANCE else "more" if change > 0 else "less"
    return (found == claim.comparison) == claim.present
