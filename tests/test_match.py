"""Ranking for a wish: known answers, opinions, popularity, and whom a list shows."""

import numpy as np
import pyarrow as pa
import pytest

from mdialog.background import make_background
from mdialog.errors import InputError
from mdialog.match import (
    NO_OPINIONS,
    Opinions,
    Weights,
    attributes,
    by_sound,
    recommend,
    resolve,
    satisfied,
    says,
    understand,
)
from mdialog.mentions import Names
from mdialog.shelf import Bm25, Shelf, concentration
from mdialog.wants import read


class Known:
    """A catalogue of rows given here: what a shelf needs of it."""

    path = "here"

    def __init__(self, rows, dim=8):
        self.about = type("About", (), {"dim": dim})
        columns = {name for row in rows for name in row} | {"silent"}
        self.held = pa.table({name: [row.get(name, False if name == "silent" else None) for row in rows] for name in columns})
        sample = np.random.default_rng(0).normal(size=(64, dim))
        sample /= np.linalg.norm(sample, axis=1, keepdims=True)
        self.background = make_background(sample, model_id="m", labels=())

    def table(self, name):
        return self.held

    def columns(self, names):
        return self.held.select(names)

    def beside(self, name):
        return None  # no texts


def unit(*x):
    x = np.array([*x, *[0.0] * (8 - len(x))])
    return (x / np.linalg.norm(x)).tolist()


def terms(*words):
    return "\x1f" + "\x1f".join(words) + "\x1f" if words else None


ROWS = [
    {"track_id": "a", "meta_title": "Slow Organ", "meta_artist": "Ana",
     "meta_genre_terms": terms("jazz"), "meta_genre": ["jazz"],
     "measured_tempo": "slow", "measured_tempo_bpm": 70.0, "meta_popularity": 5.0, "embedding": unit(1, 0.1)},
    {"track_id": "b", "meta_title": "Fast Organ", "meta_artist": "Ana",
     "meta_genre_terms": terms("jazz"), "meta_genre": ["jazz"],
     "measured_tempo": "fast", "measured_tempo_bpm": 130.0, "meta_popularity": 90.0, "embedding": unit(1, 0.2)},
    {"track_id": "c", "meta_title": "Owl", "meta_artist": "Béla Ö", "heard_genre_terms": terms("polka"),
     "measured_tempo": "slow", "measured_tempo_bpm": 75.0, "meta_popularity": 20.0, "embedding": unit(0, 1)},
    {"track_id": "d", "meta_title": "Owl", "meta_artist": None, "meta_popularity": None},
    {"track_id": "e", "meta_title": "Nothing", "meta_artist": "Quiet", "silent": True, "meta_genre_terms": terms("jazz")},
    {"track_id": "f", "meta_title": "Дом 🎺", "meta_artist": "日本", "meta_genre_terms": terms("polka", "folk"),
     "measured_tempo": "very fast", "measured_tempo_bpm": 170.0, "meta_popularity": 60.0, "embedding": unit(0.1, 1)},
]  # fmt: skip
PLAIN = Weights(sound=0.0)  # no CLAP here


@pytest.fixture
def shelf():
    return Shelf.of(Known([{"meta_title": None, **row} for row in ROWS]))


def best(shelf, text, *, opinions=NO_OPINIONS, **more):
    wish = read(text, names=shelf.names)
    return [hit.track_id for hit in recommend(shelf, wish, opinions=opinions, weights=PLAIN, **more)]


def test_wants_decide(shelf):
    assert best(shelf, "slow jazz")[0] == "a" and best(shelf, "fast jazz")[0] == "b"
    assert best(shelf, "jazz, not slow")[0] == "b" and best(shelf, "no jazz, slow")[0] == "c"
    assert best(shelf, "polka or folk, from over 160 bpm")[0] == "f"
    assert "e" not in best(shelf, "jazz"), "silent tracks are not recommended"
    assert best(shelf, "something by Ana")[:2] == ["a", "b"] or best(shelf, "something by Ana")[:2] == ["b", "a"]
    assert len(best(shelf, "")) == 5 and len(best(shelf, "jazz", limit=2)) == 2


