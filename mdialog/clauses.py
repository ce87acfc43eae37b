"""What an utterance states, and of what: its sentences without names, wishes, questions, orders and figures of speech.

A small grammar of English for :mod:`mdialog.claims`. Its word lists stand in ``claims.toml``. Positions are those of the
utterance: what is masked keeps its length.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib.resources import files
from itertools import groupby

from mdialog import vocab

TABLE = tomllib.loads((files("mdialog") / "claims.toml").read_text(encoding="utf-8"))
GRAMMAR = TABLE.pop("grammar")


def any_of(*names: str) -> str:
    r"""One alternative of the word lists of these names, as a regular expression.

    What begins with ``\b`` stands together: the compiler then looks for the border once, not once an alternative.
    """
    words = sorted((word for name in names for word in GRAMMAR[name]), key=lambda word: not word.startswith(r"\b"))
    return "|".join(f"(?:{'|'.join(group)})" for _, group in groupby(words, key=lambda word: word.startswith(r"\b"))).join(
        ("(?:", ")")
    )


def masked(utterance: str, names: Iterable[str]) -> str:
    """The utterance, letter by letter, with names as underscores, hyphens as spaces, figures of speech gone."""
    text = re.sub(r'"[^"]*"', lambda m: "_" * len(m[0]), utterance)
    for name in sorted(filter(None, names), key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", lambda m: "_" * len(m[0]), text)
    text = text.replace("’", "'").replace(" - ", " , ").replace("—", ",")
    text = re.sub(r"(?<=\w)-(?=\w)", " ", text)
    text = _FIGURES.sub(lambda m: "~" * len(m[0]), text)
    for journey, course in _JOURNEYS:
        text = journey.sub(lambda m, course=course: course.ljust(len(m[0]))[: len(m[0])], text)
    return text


_FIGURES = re.compile(any_of("figures"), re.I)
_BEGINS = r"\b(?:starts?|begins?|opens|comes in|kicks off|goes|moves)\b[^.;!?]{0,25}?\b"
_ENDS = r"[^.;!?]{0,50}?\b(?:ends?|finish(?:es)?|closes|gets|grows|becomes|then (?:it )?builds|to)\b[^.,;!?]*"
_SMALL = "(?:quiet|soft|small|sparse|low|gentl|bare|hushed|murmur|whisper|nothing)"
_JOURNEYS = (  # from one end of a scale to the other: told by its beginning
    (re.compile(rf"{_BEGINS}{_SMALL}\w*{_ENDS}", re.I), "builds"),
    (re.compile(rf"{_BEGINS}(?:loud|big|bang|everything|full|dense|high|huge|strong)\w*{_ENDS}", re.I), "fades"),
)

# ---- what is stated

_QUESTION = re.compile(
    r"^\W*(?:(?:so|and|but|or|ooh|oh|um|er|well|okay|wait|hmm|sorry|tell me|i wonder|one (?:thing|question)|also|now|then)\b"
    rf"[\s,:]*)*{any_of('question')}",
    re.I,
)
_TAG = re.compile(
    r"^\W*(?:(?:is|are|was|does|do|did|has|have|ca|wo)n't (?:it|they|there|you|we|he|she)|right|no|eh|huh|yes"
    r"|(?:do|does|is|are|have|has|will) (?:you|it|they|there))\W*$",
    re.I,
)
_WISH = re.compile(any_of("wish"), re.I)
_WISHED = re.compile(any_of("wished"), re.I)
_WISHED_ANYHOW = re.compile(
    r"(?<!\w that )(?<!which )\b(?:would|might|may|could|should|will|ought to) (?:be|hit|do|suit|spoil|help|improve|work)\b"
    r"|(?:(?<!if you )\bplease|\bthen)\W*$|\bthat's the plan\b", re.I
)
_SAYS = re.compile(
    r"_|\b(?:is|are|has|it's|that's|there's|there|here's|sounds?|feels?|hear|with its"
    r"|(?:drive|keep|mark|carr[yi]e?|play|sit|fill|back|hold|join|come|go|move|build|wind)s?)\b",
    re.I,
)
_ORDER = re.compile(
    r"^\W*(?:(?:please|pls|so|and|but|okay|ok|now|then|well|alright|right|just|also|next|wait|hang on|go on|come on|hm+|er|um"
    r"|oh|ooh)\b\W*|(?:yes|no),\W*)*"
    rf"{any_of('order', 'asked')}(?!\w)",
    re.I,
)
_AUXILIARY = (
    r"(?: (?:am|is|are|was|were|been|has|have|had|do|did|can|could|will|must|might|also|then|still|really|just|never|always"
    r"|already"
    r"|should|shouldn't|dont|didnt|cant|wont|havent|don't|didn't|can't|cannot|couldn't|won't|haven't|doesn't|not|hardly"
    r"|barely|scarcely|quite|often|once|only|ever|clearly|definitely|certainly|would"
    r"|honestly|rather|pretty|fairly|absolutely|almost|particularly|especially)(?![\w']))*+"
)
_GENERALLY = r"(?:lov|lik|enjoy|hat|ador)\w+ (?!the\b|that\b|this\b|how\b|its?\b|these\b|those\b|what\b|_)"
# Not after these: "the one you sent" is a track, not what "you" do.
_TELLS_WHICH = "".join(f"(?<!{it} )" for it in ("the one", "that one", "the last", "the track", "the song", "the beat"))
_OF_SELF = re.compile(  # "I", "she" and "you" with a verb that tells of them, not of the sound
    rf"(?:{_TELLS_WHICH}\b|\b(?=(?:i|we) (?:want|need|work)\b))(?:i|we)(?:'(?:m|ve|d|re|ll))?+{_AUXILIARY}"
    rf" (?:{_GENERALLY}|(?!{any_of('heard')}\b)\w)"
    rf"|\b(?:she|he|they)(?:'(?:ve|s|re|d|ll))?+{_AUXILIARY} (?!{any_of('sung')}\b)\w"
    rf"|{_TELLS_WHICH}(?<!glad )(?<!tell )(?<!for )\byou(?:'(?:ve|d|re|ll))?+{_AUXILIARY} (?!(?:{any_of('heard')}|at|follow"
    rf"|get|left with|listening to)\b)\w"
    r"|(?<!glad )\byou(?:'d| would)? (?:like|ask|told|mean|said|want)\w*",
    re.I,
)
_OF_KIN = re.compile(  # others with what they do, and musicians with what they do when they do not play
    rf"\b(?:my|our|your|his|her|their|the) (?:\w+ )?(?<!than my )(?<!in my ){any_of('kin')}(?:'s| of mine)?"
    r" (?!like\b|(?:songs?|music|choir|tunes?|melod\w+|themes?|voices?|vocals?)\b)\w"
    r"|\b(?:my|our|your) (?:\w+ ){1,2}(?:makes?|made|turns?) (?:everything|it all|all|music)\b"
    r"|\b(?:an?|some|one) (?:\w+ )?(?:friend|neighbour|colleague)s?(?: of mine)? \w"
    r"|\btheir (?:\w+ )?(?:drummer|singer|vocalist|rapper|bassist|guitarist|pianist)"
    r" (?!plays|is (?:play|sing)ing|sings|hits|keeps|sounds|leads|solos)\w"
    r"|\b(?:their|his|her|our|the band's|that|the) (?:(?:old|new|former|first|late|original|second) )?"
    r"(?:drummer|singer|vocalist|rapper|bassist|guitarist|pianist|cellist|violinist|trumpeter)"
    r" (?:had|quit|left|joined|died|was (?:born|fired|from)|wrote|married|moved|came from|comes from|lives|wanted|once"
    r"|is (?:from|famous|dead))\b"
    r"|\b(?:that|the|their|his|her) (?:drummer|singer|vocalist|rapper|bassist|guitarist|pianist)(?:'s| is| was) an?"
    r" (?!(?:\w+ )?(?:child|m[ae]n|wom[ae]n|girl|boy|soprano|alto|tenor|baritone)\b)\w",
    re.I,
)
_NAMED = re.compile(r"\b(?=_)")  # a track's name after "I would draw your attention to" or "play": what follows is of the track
_AFRESH = re.compile(  # where a sentence that told of a wish or a self speaks of the sound again
    r"[;:]|\b(?:but|and|because|so|since|though)(?= (?:it|it's|this|that|that's|there|there's|the)\b)"
    r"|\b(?:but|yet)\b(?! (?:(?:nothing|no|not|without|please|only|with|less|more)\b"
    r"|(?:(?:a bit|a little|slightly|much|far) )?\w+er\b))"
    r"|,(?= (?:here|now|it|it's|this|that's|there|there's|the)\b)",
    re.I,
)
_MORE_WISHED = re.compile(  # "add this: a flute", "a criterion: aggressive music"
    r"[;:] (?:(?:music|something|anything|nothing|more|less|no|an?|some)\b"
    r"|(?!(?:it|there|this|that|the)\b)(?:\w+ ){1,3}(?:music|tracks?|tunes?|songs?)\W*$)", re.I
)
_CUTS = (_WISH, _ORDER, _OF_SELF, _OF_KIN)


def stated(text: str) -> Iterator[tuple[int, int]]:
    """Spans of a masked utterance that state something."""
    for match in re.finditer(r"[^.!?;]+(?:\.(?=\w)[^.!?;]*)*[.!?;]*", text):
        yield from _stated(text, *match.span())


def _stated(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    sentence = text[start:end]
    if "?" in sentence[-3:]:
        end = start + _before_question(sentence)
        sentence = text[start:end]
    wished = _WISHED.search(sentence)
    if wished and (_WISHED_ANYHOW.search(sentence) or not _SAYS.search(sentence[: wished.start()])):
        return
    cuts = [(m.start(), pattern is not _WISH) for pattern in _CUTS for m in pattern.finditer(sentence)]
    begin = 0
    for cut, may_name in sorted(cuts):
        if cut < begin:
            continue
        if cut > begin:
            yield start + begin, start + cut
        fresh = next(_anew(sentence, cut), None) or may_name and _NAMED.search(sentence, cut)
        if not fresh:
            return
        begin = fresh.end()
    yield start + begin, end


def _anew(sentence: str, cut: int) -> Iterator[re.Match]:
    """Where after a cut a sentence may speak of the sound again: not where a list of wishes goes on after a colon."""
    for match in _AFRESH.finditer(sentence, cut):
        if "_" in sentence[: match.start()] or not _MORE_WISHED.match(sentence, match.start()):
            yield match


def _before_question(sentence: str) -> int:
    """Up to where a sentence that ends with a question mark states something."""
    pieces = list(re.finditer(r"[^,:]+[,:]*", sentence))
    if len(pieces) > 1 and _TAG.match(pieces[-1][0]):
        return pieces[-1].start()
    if _SO_THEN.search(sentence):
        return 0
    if _OFFERED.search(sentence) and not _QUESTION.match(pieces[-1][0]):
        return len(sentence)
    for piece in pieces:
        if _QUESTION.match(piece[0]):
            return piece.start()
    return len(sentence) if _HEDGE.search(pieces[-1][0]) else pieces[-1].start()


_OFFERED = re.compile(  # a track is put forward, and described: "how about _, with drums?"
    r"\b(?:how about|what about|why not|maybe|perhaps|may i \w+|might i \w+)\b[^,:]*(?:_|\bthis(?: one)?\b)[^,:]*[,:]", re.I
)
_SO_THEN = re.compile(r"\b(?:then|or what|or not|yes or no)\W*$", re.I)
_HEDGE = re.compile(
    r"\b(?:maybe|perhaps|probably|possibly|surely|i think|i guess|i'd say|a bit|a touch|rather|isn't|aren't)\b", re.I
)


# ---- of what it is stated

_GENRES = "|".join(re.escape(word.replace("-", " ")) for genre in vocab.load()["genre"].values for word in genre.words)
A_PART = rf"\b{any_of('part')}(?!\w)"
_A_WHOLE = rf"_|\b(?:{any_of('whole')}|{_GENRES})(?!\w)"
_PART, _WHOLE = re.compile(A_PART, re.I), re.compile(_A_WHOLE, re.I)
_SUBJECT = re.compile(rf"(?P<part>{A_PART})|(?P<whole>{_A_WHOLE})|(?P<other>\b{any_of('person')}\b)", re.I)
_STOP = re.compile(any_of("stop"), re.I)
_LINK = re.compile(rf"(?:(?<=\w)'s|(?<=\w)'re|\b{any_of('link')})(?!\w)", re.I)
_QUALITIES = ("tempo", "mood", "energy", "loudness", "brightness", "density", "vocal")
_CLAIMED = "|".join(word for kind in _QUALITIES for words in TABLE[kind].values() for word in words)
_DESCRIBES = re.compile(
    r"(?!morning|evening|lighting|building|wedding|meeting|landing|crossing|clearing|reading|warning|greeting|blessing"
    r"|showing|painting|drawing|writing)\w+(?:ed|ful|ous|ing|ic|ive|ish|less)|nice|lovely|good|great|heavy|low|high|deep"
    r"|simple|medium|big|new|old"
    r"|minor|major"
    rf"|{_CLAIMED}",
    re.I,
)
_HAS = re.compile(
    rf"{A_PART}(?: instruments?| players?| sounds?(?: (?:is|are|can be))?(?: heard)?)?"
    r"(?:(?: \w+)?| (?:is|are) [^.,;:]{1,30} and)"
    r" (?:has|have|had|with|plays?|playing|sounds?|provid(?:es|ing)|add(?:s|ing))"
    r"(?: an?| the| its)?(?: \w+,?){0,2} ?$"
    rf"|{A_PART} \w+ at an? $|\b(?:singing|sings|sung|raps?) over\b",
    re.I,
)
_NOISE = re.compile(r" (?:\w+ )?sounds? of (?!(?:it|this|the (?:track|song|piece|music|band|recording|mix|whole))\b)", re.I)
_OWN = re.compile(rf"\b(?:i|we)(?:'\w+)? (?:\w+ )?{any_of('heard')}\b", re.I)
_OF_ITS_TRACK = re.compile(  # "a lively harmonica instrumental": the last noun is what is spoken of
    r"\b(?:tracks?|songs?|pieces?|tunes?|numbers?|instrumentals?|music|compositions?|ballads?|covers?|versions?)$", re.I
)
_OF_PARTS = re.compile(
    rf"(?! (?:instrumentation|arrangement)\b)(?: (?!with\b|over\b|and\b|in\b|by\b)\w+){{0,3}} of (?:\w+ )?{A_PART}"
    rf"|(?! (?:\w+ ){{0,2}}?(?:songs?|tracks?|pieces?|numbers?|ballads?|arrangement|music|polka|waltz)\b)"
    rf"(?: (?!with\b|over\b|and\b|in\b)\w+){{1,5}}? (?:on|by) (?:the|an?) (?:\w+ )?{A_PART}", re.I
)
_THERE = re.compile(r"(?:^|[,.;:!?]|\b(?:and|but|so|that|because|since|where|while|as|then|think|hear|say)) ?there ?$", re.I)
_GOES_ON = re.compile(r"\b(?:but|that|which|who)\W*$", re.I)
_CLAUSE = re.compile(
    r"[.;:!?]|\b(?:but|while|because|though|although|whereas|where|when|so(?! ?$)|that|how|what|think|say|guess|reckon"
    r"|believe|find|hear|call|it's like)\b"
    r"|, (?=it|the|this|there|an?\b|with|and)|, as (?=(?:it|its|the|this|there|they)\b)|\band (?=it|the|this|there|an?\b)",
    re.I,
)
_ASIDE = re.compile(
    r"\b(?:in|on|at|behind|under|over|for|between|with|to|than|through|after|before|by|near|like|as|including)\b"
    r"(?: (?:the|this|that|these|an?|its|my|your|our|their|all))?(?: \w+)?(?: of (?:the |this |it )?\w+)?",
    re.I,
)


def described(before: str, after: str, *, verb: bool = False) -> str:
    """Of what a word speaks: "whole" (the track), "part" (an instrument, a voice) or "other".

    By the noun that it stands before ("a loud drum beat", "a quiet evening"), else by the subject of its clause.

    Parameters
    ----------
    before, after : str
        The stated span up to the word, and what follows it.
    verb : bool
        The word is a verb: only its subject counts.
    """
    if not verb and _NOISE.match(after):
        return "other"
    clause = re.sub(r"\b(?:this|that|so) $", "", _last(_CLAUSE, before))
    link = last_match(_LINK, clause)
    if link and verb and clause[link.end() :].strip(" "):
        link = None
    behind_link = (
        link is not None
        and not _THERE.search(clause[: link.start()])
        and not re.search(r"\b(?:an?|the|this|its|of|with|by)\b|,", clause[link.end() :], re.I)
    )
    for nouns in (_nouns(after), "" if verb or behind_link else _nouns(after, lists=True)):
        if _PART.search(nouns) and not _OF_ITS_TRACK.search(nouns):
            return "part"
        if _WHOLE.search(nouns) and not verb:
            return "part" if _HAS.search(clause) or _OF_PARTS.match(after) else "whole"
    nouns = _nouns(after) or re.search(r"\b(?:an?|the|some) $", before, re.I) and _nouns(after, lists=True)
    if nouns and not behind_link and not verb and not _is(_DESCRIBES, nouns.split()[-1]):
        return "other"
    subject = _of_subject(clause, link, verb=verb)
    if subject is None and (joint := _GOES_ON.search(before[: len(before) - len(clause)])):
        subject = _of_subject(re.split(r"[.;:!?]", before[: joint.start()])[-1], None, verb=verb)
    return subject or "whole"


def _nouns(after: str, *, lists: bool = False) -> str:
    """The words after an adjective up to the end of its noun's phrase; over commas and "and" only within a list."""
    words: list[str] = []
    joined = False
    for match in re.finditer(r"\s*(,|&|/|[\w'#]+|~+|[^\w\s])", after):
        token = match[1]
        if token in (",", "&", "/") or token.lower() in ("and", "or", "but"):
            if not lists or joined:
                break
            joined = True
            continue
        if lists and joined and token.endswith("ly"):  # "loud, really jangly guitars"
            continue
        if not re.match(r"\w", token) or _is(_STOP, token) or len(words) > (12 if lists else 5):
            break
        words.append(token)
        joined = False
    return " ".join(words)


