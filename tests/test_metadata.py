"""Odd tags and tables are read, nothing that could not be understood is lost, and what is wrong is named."""

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


def test_the_table_wins():
    tags = Metadata(title="t", artist="a", year=1990, genre=("rock",), extra={"x": "1", "y": "2"})
    row = Metadata(title="T", genre=("jazz",), tempo_bpm=90.0, extra={"y": "3"})
    assert metadata.merge(tags, row) == Metadata(
        title="T", artist="a", year=1990, genre=("jazz",), tempo_bpm=90.0, extra={"x": "1", "y": "3"}
    )
    assert metadata.merge(tags, Metadata()) == tags
