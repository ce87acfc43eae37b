"""Match: ranks the tracks of a catalogue for a wish, by what is known of them, by words and by sound together.

The score of a track is a sum of parts, each in standard deviations and times its weight (:class:`Weights`):

============== =====================================================================================================
``attributes`` how many wants it satisfies, as far as the catalogue can tell: metadata before measured before heard
``sound``      likeness of its sound to the text of what is wanted (CLAP), against the stored background
``words``      BM25 of the wish over its metadata's words and descriptions
``liked``      likeness of its sound to what is liked, and ``disliked`` away from what is not (Rocchio 1971)
``popularity`` how well known it is among the catalogue's tracks
============== =====================================================================================================
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow.compute as pc

from mdialog.errors import InputError
from mdialog.filters import SEPARATOR
from mdialog.mentions import plain
from mdialog.query import NUMBER_SOURCES, WORD_SOURCES, Interval, did_you_mean, fold
from mdialog.query import parse as parse_query
from mdialog.search import Hit
from mdialog.shelf import Shelf, column_of, standardised
from mdialog.wants import Want, Wish, nearest, read

LEAST_CHANGE = 0.05  # share by which "faster" than a track must be faster
MOST_Z = 3.0  # one rare word in a title must not decide alone


@dataclass(frozen=True)
class Trust:
    """How likely a track has a value where a source says so, and where it says something else.

    Parameters
    ----------
    yes, no : float in [0, 1]
    """

    yes: float
    no: float


@dataclass(frozen=True)
class Weights:
    """What each part counts; chosen by ``scripts/evaluate_matching.py --fit`` on simulated seekers of another catalogue than
    the one that is reported. `named` and `likeness` are set by hand: those seekers name nothing and say nothing in other words.

    Parameters
    ----------
    attributes, sound, words, liked, disliked : float
        A standard deviation of each part.
    lean : float
        A standard deviation of popularity, where the wish leans to one side of it.
    avoid : float
        An unwanted attribute, beside 1 for a wanted one.
    named : float
        An artist or title that is asked for, beside 1 for another attribute.
    context, likeness : float
        A want that was read from a context or guessed, beside 1 for one that was said.
    trust : mapping of (source, kind) to Trust
        ``(source, "")`` for the kinds not listed. Counted on rendered music, whose truth is known, with clap-mini.
    """

    attributes: float = 3.0
    sound: float = 0.35
    words: float = 0.1  # seekers read no texts: they tell 0, .1 and .25 apart by less than .001
    liked: float = 1.0
    disliked: float = 0.3
    lean: float = 1.0
    avoid: float = 2.5
    named: float = 3.0
    context: float = 1.0
    likeness: float = 0.4
    trust: Mapping[tuple[str, str], Trust] = field(default_factory=lambda: {
        ("meta", ""): Trust(0.95, 0.05),  # rendered libraries are tagged better than people's: not counted
        ("measured", ""): Trust(0.9, 0.05),
        ("measured", "tempo"): Trust(0.91, 0.1),
        ("measured", "energy"): Trust(0.81, 0.23),
        ("measured", "mode"): Trust(0.99, 0.01),
        ("heard", ""): Trust(0.5, 0.1),
        ("heard", "genre"): Trust(0.9, 0.014),
        ("heard", "mood"): Trust(0.87, 0.06),
        ("heard", "theme"): Trust(0.66, 0.04),
        ("heard", "instrument"): Trust(0.94, 0.09),
    })  # fmt: skip


WEIGHTS = Weights()


@dataclass(frozen=True)
class Opinions:
    """What someone likes and does not, with how much each counts.

    Parameters
    ----------
    liked, disliked : mapping of (kind, value) to float
        ``("track", id)`` or ``("artist", name)`` to a weight in (0, 1]. What is disliked never comes, whatever its weight.
    """

    liked: Mapping[tuple[str, str], float] = field(default_factory=dict)
    disliked: Mapping[tuple[str, str], float] = field(default_factory=dict)


NO_OPINIONS = Opinions()


def understand(shelf: Shelf, text: str) -> Wish:
    """A wish as the catalogue can read it: with its names, and contexts guessed by its CLAP."""
    return read(text, names=shelf.names, near=lambda phrase: nearest(shelf.catalog.clap, phrase))


def resolve(shelf: Shelf, name: str) -> tuple[str, str]:
    """The track or artist that a name on the command line means: an id or the start of one, an artist, a title.

    Returns
    -------
    kind, value : str
        ``("track", id)`` or ``("artist", name)``.

    Raises
    ------
    InputError
        If there is none, or several tracks share the title.
    """
    if name in shelf.index:
        return "track", name
    if plain(name) in shelf.names.artists:
        return "artist", shelf.names.artists[plain(name)]
    titled = shelf.rows_named("track", name) if plain(name) else []
    if len(titled) == 1:
        return "track", shelf.ids[titled[0]]
    if len(titled) > 1:
        shown = ", ".join(f"{shelf.ids[i]} ({shelf.artists[i] or 'unknown artist'})" for i in titled[:5])
        raise InputError(f"{len(titled)} tracks are called {name!r}; give the id of one: {shown}")
    started = [track_id for track_id in shelf.ids if name and track_id.startswith(name)]
    if len(started) == 1:
        return "track", started[0]
    if started:
        raise InputError(f"{name!r} starts {len(started)} ids; write more of it: {', '.join(started[:5])}")
    near = did_you_mean(fold(name), [fold(n) for n in (*shelf.names.artists.values(), *shelf.names.titles.values())])
    raise InputError(f"no track or artist {name!r} in {shelf.catalog.path}; {near}give a title, an artist or a track's id")


def recommend(
    shelf: Shelf,
    wish: Wish,
    *,
    opinions: Opinions = NO_OPINIONS,
    popularity_weight: float = 0.0,
    weights: Weights = WEIGHTS,
    limit: int = 10,
    leave_out: Iterable[str] = (),
) -> list[Hit]:
    """The best tracks for a wish.

    Parameters
    ----------
    shelf : Shelf
    wish : Wish
    opinions : Opinions
        Tracks and artists that are disliked never come; a liked track is known already and does not come either.
    popularity_weight : float
        Points a standard deviation of popularity: under 0 the little known come first.
    weights : Weights
    limit : int > 0
    leave_out : iterable of str
        Ids that are not to come.

    Returns
    -------
    list of Hit
        `why` holds what each part adds; their sum is the score.
    """
    score = {name: part for name, part in parts(shelf, wish, opinions, popularity_weight, weights).items() if part.any()}
    total = np.sum([*score.values(), np.zeros(len(shelf))], axis=0)
    allowed = ~barred(shelf, wish, opinions)
    allowed[[shelf.index[t] for t in leave_out if t in shelf.index]] = False
    best = sorted(np.flatnonzero(allowed).tolist(), key=lambda i: (-round(total[i], 9), shelf.ids[i]))[:limit]
    paths = shelf.column("path")
    return [
        Hit(shelf.ids[i], float(total[i]), shelf.titles[i], shelf.artists[i], paths[i].as_py(),
            {name: float(part[i]) for name, part in score.items()})
        for i in best
    ]  # fmt: skip


def barred(shelf: Shelf, wish: Wish, opinions: Opinions) -> np.ndarray:
    """Tracks that must not come [shape=(n,), dtype=bool]: disliked, unwanted by name, or named as known already."""
    names = [*opinions.disliked, *(key for key in opinions.liked if key[0] == "track")]
    names += [(w.kind, v) for w in wish.wants if w.kind in ("artist", "track") and w.polarity == "avoid" for v in w.values]
    names += [(w.kind, v) for w in wish.wants if w.kind == "track" and w.polarity in ("like", "unlike") for v in w.values]
    out = np.zeros(len(shelf), dtype=bool)
    for kind, value in names:
        out[_rows_of(shelf, kind, value)] = True
    return out


def parts(
    shelf: Shelf, wish: Wish, opinions: Opinions, popularity_weight: float, weights: Weights
) -> dict[str, np.ndarray]:
    """What each part adds to each track's score [shape=(n,) each]."""
    liked, disliked = _references(shelf, wish, opinions)
    text = wish.wanted_text
    return {
        "attributes": weights.attributes * attributes(shelf, wish, weights),
        "sound": weights.sound * by_text(shelf, text) if text and weights.sound else np.zeros(len(shelf)),
        "words": weights.words * np.minimum(standardised(shelf.bm25.scores(text)), MOST_Z) if text else np.zeros(len(shelf)),
        "liked": weights.liked * by_sound(shelf, liked),
        "disliked": -weights.disliked * by_sound(shelf, disliked),
        "popularity": (popularity_weight + weights.lean * wish.lean) * shelf.renown,
    }


