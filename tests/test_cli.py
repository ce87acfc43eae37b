"""Commands: quick, one line for an error, values from a file that the command line overrules."""

import json
import subprocess
import sys

import click
import numpy as np
import pytest
import soundfile
import yaml
from click.testing import CliRunner

from mdialog import cli, cli_dialogues, config
from mdialog.errors import InputError, QueryError
from mdialog.listing import table
from mdialog.progress import Progress

COMMANDS = {name: c for name, c in cli.main.commands.items() if name not in ("config", "doctor")}


def mdialog(*arguments, **options):
    return CliRunner().invoke(cli.main, [str(a) for a in arguments], **options)


def test_help_imports_nothing_heavy():
    heavy = ("torch", "librosa", "transformers", "lancedb", "matplotlib", "numpy", "pyarrow", "pydantic", "yaml", "tqdm")
    code = (
        "import sys, time; t = time.perf_counter()\n"
        "from mdialog.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        f"print([m for m in {heavy!r} if m in sys.modules], time.perf_counter() - t)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()
    imported, _, seconds = out[-1].rpartition(" ")
    assert imported == "[]"
    assert float(seconds) < 0.3
    assert "generate" in "".join(out)


@pytest.mark.parametrize("name", cli.main.commands)
def test_every_command_explains_itself(name):
    result = mdialog(name, "--help")
    assert result.exit_code == 0
    assert cli.main.commands[name].help.splitlines()[0] in " ".join(result.output.split())
    short = cli.main.commands[name].get_short_help_str(limit=62)
    assert not short.endswith("..."), "the list of commands would cut it"


@pytest.mark.parametrize(
    "arguments",
    ["nonsense", "ingest", "ingest x", "search x", "generate -n 0", "report", "synth x -n y", "plan --set sonic"],
)
def test_wrong_usage_is_2(arguments):
    result = mdialog(*arguments.split())
    assert result.exit_code == 2 and "Usage:" in result.stderr and not result.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["search", "genre:waltz", "--catalog", "{tmp}/none"], "no catalogue at"),
        (["ingest", "{tmp}/nowhere", "--catalog", "{tmp}/c"], ""),
        (["report", "{tmp}", "--catalog", "{tmp}/none"], "dialogues.jsonl"),
        (["generate", "--catalog", "{tmp}/none", "--out", "{tmp}/run", "--shard", "3/2"], "shard"),
        (["generate", "--catalog", "{tmp}/none", "--out", "{tmp}/run", "--recipe", "soup"], ""),
        (["plan", "--catalog", "{tmp}/none", "--out", "{tmp}/p.jsonl"], "no catalogue at"),
        (["write", "{tmp}/none.jsonl", "--catalog", "x", "--out", "{tmp}/run"], "mdialog plan"),
    ],
)
def test_mendable_errors_are_one_line(arguments, said, tmp_path):
    result = mdialog(*(a.format(tmp=tmp_path) for a in arguments))
    assert result.exit_code == 1, result.output
    assert result.stderr.startswith("mdialog: ") and result.stderr.count("\n") == 1 and said in result.stderr
    assert "Traceback" not in result.output and not result.stdout


def test_an_error_points_at_its_spot(monkeypatch):
    def fail():
        raise QueryError("gerne:waltz\n^^^^^\n'gerne' is no kind")

    monkeypatch.setattr("mdialog.doctor.examine", fail)
    first, second, _ = mdialog("doctor").stderr.splitlines()
    assert first == "mdialog: gerne:waltz" and first.index("gerne") == second.index("^")


def test_unforeseen_errors_are_not_hidden(monkeypatch):
    monkeypatch.setattr("mdialog.doctor.examine", lambda: 1 / 0)
    assert isinstance(mdialog("doctor").exception, ZeroDivisionError)


# --- run.yaml ------------------------------------------------------------------------------------------------


@pytest.fixture
def seen(monkeypatch):
    """What `synth` was called with, instead of music."""
    calls = []
    monkeypatch.setattr(cli.main.commands["synth"], "callback", lambda **options: calls.append(options))
    return calls


def test_command_line_wins_over_the_file(tmp_path, seen):
    file = tmp_path / "run.yaml"
    file.write_text("seed: 5\ncatalog: c\nsynth: {tracks: 7, folder: from-file, soundfont: [a.sf2, b.sf2]}\n")
    assert mdialog("synth", "--config", file).exit_code == 0
    assert mdialog("synth", "given", "--seed", 9, "--config", file, "-n", 3).exit_code == 0
    first, second = seen
    assert (str(first["folder"]), first["tracks"], first["seed"]) == ("from-file", 7, 5)
    assert [str(path) for path in first["soundfont"]] == ["a.sf2", "b.sf2"]
    assert (str(second["folder"]), second["tracks"], second["seed"]) == ("given", 3, 9)
    assert mdialog("synth", "x").exit_code == 0 and seen[2]["tracks"] == 300


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("synth: {trakcs: 7}", "'trakcs' of synth"),
        ("trakcs: 7", "'trakcs' on the top level"),
        ("synth: {tracks: 0}", "synth.tracks is 0"),
        ("synth: {tracks: many}", "synth.tracks is 'many'"),
        ("ingest: {prune: 3}", "ingest.prune is 3"),
        ("generate: {batch: 0.5}", "generate.batch is 0.5"),
        ("synth: [1]", "synth"),
        ("- a\n- b", "the file"),
        ("a: [", "not YAML"),
        ("\x00", "not YAML"),
    ],
)
def test_wrong_files_are_refused(tmp_path, seen, text, said):
    file = tmp_path / "run.yaml"
    file.write_text(text)
    result = mdialog("synth", "x", "--config", file)
    assert result.exit_code == 1 and not seen
    assert said in result.stderr and result.stderr.count("\n") == 1 and str(file) in result.stderr


