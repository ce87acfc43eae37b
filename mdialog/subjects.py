"""Of which clip a claim speaks where two are played: "the first has a flute, the other none", "both are slow".

What stands after "than" or "like" is what a clip is compared with, not what is spoken of. A claim is of the clip that its
clause names, else of the one that its sentence names, else of the one that was spoken of last; at first that is the last clip
played, of which most is said. Where two are asked what they share, it is both.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from mdialog import claims, clauses, particulars
from mdialog.brief import Brief, Name, names
from mdialog.utterance import given_names

_NOUN = r"(?: (?:one|clip|track|song|piece|tune|recording|excerpt|of (?:the two|them|these)))"
_OF = {
    "before": rf"the (?:first|former|earlier|previous){_NOUN}?|(?:first|previous){_NOUN}|(?:clip|track|song) (?:one|1|a)",
    "this": rf"the (?:second|latter|later){_NOUN}?|second{_NOUN}|this(?: (?:one|clip|track|song))?"
            r"|(?:clip|track|song) (?:two|2|b)",
    "other": rf"the other{_NOUN}?",
    "both": r"both(?! (?:an?|the)\b| \w+ and\b)|the two(?: of them)?|they|each|neither|in common|shar(?:es?|ed|ing)",
}  # fmt: skip
_THEY = re.compile(r"\bthey\b", re.I)
_OBJECT = re.compile(r"(?:than|as|like|unlike|from|to|with|against|beside|versus|vs\.?)(?: (?:in|on|that of|what))?\s+$", re.I)
_SENTENCE = re.compile(r"[^.!?;]+")
_CLAUSE = re.compile(r",|:|\b(?:and|but|while|whereas|though|although)\b", re.I)


def find(text: str, brief: Brief) -> list[claims.Claim]:
    """Audible claims of an utterance, with the particulars that it was asked after, each with the clip that it speaks of.

    Parameters
    ----------
    text : str
    brief : Brief
        With which it was written. Without a clip before, every claim is of the one that is played.
    """
    given = given_names(brief)
    # "They" are two clips where two play; elsewhere people, of whom nothing is claimed. As many letters: places stay.
    found = claims.find(_THEY.sub("both", text) if brief.before else text, names=given)
    found = particulars.find(text, brief.asks, found, names=given)
    if not brief.before:
        return found
    found = [replace(claim, text=text[claim.start : claim.end]) for claim in found]
    mentions, masked = _mentions(text, brief), clauses.masked(text, given)
    by_default = "both" if any(ask == "same" for ask in brief.asks) else "this"
    return [replace(claim, clip=_clip_of(claim, masked, mentions, by_default)) for claim in found]


def _mentions(text: str, brief: Brief) -> list[tuple[int, str]]:
    """Where which clip is spoken of, from left to right."""
    patterns, places = dict(_OF), []
    for clip, name, other in (("before", brief.before, brief.about), ("this", brief.about, brief.before)):
        patterns[clip] = "|".join([*_calls(name, other), patterns[clip]])
    for name in {*names(brief)} - {brief.about, brief.before}:  # what does not play cannot be told apart from what does
        patterns["this"] = "|".join([*_calls(name, brief.before), patterns["this"]])
    for clip, pattern in patterns.items():
        for match in re.finditer(rf'(?<!\w)"?(?:{pattern})(?!\w)', text, re.I):
            if not _OBJECT.search(text[: match.start()]):
                places.append((match.start(), clip))
    found: list[tuple[int, str]] = []
    for at, clip in sorted(places):
        if clip == "other":
            clip = "this" if found and found[-1][1] == "before" else "before"
        found.append((at, clip))
    return found


def _calls(name: Name, other: Name) -> list[str]:
    """Patterns of a track's title, with or without its artist, and of the artist alone; none that is the other's too."""
    title, artist = re.escape(name.title), re.escape(name.artist)
    calls = [rf'{title}"?(?: by {artist})?'] if name.title not in ("", other.title) else []
    return calls + ([rf"(?<!by ){artist}"] if name.artist not in ("", other.artist) else [])


def _clip_of(claim: claims.Claim, text: str, mentions: Sequence[tuple[int, str]], by_default: str) -> str:
    sentence = next((m.span() for m in _SENTENCE.finditer(text) if m.start() <= claim.start < m.end()), (0, len(text)))
    cuts = [sentence[0], *(m.start() for m in _CLAUSE.finditer(text, *sentence)), sentence[1]]
    clause = max(c for c in cuts if c <= claim.start), min((c for c in cuts if c > claim.start), default=sentence[1])
    for start, end in (clause, sentence):
        inside = [(at, clip) for at, clip in mentions if start <= at < end]
        if inside:
            before = [clip for at, clip in inside if at <= claim.start]
            return before[-1] if before else inside[0][1]
    earlier = [clip for at, clip in mentions if at < sentence[0]]
    return earlier[-1] if earlier else by_default
