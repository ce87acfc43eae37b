import numpy as np
import pytest
from small_clap import small_clap

from mdialog.background import (
    MAX_WINDOWS,
    PRESENT_Z,
    fit_thresholds,
    heard_scores,
    heard_values,
    load_background,
    make_background,
    save_background,
    shipped_background,
)
from mdialog.errors import InputError


@pytest.fixture(scope="module")
def clap():
    return small_clap()


def unit(n, dim, seed=0):
    e = np.random.default_rng(seed).normal(size=(n, dim)) + 0.7  # all in one corner, as audio embeddings are
    return (e / np.linalg.norm(e, axis=1, keepdims=True)).astype(np.float32)


def background_of(clap, embeddings, **options):
    return make_background(embeddings, model_id=clap.model_id, labels=clap.zero_shot.labels, **options)


def test_scores_of_the_background_itself_are_standard(clap):
    background = background_of(clap, unit(400, clap.dim))
    scores = heard_scores(background.embeddings, clap.zero_shot, background)
    assert scores.shape == (400, len(clap.zero_shot.labels))
    assert np.allclose(scores.mean(axis=0), 0, atol=1e-4) and np.allclose(scores.std(axis=0), 1, atol=1e-3)


def test_present_is_what_passes_its_own_threshold_best_first(clap):
    labels = clap.zero_shot.labels
    background = background_of(clap, unit(50, clap.dim), thresholds=np.full(len(labels), 2.0))
    scores = np.zeros(len(labels), np.float32)
    scores[labels.index(("genre", "jazz"))] = 2.5
    scores[labels.index(("genre", "funk"))] = 3.0
    scores[labels.index(("genre", "rock"))] = 1.99
    scores[labels.index(("vocal", "choir"))] = 2.1
    scores[labels.index(("vocal", "instrumental"))] = 2.2
    found = heard_values(scores, background)
    assert found["genre"] == ["funk", "jazz"] and found["mood"] == []
    assert found["vocal"] == ["instrumental"]  # exclusive: one at the most


def test_fitted_thresholds_part_what_can_be_parted():
    scores = np.array([[0.0, 3.0, 1.0], [1.0, 2.0, 1.0], [2.0, 1.0, 1.0], [3.0, 0.0, 1.0]], np.float32)
    present = np.array([[0, 0, 1], [0, 0, 0], [1, 0, 1], [1, 0, 0]], bool)
    fitted = fit_thresholds(scores, present)
    assert np.array_equal(scores[:, 0] >= fitted[0], present[:, 0])
    assert fitted[1] == pytest.approx(PRESENT_Z)  # never present
    assert fitted[2] == 1.0  # cannot be parted: all or none


def test_saved_and_read_it_is_the_same(clap, tmp_path):
    thresholds = np.linspace(0.5, 3, len(clap.zero_shot.labels))
    background = background_of(clap, unit(MAX_WINDOWS * 2, clap.dim), thresholds=thresholds)
    assert len(background.embeddings) == MAX_WINDOWS
    save_background(background, tmp_path / "background.npz")
    again = load_background(tmp_path / "background.npz", labels=clap.zero_shot.labels)
    assert again.version == background.version and again.model_id == clap.model_id
    swapped = load_background(tmp_path / "background.npz", labels=(("genre", "zydeco"), *clap.zero_shot.labels[::-1]))
    assert swapped.thresholds[0] == pytest.approx(PRESENT_Z)
    assert np.array_equal(swapped.thresholds[1:], background.thresholds[::-1])


def test_what_is_no_background_is_said(clap, tmp_path):
    (tmp_path / "b.npz").write_bytes(b"junk")
    with pytest.raises(InputError, match="not a background"):
        load_background(tmp_path / "b.npz", labels=clap.zero_shot.labels)
    with pytest.raises(InputError, match="at least one window"):
        background_of(clap, unit(0, clap.dim))
    with pytest.raises(InputError, match="3 thresholds"):
        background_of(clap, unit(5, clap.dim), thresholds=np.ones(3))


def test_like_windows_do_not_blow_scores_up(clap):
    background = background_of(clap, np.repeat(unit(1, clap.dim), 5, axis=0))
    scores = heard_scores(unit(20, clap.dim, seed=1), clap.zero_shot, background)
    assert np.isfinite(scores).all() and np.abs(scores).max() <= 200


def test_the_background_beside_the_weights_is_taken_if_it_is_theirs(clap, tmp_path, monkeypatch):
    monkeypatch.setattr(clap.model.config, "_name_or_path", str(tmp_path), raising=False)
    assert shipped_background(clap) is None
    background = background_of(clap, unit(40, clap.dim))
    save_background(background, tmp_path / "background.npz")
    assert shipped_background(clap).version == background.version
    monkeypatch.setattr(clap, "model_id", "small@ffffffff")
    with pytest.raises(InputError, match="make it again with those weights"):
        shipped_background(clap)
