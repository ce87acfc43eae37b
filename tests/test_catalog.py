"""Search is held against a reference in plain Python and numpy, over random tracks and random queries."""

import math
import random
import string

import numpy as np
import pytest
from small_clap import small_clap

from mdialog import vocab
from mdialog.background import make_background
from mdialog.catalog import Catalog
from mdialog.errors import InputError, QueryError
from mdialog.metadata import Metadata
from mdialog.query import Interval, fold, parse, quote
from mdialog.schema import heard_columns, heard_kinds, track_row
from mdialog.tags import Measured

N = 300
ODD = ["O'Brien", '"); --', 'a "quoted" one', "semi;colon", "per%cent_", "back\\slash", "ÅÄÖ straße", "x|y", "NULL", "日本語"]


@pytest.fixture(scope="module")
def clap():
    return small_clap()


def measured(rng):
    key = rng.choice([*vocab.load()["key"].names, None])
    return Measured(
        tempo_bpm=rng.choice([None, rng.uniform(40, 200), 80.0, 120.0]), tempo_confidence=0.5, beat_strength=0.5, key=key,
        key_confidence=0.5, mode=key and key.split()[1], mode_confidence=0.5, loudness_lufs=-14.0, dynamic_range_db=6.0,
        brightness_hz=2000.0, onset_rate_hz=2.0, percussive_share=0.3, energy=rng.random(), energy_curve=(0.1, 0.2),
        energy_trend=0.0,
    )  # fmt: skip


def some(rng, kind, chance):
    names = [*vocab.load()[kind].names, "zydeco", "O'Brien's"] if kind == "genre" else vocab.load()[kind].names
    return tuple(rng.sample(names, rng.randint(1, 2))) if rng.random() < chance else ()


def random_row(rng, clap, background):
    from mdialog.background import heard_scores, heard_values

    said = Metadata(
        title=rng.choice([None, *ODD, "Same Title"]), artist=rng.choice([None, *ODD]),
        year=rng.choice([None, rng.randint(1950, 2024)]), genre=some(rng, "genre", 0.5), mood=some(rng, "mood", 0.3),
        instrument=some(rng, "instrument", 0.3), vocal=rng.choice([None, "male", "choir"]),
        culture=rng.choice([None, "Irish", "Cuban"]), popularity=rng.choice([None, 50.0, rng.uniform(0, 100)]),
        tempo_bpm=rng.choice([None, 100.0]), key=rng.choice([None, "C major"]),
    )  # fmt: skip
    file = {"track_id": "".join(rng.choices("0123456789abcdef", k=16)), "path": None, "silent": False}
    if rng.random() < 0.15:
        return track_row(file, said)
    e = np.random.default_rng(rng.getrandbits(32)).normal(size=clap.dim)
    e = (e / np.linalg.norm(e)).astype(np.float32)
    scores = heard_scores(e[None], clap.zero_shot, background)[0]
    heard = heard_columns(e, scores, heard_values(scores, background))
    return track_row(file | {"path": "/x.flac"}, said, measured=measured(rng), heard=heard)


@pytest.fixture(scope="module")
def filled(clap, tmp_path_factory):
    rng = random.Random(1)
    sample = np.random.default_rng(5).normal(size=(64, clap.dim))
    sample /= np.linalg.norm(sample, axis=1, keepdims=True)
    background = make_background(sample, model_id=clap.model_id, labels=clap.zero_shot.labels)
    rows = [random_row(rng, clap, background) for _ in range(N)]
    catalog = Catalog.create(tmp_path_factory.mktemp("c") / "catalog", clap=clap)
    catalog.set_background(background)
    for start in range(0, N, 100):
        catalog.write(rows[start : start + 100], [])
    return catalog, rows


# --- the reference: three-valued logic and dot products over the rows as they were given -----------------------


def value_of(row, predicate):
    """The words and the number that a predicate is about."""
    kind, source = predicate.kind, predicate.source

    def said(column):
        value = row.get(column)
        return [] if value is None else [fold(value)] if isinstance(value, str) else [fold(v) for v in value]

    name = "title" if kind == "track" else kind
    if kind in ("genre", "mood", "theme", "instrument", "vocal"):
        words = said(f"{source}_{name}") if source else said(f"meta_{name}") or said(f"heard_{name}")
        return words, None
    if kind in ("tempo", "energy", "key", "mode"):
        if source == "meta":
            return said(f"meta_{kind}"), row.get("meta_tempo_bpm") if kind == "tempo" else None
        word = "measured_energy_word" if kind == "energy" else f"measured_{kind}"
        return said(word), row.get({"tempo": "measured_tempo_bpm", "energy": "measured_energy"}.get(kind))
    if kind in ("year", "popularity"):
        return [], row.get(f"meta_{kind}")
    if kind == "metre":
        return said("heard_metre"), None
    return said(f"meta_{name}"), None


