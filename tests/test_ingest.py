import csv
import json
import os
import shutil

import numpy as np
import pytest
import soundfile
from dying_worker import analyse_or_die
from small_clap import small_clap

from mdialog import analyse as analysing
from mdialog import ingest as ingesting
from mdialog.analyse import analyse_all, job_of
from mdialog.catalog import Catalog
from mdialog.errors import InputError
from mdialog.ingest import FAILURES, ingest, read_failures

RATE = 22_050


@pytest.fixture(scope="module")
def clap():
    return small_clap()


def render(path, *, seed, seconds=12.0, rate=RATE, **tags):
    """A short piece: a decaying chord on every beat, its pitches and tempo by seed."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(seconds * rate)) / rate
    beat = rng.uniform(0.35, 0.8)
    decay = np.exp(-(t % beat) * rng.uniform(2, 12))
    y = sum(np.sin(2 * np.pi * f * t) for f in 110 * 2 ** (rng.integers(0, 36, 3) / 12))
    y = 0.1 * y * decay + 0.02 * rng.normal(size=t.size) * rng.random()
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.stack([y, y], axis=1), rate)
    if tags:
        import mutagen

        sound = mutagen.File(path)
        sound.update({k: [v] for k, v in tags.items()})
        sound.save()
    return path


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("music")
    for i in range(4):
        render(folder / f"t{i}.flac", seed=i, title=f"Title {i}", artist="O'Brien", genre="Reggae", date="1994")
    render(folder / "deep" / "ünïcode näme.wav", seed=10, seconds=3.0, rate=48_000)
    render(folder / "half silent.flac", seed=11, seconds=21.0)
    samples, _ = soundfile.read(folder / "half silent.flac")
    samples[10 * RATE :] = 0
    soundfile.write(folder / "half silent.flac", samples, RATE)
    soundfile.write(folder / "silent.flac", np.zeros(11 * RATE), RATE)
    (folder / "broken.mp3").write_bytes(b"this is no music" * 99)
    (folder / "empty.wav").write_bytes(b"")
    (folder / "notes.txt").write_text("not music")
    (folder / "._t0.flac").write_bytes(b"resource fork")
    shutil.copy(folder / "t1.flac", folder / "zz copy of t1.flac")
    return folder


@pytest.fixture
def music(pristine, tmp_path):
    return shutil.copytree(pristine, tmp_path / "music")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "catalog"


def run(music, path, clap, **options):
    return ingest([music], catalog=path, clap=clap, **({"workers": 1} | options))


def content(path):
    """Both tables as they would be read, in a stable order."""
    catalog = Catalog.open(path)
    sort = {"tracks": ["track_id"], "windows": ["track_id", "index"]}
    return {
        name: catalog.columns(catalog.table(name).schema.names, table=name)
        .sort_by([(key, "ascending") for key in keys]).to_pylist()
        for name, keys in sort.items()
    }  # fmt: skip


def by_name(path):
    return {os.path.basename(r["path"] or r["meta_title"]): r for r in content(path)["tracks"]}


def test_what_goes_in_and_what_does_not(music, path, clap):
    done = []
    report = run(music, path, clap, progress=lambda n, total: done.append((n, total)))
    assert (report.n_new, report.n_failed, report.n_duplicate, report.n_silent) == (7, 2, 1, 1)
    assert report.exit_code == 1 and done[-1] == (9, 9)
    assert report.duplicates == [(str(music / "zz copy of t1.flac"), str(music / "t1.flac"))]
    rows = by_name(path)
    assert len(rows) == 7
    t0 = rows["t0.flac"]
    assert (t0["meta_title"], t0["meta_artist"], t0["meta_genre"], t0["meta_year"]) == ("Title 0", "O'Brien", ["reggae"], 1994)
    assert t0["channels"] == 2 and t0["sample_rate"] == RATE and t0["duration_s"] == pytest.approx(12.0)
    assert t0["content_hash"].startswith(t0["track_id"]) and t0["clap_model"] == clap.model_id
    assert 36 <= t0["measured_tempo_bpm"] <= 240 and t0["measured_energy_word"] in ("low", "medium", "high")
    assert np.linalg.norm(t0["embedding"]) == pytest.approx(1, abs=1e-6)
    failures = [json.loads(line) for line in (path / FAILURES).read_text().splitlines()]
    assert [os.path.basename(f["path"]) for f in failures] == ["broken.mp3", "empty.wav"]
    assert all(len(f["reason"]) > len(f["path"]) for f in failures)


def test_silence_gets_no_tags(music, path, clap):
    run(music, path, clap)
    silent = by_name(path)["silent.flac"]
    assert silent["silent"] is True and silent["duration_s"] == pytest.approx(11.0)
    tagged = [k for k, v in silent.items() if v is not None and (k.startswith(("measured_", "heard_")) or k == "embedding")]
    assert tagged == []
    windows = content(path)["windows"]
    assert silent["track_id"] not in {w["track_id"] for w in windows}
    half = by_name(path)["half silent.flac"]
    first, second = [w for w in windows if w["track_id"] == half["track_id"]]
    assert first["measured_energy"] is not None and second["measured_energy"] is None and second["embedding"] is None
    assert first["embedding"] == pytest.approx(half["embedding"], abs=1e-6)  # silence has no part in the mean
    (short,) = [w for w in windows if w["track_id"] == by_name(path)["ünïcode näme.wav"]["track_id"]]
    assert (short["start_s"], short["end_s"]) == (0.0, 3.0)


def test_a_second_run_does_nothing(music, path, clap):
    run(music, path, clap)
    before, versions = content(path), [Catalog.open(path).table(n).version for n in ("tracks", "windows")]
    report = run(music, path, clap)
    assert (report.n_new, report.n_updated, report.n_moved, report.n_unchanged) == (0, 0, 0, 7)
    assert report.n_failed == 2 and report.seconds["embed"] == 0
    assert content(path) == before
    assert [Catalog.open(path).table(n).version for n in ("tracks", "windows")] == versions


def test_moved_changed_touched_and_mended(music, path, clap):
    run(music, path, clap)
    before = by_name(path)
    (music / "new place").mkdir()
    (music / "t0.flac").rename(music / "new place" / "moved.flac")
    render(music / "t2.flac", seed=77)
    os.utime(music / "t3.flac", (1, 1))
    render(music / "broken.mp3", seed=78, rate=44_100)
    (music / "empty.wav").unlink()
    report = run(music, path, clap)
    assert (report.n_new, report.n_updated, report.n_moved, report.n_unchanged) == (1, 1, 1, 5)
    assert report.exit_code == 0 and not (path / FAILURES).exists()
    after = by_name(path)
    moved = after["moved.flac"]
    assert moved["track_id"] == before["t0.flac"]["track_id"] and moved["embedding"] == before["t0.flac"]["embedding"]
    assert after["t2.flac"]["track_id"] != before["t2.flac"]["track_id"]
    assert "t0.flac" not in after and len(after) == 8
    ids = {r["track_id"] for r in after.values()}
    assert {w["track_id"] for w in content(path)["windows"]} <= ids
    assert run(music, path, clap).n_unchanged == 8


def test_files_that_change_places_keep_their_rows(music, path, clap):
    run(music, path, clap)
    before = by_name(path)
    (music / "t0.flac").rename(music / "x")
    (music / "t2.flac").rename(music / "t0.flac")
    (music / "x").rename(music / "t2.flac")
    for name in ("t0.flac", "t2.flac"):
        os.utime(music / name, (5, 5))
    report = run(music, path, clap)
    assert report.n_moved == 2 and report.n_new == report.n_updated == 0
    after = by_name(path)
    assert after["t0.flac"]["track_id"] == before["t2.flac"]["track_id"]
    assert after["t2.flac"]["track_id"] == before["t0.flac"]["track_id"]


def test_a_file_that_becomes_a_copy_of_another_loses_its_row(music, path, clap):
    run(music, path, clap)
    shutil.copy(music / "t3.flac", music / "t0.flac")
    report = run(music, path, clap)
    assert (str(music / "t0.flac"), str(music / "t3.flac")) in report.duplicates
    assert "t0.flac" not in by_name(path) and "t3.flac" in by_name(path)


def test_nothing_goes_without_prune(music, path, clap, tmp_path):
    other = render(tmp_path / "other" / "o.flac", seed=50)
    ingest([music, other], catalog=path, clap=clap, workers=1)
    (music / "t0.flac").unlink()
    other.unlink()
    assert run(music, path, clap).n_removed == 0
    assert {"t0.flac", "o.flac"} <= set(by_name(path))
    report = run(music, path, clap, prune=True)
    assert report.n_removed == 1
    assert "t0.flac" not in by_name(path) and "o.flac" in by_name(path)  # only where it looked


def table(path, rows):
    with path.open("w", newline="") as out:
        writer = csv.DictWriter(out, ["file", "title", "artist", "genre", "popularity"])
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_a_table_adds_tracks_and_overrules_tags(music, path, clap, tmp_path):
    run(music, path, clap)
    hashes = {n: r["track_id"] for n, r in by_name(path).items()}
    rows = [
        {"file": "t0.flac", "title": "From the table", "genre": "jazz", "popularity": 80},
        {"title": "Never heard", "artist": "Nobody", "genre": "blues"},
        {"file": "gone.flac", "title": "Lost"},
    ]
    listed = table(tmp_path / "table.csv", rows)
    report = run(music, path, clap, metadata=listed)
    assert (report.n_updated, report.n_metadata_only, report.n_new) == (1, 2, 0)
    found = by_name(path)
    assert found["t0.flac"]["meta_title"] == "From the table" and found["t0.flac"]["meta_artist"] == "O'Brien"
    assert found["t0.flac"]["track_id"] == hashes["t0.flac"] and found["t0.flac"]["embedding"] is not None
    assert found["Never heard"]["path"] is None and found["Never heard"]["embedding"] is None
    catalog = Catalog.open(path, clap=clap)
    assert catalog.matching("genre:jazz -meta.genre:reggae") == [hashes["t0.flac"]]
    assert [h.title for h in catalog.search("genre:blues")][0] == "Never heard"
    assert run(music, path, clap, metadata=listed).n_updated == 0
    assert run(music, path, clap).n_updated == 0  # without the table, what it said stays
    assert by_name(path)["t0.flac"]["meta_title"] == "From the table"
    # The lost file turns up: its metadata-only track becomes that track.
    render(music / "gone.flac", seed=60)
    report = run(music, path, clap, metadata=listed)
    assert report.n_new == 1 and sum(r["meta_title"] == "Lost" for r in content(path)["tracks"]) == 1
    report = run(music, path, clap, metadata=table(tmp_path / "table.csv", rows[:1]), prune=True)
    assert report.n_removed == 1 and "Never heard" not in by_name(path)


def test_how_the_work_is_split_changes_no_row(music, path, clap, tmp_path, monkeypatch):
    run(music, path, clap)
    monkeypatch.setattr(analysing, "FEW_FILES", 0)
    monkeypatch.setattr(ingesting, "BATCH_TRACKS", 2)
    run(music, tmp_path / "other", clap, workers=2)
    assert content(path) == content(tmp_path / "other")


def test_adding_a_track_changes_no_other_row(music, path, clap):
    run(music, path, clap)
    before = by_name(path)
    render(music / "late.flac", seed=99)
    assert run(music, path, clap).n_new == 1
    after = by_name(path)
    assert after.pop("late.flac")["heard_scores"] is not None
    assert after == before


@pytest.mark.parametrize("where", ["embed", "between the tables", "before the old row goes"])
def test_killed_anywhere_the_next_run_ends_the_same(music, path, clap, tmp_path, monkeypatch, where):
    """A crash leaves a row complete or absent, and the same command goes on from there."""
    monkeypatch.setattr(ingesting, "BATCH_TRACKS", 1)
    monkeypatch.setattr(ingesting, "MAX_WINDOWS", 1)
    run(music, path, clap)
    shutil.copytree(path, tmp_path / "expected")
    for name in ("t1.flac", "t2.flac", "new.flac"):
        render(music / name, seed=sum(name.encode()))
    run(music, tmp_path / "expected", clap)

    with monkeypatch.context() as broken:
        calls = []

        def crash(*args, **kwargs):
            calls.append(args)
            if len(calls) == 2:
                raise KeyboardInterrupt
            return original(*args, **kwargs)

        if where == "embed":
            original = clap.embed_audio
            broken.setattr(clap, "embed_audio", crash)
        elif where == "between the tables":
            original = ingesting.Catalog._present
            broken.setattr(ingesting.Catalog, "_present", crash)
        else:
            original = ingesting.Catalog.remove
            broken.setattr(ingesting.Catalog, "remove", crash)
        with pytest.raises(KeyboardInterrupt):
            run(music, path, clap)
    run(music, path, clap)
    expected = content(tmp_path / "expected")
    assert content(path) == expected
    sounding = {r["track_id"] for r in expected["tracks"] if not r["silent"]}
    assert {w["track_id"] for w in expected["windows"]} == sounding


def test_windows_of_a_killed_ingest_are_swept(music, path, clap):
    run(music, path, clap)
    catalog = Catalog.open(path)
    windows = catalog.columns(catalog.table("windows").schema.names, table="windows").to_pylist()
    before = content(path)
    catalog.write([], [w | {"track_id": "0123456789abcdef"} for w in windows])
    run(music, path, clap)
    assert content(path) == before


def test_a_worker_that_dies_costs_its_file_only(pristine, tmp_path, monkeypatch):
    monkeypatch.setattr(analysing, "FEW_FILES", 0)
    monkeypatch.setattr(analysing, "analyse", analyse_or_die)
    names = ["a.flac", "deadly.flac", "b.flac"]
    for name in names:
        shutil.copy(pristine / "silent.flac", tmp_path / name)
    found = list(analyse_all([job_of(tmp_path / n) for n in names], workers=2))
    assert {os.path.basename(f.job.path): f.failure is None for f in found} == {
        "a.flac": True, "deadly.flac": False, "b.flac": True,
    }  # fmt: skip
    assert "worker process died" in next(f.failure for f in found if f.failure)


def test_another_model_is_refused_before_any_work(music, path, clap):
    run(music, path, clap)
    before = content(path)
    with pytest.raises(InputError, match="was made with CLAP"):
        run(music, path, small_clap(seed=1))
    assert content(path) == before
    with pytest.raises(InputError, match="no such folder"):
        run(music / "nowhere", path, clap)


def test_a_failure_elsewhere_stays_on_the_list(music, path, clap, tmp_path):
    bad = tmp_path / "other" / "bad.flac"
    bad.parent.mkdir()
    bad.write_bytes(b"no")
    ingest([bad.parent], catalog=path, clap=clap, workers=1)
    assert list(read_failures(path)) == [str(bad)]
    run(music, path, clap)
    assert str(bad) in read_failures(path) and len(read_failures(path)) == 3
    shutil.rmtree(bad.parent)
    run(music, path, clap)
    assert str(bad) not in read_failures(path)


def test_a_rough_background_is_said(music, path, clap):
    assert any("calibrated on" in note for note in run(music, path, clap).notes)


def test_real_recordings(real_data, path, clap):
    folder = real_data / "real_music" / "opensurge"
    names = ["silence.ogg", "allegro.ogg", "invincible.ogg"]
    report = ingest([folder / n for n in names], catalog=path, clap=clap, workers=1)
    assert (report.n_new, report.n_silent, report.exit_code) == (3, 1, 0)
    rows = by_name(path)
    assert rows["silence.ogg"]["silent"] and rows["silence.ogg"]["embedding"] is None
    assert rows["invincible.ogg"]["meta_artist"] == "Johan Brodd"
    catalog = Catalog.open(path, clap=clap)
    (hit,) = catalog.search(f'~track:{rows["allegro.ogg"]["track_id"][:8]}')
    assert hit.title == "Velocity"


def test_most_instruments_that_are_heard_do_sound(catalog):
    from mdialog.evaluate.relevance import composer_truth
    from mdialog.snapshot import Snapshot

    truth = composer_truth(Snapshot.of(catalog))
    heard = {row["track_id"]: row["heard_instrument"] for row in catalog.columns(["track_id", "heard_instrument"]).to_pylist()}
    sounding = {track: {i for span in labels.spans for i in span.instruments} for track, labels in truth.items()}
    named = [(track, i) for track, instruments in heard.items() for i in instruments or ()]
    assert len(truth) == len(heard) and len(named) >= len(heard)
    assert sum(i in sounding[track] for track, i in named) >= 0.7 * len(named)