def test_missing_file_is_refused(tmp_path):
    result = mdialog("synth", "x", "--config", tmp_path / "none.yaml")
    assert result.exit_code == 1 and "none.yaml" in result.stderr


def test_printed_example_is_valid_and_complete(tmp_path):
    printed = mdialog("config").stdout
    file = tmp_path / "run.yaml"
    file.write_text(printed)
    assert set(config.read(file, COMMANDS)) == set(COMMANDS)
    assert mdialog("config", "--config", file).stdout == printed
    parts = yaml.safe_load(printed)
    for name, command in COMMANDS.items():
        for option in command.params:
            if option.name not in ("config", "help"):
                assert option.name in parts[name] or f"  # {option.name}:" in printed
    file.write_text("catalog: 'my: catalogue # 1'\ngenerate: {n: 3}\n")
    resolved = yaml.safe_load(mdialog("config", "--config", file).stdout)
    assert resolved["generate"]["n"] == 3 and resolved["plan"]["n"] == 50
    assert {resolved[name]["catalog"] for name in ("ingest", "search", "generate", "report")} == {"my: catalogue # 1"}


def test_dashes_and_underscores_are_one(tmp_path):
    file = tmp_path / "run.yaml"
    file.write_text("report: {max-dialogues: 3}\n")
    assert config.read(file, COMMANDS)["report"] == {"max_dialogues": 3}


def test_generate_options_are_those_of_the_run():
    from mdialog.run import GenerateConfig

    for name in ("plan", "generate"):
        for option in cli.main.commands[name].params:
            if option.name in ("limit", "config") or isinstance(option, click.Argument):
                continue
            field = GenerateConfig.model_fields[option.name]
            if option.multiple:
                assert not field.get_default(call_default_factory=True)
            elif not field.is_required():
                assert option.to_info_dict()["default"] == field.default, option.name


# --- progress and tables -------------------------------------------------------------------------------------


def test_progress_without_a_terminal_is_sparse(capsys):
    now = [0.0]
    with Progress(terminal=False, clock=lambda: now[0]) as progress:
        for done in range(1, 101):
            now[0] += 1.0
            progress("tracks", done, 100)
        progress.of("files")(3, 3)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 8 and lines[-1].split()[:4] == ["files:", "3", "of", "3"]
    assert "tracks: 16 of 100 after 15 s" in lines[0] and "100 of 100" in lines[-2]


def test_progress_on_a_terminal_is_a_bar(capsys):
    with Progress(terminal=True) as progress:
        progress("tracks", 1, 2)
        progress("tracks", 2, 2)
        progress("plans", 5, 5)
    shown = capsys.readouterr()
    assert "tracks: 100%" in shown.err and "plans: 100%" in shown.err and not shown.out


def test_table_lines_up():
    row = {"score": None, "title": "日本の歌\n\x1b[31m", "artist": None, "tempo_bpm": 119.6, "key": "F# minor",
           "genre": ["waltz", "x" * 50], "track_id": "3f9a"}  # fmt: skip
    head, first, second = table([row, row | {"score": 1.234, "title": "Plain"}]).splitlines()
    assert "\x1b" not in first and first.split()[0] == "-" and "120" in first and "…" in first
    assert second.index("Plain") == head.index("title") and second.split()[0] == "1.23"
    assert first.index("F# minor") + 4 == second.index("F# minor")  # four characters take two columns each


# --- with real parts -----------------------------------------------------------------------------------------


def test_search_finds_in_the_small_catalogue(catalog_path, catalog):
    ids = catalog.columns(["track_id"])["track_id"].to_pylist()
    result = mdialog("search", f"~track:{ids[0]}", "--catalog", catalog_path, "--limit", 3, "--json")
    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(rows) == 3 and ids[0] not in [row["track_id"] for row in rows]
    assert [row["score"] for row in rows] == sorted((row["score"] for row in rows), reverse=True)
    shown = mdialog("search", "tempo:>0", "--catalog", catalog_path, "--limit", 100)
    assert len(shown.stdout.splitlines()) == 1 + len(catalog.matching("tempo:>0"))
    assert "no track of" in mdialog("search", "tempo:>399", "--catalog", catalog_path).stdout
    wrong = mdialog("search", "gerne:waltz", "--catalog", catalog_path)
    assert wrong.exit_code == 1 and "genre" in wrong.stderr


