"""Random streams that depend on names, not on order: any split of the work draws the same numbers."""

import hashlib
import random

import numpy as np


def derive(seed: int, *names: object) -> int:
    """A 63-bit seed from a run's seed and the names of what is drawn.

    Parameters
    ----------
    seed : int
    *names : object
        Anything with a stable ``str``: an id, a turn number, a purpose.

    Returns
    -------
    int in [0, 2**63)
    """
    text = "\x1f".join([str(seed), *map(str, names)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest()) >> 1


def generator(seed: int, *names: object) -> np.random.Generator:
    """A numpy generator seeded by :func:`derive`."""
    return np.random.default_rng(derive(seed, *names))


def stdlib(seed: int, *names: object) -> random.Random:
    """A ``random.Random`` seeded by :func:`derive`: faster for single draws."""
    return random.Random(derive(seed, *names))
