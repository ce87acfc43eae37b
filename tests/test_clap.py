import shutil

import numpy as np
import pytest

from mdialog.clap import SAMPLE_RATE_HZ, WINDOW_SAMPLES, Clap, heard_labels
from mdialog.errors import ModelError
from tests.small_clap import small_clap


@pytest.fixture(scope="module")
def small():
    return small_clap()


def tones(n, seed=0):
    t = np.arange(WINDOW_SAMPLES) / SAMPLE_RATE_HZ
    rng = np.random.default_rng(seed)
    return np.stack([0.3 * np.sin(2 * np.pi * f * t) for f in rng.uniform(100, 4000, n)]).astype(np.float32)


def test_embeddings_are_unit_and_deterministic_whatever_the_batch(small):
    sound = tones(5)
    whole = small.embed_audio(sound, batch_size=5)
    assert whole.shape == (5, small.dim) and np.allclose(np.linalg.norm(whole, axis=1), 1, atol=1e-5)
    assert np.allclose(whole, small.embed_audio(sound, batch_size=2), atol=1e-5)
    assert np.array_equal(small.embed_audio(sound), small.embed_audio(sound))


@pytest.mark.parametrize("shape", [(2, WINDOW_SAMPLES - 1), (1, WINDOW_SAMPLES + 1), (WINDOW_SAMPLES,)])
def test_other_lengths_are_refused(small, shape):
    with pytest.raises(ValueError, match=str(WINDOW_SAMPLES)):
        small.embed_audio(np.zeros(shape, np.float32))


def test_nothing_in_nothing_out(small):
    assert small.embed_audio(np.zeros((0, WINDOW_SAMPLES), np.float32)).shape == (0, small.dim)
    assert small.embed_text([]).shape == (0, small.dim)


def test_zero_shot_has_a_row_a_label(small):
    zero = small.zero_shot
    assert zero.labels == heard_labels() and zero.text_embeddings.shape == (len(zero.labels), small.dim)
    assert np.allclose(np.linalg.norm(zero.text_embeddings, axis=1), 1, atol=1e-5)


def test_a_collapsed_text_tower_is_refused(tmp_path):
    import torch

    clap = small_clap()
    with torch.no_grad():
        clap.model.text_projection.linear2.weight.zero_()  # what is left is the bias: one direction for all
        clap.model.text_projection.linear2.bias.fill_(1.0)
    clap.model.save_pretrained(tmp_path)
    clap.processor.save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="collapsed"):
        Clap.load(str(tmp_path))


def test_loading_what_is_no_clap(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ModelError, match="bert"):
        Clap.load(str(tmp_path))


def test_model_id_follows_the_weights(tmp_path):
    import torch

    clap = small_clap()
    ids = []
    for _ in range(2):
        clap.model.save_pretrained(tmp_path)
        clap.processor.save_pretrained(tmp_path)
        ids.append(Clap.load(str(tmp_path)).model_id)
        with torch.no_grad():
            clap.model.audio_projection.linear1.weight.add_(1.0)
    assert ids[0] != ids[1]


def test_bundled_model_loads_by_transformers_alone_and_hears(clap_mini):
    from transformers import ClapModel, ClapProcessor

    model = ClapModel.from_pretrained(clap_mini)
    assert ClapProcessor.from_pretrained(clap_mini).feature_extractor.sampling_rate == SAMPLE_RATE_HZ
    assert sum(f.stat().st_size for f in clap_mini.iterdir()) < 20e6
    clap = Clap.load()
    assert clap.dim == model.config.projection_dim
    sound = clap.embed_audio(tones(3))
    assert (sound @ sound.T)[np.triu_indices(3, 1)].max() < 0.9999


def test_bundled_background_belongs_to_the_weights(clap_mini, tmp_path):
    from mdialog.background import shipped_background

    background = shipped_background(Clap.load())
    assert background is not None and len(background.embeddings) >= 100
    shutil.copytree(clap_mini, tmp_path / "copy")
    assert shipped_background(Clap.load(str(tmp_path / "copy"))) is not None
