"""Invented artists with a style of their own, and a grammar of names and titles with millions of outcomes."""

import random
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from mdialog import vocab
from mdialog.seeds import stdlib
from mdialog.synth.compose import Style
from mdialog.synth.genres import genres, instruments
from mdialog.synth.harmony import TONICS

YEARS = (1955, 2025)

# Where artists of a genre tend to come from; half of them come from anywhere.
_HOME = {
    "baroque": ("German", "Italian", "French", "Austrian"), "blues": ("American", "British"),
    "bossa nova": ("Brazilian",), "country": ("American",), "disco": ("American", "Italian", "French"),
    "drum and bass": ("British",), "folk": ("Irish", "Norwegian", "British", "Indian"), "funk": ("American",),
    "hip hop": ("American", "French", "Japanese"), "jazz": ("American", "Norwegian", "Cuban", "Polish"),
    "metal": ("Norwegian", "German", "British"), "polka": ("Czech", "Polish", "Austrian"), "reggae": ("Jamaican",),
    "rock": ("British", "American", "Argentine"), "tango": ("Argentine",), "techno": ("German", "Japanese"),
    "waltz": ("Austrian", "French", "Polish"), "ambient": ("British", "Japanese", "Norwegian"),
}  # fmt: skip

# First year in which anyone plays it here.
_SINCE = {"disco": 1973, "drum and bass": 1991, "funk": 1966, "hip hop": 1983, "metal": 1970, "reggae": 1967,
          "techno": 1986, "ambient": 1974, "rock": 1957, "bossa nova": 1958}  # fmt: skip

# Genres that share artists.
_NEAR = {
    "ambient": ("techno", "baroque"), "baroque": ("waltz", "folk"), "blues": ("rock", "jazz", "country"),
    "bossa nova": ("jazz",), "country": ("folk", "rock", "blues"), "disco": ("funk", "techno"),
    "drum and bass": ("techno", "hip hop"), "folk": ("country", "waltz"), "funk": ("disco", "hip hop", "jazz"),
    "hip hop": ("funk", "drum and bass"), "jazz": ("bossa nova", "blues", "funk"), "metal": ("rock",),
    "polka": ("waltz", "folk"), "reggae": ("funk", "hip hop"), "rock": ("metal", "blues", "country"),
    "tango": ("waltz", "jazz"), "techno": ("drum and bass", "ambient", "disco"), "waltz": ("tango", "polka", "baroque"),
}  # fmt: skip


@dataclass(frozen=True)
class Artist:
    """An invented artist.

    Parameters
    ----------
    name : str
    culture : str
        A value of the kind `culture`.
    style : Style
    genre : str
        The one of most of the artist's tracks.
    popularity : float in [0, 100]
        Centre of the popularity of the artist's tracks.
    since : int
        Year of the first album.
    """

    name: str
    culture: str
    style: Style
    genre: str
    popularity: float
    since: int


