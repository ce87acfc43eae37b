"""Energy of a span by rule, and the levels of the mix that it and the renderer share."""

ROLE_GAIN = {"lead": 1.0, "choir": 0.8, "bass": 0.7, "drums": 0.7, "chords": 0.45, "second": 0.5, "pad": 0.35}
"""Level of a role in the mix, before velocity; the renderer uses the same."""

ENERGY_WEIGHTS = {"force": 0.34, "drums": 0.2, "density": 0.22, "layers": 0.18, "hard": 0.06}
HARD = {"distorted guitar": 1.0, "synth lead": 0.6, "brass": 0.6, "electric guitar": 0.3, "organ": 0.3}


def energy(force: float, drums: float, density: float, layers: int, hard: float) -> float:
    """Energy in [0, 1] of a span from what makes its sound energetic.

    A weighted sum (`ENERGY_WEIGHTS`), stretched about its middle so that low, medium and high all occur:

    Parameters
    ----------
    force : float
        Mean velocity of the notes; 45 counts 0, 108 counts 1.
    drums : float in [0, 1]
        0 without drums, .5 without kick or snare, 1 with both.
    density : float
        Different onsets (50 ms) a second; 1 counts 0, 9 counts 1.
    layers : int
        Parts that sound, drums not counted; 1 counts 0, 5 counts 1.
    hard : float in [0, 1]
        1 with distorted guitar, less with other piercing instruments.
    """
    w = ENERGY_WEIGHTS
    value = (
        w["force"] * unit(force, 45.0, 108.0)
        + w["drums"] * drums
        + w["density"] * unit(density, 1.0, 9.0)
        + w["layers"] * unit(layers, 1, 5)
        + w["hard"] * hard
    )
    return round(unit(value, 0.08, 0.97), 3)


def unit(x: float, low: float, high: float) -> float:
    """`x` scaled from low-high onto 0-1, held inside."""
    return min(1.0, max(0.0, (x - low) / (high - low)))
