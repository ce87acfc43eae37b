"""What the answers of an exam come to: tables with intervals, whether the listener hears, Markdown, and a picture."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mdialog.probes import CATEGORIES, SOUNDS, Item

LEVEL = 0.05  # of the one-sided test by which a listener hears
SOUND_NAMES = {"real": "real clip", "another": "another clip", "noise": "noise", "silence": "silence"}
PROTOCOL_NAMES = {"letter": "Multiple choice, answered with a letter", "cloze": "The same options as statements, the likeliest"}
NOTE = """Shares with 95 % Wilson intervals. Another clip: one for which the right answer is wrong. Noise: at the level of the
clip. Right without sound: under noise and under silence."""


@dataclass(frozen=True)
class Share:
    """So many of so many, with the 95 % Wilson interval."""

    hits: int
    n: int

    @property
    def value(self) -> float:
        return self.hits / self.n if self.n else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        from scipy.stats import binomtest

        if not self.n:
            return 0.0, 1.0
        found = binomtest(self.hits, self.n).proportion_ci(method="wilson")
        return float(found.low), float(found.high)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.value:.2f} [{low:.2f}, {high:.2f}]" if self.n else "-"

    def figure(self) -> str:
        """The share with its interval and what it is of, for a table."""
        low, high = self.interval
        return f"{self.value:.3f} [{low:.3f}, {high:.3f}] (n {self.n})" if self.n else "-"

    def as_json(self) -> dict:
        low, high = self.interval
        return {"hits": self.hits, "n": self.n, "share": self.value if self.n else None, "low": low, "high": high}


def share(values: Iterable[bool]) -> Share:
    """How many of the values are true."""
    values = list(values)
    return Share(sum(values), len(values))


@dataclass(frozen=True)
class Row:
    """One category under one protocol.

    Parameters
    ----------
    protocol : {'letter', 'cloze'}
    category : str
        One of ``CATEGORIES``, or ``all``.
    chance : float
        Mean of one over the number of options.
    right : dict of sound to Share
    without_sound : Share
        Right under noise and under silence.
    follows : Share or None
        Generated answers of the asked-for form, whatever was played; None where none was generated.
    """

    protocol: str
    category: str
    chance: float
    right: dict[str, Share]
    without_sound: Share
    follows: Share | None

    @property
    def aspect(self) -> str:
        return CATEGORIES[self.category].aspect if self.category in CATEGORIES else ""

    def as_json(self) -> dict:
        return {
            "protocol": self.protocol, "aspect": self.aspect, "category": self.category, "chance": self.chance,
            "right": {sound: found.as_json() for sound, found in self.right.items()},
            "without_sound": self.without_sound.as_json(),
            "follows": self.follows.as_json() if self.follows else None,
        }  # fmt: skip


@dataclass(frozen=True)
class Statements:
    """Audible claims of open answers about one kind.

    Parameters
    ----------
    kind : str
        Of the claims, or ``all``.
    true : dict of sound to Share
        Of the claims that the labels can judge.
    """

    kind: str
    true: dict[str, Share]

    def as_json(self) -> dict:
        return {"kind": self.kind, "true": {sound: found.as_json() for sound, found in self.true.items()}}


@dataclass(frozen=True)
class Hearing:
    """Whether a listener's answers come from the sound.

    Parameters
    ----------
    deaf : bool
    reason : str
        In plain words, with the figures.
    """

    deaf: bool
    reason: str


def rows(answers: Sequence[dict], items: Sequence[Item]) -> list[Row]:
    """The table of the multiple choice: for each protocol, a row a category and one of all."""
    options = {item.id: len(item.options) for item in items}
    category = {item.id: item.category for item in items}
    found = []
    for protocol in dict.fromkeys(a["protocol"] for a in answers if a["protocol"] != "open"):
        mine = [a for a in answers if a["protocol"] == protocol]
        for name in (*CATEGORIES, "all"):
            here = [a for a in mine if name in ("all", category[a["item"]])]
            if here:
                ids = list(dict.fromkeys(a["item"] for a in here))
                found.append(_row(protocol, name, here, chance=sum(1 / options[i] for i in ids) / len(ids)))
    return found


def _row(protocol: str, category: str, answers: list[dict], *, chance: float) -> Row:
    right = {sound: {a["item"]: a["right"] for a in answers if a["sound"] == sound} for sound in SOUNDS}
    both = right["noise"].keys() & right["silence"].keys()
    return Row(
        protocol, category, chance, {sound: share(by_item.values()) for sound, by_item in right.items()},
        share(right["noise"][i] and right["silence"][i] for i in both),
        share(a["follows"] for a in answers) if "follows" in answers[0] else None,
    )  # fmt: skip


def statements(answers: Sequence[dict]) -> list[Statements]:
    """The table of open answers: truth of their claims, by kind and of all."""
    found: dict[str, dict[str, list[bool]]] = defaultdict(lambda: {sound: [] for sound in SOUNDS})
    for answer in answers:
        for kind, _, _, true in answer.get("claims", ()):
            if true is not None:
                for name in (kind, "all"):
                    found[name][answer["sound"]].append(true)
    names = [*sorted(kind for kind in found if kind != "all"), *(["all"] if found else [])]
    return [Statements(name, {sound: share(values) for sound, values in found[name].items()}) for name in names]


def verdict(answers: Sequence[dict]) -> Hearing:
    """Whether the multiple choice is answered better with the real clip than with each of the other sounds.

    A one-sided exact McNemar test over the same items against each other sound; all three must be won. The level of .05
    is shared among the protocols, and one protocol that is won suffices.
    """
    protocols = list(dict.fromkeys(a["protocol"] for a in answers if a["protocol"] != "open"))
    reasons, hears = [], False
    for protocol in protocols:
        right = {sound: {a["item"]: a["right"] for a in answers if (a["protocol"], a["sound"]) == (protocol, sound)}
                 for sound in SOUNDS}  # fmt: skip
        p = {sound: better(right["real"], right[sound]) for sound in SOUNDS[1:]}
        won = max(p.values()) < LEVEL / len(protocols)
        hears = hears or won
        others = ", ".join(f"{share(right[s].values()).value:.2f} with {SOUND_NAMES[s]} (p {p[s]:.2g})" for s in SOUNDS[1:])
        reasons.append(f"{protocol}: right {share(right['real'].values()).value:.2f} with the real clip, {others}")
    what = "hears: its answers are better with the sound they are about" if hears else (
        "deaf: its answers are no better with the sound they are about than without it")
    return Hearing(not hears, f"{what} ({'; '.join(reasons)})")


def better(first: dict[str, bool], second: dict[str, bool]) -> float:
    """One-sided p of McNemar's exact test that the items of `first` are right more often than those of `second`."""
    from scipy.stats import binomtest

    pairs = [(first[i], second[i]) for i in first.keys() & second.keys()]
    won, lost = sum(a and not b for a, b in pairs), sum(b and not a for a, b in pairs)
    return float(binomtest(won, won + lost, alternative="greater").pvalue) if won + lost else 1.0


