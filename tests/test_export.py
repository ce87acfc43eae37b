"""Exports: what is written is read by the libraries of its users, and is what the run holds; cut off and gone on with."""

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from io import BytesIO

import listeners
import numpy as np
import plans
import pyarrow.parquet as pq
import pytest
import soundfile
from click.testing import CliRunner
from test_pairs import planned, spoken  # noqa: F401

from mdialog import audit, cli, transcripts
from mdialog import run as runs
from mdialog.audio import AudioCache
from mdialog.dialogue import Heard, read_dialogues, to_json
from mdialog.errors import InputError
from mdialog.export import clip_name, export
from mdialog.formats import FORMATS, dialogue_of, lp_musicdialog, spans_of
from mdialog.pairs import pairs
from mdialog.plan import write_plans
from mdialog.split import read_tracks
from mdialog.write import Options

CLIPS = {("t1", 0.0, 10.0): 220, ("t2", 10.0, 20.0): 440}  # what plans.plan plays, and the tone in it, Hz
ROWS = ("messages", "conversations")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A run of six dialogues, written with every check; read only."""
    folder = tmp_path_factory.mktemp("export")
    many = [plans.plan(folder / "music", i) for i in range(6)]
    run = folder / "run"
    run.mkdir()
    write_plans(many, run / runs.PLANS)
    play = runs.player(AudioCache(folder / "cache"), sample_rate=16000)
    options = Options(batch=4, max_rounds=9)
    runs.write_run(run, many, plans.Reader(bad=0.2), play=play, options=options, models={"l": "r@1"}, referee=plans.referee())
    assert len(dialogues(run)) == 6
    return run


def dialogues(run):
    return list(read_dialogues(run / runs.DIALOGUES))


def copy(run, folder, *, lost=(), words=None):
    """A run with a sound file of some tracks gone, or with other words in its first turn."""
    folder.mkdir()
    many = [plans.plan(run.parent / "music", i) for i in range(6)]
    for plan in many:
        for track_id in lost:
            object.__setattr__(plan.tracks[track_id], "path", str(folder / f"{track_id}.wav"))
    write_plans(many, folder / runs.PLANS)
    records = dialogues(run)
    if words:
        turns = [records[0].turns[0].model_copy(update={"content": words}), *records[0].turns[1:]]
        records[0] = records[0].model_copy(update={"turns": turns})
    (folder / runs.DIALOGUES).write_text("".join(to_json(d) + "\n" for d in records), encoding="utf-8")
    return folder


def recorded(folder, records):
    """A run of dialogues alone: no plans, no sound."""
    folder.mkdir()
    (folder / runs.DIALOGUES).write_text("".join(to_json(d) + "\n" for d in records), encoding="utf-8")
    return folder


def load(kind, path, tmp_path):
    import datasets

    return datasets.load_dataset(kind, data_files=str(path), split="train", cache_dir=str(tmp_path / "hf"))


def tone(sound) -> tuple[float, int]:
    """Length in seconds and loudest frequency, Hz, of a sound file."""
    samples, rate = soundfile.read(sound)
    assert samples.ndim == 1
    return len(samples) / rate, int(np.argmax(np.abs(np.fft.rfft(samples))) * rate / len(samples))


def heard_in(dialogue):
    return [(h.track_id, h.start_s, h.end_s) for turn in dialogue.turns for h in turn.heard]


# ---- round trips


def test_messages_are_rendered_by_the_listener(written, listener_mini, tmp_path, monkeypatch):
    from transformers import AutoProcessor

    report = export(written, format="messages", out=tmp_path / "out")
    assert (report.n_dialogues, report.n_rows, report.n_clips, report.exit_code) == (6, 6, 2, 0)
    rows = load("json", tmp_path / "out" / "dialogues.jsonl", tmp_path)
    processor = AutoProcessor.from_pretrained(listener_mini)
    monkeypatch.chdir(tmp_path / "out")  # paths start at the file's folder
    for row, dialogue in zip(rows, dialogues(written), strict=True):
        text = processor.apply_chat_template(row["messages"])
        assert text.count("<|AUDIO|>") == len(set(heard_in(dialogue))) == 2
        places = [text.find(turn.content) for turn in dialogue.turns]
        assert places == sorted(places) and -1 not in places
    inputs = processor.apply_chat_template(row["messages"], tokenize=True, return_dict=True, return_tensors="pt",
                                           sampling_rate=processor.feature_extractor.sampling_rate)  # fmt: skip
    assert len(inputs["input_features"]) == 2


def test_conversations_name_clips_in_order(written, tmp_path):
    out = tmp_path / "out"
    export(written, format="conversations", out=out)
    (name, about), *others = json.loads((out / "dataset_info.json").read_text()).items()
    assert not others and about["formatting"] == "sharegpt"
    rows = load("json", out / about["file_name"], tmp_path)
    for row, dialogue in zip(rows, dialogues(written), strict=True):
        talk, audios = row[about["columns"]["messages"]], row[about["columns"]["audios"]]
        assert [part["from"] for part in talk] == ["human", "gpt"] * 3
        assert sum(part["value"].count("<audio>") for part in talk) == len(audios)
        assert [tone(out / path)[1] for path in audios] == [CLIPS[span] for span in dict.fromkeys(heard_in(dialogue))]
        said = [line for part in talk for line in part["value"].split("\n") if line != "<audio>"]
        assert said == [turn.content for turn in dialogue.turns]


def collated(rows, folder, processor):
    """A batch and its texts as collators for Qwen2-Audio make them: tags as parts of a chat, clips loaded at its rate."""
    import librosa

    rate, texts, sounds = processor.feature_extractor.sampling_rate, [], []
    for row in rows:
        paths = iter(row["audios"])
        said = [
            {"role": {"human": "user", "gpt": "assistant"}[turn["from"]],
             "content": [{"type": "audio", "audio_url": next(paths)} if part == "<audio>" else {"type": "text", "text": part}
                         for part in re.split("(<audio>)", turn["value"]) if part.strip()]}
            for turn in row["conversations"]
        ]  # fmt: skip
        texts.append(processor.apply_chat_template(said, tokenize=False))
        sounds += [librosa.load(folder / path, sr=rate)[0] for path in row["audios"]]
    inputs = processor(text=texts, audio=sounds, sampling_rate=rate, return_tensors="pt", padding=True)
    labels = inputs["input_ids"].masked_fill(inputs["attention_mask"] == 0, -100)
    return {**inputs, "labels": labels}, texts, sounds


def test_conversations_are_batches_for_qwen2_audio(written, tmp_path):
    from transformers import AutoProcessor, Qwen2AudioForConditionalGeneration

    out, model = tmp_path / "out", listeners.save("qwen2_audio", tmp_path / "model")
    export(written, format="conversations", out=out)
    rows = list(load("json", out / "dialogues.jsonl", tmp_path))
    batch, texts, sounds = collated(rows, out, AutoProcessor.from_pretrained(model))
    assert [text.count(listeners.AUDIO) for text in texts] == [len(row["audios"]) for row in rows] == [2] * 6
    assert not any("<audio>" in text for text in texts)
    for text, dialogue in zip(texts, dialogues(written), strict=True):
        places = [text.find(turn.content) for turn in dialogue.turns]
        assert places == sorted(places) and -1 not in places
    assert len(batch["input_features"]) == len(sounds) == 12
    assert all(sound.shape == (10 * 16000,) and sound.std() > 0.1 for sound in sounds)
    loss = Qwen2AudioForConditionalGeneration.from_pretrained(model)(**batch).loss  # refuses sound without a place
    assert np.isfinite(loss.item())


def test_audio_dialogues_are_a_list_as_their_readers_take_it(written, tmp_path):
    out = tmp_path / "out"
    report = export(written, format="audio-dialogues", out=out)
    rows = json.loads((out / "dialogues.json").read_text(encoding="utf-8"))
    loaded = list(load("json", out / "dialogues.json", tmp_path))
    assert loaded == [{"audio_id": None, "audio_ids": None} | row for row in rows]
    assert len(rows) == report.n_rows == 12 and report.n_dialogues == 6
    # Of the three exchanges of each dialogue the first hears one clip, the second two, and the third none.
    asked = [(d, 2 * i, tones) for d in dialogues(written) for i, tones in enumerate(([220], [220, 440]))]
    for row, (dialogue, turn, tones) in zip(loaded, asked, strict=True):
        question, answer = dialogue.turns[turn : turn + 2]
        assert row["id"] == f"{dialogue.id}-{turn // 2}"
        assert row["dialogue"] == [{"user": question.content, "assistant": answer.content}]
        assert (row["audio_id"] is None) == (len(tones) > 1) and (row["audio_ids"] is None) == (len(tones) == 1)
        assert [tone(out / path)[1] for path in row["audio_ids"] or [row["audio_id"]]] == tones


def test_parquet_holds_the_record_and_the_sound(written, tmp_path):
    import datasets

    out = tmp_path / "out"
    report = export(written, format="parquet", out=out)
    assert report.n_rows == 6 and not (out / "audio").exists()
    rows = load("parquet", out / "*.parquet", tmp_path)
    assert rows.features["audio"] == datasets.List(datasets.Audio())
    one = datasets.Dataset.from_parquet(str(out / "dialogues-00000.parquet"), cache_dir=str(tmp_path / "one"))
    assert one.features == rows.features
    rows = rows.cast_column("audio", datasets.List(datasets.Audio(decode=False)))
    assert [dialogue_of(row) for row in rows] == dialogues(written)
    for row in rows:
        for span in (span for turn in row["turns"] for span in turn["heard"]):
            length_s, hz = tone(BytesIO(row["audio"][span["clip"]]["bytes"]))
            assert length_s == pytest.approx(10, abs=0.01)
            assert hz == pytest.approx(CLIPS[span["track_id"], span["start_s"], span["end_s"]], abs=1)


def test_parquet_decodes_as_audio(written, tmp_path):
    pytest.importorskip("torchcodec", reason="datasets decodes sound with torchcodec")
    export(written, format="parquet", out=tmp_path / "out")
    (first, *_) = load("parquet", tmp_path / "out" / "*.parquet", tmp_path)[0]["audio"]
    samples = first.get_all_samples()
    assert samples.sample_rate == 8000 and samples.data.shape == (1, 80000)


def test_lp_musicdialog_is_checked_as_the_run_is(written, tmp_path):
    """No other faults, but where something was heard: the format cannot tell a remark on the sound from a wish."""
    written = copy(written, tmp_path / "run", words="You are looking for some reggae.")
    export(written, format="lp-musicdialog", out=tmp_path / "out")
    path = tmp_path / "out" / "dialogues-00000.parquet"
    ours = list(transcripts.read_transcripts(written / runs.DIALOGUES))
    theirs = list(transcripts.read_transcripts(path))
    for a, b in zip(ours, theirs, strict=True):
        assert (a.texts, a.plan.id) == (b.texts, b.plan.id)
        for field in ("role", "intents", "attributes", "track_seq"):
            assert [getattr(t, field) for t in a.plan.turns] == [getattr(t, field) for t in b.plan.turns], field
    known, found = set(audit.audit(ours).findings), set(audit.audit(theirs).findings)
    turns = {talk.plan.id: talk.plan.turns for talk in ours}
    assert any(finding.check == "voice" for finding in known & found)
    assert all(new.check == "attributes" and turns[new.dialogue][new.turn].clips for new in found - known)
    rows, records = list(load("parquet", path, tmp_path)), dialogues(written)
    assert rows == [lp_musicdialog(dialogue) for dialogue in records]
    assert [[turn["content"] for turn in row["turns"]] for row in rows] == [[t.content for t in d.turns] for d in records]
    for row in rows:
        assert {n["track_id"]: (n["title"], n["artist"]) for n in row["track_names"]} == plans.NAMES


def named(row, label):
    return [track["track_id"] for track in row["tracks"] if track["label"] == label]


def as_pair(row):
    """A row of `retrieval` as `pairs` has it."""
    told = {name: value for name, value in row.items() if name != "tracks"}
    return told | {"positives": named(row, 1), "negatives": named(row, 0)}


@pytest.fixture(scope="module")
def walked(planned, tmp_path_factory):  # noqa: F811
    """Talks of a walk from set to set, some of whose tracks are refused; read only."""
    return recorded(tmp_path_factory.mktemp("walked") / "run", map(spoken, planned))


@pytest.mark.parametrize("name", ["written", "walked"])
def test_retrieval_rows_are_the_pairs_of_the_run(name, tmp_path, request):
    run = request.getfixturevalue(name)
    report = export(run, format="retrieval", out=tmp_path / "out")
    rows = list(load("json", tmp_path / "out" / "dialogues.jsonl", tmp_path))
    wanted = list(pairs(dialogues(run)))
    assert [as_pair(row) for row in rows] == wanted and any(row["negatives"] for row in wanted) == (name == "walked")
    assert (report.n_dialogues, report.n_rows, report.n_clips) == (len(dialogues(run)), len(wanted), 0)
    assert report.exit_code == 0 and not (tmp_path / "out" / "audio").exists()
    assert len({(row["id"], row["turn"]) for row in rows}) == len(rows)
    names = {d.id: d.tracks for d in dialogues(run)}
    for row in rows:
        for track in row["tracks"]:
            name = names[row["id"]][track["track_id"]]
            assert (track["title"], track["artist"]) == (name.title, name.artist)
            assert track["text"] == f'"{name.title}" by {name.artist}'


def test_refusals_are_read_also_after_rows_without_any(walked, tmp_path):
    import datasets

    refuses = {d.id: any(row["negatives"] for row in pairs([d])) for d in dialogues(walked)}
    assert len(set(refuses.values())) == 2
    files = {}
    for side, wanted in (("train", False), ("test", True)):
        run = recorded(tmp_path / side, [d for d in dialogues(walked) if refuses[d.id] == wanted])
        export(run, format="retrieval", out=tmp_path / f"{side}.out")
        files[side] = str(tmp_path / f"{side}.out" / "dialogues.jsonl")
    loaded = datasets.load_dataset("json", data_files=files, cache_dir=str(tmp_path / "hf"))
    assert loaded["train"].features == loaded["test"].features
    assert not any(named(row, 0) for row in loaded["train"]) and any(named(row, 0) for row in loaded["test"])


def test_retrieval_is_split_by_track_and_artist(walked, tmp_path):
    out = tmp_path / "out"
    report = export(walked, format="retrieval", out=out, by="held tracks")
    assert report.split.left_out
    talks = {d.id: d for d in dialogues(walked)}
    seen = []
    for side, ids in (("train", report.split.train), ("test", report.split.test)):
        rows = list(load("json", out / f"{side}.jsonl", tmp_path))
        assert [as_pair(row) for row in rows] == list(pairs(talks[name] for name in ids)) and rows
        tracks = [track for row in rows for track in row["tracks"]]
        seen.append({("track", t["track_id"]) for t in tracks} | {("artist", t["artist"]) for t in tracks})
    assert not seen[0] & seen[1]


def test_a_run_that_recommends_nothing_has_no_pairs(walked, tmp_path):
    talks = [d.model_copy(update={"turns": d.turns[:1]}) for d in dialogues(walked)]
    run = recorded(tmp_path / "run", talks)
    done = mdialog("export", run, "--format", "retrieval", "--out", tmp_path / "out", "--split")
    assert done.exit_code == 1 and not done.stdout and not (tmp_path / "out").exists()
    (line,) = done.stderr.splitlines()
    assert str(run / runs.DIALOGUES) in line and "recommends nothing" in line and "talk-the-walk" in line
    some = recorded(tmp_path / "some", [talks[0], *dialogues(walked)[1:]])
    assert [name for name, _ in export(some, format="retrieval", out=tmp_path / "out").lost] == [talks[0].id]


# ---- clips


@pytest.mark.parametrize("format", ROWS)
def test_every_clip_is_written_once(written, tmp_path, format):
    export(written, format=format, out=tmp_path / "out")
    kept = sorted((tmp_path / "out" / "audio").iterdir())
    assert len(kept) == 2 and {tone(path)[1] for path in kept} == set(CLIPS.values())
    for path in kept:
        info = soundfile.info(path)
        assert (info.samplerate, info.channels, info.format, info.subtype) == (8000, 1, "FLAC", "PCM_16")


def test_a_clip_is_exactly_its_span(tmp_path):
    from mdialog.export import encode

    samples = np.arange(-16000, 16000, dtype=np.int16).reshape(-1, 1).repeat(2, axis=1)
    soundfile.write(tmp_path / "a.wav", samples, 1000)
    found, rate = soundfile.read(BytesIO(encode(tmp_path / "a.wav", Heard(track_id="t", start_s=2.5, end_s=4))), dtype="int16")
    assert rate == 1000 and np.array_equal(found, samples[2500:4000, 0])


def test_names_tell_clips_apart():
    span = Heard(track_id="t", start_s=0, end_s=10)
    assert clip_name("x", span) == clip_name("x", span.model_copy(update={"track_id": "another id of the same file"}))
    assert len({clip_name("x", span), clip_name("y", span), clip_name("x", Heard(track_id="t", start_s=0, end_s=9.9))}) == 3


@pytest.mark.parametrize("format", [*ROWS, "audio-dialogues", "parquet"])
def test_what_cannot_be_decoded_is_lost_and_comes_back(written, tmp_path, format):
    run, out = copy(written, tmp_path / "run", lost=["t2"]), tmp_path / "out"
    (run / "t2.wav").write_bytes(b"RIFF, but not sound")
    report = export(run, format=format, out=out)
    assert report.exit_code == 1 and report.n_dialogues == 0 and "6 lost" in str(report)
    lost = [json.loads(line) for line in (out / "lost.jsonl").read_text().splitlines()]
    assert [row["id"] for row in lost] == [d.id for d in dialogues(run)] and all("t2.wav" in row["why"] for row in lost)
    (run / "t2.wav").write_bytes((written.parent / "music" / "t2.wav").read_bytes())
    report = export(run, format=format, out=out)
    assert (report.exit_code, report.n_dialogues) == (0, 6) and (out / "lost.jsonl").read_text() == ""


def test_an_utterance_with_a_tag_is_lost_only_where_tags_count(written, tmp_path):
    run = copy(written, tmp_path / "run", words="Some <audio> \u2028 reggae, please")
    assert [name for name, _ in export(run, format="conversations", out=tmp_path / "c").lost] == ["md-000000"]
    assert not export(run, format="messages", out=tmp_path / "m").lost
    assert len((tmp_path / "m" / "dialogues.jsonl").read_text(encoding="utf-8").split("\n")) == 7


def test_a_dialogue_that_gives_no_row_is_lost(written, tmp_path):
    run = copy(written, tmp_path / "run")
    records = dialogues(run)
    silent = [turn.model_copy(update={"heard": []}) for turn in records[2].turns]
    records[2] = records[2].model_copy(update={"turns": silent})
    (run / runs.DIALOGUES).write_text("".join(to_json(d) + "\n" for d in records), encoding="utf-8")
    report = export(run, format="audio-dialogues", out=tmp_path / "out")
    assert (report.n_dialogues, report.exit_code) == (5, 1)
    (lost,) = [json.loads(line) for line in (tmp_path / "out" / "lost.jsonl").read_text().splitlines()]
    assert lost["id"] == records[2].id and "hears a clip" in lost["why"]
    assert not export(run, format="messages", out=tmp_path / "m").lost


def test_the_catalogue_says_where_the_sound_is_now(written, catalog_path, catalog, tmp_path):
    row = catalog.columns(["track_id", "path"]).to_pylist()[0]
    folder = copy(written, tmp_path / "run")
    (folder / runs.PLANS).unlink()
    with pytest.raises(InputError, match="--catalog"):
        export(folder, format="messages", out=tmp_path / "a")
    text = (folder / runs.DIALOGUES).read_text(encoding="utf-8").split("\n")[0]
    for track_id in plans.NAMES:
        text = text.replace(f'"{track_id}"', f'"{row["track_id"]}"' if track_id == "t1" else f'"{track_id}"')
    (folder / runs.DIALOGUES).write_text(text + "\n", encoding="utf-8")
    (lost,) = export(folder, format="messages", out=tmp_path / "b", catalog=catalog_path).lost
    assert "track t2 is not in this catalogue" in lost[1]
    assert len(list((tmp_path / "b" / "audio").iterdir())) == 1


# ---- parts, shards, going on


def test_shards_hold_everything_once_whatever_their_size(written, tmp_path):
    from mdialog import export as module
    from mdialog import formats

    schema, many = formats.embedded_schema(), dialogues(written)
    rows = [formats.embedded(d, {formats.span_key(s): ("x", bytes(1000)) for s in spans_of(d)}) for d in many]
    for max_bytes, n_files in ((1, 6), (10**9, 1)):
        stem = tmp_path / str(n_files) / "dialogues"
        stem.parent.mkdir()
        given, taken, number = iter([None, *rows, None]), 0, 0
        while taken < 8:
            note = module._write_shard(module._shard(stem, number), given, schema, taken=taken, max_bytes=max_bytes)
            taken, number = note["taken"], number + 1
        files = sorted(stem.parent.iterdir())
        held = [row for path in files for row in pq.read_table(path).to_pylist()]
        assert [dialogue_of(row) for row in held] == many
        assert len([path for path in files if pq.read_metadata(path).num_rows]) == n_files


@pytest.mark.parametrize("format", FORMATS)
def test_the_same_again_changes_nothing_and_another_is_refused(written, tmp_path, format):
    out = tmp_path / "out"
    first = export(written, format=format, out=out)
    held = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    stamps = {path: path.stat().st_mtime_ns for path in held if path.suffix in (".flac", ".parquet")}
    again = export(written, format=format, out=out)
    assert (again.n_dialogues, again.n_rows, again.n_clips) == (first.n_dialogues, first.n_rows, first.n_clips)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == held
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps
    assert not list(out.rglob("*.partial"))
    with pytest.raises(InputError, match=r"another export \(format\)"):
        export(written, format=FORMATS[FORMATS.index(format) - 1], out=out)
    with pytest.raises(InputError, match="dialogues"):
        export(copy(written, tmp_path / "other", words="Else."), format=format, out=out)


KILLED = """
    import sys, time
    from mdialog import export as module, formats
    encode = module.encode
    def slow(path, span):
        time.sleep(0.05)
        return encode(path, span)
    module.encode, module._AT_ONCE = slow, 1
    module.export(sys.argv[1], format=sys.argv[2], out=sys.argv[3], max_shard_mb=1, workers=1)