def _of_subject(clause: str, link: re.Match | None, *, verb: bool) -> str | None:
    """What the subject of a clause is; None if it has none."""
    there = link and _THERE.search(clause[: link.start()])  # "there is a voice singing loudly": what is there is spoken of
    head = _OWN.sub(" ", clause[link.end() :] if there else clause[: link.start()] if link else clause)
    bare = _ASIDE.sub(" ", head)
    head = bare if link or _SUBJECT.search(bare) else head
    nearest = re.search(r"(?<![\w'])([a-z]+) *$", head, re.I) if verb and not there else None
    if nearest and not any(_is(known, nearest[1]) for known in (_STOP, _DESCRIBES, _SUBJECT, _LINK)):
        return "other"  # "the metal object falls"
    subject = last_match(_SUBJECT, head)
    if subject:
        if verb and subject.lastgroup == "whole" and _HAS.search(head[: subject.start()]):
            return "part"  # "a flute plays a tune that fades"
        return "part" if _OF_PART.search(head[: subject.start()]) else subject.lastgroup
    words = [w for w in re.findall(r"[\w']+", head) if not _is(_STOP, w) and not _is(_DESCRIBES, w)]
    return "other" if words and (link or verb) and not there else None


_OF_PART = re.compile(rf"{A_PART}(?: lead)? $", re.I)


