"""Particulars: what is told only where somebody asks after it.

Of one clip: are its instruments acoustic or electric (``electric``), was it played to an audience or in a studio (``live``);
of two: which begins louder (``compare:opening``), by how many beats a minute one is faster (``compare:bpm``), and which of them
has an instrument (``which:instrument:flute``); the last two need no words of their own. Elsewhere these words claim nothing:
"an acoustic version", "a live wire".
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import replace

from mdialog import clauses
from mdialog.claims import Claim

ELECTRIC = "electric instrument"  # whichever: claims.LOOSE says which there are
MEANS = {  # in the prose for larger models
    "electric": "whether its instruments are acoustic or electric",
    "live": "whether it was recorded live, before an audience, or in a studio",
    "compare:opening": "which of the two begins louder or quieter",
    "compare:bpm": "by how many beats a minute one of the two is faster",
}
ASKED = {  # a question after it has one of these words
    "electric": re.compile(r"\b(?:acoustic|electric|electronic|amplified|unplugged)\b", re.I),
    "live": re.compile(r"\b(?:live|studio|audience|concert|crowd)\b", re.I),
    "compare:opening": re.compile(r"\b(?:beg[ia]n\w*|start\w*|open\w*|first seconds?)\b", re.I),
    "compare:bpm": re.compile(r"\b(?:by (?:what|how)|how (?:much|many)|bpm|beats)\b", re.I),
}
_BEFORE_PEOPLE = r"(?:to|before|in front of) an? (?:audience|crowd)"
_WORDS = {  # ask to (pattern, kind, value, whether it is there)
    "electric": (
        (r"electric(?:al)?|electronic|amplified|plugged in", "instrument", ELECTRIC, True),
        (r"acoustic|unplugged|unamplified", "instrument", ELECTRIC, False),
    ),
    "live": (
        (rf"(?<!i )(?<!you )(?<!we )(?<!they )(?<!to )live|in concert|{_BEFORE_PEOPLE}", "setting", "live", True),
        (r"studio", "setting", "live", False),
    ),
}
_NOT = re.compile(
    r"\b(?:not|no(?! (?:doubt|question))|nothing|never|isn't|aren't|without|hardly|rather than|instead of)\b[^.,;:!?]{0,30}$",
    re.I,
)


def means(ask: str) -> str | None:
    """What a particular question is after, in prose; None for any other question."""
    return f"which of the two has the {named(ask)[1]}" if named(ask) else MEANS.get(ask)


def named(ask: str) -> tuple[str, str] | None:
    """Kind and value that a question which of the two has something names."""
    which, _, value = ask.partition(":")
    return tuple(value.split(":", 1)) if which == "which" and ":" in value else None


def find(text: str, asks: Collection[str], found: Sequence[Claim], *, names: Collection[str] = ()) -> list[Claim]:
    """Claims of a turn that was asked after particulars, those of its other words among them.

    Parameters
    ----------
    text : str
    asks : collection of str
        Of the turn.
    found : sequence of Claim
        What the text claims in other words; where the beginnings are asked after, what is louder is so there.
    names : collection of str
        Words inside them claim nothing.
    """
    out = [_of_opening(claim) if "compare:opening" in asks else claim for claim in found]
    masked = clauses.masked(text, names)
    for ask in asks:
        own = [claim for words in _WORDS.get(ask, ()) for claim in _stated(masked, text, *words)]
        # "An acoustic guitar" claims that guitar and nothing of what else there may be.
        own = [claim for claim in own if not any(c.start < claim.end and claim.start < c.end for c in out)]
        if ask == "electric" and {claim.present for claim in own} == {True, False}:
            own = [claim for claim in own if claim.present]  # a mixture holds electric ones
        out += own
    return sorted(out, key=lambda claim: claim.start)


def answers(found: Sequence[Claim], ask: str) -> bool:
    """Whether claims tell what a particular question is after."""
    wanted = {"electric": ("instrument", ELECTRIC), "live": ("setting", "live"), "compare:opening": ("opening", "loud")}
    if ask == "compare:bpm":
        numbers = [claim for claim in found if claim.kind == "tempo" and claim.value.isdigit()]
        one_each = {claim.clip for claim in numbers} == {"this", "before"}
        same = any(claim.kind == "tempo" and claim.comparison == "same" for claim in found)
        return one_each or same or any(claim.comparison for claim in numbers)
    wanted_here = named(ask) or wanted[ask]
    return any((claim.kind, claim.value) == wanted_here for claim in found)


def _of_opening(claim: Claim) -> Claim:
    louder = claim.kind in ("loudness", "energy") and claim.comparison
    return replace(claim, kind="opening", value="loud") if louder else claim


def _stated(masked: str, text: str, words: str, kind: str, value: str, present: bool) -> list[Claim]:
    """One claim for every place where the words stand in a sentence that does not ask."""
    out = []
    for sentence in re.finditer(r"[^.!?;]+[.!?;]?", masked):
        for match in () if sentence[0].endswith("?") else re.finditer(rf"(?<!\w)(?:{words})(?!\w)", sentence[0], re.I):
            a, b = sentence.start() + match.start(), sentence.start() + match.end()
            holds = present != bool(_NOT.search(sentence[0][: match.start()]))
            out.append(Claim(text[a:b], kind, value, holds, a, b))
    return out
