"""Random but plausible briefs to teach the bundled listener with."""

import random
from collections.abc import Callable, Sequence

from mdialog import personas, vocab
from mdialog.attributes import Attribute
from mdialog.brief import MANNERS, TEMPLATES, TRAITS, Brief, Name
from mdialog.plan import Clip
from mdialog.synth.grammar import book
from mdialog.synth.labels import ClipLabels
from mdialog.synth.questions import LENGTHS, draw_ask

BEYOND_KINDS = 0.5  # share of questions that ask more than "what"
AGREES = 0.3  # share of audible wishes that are true of the clip, so that the sound cannot be read off the brief

# Intent sets by how often they are drawn: people's own, with the rare intents boosted. (needs a clip, weight)
USER_SETS = {
    "add_filter+greeting+initial_query": (False, 6), "add_filter+initial_query": (False, 6), "greeting": (False, 2),
    "greeting+initial_query": (False, 2), "initial_query": (False, 1), "add_filter": (False, 16), "others": (False, 3),
    "accept_response": (True, 8), "accept_response+add_filter": (True, 14), "accept_response+continue": (True, 4),
    "reject_response": (True, 5), "add_filter+reject_response": (True, 5), "reject_response+remove_filter": (True, 3),
    "remove_filter": (False, 3), "add_filter+remove_filter": (False, 4), "continue": (True, 5),
    "add_filter+continue": (False, 2), "item_attribute_question": (True, 6),
    "accept_response+reject_response": (True, 2), "accept_response+item_attribute_question": (True, 3),
    "accept_response+others": (True, 3),
    "accept_response+add_filter+remove_filter": (True, 2), "add_filter+item_attribute_question": (False, 1),
    "add_filter+reject_response+remove_filter": (True, 2), "accept_response+add_filter+reject_response": (True, 1),
    "accept_response+add_filter+reject_response+remove_filter": (True, 1),
}  # fmt: skip
SYSTEM_SETS = {
    "passive_recommend": (True, 9), "passive_recommend+sympathetic_response": (True, 12),
    "parroting_response+passive_recommend": (True, 10), "feedback_request+passive_recommend": (True, 7),
    "feedback_request+passive_recommend+sympathetic_response": (True, 5),
    "detail_attribute_request+passive_recommend+sympathetic_response": (True, 4),
    "detail_attribute_request+passive_recommend": (True, 3), "active_recommend": (True, 6),
    "active_recommend+sympathetic_response": (True, 5), "active_recommend+passive_recommend": (True, 3),
    "parroting_response+passive_recommend+sympathetic_response": (True, 4),
    "active_recommend+parroting_response": (True, 2), "item_attribute_answer": (True, 20),
    "item_attribute_answer+sympathetic_response": (True, 3), "feedback_request+item_attribute_answer": (True, 2),
    "item_attribute_answer+passive_recommend": (True, 2), "detail_attribute_request": (False, 4),
    "detail_attribute_request+sympathetic_response": (False, 6), "sympathetic_response": (False, 3),
    "detail_attribute_request+parroting_response": (False, 3), "parroting_response": (False, 2),
    "parroting_response+sympathetic_response": (False, 2), "feedback_request": (False, 2), "others": (False, 3),
    "others+sympathetic_response": (False, 2),
    "detail_attribute_request+parroting_response+passive_recommend": (True, 1.5),
    "detail_attribute_request+parroting_response+passive_recommend+sympathetic_response": (True, 1.5),
    "feedback_request+parroting_response+passive_recommend": (True, 1),
    "feedback_request+parroting_response+passive_recommend+sympathetic_response": (True, 1),
    "active_recommend+feedback_request": (True, 1), "active_recommend+detail_attribute_request": (True, 0.7),
    "active_recommend+feedback_request+sympathetic_response": (True, 0.7),
    "active_recommend+detail_attribute_request+sympathetic_response": (True, 0.7),
    "active_recommend+passive_recommend+sympathetic_response": (True, 1),
    "active_recommend+parroting_response+passive_recommend": (True, 1),
    "active_recommend+parroting_response+passive_recommend+sympathetic_response": (True, 1),
    "others+passive_recommend": (True, 0.7), "description": (True, 8),
}  # fmt: skip

# How often each kind is asked for: people's habits, with the audible kinds asked for more.
KINDS = {
    "artist": 10, "genre": 8, "theme": 6, "mood": 6, "year": 4, "tempo": 6, "instrument": 6, "vocal": 4, "energy": 4,
    "mode": 2, "key": 1.5, "metre": 1, "culture": 2, "popularity": 2, "user": 1, "track": 1.5, "album": 0.7,
}  # fmt: skip
HEARD_KINDS = ("tempo", "instrument", "vocal", "mood", "energy", "mode", "key", "metre", "genre")
SEVERAL = ("instrument", "mood", "theme", "artist")  # kinds of which more than one may be wished for
USERS = ("my mum", "my flatmates", "a toddler", "the whole family", "my grandfather", "my team", "two old friends")

