"""Shelf: every track of a catalogue that may be recommended and what is known of it, column by column, for ranking.

BM25 is computed here, over term counts of scikit-learn, not by LanceDB's full-text index: that one would have to be written
into the catalogue (which may be read-only, or on object storage) for every text column and kept up with each ingest, and it
scores by fragment.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mdialog.errors import InputError
from mdialog.filters import number_column, terms_column, word_column
from mdialog.mentions import Names, plain
from mdialog.query import NUMBER_SOURCES, WORD_SOURCES
from mdialog.schema import matrix
from mdialog.wants import function_words

# Words of a track that BM25 reads; a catalogue that lacks a column lacks its words.
TEXT_COLUMNS = (
    "meta_title", "meta_artist", "meta_album", "meta_genre", "meta_mood", "meta_theme", "meta_instrument", "meta_vocal",
    "meta_culture", "meta_tags", "meta_aspects", "meta_caption", "meta_description",
)  # fmt: skip
HEARD_COLUMNS = ("heard_genre", "heard_mood", "heard_theme", "heard_instrument", "heard_vocal")  # by which texts are found
K1, B = 1.2, 0.75  # of BM25, as Robertson and Zaragoza (2009) advise


@dataclass(frozen=True)
class Exposure:
    """Whom a list shows.

    Parameters
    ----------
    long_tail : float in [0, 1] or None
        Share of tracks under the catalogue's median popularity, of those whose popularity is known; None where it is of none.
    gini : float in [-1, 1] or None
        Gini coefficient of exposure over the tracks in the order of their popularity: 0 where all are shown alike, toward 1
        the more the best known ones are, under 0 where the least known ones are. A list shows its i-th track by
        ``1 / log2(i + 1)``; the catalogue is taken to be heard as its popularity says.
    """

    long_tail: float | None
    gini: float | None

    def __str__(self) -> str:
        if self.long_tail is None:
            return "popularity unknown"
        return f"long tail {self.long_tail:.2f}" + ("" if self.gini is None else f", Gini of exposure {self.gini:+.2f}")


class Shelf:
    """Every track that may be recommended, and what is known of it, column by column; make one with :meth:`of`.

    Parameters
    ----------
    table : pa.Table
        Rows of the table `tracks` that are not silent, in the order of their ids.
    catalog : Catalog
        For texts: its CLAP and its background.
    """

    def __init__(self, table: pa.Table, catalog):
        self.table, self.catalog = table, catalog
        self.ids: list[str] = table["track_id"].to_pylist()
        self.index = {track_id: i for i, track_id in enumerate(self.ids)}
        # One by one, as search does: padding in a batch would change the last digits.
        self.text_embedding = lru_cache(1024)(lambda text: catalog.clap.embed_text([text])[0])

    @classmethod
    def of(cls, catalog) -> "Shelf":
        """Of a catalogue, the columns that ranking needs.

        Raises
        ------
        InputError
            If it holds no track.
        """
        held = set(catalog.table("tracks").schema.names)
        wanted = {"track_id", "path", "silent", "embedding", "meta_popularity", *TEXT_COLUMNS, *HEARD_COLUMNS}
        for kind, sources in WORD_SOURCES.items():
            wanted |= {column_of(kind, source) for source in sources}
        wanted |= {number_column(kind, source) for kind, sources in NUMBER_SOURCES.items() for source in sources}
        table = catalog.columns(sorted(wanted & held))
        table = table.filter(pc.invert(pc.fill_null(table["silent"], False))).sort_by("track_id")
        if not table.num_rows:
            raise InputError(f"catalogue {catalog.path} holds no track that can be recommended; ingest some music")
        return cls(table, catalog)

    def __len__(self) -> int:
        return len(self.ids)

    def column(self, name: str) -> pa.Array:
        """A column, of nulls where the catalogue lacks it."""
        if name not in self.table.column_names:
            return pa.nulls(len(self), pa.string())
        return self.table[name].combine_chunks()

    def numbers(self, kind: str, source: str) -> np.ndarray:
        """A kind's numbers from a source, NaN where unknown [shape=(n,)]."""
        return self.column(number_column(kind, source)).cast(pa.float64()).to_numpy(zero_copy_only=False).astype(float)

    @cached_property
    def embedding(self) -> np.ndarray:
        """Embeddings [shape=(n, dim)], zeros for a track without sound."""
        column = self.column("embedding")
        there = column.is_valid().to_numpy(zero_copy_only=False)
        out = np.zeros((len(self), self.catalog.about.dim), np.float32)
        if there.any():
            out[there] = matrix(column.drop_null())
        return out

    @cached_property
    def heard(self) -> np.ndarray:
        """Whether a track has sound [shape=(n,), dtype=bool]."""
        return self.embedding.any(axis=1)

    @cached_property
    def popularity(self) -> np.ndarray:
        """0 to 100 [shape=(n,)], NaN where unknown."""
        return self.numbers("popularity", "meta")

    @cached_property
    def renown(self) -> np.ndarray:
        """How well known a track is among the others: z-score of its rank by popularity, 0 where unknown [shape=(n,)]."""
        from scipy.stats import rankdata

        known = np.isfinite(self.popularity)
        out = np.zeros(len(self))
        if known.any():
            out[known] = standardised(rankdata(self.popularity[known]))
        return out

    @cached_property
    def long_tail(self) -> np.ndarray:
        """Tracks under the median popularity of those whose popularity is known [shape=(n,), dtype=bool]."""
        known = np.isfinite(self.popularity)
        return self.popularity < (np.median(self.popularity[known]) if known.any() else np.nan)

    @cached_property
    def artists(self) -> list[str | None]:
        return self.column("meta_artist").to_pylist()

    @cached_property
    def titles(self) -> list[str | None]:
        return self.column("meta_title").to_pylist()

    @cached_property
    def names(self) -> Names:
        """What a wish may name."""
        return Names.of(self.artists, self.titles)

    @cached_property
    def bm25(self) -> "Bm25":
        """Of metadata and of the texts that are kept beside the tracks."""
        return Bm25(self._documents())

    @cached_property
    def bm25_of_metadata(self) -> "Bm25":
        """Of metadata alone."""
        return Bm25(self._documents(texts=False))

    def _documents(self, *, texts: bool = True) -> list[str]:
        columns = [self.column(name).to_pylist() for name in TEXT_COLUMNS]
        if texts:
            columns.append(self._texts())
        parts = ([" ".join(v) if isinstance(v, list) else v for v in row if v] for row in zip(*columns, strict=True))
        return [" ".join(row) for row in parts]

    def _texts(self) -> list[list[str]]:
        """The texts about each track."""
        from mdialog.texts import JOINED_BY, by_track

        columns = (self.column(name).to_pylist() for name in JOINED_BY)
        return by_track(self.catalog, (dict(zip(JOINED_BY, row, strict=True)) for row in zip(*columns, strict=True)))

    def rows_named(self, kind: str, name: str) -> np.ndarray:
        """Numbers of the tracks of an artist, or with a title."""
        values, wanted = (self.artists if kind == "artist" else self.titles), plain(name)
        return np.array([i for i, value in enumerate(values) if value and plain(value) == wanted], dtype=int)

    def exposure(self, ids: Sequence[str] | None = None) -> Exposure:
        """Whom a list of tracks shows, best first; of None, whom the catalogue does."""
        known = np.isfinite(self.popularity)
        if ids is None:
            tracks, shown = np.arange(len(self)), np.nan_to_num(self.popularity)
        else:
            tracks = np.array([self.index[t] for t in ids], dtype=int)
            shown = np.zeros(len(self))
            shown[tracks] = 1 / np.log2(np.arange(2, len(tracks) + 2))
        listed = tracks[known[tracks]]
        if not len(listed):
            return Exposure(None, None)
        return Exposure(float(self.long_tail[listed].mean()), concentration(shown[known], self.popularity[known]))


