"""The snapshot says of each track what the catalogue's columns say, in bits."""

import numpy as np
import pyarrow as pa
import pytest

from mdialog import vocab
from mdialog.errors import InputError
from mdialog.snapshot import COLUMNS, TRACK_COLUMNS, WINDOW_COLUMNS, Snapshot, count, pack, unpack
from mdialog.synth.tables import draw_tables, labels


@pytest.fixture(scope="module")
def tables():
    return draw_tables(200, seed=3, dim=24, gaps=0.3)


@pytest.fixture(scope="module")
def snapshot(tables):
    return Snapshot.from_arrow(*tables, labels=labels())


def _has(row: dict, kind: str) -> set[str]:
    """What a track is said to be, read the slow way."""
    for name in dict(COLUMNS)[kind]:
        value = row.get(name)
        if kind == "year" and value is not None:
            return {f"{value // 10 * 10}s"}
        if kind == "popularity" and value is not None:
            return {vocab.load()["popularity"].word_for(value)}
        if value:
            return {value} if isinstance(value, str) else set(value)
    return set()


def test_bits_say_what_the_columns_say(tables, snapshot):
    rows = tables[0].to_pylist()
    for kind, _ in COLUMNS:
        truth = [_has(row, kind) for row in rows]
        assert unpack(snapshot.known[kind]).tolist() == [i for i, values in enumerate(truth) if values]
        for value in set().union(*truth):
            held = unpack(snapshot.bits[snapshot.value_index[kind, value]]).tolist()
            assert held == [i for i, values in enumerate(truth) if value in values], (kind, value)


def test_bits_by_track_are_the_same_bits(snapshot):
    for track in (0, 63, 64, 199):
        by_value = [v for v in range(len(snapshot.values)) if track in unpack(snapshot.bits[v])]
        assert unpack(snapshot.rows[track]).tolist() == by_value
        known = [v for v, (kind, _) in enumerate(snapshot.values) if track in unpack(snapshot.known[kind])]
        assert unpack(snapshot.known_rows[track]).tolist() == known


def test_silent_tracks_are_not_usable_and_tracks_without_sound_not_audible(tables, snapshot):
    for i, row in enumerate(tables[0].to_pylist()):
        assert (i in unpack(snapshot.usable)) == (not row["silent"])
        assert snapshot.audible[i] == (row["embedding"] is not None and not row["silent"])
        assert snapshot.embedding[i].any() == (row["embedding"] is not None)


def test_windows_are_those_of_the_track_in_order(tables, snapshot):
    windows = tables[1].to_pylist()
    for track in range(0, 200, 17):
        own = sorted((w for w in windows if w["track_id"] == snapshot.ids[track].as_py()), key=lambda w: w["start_s"])
        rows = slice(*snapshot.window_start[track : track + 2])
        assert snapshot.window_s[rows, 0].tolist() == [w["start_s"] for w in own]
        scores = np.array([w["heard_scores"] for w in own]).reshape(len(own), len(labels()))
        assert np.allclose(snapshot.window_scores[rows], scores, atol=1e-3)


def test_order_of_rows_does_not_matter(tables, snapshot):
    rng = np.random.default_rng(0)
    mixed = Snapshot.from_arrow(*(t.take(rng.permutation(t.num_rows)) for t in tables), labels=labels())
    assert mixed.ids.equals(snapshot.ids) and mixed.values == snapshot.values
    assert (mixed.bits == snapshot.bits).all() and (mixed.window_s == snapshot.window_s).all()
    assert mixed.embedding.tobytes() == snapshot.embedding.tobytes()


def test_sketch_keeps_who_is_near(snapshot):
    cosine = snapshot.embedding @ snapshot.embedding.T
    assert np.allclose(snapshot.sketch @ snapshot.sketch.T, cosine, atol=1e-4)  # 24 dimensions fit in 32


