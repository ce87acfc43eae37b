"""The phrase book: both sides' utterances from a brief and the true labels of its clips.

Only training reads it: the bundled listener learns from its sentences to say what it hears. The phrases are
data (``phrases.toml``, ``sound.toml``, ``requests.toml``); here is how a turn is put together from them.
"""

import random
import re
from collections.abc import Callable, Mapping, Sequence

from mdialog.brief import Brief, Name
from mdialog.happenings import about_events
from mdialog.synth import happenings, questions, sound, wishes
from mdialog.synth.briefs import random_brief, random_name_like_file
from mdialog.synth.grammar import PLURALS, Names, assemble, book, draw, expand, listed
from mdialog.synth.labels import ClipEvents, ClipLabels

USER_INTENTS = ("greeting", "accept_response", "reject_response", "remove_filter", "initial_query", "add_filter",
                "item_attribute_question", "continue", "others")  # fmt: skip
SYSTEM_INTENTS = ("sympathetic_response", "parroting_response", "item_attribute_answer", "passive_recommend",
                  "active_recommend", "detail_attribute_request", "feedback_request", "others")  # fmt: skip
LATER = {"item_attribute_answer", "active_recommend", "others"}  # never a first turn's
MAX_WORDS = 35
ATTEMPTS = 6
DRAFTS = {"few words": 3, "some words": 1, "many words": 3}  # of which the shortest or longest is taken
ASIDES = {"few words": 0.15, "some words": 0.4, "many words": 0.7}  # how often a trait is heard in a sentence of its own
OWN_LIFE = 0.6  # share of these that tell of the speaker's day instead
ROOM_FOR_ASIDES = {"initial_query", "add_filter", "continue", "passive_recommend", "active_recommend"}
QUESTIONS = {"item_attribute_question", "detail_attribute_request", "feedback_request"}  # a turn ends with these

# How many audible facts a recommendation states, by draw.
FACTS_SAID = (0, 1, 1, 1, 1, 2, 2, 2, 2, 3)


class Turn:
    """One turn while it is being written: what is known, and the pieces said so far."""

    def __init__(self, brief: Brief, clips: Sequence[ClipLabels | ClipEvents], rng: random.Random) -> None:
        self.brief, self.clips, self.rng = brief, clips, rng
        self.names = Names()
        self.pieces: list[tuple[str, str]] = []
        self.sound_said = False

    @property
    def labels(self) -> ClipLabels | None:
        """Truth about the clip under discussion."""
        return self.clips[-1] if self.clips else None

    def name(self, name: Name, *, whole: float = 0.4, artist: float = 0.0) -> str:
        """A name as it may be written: title and artist, the title, or (rarely) the artist."""
        x = self.rng.random()
        if x < whole:
            return self.names.hide(str(name))
        return self.names.hide(name.artist if x > 1 - artist else f'"{name.title}"')

    def named(self, names: Sequence[Name], *, most: int = 2, whole: float = 0.4) -> str:
        """One or two of `names`, listed; one alone may go by its artist."""
        artist = 0.1 if len(names[:most]) == 1 else 0.0
        return listed([self.name(n, whole=whole, artist=artist) for n in names[:most]])

    def add(self, section: str, slots: Mapping[str, str] | None = None, *, plural: bool = False) -> None:
        """Say a phrase of this side's section, in the turn's manner, where one fits the slots."""
        table = book("phrases")[self.brief.role][section]
        text = draw(table, self.brief.manner, slots or {}, self.rng, plural=plural)
        if text:
            self.pieces.append((section, text))

    def statement(self, *, most: int = 3) -> str | None:
        """Something heard in the clip under discussion, or a comparison with the one before."""
        if self.labels is None or self.sound_said:
            return None
        self.sound_said = True
        if len(self.clips) > 1 and self.brief.before and self.rng.random() < 0.5:
            text = sound.comparison(self.clips[0], self.clips[1], self.name(self.brief.before, whole=0.15), self.rng)
            if text:
                return text
        n = min(most, 1 if self.rng.random() < 0.6 else 2)
        facts = sound.choose(self.labels, n, self.rng)
        return sound.statement(facts, manner=self.brief.manner, rng=self.rng)


