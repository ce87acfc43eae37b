"""Figures of diversity on texts whose answer is known, and invariants on any text."""

import math

import numpy as np
import pytest

from mdialog.evaluate import diversity as d

LINES = [f"word{i} and word{i + 1} with some more of word{i % 7}" for i in range(400)]
UGLY = ["", "   ", "!!!", "Ünïcödé 日本語 – ok", "a" * 5000, "one", "ONE", "line\nbreak\ttab"]


def test_distinct_of_known_texts():
    # a b a b: two of four words differ, two of three pairs (ab, ba), two of two triples (aba, bab).
    assert d.distinct(["a b a b"], budget=4) == pytest.approx({"1": 2 / 4, "2": 2 / 3, "3": 1.0})
    assert d.distinct(["a b", "A B"], budget=4) == pytest.approx({"1": 2 / 4, "2": 1 / 2, "3": 0.0})


def test_distinct_needs_its_budget_and_cuts_at_it():
    assert d.distinct(["a b c"], budget=4) is None
    assert d.distinct(["a a a a b c d e"], budget=4) == pytest.approx({"1": 1 / 4, "2": 1 / 3, "3": 1 / 2})


def test_distinct_falls_with_the_budget_and_depends_on_the_seed_alone():
    shares = [d.distinct(LINES, budget=b)["2"] for b in (100, 500, 3000)]
    assert shares == sorted(shares, reverse=True) and shares[-1] > 0
    assert d.distinct(LINES, budget=500, seed=3) == d.distinct(LINES, budget=500, seed=3)
    assert d.distinct(LINES, budget=500, seed=3) != d.distinct(LINES, budget=500, seed=4)


def test_self_bleu_of_known_texts():
    assert d.self_bleu(["a b c d e"] * 5) == pytest.approx(1)
    assert d.self_bleu(["a b c d", "e f g h"]) == 0
    assert d.self_bleu(["a b c d"]) is None and d.self_bleu(["a b c", "", " "]) is None


def test_self_bleu_by_hand():
    # Each has three of four words, one of three pairs, none of two triples and of one quadruple; add one above order one.
    by_hand = math.exp((math.log(3 / 4) + math.log(2 / 4) + math.log(1 / 3) + math.log(1 / 2)) / 4)
    assert d.self_bleu(["a b c d", "a b d x"]) == pytest.approx(by_hand)
    # Two words against three: a brevity penalty of exp(1 - 3/2); three against two: none.
    short, long = math.exp(1 - 3 / 2), math.exp((math.log(2 / 3) + math.log(2 / 3) + math.log(1 / 2)) / 3)
    assert d.self_bleu(["a b", "a b c"]) == pytest.approx((short + long) / 2)


def test_self_bleu_clips_by_the_richest_of_the_other_texts():
    # "a" stands twice in the first; of the others one has it twice, so both count.
    one = d.self_bleu(["a a", "a a b", "a c d e f g h"])
    assert one > d.self_bleu(["a a", "a b b", "a c d e f g h"])


def test_vendi_is_one_for_the_same_and_n_for_the_orthogonal():
    assert d.vendi_score(np.tile([1.0, 2.0, 3.0], (7, 1))) == pytest.approx(1)
    assert d.vendi_score(np.eye(6) * [[1], [2], [3], [4], [5], [6]]) == pytest.approx(6)
    assert d.vendi_score(np.repeat(np.eye(3), 4, axis=0)) == pytest.approx(3)
    wide = np.random.default_rng(0).normal(size=(20, 50))
    assert d.vendi_score(wide) == pytest.approx(d.vendi_score(np.pad(wide, ((0, 0), (0, 9)))))
    assert d.vendi_score(wide[:, :5]) <= 5 + 1e-6


@pytest.mark.parametrize("bad", [np.zeros((0, 3)), np.array([[1.0, 0.0], [0.0, 0.0]])])
def test_vendi_refuses_what_has_no_cosine(bad):
    with pytest.raises(ValueError, match="no Vendi score"):
        d.vendi_score(bad)


def test_tfidf_tells_texts_apart():
    same, other = d.tfidf(["a slow flute", "a slow flute", "zzz qqq"]), d.tfidf(["?", "ok", "日本"])
    assert same[0] @ same[1] == pytest.approx(1) and abs(same[0] @ same[2]) < 1e-6
    assert np.linalg.norm(other, axis=1) == pytest.approx(1)
    assert d.vendi_score(same) == pytest.approx(d.vendi_score(np.array([[1, 0], [1, 0], [0, 1]])))


