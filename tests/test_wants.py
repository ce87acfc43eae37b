"""Wishes in plain language: what is wanted, what is not, like what; nothing is dropped in silence."""

import pytest

from mdialog import vocab
from mdialog.mentions import Names, mentions
from mdialog.query import parse
from mdialog.wants import Want, nearest, read

NAMES = Names.of(["The Atlases", "Rooftop Bureau", "Wire", None, "Café Pérez"], ["Winter Platform", "Cabin?", "Rain", "???"])


def terms(text, **more):
    return [str(w) for w in read(text, names=NAMES, **more).wants]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("slow jazz for a rainy day, but no piano", ["tempo:slow", "genre:jazz", "theme:rainy day", "-instrument:piano"]),
        ("no drums, bass or choir, just a calm flute",
         ["-instrument:drums", "-instrument:bass", "-vocal:choir", "mood:calm", "instrument:flute"]),
        ("nothing with drums and a flute", ["-instrument:drums", "instrument:flute"]),
        ("no sad songs and a choir", ["-mood:melancholic", "vocal:choir"]),
        ("quiet music, not jazz or blues, with piano", ["energy:low", "-genre:jazz", "-genre:blues", "instrument:piano"]),
        ("not too fast, please", ["-tempo:fast|very fast"]),
        ("not only jazz", ["genre:jazz"]),
        ("I can't get enough of reggae", ["genre:reggae"]),
        ("nothing but blues or jazz", ["genre:blues|jazz"]),
        ("anything but polka", ["-genre:polka"]),
        ("I don't want metal, I want folk", ["-genre:metal", "genre:folk"]),
        ("without drums. With a cello", ["-instrument:drums", "instrument:cello"]),
        ("no, calm music", ["mood:calm"]),
        ("less sad", ["-mood:melancholic"]),
        ("instead of techno, disco", ["-genre:techno", "genre:disco"]),
    ],
)  # fmt: skip
def test_polarity(text, said):
    assert terms(text) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("guitar", ["instrument:acoustic guitar|electric guitar|distorted guitar"]),
        ("calm piano and a flute", ["mood:calm", "instrument:piano", "instrument:flute"]),
        ("a Rhodes", ["instrument:electric piano"]),
        ("very fast drum and bass", ["tempo:very fast", "genre:drum and bass"]),
        ("from the eighties or the 90s", ["year:1980s|1990s"]),
        ("music from the 2000s", ["year:2000s"]),
        ("around 120 bpm", ["tempo:=120"]),
        ("over 140 BPM", ["tempo:>140"]),
        ("less than 100 bpm", ["tempo:<100"]),
        ("fewer than a hundred beats per minute", ["tempo:<100"]),
        ("no more than 100 bpm", ["tempo:<=100"]),
        ("at most 90 bpm", ["tempo:<=90"]),
        ("don't go over 120 bpm", ["tempo:<=120"]),
        ("nothing over 120 bpm", ["-tempo:>120"]),
        ("140 bpm or more", ["tempo:>=140"]),
        ("between 100 and 120 bpm, or 60-80 bpm", ["tempo:100..120|60..80"]),
        ("120 to 100 bpm", ["tempo:100..120"]),
        ("songs from 1985", ["year:1985"]),
        ("1985 or 1986", ["year:1985|1986"]),
        ("from 1985 to 1980", ["year:1980..1985"]),
        ("from 1990 up to 2000", ["year:1990..2000"]),
        ("after 1990 and before 2000", ["year:>1990", "year:<2000"]),
        ("before 1995 and after 1980", ["year:<1995", "year:>1980"]),
        ("songs from 1985 on", ["year:>=1985"]),
        ("songs from 1985 on paper", ["year:1985"]),
        ("from before 1990, or since 2010", ["year:<1990|>=2010"]),
        ("nothing from 1985", ["-year:1985"]),
        ("older than the 60s", ["year:<1960"]),
        ("since the 1990s", ["year:>=1990"]),
        ("2000 bpm and 1990s", ["year:1990s"]),
        ("in C minor", ["key:C minor"]),
        ("in a minor key", ["mode:minor"]),
        ("in A minor", ["key:A minor"]),
        ("for driving at night with friends", ["theme:driving", "theme:party|dinner"]),
        ("hits for the gym", ["popularity:popular", "theme:workout"]),
        ("it is pouring: a storm", ["theme:rainy day|sleep"]),
        ("calm, calm and again CALM", ["mood:calm"]),
    ],
)  # fmt: skip
def test_values(text, said):
    assert terms(text) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("something like The Atlases but faster", ["~artist:The Atlases", "tempo:more of it"]),
        ("something like the atlases, without drums", ["~artist:The Atlases", "-instrument:drums"]),
        ("something by Rooftop Bureau", ["artist:Rooftop Bureau"]),
        ("nothing by Rooftop Bureau", ["-artist:Rooftop Bureau"]),
        ("not like Winter Platform", ["-~track:Winter Platform"]),
        ('play "Cabin?"', ["track:Cabin?"]),
        ("rain", ["theme:rainy day|sleep"]),  # a title of one word may be any word
        ("something like Rain", ["~track:Rain"]),
        ("songs by cafe perez", ["artist:Café Pérez"]),  # nobody types accents
        ("wire music", []),
        ("in the style of Wire", ["~artist:Wire"]),
    ],
)
def test_names(text, said):
    assert terms(text) == said


