"""Audible claims: what an utterance says about sound, found by words (the vocabulary's, and claims.toml) and a small grammar.

A claim is a statement about how a track sounds. Wishes, questions, names and figures of speech claim nothing; a hedge still
claims. The grammar is :mod:`mdialog.clauses` and :mod:`mdialog.senses`; ``tests/sentences`` holds labelled sentences,
``scripts/evaluate_claims.py`` the precision and recall on them.
"""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property

from mdialog import clauses, vocab
from mdialog.eventwords import NUMBERS
from mdialog.senses import POLES, REACH, read
from mdialog.synth.labels import ClipLabels

# Tempo words are right for a tempo within 4 % of their range; energy words within .05.
TEMPO_TOLERANCE = 0.04
ENERGY_TOLERANCE = 0.05
NARROW = 1.1  # "100 to 110 bpm" is 105 with its tolerance
SLOWEST_BPM = 30.0  # "under 20 bpm" is no tempo, but a difference

RECOUNTED = ("2/2", "2/4", "12/8")  # who counts so hears no other music than in 4/4 or 6/8

LOOSE = {  # instruments that are named without saying which
    "electric instrument": ("electric piano", "electric guitar", "distorted guitar", "synth lead", "synth pad"),
    "guitar": ("acoustic guitar", "electric guitar", "distorted guitar"),
    "synth": ("synth lead", "synth pad"),
    "keyboard": ("piano", "electric piano", "organ", "harpsichord"),
}


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
        Against an earlier track; `value` is then what there is more or less of (a tempo: ``fast``, or how many beats a
        minute more or less).
    clip : {'this', 'before', 'both', 'none'}
        Of which it speaks (:mod:`mdialog.subjects`): what plays, the clip played or heard before, both, or a track that was not
        heard at all. A comparison of the one `before` is with this one.
    """

    text: str
    kind: str
    value: str
    present: bool
    start: int
    end: int
    comparison: str | None = None
    clip: str = "this"


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
    masked = clauses.masked(utterance, names)
    found: list[Claim] = []
    for start, end in clauses.stated(masked):
        found += [replace(c, text=utterance[c.start : c.end]) for c in _in_span(masked, start, end)]
    leads = {c.value for c in found if c.kind == "lead" and c.present}
    said = {value for value, which in LOOSE.items() if leads & {*which}}
    return [c for c in found if not (c.present and c.value in {"instrument": leads, "lead": said}.get(c.kind, ()))]


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
        bare = re.sub(r"\[[^]]*\]|\{[^}]*\}|\\.", "|", self.word.lower())
        while bare != (bare := re.sub(r"\([^()]*\)\??", "|", bare)):
            pass
        return max(re.findall(r"[a-z0-9/' ]+", re.sub(r".[?+*]", "|", bare)), key=len, default="")


@cache
def _entries() -> dict[str, tuple[_Entry, ...]]:
    """All entries by their hints."""
    entries = [_Entry("", "", word) for word in clauses.GRAMMAR["unheard"]]
    for row in clauses.TABLE["comparative"]:
        for comparison in ("more", "less", "same"):
            entries += [_Entry(row["kind"], row["value"], word, comparison) for word in row.get(comparison, ())]
    for kind in (k for k in clauses.TABLE if k != "comparative"):
        values = clauses.TABLE[kind]
        entries += [_Entry(kind, value, word) for value, words in values.items() for word in words]
    for kind in vocab.load():
        for value in kind.values if kind.audible and kind.name not in ("key", "mode") else ():
            words = [re.escape(w.replace("-", " ")) for w in (value.name, *value.words) if w not in _REREAD]
            entries += [_Entry(kind.name, value.name, word) for word in words]
    by_hint: dict[str, tuple[_Entry, ...]] = {}
    for entry in dict.fromkeys(entries):
        by_hint[entry.hint] = (*by_hint.get(entry.hint, ()), entry)
    return by_hint


# Words of the vocabulary that mean less than it when they stand alone, or that claims.toml reads as another kind.
_REREAD = {
    "warm", "voices", "singing", "no voices", "no singing", "without vocals", "quiet", "hushed", "loud", "low", "medium",
    "high", "synthesizer", "pipe", "rising", "falling", "level", "measured", "steady", "bass", "soft", "gentle", "swing",
    "ambient", "metal", "pad", "vibes",
}  # fmt: skip


_TONIC = r"(?<![\w#♭])([A-G])(?: ?(#|♯|♭|b|sharp|flat)(?![a-z]))? (maj(?:or)?|min(?:or)?)\b"
_KEY = re.compile(rf"{_TONIC}(?! (?:mode|quibble)\b| or (?:[a-g]|an?|min\w*|maj\w*|in|something|anything)\b)", re.I)
# "C#m", "Bm"; "Am" only where it ends a phrase.
_SHORT_KEY = re.compile(r"(?<![\w#♭'])(?:([B-G])|([A-G])([#♯♭b])|(A)(?=m(?:[.,;!?]|$)))m(?![\w'#])")
_SHARPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
# "In E flat", which is major by custom.
_TONIC_ONLY = re.compile(
    r"\b(?i:(?P<key>(?:the )?key of|the key is)|in|it's|it is|that's) "
    r"(?P<tonic>([A-G])(?: ?(#|♯|♭|b|(?i:sharp|flat))(?![a-z]))?)"
    r"(?=\W*$|[.,;:!?)]| (?:and|but|with|throughout|here|or)\b)"
)
_TENS = dict(zip(("thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"), range(30, 100, 10), strict=True))
_COUNTS = {**NUMBERS, **_TENS, "hundred": 100}
_COUNT = rf"(?:{'|'.join(sorted(_COUNTS, key=len, reverse=True))})"
_NUMBER = rf"(?:\d{{2,3}}|(?:a )?{_COUNT}(?:(?: and)? {_COUNT}\b){{0,4}})"
_BPM = re.compile(
    rf"(?<!heart rate is )(?<!heart beats at )\b(?:(?P<low>\d{{2,3}})(?: ?(?:to|and|or|–) ?| ))?(?P<n>{_NUMBER})(?:\.\d+)?"
    r"(?P<plus>\+)?(?: or so|ish| ish)? ?"
    r"(?:bpm\b|beats? (?:a|per|each|every|to the|to a|in the|in a) minute|to (?:the|a) minute\b|beats?(?= (?:faster|quicker"
    r"|slower)\b))"
    r"|\b(?:sits|runs|clocks in|clock(?:s|ed) (?:it|this|this one)|ticks along|trots along|rolls along|moves|goes|comes in) at "
    r"(?:(?:about|around|roughly|exactly|just|nearly|some) )?(?P<at>(?:[4-9]\d|1\d\d|2[01]\d))\b"
    r"(?! (?:in|on) (?:the|my|your|our) (?:\w+ )?(?:charts?|lists?|queue|dial|turntable|scale)\b)"
    r"(?=\W*$|[.,;:!?]| (?:and|in|or|with|on)\b)"
    r"|(?:(?<=\btempo's )|(?<=\btempo: )|(?<=\bbpm: )|(?<=\btempo )"
    r"(?:(?:of|is|at|around|about|just|well|between|from|over|under|above|below|(?:more|less) than) )+)"
    r"(?:(?P<of_low>\d{2,3}) (?:and|to) )?(?P<of>\d{2,3})\b",
    re.I,
)
_BOUND = re.compile(
    r"(?:\b(?P<near>(?:only )?just|slightly|barely|a (?:little|bit|hair|touch|shade|tad)) )?"
    r"(?P<not>\b(?:not|never|no|\w+n't) (?:\w+ ){0,2}?)?\b(?:(?P<over>over|above|(?:more|faster|higher) than|at least|north of"
    r"|upwards? of|beyond|exceed(?:s|ing)?)|(?P<under>under|below|(?:less|fewer|slower|lower) than|at most|up to|south of"
    r"|shy of))(?: (?:about|around|some))? $", re.I
)
_BOUND_AFTER = re.compile(
    r",? (?:(?P<over>or (?:more|above|over|faster|higher)|at least|plus(?=\W*$|[.,]))"
    r"|(?P<under>or (?:less|below|under|slower|lower)|at (?:the )?most|tops))\b", re.I
)
_WITH_ENDS = re.compile(r"at (?:least|most)|up to|upwards?|shy", re.I)
_RANGE = re.compile(r"\b(?:between|from) (?:\w+ ){1,4}(?:and|to) $", re.I)
_DIFFERS = re.compile(r" (?:faster|quicker|slower|more|less|apart|difference|of difference|between)\b", re.I)


# Words that answer a question after a value. "No" and "not" before a word deny that word, unless it begins a sentence of its
# own; "certainly" and its like answer where they begin a clause.
_ANSWER = re.compile(
    r"\b(?P<both>(?:yes|no) (?:and|or) (?:yes|no))\b"
    r"|\b(?P<yes>(?:yes|yep|yeah|yup)\b|i (?:think|believe|guess|should think) so\b|you bet\b|it is so\b(?! \w)"
    r"|(?<![\w'] )(?:(?:oh|why|well|most) )*(?:(?:indeed|certainly|affirmative|of course)\b(?! not\b)"
    r"|(?:absolutely|definitely|sure)\b(?! \w))|(?:it|there|they) (?:is|are|does|has|do)(?=[.;!]|$))"
    r"|\b(?P<no>(?:by|in) no (?:means|way)\b|nope\b|negative\b|(?:don't|wouldn't) (?:think|say|believe) so\b"
    r"|doubt (?:it|that|so)\b(?!'| (?!very|somehow)\w)|(?:it|there|they) (?:is|are|does|has|do)(?:n't| not)(?=[,.;!]|$)"
    r"|no\b(?!\. ?\d)(?! (?!(?:no|not|as|by|really|sir|way|chance|i|i'm|i'd|it|it's|there|there's|that's|the|they|this"
    r"|nobody|nothing|none|not|never|sorry|but|sadly|actually|definitely|listen|thanks?)\b)\w)"
    r"|not(?: at all| really| quite| exactly| here| in the least| a (?:bit|chance))?(?=[,.:;!?]|$)"
    r"|not (?:as|that|so far as|as far as) (?:i|we|one)\b|not (?:to|by|in|on) (?:my|these|our|this)\b)",
    re.I,
)
_PLAIN = re.compile(r"yes|yep|yeah|yup|no|nope", re.I)
_FIRST_WORDS = re.compile(r"\W*[^.:;!?]{0,60}")


def yes_or_no(text: str) -> re.Match | None:
    """The word with which a text answers a question after a value: the first, or the last of "yeah, no".

    Only what opens the text counts ("No, it's slow.", "Right, I don't think so: no drums."), and nothing that is quoted.
    """
    plain = re.sub(r'"[^"]*"', lambda m: "_" * len(m[0]), text.replace("’", "'"))
    end = len(",".join(_FIRST_WORDS.match(plain)[0].split(",")[:3]))
    answer = None
    for match in _ANSWER.finditer(plain):
        corrects = answer and _PLAIN.fullmatch(match[0]) and not re.search(r"\w", plain[answer.end() : match.start()])
        if match.start() >= end or answer and not corrects:
            break
        answer = match
    return answer if answer and answer.lastgroup != "both" else None


def is_no(answer: re.Match) -> bool:
    """Whether what :func:`yes_or_no` found says no."""
    return answer.lastgroup == "no"


def _in_span(masked: str, start: int, end: int) -> list[Claim]:
    """Claims of one stated span."""
    text = masked[:end]  # what stands before a word may turn it round; what stands after the span is no longer stated
    taken: list[tuple[int, int]] = []
    found: list[Claim] = []
    for kind, value, at, comparison in sorted(_words(text, start), key=lambda w: w[2][0] - w[2][1]):
        if any(a < at[1] and at[0] < b for a, b in taken):
            continue
        taken.append(at)
        if sense := kind and read(text, start, kind, value, at, comparison):
            kind, value, present, comparison = sense
            found.append(Claim("", kind, value, present, *at, comparison))
    return _of_leads(text, _by_how_much(text, sorted(found, key=lambda c: c.start)))


def _by_how_much(text: str, found: list[Claim]) -> list[Claim]:
    """A number of beats beside "faster" or "slower" is by how much: "20 bpm faster", "slower by some 30 beats a minute"."""
    out: list[Claim] = []
    for claim in found:
        last = out[-1] if out else None
        number, change = (last, claim) if claim.comparison else (claim, last)
        by = last and claim.kind == last.kind == "tempo" and change.comparison in ("more", "less") and number.value.isdigit()
        if by and (_MORE if claim.comparison else _BY).fullmatch(text, last.end, claim.start):
            out[-1] = replace(change, value=number.value, start=last.start, end=claim.end)
        else:
            out.append(claim)
    return [claim for claim in out if not (claim.kind == "tempo" and not claim.comparison and _is_between(text, claim))]


_MORE = re.compile(r" ")
_BY = re.compile(
    r"[^.;:!?]{0,60}?,? by (?:(?:about|around|some|roughly|maybe|perhaps|only|nearly|almost|a good|as much as) ){0,2}"
)
_BETWEEN = re.compile(r"\b(?:difference|differ|gap)\b[^.;:!?]{0,40}$|^\W*by (?:\w+ ){0,2}$", re.I)
_APART = re.compile(r" (?:apart|between them|difference|of difference)\b", re.I)


def _is_between(text: str, claim: Claim) -> bool:
    """Whether a number of beats lies between two tempos, of which it does not say which is the faster."""
    return bool(claim.value.isdigit() and (_BETWEEN.search(text[: claim.start]) or _APART.match(text, claim.end)))


def _of_leads(text: str, found: list[Claim]) -> list[Claim]:
    """What a lead changes: "not the flute" after it denies another lead; a cello or a choir that sings is no (other) voice."""
    leads = [c for c in found if c.kind == "lead"]
    voices = [c for c in found if c.kind == "vocal"]
    out = []
    for claim in found:
        before, after = text[max(0, claim.start - REACH) : claim.start], text[claim.end : claim.end + REACH]
        if claim.kind == "instrument" and any(c.start < claim.start for c in leads) and _NOT_THE.search(before):
            claim = replace(claim, kind="lead")
        denied = [c for c in leads if c.start < claim.start and not c.present]
        instead = _IT_IS.search(before) and not re.match(r" \w", after) or _THAT_ONE_DOES.match(after)
        if claim.kind == "instrument" and denied and instead:
            claim = replace(claim, kind="lead", present=True)
        lead_voice = claim.value == 'voice' and leads and re.search(r'\blead(?:ing)? $', before, re.I)
        by_lead = lead_voice or claim.kind == "vocal" and leads and len(voices) == 1 and _AS_IF_SUNG.match(after)
        choir = voices and voices[0].value == "choir" and voices[0].present
        by_choir = choir and claim.value == "voice" and re.match(r"sing(?:s|ing)\b", text[claim.start :])
        if not by_lead and not by_choir:
            out.append(claim)
    return out


_IT_IS = re.compile(r", (?:it's|it is) (?:the |an? )?(?:\w+ )?$", re.I)  # "the organ isn't leading, it's a harpsichord"
_THAT_ONE_DOES = re.compile(r" (?:do|does|is|are|has it|have it|gets (?:one|it))\W*(?:$|[.,;])", re.I)
_NOT_THE = re.compile(r", (?:and )?not (?:the |an? )?$", re.I)
_AS_IF_SUNG = re.compile(r" (?:out )?(?:the|its|a) (?:theme|tune|melody)| (?:here )?is (?:the|an?) ", re.I)


# Words on a scale that a noun names: "low energy", "the tempo is moderate", "the volume's the same".
_SCALES = (
    (re.compile(r"\b(?:energy|intensity)\b", re.I), "energy", {"low": "low", "high": "high", "medium": "medium"}),
    (re.compile(r"\b(?:volume|loudness|level)\b", re.I), "loudness", {"low": "quiet", "high": "loud"}),
    (re.compile(r"\b(?:tempo|pace|speed)\b", re.I), "tempo", {"low": "slow", "high": "fast", "medium": "moderate"}),
)
_DEGREE = re.compile(
    r"\b(?:(?P<low>low|down)|(?P<high>high(?! (?:spirited|pitch))|up)"
    r"|(?P<medium>medium|moderate|measured|steady)|(?P<same>the same|same))\b", re.I
)
_OF_SCALE = re.compile(
    r"([\w' ]+?)(?:'s| is| are| was| isn't| aren't| wasn't| stays?|(?= neither\b)) (?:(?!an?\b)[\w']+ ){0,3}$"
)
_AS_BEFORE = re.compile(r" \w+ (?:as|here)\b|[\w ]*, (?:different|other|another)\b")  # "same tempo as", "same tempo, other key"
_CHANGES = {"low": "less", "high": "more", "same": "same"}


def _words(text: str, start: int) -> Iterator[tuple[str, str, tuple[int, int], str | None]]:
    """Words of a span that may claim: kind, value, place, comparison."""
    for match in _KEY.finditer(text, start):
        if _is_key(text, start, match):
            yield "key", _key_name(*match.groups()), match.span(), None
    for match in _SHORT_KEY.finditer(text, start):
        yield "key", _key_name(match[1] or match[2] or match[4], match[3], "minor"), match.span(), None
    for match in _TONIC_ONLY.finditer(text, start):
        if match[4] or match["key"]:
            yield "key", _key_name(match[3], match[4], "major"), match.span("tonic"), None
    for said in beats(text, start):
        value = _tempo_in(text, said)
        yield "tempo" if value else "", value, (said.start, said.end), None
    yield from _degrees(text, start)
    folded = text.casefold()
    for hint, entries in _entries().items():
        for entry in entries if hint in folded else ():
            for match in entry.pattern.finditer(text, start):
                yield entry.kind, entry.value, match.span(), entry.comparison


def _degrees(text: str, start: int) -> Iterator[tuple[str, str, tuple[int, int], str | None]]:
    """Words like "low", "up" or "the same" whose scale is named before or after."""
    for match in _DEGREE.finditer(text, start):
        before, after = re.split(r"[.;:!?,]", text[start : match.start()])[-1], text[match.end() :]
        subject = _OF_SCALE.search(before)
        degree = match.lastgroup
        compares = degree == "same" or match[0].lower() in ("up", "down")
        for scale, kind, values in _SCALES:
            here = scale.match(after, 1) or subject and scale.search(subject[1])
            as_before = degree == "same" and here and _AS_BEFORE.match(after)
            if here and compares and (subject or as_before):
                yield kind, POLES[kind], match.span(), _CHANGES[degree]
            elif here and not compares and degree in values and (kind, match[0].lower()) != ("tempo", "steady"):
                yield kind, values[degree], match.span(), None


def _is_key(text: str, start: int, match: re.Match) -> bool:
    """Whether "A minor" is a key: its letter is a capital, and not that of an article."""
    letter, accidental = match[1], match[2]
    if letter.islower():
        named = letter != "a" and re.search(r"\b(?:in|key of|key is|be|it's) $", text[start : match.start()], re.I)
        return bool(named) or bool(accidental) and accidental != "b"
    begins = not re.search(r"\w", text[start : match.start()])
    if begins and letter == "A" and match[3].lower() == "min":  # "a min", a minute
        return False
    # "A major chord" has an article.
    stands_alone = not re.match(r" (?!again\b|throughout\b|and (?:\d|in\b|with\b))\w", text[match.end() :])
    return letter != "A" or accidental is not None or not begins or stands_alone


def _key_name(letter: str, accidental: str | None, mode: str) -> str:
    shift = {"#": 1, "♯": 1, "sharp": 1, "♭": -1, "b": -1, "flat": -1}.get((accidental or "").lower(), 0)
    tonics = [name.split()[0] for name in vocab.load()["key"].names[:24] if name.endswith("major")]
    return f"{tonics[(_SHARPS[letter.upper()] + shift) % 12]} {mode.lower()[:3]}or"  # "maj", "min" and the whole words


@dataclass(frozen=True)
class Beats:
    """Beats a minute that a text names: from `low` to `high`, of which one may be infinite; `ends`: with these themselves."""

    low: float
    high: float
    ends: bool
    start: int
    end: int


def beats(text: str, start: int = 0) -> Iterator[Beats]:
    """Numbers, ranges and bounds of beats a minute: "ninety bpm", "100 to 110 bpm", "no more than 90 bpm".

    Parameters
    ----------
    text : str
        With spaces for hyphens.
    start : int
    """
    for match in _BPM.finditer(text, start):
        first = next(name for name in ("low", "of_low", "of", "at", "n") if match[name])
        high = _count(match["of"] or match["at"] or match["n"])
        low, high = sorted((float(match["low"] or match["of_low"] or high), high))
        before, after = _BOUND.search(text, start, match.start(first)), _BOUND_AFTER.match(text, match.end())
        span = (min(before.start(), match.start()) if before else match.start(), after.end() if after else match.end())
        ends = not before or bool(_WITH_ENDS.search(before[0])) is not bool(before["not"])
        if before and before["near"]:
            low = high = high * (0.98 if before["under"] else 1.02)
        elif before or after or match["plus"]:
            over = match["plus"] or (before and bool(before["over"]) is not bool(before["not"])) or after and after["over"]
            low, high = (low, math.inf) if over else (-math.inf, high)
        elif _RANGE.search(text, start, match.start()):
            low, high = -math.inf, math.inf
        yield Beats(low, high, ends, *span)


def _count(number: str) -> float:
    """A number in digits or words: "ninety", "one twenty", "a hundred and five"."""
    total = 0.0
    for n in [float(number)] if number.isdigit() else [_COUNTS[word] for word in number.lower().split() if word in _COUNTS]:
        total = max(total, 1) * 100 if n == 100 else total * 100 + n if total in (1, 2) and n >= 10 else total + n
    return total


def _tempo_in(text: str, said: Beats) -> str:
    """The middle of a range hardly wider than the tolerance of numbers, else the word of tempo whose range holds it, or ""."""
    if said.high <= said.low * NARROW:
        return str(round((said.low + said.high) / 2))
    none = said.low < said.high < SLOWEST_BPM or _DIFFERS.match(text, said.end)
    words = () if none else vocab.load()["tempo"].values
    return next((word.name for word in words if word.low <= said.low and said.high <= word.high), "")


# ---- truth


def true_of(claim: Claim, labels: ClipLabels, before: ClipLabels | None = None) -> bool | None:
    """Whether a claim holds for a clip whose truth is known; None where the labels say nothing.

    A tempo word holds within 4 % of its range, a number within 4 % of the tempo, an energy word within .05 of its range.
    Loudness is what the composer means by energy. A comparison needs the labels of the clip `before`, and so does a claim
    of that clip or of both.

    Parameters
    ----------
    claim : Claim
    labels : ClipLabels
    before : ClipLabels, optional
        Of the clip that a comparison is with.
    """
    if claim.clip == "both" and not claim.comparison:
        each = [before and true_of(replace(claim, clip="this"), one) for one in (labels, before)]
        return None if None in each else all(each)
    if claim.clip == "before":
        labels, before = before, labels
    if labels is None or claim.clip == "none":
        return None
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
    elif kind == "course" and labels.course is None or kind == "metre" and value in RECOUNTED:
        return None
    elif kind in ("key", "mode", "metre", "genre", "course"):
        holds = getattr(labels, kind) == value
    else:
        return None
    return holds == claim.present


def _compares(claim: Claim, labels: ClipLabels, before: ClipLabels | None) -> bool | None:
    if before is None or claim.kind not in ("tempo", "energy", "loudness"):
        return None
    if claim.kind == "tempo" and claim.value.isdigit():
        off = labels.tempo_bpm - before.tempo_bpm - int(claim.value) * (1 if claim.comparison == "more" else -1)
        return (abs(off) <= TEMPO_TOLERANCE * max(labels.tempo_bpm, before.tempo_bpm)) == claim.present
    if claim.kind == "tempo":
        ratio, near = labels.tempo_bpm / before.tempo_bpm, TEMPO_TOLERANCE
        found = "same" if abs(ratio - 1) <= near else "more" if ratio > 1 else "less"
    else:
        change = labels.energy_value - before.energy_value
        found = "same" if abs(change) <= ENERGY_TOLERANCE else "more" if change > 0 else "less"
    return (found == claim.comparison) == claim.present
