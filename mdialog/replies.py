"""Replies: a check that an answer tells of what was asked, and agrees with itself."""

import re
from collections.abc import Iterator

from mdialog import claims, particulars, subjects, vocab
from mdialog.utterance import Fault, Utterance
from mdialog.wording import find


def answers(said: Utterance) -> Iterator[Fault]:
    """An answer from the sound tells of what was asked after."""
    brief = said.brief
    if "item_attribute_answer" not in brief.intents or not brief.clips:
        return
    found = subjects.find(said.text, brief)
    said_of = {claim.kind for claim in found}
    yield from _of_values(said, found)
    for ask in (ask for ask in brief.asks if ask in particulars.MEANS and not particulars.answers(found, ask)):
        yield Fault("intents", ask, f"the turn is to answer {particulars.MEANS[ask]} and does not")
    if "course" in brief.asks and not said_of:
        yield Fault("intents", "course", "the turn is to answer this from the sound and says nothing of it")
    yield from _of_both(said, found)
    for kind in (ask for ask in brief.asks if ask in claims.POLES and ask not in vocab.load()):
        if kind not in said_of:
            yield Fault("intents", kind, "the turn is to answer this and does not")
    closed = [vocab.load()[kind] for kind in brief.asks if kind in vocab.load()]
    if closed and not any(find(kind.name, value, said.text) for kind in closed for value in kind.names):
        yield Fault("intents", ", ".join(k.name for k in closed), "the turn is to answer this and does not")


def _of_values(said: Utterance, found: list[claims.Claim]) -> Iterator[Fault]:
    """Who is asked whether something is so says yes or no, or tells of it; nobody says "yes" to what the same turn denies.

    Another value of a kind tells of it where a track has one of the kind: a string section says nothing of a flute.
    """
    about = [claim for claim in found if claim.clip != "before" and not claim.comparison]
    answer = _yes(said.text)
    for kind, _, value in (ask.partition(":") for ask in said.brief.asks if asks_whether(ask)):
        one_of_many = kind == "lead" or vocab.load()[kind].exclusive
        own = [claim for claim in about if claim.kind == kind and (one_of_many or value in _meant(claim.value))]
        told = own or kind != "lead" and any(find(kind, v, said.text) for v in _names(kind) if one_of_many or v == value)
        if answer is None and not told:
            yield Fault("intents", f"{kind}:{value}", "the turn is to say whether it is so and does not")
        for claim in about if answer is not None else ():
            if (holds := _bears(claim, kind, value)) is not None and holds != answer:
                yield Fault("intents", claim.text, f"{'yes' if answer else 'no'}, and then the opposite")


def _bears(claim: claims.Claim, kind: str, value: str) -> bool | None:
    """Whether a claim says that a value is so, or that it is not; None where it leaves that open."""
    if (claim.kind, claim.value) == (kind, value):
        return claim.present
    if kind == "lead" and (claim.kind, claim.value, claim.present) == ("instrument", value, False):
        return False  # what is not there leads nothing
    if kind == "instrument" and (claim.kind, claim.value, claim.present) == ("lead", value, True):
        return True
    one_of_many = kind == "lead" or vocab.load()[kind].exclusive
    if claim.kind != kind or not one_of_many or not claim.present or value in _meant(claim.value):
        return None
    other = claim.value in _names(kind) and claim.value not in value and value not in claim.value  # "very fast" is fast
    return False if other or (claim.value, value) == ("voice", "instrumental") else None


def _meant(value: str) -> tuple[str, ...]:
    """A claimed value and what it may be short for: "a guitar" may be an electric one."""
    return (value, *claims.LOOSE.get(value, ()))


def _names(kind: str) -> tuple[str, ...]:
    return vocab.load()["instrument" if kind == "lead" else kind].names


_YES_FIRST = re.compile(
    r"\W*(?:(?:oh|ah|well|why|okay|right|listen|so|um|er|hm+)\W+)*"
    r"(?:yes|yep|yeah|certainly|affirmative|of course|you bet|it is so|i think so)\b(?! (?:not?|and no)\b)", re.I
)  # fmt: skip
# Where "no" goes with a noun it denies that, and answers nothing: "right, no voices".
_NO_NOUN = re.compile(r"\bno(?= (?!(?:it|i|that|this|there|they|you|such|indeed|way|chance)\b)\w)", re.I)


def _yes(text: str) -> bool | None:
    """Whether an answer says yes or no; what comes first does: "Yes, there is no flute." is a yes."""
    answer = claims.yes_or_no(_NO_NOUN.sub("any", text))
    return True if _YES_FIRST.match(text) else answer and not claims.is_no(answer)


# What may stand for a kind where two clips are compared in it: who asks after the energy is told that one is louder.
_STANDS_FOR = {
    "energy": ("energy", "loudness", "density"), "loudness": ("loudness", "energy"), "mode": ("mode", "key"),
    "instrument": ("instrument", "lead", "vocal"),
}  # fmt: skip
# Words that set what is told beside the clip before, without its name.
_BESIDE = re.compile(
    r"\b(?:unlike|than|other|too|again|this time|compared|former|(?:last|previous|earlier|first) (?:one|clip|track|song))\b",
    re.I,
)


def _of_both(said: Utterance, found: list[claims.Claim]) -> Iterator[Fault]:
    """Who compares two clips in a kind tells of that kind and of both clips; who says what they share, of both."""
    if not said.brief.before:
        return
    for ask in (ask for ask in said.brief.asks if ask.partition(":")[0] in ("compare", "same")):
        kind = ask.partition(":")[2]
        own = [claim for claim in found if not kind or claim.kind in _STANDS_FOR.get(kind, (kind,))]
        if ask == "same":
            own = [claim for claim in own if claim.comparison not in ("more", "less")]
        if ask not in particulars.MEANS and not _spans_both(said, own):
            yield Fault("intents", ask, "the turn is to tell this of both clips and does not")


def _spans_both(said: Utterance, own: list[claims.Claim]) -> bool:
    """Whether claims compare two clips, are of both, or stand in a turn that sets one beside the other."""
    clips = {claim.clip for claim in own}
    beside = said.brief.before.title in said.text or _BESIDE.search(said.masked)
    return any(claim.comparison for claim in own) or "both" in clips or len(clips) > 1 or bool(own and beside)


def asks_whether(ask: str) -> bool:
    """Whether a question is after one value: ``instrument:flute``, ``lead:flute``."""
    kind, colon, _ = ask.partition(":")
    return bool(colon) and (kind == "lead" or kind in vocab.load())
