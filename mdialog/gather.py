"""Collections of tracks, gathered from playlists and from the catalogue itself, and their place among the tracks.

A playlist's entry is a track of the catalogue if its path leads there, else if artist and title are the track's, else if it
is the track's id. What is none of these is reported.
"""

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mdialog.errors import InputError
from mdialog.playlists import Entry, Playlist
from mdialog.query import fold
from mdialog.snapshot import Snapshot, count, unpack

MIN_SIZE, MAX_SIZE = 3, 50  # tracks of a collection
SOURCES = ("artist", "value", "sound")  # of collections that a snapshot gives by itself
VALUE_KINDS = ("genre", "mood", "theme", "instrument", "vocal", "tempo", "energy", "culture", "year")
PAIRED_KINDS = ("mood", "theme", "instrument", "tempo", "year")  # with a genre: "calm jazz"
COMMON = 0.5  # a value that more of the catalogue has than this sets nothing apart
SOUNDS = 256  # neighbourhoods of sound, at the most
SOUND_SIZE = 20  # tracks of one
SOUND_SAMPLE = 4096  # tracks among which their centres are spread
TITLE_WEIGHT = 0.25  # of a title's text beside its tracks' sound


@dataclass(frozen=True)
class Collection:
    """Tracks that someone, or something they share, has put together.

    Parameters
    ----------
    id : str
        ``source:name``.
    title : str
    track_ids : tuple of str
        Each once.
    source : str
        ``playlist``, ``album`` or one of `SOURCES`.
    """

    id: str
    title: str
    track_ids: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class Gathered:
    """What became of playlists.

    Parameters
    ----------
    collections : tuple of Collection
    n_playlists, n_entries : int
        Read.
    unmatched : tuple of (str, str)
        Playlist and entry that is no track of the catalogue.
    too_small : tuple of str
        Playlists of which too few tracks were found.
    """

    collections: tuple[Collection, ...]
    n_playlists: int
    n_entries: int
    unmatched: tuple[tuple[str, str], ...]
    too_small: tuple[str, ...]

    def __str__(self) -> str:
        found = f"{self.n_entries - len(self.unmatched)} of {self.n_entries} entries are in the catalogue"
        return (f"{len(self.collections)} collections of {self.n_playlists} playlists: {found}; "
                f"{len(self.too_small)} playlists left out with too few")  # fmt: skip

    def report(self, most: int = 20) -> str:
        """The figures, and the first entries that were not found."""
        lines = [f"  not found: {entry} ({playlist})" for playlist, entry in self.unmatched[:most]]
        more = len(self.unmatched) - len(lines)
        return "\n".join([str(self), *lines, *([f"  and {more} more"] if more else [])])


# ---- playlists to collections


class Matcher:
    """Finds the tracks of a catalogue that playlists name.

    A path counts if it is a track's; or, for playlists that come from elsewhere, if its last folder and its file's name
    are those of one track alone.
    """

    def __init__(self, snapshot: Snapshot):
        paths = [(track, _same(path)) for track, path in enumerate(snapshot.paths.to_pylist()) if path]
        tails = Counter(_tail(path) for _, path in paths)
        self._paths = {path: track for track, path in reversed(paths)}
        self._tails = {_tail(path): track for track, path in paths if tails[_tail(path)] == 1}
        artists, titles = ([fold(name) for name in names.to_pylist()] for names in (snapshot.artists, snapshot.titles))
        named = [t for t in range(len(snapshot)) if snapshot.artist[t] >= 0 and snapshot.title[t] >= 0]
        self._names = {(artists[snapshot.artist[t]], titles[snapshot.title[t]]): t for t in reversed(named)}
        self._ids = snapshot.index

    def find(self, entry: Entry) -> int | None:
        """Number of the track that an entry means, or None."""
        places = [_same(path) for path in entry.paths]
        names = [(fold(artist), fold(title)) for artist, title in entry.names]
        looked_up = (
            *(self._paths.get(place) for place in places),
            *(self._tails.get(_tail(place)) for place in places),
            *(self._names.get(name) for name in names),
            self._ids.get(entry.track_id or ""),
        )
        return next((track for track in looked_up if track is not None), None)


def _same(path: str) -> str:
    return unicodedata.normalize("NFC", path)  # macOS writes accents apart


def _tail(path: str) -> str:
    return "/".join(path.casefold().split("/")[-2:])


