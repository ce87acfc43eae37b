"""What is written down is true: commands of the README run, files that it names are there, scripts do what they say."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from mdialog.cli import main

CHECKOUT = Path(__file__).resolve().parent.parent
README = (CHECKOUT / "README.md").read_text(encoding="utf-8") if (CHECKOUT / "README.md").is_file() else ""
written = pytest.mark.skipif(not README.strip(), reason="README.md is empty")
# What a README may call beside mdialog itself.
KNOWN = ("python", "python3", "python3.11", "pip", "git", "cd", "export", "source", ".", "apt", "apt-get", "sudo", "curl")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.S | re.M)


def commands() -> list[list[str]]:
    """Every command of the README's bash blocks as words."""
    lines = "\n".join(blocks("bash")).replace("\\\n", " ").splitlines()
    split = [shlex.split(line, comments=True) for line in lines]
    found = []
    for words in filter(None, split):
        while words and re.fullmatch(r"\w+=.*", words[0]):
            words = words[1:]
        for end in [i for i, word in enumerate(words) if word in ("&&", "|", ";", ">")] + [len(words)]:
            if words[:end] and not set(words[:end]) & {"&&", "|", ";", ">"}:
                found.append(words[:end])
        if "&&" in words:
            found.append(words[words.index("&&") + 1 :])
    return found


def mdialog_commands() -> list[list[str]]:
    return [words[1:] for words in commands() if Path(words[0]).name == "mdialog"]


@written
def test_bash_blocks_are_bash():
    for block in blocks("bash"):
        checked = subprocess.run(["bash", "-n"], input=block, text=True, capture_output=True)
        assert checked.returncode == 0, f"{block}\n{checked.stderr}"


@written
def test_commands_are_there():
    assert mdialog_commands(), "the README shows no mdialog command"
    for words in commands():
        name = words[0]
        if Path(name).name == "mdialog" or name in KNOWN:
            continue
        script = words[1] if name == "bash" else name
        assert (CHECKOUT / script).is_file(), f"{script!r} is neither known nor a file of the checkout"


@written
def test_commands_parse():
    for words in mdialog_commands():
        if not words or words[0].startswith("-"):
            continue
        assert words[0] in main.commands, f"no command {words[0]!r}"
        command = main.commands[words[0]]
        arguments = [w for w in words[1:]]
        if "--config" in arguments:  # names a file of the reader's
            at = arguments.index("--config")
            del arguments[at : at + 2]
        try:
            command.make_context(words[0], arguments)
        except click.UsageError as error:
            if "--config" in words and isinstance(error, click.MissingParameter):
                continue
            pytest.fail(f"mdialog {shlex.join(words)}: {error.format_message()}")
        except click.exceptions.Exit as asked:  # --help
            assert asked.exit_code == 0


@written
def test_every_command_is_written_about():
    for name in main.commands:
        assert re.search(rf"\bmdialog {name}\b|`{name}`", README), f"README.md does not speak of `mdialog {name}`"


@written
def test_cheap_commands_run(catalog_path, catalog, tmp_path):
    """Searches, plans and configs as they stand there, on the small catalogue."""
    row = catalog.columns(["track_id", "meta_artist"]).to_pylist()[0]
    for words in mdialog_commands():
        if not words or words[0] not in ("search", "plan", "config") or "--config" in words:
            continue
        arguments = list(words)
        for option, value in (("--catalog", str(catalog_path)), ("--out", str(tmp_path / "out.jsonl")), ("-n", "2")):
            if option in arguments:
                arguments[arguments.index(option) + 1] = value
        if words[0] == "search":
            query = re.sub(r"~track:[\w…]+", f"~track:{row['track_id']}", arguments[1])
            arguments[1] = re.sub(r'~artist:("[^"]*"|\S+)', f'~artist:"{row["meta_artist"]}"', query)
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0, f"mdialog {shlex.join(words)}: {result.output}"


@written
def test_python_blocks_are_python():
    for block in blocks("python"):
        compile(block, "README.md", "exec")


@written
@pytest.mark.parametrize("folder", ["mdialog", "scripts"])
def test_readme_tree_lists_every_file(folder):
    for path in (CHECKOUT / folder).rglob("*"):
        if path.suffix in (".py", ".sh") and path.name != "__init__.py":
            assert re.search(rf"(?<![\w-]){re.escape(path.name)}", README), f"README.md does not list {path.name}"


@pytest.mark.parametrize("name", ["README.md", "ARCHITECTURE.md"])
def test_named_files_are_there(name):
    text = (CHECKOUT / name).read_text(encoding="utf-8") if (CHECKOUT / name).is_file() else ""
    if not text.strip():
        pytest.skip(f"{name} is empty")
    there = {p.name for folder in ("mdialog", "scripts", "tests", "models") for p in (CHECKOUT / folder).rglob("*")}
    there |= {p.name for p in CHECKOUT.iterdir()}
    for named in re.findall(r"(?<![\w*…/.-])(\w[\w-]*\.(?:py|sh|toml))\b", text):
        assert named in there, f"{name} names {named}, which is not there"
    for link in re.findall(r"\]\(([^)#\s]+)", text):
        assert "://" in link or (CHECKOUT / link).exists(), f"{name} links to {link}, which is not there"


# --- scripts -------------------------------------------------------------------------------------------------

FAKE_MDIALOG = """#!/usr/bin/env bash
printf '%s\\n' "$*" >>"$LOG"
if [ "$1" = "${FAIL:-}" ]; then exit "$STATUS"; fi
case "$1" in
generate) mkdir -p "$MDIALOG_DEMO_DIR/run"; printf 'a\\nb\\n' >"$MDIALOG_DEMO_DIR/run/dialogues.jsonl" ;;
report) echo page >"$MDIALOG_DEMO_DIR/run/report.html" ;;
esac
if [ "$1" = "${LOSE:-}" ]; then exit 1; fi
"""

