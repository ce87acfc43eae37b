"""The referee of a run: the claims of each utterance, each with its verdict and on what it rests."""

from collections.abc import Sequence
from dataclasses import dataclass

from mdialog import claims, dialogue
from mdialog.attributes import Attribute
from mdialog.brief import Brief, names
from mdialog.evidence import Witness
from mdialog.plan import Plan, about_and_before
from mdialog.verdicts import Verifier


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
        given = [part for name in names(brief) for part in (name.title, name.artist)]
        found = claims.find(text, names=given)
        found += answered(text, brief, found)
        if not found:
            return ()
        told, echoed = _stated(brief.hints), _known(brief)
        played = about_and_before([turn.clips for turn in plan.turns[: turn_index + 1]])
        about, before = (self.witness.of(clip) if clip else None for clip in played)
        judged = []
        for claim in found:
            said = (claim.kind, claim.value)
            verdict = self.verifier.verdict(claim, about, before)
            judged.append(dialogue.Claim(
                text=claim.text, kind=claim.kind, value=claim.value, present=claim.present, comparison=claim.comparison,
                verdict=verdict.verdict, basis="told" if said in told else "echoed" if said in echoed else "heard",
                evidence=verdict.evidence,
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
    asked = [ask.split(":", 1) for ask in brief.asks if ":" in ask and not ask.startswith("compare:")]
    if "item_attribute_answer" not in brief.intents or len(asked) != 1 or not (answer := claims.yes_or_no(text)):
        return []
    kind, value = asked[0]
    if any((claim.kind, claim.value) == (kind, value) for claim in found):
        return []
    return [claims.Claim(answer[0], kind, value, not claims.is_no(answer), *answer.span())]


def contradicted(judged: Sequence[dialogue.Claim], brief: Brief) -> list[dialogue.Claim]:
    """The claims for which an utterance is thrown away.

    A wish that the turn itself utters or says back can read like a statement: it is none.
    """
    uttered = brief.role == "user" or "parroting_response" in brief.intents
    wishes = {(wish.kind, wish.value) for wish in (*brief.new, *brief.dropped)} if uttered else set()
    return [claim for claim in judged if claim.verdict == "contradicted" and (claim.kind, claim.value) not in wishes]


def untold(judged: Sequence[dialogue.Claim]) -> list[dialogue.Claim]:
    """The claims that were heard, as far as anybody knows, and that nothing here can tell."""
    return [claim for claim in judged if claim.verdict == "unverifiable" and claim.basis == "heard"]


def _stated(texts: Sequence[str]) -> set[tuple[str, str]]:
    return {(claim.kind, claim.value) for text in texts for claim in claims.find(text)}


def _known(brief: Brief) -> set[tuple[str, str]]:
    """Kinds and values that stand in the brief or were said before: who repeats them need not have heard them."""
    wishes: tuple[Attribute, ...] = (*brief.new, *brief.dropped, *brief.wanted)
    known = {(wish.kind, wish.value) for wish in wishes} | _stated([text for _, text in brief.history])
    known |= {("lead", value) for kind, value in known if kind == "instrument"}
    return known | {("vocal", "voice") for kind, value in known if (kind, value) == ("vocal", "choir")}