def gather(
    playlists: Iterable[Playlist], snapshot: Snapshot, *, min_size: int = MIN_SIZE, max_size: int = MAX_SIZE
) -> Gathered:
    """Playlists as collections of the catalogue's tracks.

    Parameters
    ----------
    playlists : iterable of Playlist
    snapshot : Snapshot
    min_size, max_size : int > 0
        Tracks of a collection: smaller ones are left out, of larger ones the tracks nearest to their middle are kept.
    """
    matcher, collections, unmatched, small, n, n_entries = Matcher(snapshot), {}, [], [], 0, 0
    for n, playlist in enumerate(playlists, start=1):
        found = [(entry, matcher.find(entry)) for entry in playlist.entries]
        n_entries += len(found)
        unmatched += [(playlist.title, entry.text) for entry, track in found if track is None]
        tracks = np.array(list(dict.fromkeys(track for _, track in found if track is not None)), dtype=np.int64)
        made = _collection(snapshot, playlist.id, playlist.title, "playlist", tracks, min_size, max_size)
        if made is None:
            small.append(playlist.title)
        else:  # files of one name in two folders
            number = next(i for i in range(1, n + 2) if _numbered(made.id, i) not in collections)
            name = _numbered(made.id, number)
            collections[name] = Collection(name, made.title, made.track_ids, made.source)
    return Gathered(tuple(collections.values()), n, n_entries, tuple(unmatched), tuple(small))


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name} ({number})"


def _collection(
    snapshot: Snapshot, name: str, title: str, source: str, tracks: np.ndarray, least: int, most: int
) -> Collection | None:
    """A collection of tracks by number: None of too few, the most typical of too many."""
    if len(tracks) < least:
        return None
    if len(tracks) > most:
        vectors = snapshot.embedding[tracks]
        tracks = tracks[np.sort(np.argsort(-(vectors @ vectors.mean(axis=0)), kind="stable")[:most])]
    return Collection(name, title, tuple(snapshot.ids.take(tracks).to_pylist()), source)


# ---- collections of the catalogue's own


def albums(catalog, snapshot: Snapshot, *, min_size: int = MIN_SIZE, max_size: int = MAX_SIZE) -> list[Collection]:
    """Albums of a catalogue: tracks with one album's name by one artist."""
    wanted = ["track_id", "meta_album", "meta_artist"]
    rows = catalog.columns([name for name in wanted if name in catalog.table("tracks").schema.names]).to_pylist()
    found: dict[tuple[str, str], list] = {}
    for row in sorted(rows, key=lambda row: row["track_id"]):
        if (row.get("meta_album") or "").strip() and row["track_id"] in snapshot.index:
            found.setdefault((fold(row["meta_album"]), fold(row.get("meta_artist") or "")), []).append(row)
    made = []
    for (album, artist), held in found.items():
        tracks = np.array([snapshot.index[row["track_id"]] for row in held])
        title = held[0]["meta_album"].strip()
        made.append(_collection(snapshot, f"album:{artist}/{album}", title, "album", tracks, min_size, max_size))
    return [collection for collection in made if collection]


def of_snapshot(
    snapshot: Snapshot, *, sources: Sequence[str] = SOURCES, min_size: int = MIN_SIZE, max_size: int = MAX_SIZE
) -> list[Collection]:
    """Collections that the catalogue makes by itself, of tracks that may be recommended.

    Parameters
    ----------
    snapshot : Snapshot
    sources : sequence of str
        Of `SOURCES`: ``artist``; ``value`` (a genre, mood, theme, instrument ..., or a genre and one of these), as read, heard
        or measured; ``sound``, the tracks nearest to one, these spread by k-means++ (Arthur and Vassilvitskii 2007).
    min_size, max_size : int > 0
        As for :func:`gather`.

    Raises
    ------
    InputError
        If a source is unknown or the sizes contradict each other.
    """
    if unknown := [source for source in sources if source not in SOURCES]:
        raise InputError(f"{unknown[0]!r} is no source of collections; use some of: {', '.join(SOURCES)}")
    if not 1 <= min_size <= max_size:
        raise InputError(f"collections of {min_size} to {max_size} tracks do not exist; give 1 <= min_size <= max_size")
    makers = {"artist": _artists, "value": _values, "sound": _sounds}
    found: dict[frozenset, Collection] = {}
    for source in SOURCES:
        for name, title, tracks in makers[source](snapshot) if source in sources else ():
            made = _collection(snapshot, name, title, source, tracks, min_size, max_size)
            if made:
                found.setdefault(frozenset(made.track_ids), made)
    return list(found.values())


Named = tuple[str, str, np.ndarray]  # id, title, tracks by number


def _artists(snapshot: Snapshot) -> Iterator[Named]:
    usable = np.zeros(len(snapshot), dtype=bool)
    usable[unpack(snapshot.usable)] = True
    for code, name in enumerate(snapshot.artists.to_pylist()):
        tracks = np.sort(snapshot.tracks_by(code))
        yield f"artist:{name}", name, tracks[usable[tracks]]


def _values(snapshot: Snapshot) -> Iterator[Named]:
    bits = snapshot.bits & snapshot.usable
    sizes = count(bits)
    apart = sizes <= COMMON * count(snapshot.usable)
    for v, (kind, value) in enumerate(snapshot.values):
        if kind in VALUE_KINDS and apart[v]:
            yield f"{kind}:{value}", value, unpack(bits[v])
    genres = [v for v, (kind, _) in enumerate(snapshot.values) if kind == "genre"]
    others = [v for v, (kind, _) in enumerate(snapshot.values) if kind in PAIRED_KINDS]
    for g in genres:
        for v in others:
            (_, genre), (kind, value) = snapshot.values[g], snapshot.values[v]
            yield f"genre:{genre} {kind}:{value}", f"{genre}, {value}", unpack(bits[g] & bits[v])