FAKE_PYTHON = """#!/usr/bin/env bash
if [ "$1" = -m ]; then printf '%s\\n' "$*" >>"$LOG"; else exec "{}" "$@"; fi
"""


@pytest.fixture
def copy(tmp_path):
    """The scripts in a checkout of their own, on a path with blanks, with an mdialog and a pip that only take notes."""
    checkout = tmp_path / "my check out"
    binaries = checkout / ".venv" / "bin"
    binaries.mkdir(parents=True)
    shutil.copytree(CHECKOUT / "scripts", checkout / "scripts")
    shutil.copytree(CHECKOUT / ".ci", checkout / ".ci")
    (checkout / "pyproject.toml").write_text("[project]\n")
    for name, text in (("mdialog", FAKE_MDIALOG), ("python", FAKE_PYTHON.format(sys.executable))):
        (binaries / name).write_text(text)
        (binaries / name).chmod(0o755)
    return checkout


def run(copy, script, *arguments, **environment):
    demo = copy / "the demo"
    environment = {"LOG": str(copy / "log"), "MDIALOG_DEMO_DIR": str(demo), **environment}
    done = subprocess.run(["bash", str(copy / script), *arguments], cwd="/", env=os.environ | environment,
                          capture_output=True, text=True, timeout=60)
    return done, (copy / "log").read_text().splitlines() if (copy / "log").is_file() else []


def test_scripts_are_bash():
    for script in (*CHECKOUT.glob("scripts/*.sh"), CHECKOUT / ".ci" / "run"):
        assert subprocess.run(["bash", "-n", script], capture_output=True, text=True).stderr == "", script


def test_demo_makes_everything_and_installs_once(copy):
    done, log = run(copy, "scripts/demo.sh", MDIALOG_DEMO_TRACKS="7", MDIALOG_DEMO_DIALOGUES="3")
    assert done.returncode == 0, done.stderr
    demo = copy / "the demo"
    assert log[0].startswith("-m pip install") and log[0].endswith(f"--editable {copy}")
    assert [line.split()[0] for line in log[1:]] == ["synth", "ingest", "generate", "report"]
    assert log[1].startswith(f"synth {demo}/music -n 7") and "-n 3" in log[3]
    made, page, following = done.stdout.splitlines()[-3:]
    assert made.startswith("Made: 7 rendered tracks") and "2 of 3 dialogues" in made
    assert f"{demo}/run/report.html" in page and "ingest" in following
    assert done.stdout.count("== ") == 5
    _, log = run(copy, "scripts/demo.sh")
    assert sum("pip" in line for line in log) == 1
    (copy / "pyproject.toml").write_text("[project]\n# changed\n")
    _, log = run(copy, "scripts/demo.sh")
    assert sum("pip" in line for line in log) == 2


def test_demo_shows_what_was_lost(copy):
    done, log = run(copy, "scripts/demo.sh", LOSE="generate")
    assert done.returncode == 1 and log[-1].startswith("report ") and "Page: " in done.stdout


@pytest.mark.parametrize("status", ["1", "2"])
def test_demo_stops_where_it_must(copy, status):
    done, log = run(copy, "scripts/demo.sh", FAIL="generate", STATUS=status)
    assert done.returncode == int(status) and "Page: " not in done.stdout and "demo.sh: " in done.stderr


def test_test_script_and_ci_pass_arguments_on(copy):
    (copy.parent / "shared" / "data").mkdir(parents=True)
    done, log = run(copy, ".ci/run", "-k", "two words")
    assert done.returncode == 0, done.stderr
    assert log[0].endswith(f"{copy}[test]") and log[1:] == ["-m ruff check", "-m pytest -k two words"]
    run(copy, "scripts/demo.sh")
    assert sum("pip" in line for line in run(copy, "scripts/test.sh")[1]) == 1


def test_without_python_it_is_said(copy, tmp_path):
    shutil.rmtree(copy / ".venv")
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("bash", "dirname", "mkdir", "cat", "env"):
        (tools / name).symlink_to(shutil.which(name))
    (tools / "python3").write_text("#!/bin/sh\nexit 1\n")  # an older one
    (tools / "python3").chmod(0o755)
    done, _ = run(copy, "scripts/demo.sh", PATH=str(tools))
    assert done.returncode == 1 and "Python 3.11" in done.stderr and not (copy / ".venv").exists()


def test_without_room_on_the_disk_it_is_said_before_anything_is_installed(copy, tmp_path):
    shutil.rmtree(copy / ".venv")
    full = tmp_path / "df"
    full.write_text("#!/bin/sh\necho Filesystem 1024-blocks Used Available\necho disk 9000000000 1 8999999 1% /\n")
    full.chmod(0o755)
    done, log = run(copy, "scripts/test.sh", PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert done.returncode == 1 and not log and not (copy / ".venv").exists()
    assert "takes 9 GB of disk, and 8 GB are free" in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.slow
def test_demo_for_real(clap_mini, listener_mini, tmp_path):
    """The whole way of the data with the bundled models, small."""
    names = {"MDIALOG_DEMO_TRACKS": "8", "MDIALOG_DEMO_DIALOGUES": "2", "MDIALOG_DEMO_DIR": str(tmp_path / "a demo")}
    done = subprocess.run(["bash", str(CHECKOUT / "scripts/demo.sh")], env=os.environ | names, capture_output=True, text=True)
    assert (tmp_path / "a demo" / "run" / "report.html").is_file(), done.stdout + done.stderr
    lost = (tmp_path / "a demo" / "run" / "failures.jsonl").read_text()
    assert done.returncode == int(bool(lost)), done.stderr
