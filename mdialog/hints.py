"""Hints: what a catalogue knows of a clip, told to a listener that is to put it into words; what it then says is `told`."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from mdialog import vocab
from mdialog.errors import InputError
from mdialog.evidence import Witness
from mdialog.plan import Clip

KINDS = ("measured", "known")
# Columns of metadata that are told.
READ = ("genre", "mood", "theme", "instrument", "vocal", "culture", "year", "aspects", "caption")
TEXTS, WORDS = 3, 60  # texts about a track, its artist and its genre that are told, and words of each and of a caption at most
ASPECTS = 12  # that are told; some tracks have dozens of values


@dataclass(frozen=True)
class Hints:
    """Tells of clips.

    Parameters
    ----------
    measured : Witness or None
        For tempo, key and energy of the windows that are played; for listeners that cannot count beats.
    known : dict of str to tuple of str
        What metadata and texts say of each track.
    """

    measured: Witness | None
    known: dict[str, tuple[str, ...]]

    def __call__(self, clip: Clip) -> tuple[str, ...]:
        """What is told of a clip, a fact a line."""
        return (*self._measured(clip), *self.known.get(clip.track_id, ()))

    def _measured(self, clip: Clip) -> tuple[str, ...]:
        evidence = self.measured.of(clip) if self.measured else None
        if evidence is None:
            return ()
        bpm, key, energy = (evidence.measured.get(name) for name in ("tempo_bpm", "key", "energy"))
        found = [f"tempo {vocab.load()['tempo'].word_for(bpm)}", f"{bpm:.0f} bpm"] if bpm else []
        found += [f"key {key}", f"mode {key.split()[-1]}"] if key else []
        found += [f"energy {vocab.load()['energy'].word_for(energy)}"] if energy is not None else []
        return tuple(found)


def hints_of(catalog, track_ids: Iterable[str], kinds: Iterable[str]) -> Hints:
    """Hints about tracks, by what was asked for.

    Parameters
    ----------
    catalog : Catalog
    track_ids : iterable of str
    kinds : iterable of str
        Of `KINDS`.

    Raises
    ------
    InputError
        For another kind.
    """
    from mdialog.evidence import witness

    ids, kinds = sorted({*track_ids}), {*kinds}
    if unknown := sorted(kinds - {*KINDS}):
        raise InputError(f"{unknown[0]!r} is no kind of hint; choose from {', '.join(KINDS)}")
    return Hints(witness(catalog, ids) if "measured" in kinds else None, _known(catalog, ids) if "known" in kinds else {})


def _known(catalog, ids: list[str]) -> dict[str, tuple[str, ...]]:
    from mdialog import texts

    held, wanted = set(catalog.table("tracks").schema.names), {*ids}
    columns = dict.fromkeys((*texts.JOINED_BY, *(f"meta_{name}" for name in READ)))
    table = catalog.columns([name for name in columns if name in held])  # an older catalogue has no captions
    rows = [row for row in table.to_pylist() if row["track_id"] in wanted]
    about = texts.by_track(catalog, rows)
    return {row["track_id"]: (*_read(row), *_told(said)) for row, said in zip(rows, about, strict=True)}


def _read(row: dict) -> list[str]:
    """What metadata says, as "genre reggae, dub"."""
    found = []
    for name in READ:
        value = row.get(f"meta_{name}")
        values = value if isinstance(value, list) else [] if value is None else [value]
        told = _beginning(value) if name == "caption" and value else ", ".join(map(str, values[:ASPECTS]))
        found += [f"{name} {told}"] if told else []
    return found


def _told(said: list[str]) -> list[str]:
    """The beginnings of texts, a line each."""
    return [f"a text about it: {text}" for text in map(_beginning, said[:TEXTS]) if text]


def _beginning(text: str) -> str:
    """The first `WORDS` words, up to the last end of a sentence among them where there is one."""
    words = text.split()
    ends = [i for i, word in enumerate(words[:WORDS], start=1) if re.search(r"[.!?…][\"'”’)]*$", word)]
    return " ".join(words if len(words) <= WORDS else words[: ends[-1] if ends else WORDS])
