"""Contrasts are counted right: held against tables small enough to count by hand."""

import numpy as np
import pyarrow as pa
import pytest

from mdialog.contrast import contrasts, flags, has
from mdialog.snapshot import Snapshot


@pytest.fixture(scope="module")
def snapshot():
    """Ten tracks: the first five rock, three of them fast; the others jazz, slow, by one artist; the last one unknown."""
    tracks = pa.table(
        {
            "track_id": [f"t{i}" for i in range(10)],
            "meta_genre": [["rock"]] * 5 + [["jazz"]] * 4 + [None],
            "measured_tempo": ["fast"] * 3 + ["slow"] * 6 + [None],
            "meta_artist": ["A", "B", "C", "D", None] + ["Sol"] * 5,
        }
    )
    return Snapshot.from_arrow(tracks, pa.table({"track_id": pa.array([], pa.string())}), labels=[])


def found(snapshot, new, old, polarity="want"):
    return {str(a): round(x, 3) for a, x in contrasts(snapshot, new, old, polarity=polarity)}


def test_what_most_of_the_new_have_and_the_old_have_not(snapshot):
    assert found(snapshot, [5, 6, 7], [0, 1, 2]) == {"genre:jazz": 1.0, "tempo:slow": 1.0, "artist:Sol": 1.0}
    assert found(snapshot, [0, 1, 2, 3, 4], [5, 6]) == {"genre:rock": 1.0, "tempo:fast": 0.6}
    assert found(snapshot, [3, 4], [5, 6]) == {"genre:rock": 1.0}  # slow are both


def test_what_most_of_the_old_have_and_the_new_are_known_not_to_have(snapshot):
    assert found(snapshot, [5, 6, 7], [0, 1, 2], "avoid") == {"-genre:rock": 1.0, "-tempo:fast": 1.0}
    assert found(snapshot, [9], [0, 1, 2], "avoid") == {}  # of what is unknown nothing is known to be absent
    assert found(snapshot, [5, 6, 8, 9], [0, 1, 2], "avoid") == {"-genre:rock": 0.75, "-tempo:fast": 0.75}


def test_without_an_old_set_the_catalogue_stands_for_it(snapshot):
    assert found(snapshot, [5, 6], []) == {"genre:jazz": 0.6, "tempo:slow": 0.4, "artist:Sol": 1.0}
    assert found(snapshot, [5, 6], [], "avoid") == {"-genre:rock": 0.5, "-tempo:fast": 0.3}


def test_an_artist_that_came_before_or_is_unknown_is_no_contrast(snapshot):
    assert "artist:Sol" not in found(snapshot, [5, 6], [0, 9])
    assert not any(text.startswith("artist") for text in found(snapshot, [4], [0]))


def test_packed_sets_are_read_by_track(snapshot):
    tracks = np.array([0, 5, 9, 4])
    genre = [snapshot.value_index["genre", name] for name in ("jazz", "rock")]
    jazz_rock = flags(snapshot, snapshot.rows, tracks)[:, genre].astype(int)
    assert jazz_rock.tolist() == [[0, 1], [1, 0], [0, 0], [0, 1]]
    assert has(snapshot.bits[genre[0]], tracks).tolist() == [False, True, False, False]
    assert has(snapshot.bits[genre[0]], tracks[:0]).tolist() == []
