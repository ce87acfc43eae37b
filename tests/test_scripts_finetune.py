"""Fine-tuning on a run: what is taught is learned, who is held out shares nothing with it, the result is a listener."""

import json
import re
import sys
from pathlib import Path

import listeners
import numpy as np
import plans
import pytest
import torch

from mdialog import run as runs
from mdialog.audio import AudioCache
from mdialog.export import export
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


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return listeners.save("qwen2_audio", tmp_path_factory.mktemp("small") / "model")


def tune(small, out, *arguments):
    finetune_listener.main([*map(str, arguments), "--listener", str(small), "--out", str(out), "--epochs", "1", "--batch", "8"])


def test_who_learns_from_a_run_with_hints_is_told_the_same(folder, tmp_path, monkeypatch):
    import shutil

    run = tmp_path / "run"
    shutil.copytree(folder, run)
    (run / runs.CONFIG).write_text(json.dumps({"catalog": "c", "hints": ["measured"]}))
    monkeypatch.setattr(finetune_listener.Catalog, "open", lambda path: path)
    monkeypatch.setattr(finetune_listener, "hints_of", lambda catalog, ids, kinds: lambda clip: (f"key of {clip.track_id}",))
    train, test = finetune_listener.sides([run], test_share=0.5, seed=0)
    found = finetune_listener.examples([*train, *test], play=lambda plan, clip: np.zeros(4, np.float32))
    parts = [one.request().messages[-1]["content"] for one in found]
    heard = [any(part["type"] == "audio" for part in several) for several in parts]
    assert heard == ["key of" in several[-1]["text"] for several in parts] and any(heard)


def test_who_was_tuned_talks_no_longer_by_the_book_or_from_notes(folder, small, tmp_path, monkeypatch):
    monkeypatch.setenv("MDIALOG_AUDIO_CACHE", str(tmp_path / "cache"))
    model = LocalListener.load(small).model
    model.config.by_the_book = model.config.takes_notes = True
    model.save_pretrained(tmp_path / "model")
    LocalListener.load(small).processor.save_pretrained(tmp_path / "model")
    assert LocalListener.load(tmp_path / "model").by_the_book
    tune(tmp_path / "model", tmp_path / "out", folder, "--held", "0.5")
    tuned = LocalListener.load(tmp_path / "out")
    assert not tuned.by_the_book and not tuned.takes_notes


def test_no_sound_stays_in_memory(folder, tmp_path, monkeypatch):
    train, test = finetune_listener.sides([folder], test_share=0.5, seed=0)
    played = []

    def play(plan, clip):
        played.append(np.zeros(4, np.float32))
        return played[-1]

    found = finetune_listener.examples([*train, *test], play=play)
    assert len(found) == 24 and not played
    heard = [one for one in found if any(p["type"] == "audio" for p in one.request().messages[-1]["content"])]
    assert heard and played
    one, other = heard[0].request(), heard[0].request()
    assert one is not other and one.id == other.id


def test_a_dataset_is_taught_side_by_side_and_examined(folder, small, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("MDIALOG_AUDIO_CACHE", str(tmp_path / "cache"))
    export(folder, format="messages", out=tmp_path / "set", by="components", test_share=0.5)
    tune(small, tmp_path / "out", tmp_path / "set", "--exam", 4)
    said = capsys.readouterr().out
    assert "6 turns taught, 6 held out" in said  # what the assistant says, three times a dialogue
    assert (tmp_path / "out" / "test.tracks").read_text() == (tmp_path / "set" / "test.tracks").read_text()
    for when in ("before", "after"):
        for protocol in ("letter", "cloze"):
            (line,) = (x for x in said.splitlines() if x.startswith(f"exam {when}, {protocol}"))
            assert all(sound in line for sound in ("real clip", "another clip", "noise", "silence"))
    rows = finetune_listener.read_messages(tmp_path / "set", "train", sample_rate=16000)
    (first, second, _, *_) = (row.request().messages for row in rows)
    assert [m["role"] for m in second] == ["user", "assistant", "user"]
    (clip,) = (part["audio"] for part in first[-1]["content"] if part["type"] == "audio")
    assert clip.shape == (160000,) and clip.any()


def test_what_a_filter_kept_is_all_that_is_taught(folder, tmp_path, capsys):
    kept = tmp_path / "filtered"
    kept.mkdir()
    lines = (folder / runs.DIALOGUES).read_text(encoding="utf-8").splitlines()
    row = json.loads(lines[0])
    answers = [{"id": "x", "dialogue": row["id"], "turn": i, "answer": row["turns"][i]["content"]} for i in (1, 3)]
    other = json.loads(lines[2])
    answers.append({"id": "x", "dialogue": other["id"], "turn": 1, "answer": other["turns"][1]["content"]})
    (kept / "kept.jsonl").write_text("".join(json.dumps(a) + "\n" for a in answers), encoding="utf-8")
    (kept / "filter.json").write_text(json.dumps({"run": str(folder)}))
    train, test = finetune_listener.sides([kept], test_share=0.4, seed=0)
    found = finetune_listener.examples([*train, *test], play=lambda plan, clip: np.zeros(4))
    assert sorted(one.said for one in found) == sorted(a["answer"] for a in answers)


@pytest.mark.parametrize(("options", "why"), [({}, "--split"), ({"format": "conversations", "by": "components"}, "--format")])
def test_a_dataset_of_another_kind_is_refused(folder, small, tmp_path, options, why):
    export(folder, **{"format": "messages", "out": tmp_path / "set", "test_share": 0.5, **options})
    with pytest.raises(SystemExit, match=why):
        tune(small, tmp_path / "out", tmp_path / "set")


def test_a_dataset_beside_others_and_sound_that_is_gone_are_refused(folder, small, tmp_path):
    export(folder, format="messages", out=tmp_path / "set", by="components", test_share=0.5)
    with pytest.raises(SystemExit, match="give it alone"):
        tune(small, tmp_path / "out", tmp_path / "set", folder)
    next((tmp_path / "set" / "audio").iterdir()).unlink()
    with pytest.raises(SystemExit, match="no such sound file"):
        tune(small, tmp_path / "out", tmp_path / "set")


def test_a_folder_that_is_no_run_is_named(tmp_path):
    with pytest.raises(SystemExit, match="no such file"):
        finetune_listener.main([str(tmp_path), "--out", str(tmp_path / "out")])
