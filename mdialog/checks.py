"""Checks of one candidate utterance: form, voice, names, repetition, agreement, attributes, forbidden phrases.

A check takes an :class:`Utterance` and yields a :class:`Fault` for each thing wrong. Nothing here repairs
text: a candidate with a fault is rejected and another is drawn.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mdialog import brief as briefs
from mdialog import claims, eventwords, happenings, lexicon, particulars, replies, slips, subjects, vocab
from mdialog.attributes import Attribute
from mdialog.brief import Brief
from mdialog.plan import Plan
from mdialog.repetition import repetition
from mdialog.utterance import MASK, Fault, Utterance, given_names
from mdialog.wording import expressed, find, pattern

MAX_WORDS = 60
# Least share of words that are function words of English, words of the vocabulary or the phrase book, or given names.
MIN_KNOWN, MIN_KNOWN_SHORT = 0.5, 1.0
SHORT_WORDS = 4
CHOICE = 4  # values of a kind that a question may give a choice of: "major or minor?", but never "reggae, perhaps?"


# ------------------------------------------------------------------ form

_TEMPLATE = re.compile(rf"<\|?/?[\w ]+\|?>|\[/?INST\]|```|\n|^(?:{'|'.join(sorted(briefs.LABELS))}):", re.I)
_PREFIX = re.compile(r"^\W*(?:user|assistant|seeker|recommender|system|human|bot|ai|me|you)\s*[:>-]\s", re.I)
_ENDS = re.compile(r"[.!?…][\"'”’)]*$")


def form(said: Utterance) -> Iterator[Fault]:
    """One readable utterance that begins and ends like one, of 1 to 60 words; of a description, those of its length."""
    text, length = said.text, _length(said)
    least, most = length.words if length else (1, MAX_WORDS)
    if not least <= len(said.words) <= most:
        what = said.brief.asks[0] if length else "utterance"
        yield Fault("form", text[:60], f"{len(said.words)} words; {least} to {most} are this {what}")
    if not text.isprintable() or "\ufffd" in text:
        yield Fault("form", text[:60], "characters that cannot be printed")
    if found := _TEMPLATE.search(text):
        yield Fault("form", found[0], "part of a prompt or a template")
    if found := _PREFIX.search(text):
        yield Fault("form", found[0], "a role's name before the words")
    if not _ENDS.search(said.masked):
        yield Fault("form", text[-20:], "does not end as a sentence does")
    if re.match(r"[^\w\"'“‘¿¡(…]", said.masked) and not said.masked.startswith(MASK):
        yield Fault("form", text[:10], "begins with punctuation")
    if text.count('"') % 2 or text.count("(") != text.count(")"):
        yield Fault("form", text[:60], "quotation marks or brackets that do not close")


@dataclass(frozen=True)
class _Length:
    """What tells a length of description from the others: fewest and most words, fewest statements, most sentences."""

    words: tuple[int, int]
    statements: int = 1
    sentences: int | None = None


_LENGTHS = {
    "tag line": _Length((1, 20), sentences=1), "sentence": _Length((3, 40), sentences=1),
    "paragraph": _Length((25, 150), statements=4), "dense": _Length((12, 150), statements=5),
}  # fmt: skip
# The bundled listener often has but two things to say without saying one twice.
_LENGTHS_BY_THE_BOOK = _LENGTHS | {"paragraph": _Length((8, 150), statements=2), "dense": _Length((4, 150), statements=2)}


def _length(said: Utterance) -> _Length | None:
    """The length of which a description is to be, if the turn is one."""
    lengths = _LENGTHS_BY_THE_BOOK if said.by_the_book else _LENGTHS
    asked = said.brief.asks[0] if "description" in said.brief.intents and said.brief.asks else ""
    return lengths.get(asked)


def language(said: Utterance) -> Iterator[Fault]:
    """Words of English: not babble, not one word over and over."""
    folded = [word.casefold() for word in said.words]
    for a, b, c in zip(folded, folded[1:], folded[2:], strict=False):
        if a == b == c and a not in lexicon.SAID_THRICE:
            yield Fault("language", a, "a word three times running")
            break
    letters = [c for c in said.masked.replace(MASK, "nameOfIt") if not c.isspace()]
    if letters and sum(map(str.isalpha, letters)) < 0.6 * len(letters):
        yield Fault("language", said.text[:60], "too few letters")
    for word in said.words:
        if word != MASK and (odd := _odd(word)):
            yield Fault("language", word, odd)
    events = eventwords.words() if _event_asks(said.brief) else frozenset()
    known = sum(word == MASK or _is_known(word) or word in events or bool(events) and word.isdigit() for word in folded)
    if folded and known < (MIN_KNOWN if len(folded) >= SHORT_WORDS else MIN_KNOWN_SHORT) * len(folded):
        yield Fault("language", said.text[:60], f"only {known} of {len(folded)} words are known")
    if said.by_the_book:
        wishes = (*said.brief.new, *said.brief.dropped, *said.brief.wanted)
        given = {word for wish in wishes for word in wish.value.casefold().split()}
        for word in folded:
            if word != MASK and word not in given and not lexicon.in_phrase_book(word):
                yield Fault("language", word, "no word that this listener was taught")
        if not events and "search" not in said.brief.intents:
            for pair in slips.slips(said):
                yield Fault("slips", pair, "words that stand side by side nowhere in what this listener was taught")


def _odd(word: str) -> str | None:
    """What is wrong with the shape of a word, if anything."""
    plain = word.casefold()
    if plain in lexicon.vocabulary_words() or plain in lexicon.ABBREVIATIONS or plain.replace("'", "").isdigit():
        return None
    if len(plain) > 22:
        return "too long for a word"
    if len(plain) > 1 and plain.isalpha() and not re.search(r"[aeiouyáéíóúàèäöüâêôø]", plain):
        return "a word without a vowel"
    if re.search(r"[^\W\d_]\d|\d[^\W\d_]", plain) and not re.fullmatch(r"\d+(?:st|nd|rd|th|s|bpm)", plain):
        return "letters and digits mixed"
    if re.search(r"[a-z][A-Z]", word):
        return "a capital inside a word"
    return None


def _is_known(word: str) -> bool:
    plain = word.replace("’", "'")
    return plain in lexicon.common_words() or plain in lexicon.vocabulary_words()


# ------------------------------------------------------------------ voice

def voice(said: Utterance) -> Iterator[Fault]:
    """The right side speaks."""
    for found in lexicon.OTHER_SIDE[said.brief.role].finditer(said.masked):
        yield Fault("voice", found[0], f"the other side's words in a turn of the {said.brief.role}")


def phrases(said: Utterance) -> Iterator[Fault]:
    """Nothing that speaks of the task, or of not knowing."""
    for found in lexicon.FORBIDDEN.finditer(said.masked):
        yield Fault("phrases", found[0], "a phrase that speaks of the task or dodges it")
    if said.brief.role == "assistant" and said.brief.clips and (found := lexicon.UNHEARD.search(said.masked)):
        yield Fault("phrases", found[0], "says that it did not hear what is played")


# ------------------------------------------------------------------ names

def names(said: Utterance) -> Iterator[Fault]:
    """Only given names, exactly written; a recommending turn names what is heard, and all that the next turn may react to."""
    for found in re.finditer(r'"([^"]*)"', said.masked):
        yield Fault("names", found[0], "quoted, but not a given title")
    for name in _foreign(said):
        yield Fault("names", name, "a track or artist of the dialogue that this turn may not name")
    given = {word for a in (*said.brief.new, *said.brief.dropped, *said.brief.wanted) for word in a.value.split()}
    for word in sorted(set(_capitals(said.masked)) - given):
        yield Fault("names", word, "a capitalised word that is no given name")
    quoted = Counter(re.findall(r'"([^"]*?)[.,!?]?"', said.text))
    there = Counter(name.title for name in said.brief.offered)
    for title in sorted(title for title, n in there.items() if quoted[title] > n):
        yield Fault("names", title, "offered twice, as if it were another track")
    yield from _misattributed(said)
    planned = said.plan.turns[said.turn_index].named if said.plan else None
    for name in said.brief.offered[: planned or 1]:
        if not _mentions(said.text, name.title):
            yield Fault("names", str(name), "the turn is to recommend this and does not name it")


def _misattributed(said: Utterance) -> Iterator[Fault]:
    """A title beside another given artist than its own."""
    given = briefs.names(said.brief)
    known = {(name.title, name.artist) for name in given if name.artist}
    known |= {(track.title, track.artist) for track in said.plan.tracks.values()} if said.plan else set()
    for title in sorted({name.title for name in given} - {""}):
        own = {artist for one, artist in known if one == title}
        for artist in sorted({name.artist for name in given} - own - {""}) if own else ():
            if f'"{title}" by {artist}' in said.text and not any(f'"{title}" by {right}' in said.text for right in own):
                yield Fault("names", f'"{title}" by {artist}', "a title with another's artist")


def _foreign(said: Utterance) -> list[str]:
    if said.plan is None:
        return []
    others = {n for track in said.plan.tracks.values() for n in (track.title, track.artist)} - given_names(said.brief)
    # A one-word name at the start of a sentence may be that word; elsewhere `_capitals` finds it.
    return sorted(n for n in others if " " in n and n[:1].isupper() and _mentions(said.masked, n))


def _mentions(text: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def _capitals(masked: str) -> Iterator[str]:
    """Capitalised words that neither begin a sentence nor belong there."""
    for found in re.finditer(r"[^\W\d_][\w'’&#-]*", masked):
        word, before = found[0], masked[: found.start()].rstrip()
        if not word[0].isupper() or {word, re.split(r"['’-]", word)[0]} & lexicon.capitalised():
            continue
        if before and before[-1] not in ".!?…:\"“(—–" and not before.endswith((" -", "...")):
            yield word


# ------------------------------------------------------------------ attributes

_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_ASKING = ("item_attribute_question", "detail_attribute_request", "feedback_request")
_ASKS = re.compile(r"\?|\b(?:tell me|let me know|give me|wonder(?:ing)?|curious|say|opinion|thoughts)\b", re.I)


def intents(said: Utterance) -> Iterator[Fault]:
    """A question asks; an answer from the sound names a value of the kind asked about; an echo says back a wish."""
    brief = said.brief
    wishes = (brief.new or brief.wanted) if "parroting_response" in brief.intents else ()
    if wishes and not any(expressed(wish, said.text) for wish in wishes):
        yield Fault("intents", ", ".join(map(str, wishes)), "the turn is to say back one of these and does not")
    if (asking := [i for i in brief.intents if i in _ASKING]) and not _ASKS.search(said.masked):
        yield Fault("intents", asking[0], "the turn is to ask and does not")
    if "item_attribute_question" in brief.intents:
        for kind, value in _whether(brief):
            if not find(kind, value, said.text, loose=True):
                yield Fault("intents", f"{kind}:{value}", "the turn is to ask whether it is so and does not")
        for ask in (ask for ask in brief.asks if particulars.means(ask)):
            named = particulars.named(ask)
            if not (find(*named, said.text, loose=True) if named else particulars.ASKED[ask].search(said.masked)):
                yield Fault("intents", ask, f"the turn is to ask {particulars.means(ask)} and does not")
        of_two = [ask for ask in brief.asks if ask.partition(":")[0] in ("compare", "same", "which")]
        if of_two and brief.before and brief.before.title not in said.text and not _OF_TWO.search(said.masked):
            yield Fault("intents", of_two[0], "the turn is to ask about two clips and does not")
        if said.by_the_book:
            yield from _not_in_the_book(said)
        if elsewhere := _asks_elsewhere(said):
            yield Fault("intents", elsewhere[0], f"the turn is to ask about {', '.join(brief.asks)}, and asks about this")
    yield from replies.answers(said)
    yield from _of_events(said)
    yield from _of_purposes(said)


_OF_TWO = re.compile(
    r"\b(?:both|two|other|others|another|last|previous|before(?! (?:i|it|we|you)\b)|earlier|first|second|compar\w+|differ\w*"
    r"|common|shar\w+|alike|same|similar\w*|than|apart|unlike|between|or that|which)\b", re.I
)  # fmt: skip


def _not_in_the_book(said: Utterance) -> Iterator[Fault]:
    """Questions of who talks by the book that are none of its sentences: "does the same instruments?"."""
    from mdialog.synth import questions

    for ask in said.brief.asks:
        if not questions.asks_so(said.text, ask):
            yield Fault("language", ask, "no sentence that this listener was taught asks this so")


# Words by which a question is after one kind and no other.
_AFTER = {
    "tempo": re.compile(r"\btempo\b|\bhow (?:fast|slow|quick)\b|\b(?:beats a minute|bpm)\b", re.I),
    "metre": re.compile(r"\btime signature\b|\bmet(?:re|er)\b|\bbeats? (?:to the|a|per) bar\b", re.I),
    "key": re.compile(r"\b(?:what|which) key\b", re.I),
    "mode": re.compile(r"\bmajor or minor\b|\bminor or major\b", re.I),
    "genre": re.compile(r"\b(?:what|which) (?:genre|style)\b", re.I),
    "mood": re.compile(r"\b(?:what|which) mood\b|\bthe mood\b", re.I),
    "energy": re.compile(r"\b(?:the energy|how energetic)\b", re.I),
}
# Who asks for one may name the other.
_ALIKE = {"mode": {"key", "mode"}, "key": {"key", "mode"}, "bpm": {"tempo"}}


def _question(said: Utterance) -> str:
    """The text without what is stated or wished before the question."""
    return re.sub(r"[^?]*[.!](?= )", " ", said.masked)


def _asks_of_one_twice(said: Utterance, ask: str) -> bool:
    """Whether a question about two sounds sets one of them beside itself: "is the engine there with the engine?"."""
    asked = [sound.name for sound in eventwords.mentions(eventwords.plain(_question(said)))]
    return len(happenings.names_of(ask)) == 2 and len(asked) > 1 and len({*asked}) == 1


def _asks_elsewhere(said: Utterance) -> re.Match | None:
    """Where a question about music names a kind that it is not to ask after, and none that it is."""
    question = _question(said)
    found = {kind: match for kind, pattern in _AFTER.items() if (match := pattern.search(question))}
    asks = {part for ask in said.brief.asks for part in (ask.split(":")[0], ask.split(":")[-1])}
    own = {kind for ask in asks for kind in _ALIKE.get(ask, {ask})}
    return next(iter(found.values())) if found and not own & found.keys() else None


def _of_purposes(said: Utterance) -> Iterator[Fault]:
    """A question which of two clips suits a purpose names it; the answer takes one of them, or both, or neither."""
    brief = said.brief
    for theme in (ask.removeprefix("suits:") for ask in brief.asks if ask.startswith("suits:")):
        if "item_attribute_question" in brief.intents and not find("theme", theme, said.text, loose=True):
            yield Fault("intents", f"suits:{theme}", "the turn is to ask about this and does not name it")
        named = brief.before and brief.before.title and brief.before.title in said.text
        if "item_attribute_answer" in brief.intents and brief.clips and not named and not _CHOOSES.search(said.masked):
            yield Fault("intents", f"suits:{theme}", "the turn is to choose a clip and does not")


_CHOOSES = re.compile(r"\b(?:this|that|the (?:first|second|other|latter|former|last)|both|either|neither|none)\b", re.I)


def _event_asks(brief: Brief) -> list[str]:
    return [ask for ask in brief.asks if happenings.about_events(ask)]


def _of_events(said: Utterance) -> Iterator[Fault]:
    """A question after sounds names them and asks for what is to be asked; its answer tells of that.

    Where nobody is to ask after any, none is asked after or told of: nothing would check it.
    """
    brief, asks = said.brief, _event_asks(said.brief)
    text = eventwords.plain(said.masked)
    if {"item_attribute_question", "item_attribute_answer"} & {*brief.intents} and not asks:
        for sound in eventwords.mentions(text):
            word = text[sound.start : sound.end]
            if sound.name != "music" and word.casefold() not in lexicon.vocabulary_words():
                yield Fault("intents", word, "a sound that the turn is not about")
    if {"item_attribute_answer", "description"} & {*brief.intents} and not asks and (time := eventwords.TIME.search(text)):
        yield Fault("intents", time[0], "a time that nobody asked for")
    for ask in asks if "item_attribute_question" in brief.intents else ():
        unsaid = [name for name in happenings.names_of(ask) if not eventwords.named(said.masked, name)]
        if unsaid and not _refers_back(said, unsaid):
            yield Fault("intents", ask, f"the turn is to ask about this and does not name {', '.join(unsaid)}")
        elif not eventwords.asks_for(said.masked, ask) or _asks_of_one_twice(said, ask):
            yield Fault("intents", ask, "the turn is to ask about this and asks something else")
    for ask in asks if "item_attribute_answer" in brief.intents and brief.clips else ():
        found = happenings.find(said.text, asks, names=given_names(brief))
        named = [sound.name for sound in eventwords.mentions(eventwords.plain(said.masked))]
        if ask.startswith("order:") and len(named) > len({*named}) == 1:
            yield Fault("intents", named[0], "a sound before or after itself")
        if not happenings.answers(found, ask):
            yield Fault("intents", ask, "the turn is to answer this and does not")
        if wrong := happenings.at_odds(said.text, found, ask):
            yield Fault("intents", wrong.text, "yes or no, and then the opposite")


def _refers_back(said: Utterance, unsaid: list[str]) -> bool:
    """Whether "it" can only be the sound that was asked about just before: "does it come in again?"."""
    earlier = said.plan.turns[: said.turn_index] if said.plan else ()
    asked = [ask for turn in earlier if turn.role == "user" for ask in turn.asks][-1:]
    before = [name for ask in asked for name in happenings.names_of(ask)]
    return before == unsaid and re.search(r"\b(?:it|its|they|them|that|this)\b", said.masked, re.I) is not None


def agreement(said: Utterance) -> Iterator[Fault]:
    """No one says of a track that something is there and that it is not, or turns down what was liked."""
    yield from replies.agrees(said)
    titles = {name.title for name in briefs.names(said.brief) if name.title and name.title in said.text}
    told: dict[tuple[str, str, str], bool] = {}
    found = subjects.stated(said) if len(titles) < 2 or said.brief.before else []
    for claim in (one for one in found if not one.comparison):
        clips = ("this", "before") if claim.clip == "both" else (claim.clip,)
        if any(told.setdefault((clip, claim.kind, claim.value), claim.present) != claim.present for clip in clips):
            yield Fault("agreement", claim.text, "said to be so and not to be so in one turn")


def description(said: Utterance) -> Iterator[Fault]:
    """A description speaks of the sound, as much as its length asks for, says each thing once and one of a kind, quotes no
    title and asks nothing.
    """
    if "description" not in said.brief.intents or not said.brief.clips:
        return
    found = claims.find(said.text, names=given_names(said.brief))
    if not found:
        yield Fault("intents", "description", "the turn is to describe the sound and says nothing of it")
    length, n = _length(said), len({(claim.kind, claim.value) for claim in found})
    if length and n < length.statements:
        yield Fault("intents", said.brief.asks[0], f"{n} things said of the sound; {length.statements} are the least")
    if length and length.sentences and len(re.findall(r"[.!?…]+(?=\s|$)", said.text)) > length.sentences:
        yield Fault("intents", said.brief.asks[0], "more than one sentence")
    told: dict[str, set[str]] = {}
    for claim in found:
        values = told.setdefault(claim.kind, set())
        one_of_many = claim.kind in vocab.load() and vocab.load()[claim.kind].exclusive
        # A voice may be told of twice: "instrumental, nobody sings".
        if claim.value in values and claim.kind != "vocal" or values and one_of_many and claim.value not in values:
            yield Fault("repetition", claim.text, f"more than one thing said of the {claim.kind}")
        values.add(claim.value)
    if re.search(r'["“”?]', said.text):
        yield Fault("intents", "description", "a description quotes no title and asks nothing")


def _whether(brief: Brief) -> Iterator[tuple[str, str]]:
    """Kind and value of the words of what is asked to be so or not: of ``lead:flute`` too an instrument's."""
    for kind, _, value in (ask.partition(":") for ask in brief.asks if replies.asks_whether(ask)):
        yield "instrument" if kind == "lead" else kind, value


