"""Snapshot: the columns of a catalogue that planning needs, in memory and compact.

What a track is said to be is a bit: one packed bit set a value over all tracks, and the same bits by track. Tracks
are numbered 0..n-1; strings stay in Arrow.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mdialog import vocab
from mdialog.errors import InputError
from mdialog.metadata import EventSpan
from mdialog.plan import TrackRef
from mdialog.query import fold

# (kind, columns from the most to the least trusted): a track's first column with a value decides.
COLUMNS = (
    ("genre", ("meta_genre", "heard_genre")),
    ("mood", ("meta_mood", "heard_mood")),
    ("theme", ("meta_theme", "heard_theme")),
    ("instrument", ("meta_instrument", "heard_instrument")),
    ("vocal", ("meta_vocal", "heard_vocal")),
    ("tempo", ("measured_tempo",)),
    ("key", ("measured_key",)),
    ("mode", ("measured_mode",)),
    ("energy", ("measured_energy_word",)),
    ("metre", ("heard_metre",)),
    ("year", ("meta_year",)),
    ("popularity", ("meta_popularity",)),
    ("culture", ("meta_culture",)),
)
# What `from_arrow` reads.
TRACK_COLUMNS = (
    "track_id", "path", "duration_s", "silent", "meta_title", "meta_artist", "meta_events", "meta_caption",
    "meta_aspects", "embedding",
    *(name for _, names in COLUMNS for name in names),
)  # fmt: skip
WINDOW_COLUMNS = ("track_id", "start_s", "end_s", "measured_energy", "heard_scores", "embedding")

FOREIGN_VALUES = 256  # values of a kind that the vocabulary lacks: the most frequent ones are kept
FOREIGN_MIN_TRACKS = 2  # a value that only one track has finds nothing but that track
SKETCH_DIM = 32  # principal axes on which similar tracks are found before they are ranked exactly
SKETCH_SAMPLE = 4096  # tracks from which the axes are fitted


@dataclass(frozen=True)
class Snapshot:
    """A catalogue as the planner sees it.

    Parameters
    ----------
    ids, paths : pa.Array of str [shape=(n,)]
    title : np.ndarray of int32 [shape=(n,)]
        Index into `titles`; -1 where unknown.
    titles : pa.Array of str
    values : tuple of (kind, value)
        Every closed attribute that at least one track has; artists and tracks are apart.
    bits : np.ndarray of uint64 [shape=(n_values, n_words)]
        Bit t of row v: track t has value v. See :func:`pack`.
    rows : np.ndarray of uint64 [shape=(n, n_value_words)]
        The same bits by track.
    known : dict of str to np.ndarray of uint64 [shape=(n_words,)]
        Tracks that have any value of the kind; the others match neither ``x`` nor ``-x``.
    usable : np.ndarray of uint64 [shape=(n_words,)]
        Tracks that may be recommended: those not silent.
    artist : np.ndarray of int32 [shape=(n,)]
        Index into `artists`; -1 where unknown.
    artists : pa.Array of str
    popularity : np.ndarray of float32 [shape=(n,)]
        0 to 1; NaN where unknown.
    duration_s : np.ndarray of float32 [shape=(n,)]
    embedding : np.ndarray of float32 [shape=(n, dim)]
        L2-normalised; zeros for a track without sound.
    sketch : np.ndarray of float32 [shape=(n, <= 32)]
        `embedding` on its principal axes: ``embedding @ axes``.
    axes : np.ndarray of float32 [shape=(dim, <= 32)]
    audible : np.ndarray of bool [shape=(n,)]
        Whether a track has a file and windows to play, and is not silent.
    window_start : np.ndarray of int64 [shape=(n + 1,)]
        Windows of track t are rows ``window_start[t]:window_start[t + 1]`` of the window arrays.
    window_s : np.ndarray of float32 [shape=(n_windows, 2)]
        Start and end in seconds.
    window_scores : np.ndarray of float16 [shape=(n_windows, n_labels)]
        Heard scores.
    window_energy : np.ndarray of float16 [shape=(n_windows,)]
        0 to 1; NaN where not measured.
    window_typical : np.ndarray of float16 [shape=(n_windows,)]
        Cosine of the window's embedding with its track's.
    label_column : dict of (kind, value) to int
        Column of `window_scores`.
    events : pa.Array of list of {label, start_s, end_s} [shape=(n,)]
        Sound events with their times; null where none are marked. See :meth:`events_of`.
    captions : pa.Array of str [shape=(n,)]
    aspects : pa.Array of list of str [shape=(n,)]
    """

    ids: pa.Array
    title: np.ndarray
    titles: pa.Array
    paths: pa.Array
    values: tuple[tuple[str, str], ...]
    bits: np.ndarray
    rows: np.ndarray
    known: dict[str, np.ndarray]
    usable: np.ndarray
    artist: np.ndarray
    artists: pa.Array
    popularity: np.ndarray
    duration_s: np.ndarray
    embedding: np.ndarray
    sketch: np.ndarray
    axes: np.ndarray
    audible: np.ndarray
    window_start: np.ndarray
    window_s: np.ndarray
    window_scores: np.ndarray
    window_energy: np.ndarray
    window_typical: np.ndarray
    label_column: dict[tuple[str, str], int]
    events: pa.Array
    captions: pa.Array
    aspects: pa.Array
    _refs: dict[int, TrackRef] = field(default_factory=dict, repr=False, compare=False)
    _artist_embeddings: dict[int, np.ndarray] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, catalog) -> "Snapshot":
        """Of a catalogue, the columns that planning needs."""
        held = catalog.table("tracks").schema.names
        tracks = catalog.columns([name for name in TRACK_COLUMNS if name in held])
        windows = catalog.columns(WINDOW_COLUMNS, table="windows")
        return cls.from_arrow(tracks, windows, labels=list(catalog.about.labels))

    @classmethod
    def from_arrow(cls, tracks: pa.Table, windows: pa.Table, *, labels: list[tuple[str, str]]) -> "Snapshot":
        """Read the catalogue's two tables.

        Parameters
        ----------
        tracks, windows : pa.Table
            With `TRACK_COLUMNS` and `WINDOW_COLUMNS`; any column but `track_id` may be missing or null. Rows in any
        order: tracks are numbered in the order of their ids, so that a rewritten table gives the same plans.
        labels : list of (kind, value)
            Order of the `heard_scores`.

        Raises
        ------
        InputError
            If an id occurs twice, or scores and labels differ in number.
        """
        n = tracks.num_rows
        tracks = _sorted(tracks)
        ids = _strings(tracks, "track_id")
        if pc.count_distinct(ids).as_py() != n:
            raise InputError(f"{n} tracks have {pc.count_distinct(ids)} different ids; each id must occur once")
        silent = _flags(tracks, "silent")
        values, bits, known = _value_bits(tracks)
        embedding = _normalised(_matrix(tracks, "embedding"))
        sketch, axes = _sketch(embedding)
        artist, artists = _names(tracks, "meta_artist")
        title, titles = _names(tracks, "meta_title")
        window_columns = _windows(windows, ids, embedding, n_labels=len(labels))
        playable = np.diff(window_columns["window_start"]) > 0
        playable &= pc.is_valid(_strings(tracks, "path")).to_numpy(zero_copy_only=False)
        return cls(
            ids=ids,
            title=title,
            titles=titles,
            paths=_strings(tracks, "path"),
            values=values,
            bits=bits,
            rows=_by_track(bits, n),
            known=known,
            usable=pack(~silent),
            artist=artist,
            artists=artists,
            popularity=_floats(tracks, "meta_popularity") / np.float32(100),
            duration_s=_floats(tracks, "duration_s"),
            embedding=embedding,
            sketch=sketch,
            axes=axes,
            audible=playable & ~silent & embedding.any(axis=1),
            label_column={label: i for i, label in enumerate(labels)},
            events=_or_nulls(tracks, "meta_events"),
            captions=_strings(tracks, "meta_caption"),
            aspects=_or_nulls(tracks, "meta_aspects"),
            **window_columns,
        )

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def value_index(self) -> dict[tuple[str, str], int]:
        """Row of `bits` for each (kind, value)."""
        return {value: i for i, value in enumerate(self.values)}

    @cached_property
    def index(self) -> dict[str, int]:
        """Number of each track id."""
        return {track_id: i for i, track_id in enumerate(self.ids.to_pylist())}

    @cached_property
    def known_rows(self) -> np.ndarray:
        """Like `rows`, but a bit says that the track's value of that *kind* is known."""
        bits = np.array([self.known[kind] for kind, _ in self.values], dtype=np.uint64)
        return _by_track(bits.reshape(len(self.values), len(self.usable)), len(self))

    @cached_property
    def starts(self) -> np.ndarray:
        """Tracks that a goal may be gathered around: those that can be heard, or all usable ones where none can."""
        heard = np.flatnonzero(self.audible)
        return heard if len(heard) else unpack(self.usable)

    @cached_property
    def popularity_or_half(self) -> np.ndarray:
        """Popularity, with .5 for a track of which it is not known."""
        return np.where(np.isfinite(self.popularity), self.popularity, np.float32(0.5))

    @cached_property
    def artist_index(self) -> dict[str, int]:
        """Number of each artist's name."""
        return {name: i for i, name in enumerate(self.artists.to_pylist())}

    @cached_property
    def title_index(self) -> dict[str, int]:
        """Number of each title."""
        return {title: i for i, title in enumerate(self.titles.to_pylist())}

    @cached_property
    def artist_known(self) -> np.ndarray:
        """Tracks whose artist is known, packed."""
        return pack(self.artist >= 0)

    @cached_property
    def _by_artist(self) -> tuple[np.ndarray, np.ndarray]:
        order = np.argsort(self.artist, kind="stable").astype(np.int32)
        starts = np.searchsorted(self.artist[order], np.arange(len(self.artists) + 1))
        return order, starts

    def tracks_by(self, artist: int) -> np.ndarray:
        """Numbers of the tracks of an artist."""
        order, starts = self._by_artist
        return order[starts[artist] : starts[artist + 1]]

    def artist_embedding(self, artist: int) -> np.ndarray:
        """Normalised mean embedding (dim,) of an artist's tracks; zeros where none has sound."""
        if artist not in self._artist_embeddings:
            mean = self.embedding[self.tracks_by(artist)].mean(axis=0)
            self._artist_embeddings[artist] = _normalised(mean[None])[0]
        return self._artist_embeddings[artist]

    def tracks_named(self, title: str) -> np.ndarray:
        """Numbers of the tracks with a title."""
        return np.flatnonzero(self.title == self.title_index[title])

    def mask(self, numbers: np.ndarray | list[int]) -> np.ndarray:
        """A packed set of the tracks given by number."""
        numbers = np.asarray(numbers, dtype=np.int64)
        words = np.zeros(len(self.usable), dtype=np.uint64)
        np.bitwise_or.at(words, numbers >> 6, np.uint64(1) << (numbers & 63).astype(np.uint64))
        return words

    @cached_property
    def window_liveliness(self) -> np.ndarray:
        """How typical of its track and how energetic each window is, together; an unknown energy counts nothing."""
        return self.window_typical + np.nan_to_num(self.window_energy)

    def events_of(self, track: int) -> tuple[EventSpan, ...]:
        """Sound events that are marked in a track."""
        return tuple(EventSpan(**event) for event in self.events[track].as_py() or ())

    def ref(self, track: int) -> TrackRef:
        """Names and place of a track; a missing title falls back on the file's name, then on the id."""
        if track not in self._refs:
            path, track_id = self.paths[track].as_py(), self.ids[track].as_py()
            named = self.titles[int(self.title[track])].as_py() if self.title[track] >= 0 else None
            title = named or (Path(path).stem if path else track_id)
            artist = self.artists[int(self.artist[track])].as_py() if self.artist[track] >= 0 else "unknown artist"
            self._refs[track] = TrackRef(track_id=track_id, title=title, artist=artist, path=path)
        return self._refs[track]

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays together."""
        return sum(v.nbytes for v in vars(self).values() if hasattr(v, "nbytes")) + sum(
            v.nbytes for v in self.known.values()
        )

    @property
    def nbytes_per_track(self) -> float:
        """Bytes a track, windows included."""
        return self.nbytes / max(1, len(self))


def pack(flags: np.ndarray) -> np.ndarray:
    """Booleans (..., n) as words of 64 bits (..., ceil(n / 64)), the first track in the lowest bit."""
    packed = np.packbits(flags, axis=-1, bitorder="little")
    padding = -packed.shape[-1] % 8
    if padding:
        packed = np.pad(packed, [(0, 0)] * (packed.ndim - 1) + [(0, padding)])
    return np.ascontiguousarray(packed).view("<u8").astype(np.uint64, copy=False)


def unpack(words: np.ndarray) -> np.ndarray:
    """Numbers of the set bits, ascending."""
    return np.unpackbits(words.astype("<u8", copy=False).view(np.uint8), bitorder="little").nonzero()[0]


def count(words: np.ndarray) -> np.ndarray | int:
    """Set bits along the last axis."""
    return np.add.reduce(np.bitwise_count(words), axis=-1, dtype=np.int64)


def _column(table: pa.Table, name: str) -> pa.Array | None:
    if name not in table.column_names:
        return None
    return table[name].combine_chunks()


def _sorted(tracks: pa.Table) -> pa.Table:
    order = pc.sort_indices(tracks["track_id"])
    if (np.diff(order.to_numpy()) == 1).all():
        return tracks
    return tracks.take(order)


def _strings(table: pa.Table, name: str) -> pa.Array:
    column = _column(table, name)
    return pa.nulls(table.num_rows, pa.string()) if column is None else column.cast(pa.string())


def _or_nulls(table: pa.Table, name: str) -> pa.Array:
    column = _column(table, name)
    return pa.nulls(table.num_rows) if column is None else column


def _floats(table: pa.Table, name: str) -> np.ndarray:
    column = _column(table, name)
    if column is None:
        return np.full(table.num_rows, np.nan, dtype=np.float32)
    return column.cast(pa.float32(), safe=False).to_numpy(zero_copy_only=False).astype(np.float32, copy=False)


def _flags(table: pa.Table, name: str) -> np.ndarray:
    column = _column(table, name)
    if column is None:
        return np.zeros(table.num_rows, dtype=bool)
    return pc.fill_null(column.cast(pa.bool_()), False).to_numpy(zero_copy_only=False).astype(bool)


def _matrix(table: pa.Table, name: str) -> np.ndarray:
    """A list column as a float32 matrix (n, width); rows that are null become zeros."""
    column = _column(table, name)
    if column is None or column.null_count == len(column):
        return np.zeros((table.num_rows, 0), dtype=np.float32)
    valid = pc.is_valid(column).to_numpy(zero_copy_only=False)
    present = column.drop_null()
    flat = pc.list_flatten(present).to_numpy(zero_copy_only=False)
    if len(flat) % len(present):
        raise InputError(f"lists of column {name!r} differ in length; a catalogue holds one model's vectors only")
    filled = flat.reshape(len(present), -1).astype(np.float32, copy=False)
    if valid.all():
        return np.nan_to_num(filled)
    matrix = np.zeros((len(column), filled.shape[1]), dtype=np.float32)
    matrix[valid] = np.nan_to_num(filled)
    return matrix


def _normalised(matrix: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(matrix, axis=1, keepdims=True)
    return np.divide(matrix, norms, out=np.zeros_like(matrix), where=norms > 0)


def _sketch(embedding: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates (n, <= SKETCH_DIM) on the principal axes of an even sample of the tracks with sound, and the axes."""
    heard = np.flatnonzero(embedding.any(axis=1))
    if not len(heard):
        return np.zeros((len(embedding), 1), np.float32), np.zeros((embedding.shape[1], 1), np.float32)
    sample = embedding[heard[np.linspace(0, len(heard) - 1, min(len(heard), SKETCH_SAMPLE)).astype(int)]]
    _, axes = np.linalg.eigh(sample.T @ sample)  # uncentred: dot products must survive
    axes = np.ascontiguousarray(axes[:, ::-1][:, :SKETCH_DIM])
    return embedding @ axes, axes


