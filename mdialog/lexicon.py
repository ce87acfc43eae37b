"""Words and turns of phrase that the checks look for: common words, what only one side says, what nobody says."""

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from mdialog import clauses, vocab

ABBREVIATIONS = frozenset(
    ("r&b", "dnb", "bpm", "tv", "dj", "edm", "mc", "hmm", "hm", "mm", "mmm", "pfft", "shh", "psst", "brr", "s", "t")
)
SAID_THRICE = frozenset(("yes", "no", "go", "la", "ha", "hey", "more", "very", "so", "ta", "na"))
_BEYOND_VOCABULARY = ("brightness", "loudness", "density")  # kinds whose words claims.toml alone has
_PHRASE_BOOK = ("phrases.toml", "requests.toml", "sound.toml")
_NAMES = ("artists.toml", "copying.toml", "instruments.toml")  # of these the phrase book's names are made, not its talk
_IN_CODE = frozenset(("piece", "number", "join", "articulate"))  # what it says beside its tables
_CONTRACTED = ("a", "i", "i'm", "i'd", "i'll", "i've", "it's", "that's", "let's", "thanks", "please", "okay", "yes")
_PROPER = (
    "I", "OK", "TV", "DJ", "EDM", "BPM", "R&B", "MIDI", "English", "Latin", "Christmas",
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
)  # fmt: skip


def _any_of(*alternatives: str) -> re.Pattern:
    return re.compile(rf"\b(?:{'|'.join(alternatives)})\b", re.I)


# Says that a track was not heard: honest of who seeks, and of who recommends where nothing plays, as long as nothing is said
# of the sound.
UNHEARD = re.compile(
    "|".join(
        (
            r"\bi(?:['’]ve| have| had)?(?:n['’]t| not| never| yet to)(?: \w+)? (?:heard|listened|(?<=yet to )(?:hear|listen))"
            r"(?: to)?\b(?= (?:it|this|that|these|them|either|one|yet|before|myself"
            r"|the (?:track|song|clip|tune|piece|music|audio))\b"
            r"|\W*$|[.,;!?]| [\"_\u25a1])",
            r"\bi (?:don['’]t|do not|haven['’]t|have not) (?:have|got|had) (?:it|this|that|them|either|the (?:track|song|clip))"
            r"(?: \w+)? (?:here(?! on)|to (?:hand|hear|listen|play)|at hand|with me|in front of me|on me|loaded|available)\b",
            r"\b(?:without|not|before) (?:having |actually |even )*(?:heard|hearing|listened|listening)"
            r"(?: to)?(?= (?:it|this|that|the (?:track|song|clip|tune|piece))\b|\W*$|[.,;!?])",
            r"\bi(?:['’]d| would|['’]ll| will)? (?:have|need|want) to (?:hear|listen to) (?:it|this|that|the \w+)\b",
            r"\b(?:judging|going|guessing|to go) (?:only |just )?(?:by|on|from) (?:the|its) (?:title|name|artist)\b",
            r"\b(?:all i have|i (?:only have|have only|just have|have nothing but))(?: is)? (?:the|its) (?:title|name|text)\b",
        )
    ),
    re.I,
)
_STATES = (
    r"(?:(?:i['’]d (?:say|call|guess),? )?(?:it(?:['’]s| is| has| sounds| feels)|there(?:['’]s| is| are)|hear|both|nobody sings"
    r"|the \w+ (?:is|are|has))|i['’]d (?:say|call|guess))"
)

# What only the other side would say, by the role that must not.
OTHER_SIDE = {
    "user": _any_of(
        r"I(?:'d| would| can|'ll|'m going to)? (?:recommend|suggest|offer)(?: you)?",
        r"you (?:might|may|will|would) (?:also )?(?:like|enjoy|love)",
        r"you'll (?:like|enjoy|love)",
        r"you asked for",
        r"(?:what|which) (?:kind|sort|type|mood|genre)s? (?:of music )?(?:are|would|do) you (?:like|want|after|looking)",
        r"what (?:kind|sort|level|era|mood) (?:of|are|should|do)",
        r"are you (?:looking for|after)",
        r"would you like (?:me|something)",
        r"(?:do|would) you prefer",
        r"(?:here(?:'s| is| are)|I have|I've got) (?:a|some|another|one) \w* ?(?:track|song|piece|pick|tune)s? for you",
        r"(?:I've|I have) (?:got )?(?:just )?the (?:thing|one|track)",
        r"from the catalogue",
        r"let me (?:find|look|suggest)",
        r"based on your",
        r"how can I help",
    ),
    "assistant": _any_of(
        r"(?:can|could|would|will) you (?:please )?(?:recommend|suggest|find|play|give|show)(?: me)?",
        r"(?:recommend|play|show|find) me",
        r"help me find",
        r"give me (?:some|another|more)",
        r"I(?:'m| am) (?:looking for|after|in the mood for|searching for|hunting for)",
        r"I(?:'d| would) like (?:to hear|some(?:thing)?|a|more)",
        r"I (?:need|want|fancy) (?:to hear|some|a|an|more|anything|music)",
        r"I feel like (?:hearing|some)",
        r"do you have (?:any|some)(?:thing)?",
        r"(?<!n't )(?<!n’t )(?<!not )got any(?:thing)?",
        rf"(?:{UNHEARD.pattern})[^\n]*?[.!;:,](?: (?:but|so|and|though|still|well|yes|no),?)* {_STATES}",
    ),
}

