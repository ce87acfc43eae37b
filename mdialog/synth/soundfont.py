"""SoundFonts rewritten so that symusic's synthesiser plays them in tune.

Measured with symusic 0.5.9: it reads a sample's root only from the sample's own header, where the format lets every
zone override it (generator 58), and holds the coarse tuning (51) within 1.2 semitones. A piano of TimGM6mb sounds 20
semitones sharp by that, a trumpet of FluidR3 a third. The rewritten copy has a sample header for each zone, with the
override and the coarse tuning in it. Format: SoundFont 2.04, sections 7.4-7.10 and 8.1.2.
"""

import os
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from mdialog.errors import InputError

_COARSE_TUNE, _SAMPLE, _ROOT = 51, 53, 58
_HEADER = 46  # bytes of a sample header
_ROOT_AT = 40  # of its root key


@contextmanager
def in_tune(path: Path) -> Iterator[Path]:
    """A temporary copy of a SoundFont that symusic plays in tune; gone when the block ends.

    Parameters
    ----------
    path : Path
        SF2 or SF3.

    Raises
    ------
    InputError
        If it is not a SoundFont.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as e:
        raise InputError(f"SoundFont {str(path)!r} cannot be read ({e.strerror}); give the path of an .sf2 or .sf3") from e
    handle, name = tempfile.mkstemp(suffix=Path(path).suffix)
    try:
        with os.fdopen(handle, "wb") as copy:
            copy.write(rewritten(data, name=str(path)))
        yield Path(name)
    finally:
        Path(name).unlink()


@lru_cache(maxsize=1)  # libraries open the same SoundFont afresh for every track
def rewritten(data: bytes, *, name: str = "") -> bytes:
    """The bytes of a SoundFont with roots and coarse tunings moved into sample headers of each zone's own.

    Raises
    ------
    InputError
        If `data` is not a SoundFont.
    """
    try:
        return _rewritten(data)
    except (struct.error, KeyError, IndexError) as e:
        raise InputError(f"{name!r} is not a SoundFont that can be read; give the path of an .sf2 or .sf3") from e


def _rewritten(data: bytes) -> bytes:
    if data[:4] != b"RIFF" or data[8:12] != b"sfbk":
        raise KeyError("sfbk")
    lists = {data[at : at + 4]: (at, size) for _, at, size in _chunks(data, 12, len(data))}
    pdta, size = lists[b"pdta"]
    tables = {name: (at, length) for name, at, length in _chunks(data, pdta + 4, pdta + size)}
    headers_at, headers_size = tables[b"shdr"]
    headers = [data[at : at + _HEADER] for at in range(headers_at, headers_at + headers_size, _HEADER)]
    out = bytearray(data[: headers_at - 8])
    own: list[bytes] = []
    for zone in _zones(data, tables):
        if _SAMPLE not in zone:
            continue
        header = bytearray(headers[_value(data, zone[_SAMPLE]) & 0xFFFF])
        coarse_at = zone.get(_COARSE_TUNE)
        root = _value(data, zone[_ROOT]) if _ROOT in zone else -1
        root = root if 0 <= root <= 127 else min(header[_ROOT_AT], 127)
        root -= _value(data, coarse_at) if coarse_at else 0
        header[_ROOT_AT] = min(127, max(0, root))
        struct.pack_into("<H", out, zone[_SAMPLE] + 2, len(own))
        own.append(bytes(header))
        if coarse_at:
            struct.pack_into("<h", out, coarse_at + 2, 0)
    table = b"".join([*own, headers[-1]])
    out += b"shdr" + struct.pack("<I", len(table)) + table
    # Whatever follows the list of tables keeps its place behind it.
    end = pdta + size + (size & 1)
    struct.pack_into("<I", out, pdta - 4, len(out) - pdta)
    out += data[end:]
    struct.pack_into("<I", out, 4, len(out) - 8)
    return bytes(out)


def _chunks(data: bytes, low: int, high: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, place of the content and its size of every chunk between two places."""
    while low + 8 <= high:
        size = struct.unpack_from("<I", data, low + 4)[0]
        yield data[low : low + 4], low + 8, size
        low += 8 + size + (size & 1)


def _zones(data: bytes, tables: dict[bytes, tuple[int, int]]) -> Iterator[dict[int, int]]:
    """For every zone of every instrument, where each of its generators stands; those of the global zone fill in."""
    instruments, size = tables[b"inst"]
    first_bag = [struct.unpack_from("<H", data, instruments + 22 * i + 20)[0] for i in range(size // 22)]
    bags, size = tables[b"ibag"]
    first_generator = [struct.unpack_from("<H", data, bags + 4 * i)[0] for i in range(size // 4)]
    generators, _ = tables[b"igen"]
    for begin, end in zip(first_bag, first_bag[1:], strict=False):
        common: dict[int, int] = {}
        for bag in range(begin, end):
            places = [generators + 4 * i for i in range(first_generator[bag], first_generator[bag + 1])]
            zone = {struct.unpack_from("<H", data, at)[0]: at for at in places}
            if bag == begin and _SAMPLE not in zone:
                common = zone
            yield {**common, **zone}


def _value(data: bytes, at: int) -> int:
    """The amount of the generator at a place, read from the original: a global one serves many zones."""
    return struct.unpack_from("<h", data, at + 2)[0]
