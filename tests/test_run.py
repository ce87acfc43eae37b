import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import listeners
import plans
import pytest

from mdialog import dialogue, run
from mdialog.audio import AudioCache
from mdialog.catalog import Catalog
from mdialog.errors import InputError
from mdialog.ingest import ingest
from mdialog.listener.base import Sampling
from mdialog.listener.local import LocalListener
from mdialog.write import Options

FILES = (run.DIALOGUES, run.FAILURES, run.CONTRADICTED)
MODELS = {"listener": "reader@1"}
OPTIONS = Options(batch=4, max_rounds=2)


@pytest.fixture
def play(tmp_path):
    return run.player(AudioCache(tmp_path / "cache"), sample_rate=16000)


@pytest.fixture
def many(tmp_path):
    return [plans.plan(tmp_path / "music", i) for i in range(10)]


def write(folder, many, play, **options):
    folder.mkdir(exist_ok=True)
    listener = plans.Reader(bad=0.4, untrue=0.5, **options)
    return run.write_run(folder, many, listener, play=play, options=OPTIONS, models=MODELS, referee=plans.referee())


def contents(folder):
    return [(folder / name).read_bytes() for name in FILES]


@pytest.fixture
def whole(tmp_path, many, play):
    """A run that nothing interrupted; some of its dialogues failed."""
    write(tmp_path / "whole", many, play)
    return contents(tmp_path / "whole")


def test_a_run_holds_every_plan_once_in_order(tmp_path, many, whole):
    good = [d.id for d in dialogue.read_dialogues(tmp_path / "whole" / run.DIALOGUES)]
    bad = [r["plan_id"] for r in run.recover(tmp_path / "whole" / run.FAILURES)]
    assert good and bad  # both kinds, so that the tests below see both
    assert good == sorted(good) and bad == sorted(bad)
    assert sorted(good + bad) == [plan.id for plan in many]


def test_a_record_holds_the_plan_and_how_it_was_written(tmp_path, many, whole):
    record = next(dialogue.read_dialogues(tmp_path / "whole" / run.DIALOGUES))
    plan = next(plan for plan in many if plan.id == record.id)
    assert [turn.intent for turn in record.turns] == [list(turn.intents) for turn in plan.turns]
    assert record.turns[3].heard[1].model_dump() == {"track_id": "t2", "start_s": 10.0, "end_s": 20.0}
    assert record.turns[4].removed == ["tempo:slow"] and record.models == MODELS
    assert all(turn.writing.candidates >= 1 for turn in record.turns)


def test_what_the_signal_contradicts_is_kept_apart_with_its_claims(tmp_path, many, whole):
    written = {d.id: d for d in dialogue.read_dialogues(tmp_path / "whole" / run.DIALOGUES)}
    thrown = [dialogue.Contradicted.model_validate(r) for r in run.recover(tmp_path / "whole" / run.CONTRADICTED)]
    assert thrown and {c.id for c in thrown} <= set(written)
    assert all("A major" in c.content and c.claims[0].verdict == "contradicted" for c in thrown)
    times = [turn.writing.rejected.get("claims.key", 0) for d in written.values() for turn in d.turns]
    assert sum(times) == len(thrown) > 1


def test_a_record_holds_what_played_ahead(tmp_path, many, play):
    from mdialog import transcripts

    ahead = [plans.looks_ahead(plan) for plan in many]
    write(tmp_path / "run", ahead, play)
    record = next(dialogue.read_dialogues(tmp_path / "run" / run.DIALOGUES))
    assert [span.model_dump() for span in record.turns[2].ahead] == [{"track_id": "t2", "start_s": 10.0, "end_s": 20.0}]
    assert [span.track_id for span in record.turns[2].heard] == ["t1"] and not record.turns[3].ahead
    assert transcripts.of(record).plan.turns[2].ahead == ahead[0].turns[2].ahead


@pytest.mark.parametrize("at", range(1, 20, 3))
def test_a_crash_anywhere_changes_nothing_in_the_end(tmp_path, many, play, whole, at):
    calls = []

    def crash(requests):
        calls.append(requests)
        if len(calls) == at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "run", many, play, on_write=crash)
    assert len(run.recover(tmp_path / "run" / run.DIALOGUES)) < 10
    write(tmp_path / "run", many, play)
    assert contents(tmp_path / "run") == whole


@pytest.mark.parametrize("cut", [1, 40, 300])
@pytest.mark.parametrize("name", FILES[:2])  # the third is on the disk before the dialogue is
def test_a_half_written_line_is_written_again(tmp_path, many, play, whole, name, cut):
    write(tmp_path / "run", many, play)
    path = tmp_path / "run" / name
    data = path.read_bytes()
    path.write_bytes(data[:-cut])
    write(tmp_path / "run", many, play)
    assert contents(tmp_path / "run") == whole


