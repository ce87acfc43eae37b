"""Replies: checks that an answer tells of what was asked, and that a reply agrees with what was liked and refused."""

import re
from collections.abc import Iterator

from mdialog import claims, particulars, subjects, vocab
from mdialog.brief import Name
from mdialog.happenings import about_events
from mdialog.utterance import Fault, Utterance, given_names
from mdialog.wording import find


def answers(said: Utterance) -> Iterator[Fault]:
    """An answer from the sound tells of what was asked after."""
    brief = said.brief
    if "item_attribute_answer" not in brief.intents or not brief.clips:
        return
    found = subjects.stated(said)
    said_of = {claim.kind for claim in found}
    yield from _of_values(said, found)
    for ask in (ask for ask in brief.asks if particulars.means(ask) and not particulars.answers(found, ask)):
        yield Fault("intents", ask, f"the turn is to answer {particulars.means(ask)} and does not")
    if "course" in brief.asks and not said_of:
        yield Fault("intents", "course", "the turn is to answer this from the sound and says nothing of it")
    yield from _of_both(said, found)
    of_one = not brief.before and not any(map(about_events, brief.asks))
    if of_one and (match := _BOTH.search(said.masked)):
        yield Fault("intents", match[0], "one clip plays, and the turn speaks of two")
    for kind in (ask for ask in brief.asks if ask in claims.POLES and ask not in vocab.load()):
        if kind not in said_of:
            yield Fault("intents", kind, "the turn is to answer this and does not")
    closed = [vocab.load()[kind] for kind in brief.asks if kind in vocab.load()]
    if closed and not any(find(kind.name, value, said.text) for kind in closed for value in kind.names):
        yield Fault("intents", ", ".join(k.name for k in closed), "the turn is to answer this and does not")
    if closed and len(closed) == len(brief.asks) and (match := _AS_IF_WHETHER.match(said.text)):
        yield Fault("intents", match[0].strip(), "nobody asked whether something is so")


_BOTH = re.compile(r"\b(?:in|of) both\b|\bboth (?:have|are|do|sound|go)\b|\bneither (?:has|does|of them)\b", re.I)
_AS_IF_WHETHER = re.compile(r"\W*(?:affirmative|negative|yep|nope|yes)\b(?! but)", re.I)


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
        if answer is False and not told and (elsewhere := _elsewhere(said, about, kind, value)):
            yield Fault("intents", elsewhere, f"the turn is to say whether it is {kind} {value}, and tells of something else")
        for claim in about if answer is not None else ():
            if (holds := _bears(claim, kind, value)) is not None and holds != answer:
                yield Fault("intents", claim.text, f"{'yes' if answer else 'no'}, and then the opposite")


# Kinds of which one tells of the other: what leads is an instrument, a key has a mode.
_KIN = ({"instrument", "lead"}, {"key", "mode"}, {"energy", "loudness", "density"})
_NONE_SUCH = re.compile(
    r"\b(?:hear|find|notice|catch|have|has|there(?:'s| is| are)) (?:any|no) (?!such\b)(?:\w+ ){0,2}\w+", re.I
)


def _elsewhere(said: Utterance, about: list[claims.Claim], kind: str, value: str) -> str | None:
    """Words of a "no" that denies something else than what was asked after, or tells of another kind."""
    kin = next((kinds for kinds in _KIN if kind in kinds), {kind})
    for claim in about:
        if claim.kind not in kin or not claim.present and claim.value != value:
            return claim.text
    match = None if about else _NONE_SUCH.search(said.masked)
    return match and match[0]


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
    "instrument": ("instrument", "lead"),
}  # fmt: skip
# Words that set what is told beside the clip before, without its name.
_BESIDE = re.compile(
    r"\b(?:unlike|than|other|too|again|this time|compared|former|(?:last|previous|earlier|first) (?:one|clip|track|song))\b",
    re.I,
)


def _of_both(said: Utterance, found: list[claims.Claim]) -> Iterator[Fault]:
    """Who compares two clips in a kind tells of that kind and of both clips; who says what they share, of both.

    Who talks by the book may leave it to the question that the other clip is not so: "What sets it apart?" "It has a flute."
    The bundled listener fails half of all comparisons otherwise. Of tempo and of all else that has more and less it compares.
    """
    if not said.brief.before:
        return
    for ask in (ask for ask in said.brief.asks if ask.partition(":")[0] in ("compare", "same")):
        kind = ask.partition(":")[2]
        own = [claim for claim in found if not kind or claim.kind in _STANDS_FOR.get(kind, (kind,))]
        if ask == "same":
            own = [claim for claim in own if claim.comparison not in ("more", "less")]
        implied = said.by_the_book and own and ask != "same" and kind not in claims.POLES
        if not particulars.means(ask) and not implied and not _spans_both(said, own):
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