def test_ingest_says_what_was_lost(clap_mini, tmp_path):
    music = tmp_path / "müsic 🎺"
    music.mkdir()
    rng = np.random.default_rng(0)
    soundfile.write(music / "good.wav", 0.1 * rng.normal(size=3 * 22050), 22050)
    (music / "bad.mp3").write_bytes(b"no sound at all")
    command = ["ingest", music, "--catalog", tmp_path / "catalog", "--workers", 1, "--clap", clap_mini]
    result = mdialog(*command)
    assert result.exit_code == 1, result.output
    assert "bad.mp3" in result.stderr and "Traceback" not in result.output
    assert len(result.stdout.splitlines()) == 1 and "1 new" in result.stdout and "1 failed" in result.stdout
    (music / "bad.mp3").unlink()
    assert mdialog(*command).exit_code == 0


def test_plan_is_the_same_twice(catalog_path, tmp_path):
    first, second = (tmp_path / f"{i}.jsonl" for i in range(2))
    for out in (first, second):
        result = mdialog("plan", "-n", 9, "--limit", 4, "--catalog", catalog_path, "--out", out, "--seed", 3)
        assert result.exit_code == 0 and result.stdout == f"4 plans in {out}\n", result.output
    assert first.read_bytes() == second.read_bytes() and len(first.read_text().splitlines()) == 4


def test_walks_go_over_the_playlists_that_are_given(catalog_path, catalog, tmp_path):
    rows = catalog.columns(["track_id", "path"]).to_pylist()
    held = {"dawn": rows[:9], "dusk": rows[3:]}  # larger than any album: of these alone there are walks
    for name, tracks in held.items():
        lines = ["#EXTM3U", *(row["path"] for row in tracks), "/gone/away.ogg"]
        (tmp_path / f"{name}.m3u").write_text("\n".join(lines) + "\n", encoding="utf-8")
    files, out = ",".join(str(tmp_path / f"{name}.m3u") for name in held), tmp_path / "plans.jsonl"
    options = (f"playlists={files}", "sources=", "min_size=9")
    arguments = ["--recipe", "talk-the-walk", *(part for one in options for part in ("--set", one)), "-n", 4]
    result = mdialog("plan", *arguments, "--catalog", catalog_path, "--out", out)
    assert result.exit_code == 0 and result.stdout == f"4 plans in {out}\n", result.output
    assert "2 collections of 2 playlists: 18 of 20 entries are in the catalogue" in result.stderr
    assert "not found: /gone/away.ogg (dawn)" in result.stderr
    plans = [json.loads(line) for line in out.read_text().splitlines()]
    assert {one for plan in plans for one in plan["goal"]["walk"]["collections"]} == {f"playlist:{name}.m3u" for name in held}
    assert {plan["goal"]["collection"] for plan in plans} <= set(held)
    for plan in plans:
        own = {row["track_id"] for row in held[plan["goal"]["collection"]]}
        assert own & {track_id for turn in plan["turns"] for track_id in turn["track_seq"]}


def test_generate_and_report(catalog_path, listener_mini, tmp_path):
    run = tmp_path / "run"
    result = mdialog("generate", "-n", 2, "--catalog", catalog_path, "--out", run, "--listener", listener_mini)
    lost = len((run / "failures.jsonl").read_text().splitlines())
    assert result.exit_code == int(lost > 0), result.output
    assert len(result.stdout.splitlines()) == 1
    assert len((run / "dialogues.jsonl").read_text().splitlines()) + lost == 2
    result = mdialog("report", run, "--catalog", catalog_path)
    assert result.exit_code == 0 and result.stdout.strip() == str(run / "report.html"), result.output
    assert mdialog("write", run / "plans.jsonl", "--catalog", catalog_path, "--out", run, "--listener", listener_mini
                   ).stdout.startswith(f"{2 - lost} dialogues")  # fmt: skip


def test_plans_of_another_run_are_refused(tmp_path):
    from mdialog.plan import Plan, write_plans

    def plan(name):
        return Plan(id=name, recipe="music-discovery", seed=1, persona={}, goal={}, turns=())

    write_plans([plan("a"), plan("b")], tmp_path / "plans.jsonl")
    assert cli_dialogues._place_plans(tmp_path / "plans.jsonl", tmp_path / "run", limit=1) == {
        "recipe": "music-discovery", "seed": 1, "n": 1}  # fmt: skip
    cli_dialogues._place_plans(tmp_path / "plans.jsonl", tmp_path / "run", limit=1)
    with pytest.raises(InputError, match="other plans"):
        cli_dialogues._place_plans(tmp_path / "plans.jsonl", tmp_path / "run", limit=None)


def test_doctor_names_what_is_missing(monkeypatch, tmp_path):
    monkeypatch.setenv("MDIALOG_MODELS", str(tmp_path))
    monkeypatch.setattr("mdialog.models._PACKAGE", tmp_path / "nowhere" / "mdialog")
    result = mdialog("doctor")
    assert result.exit_code == 1 and result.stdout.splitlines()[-1] == "2 broken", result.output
    assert "broken  CLAP: no model 'clap-mini'" in result.stdout and "ok  torch: 2.11" in result.stdout