def test_what_is_done_is_not_done_again(tmp_path, many, play, whole):
    def never(requests):
        raise AssertionError("asked the listener again")

    assert write(tmp_path / "whole", many, play, on_write=never) == 0
    assert contents(tmp_path / "whole") == whole


def test_a_damaged_line_is_named_not_swallowed(tmp_path, many, play):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / run.DIALOGUES).write_text("{broken\n")
    with pytest.raises(InputError, match="dialogues.jsonl, line 1"):
        write(folder, many, play)


def test_names_with_odd_line_ends_survive(tmp_path, play):
    import dataclasses

    odd = plans.plan(tmp_path / "music")
    tracks = {k: dataclasses.replace(t, title="Late\u2028Night\n\x85Bus") for k, t in odd.tracks.items()}
    folder = tmp_path / "run"
    folder.mkdir()
    listener = plans.Reader(bad=0)
    run.write_run(
        folder, [dataclasses.replace(odd, tracks=tracks)], listener, play=play, options=OPTIONS, models=MODELS
    )
    (record,) = run.recover(folder / run.DIALOGUES)
    assert '"Late Night Bus"' in record["turns"][1]["content"]


def config(tmp_path, **options):
    return run.config_from({"catalog": str(tmp_path / "catalog"), "out": tmp_path / "run"} | options)


def test_another_run_in_the_same_folder_is_refused(tmp_path):
    with run.open_run(tmp_path / "run") as folder:
        run.claim_folder(folder, config(tmp_path), {})
        run.claim_folder(folder, config(tmp_path), {"listener": "a@1"})
        run.claim_folder(folder, config(tmp_path, batch=3, device="cuda"), {"listener": "a@1"})
        run.claim_folder(folder, config(tmp_path), {})
        with pytest.raises(InputError, match=r"other options \(n, seed\)"):
            run.claim_folder(folder, config(tmp_path, seed=1, n=3), {"listener": "a@1"})
        with pytest.raises(InputError, match="models.listener"):
            run.claim_folder(folder, config(tmp_path), {"listener": "a@2"})
    assert json.loads((tmp_path / "run" / run.CONFIG).read_text())["models"] == {"listener": "a@1"}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"shard": "3/2"}, "shard"),
        ({"shard": "0/2"}, "shard"),
        ({"n": 0}, "n: "),
        ({"top_p": 0}, "top_p"),
        ({"temprature": 1}, "temprature"),
    ],
)
def test_a_wrong_option_is_named(tmp_path, options, says):
    with pytest.raises(InputError, match=says):
        config(tmp_path, **options)


def test_a_killed_process_goes_on(tmp_path, whole):
    script = textwrap.dedent("""
        import sys, time
        from pathlib import Path
        sys.path.insert(0, sys.argv[1])
        import plans
        from mdialog import run
        from mdialog.audio import AudioCache
        from mdialog.write import Options
        base = Path(sys.argv[2])
        many = [plans.plan(base / "music", i) for i in range(10)]
        listener = plans.Reader(bad=0.4, untrue=0.5, on_write=lambda requests: time.sleep(float(sys.argv[3])))
        play = run.player(AudioCache(base / "cache"), sample_rate=16000)
        with run.open_run(base / "run") as folder:
            run.write_run(folder, many, listener, play=play, options=Options(batch=4, max_rounds=2),
                          models={"listener": "reader@1"}, referee=plans.referee())
    """)
    here = os.path.dirname(__file__)
    command = [sys.executable, "-c", script, here, str(tmp_path)]
    process = subprocess.Popen([*command, "0.1"])
    lines = tmp_path / "run" / run.DIALOGUES
    while process.poll() is None and not (lines.exists() and lines.read_bytes().count(b"\n")):
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert 0 < lines.read_bytes().count(b"\n") < 10
    subprocess.run([*command, "0"], check=True)
    assert contents(tmp_path / "run") == whole


@pytest.mark.parametrize("family", listeners.FAMILIES)
def test_random_models_write_nothing_that_counts(tmp_path, many, play, family):
    listener = LocalListener.load(listeners.save(family, tmp_path / family))
    folder = tmp_path / "run"
    folder.mkdir()
    options = Options(candidates=2, max_rounds=2, sampling=Sampling(max_new_tokens=24))
    run.write_run(folder, many[:3], listener, play=play, options=options, models={"listener": listener.model_id})
    came = run.summary(folder, start=time.monotonic(), n_utterances=0)
    assert (came.n_dialogues, came.n_failed, came.exit_code) == (0, 3, 1)
    assert (folder / run.DIALOGUES).read_bytes() == b""
    assert all(record["candidates"] == 3 for record in run.recover(folder / run.FAILURES))


