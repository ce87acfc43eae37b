"""Texts about music beside the tracks: descriptions that a listener wrote, lives of artists, overviews of genres.

They stand in a table `texts` of the catalogue with a full-text index, each with what it is about and where it comes from.
"""

import csv
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa

from mdialog import vocab
from mdialog.catalog import Catalog
from mdialog.dialogue import Dialogue, read_dialogues, validate
from mdialog.errors import InputError
from mdialog.metadata import canonical
from mdialog.query import fold
from mdialog.run import DIALOGUES, FAILURES

KINDS = ("track", "artist", "genre", "music")  # what a text may be about; `music` is anything else
SUFFIXES = (".txt", ".md")
TABLES = (".csv", ".tsv", ".jsonl", ".parquet")
SCHEMA = pa.schema([
    pa.field("text_id", pa.string(), nullable=False), pa.field("kind", pa.string()), pa.field("about", pa.string()),
    pa.field("form", pa.string()), pa.field("text", pa.string()), pa.field("source", pa.string()),
])  # fmt: skip


@dataclass(frozen=True)
class Text:
    """A text and what it is about.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    about : str
        A track's id, an artist's name, a genre; a title of its own for other texts.
    form : str
        ``tag line``, ``sentence``, ``paragraph``, ``dense`` of a listener's description; else ``text``.
    text : str
    source : str
        Name and revision of the listener, or the file.
    """

    kind: str
    about: str
    form: str
    text: str
    source: str

    @property
    def text_id(self) -> str:
        """The same for the same thing told in the same form: a newer text takes its place."""
        of = self.source if self.form == "text" else ""
        return hashlib.blake2b("\x1f".join((self.kind, fold(self.about), self.form, of)).encode(), digest_size=8).hexdigest()


def descriptions(run: str | Path) -> Iterator[Text]:
    """What a listener wrote of tracks: of each length the utterance that passed the checks, whatever became of the others.

    Parameters
    ----------
    run : str or Path
        A run folder of the recipe `description`; dialogues of other recipes are passed over.
    """
    for dialogue in (*read_dialogues(Path(run) / DIALOGUES), *_finished(Path(run) / FAILURES)):
        for turn in dialogue.turns if dialogue.recipe == "description" else ():
            yield Text("track", turn.heard[-1].track_id, turn.asks[0], turn.content, dialogue.models.get("listener", "unknown"))


def _finished(failures: Path) -> Iterator[Dialogue]:
    """What was finished of dialogues that failed."""
    for _, lost in _rows(failures) if failures.is_file() else ():
        if "finished" in lost:
            yield validate(lost["finished"])


def read(path: str | Path) -> tuple[list[Text], list[str]]:
    """Texts of a folder or a table, and what was wrong with the others, one line each.

    In a folder, ``artist/NAME.txt``, ``genre/NAME.md`` and so on are about what they are called; files elsewhere in it are
    about a genre of that name if there is one, else about music. A table has the columns ``kind``, ``about``, ``text``.

    Raises
    ------
    InputError
        If there is no such folder or table, or it holds no text at all.
    """
    path = Path(path)
    if path.is_dir():
        found, problems = _of_folder(path)
    elif path.is_file() and path.suffix.lower() in TABLES:
        found, problems = _of_table(path)
    else:
        raise InputError(f"{path}: no folder and no table of texts; give a folder of {', '.join(SUFFIXES)} or one of {TABLES}")
    if not found and not problems:
        raise InputError(f"{path} holds no text; give {', '.join(SUFFIXES)} files, or a table with kind, about, text")
    return found, problems


def _of_folder(folder: Path) -> tuple[list[Text], list[str]]:
    found, problems = [], []
    genres = {fold(word): value.name for value in vocab.load()["genre"].values for word in (value.name, *value.words)}
    for file in sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES):
        try:
            text = file.read_text(encoding="utf-8-sig").strip()
        except (UnicodeDecodeError, OSError) as error:
            problems.append(f"{file}: cannot be read ({error}); save it as UTF-8")
            continue
        kind = file.parent.name.lower()
        if kind not in KINDS:
            kind = "genre" if fold(file.stem) in genres else "music"
        about = genres.get(fold(file.stem), file.stem) if kind == "genre" else file.stem
        if text:
            found.append(Text(kind, about, "text", text, str(file.relative_to(folder))))
        else:
            problems.append(f"{file}: empty")
    return found, problems


def _of_table(path: Path) -> tuple[list[Text], list[str]]:
    found, problems = [], []
    for line, row in _rows(path):
        cells = {k: str(v).strip() for k, v in row.items() if v is not None} if isinstance(row, dict) else {}
        kind = cells.get("kind", "music").lower()
        if kind not in KINDS:
            problems.append(f"{path}, line {line}: kind {kind!r} is none of {', '.join(KINDS)}")
        elif not cells.get("text") or not cells.get("about"):
            problems.append(f"{path}, line {line}: needs the columns kind, about and text, all filled")
        else:
            found.append(Text(kind, cells["about"], "text", cells["text"], f"{path.name}, line {line}"))
    return found, problems


