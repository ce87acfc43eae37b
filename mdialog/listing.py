"""Found tracks as a table for people or rows for programs."""

import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mdialog.catalog import Catalog, Hit

_COLUMNS = ("track_id", "meta_genre", "heard_genre", "measured_tempo_bpm", "measured_key")
_WIDEST = 32  # characters of a column


def rows_of(catalog: "Catalog", hits: "Sequence[Hit]") -> list[dict]:
    """Hits with what people want to see beside them, in the order of the hits.

    Returns
    -------
    list of dict
        ``score, title, artist, tempo_bpm, key, genre, track_id, path, why``; `genre` is the one read, else the
        ones heard.
    """
    if not hits:
        return []
    from lancedb.expr import col

    found = catalog.columns(_COLUMNS, where=col("track_id").isin([hit.track_id for hit in hits])).to_pylist()
    by_id = {row["track_id"]: row for row in found}
    rows = []
    for hit in hits:
        row = by_id[hit.track_id]
        rows.append({"score": hit.score, "title": hit.title, "artist": hit.artist,
                     "tempo_bpm": row["measured_tempo_bpm"], "key": row["measured_key"],
                     "genre": row["meta_genre"] or row["heard_genre"] or [], "track_id": hit.track_id,
                     "path": hit.path, "why": hit.why})  # fmt: skip
    return rows


def table(rows: Sequence[dict]) -> str:
    """Rows of :func:`rows_of` as aligned columns; what is unknown is a dash."""
    head = ("score", "title", "artist", "tempo", "key", "genre", "id")
    body = [
        (
            _number(row["score"], ".2f"), row["title"], row["artist"], _number(row["tempo_bpm"], ".0f"), row["key"],
            ", ".join(row["genre"]), row["track_id"],
        )
        for row in rows
    ]  # fmt: skip
    cells = [head] + [tuple(_cell(value) for value in line) for line in body]
    widths = [max(map(_width, column)) for column in zip(*cells, strict=True)]
    padded = (("  ".join(c + " " * (w - _width(c)) for c, w in zip(line, widths, strict=True))) for line in cells)
    return "\n".join(line.rstrip() for line in padded)


def _number(value: float | None, form: str) -> str | None:
    return None if value is None else f"{value:{form}}"


def _cell(value: str | None) -> str:
    text = " ".join("".join(c if c.isprintable() else " " for c in value or "").split()) or "-"
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"


def _width(text: str) -> int:
    """Columns of a terminal that it takes."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