def _names(tracks: pa.Table, name: str) -> tuple[np.ndarray, pa.Array]:
    """Names as codes, -1 where there is none; spellings that the query language takes for one name are one."""
    names = pc.utf8_trim_whitespace(_strings(tracks, name)).dictionary_encode()
    first: dict[str, int] = {}
    spellings = names.dictionary.to_pylist()
    to = [first.setdefault(fold(text), i) if text else -1 for i, text in enumerate(spellings)]
    codes = pc.fill_null(names.indices, -1).to_numpy(zero_copy_only=False)
    return np.array([*to, -1], dtype=np.int32)[codes], names.dictionary


def _words(tracks: pa.Table, kind: str, name: str) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """One column as (track, code) pairs and the codes' values, spelled as the vocabulary does."""
    column = _column(tracks, name)
    nothing = np.zeros(0, dtype=np.int64)
    if column is None:
        return nothing, nothing, []
    if kind in ("year", "popularity"):
        return _binned(kind, _floats(tracks, name))
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type) or pa.types.is_fixed_size_list(column.type):
        track = pc.list_parent_indices(column).to_numpy(zero_copy_only=False)
        column = pc.list_flatten(column)
    else:
        track = np.arange(len(column))
    coded = column.cast(pa.string()).dictionary_encode()
    code = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False)
    terms = vocab.load()
    spelled = [(terms.canonical(kind, text) or text.strip()) for text in coded.dictionary.to_pylist()]
    names = sorted({text for text in spelled if text})
    to = np.array([names.index(text) if text else -1 for text in spelled] + [-1])
    code = to[code]
    return track[code >= 0], code[code >= 0], names


