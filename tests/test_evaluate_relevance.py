"""Relevance on a catalogue small enough to count by hand, on a rendered one, and on drawn ones."""

import dataclasses
import json

import numpy as np
import pyarrow as pa
import pytest

from mdialog.attributes import Attribute
from mdialog.brief import in_force
from mdialog.errors import InputError
from mdialog.evaluate import relevance as r
from mdialog.plan import Plan, PlannedTurn, TrackRef
from mdialog.recipes.music_discovery import plan_many
from mdialog.snapshot import TRACK_COLUMNS, WINDOW_COLUMNS, Snapshot
from mdialog.synth.labels import Labels, Span
from mdialog.synth.tables import draw_tables, labels

TRACKS = [
    # id, genre, tempo, artist, title, embedding
    ("a", "reggae", "slow", "Ana", "Blue", (1.0, 0.0)),
    ("b", "reggae", "fast", "Ana", "Red", (0.9, 0.1)),
    ("c", "rock", "slow", "Bo", "Blue", (0.0, 1.0)),
    ("d", None, "fast", None, "Größe", (-1.0, 0.0)),
]


@pytest.fixture(scope="module")
def snapshot():
    rows = [
        {"track_id": i, "path": f"/m/x/y/{i}.flac", "meta_genre": [g] if g else None, "measured_tempo": t, "meta_artist": a,
         "meta_title": n, "embedding": list(e)}
        for i, g, t, a, n, e in TRACKS
    ]  # fmt: skip
    no_windows = pa.schema([("track_id", pa.string()), ("start_s", pa.float32()), ("end_s", pa.float32())]).empty_table()
    return Snapshot.from_arrow(pa.Table.from_pylist(rows), no_windows, labels=[])


def plan(*turns: PlannedTurn) -> Plan:
    return Plan("p", "r", 0, {}, {}, turns, {i: TrackRef(i, n, a or "?") for i, _, _, a, n, _ in TRACKS})


def wish(*attributes: str, **parts) -> PlannedTurn:
    return PlannedTurn("user", ("add_filter",), attributes=attributes, **parts)


def offer(*tracks: str) -> PlannedTurn:
    return PlannedTurn("assistant", ("passive_recommend",), track_seq=tracks)


def piece(**parts) -> Labels:
    spans = (Span(0, 10, 0.2, ("piano", "flute"), "flute", "instrumental"), Span(10, 40, 0.2, ("piano",), None, "choir"))
    return Labels(**{"tempo_bpm": 70.0, "key": "C major", "metre": "4/4", "genre": "reggae", "themes": ("sleep",),
                     "spans": spans} | parts)  # fmt: skip


def test_shares_counted_by_hand(snapshot):
    # In force: reggae, then also not fast. a, b, c: two of three; then a, b: one of two.
    plans = [plan(wish("genre:reggae"), offer("a", "b", "c"), wish("-tempo:fast"), offer("a", "b"))]
    found = r.evaluate_relevance(plans, snapshot, truth={})
    by = found.by_columns
    assert found.by_labels is None and (found.n_plans, found.n_lists, found.n_tracks, by.n_lists) == (1, 2, 5, 2)
    assert by.lists == pytest.approx((2 / 3 + 1 / 2) / 2) and by.whole_lists == 0
    assert by.tracks == r.Share(5, 3 / 5, pytest.approx((3 * 2 / 4 + 2 * 1 / 4) / 5))
    assert by.first == r.Share(2, 1.0, pytest.approx((2 / 4 + 1 / 4) / 2))
    assert by.by_kind == {"genre": r.Share(5, 4 / 5, 0.5), "-tempo": r.Share(2, 0.5, 0.5)}
    assert by.by_exchange == {"1": r.Share(3, 2 / 3, 0.5), "2": r.Share(2, 0.5, 0.25)}