@lru_cache(maxsize=10_000)
def _is(words: re.Pattern, word: str) -> bool:
    return bool(words.fullmatch(word))


def _last(boundary: re.Pattern, text: str) -> str:
    match = last_match(boundary, text)
    return text[match.end() :] if match else text


def last_match(pattern: re.Pattern, text: str) -> re.Match | None:
    """The last place where a pattern matches."""
    last = None
    for last in pattern.finditer(text):  # noqa: B007
        pass
    return last


# ---- whether it is denied, and whether compared

_NOT = re.compile(rf"\b{any_of('not')}\b(?!,)", re.I)
_HOLDS = "(?:is|has|uses|features|plays|sounds|feels|stays|keeps|seems|remains)"
_NOT_SO = re.compile(  # "I don't think it's", "it isn't that there is": what denies stands outside the clause that it denies
    r"(?:\b(?:(?:do|did|does|would|could|ca)n't|not|never|hardly|barely)(?: really| quite| even| exactly)?"
    r" (?:think|believe|say|call|guess|reckon|feel|find|suppose|imagine|that)(?: that)?|\bdoubt(?: that)?)"
    rf" (?:it's|there's|that's|thats|(?:it|there|this|that|the \w+|this one) (?:are|was|{_HOLDS}))\b[^.;:!?,]*$",
    re.I,
)
_SCOPE = re.compile(
    rf"[.;!?:,]|(?<=\w )\bin (?:this|these|an? instrumental)\b|\bit {_HOLDS}\b|\bthere (?:is|are)\b|(?<!anything )\bbut\b"
    r"|\b(?:thats|that's)\b|\bits (?=in\b|an?\b)|\bn (?=its?\b)|\band (?:somehow |yet |still )?"
    r"(?=it|has|with|the|an?\b|there|then|is|this)|(?<!to do )(?<!es away )(?<!dispenses )\bwith(?! any)"
    r"(?! (?:very )?little\b(?! more))\b|\bjust\b"
    r"|\bonly\b|\bwhile\b|\bit's\b|\bthere's\b|\bbecause\b|\bplayed\b|\banything but the\b"
    r"|\bas (?=(?:it|the|this|there|that)\b)",
    re.I,
)
# What is missing, up to the verb of what it does: "the absence of drums makes it".
_SPENT = re.compile(
    r"\b(?:(?:absence|lack) of|lack(?:s|ing)|(?<=the )missing|without|sans|minus|with (?:no|zero))"
    r"(?! (?:\w+ )?(?:here|it) is\b| is\b) (?:(?!\bnot\b|\bnever\b|n't\b)[^.;:!?,])*?\b(?:makes?|keeps?|gives?|leaves?|lends?"
    r"|lets|adds|creates?|brings?|puts|turns|allows?|means?|is|are|stays?|feels?|sounds?|remains?|seems?)\b", re.I
)
_BUT_FOR = re.compile(  # "nothing except a piano", "all drops out except the piano"
    r"\b(?:no|nothing|none|nobody|stops?|drops? (?:out|away)|falls? (?:silent|away)|fades?|disappears?|silent)\b[^.;:!?]*"
    r"\bexcept(?: for)?(?: an?| the)?(?: \w+)? $", re.I
)