def say(brief: Brief, clips: Sequence[ClipLabels | ClipEvents], rng: random.Random) -> str:
    """One utterance for a brief.

    Parameters
    ----------
    brief : Brief
    clips : sequence of ClipLabels
        Truth about ``brief.clips``, in their order: the last is under discussion, one before is compared with. A ClipEvents
        where the brief asks after sound events.
    rng : random.Random
        The only source of chance.

    Returns
    -------
    str
        At most about 35 words where the names and wishes allow it.

    Raises
    ------
    ValueError
        If `clips` and ``brief.clips`` differ in length, or the brief has no intent.
    """
    if len(clips) != len(brief.clips):
        raise ValueError(f"{len(clips)} labels for {len(brief.clips)} clips; give one ClipLabels a clip")
    if not brief.intents:
        raise ValueError("brief has no intents; a turn does at least one thing")
    length = dict(brief.speaker).get("length", "some words")
    texts: list[str] = []
    if brief.intents == ("description",):
        return _describe(Turn(brief, clips, rng))
    for _ in range(ATTEMPTS):
        texts.append(_utter(brief, clips, rng))
        fitting = [text for text in texts if len(text.split()) <= MAX_WORDS]
        if len(fitting) == DRAFTS[length]:
            return (min if length == "few words" else max)(fitting, key=lambda text: len(text.split()))
    return min(texts, key=lambda text: len(text.split()))


def _utter(brief: Brief, clips: Sequence[ClipLabels], rng: random.Random) -> str:
    turn = Turn(brief, clips, rng)
    (_user if brief.role == "user" else _assistant)(turn)
    _aside(turn)
    return turn.names.show(assemble(turn.pieces, role=brief.role, manner=brief.manner, rng=rng))


def _aside(turn: Turn) -> None:
    """At times a sentence that comes of the speaker's traits or day alone, before or after what the turn is to do."""
    rng, table = turn.rng, book("asides")[turn.brief.role]
    traits, intents = dict(turn.brief.speaker), set(turn.brief.intents)
    told = ("any",) if rng.random() < OWN_LIFE else traits.values()
    places = [(place, trait) for trait in told for place in table if trait in table[place]
              if place == "before" or not intents & QUESTIONS]
    if not places or not intents & ROOM_FOR_ASIDES or rng.random() > ASIDES[traits.get("length", "some words")]:
        return
    place, trait = rng.choice(places)
    life = {slot: rng.choice(words) for slot, words in book("asides")["life"].items()}
    piece = ("aside", expand(rng.choice(table[place][trait]), life, rng))
    greeted = bool(turn.pieces) and turn.pieces[0][0] == "greeting"
    turn.pieces.insert(len(turn.pieces) if place == "after" else int(greeted), piece)


# --- the seeker ---------------------------------------------------------------------------------------------


def _user(turn: Turn) -> None:
    brief = turn.brief
    asked = "initial_query" in brief.intents and "add_filter" in brief.intents
    for intent in USER_INTENTS:
        if intent in brief.intents and not (intent == "add_filter" and asked and brief.new):
            USER[intent](turn)
    if not turn.pieces:
        turn.add("others")


def _clause(text: str, slot: str) -> dict[str, str]:
    """Slots of a statement: under ``safe`` too where it can follow an opening such as `you will find that`."""
    safe = re.match(r"(it|it's|the|there|a|an) ", text) and not re.search(r"\bI\b|[;.?]| you\b", text)
    return {slot: text} | ({"safe": text} if safe else {})


def _reacts(turn: Turn, names: Sequence[Name]) -> bool:
    """Whether to speak of the clip's sound now: only of the track that the turn is about."""
    about = turn.brief.about
    return turn.labels is not None and (not names or about in names) and turn.rng.random() < 0.55


