"""Playlists are read as they occur: encodings, escapes, forms; what is none is refused in one line."""

import json

import pytest

from mdialog.errors import InputError
from mdialog.playlists import read_playlists


def _one(path, data):
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    (playlist,) = read_playlists(path)
    return playlist


M3U = "#EXTM3U\r\n#PLAYLIST:Été\r\n#EXTINF:123,Ötzi & Söhne - Don't - Stop\r\na/b%20c.ogg\r\n\r\n# a remark\r\nd.ogg\r\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("suffix", ["m3u", "m3u8", "M3U"])
def test_m3u_in_the_encodings_it_occurs_in(tmp_path, encoding, suffix):
    playlist = _one(tmp_path / f"x.{suffix}", M3U.encode(encoding))
    assert playlist.title == "Été"
    first, second = playlist.entries
    assert first.names == (("Ötzi & Söhne", "Don't - Stop"), ("Ötzi & Söhne - Don't", "Stop"))
    assert first.paths == (str(tmp_path / "a/b%20c.ogg"), str(tmp_path / "a/b c.ogg"))
    assert second.names == () and second.text == "d.ogg"


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("/music/a.ogg", "/music/a.ogg"),
        ("../a.ogg", "{}/a.ogg"),
        ("sub\\a.ogg", "{}/lists/sub/a.ogg"),
        ("file:///music/%C3%89t%C3%A9%231.ogg", "/music/Été#1.ogg"),
        ("file://localhost/music/a.ogg", "/music/a.ogg"),
        ("100% of it.ogg", "{}/lists/100% of it.ogg"),
    ],
)
def test_locations_are_paths_from_the_playlist(tmp_path, line, path):
    (tmp_path / "lists").mkdir()
    playlist = _one(tmp_path / "lists" / "x.m3u", line)
    assert path.format(tmp_path) in playlist.entries[0].paths


def test_windows_paths_keep_their_drive_and_the_net_has_no_path(tmp_path):
    playlist = _one(tmp_path / "x.m3u", "C:\\Music\\Lamps\\a.ogg\nhttp://example.org/a.ogg\n")
    assert any(path.endswith("C:/Music/Lamps/a.ogg") for path in playlist.entries[0].paths)
    assert playlist.entries[1].paths == ()


def test_iptv_attributes_are_no_names(tmp_path):
    playlist = _one(tmp_path / "x.m3u", '#EXTINF:-1 tvg-id="a, b" group="c",Ana Sol – River\nr.ogg\n')
    assert playlist.entries[0].names == (("Ana Sol", "River"),)


@pytest.mark.parametrize("data", [b"", b"\n", b"#EXTM3U", b"\xef\xbb\xbf"])
def test_an_empty_m3u_is_an_empty_playlist(tmp_path, data):
    playlist = _one(tmp_path / "x.m3u", data)
    assert playlist.entries == () and playlist.title == "x"


