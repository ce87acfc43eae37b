"""Repetition: a check that nothing is said twice, within a turn or over a dialogue."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from mdialog import brief as briefs
from mdialog import claims, vocab
from mdialog.brief import Brief
from mdialog.utterance import MASK, Fault, Utterance
from mdialog.wording import pattern

REPEATED_SENTENCE_WORDS = 4  # shorter sentences ("Sounds good.") may come again within another utterance


def repetition(said: Utterance) -> Iterator[Fault]:
    """No sentence that the dialogue has already heard, whatever its names."""
    earlier = {_plain(s) for _, text in said.brief.history for s in _sentences(text)}
    bare = "item_attribute_answer" in said.brief.intents and len(said.words) < REPEATED_SENTENCE_WORDS  # "once", twice
    if _plain(said.text) in {_plain(text) for _, text in said.brief.history} and not bare:
        yield Fault("repetition", said.text, "said before in this dialogue")
    for sentence in _sentences(said.text):
        if len(sentence.split()) >= REPEATED_SENTENCE_WORDS and _plain(sentence) in earlier:
            yield Fault("repetition", sentence, "a sentence said before in this dialogue")
    quoted = re.finditer(r'"([^"]+)"', said.text)
    for one, other in pairwise(quoted):  # "A" goes well with "A"
        between = said.text[one.end() - 2 : other.start()]  # a full stop stands inside the marks
        if one[1].rstrip(".,!?") == other[1].rstrip(".,!?") and not re.search("[.!?]", between):
            yield Fault("repetition", said.text[one.start() : other.end()], "a title beside itself")
    yield from _with_itself(said)
    yield from _twice(said)


_HELD_BESIDE = r"(?:than|unlike|as|like)"


def _with_itself(said: Utterance) -> Iterator[Fault]:
    """No track is compared with itself: "_ is slower than _", or "it is slower than _" where _ was spoken of last."""
    for title in sorted({name.title for name in briefs.names(said.brief)} - {""}):
        quoted = rf'"{re.escape(title)}[.,!?]?"'
        compared = rf'(?:\bit(?:\'s)?\b|{quoted})(?P<between>[^.!?"]*)\b{_HELD_BESIDE} {quoted}'
        for found in re.finditer(compared, said.text, re.I):
            subjects = re.findall(r'"([^"]*?)[.,!?]?"', said.text[: found.end()])[:-1]
            if (found[0].startswith('"') or subjects[-1:] == [title]) and claims.find(found["between"] + " than that"):
                yield Fault("repetition", found[0], "a track compared with itself")


# Who compares, agrees or answers says again what was said; "a harp, yes, a harp" and "fast, really fast" mean it.
_AGAIN = re.compile(
    r"\b(?:than|both|too(?= *[,.;!?])|also|as well|another|again|still|same|like|unlike|neither|nor|either|instead|yes|no"
    r"|indeed)\b",
    re.I,
)
_MEANS_IT = re.compile(r"\b(?:yes|really|truly)\b[, ]*(?:(?:an?|the|very) )*[\w-]*$", re.I)
_BY_WORDS = ("mood", "instrument", "lead", "vocal")  # of these one may say the same in other words: "sad, mournful"
Mention = tuple[str, str, bool]  # kind; value, or the words; whether stated, not wished


def _twice(said: Utterance) -> Iterator[Fault]:
    """Nothing is stated twice in a turn and no wish uttered twice; a wish may be said back, and a track then have it."""
    earlier: set[Mention] = set()
    echoes = said.brief.role == "assistant"  # until it names a track: then it tells of that
    for sentence in _sentences(re.sub(rf"{MASK}(?: by {MASK})?", "_", said.masked)):
        if "_" in sentence:  # another track, of which the same may be true
            echoes, earlier = False, {one for one in earlier if not one[2]}
        mentions, compares = _said_in(said.brief, sentence, echoes=echoes)
        counts = Counter((kind, words) for kind, words, _ in mentions)
        twice = {what for what, n in counts.items() if n > 1 and not compares}
        twice |= {(kind, words) for kind, words, _ in {*mentions} & earlier if not compares and not _AGAIN.search(sentence)}
        for kind, words in sorted(twice):
            yield Fault("repetition", sentence, f"{kind}:{words} twice in one turn")
        earlier |= {*mentions}
    asked = Counter(filter(None, (briefs.told(a).artist for a in said.brief.new if a.kind in vocab.OPEN_KINDS)))
    for name, n in sorted(asked.items()):
        if said.brief.role == "user" and len(re.findall(rf'(?<!" by )(?<!\w){re.escape(name)}(?!\w)', said.text)) > n:
            yield Fault("repetition", name, "asked for twice in one turn")


def _said_in(brief: Brief, sentence: str, *, echoes: bool) -> tuple[list[Mention], bool]:
    """What a sentence states, and which wishes of the brief it utters (or says back, if it `echoes`); whether it compares."""
    wishes = {(a.kind, a.value) for a in (*brief.new, *brief.dropped, *brief.wanted) if a.kind not in vocab.OPEN_KINDS}
    found = claims.find(sentence)
    mentions, rest = [], sentence
    for claim in found:
        if claim.comparison or _MEANS_IT.search(sentence[: claim.start + len(claim.text.split()[0])]):
            continue
        words = _words_of(claim.kind, claim.value, claim.text)
        states = not echoes or (claim.kind, claim.value) not in wishes
        mentions.append((claim.kind, words if claim.present else f"no {words}", states))
        rest = rest[: claim.start] + "_" * len(claim.text) + rest[claim.end :]
    for kind, value in sorted(wishes):
        for match in pattern(kind, value).finditer(rest):
            mentions.append((kind, _words_of(kind, value, match[0]), False))
    return mentions, any(claim.comparison for claim in found)


def _words_of(kind: str, value: str, text: str) -> str:
    """By what a mention is known again: its value, or its words where a value has many that do not tire."""
    return re.sub(r"s$", "", _plain(text)) if kind in _BY_WORDS else value


def _sentences(text: str) -> list[str]:
    text = re.sub(r'"[^"]*"', MASK, text)  # a title may hold a full stop
    return [s for s in re.split(r"(?<=[.!?…])[\"”']*\s+", text) if s]


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[^\W_]+", text.casefold()))