def _accept(turn: Turn) -> None:
    names = turn.brief.liked
    section = "accept_response" if len(names) == 1 else "accept_two"
    turn.add(section, {"liked": turn.named(names)}) if names else turn.add("accept_bare")
    if _reacts(turn, names) and not turn.brief.refused:
        _praise(turn)


def _praise(turn: Turn) -> None:
    manner, rng = turn.brief.manner, turn.rng
    if rng.random() < 0.3:
        turn.add("remark", _clause(turn.statement(most=1), "clause"))
        return
    turn.sound_said = True
    one = sound.choose(turn.labels, 1, rng)[0]
    np = one.say("np", manner=manner, rng=rng)
    slots = {"np": np, "note": one.say("bare", manner=manner, rng=rng)}
    if not np.startswith(("that ", "how ")):
        slots["noun"] = np
    if "accept_response" in turn.brief.intents:
        slots["more"] = np
    turn.add("praise", slots, plural=one.word in PLURALS and np.startswith("the "))


def _reject(turn: Turn) -> None:
    names = turn.brief.refused
    section = "reject_response" if len(names) == 1 else "reject_two"
    turn.add(section, {"refused": turn.named(names)}) if names else turn.add("reject_bare")
    if _reacts(turn, names) and not (turn.brief.liked and not names):
        turn.sound_said = True
        one = sound.choose(turn.labels, 1, turn.rng)[0]
        turn.add("complain", {"con": one.say("con", manner=turn.brief.manner, rng=turn.rng)})


def _request(turn: Turn, section: str) -> None:
    new = turn.brief.new
    wanted = wishes.want(new, turn.names, turn.rng)
    avoided = wishes.avoid(new, turn.names, turn.rng)
    if wanted and avoided and turn.rng.random() < 0.5:
        wanted, avoided = f"{wanted}, but {avoided}", None
    if wanted:
        turn.add(section, {"want": wanted})
    elif section == "initial_query":
        turn.add("initial_bare")
    if avoided:
        turn.add("avoid", {"avoid": avoided} | ({"more": avoided} if wanted else {}))
    if not new and section == "add_filter":
        turn.add("initial_bare")


def _remove(turn: Turn) -> None:
    if not turn.brief.dropped:
        turn.add("remove_bare")
    sections: dict[str, list[str]] = {}
    for attribute in turn.brief.dropped:
        section, slots = wishes.dropped(attribute, turn.names, turn.rng)
        sections.setdefault(section, []).extend(slots.values())
    slot = {"remove_filter": "drop", "remove_adjective": "w", "remove_avoid": "thing"}
    for section, texts in sections.items():
        turn.add(section, {slot[section]: listed(texts)})


def _question(turn: Turn) -> None:
    turn.add("item_attribute_question", {"q": _questions(turn, "question_user", turn.brief.asks or ("genre",))})


def _questions(turn: Turn, section: str, kinds: Sequence[str]) -> str:
    table = book("requests")[section]
    before = turn.name(turn.brief.before, whole=0.15) if turn.brief.before and any(map(_of_two, kinds)) else "the last one"
    texts = [turn.rng.choice(table[k]) if k in table else questions.question(k, before, turn.rng, it=turn.brief.it)
             for k in kinds[:2] if k in table or _beyond_kinds(k)]  # fmt: skip
    return ", and ".join(texts) if texts else turn.rng.choice(table["genre"])


def _of_two(ask: str) -> bool:
    return ask.partition(":")[0] in ("compare", "same", "suits", "which")


def _beyond_kinds(ask: str) -> bool:
    """Whether more is asked than what kind of something plays."""
    return ":" in ask or _of_two(ask) or ask in ("course", "event", "electric")


def _continue(turn: Turn) -> None:
    about = turn.brief.about
    if _reacts(turn, ()) and not turn.sound_said and turn.brief.intents == ("continue",):
        _praise(turn)
    if about and about not in turn.brief.refused and turn.rng.random() < 0.35:
        turn.add("continue_about", {"about": turn.name(about, whole=0.2)})
    else:
        turn.add("continue")


