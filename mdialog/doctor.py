"""Whether everything that mdialog needs is there and works, in plain words."""

import os
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from mdialog.errors import MdialogError

_PACKAGES = ("torch", "torchaudio", "transformers", "lancedb", "librosa", "soundfile", "av", "symusic", "scikit-learn",
             "matplotlib")


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Parameters
    ----------
    name : str
    state : {'ok', 'note', 'broken'}
        A note changes nothing for most; what is broken has to be mended.
    text : str
    """

    name: str
    state: str
    text: str


def examine() -> Iterator[Finding]:
    """Look at everything, one thing at a time; nothing is downloaded."""
    yield Finding("Python", "ok" if sys.version_info >= (3, 11) else "broken",
                  f"{platform.python_version()} on {platform.platform(terse=True)}, {os.cpu_count()} cores")
    for name in _PACKAGES:
        yield _package(name)
    yield _look("torch and torchaudio", _same_torch)
    yield _look("devices", _devices)
    yield _look("decoders", _decoders)
    yield _look("SoundFont", _soundfont)
    yield _look("CLAP", _clap)
    yield _look("listener", _listener)
    yield _look("audio cache", _cache)
    offline = os.environ.get("HF_HUB_OFFLINE")
    yield Finding("model hub", "note", "never asked (HF_HUB_OFFLINE is set): only local models load" if offline
                  else "asked for models by hub id; without a network set HF_HUB_OFFLINE=1")  # fmt: skip


def _look(name: str, check: Callable[[], tuple[str, str]]) -> Finding:
    try:
        return Finding(name, *check())
    except MdialogError as error:
        return Finding(name, "broken", str(error))
    except Exception as error:  # whatever a foreign library raises is what the user has to hear
        return Finding(name, "broken", f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")


def _package(name: str) -> Finding:
    try:
        return Finding(name, "ok", version(name))
    except PackageNotFoundError:
        return Finding(name, "broken", "is not installed; run pip install mdialog again")


def _same_torch() -> tuple[str, str]:
    ours, audio = version("torch"), version("torchaudio")
    if ours.split("+")[0].split(".")[:2] != audio.split("+")[0].split(".")[:2]:
        return "broken", f"torch {ours} beside torchaudio {audio}: install the same version of both"
    import torchaudio  # noqa: F401  its libraries load, or say why not

    return "ok", f"load together ({ours}, {audio})"


def _devices() -> tuple[str, str]:
    import torch

    found = [f"cuda:{i} ({torch.cuda.get_device_name(i)})" for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append("mps")
    return "ok", ", ".join(["cpu", *found]) + ("" if found else "; no GPU: all works, larger models are slow")


def _decoders() -> tuple[str, str]:
    import av
    import soundfile

    return "ok", f"libsndfile {soundfile.__libsndfile_version__}; FFmpeg in PyAV {av.__version__}"


def _soundfont() -> tuple[str, str]:
    from mdialog.synth.render import default_soundfont

    return "ok", str(default_soundfont())


def _clap() -> tuple[str, str]:
    from mdialog.clap import Clap

    clap = Clap.load()
    return "ok", f"{clap.model_id} loads, {clap.dim} dimensions"


def _listener() -> tuple[str, str]:
    from mdialog.listener.local import LocalListener

    listener = LocalListener.load()
    return "ok", f"{listener.model_id} loads, hears at {listener.sample_rate} Hz"


def _cache() -> tuple[str, str]:
    from mdialog.audio import default_cache_folder

    folder = default_cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        return "note", f"{folder} cannot be written ({error.strerror}): all works, slower; set MDIALOG_AUDIO_CACHE"
    return "ok", f"{folder} can be written"