def matches(row, predicate, or_unknown):
    words, number = value_of(row, predicate)
    numeric = any(isinstance(o, Interval) for o in predicate.options)
    if (number is None) if numeric else (not words):
        return or_unknown
    hit = any(number in o if isinstance(o, Interval) else o in words for o in predicate.options)
    return hit != predicate.negated


def reference(rows, text, catalog, limit):
    query = catalog.parse(text)
    rows = [r for r in rows if all(matches(r, p, query.or_unknown) for p in query.predicates)]
    if not query.ranked:
        def order(r):
            p, t = r["meta_popularity"], r["meta_title"]
            return (p is None, -(p or 0), t is None, fold(t or ""), r["track_id"])

        return [(r["track_id"], None) for r in sorted(rows, key=order)][:limit]
    everything = reference.rows
    scores = {r["track_id"]: 0.0 for r in rows if r.get("embedding") is not None}
    for term in query.ranked:
        if term.target == "text":
            target = catalog.clap.embed_text([term.value])[0].astype(float)
        elif term.target == "track":
            (seed,) = [r for r in everything if r["track_id"].startswith(term.value)]
            target = seed["embedding"].astype(float)
            scores.pop(seed["track_id"], None)
        else:
            own = [r["embedding"] for r in everything if r["meta_artist"] == term.value and r.get("embedding") is not None]
            target = np.mean(own, axis=0).astype(float)
            target /= np.linalg.norm(target)
        cosines = catalog.background.embeddings.astype(float) @ target
        for r in rows:
            if r["track_id"] in scores:
                cosine = float(r["embedding"].astype(float) @ target)
                scores[r["track_id"]] += term.sign * (cosine - cosines.mean()) / cosines.std()
    return sorted(scores.items(), key=lambda s: (-s[1], s[0]))[:limit]


def random_query(rng, rows):
    v = vocab.load()
    seeds = [r for r in rows if r.get("embedding") is not None]

    def word(kind):
        names = [*v[kind].names, *(["zydeco", "O'Brien's"] if kind == "genre" else ["male"] if kind == "vocal" else [])]
        picked = [quote(rng.choice(names)) for _ in range(rng.randint(1, 3))]
        return f"{kind}:{picked[0]}" if len(picked) == 1 else f"{kind}:({'|'.join(picked)})"

    def number(kind, low, high):
        a, b = sorted((rng.randint(low, high), rng.randint(low, high)))
        return f"{kind}:{rng.choice([f'>{a}', f'<={b}', f'{a}..{b}', f'>={b}', f'<{a}', str(a)])}"

    kinds = ["genre", "mood", "instrument", "vocal", "culture", "tempo", "key", "mode", "energy", "popularity", "metre"]
    terms = []
    for _ in range(rng.randint(0, 3)):
        term = rng.choice([
            lambda: word(rng.choice(kinds)),
            lambda: f"{rng.choice(['meta', 'heard'])}.{word(rng.choice(['genre', 'mood', 'instrument', 'vocal']))}",
            lambda: number("tempo", 60, 180), lambda: number("meta.tempo", 90, 110), lambda: number("year", 1950, 2024),
            lambda: number("popularity", 0, 100), lambda: f"year:{rng.randrange(1950, 2020, 10)}s",
            lambda: f"artist:{quote(rng.choice(ODD))}", lambda: f"track:{quote(rng.choice(ODD))}",
            lambda: 'key:"C major"', lambda: 'meta.key:"C major"', lambda: "energy:>0.5",
        ])()  # fmt: skip
        terms.append(rng.choice(["", "-"]) + term)
    for _ in range(rng.randint(0, 2)):
        sign = rng.choice(["", "-"])
        terms.append(sign + rng.choice([
            lambda: f"~track:{rng.choice(seeds)['track_id'][:rng.choice([8, 16])]}",
            lambda: f"~artist:{quote(rng.choice(ODD))}",
            lambda: quote(rng.choice(['calm flute music', 'fast "drums"', "techno"])),
        ])())  # fmt: skip
    rng.shuffle(terms)
    return " ".join([*terms, *(["or-unknown"] if rng.random() < 0.3 else [])])