def _rows(path: Path) -> Iterator[tuple[int, object]]:
    """Rows of a table and their numbers."""
    try:
        if path.suffix.lower() == ".parquet":
            import pyarrow.parquet as pq

            yield from enumerate(pq.read_table(path).to_pylist(), start=1)
            return
        with path.open(encoding="utf-8-sig", newline="") as lines:
            if path.suffix.lower() == ".jsonl":
                yield from ((i, json.loads(line)) for i, line in enumerate(lines, start=1) if line.strip())
            else:
                rows = csv.DictReader(lines, delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
                yield from ((rows.line_num, row) for row in rows)
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read as a table ({error})") from error


def keep(texts: Iterable[Text], catalog: Catalog) -> int:
    """Put texts into a catalogue, in the place of older ones about the same, and index their words; returns how many.

    Raises
    ------
    InputError
        If one is about a track that the catalogue does not have.
    """
    rows = {text.text_id: asdict(text) | {"text_id": text.text_id} for text in texts}
    known = set(catalog.columns(["track_id"])["track_id"].to_pylist())
    if strange := [row["about"] for row in rows.values() if row["kind"] == "track" and row["about"] not in known]:
        raise InputError(f"{catalog.path} has no track {strange[0]!r} ({len(strange)} such texts); give the run's catalogue")
    if not rows:
        return 0
    from lancedb.index import FTS

    table = catalog.beside("texts", SCHEMA)
    merge = table.merge_insert("text_id").when_matched_update_all().when_not_matched_insert_all()
    merge.execute(pa.Table.from_pylist(list(rows.values()), schema=SCHEMA))
    table.create_index("text", config=FTS(), replace=True)
    table.optimize()
    return len(rows)


def undescribed(catalog: Catalog) -> tuple[int, int]:
    """How many tracks of a catalogue no text is about, and how many there are."""
    told = {text.about for text in every(catalog) if text.kind == "track"}
    ids = catalog.columns(["track_id"])["track_id"].to_pylist()
    return sum(track_id not in told for track_id in ids), len(ids)


def find(words: str, catalog: Catalog, *, limit: int = 10) -> list[tuple[Text, float]]:
    """Texts that hold some of the words, best first, each with its BM25 score by LanceDB's full-text index."""
    if (table := catalog.beside("texts")) is None or not words.strip():
        return []
    rows = table.search(words, query_type="fts").limit(limit).to_list()
    return [(_text(row), float(row["_score"])) for row in rows]


def every(catalog: Catalog) -> list[Text]:
    """All texts of a catalogue."""
    table = catalog.beside("texts")
    return [_text(row) for row in table.to_arrow().to_pylist()] if table is not None else []


TOPICS = ("mood", "theme", "instrument", "vocal", "culture")  # kinds whose values a text of kind `music` may be about
JOINED_BY = ("track_id", "meta_artist", "meta_album", *(f"{s}_{k}" for k in ("genre", *TOPICS) for s in ("meta", "heard")))


def by_track(catalog: Catalog, tracks: Iterable[Mapping]) -> list[list[str]]:
    """For each track, the texts about it, its artist, its genres, and those about music whose title is its album or one of its
    topics: what metadata says of these, or what is heard where it says nothing.

    Parameters
    ----------
    catalog : Catalog
    tracks : iterable of mapping
        Rows of the catalogue: of the columns `JOINED_BY`, those that it has.
    """
    about: dict[tuple[str, str], list[str]] = {}
    for text in every(catalog):
        for name in _names(text):
            about.setdefault((text.kind, name), []).append(text.text)
    return [
        list(dict.fromkeys([
            *about.get(("track", track["track_id"]), ()),
            *(text for kind, columns in _JOINS.items() for column in columns for name in _known(track, column)
              for text in about.get((kind, fold(name)), ())),
        ]))
        for track in tracks
    ]  # fmt: skip


_JOINS = {"artist": ("artist",), "genre": ("genre",), "music": ("album", *TOPICS)}


def _known(track: Mapping, kind: str) -> list[str]:
    value = track.get(f"meta_{kind}") or track.get(f"heard_{kind}") or []
    return [value] if isinstance(value, str) else value


def _names(text: Text) -> set[str]:
    """What a text may be joined by: as it says, and in the vocabulary's words."""
    if text.kind == "track":
        return {text.about}
    kinds = {"genre": ("genre",), "music": TOPICS}.get(text.kind, ())
    return {fold(text.about), *(fold(canonical(kind, text.about)) for kind in kinds)}


def _text(row: dict) -> Text:
    return Text(**{name: row[name] for name in ("kind", "about", "form", "text", "source")})