"""


@pytest.fixture(scope="module")
def long(written, tmp_path_factory):
    """The run's dialogues twenty times over, with noise of a megabyte each, so that an export takes a while."""
    folder = tmp_path_factory.mktemp("long") / "run"
    folder.mkdir()
    one = plans.plan(folder / "music", 0)
    rng = np.random.default_rng(0)
    for track in one.tracks.values():
        soundfile.write(track.path, rng.uniform(-1, 1, 20 * 30000), 30000)
    write_plans([one], folder / runs.PLANS)
    first = dialogues(written)[0]
    records = [first.model_copy(update={"id": f"d{i}"}) for i in range(20)]
    (folder / runs.DIALOGUES).write_text("".join(to_json(d) + "\n" for d in records), encoding="utf-8")
    return folder


@pytest.mark.parametrize("format", ["parquet", "messages"])
def test_killed_it_goes_on(long, tmp_path, format):
    whole, out = tmp_path / "whole", tmp_path / "out"
    export(long, format=format, out=whole, max_shard_mb=1)
    code = [sys.executable, "-c", textwrap.dedent(KILLED), str(long), format, str(out)]
    process = subprocess.Popen(code, env=os.environ | {"OMP_NUM_THREADS": "1"})
    kept, deadline = "*-00002.parquet" if format == "parquet" else "audio/*.flac", time.monotonic() + 60
    while not list(out.glob(kept)) and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = {path: path.stat().st_mtime_ns for path in out.glob("**/*") if path.suffix in (".parquet", ".flac")}
    assert before
    if format == "parquet":
        assert len(before) < len(list(whole.glob("*.parquet"))) == 20
    report = export(long, format=format, out=out, max_shard_mb=1)
    assert report.n_dialogues == 20
    assert {path: path.stat().st_mtime_ns for path in before} == before
    held, wanted = ({p.relative_to(f): p.read_bytes() for p in f.rglob("*") if p.suffix in (".parquet", ".flac", ".jsonl")}
                    for f in (out, whole))  # fmt: skip
    assert held == wanted


