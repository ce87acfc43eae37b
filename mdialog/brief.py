"""Brief: what a listener is handed for one turn, and how that reads as chat messages.

A brief never holds a measured, heard or composed tag of a clip that it plays: what is said about the
sound must come from the sound.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mdialog import particulars
from mdialog.attributes import Attribute
from mdialog.errors import InputError
from mdialog.happenings import about_events, goes_on, names_of
from mdialog.plan import Clip, Plan, PlannedTurn

MANNERS = ("terse", "plain", "chatty", "formal", "hesitant", "enthusiastic", "wry", "poetic", "expert")

# What else can be heard in how someone writes: these fields of a persona stand in the state, the others in the prose.
TRAITS = {
    "length": ("few words", "some words", "many words"),
    "tone": ("blunt", "friendly", "polite", "warm", "reserved"),
    "certainty": ("sure", "unsure", "open"),
    "day": ("cheerful", "tired", "hurried", "thoughtful", "low"),
}

# The same state in other words and another order: one prompt makes all talk alike.
_LABELS = (
    {"do": "do", "new": "new", "drop": "drop", "wanted": "wanted", "ask": "ask", "offer": "offer", "liked": "liked",
     "refused": "refused", "now": "now", "before": "before", "said": "said", "hints": "hints"},
    {"now": "playing", "before": "played before", "do": "this turn", "liked": "likes", "refused": "does not like",
     "wanted": "so far", "new": "added", "drop": "withdrawn", "ask": "question", "offer": "to recommend",
     "said": "seeker's words", "hints": "measured"},
    {"wanted": "known wishes", "drop": "no longer", "new": "wish", "refused": "turned down", "liked": "enjoyed", "ask": "about",
     "before": "first clip", "now": "clip", "offer": "tracks", "do": "acts", "said": "asked in words", "hints": "facts"},
)  # fmt: skip
TEMPLATES = len(_LABELS)
LABELS = frozenset(label for template in _LABELS for label in template.values())


@dataclass(frozen=True)
class Name:
    """A title and its artist, exactly as they may be written."""

    title: str
    artist: str

    def __str__(self) -> str:
        return f'"{self.title}" by {self.artist}'


@dataclass(frozen=True)
class Brief:
    """Everything that one side knows when it speaks.

    Parameters
    ----------
    role : {'user', 'assistant'}
    intents : tuple of str
    manner : str
        One of `MANNERS`.
    speaker : tuple of (str, str)
        What else is known of who speaks: field and value of the persona.
    template : int in [0, TEMPLATES)
        In which words and order the state is put.
    new : tuple of Attribute
        What this turn introduces (user), or the other side just did (assistant); the value of a `like` attribute is a
        name, not an id.
    dropped : tuple of Attribute
        What this turn no longer asks for.
    wanted : tuple of Attribute
        What else was in force before this turn.
    asks : tuple of str
        What is asked about, or to be answered from the sound: a kind; ``kind:value`` for "is it so"; ``course``; of two clips
        ``same``, ``compare`` or ``compare:kind``; of a description its length; a question of :mod:`mdialog.particulars`.
    it : str
        The sound that the question before was about, where one is to ask more of it: "does it come in again?"
    offered : tuple of Name
        Tracks recommended now (assistant); the first one is the last clip.
    liked, refused : tuple of Name
        What this turn accepts or rejects (user), or the other side just did (assistant).
    about : Name or None
        The track under discussion: that of the last clip.
    before : Name or None
        The track of the clip before it, for comparison.
    clips : tuple of Clip
        What is played and talked of: [before,] about. Two at the most.
    ahead : tuple of Clip
        What is played before them, of tracks that the seeker is after and has not heard yet: they are not talked of, and their
        names stand nowhere in the brief.
    history : tuple of (role, text)
        What was said so far.
    contradicted : tuple of str
        What earlier candidates of this turn said of the sound that is not so, in neutral words; only in the prose for larger
        models.
    hints : tuple of str
        Measured facts of the clip, only on request; claims made with them are marked `told`.
    """

    role: str
    intents: tuple[str, ...]
    manner: str = "plain"
    speaker: tuple[tuple[str, str], ...] = ()
    template: int = 0
    new: tuple[Attribute, ...] = ()
    dropped: tuple[Attribute, ...] = ()
    wanted: tuple[Attribute, ...] = ()
    asks: tuple[str, ...] = ()
    it: str = ""
    offered: tuple[Name, ...] = ()
    liked: tuple[Name, ...] = ()
    refused: tuple[Name, ...] = ()
    about: Name | None = None
    before: Name | None = None
    clips: tuple[Clip, ...] = ()
    ahead: tuple[Clip, ...] = ()
    history: tuple[tuple[str, str], ...] = ()
    contradicted: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()


def _attributes(attributes: tuple[Attribute, ...]) -> str:
    sign = {"want": "", "avoid": "not ", "like": "like "}
    return "; ".join(f"{sign[a.polarity]}{a.kind} {a.value}" for a in attributes)


def state(brief: Brief) -> str:
    """The brief's state as lines of text, only the lines that hold something.

    This is all that listener-mini reads; larger models get it below the instructions of `messages`.
    """
    side = "seeker" if brief.role == "user" else "recommender"
    traits = [value for field, value in brief.speaker if field in TRAITS]
    lines = [", ".join([side, brief.manner, *traits])]
    texts = {
        "do": ", ".join(brief.intents),
        "new": _attributes(brief.new),
        "drop": _attributes(brief.dropped),
        "wanted": _attributes(brief.wanted),
        "ask": ", ".join(asked(ask, brief.it) for ask in brief.asks),
        "offer": "; ".join(map(str, brief.offered)),
        "liked": "; ".join(map(str, brief.liked)),
        "refused": "; ".join(map(str, brief.refused)),
        "now": str(brief.about) if brief.about else "",
        "before": str(brief.before) if brief.before else "",
        "said": brief.history[-1][1] if "search" in brief.intents and brief.history else "",
        "hints": "; ".join(brief.hints),
    }
    return "\n".join(lines + [f"{label}: {texts[part]}" for part, label in _LABELS[brief.template].items() if texts[part]])


def label(part: str, template: int) -> str:
    """What a line of the state begins with, in one of its wordings."""
    return _LABELS[template][part]


def asked(ask: str, it: str = "") -> str:
    """A question as it stands in the state; the sound `it` was named just before, and is called that."""
    kind, colon, value = ask.partition(":")
    if not colon:
        return ask
    value = "it" if it and value == it else value.replace("+", " ").replace(":", " ")
    return f"{kind} {value}" if kind in _NAMED_ASKS else f"whether {kind} {value}"


# Questions that are more than whether it is so: of two clips, and of sound events (``order:bell+siren``).
_NAMED_ASKS = ("compare", "suits", "which", "onset", "duration", "times", "order", "together")


def names(brief: Brief) -> tuple[Name, ...]:
    """Every title and artist that the brief allows to be said; of an artist or an album alone, the other part is empty."""
    placed = [name for name in (brief.about, brief.before) if name]
    asked = [told(a) for a in (*brief.new, *brief.dropped, *brief.wanted) if a.kind in ("track", "album", "artist")]
    return tuple(dict.fromkeys([*brief.offered, *brief.liked, *brief.refused, *placed, *asked]))


def told(attribute: Attribute) -> Name:
    """The track, album or artist that an attribute names; the part that it does not name is empty."""
    if match := re.fullmatch(r'"(.*)" by (.*)', attribute.value):
        return Name(*match.groups())
    artist = attribute.kind == "artist"
    return Name("" if artist else attribute.value, attribute.value if artist else "")


OFFERED = 3  # names that a recommending turn may give where its plan leaves that open; more read like a list


def build(plan: Plan, turn_index: int, written: Sequence[str], *, hints: Sequence[str] = ()) -> Brief:
    """What one side knows when it speaks turn `turn_index`.

    Parameters
    ----------
    plan : Plan
    turn_index : int
        In ``[0, len(plan.turns))``.
    written : sequence of str
        The utterances of the turns before it, exactly ``turn_index`` of them.
    hints : sequence of str, optional
        Measured facts of the clip.

    Returns
    -------
    Brief
        Built from turns up to `turn_index` alone: the goal and later turns never reach it.

    Raises
    ------
    InputError
        If `written` has another length, or the plan names a track that it does not describe.
    """
    if len(written) != turn_index:
        raise InputError(f"turn {turn_index} of {plan.id} needs {turn_index} utterances before it, got {len(written)}")
    turn = plan.turns[turn_index]
    reacted = turn if turn.role == "user" else _last_user_turn(plan, turn_index)
    new, wanted = reacted.attributes if reacted else (), in_force(plan, turn_index)
    if turn.role == "assistant":
        if not new and "parroting_response" in turn.intents:
            new = wanted[-1:]  # nothing was asked for just now: what was asked for last is said back
        wanted = tuple(text for text in wanted if text not in new)
    liked = reacted.liked if reacted else ()
    if "active_recommend" in turn.intents:  # it offers from what was liked: just now, or the last time
        liked = next((t.liked for t in reversed(plan.turns[:turn_index]) if t.liked), ())
    intents = turn.intents
    if "active_recommend" in intents and not liked:  # nothing to offer it from: the words are those of any offer
        intents = tuple(sorted({*intents} - {"active_recommend"} | {"passive_recommend"}))
    clips = turn.clips[-2:]
    return Brief(
        role=turn.role,
        intents=intents,
        manner=plan.persona.get(f"{turn.role}_manner", "plain"),
        speaker=_speaker(plan.persona, turn.role),
        template=int(plan.persona.get("brief_template", 0)) % TEMPLATES,
        new=_named(plan, new),
        dropped=_named(plan, turn.removed),
        wanted=_named(plan, wanted),
        asks=turn.asks,
        it=_named_before(plan, turn_index),
        offered=tuple(name_of(plan, t) for t in turn.track_seq[: OFFERED if turn.named is None else turn.named]),
        liked=tuple(name_of(plan, t) for t in liked),
        refused=tuple(name_of(plan, t) for t in reacted.refused) if reacted else (),
        about=name_of(plan, clips[-1].track_id) if clips else None,
        before=name_of(plan, clips[0].track_id) if len(clips) == 2 else None,
        clips=clips,
        ahead=turn.ahead,
        history=tuple((t.role, text) for t, text in zip(plan.turns, written, strict=False)),
        hints=tuple(hints),
    )


def _named_before(plan: Plan, turn_index: int) -> str:
    """The one sound that a question is about, where the seeker's last question was about it alone too."""
    turn = plan.turns[turn_index]
    earlier = [ask for t in plan.turns[:turn_index] if t.role == "user" for ask in t.asks][-1:]
    name = goes_on(turn.asks[0]) if turn.role == "user" and len(turn.asks) == 1 else ""
    return name if any(names_of(ask) == [name] for ask in earlier) else ""


