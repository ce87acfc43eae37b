"""The bundled models can be made again: the scripts run end to end, at a size that teaches nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))

import training

SCRIPTS = Path(training.__file__).parent


def run(script, *arguments):
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, str(SCRIPTS / script), *map(str, arguments)], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    run("render_clips.py", folder, "--train", 100, "--held", 100, "--scenes", 100, "--workers", 2)
    return folder


@pytest.mark.slow
def test_listener_is_trained_saved_and_gone_on_with(clips, tmp_path):
    from mdialog.listener.local import LocalListener

    minutes = ("--minutes", 0.05, 0.05, 0.05, 0.05, 0.05, "--batch", 8)
    assert "saved" in run("train_listener_mini.py", clips, "--out", tmp_path, *minutes)
    assert LocalListener.load(str(tmp_path / "model")).sample_rate == 16_000
    assert "going on from stage 5" in run("train_listener_mini.py", clips, "--out", tmp_path, *minutes)
    more = ("--begin", tmp_path / "model", "--minutes", 0, 0, 0, 0.05, 0, "--batch", 8)
    assert "saved" in run("train_listener_mini.py", clips, "--out", tmp_path / "more", *more)


@pytest.mark.slow
def test_clap_is_trained_and_saved(clips, tmp_path):
    from transformers import ClapModel

    minutes = ("--minutes", 0.1, "--batch", 8)
    # So short a training leaves the text tower collapsed, and that is refused; the weights are there all the same.
    done = subprocess.run(
        [sys.executable, str(SCRIPTS / "train_clap_mini.py"), str(clips), "--out", str(tmp_path), *map(str, minutes)],
        capture_output=True, text=True, env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    assert done.returncode == 0 or "collapsed" in done.stderr
    assert ClapModel.from_pretrained(tmp_path / "model").config.projection_dim == 128


def test_weights_are_rounded_to_the_nearest():
    weight = torch.randn(10_000, generator=torch.Generator().manual_seed(0)).half()
    weight = weight[weight.abs() >= 2**-14]  # smaller ones have fewer bits of their own
    error = ((training.rounded(weight).float() - weight.float()) / weight.float()).abs()
    assert 0 < error.max() <= 2 ** -(training.MANTISSA + 1) * 1.001
    dropped = (1 << 10 - training.MANTISSA) - 1
    assert (training.rounded(weight).view(torch.int16) & dropped == 0).all()
    assert torch.equal(training.rounded(torch.tensor([1.0, -2.0, 0.0, 0.5])), torch.tensor([1.0, -2.0, 0.0, 0.5]).half())