_RATHER = re.compile(r"\b(?:not|\w+n't) (?:(?:really|exactly) )?\w+ so much as (?:an? )?$", re.I)  # "not slow so much as calm"


def denied(before: str) -> bool:
    """Whether something before a word denies it."""
    if re.search(r"\bneither\b(?![^.;:]*, (?:it's|it is|but|just|only|this|rather)\b)[^.;:]*$", before, re.I):
        return True
    if _BUT_FOR.search(before) or _RATHER.search(before):
        return False
    return bool(_NOT.search(_SPENT.sub(" ", _last(_SCOPE, before))) or _NOT_SO.search(before))


_LIKENED = re.compile(
    r" as (?!(?:_|the|this|that|these|those|before|ever|it|in|on|last|its|what|both|other|earlier|one|clip|track|song|tune)\b)"
    r"[^\W_]+(?: (?!before\b|then\b|here\b|last\b)[^\W_]+)?\W*$"
    r"| as (?:an?|any|the|my|your|it gets|they come|can be|ever|hell|you (?:like|please)|possible|all)\b"
    r"(?! (?:one|first|second|other|last|previous|track|song|opener))",
    re.I,
)
_UNEQUAL = re.compile(r"\b(?:not|nor|\w+n't|isnt|aint|nowhere near)(?: \w+)? (?:as|so) $", re.I)
_EQUAL = re.compile(r"\b(?:(?:just|every bit|quite|equally|exactly|about|fully) as|equally) $", re.I)
_NOT_BUT_MORE = re.compile(r"(?:\bnot\b|n't\b)[^.;:!?]*, (?:just )?more $", re.I)
_AMOUNT = re.compile(r"(?<!\bmore and )\b(more|less|fewer)(?: of (?:the|an?))? $", re.I)
_TRACK = (
    r"(?:before\b|what\b|_|(?:the|that|your) (?:\w+ )?(?:one|track|song|tune|pick|choice|last|first|second|previous|other)\b)"
)
BESIDE_A_TRACK = re.compile(rf"\b(?:than|as) {_TRACK}", re.I)  # "more jazz than the last one", not "more jazz than rock"
_SAME_AS = re.compile(rf" \w+ as {_TRACK}", re.I)
_AS_ONE_THINKS = re.compile(
    r" as (?:$|(?:i|you|we|one|all that|the (?:name|title|sleeve|label)|it (?:sounds|seems|looks))\b)", re.I
)
_HAS_MORE = re.compile(
    r"\b(?:it|this|that|(?:this|that|the (?:first|second|other|latter|new)) (?:one|track|song)?"
    r"|the (?:first|second|other|latter)) (?:has|uses|brings|adds)"
    r"(?: (?:a lot|a few|a bit|some|far|even|much|way))? (?:more|less|fewer) $",
    re.I,
)
_NO_MEASURE = re.compile(
    r" ?than (?:i\b|(?:you|he|she|we)\b|usual|most|anything(?! (?:else )?(?:you|so far|before|earlier|on the))|ever"
    r"|an?\b|(?:my|your|his|her)(?! (?:last|previous|first|second|earlier|other)\b)"
    r"|(?:the|its) (?:verses?|chorus|intro|outro|bridge|rest|others|beginning|start|end|first half|second half)\b"
    r"|(?:it|they) (?:really |actually )?(?:is|are)\b(?! now)"
    r"|(?:it|they|this) (?:needs|should|has to|sounds|looks|seems)|expected|necessary|average|normal|needed)"
    r"|^ than(?: (?:it|they|he|she|we))?\W*$",  # "I remember", which stands after the span, is cut off
    re.I,
)