_ONSETS = ("", "b", "br", "c", "ch", "d", "dr", "f", "g", "gr", "h", "j", "k", "kl", "l", "m", "n", "ñ", "p", "qu", "r",
           "s", "sh", "st", "str", "t", "th", "tr", "v", "w", "x", "y", "z", "zh")  # fmt: skip
_VOWELS = ("a", "a", "e", "e", "i", "i", "o", "o", "u", "y", "ai", "ea", "ie", "ou", "á", "é", "ö", "ø", "ü", "ã")
_CODAS = ("", "", "", "", "l", "m", "n", "nd", "ng", "r", "rk", "s", "ss", "st", "t", "x", "ck", "ß", "dd", "ll",
          "rt", "th", "v", "z")
_PLAIN = tuple(tuple(x for x in part if x.isascii()) for part in (_ONSETS, _VOWELS, _CODAS))


def _syllables(rng: random.Random, most: int = 3) -> str:
    """An invented word of one to `most` syllables, two in three of them of plain letters."""
    parts = (_PLAIN, _PLAIN, (_ONSETS, _VOWELS, _CODAS))[rng.randrange(3)]
    return "".join(rng.choice(part) for _ in range(rng.randint(1, most)) for part in parts)


def _handle(rng: random.Random) -> str:
    """A name as people sign with on the net: ``jobromedia``, ``TheSeventhEmerald``, ``M374LX``."""
    one, two = _syllables(rng, 2), _syllables(rng)
    words = [w for text in rng.choices(book("copying")["words"], k=2) for w in text.split()]
    code = "".join(rng.choice("ABCDEFGHJKLMNPRSTVWXYZ0123456789") for _ in range(rng.randint(3, 7)))
    joined = "".join(w[:1].upper() + w[1:] for w in words)
    shapes = (
        one + two, one + two, joined, joined.lower(), f"The{joined}", code, f"{one}{rng.randint(1, 999)}",
        f"{one.title()}{two[:1].upper()}",
    )  # fmt: skip
    return rng.choice(shapes)


def random_name_like_file(rng: random.Random) -> str:
    """A title as badly tagged files have them: ``four_beers_polka``, ``Track 07``, ``03-qx_final (2)``."""
    one, two, n = _syllables(rng), _syllables(rng), rng.randint(1, 99)
    words = [w.lower() for w in rng.choices(book("copying")["words"], k=rng.randint(2, 4))]
    shapes = (
        f"Track {n:02d}", f"{one}_{two}_{rng.choice(('polka', 'mix', 'v2', 'final', 'demo'))}", f"{n:02d}-{one}",
        f"{one}{n}", f"{n:02d} {one.title()} {two}", f"audio_{rng.randint(1000, 99999)}", f"{one}-{two}",
        f"REC{n:04d}", f"{one.upper()} ({n})", f"{one}.{two}", f"untitled {n}", f"{one} op. {n} no. {1 + n % 7}",
        "_".join(words), "-".join(words), f"{n:02d}_{'_'.join(words)}",
    )  # fmt: skip
    return rng.choice(shapes)


def _vocabulary_title(rng: random.Random) -> str:
    """A title full of words about sound, none of which need be true of it: ``Slow Trumpet Waltz in D minor``."""
    v = vocab.load()
    words = [rng.choice(rng.choice(v[k].values).words) for k in rng.sample(("tempo", "mood", "instrument", "genre"), 2)]
    tail = f" in {rng.choice(v['key'].names)}" if rng.random() < 0.3 else ""
    return " ".join(words).title().replace("'S", "'s") + tail


