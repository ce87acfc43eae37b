"""Scenes: what the index says is where the sound is; alike everywhere; nothing that is listed is drowned."""

import hashlib
import json
from collections import Counter
from itertools import combinations

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from mdialog.cli import main
from mdialog.errors import InputError
from mdialog.seeds import derive
from mdialog.synth.events import AUDIBLE_DB
from mdialog.synth.scenes import SCENES, make_scene, read_scenes, write_scenes
from mdialog.table import read_table

RATE = 44_100


@pytest.fixture(scope="module")
def scenes():
    return [make_scene(derive(4, i)) for i in range(30)]


def envelope(sound):
    size = RATE // 100
    power = np.concatenate([[0.0], np.cumsum(np.square(sound).mean(axis=0, dtype=np.float64))])
    return np.sqrt(np.maximum(0, power[size:] - power[:-size]) / size)


def test_lengths_counts_and_peaks(scenes):
    for scene, sound in scenes:
        assert 10.0 <= scene.duration_s <= 30.0 and sound.shape == (2, round(scene.duration_s * RATE))
        assert 1 <= len(scene.events) <= 4 and np.abs(sound).max() <= 0.96
        for event in scene.events:
            assert 0.0 <= event.start_s < event.end_s <= scene.duration_s
            assert all(event.start_s <= t < event.end_s for t in event.onsets_s)
    assert {scene.layout for scene, _ in scenes} == {"alone", "sequence", "repeated", "overlap"}
    assert {scene.behind for scene, _ in scenes} == {"silence", "noise", "music"}


def test_layouts_are_what_they_are_called(scenes):
    for scene, _ in scenes:
        kinds = Counter(event.label for event in scene.events)
        over = [a.end_s > b.start_s for a, b in combinations(scene.events, 2)]
        if scene.layout == "overlap":
            assert any(over) and len(kinds) == len(scene.events)
        else:
            assert not any(over)
            assert (len(kinds) == 1) == (scene.layout in ("alone", "repeated"))
            assert (len(scene.events) == 1) == (scene.layout == "alone")


def test_events_sound_where_they_say(scenes):
    """In every scene without overlaps and music, the spans measured in the mix are those of the labels."""
    looked = 0
    for scene, sound in scenes:
        if scene.layout == "overlap" or scene.behind == "music":
            continue
        rms = envelope(sound)
        for event in scene.events:
            around = slice(max(0, round((event.start_s - 0.1) * RATE)), round((event.end_s + 0.1) * RATE))
            own = rms[around]
            heard = np.flatnonzero(own >= own.max() * 10 ** (-AUDIBLE_DB / 20))
            start_s, end_s = ((around.start + at) / RATE + 0.005 for at in (heard[0], heard[-1]))
            assert abs(start_s - event.start_s) < 0.05 and abs(end_s - event.end_s) < 0.05, (scene.seed, event)
            looked += 1
    assert looked >= 10


def test_levels_are_those_of_the_mix(scenes):
    for scene, sound in scenes:
        if scene.behind != "silence" or scene.layout == "overlap":
            continue
        for event in scene.events:
            own = sound[:, round(event.start_s * RATE) : round(event.end_s * RATE)]
            power = np.concatenate([[0.0], np.cumsum(np.square(own).mean(axis=0, dtype=np.float64))])
            size = min(RATE // 20, len(power) - 1)
            assert 10 * np.log10((power[size:] - power[:-size]).max() / size) == pytest.approx(event.level_db, abs=0.2)


def test_music_behind_keeps_its_labels(scenes):
    behind = [scene for scene, _ in scenes if scene.behind == "music"]
    assert behind and all(scene.music is None for scene, _ in scenes if scene.behind != "music")
    for scene in behind:
        assert scene.music.over(0.0, scene.duration_s).genre == scene.music.genre
        assert scene.music.spans[-1].end_s <= scene.duration_s
        assert scene.spans[0].label == "music" and scene.spans[0].end_s == scene.duration_s


def digests(folder):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}


def sounds(found):
    return {name: digest for name, digest in found.items() if name.endswith(".flac")}


def test_files_do_not_depend_on_workers_or_number(tmp_path):
    seen = []
    write_scenes(tmp_path / "one", n=3, seed=2, workers=1, progress=lambda done, of: seen.append((done, of)))
    write_scenes(tmp_path / "two", n=3, seed=2, workers=2)
    write_scenes(tmp_path / "less", n=2, seed=2, workers=1)
    assert digests(tmp_path / "one") == digests(tmp_path / "two") and seen[-1] == (3, 3)
    less, one = digests(tmp_path / "less"), digests(tmp_path / "one")
    assert len(sounds(less)) == 2 and sounds(less).items() < sounds(one).items()
    with pytest.raises(InputError, match="ask for 1"):
        write_scenes(tmp_path, n=0, seed=1)


def test_index_and_labels_say_the_same(tmp_path):
    index = write_scenes(tmp_path, n=5, seed=6, workers=1)
    scenes, table = read_scenes(tmp_path), read_table(index)
    assert len(table) == len(scenes) == 5 and not table.problems and not table.notes
    for row in table:
        scene = scenes[row.path.stem]
        assert Counter(row.metadata.events) == Counter(scene.spans)
        again, sound = make_scene(scene.seed, scene_id=scene.id)
        assert again == scene
        read, rate = soundfile.read(row.path, dtype="float32", always_2d=True)
        assert rate == RATE and np.abs(read.T - sound).max() < 1e-4


def test_broken_labels_are_named(tmp_path):
    with pytest.raises(InputError, match="not there"):
        read_scenes(tmp_path)
    (tmp_path / SCENES).write_text(json.dumps({"id": "a"}) + "\n")
    with pytest.raises(InputError, match="line 1"):
        read_scenes(tmp_path)


def test_the_command(tmp_path):
    done = CliRunner().invoke(main, ["synth", str(tmp_path / "a"), "--scenes", "1", "--workers", "1"])
    assert done.exit_code == 0 and done.output.splitlines()[-1] == f"1 scenes in {tmp_path / 'a'}"
    assert {p.suffix for p in (tmp_path / "a").iterdir()} == {".flac", ".tsv", ".jsonl"}
    done = CliRunner().invoke(main, ["synth", str(tmp_path / "b"), "--scenes", "1", "-n", "1", "--workers", "1"])
    assert done.exit_code == 0 and "1 tracks and 1 scenes" in done.output
    assert (tmp_path / "b" / "labels.jsonl").is_file() and len(list((tmp_path / "b").rglob("*.flac"))) == 2
