"""Where models are: the bundled pair, what a user converted, any folder, any hub id."""

import os
from pathlib import Path

from mdialog.errors import ModelError

_PACKAGE = Path(__file__).resolve().parent


def model_folders() -> list[Path]:
    """Folders that may hold models, first match wins: ``MDIALOG_MODELS``, the checkout's, the installed package's."""
    named = os.environ.get("MDIALOG_MODELS")
    folders = [Path(named).expanduser()] if named else []
    return [*folders, _PACKAGE.parent / "models", _PACKAGE / "bundled"]


def find_model(name: str) -> str:
    """Path of a local model, or the name itself where it reads as a hub id.

    Parameters
    ----------
    name : str
        A folder, the name of a folder in one of `model_folders` (``clap-mini``), or a hub id (``owner/name``).

    Returns
    -------
    str
        What ``from_pretrained`` takes.

    Raises
    ------
    ModelError
        If `name` is none of these.
    """
    for path in (Path(name).expanduser(), *(folder / name for folder in model_folders())):
        if (path / "config.json").is_file():
            return str(path)
    if name.count("/") == 1 and not name.startswith((".", "/")):
        return name
    looked = ", ".join(str(folder) for folder in model_folders())
    raise ModelError(
        f"no model {name!r}: not a folder with a config.json, not in {looked}, not a hub id (owner/name); "
        "set MDIALOG_MODELS or give a path"
    )
