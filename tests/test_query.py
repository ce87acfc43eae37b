import pytest

from mdialog import vocab
from mdialog.attributes import Attribute, to_query
from mdialog.errors import QueryError
from mdialog.query import KINDS, Interval, Predicate, Ranked, fold, parse, quote

INF = float("inf")


def predicate(text):
    (found,) = parse(text).predicates
    return found


def test_every_part_of_the_documented_example_is_read():
    text = 'genre:reggae tempo:>120 -vocal:male ~track:3f9a "warm organ over a slow groove"'
    query = parse(text)
    assert [(p.kind, p.options, p.negated) for p in query.predicates] == [
        ("genre", ("reggae",), False),
        ("tempo", (Interval(120, INF, low_open=True),), False),
        ("vocal", ("male",), True),
    ]
    assert [(r.target, r.value, r.sign) for r in query.ranked] == [
        ("track", "3f9a", 1),
        ("text", "warm organ over a slow groove", 1),
    ]
    spots = [text[slice(*term.span)] for term in (*query.predicates, *query.ranked)]
    assert " ".join(spots) == text


@pytest.mark.parametrize(
    ("text", "holds", "holds_not"),
    [
        ("tempo:>120", [120.1, 300], [120, 0]),
        ("tempo:>=120", [120], [119.9]),
        ("tempo:<90", [89.9], [90]),
        ("tempo:<=90", [90], [90.1]),
        ("tempo:90..120", [90, 120], [89.9, 120.1]),
        ("tempo:120", [116, 124], [115, 125]),
        ("year:1994", [1994], [1993, 1995]),
        ("year:=1994", [1994], [1993, 1995]),
        ("year:1990s", [1990, 1999], [1989, 2000]),
        ("year:90s", [1990, 1999], [1989, 2000]),
        ("year:20s", [2020, 2029], [1920]),
        ("energy:.5..1", [], []),
        ("energy:0.5", [0.5], [0.51]),
        ("popularity:popular", [65, 100], [64.9]),
    ],
)
def test_numbers(text, holds, holds_not):
    if text == "energy:.5..1":  # a number begins with a digit
        with pytest.raises(QueryError):
            parse(text)
        return
    (interval,) = predicate(text).options
    assert all(x in interval for x in holds)
    assert not any(x in interval for x in holds_not)


def test_ways_to_write_a_value_are_one():
    ways = ("genre:bossa_nova", 'genre:"bossa nova"', "genre:bossa", 'genre:"  Bossa   NOVA "', "genre:“bossa nova”")
    assert {predicate(text).options for text in ways} == {("bossa nova",)}
    assert predicate("key:Eb_major").options == predicate('key:"D# major"').options == ("d# major",)


def test_alternatives_sources_and_flag():
    query = parse('-meta.genre:( reggae|"bossa nova" |funk) heard.vocal:choir or-unknown')
    assert query.predicates[0].options == ("reggae", "bossa nova", "funk")
    assert [(p.source, p.negated) for p in query.predicates] == [("meta", True), ("heard", False)]
    assert query.or_unknown and not parse("genre:funk").or_unknown
    mixed = predicate("tempo:(slow|>150)").options
    assert mixed == ("slow", Interval(150, INF, low_open=True))


def test_bare_words_join_and_signs_part():
    query = parse('warm genre:funk organ -"harsh noise" -drums -~artist:"O\'Brien, Ann" ~track:ab')
    assert {(r.target, r.value, r.sign) for r in query.ranked} == {
        ("text", "warm organ", 1),
        ("text", "harsh noise", -1),
        ("text", "drums", -1),
        ("artist", "O'Brien, Ann", -1),
        ("track", "ab", 1),
    }


@pytest.mark.parametrize(
    "value",
    ["O'Brien", '"); --', 'say "no"', "back\\slash", "a|b", "(x)", "-x", "~x", "a:b", "ſtraße", "“curly”", "日本語 の歌"],
)
def test_any_value_survives_quoting(value):
    assert predicate(f"artist:{quote(value)}").options == (fold(value),)
    (term,) = parse(f"~artist:{quote(value)}").ranked
    assert term == Ranked("artist", value, 1, term.span)


@pytest.mark.parametrize(
    ("text", "spot", "says"),
    [
        ("tempo:>90 genre:regae", "regae", ["'regae' is no genre", "did you mean 'reggae'?", "techno"]),
        ("gener:reggae", "gener", ["did you mean 'genre'?", "instrument", "quotes"]),
        ("metta.genre:jazz", "metta", ["did you mean 'meta'?", "heard", "measured"]),
        ("measured.genre:jazz", "measured", ["valid: meta, heard"]),
        ("tempo:>abc", ">abc", ["a number", "slow, moderate"]),
        ("tempo:120..90", "120..90", ["smaller number comes first"]),
        ("tempo:slo", "slo", ["did you mean 'slow'?"]),
        ("year:old", "old", ["a decade: 1990s"]),
        ("year:1994s", "1994s", ["decade"]),
        ("year:", " ", ["a value must follow year:"]),
        ("genre:(reggae|", " ", ["a value must follow"]),
        ("genre:(reggae", "(", ["alternatives"]),
        ("genre:reggae|funk", "|", ["brackets"]),
        ('x "abc', '"', ["not closed"]),
        ('""', '""', ["empty"]),
        ("~genre:jazz", "genre:", ["~track:, ~artist:"]),
        ("jazz ~", "~", ["~track:"]),
        ("~x", "~", ["~track:"]),
        ("--x", "-x", ["a term starts here"]),
        ("-", " ", ["a term starts here"]),
        ("a )", ")", ["a term starts here"]),
        ("user:me", "user", ["'user' is no kind"]),
    ],
)
def test_a_mistake_names_the_spot_the_rule_and_the_valid_values(text, spot, says):
    with pytest.raises(QueryError) as error:
        parse(text)
    shown, carets, rule = str(error.value).split("\n")
    assert shown == text
    start, width = carets.index("^"), carets.count("^")
    assert (text + " ")[start : start + width].startswith(spot[:width])
    assert all(part in rule for part in says), rule


def test_values_that_only_a_catalogue_holds():
    with pytest.raises(QueryError):
        parse("genre:zydeco")
    query = parse("genre:Zydeco", known=lambda kind: {"zydeco"} if kind == "genre" else set())
    assert query.predicates[0].options == ("zydeco",)
    with pytest.raises(QueryError, match="zydeco"):
        parse("genre:zideco", known=lambda kind: {"zydeco"})


def test_attributes_of_plans_are_queries():
    v = vocab.load()
    for kind in v.attribute_kinds:
        if kind not in KINDS:
            continue
        for value in v[kind].names if kind in v else ("1990s",) if kind == "year" else ("Some Name",):
            for polarity in ("want", "avoid"):
                attribute = Attribute(kind, value, polarity)
                assert Attribute.parse(str(attribute)) == attribute
                found = predicate(to_query([attribute]))
                assert isinstance(found, Predicate)
                assert (found.kind, found.negated) == (kind, polarity == "avoid")
    likes = [Attribute("track", "ab12", "like"), Attribute("artist", 'A "B" C', "like")]
    text = to_query([Attribute("genre", "bossa nova"), *likes])
    assert [str(r) for r in parse(text).ranked] == ["~track:ab12", '~artist:"A "B" C"']


def test_nothing_is_a_query_for_everything():
    assert parse("  \n ").predicates == parse("").ranked == ()