def _sounds(snapshot: Snapshot) -> Iterator[Named]:
    from sklearn.cluster import kmeans_plusplus

    heard = unpack(snapshot.usable)
    heard = heard[snapshot.embedding[heard].any(axis=1)]
    n = min(SOUNDS, -(-len(heard) // SOUND_SIZE))
    if not n:
        return
    vectors = snapshot.embedding[heard]
    sample = heard[np.linspace(0, len(heard) - 1, min(len(heard), SOUND_SAMPLE)).astype(int)]
    _, centres = kmeans_plusplus(snapshot.sketch[sample], n, random_state=0)
    for track in dict.fromkeys(sample[centres].tolist()):
        near = heard[np.argsort(-(vectors @ snapshot.embedding[track]), kind="stable")[:SOUND_SIZE]]
        ref = snapshot.ref(track)
        yield f"sound:{ref.track_id}", f'like "{ref.title}" by {ref.artist}', np.sort(near)


# ---- the space of tracks and collections


@dataclass(frozen=True)
class Space:
    """Collections in the space of their tracks.

    Parameters
    ----------
    collections : tuple of Collection
    members : tuple of np.ndarray of int
        The tracks of each, by number: those that may be recommended.
    embedding : np.ndarray of float32 [shape=(n_collections, dim)]
        L2-normalised.
    """

    collections: tuple[Collection, ...]
    members: tuple[np.ndarray, ...]
    embedding: np.ndarray

    @cached_property
    def centre(self) -> np.ndarray:
        """Mean of the collections (dim,)."""
        return self.embedding.mean(axis=0)

    def place(self, vectors: np.ndarray) -> np.ndarray:
        """Embeddings (..., dim) as seen from the centre, at length one; of a track without sound, zeros.

        Similarities of such places have no hubs: without it the broadest collections are everyone's neighbours (Suzuki et
        al. 2013, Centering similarity measures to reduce hubs).
        """
        return unit(np.where(vectors.any(axis=-1, keepdims=True), vectors - self.centre, 0))

    @cached_property
    def places(self) -> np.ndarray:
        """The collections' places (n_collections, dim)."""
        return self.place(self.embedding)

    @cached_property
    def flat(self) -> np.ndarray:
        """The members of all collections, one after the other."""
        return np.concatenate(self.members)

    @cached_property
    def _starts(self) -> np.ndarray:
        return np.cumsum([0, *map(len, self.members[:-1])])

    def any_of(self, flags: np.ndarray) -> np.ndarray:
        """Which collections have a member that is flagged; `flags` are booleans beside `flat`."""
        return np.logical_or.reduceat(flags, self._starts)

    @classmethod
    def of(
        cls,
        snapshot: Snapshot,
        collections: Iterable[Collection],
        *,
        embed_text: Callable[[Sequence[str]], np.ndarray] | None = None,
        title_weight: float = TITLE_WEIGHT,
    ) -> "Space":
        """Place collections at the mean of their tracks; those without any sound are left out.

        Parameters
        ----------
        snapshot : Snapshot
        collections : iterable of Collection
        embed_text : callable, optional
            Titles to vectors of the tracks' space, as ``Clap.embed_text``; their share is added to the mean.
        title_weight : float >= 0
            Of the title beside the mean's 1.

        Raises
        ------
        InputError
            If a collection holds an unknown track, or two have one id.
        """
        kept, members, means = [], [], []
        usable = set(unpack(snapshot.usable).tolist())
        for collection in collections:
            if unknown := [i for i in collection.track_ids if i not in snapshot.index]:
                raise InputError(f"collection {collection.id!r} holds {unknown[0]!r}, no track here; gather it again")
            tracks = np.array([t for t in map(snapshot.index.get, collection.track_ids) if t in usable], dtype=np.int64)
            mean = unit(snapshot.embedding[tracks].sum(axis=0))
            if mean.any():
                kept.append(collection)
                members.append(tracks)
                means.append(mean)
        if twice := [name for name, n in Counter(c.id for c in kept).items() if n > 1]:
            raise InputError(f"two collections are called {twice[0]!r}; rename one")
        embedding = np.array(means, dtype=np.float32).reshape(len(kept), snapshot.embedding.shape[1])
        if embed_text is not None and kept:
            embedding = unit(embedding + title_weight * unit(embed_text([collection.title for collection in kept])))
        return cls(tuple(kept), tuple(members), embedding)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors (..., dim) at length one; zeros stay zeros."""
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.divide(vectors, norms, out=np.zeros_like(vectors, dtype=np.float32), where=norms > 0)