def random_text(rng: random.Random) -> str:
    """Any text a name may be: words of many languages, syllables, digits, a letter, a file's name."""
    words = book("copying")["words"]
    x = rng.random()
    if x < 0.4:
        start = rng.choice(("", "", "", "", "The ", "Los ", "In the ", "My "))
        return start + " ".join(rng.sample(words, rng.randint(1, 4)))
    if x < 0.6:
        return " ".join(_syllables(rng, 4).capitalize() for _ in range(rng.randint(1, 3)))
    if x < 0.68:
        person = f"{_syllables(rng, 3).capitalize()} {_syllables(rng, 3).capitalize()}"
        return rng.choice((f"{person} ({_handle(rng)})", f"{rng.choice(words)} ({_handle(rng)})", _handle(rng),
                           rng.choice(words).lower(), rng.choice(words).lower()))  # fmt: skip
    if x < 0.74:
        return _vocabulary_title(rng)
    if x < 0.88:
        word = _syllables(rng)
        shapes = (
            rng.choice("ABCDEGKMQRXZ"), str(rng.randint(2, 2099)), f"{rng.choice(words)} {rng.randint(1, 12)}",
            f"e{word.capitalize()}", f"{word}?", f"{word.upper()}!", f"{rng.choice(words)} & {word.title()}",
            f"{rng.choice(words)} ({rng.choice(words)})", f"{rng.choice(words)}, {rng.choice(words)}",
            f"{word.capitalize()}'s {rng.choice(words)}", word, f"DJ {word.upper()}",
            f"{word[:1].upper()}. {rng.choice(words)}", f"{word.title()} {_syllables(rng).title()} ({_syllables(rng)})",
            f"{word.capitalize()}{word} {rng.choice(words)}", f"{rng.choice(words)} ({word.upper()}{rng.randint(1, 99)})",
        )  # fmt: skip
        return rng.choice(shapes)
    return random_name_like_file(rng)


def random_name(rng: random.Random) -> Name:
    """A title and an artist: any text at all."""
    return Name(title=random_text(rng), artist=random_text(rng))


def random_value(kind: str, rng: random.Random, *, labels: ClipLabels | None, names: Callable) -> str:
    """A value of `kind`: drawn at random, or (for `AGREES` of the audible ones) true of the clip."""
    if labels is not None and kind in HEARD_KINDS and rng.random() < AGREES:
        many = {"instrument": labels.instruments, "mood": labels.moods}
        return rng.choice(many[kind]) if many.get(kind) else getattr(labels, kind, None) or random_value(
            kind, rng, labels=None, names=names)  # fmt: skip
    if kind == "artist":
        return names(rng).artist
    if kind in ("track", "album"):
        return names(rng).title
    if kind == "year":
        return rng.choice(
            (f"{rng.randrange(1920, 2030, 10)}s", f"{rng.randrange(1950, 2030, 10)}s", str(rng.randint(1925, 2025)))
        )
    if kind == "user":
        return rng.choice(USERS)
    return rng.choice(vocab.load()[kind].names)


def random_attributes(
    n: int,
    rng: random.Random,
    *,
    labels: ClipLabels | None = None,
    names: Callable = random_name,
    taken: Sequence[str] = (),
) -> tuple[Attribute, ...]:
    """`n` attributes, mostly of different kinds and wanted, some to avoid, some likened to a name."""
    found: dict[tuple[str, str], Attribute] = {}
    kinds = {k: w for k, w in KINDS.items() if k not in taken}
    while len(found) < min(n, len(kinds)):
        kind = rng.choices(list(kinds), weights=list(kinds.values()))[0]
        there = {k for k, _ in found}
        if kind in there and (kind not in SEVERAL or rng.random() < 0.5) or {kind, *there} >= {"key", "mode"}:
            continue  # a key has its mode
        value, x = random_value(kind, rng, labels=labels, names=names), rng.random()
        polarity = "avoid" if x < 0.15 and kind not in ("user", "theme", "track") else "want"
        if kind in ("track", "artist") and rng.random() < (0.8 if kind == "track" else 0.4):
            polarity = "like"
            if kind == "track" and rng.random() < 0.5:
                value = str(names(rng))
        found[kind, value] = Attribute(kind=kind, value=value, polarity=polarity)
    return tuple(found.values())


def random_intents(role: str, rng: random.Random, *, heard: bool) -> tuple[str, ...]:
    """A set of intents as people's turns carry them; those that need a clip only where one is heard."""
    sets = USER_SETS if role == "user" else SYSTEM_SETS
    # With a clip, what speaks of it comes first; without one, it comes seldom (a track may have no audio).
    weights = {k: w if needs == heard else w * 0.15 for k, (needs, w) in sets.items()}
    return tuple(rng.choices(list(weights), weights=list(weights.values()))[0].split("+"))


def random_speaker(role: str, rng: random.Random) -> tuple[tuple[str, str], ...]:
    """Traits as personas have them; seldom none, as a plan of another's making may."""
    if rng.random() < 0.1:
        return ()
    own = {field.removeprefix(f"{role}_"): values for field, values in personas.FIELDS.items() if field.startswith(f"{role}_")}
    return tuple((field, rng.choice(values)) for field, values in own.items() if field in TRAITS)


