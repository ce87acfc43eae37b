"""Hints: what a catalogue knows of a clip, told to a listener that is to put it into words; what it then says is `told`."""

from collections.abc import Iterable
from dataclasses import dataclass

from mdialog import vocab
from mdialog.errors import InputError
from mdialog.evidence import Witness
from mdialog.plan import Clip

KINDS = ("measured", "known")
READ = ("genre", "mood", "theme", "instrument", "vocal", "culture", "year")  # columns of metadata that are told
TEXTS, WORDS = 3, 60  # texts about a track, its artist and its genre that are told, and the first words of each


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

    columns = catalog.columns(["track_id", "meta_artist", "meta_album", *(f"meta_{name}" for name in READ)])
    wanted = {*ids}
    rows = [row for row in columns.to_pylist() if row["track_id"] in wanted]
    about = texts.by_track(catalog, [
        {"track_id": row["track_id"], "artist": row["meta_artist"], "genres": row["meta_genre"] or (),
         "topics": [row["meta_album"]] if row["meta_album"] else []} for row in rows
    ])  # fmt: skip
    return {row["track_id"]: (*_read(row), *_told(said)) for row, said in zip(rows, about, strict=True)}


def _read(row: dict) -> list[str]:
    """What metadata says, as "genre reggae, dub"."""
    found = []
    for name in READ:
        value = row[f"meta_{name}"]
        values = value if isinstance(value, list) else [] if value is None else [value]
        found += [f"{name} {', '.join(map(str, values))}"] if values else []
    return found


def _told(said: list[str]) -> list[str]:
    """The beginnings of texts, a line each."""
    cut = [" ".join(text.split()[:WORDS]) for text in said[:TEXTS]]
    return [f"a text about it: {text}" for text in cut if text]
