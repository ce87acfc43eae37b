"""Record: what is kept of a written plan: the finished dialogue, and the candidates that it did without."""

import dataclasses
from collections.abc import Iterator

from mdialog.dialogue import Contradicted, Dialogue, validate
from mdialog.write import Failure, Written


def record_of(written: Written, *, models: dict[str, str]) -> Dialogue:
    """The finished record of a written plan, validated."""
    plan = written.plan
    turns = [
        {
            "role": turn.role,
            "content": said.text,
            "intent": turn.intents,
            "music_attribute": turn.attributes,
            "removed": turn.removed,
            "asks": turn.asks,
            "track_seq": turn.track_seq,
            "pool_size": turn.pool_size,
            "liked": turn.liked,
            "refused": turn.refused,
            "heard": [dataclasses.asdict(clip) for clip in turn.clips],
            "ahead": [dataclasses.asdict(clip) for clip in turn.ahead],
            "claims": [claim.model_dump() for claim in said.claims],
            "writing": {"candidates": said.candidates, "rejected": said.rejected},
        }
        for turn, said in zip(plan.turns, written.turns, strict=True)
    ]
    return validate(
        {
            "id": plan.id,
            "recipe": plan.recipe,
            "seed": plan.seed,
            "persona": plan.persona,
            "goal": plan.goal,
            "models": models,
            "tracks": {k: {"title": t.title, "artist": t.artist} for k, t in plan.tracks.items()},
            "turns": turns,
        }
    )


def lost_of(failure: Failure, *, models: dict[str, str]) -> dict:
    """The line of ``failures.jsonl``; turns that were finished all the same stand in it as a dialogue does, validated."""
    lost = {name: value for name, value in vars(failure).items() if name not in ("finished", "plan")}
    if failure.finished:
        lost["finished"] = record_of(failure.finished, models=models).model_dump(mode="json")
    return lost


def contradicted_of(written: Written) -> Iterator[Contradicted]:
    """The candidates of a dialogue that were thrown away for what they say of the sound."""
    for i, turn in enumerate(written.turns):
        for text, claims in turn.contradicted:
            yield Contradicted(id=written.plan.id, turn=i, content=text, claims=list(claims))