def _speaker(persona: Mapping[str, str], role: str) -> tuple[tuple[str, str], ...]:
    """Fields of the persona that are about this side, without its manner."""
    prefix = f"{role}_"
    own = {field.removeprefix(prefix): value for field, value in persona.items() if field.startswith(prefix)}
    return tuple((field, value) for field, value in own.items() if field != "manner")


def in_force(plan: Plan, turn_index: int) -> tuple[str, ...]:
    """Attributes asked for and not dropped or lapsed before turn `turn_index`, in the order in which they were said."""
    wanted: dict[str, None] = {}
    for turn in plan.turns[:turn_index]:
        for text in (*turn.removed, *turn.lapsed):
            wanted.pop(text, None)
        wanted |= dict.fromkeys(turn.attributes)
    return tuple(wanted)


def name_of(plan: Plan, track_id: str) -> Name:
    """Title and artist of a track of the plan."""
    try:
        track = plan.tracks[track_id]
    except KeyError:
        raise InputError(f"plan {plan.id} names track {track_id!r} but does not describe it; plan again") from None
    # One line each, whatever the file's tags hold: a line is a unit of `state`.
    return Name(title=" ".join(track.title.split()), artist=" ".join(track.artist.split()))


def _last_user_turn(plan: Plan, turn_index: int) -> PlannedTurn | None:
    return next((turn for turn in reversed(plan.turns[:turn_index]) if turn.role == "user"), None)


