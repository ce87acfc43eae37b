"""Columns of the catalogue's two tables, and rows from what was read, measured and heard.

``meta_*`` was read, ``measured_*`` comes from the signal, ``heard_*`` from CLAP. Columns ``*_terms`` repeat words in
the folded form that queries compare; ``genre_terms`` and its like hold the metadata's words where the track has any,
else the heard ones.
"""

import dataclasses
import json
import math
import types
import typing
from functools import cache

import numpy as np
import pyarrow as pa

from mdialog import vocab
from mdialog.filters import terms
from mdialog.metadata import Metadata
from mdialog.query import WORD_SOURCES
from mdialog.tags import Measured, words

SCHEMA_VERSION = 2
# Columns that version 1 lacks; an old catalogue gets them, empty, at its next ingest.
ADDED_COLUMNS = ("meta_caption", "meta_aspects", "meta_events")

_WORDS = pa.list_(pa.string())
_SCALARS = {float: pa.float64(), int: pa.int64(), str: pa.string(), bool: pa.bool_()}
# Kinds whose words the signal gives by measure; CLAP's scores of them are kept, but make no tags.
MEASURED_KINDS = tuple(kind for kind, sources in WORD_SOURCES.items() if sources == ("measured",))
_MEASURED_WORDS = (*MEASURED_KINDS, "course")

_FILE_COLUMNS = [
    pa.field("track_id", pa.string(), nullable=False),
    pa.field("path", pa.string()),
    pa.field("content_hash", pa.string()),
    pa.field("size", pa.int64()),
    pa.field("mtime_ns", pa.int64()),
    pa.field("table_hash", pa.string()),
    pa.field("duration_s", pa.float64()),
    pa.field("sample_rate", pa.int32()),
    pa.field("channels", pa.int32()),
    pa.field("silent", pa.bool_()),
    pa.field("schema_version", pa.int32()),
    pa.field("clap_model", pa.string()),
]
_WINDOW_COLUMNS = [
    pa.field("track_id", pa.string(), nullable=False),
    pa.field("index", pa.int32(), nullable=False),
    pa.field("start_s", pa.float64(), nullable=False),
    pa.field("end_s", pa.float64(), nullable=False),
]


def heard_kinds() -> tuple[str, ...]:
    """Kinds with a ``heard_<kind>`` column: those that CLAP has prompts for and nothing measures."""
    return tuple(k.name for k in vocab.load() if any(v.prompts for v in k.values) and k.name not in MEASURED_KINDS)


def track_schema(*, dim: int, n_labels: int) -> pa.Schema:
    """Columns of the table `tracks`, for a CLAP of `dim` dimensions and `n_labels` zero-shot labels."""
    searchable = [f"{source}_{'title' if kind == 'track' else kind}_terms" for kind, source in _term_sources()]
    fields = [*_FILE_COLUMNS, *_meta_columns(), *_heard_and_measured(dim=dim, n_labels=n_labels)]
    fields += [pa.field(name, pa.string()) for name in searchable]
    fields += [pa.field(f"{kind}_terms", pa.string()) for kind in _fallback_kinds()]
    return pa.schema(fields)


def window_schema(*, dim: int, n_labels: int) -> pa.Schema:
    """Columns of the table `windows`."""
    return pa.schema([*_WINDOW_COLUMNS, *_heard_and_measured(dim=dim, n_labels=n_labels)])


def _heard_and_measured(*, dim: int, n_labels: int) -> list[pa.Field]:
    fields = [pa.field(f"measured_{name}", kind) for name, kind in measured_columns().items()]
    fields += [pa.field(f"heard_{kind}", _WORDS) for kind in heard_kinds()]
    fields.append(pa.field("heard_scores", pa.list_(pa.float32(), n_labels)))
    fields.append(pa.field("embedding", pa.list_(pa.float32(), dim)))
    return fields


def _meta_columns() -> list[pa.Field]:
    hints = typing.get_type_hints(Metadata)
    fields = [pa.field(f"meta_{f.name}", _arrow_type(hints[f.name])) for f in dataclasses.fields(Metadata)]
    return fields


def _term_sources() -> list[tuple[str, str]]:
    return [(kind, s) for kind, sources in WORD_SOURCES.items() for s in sources if s != "measured"]


def _fallback_kinds() -> list[str]:
    return [kind for kind, sources in WORD_SOURCES.items() if len(sources) > 1]


@cache
def measured_columns() -> dict[str, pa.DataType]:
    """Names (without ``measured_``) and types: every field of ``Measured``, and the word of every measured kind.

    Where a kind's number has the word's name, the word is ``<kind>_word``.
    """
    hints = typing.get_type_hints(Measured)
    columns = {f.name: _arrow_type(hints[f.name]) for f in dataclasses.fields(Measured)}
    for kind in _MEASURED_WORDS:
        columns.setdefault(_word_name(kind), pa.string())
    return columns


