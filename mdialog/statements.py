"""Statements: a claim in neutral words, for people who judge it and for a listener that got it wrong; what its words mean."""

from dataclasses import replace

from mdialog import claims, happenings, vocab
from mdialog.claims import Claim
from mdialog.dialogue import Claim as Record


def statement(claim: Claim | Record) -> str:
    """A claim in neutral words: "There are no drums.", "It is faster than the clip before."."""
    if claim.clip == "both" and not claim.comparison:
        said = statement(_of_this(claim))
        return f"Of both clips: {said[0].lower()}{said[1:]}"
    if claim.comparison:
        return _compared(claim)
    if claim.kind in _OF_EVENTS:
        return _of_events(claim)
    kind = "bpm" if claim.kind == "tempo" and claim.value.isdigit() else claim.kind
    said = _SAID.get((kind, claim.value)) or _SAID.get(kind) or ("The {kind} is {value}.", "The {kind} is not {value}.")
    plural = claim.value.endswith("s") and claim.value not in ("bass", "brass")
    article = "" if plural or claim.value == "brass" else "an " if claim.value[:1] in "aeiou" else "a "
    return said[not claim.present].format(
        kind=claim.kind, value=claim.value, one=article + claim.value, are="are" if plural else "is"
    )


_SAID = {  # where it holds, and where it does not
    "bpm": ("The tempo is {value} beats a minute.", "The tempo is not {value} beats a minute."),
    "key": ("It is in {value}.", "It is not in {value}."),
    "mode": ("It is in a {value} key.", "It is not in a {value} key."),
    "metre": ("It is in {value} time.", "It is not in {value} time."),
    "instrument": ("There {are} {one}.", "There {are} no {value}."),
    "lead": ("The main melody is played by {one}.", "The main melody is not played by {one}."),
    "loudness": ("It is {value}.", "It is not {value}."),
    "setting": ("It was played to an audience.", "It was not played to an audience."),
    "brightness": ("It sounds {value}.", "It does not sound {value}."),
    "density": ("It sounds {value}.", "It does not sound {value}."),
    ("vocal", "choir"): ("A choir sings.", "No choir sings."),
    ("vocal", "voice"): ("There is a voice.", "There is no voice."),
    ("vocal", "instrumental"): ("It is instrumental: nobody sings.", "It is not instrumental: somebody sings."),
    ("course", "rising"): ("It builds up over the clip.", "It does not build up over the clip."),
    ("course", "falling"): ("It winds down over the clip.", "It does not wind down over the clip."),
    ("course", "level"): ("Its energy stays level over the clip.", "Its energy does not stay level over the clip."),
}
_OF_EVENTS = {  # {one}, {two}: sounds; {n}: how long or how often
    "event": ("There is this sound: {one}.", "There is no such sound: {one}."),
    "onset": ("The {one} comes in after {n}.", "The {one} does not come in after {n}."),
    "duration": ("The {one} lasts {n}.", "The {one} does not last {n}."),
    "times": ("The {one} comes in {n} times.", "The {one} does not come in {n} times."),
    "order": ("The {one} begins before the {two}.", "The {one} does not begin before the {two}."),
    "together": ("The {one} and the {two} sound together.", "The {one} and the {two} never sound together."),
}
_DEGREES = {  # of the pole of each scale: more, less, same
    "tempo": ("faster", "slower", "as fast"),
    "energy": ("more energetic", "less energetic", "as energetic"),
    "loudness": ("louder", "quieter", "as loud"),
    "brightness": ("brighter", "darker", "as bright"),
    "density": ("denser", "sparser", "as dense"),
    "opening": ("louder at its beginning", "quieter at its beginning", "as loud at its beginning"),
}


def _of_this(claim: Claim | Record) -> Claim | Record:
    return replace(claim, clip="this") if isinstance(claim, Claim) else claim.model_copy(update={"clip": "this"})


def _of_events(claim: Claim | Record) -> str:
    one, *others = happenings.sounds_of(claim)
    n = claim.value.rpartition(" ")[2]
    n = {"all": "the whole clip", "2+": "2 or more"}.get(n, f"about {n} s" if claim.kind != "times" else n)
    return _OF_EVENTS[claim.kind][not claim.present].format(one=one, two=others[0] if others else "", n=n)


def _compared(claim: Claim | Record) -> str:
    degree = ("more", "less", "same").index(claim.comparison)
    than = "as" if claim.comparison == "same" else "than"
    if claim.kind in ("instrument", "lead", "vocal"):
        amount = ("more", "less", "as much")[degree]
        return f"It {'has' if claim.present else 'does not have'} {amount} of the {claim.value} {than} the clip before."
    if claim.value.isdigit():
        by = f"{claim.value} beats a minute {_DEGREES['tempo'][degree]}"
        return f"It is {'' if claim.present else 'not '}{by} than the clip before."
    general = (f"more {claim.value}", f"less {claim.value}", f"as {claim.value}")
    words = _DEGREES[claim.kind] if claims.POLES.get(claim.kind, "loud") == claim.value else general
    return f"It is {'' if claim.present else 'not '}{words[degree]} {than} the clip before."


_MEANT = {
    "energy": "How much force there is in it: low, medium or high.",
    "brightness": "Bright: much treble. Dark: little.",
    "density": "Dense: many notes or instruments at once. Sparse: few.",
}


def meant(claim: Claim) -> str:
    """What the checker takes the words to mean, for kinds on which people differ."""
    if claim.kind == "tempo" and claim.value.isdigit():
        return f"Give or take {claims.TEMPO_TOLERANCE:.0%}."
    known = claim.kind in vocab.load() and claim.value in vocab.load()[claim.kind]
    if not known or claim.comparison:
        return _MEANT.get(claim.kind, "")
    value = vocab.load()[claim.kind][claim.value]
    if claim.kind == "tempo":
        low, high = (int(x) if 0 < x < 1000 else None for x in (value.low, value.high))
        bounds = f"{low} to {high}" if low and high else f"Over {low}" if low else f"Under {high}"
        return f"{bounds} beats a minute."
    if claim.kind == "metre" or claim.kind == "key" and "#" in claim.value:
        return f"That is {value.words[1]}."
    return _MEANT.get(claim.kind, "")