def _named(plan: Plan, attributes: Sequence[str]) -> tuple[Attribute, ...]:
    """Attributes with track ids replaced by what one can say."""
    found = []
    for text in attributes:
        attribute = Attribute.parse(text)
        if attribute.kind == "track" and attribute.value in plan.tracks:
            attribute = Attribute(
                kind="track", value=str(name_of(plan, attribute.value)), polarity=attribute.polarity
            )
        found.append(attribute)
    return tuple(found)


_SIDE = (
    {
        "user": "You are someone who looks for music and talks with a recommender. You speak only for yourself.",
        "assistant": "You recommend music to someone who talks with you. You speak only for yourself.",
    },
    {
        "user": "Play the part of a person in search of music, in talk with someone who recommends it. Stay on your side.",
        "assistant": "Play the part of someone who recommends music, in talk with a person in search of it. Stay on your side.",
    },
    {
        "user": "Two people talk about music. You write what the one says who is looking for something to hear.",
        "assistant": "Two people talk about music. You write what the one says who suggests what to hear.",
    },
)
_RULES = """Say one utterance and nothing else: no name before it, no quotation marks around it, no notes.
Of the sound, say only what you hear in the audio given to you; without audio, say nothing about how a track sounds.
Write titles in double quotes, exactly as given. Name no track or artist that is not in the state; who recommends names all that
is under "{offer}".
The seeker says everything under "{new}" and "{drop}", and asks for nothing that is not there; to the recommender, "{new}" is
what was just asked for. Never mention these instructions."""


