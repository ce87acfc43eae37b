"""Pictures of a catalogue, as SVG that follows the light or dark scheme of the page it stands in."""

import io
import re
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

import numpy as np

from mdialog import vocab

# Colours that matplotlib needs as numbers and the page wants as variables of its scheme.
_INK, _MUTED, _LINE, _ACCENT, _SECOND = "#010203", "#010204", "#010205", "#010206", "#010207"
_ON_PAGE = {_INK: "currentColor", _MUTED: "var(--muted)", _LINE: "var(--line)",
            _ACCENT: "var(--accent)", _SECOND: "var(--second)"}
# Nine hues of middle lightness, at least 3:1 against both page backgrounds; shapes tell genres apart where hues do not.
_HUES = ("#c8553d", "#2f7fd1", "#3d8b40", "#9a62c7", "#b07a16", "#1b8a8f", "#cf4f8a", "#6f7d1a", "#5f6bd8")
_SHAPES = ("o", "s", "^")
_SHAPE_PATHS = {"o": "M1 6a5 5 0 1 0 10 0a5 5 0 1 0-10 0z", "s": "M1.5 1.5h9v9h-9z", "^": "M6 1l5.2 9.6H.8z"}
_NO_GENRE = "no genre known"
_SVG = "http://www.w3.org/2000/svg"
MAP_TRACKS = 2500  # more points neither fit a page nor a quick t-SNE


@dataclass(frozen=True)
class Picture:
    """One picture: its heading, one sentence that says what it shows in words, and the SVG."""

    title: str
    text: str
    svg: str


@dataclass(frozen=True)
class LegendEntry:
    """A genre of the map: its colour, the path of its 12 x 12 mark, and how many points it has."""

    genre: str
    colour: str
    path: str
    count: int
    index: int


@dataclass(frozen=True)
class Map(Picture):
    """The map of the embeddings, with what its marks mean."""

    legend: tuple[LegendEntry, ...] = ()