def beyond_measure(after: str) -> bool:
    """Whether what follows a comparative names no track: "than I remember", "than my heartbeat"."""
    return bool(_NO_MEASURE.match(after))


_WITHIN = re.compile(
    r"\b(?:in|at|towards?|by|near|during|for|from) (?:the|its) (?:\w+ )?"
    r"(?:parts?|half|halves|sections?|end|ending|beginning|start|middle|bridge|chorus|verses?|intro|outro)\b"
    r"|\bthe (?:first|second|last|other) (?:part|half|section|verse|chorus) (?:is|gets|has|sounds|feels)\b", re.I
)


def within_track(before: str, after: str) -> bool:
    """Whether a comparative compares two spans of one track: "softer in the second half"."""
    sentence = re.split(r"[.;:!?]", before)[-1], re.split(r"[.;:!?]", after)[0]
    return "than" not in sentence[1] and any(_WITHIN.search(side) for side in sentence)


def compared(before: str, after: str, *, quality: bool) -> str | None:
    """How a word compares with an earlier track: "more", "less", "same" or not.

    Parameters
    ----------
    before, after : str
    quality : bool
        Of an adjective "less loud" compares by itself; "more strings" needs something to be compared with.
    """
    if _UNEQUAL.search(before):
        return None if _AS_ONE_THINKS.match(after) else "less"
    if re.search(r"\bsame $", before, re.I) and _SAME_AS.match(after):
        return "same"
    if re.search(r"\btwice as $", before, re.I):
        return "more"
    if _LIKENED.match(after) and re.search(r"\bas $", before, re.I):
        return None
    if _EQUAL.search(before) or (re.search(r"\bas $", before, re.I) and re.match(r"(?: \w+)?(?: in \w+)? as\b", after)):
        return "same"
    amount = _AMOUNT.search(before)
    if amount and _NOT_BUT_MORE.search(before) and not re.search(r"\bthan\b", after):  # "not sad, more nostalgic"
        return None
    if amount and re.search(r" an? $", amount[0]) and not BESIDE_A_TRACK.search(after):  # "more of a slow tune"
        return None
    told = quality or re.search(r"\bthan\b|\bthis time\b|\bbefore\b", after, re.I) or _HAS_MORE.search(before)
    if amount and told and not _NO_MEASURE.match(after):
        return "more" if amount[1].lower() == "more" else "less"
    return None