def test_metadata_counts_before_hearing_and_unknown_is_neutral(shelf):
    polka = dict(zip(shelf.ids, attributes(shelf, read("polka")), strict=True))
    assert polka["f"] > polka["c"] > polka["d"] > polka["a"], "read, heard, unknown, something else was read"
    assert polka["d"] == 0
    assert np.isnan(says(shelf, "tempo", "slow", "measured")[shelf.index["d"]])
    assert np.isnan(satisfied(shelf, read("polka").wants[0], read("polka"))[shelf.index["d"]])
    none = attributes(shelf, read("with a flute"))
    assert not none[shelf.index["d"]] and np.isfinite(none).all()


def test_score_is_the_sum_of_its_parts(shelf):
    wish = read("slow jazz with an organ, nothing too famous", names=shelf.names)
    hits = recommend(shelf, wish, weights=PLAIN, popularity_weight=-0.3, opinions=Opinions(liked={("track", "c"): 0.5}))
    assert {"attributes", "words", "liked", "popularity"} <= hits[0].why.keys()
    assert all(hit.score == pytest.approx(sum(hit.why.values())) for hit in hits)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_likes_draw_and_dislikes_push(shelf):
    assert best(shelf, "", opinions=Opinions(liked={("track", "a"): 1.0}))[0] == "b"
    assert best(shelf, "", opinions=Opinions(liked={("track", "c"): 1.0}))[0] == "f"
    assert best(shelf, "", opinions=Opinions(disliked={("track", "a"): 1.0}))[-1] == "b"
    near = by_sound(shelf, {shelf.index["a"]: 1.0})
    assert by_sound(shelf, {shelf.index["a"]: 0.25}) == pytest.approx(0.25 * near), "what is half forgotten counts less"
    assert by_sound(shelf, {shelf.index["a"]: 1.0, shelf.index["b"]: 1.0}).max() < 2 * near.max()
    assert not by_sound(shelf, {shelf.index["d"]: 1.0}).any(), "without sound there is nothing to be like"


@pytest.mark.parametrize("text", ["slow jazz", "", "Slow Organ by Ana", 'play "Slow Organ"', "something like Ana"])
def test_what_is_disliked_never_comes(shelf, text):
    assert "a" not in best(shelf, text, opinions=Opinions(disliked={("track", "a"): 1e-9}))
    assert not {"a", "b"} & set(best(shelf, text, opinions=Opinions(disliked={("artist", "Ana"): 0.1})))
    assert "a" not in best(shelf, text, leave_out=["a", "unknown"])


def test_named_tracks_are_references_or_refused(shelf):
    assert not {"a", "b"} & set(best(shelf, "jazz, nothing by Ana"))  # of a name of one word only behind "by"
    assert "a" not in best(shelf, "like Slow Organ, but faster")
    assert best(shelf, "like Slow Organ, but faster")[0] == "b"
    slower = read("like Fast Organ, but slower", names=shelf.names)
    there = satisfied(shelf, slower.wants[1], slower)
    assert there[shelf.index["a"]] > there[shelf.index["f"]] and there[shelf.index["c"]] > there[shelf.index["b"]]


def test_popularity_weight_moves_both_ways(shelf):
    tail = best(shelf, "", popularity_weight=-1.0)
    assert tail[0] == "a" and tail[-1] == "b" and tail == best(shelf, "", popularity_weight=1.0)[::-1]
    assert best(shelf, "jazz, hidden gems")[0] == "a" and best(shelf, "jazz hits")[0] == "b"
    assert tail[2] == "d" or tail[3] == "d" or "d" in tail, "unknown popularity stands in the middle"


