"""Collections hold what they say, in any catalogue; entries of playlists find their tracks; the space is that of the tracks."""

import re
import unicodedata

import numpy as np
import pyarrow as pa
import pytest

from mdialog import gather
from mdialog.errors import InputError
from mdialog.gather import Collection, Matcher, Space
from mdialog.playlists import Entry, Playlist, read_playlists
from mdialog.snapshot import Snapshot, unpack
from mdialog.synth.tables import draw_tables, labels


@pytest.fixture(scope="module")
def drawn():
    return Snapshot.from_arrow(*draw_tables(300, seed=3, dim=16, gaps=0.3), labels=labels())


def _small(**columns) -> Snapshot:
    n = len(next(iter(columns.values())))
    tracks = pa.table({"track_id": [f"t{i}" for i in range(n)], **columns})
    return Snapshot.from_arrow(tracks, pa.table({"track_id": pa.array([], pa.string())}), labels=[])


@pytest.fixture(scope="module")
def shelf():
    """Six tracks with ugly names."""
    return _small(
        path=["/m/Lamps/01.ogg", "/m/Sol/01.ogg", "/m/Sol/River Étude.ogg", "/m/x/same/a.ogg", "/m/y/same/a.ogg", None],
        meta_title=["Blue  Hour", "River", "ÉTUDE", "A", "A", "River"],
        meta_artist=["The Lamps", "Ana Sol", "ana sol", "Ötzi", "Ötzi", "Nobody"],
    )


@pytest.mark.parametrize(
    ("entry", "track"),
    [
        (Entry("path", ("/nowhere.ogg", "/m/Lamps/01.ogg"), (("Ana Sol", "River"),), "t2"), 0),
        (Entry("elsewhere", ("D:/Music/sol/01.OGG",)), 1),
        (Entry("accents apart", (unicodedata.normalize("NFD", "/m/Sol/River Étude.ogg"),)), 2),
        (Entry("two such files", ("/z/same/a.ogg",), (), "t5"), 5),
        (Entry("name only", ("/other/01.ogg",)), None),
        (Entry("names", ("/no.ogg",), (("the LAMPS", "blue hour"),), "t5"), 0),
        (Entry("names in Unicode", (), (("ＡＮＡ Sol", "étude"),)), 2),
        (Entry("second reading", (), (("Ana", "Sol - River"), ("Ana Sol", "River"))), 1),
        (Entry("twice there: the first", (), (("ötzi", "a"),)), 3),
        (Entry("id", (), (("Nobody", "Stream"),), "t4"), 4),
        (Entry("nothing", ("/no/no.ogg",), (("Nobody", "Stream"),), "t9"), None),
        (Entry("not even a name"), None),
    ],
    ids=lambda value: value.text if isinstance(value, Entry) else "",
)
def test_entries_are_found_by_path_then_names_then_id(shelf, entry, track):
    assert Matcher(shelf).find(entry) == track


def test_playlists_become_collections_and_what_is_not_found_is_told(shelf):
    entries = [Entry("a", track_id="t0"), Entry("gone"), Entry("b", track_id="t3"), Entry("a again", track_id="t0")]
    lists = {"First": ("p", entries), "Second": ("q", entries[:1]), "Third": ("p", entries)}
    playlists = [Playlist(name, title, tuple(held)) for title, (name, held) in lists.items()]
    found = gather.gather(playlists, shelf, min_size=2)
    assert [(c.id, c.title, c.track_ids, c.source) for c in found.collections] == [
        ("p", "First", ("t0", "t3"), "playlist"),
        ("p (2)", "Third", ("t0", "t3"), "playlist"),
    ]
    assert found.unmatched == (("First", "gone"), ("Third", "gone")) and found.too_small == ("Second",)
    assert (found.n_playlists, found.n_entries) == (3, 9)
    assert "7 of 9 entries" in str(found)
    assert found.report().count("not found: gone") == 2
    assert "and 1 more" in found.report(most=1)


def test_no_playlists_are_no_collections(shelf):
    found = gather.gather([], shelf)
    assert found.collections == () and found.n_entries == 0


def test_a_playlist_written_beside_the_music_finds_all_of_it(catalog, tmp_path):
    snapshot = Snapshot.of(catalog)
    paths = snapshot.paths.to_pylist()
    (tmp_path / "all.m3u8").write_text("#EXTM3U\n" + "\n".join(paths), encoding="utf-8")
    names = [f"#EXTINF:1,{snapshot.ref(t).artist} - {snapshot.ref(t).title}\n/gone/{t}.ogg" for t in range(len(snapshot))]
    (tmp_path / "named.m3u").write_text("\n".join(names), encoding="utf-8")
    found = gather.gather(read_playlists(tmp_path), snapshot)
    assert not found.unmatched
    assert set(found.collections[0].track_ids) == set(found.collections[1].track_ids) == set(snapshot.ids.to_pylist())


