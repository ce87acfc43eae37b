"""Encoder outputs on disk belong to one tower and to one set of clips."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))

import states
from clips import Clips

from mdialog.synth.labels import ClipEvents


class Tower(torch.nn.Module):
    """Counts how often it is asked; its outputs are in the precision that autocast would give."""

    def __init__(self, weight):
        super().__init__()
        self.weight, self.asked = torch.nn.Parameter(torch.tensor([weight])), 0

    def forward(self, mel):
        self.asked += 1
        return SimpleNamespace(last_hidden_state=(mel * self.weight).to(torch.bfloat16))


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    return Clips([rng.normal(size=(70, 4, 3)).astype(np.float16)], [], [ClipEvents((), 10.0)] * 70)


def test_outputs_are_the_towers_and_computed_once(data, tmp_path):
    tower = Tower(2.0)
    found = states.stored(tower, data, tmp_path)
    assert found.shape == (70, 4, 3) and np.allclose(found, 2.0 * data.listener[0], rtol=0.01)
    asked = tower.asked
    assert np.array_equal(states.stored(tower, data, tmp_path), found) and tower.asked == asked == 2


def test_neither_another_tower_nor_other_clips_are_mistaken_for_them(data, tmp_path):
    states.stored(Tower(2.0), data, tmp_path)
    other = Clips(data.listener, [], [ClipEvents((), 9.0)] * 70)
    assert np.allclose(states.stored(Tower(3.0), data, tmp_path), 3.0 * data.listener[0], rtol=0.01)
    states.stored(Tower(2.0), other, tmp_path)
    sounding = Clips([data.listener[0] + 1], [], data.labels)
    assert np.allclose(states.stored(Tower(2.0), sounding, tmp_path), 2.0 * sounding.listener[0], rtol=0.01)
    assert len(list(tmp_path.iterdir())) == 4


def test_what_was_not_finished_is_not_used(data, tmp_path):
    whole = states.stored(Tower(2.0), data, tmp_path)
    next(tmp_path.iterdir()).unlink()

    class Dying(Tower):
        def forward(self, mel):
            if self.asked:
                raise KeyboardInterrupt
            return super().forward(mel)

    with pytest.raises(KeyboardInterrupt):
        states.stored(Dying(2.0), data, tmp_path)
    assert np.array_equal(states.stored(Tower(2.0), data, tmp_path), whole)
