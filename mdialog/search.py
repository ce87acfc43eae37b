"""Search: the predicates of a query as a prefilter, its ranked terms as one exact vector search."""

import heapq
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mdialog.errors import QueryError
from mdialog.filters import compile_filter, terms
from mdialog.query import Query, Ranked, at_spot, did_you_mean, fold
from mdialog.schema import matrix

if TYPE_CHECKING:
    from lancedb.expr import Expr

    from mdialog.catalog import Catalog

_SHOWN = ("track_id", "meta_title", "meta_artist", "path")
# LanceDB computes distances in float32; hits this far past the limit are scored again in float64.
_MARGIN = 32


@dataclass(frozen=True)
class Hit:
    """One found track.

    Parameters
    ----------
    track_id : str
    score : float or None
        Sum of `why`; None where the query ranks nothing.
    title, artist, path : str or None
    why : dict of str to float
        Each ranked term's part: the z-score of its cosine against the background, negative where it pushes away.
    """

    track_id: str
    score: float | None
    title: str | None
    artist: str | None
    path: str | None
    why: dict[str, float]


def find(catalog: "Catalog", query: Query, *, limit: int) -> list[Hit]:
    """What :meth:`Catalog.search` gives."""
    if limit < 1:
        raise QueryError(f"limit is {limit}; it must be 1 or more")
    where = compile_filter(query)
    if not query.ranked:
        return _unranked(catalog, where, limit=limit)
    targets, seeds = _targets(catalog, query)
    if seeds:
        from lancedb.expr import col

        others = ~col("track_id").isin(sorted(seeds))
        where = others if where is None else where & others
    return _ranked(catalog, query.ranked, targets, where, limit=limit)


def _ranked(
    catalog: "Catalog", ranked: tuple[Ranked, ...], targets: np.ndarray, where: "Expr | None", *, limit: int
) -> list[Hit]:
    """Sum of signed z-scores. It is linear in the embedding, so one vector search gives its order exactly."""
    mean, std = catalog.background.moments(targets)
    signs = np.array([term.sign for term in ranked], np.float64)
    direction = (targets * (signs / std)[:, None]).sum(axis=0)
    norm = np.linalg.norm(direction)
    tracks = catalog.table("tracks")
    if norm < 1e-6:  # the terms cancel: every track scores alike
        direction, norm = np.eye(1, len(direction))[0], 1.0
        n = max(1, tracks.count_rows())
    else:
        n = limit + _MARGIN
    search = tracks.search((direction / norm).astype(np.float32), vector_column_name="embedding")
    search = search.distance_type("cosine").bypass_vector_index().limit(n)
    if where is not None:
        search = search.where(where, prefilter=True)
    rows = search.select([*_SHOWN, "embedding", "_distance"]).to_arrow()
    if not rows.num_rows:
        return []
    embeddings = matrix(rows["embedding"]).astype(np.float64)
    parts = signs * ((embeddings @ targets.T - mean) / std)  # (rows, terms)
    total = parts.sum(axis=1)
    found = rows.drop_columns(["embedding", "_distance"]).to_pylist()
    order = sorted(range(len(found)), key=lambda i: (-round(total[i], 9), found[i]["track_id"]))[:limit]
    names = _unique([str(term) for term in ranked])
    return [_hit(found[i], float(total[i]), dict(zip(names, parts[i].tolist(), strict=True))) for i in order]


def _unranked(catalog: "Catalog", where: "Expr | None", *, limit: int) -> list[Hit]:
    rows = catalog.columns([*_SHOWN, "meta_popularity"], where=where).to_pylist()

    def order(row: dict):
        popularity = row["meta_popularity"]
        known = (popularity is None, -(popularity or 0.0))
        return (*known, row["meta_title"] is None, fold(row["meta_title"] or ""), row["track_id"])

    return [_hit(row, None, {}) for row in heapq.nsmallest(limit, rows, key=order)]


def _targets(catalog: "Catalog", query: Query) -> tuple[np.ndarray, set[str]]:
    """Embeddings to be near to or far from, one a ranked term, and the ids that ``~track`` names."""
    targets = np.zeros((len(query.ranked), catalog.about.dim))
    seeds = set()
    for i, term in enumerate(query.ranked):
        if term.target == "text":  # one by one: padding in a batch would change the last digits
            targets[i] = catalog.clap.embed_text([term.value])[0]
        elif term.target == "track":
            track_id = _find(catalog, query, term)
            seeds.add(track_id)
            targets[i] = _track_embedding(catalog, query, term, track_id)
        elif term.target == "artist":
            targets[i] = _artist_embedding(catalog, query, term)
    return targets, seeds


def _find(catalog: "Catalog", query: Query, term: Ranked) -> str:
    """The one track id that is, or starts with, what the term says."""
    from lancedb.expr import col, lit

    start = term.value
    # The largest character bounds all ids with this start; typed expressions have no "starts with".
    starts = (col("track_id") >= lit(start)) & (col("track_id") < lit(start + "\U0010ffff"))
    ids = sorted(catalog.columns(["track_id"], where=starts)["track_id"].to_pylist())
    if start in ids or len(ids) == 1:
        return start if start in ids else ids[0]
    if not ids:
        raise at_spot(query.text, term.span, f"no track {start!r} in {catalog.path}; `mdialog search` prints the ids")
    shown = ", ".join(ids[:5]) + (" …" if len(ids) > 5 else "")
    raise at_spot(query.text, term.span, f"{start!r} starts {len(ids)} ids; write more of it: {shown}")


def _track_embedding(catalog: "Catalog", query: Query, term: Ranked, track_id: str) -> np.ndarray:
    from lancedb.expr import col, lit

    found = catalog.columns(["embedding"], where=col("track_id") == lit(track_id))["embedding"].combine_chunks()
    if found[0].as_py() is None:
        raise at_spot(query.text, term.span, f"track {track_id} has no sound to compare with; take another one")
    return matrix(found)[0]


def _artist_embedding(catalog: "Catalog", query: Query, term: Ranked) -> np.ndarray:
    from lancedb.expr import col, lit

    found = catalog.columns(["embedding"], where=col("meta_artist_terms") == lit(terms([term.value]) or ""))
    if not found.num_rows:
        artists = {a for a in catalog.columns(["meta_artist"])["meta_artist"].to_pylist() if a}
        near = did_you_mean(term.value, artists)
        rule = f"no artist {term.value!r} in {catalog.path}; {near}write the name as the catalogue has it"
        raise at_spot(query.text, term.span, rule)
    heard = found["embedding"].drop_null()
    if not len(heard):
        rule = f"no track of {term.value!r} has sound to compare with; take another artist"
        raise at_spot(query.text, term.span, rule)
    mean = matrix(heard).mean(axis=0)
    return mean / max(np.linalg.norm(mean), 1e-12)


def _hit(row: dict, score: float | None, why: dict[str, float]) -> Hit:
    return Hit(row["track_id"], score, row["meta_title"], row["meta_artist"], row["path"], why)


def _unique(names: list[str]) -> list[str]:
    """Names that repeat are numbered: a mapping must hold each."""
    return [name if names.index(name) == i else f"{name} #{i + 1}" for i, name in enumerate(names)]