def _binned(kind: str, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Years by decade, popularity by the vocabulary's words."""
    track = np.flatnonzero(np.isfinite(numbers) & (numbers > 0 if kind == "year" else True))
    if kind == "year":
        decades, code = np.unique(numbers[track].astype(int) // 10 * 10, return_inverse=True)
        return track, code, [f"{decade}s" for decade in decades]
    ranges = vocab.load()[kind].values
    code = np.searchsorted([v.high for v in ranges[:-1]], numbers[track], side="right")
    return track, code, [v.name for v in ranges]


def _value_bits(tracks: pa.Table) -> tuple[tuple[tuple[str, str], ...], np.ndarray, dict[str, np.ndarray]]:
    """Values, their bit sets (n_values, n_words), and which tracks have a value of each kind."""
    n = tracks.num_rows
    values, bits, known = [], [], {}
    for kind, columns in COLUMNS:
        decided = np.zeros(n, dtype=bool)
        has: dict[str, np.ndarray] = {}
        for name in columns:
            track, code, names = _words(tracks, kind, name)
            fresh = ~decided[track]
            track, code = track[fresh], code[fresh]
            order = np.argsort(code, kind="stable")
            starts = np.searchsorted(code[order], np.arange(len(names) + 1))
            for i, value in enumerate(names):
                members = track[order[starts[i] : starts[i + 1]]]
                if len(members):
                    has.setdefault(value, np.zeros(n, dtype=bool))[members] = True
            decided[track] = True
        known[kind] = pack(decided)
        for value in _kept(kind, has):
            values.append((kind, value))
            bits.append(pack(has[value]))
    n_words = (n + 63) // 64
    return tuple(values), np.array(bits, dtype=np.uint64).reshape(len(bits), n_words), known


def _kept(kind: str, has: dict[str, np.ndarray]) -> list[str]:
    """The vocabulary's values, and of others those that enough tracks share."""
    terms = vocab.load()
    own = [v for v in has if kind == "year" or v in terms[kind]]
    foreign = [(int(has[v].sum()), v) for v in has if v not in set(own)]
    shared = sorted((-c, v) for c, v in foreign if c >= FOREIGN_MIN_TRACKS)[:FOREIGN_VALUES]
    return sorted(own) + sorted(v for _, v in shared)


def _by_track(bits: np.ndarray, n: int) -> np.ndarray:
    """Bit sets by value (n_values, n_words) turned into bit sets by track (n, n_value_words)."""
    rows = np.zeros((n, max(1, (len(bits) + 63) // 64)), dtype=np.uint64)
    for i, words in enumerate(bits):
        rows[unpack(words), i >> 6] |= np.uint64(1 << (i & 63))
    return rows


def _windows(windows: pa.Table, ids: pa.Array, embedding: np.ndarray, *, n_labels: int) -> dict[str, np.ndarray]:
    """Window columns, sorted by track and start; windows of unknown tracks are left out."""
    track = pc.fill_null(pc.index_in(_strings(windows, "track_id"), value_set=ids), -1).to_numpy(zero_copy_only=False)
    bounds = np.stack([_floats(windows, "start_s"), _floats(windows, "end_s")], axis=1)
    order = np.lexsort((bounds[:, 0], track))
    order = order[track[order] >= 0]
    track = track[order]
    scores = _matrix(windows, "heard_scores")
    if scores.shape[1] not in (0, n_labels):
        raise InputError(f"windows carry {scores.shape[1]} heard scores but there are {n_labels} labels; ingest again")
    vectors = _normalised(_matrix(windows, "embedding"))
    typical = np.zeros(len(order))
    if vectors.shape[1] and vectors.shape[1] == embedding.shape[1]:
        typical = np.einsum("ij,ij->i", vectors[order], embedding[track])
    return {
        "window_start": np.searchsorted(track, np.arange(len(ids) + 1)),
        "window_s": bounds[order],
        "window_scores": scores[order].astype(np.float16),
        "window_energy": _floats(windows, "measured_energy")[order].astype(np.float16),
        "window_typical": typical.astype(np.float16),
    }
