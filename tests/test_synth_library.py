"""Libraries: planned alike everywhere, written alike by any number of workers, labelled as they are."""

import hashlib
import json

import numpy as np
import pytest

from mdialog import vocab
from mdialog.errors import InputError
from mdialog.synth.library import library_plan, read_labels, track_path, write_library


def test_plans_agree_on_what_they_share():
    short, long = library_plan(50, 9), library_plan(300, 9)
    assert long[:50] == short and len(long) == 300
    assert len({track_path(s) for s in long}) == 300
    assert [s.index for s in long] == list(range(300))
    assert library_plan(50, 10) != short


def test_artists_have_several_tracks_and_years_and_popularity_are_sound():
    specs = library_plan(1200, 2)
    by_artist: dict[int, list] = {}
    for s in specs[:-8]:
        by_artist.setdefault(s.artist_index, []).append(s)
    sizes = [len(v) for v in list(by_artist.values())[:-1]]
    assert min(sizes) >= 4 and max(sizes) <= 8
    assert {s.genre for s in specs} == set(vocab.load()["genre"].names)
    assert all(1955 <= s.year <= 2025 and 0 <= s.popularity <= 100 for s in specs)
    popularity = np.array([s.popularity for s in specs])
    assert np.mean(popularity < 30) > 0.5 and np.mean(popularity > 65) > 0.02
    imperfect = np.mean([bool(s.imperfect) for s in specs])
    assert 0.05 < imperfect < 0.12


def test_only_the_genres_asked_for():
    assert {s.genre for s in library_plan(40, 1, genres=("tango", "techno"))} == {"tango", "techno"}
    with pytest.raises(InputError, match="skiffle"):
        library_plan(10, 1, genres=("skiffle",))
    with pytest.raises(InputError, match="0"):
        library_plan(0, 1)


def digests(folder):
    return {p.relative_to(folder): hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.rglob("*") if p.is_file()}


def test_files_do_not_depend_on_the_number_of_workers(tmp_path):
    seen = []
    for workers in (1, 2):
        write_library(tmp_path / str(workers), n_tracks=2, seed=5, duration_s=9.0, workers=workers,
                      progress=lambda done, of: seen.append((done, of)))
    assert digests(tmp_path / "1") == digests(tmp_path / "2") and len(digests(tmp_path / "1")) == 3
    assert seen == [(1, 2), (2, 2)] * 2


def test_files_carry_what_the_labels_say(tmp_path):
    import soundfile as sf
    from mutagen.flac import FLAC

    path = write_library(tmp_path, n_tracks=3, seed=8, duration_s=9.0, workers=1)
    labels = read_labels(path)
    assert labels == read_labels(tmp_path)
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    specs = library_plan(3, 8, duration_s=9.0)
    for row, spec in zip(rows, specs, strict=True):
        assert labels[row["path"]] == spec.compose().labels
        info = sf.info(tmp_path / row["path"])
        assert (info.samplerate, info.channels, info.subtype) == (44100, 2, "PCM_16")
        assert info.duration == pytest.approx(row["duration_s"], abs=0.01)
        tags = FLAC(tmp_path / row["path"])
        assert tags["title"] == [spec.title] and tags["artist"] == [spec.artist] and tags["date"] == [str(spec.year)]
        assert ("genre" in tags) == ("missing genre" not in row["imperfect"])
    first = tmp_path / rows[0]["path"]
    stamp = first.stat().st_mtime_ns
    write_library(tmp_path, n_tracks=3, seed=8, duration_s=9.0, workers=1)
    assert first.stat().st_mtime_ns == stamp


def test_imperfections_are_real(tmp_path):
    """What `imperfect` names is in the title or the tags."""
    from mutagen.flac import FLAC

    from mdialog.synth.library import _tag, spoken_key

    specs = [s for s in library_plan(900, 4) if s.imperfect]
    assert {i for s in specs for i in s.imperfect} == {"missing genre", "wrong tempo", "wrong key in title"}
    silence = tmp_path / "a.flac"
    import soundfile as sf

    for spec in specs:
        labels = spec.compose().labels
        if "wrong key in title" in spec.imperfect:
            assert " in " in spec.title and not spec.title.endswith(spoken_key(labels.key))
            continue
        sf.write(silence, np.zeros(100), 32000)
        _tag(silence, spec, labels)
        tags = FLAC(silence)
        if "missing genre" in spec.imperfect:
            assert "genre" not in tags
        if "wrong tempo" in spec.imperfect:
            assert abs(float(tags["bpm"][0]) / labels.tempo_bpm - 1) > 0.1 and "BPM" in tags["comment"][0]
    true = [s for s in library_plan(900, 4) if s.key and not s.imperfect]
    assert all(s.title.endswith(spoken_key(s.compose().labels.key)) for s in true)


def test_broken_labels_are_named(tmp_path):
    with pytest.raises(InputError, match="not there"):
        read_labels(tmp_path)
    (tmp_path / "labels.jsonl").write_text('{"path": "a.flac"}\n')
    with pytest.raises(InputError, match="line 1"):
        read_labels(tmp_path)
    with pytest.raises(InputError, match="nothing.sf2"):
        write_library(tmp_path, n_tracks=1, seed=1, soundfonts=[tmp_path / "nothing.sf2"])
