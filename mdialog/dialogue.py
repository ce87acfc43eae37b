"""The record of a finished dialogue: one JSON object a line, read, written, validated."""

import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mdialog.errors import InputError
from mdialog.intents import ROLE_INTENTS

SCHEMA = "dialogue.schema.json"
MAX_TRACK_SEQ = 10


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Heard(_Part):
    """A span that was played while the turn was written."""

    track_id: str
    start_s: float = Field(ge=0, description="seconds from the start of the track")
    end_s: float = Field(gt=0, description="seconds from the start of the track")

    @model_validator(mode="after")
    def _has_length(self) -> "Heard":
        if self.end_s <= self.start_s:
            raise ValueError(f"ends at {self.end_s} s, not after its start at {self.start_s} s")
        return self


class Claim(_Part):
    """An audible statement, what came of checking it, and on what."""

    text: str
    kind: str
    value: str
    present: bool = Field(default=True, description='false for "no drums"')
    comparison: Literal["more", "less", "same"] | None = Field(default=None, description="with the clip heard before")
    clip: Literal["this", "before", "both", "none"] = Field(
        default="this", description="of which it speaks: the last one heard, the one before, both, or none that was heard"
    )
    beside: str | None = Field(default=None, description="track before, where it is not the one that was heard last before")
    verdict: Literal["supported", "contradicted", "unverifiable"]
    basis: Literal["heard", "told", "echoed"]
    evidence: dict[str, Any] = Field(default_factory=dict)


class Writing(_Part):
    """How the utterance came about."""

    candidates: int = Field(ge=1, description="candidates looked at; the last one was taken")
    rejected: dict[str, int] = Field(default_factory=dict, description="check to number of candidates it rejected")


class Turn(_Part):
    """One utterance and what was planned for it."""

    role: Literal["user", "assistant"]
    content: str = Field(min_length=1)
    intent: list[str]
    music_attribute: list[str] = Field(description="attributes that the turn introduces: [-~]kind:value")
    removed: list[str] = Field(default_factory=list, description="attributes that the turn drops")
    asks: list[str] = Field(default_factory=list, description="kinds that the turn asks about or answers")
    track_seq: list[str] = Field(default_factory=list, max_length=MAX_TRACK_SEQ, description="recommended, best first")
    pool_size: int | None = Field(default=None, ge=0, description="tracks that satisfy all that is in force")
    liked: list[str] = Field(default_factory=list)
    refused: list[str] = Field(default_factory=list)
    heard: list[Heard] = Field(default_factory=list)
    ahead: list[Heard] = Field(default_factory=list, description="played too, of tracks to be recommended next: not spoken of")
    claims: list[Claim] = Field(default_factory=list)
    writing: Writing | None = None

    @model_validator(mode="after")
    def _fits_its_role(self) -> "Turn":
        if unknown := [i for i in self.intent if i not in ROLE_INTENTS[self.role]]:
            raise ValueError(f"no intent of the {self.role}: {', '.join(unknown)}")
        if self.role == "user" and self.track_seq:
            raise ValueError("only the assistant recommends: track_seq on a user turn")
        if len(set(self.track_seq)) < len(self.track_seq):
            raise ValueError("a track twice in one track_seq")
        return self


class Contradicted(_Part):
    """A candidate that was thrown away for what it says of the sound, as it stands in ``contradicted.jsonl``."""

    id: str = Field(min_length=1, description="of the dialogue that was written with other words")
    turn: int = Field(ge=0)
    content: str
    claims: list[Claim]


class TrackName(_Part):
    """How a track of the dialogue is called."""

    title: str
    artist: str


class Dialogue(_Part):
    """A dialogue as it stands in ``dialogues.jsonl``: a superset of LP-MusicDialog's record."""

    id: str = Field(min_length=1)
    recipe: str
    seed: int
    persona: dict[str, Any]
    goal: dict[str, Any]
    models: dict[str, str] = Field(description="part played to name@revision")
    tracks: dict[str, TrackName] = Field(description="every track named or heard")
    turns: list[Turn] = Field(min_length=1)

    @model_validator(mode="after")
    def _knows_its_tracks(self) -> "Dialogue":
        for i, turn in enumerate(self.turns):
            for track_id in (*turn.track_seq, *turn.liked, *turn.refused, *(h.track_id for h in (*turn.heard, *turn.ahead))):
                if track_id not in self.tracks:
                    raise ValueError(f"turn {i}: track {track_id!r} is not among `tracks`")
        return self


def validate(record: dict) -> Dialogue:
    """A record as a :class:`Dialogue`.

    Raises
    ------
    InputError
        If it is none: names the first place at fault and the rule.
    """
    try:
        return Dialogue.model_validate(record)
    except ValidationError as error:
        raise InputError(f"dialogue {_name(record)}: {_first(error)}") from error


def _name(record: object) -> str:
    return repr(record.get("id")) if isinstance(record, dict) else "without an id"


def _first(error: ValidationError) -> str:
    problem = error.errors()[0]
    where = ".".join(map(str, problem["loc"])) or "the record"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return f"{where}: {problem['msg']}{more}"


def to_json(dialogue: Dialogue) -> str:
    """One line of ``dialogues.jsonl``."""
    return json.dumps(dialogue.model_dump(mode="json"), ensure_ascii=False, separators=(",", ":"))


def from_json(line: str) -> Dialogue:
    """Read one line of ``dialogues.jsonl``.

    Raises
    ------
    InputError
        If the line is not a dialogue.
    """
    try:
        record = json.loads(line)
    except ValueError as error:
        raise InputError(f"not a dialogue ({error}): {line[:80]!r}") from error
    return validate(record)


def read_dialogues(path: Path) -> Iterator[Dialogue]:
    """Dialogues of a JSON-lines file, one at a time.

    Raises
    ------
    InputError
        If the file is missing, or a line is not a dialogue: names the line.
    """
    try:
        with Path(path).open(encoding="utf-8") as lines:
            for i, line in enumerate(lines, start=1):
                try:
                    yield from_json(line)
                except InputError as error:
                    raise InputError(f"{path}, line {i}: {error}") from error
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; write dialogues with `mdialog generate`") from error


def schema() -> dict:
    """The record's JSON Schema, from the code; ``dialogue.schema.json`` in the package is this."""
    return Dialogue.model_json_schema()


def shipped_schema() -> dict:
    """The JSON Schema as it is shipped."""
    return json.loads((files("mdialog") / SCHEMA).read_text(encoding="utf-8"))