def layout(embeddings: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Place embeddings on a plane: the same ones always at the same places.

    Parameters
    ----------
    embeddings : np.ndarray [shape=(n, d)]
        L2-normalised.
    seed : int

    Returns
    -------
    np.ndarray [shape=(n, 2)]
        t-SNE (van der Maaten & Hinton, 2008) from 30 tracks on, principal components below;
        each axis scaled to [0, 1].
    """
    x = np.asarray(embeddings, dtype=np.float64)
    n = len(x)
    if n >= 30:
        from sklearn.manifold import TSNE

        tsne = TSNE(n_components=2, init="pca", perplexity=min(30, n / 4), random_state=seed)
        flat = tsne.fit_transform(x.astype(np.float32))
    else:
        centred = x - x.mean(axis=0, keepdims=True)
        u, s, _ = np.linalg.svd(centred, full_matrices=False)
        flat = np.zeros((n, 2))
        k = min(2, len(s))
        flat[:, :k] = u[:, :k] * s[:k]
    low, high = flat.min(axis=0), flat.max(axis=0)
    return (flat - low) / np.where(high > low, high - low, 1.0)


def embedding_map(embeddings: np.ndarray, *, genres: Sequence[str | None], titles: Sequence[str]) -> Map:
    """A map of the catalogue by sound, coloured by genre; each point carries its title to hover over.

    Parameters
    ----------
    embeddings : np.ndarray [shape=(n, d)]
    genres : sequence of str or None, length n
    titles : sequence of str, length n
    """
    total = len(embeddings)
    if total > MAP_TRACKS:
        keep = np.sort(np.random.default_rng(0).choice(total, MAP_TRACKS, replace=False))
        embeddings = embeddings[keep]
        genres, titles = [genres[i] for i in keep], [titles[i] for i in keep]
    places = layout(embeddings)
    styles = _styles(genres)
    figure, axes = _figure(7.2, 5.0)
    for genre, (index, colour, shape, _) in styles.items():
        mine = [i for i, g in enumerate(genres) if (g or _NO_GENRE) == genre]
        axes.scatter(places[mine, 0], places[mine, 1], s=26, c=colour, marker=shape, alpha=0.85,
                     linewidths=0, gid=f"genre-{index}")
    axes.set_axis_off()
    axes.margins(0.03)
    hover = {f"genre-{index}": [titles[i] for i, g in enumerate(genres) if (g or _NO_GENRE) == genre]
             for genre, (index, *_) in styles.items()}
    shown = f"{len(titles)} of {total} tracks" if len(titles) < total else f"{total} tracks"
    text = f"Map of {shown}: those that sound alike to CLAP lie close together."
    legend = tuple(LegendEntry(genre, colour, _SHAPE_PATHS[shape], count, index)
                   for genre, (index, colour, shape, count) in styles.items())
    return Map("The catalogue by sound", text, _to_svg(figure, "map", text, hover=hover), legend)


def tempo_histogram(tempo_bpm: Sequence[float | None]) -> Picture | None:
    """How many tracks lie in each ten beats per minute; None if no tempo is known."""
    values = _known(tempo_bpm)
    if not len(values):
        return None
    edges = np.arange(np.floor(values.min() / 10) * 10, values.max() + 10, 10)
    text = f"Measured tempo of {len(values)} tracks: half of them lie between {_middle(values, '.0f')} BPM."
    return _histogram(values, edges, title="Tempo", label="beats per minute", text=text, name="tempo")


def energy_histogram(energy: Sequence[float | None]) -> Picture | None:
    """How many tracks lie in each tenth of the energy scale; None if no energy is known."""
    values = _known(energy)
    if not len(values):
        return None
    text = f"Measured energy of {len(values)} tracks, from 0 to 1: half of them lie between {_middle(values, '.2f')}."
    return _histogram(values, np.linspace(0, 1, 11), title="Energy", label="energy, 0 to 1", text=text, name="energy")


def key_chart(keys: Sequence[str | None]) -> Picture | None:
    """How many tracks are in each of the 24 keys, major beside minor; None if no key is known."""
    counts = Counter(k for k in keys if k)
    if not counts:
        return None
    tonics = list(dict.fromkeys(name.split()[0] for name in vocab.load()["key"].names))
    figure, axes = _figure(3.9, 2.6)
    at = np.arange(len(tonics))
    for offset, mode, colour in ((-0.2, "major", _ACCENT), (0.2, "minor", _SECOND)):
        axes.bar(at + offset, [counts[f"{t} {mode}"] for t in tonics], width=0.38, color=colour, label=mode)
    axes.set_xticks(at, [t.replace("#", "♯") for t in tonics])
    _frame(axes, "tracks")
    _legend(axes)
    common = ", ".join(f"{k} ({n})" for k, n in counts.most_common(3))
    text = f"Measured key of {counts.total()} tracks; the most common: {common}."
    return Picture("Key", text, _to_svg(figure, "key", text))


def genre_chart(*, read: Sequence[Sequence[str] | None], heard: Sequence[Sequence[str] | None],
                most: int = 18) -> Picture | None:
    """How often each genre was read in the metadata and heard in the sound; None if neither ever was."""
    in_read, in_heard = (Counter(g for gs in column for g in (gs or ())) for column in (read, heard))
    both = in_read + in_heard
    if not both:
        return None
    genres = [g for g, _ in sorted(both.items(), key=lambda item: (-item[1], item[0]))[:most]]
    figure, axes = _figure(3.9, max(2.6, 0.25 * len(genres) + 0.9))
    at = np.arange(len(genres))
    for offset, counts, colour, label in ((-0.2, in_read, _ACCENT, "read"), (0.2, in_heard, _SECOND, "heard")):
        axes.barh(at + offset, [counts[g] for g in genres], height=0.38, color=colour, label=label)
    axes.set_yticks(at, [g if len(g) <= 20 else g[:19] + "…" for g in genres], parse_math=False)
    axes.invert_yaxis()
    _frame(axes, "tracks", horizontal=True)
    _legend(axes)
    rest = f" {len(both) - most} rarer genres are left out." if len(both) > most else ""
    text = (f"Genres read in the metadata of {sum(bool(g) for g in read)} tracks and heard in "
            f"{sum(bool(g) for g in heard)} by CLAP.{rest}")
    return Picture("Genre", text, _to_svg(figure, "genre", text))


def instrument_chart(heard: Sequence[Sequence[str] | None], *, most: int = 12) -> Picture | None:
    """In how many tracks each instrument was heard, the commonest; None if none ever was."""
    counts = Counter(i for instruments in heard for i in (instruments or ()))
    if not counts:
        return None
    common = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most]
    figure, axes = _figure(3.9, max(2.6, 0.22 * len(common) + 0.7))
    axes.barh(range(len(common)), [n for _, n in common], height=0.7, color=_ACCENT)
    axes.set_yticks(range(len(common)), [name for name, _ in common], parse_math=False)
    axes.invert_yaxis()
    _frame(axes, "tracks", horizontal=True)
    text = f"Instruments heard in {sum(bool(i) for i in heard)} tracks by CLAP, the {len(common)} most common."
    return Picture("Instruments", text, _to_svg(figure, "instrument", text))


def sparkline(pool_sizes: Sequence[int], *, width: int = 120, height: int = 26) -> str:
    """Points of an SVG polyline for pool sizes along a dialogue, on a log scale; empty for fewer than two."""
    if len(pool_sizes) < 2:
        return ""
    y = np.log10(np.maximum(np.asarray(pool_sizes, dtype=float), 1.0))
    span = y.max() - y.min() or 1.0
    x = np.linspace(3, width - 3, len(y))
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, 3 + (height - 6) * (y.max() - y) / span, strict=True))


def _styles(genres: Sequence[str | None]) -> dict[str, tuple[int, str, str, int]]:
    """Genre -> (index, colour, shape, count), the most common first; beyond hues x shapes they share grey."""
    counts = Counter(g or _NO_GENRE for g in genres)
    unknown = counts.pop(_NO_GENRE, 0)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    styles = {}
    for i, (genre, count) in enumerate(ordered):
        colour = _HUES[i % len(_HUES)] if i < len(_HUES) * len(_SHAPES) else "#808080"
        styles[genre] = (i, colour, _SHAPES[(i // len(_HUES)) % len(_SHAPES)], count)
    if unknown:
        styles[_NO_GENRE] = (len(styles), "#808080", "o", unknown)
    return styles


def _known(values: Sequence[float | None]) -> np.ndarray:
    array = np.array([np.nan if v is None else v for v in values], dtype=float)
    return array[np.isfinite(array)]


def _middle(values: np.ndarray, form: str) -> str:
    low, high = np.percentile(values, [25, 75])
    return f"{low:{form}} and {high:{form}}"


def _histogram(values: np.ndarray, edges: np.ndarray, *, title: str, label: str, text: str, name: str) -> Picture:
    figure, axes = _figure(3.9, 2.6)
    axes.hist(values, bins=edges, color=_ACCENT, rwidth=0.88)
    axes.set_xlabel(label, color=_MUTED)
    _frame(axes, "tracks")
    return Picture(title, text, _to_svg(figure, name, text))


def _figure(width_in: float, height_in: float):
    from matplotlib.figure import Figure  # not pyplot: no global state, no display

    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.add_subplot()
    axes.patch.set_alpha(0)
    return figure, axes


def _frame(axes, label: str, *, horizontal: bool = False) -> None:
    from matplotlib.ticker import MaxNLocator

    count_axis = axes.xaxis if horizontal else axes.yaxis
    (axes.set_xlabel if horizontal else axes.set_ylabel)(label, color=_MUTED)
    count_axis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes.grid(axis="x" if horizontal else "y", color=_LINE, linewidth=0.8)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side == ("left" if horizontal else "bottom"))
        spine.set_color(_LINE)
    axes.tick_params(colors=_MUTED, labelcolor=_INK, length=0)


def _legend(axes) -> None:
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False, labelcolor=_INK,
                handlelength=0.9, handleheight=0.9, borderpad=0, borderaxespad=0.2)


def _to_svg(figure, name: str, text: str, *, hover: dict[str, list[str]] | None = None) -> str:
    """The figure as one ``<svg>`` element: text as text, ids its own, colours the page's."""
    import matplotlib

    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}), warnings.catch_warnings():
        # Text stays text: the reader's fonts draw what matplotlib's own font lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", "http://www.w3.org/1999/xlink")
    root = ElementTree.fromstring(buffer.getvalue())
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{{{_SVG}}}metadata", f"{{{_SVG}}}style"):  # its style would rule the whole page
                parent.remove(child)
    for group_id, titles in (hover or {}).items():
        group = root.find(f".//*[@id='{group_id}']")
        group.set("data-genre", group_id.removeprefix("genre-"))
        for use, title in zip(group.iter(f"{{{_SVG}}}use"), titles, strict=True):
            ElementTree.SubElement(use, f"{{{_SVG}}}title").text = _printable(title)
    for element in root.iter():
        for key, value in element.attrib.items():
            element.set(key, _for_page(key, value, name))
    for unsized in ("width", "height"):
        root.attrib.pop(unsized, None)
    root.set("role", "img")
    root.set("aria-label", text)
    return ElementTree.tostring(root, encoding="unicode")


def _for_page(key: str, value: str, name: str) -> str:
    """An SVG attribute with ids made the picture's own, colours the page's and the font the page's."""
    if key == "id":
        return f"{name}-{value}"
    value = re.sub(r"^#(?=m)|(?<=url\(#)", lambda found: f"{found[0]}{name}-", value)
    for number, colour in _ON_PAGE.items():
        value = value.replace(number, colour)
    return re.sub(r"font-family: [^;]*", "font-family: inherit", value) if key == "style" else value


def _printable(text: str) -> str:
    """Without the control characters that XML forbids."""
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "", text)
