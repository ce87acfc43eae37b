"""Personas: who speaks and how, drawn so that a run covers the possibilities evenly."""

from functools import lru_cache

from mdialog import seeds
from mdialog.brief import MANNERS

AGE_BANDS = ("teens", "twenties", "thirties", "forties", "fifties", "sixties or older")
BACKGROUNDS = ("casual listener", "keen listener", "plays an instrument", "sings in a choir", "works with music")
SITUATIONS = ("at home", "at work", "travelling", "with friends", "alone in the evening")
CERTAINTIES = ("knows what is wanted", "has a vague idea", "open to anything")
FIELDS = {
    "age_band": AGE_BANDS,
    "background": BACKGROUNDS,
    "situation": SITUATIONS,
    "certainty": CERTAINTIES,
}

# Fractions of the additive sequence with the best known spread in four dimensions: powers of the inverse of the
# root of x**5 = x + 1 (Roberts 2018, generalising the golden ratio). In units of 2**-64 so that any index is exact.
_ROOT = 1.1673039782614187
_STEPS = tuple(int(2**64 / _ROOT**d) for d in range(1, len(FIELDS) + 1))


def draw(index: int, *, seed: int) -> dict[str, str]:
    """The persona of the dialogue with this index.

    Any nine consecutive indices that start at a multiple of nine have each manner once on either side; 81 have each
    pair once. The other fields follow a low-discrepancy sequence, so that any stretch of a run is about even.

    Parameters
    ----------
    index : int >= 0
    seed : int
        The run's seed: it shuffles the order and shifts the sequence.

    Returns
    -------
    dict of str to str
        ``user_manner`` and ``assistant_manner`` of :data:`mdialog.brief.MANNERS`, and a value of each of `FIELDS`.
    """
    n = len(MANNERS)
    user, assistant = (_order(seed, side) for side in ("user", "assistant"))
    persona = {"user_manner": user[index % n], "assistant_manner": assistant[(index + index // n) % n]}
    for (name, values), step in zip(FIELDS.items(), _STEPS, strict=True):
        place = (_shift(seed, name) + (index + 1) * step) % 2**64
        persona[name] = values[place * len(values) >> 64]
    return persona


@lru_cache(maxsize=16)
def _order(seed: int, side: str) -> tuple[str, ...]:
    order = list(MANNERS)
    seeds.stdlib(seed, "manners", side).shuffle(order)
    return tuple(order)


@lru_cache(maxsize=64)
def _shift(seed: int, name: str) -> int:
    return seeds.derive(seed, "persona", name) * 2
