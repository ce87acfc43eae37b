"""Pictures of a run's talk beside people's: files that stand alone, with colours of their own."""

from pathlib import Path

import numpy as np

from mdialog.evaluate.diversity import OPENINGS
from mdialog.evaluate.people import People

_RUN, _PEOPLE = "#2f7fd1", "#b07a16"
_LONGEST = 40  # words; longer turns are counted in the last bar
_SEEN_CHARS = 34


def pictures(result: People, folder: Path) -> list[Path]:
    """Draw words a turn, Distinct-2 over the budget, and the commonest openings.

    Parameters
    ----------
    result : People
    folder : Path
        Made if it is not there.

    Returns
    -------
    list of Path
        ``words.svg``, ``distinct.svg``, ``openings.svg``; those that there is something to show in.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for name, draw, width, height in (
        ("words", _words, 7.6, 2.8), ("distinct", _distinct, 7.6, 3.0), ("openings", _openings, 9.6, 3.4),
    ):  # fmt: skip
        figure, axes = _figure(width, height)
        for place, role in zip(axes, ("user", "assistant"), strict=True):
            sides = [(side[role], *style) for side, *style in _sides(result) if role in side]
            draw(place, sides)
            place.set_title(role)
        if any(place.has_data() for place in axes):
            drawn.append(_save(figure, axes, folder / f"{name}.svg"))
    return drawn


def _sides(result: People):
    return (result.run, "run", _RUN), (result.people, "people", _PEOPLE)


def _words(axes, sides) -> None:
    """Share of turns by the number of their words."""
    for side, label, colour in sides:
        counts = np.zeros(_LONGEST + 1)
        for n_words, n in side.lengths:
            counts[min(n_words, _LONGEST)] += n
        if counts.any():
            axes.stairs(counts / counts.sum(), np.arange(_LONGEST + 2) - 0.5, color=colour, label=label, linewidth=1.6)
    axes.set_xlabel(f"words a turn ({_LONGEST}: or more)")
    axes.set_ylabel("share of turns")


def _distinct(axes, sides) -> None:
    """Distinct-2 over the token budget."""
    for side, label, colour in sides:
        if side.curve:
            axes.plot(*zip(*side.curve, strict=True), color=colour, label=label, marker="o", markersize=3.5)
    axes.set_xscale("log")
    axes.set_xlabel("tokens")
    axes.set_ylabel("Distinct-2, names masked")
    axes.set_ylim(0, 1)


def _openings(axes, sides) -> None:
    """The commonest openings of each side, one below the other."""
    rows = [(text, share, label, colour) for side, label, colour in sides for text, share in side.openings[: OPENINGS // 2]]
    labelled = set()
    for i, (_, share, label, colour) in enumerate(rows):
        axes.barh(i, share, color=colour, height=0.7, label=None if label in labelled else label)
        labelled.add(label)
    names = [text if len(text) <= _SEEN_CHARS else text[: _SEEN_CHARS - 1] + "…" for text, *_ in rows]
    axes.set_yticks(range(len(rows)), names, parse_math=False)
    axes.invert_yaxis()
    axes.set_xlabel("share of turns that open so")


def _figure(width_in: float, height_in: float):
    from matplotlib.figure import Figure  # not pyplot: no global state, no display

    figure = Figure(figsize=(width_in, height_in), layout="constrained", facecolor="white")
    return figure, figure.subplots(1, 2)


def _save(figure, axes, path: Path) -> Path:
    import matplotlib

    for place in axes:
        for side in ("top", "right"):
            place.spines[side].set_visible(False)
        if place.get_legend_handles_labels()[0]:
            place.legend(frameon=False)
    with matplotlib.rc_context({"svg.hashsalt": path.stem}):  # the same figures, the same bytes
        figure.savefig(path, format="svg", metadata={"Date": None})
    return path