def test_what_was_removed_or_lapsed_is_not_in_force(snapshot):
    turns = wish("genre:rock", "artist:Bo"), offer("c"), wish(removed=("genre:rock",), lapsed=("artist:Bo",)), offer("a")
    found = r.evaluate_relevance([plan(*turns)], snapshot, truth={}).by_columns
    assert found.n_lists == 1 and found.tracks.share == 1 and set(found.by_kind) == {"genre", "artist"}


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("genre:reggae", "ab"), ("-genre:reggae", "c"), ("genre:polka", ""), ("-genre:polka", "abc"),
        ("artist:Ana", "ab"), ("-artist:Ana", "c"), ("artist:Nobody", ""), ("track:Blue", "ac"), ("tempo:fast", "bd"),
    ],
)  # fmt: skip
def test_the_judge_by_columns(snapshot, text, right):
    # Track d has no genre and no artist: unknown is neither.
    ok = r.judge_by_columns(snapshot)(Attribute.parse(text), np.arange(4))
    assert "".join(t[0] for t, holds in zip(TRACKS, ok, strict=True) if holds) == right


def test_a_kind_without_a_column_is_not_judged(snapshot):
    plans = [plan(wish("user:a beginner"), offer("a"))]
    found = r.evaluate_relevance(plans, snapshot, truth={}).by_columns
    assert found.n_lists == 0 and found.tracks == r.Share(0, None, None) and found.lists is None
    assert "–" in r.table(r.evaluate_relevance(plans, snapshot))


def test_refused_and_repeated_tracks_are_counted(snapshot):
    plans = [plan(wish(), offer("a", "b"), wish(refused=("b",)), offer("b", "c"), wish("track:Red"), offer("b", "c"))]
    found = r.evaluate_relevance(plans, snapshot, truth={})
    assert found.refused == pytest.approx(2 / 6)  # b, twice
    assert found.repeated == pytest.approx(2 / 6)  # b once, c once: the second b was asked for by its title


def test_refusing_what_is_offered_in_the_same_breath_is_no_fault(snapshot):
    plans = [plan(wish(), offer("a"), wish(refused=("a",)), offer("b"), wish(), PlannedTurn("assistant", ("others",)))]
    assert r.evaluate_relevance(plans, snapshot, truth={}).refused == 0


def test_likeness_is_ranked_among_random_tracks(snapshot):
    # Like a: b is the nearest of b, c, d (d the farthest), so its middle rank is (2 + 3) / 2 of 3.
    near, far = (r.evaluate_relevance([plan(wish("~track:a"), offer(t))], snapshot, truth={}) for t in "bd")
    assert near.likeness == {"~track": r.Share(1, pytest.approx(5 / 6), 0.5)}
    assert far.likeness["~track"].share == pytest.approx(1 / 6) and far.by_columns.n_lists == 0
    own = r.evaluate_relevance([plan(wish("~artist:Ana"), offer("a", "b"))], snapshot, truth={})
    assert own.likeness == {}  # an artist's own tracks prove nothing


def test_labels_speak_of_the_whole_piece():
    found = r.facts(piece())
    assert found["instrument"] == {"piano", "flute"} and found["vocal"] == {"choir"} and found["mode"] == {"major"}
    brief = (Span(0, 5, 0.2, ("flute",), None, "choir"), Span(5, 40, 0.2, ("piano",), None, "instrumental"))
    assert r.facts(piece(spans=brief))["instrument"] == {"piano"}  # an eighth of the piece is too little
    assert r.facts(piece(spans=brief))["vocal"] == {"instrumental"}


def test_both_words_hold_near_a_border():
    from mdialog import vocab

    slow, moderate = vocab.load()["tempo"]["slow"], vocab.load()["tempo"]["moderate"]
    assert slow.high == moderate.low
    assert r.facts(piece(tempo_bpm=slow.high * 1.02))["tempo"] == {"slow", "moderate"}
    assert r.facts(piece(tempo_bpm=slow.high * 0.98))["tempo"] == {"slow", "moderate"}
    assert r.facts(piece(tempo_bpm=slow.high * 1.1))["tempo"] == {"moderate"}


def test_labels_overrule_columns_for_what_is_heard_alone(snapshot):
    truth = {"a": piece(genre="rock"), "b": piece()}
    plans = [plan(wish("genre:reggae", "artist:Ana"), offer("a", "b", "c"))]
    found = r.evaluate_relevance(plans, snapshot, truth=truth)
    assert found.by_labels.tracks.share == 1 / 2 and found.by_labels.tracks.n == 2  # c has no labels
    assert found.by_labels.by_kind == {"genre": r.Share(2, 0.5, 0.5), "artist": r.Share(2, 1.0, 1.0)}
    assert found.by_columns.by_kind["genre"].share == pytest.approx(2 / 3)