@pytest.mark.parametrize("indexed", [False, True])
def test_search_equals_the_reference(filled, indexed, monkeypatch):
    catalog, rows = filled
    reference.rows = rows
    if indexed:  # three-valued logic must hold with scalar indexes too
        monkeypatch.setattr("mdialog.catalog.INDEX_FROM_ROWS", 0)
        catalog.optimize()
        assert catalog.table("tracks").list_indices()
    rng = random.Random(7)
    n_found = 0
    for _ in range(120):
        text = random_query(rng, rows)
        limit = rng.choice([1, 10, 1000])
        expected = reference(rows, text, catalog, limit)
        hits = catalog.search(text, limit=limit)
        assert [h.track_id for h in hits] == [t for t, _ in expected], text
        for hit, (_, score) in zip(hits, expected, strict=True):
            assert hit.score == (None if score is None else pytest.approx(score, abs=1e-6)), text
            assert math.isclose(sum(hit.why.values()), hit.score or 0.0, abs_tol=1e-9)
        n_found += len(hits)
    assert n_found > 500


def test_unknown_is_neither(filled):
    catalog, rows = filled
    for term in ("genre:jazz", "tempo:slow", "tempo:>100", "year:1990s", 'key:"C major"', "culture:Irish", "heard.vocal:choir"):
        sets = [set(catalog.matching(t)) for t in (term, f"-{term}", f"{term} or-unknown", f"-{term} or-unknown")]
        with_x, without, or_with, or_without = sets
        unknown = {r["track_id"] for r in rows} - with_x - without
        assert unknown and not with_x & without
        assert or_with == with_x | unknown and or_without == without | unknown, term


def test_metadata_is_meant_before_what_was_heard(filled):
    catalog, rows = filled
    read = {r["track_id"] for r in rows if r["meta_genre"]}
    assert set(catalog.matching("genre:jazz")) & read == set(catalog.matching("meta.genre:jazz"))
    assert set(catalog.matching("genre:jazz")) - read == set(catalog.matching("heard.genre:jazz")) - read


@pytest.mark.parametrize("value", ODD)
def test_no_value_breaks_out_of_its_predicate(filled, value):
    catalog, rows = filled
    assert catalog.matching(f"artist:{quote(value)}") == sorted(r["track_id"] for r in rows if r["meta_artist"] == value)


def test_likeness_to_what_is_not_there_names_the_spot(filled):
    catalog, rows = filled
    with pytest.raises(QueryError, match=r"(?s)\^+\nno track 'zz'"):
        catalog.search("~track:zz")
    with pytest.raises(QueryError, match="starts .* ids; write more of it"):
        catalog.search("~track:" + next(c for c in string.hexdigits if len([r for r in rows if r["track_id"][0] == c]) > 1))
    with pytest.raises(QueryError, match="did you mean \"O'Brien\""):
        catalog.search('~artist:"OBrien"')
    mute = next(r["track_id"] for r in rows if r.get("embedding") is None)
    with pytest.raises(QueryError, match="no sound"):
        catalog.search(f"~track:{mute}")
    with pytest.raises(QueryError, match="limit"):
        catalog.search("", limit=0)


def test_adding_a_track_moves_no_score(clap, filled, tmp_path):
    rng = random.Random(3)
    background = filled[0].background
    catalog = Catalog.create(tmp_path / "c", clap=clap)
    catalog.set_background(background)
    rows = [random_row(rng, clap, background) for _ in range(20)]
    catalog.write(rows[:10], [])
    before = {h.track_id: h.score for h in catalog.search('"calm flute music"', limit=100)}
    catalog.write(rows[10:], [])
    after = {h.track_id: h.score for h in catalog.search('"calm flute music"', limit=100)}
    assert len(after) > len(before)
    assert all(after[t] == s for t, s in before.items())


def test_reopened_it_says_the_same(filled, clap):
    catalog, _ = filled
    again = Catalog.open(catalog.path, clap=clap)
    assert again.labels == catalog.labels == clap.zero_shot.labels
    assert again.background.version == catalog.background.version
    assert again.search('techno -genre:jazz') == catalog.search('techno -genre:jazz')