@pytest.mark.parametrize("format", FORMATS)
def test_sides_share_nothing(written, tmp_path, format):
    """Dialogues of two worlds: each side has one, in files of its own that datasets takes for splits."""
    import datasets

    folder = copy(written, tmp_path / "run")
    lines = (folder / runs.DIALOGUES).read_text(encoding="utf-8").split("\n")[:4]
    for i, line in enumerate(lines):
        for track_id, (_, artist) in plans.NAMES.items():
            line = line.replace(f'"{track_id}"', f'"{track_id}-{i}"')
            line = line.replace(f'"artist":"{artist}"', f'"artist":"{artist} {i}"')
        lines[i] = line.replace("~track:", f"~track:{i}")
    (folder / runs.DIALOGUES).write_text("\n".join(lines) + "\n", encoding="utf-8")
    music = written.parent / "music"
    many = [plans.plan(music, i) for i in range(4)]
    moved = [{f"{k}-{i}": track for k, track in plan.tracks.items()} for i, plan in enumerate(many)]
    for plan, tracks in zip(many, moved, strict=True):
        object.__setattr__(plan, "tracks", tracks)
    write_plans(many, folder / runs.PLANS)
    report = export(folder, format=format, out=tmp_path / "out", by="components", test_share=0.25)
    assert (len(report.split.train), len(report.split.test), report.n_dialogues) == (3, 1, 4)
    suffix = {"audio-dialogues": ".json", "lp-musicdialog": "-*.parquet", "parquet": "-*.parquet"}.get(format, ".jsonl")
    files = {side: str(tmp_path / "out" / (side + suffix)) for side in ("train", "test")}
    kind = "parquet" if "parquet" in suffix else "json"
    loaded = datasets.load_dataset(kind, data_files=files, cache_dir=str(tmp_path / "hf"))
    for side, ids in (("train", report.split.train), ("test", report.split.test)):
        assert {name[: len("md-000000")] for name in loaded[side]["id"]} == set(ids)
    tested = [d for d in read_dialogues(folder / runs.DIALOGUES) if d.id in report.split.test]
    assert read_tracks(tmp_path / "out" / "test.tracks") == set(tested[0].tracks)


