"""Shared inputs: a small rendered library, its catalogue, the bundled models, real recordings where there are any."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # every hub lookup without a network waits for time-outs

CHECKOUT = Path(__file__).resolve().parent.parent
N_TRACKS = 12


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="run the tests marked slow too")


def pytest_collection_modifyitems(config, items):
    gpu = None
    for item in items:
        if "slow" in item.keywords and not config.getoption("--slow"):
            item.add_marker(pytest.mark.skip(reason="slow; run with --slow"))
        if "gpu" in item.keywords:
            gpu = _has_gpu() if gpu is None else gpu
            if not gpu:
                item.add_marker(pytest.mark.skip(reason="needs a CUDA device"))


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


@pytest.fixture(scope="session")
def checkout() -> Path:
    """Root of the checkout that the tests lie in."""
    return CHECKOUT


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real recordings and human dialogues: ``real_music/``, ``cpcd/``, ``captions/``."""
    folder = os.environ.get("MDIALOG_REAL_DATA")
    if not folder:
        pytest.skip("MDIALOG_REAL_DATA is not set: no real recordings here")
    if not Path(folder).is_dir():
        pytest.fail(f"MDIALOG_REAL_DATA is {folder!r}, which is no folder; unset it or name the data's folder")
    return Path(folder).resolve()


def _model(name: str) -> Path:
    folder = CHECKOUT / "models" / name
    if not (folder / "config.json").is_file():
        pytest.skip(f"models/{name} is not in this checkout")
    return folder


@pytest.fixture(scope="session")
def clap_mini() -> Path:
    """Folder of the bundled CLAP."""
    return _model("clap-mini")


@pytest.fixture(scope="session")
def listener_mini() -> Path:
    """Folder of the bundled listener."""
    return _model("listener-mini")


@pytest.fixture(scope="session")
def library(tmp_path_factory) -> Path:
    """Folder of `N_TRACKS` short rendered tracks, tagged as a user's files are; read only, please."""
    from mdialog.synth.library import write_library

    folder = tmp_path_factory.mktemp("library")
    write_library(folder, n_tracks=N_TRACKS, seed=11, workers=1)
    return folder


@pytest.fixture(scope="session")
def catalog_path(clap_mini, library, tmp_path_factory) -> Path:
    """A catalogue of the rendered library; read only, please (copy it to change it)."""
    from mdialog.ingest import ingest

    path = tmp_path_factory.mktemp("catalog") / "catalog"
    ingest([library], catalog=path, clap=str(clap_mini), workers=1, device="cpu")
    return path


@pytest.fixture(scope="session")
def catalog(catalog_path):
    """The same catalogue, opened."""
    from mdialog.catalog import Catalog

    return Catalog.open(catalog_path)
