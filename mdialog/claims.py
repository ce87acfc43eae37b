"""Audible claims: what an utterance says about sound, found by words (the vocabulary's, and claims.toml) and a small grammar.

A claim is a statement about how a track sounds. Wishes, questions, names and figures of speech claim nothing; a hedge still
claims. The grammar is :mod:`mdialog.clauses`; ``tests/sentences`` holds labelled sentences, ``scripts/evaluate_claims.py`` the
precision and recall on them.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property

from mdialog import clauses, vocab
from mdialog.synth.labels import ClipLabels

# Tempo words are right for a tempo within 4 % of their range; energy words within .05.
TEMPO_TOLERANCE = 0.04
ENERGY_TOLERANCE = 0.05

# Kinds that speak of a track as a whole: said of one instrument or of a voice they claim nothing about the track.
_OF_WHOLE = {"energy", "loudness", "brightness", "density", "course", "mode"}
# Kinds that carry over from a part to the track, but not from anything else.
_OF_PART = {"tempo", "mood", "genre"}
# The pole that "more" points to; a comparison by the other pole turns round.
POLES = {"tempo": "fast", "energy": "high", "loudness": "loud", "brightness": "bright", "density": "dense"}
_TURNED = {"more": "less", "less": "more", "same": "same"}
REACH = 300  # letters on either side of a word that can change what it claims
LOOSE = {  # instruments that are named without saying which
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
    "ambient",     "metal", "pad",
}  # fmt: skip


_TONIC = r"(?<![\w#♭])([A-G])(?: ?(#|♯|♭|b|sharp|flat)(?![a-z]))? (major|minor)"
_KEY = re.compile(rf"{_TONIC}(?! (?:or|mode|quibble)\b)", re.I)
_SHARPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_BPM = re.compile(
    r"(?<!heart rate is )(?<!heart beats at )\b(\d{2,3})(?:\.\d+)? ?(?:bpm\b|beats? (?:a|per|to the|to a) minute)"
    r"|(?<=\btempo )(?:of |is |at |around |about )+(\d{2,3})\b",
    re.I,
)


_YES = re.compile(r"\b(?:yes|yep|yeah|indeed|certainly|affirmative|of course|you bet|i think so|it is so)\b", re.I)
_NO = re.compile(r"\b(?:no|nope|not|negative|don't think so|afraid not|doubt it)\b", re.I)
_FIRST_WORDS = re.compile(r"[^.:;!?]{0,60}")


def yes_or_no(text: str) -> re.Match | None:
    """The word with which a text answers a question after a value: group 0 matches ``yes`` or ``no`` words, the last such wins.

    Only what opens the text counts: "No, it's slow.", "Right, I don't think so: no drums."
    """
    opening = _FIRST_WORDS.match(text)[0]
    opening = ",".join(opening.split(",")[:3])
    return _NO.search(opening) or _YES.search(opening)


def is_no(answer: re.Match) -> bool:
    """Whether what :func:`yes_or_no` found says no."""
    return bool(_NO.fullmatch(answer[0]))


def _in_span(masked: str, start: int, end: int) -> list[Claim]:
    """Claims of one stated span."""
    text = masked[:end]  # what stands before a word may turn it round; what stands after the span is no longer stated
    taken: list[tuple[int, int]] = []
    found: list[Claim] = []
    for kind, value, at, comparison in sorted(_words(text, start), key=lambda w: w[2][0] - w[2][1]):
        if any(a < at[1] and at[0] < b for a, b in taken):
            continue
        taken.append(at)
        claim = kind and _read(text, start, kind, value, at, comparison)
        if claim:
            found.append(claim)
    return _of_leads(text, sorted(found, key=lambda c: c.start))


def _of_leads(text: str, found: list[Claim]) -> list[Claim]:
    """What a lead changes: "not the flute" after it denies another lead; a cello or a choir that sings is no (other) voice."""
    leads = [c for c in found if c.kind == "lead"]
    voices = [c for c in found if c.kind == "vocal"]
    out = []
    for claim in found:
        before, after = text[max(0, claim.start - REACH) : claim.start], text[claim.end : claim.end + REACH]
        if claim.kind == "instrument" and any(c.start < claim.start for c in leads) and _NOT_THE.search(before):
            claim = replace(claim, kind="lead")
        by_lead = claim.kind == "vocal" and leads and len(voices) == 1 and _AS_IF_SUNG.match(after)
        by_choir = claim.value == "voice" and re.match(r"sing(?:s|ing)\b", text[claim.start :]) and voices[0].value == "choir"
        if not by_lead and not by_choir:
            out.append(claim)
    return out


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
_AS_BEFORE = re.compile(r" \w+ (?:as|here)\b|[\w ]*, (?:different|other|another)\b")  # "same tempo as", "same tempo, other key"
_CHANGES = {"low": "less", "high": "more", "same": "same"}


def _words(text: str, start: int) -> Iterator[tuple[str, str, tuple[int, int], str | None]]:
    """Words of a span that may claim: kind, value, place, comparison."""
    for match in _KEY.finditer(text, start):
        if _is_key(text, start, match):
            yield "key", _key_name(match), match.span(), None
    for match in _BPM.finditer(text, start):
        yield "tempo", match[1] or match[2], match.span(), None
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
        subject = re.search(r"([\w' ]+?)(?:'s| is| are| was| stays?|(?= neither\b)) (?:(?!an?\b)[\w']+ ){0,3}$", before)
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
        named = letter != "a" and re.search(r"\b(?:in|key of|key is) $", text[start : match.start()])
        return bool(named) or bool(accidental) and accidental != "b"
    begins = not re.search(r"\w", text[start : match.start()])
    return letter != "A" or accidental is not None or not begins or not re.match(r" \w", text[match.end() :])


def _key_name(match: re.Match) -> str:
    shift = {"#": 1, "♯": 1, "sharp": 1, "♭": -1, "b": -1, "flat": -1}.get((match[2] or "").lower(), 0)
    tonics = [name.split()[0] for name in vocab.load()["key"].names[:24] if name.endswith("major")]
    return f"{tonics[(_SHARPS[match[1].upper()] + shift) % 12]} {match[3].lower()}"


# ---- what a word claims where it stands

_NOT_OF_TEMPO = re.compile(
    rf"^ (?:(?!(?:{clauses.any_of('stop')}|{clauses.any_of('whole')})\b)\w+ ){{0,2}}?{clauses.any_of('quick')}", re.I
)
_RAPPED = re.compile(r"\b(?:rap|vocals?|rapping|runs?|licks?|chords?|strumming)(?: vocals?)? (?:is|are)(?: \w+)? $", re.I)
_TAUGHT = re.compile(r"\b(?:about|teach\w*|practi[sc]\w+|explain\w*|learn\w*|teacher playing)(?: the| an?| of)* $", re.I)
_TOPIC = re.compile(rf"{clauses.any_of('topic')}(?: the| an?| his| her)* $", re.I)
_OCCASION = re.compile(
    r"\b(?:i'm|i am|i was|(?:makes?|made|leaves?|left|keeps?|gets?|puts) (?:me|us|you)|you're|i feel|feeling(?! of)"
    r"|for an?|during an?|at an?|such as|like an?|(?:me|you|us|one|listeners?) in(?:to)? an?) (?:\w+ )?$",
    re.I,
)
_OF_PEOPLE = re.compile(
    r" (?:(?!voiced?\b|sounding\b)\w+ )?(?:m[ae]n|wom[ae]n|people|person|kids?|children|guys?|fans?|crowd|audience)\b"
    r"(?!'s| (?:is |are |was |were )?(?:\w+ly )?(?:sing|voice|vocal|chant|rap|croon|choir))", re.I
)
_FEELINGS = re.compile(r" (?:up )?(?:suspense|tension|anticipation|excitement|fear)", re.I)
_FEELING_BEFORE = re.compile(r"\b(?:suspense|tension|anticipation|excitement|fear) $", re.I)
_OBJECT = re.compile(
    r" into (?:an?|the) (?:section|verse|chorus|bridge|part|groove|beat|loop)\b|"
    r" (?:on(?= \w)|into (?!an?\b|the\b|silence|nothing)|where|asleep|short|flat|apart|behind|new)\b"
    r"|(?: on)? the (?!whole|last|entire|first|second|more|energy|volume|level|intensity|dynamics|music|sound|track|song|mood"
    r"|end|start|middle)\w"
    r"| (?:an?|my|our|your|his|her|their) (?!crescendo|climax|peak|bit|little|lot|touch|whisper)",
    re.I,
)
_A_NOUN = re.compile(rf"\b(?:an?|the|no)(?: (?!{clauses.A_PART})\w+)? $", re.I)
_A_VERB = re.compile(r"s$|^(?:get|becom|grow)", re.I)
_BECOMES = re.compile(
    r"\b(?:gets?|getting|got|becom\w+|became|grows?|growing|grew)(?: (?:\w+ly|even|much|a bit|and|\w+er))* $", re.I
)
# What rises or drops in pitch, or in tempo, has no course.
_OF_PITCH = re.compile(
    r" (?:and (?:falling|rising|climbing) )?(?:in (?:pitch|tempo|speed)|(?:\w+ )?(?:melod\w+|pitch|lines?|notes?|scales?|tunes?"
    r"|phrases?|intervals?|patterns?|arpeggi\w+|harmon\w+|figures?))\b"
    rf"|(?:ing)? of (?:\w+ ){{0,2}}?{clauses.A_PART}",
    re.I,
)
_PITCHED = re.compile(
    r"\b(?:melod(?:y|ies)|tune|lines?|notes?|scale|harmon(?:y|ies)|chords?|pitch|range|register|key)\b[^.;:!?,]*$", re.I
)
_MOVES = re.compile(r"r[io]s|f[ae]ll|climb|drop|sink|descend", re.I)
_CHANGED = re.compile(r"\b(?:tempo|pace|speed|pitch|beat)(?:'s| is)?(?: (?:\w+ly|then|never|hardly|always|soon|just))* $", re.I)
# "More drums!" wishes; "more drums than before" tells.
_BARE_MORE = re.compile(
    r"^\W*(?:(?:a|some|just|only|even|little|bit|lot|much|far|way|and|maybe) )*(?:more|less|fewer) (?:\w+ )?$", re.I
)
# What only sounds like it: "chanting like a choir", "a synth that imitates a flute", "a flute-like sound".
_LIKENED_TO = re.compile(
    rf"{clauses.any_of('likened')} (?:(?!and\b|the\b)\w+ ){{0,2}}(?:or (?:an? )?(?:\w+ )?)?(?:\w+/)?$", re.I
)
_LIKE = re.compile(
    r" (?:like|sounding) (?:sound|instrument|tone|timbre|pad|synth|effect|lead|noise|voice|sample)s?\b", re.I
)
_AGAINST = re.compile(r"\b(?:than|before|time|here|now|last|too)\b", re.I)
_OWNED = re.compile(r"\b(?:my|your|our) (?:(?!favou?rite)\w+ )?$", re.I)  # things, not sounds
_FINGERED = re.compile(
    r"\b(?:pick|pluck|strumm|scrap|slapp|hitt|touch|mut|bend)ing (?:of )?(?:the |on the )?$"
    r"|\b(?:fingers?|hands?|nails?|pick)\b[^.;:!?,]{0,25} the $"
    r"|\b(?:guitar|banjo|violin|cello|nylon|steel|metal|open|loose) $", re.I
)
_OF_ONE = re.compile(rf" (?:creak|squeak|rattl|snap|break)\w*| of (?:the|an?|his|her|its) (?:\w+ )?{clauses.A_PART}", re.I)
_ELSEWHERE = re.compile(
    r" of (?:an?|war|my|your|the (?:state|church|government|party))\b| at (?:home|school|church|weddings|parties|funerals)\b"
    r"| at work\b| could have been\b"
    r"| (?:in|with|for|at) (?:an?|my|his|her|their|our)(?: \w+(?:'s)?)* (?:band|orchestra|group|quartet|school|church)\b"
    r"| (?:on|in) (?:another|the (?:other|next|original|live)) (?:version|album|record|take|song|track)\b"
    r"| (?:(?:is|are|was|were) )?(?:in|at|from) (?:my|our|your|his|her|their|the (?:corner|drawer|attic|shop|window|church))\b",
    re.I,
)
_OF_TIMBRE = re.compile(r"\b(?:sound|recording|quality|audio|tone)s?\b[^.;:!?]*$", re.I)  # what sounds thin is not sparse
_TO_TASTE = re.compile(r" (?:is|was|isn't|wasn't|ain't)(?: \w+){0,2} (?:my|your|his|her|their)\b", re.I)
_FOR_A = re.compile(r"\b(?:for|at|during|from) (?:(?:an?|the) )?(?:\w+ )?$", re.I)
_EVENT = re.compile(r" (?:dances?|party|parties|festival|concert|scene|film|show|bar|gig|wedding|class|club)\b", re.I)
_AS_SUCH = re.compile(  # a genre as the bare subject of a sentence: "Reggae always cheers me up"
    r" (?:(?:always|never|really|just|usually|often|still|music) )*(?:is(?! what)|isn't|was|wasn't|has|had|will|would|can|can't"
    r"|does|doesn't|came|comes|died|lives|began|makes?|gives?|leaves?|brings?|bores?|cheers?|helps?|relaxes|calms|changed)\b",
    re.I,
)
_MISSING = re.compile(
    r": (?:none|no)\b|, (?:there|it) (?:isn't|aren't|is not|are not|hasn't got|hasn't|doesn't have) (?:one|any)\b"
    r"| (?:(?:is|are) (?:missing|absent|nowhere|gone|out\b(?! in))|(?:is not|are not|isn't|aren't)"
    r"(?:\W*$|(?: \w+)? (?:there|here|present|in|on|playing|used|heard|included|featured|part|audible|around|involved)\b)"
    r"|free\b)", re.I
)
_BENEATH = re.compile(r"\b(?:of|over) (?:an?|the) $", re.I)
_UNDER_A_VOICE = re.compile(r"(?: playing| beat| track| cover)?\W*(?:$|in the background)")
_BACKING = re.compile(  # a part that nobody sings
    r" (?:backing|factors?|elements?|layers?|parts?|sections?|accompaniment|breaks?|interludes?)\b", re.I
)
_AT_TIMES = re.compile(r"\b(?:when|whenever|where|while|until) (?:he|she|they|it|the)\b[^.;:!?,]*$", re.I)
_SINGS_NOT = re.compile(
    r"\b(?:voices?|singers?|vocalists?|wom[ae]n|m[ae]n|he|she) (?:do|does|did)(?:n't| not)(?: \w+)? $", re.I
)
_SPOKEN = re.compile(
    r" out the\b|(?: (?:can be heard|is|are|was|were|being|being heard|starts?(?: to)?|begins?(?: to)?|that|who))*(?: \w+ly)?"
    rf" {clauses.any_of('spoken')}", re.I
)
_SPEAKS = re.compile(rf"{clauses.any_of('speaks')} $", re.I)



_VERSION = re.compile(r" (?:version|cover|take|remix|rendition|arrangement) of\b", re.I)  # of what is not heard
_OF_MOOD = re.compile(r"\b(?:mood|vibes?|atmosphere|feel|feeling)\b[^.;,]*\b(?:is|are|was|gets|stays|turns)(?: \w+)? $", re.I)


def _read(text: str, start: int, kind: str, value: str, at: tuple[int, int], comparison: str | None) -> Claim | None:
    """The claim that a word makes where it stands, or None."""
    before, after = text[max(start, at[0] - REACH) : at[0]], text[at[1] : at[1] + REACH]
    if _says_nothing(kind, text[slice(*at)], before, after):
        return None
    if comparison and re.search(r"\bcould(?:n't| not) be $", before, re.I):
        return Claim("", kind, POLES.get(kind, value) if comparison == "more" else _FAR_ENDS[kind], True, *at)
    if comparison and (clauses.beyond_measure(after) or clauses.within_track(before, after) or _VERSION.match(after)):
        return None
    present = not (re.search(r"\bno $|\b(?:not|\w+n't)(?: \w+)? $", before, re.I) if comparison else clauses.denied(before))
    if not comparison and kind in _COMPARABLE and not value.isdigit():
        quality = not _A_THING.search(kind + text[slice(*at)])
        comparison = None if kind == "genre" else clauses.compared(before, after, quality=quality)
        if comparison:
            present = not re.search(r"\bno (?:more|less) $", before, re.I)
            if kind in POLES:
                comparison = comparison if value in (POLES[kind], "very fast") else _TURNED[comparison]
                value = POLES[kind]
    if value == "dark" and text[slice(*at)].lower() == "dark" and _OF_MOOD.search(before):
        kind, value = "mood", "mysterious"
    if kind == "vocal":
        return _vocal(value, present, before, after, at)
    if kind == "instrument":
        if clauses.leads(before, after):
            unmatched = re.search(r"\boutshine (?:an?|the) $", before, re.I)
            kind, present = "lead", bool(unmatched) or present and not clauses.leads_not(after)
        present = present and not _MISSING.match(after) and not text[slice(*at)].endswith("less")
    return Claim("", kind, value, present, *at, comparison)


# "More tension" needs something to be compared with, "tenser" does not.
_A_THING = re.compile(r"^instrument|(?:ion|ness|suspense|mystery|joy|euphoria|triumph|anger|menace|urgency)$", re.I)
_COMPARABLE = {"energy", "loudness", "brightness", "density", "tempo", "mood", "genre", "instrument"}
_FAR_ENDS = {"tempo": "slow", "energy": "low", "loudness": "quiet", "brightness": "dark", "density": "sparse"}


def _says_nothing(kind: str, word: str, before: str, after: str) -> bool:
    """Whether a word does not speak of a track where it stands."""
    if kind in _OF_WHOLE | _OF_PART and not (kind == "mode" and " " in word) and not word[0].isdigit():
        noun = not _A_VERB.search(word) and _A_NOUN.search(before)
        adverb = "(?<!live)ly$" if re.match(r" \w", after) else "(?<!live)ly$|ing$"  # "played loudly", "trumpets blaring"
        verb = kind == "course" and not noun or kind in _OF_WHOLE and bool(re.search(adverb, word, re.I))
        whose = clauses.described(before, after, verb=verb)
        if whose == "other" or whose == "part" and kind in _OF_WHOLE:
            return True
    if kind == "tempo":
        becomes = word.endswith("er") and _BECOMES.search(before)  # a change of tempo is no tempo
        return bool(_NOT_OF_TEMPO.match(after) or _RAPPED.search(before) or becomes)
    if word.lower() == "thin" and _OF_TIMBRE.search(before):
        return True
    if kind == "mood":
        return bool(_OCCASION.search(before) or _OF_PEOPLE.match(after))
    if kind == "density" and _ELSEWHERE.match(after):
        return True
    if kind == "course":
        of_pitch = _OF_PITCH.match(after) or _PITCHED.search(before) and _MOVES.match(word) or _CHANGED.search(before)
        of_other = _FEELING_BEFORE.search(before) or before.endswith("~ ")  # "my energy" is a figure of speech
        return bool(of_pitch or of_other or _FEELINGS.match(after) or _OBJECT.match(after))
    if kind in ("instrument", "vocal") and (
        _LIKENED_TO.search(before) or _LIKE.match(after) or _BARE_MORE.search(before) and not _AGAINST.search(after)
    ):
        return True
    if kind == "instrument":
        if word.lower() == "strings" and (_FINGERED.search(before) or _OF_ONE.match(after)):
            return True
        return bool(_OWNED.search(before) or _ELSEWHERE.match(after) or _TOPIC.search(before))
    # "more jazz than rock", "less a rock song than", "less minor than it seems"
    beside = {"genre": r"\bthan (?:an? )?$|(?<!or )\bless an? $", "mode": r"\b(?:less|more) $"}.get(kind)
    if beside and re.search(beside, before, re.I):
        return True
    if kind == "genre" and _FOR_A.search(before) and _EVENT.match(after):
        return True
    if kind == "genre" and (_TO_TASTE.match(after) or not re.search(r"\w", before) and _AS_SUCH.match(after)):
        return True
    return kind in ("mode", "key", "genre") and bool(_TAUGHT.search(before))


def _vocal(value: str, present: bool, before: str, after: str, at: tuple[int, int]) -> Claim | None:
    """A claim about voices: "no singing" is instrumental; an instrumental that someone sings over is none."""
    if value == "voice" and (not present or _MISSING.match(after)):
        if _AT_TIMES.search(before) or _SINGS_NOT.search(before) and re.match(r" (?!here|at all|on|in|at|once)\w", after):
            return None
        value, present = "instrumental", True
    under = value == "instrumental" and re.search(r"\b(?:an?|the|over an?(?: \w+)?|quiet|covering|this) $", before)
    if under and (_UNDER_A_VOICE.match(after) or _BENEATH.search(before)) and re.search(r"sing|vocal|voice|over", before):
        return None
    if _SPOKEN.match(after) or _SPEAKS.search(before) if value == "voice" else _BACKING.match(after):
        return None
    return Claim("", "vocal", value, present, *at)


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
