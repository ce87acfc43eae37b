"""Of which clip a claim speaks where two are played: "the first has a flute, the other none", "both are slow".

What stands after "than" or "like" is what a clip is compared with, not what is spoken of. A claim is of the clip that its
clause names, else of the one that its sentence names, else of the one that was spoken of last; at first that is the last clip
played, of which most is said. Where two are asked what they share, it is both. ``tests/sentences/pairs.jsonl`` holds labelled
answers, ``scripts/evaluate_claims.py --pairs`` the figures on them.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from mdialog import claims, particulars
from mdialog.brief import Brief, Name, names
from mdialog.utterance import given_names

_LETTERS = {"before": "\ue001", "this": "\ue002"}  # of the private use area: a name is a run of its clip's letter
_CLIP = r"(?:audio )?(?:one|clip|track|song|piece|tune|recording|excerpt)\b"
_PART = r"(?:(?:few|ten|two|three|five) )?(?:seconds|bars|beats|chords|instruments|moments|notes|parts|sections|voices)\b"
_SPEAKS = rf"(?='s\b|'ve\b| (?!{_PART})(?:are|were|have|had|do|did|sound|feel|play|(?!\w+ss\b)\w+s|\w+n't)\b)"
_ALONE = (
    rf"(?:{_SPEAKS}|(?= (?:an?|the|no|some|and|or|but|while|there|in|on|with|to|by|it|you|of (?:the two|them|these))\b)"
    r"|(?=\W*(?:[.,;:!?)]|$)))"
)
_OF = {
    "before": rf"{_LETTERS['before']}+|the (?:first|former|earlier|previous|opening)(?: {_CLIP}|{_ALONE})"
              rf"|(?:clip|track|song) (?:one|1|a)\b|(?:came|comes) first\b",
    "this": rf"{_LETTERS['this']}+|the (?:second|latter|later|closing)(?: {_CLIP}|{_ALONE})|this(?: {_CLIP}|{_ALONE})"
            r"|(?:clip|track|song) (?:two|2|b)\b|(?:(?:came|comes)|the one) (?:after|next)\b",
    "other": rf"the other(?: {_CLIP}|{_ALONE})|(?<![\w-] )one{_SPEAKS}|(?<=\band )one{_SPEAKS}",
    "both": r"both\b(?! (?:an?|the)\b| \w+ and\b)|they\b|neither\b|in common\b(?! time)|shar(?:es?|ed|ing)\b"
            r"|(?<!of )the two(?: of them\b| (?:clips|tracks|songs|pieces)\b|(?= (?:are|have|share|sound|feel|do)\b))"
            rf"|each(?: {_CLIP}| of them\b|{_SPEAKS})",
}  # fmt: skip
# What clauses.py would read as people, or as two adjectives, or not as a subject. As many letters each: places stay.
_PLAIN = (
    (re.compile(r"\bthey\b", re.I), "both"), (re.compile(r"\bneither(?= of\b| is\b| one\b)", re.I), "not one"),
    (re.compile(r"\bthe (?:former|latter)\b", re.I), "this track"),
)  # fmt: skip
_OBJECT = re.compile(
    r"(?:\b(?:than|as|like|unlike|from|to|against|beside|versus|vs\.?)|[\w,] with)(?: (?:in|on|that of|what))?\s+$", re.I
)
_NOT_IT = re.compile(r"\bnot $", re.I)
_SENTENCE = re.compile(r"[^.!?;]+")
_CLAUSE = re.compile(r",|:|\b(?:and|but|while|whereas|though|although)\b", re.I)
_RELATIVE = re.compile(r"[,\s]*(?:which|who|whose)\b", re.I)
_BY_PRONOUN = re.compile(r"\W*(?:it|it's|its)\b", re.I)  # which is not what is named later
_SO_DOES = re.compile(r"\b(?:so|neither|nor) (?:does|do|is|are|has|have|did)\b", re.I)
_IN_NEITHER = re.compile(r"\bin neither\b", re.I)


@dataclass(frozen=True)
class _Mention:
    """Where a clip is named, and whether only to be compared with."""

    at: int
    clip: str
    compared: bool


def find(text: str, brief: Brief) -> list[claims.Claim]:
    """Audible claims of an utterance, with the particulars that it was asked after, each with the clip that it speaks of.

    Parameters
    ----------
    text : str
    brief : Brief
        With which it was written. Without a clip before, every claim is of the one that is played.
    """
    given = given_names(brief)
    if not brief.before:
        return particulars.find(text, brief.asks, claims.find(text, names=given), names=given)
    named = _named(text, brief)
    plain = named
    for pattern, word in _PLAIN:
        plain = pattern.sub(word, plain)
    plain = "".join(a if a in _LETTERS.values() else b for a, b in zip(named, plain, strict=True))
    plain = "".join(a if b in _LETTERS.values() else b for a, b in zip(text, plain, strict=True))
    found = particulars.find(plain, brief.asks, claims.find(plain, names=given), names=given)
    mentions, by_default = list(_mentions(named)), "both" if "same" in brief.asks else "this"
    placed = (_placed(claim, named, mentions, by_default) for claim in found)
    return [replace(claim, text=text[claim.start : claim.end]) for claim in placed]


def _named(text: str, brief: Brief) -> str:
    """The text with every name as a run of letters; of what does not play, as if it were what does."""
    clips = [("before", brief.before, brief.about), ("this", brief.about, brief.before)]
    clips += [("this", name, brief.before) for name in names(brief) if name not in (brief.about, brief.before)]
    calls = [(pattern, _LETTERS[clip]) for clip, name, other in clips for pattern in _calls(name, other)]
    for pattern, letter in sorted(calls, key=lambda call: -len(call[0])):
        text = re.sub(pattern, lambda m, letter=letter: letter * len(m[0]), text)
    return text


def _calls(name: Name, other: Name) -> list[str]:
    """Patterns of a track's title, with or without its artist, and of the artist alone; none that is the other's too.

    A name of one word may be any word: it counts in quotes, as an artist's after "by" and before "'s".
    """
    title, artist, found = re.escape(name.title), re.escape(name.artist), []
    if name.title not in ("", other.title):
        found.append(rf'["“]{title}[.,!?]?["”](?: by {artist}(?!\w))?')
        found += [rf"(?<!\w){title}(?: by {artist})?(?!\w)"] if " " in name.title else []
    if name.artist not in ("", other.artist):
        found.append(rf"(?<!\w){artist}(?!\w)" if " " in name.artist else rf"(?<=\bby ){artist}(?!\w)|(?<!\w){artist}(?='s\b)")
    return found


def _mentions(named: str) -> Iterator[_Mention]:
    """Where which clip is named, from left to right; "the other" is not the one named before it."""
    places = [(m.start(), clip) for clip, pattern in _OF.items() for m in re.finditer(rf"(?<!\w)(?:{pattern})", named, re.I)]
    last = None
    for at, clip in sorted(places):
        if clip == "other":
            clip = "this" if last == "before" else "before"
        if not _NOT_IT.search(named[:at]):
            compared = bool(_OBJECT.search(named[:at]))
            last = last if compared else clip
            yield _Mention(at, clip, compared)


def _placed(claim: claims.Claim, named: str, mentions: Sequence[_Mention], by_default: str) -> claims.Claim:
    sentence = next((m.span() for m in _SENTENCE.finditer(named) if m.start() <= claim.start < m.end()), (0, len(named)))
    cuts = [sentence[0], *(m.start() for m in _CLAUSE.finditer(named, *sentence)), sentence[1]]
    clause = max(c for c in cuts if c <= claim.start), min((c for c in cuts if c > claim.start), default=sentence[1])
    if _IN_NEITHER.search(named, *clause):
        return replace(claim, clip="both", present=False)
    if _SO_DOES.search(named, *sentence):
        return replace(claim, clip="both")
    if _RELATIVE.match(named, clause[0]) and (before := [m.clip for m in mentions if m.at < clause[0]]):
        return replace(claim, clip=before[-1])
    for start, end in (clause, sentence):
        inside = [m for m in mentions if start <= m.at < end and not m.compared]
        if inside:
            before = [m.clip for m in inside if m.at <= claim.start]
            if before or not _BY_PRONOUN.match(named, clause[0]):
                return replace(claim, clip=before[-1] if before else inside[0].clip)
    with_this = [m for m in mentions if m.compared and m.clip == "this" and sentence[0] <= m.at < sentence[1]]
    if claim.comparison and with_this:
        return replace(claim, clip="before")
    earlier = [m.clip for m in mentions if m.at < sentence[0] and not m.compared]
    return replace(claim, clip=earlier[-1] if earlier else by_default)
