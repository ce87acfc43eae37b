"""Kept: the dialogues of a run, or what `mdialog filter` kept of them, for all that hands them on."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mdialog.dialogue import Dialogue, read_dialogues
from mdialog.errors import InputError
from mdialog.run import DIALOGUES

KEPT, RESULT = "kept.jsonl", "filter.json"


@dataclass(frozen=True)
class Kept:
    """A dialogue as its run has it, and which turns of it were kept.

    Parameters
    ----------
    dialogue : Dialogue
    answer : int or None
        The turn, where single answers were kept; None for the whole dialogue.
    """

    dialogue: Dialogue
    answer: int | None = None

    @property
    def turns(self) -> tuple[int, ...]:
        """Numbers of the turns that are to be learnt from."""
        return tuple(range(len(self.dialogue.turns))) if self.answer is None else (self.answer,)

    @property
    def alone(self) -> Dialogue:
        """What was kept as a dialogue of its own: an answer with the question before it, if there is one."""
        if self.answer is None:
            return self.dialogue
        turns = self.dialogue.turns[max(0, self.answer - 1) : self.answer + 1]
        turns = turns if turns[0].role == "user" else turns[-1:]
        return self.dialogue.model_copy(update={"id": f"{self.dialogue.id}/{self.answer}", "turns": turns})


@dataclass(frozen=True)
class Source:
    """A folder of dialogues: a run, or what a filter kept of one.

    Parameters
    ----------
    folder : Path
        As it was given.
    run : Path
        The run's own folder.
    """

    folder: Path
    run: Path

    @classmethod
    def of(cls, folder: str | Path) -> "Source":
        """The source that a folder is.

        Raises
        ------
        InputError
            If it is a filter's folder that does not say of which run.
        """
        folder = Path(folder)
        if not (folder / KEPT).is_file():
            return cls(folder, folder)
        try:
            run = json.loads((folder / RESULT).read_text(encoding="utf-8"))["run"]
            return cls(folder, Path(os.path.normpath(folder.absolute() / run)))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{folder / RESULT} does not say which run was filtered; filter it again") from error

    @property
    def filtered(self) -> bool:
        return self.folder != self.run

    @property
    def file(self) -> Path:
        """The file that decides what is in it."""
        return self.folder / (KEPT if self.filtered else DIALOGUES)

    def read(self) -> Iterator[Kept]:
        """All of it, in the order of the run.

        Raises
        ------
        InputError
            If a file is missing or not what it should be, or the run is not the one that was filtered.
        """
        if not self.filtered:
            yield from map(Kept, read_dialogues(self.file))
            return
        wanted = self._wanted
        seen = 0
        for dialogue in read_dialogues(self.run / DIALOGUES):
            for answer, texts in wanted.get(dialogue.id, ()):
                kept = Kept(dialogue, answer)
                if kept.turns[-1] >= len(dialogue.turns) or [dialogue.turns[i].content for i in kept.turns] != texts:
                    raise InputError(f"{self.file} has other words of {dialogue.id} than {self.run}; filter the run again")
                seen += 1
                yield kept
        if seen < sum(map(len, wanted.values())):
            raise InputError(f"{self.file} holds dialogues that {self.run} does not have; filter the run again")

    @cached_property
    def _wanted(self) -> dict[str, list[tuple[int | None, list[str]]]]:
        """Of each dialogue what was kept, with its words."""
        wanted: dict[str, list[tuple[int | None, list[str]]]] = {}
        with self.file.open(encoding="utf-8") as lines:
            for i, line in enumerate(lines, start=1):
                try:
                    row = json.loads(line)
                    single = "answer" in row
                    texts = [row["answer"]] if single else [turn["content"] for turn in row["turns"]]
                    kept = (int(row["turn"]) if single else None, texts)
                    wanted.setdefault(row["dialogue"] if single else row["id"], []).append(kept)
                except (ValueError, KeyError, TypeError) as error:
                    raise InputError(f"{self.file}, line {i}: nothing that a filter kept ({error!r}); filter again") from error
        return wanted
