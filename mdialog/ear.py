"""The ear: what a listener says of a clip when it is asked, read as a verdict on what was asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from mdialog import brief as briefs
from mdialog import claims, vocab
from mdialog.attributes import Attribute
from mdialog.brief import Brief, Name
from mdialog.claims import Claim
from mdialog.listener.base import Sampling
from mdialog.plan import Clip
from mdialog.referee import answered

# The likeliest answer, whoever asks: the same question about the same clip is asked once.
SAMPLING = Sampling(temperature=0, max_new_tokens=48)
# Kinds of which one value is heard: "what tempo is it?". Of the others a track may have several: "is there a flute?".
OPENLY = ("tempo", "key", "mode", "metre", "energy", "vocal", "genre")


@dataclass(frozen=True)
class Heard:
    """Answers about one clip: what was asked, to what was claimed."""

    clip: Clip
    found: Mapping[str, tuple[Claim, ...]]

    def verdict(self, attribute: Attribute) -> bool | None:
        """Whether the clip satisfies an attribute; None where it was not asked about, or the answer leaves it open."""
        return verdict(attribute, self.found.get(ask_about(attribute), ())) if can_tell(attribute) else None


def can_tell(attribute: Attribute) -> bool:
    """Whether an attribute is something that can be heard; what it likens to is not."""
    return attribute.polarity != "like" and attribute.kind in vocab.load() and vocab.load()[attribute.kind].audible


def ask_about(attribute: Attribute) -> str:
    """What to ask, so that the answer tells whether an attribute is there: ``tempo``, ``instrument:flute``."""
    return attribute.kind if attribute.kind in OPENLY else f"{attribute.kind}:{attribute.value}"


def question(clip: Clip, name: Name, ask: str) -> Brief:
    """The brief of an answer about a clip; it holds nothing of any talk."""
    return Brief("assistant", ("item_attribute_answer",), asks=(ask,), about=name, clips=(clip,))


def read(answer: str, brief: Brief) -> tuple[Claim, ...]:
    """What an answer claims, in words or by yes and no."""
    found = claims.find(answer, names=[part for name in briefs.names(brief) for part in (name.title, name.artist)])
    return (*found, *answered(answer, brief, found))


def verdict(attribute: Attribute, found: Sequence[Claim]) -> bool | None:
    """Whether a clip satisfies an attribute, by what was claimed of it; None where that leaves it open.

    Parameters
    ----------
    attribute : Attribute
        One that the ear :func:`can_tell`.
    found : sequence of Claim
        Of the answer to :func:`ask_about` it.
    """
    own = [claim for claim in map(_plain, found) if claim.kind == attribute.kind and not claim.comparison]
    said = {claim.present for claim in own if claim.value == attribute.value}
    if not said and attribute.kind in OPENLY:
        said = {False for claim in own if claim.present and _excludes(claim, attribute)}
    if len(said) != 1:
        return None
    return said.pop() == (attribute.polarity == "want")


def heard_instead(attribute: Attribute, found: Sequence[Claim]) -> list[Attribute]:
    """Other values of an attribute's kind that the answer names as there."""
    names = vocab.load()[attribute.kind].names
    own = [claim for claim in map(_plain, found) if claim.kind == attribute.kind and claim.present and not claim.comparison]
    return [Attribute(claim.kind, claim.value) for claim in own if claim.value != attribute.value and claim.value in names]


def _plain(claim: Claim) -> Claim:
    """A claim in the words of attributes: who leads is there; a number of beats is a word of tempo; a key has its mode."""
    if claim.kind == "lead" and claim.present:
        return replace(claim, kind="instrument")
    if claim.kind == "tempo" and claim.value.isdigit():
        return replace(claim, value=vocab.load()["tempo"].word_for(float(claim.value)))
    return claim


def _excludes(claim: Claim, attribute: Attribute) -> bool:
    """Whether one value of a kind rules out another: a voice may be a choir's."""
    return claim.value != "voice" or attribute.value == "instrumental"
