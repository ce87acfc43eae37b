"""Invented artists and names."""

import random

import numpy as np

from mdialog import vocab
from mdialog.synth.artists import YEARS, _words, make_artist, random_artist_name, random_title
from mdialog.synth.genres import instruments


def test_artists_are_the_same_every_time_and_of_the_vocabulary():
    artists = [make_artist(3, i) for i in range(180)]
    assert artists == [make_artist(3, i) for i in range(180)]
    assert make_artist(4, 0) != artists[0]
    v = vocab.load()
    for start in range(0, 180, 18):
        assert {a.genre for a in artists[start : start + 18]} == set(v["genre"].names)
    for a in artists:
        assert a.culture in v["culture"] and set(a.style.genres) <= set(v["genre"].names)
        assert set(a.style.favourites) <= set(instruments()) and YEARS[0] <= a.since <= YEARS[1]
    popularity = np.array([a.popularity for a in artists])
    assert popularity.min() >= 0 and popularity.max() <= 100
    assert np.mean(popularity < 30) > 0.5 and np.any(popularity > 65)


def test_names_hardly_repeat_and_vary_in_shape():
    rng = random.Random(1)
    artists = [random_artist_name(rng) for _ in range(5000)]
    titles = [random_title(rng) for _ in range(5000)]
    for names, most in ((artists, 5), (titles, 8)):
        assert len(set(names)) > 0.93 * len(names)
        words = [len(n.split()) for n in names]
        assert min(words) == 1 and max(words) <= most and len(set(words)) >= 4
        assert all(n == n.strip() and "  " not in n for n in names)
        for sign in "'&éü5":
            assert any(sign in n for n in artists + titles), sign


def test_names_say_nothing_about_the_sound():
    """A name that holds a word of an audible kind would pass for a claim."""
    audible = {w.casefold() for k in vocab.load() if k.audible for x in k.values for w in (x.name, *x.words)}
    words = _words()
    for name, pool in words.items():
        if name != "sounds":
            assert not audible & {w.casefold() for w in pool}, name