def markdown(listener: str, hearing: Hearing, table: Sequence[Row], said: Sequence[Statements], *, n_open: int) -> str:
    """The exam as a page of Markdown."""
    lines = [f"# How well does {listener} hear?", "", f"{hearing.reason[0].upper()}{hearing.reason[1:]}.", "",
             "![accuracy by category and sound](exam.png)", ""]
    heads = [SOUND_NAMES[sound] for sound in SOUNDS]
    for protocol in dict.fromkeys(row.protocol for row in table):
        mine = [row for row in table if row.protocol == protocol]
        form = ["form kept"] if mine[0].follows else []
        heading = ["aspect", "asked about", "items", "chance", *heads, "right without sound", *form]
        lines += [f"## {PROTOCOL_NAMES[protocol]}", "", *_head(heading)]
        for row in mine:
            cells = [row.aspect, row.category, str(row.right["real"].n), f"{row.chance:.2f}",
                     *(str(row.right[sound]) for sound in SOUNDS), str(row.without_sound),
                     *([str(row.follows)] if row.follows else [])]  # fmt: skip
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    lines += [f"## Open statements: truth of audible claims in {n_open} answers a sound", ""]
    if said:
        lines += _head(["claims about", *(f"{head} (claims)" for head in heads)])
        lines += [f"| {row.kind} | {' | '.join(f'{row.true[s]} ({row.true[s].n})' for s in SOUNDS)} |" for row in said]
    else:
        lines.append("No answer held an audible claim that the labels can judge.")
    return "\n".join([*lines, "", NOTE]) + "\n"


def _head(cells: Sequence[str]) -> list[str]:
    return [f"| {' | '.join(cells)} |", "|---" * len(cells) + "|"]


def draw(path: Path, table: Sequence[Row], *, title: str) -> None:
    """Bars of accuracy by category and sound, their intervals, and a line at chance; a panel a protocol."""
    from matplotlib.figure import Figure

    protocols = list(dict.fromkeys(row.protocol for row in table))
    most = max(sum(row.protocol == protocol for row in table) for protocol in protocols)
    figure = Figure(figsize=(5.2 * len(protocols) + 0.8, 0.52 * most + 1.3), layout="constrained")
    figure.suptitle(title, fontsize=10)
    colours = {"real": "#2f7fd1", "another": "#b07a16", "noise": "#9a9a9a", "silence": "#d0d0d0"}
    for axes, protocol in zip(figure.subplots(1, len(protocols), squeeze=False)[0], protocols, strict=True):
        mine = [row for row in table if row.protocol == protocol]
        for i, (sound, colour) in enumerate(colours.items()):
            at = [k + 0.2 * (i - 1.5) for k in range(len(mine))]
            values = [row.right[sound].value if row.right[sound].n else 0.0 for row in mine]
            spans = [row.right[sound].interval for row in mine]
            reach = [[max(0.0, v - low) for v, (low, _) in zip(values, spans, strict=True)],
                     [max(0.0, high - v) for v, (_, high) in zip(values, spans, strict=True)]]  # fmt: skip
            axes.barh(at, values, height=0.19, color=colour, label=SOUND_NAMES[sound])
            axes.errorbar(values, at, xerr=reach, fmt="none", ecolor="#555555", elinewidth=0.6)
        for k, row in enumerate(mine):
            axes.plot([row.chance] * 2, [k - 0.42, k + 0.42], color="#c8553d", linewidth=1.4, label=None if k else "chance")
        axes.set_yticks(range(len(mine)), [row.category for row in mine])
        axes.invert_yaxis()
        axes.set_xlim(0, 1)
        axes.set_title(PROTOCOL_NAMES[protocol], fontsize=9)
        axes.set_xlabel("share right")
        axes.spines[["top", "right"]].set_visible(False)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False, fontsize=8)
    figure.savefig(path, dpi=130)