def _word_name(kind: str) -> str:
    hint = typing.get_type_hints(Measured).get(kind)
    return kind if hint is None or _arrow_type(hint) == pa.string() else f"{kind}_word"


def _arrow_type(hint: typing.Any) -> pa.DataType:
    """Arrow type of a field's annotation; ``X | None`` is X, a dict is its JSON text."""
    origin, args = typing.get_origin(hint), [a for a in typing.get_args(hint) if a not in (type(None), Ellipsis)]
    if origin in (typing.Union, types.UnionType):
        return _arrow_type(args[0])
    if hint is np.ndarray:
        return pa.list_(pa.float32())
    if origin in (tuple, list) and dataclasses.is_dataclass(args[0]):
        hints = typing.get_type_hints(args[0])
        return pa.list_(pa.struct([(f.name, _arrow_type(hints[f.name])) for f in dataclasses.fields(args[0])]))
    if origin in (tuple, list):
        return pa.list_(pa.float32() if args[0] is float else _SCALARS[args[0]])
    return pa.string() if origin is dict else _SCALARS[hint]


def track_row(file: dict, metadata: Metadata, *, measured: Measured | None = None, heard: dict | None = None) -> dict:
    """One row of `tracks`.

    Parameters
    ----------
    file : dict
        Columns of the file itself: ``track_id``, ``path``, ``content_hash`` ...
    metadata : Metadata
    measured : Measured or None
        None for a silent track or one without sound.
    heard : dict or None
        From :func:`heard_columns`.
    """
    row = {**file, **meta_columns(metadata), **measured_row(measured), **(heard or {})}
    row["schema_version"] = SCHEMA_VERSION
    return row | term_columns(row)


def meta_columns(metadata: Metadata) -> dict:
    """``meta_*`` columns."""
    row = {f"meta_{f.name}": getattr(metadata, f.name) for f in dataclasses.fields(metadata)}
    row["meta_extra"] = json.dumps(metadata.extra, ensure_ascii=False, sort_keys=True)
    return {k: _plain(v) for k, v in row.items()}


def measured_row(measured: Measured | None) -> dict:
    """``measured_*`` columns, the words included; empty for None."""
    if measured is None:
        return {}
    row = {f"measured_{f.name}": _plain(getattr(measured, f.name)) for f in dataclasses.fields(measured)}
    for kind, word in words(measured).items():
        if kind in _MEASURED_WORDS:
            row[f"measured_{_word_name(kind)}"] = word
    return row


def heard_columns(embedding: np.ndarray, scores: np.ndarray, values: dict[str, list[str]]) -> dict:
    """``heard_*`` columns and the embedding.

    Parameters
    ----------
    embedding : np.ndarray [shape=(dim,)]
    scores : np.ndarray [shape=(n_labels,)]
    values : dict
        Of ``background.heard_values``.
    """
    row = {f"heard_{kind}": values.get(kind, []) for kind in heard_kinds()}
    return row | {"heard_scores": scores, "embedding": embedding}


def term_columns(row: dict) -> dict:
    """``*_terms`` columns of a row of `tracks` from its ``meta_*`` and ``heard_*`` ones."""
    found = {}
    for kind, source in _term_sources():
        name = "title" if kind == "track" else kind
        value = row.get(f"{source}_{name}")
        found[f"{source}_{name}_terms"] = terms([value] if isinstance(value, str) else list(value or ()))
    for kind in _fallback_kinds():
        found[f"{kind}_terms"] = next((t for s in WORD_SOURCES[kind] if (t := found[f"{s}_{kind}_terms"])), None)
    return found


def to_table(rows: list[dict], schema: pa.Schema) -> pa.Table:
    """Rows as an Arrow table; a missing column is null."""
    unknown = {name for row in rows for name in row} - set(schema.names)
    if unknown:
        raise ValueError(f"columns {sorted(unknown)} are not in the schema")
    return pa.table({f.name: pa.array([row.get(f.name) for row in rows], f.type) for f in schema}, schema=schema)


def matrix(column: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """A fixed-size list column without nulls as an array [shape=(rows, dim), dtype=float32]."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return array.flatten().to_numpy(zero_copy_only=False).reshape(len(array), -1)


def _plain(value):
    """A value as Arrow takes it; NaN and infinity are missing values."""
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, tuple):
        return [dataclasses.asdict(v) if dataclasses.is_dataclass(v) else v for v in value] or None
    if isinstance(value, np.generic):
        return value.item()
    return value