def attributes(said: Utterance) -> Iterator[Fault]:
    """What the turn introduces or drops is said; nothing is said ahead of its turn."""
    if said.brief.role == "user":
        yield from _missing(said)
    yield from _ahead(said)


def _missing(said: Utterance) -> Iterator[Fault]:
    for attribute in said.brief.new:
        if not expressed(attribute, said.text):
            yield Fault("attributes", str(attribute), "the turn is to say this and does not")
    # Attributes also lapse unspoken, as an artist does whose tracks are used up: one of them must be taken back.
    if "remove_filter" in said.brief.intents and not any(expressed(a, said.text) for a in said.brief.dropped):
        yield Fault("attributes", ", ".join(map(str, said.brief.dropped)), "the turn is to take this back and does not")
    for attribute in said.brief.new:
        if attribute.polarity == "avoid" and not lexicon.NEGATED.search(said.masked):
            yield Fault("attributes", str(attribute), "unwanted, but nothing in the turn says so")


def _ahead(said: Utterance) -> Iterator[Fault]:
    given = {(a.kind, a.value) for a in (*said.brief.new, *said.brief.dropped, *said.brief.wanted)} | set(_whether(said.brief))
    given |= {("theme", ask.removeprefix("suits:")) for ask in said.brief.asks if ask.startswith("suits:")}
    text = _without(said.masked, given)
    for kind, value in sorted(_later(said) - given):
        if not _free(said, kind) and (found := find(kind, value, text)):
            yield Fault("attributes", found[0], f"{kind}:{value} belongs to a later turn")
    for kind in vocab.load():
        if kind.attribute and not _free(said, kind.name):
            for value in kind.names:
                if (kind.name, value) not in given and (found := find(kind.name, value, text)):
                    yield Fault("attributes", found[0], f"{kind.name}:{value} is neither given nor heard")
    for found in _YEAR.finditer(text):
        yield Fault("attributes", found[0], "a year that was not given")


