"""Of which clip a claim speaks: where two are played, "the first has a flute, the other none", "both are slow"; where one is,
"the last one was slower", or a track by its name.

What stands after "than" or "like" is what a clip is compared with, not what is spoken of. A claim is of the clip that its
clause names, else of the one that its sentence names, else of the one that was spoken of last; at first that is the last clip
played, of which most is said. Where two are asked what they share, it is both. Where only one plays, talk comes back to it
with each sentence. ``tests/sentences/pairs.jsonl`` holds labelled answers, ``scripts/evaluate_claims.py --pairs`` the figures.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from mdialog import claims, particulars
from mdialog.brief import Brief, Name, name_of, names
from mdialog.plan import Plan
from mdialog.utterance import Utterance, given_names

# Of the private use area: a name is a run of its clip's letter; "none" is a track that does not play, "" an artist of such.
_LETTERS = {"before": "\ue001", "this": "\ue002", "none": "\ue003", "": "\ue004"}
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
    "none": rf"{_LETTERS['none']}+",
}  # fmt: skip
# A track heard before the one that plays now: "the last one was slow", but not "it is the first song here that is slow".
_EARLIER = (rf"(?<!\bis )(?<!'s )(?<!\bas )(?<!, )\b(?:the|that) (?:last|previous|earlier|first|former|other) {_CLIP}"
            r"(?! (?:here|that|which|who|on|of|in|from)\b)")  # fmt: skip
# What clauses.py would read as people, or as two adjectives, or not as a subject. As many letters each: places stay.
_PLAIN = (
    (re.compile(r"\bthey\b", re.I), "both"), (re.compile(r"\bneither(?= of\b| is\b| one\b)", re.I), "not one"),
    (re.compile(r"\bthe (?:former|latter)\b", re.I), "this track"),
)  # fmt: skip
_OBJECT = re.compile(
    r"(?:\b(?:than|as|like|unlike|from|to|against|beside|versus|vs\.?|(?:up|down) on)|[\w,] with)"
    r"(?: (?:in|on|that of|what))?\s+$", re.I
)  # fmt: skip
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


def spoken_of(text: str, brief: Brief, plan: Plan | None, turn_index: int) -> tuple[Brief, str | None]:
    """The brief with the track heard earlier that a text speaks of while one clip plays, and that track's id.

    Parameters
    ----------
    text : str
    brief : Brief
        With which it was written.
    plan : Plan or None
        Without one nothing was heard before.
    turn_index : int
    """
    if len(brief.clips) != 1 or not brief.about or plan is None:
        return brief, None
    earlier: dict[Name, str] = {}
    for clip in (clip for turn in plan.turns[: turn_index + 1] for clip in turn.clips):
        earlier.pop(name := name_of(plan, clip.track_id), None)
        earlier[name] = clip.track_id  # the last one heard is the last
    earlier.pop(brief.about, None)
    name = meant(text, brief.about, [*earlier])
    return (replace(brief, before=name), earlier[name]) if name else (brief, None)


def stated(said: Utterance) -> list[claims.Claim]:
    """The claims of a candidate, each with the clip that it speaks of."""
    return find(said.text, spoken_of(said.text, said.brief, said.plan, said.turn_index)[0])


def meant(text: str, about: Name, earlier: Sequence[Name]) -> Name | None:
    """The track heard earlier that an utterance speaks of, while another one plays alone; None where it speaks of none.

    Parameters
    ----------
    text : str
    about : Name
        What plays.
    earlier : sequence of Name
        What was heard before it, the last one last.
    """
    for name in reversed(earlier):
        if name.title != about.title and any(re.search(call, text) for call in _titled(name)):
            return name
    if not earlier or not (found := re.search(_EARLIER, text, re.I)):
        return None
    return earlier[0] if re.search(r"first|former", found[0], re.I) else earlier[-1]


def find(text: str, brief: Brief) -> list[claims.Claim]:
    """Audible claims of an utterance, with the particulars that it was asked after, each with the clip that it speaks of.

    Parameters
    ----------
    text : str
    brief : Brief
        With which it was written; `before` may also be a track heard earlier that does not play now (:func:`meant`).
    """
    return list(_found(text, brief))


@lru_cache(maxsize=256)  # checks and referee ask the same of each candidate
def _found(text: str, brief: Brief) -> tuple[claims.Claim, ...]:
    given = given_names(brief)
    named = _named(text, brief) if brief.about else text
    if not brief.before and _LETTERS["none"] not in named:
        return tuple(particulars.find(text, brief.asks, claims.find(text, names=given), names=given))
    plain = named
    for pattern, word in _PLAIN:
        plain = pattern.sub(word, plain)
    plain = "".join(a if a in _LETTERS.values() else b for a, b in zip(named, plain, strict=True))
    plain = "".join(a if b in _LETTERS.values() else b for a, b in zip(text, plain, strict=True))
    found = particulars.find(plain, brief.asks, claims.find(plain, names=given), names=given)
    alone, by_default = len(brief.clips) < 2, "both" if "same" in brief.asks else "this"
    mentions = list(_mentions(named, alone=alone))
    placed = [_placed(claim, named, mentions, by_default, alone=alone) for claim in found]
    placed += _chosen(brief, named, mentions, placed)
    return tuple(replace(claim, text=text[claim.start : claim.end]) for claim in placed)


def _chosen(
    brief: Brief, named: str, mentions: Sequence[_Mention], found: Sequence[claims.Claim]
) -> Iterator[claims.Claim]:
    """What an answer that names a clip alone says to which of two has something: "the second one does", "neither"."""
    choice = next((m for m in mentions if not m.compared and m.clip in ("this", "before", "both")), None)
    if choice is None or "item_attribute_answer" not in brief.intents:
        return
    there = not re.match(r"neither\b", named[choice.at :], re.I)
    end = choice.at + len(re.match(r"\S+(?: (?:first|second|former|latter|other|two)\b)?", named[choice.at :])[0])
    for kind, value in filter(None, map(particulars.named, brief.asks)):
        if not any((claim.kind, claim.value) == (kind, value) for claim in found):
            yield claims.Claim("", kind, value, there, choice.at, end, clip=choice.clip)


def _named(text: str, brief: Brief) -> str:
    """The text with every name as a run of letters."""
    playing = [("before", brief.before), ("this", brief.about)] if brief.before else [("this", brief.about)]
    calls = [(pattern, _LETTERS[clip]) for clip, name in playing
             for pattern in _calls(name, brief.before if clip == "this" else brief.about)]  # fmt: skip
    titles, artists = ({part(name) for _, name in playing} for part in (lambda n: n.title, lambda n: n.artist))
    for name in names(brief):
        calls += [(pattern, _LETTERS["none"]) for pattern in _titled(name) if name.title not in titles]
        calls += [(pattern, _LETTERS[""]) for pattern in _by_artist(name) if name.artist not in artists]
    for pattern, letter in sorted(calls, key=lambda call: -len(call[0])):
        text = re.sub(pattern, lambda m, letter=letter: letter * len(m[0]), text)
    return text


def _calls(name: Name, other: Name | None) -> list[str]:
    """Patterns of a track's title, with or without its artist, and of the artist alone; none that is the other's too."""
    titled = _titled(name) if other is None or name.title != other.title else []
    return titled + (_by_artist(name) if other is None or name.artist != other.artist else [])


def _titled(name: Name) -> list[str]:
    """Patterns of a title; one of a single word may be any word: it counts in quotes."""
    title, artist = re.escape(name.title), re.escape(name.artist)
    quoted = [rf'["“]{title}[.,!?]?["”](?: by {artist}(?!\w))?'] if name.title else []
    return quoted + ([rf"(?<!\w){title}(?: by {artist})?(?!\w)"] if " " in name.title else [])


def _by_artist(name: Name) -> list[str]:
    """The pattern of an artist; one of a single word counts after "by" and before "'s"."""
    artist = re.escape(name.artist)
    if not artist:
        return []
    return [rf"(?<!\w){artist}(?!\w)" if " " in name.artist else rf"(?<=\bby ){artist}(?!\w)|(?<!\w){artist}(?='s\b)"]


def _mentions(named: str, *, alone: bool) -> Iterator[_Mention]:
    """Where which clip is named, from left to right; "the other" is not the one named before it."""
    patterns = {**_OF, "before": rf"{_EARLIER}|{_OF['before']}"} if alone else _OF
    found = [(clip, re.finditer(rf"(?<!\w)(?:{pattern})", named, re.I)) for clip, pattern in patterns.items()]
    places = [(m.start(), clip) for clip, matches in found for m in matches]
    last = None
    for at, clip in sorted(places):
        if clip == "other":
            clip = "this" if last == "before" else "before"
        if not _NOT_IT.search(named[:at]):
            compared = bool(_OBJECT.search(named[:at]))
            last = last if compared else clip
            yield _Mention(at, clip, compared)


def _placed(
    claim: claims.Claim, named: str, mentions: Sequence[_Mention], by_default: str, *, alone: bool
) -> claims.Claim:
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
        if alone and (start, end) == sentence and any(m.clip == "this" for m in inside):
            return replace(claim, clip="this")  # "... since _ worked": of what plays, all the same
        if inside:
            before = [m.clip for m in inside if m.at <= claim.start]
            if before or not _BY_PRONOUN.match(named, clause[0]):
                return replace(claim, clip=before[-1] if before else inside[0].clip)
    with_this = [m for m in mentions if m.compared and m.clip == "this" and sentence[0] <= m.at < sentence[1]]
    if claim.comparison and with_this:
        return replace(claim, clip="before")
    last = next((m.clip for m in reversed(mentions) if m.at < sentence[0] and not m.compared), by_default)
    return replace(claim, clip=by_default if alone and last == "before" else last)
