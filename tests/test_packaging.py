"""A built wheel works away from the checkout, with its data and the bundled models."""

import os
import shutil
import subprocess
import sys
import zipfile

import pytest


@pytest.fixture(scope="module")
def installed(checkout, tmp_path_factory):
    """Folder of an unpacked wheel, built from a copy so that the checkout stays clean."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("mdialog", "models"):
        shutil.copytree(checkout / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(checkout / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", out, source]
    built = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    (wheel,) = out.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(out / "site")
    return out / "site"


def run(installed, code):
    environment = {k: v for k, v in os.environ.items() if k != "MDIALOG_MODELS"} | {"PYTHONPATH": str(installed)}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=installed)


def test_every_data_file_is_in_it(installed, checkout):
    for path in (checkout / "mdialog").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            assert (installed / path.relative_to(checkout)).is_file(), path


def test_it_finds_its_own_models(installed, clap_mini, listener_mini):
    code = "from mdialog.models import find_model; print(find_model('clap-mini'), find_model('listener-mini'))"
    done = run(installed, code)
    assert done.returncode == 0, done.stderr
    bundled = installed.resolve() / "mdialog" / "bundled"
    assert done.stdout.split() == [str(bundled / "clap-mini"), str(bundled / "listener-mini")]


def test_help_works_from_it(installed):
    done = run(installed, "import sys; sys.argv = ['mdialog', '--help']; from mdialog.cli import main; main()")
    assert done.returncode == 0 and "generate" in done.stdout, done.stderr