def by_text(shelf: Shelf, text: str) -> np.ndarray:
    """Likeness of sound to a text: z-scores against the background, 0 for tracks without sound [shape=(n,)]."""
    return _near(shelf, shelf.text_embedding(text)) if shelf.heard.any() else np.zeros(len(shelf))


def by_sound(shelf: Shelf, rows: Mapping[int, float]) -> np.ndarray:
    """Likeness to the weighted mean of some tracks: z-scores against the background [shape=(n,)]."""
    heard = {i: weight for i, weight in rows.items() if shelf.heard[i]}
    if not heard:
        return np.zeros(len(shelf))
    mean = np.array([*heard.values()]) @ shelf.embedding[[*heard]]
    # One opinion, half forgotten, counts half; many fresh ones count no more than one.
    return min(1.0, sum(heard.values())) * _near(shelf, mean / max(np.linalg.norm(mean), 1e-9))


def _near(shelf: Shelf, target: np.ndarray) -> np.ndarray:
    mean, std = shelf.catalog.background.moments(target[None])
    return np.where(shelf.heard, (shelf.embedding.astype(np.float64) @ target - mean[0]) / std[0], 0.0)


def _references(shelf: Shelf, wish: Wish, opinions: Opinions) -> tuple[dict[int, float], dict[int, float]]:
    """Tracks to be like and unlike, with weights; an artist's tracks share theirs."""
    both: tuple[dict[int, float], dict[int, float]] = ({}, {})
    sides = [(opinions.liked, 0), (opinions.disliked, 1)]
    for polarity, side in (("like", 0), ("unlike", 1)):
        sides.append(({(w.kind, v): 1.0 for w in wish.wants if w.polarity == polarity for v in w.values}, side))
    for named, side in sides:
        for (kind, value), weight in named.items():
            rows = _rows_of(shelf, kind, value)
            for row in rows.tolist():
                both[side][row] = both[side].get(row, 0.0) + weight / len(rows)
    return both


