"""Description: what a track sounds like, in several lengths: a tag line, a sentence, a paragraph, a dense list to search by."""

from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict, Field, field_validator

from mdialog import seeds
from mdialog.clips import best_clip
from mdialog.plan import Plan, PlannedTurn
from mdialog.recipes.audio_dialogue import numbered, playable
from mdialog.snapshot import Snapshot

NAME = "description"
LENGTHS = ("tag line", "sentence", "paragraph", "dense")


class Options(BaseModel):
    """What may be asked of this recipe."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    lengths: str = Field(default=",".join(LENGTHS), description="of the descriptions of each track, with commas between them")

    @field_validator("lengths")
    @classmethod
    def _are_known(cls, text: str) -> str:
        if unknown := [one for one in _split(text) if one not in LENGTHS]:
            raise ValueError(f"{unknown[0]!r} is no length; use some of: {', '.join(LENGTHS)}")
        if not _split(text):
            raise ValueError("no length given")
        return text


def plan_many(
    snapshot: Snapshot, *, seed: int, n: int, shard: tuple[int, int] = (0, 1), options: Options | None = None
) -> Iterator[Plan]:
    """Plan the description of `n` tracks, or of a shard of them; each track that can be played once before one comes again.

    Parameters
    ----------
    snapshot : Snapshot
    seed : int
        Its order of the tracks.
    n : int >= 0
    shard : (int, int)
        Which part of how many, counted from 0.
    options : Options, optional
    """
    lengths = _split((options or Options()).lengths)
    tracks = playable(snapshot).tolist()
    seeds.stdlib(seed, NAME).shuffle(tracks)
    for i, persona in numbered(seed=seed, n=n, shard=shard):
        track = tracks[i % len(tracks)]
        clip = best_clip(snapshot, track)
        turns = tuple(PlannedTurn("assistant", ("description",), asks=(length,), clips=(clip,)) for length in lengths)
        yield Plan(
            id=f"de-{i:06d}", recipe=NAME, seed=seed, persona=persona, goal={"track_ids": [clip.track_id]}, turns=turns,
            tracks={clip.track_id: snapshot.ref(track)},
        )  # fmt: skip


def _split(lengths: str) -> list[str]:
    return [length.strip() for length in lengths.split(",") if length.strip()]