# What a recommender says of a track (N) that did not please, and of one that did: the phrase book's words and their kin.
_TURNS_DOWN = re.compile(
    r"\b(?:no more|(?:we|i)'ll skip|skipping|drop(?:ping)?|sorry about|apologi\w+ for|out goes|forget|scrap(?:ping)?"
    r"|leav\w+ out|(?:pity|too bad) about|pass on|break it to|(?:farewell|goodbye) to|enough of|(?<!why )not) N\b"
    r"|\bN (?:is|are|goes|was) (?:out|off|gone|struck|dropped)\b(?! (?:the|of|on|an?|its|their|now|today)\b)"
    r"|\bN (?:wasn't|isn't|was not|is not) (?:it(?! )|right|for you|your|to your|what)|\bN misse[sd]\b"
    r"|\bN (?:didn't|did not|doesn't|failed to) (?:work|land|suit|please|fit|do it)|\blet N (?:pass|go|rest)\b"
    r"|\bsorry\b[^.!?]{0,12} thought N\b|\b(?:strike|cross|take|set|put|lay) N (?:off|out|aside|away)\b"
)
_CHEERS = re.compile(
    r"\b(?:glad|pleased|happy|delighted|thrilled)"
    r"(?: (?:so|to|hear|see|that|about|you|for|with|like[sd]?|love[sd]?|enjoy\w*)){1,4} N"
    r"|\bgood to hear(?: that)? N\b|\bN it is(?! \w)|\byay,? N\b|\bhunch N\b|\bwasn't sure about N\b|\btook to N\b"
    r"|\b(?:knew|bet|since|as|if|that|because) you(?:'d| would)? (?:like|love|enjoy)(?:e?d)? N\b|\bN (?:pleased|got) you\b"
    r"|\bN (?:stays|works|worked|landed|passed|is in\b|is a (?:favourite|keeper|good)|met with)"
    r"|\bmay N keep\b|\b(?:fond\w*|fans|admirers?) (?:for|of) N\b|\bkeep(?:ing)? N\b(?! (?:out|off|away|from))"
    r"|\b(?:(?:going|judging) by|on the strength of|goes well with) N\b|\bN fans\b"
)
_OFFERS = re.compile(
    r"\bN (?:too|as well)\b|\b(?:try|how about|what about|here(?:'s| is)|recommend(?:ing)?|suggest(?:ing)?|next(?: up)?(?: is)?"
    r"|might like|(?:and|or)(?: also| maybe| perhaps| even| then)|also|then|mention|worth your time:"
    r"|(?:after (?:that|it)|if you want more|next to it|besides|failing that),) N\b(?! (?:off|out|aside|away|no more)\b)"
)
# The same where no track is named, and there is only one that it can be said of.
_DOWN_AT_ALL = re.compile(
    r"\bno hard feelings\b|\bsorry to hear\b|\bsorry (?:it|that|this|you)(?: one)? (?:was(?: not|n't)|did(?: not|n't)|miss)",
    re.I,
)
_CHEERS_AT_ALL = re.compile(
    r"\b(?:glad|pleased|happy|delighted) (?:that )?you (?:lik|lov|enjoy)(?:e|ed)?\b|\bgood to hear it\b", re.I
)


# What a seeker says of a track (N, perhaps beside another, M) that pleases, and of one that does not.
def _of(pattern: str) -> re.Pattern:
    """A pattern with {N} for a track, alone or among others."""
    return re.compile(pattern.replace("{N}", "(?:M and )*N(?: and M)*"))


_TAKES = _of(
    r"\b(?:yes to|definitely|saving|keeping|taking|hold on to|sold on|content with|pleased with|hooked on|obliged for) {N}\b"
    r"|\bi(?:'m| am| do| just| really| rather| so| think i| quite)? (?:like|love|enjoy|adore|keep|take|save)(?: both)? {N}\b"
    r"|\bi(?:'ve|'ll| shall| have| will|'d (?:happi|glad)ly) (?:just )?(?:take|keep|kept|retain|add|added|hear)(?: both)? {N}\b"
    r"|\b{N}(?: both)? (?:works?|fits?|suits? me|will do|hits? the spot|wins? me over|makes? the cut|stays?|speaks? to me"
    r"|gets? me|(?:goes|go) (?:on my list|in the set)|may (?:both )?stay|holds? up|is in)\b"
    r"|\b{N}(?: both)? (?:is|are|sounds?|was) (?:great|good|perfect|lovely|wonderful|amazing|brilliant|everything|exactly"
    r"|just what|an? (?:keeper|winner|find|good|strong pick)|an excellent|right up|very much to my)\b"
)
_LEAVES = _of(
    r"\b(?:skip|pass on|strike|decline|anything but|rather not|leave out|drop|(?<!why )(?<!or )not|no) {N}\b"
    r"|\b(?:don't|do not) (?:like|care for|love|enjoy) {N}\b"
    r"|\b{N} (?:isn't|is not|aren't|are not)(?: really,?| quite| so)? (?:for me|my thing|what i|it|right|to my taste|me)\b"
    r"|\b{N} (?:doesn't|does not|don't|didn't) (?:work|do it|suit|grab|reach|move|make the cut)\b"
    r"|\b{N} (?:leaves? me cold|does nothing|misses|passes? me by|and i won't|closes a door)\b"
)