USER: dict[str, Callable[[Turn], None]] = {
    "greeting": lambda turn: turn.add("greeting"),
    "accept_response": _accept,
    "reject_response": _reject,
    "remove_filter": _remove,
    "initial_query": lambda turn: _request(turn, "initial_query"),
    "add_filter": lambda turn: _request(turn, "add_filter"),
    "item_attribute_question": _question,
    "continue": _continue,
    "others": lambda turn: turn.add("others"),
}


# --- the recommender ----------------------------------------------------------------------------------------


def _assistant(turn: Turn) -> None:
    brief = turn.brief
    known = brief.history or brief.wanted or brief.liked or brief.refused or brief.before
    if not known and not set(brief.intents) & LATER and turn.rng.random() < 0.1:
        turn.add("greeting")
    for intent in SYSTEM_INTENTS:
        if intent in brief.intents:
            SYSTEM[intent](turn)
    if not turn.pieces:
        turn.add("others")


def _sympathise(turn: Turn) -> None:
    brief = turn.brief
    active = "active_recommend" in brief.intents
    if brief.liked and not active and turn.rng.random() < 0.5:
        turn.add("sympathetic_liked", {"liked": turn.named(brief.liked, most=1, whole=0.2)})
    elif brief.refused and turn.rng.random() < 0.6:
        turn.add("sympathetic_refused", {"refused": turn.named(brief.refused, most=1, whole=0.2)})
    else:
        turn.add("sympathetic_response")


def _parrot(turn: Turn) -> None:
    attributes = turn.brief.new or turn.brief.wanted
    said = turn.rng.sample(attributes, min(len(attributes), 3))
    wanted, avoided = wishes.want(said, turn.names, turn.rng), wishes.avoid(said, turn.names, turn.rng)
    if wanted:
        turn.add("parroting_response", {"want": wanted})
    if avoided:
        turn.add("parroting_avoid", {"avoid": avoided} | ({"more": avoided} if wanted else {}))
    if not said:
        turn.add("parroting_bare")


def _passive(turn: Turn) -> None:
    offered = turn.brief.offered or ((turn.brief.about,) if turn.brief.about else ())
    if not offered:
        turn.add("recommend_none")
        return
    if "active_recommend" in turn.brief.intents and len(offered) == 1:
        return  # the one track there is comes as the active recommendation
    _offer(turn, "passive_recommend", {"X": turn.name(offered[0], whole=0.75)})
    rest = offered[1 : 1 + turn.rng.choice((1, 1, 2))]
    named = 1.0 if len(offered) == 2 else 0.3  # of two both are to be named, of more some may
    if rest and "active_recommend" not in turn.brief.intents and turn.rng.random() < named:
        turn.add("also", {"also": listed([turn.name(n, whole=0.6) for n in rest])})


def _offer(turn: Turn, section: str, slots: dict[str, str]) -> None:
    """Name a track, and nearly always say what is heard in it."""
    rng, manner = turn.rng, turn.brief.manner
    n = rng.choice(FACTS_SAID) if manner != "terse" else rng.choice((0, 1, 1, 1, 1, 1, 2))
    if turn.labels is None or turn.sound_said or not n:
        turn.add(section, slots)
        return
    compares = len(turn.clips) > 1 and rng.random() < 0.4
    if section == "passive_recommend" and not compares and rng.random() < 0.5:
        turn.sound_said = True
        facts = sound.choose(turn.labels, n, rng)
        note = sound.noun_phrase(facts, manner=manner, rng=rng)
        turn.add("recommend_note", slots | {"note": note, "bare": sound.listing(facts, rng=rng)})
        return
    turn.add(section, slots)
    turn.add("then_sound", _clause(turn.statement(most=n), "clause"))