def random_brief(
    rng: random.Random,
    n_clips: int,
    *,
    labels: Sequence[ClipLabels] = (),
    names: Callable[[random.Random], Name] = random_name,
    role: str | None = None,
    intents: tuple[str, ...] | None = None,
    manner: str | None = None,
    clips: Sequence[Clip] = (),
) -> Brief:
    """A random but plausible brief.

    Parameters
    ----------
    rng : random.Random
    n_clips : {0, 1, 2}
    labels : sequence of ClipLabels
        Of the clips; `AGREES` of the audible wishes are then drawn from the last one, all others blindly.
    names : callable
        Draws a Name.
    role, intents, manner : optional
        Drawn where not given.
    clips : sequence of Clip
        Put into the brief; dummies where not given.

    Returns
    -------
    Brief
    """
    role = role or rng.choices(("user", "assistant"), weights=(45, 55))[0]
    intents = tuple(sorted(intents or random_intents(role, rng, heard=n_clips > 0)))
    truth = labels[-1] if labels else None
    about, before = (names(rng) if n_clips else None), (names(rng) if n_clips > 1 else None)
    first = "initial_query" in intents or "greeting" in intents
    wanted = () if first else random_attributes(rng.choice((0, 1, 1, 2, 2, 2, 3, 3, 4, 5)), rng, labels=truth, names=names)
    fields = (_user_fields if role == "user" else _assistant_fields)(intents, rng, about, before, wanted, truth, names)
    return Brief(
        role=role, intents=intents, manner=manner or rng.choice(MANNERS), speaker=random_speaker(role, rng),
        template=rng.randrange(TEMPLATES), wanted=wanted, about=about, before=before,
        clips=tuple(clips) or tuple(Clip(f"clip-{i}", 0.0, 10.0) for i in range(n_clips)), **fields,
    )  # fmt: skip


def _user_fields(intents, rng, about, before, wanted, truth, names) -> dict:
    fields: dict = {}
    taken = [a.kind for a in wanted]
    if "add_filter" in intents:
        n = rng.choice((1, 1, 1, 2, 2, 3))
        fields["new"] = random_attributes(n, rng, labels=truth, names=names, taken=taken)
    if "remove_filter" in intents:
        fields["dropped"] = tuple(wanted[: rng.choice((1, 1, 2))]) or random_attributes(1, rng, names=names)
    here = about or names(rng)
    if "accept_response" in intents:
        fields["liked"] = (here, names(rng)) if rng.random() < 0.2 else (here,)
    if "reject_response" in intents:
        refused = before or names(rng) if "liked" in fields else here
        fields["refused"] = (refused, names(rng)) if rng.random() < 0.1 else (refused,)
    if "item_attribute_question" in intents:
        fields["asks"] = _asked((*HEARD_KINDS, "artist", "year"), rng, truth, compares=before is not None)
    return fields


def _assistant_fields(intents, rng, about, before, wanted, truth, names) -> dict:
    fields: dict = {}
    taken = [a.kind for a in wanted]
    recommends = {"passive_recommend", "active_recommend"} & set(intents)
    if "parroting_response" in intents or rng.random() < 0.4:
        fields["new"] = random_attributes(rng.choice((1, 1, 2, 3)), rng, labels=truth, names=names, taken=taken)
    if recommends:
        first = about or names(rng)
        more = rng.choice((1, 2)) if len(recommends) == 2 and rng.random() < 0.9 else rng.choice((0, 0, 0, 0, 1, 1, 2))
        fields["offered"] = (first, *(names(rng) for _ in range(more)))
    if "active_recommend" in intents or (before and rng.random() < 0.6) or rng.random() < 0.15:
        fields["liked"] = (before or names(rng),)
    elif rng.random() < 0.15:
        fields["refused"] = (before or names(rng),)
    if {"item_attribute_answer", "detail_attribute_request"} & set(intents):
        answers = "item_attribute_answer" in intents
        if answers:
            fields["asks"] = _asked((*HEARD_KINDS, "artist"), rng, truth, compares=before is not None)
        else:
            fields["asks"] = tuple(rng.sample(tuple(KINDS), rng.choice((1, 1, 1, 2))))
    if "description" in intents:
        fields["asks"] = (rng.choice(LENGTHS),)
    return fields


def _asked(kinds: Sequence[str], rng: random.Random, truth: ClipLabels | None, *, compares: bool) -> tuple[str, ...]:
    """One or two kinds; as often something more particular about the clip, or about both."""
    if rng.random() < BEYOND_KINDS:
        return (draw_ask(rng, truth, compares=compares),)
    return tuple(rng.sample(kinds, rng.choice((1, 1, 1, 2))))
