"""The referee of a run: the claims of each utterance, each with its verdict and on what it rests."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from mdialog import claims, dialogue, happenings, subjects, vocab
from mdialog.attributes import Attribute
from mdialog.brief import Brief, names
from mdialog.evidence import Evidence, Witness
from mdialog.plan import Plan, about_and_before
from mdialog.utterance import given_names
from mdialog.verdicts import Verifier
from mdialog.wording import find


@dataclass(frozen=True)
class Referee:
    """Finds the claims of an utterance and judges them by what was played.

    Parameters
    ----------
    witness : Witness
        Of all tracks that are heard.
    verifier : Verifier
    """

    witness: Witness
    verifier: Verifier

    def claims(self, text: str, brief: Brief, *, plan: Plan, turn_index: int) -> tuple[dialogue.Claim, ...]:
        """Claims of a turn's utterance, for the record.

        Parameters
        ----------
        text : str
        brief : Brief
            With which it was written.
        plan : Plan
        turn_index : int
        """
        heard = [turn.clips for turn in plan.turns[: turn_index + 1]]
        spoken, beside = subjects.spoken_of(text, brief, plan, turn_index)
        given, found = given_names(brief), subjects.find(text, spoken)
        found += answered(text, brief, found)
        of_events = any(map(happenings.about_events, brief.asks))
        if not found and not of_events:
            return ()
        about, before = (self.witness.of(clip) if clip else None for clip in about_and_before(heard, beside=beside))
        found = _of_events(text, brief, found, about, given) if of_events else found
        told = _stated(brief.hints) | _named(brief.hints) | _happened((hint, brief.asks) for hint in brief.hints)
        echoed = _known(brief, plan, turn_index)
        judged = []
        for claim in found:
            said = (claim.kind, claim.value)
            basis = "told" if said in told and claim.clip == "this" else "echoed" if said in echoed else "heard"
            verdict = self.verifier.verdict(claim, about, before)
            judged.append(dialogue.Claim(
                text=claim.text, kind=claim.kind, value=claim.value, present=claim.present, comparison=claim.comparison,
                clip=claim.clip, beside=beside, verdict=verdict.verdict, basis=basis, evidence=verdict.evidence,
            ))  # fmt: skip
        return tuple(judged)


def answered(text: str, brief: Brief, found: Sequence[claims.Claim]) -> list[claims.Claim]:
    """What "yes" and "no" claim, in answer to a question after one value, where the answer does not say it in words.

    Parameters
    ----------
    text : str
    brief : Brief
    found : sequence of Claim
        What the text claims in words.

    Returns
    -------
    list of Claim
        One or none.
    """
    asked = [ask.split(":", 1) for ask in brief.asks if ":" in ask]
    asked = [(kind, value) for kind, value in asked if kind == "lead" or kind in vocab.load()]
    if "item_attribute_answer" not in brief.intents or len(asked) != 1 or not (answer := claims.yes_or_no(text)):
        return []
    kind, value = asked[0]
    if any((claim.kind, claim.value) == (kind, value) and claim.clip != "before" for claim in found):
        return []
    return [claims.Claim(answer[0], kind, value, not claims.is_no(answer), *answer.span())]


# What may be said of one sound as well as of the whole: "the siren fades", "a slow ticking".
_OF_ONE_SOUND = ("course", "energy", "loudness", "brightness", "density", "tempo", "mood")


def _of_events(
    text: str, brief: Brief, music: Sequence[claims.Claim], about: Evidence | None, given: Collection[str]
) -> list[claims.Claim]:
    """The claims of a turn that was asked about events: those of events, and those of `music` that are not meant of them."""
    labels = {event.label for event in about.events or ()} if about else set()
    found = happenings.find(text, brief.asks, names=given, labels=labels)
    spoken = happenings.spoken(text, brief.asks)
    sounds = [one.start for one in spoken if one.name != "music"]
    clauses = [(a, b) for a, b in happenings.clauses(text) if any(a <= start < b for start in sounds)]
    for claim in music:
        of_event = any(one.start < claim.end and claim.start < one.end for one in spoken)
        if not of_event and not (claim.kind in _OF_ONE_SOUND and any(a <= claim.start < b for a, b in clauses)):
            found.append(claim)
    return sorted(found, key=lambda claim: claim.start)


def contradicted(judged: Sequence[dialogue.Claim], brief: Brief) -> list[dialogue.Claim]:
    """The claims for which an utterance is thrown away.

    A wish that the turn itself utters or says back can read like a statement: it is none. Its opposite is one: "Nothing
    instrumental. Here is one: it's instrumental."
    """
    uttered = brief.role == "user" or "parroting_response" in brief.intents
    wishes = {(wish.kind, wish.value, wish.polarity != "avoid") for wish in brief.new} if uttered else set()
    wishes |= {(wish.kind, wish.value, there) for wish in brief.dropped for there in (True, False)} if uttered else set()
    said = [claim for claim in judged if claim.verdict == "contradicted"]
    return [claim for claim in said if (claim.kind, claim.value, claim.present) not in wishes]


def untold(judged: Sequence[dialogue.Claim]) -> list[dialogue.Claim]:
    """The claims that were heard, as far as anybody knows, and that nothing here can tell."""
    return [claim for claim in judged if claim.verdict == "unverifiable" and claim.basis == "heard"]


MARGIN = 1.0  # logits inside a border, under which what is supported is supported barely


def barely(judged: Sequence[dialogue.Claim]) -> list[dialogue.Claim]:
    """The claims that were heard and whose read-out lies just inside the border from which on they are supported."""
    heard = [claim for claim in judged if claim.verdict == "supported" and claim.basis == "heard"]
    return [claim for claim in heard if min(map(_inside, _each(claim))) < MARGIN]


def _each(claim: dialogue.Claim) -> list[Mapping]:
    """The evidence of each clip that a claim is of."""
    return claim.evidence.get("each") or [claim.evidence]


def _inside(evidence: Mapping) -> float:
    """How far inside its border a read-out lies; what was measured or read has none."""
    if "thresholds" not in evidence:
        return MARGIN
    absent, present = evidence["thresholds"]
    return evidence["value"] - present if evidence["value"] >= present else absent - evidence["value"]


UNLIKELY = -1.0  # log of how much more likely the sound is if the claim is true


def unlikely(judged: Sequence[dialogue.Claim]) -> list[dialogue.Claim]:
    """Those of the untold claims that are more likely false: not surely enough to call them so, and not to be taken either."""
    return [claim for claim in untold(judged) if min(one.get("leans", 0.0) for one in _each(claim)) <= UNLIKELY]


def _named(hints: Sequence[str]) -> set[tuple[str, str]]:
    """Kinds and values of hints such as "energy high" and "genre reggae, dub"."""
    found = {(kind, value) for kind, _, values in (hint.partition(" ") for hint in hints) for value in values.split(", ")}
    return {fact for fact in found if fact[0] in vocab.load()}


def _stated(texts: Sequence[str]) -> set[tuple[str, str]]:
    return {fact for text in texts for fact in _facts(text)}


@lru_cache(maxsize=4096)  # each candidate is held against all that was said before
def _facts(text: str) -> frozenset[tuple[str, str]]:
    return frozenset((claim.kind, claim.value) for claim in claims.find(text))


def _happened(texts: Iterable[tuple[str, Sequence[str]]]) -> set[tuple[str, str]]:
    """What texts state of sound events, each with what it was asked."""
    return {(claim.kind, claim.value) for text, asks in texts for claim in happenings.find(text, asks)}


def _known(brief: Brief, plan: Plan, turn_index: int) -> set[tuple[str, str]]:
    """Kinds and values that stand in the brief, in a name or a wish of the dialogue, or were said before: who repeats them need
    not have heard them.
    """
    before = plan.turns[:turn_index]
    asked, wished = [turn.asks for turn in before], [Attribute.parse(text) for turn in before for text in turn.attributes]
    wishes: tuple[Attribute, ...] = (*brief.new, *brief.dropped, *brief.wanted, *wished)
    said = [text for _, text in brief.history]
    known = {(wish.kind, wish.value) for wish in wishes} | _stated(said) | _happened(zip(said, asked, strict=False))
    known |= {fact for name in names(brief) for fact in _in_a_name(name.title)}
    known |= {("mode", value.split()[1]) for kind, value in known if kind == "key"}
    known |= {(kind, loose) for kind, value in known for loose, values in claims.LOOSE.items() if value in values}
    known |= {("lead", value) for kind, value in known if kind == "instrument"}
    return known | {("vocal", "voice") for kind, value in known if (kind, value) == ("vocal", "choir")}


@lru_cache(maxsize=4096)
def _in_a_name(title: str) -> frozenset[tuple[str, str]]:
    """What a title would say of its track, if it were true: "Slow Waltz in D minor"."""
    audible = [(kind.name, value) for kind in vocab.load() if kind.audible for value in kind.names]
    return frozenset(fact for fact in audible if find(*fact, title))