# ---- the command


def mdialog(*arguments):
    return CliRunner().invoke(cli.main, [str(a) for a in arguments])


def test_the_command_counts_and_fails_when_something_is_lost(written, tmp_path):
    done = mdialog("export", written, "--format", "messages", "--out", tmp_path / "a")
    assert done.exit_code == 0 and done.stdout.splitlines()[-1].startswith("6 dialogues in 6 rows, 2 clips")
    run = copy(written, tmp_path / "run", lost=["t1"])
    done = mdialog("export", run, "--format", "messages", "--out", tmp_path / "b")
    assert done.exit_code == 1 and done.stderr.count("lost: md-") == 6 and "t1.wav: cannot be read" in done.stderr
    done = mdialog("export", written, "--format", "messages", "--out", tmp_path / "c", "--split")
    assert done.exit_code == 1 and "held tracks" in done.stderr and not (tmp_path / "c").exists()


@pytest.mark.parametrize(
    ("lines", "said"), [([], "holds no dialogue"), (['{"id": 3}'], "line 1"), ([""], "line 1"), (None, "no such file")]
)
def test_refusals_name_the_file(tmp_path, lines, said):
    if lines is not None:
        (tmp_path / runs.DIALOGUES).write_text("".join(line + "\n" for line in lines))
    with pytest.raises(InputError, match=said) as error:
        export(tmp_path, format="messages", out=tmp_path / "out")
    assert runs.DIALOGUES in str(error.value) and not (tmp_path / "out").exists()


def test_a_folder_with_other_things_is_left_alone(written, tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="not empty"):
        export(written, format="messages", out=tmp_path)
    with pytest.raises(InputError, match="no format 'csv'"):
        export(written, format="csv", out=tmp_path / "x")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["letter.txt"]