def test_artists_are_found_by_any_spelling_that_a_query_takes():
    tracks = pa.table({"track_id": ["a", "b", "c", "d"], "meta_artist": ["Björk", "BJÖRK ", "  ", None]})
    snapshot = Snapshot.from_arrow(tracks, _no_windows(), labels=[])
    assert snapshot.artist.tolist() == [0, 0, -1, -1]
    assert snapshot.tracks_by(snapshot.artist_index["Björk"]).tolist() == [0, 1]
    assert unpack(snapshot.artist_known).tolist() == [0, 1]


def test_names_fall_back_on_the_file(snapshot):
    tracks = pa.table({"track_id": ["a", "b"], "path": ["/x/late night.mp3", None], "meta_title": [None, ""]})
    snapshot = Snapshot.from_arrow(tracks, _no_windows(), labels=[])
    assert [snapshot.ref(i).title for i in (0, 1)] == ["late night", "b"]
    assert snapshot.ref(1).path is None and snapshot.ref(0).artist == "unknown artist"


def test_words_are_spelled_as_the_vocabulary_does_and_foreign_ones_kept_if_shared():
    tracks = pa.table(
        {"track_id": ["a", "b", "c"], "meta_genre": [["Hip-Hop", "zeuhl"], ["DnB", "zeuhl"], ["only here"]]}
    )
    snapshot = Snapshot.from_arrow(tracks, _no_windows(), labels=[])
    assert set(snapshot.values) == {("genre", "hip hop"), ("genre", "drum and bass"), ("genre", "zeuhl")}
    assert unpack(snapshot.known["genre"]).tolist() == [0, 1, 2]  # c has a genre, if not one to ask for


def test_bare_and_empty_tables_are_read():
    for ids in (["only"], []):
        tracks = pa.table({"track_id": pa.array(ids, pa.string())})
        snapshot = Snapshot.from_arrow(tracks, _no_windows(), labels=[])
        assert len(snapshot) == len(ids) and not snapshot.audible.any() and not snapshot.values


def test_an_id_twice_is_refused():
    with pytest.raises(InputError, match="each id must occur once"):
        Snapshot.from_arrow(pa.table({"track_id": ["a", "a"]}), _no_windows(), labels=[])


def test_scores_that_do_not_fit_the_labels_are_refused(tables):
    with pytest.raises(InputError, match="labels"):
        Snapshot.from_arrow(*tables, labels=labels()[:-1])


@pytest.mark.parametrize("n", [0, 1, 63, 64, 65, 1000])
def test_packing_is_undone(n):
    flags = np.random.default_rng(n).random((3, n)) < 0.4
    words = pack(flags)
    assert words.shape == (3, (n + 63) // 64)
    assert count(words).tolist() == flags.sum(axis=1).tolist()
    assert all(unpack(w).tolist() == np.flatnonzero(f).tolist() for w, f in zip(words, flags, strict=True))


def test_masks_hold_the_tracks_given(snapshot):
    numbers = [0, 5, 63, 64, 199]
    assert unpack(snapshot.mask(numbers)).tolist() == numbers
    assert unpack(snapshot.mask([])).tolist() == []


def test_size_is_counted_and_small():
    tracks, windows = draw_tables(3000, seed=1, dim=128)
    snapshot = Snapshot.from_arrow(tracks.select([c for c in TRACK_COLUMNS if c in tracks.column_names]),
                                   windows.select(WINDOW_COLUMNS), labels=labels())  # fmt: skip
    floor = 128 * 4 + 32 * 4
    assert floor < snapshot.nbytes_per_track < floor + 2000


def test_a_real_catalogue_is_read(catalog):
    schema = catalog.table("tracks").schema.names
    tracks = catalog.columns([c for c in TRACK_COLUMNS if c in schema])
    assert set(TRACK_COLUMNS) <= set(schema)
    windows = catalog.columns(WINDOW_COLUMNS, table="windows")
    snapshot = Snapshot.from_arrow(tracks, windows, labels=list(catalog.about.labels))
    assert len(snapshot) == len(catalog) and snapshot.audible.any()
    assert {"genre", "tempo", "key", "mode", "energy"} <= {kind for kind, _ in snapshot.values}


def _no_windows() -> pa.Table:
    return pa.table({"track_id": pa.array([], pa.string())})
