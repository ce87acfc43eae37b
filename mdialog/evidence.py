"""Evidence: what a catalogue knows of the clips that are played, for verdicts on what is said of them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from mdialog import claims
from mdialog.errors import InputError
from mdialog.metadata import EventSpan, events_over
from mdialog.plan import Clip

# Measures that stand beside the embedding when a label is judged; scaled to about one.
MEASURES = {"brightness_hz": 2000.0, "onset_rate_hz": 4.0, "percussive_share": 0.3, "energy": 0.3, "beat_strength": 0.3}
COLUMNS = ("tempo_bpm", "tempo_confidence", "key", "key_confidence", "mode", "mode_confidence", "energy_trend", *MEASURES)


@dataclass(frozen=True)
class Evidence:
    """What is known of a clip.

    Parameters
    ----------
    measured : mapping
        Columns of the catalogue's windows without ``measured_``: `COLUMNS`; those of several windows taken together. Besides,
        ``opening``: the energy of the first two seconds.
    embedding, around : np.ndarray [shape=(dim,)] or None
        Mean CLAP embedding of the windows, and of the whole track, L2-normalised.
    track_bpm : float or None
        Tempo of the whole track: where window and track agree, it is seldom wrong.
    read : mapping
        What metadata says of the track: ``genre`` (tuple of str), ``key``, ``tempo_bpm``, ``live`` (a title that says so); may
        lack any.
    duration_s : float
    events : tuple of EventSpan or None
        Sound events that metadata marks, in the clip's time; None where the track has none marked at all.
    labels : frozenset of str
        Every sound that is marked in any track of the catalogue.
    """

    measured: Mapping[str, float | str | None]
    embedding: np.ndarray | None = None
    around: np.ndarray | None = None
    track_bpm: float | None = None
    read: Mapping[str, object] = field(default_factory=dict)
    duration_s: float = 10.0
    events: tuple[EventSpan, ...] | None = None
    labels: frozenset[str] = frozenset()


FEW = 100  # tracks that are looked up; of more, all rows are read


def witness(catalog, track_ids: Iterable[str]) -> "Witness":
    """Windows and metadata of these tracks, read once: of a few, only their rows; of all tracks, which sounds are marked."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from lancedb.expr import col

    ids = sorted(set(track_ids))
    wanted, where = pa.array(ids, pa.string()), col("track_id").isin(ids) if 0 < len(ids) <= FEW else None
    names = ["track_id", "start_s", "end_s", "embedding", *(f"measured_{name}" for name in (*COLUMNS, "energy_curve"))]
    rows: dict[str, list[dict]] = {}
    table = catalog.columns(names, table="windows", where=where)
    for row in table.filter(pc.is_in(table["track_id"], wanted)).to_pylist():
        rows.setdefault(row["track_id"], []).append(row)
    known = [f"meta_{name}" for name in ("genre", "key", "tempo_bpm", "title")]
    tracks = catalog.columns(["track_id", "embedding", "measured_tempo_bpm", *known], where=where)
    found = {row["track_id"]: row for row in tracks.filter(pc.is_in(tracks["track_id"], wanted)).to_pylist()}
    try:
        marked = catalog.columns(["track_id", "meta_events"])
    except InputError:  # a catalogue of the first version: nothing is marked in it
        return Witness(rows, found)
    for row in marked.filter(pc.is_in(marked["track_id"], wanted)).to_pylist():
        found[row["track_id"]] |= row
    labels = pc.unique(pc.struct_field(pc.list_flatten(marked["meta_events"]), "label"))
    return Witness(rows, found, frozenset(labels.to_pylist()))


@dataclass(frozen=True)
class Witness:
    """Evidence of clips, from the catalogue's windows.

    Parameters
    ----------
    windows : dict of str to list of dict
        Rows of the table `windows`, by track.
    tracks : dict of str to dict
        Rows of the table `tracks`, by track.
    labels : frozenset of str
        Sounds that are marked in any track.
    """

    windows: Mapping[str, list[dict]]
    tracks: Mapping[str, Mapping]
    labels: frozenset[str] = frozenset()

    def of(self, clip: Clip) -> Evidence | None:
        """Evidence of a clip; None where the catalogue has no window of it."""
        rows = []
        for row in self.windows.get(clip.track_id, ()):
            overlap = min(row["end_s"], clip.end_s) - max(row["start_s"], clip.start_s)
            if overlap > 0.5 * min(row["end_s"] - row["start_s"], clip.end_s - clip.start_s):
                rows.append(row)
        if not rows or all(row["measured_energy"] is None for row in rows):
            return None
        rows = [row for row in rows if row["measured_energy"] is not None]
        embedding, track = _unit(np.mean([row["embedding"] for row in rows], axis=0)), self.tracks.get(clip.track_id, {})
        return Evidence(
            measured=_together(rows) | _opening(rows),
            embedding=embedding,
            around=_unit(track["embedding"]) if track.get("embedding") is not None else embedding,
            track_bpm=track.get("measured_tempo_bpm"),
            read=_read_of(track),
            duration_s=clip.end_s - clip.start_s,
            events=_events_of(track, clip),
            labels=self.labels,
        )


def _opening(rows: list[dict]) -> dict[str, float]:
    curve = min(rows, key=lambda row: row["start_s"]).get("measured_energy_curve")
    return {"opening": curve[0]} if curve else {}


def _events_of(track: Mapping, clip: Clip) -> tuple[EventSpan, ...] | None:
    marked = track.get("meta_events")
    return events_over((EventSpan(**event) for event in marked), clip.start_s, clip.end_s) if marked else None


def _unit(x) -> np.ndarray:
    x = np.asarray(x, np.float32)
    return x / max(float(np.linalg.norm(x)), 1e-9)


def _together(rows: list[dict]) -> dict[str, float | str | None]:
    """Measures of several windows as one: of tempo and key the surest, of the others the mean."""
    if len(rows) == 1:
        return {name: rows[0][f"measured_{name}"] for name in COLUMNS}
    out = {}
    for name in COLUMNS:
        about = next((kind for kind in ("tempo", "key", "mode") if name.startswith(kind)), None)
        if about:
            out[name] = max(rows, key=lambda row: row[f"measured_{about}_confidence"] or 0.0)[f"measured_{name}"]
        else:
            out[name] = float(np.mean([row[f"measured_{name}"] for row in rows]))
    ordered = sorted(rows, key=lambda row: row["start_s"])
    out["energy_trend"] = ordered[-1]["measured_energy"] - ordered[0]["measured_energy"]
    return out


def _read_of(track: Mapping) -> dict[str, object]:
    """What metadata says that can be held against the sound; a key in the title counts where no tag has one."""
    found = {name: track[f"meta_{name}"] for name in ("genre", "key", "tempo_bpm") if track.get(f"meta_{name}")}
    if "key" not in found and (title := track.get("meta_title")):
        said = [c.value for c in claims.find(f"It is in {title.replace(chr(34), ' ')}") if c.kind == "key"]
        found |= {"key": said[0]} if said else {}
    if (title := track.get("meta_title")) and _LIVE.search(title):
        found["live"] = title
    return found


_LIVE = re.compile(  # in brackets, after a dash, or where: "How to Live on Nothing" is none
    r"[(\[](?:[\w ]+ )?live\b(?: (?:at|in|from|on|version)\b|\W|$)| [-–—:] live\b(?! \w+ing\b)|\blive!? at (?:the )?\w"
    r"|\bin concert\b", re.I
)  # fmt: skip
