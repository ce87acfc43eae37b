"""The catalogue: the LanceDB tables `tracks` and `windows`, and the questions one can ask of them."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from mdialog.background import Background
from mdialog.errors import InputError, ModelError
from mdialog.filters import SEPARATOR, compile_filter
from mdialog.query import Query, did_you_mean, parse
from mdialog.schema import ADDED_COLUMNS, SCHEMA_VERSION, matrix, to_table, track_schema, window_schema
from mdialog.search import Hit, find

if TYPE_CHECKING:
    from lancedb.expr import Expr

    from mdialog.clap import Clap

TABLES = ("tracks", "windows")
# Scalar indexes cost more than they save below this.
INDEX_FROM_ROWS = 10_000
_BTREE = ("track_id", "measured_tempo_bpm", "measured_energy", "meta_year", "meta_popularity")
_BITMAP = ("measured_tempo", "measured_key", "measured_mode", "measured_energy_word")
_META_KEY = b"mdialog"
# LanceDB takes a missing vector for a bad one; tracks without sound have none.
_NULLS = "null"


@dataclass(frozen=True)
class About:
    """What a catalogue was made with; it never mixes two models.

    Parameters
    ----------
    schema_version : int
    clap_model : str
        ``Clap.model_id``.
    clap_source : str
        What ``Clap.load`` was given.
    dim : int
    labels : tuple of (kind, value)
        Order of ``heard_scores``.
    """

    schema_version: int
    clap_model: str
    clap_source: str
    dim: int
    labels: tuple[tuple[str, str], ...]


class Catalog:
    """An open catalogue; make one with :meth:`open` or :meth:`create`."""

    def __init__(self, db, about: About, *, path: str, clap: "Clap | None" = None, device: str = "cpu"):
        self._db, self.about, self.path, self._clap, self._device = db, about, path, clap, device
        self._tables: dict = {}

    @classmethod
    def open(cls, path: str | Path, *, clap: "Clap | None" = None, device: str = "cpu") -> "Catalog":
        """Open a catalogue that exists.

        Parameters
        ----------
        path : str or Path
            A folder, or any URI that LanceDB takes (``s3://…``).
        clap : Clap, optional
            For free text; loaded when first needed if not given.
        device : str
            Where it is loaded.

        Raises
        ------
        InputError
            If there is none, or it was made by another version of the columns.
        """
        path = str(path)
        missing = InputError(f"no catalogue at {path}; make one with `mdialog ingest DIR --catalog {path}`")
        if "://" not in path and not Path(path).is_dir():
            raise missing
        db = _connect(path)
        try:
            schema = db.open_table("tracks").schema
        except (ValueError, FileNotFoundError) as error:
            raise missing from error
        raw = json.loads((schema.metadata or {}).get(_META_KEY, b"{}"))
        if raw.get("schema_version") not in (1, SCHEMA_VERSION):  # version 1 only lacks ADDED_COLUMNS
            raise InputError(
                f"catalogue {path} has schema version {raw.get('schema_version')}, "
                f"this mdialog reads {SCHEMA_VERSION}; "
                "ingest the music again into a new --catalog"
            )
        raw["labels"] = tuple(tuple(label) for label in raw["labels"])
        catalog = cls(db, About(**raw), path=path, device=device)
        if clap is not None:
            catalog.use(clap)
        return catalog

    @classmethod
    def create(cls, path: str | Path, *, clap: "Clap", clap_source: str | None = None) -> "Catalog":
        """Make an empty catalogue for a CLAP model, or open the one that is there.

        Parameters
        ----------
        path : str or Path
        clap : Clap
        clap_source : str, optional
            What to give ``Clap.load`` to get it again; the model's own name by default.

        Raises
        ------
        InputError
            If there is a catalogue made with another model, vocabulary or version of the columns.
        """
        try:
            catalog = cls.open(path)
        except InputError as error:
            if "no catalogue" not in str(error):
                raise
        else:
            catalog.use(clap)
            catalog._add_columns()
            return catalog
        source = clap_source or str(getattr(clap.model.config, "_name_or_path", "") or "")
        about = About(SCHEMA_VERSION, clap.model_id, source, clap.dim, tuple(clap.zero_shot.labels))
        metadata = {_META_KEY: json.dumps(about.__dict__)}
        db = _connect(str(path))
        sizes = {"dim": about.dim, "n_labels": len(about.labels)}
        # `tracks` last: a catalogue without it does not exist, so that a kill in between leaves nothing half made.
        db.create_table("windows", schema=window_schema(**sizes).with_metadata(metadata), mode="overwrite")
        db.create_table("tracks", schema=track_schema(**sizes).with_metadata(metadata), mode="overwrite")
        return cls(db, about, path=str(path), clap=clap)

    def use(self, clap: "Clap") -> None:
        """Take `clap` for texts and sounds from here on.

        Raises
        ------
        InputError
            If the catalogue was made with another model or vocabulary.
        """
        if clap.model_id != self.about.clap_model:
            raise InputError(
                f"catalogue {self.path} was made with CLAP {self.about.clap_model}, not {clap.model_id}; embeddings of "
                f"two models do not mix: use --clap {self.about.clap_source or self.about.clap_model}, "
                "or ingest into a new --catalog"
            )
        if tuple(clap.zero_shot.labels) != self.about.labels:
            raise InputError(
                f"catalogue {self.path} was made with another vocabulary ({len(self.about.labels)} labels, now "
                f"{len(clap.zero_shot.labels)}); ingest into a new --catalog"
            )
        self._clap = clap

    @property
    def clap(self) -> "Clap":
        """The model that the catalogue was made with, loaded when first needed."""
        if self._clap is None:
            from mdialog.clap import Clap

            if not self.about.clap_source:
                raise ModelError(f"catalogue {self.path} does not say where {self.about.clap_model} lies; give --clap")
            self.use(Clap.load(self.about.clap_source, device=self._device))
        return self._clap

    @property
    def labels(self) -> tuple[tuple[str, str], ...]:
        """Order of the column ``heard_scores``."""
        return self.about.labels

    def __len__(self) -> int:
        return self.table("tracks").count_rows()

    def table(self, name: str):
        """The LanceDB table `tracks` or `windows`, at its newest version."""
        if name not in self._tables:
            self._tables[name] = self._db.open_table(name)
        return self._tables[name]

    def beside(self, name: str, schema: pa.Schema | None = None):
        """A LanceDB table of another name in the same place; where it is not, made empty with a schema, else None."""
        try:
            return self._db.open_table(name)
        except (ValueError, FileNotFoundError):
            return None if schema is None else self._db.create_table(name, schema=schema, exist_ok=True)

    def columns(self, names: Sequence[str], *, table: str = "tracks", where: "Expr | None" = None) -> pa.Table:
        """Columns of a table, read once: for the planning snapshot, plots and counts.

        Parameters
        ----------
        names : sequence of str
        table : {'tracks', 'windows'}
        where : lancedb.expr.Expr, optional

        Raises
        ------
        InputError
            If a column is not there.
        """
        opened = self.table(table)
        if unknown := [name for name in names if name not in opened.schema.names]:
            if table == "tracks" and unknown[0] in ADDED_COLUMNS:
                raise InputError(
                    f"catalogue {self.path} has schema version 1, without {unknown[0]}; "
                    f"run `mdialog ingest DIR --catalog {self.path}` on it once, which adds it"
                )
            valid = opened.schema.names
            near = did_you_mean(unknown[0], valid)
            raise InputError(f"table {table} has no column {unknown[0]!r}; {near}it has: {', '.join(valid)}")
        n = opened.count_rows()
        schema = pa.schema([opened.schema.field(name) for name in names])
        if not n:
            return schema.empty_table()
        search = opened.search().select(list(names)).limit(n)
        found = (search if where is None else search.where(where)).to_arrow()
        return found.select(list(names)).replace_schema_metadata(None)

    # --- questions ---------------------------------------------------------------------------------------

    def parse(self, query: str) -> Query:
        """Read a query; values that this catalogue's metadata holds are valid beside the vocabulary's."""
        return parse(query, known=self._known_words)

    def search(self, query: str | Query, *, limit: int = 10) -> list[Hit]:
        """The best tracks for a query, by exact search.

        Parameters
        ----------
        query : str or Query
            See ``mdialog.query``. A track that ``~track`` names is not among its own hits. Where a term ranks,
            tracks without sound have no rank and are left out; where none does, the order is popularity, then title.
        limit : int > 0

        Raises
        ------
        QueryError
            If it does not parse, or names a track or an artist that is not there.
        """
        query = self.parse(query) if isinstance(query, str) else query
        return find(self, query, limit=limit)

    def matching(self, query: str | Query) -> list[str]:
        """Ids of all tracks that satisfy the query's predicates, sorted."""
        query = self.parse(query) if isinstance(query, str) else query
        return sorted(self.columns(["track_id"], where=compile_filter(query))["track_id"].to_pylist())

    def _known_words(self, kind: str) -> set[str]:
        column = f"meta_{kind}_terms"
        if column not in self.table("tracks").schema.names:
            return set()
        texts = self.columns([column])[column].unique().to_pylist()
        return {word for text in texts if text for word in text.split(SEPARATOR) if word}

    # --- the background ----------------------------------------------------------------------------------

    @cached_property
    def background(self) -> Background:
        """The sample that similarities are read against.

        Raises
        ------
        InputError
            If the catalogue has none yet, as no sound has been ingested.
        """
        try:
            table = self._db.open_table("background")
        except (ValueError, FileNotFoundError) as error:
            raise InputError(f"catalogue {self.path} holds no sound yet; ingest some before ranking by it") from error
        raw = json.loads(table.schema.metadata[_META_KEY])
        stored = matrix(table.search().limit(table.count_rows()).select(["index", "embedding"]).to_arrow()["embedding"])
        return Background(raw["model_id"], stored, self.about.labels, np.array(raw["thresholds"], np.float32))

    @property
    def has_background(self) -> bool:
        return "background" in self._db.list_tables().tables

    def set_background(self, background: Background) -> None:
        """Store the sample, once: from then on it is fixed.

        Raises
        ------
        InputError
            If there is one already, or it belongs to another model.
        """
        if self.has_background:
            raise InputError(f"catalogue {self.path} has its background; a new one needs a new --catalog")
        if background.model_id != self.about.clap_model:
            raise InputError(f"background of {background.model_id} for a catalogue of {self.about.clap_model}")
        raw = {"model_id": background.model_id, "thresholds": background.thresholds.tolist()}
        schema = pa.schema([("index", pa.int32()), ("embedding", pa.list_(pa.float32(), self.about.dim))])
        rows = [{"index": i, "embedding": e} for i, e in enumerate(background.embeddings)]
        table = to_table(rows, schema).replace_schema_metadata({_META_KEY: json.dumps(raw)})
        self._db.create_table("background", data=table)
        self.__dict__.pop("background", None)

    # --- writing -----------------------------------------------------------------------------------------

    def write(self, tracks: list[dict], windows: list[dict], *, replaces: Iterable[str] = ()) -> None:
        """Write a batch of tracks with all of their windows; rows of ``mdialog.schema``.

        Windows go first: a track whose row is there is complete, and windows whose track is not are swept by
        :meth:`sweep`.

        Parameters
        ----------
        tracks, windows : list of dict
        replaces : iterable of str
            Ids whose rows go away once the new ones are there.
        """
        ids = [row["track_id"] for row in tracks]
        table = self.table("windows")
        if present := self._present(ids):
            table.delete(_among(present))
        if windows:
            table.add(to_table(windows, window_schema(**self._sizes)), on_bad_vectors=_NULLS)
        if tracks:
            merge = self.table("tracks").merge_insert("track_id").when_matched_update_all()
            rows = to_table(tracks, track_schema(**self._sizes))
            merge.when_not_matched_insert_all().execute(rows, on_bad_vectors=_NULLS)
        self.remove(set(replaces) - set(ids))

    def update(self, tracks: list[dict]) -> None:
        """Write rows of tracks that are there, whole; their windows stay."""
        merge = self.table("tracks").merge_insert("track_id").when_matched_update_all()
        merge.execute(to_table(tracks, track_schema(**self._sizes)), on_bad_vectors=_NULLS)

    def remove(self, ids: Iterable[str]) -> None:
        """Remove tracks and their windows; ids that are not there are passed over."""
        ids = self._present(sorted(ids))
        for start in range(0, len(ids), 1000):
            for name in TABLES:
                self.table(name).delete(_among(ids[start : start + 1000]))

    def sweep(self) -> int:
        """Remove windows without a track, left by a killed ingest; returns how many."""
        tracks = self.columns(["track_id"])["track_id"].unique().to_pylist()
        windows = self.columns(["track_id"], table="windows")["track_id"]
        orphans = sorted(set(windows.unique().to_pylist()) - set(tracks))
        before = len(windows)
        for start in range(0, len(orphans), 1000):
            self.table("windows").delete(_among(orphans[start : start + 1000]))
        return before - self.table("windows").count_rows() if orphans else 0

    def optimize(self, *, index: bool = True) -> None:
        """Merge the fragments that batches leave; with `index`, keep scalar indexes where there are rows enough."""
        for name in TABLES:
            table = self.table(name)
            if index and name == "tracks" and table.count_rows() >= INDEX_FROM_ROWS:
                _index(table)
            table.optimize()

    def _add_columns(self) -> None:
        """Give a catalogue of version 1 the columns that it lacks, without values."""
        schema, tracks = track_schema(**self._sizes), self.table("tracks")
        if missing := [schema.field(name) for name in ADDED_COLUMNS if name not in tracks.schema.names]:
            tracks.add_columns(missing)
            self._tables.pop("tracks")

    def _present(self, ids: list[str]) -> list[str]:
        if not ids:
            return []
        return self.columns(["track_id"], where=_among(ids))["track_id"].to_pylist()

    @property
    def _sizes(self) -> dict[str, int]:
        return {"dim": self.about.dim, "n_labels": len(self.about.labels)}


def _connect(path: str):
    import lancedb

    # Interval 0: another process's newest rows are seen.
    return lancedb.connect(path, read_consistency_interval=timedelta(0))


def _index(table) -> None:
    from lancedb.index import Bitmap, BTree

    indexed = {column for index in table.list_indices() for column in index.columns}
    for columns, kind in ((_BTREE, BTree), (_BITMAP, Bitmap)):
        for column in columns:
            if column not in indexed:
                table.create_index(column, config=kind())


def _among(ids: list[str]) -> "Expr":
    from lancedb.expr import col

    return col("track_id").isin(ids)
