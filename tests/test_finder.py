import random

import pursuits
import pytest

from mdialog.attributes import Attribute
from mdialog.errors import QueryError
from mdialog.finder import Finder, joined, without
from mdialog.query import fold
from mdialog.recipes.audio_dialogue import values_of
from mdialog.snapshot import Snapshot, unpack


@pytest.fixture(scope="module")
def finder(tmp_path_factory):
    catalog = pursuits.catalog(tmp_path_factory.mktemp("finder"))
    return Finder(catalog, Snapshot.of(catalog))


def texts(terms):
    return [term.text for term in terms]


@pytest.mark.parametrize(
    "text",
    ["", " ", "some reggae, please", "genre:reggae please", "genre:zydeco", "kind:x", "genre:", '"open', "~artist:Nobody",
     "~track:zzz", "or-unknown", "\u2028", "日本語"],
)  # fmt: skip
def test_what_is_no_query_is_refused(finder, text):
    with pytest.raises(QueryError):
        finder.read(text)


def test_a_query_is_read_term_by_term(finder):
    terms = finder.read('genre:reggae -instrument:flute ~artist:"Nakamo 3" "a warm organ"')
    assert texts(terms) == ["genre:reggae", "-instrument:flute", '~artist:"Nakamo 3"', '"a warm organ"']
    reggae, no_flute = Attribute("genre", "reggae"), Attribute("instrument", "flute", "avoid")
    assert [term.wishes for term in terms] == [[reggae], [no_flute], [], []]


@pytest.mark.parametrize(
    ("text", "once"),
    [
        ("theme:dinner mood:calm theme:dinner", ["theme:dinner", "mood:calm"]),
        ("genre:jazz genre:JAZZ -genre:jazz", ["genre:jazz", "-genre:jazz"]),
        ('"warm" "warm" mood:calm', ['"warm"', "mood:calm"]),
    ],
)
def test_what_is_asked_for_twice_is_one_term(finder, text, once):
    assert texts(finder.read(text)) == once


def test_terms_of_attributes_mean_the_same_as_the_query_in_other_words(finder):
    own = finder.terms_of([Attribute("tempo", "very fast"), Attribute("genre", "jazz", "avoid")])
    other = finder.read('-genre:JAZZ tempo:"Very  fast"')
    assert {t.meaning for t in own} == {t.meaning for t in other} and finder.terms_of([]) == ()


def test_the_pool_is_what_satisfies_every_term(finder):
    snapshot = finder.snapshot
    values = {t: {(k, fold(v)) for k, vs in values_of(snapshot, t).items() for v in vs} for t in range(len(snapshot))}
    rng = random.Random(0)
    for _ in range(60):
        wishes = [Attribute(*v, rng.choice(("want", "avoid"))) for v in rng.sample(snapshot.values, rng.randint(1, 3))]
        fits = [t for t in values if all(((a.kind, fold(a.value)) in values[t]) == (a.polarity == "want") for a in wishes)]
        assert unpack(finder.pool(finder.terms_of(wishes))).tolist() == fits
    assert len(unpack(finder.pool(()))) == len(snapshot)


@pytest.mark.parametrize(
    ("earlier", "later", "both"),
    [
        ("tempo:slow genre:jazz", "tempo:fast", "genre:jazz tempo:fast"),  # one tempo
        ("instrument:flute", "instrument:cello", "instrument:flute instrument:cello"),  # several instruments
        ("instrument:flute", "-instrument:flute", "-instrument:flute"),
        ("-genre:jazz", "genre:jazz", "genre:jazz"),
        ("-tempo:slow", "-tempo:fast", "-tempo:slow -tempo:fast"),
        ("-tempo:slow", "tempo:fast", "-tempo:slow tempo:fast"),
        ('~artist:"Nakamo 1" "warm"', '~artist:"Nakamo 2"', '"warm" ~artist:"Nakamo 2"'),
        ("genre:jazz", "genre:jazz", "genre:jazz"),
    ],
)
def test_a_later_query_overrides_what_it_speaks_of(finder, earlier, later, both):
    assert texts(joined(finder.read(earlier), finder.read(later))) == texts(finder.read(both))


def test_what_is_taken_back_goes(finder):
    terms = finder.read("genre:jazz -instrument:flute instrument:cello")
    left = without(terms, finder.terms_of([Attribute("instrument", "flute", "avoid"), Attribute("genre", "reggae")]))
    assert texts(left) == ["genre:jazz", "instrument:cello"]


@pytest.mark.parametrize("query", ["", '~artist:"Nakamo 3"', 'genre:jazz "a warm organ"'])
@pytest.mark.parametrize(("liked", "refused"), [((), ()), ((5,), ()), ((4, 8), (0, 1))])
def test_the_best_are_of_the_free_tracks_and_the_same_again(finder, query, liked, refused):
    terms = finder.read(query) if query else ()
    free = finder.pool(terms) & ~finder.snapshot.mask([*liked, *refused])
    found = finder.best(free, terms, n=4, liked=liked, refused=refused, rng=random.Random(3))
    assert found == finder.best(free, terms, n=4, liked=liked, refused=refused, rng=random.Random(3))
    assert len(set(found)) == 4 and set(found) <= set(unpack(free).tolist())


def test_what_is_liked_draws_and_what_is_refused_repels(finder):
    # Tracks of one genre sound alike in this catalogue.
    toward = finder.best(finder.playable, (), n=4, liked=(0, 3), refused=(), rng=random.Random(0))
    away = finder.best(finder.playable, (), n=4, liked=(), refused=(0, 3), rng=random.Random(0))
    assert {t % 3 for t in toward} == {0} and 0 not in {t % 3 for t in away}
