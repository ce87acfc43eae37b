"""Odd tags and tables are read, nothing that could not be understood is lost, and what is wrong is named."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from mdialog import metadata, vocab
from mdialog.errors import InputError
from mdialog.metadata import Metadata


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Ebm", "D# minor"), ("E flat minor", "D# minor"), ("E-flat minor", "D# minor"), ("eb MINOR", "D# minor"),
        ("F#", "F# major"), ("F# min", "F# minor"), ("F♯m", "F# minor"), ("f sharp minor", "F# minor"),
        ("Am", "A minor"), ("AM", "A major"), ("A", "A major"), ("a-moll", "A minor"), ("C dur", "C major"),
        ("Bb", "A# major"), ("B", "B major"), ("Bbm", "A# minor"), ("Cb", "B major"), ("B#", "C major"),
        ("  A  minor ", "A minor"), ("A:min", "A minor"), ("8A", "A minor"), ("8B", "C major"), ("12B", "E major"),
        ("1A", "G# minor"), ("5a", "C minor"), ("o", None), ("", None), ("H minor", None), ("13A", None),
        ("all over the place", None), ("Gmajor seventh", None),
    ],
)  # fmt: skip
def test_keys(text, key):
    assert metadata.parse_key(text) == key
    assert key is None or key in vocab.load()["key"]


def test_the_camelot_wheel_names_every_key_once():
    names = {metadata.parse_key(f"{n}{letter}") for n in range(1, 13) for letter in "AB"}
    assert names == set(vocab.load()["key"].names)


def test_every_spelling_of_the_vocabulary_is_read():
    for value in vocab.load()["key"].values:
        assert {metadata.parse_key(word) for word in value.words} == {value.name}


@pytest.mark.parametrize(
    ("name", "value", "field", "got"),
    [
        ("date", "1999-05-01", "year", 1999), ("Year", 1984.0, "year", 1984), ("YEAR", "(c) 2003 Foo", "year", 2003),
        ("year", "99", "year", None), ("year", "19995", "year", None), ("date", "01.02.2011", "year", 2011),
        ("bpm", "128.0", "tempo_bpm", 128.0), ("TEMPO", "96,5", "tempo_bpm", 96.5),
        ("Tempo BPM", 100, "tempo_bpm", 100.0),
        ("bpm", "120 BPM", "tempo_bpm", 120.0), ("bpm", "0", "tempo_bpm", None), ("bpm", "fast", "tempo_bpm", None),
        ("bpm", "999", "tempo_bpm", None), ("bpm", "-120", "tempo_bpm", None), ("bpm", "90-120", "tempo_bpm", None),
        ("popularity", "55%", "popularity", 55.0), ("popularity", 101, "popularity", None),
        ("popularity", 0, "popularity", 0.0), ("initialkey", "8A", "key", "A minor"),
        ("genre", "Hip-Hop; Soul/Funk", "genre", ("hip hop", "soul", "funk")), ("genres", ["Bossa", "Jazz"], "genre",
        ("bossa nova", "jazz")), ("genre", "Drum & Bass", "genre", ("drum and bass",)), ("genre", "Rock, rock",
        "genre", ("rock",)), ("genre", "Zydeco", "genre", ("zydeco",)), ("genre", "Unknown", "genre", ()),
        ("genre", "a\0b", "genre", ("a", "b")), ("instruments", "Trumpets, Kazoo", "instrument", ("trumpet", "kazoo")),
        ("mood", "Happy | Sad", "mood", ("cheerful", "melancholic")), ("vocals", "No singing", "vocal", "instrumental"),
        ("artists", ["A", "B", "A"], "artist", "A, B"), ("title", " two\nlines \t here ", "title", "two lines here"),
        ("title", 1999, "title", "1999"), ("title", b"bytes\xff", "title", "bytes\ufffd"),
        ("title", None, "title", None),
        ("title", float("nan"), "title", None), ("album", "", "album", None), ("Tags", "A;b", "tags", ("a", "b")),
    ],
)  # fmt: skip
def test_values(name, value, field, got):
    assert getattr(metadata.from_fields({name: value}), field) == got


def test_what_is_not_understood_is_kept():
    got = metadata.from_fields({"bpm": "fast", "Replaygain": "-3 dB", "license": "CC0-1.0", "year": "soon"})
    assert got == Metadata(extra={"bpm": "fast", "Replaygain": "-3 dB", "licence": "CC0-1.0", "year": "soon"})
    two = metadata.from_fields({"date": "2001", "originaldate": "1975"})
    assert two.year == 2001 and two.extra == {"originaldate": "1975"}


def test_the_artist_is_only_invented_for_display():
    assert Metadata().artist is None and Metadata().display_artist == "Unknown artist"
    assert Metadata(artist="X").display_artist == "X"


# --- tags of files -----------------------------------------------------------------------------------------


def sound(path: Path) -> Path:
    if path.suffix in (".m4a", ".webm"):
        import av

        with av.open(str(path), "w") as container:
            if path.suffix == ".webm":
                container.metadata.update({"title": "Web", "ARTIST": "W", "DATE": "2020"})
            stream = container.add_stream("aac" if path.suffix == ".m4a" else "libopus", rate=48_000, layout="mono")
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 9600), np.float32), format="fltp", layout="mono")
            frame.sample_rate = 48_000
            for packet in [*stream.encode(frame), *stream.encode(None)]:
                container.mux(packet)
    else:
        soundfile.write(path, np.zeros((4800, 1)), 48_000)
    return path


def test_id3(tmp_path):
    from mutagen.id3 import COMM, ID3, TBPM, TCON, TDRC, TIT2, TKEY, TPE1, TXXX

    for name in ("a.mp3", "a.wav"):
        path = sound(tmp_path / name)
        frames = [
            TIT2(text="Träume\0"), TPE1(text=["A", "B"]), TDRC(text="1999-05-01"), TCON(text="(17)"), TBPM(text="128"),
            TKEY(text="Ebm"), TXXX(desc="MOOD", text=["happy", "calm"]), TXXX(desc="popularity", text="12.5"),
            TXXX(desc="Odd", text="kept"), COMM(lang="eng", desc="", text="tempo 90, key C"),
        ]  # fmt: skip
        if name.endswith("mp3"):
            tags = ID3()
            for frame in frames:
                tags.add(frame)
            tags.save(path)
        else:
            from mutagen.wave import WAVE

            wave = WAVE(path)
            wave.add_tags()
            for frame in frames:
                wave.tags.add(frame)
            wave.save()
        got = metadata.read_tags(path)
        assert got == Metadata(
            title="Träume", artist="A, B", year=1999, genre=("rock",), tempo_bpm=128.0, key="D# minor",
            mood=("cheerful", "calm"), popularity=12.5, extra={"Odd": "kept", "comment": "tempo 90, key C"},
        )  # fmt: skip


@pytest.mark.parametrize("name", ["a.flac", "a.ogg"])
def test_vorbis_comments(tmp_path, name):
    import mutagen

    path = sound(tmp_path / name)
    file = mutagen.File(path)
    file.update({"title": "T", "GENRE": ["Reggae", "Dub"], "date": "1977", "key": "8A", "instrument": "organ; drums",
                 "DESCRIPTION": "slow; easy", "theme": "nothing known"})  # fmt: skip
    file.save()
    got = metadata.read_tags(path)
    assert got == Metadata(title="T", genre=("reggae", "dub"), year=1977, key="A minor", instrument=("organ", "drums"),
                           description="slow; easy", theme=("nothing known",), extra=got.extra)  # fmt: skip
    assert set(got.extra) <= {"encoder"}


def test_mp4_atoms(tmp_path):
    from mutagen.mp4 import MP4, MP4FreeForm

    path = sound(tmp_path / "a.m4a")
    file = MP4(path)
    file["\xa9nam"], file["\xa9ART"], file["\xa9day"], file["tmpo"] = ["T"], ["A"], ["2011-01-01T00:00:00Z"], [93]
    file["\xa9gen"], file["----:com.apple.iTunes:initialkey"] = ["Funk"], [MP4FreeForm(b"F# minor")]
    file.save()
    got = metadata.read_tags(path)
    assert (got.title, got.artist, got.year, got.tempo_bpm, got.genre, got.key) == (
        "T", "A", 2011, 93.0, ("funk",), "F# minor")  # fmt: skip


def test_webm(tmp_path):
    got = metadata.read_tags(sound(tmp_path / "a.webm"))
    assert (got.title, got.artist, got.year) == ("Web", "W", 2020)


def test_a_file_without_readable_tags_has_its_name(tmp_path):
    assert metadata.read_tags(sound(tmp_path / "no tags.flac")) == Metadata(title="no tags")
    broken = tmp_path / "broken.mp3"
    broken.write_bytes(b"ID3\x03\x00\x00\xff\xff\xff\xff" + b"\x00" * 50)
    assert metadata.read_tags(broken).title == "broken"
    (tmp_path / "empty.m4a").write_bytes(b"")
    assert metadata.read_tags(tmp_path / "empty.m4a") == Metadata(title="empty")
    with pytest.raises(InputError, match="no such file"):
        metadata.read_tags(tmp_path / "missing.mp3")


# --- tables ------------------------------------------------------------------------------------------------


def test_the_same_rows_from_every_kind_of_table(tmp_path):
    import pyarrow
    import pyarrow.parquet

    sound(tmp_path / "a.wav")
    records = [
        {"Path": "a.wav", "title": "One", "Tempo": "90", "genres": "rock;funk", "mine": "x"},
        {"Path": "", "title": "Two", "Tempo": "", "genres": "", "mine": "y"},
        {"Path": "gone.wav", "title": "", "Tempo": "abc", "genres": "jazz", "mine": ""},
    ]
    lines = [",".join(records[0])] + [",".join(record.values()) for record in records]
    (tmp_path / "t.csv").write_text("\ufeff" + "\r\n".join(lines) + "\r\n", encoding="utf-8")
    (tmp_path / "t.tsv").write_text("\n".join(lines).replace(",", "\t"))
    (tmp_path / "t.jsonl").write_text("\n\n".join(json.dumps(record) for record in records))
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(records), tmp_path / "t.parquet")
    one = Metadata(title="One", tempo_bpm=90.0, genre=("rock", "funk"), extra={"mine": "x"})
    expected = [
        ((tmp_path / "a.wav").resolve(), one),
        (None, Metadata(title="Two", extra={"mine": "y"})),
        (None, Metadata(title="gone", genre=("jazz",), extra={"Tempo": "abc"})),
    ]
    for name, third in [("t.csv", 4), ("t.tsv", 4), ("t.jsonl", 5), ("t.parquet", 3)]:
        table = metadata.read_table(tmp_path / name)
        assert [(row.path, row.metadata) for row in table] == expected, name
        [problem] = table.problems
        assert problem.startswith(f"{tmp_path / name}:{third}: file 'gone.wav' is in none of"), name


def test_a_row_of_a_file_that_exists_does_not_take_the_file_name_for_a_title(tmp_path):
    path = sound(tmp_path / "a.flac")
    import mutagen

    file = mutagen.File(path)
    file["title"] = "From the tag"
    file.save()
    (tmp_path / "t.csv").write_text("file,bpm\na.flac,100\n")
    [row] = metadata.read_table(tmp_path / "t.csv")
    got = metadata.merge(metadata.read_tags(path), row)
    assert (got.title, got.tempo_bpm) == ("From the tag", 100.0)


def test_files_are_looked_for_beside_the_table_then_in_the_folders(tmp_path):
    for folder in ("tables", "one/sub", "two/sub"):
        (tmp_path / folder).mkdir(parents=True)
    sound(tmp_path / "two/sub/b.wav")
    table = tmp_path / "tables/t.csv"
    table.write_text(f'filename\n"sub\\b.wav"\n{tmp_path / "two/sub/b.wav"}\n')
    found = metadata.read_table(table, folders=[tmp_path / "one", tmp_path / "two"])
    assert [row.path for row in found] == [(tmp_path / "two/sub/b.wav").resolve()] * 2
    sound(tmp_path / "one/sub/b.wav")
    assert metadata.read_table(table, folders=[tmp_path / "one", tmp_path / "two"]).rows[0].path.parts[-3] == "one"


def test_bad_rows_are_named_by_line_and_the_rest_kept(tmp_path):
    (tmp_path / "t.csv").write_text('title,year\n"two\nlines",2001\nshort\nlong,1,2\n\n,1999\nlast,2002\n')
    table = metadata.read_table(tmp_path / "t.csv")
    assert [(row.line, row.metadata.title) for row in table] == [(2, "two lines"), (8, "last")]
    assert [problem.split(": ")[0].rsplit(":", 1)[1] for problem in table.problems] == ["4", "5", "7"]
    lines = ['{"title": "a"}', '{"title": ', "[1]", '"row is not JSON"', '{"title": "b", "x": {"y": 1}}']
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    table = metadata.read_table(tmp_path / "t.jsonl")
    assert [(row.line, row.metadata.title) for row in table] == [(1, "a"), (5, "b")]
    assert [problem.split(": ")[0].rsplit(":", 1)[1] for problem in table.problems] == ["2", "3", "4"]


def test_unusable_tables(tmp_path):
    (tmp_path / "cols.csv").write_text("a,b\n1,2\n")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "latin.csv").write_bytes("title\nMüller\n".encode("latin-1"))
    (tmp_path / "no.parquet").write_bytes(b"PAR1 no")
    (tmp_path / "t.xlsx").write_bytes(b"PK")
    (tmp_path / "empty.jsonl").write_text("")
    for name, said in [("cols.csv", "'a', 'b'"), ("empty.csv", "neither"), ("latin.csv", "UTF-8"),
                       ("no.parquet", "not Parquet"), ("t.xlsx", ".parquet"), ("empty.jsonl", "neither"),
                       ("missing.csv", "no such table")]:  # fmt: skip
        with pytest.raises(InputError, match=said) as caught:
            metadata.read_table(tmp_path / name)
        assert "\n" not in str(caught.value) and str(tmp_path / name) in str(caught.value)


def test_the_table_wins():
    tags = Metadata(title="t", artist="a", year=1990, genre=("rock",), extra={"x": "1", "y": "2"})
    row = Metadata(title="T", genre=("jazz",), tempo_bpm=90.0, extra={"y": "3"})
    assert metadata.merge(tags, row) == Metadata(
        title="T", artist="a", year=1990, genre=("jazz",), tempo_bpm=90.0, extra={"x": "1", "y": "3"}
    )
    assert metadata.merge(tags, Metadata()) == tags


@pytest.mark.skipif("MDIALOG_REAL_DATA" not in os.environ, reason="needs MDIALOG_REAL_DATA")
def test_the_table_of_real_recordings():
    table = metadata.read_table(Path(os.environ["MDIALOG_REAL_DATA"]) / "real_music" / "labels.csv")
    assert len(table) == 30 and not table.problems
    assert all(row.path.is_file() and row.metadata.title and row.metadata.extra["licence"] for row in table)
    assert sum(row.metadata.tempo_bpm is not None for row in table) == 8
    polka = next(row.metadata for row in table if row.metadata.title == "Four Beers' Polka")
    assert polka.tempo_bpm == 124.0 and {"trumpet", "clarinet", "accordion"} <= set(polka.instrument)
    assert "peppy" in polka.description