def test_generate_writes_and_resumes(tmp_path, catalog_path, listener_mini, monkeypatch):
    monkeypatch.setenv("MDIALOG_AUDIO_CACHE", str(tmp_path / "cache"))
    options = {"catalog": str(catalog_path), "n": 4, "listener": str(listener_mini), "max_rounds": 3}
    seen = []
    first = run.generate(
        run.config_from(options | {"out": tmp_path / "a"}), progress=lambda what, done, total: seen.append((what, done))
    )
    assert first.n_dialogues >= 1 and first.n_dialogues + first.n_failed == 4
    assert ("plans", 4) in seen and ("dialogues", 4) in seen
    before = contents(tmp_path / "a")
    lines = (tmp_path / "a" / run.DIALOGUES).read_bytes().splitlines(keepends=True)
    (tmp_path / "a" / run.DIALOGUES).write_bytes(b"".join(lines[:-1]) + lines[-1][:50] if lines else b"")
    run.generate(run.config_from(options | {"out": tmp_path / "a"}))
    assert contents(tmp_path / "a") == before


def test_generate_with_a_random_model_of_another_family_fails_loudly(tmp_path, catalog_path, monkeypatch):
    monkeypatch.setenv("MDIALOG_AUDIO_CACHE", str(tmp_path / "cache"))
    folder = listeners.save("audioflamingo3", tmp_path / "flamingo")
    options = {"catalog": str(catalog_path), "out": tmp_path / "run", "n": 2, "max_rounds": 1, "listener": str(folder)}
    with pytest.raises(InputError, match="does not hear"):
        run.generate(run.config_from(options))
    assert not (tmp_path / "run" / run.DIALOGUES).exists()
    (remembered,) = (tmp_path / "cache" / "hearing").iterdir()
    assert json.loads(remembered.read_text())["deaf"]
    options["allow_deaf"] = True
    came = run.generate(run.config_from(options))
    assert (came.n_dialogues, came.n_failed, came.exit_code) == (0, 2, 1)


def test_who_knows_two_clips_refuses_tracks_ahead_before_the_first_word(tmp_path, catalog_path, listener_mini):
    from click.testing import CliRunner

    from mdialog import cli

    walk = ["generate", "--recipe", "talk-the-walk", "--catalog", catalog_path, "--listener", listener_mini, "-n", 1]
    result = CliRunner().invoke(cli.main, [*map(str, walk), "--set", "ahead=2", "--out", str(tmp_path / "run")])
    said = result.output.splitlines()[-1]
    assert isinstance(result.exception, SystemExit) and "2 clips at the most" in said and "--set ahead=0" in said
    assert not (tmp_path / "run" / run.DIALOGUES).exists()


def test_tracks_ahead_are_refused_where_a_listener_knows_fewer_clips_than_they_make(many):
    reader, ahead = plans.Reader(), [*many, plans.looks_ahead(many[0])]
    run.refuse_ahead(reader, ahead)
    for known, good in ((1, False), (2, True)):  # one clip ahead, and the one talked of
        reader.max_clips = known
        run.refuse_ahead(reader, many)
        if good:
            run.refuse_ahead(reader, ahead)
        else:
            with pytest.raises(InputError, match="taught with 1 clips at the most, and these plans play 2"):
                run.refuse_ahead(reader, ahead)


@pytest.mark.parametrize(("served", "times"), [(False, 1), (True, 2)])
def test_a_model_is_examined_once_and_a_server_each_time(tmp_path, monkeypatch, served, times):
    from types import SimpleNamespace

    examined = []
    monkeypatch.setattr("mdialog.exam.quick_exam", lambda who: examined.append(who) or SimpleNamespace(deaf=False, reason=""))
    listener = SimpleNamespace(model_id="ear@1", **({"url": "http://localhost"} if served else {}))
    for _ in range(2):
        run.refuse_deaf(listener, tmp_path)
    assert len(examined) == times


@pytest.mark.slow
def test_dialogues_about_real_recordings(tmp_path, real_data, clap_mini, listener_mini, monkeypatch):
    monkeypatch.setenv("MDIALOG_AUDIO_CACHE", str(tmp_path / "cache"))
    music = real_data / "real_music"
    report = ingest([music], catalog=tmp_path / "catalog", clap=str(clap_mini), metadata=music / "labels.csv")
    assert (report.n_new, report.n_silent, report.n_failed) == (30, 1, 0)
    options = {"catalog": str(tmp_path / "catalog"), "out": tmp_path / "run", "n": 10, "listener": str(listener_mini)}
    came = run.generate(run.config_from(options))
    assert came.n_dialogues >= 1 and came.n_dialogues + came.n_failed == 10
    known = {row["track_id"]: row for row in Catalog.open(tmp_path / "catalog").columns(["track_id", "duration_s"]).to_pylist()}
    spans = [span for d in dialogue.read_dialogues(tmp_path / "run" / run.DIALOGUES) for turn in d.turns for span in turn.heard]
    assert spans and all(0 <= s.start_s < s.end_s <= known[s.track_id]["duration_s"] + 1 for s in spans)
