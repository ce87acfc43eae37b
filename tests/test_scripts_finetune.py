"""Fine-tuning on a run: what is taught is learned, who is held out shares nothing with it, the result is a listener."""

import json
import re
import sys
from pathlib import Path

import listeners
import plans
import pytest
import torch

from mdialog import run as runs
from mdialog.audio import AudioCache
from mdialog.listener.local import LocalListener
from mdialog.plan import from_json, to_json, write_plans
from mdialog.split import read_tracks
from mdialog.write import Options

pytest.importorskip("peft")
sys.path.append(str(Path(__file__).resolve().parent.parent / "scripts"))
import finetune_listener


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run whose dialogues fall into two parts that share no track and no artist."""
    base = tmp_path_factory.mktemp("tuned")
    many = [plans.plan(base / "music", i) for i in range(2)]
    many += [_renamed(plans.plan(base / "more music", i)) for i in range(2, 4)]
    run = base / "run"
    run.mkdir()
    write_plans(many, run / runs.PLANS)
    play = runs.player(AudioCache(base / "cache"), sample_rate=16000)
    runs.write_run(run, many, plans.Reader(bad=0), play=play, options=Options(), models={"listener": "reader@1"})
    return run


def _renamed(plan):
    """The same plan of other tracks by other artists."""
    text = to_json(plan)
    for track_id, (title, artist) in plans.NAMES.items():
        for old in (title, artist):
            text = text.replace(json.dumps(old, ensure_ascii=False), json.dumps(f"{old} II", ensure_ascii=False))
        text = text.replace(f'"{track_id}"', f'"other-{track_id}"').replace(f"~track:{track_id}", f"~track:other-{track_id}")
    return from_json(text)


@pytest.mark.parametrize("family", ["qwen2_audio", "audioflamingo3"])
def test_what_is_taught_is_learned_and_the_ears_stay_as_they_are(folder, tmp_path, capsys, monkeypatch, family):
    monkeypatch.setenv("MDIALOG_AUDIO_CACHE", str(tmp_path / "cache"))
    model = listeners.save(family, tmp_path / "model")
    paths = [str(folder), "--listener", str(model), "--out", str(tmp_path / "out")]
    finetune_listener.main([*paths, "--held", "0.5", "--epochs", "6", "--rate", "1e-2", "--batch", "4"])
    said = capsys.readouterr().out
    assert "2 train, 2 test" in said and "12 turns taught, 12 held out" in said
    before, after = map(float, re.findall(r"held out \w+: loss ([\d.]+)", said))
    assert after < before - 0.1  # the same phrases are said of other names
    tracks = read_tracks(tmp_path / "out" / "test.tracks")
    assert tracks in (frozenset(plans.NAMES), frozenset(f"other-{track_id}" for track_id in plans.NAMES))
    old, new = (LocalListener.load(path) for path in (model, tmp_path / "out"))
    weights = dict(old.model.named_parameters())
    changed = {name for name, p in new.model.named_parameters() if not torch.equal(p, weights[name])}
    assert changed and not any("audio_tower" in name or "projector" in name for name in changed)


def test_a_folder_that_is_no_run_is_named(tmp_path):
    with pytest.raises(SystemExit, match="no such file"):
        finetune_listener.main([str(tmp_path), "--out", str(tmp_path / "out")])
