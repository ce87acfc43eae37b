"""Personas: who speaks and how, drawn so that a run covers the possibilities evenly."""

from functools import lru_cache

from mdialog import seeds
from mdialog.brief import MANNERS, TEMPLATES, TRAITS

# Of the seeker (`user_`) and of the recommender (`assistant_`), beside the manner of each. Goals are families of what is
# asked for, and how specific the asking and the target are, as TalkPlayData 2 (arXiv 2509.09685) divides them.
FIELDS = {
    "user_age_band": ("teens", "twenties", "thirties", "forties", "fifties", "sixties or older"),
    "user_region": ("North America", "Latin America", "the British Isles", "continental Europe", "Africa", "South Asia",
                    "East Asia", "Oceania"),
    "user_background": ("casual listener", "keen listener", "plays an instrument", "sings in a choir", "works with music"),
    "user_situation": ("at home", "at work", "travelling", "with friends", "alone in the evening"),
    "user_vocabulary": ("plain words", "slang", "a musician's terms"),
    "user_length": TRAITS["length"],
    "user_tone": ("blunt", "friendly", "polite"),
    "user_certainty": TRAITS["certainty"],
    "user_day": TRAITS["day"],
    "assistant_length": TRAITS["length"],
    "assistant_tone": ("reserved", "friendly", "warm"),
    "brief_template": tuple(map(str, range(TEMPLATES))),
    "goal_family": ("sound", "situation", "mood", "artist", "genre", "era", "audience"),
    "goal_query": ("vague", "specific"),
    "goal_target": ("broad", "narrow"),
}  # fmt: skip

# Fields of 8, 7 and 5 values: numbers without a common factor, also with the 81 pairs of manners.
CYCLES = ("user_region", "goal_family", "user_background")

# Kinds of attribute that a goal of each family is about.
FAMILIES = {
    "sound": ("tempo", "instrument", "vocal", "energy", "mode", "key", "metre", "similar_track"),
    "situation": ("theme",),
    "mood": ("mood", "energy"),
    "artist": ("artist", "similar_artist", "track", "album"),
    "genre": ("genre",),
    "era": ("year", "culture"),
    "audience": ("user", "popularity"),
}


def draw(index: int, *, seed: int) -> dict[str, str]:
    """The persona of the dialogue with this index.

    Any nine consecutive indices that start at a multiple of nine have each manner once on either side; 81 have each
    pair once. So do the other fields: a field of k values has each of them once in every k dialogues, in an order drawn anew
    each time and for each field by itself (a Latin hypercube: McKay, Beckman and Conover 1979), save the `CYCLES`, whose
    order stays: with the manners they meet in every combination once before one comes again, after 22,680 dialogues.

    Parameters
    ----------
    index : int >= 0
    seed : int
        The run's seed: it shuffles the orders.

    Returns
    -------
    dict of str to str
        ``user_manner`` and ``assistant_manner`` of :data:`mdialog.brief.MANNERS`, and a value of each of `FIELDS`.
    """
    n = len(MANNERS)
    user, assistant = (_order(seed, side) for side in ("user", "assistant"))
    persona = {"user_manner": user[index % n], "assistant_manner": assistant[(index + index // n) % n]}
    for name, values in FIELDS.items():
        block, place = divmod(index, len(values))
        persona[name] = _order(seed, name if name in CYCLES else f"{name} {block}", values)[place]
    return persona


@lru_cache(maxsize=1024)
def _order(seed: int, what: str, values: tuple[str, ...] = MANNERS) -> tuple[str, ...]:
    order = list(values)
    seeds.stdlib(seed, "persona", what).shuffle(order)
    return tuple(order)