def make_artist(seed: int, index: int) -> Artist:
    """The artist of a number in the world of a seed.

    Genres go round, so that any 18 successive artists have all of them.
    """
    rng = stdlib(seed, "artist", index)
    order = list(genres())
    stdlib(seed, "genre order", index // len(order)).shuffle(order)
    genre = order[index % len(order)]
    home = _HOME[genre]
    culture = rng.choice(home) if rng.random() < 0.5 else rng.choice(vocab.load()["culture"].names)
    weights = {genre: 1.0}
    if rng.random() < 0.5:
        weights[rng.choice(_NEAR[genre])] = rng.uniform(0.15, 0.4)
    melodic = [n for n in instruments() if n not in ("bass", "choir", "synth pad")]
    spec = genres()[genre]
    favourites = {rng.choices(list(spec.leads), weights=list(spec.leads.values()))[0], rng.choice(melodic)}
    chordal = [n for n in melodic if instruments()[n].chords is not None and n != "distorted guitar"]
    style = Style(
        genres=weights,
        favourites=tuple(sorted(favourites)),
        accompaniment=(rng.choice(chordal),),
        tempo_bias=rng.uniform(-1.0, 1.0),
        minor_bias=rng.uniform(-0.35, 0.35),
        keys=tuple(rng.sample(TONICS, 3)),
        choir=rng.random() < 0.2,
    )
    since = rng.randint(max(YEARS[0], _SINCE.get(genre, YEARS[0])), YEARS[1] - 4)
    # Long-tailed: most artists are little known, a few are known to everyone.
    popularity = min(97.0, 6.0 + 16.0 * rng.paretovariate(1.6) - 16.0 + rng.uniform(0, 14))
    return Artist(
        name=random_artist_name(rng, culture=culture), culture=culture, style=style, genre=genre,
        popularity=round(popularity, 1), since=since,
    )  # fmt: skip


@cache
def _words() -> dict:
    return tomllib.loads(files(__package__).joinpath("artists.toml").read_text(encoding="utf-8"))


def random_person(rng: random.Random, *, culture: str) -> str:
    """A first and a last name from the syllables of a culture."""
    s = _words()["sounds"][culture]
    first = rng.choice(s["first"]) + rng.choice(s["mid"]) + rng.choice(s["end"])
    return f"{first} {rng.choice(s['last'])}{rng.choice(s['tail'])}"


def random_artist_name(rng: random.Random, *, culture: str | None = None) -> str:
    """An invented artist's name: of a person, a band, an ensemble; one to five words.

    Parameters
    ----------
    rng : random.Random
    culture : str, optional
        Whose syllables people's names are made of; any if None.
    """
    w = _words()
    culture = culture or rng.choice(sorted(w["sounds"]))
    person = random_person(rng, culture=culture)
    last = person.split()[-1]
    adjective, noun, other = rng.choice(w["adjectives"]), rng.choice(w["nouns"]), rng.choice(w["nouns"])
    number, group = rng.choice(w["numbers"]), rng.choice(w["groups"])
    shapes = (
        (10, person), (3, f"{person} & the {_plural(noun)}"), (3, f"{person} {group}"), (2, f"The {last} {group}"),
        (5, f"The {adjective} {_plural(noun)}"), (4, f"The {_plural(noun)}"), (6, f"{adjective} {noun}"),
        (4, f"{noun} {group}"), (3, f"{adjective} {noun} {group}"), (3, f"{noun} & {other}"), (3, f"{noun} {other}"),
        (2, f"{number} {_plural(noun)}"), (2, f"{noun} {rng.randint(2, 99)}"), (2, f"Café {last}"),
        (2, f"DJ {person.split()[0]}"), (2, f"{person.split()[0]} {noun}"), (2, person.split()[0] + last.lower()[:3]),
        (2, f"{number} O'Clock {noun}"), (1, f"{noun}.{other}".lower()), (1, f"St. {person.split()[0]} {group}"),
        (2, f"{rng.choice(w['verbs'])} {_plural(noun)}"), (1, f"{noun}, {other} & {last}"),
        (2, f"{rng.choice(w['places'])} {group}"), (1, f"{chr(rng.randint(65, 90))}. {last}"), (1, f"{noun}!"),
        (1, f"Los {last}s"), (1, f"{adjective} {rng.choice(w['days'])}"),
    )  # fmt: skip
    return _pick(rng, shapes)


def random_title(rng: random.Random) -> str:
    """An invented title of a track or album: one to eight words, some with digits, accents or punctuation.

    Keys occur in no title of this grammar (see `library.py` for those that lie about theirs).
    """
    w = _words()
    adjective, noun, other = rng.choice(w["adjectives"]), rng.choice(w["nouns"]), rng.choice(w["nouns"])
    verb, number, place = rng.choice(w["verbs"]), rng.choice(w["numbers"]), rng.choice(w["places"])
    form, colour, day = rng.choice(w["forms"]), rng.choice(w["colours"]), rng.choice(w["days"])
    first = random_person(rng, culture=rng.choice(sorted(w["sounds"]))).split()[0]
    shapes = (
        (9, f"{adjective} {noun}"), (4, f"The {adjective} {noun}"), (3, f"{noun}"), (6, f"{noun} of the {other}"),
        (4, f"{verb} the {noun}"), (3, f"{verb} {_plural(noun)} in {place}"), (3, f"{noun} and {other}"),
        (3, f"{number} {_plural(noun)}"), (2, f"No. {rng.randint(2, 40)} in {colour}"), (3, f"{form} for {first}"),
        (2, f"{form} No. {rng.randint(1, 24)}"), (2, f"{day} {noun}"), (2, f"{place}, {rng.randint(1931, 2019)}"),
        (2, f"Letter to {first}"), (2, f"{first}'s {noun}"), (2, f"{number} O'Clock {noun}"), (2, f"Café {first}"),
        (2, f"Don't {rng.choice(('Wake', 'Leave', 'Tell', 'Move', 'Blame'))} the {noun}"),
        (2, f"{verb} ({adjective} {noun})"), (2, f"Under the {adjective} {noun}"), (2, f"Where the {noun} Ends"),
        (2, f"{noun} / {other}"), (1, f"{noun}, {other}, {rng.choice(w['nouns'])}"), (2, f"A {noun} Without {_plural(other)}"),
        (2, f"{adjective} {noun}, Pt. {rng.choice(('I', 'II', '2', '3'))}"), (2, f"{verb} Again"), (1, f"{noun}?"),
        (2, f"{rng.randint(2, 59)} {rng.choice(('Miles', 'Minutes', 'Steps', 'Degrees'))} to {place}"),
        (2, f"Every {noun} Is a {other}"), (2, f"Before the {noun}"), (1, f"{form} in {colour}"),
        (2, f"{noun} ({rng.choice(('Reprise', 'Live', 'Version', 'Demo'))})"), (1, f"…and the {noun}"),
    )  # fmt: skip
    title = _pick(rng, shapes)
    return title.replace(" A A", " An A").replace("Is a A", "Is an A") if " a " in title else title


def _pick(rng: random.Random, shapes: tuple[tuple[int, str], ...]) -> str:
    return rng.choices([text for _, text in shapes], weights=[weight for weight, _ in shapes])[0]


def _plural(noun: str) -> str:
    if noun.endswith(("s", "x", "ch", "sh")):
        return noun + "es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + "s"
