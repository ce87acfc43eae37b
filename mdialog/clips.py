"""Clips: which seconds of a track to play."""

from collections.abc import Iterable

import numpy as np

from mdialog.attributes import Attribute
from mdialog.plan import Clip
from mdialog.snapshot import Snapshot

SAME_LENGTH_S = 0.05


def best_clip(snapshot: Snapshot, track: int, *, wanted: Iterable[Attribute] = ()) -> Clip:
    """The window of a track in which what is wanted is most evident, else the most typical and liveliest one.

    Parameters
    ----------
    snapshot : Snapshot
    track : int
        A track that is audible.
    wanted : iterable of Attribute
        What is asked for; only wishes that have a heard score say where to look.
    """
    windows = slice(snapshot.window_start[track], snapshot.window_start[track + 1])
    columns = [
        snapshot.label_column[a.kind, a.value]
        for a in wanted
        if a.polarity == "want" and (a.kind, a.value) in snapshot.label_column
    ]
    if columns and snapshot.window_scores.shape[1]:
        evidence = snapshot.window_scores[windows, columns].sum(axis=1, dtype=np.float32)
    else:
        evidence = snapshot.window_liveliness[windows]
    spans = snapshot.window_s[windows]
    lengths = spans[:, 1] - spans[:, 0]
    # A short last window shows less, and is an input that listeners were not made for; it is played if it is all there is.
    evidence = np.where(lengths >= lengths.max() - SAME_LENGTH_S, evidence, -np.inf)
    start, end = spans[int(evidence.argmax())].tolist()
    return Clip(track_id=snapshot.ref(track).track_id, start_s=round(start, 3), end_s=round(end, 3))
