"""Profile: what someone liked and disliked, kept in a small JSON file between recommendations.

Opinions come in rounds: each call that brings any is one. An opinion counts half after `HALF_LIFE` later rounds, so that a
taste may change; not by the clock, so that the same calls give the same lists. What is disliked never comes again, however long
ago that was.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mdialog.errors import InputError
from mdialog.files import write_text
from mdialog.match import Opinions

HALF_LIFE = 5  # rounds
VERSION = 1


class Opinion(BaseModel):
    """One opinion: on a track (its id) or an artist (the name)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["track", "artist"]
    value: str = Field(min_length=1)
    liked: bool
    round: int = Field(ge=1)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1]
    rounds: int = Field(ge=0)
    opinions: list[Opinion]


@dataclass(frozen=True)
class Profile:
    """Opinions so far.

    Parameters
    ----------
    rounds : int >= 0
        Calls that brought opinions.
    opinions : tuple of Opinion
        One a track or artist, the last one.
    """

    rounds: int = 0
    opinions: tuple[Opinion, ...] = ()

    def with_round(self, *, liked: Iterable[tuple[str, str]] = (), disliked: Iterable[tuple[str, str]] = ()) -> "Profile":
        """With a round of opinions, each ``(kind, value)``; a new one takes the place of an older one on the same.

        Raises
        ------
        InputError
            If something is liked and disliked at once.
        """
        said = {key: True for key in liked}
        for key in disliked:
            if said.setdefault(key, False):
                raise InputError(f"{key[1]!r} is liked and disliked at once; say one of them")
        if not said:
            return self
        now = self.rounds + 1
        kept = [o for o in self.opinions if (o.kind, o.value) not in said]
        new = [Opinion(kind=kind, value=value, liked=like, round=now) for (kind, value), like in said.items()]
        return Profile(now, (*kept, *new))

    def as_opinions(self) -> Opinions:
        """What counts in ranking now: weights of ``0.5 ** (rounds since / HALF_LIFE)``."""
        sides: tuple[dict, dict] = ({}, {})
        for opinion in self.opinions:
            weight = 0.5 ** ((self.rounds - opinion.round) / HALF_LIFE)
            sides[0 if opinion.liked else 1][opinion.kind, opinion.value] = weight
        return Opinions(liked=sides[0], disliked=sides[1])

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all.

        Raises
        ------
        InputError
            If it cannot be written.
        """
        text = _File(version=VERSION, rounds=self.rounds, opinions=list(self.opinions)).model_dump_json(indent=2)
        try:
            write_text(path, text + "\n")
        except OSError as error:
            raise InputError(f"{path}: the profile cannot be written ({error.strerror}); choose another --profile") from error


def load(path: Path) -> Profile:
    """Read a profile; an empty one where there is no file yet.

    Raises
    ------
    InputError
        If the file is no profile.
    """
    try:
        stored = _File.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Profile()
    except OSError as error:
        raise InputError(f"{path}: the profile cannot be read ({error.strerror}); choose another --profile") from error
    except (ValidationError, UnicodeDecodeError) as error:
        said = error.errors()[0]["msg"] if isinstance(error, ValidationError) else error.reason
        raise InputError(f"{path}: not a profile ({said}); mend it, or delete it to begin anew") from error
    return Profile(stored.rounds, tuple(stored.opinions))