def _active(turn: Turn) -> None:
    brief = turn.brief
    offered = brief.offered or ((brief.about,) if brief.about else ())
    second = "passive_recommend" in brief.intents and len(offered) > 1
    if not offered:
        turn.add("recommend_none")
        return
    slots = {"X": turn.name(offered[int(second)], whole=0.7)}
    if brief.liked:
        slots["liked"] = turn.named(brief.liked, most=1, whole=0.2)
    section = "active_recommend" if brief.liked else "active_bare"
    turn.add(section, slots) if second else _offer(turn, section, slots)


def _answer(turn: Turn) -> None:
    kinds = turn.brief.asks or ("instrument",)
    texts = [_answer_one(turn, kind) for kind in kinds[:2]]
    turn.sound_said = True
    if turn.labels is None and not any(t.startswith("that's ") for t in texts):
        texts = texts[:1]
    turn.add("item_attribute_answer", _clause(", and ".join(dict.fromkeys(texts)), "answer"))


def _answer_one(turn: Turn, kind: str) -> str:
    rng, manner, about = turn.rng, turn.brief.manner, turn.brief.about
    if about and kind == "artist":
        return f"that's by {turn.names.hide(about.artist)}"
    if about and kind == "track":
        return f"that's {turn.name(about, whole=1.0)}"
    silent = book("requests")["silent"]
    if turn.labels is None:
        return rng.choice(silent["nosound"])
    if about_events(kind):
        return happenings.answer(kind, turn.labels, manner=manner, rng=rng)
    if _beyond_kinds(kind):
        before = turn.name(turn.brief.before, whole=0.15) if turn.brief.before and _of_two(kind) else "the last one"
        return questions.answer(kind, turn.clips, before, manner=manner, rng=rng)
    facts = sound.answers(kind, turn.labels, manner=manner, rng=rng)
    if not facts:
        return rng.choice(silent["all"])
    if kind == "instrument" and len(facts) > 1 and rng.random() < 0.4:
        return sound.heard_instruments(facts, rng=rng)
    if manner == "terse":
        return sound.listing(facts, rng=rng)
    text = " and ".join(f.say("clause", manner=manner, rng=rng).removeprefix("and ") for f in facts[:2])
    if rng.random() < 0.25:
        more = [f for f in sound.choose(turn.labels, 2, rng) if f.kind not in (kind, *(f.kind for f in facts))]
        text += "".join(", and " + f.say("clause", manner=manner, rng=rng).removeprefix("and ") for f in more[:1])
    return text


def _describe(turn: Turn) -> str:
    """A description stands alone: no manner opens it, no aside goes with it."""
    brief, rng = turn.brief, turn.rng
    text = rng.choice(book("requests")["silent"]["nosound"])
    if turn.labels:
        text = questions.description(turn.labels, brief.asks[0] if brief.asks else "sentence", manner=brief.manner, rng=rng)
    return assemble([("description", text)], role=brief.role, manner="terse", rng=rng)


def _ask(turn: Turn) -> None:
    if turn.brief.asks and "item_attribute_answer" not in turn.brief.intents:
        turn.add("detail_attribute_request", {"q": _questions(turn, "question_assistant", turn.brief.asks)})
    else:
        turn.add("detail_bare")


SYSTEM: dict[str, Callable[[Turn], None]] = {
    "sympathetic_response": _sympathise,
    "parroting_response": _parrot,
    "item_attribute_answer": _answer,
    "passive_recommend": _passive,
    "active_recommend": _active,
    "detail_attribute_request": _ask,
    "feedback_request": lambda turn: turn.add("feedback_request"),
    "others": lambda turn: turn.add("others"),
}


def pattern_count() -> int:
    """Templates in the phrase book, each alternative of a template counted as part of it."""

    def count(node: object) -> int:
        return sum(map(count, node.values())) if isinstance(node, dict) else len(node)

    return sum(count(book(name)) for name in ("phrases", "sound", "requests", "asides", "questions", "happenings"))


__all__ = ["SYSTEM_INTENTS", "USER_INTENTS", "pattern_count", "random_brief", "random_name_like_file", "say"]