def concentration(shown: np.ndarray, order: np.ndarray) -> float | None:
    """Gini coefficient of what is shown, over items in the order of `order` (the concentration index, Kakwani 1977).

    By their own order it is the Gini coefficient. Of equals in `order`, the mean of their ranks counts. None where nothing is
    shown.
    """
    from scipy.stats import rankdata

    total, n = shown.sum(), len(shown)
    return float(2 * (shown @ rankdata(order)) / (n * total) - (n + 1) / n) if total > 0 else None


class Bm25:
    """BM25 (Robertson and Zaragoza 2009) over texts; words without accents, function words left out.

    Parameters
    ----------
    texts : sequence of str
    """

    def __init__(self, texts: Sequence[str]):
        from sklearn.feature_extraction.text import CountVectorizer

        self._n = len(texts)
        stop_words = sorted(function_words())
        self._counter = CountVectorizer(strip_accents="unicode", stop_words=stop_words, token_pattern=r"(?u)\b\w+\b")
        try:
            counts = self._counter.fit_transform(texts).tocsc().astype(np.float64)
        except ValueError:  # not one word in all texts
            self._weights = None
            return
        length = np.asarray(counts.sum(axis=1)).ravel()
        df = np.diff(counts.indptr)
        idf = np.log(1 + (self._n - df + 0.5) / (df + 0.5))
        norm = K1 * (1 - B + B * length / max(length.mean(), 1e-9))
        tf = counts.data
        counts.data = tf * (K1 + 1) / (tf + norm[counts.indices]) * np.repeat(idf, df)
        self._weights = counts

    def scores(self, query: str) -> np.ndarray:
        """One score a text, 0 where they share no word [shape=(n,)]."""
        if self._weights is None:
            return np.zeros(self._n)
        found = [self._counter.vocabulary_[w] for w in self._counter.build_analyzer()(query) if w in self._counter.vocabulary_]
        return np.asarray(self._weights[:, found].sum(axis=1)).ravel() if found else np.zeros(self._n)


def column_of(kind: str, source: str) -> str:
    """Name of the column that holds a kind's words from a source."""
    return word_column(kind, source) if source == "measured" else terms_column(kind, source)


def standardised(x: np.ndarray) -> np.ndarray:
    """z-scores; zeros where all values are equal."""
    spread = x.std()
    return (x - x.mean()) / spread if spread > 1e-12 else np.zeros(len(x))