# Speaks of the task, or dodges it.
FORBIDDEN = re.compile(
    "|".join(
        (
            r"(?:isn't|not) (?:specified|mentioned)|unspecified",
            r"as an? (?:ai|assistant|language model|large)|language model",
            r"\bi(?:['’]m| am)? (?:can['’]t|cannot|can not|couldn['’]t|could not|unable to|(?:was )?not able to|lack the \w+ to"
            r"|have no way (?:to|of)|don['’]t have (?:the (?:ability|means|ears|tools)|any way) to)(?: (?:\w+ly|even))?"
            r"(?: (?:access|process)\b| listen(?:ing)?\b"
            r"(?! to (?!it\b|this|that|the\b|them|you|audio|music|any|tracks|clips|recordings|files)\w)"
            r"| hear(?:ing)?\b(?: (?:any|the|this|that))?"
            r"(?: (?:audio|music|clip|sound|track|song|recording|file)s?\b|(?: it| you| them| anything)?(?=\W*$|[.,;:!?])))",
            r"\bi (?:(?:don['’]t|do not|haven['’]t|have not|never) (?:have|had|got|get|hear|see)(?: any)?|(?:have|hear) no) "
            r"(?:audio|clip|recording|file|access|copy|ears)\b",
            r"\bno (?:audio|sound|clip|recording|file) (?:(?:is|was|has been) )?(?:\w+ )?(?:provided|attached|given|available)",
            r"\b(?:clip|audio|file|recording|track|it) (?:wo|would|did)n['’]t (?:load|play(?= for me|\W*$))",
            r"the (?:audio|clip) (?:provided|given)|(?:provided|attached) (?:audio|clip|recording|file)",
            r"based on the (?:audio|brief|state|information)|the (?:prompt|metadata)\b|instructions?\b",
            r"i'm sorry, but",
            r"add_filter|passive_recommend|music_attribute|track_id",
        )
    ),
    re.I,
)

# Says that something is not wanted.
NEGATED = _any_of(
    r"no|not|non|none|nothing|without|less|never|neither|nor|except|but|minus|out|away|off|rid|free|cut|bar|ban|enough|tired|sick",
    r"avoid\w*|skip\w*|drop\w*|lose|losing|leav(?:e|ing)|ditch\w*|exclud\w*|spare|keep|hold|steer|hate|dislike",
    r"rather than|instead of|anything but|\w+n['’]t",
)


@cache
def common_words() -> frozenset[str]:
    """Function words of English, the words that the phrase book talks with, and those for timbre, loudness and density."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    words = set(ENGLISH_STOP_WORDS) | set(_CONTRACTED)
    for path in files("mdialog.synth").iterdir():
        if path.name in _PHRASE_BOOK:
            for entry in _texts(tomllib.loads(path.read_text(encoding="utf-8"))):
                words |= set(re.findall(r"[a-z]+(?:['-][a-z]+)*", re.sub(r"\{[^}]*\}", " ", entry.casefold())))
    for pattern in _texts([clauses.TABLE[kind] for kind in _BEYOND_VOCABULARY]):
        words |= set(re.findall(r"[a-z]{4,}", pattern))
    return frozenset(words)


def _texts(table: object) -> Iterator[str]:
    """Every string of a parsed TOML file, however deep."""
    if isinstance(table, str):
        yield table
    elif isinstance(table, dict | list):
        for entry in table.values() if isinstance(table, dict) else table:
            yield from _texts(entry)


@cache
def vocabulary_words() -> frozenset[str]:
    """Single words of every way to say a value of the vocabulary, and the kinds' names."""
    words = {kind.name for kind in vocab.load()} | {"music", "track", "song", "sound", "thanks", "yes", "hello", "hi"}
    for kind in vocab.load():
        for value in kind.values:
            for phrase in (value.name, *value.words):
                words |= {phrase.casefold(), *re.split(r"[\s-]+", phrase.casefold())}
    return frozenset(words)


@cache
def in_phrase_book(word: str) -> bool:
    """Whether the phrase book can say a word: as it stands there, with another ending, or joined of such words."""
    plain = word.casefold().replace("’", "'")
    stem = re.sub(r"'\w+$", "", plain)
    forms = {plain, stem, f"{stem}s", stem.removesuffix("s")}
    return plain.isdigit() or bool(forms & _phrase_book_words()) or "-" in stem and all(map(in_phrase_book, stem.split("-")))


@cache
def _phrase_book_words() -> frozenset[str]:
    from mdialog import eventwords

    entries = [entry for path in files("mdialog.synth").iterdir() if path.name.endswith(".toml") and path.name not in _NAMES
               for entry in _texts(tomllib.loads(path.read_text(encoding="utf-8")))]  # fmt: skip
    words = {word for entry in entries for word in re.findall(r"[^\W\d_]+(?:['-][^\W\d_]+)*", entry.casefold())}
    return words | common_words() | vocabulary_words() | eventwords.words() | _IN_CODE


@cache
def capitalised() -> frozenset[str]:
    """Words written with a capital anywhere in a sentence."""
    words = set(_PROPER)
    for kind in vocab.load():
        for value in kind.values:
            for phrase in (value.name, *value.words):
                words |= {word for word in re.split(r"[\s-]+", phrase) if word[:1].isupper()}
    return frozenset(words)
