"""Audible claims: what an utterance says about sound, found by the vocabulary's words and a small grammar."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from mdialog import vocab
from mdialog.synth.labels import ClipLabels

# Tempo words are right for a tempo within 4 % of their range; energy words within .05.
TEMPO_TOLERANCE = 0.04
ENERGY_TOLERANCE = 0.05

_NEGATION = re.compile(
    r"\b(?:no|not|without(?: any)?|never|nothing|lacks?|free of|isn't|aren't|neither|nor)\b[\w\s'-]{0,12}$", re.I
)
_LEADS = re.compile(
    r"^\W*(?:(?:that|which)\s+)?(?:"
    r"carr(?:y|ies|ying)|lead(?:s|ing)?|takes? the (?:tune|lead|melody)"
    r"|(?:has|have|hold(?:s|ing)?|play(?:s|ing)?|sing(?:s|ing)?|up front with|on) the (?:tune|lead|melody)"
    r"|(?:is |are )?(?:up front|in front|in the lead|on lead|out in front))",
    re.I,
)
_LED = re.compile(
    r"(?:\bled by(?: an?| the)?|\blead|\b(?:melody|tune|line) (?:on|from|by|is on|belongs to)(?: an?| the)?)\W*$", re.I
)


@dataclass(frozen=True)
class Claim:
    """One audible statement.

    Parameters
    ----------
    text : str
        The words that make it.
    kind : str
        An audible kind of the vocabulary, or ``lead``.
    value : str
    present : bool
        False for "no drums", "without a choir".
    start, end : int
        Where in the utterance.
    """

    text: str
    kind: str
    value: str
    present: bool
    start: int
    end: int


@cache
def _words() -> tuple[re.Pattern, dict[str, tuple[str, str]]]:
    """One pattern over every word of every audible kind, longest first, and what each word means."""
    meaning: dict[str, tuple[str, str]] = {}
    for kind in vocab.load():
        if not kind.audible:
            continue
        for value in kind.values:
            for word in (value.name, *value.words):
                meaning.setdefault(word.casefold(), (kind.name, value.name))
    longest_first = sorted(meaning, key=len, reverse=True)
    pattern = r"(?<![\w#/])(?:" + "|".join(map(re.escape, longest_first)) + r")(?![\w#/])"
    return re.compile(pattern, re.I), meaning


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
    masked = re.sub(r'"[^"]*"', lambda m: "_" * len(m[0]), utterance)
    for name in sorted(filter(None, names), key=len, reverse=True):
        masked = re.sub(re.escape(name), lambda m: "_" * len(m[0]), masked)
    pattern, meaning = _words()
    claims = []
    for match in pattern.finditer(masked):
        kind, value = meaning[match[0].casefold()]
        if kind == "key" and (match[0][0].islower() or re.match(r"[\s-]key\b", masked[match.end() :])):
            kind, value = "mode", value.split()[1]  # "a minor key" is no A minor
        before, after = masked[: match.start()], masked[match.end() :]
        if kind == "instrument" and (_LEADS.match(after) or _LED.search(before)):
            kind = "lead"
        present = not _NEGATION.search(re.split(r"[.;!?,]", before)[-1])
        claims.append(Claim(match[0], kind, value, present, match.start(), match.end()))
    return claims


def true_of(claim: Claim, labels: ClipLabels) -> bool | None:
    """Whether a claim holds for a clip whose truth is known; None where the labels say nothing.

    A tempo word holds within 4 % of its range, an energy word within .05 of it.
    """
    v = vocab.load()
    if claim.kind == "tempo":
        value = v["tempo"][claim.value]
        holds = value.low * (1 - TEMPO_TOLERANCE) <= labels.tempo_bpm < value.high * (1 + TEMPO_TOLERANCE)
    elif claim.kind == "energy":
        value = v["energy"][claim.value]
        holds = value.low - ENERGY_TOLERANCE <= labels.energy_value < value.high + ENERGY_TOLERANCE
    elif claim.kind == "instrument":
        holds = claim.value in labels.instruments
    elif claim.kind == "mood":
        holds = claim.value in labels.moods
    elif claim.kind == "course" and labels.course is None:
        return None
    elif claim.kind in ("key", "mode", "metre", "genre", "vocal", "course", "lead"):
        holds = claim.value == getattr(labels, claim.kind)
    else:
        return None
    return holds == claim.present