def test_what_is_not_known_is_said():
    wish = read('like Radiohead and "No Such Song", bouncy and hum-along', names=NAMES)
    assert wish.unknown == ("Radiohead", "No Such Song") and wish.unread == ("bouncy", "hum")
    said = "\n".join(wish.understood())
    assert all(word in said for word in ("Radiohead", "No Such Song", "bouncy", "hum"))
    assert read("something to cry to, by the fire").unread == ("cry", "fire")
    assert not read("like Jazz").unknown  # a word of the vocabulary is no name


@pytest.mark.parametrize(
    "text", ["", "   ", "!?", "\n", "日本の歌 🎺 für Regen", "no", "not without", '"', "''", "a" * 5000, "_ ~ \x00"]
)
def test_ugly_wishes_are_read(text):
    wish = read(text, names=NAMES)
    assert wish.text == text and all(text[w.start : w.end].strip() == w.words for w in wish.wants)


def test_every_synonym_of_the_vocabulary_is_read():
    missed = []
    for kind in vocab.load():
        for value in kind.values if kind.attribute else ():
            for word in value.words:
                wants = read(f"music for {word}" if kind.name == "theme" else f"music, {word}").wants
                if not any(w.kind == kind.name and value.name in w.values for w in wants):
                    missed.append(word)
    assert missed == ["known"]  # "nothing too known" means what is well known


def test_numbers_are_read_into_the_query_language():
    for text in ("under 90 bpm", "between 120 and 100 bpm", "up to a hundred bpm", "from 1985 to 1980", "pre-1980s", "1990"):
        for want in read(text).wants:
            assert parse(f"{want.kind}:{want.values[0]}").predicates


def test_words_are_counted_once():
    for text in ("very fast drum and bass with electric piano for a long drive, nothing too famous, like The Atlases"):
        wants = read(text, names=NAMES).wants
        assert all(a.end <= b.start for a, b in zip(wants, wants[1:], strict=False))


@pytest.mark.parametrize(
    ("text", "lean"),
    [("nothing too famous", -1), ("hidden gems", -1), ("no hits", -1), ("hits", 1), ("nothing obscure", 1), ("jazz", 0),
     ("a hit, but not famous", 0)],
)  # fmt: skip
def test_popularity_leans(text, lean):
    assert read(text).lean == lean


def test_text_for_likeness_holds_nothing_unwanted():
    wish = read("slow jazz like The Atlases, no drums, nothing too famous, bouncy", names=NAMES)
    assert "slow jazz" in wish.wanted_text and "bouncy" in wish.wanted_text
    assert not any(word in wish.wanted_text for word in ("drums", "famous", "Atlases", "no"))
    assert read("no drums").wanted_text == "" and read("").wanted_text == ""


def test_contexts_without_words_are_guessed_once_and_marked():
    asked = []

    def near(phrase):
        asked.append(phrase)
        return Want("theme", ("dinner",)) if "fondue" in phrase else None

    wish = read("jazz for a fondue, while knitting, for a long drive", near=near)
    assert asked == ["a fondue", "knitting"]
    assert [(str(w), w.basis) for w in wish.wants] == [
        ("genre:jazz", "words"), ("theme:dinner", "likeness"), ("theme:driving", "words")]  # fmt: skip
    assert wish.unread == ("knitting",)


def test_nearest_is_sure_or_silent(catalog):
    assert str(nearest(catalog.clap, "a lullaby for my baby")) == "theme:sleep"
    assert nearest(catalog.clap, "xyzzy") is None


def test_mentions_do_not_overlap_and_prefer_the_longest():
    names = Names.of(["River", "River Stone"], ["Stone"])
    found = mentions("like River Stone", names)
    assert [(m.kind, m.name, m.like) for m in found] == [("artist", "River Stone", True)]
    assert mentions("", Names()) == []
