"""Small files that are written whole or not at all."""

from pathlib import Path


def write_text(path: Path, text: str, *, errors: str = "strict") -> None:
    """Put `text` in the place of a file, as UTF-8; who reads it meanwhile, or after a crash, finds the old or the new one."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8", errors=errors)
    partial.replace(path)