def test_exposure(shelf):
    assert shelf.exposure(["a", "c"]).long_tail == 1.0 and shelf.exposure(["b", "f"]).long_tail == 0.0
    assert shelf.exposure(["a"]).gini < 0 < shelf.exposure(["b"]).gini
    assert shelf.exposure(["d"]).long_tail is None and str(shelf.exposure(["d"])) == "popularity unknown"
    whole = shelf.exposure()
    assert whole.long_tail == 0.5 and 0 < whole.gini < 1


def test_concentration_by_own_order_is_the_gini_coefficient():
    x = np.array([1.0, 2.0, 3.0, 10.0])
    by_pairs = np.abs(x[:, None] - x).sum() / (2 * len(x) ** 2 * x.mean())
    assert concentration(x, x) == pytest.approx(by_pairs)
    assert concentration(np.ones(5), np.arange(5)) == pytest.approx(0) and concentration(np.zeros(3), np.arange(3)) is None
    assert concentration(x, -x) == pytest.approx(-by_pairs)


def test_bm25_is_robertsons():
    texts = ["calm organ organ", "calm night", "über night", ""]
    bm25 = Bm25(texts)
    organ = bm25.scores("Organ!")
    idf, tf, length, mean = np.log(1 + (4 - 1 + 0.5) / (1 + 0.5)), 2, 3, 7 / 4
    assert organ[0] == pytest.approx(idf * tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * length / mean))) and not organ[1:].any()
    assert bm25.scores("uber")[2] > 0 and not bm25.scores("the of").any() and not bm25.scores("").any()
    assert Bm25(["Fire", "Owl"]).scores("fire")[0] > 0
    assert bm25.scores("night")[1] > 0 and not Bm25(["", ""]).scores("night").any()


def test_names_are_resolved_or_refused(shelf):
    assert resolve(shelf, "a") == ("track", "a") and resolve(shelf, "ana") == ("artist", "Ana")
    assert resolve(shelf, "slow organ") == ("track", "a") and resolve(shelf, "bela o") == ("artist", "Béla Ö")
    assert resolve(shelf, "Дом 🎺") == ("track", "f") and resolve(shelf, "日本") == ("artist", "日本")
    wrong = {"Owl": "2 tracks are called", "Slow Orgn": "did you mean", "": "no track or artist", "🎺": "no track or artist"}
    for name, said in wrong.items():
        with pytest.raises(InputError, match=said):
            resolve(shelf, name)


def test_an_empty_catalogue_is_refused():
    with pytest.raises(InputError, match="no track that can be recommended"):
        Shelf.of(Known([{"track_id": "x", "meta_title": "t", "silent": True}]))


def test_tracks_without_any_sound_or_words():
    bare = Shelf.of(Known([{"track_id": "x", "meta_title": None}, {"track_id": "y", "meta_title": None}]))
    assert [h.track_id for h in recommend(bare, read("slow jazz"))] == ["x", "y"]
    assert str(bare.exposure()) == "popularity unknown" and bare.names == Names()


def test_on_a_real_catalogue(catalog):
    shelf = Shelf.of(catalog)
    genres = shelf.column("meta_genre").to_pylist()
    first = next(g[0] for g in genres if g)
    hits = recommend(shelf, understand(shelf, f"{first} music"), limit=12)
    ranked = [bool(genres[shelf.index[h.track_id]]) and first in genres[shelf.index[h.track_id]] for h in hits]
    assert ranked[0] and ranked[: sum(ranked)] == [True] * sum(ranked), "tracks that are said to be it come first"
    assert {"attributes", "sound", "words"} <= hits[0].why.keys()
    assert recommend(shelf, understand(shelf, f"{first} music"), limit=12) == hits
    one = shelf.ids[0]
    alike = recommend(shelf, understand(shelf, ""), opinions=Opinions(liked={("track", one): 1.0}), limit=3)
    assert [h.track_id for h in alike] == [h.track_id for h in catalog.search(f"~track:{one}", limit=3)]