def test_collections_of_the_catalogue_hold_what_their_names_say(drawn):
    made = gather.of_snapshot(drawn, min_size=4, max_size=20)
    assert {c.source for c in made} == set(gather.SOURCES)
    assert len({c.id for c in made}) == len(made) == len({frozenset(c.track_ids) for c in made})
    usable = set(unpack(drawn.usable).tolist())
    for collection in made:
        tracks = [drawn.index[i] for i in collection.track_ids]
        assert 4 <= len(tracks) <= 20 and len(set(tracks)) == len(tracks) and set(tracks) <= usable
        if collection.source == "artist":
            assert {drawn.ref(t).artist for t in tracks} == {collection.title}
        if collection.source == "value":
            wanted = re.findall(r"(\w+):(.+?)(?= \w+:|$)", collection.id)
            assert 1 <= len(wanted) <= 2
            for value in wanted:
                assert set(tracks) <= set(unpack(drawn.bits[drawn.value_index[value]]).tolist())
        if collection.source == "sound":
            centre = drawn.embedding[drawn.index[collection.id.removeprefix("sound:")]]
            heard = [t for t in usable if drawn.embedding[t].any()]
            least = min(drawn.embedding[tracks] @ centre)
            assert sum(drawn.embedding[heard] @ centre > least + 1e-6) < len(tracks)


def test_a_large_collection_keeps_its_middle(drawn):
    all_of = gather.of_snapshot(drawn, sources=["value"], max_size=300)
    cut = {c.id: c for c in gather.of_snapshot(drawn, sources=["value"], max_size=5)}
    some = 0
    for whole in all_of:
        if whole.id in cut and len(whole.track_ids) > 5:
            some += 1
            vectors = {i: drawn.embedding[drawn.index[i]] for i in whole.track_ids}
            middle = np.mean(list(vectors.values()), axis=0)
            kept = cut[whole.id].track_ids
            out = [i for i in whole.track_ids if i not in kept]
            assert min(vectors[i] @ middle for i in kept) >= max(vectors[i] @ middle for i in out) - 1e-6
    assert some > 20


def test_values_that_most_tracks_have_set_nothing_apart(drawn):
    n = len(unpack(drawn.usable))
    for collection in gather.of_snapshot(drawn, sources=["value"], max_size=300):
        assert len(collection.track_ids) <= n / 2


def test_albums_are_of_one_name_and_one_artist(catalog):
    snapshot = Snapshot.of(catalog)
    rows = {row["track_id"]: row for row in catalog.columns(["track_id", "meta_album", "meta_artist"]).to_pylist()}
    made = gather.albums(catalog, snapshot, min_size=1)
    assert sum(len(c.track_ids) for c in made) == sum(bool(row["meta_album"]) for row in rows.values()) > 0
    for collection in made:
        assert len({(rows[i]["meta_album"], rows[i]["meta_artist"]) for i in collection.track_ids}) == 1
        assert rows[collection.track_ids[0]]["meta_album"] == collection.title


@pytest.mark.parametrize("columns", [{"meta_title": ["a"]}, {"silent": [True, True, True, True]}, {"meta_artist": ["x"] * 4}])
def test_catalogues_with_little_give_little(columns):
    snapshot = _small(**columns)
    made = gather.of_snapshot(snapshot)
    assert [c.source for c in made] == (["artist"] if "meta_artist" in columns else [])
    assert Space.of(snapshot, made).collections == ()


def test_wrong_sources_and_sizes_are_refused(drawn):
    with pytest.raises(InputError, match="'moods'"):
        gather.of_snapshot(drawn, sources=["moods"])
    with pytest.raises(InputError, match="5 to 4"):
        gather.of_snapshot(drawn, min_size=5, max_size=4)


def test_a_collection_lies_at_the_mean_of_its_tracks(drawn):
    made = gather.of_snapshot(drawn)
    space = Space.of(drawn, made)
    assert np.allclose(np.linalg.norm(space.embedding, axis=1), 1, atol=1e-5)
    for collection, members, place in zip(space.collections, space.members, space.embedding, strict=True):
        assert [drawn.ids[t].as_py() for t in members.tolist()] == list(collection.track_ids)
        mean = drawn.embedding[members].mean(axis=0)
        assert np.allclose(place, mean / np.linalg.norm(mean), atol=1e-5)
    assert np.allclose(np.linalg.norm(space.places, axis=1), 1, atol=1e-5)
    assert abs(space.places.mean(axis=0) @ space.centre) < 0.05  # no direction is everyone's
    assert not space.place(np.zeros((2, drawn.embedding.shape[1]))).any()


def test_flags_of_members_are_gathered_by_collection(drawn):
    space = Space.of(drawn, gather.of_snapshot(drawn))
    chosen = np.zeros(len(drawn), dtype=bool)
    chosen[space.members[7][:1]] = True
    expected = [bool(chosen[members].any()) for members in space.members]
    assert space.any_of(chosen[space.flat]).tolist() == expected and expected[7] and not all(expected)


def test_titles_move_collections_by_their_weight(drawn):
    made = gather.of_snapshot(drawn)[:5]
    text = np.eye(5, drawn.embedding.shape[1], dtype=np.float32)
    asked: list = []

    def embed_text(titles):
        asked.extend(titles)
        return text

    plain = Space.of(drawn, made).embedding
    none, much = (Space.of(drawn, made, embed_text=embed_text, title_weight=w).embedding for w in (0.0, 100.0))
    assert asked == [c.title for c in made] * 2
    assert np.allclose(none, plain, atol=1e-6) and np.allclose(much, text, atol=0.05)


def test_collections_of_another_catalogue_and_names_twice_are_refused(drawn):
    one = gather.of_snapshot(drawn)[0]
    with pytest.raises(InputError, match="'nix'"):
        Space.of(drawn, [Collection("a", "a", ("nix",), "playlist")])
    with pytest.raises(InputError, match="two collections"):
        Space.of(drawn, [one, one])


def test_gathering_twice_gives_the_same(drawn):
    assert gather.of_snapshot(drawn) == gather.of_snapshot(drawn)