def _free(said: Utterance, kind: str) -> bool:
    """Whether a turn may name any value of a kind: it hears a clip and the kind can be heard or is to be answered, or it asks
    and gives a choice of the few there are.
    """
    brief, values = said.brief, vocab.load()[kind].names
    answers = "item_attribute_answer" in brief.intents and kind in brief.asks
    if brief.clips and (answers or vocab.load()[kind].audible):
        return True
    few = kind in brief.asks and len(values) <= CHOICE
    return few and sum(find(kind, value, said.masked) is not None for value in values) >= 2


def _without(text: str, given: set[tuple[str, str]]) -> str:
    """The text without the words for what was given: they may also be words for something else."""
    for kind, value in sorted(given):
        text = pattern(kind, value).sub("_", text)
    return text


def _later(said: Utterance) -> set[tuple[str, str]]:
    """Closed attributes that are still to come: of later turns, and of the goal."""
    if said.plan is None:
        return set()
    known = vocab.load()
    later = [text for turn in said.plan.turns[said.turn_index + 1 :] for text in turn.attributes]
    parsed = [Attribute.parse(text) for text in (*later, *said.plan.goal.get("attributes", ()))]
    before = {text for turn in said.plan.turns[: said.turn_index] for text in turn.attributes}
    return {(a.kind, a.value) for a in parsed if a.kind in known and str(a) not in before}


CHECKS: tuple[Callable[[Utterance], Iterator[Fault]], ...] = (
    form, language, voice, phrases, names, repetition, agreement, intents, description, attributes,
)  # fmt: skip


def faults(
    text: str, brief: Brief, *, plan: Plan | None = None, turn_index: int = 0, by_the_book: bool = False
) -> list[Fault]:
    """Everything wrong with a candidate; empty if it may be taken.

    Parameters
    ----------
    text : str
    brief : Brief
        With which it was written.
    plan : Plan, optional
        For names and attributes that must not be said yet.
    turn_index : int
        Of the turn within `plan`.
    by_the_book : bool
        Whether the listener learned to talk from the phrase book alone, and every other word is none.

    Returns
    -------
    list of Fault
    """
    said = Utterance(text=text, brief=brief, plan=plan, turn_index=turn_index, by_the_book=by_the_book)
    return [fault for check in CHECKS for fault in check(said)]
