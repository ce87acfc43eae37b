"""Pairs that a retriever learns from: the talk so far, and the set of tracks that answers it."""

from collections.abc import Iterable, Iterator

from mdialog.attributes import Attribute, to_query
from mdialog.dialogue import Dialogue
from mdialog.plan import Plan, PlannedTurn


def pairs(talks: Iterable[Dialogue | Plan]) -> Iterator[dict]:
    """A row for every recommendation of some dialogues.

    Parameters
    ----------
    talks : iterable of Dialogue or Plan
        Of any recipe. A plan has no words yet: a user's turn reads as what it asks for in the query language (else as its
        intents), an assistant's as the first track's name.

    Yields
    ------
    dict
        ``id`` and ``turn`` (of the recommendation), ``history`` (a line a turn, before the query), ``query`` (what the user
        said last), ``positives`` (ids of the set), ``negatives`` (ids refused so far).
    """
    for talk in talks:
        said: list[tuple[str, str]] = []
        refused: dict[str, None] = {}
        for i, turn in enumerate(talk.turns):
            refused |= dict.fromkeys(turn.refused)
            asked = max((k for k, (role, _) in enumerate(said) if role == "user"), default=None)
            if turn.track_seq and asked is not None:
                yield {
                    "id": talk.id,
                    "turn": i,
                    "history": "\n".join(f"{role}: {text}" for role, text in said[:asked]),
                    "query": said[asked][1],
                    "positives": list(turn.track_seq),
                    "negatives": [track for track in refused if track not in turn.track_seq],
                }
            said.append((turn.role, turn.content if isinstance(talk, Dialogue) else _planned_words(talk, turn)))


def _planned_words(plan: Plan, turn: PlannedTurn) -> str:
    if turn.track_seq:
        track = plan.tracks[turn.track_seq[0]]
        return f'"{track.title}" by {track.artist}'
    return to_query(map(Attribute.parse, turn.attributes)) or ", ".join(turn.intents)
