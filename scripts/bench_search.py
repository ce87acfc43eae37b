"""How fast search is, and whether it finds what brute force finds, on drawn catalogues of several sizes.

    python scripts/bench_search.py [--rows 2000 20000 100000] [--dim 512] [--repeats 15] [--folder DIR]

Rows are drawn, not ingested: embeddings around 200 centres, metadata, measured tempo. The reference ranks all rows in
numpy. Times are medians over different queries, the catalogue warm.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from mdialog import vocab
from mdialog.background import make_background
from mdialog.catalog import Catalog
from mdialog.clap import heard_labels
from mdialog.metadata import Metadata
from mdialog.schema import heard_columns, track_row

LIMIT = 10


class DrawnClap:
    """Stands for a model where only the catalogue is measured: texts have drawn directions."""

    model_id = "drawn@00000000"

    def __init__(self, dim: int):
        self.dim = dim
        self.model = SimpleNamespace(config=SimpleNamespace())
        self.zero_shot = SimpleNamespace(labels=heard_labels())

    def embed_text(self, texts):
        return unit(np.stack([np.random.default_rng(list(t.encode())).normal(size=self.dim) for t in texts]))


def unit(x: np.ndarray) -> np.ndarray:
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


def draw(n: int, dim: int, rng) -> tuple[list[dict], np.ndarray]:
    """Rows of `tracks` and their embeddings (n, dim)."""
    centres = rng.normal(size=(200, dim))
    embeddings = unit(centres[rng.integers(200, size=n)] + rng.normal(size=(n, dim)))
    genres, labels = vocab.load()["genre"].names, len(heard_labels())
    rows = []
    for i in range(n):
        said = Metadata(
            title=f"Title {i}", artist=f"Artist {i % (n // 10)}", year=int(rng.integers(1950, 2025)),
            genre=(genres[rng.integers(len(genres))],) if rng.random() < 0.8 else (), popularity=float(rng.uniform(0, 100)),
        )  # fmt: skip
        heard = heard_columns(embeddings[i], np.zeros(labels, np.float32), {})
        file = {"track_id": f"{i:016x}", "path": f"/music/{i}.flac", "silent": False}
        rows.append(track_row(file, said, heard=heard) | {"measured_tempo_bpm": float(rng.uniform(50, 200))})
    return rows, embeddings


def fill(folder: Path, rows: list[dict], embeddings: np.ndarray, clap: DrawnClap) -> Catalog:
    catalog = Catalog.create(folder, clap=clap)
    catalog.set_background(make_background(embeddings, model_id=clap.model_id, labels=clap.zero_shot.labels))
    for start in range(0, len(rows), 5000):
        catalog.write(rows[start : start + 5000], [])
    catalog.optimize()
    return catalog


def brute_force(catalog: Catalog, text: str, embeddings: np.ndarray, keep: np.ndarray) -> list[str]:
    """Ids by the sum of z-scores over all rows, for queries of ``~track`` and text only."""
    query = catalog.parse(text)
    total = np.zeros(len(embeddings))
    for term in query.ranked:
        is_track = term.target == "track"
        target = embeddings[int(term.value, 16)] if is_track else catalog.clap.embed_text([term.value])[0]
        mean, std = catalog.background.moments(target[None])
        total += term.sign * (embeddings @ target - mean[0]) / std[0]
        if is_track:
            keep = keep & (np.arange(len(embeddings)) != int(term.value, 16))
    total[~keep] = -np.inf
    best = np.argsort(-total, kind="stable")[: min(LIMIT, keep.sum())]
    return [f"{i:016x}" for i in best]


def measure(catalog: Catalog, rows: list[dict], embeddings: np.ndarray, *, repeats: int, rng) -> None:
    tempo = np.array([row["measured_tempo_bpm"] for row in rows])
    genre = np.array([(row["meta_genre"] or [""])[0] for row in rows])
    everything = np.ones(len(rows), bool)
    kinds = {
        "predicates only": ("genre:jazz tempo:>120", None),
        "~track": ("~track:{id}", everything),
        "~track, one in 25": ("genre:jazz tempo:>120 ~track:{id}", (genre == "jazz") & (tempo > 120)),
        "~track -text, half": ('tempo:>125 ~track:{id} -"{word}"', tempo > 125),
    }
    for name, (pattern, keep) in kinds.items():
        took, by_hand, found, wanted = [], [], 0, 0
        for i in range(repeats + 1):
            text = pattern.format(id=f"{rng.integers(len(rows)):016x}", word=f"word {i}")
            began = time.perf_counter()
            hits = [hit.track_id for hit in catalog.search(text, limit=LIMIT)]
            took.append(time.perf_counter() - began)
            if keep is not None:
                began = time.perf_counter()
                expected = brute_force(catalog, text, embeddings, keep)
                by_hand.append(time.perf_counter() - began)
                found, wanted = found + len(set(hits) & set(expected)), wanted + len(expected)
        line = f"{len(rows):>8} rows   {name:<20} {1e3 * statistics.median(took[1:]):7.1f} ms"
        if wanted:
            line += f"   numpy {1e3 * statistics.median(by_hand[1:]):6.1f} ms   recall@{LIMIT} {found / wanted:.3f}"
        print(line, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[2_000, 20_000, 100_000])
    parser.add_argument("--dim", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--folder", help="where the catalogues go; a temporary folder by default")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        for n in args.rows:
            rng = np.random.default_rng(n)
            rows, embeddings = draw(n, args.dim, rng)
            began = time.perf_counter()
            catalog = fill(Path(folder, str(n)), rows, embeddings, DrawnClap(args.dim))
            print(f"{n:>8} rows written and indexed at {n / (time.perf_counter() - began):.0f} rows/s", flush=True)
            measure(catalog, rows, embeddings, repeats=args.repeats, rng=rng)


if __name__ == "__main__":
    main()
