"""Contrast: what sets one set of tracks apart from another, in attributes."""

from collections.abc import Iterator, Sequence

import numpy as np

from mdialog.attributes import Attribute
from mdialog.cascade import AVOID_KINDS
from mdialog.snapshot import Snapshot, count

MOST, FEW = 0.6, 0.4  # shares of a set from which most of it has a value, and up to which it has not
APART = 0.2  # of a set beyond the share in the catalogue, where there is nothing else to set it apart from


def contrasts(
    snapshot: Snapshot, new: Sequence[int], old: Sequence[int], *, polarity: str = "want"
) -> Iterator[tuple[Attribute, float]]:
    """Attributes that tell a new set of tracks from an old one.

    Parameters
    ----------
    snapshot : Snapshot
    new, old : sequence of int
        Tracks by number; `new` holds one at least. Without old ones, the catalogue's usable tracks stand for them.
    polarity : {'want', 'avoid'}
        ``want``: what most of the new have and the old have not, an artist too. ``avoid``: what most of the old have and the
        new are known not to have, of kinds that people turn down.

    Yields
    ------
    Attribute, float
        And the difference of the two shares, above 0 and up to 1.
    """
    new, old = np.asarray(new, dtype=np.int64), np.asarray(old, dtype=np.int64)
    shown = flags(snapshot, snapshot.rows, new)
    if polarity == "avoid":
        now = (flags(snapshot, snapshot.known_rows, new) & ~shown).mean(axis=0)
        before = 1 - _shares(snapshot, old)
    else:
        now, before = shown.mean(axis=0), _shares(snapshot, old)
    apart = before <= FEW if len(old) else now - before >= APART
    for v in np.flatnonzero((now >= MOST) & apart).tolist():
        kind, value = snapshot.values[v]
        if polarity == "want" or kind in AVOID_KINDS:
            yield Attribute(kind, value, polarity), float(now[v] - before[v])
    artists = set(snapshot.artist[new].tolist())
    if polarity == "want" and len(artists) == 1 and not artists & {-1, *snapshot.artist[old].tolist()}:
        yield Attribute("artist", snapshot.artists[artists.pop()].as_py()), 1.0


def _shares(snapshot: Snapshot, tracks: np.ndarray) -> np.ndarray:
    """Share of the tracks (of all usable ones, if there are none) that has each value."""
    if len(tracks):
        return flags(snapshot, snapshot.rows, tracks).mean(axis=0)
    return count(snapshot.bits & snapshot.usable) / count(snapshot.usable)


def flags(snapshot: Snapshot, rows: np.ndarray, tracks: np.ndarray) -> np.ndarray:
    """Bits by track (``snapshot.rows`` or ``known_rows``) of some tracks as booleans (n_tracks, n_values)."""
    bits = np.unpackbits(rows[tracks].astype("<u8", copy=False).view(np.uint8), axis=1, bitorder="little")
    return bits[:, : len(snapshot.values)].astype(bool)


def has(mask: np.ndarray, tracks: np.ndarray) -> np.ndarray:
    """Which of the tracks, by number, are in a packed set: booleans (n_tracks,)."""
    return (mask[tracks >> 6] >> (tracks & 63).astype(np.uint64) & np.uint64(1)).astype(bool)