XSPF = """<?xml version="1.0" encoding="{}"?>
<playlist version="1" xmlns="http://xspf.org/ns/0/"><title>Rêve &amp; co</title><trackList>
<track><location>file:///music/a%20b.ogg</location><location>c.ogg</location>
<creator>Ötzi &amp; Söhne</creator><title>River</title></track>
<track><identifier>t9</identifier></track><track/></trackList></playlist>"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_xspf_with_its_namespace(tmp_path, encoding):
    playlist = _one(tmp_path / "x.xspf", XSPF.format(encoding).encode(encoding))
    assert playlist.title == "Rêve & co"
    first, second, third = playlist.entries
    assert first.names == (("Ötzi & Söhne", "River"),)
    assert "/music/a b.ogg" in first.paths and str(tmp_path / "c.ogg") in first.paths
    assert second.track_id == "t9" and third.track_id is None and not third.names


BOMB = '<!DOCTYPE p [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE p [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize("doctype", [BOMB, OUTSIDE], ids=["bomb", "outside"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_of_a_file_are_refused_before_they_are_read(tmp_path, doctype, encoding):
    path = tmp_path / "x.xspf"
    text = f'<?xml version="1.0" encoding="{encoding}"?>{doctype}<playlist><title>&a;</title></playlist>'
    path.write_bytes(text.encode(encoding))
    with pytest.raises(InputError, match="DOCTYPE"):
        read_playlists(path)


NO_XSPF = ("", "<playlist>", "<html/>", "<playlist>&a;</playlist>", "<?xml version='1.0' encoding='nix'?><playlist/>")


@pytest.mark.parametrize("text", NO_XSPF)
def test_what_is_no_xspf_is_refused(tmp_path, text):
    (tmp_path / "x.xspf").write_text(text)
    with pytest.raises(InputError, match=r"x\.xspf"):
        read_playlists(tmp_path / "x.xspf")


TRACK = {"artist": "Ana Sol", "title": "River", "path": "r.ogg"}
JSON = {
    "one": ({"title": "Rain", "tracks": ["t1", 2, TRACK]}, [("Rain", ["t1", "2", "Ana Sol - River"])]),
    "ids": (["t1", "t2"], [("x", ["t1", "t2"])]),
    "lists of ids": ([["t1"], ["t2", "t3"]], [("x 1", ["t1"]), ("x 2", ["t2", "t3"])]),
    "list of playlists": ([{"name": "A", "tracks": []}, {"tracks": ["t1"]}], [("A", []), ("x 2", ["t1"])]),
    "mapping": ({"A": ["t1"], "B": {"tracks": ["t2"]}}, [("A", ["t1"]), ("B", ["t2"])]),
    "jspf": (
        {"playlist": {"title": "J", "track": [{"location": ["a.ogg"], "creator": "Ötzi", "title": "é"}]}},
        [("J", ["Ötzi - é"])],
    ),
    "nothing": ([], [("x", [])]),
}


@pytest.mark.parametrize(("held", "expected"), JSON.values(), ids=JSON.keys())
def test_json_in_its_forms(tmp_path, held, expected):
    (tmp_path / "x.json").write_text(json.dumps(held, ensure_ascii=False), encoding="utf-8-sig")
    found = read_playlists(tmp_path / "x.json")
    assert [(p.title, [e.text for e in p.entries]) for p in found] == expected
    assert len({p.id for p in found}) == len(found)


MILLION = {
    "info": {"slice": "0-999"},
    "playlists": [{"name": "Throwbacks", "pid": 0, "tracks": [
        {"pos": 0, "artist_name": "Ana Sol", "track_uri": "spotify:track:0U", "artist_uri": "spotify:artist:2w",
         "track_name": "River", "album_uri": "spotify:album:6v", "duration_ms": 226863, "album_name": "Sea"},
        {"pos": 1, "artist_name": "Ötzi", "track_uri": "spotify:track:1V", "track_name": "é"},
    ]}],
}  # fmt: skip
SPELLINGS = (
    {"artist_name": "Ana Sol", "track_name": "River", "track_uri": "u"}, {"trackName": "River", "artistName": "Ana Sol"},
    {"Title": "River", "Artist": ["Ana Sol", "Ötzi"]}, {"name": "River", "artists": [{"name": "Ana Sol"}], "uri": "u"},
    {"added_at": "2020", "track": {"name": "River", "artists": [{"name": "Ana Sol"}], "id": "u"}},
    {"track": "River", "artist": "Ana Sol", "album": {"name": "Sea"}}, {"title": "River", "name": "x", "creator": "Ana Sol"},
)  # fmt: skip


def test_the_million_playlist_dataset_is_read(tmp_path):
    (tmp_path / "mpd.slice.0-999.json").write_text(json.dumps(MILLION), encoding="utf-8")
    (playlist,) = read_playlists(tmp_path / "mpd.slice.0-999.json")
    assert playlist.title == "Throwbacks"
    assert [(e.names, e.track_id) for e in playlist.entries] == [
        ((("Ana Sol", "River"),), "spotify:track:0U"), ((("Ötzi", "é"),), "spotify:track:1V"),
    ]  # fmt: skip


@pytest.mark.parametrize("item", SPELLINGS)
def test_a_track_is_named_in_any_spelling(tmp_path, item):
    (tmp_path / "x.json").write_text(json.dumps([item]))
    ((entry,),) = (playlist.entries for playlist in read_playlists(tmp_path / "x.json"))
    assert entry.names == (("Ana Sol", "River"),) and entry.track_id in ("u", None)


@pytest.mark.parametrize("item", [{"artists": [], "name": None}, {"artists": [{}], "name": {}}, {"x": 1}, {}])
def test_a_track_without_a_name_is_none_and_no_error(tmp_path, item):
    (tmp_path / "x.json").write_text(json.dumps([item]))
    ((entry,),) = (playlist.entries for playlist in read_playlists(tmp_path / "x.json"))
    assert entry.names == () and entry.track_id is None and not entry.paths


NO_JSON = ("", "{", "3", '"t1"', "{}", '{"a": 1}', '{"tracks": 3}', '[["t1"], "t2"]', '["t1", null]', "[" * 5000)


@pytest.mark.parametrize("text", NO_JSON, ids=range(len(NO_JSON)))
def test_what_is_no_json_playlist_is_refused(tmp_path, text):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(InputError, match=r"x\.json"):
        read_playlists(tmp_path / "x.json")


def test_a_folder_gives_its_playlists_in_order_and_leaves_other_files_alone(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "two.m3u").write_text("a.ogg")
    (tmp_path / "a.m3u8").write_text("a.ogg")
    (tmp_path / "notes.json").write_text("no playlist")
    (tmp_path / "music.ogg").write_bytes(b"\0")
    assert [p.title for p in read_playlists(tmp_path)] == ["a", "two"]


@pytest.mark.parametrize("name", ["x.txt", "x", "missing.m3u"])
def test_a_file_of_another_kind_or_none_is_refused(tmp_path, name):
    with pytest.raises(InputError, match=name):
        read_playlists(tmp_path / name)


def _cpcd(tmp_path, rows, split):
    (tmp_path / "d.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    (tmp_path / "split.json").write_text(json.dumps(split))
    return tmp_path / "d.jsonl"


def _dialogue(name):
    tracks = {"v1": {"track_artists": ["Ana Sol", "Ötzi"], "track_titles": "River", "track_ids": "v1"}}
    return {"id": name, "turns": [], "tracks": tracks, "goal_playlist": ["v1", "v2"]}


def test_only_the_train_split_of_cpcd_is_read(tmp_path):
    rows = [_dialogue("a"), {"id": "b"}, _dialogue("c")]  # what is not of the train split is not looked into
    (playlist,) = read_playlists(_cpcd(tmp_path, rows, {"train": ["c"], "test": ["a"]}))
    assert playlist.id == "playlist:cpcd/c"
    known, unknown = playlist.entries
    assert known.names == (("Ana Sol, Ötzi", "River"), ("Ana Sol & Ötzi", "River"), ("Ana Sol", "River"), ("Ötzi", "River"))
    assert unknown.track_id == "v2" and not unknown.names


def test_cpcd_without_its_split_or_with_a_broken_one_is_refused(tmp_path):
    path = _cpcd(tmp_path, [_dialogue("a")], {"train": ["a"], "test": ["a"]})
    with pytest.raises(InputError, match="in train and in test"):
        read_playlists(path)
    (tmp_path / "split.json").write_text('{"train": ["a"]}')
    with pytest.raises(InputError, match="not a split"):
        read_playlists(path)
    (tmp_path / "split.json").unlink()
    with pytest.raises(InputError, match=r"split\.json"):
        read_playlists(path)


@pytest.mark.parametrize("line", ["{", "[]", "{}", '{"id": "a"}', '{"id": "a", "tracks": {}, "goal_playlist": 3}'])
def test_a_line_that_is_no_dialogue_of_cpcd_is_named(tmp_path, line):
    path = _cpcd(tmp_path, [], {"train": ["a"], "test": []})
    path.write_text(f"\n{line}\n")
    with pytest.raises(InputError, match="line 2"):
        read_playlists(path)


def test_the_real_train_playlists_are_read_and_no_test_one(real_data):
    folder = real_data / "cpcd"
    found = read_playlists(folder / "cpcd_v1.dialogs.dev.train.jsonl")
    split = json.loads((folder / "split.json").read_text())
    assert len(found) == 300 and sum(len(p.entries) for p in found) == 5704
    assert {p.id.removeprefix("playlist:cpcd/") for p in found} == set(split["train"])
    assert all(entry.names for p in found for entry in p.entries)