# What a seeker praises of the sound of the only track in question, and words that take some of it back.
_PRAISES = re.compile(
    r"\b(?:that|what) i(?: really| do)? (?:like|love|enjoy)\b"
    r"|\bi(?: really| do| quite| rather| just)? (?:like|love|enjoy|adore) (?:the|its|how|this|that)\b"
    r"(?! (?:idea|kind|sort|type)\b)", re.I
)  # fmt: skip
_TAKES_BACK = re.compile(r"\b(?:but|though|although|except|however|only|otherwise|enough)\b", re.I)


_BESIDE_IT = re.compile(r"\b(?:than|unlike|compared (?:with|to)|as) (?:in )?N\b(?!')")


def agrees(said: Utterance) -> Iterator[Fault]:
    """Nobody says of a track that pleased what is said of one that did not, or the other way round.

    The recommender turns down no track that was just liked or that it offers, and cheers or offers again none that was refused.
    """
    brief = said.brief
    if brief.about and not brief.before and (match := _BESIDE_IT.search(_pointed(said.text, brief.about, ()))):
        yield Fault("agreement", match[0], "the track (N) is set beside itself")
    if brief.role == "user":
        yield from _reacts(said)
        return
    offered = tuple(name for name in brief.offered if name not in (*brief.liked, *brief.refused))
    for names, others, of_it, at_all, contrary in (
        (offered, (*brief.liked, *brief.refused), _TURNS_DOWN, _DOWN_AT_ALL, "offered, and is turned down"),
        (brief.liked, brief.refused, _TURNS_DOWN, _DOWN_AT_ALL, "liked, and is turned down"),
        (brief.refused, brief.liked, _CHEERS, _CHEERS_AT_ALL, "refused, and is cheered"),
        (brief.refused, (*brief.liked, *brief.offered), _OFFERS, None, "refused, and is offered again"),
    ):
        found = [_unless_denied(of_it, _pointed(said.text, name, others)) for name in names]
        found += [at_all.search(said.masked)] if at_all and names and not others and names is not offered else []
        for match in filter(None, found):
            yield Fault("agreement", match[0], f"the track (N) was {contrary}")


def _reacts(said: Utterance) -> Iterator[Fault]:
    """A seeker takes no track that it refuses, nor praises what is heard in it, and leaves none that it likes."""
    brief = said.brief
    if brief.refused and not brief.liked and brief.about in brief.refused and "add_filter" not in brief.intents:
        match = None if _TAKES_BACK.search(said.masked) else _unless_denied(_PRAISES, said.masked)
        if match and claims.find(said.text, names=given_names(brief)):
            yield Fault("agreement", match[0], "the track was refused, and is praised")
    for names, others, contrary, what in ((brief.refused, brief.liked, _TAKES, "refused, and is taken"),
                                          (brief.liked, brief.refused, _LEAVES, "liked, and is left")):  # fmt: skip
        for name in names:
            beside = tuple(other for other in (*others, *names) if other != name)
            text = _pointed(said.text, name, others, beside)
            if match := _unless_denied(contrary, text):
                yield Fault("agreement", match[0], f"the track (N) was {what}")


_DENIES = re.compile(r"(?:\b(?:not|no|never|cannot|without)\b|n't\b)(?: \w+){0,3} ?$")


def _unless_denied(pattern: re.Pattern, text: str) -> re.Match | None:
    """Where a text says it and does not deny it: "you can't get enough of N"."""
    return next((found for found in pattern.finditer(text) if not _DENIES.search(text[: found.start()])), None)


def _pointed(text: str, name: Name, others: tuple[Name, ...], beside: tuple[Name, ...] = ()) -> str:
    """The text in small letters, with N for a track, and M for those beside it: a title, or an artist where no other has it."""
    text = _replaced(text, name, others, "\ue000")
    for other in beside:
        text = _replaced(text, other, (name,), "\ue001")
    return text.casefold().replace("\ue000", "N").replace("\ue001", "M")


def _replaced(text: str, name: Name, others: tuple[Name, ...], sign: str) -> str:
    title, artist = re.escape(name.title), re.escape(name.artist)
    own = [rf'"{title}[.,!?]?"(?: by {artist})?'] if title else []
    own += [rf"(?<!\w){title}(?: by {artist})?(?!\w)"] if " " in name.title else []
    own += [rf"(?<!\w){artist}(?!\w)"] if artist and name.artist not in {other.artist for other in others} else []
    for pattern in own:
        text = re.sub(pattern, sign, text)
    return text