def test_plans_of_another_catalogue_and_plans_that_recommend_nothing_are_refused(snapshot):
    with pytest.raises(InputError, match="'zzz', which the catalogue lacks"):
        r.evaluate_relevance([plan(wish(), offer("zzz"))], snapshot)
    for plans in ([], [plan(wish())]):
        with pytest.raises(InputError, match="recommend nothing"):
            r.evaluate_relevance(plans, snapshot)


@pytest.mark.parametrize("gaps", [0.0, 0.5])
def test_planned_tracks_satisfy_the_columns_and_none_comes_twice(gaps):
    drawn = Snapshot.from_arrow(*draw_tables(400, seed=5, dim=16, gaps=gaps), labels=labels())
    plans = list(plan_many(drawn, seed=1, n=60))
    found = r.evaluate_relevance(plans, drawn)
    assert found.by_labels is None  # these tracks have no files
    assert found.by_columns.lists == found.by_columns.whole_lists == found.by_columns.tracks.share == 1
    assert found.by_columns.tracks.chance < 0.7
    assert (found.refused, found.repeated) == (0, 0)
    assert all(0 <= s.share <= 1 for s in found.likeness.values())
    assert found == r.evaluate_relevance(plans, drawn)


def test_a_fault_in_the_plans_shows():
    drawn = Snapshot.from_arrow(*draw_tables(400, seed=5, dim=16), labels=labels())
    plans = list(plan_many(drawn, seed=1, n=40))
    ids = drawn.ids.to_pylist()
    shuffled = [
        dataclasses.replace(p, turns=tuple(dataclasses.replace(t, track_seq=tuple(ids[(i * 7 + k) % 400]
                            for k in range(len(t.track_seq)))) for i, t in enumerate(p.turns)))
        for p in plans
    ]  # fmt: skip
    found = r.evaluate_relevance(shuffled, drawn, truth={}).by_columns
    assert found.tracks.share == pytest.approx(found.tracks.chance, abs=0.15)


@pytest.fixture(scope="module")
def rendered(catalog):
    held = catalog.table("tracks").schema.names
    tracks = catalog.columns([name for name in TRACK_COLUMNS if name in held])
    return Snapshot.from_arrow(tracks, catalog.columns(WINDOW_COLUMNS, table="windows"), labels=list(catalog.about.labels))


def test_a_rendered_library_is_judged_by_its_composer(rendered, library):
    truth = r.composer_truth(rendered)
    assert set(truth) == set(rendered.ids.to_pylist())
    assert truth == r.composer_truth(rendered, folder=library)
    plans = list(plan_many(rendered, seed=2, n=30))
    found = r.evaluate_relevance(plans, rendered)
    assert found.by_columns.tracks.share == 1 and 0 < found.by_labels.tracks.share <= 1
    assert found.by_labels.n_lists == found.by_columns.n_lists
    # Slowly, one attribute at a time.
    right = n = 0
    for p in plans:
        for i, turn in enumerate(p.turns):
            for text in in_force(p, i) if turn.track_seq else ():
                attribute = Attribute.parse(text)
                if attribute.kind == "mode" and attribute.polarity == "want":
                    n += len(turn.track_seq)
                    right += sum(truth[t].mode == attribute.value for t in turn.track_seq)
    assert n and found.by_labels.by_kind["mode"].n == n and found.by_labels.by_kind["mode"].share == pytest.approx(right / n)


def test_a_library_without_labels_has_no_truth(rendered, tmp_path):
    assert r.composer_truth(rendered, folder=tmp_path) == {}
    (tmp_path / "labels.jsonl").write_text("no labels\n")
    with pytest.raises(InputError, match="line 1"):
        r.composer_truth(rendered, folder=tmp_path)


def test_table_and_json_hold_every_figure(rendered):
    found = r.evaluate_relevance(plan_many(rendered, seed=2, n=30), rendered)
    text = r.table(found)
    for kind in found.by_columns.by_kind:
        assert f"| {kind}: |" in text
    assert f"{found.by_labels.tracks.share:.3f}" in text and f"{found.refused:.4f}" in text
    assert json.loads(json.dumps(dataclasses.asdict(found), allow_nan=False))["n_tracks"] == found.n_tracks