def test_exact_repeats_are_those_of_an_earlier_one():
    assert d.exact_repeats(["a", "b", "a", "a"]) == 0.5
    assert d.exact_repeats(["a", "A"]) == 0 and d.exact_repeats([]) == 0


def test_near_repeats_see_through_case_punctuation_and_order():
    assert d.near_repeats(["Thanks, I like it!", "i like it… THANKS", "No more drums"]) == pytest.approx(1 / 3)
    # Four words of five in common: .8 is near; three of five is not.
    assert d.near_repeats(["a b c d", "a b c d e"]) == 0.5
    assert d.near_repeats(["a b c d", "a b c e"]) == 0
    assert d.near_repeats(["only one"]) == 0


def test_near_repeats_do_not_depend_on_the_blocks():
    texts = [f"text number {i} of its own kind {i * 7}" for i in range(1100)] + ["text number 3 of its own kind 21!"]
    assert d.near_repeats(texts) == pytest.approx(1 / len(texts))


def test_shared_words_are_those_of_the_sets(monkeypatch):
    monkeypatch.setattr(d, "BLOCK", 3)
    texts = ["", *LINES[:10], *UGLY, "…"]
    held = [set(d.words(text)) for text in texts]
    seen = []
    for start, both, either in d.shared_words(texts):
        seen += range(start, start + len(both))
        for i, own in enumerate(held[start : start + len(both)]):
            assert both[i].tolist() == [len(own & other) for other in held]
            assert either[i].tolist() == [len(own | other) for other in held]
    assert seen == [*range(len(texts))] and list(d.shared_words([])) == []


def test_exact_repeats_are_near_repeats():
    texts = UGLY + LINES[:50] + LINES[:20]
    assert d.near_repeats(texts) >= d.exact_repeats(texts) > 0


def test_openings_of_known_texts():
    share, most = d.openings(["I would like jazz", "i would, like rock", "Play it", "Now then, what?"])
    assert share == 1 and most[0] == ("i would like", 0.5)
    share, _ = d.openings([f"opening {i} here" for i in range(100)])
    assert share == pytest.approx(0.1)
    assert d.openings([]) == (0, ())


@pytest.mark.parametrize(
    ("text", "names", "masked"),
    [
        ('I love "Blue Hour" by The Lamps.', ["Blue Hour", "The Lamps"], "I love <name> by <name>."),
        ("play hotel california, please", ["Hotel California"], "play <name>, please"),
        ("Hey Ya! is great", ["Hey Ya! (Radio Mix)"], "<name> is great"),
        ("You like change? Change is good", ["You", "Change"], "You like change? <name> is good"),
        ("Ötzi & Söhne, or Ötzi", ["Ötzi", "Ötzi & Söhne"], "<name>, or <name>"),
        ("Lampshade", ["Lamps"], "Lampshade"),
        ("A+B (live) and *", ["A+B (live)", "*", "", "()"], "<name> and *"),
        ("Ana Sol's 'Blue Hour'", ["Ana Sol", "Blue Hour"], "<name>'s <name>"),
        ("nothing", [], "nothing"),
    ],
)
def test_mask(text, names, masked):
    assert d.mask(text, names) == masked


def test_masking_leaves_one_token_a_name():
    text = d.mask('First "The Long Way Home", then The Lamps', ["The Long Way Home", "The Lamps"])
    assert d.tokens(text) == ["first", "<name>,", "then", "<name>"]


def test_every_figure_stands_on_ugly_texts():
    found = d.measure(UGLY, UGLY, compared=range(len(UGLY)), vendi={})
    assert found.n_utterances == len(UGLY) and found.distinct == {"1500": None, "8000": None} and found.curve == ()
    assert 0 <= found.self_bleu <= 1 and 0 <= found.exact_repeats <= found.near_repeats < 1
    nothing = d.measure([], [], compared=[], vendi={})
    assert (nothing.n_tokens, nothing.self_bleu, nothing.words, nothing.lengths) == (0, None, None, ())


def test_a_measure_holds_what_its_parts_give():
    found = d.measure(LINES, LINES, compared=range(50), vendi={"x": 2.0})
    assert found.n_compared == found.n_sampled == 50 and found.vendi == {"x": 2.0}
    assert found.distinct["1500"] == d.distinct(LINES, budget=1500) and found.distinct["8000"] is None
    assert dict(found.curve)[1500] == found.distinct["1500"]["2"] and max(dict(found.curve)) <= found.n_tokens
    assert sum(n for _, n in found.lengths) == 400 and found.words.mean == found.n_tokens / 400
