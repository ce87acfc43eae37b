"""Settings of a run: what ``mdialog generate`` may be asked for, and in which ranges."""

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from mdialog.hints import KINDS
from mdialog.listener.base import Listener, Sampling
from mdialog.write import Options

# How a run is computed, not what comes out of it: these may change between a run and its resumption.
_FREE = ("out", "device", "dtype", "batch", "max_rows", "allow_deaf")


class GenerateConfig(BaseModel):
    """Options of ``mdialog generate``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    catalog: str = Field(description="catalogue made by `mdialog ingest`: a folder or a URI")
    out: Path = Field(description="run folder")
    recipe: str = "music-discovery"
    n: int = Field(default=50, ge=1, description="dialogues, of all shards together")
    seed: int = Field(default=0, ge=0)
    shard: str = Field(default="1/1", description="i/n: the i-th of n shares of the dialogues")
    listener: str | None = Field(default=None, description="folder or hub id; the bundled listener-mini by default")
    device: str = "cpu"
    dtype: str | None = None
    batch: int = Field(default=64, ge=1, description="dialogues written side by side")
    max_rows: int = Field(default=128, ge=1, description="sequences generated at once")
    candidates: int = Field(default=4, ge=1, description="candidates of a turn a round")
    max_rounds: int = Field(default=4, ge=1, description="rounds before a turn is given up")
    surer: int = Field(default=3, ge=0, description="rounds more for a turn that says nothing of the sound that cannot be told")
    strict: bool = Field(default=False, description="never say of the sound what nothing here can tell: such a turn fails")
    temperature: float | None = Field(default=None, ge=0, description="by default what the model's makers advise, else .8")
    top_p: float | None = Field(default=None, gt=0, le=1, description="the same, else .95")
    min_p: float | None = Field(default=None, ge=0, lt=1, description="as advised where top_p is not set, else 0")
    max_new_tokens: int = Field(default=96, ge=1)
    recipe_options: dict[str, Any] = Field(default_factory=dict, description="of the recipe; the others by default")
    hints: tuple[Literal[*KINDS], ...] = Field(default=(), description="what the listener is told of a clip")
    claims: bool = Field(default=True, description="reject what the signal contradicts")
    allow_deaf: bool = Field(default=False, description="write with a listener whose answers do not change with the sound")

    @field_validator("shard")
    @classmethod
    def _is_a_share(cls, text: str) -> str:
        i, slash, n = text.partition("/")
        if not (slash and i.isdigit() and n.isdigit() and 1 <= int(i) <= int(n)):
            raise ValueError(f"{text!r} is not i/n with 1 <= i <= n, such as 2/4")
        return text

    @property
    def part(self) -> tuple[int, int]:
        """The shard, counted from 0: which part, of how many."""
        i, n = map(int, self.shard.split("/"))
        return i - 1, n

    def decisive(self) -> dict[str, Any]:
        """The options that change what comes out, ready for JSON; a catalogue that is a folder by its whole path."""
        found = json.loads(self.model_dump_json(exclude=set(_FREE)))
        return {**found, "catalog": self.catalog if "://" in self.catalog else str(Path(self.catalog).resolve())}

    def options(self, listener: Listener) -> Options:
        """How hard to try, and how to sample: as the listener's makers advise where the run does not say."""
        advised = listener.sampling
        temperature = advised.temperature if self.temperature is None else self.temperature
        top_p = advised.top_p if self.top_p is None else self.top_p
        stated = advised.stated_top_p if self.top_p is None else None
        min_p = self.min_p if self.min_p is not None else advised.min_p if self.top_p is None else 0.0
        sampling = Sampling(temperature, top_p, self.max_new_tokens, stated, min_p)
        return Options(self.candidates, self.max_rounds, self.batch, sampling, self.surer, self.strict, seed=self.seed,
                       by_the_book=listener.by_the_book)  # fmt: skip