def test_a_catalogue_of_another_model_is_refused(filled, tmp_path):
    with pytest.raises(InputError, match="was made with CLAP small@00000000, not small@00000001.*--catalog"):
        Catalog.open(filled[0].path, clap=small_clap(seed=1))
    with pytest.raises(InputError, match="mdialog ingest"):
        Catalog.open(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def test_write_replaces_and_removes(filled, clap, tmp_path):
    rng = random.Random(9)
    catalog = Catalog.create(tmp_path / "c", clap=clap)
    catalog.set_background(filled[0].background)
    a, b = (random_row(rng, clap, catalog.background) for _ in range(2))
    window = {"index": 0, "start_s": 0.0, "end_s": 10.0}
    catalog.write([a], [window | {"track_id": a["track_id"]}])
    catalog.write([a], [window | {"track_id": a["track_id"]}])
    assert (len(catalog), catalog.table("windows").count_rows()) == (1, 1)
    catalog.write([b], [window | {"track_id": b["track_id"]}], replaces=[a["track_id"]])
    assert catalog.columns(["track_id"]).to_pylist() == [{"track_id": b["track_id"]}]
    assert catalog.columns(["track_id"], table="windows").to_pylist() == [{"track_id": b["track_id"]}]
    catalog.table("windows").add(catalog.columns(catalog.table("windows").schema.names, table="windows"))
    catalog.remove([b["track_id"]])
    assert len(catalog) == 0 and catalog.search("") == [] and catalog.search("jazz") == []


def test_columns_names_what_it_has(filled):
    with pytest.raises(InputError, match="did you mean 'meta_genre'"):
        filled[0].columns(["meta_genra"])
    table = filled[0].columns(["heard_scores", "track_id"])
    assert table.column_names == ["heard_scores", "track_id"] and table.num_rows == N


def test_every_heard_kind_has_its_column(filled):
    labels = {kind for kind, _ in filled[0].labels}
    assert set(heard_kinds()) <= labels
    assert {f"heard_{kind}" for kind in heard_kinds()} <= set(filled[0].table("tracks").schema.names)


def test_a_query_object_is_taken_too(filled):
    assert filled[0].search(parse("genre:jazz")) == filled[0].search("genre:jazz")


def test_terms_that_cancel_leave_every_track_alike(filled):
    seed = next(r["track_id"] for r in filled[1] if r.get("embedding") is not None)
    hits = filled[0].search(f"~track:{seed} -~track:{seed}", limit=5)
    assert [h.score for h in hits] == [0.0] * 5
    sounding = {r["track_id"] for r in filled[1] if r.get("embedding") is not None}
    assert [h.track_id for h in hits] == sorted(sounding - {seed})[:5]


def test_a_catalogue_of_version_1_gets_the_columns_it_lacks(clap, filled, tmp_path, monkeypatch):
    from mdialog import catalog as module
    from mdialog.metadata import EventSpan
    from mdialog.schema import ADDED_COLUMNS, track_schema
    from mdialog.snapshot import Snapshot

    row = filled[1][0]
    with monkeypatch.context() as then:
        then.setattr(module, "SCHEMA_VERSION", 1)
        full = track_schema(dim=clap.dim, n_labels=len(clap.zero_shot.labels))
        then.setattr(module, "track_schema", lambda **_: module.pa.schema([f for f in full if f.name not in ADDED_COLUMNS]))
        Catalog.create(tmp_path / "c", clap=clap).write([{k: v for k, v in row.items() if k not in ADDED_COLUMNS}], [])
    old = Catalog.open(tmp_path / "c")
    assert len(Snapshot.of(old)) == 1 and Snapshot.of(old).events_of(0) == ()
    with pytest.raises(InputError, match=r"version 1, without meta_events; run `mdialog ingest"):
        old.columns(["meta_events"])
    new = Catalog.create(tmp_path / "c", clap=clap)
    held = new.columns(["track_id", *ADDED_COLUMNS]).to_pylist()
    assert held == [{"track_id": row["track_id"]} | dict.fromkeys(ADDED_COLUMNS)]
    said = Metadata(title="t", caption="soft", aspects=("a", "b"), events=(EventSpan("rain", 0.5, 2.0),))
    new.write([track_row({"track_id": "x" * 16, "path": None, "silent": False}, said)], [])
    snapshot = Snapshot.of(Catalog.open(tmp_path / "c"))
    assert snapshot.events_of(snapshot.index["x" * 16]) == said.events
    assert snapshot.captions.to_pylist().count("soft") == 1 and snapshot.aspects.drop_null().to_pylist() == [["a", "b"]]


def test_a_catalogue_of_an_unknown_version_is_refused(clap, tmp_path, monkeypatch):
    with monkeypatch.context() as later:
        later.setattr("mdialog.catalog.SCHEMA_VERSION", 99)
        Catalog.create(tmp_path / "c", clap=clap)
    with pytest.raises(InputError, match="schema version 99, this mdialog reads 2"):
        Catalog.open(tmp_path / "c")