def _rows_of(shelf: Shelf, kind: str, value: str) -> np.ndarray:
    if kind == "track" and value in shelf.index:
        return np.array([shelf.index[value]])
    return shelf.rows_named(kind, value)


# ---- attributes


def attributes(shelf: Shelf, wish: Wish, weights: Weights = WEIGHTS) -> np.ndarray:
    """How many wants a track is expected to satisfy, over or under the catalogue's mean, in standard deviations [shape=(n,)].

    The spread is that of the truth, not of what is known of it: evidence that says little moves a track little. Where nothing
    is known of a want, a track stands at the mean.
    """
    total, spread = np.zeros(len(shelf)), 0.0
    for want in wish.wants:
        if want.polarity not in ("want", "avoid") or want.kind == "popularity":
            continue
        weight = {"words": 1.0, "context": weights.context, "likeness": weights.likeness}[want.basis]
        weight *= weights.named if want.kind in ("artist", "track") else 1.0
        weight *= weights.avoid if want.polarity == "avoid" else 1.0
        chance = satisfied(shelf, want, wish, weights)
        known = np.isfinite(chance)
        if not known.any():
            continue
        mean = chance[known].mean()
        sign = -1.0 if want.polarity == "avoid" else 1.0
        total += sign * weight * np.where(known, chance - mean, 0.0)
        spread += weight**2 * max(mean * (1 - mean), 1 / len(shelf) / 4)
    return total / np.sqrt(spread) if spread else total


def satisfied(shelf: Shelf, want: Want, wish: Wish, weights: Weights = WEIGHTS) -> np.ndarray:
    """How likely each track has one of the wanted values; NaN where nothing is known [shape=(n,)]."""
    if want.kind in ("artist", "track"):
        out = np.full(len(shelf), weights.trust["meta", ""].no)
        for value in want.values:
            out[_rows_of(shelf, want.kind, value)] = weights.trust["meta", ""].yes
        return out
    values = want.values
    if want.compares and (bound := _compared(shelf, want, wish)):
        values = (bound,)
    out = np.full(len(shelf), np.nan)
    for value in values:
        out = np.fmax(out, _chance(shelf, want.kind, value, weights))
    return out


def _chance(shelf: Shelf, kind: str, value: str, weights: Weights) -> np.ndarray:
    """How likely each track has a value, by its first source that knows anything of the kind; NaN where none does."""
    out = np.full(len(shelf), np.nan)
    for source in NUMBER_SOURCES[kind] if _interval(kind, value) else WORD_SOURCES.get(kind, ()):
        trust = weights.trust.get((source, kind), weights.trust[source, ""])
        said = says(shelf, kind, value, source)
        fresh = np.isfinite(said) & np.isnan(out)
        out[fresh] = np.where(said[fresh] > 0, trust.yes, trust.no)
    return out


def says(shelf: Shelf, kind: str, value: str, source: str) -> np.ndarray:
    """Whether a source says that a track has a value: 1, 0, or NaN where it knows nothing of the kind [shape=(n,)]."""
    if interval := _interval(kind, value):
        numbers = shelf.numbers(kind, source)
        has, known = np.array([x in interval for x in numbers.tolist()], dtype=bool), np.isfinite(numbers)
    else:
        column = shelf.column(column_of(kind, source))
        measured = source == "measured"
        match = pc.equal(column, value) if measured else pc.match_substring(column, SEPARATOR + fold(value) + SEPARATOR)
        has = pc.fill_null(match, False).to_numpy(zero_copy_only=False)
        # What was heard and carries no tag of the kind has none that the model was sure of.
        known = shelf.heard if source == "heard" else column.is_valid().to_numpy(zero_copy_only=False)
    return np.where(known, has.astype(float), np.nan)


def _interval(kind: str, value: str) -> Interval | None:
    """Numbers that a value of the query language means: ``1980s``, ``=120``."""
    if kind not in NUMBER_SOURCES or not (value[0] in "<>=" or value[0].isdigit()):
        return None
    option = parse_query(f"{kind}:{value}").predicates[0].options[0]
    return option if isinstance(option, Interval) else None


def _compared(shelf: Shelf, want: Want, wish: Wish) -> str | None:
    """ "Faster" as a bound, where the wish names something to be faster than."""
    numbers = shelf.numbers(want.kind, "measured")[[*_references(shelf, wish, NO_OPINIONS)[0]]]
    if not np.isfinite(numbers).any():
        return None
    middle = float(np.nanmedian(numbers))
    return f">{middle * (1 + LEAST_CHANGE):.4f}" if want.compares == "more" else f"<{middle * (1 - LEAST_CHANGE):.4f}"