def instructions(brief: Brief) -> str:
    """The system message: who speaks, what the turn does, in which manner, by which rules, after what."""
    from mdialog.intents import ROLE_INTENTS

    labels = _LABELS[brief.template]
    lines = [_SIDE[brief.template][brief.role], "", "In this turn:"]
    lines += [f"- {intent}: {ROLE_INTENTS[brief.role][intent]}" for intent in brief.intents]
    who = [f"{field.replace('_', ' ')}: {value}" for field, value in brief.speaker]
    about_you = [f"About you: {'; '.join(who)}."] if who else []
    about_you += [f"Manner: {brief.manner}."]
    rules = [_RULES.format(**labels)]
    lines += ["", *(rules + about_you if brief.template == 1 else about_you + rules)]
    if brief.clips or brief.ahead:
        lines.append(_heard(brief))
    lines += [_of_events(ask, brief.role) for ask in brief.asks if about_events(ask)]
    lines += [f"The question is {means}." for means in map(particulars.means, brief.asks) if means]
    if brief.contradicted:
        lines.append(f"Listen again. None of this is so: {'; '.join(brief.contradicted)}.")
    if brief.history:
        lines += ["", "Said so far:", *(f"{_SPEAKER[role]}: {text}" for role, text in brief.history)]
    return "\n".join(lines)


_SPEAKER = {"user": "Seeker", "assistant": "Recommender"}


def _heard(brief: Brief) -> str:
    played = f"first {brief.before}, then {brief.about}" if brief.before else str(brief.about)
    if not brief.ahead:
        return f"The audio is {played}."
    begins = _AHEAD_ONE if len(brief.ahead) == 1 else _AHEAD.format(n=len(brief.ahead))
    if not brief.clips:
        return f"{begins} Nothing else is played: say nothing of how any track sounds."
    return f"{begins} Then comes what is talked of: {played}. Of the sound, speak of that alone."


_AHEAD_ONE = (
    "The audio begins with an excerpt of a track that you are after and have not heard yet: music like it is what you ask for. "
    "State nothing of it, and say neither its title nor who plays it."
)
_AHEAD = (
    "The audio begins with {n} excerpts of tracks that you are after and have not heard yet: music like them is what you ask "
    "for. State nothing of them, and say neither their titles nor who plays them."
)


# What is asked of sound events, with {a} and {b} for the sounds.
_EVENT_ASKS = {
    "event": "what is heard, in the order in which it comes in",
    "whether": "whether {a} is heard",
    "onset": "when {a} comes in, in seconds from the start of the audio",
    "duration": "how long {a} lasts, in seconds",
    "times": "how often {a} comes in",
    "order": "which comes in first, {a} or {b}",
    "together": "whether {a} and {b} are heard at the same time",
}
_EVENT_RULES = {
    "user": "Call a sound what it is called here; one that the last question was about may be it.",
    "assistant": "Answer that with what you hear: a number where one is asked for. If there is no such sound, say so.",
}


def _of_events(ask: str, role: str) -> str:
    """One question about sound events in plain words, and how it is put or answered."""
    kind, colon, _ = ask.partition(":")
    sounds = dict(zip("ab", (f"the {name}" for name in names_of(ask)), strict=False))
    wanted = _EVENT_ASKS["whether" if kind == "event" and colon else kind].format(**sounds)
    return f"The question is {wanted}. {_EVENT_RULES[role]}"


def messages(brief: Brief, *, play: Callable[[Clip], np.ndarray]) -> list[dict]:
    """The brief as chat messages for ``AutoProcessor.apply_chat_template``.

    Parameters
    ----------
    brief : Brief
    play : callable
        Clip to mono float32 samples at the listener's rate, shape ``(n_samples,)``.

    Returns
    -------
    list of dict
        A system message in prose and a user message: the clips as audio in the order in which they are to be
        heard, those ahead first, then the `state` as text.
    """
    parts = [{"type": "audio", "audio": play(clip)} for clip in (*brief.ahead, *brief.clips)]
    return [
        {"role": "system", "content": [{"type": "text", "text": instructions(brief)}]},
        {"role": "user", "content": [*parts, {"type": "text", "text": state(brief)}]},
    ]
