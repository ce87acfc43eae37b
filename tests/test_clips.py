import numpy as np
import pyarrow as pa
import pytest

from mdialog.attributes import Attribute
from mdialog.clips import best_clip
from mdialog.snapshot import Snapshot
from mdialog.synth.tables import draw_tables, labels


def snapshot(windows_of):
    tracks, windows = draw_tables(6, seed=3, dim=8, windows_a_track=4, gaps=False)
    return Snapshot.from_arrow(tracks, windows_of(windows), labels=labels())


def shortened(windows, *, first: int = 2):
    """Of each track's windows, those from number `first` on last six seconds."""
    starts, ends = windows["start_s"].to_numpy(), windows["end_s"].to_numpy()
    at = windows.schema.get_field_index("end_s")
    ends = np.where(starts >= 10.0 * first, starts + 6.0, ends)
    return windows.set_column(at, windows.schema.field(at), pa.array(ends, windows.schema.field(at).type))


@pytest.mark.parametrize("kind, value", [("instrument", "flute"), ("vocal", "choir"), ("mood", "calm")])
def test_the_window_with_most_evidence_is_played(kind, value):
    found = snapshot(lambda w: w)
    column = labels().index((kind, value))
    for track in range(6):
        clip = best_clip(found, track, wanted=[Attribute(kind, value)])
        rows = slice(found.window_start[track], found.window_start[track + 1])
        best = found.window_s[rows][found.window_scores[rows, column].argmax()]
        assert (clip.start_s, clip.end_s) == pytest.approx(tuple(best), abs=1e-3)


def test_a_short_last_window_is_not_played_where_there_are_whole_ones():
    found = snapshot(shortened)
    for track in range(6):
        for label in labels():
            clip = best_clip(found, track, wanted=[Attribute(*label)])
            assert clip.end_s - clip.start_s == pytest.approx(10.0, abs=1e-3)


def test_short_windows_are_played_where_there_is_nothing_else():
    clip = best_clip(snapshot(lambda w: shortened(w, first=0)), 0)
    assert clip.end_s - clip.start_s == pytest.approx(6.0, abs=1e-3)
