"""Relevance: does what is recommended fit what was asked for?

Plans are judged, not records: a record does not say which wishes lapsed unsaid. By the composer's labels where the music was
written by ``mdialog synth``; always by the catalogue's own columns too, which the planner chose by, so that the two
side by side tell faults of planning from faults of hearing.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from mdialog import seeds, vocab
from mdialog.attributes import Attribute
from mdialog.brief import in_force
from mdialog.claims import ENERGY_TOLERANCE, TEMPO_TOLERANCE
from mdialog.errors import InputError
from mdialog.plan import Plan
from mdialog.query import fold
from mdialog.snapshot import Snapshot, unpack
from mdialog.synth.labels import Labels
from mdialog.synth.library import LABELS, read_labels

POOL = 1_000  # random tracks that chance and similarity ranks are taken from
LAST_EXCHANGE = 8  # this exchange and later ones are counted together

# Whether tracks (by number) satisfy an attribute; None where the judge cannot say anything about its kind.
Judge = Callable[[Attribute, np.ndarray], np.ndarray | None]


@dataclass(frozen=True)
class Share:
    """A share of recommended tracks, and that of random tracks held to the same.

    Parameters
    ----------
    n : int
        Tracks judged; one counts once for each list and, by kind, for each attribute.
    share, chance : float in [0, 1] or None
        None where nothing was judged.
    """

    n: int
    share: float | None
    chance: float | None


@dataclass(frozen=True)
class Satisfied:
    """How far recommended tracks satisfy what is in force, by one judge; likenesses are ranked instead.

    Parameters
    ----------
    n_lists : int
        ``track_seq`` under at least one attribute that the judge knows.
    lists : float in [0, 1] or None
        Mean over these of the share of their tracks that satisfy all attributes in force.
    whole_lists : float in [0, 1] or None
        Share of these of which every track does.
    tracks, first : Share
        Of all tracks of these lists, and of the first one of each, which is the one that is heard.
    by_kind : dict of str to Share
        By ``kind`` and ``-kind`` of the single attributes.
    by_exchange : dict of str to Share
        By the number of the exchange (a turn of each side) in the dialogue, from 1.
    """

    n_lists: int
    lists: float | None
    whole_lists: float | None
    tracks: Share
    first: Share
    by_kind: dict[str, Share]
    by_exchange: dict[str, Share]


@dataclass(frozen=True)
class Relevance:
    """Relevance of all recommendations of a run.

    Parameters
    ----------
    n_plans, n_lists, n_tracks : int
        Plans, ``track_seq`` that are not empty, and tracks in them.
    by_labels : Satisfied or None
        By the composer's labels; kinds that these do not hold (names, year, popularity, culture) by the columns.
    by_columns : Satisfied
    refused, repeated : float in [0, 1]
        Share of tracks that were refused earlier in the dialogue, or recommended earlier and not asked for again.
    likeness : dict of str to Share
        By ``~track`` and ``~artist``: mean percentile rank (0 to 1; chance is .5) of the tracks' similarity to what was named
        among random tracks.
    """

    n_plans: int
    n_lists: int
    n_tracks: int
    by_labels: Satisfied | None
    by_columns: Satisfied
    refused: float
    repeated: float
    likeness: dict[str, Share]


@dataclass(frozen=True)
class _List:
    """One recommendation: the tracks' numbers, what is in force, and the number of the exchange."""

    tracks: np.ndarray
    wanted: tuple[Attribute, ...]
    exchange: str


def evaluate_relevance(
    plans: Iterable[Plan], snapshot: Snapshot, *, truth: Mapping[str, Labels] | None = None, seed: int = 0
) -> Relevance:
    """Judge every recommendation of a run.

    Parameters
    ----------
    plans : iterable of Plan
        Of a run's ``plans.jsonl``: all, or those that became dialogues.
    snapshot : Snapshot
        Of the catalogue that they were planned on.
    truth : mapping of str to Labels, optional
        The composer's labels by track id; looked for beside the music (:func:`composer_truth`) by default. An empty one
        judges by columns alone.
    seed : int
        Of the random tracks.

    Returns
    -------
    Relevance

    Raises
    ------
    InputError
        If nothing is recommended, or a track is not in the catalogue.
    """
    plans = list(plans)
    lists = [found for plan in plans for found in _lists(plan, snapshot)]
    if not lists:
        raise InputError(f"{len(plans)} plans recommend nothing; make some with `mdialog plan`")
    truth = composer_truth(snapshot) if truth is None else truth
    at_random = seeds.generator(seed, "relevance").permutation(unpack(snapshot.usable))
    columns = judge_by_columns(snapshot)
    by_labels = None
    if truth:
        labelled = np.isin(np.arange(len(snapshot)), [snapshot.index[t] for t in truth if t in snapshot.index])
        by_labels = _satisfied(lists, judge_by_labels(snapshot, truth, otherwise=columns), at_random, labelled)
    n_tracks = sum(len(found.tracks) for found in lists)
    refused, repeated = np.sum([_again(plan) for plan in plans], axis=0)
    return Relevance(
        n_plans=len(plans),
        n_lists=len(lists),
        n_tracks=n_tracks,
        by_labels=by_labels,
        by_columns=_satisfied(lists, columns, at_random, np.ones(len(snapshot), dtype=bool)),
        refused=float(refused / n_tracks),
        repeated=float(repeated / n_tracks),
        likeness=_likeness(lists, snapshot, at_random[:POOL]),
    )


def _lists(plan: Plan, snapshot: Snapshot) -> Iterable[_List]:
    for i, turn in enumerate(plan.turns):
        if turn.track_seq:
            if unknown := [t for t in turn.track_seq if t not in snapshot.index]:
                raise InputError(f"plan {plan.id} recommends {unknown[0]!r}, which the catalogue lacks; give the one it is of")
            exchange = i // 2 + 1
            name = str(exchange) if exchange < LAST_EXCHANGE else f"{LAST_EXCHANGE} or later"
            wanted = tuple(map(_parse, in_force(plan, i)))
            yield _List(np.array([snapshot.index[t] for t in turn.track_seq]), wanted, name)


_parse = cache(Attribute.parse)  # a run says few different wishes, many times


# ---- judges


def composer_truth(snapshot: Snapshot, *, folder: Path | None = None) -> dict[str, Labels]:
    """The composer's labels of the tracks that ``mdialog synth`` wrote, by track id.

    Parameters
    ----------
    snapshot : Snapshot
    folder : Path, optional
        Of the library, where the files have moved since; by default the folder above each file's artist and album.

    Returns
    -------
    dict of str to Labels
        Empty where no file has labels.

    Raises
    ------
    InputError
        If labels are there but do not parse.
    """
    libraries: dict[Path, dict[str, Labels]] = {}
    found = {}
    for track_id, text in zip(snapshot.ids.to_pylist(), snapshot.paths.to_pylist(), strict=True):
        if text is None:
            continue
        path = Path(text)
        library = Path(folder) if folder else next(iter(path.parents[2:3]), path.parent)
        if library not in libraries:
            libraries[library] = read_labels(library) if (library / LABELS).is_file() else {}
        labels = libraries[library].get("/".join(path.parts[-3:]))
        if labels:
            found[track_id] = labels
    return found


def facts(labels: Labels) -> dict[str, frozenset[str]]:
    """Values that hold for a whole piece, by kind.

    An instrument or a choir counts if it sounds for a quarter of the piece; tempo and energy by their mean, with both words
    near a border (4 % of tempo, .05 of energy).
    """
    whole = labels.over(labels.spans[0].start_s, labels.spans[-1].end_s)
    terms = vocab.load()
    bpm, energy = whole.tempo_bpm, whole.energy_value
    near = 1 + TEMPO_TOLERANCE
    return {
        "genre": frozenset([whole.genre]),
        "theme": frozenset(labels.themes),
        "mood": frozenset(whole.moods),
        "instrument": frozenset(whole.instruments),
        "vocal": frozenset([whole.vocal]),
        "key": frozenset([whole.key]),
        "mode": frozenset([whole.mode]),
        "metre": frozenset([whole.metre]),
        "tempo": frozenset(v.name for v in terms["tempo"].values if v.low / near <= bpm < v.high * near),
        "energy": frozenset(
            v.name for v in terms["energy"].values if v.low - ENERGY_TOLERANCE <= energy < v.high + ENERGY_TOLERANCE
        ),
    }


def judge_by_labels(snapshot: Snapshot, truth: Mapping[str, Labels], *, otherwise: Judge) -> Judge:
    """A judge of tracks that have the composer's labels; `otherwise` judges the kinds that these do not hold."""
    known = {snapshot.index[t]: facts(labels) for t, labels in truth.items() if t in snapshot.index}

    def judge(attribute: Attribute, tracks: np.ndarray) -> np.ndarray | None:
        kind, want = attribute.kind, attribute.polarity == "want"
        if not all(kind in known[t] for t in tracks.tolist()):
            return otherwise(attribute, tracks)
        return np.array([(attribute.value in known[t][kind]) == want for t in tracks.tolist()], dtype=bool)

    return judge


def judge_by_columns(snapshot: Snapshot) -> Judge:
    """A judge by the catalogue's own columns; a track without a value of the kind satisfies neither ``x`` nor ``-x``."""

    def bit(words: np.ndarray, tracks: np.ndarray) -> np.ndarray:
        return (words[tracks >> 6] >> (tracks & 63).astype(np.uint64) & np.uint64(1)).astype(bool)

    def judge(attribute: Attribute, tracks: np.ndarray) -> np.ndarray | None:
        kind, value = attribute.kind, attribute.value
        if kind in ("artist", "track"):
            codes = (snapshot.artist if kind == "artist" else snapshot.title)[tracks]
            index = snapshot.artist_index if kind == "artist" else snapshot.title_index
            has, known = codes == index.get(value, -2), codes >= 0
        elif kind in snapshot.known:
            row = snapshot.value_index.get((kind, value))
            has = bit(snapshot.bits[row], tracks) if row is not None else np.zeros(len(tracks), dtype=bool)
            known = bit(snapshot.known[kind], tracks)
        else:
            return None
        return has if attribute.polarity == "want" else known & ~has

    return judge


# ---- figures


def _satisfied(lists: Sequence[_List], judge: Judge, order: np.ndarray, among: np.ndarray) -> Satisfied:
    """Figures of one judge on the tracks `among` which it can judge, (n_catalogue,) of bool; chance by a random order."""
    pool = order[among[order]][:POOL]
    at_random: dict[Attribute, np.ndarray] = {}
    chance_of: dict[Attribute, float] = {}
    by_kind, by_exchange, shares = defaultdict(list), defaultdict(list), []
    first, every = [], []
    for found in lists:
        tracks = found.tracks[among[found.tracks]]
        wanted = [a for a in found.wanted if a.polarity != "like"]
        judged = {a: ok for a in wanted if len(tracks) and (ok := judge(a, tracks)) is not None}
        if not judged:
            continue
        for attribute, ok in judged.items():
            if attribute not in at_random:
                at_random[attribute] = judge(attribute, pool)
                chance_of[attribute] = float(at_random[attribute].mean())
            sign = "-" if attribute.polarity == "avoid" else ""
            by_kind[sign + attribute.kind].append((ok, chance_of[attribute]))
        ok = np.logical_and.reduce(list(judged.values()))
        chance = float(np.logical_and.reduce([at_random[a] for a in judged]).mean())
        shares.append(float(ok.mean()))
        every.append((ok, chance))
        by_exchange[found.exchange].append((ok, chance))
        if among[found.tracks[0]]:
            first.append((ok[:1], chance))
    return Satisfied(
        n_lists=len(shares),
        lists=float(np.mean(shares)) if shares else None,
        whole_lists=float(np.mean([share == 1 for share in shares])) if shares else None,
        tracks=_share(every),
        first=_share(first),
        by_kind={kind: _share(rows) for kind, rows in sorted(by_kind.items(), key=lambda item: -len(item[1]))},
        by_exchange={exchange: _share(by_exchange[exchange]) for exchange in sorted(by_exchange)},
    )


def _share(rows: Sequence[tuple[np.ndarray, float]]) -> Share:
    """Of (tracks that are right, share of random tracks that are); each list's chance weighs as its tracks do."""
    n = sum(len(ok) for ok, _ in rows)
    if not n:
        return Share(0, None, None)
    right = sum(int(ok.sum()) for ok, _ in rows)
    return Share(n, right / n, sum(len(ok) * chance for ok, chance in rows) / n)


def _again(plan: Plan) -> tuple[int, int]:
    """How many recommendations were refused earlier, and how many came earlier and were not asked for by title."""
    n_refused = n_repeated = 0
    refused: set[str] = set()
    offered: set[str] = set()
    for i, turn in enumerate(plan.turns):
        wanted = map(_parse, in_force(plan, i)) if offered & set(turn.track_seq) else ()
        titles = {fold(a.value) for a in wanted if (a.kind, a.polarity) == ("track", "want")}
        n_refused += len(refused & set(turn.track_seq))
        n_repeated += sum(fold(plan.tracks[t].title) not in titles for t in offered & set(turn.track_seq))
        refused |= set(turn.refused)
        offered |= set(turn.track_seq)
    return n_refused, n_repeated


def _likeness(lists: Sequence[_List], snapshot: Snapshot, pool: np.ndarray) -> dict[str, Share]:
    """Percentile ranks among random tracks of the similarity to what was named, which itself is left out of both."""
    ranks: dict[str, list[np.ndarray]] = defaultdict(list)
    for found in lists:
        for attribute in found.wanted:
            if attribute.polarity != "like":
                continue
            like, own = _named(attribute, snapshot)
            if like is None or not like.any():
                continue
            tracks, others = (t[~np.isin(t, own) & snapshot.embedding[t].any(axis=1)] for t in (found.tracks, pool))
            if len(tracks) and len(others):
                similar, at_random = snapshot.embedding[tracks] @ like, np.sort(snapshot.embedding[others] @ like)
                sides = (np.searchsorted(at_random, similar, side=side) for side in ("left", "right"))
                ranks[f"~{attribute.kind}"].append(sum(sides) / (2 * len(others)))
    joined = {kind: np.concatenate(parts) for kind, parts in sorted(ranks.items())}
    return {kind: Share(len(all_ranks), float(all_ranks.mean()), 0.5) for kind, all_ranks in joined.items()}


def _named(attribute: Attribute, snapshot: Snapshot) -> tuple[np.ndarray | None, np.ndarray]:
    """Embedding of the track or artist that a likeness names, and the numbers of its own tracks."""
    if attribute.kind == "track" and attribute.value in snapshot.index:
        own = snapshot.index[attribute.value]
        return snapshot.embedding[own], np.array([own])
    if attribute.kind == "artist" and attribute.value in snapshot.artist_index:
        code = snapshot.artist_index[attribute.value]
        return snapshot.artist_embedding(code), snapshot.tracks_by(code)
    return None, np.zeros(0, dtype=int)


# ---- text


def table(result: Relevance) -> str:
    """The figures as Markdown: by the composer's labels and by the catalogue's columns, each beside chance."""
    sides = [result.by_labels, result.by_columns]
    head = "| {} | tracks | by labels | chance | by columns | chance |\n| --- | ---: | ---: | ---: | ---: | ---: |\n"
    rows = [
        _row("satisfy all that is in force", [side and side.tracks for side in sides]),
        _row("… the first of each list, which is heard", [side and side.first for side in sides]),
        *(_row(f"… in exchange {key}", [side and side.by_exchange.get(key) for side in sides])
          for key in result.by_columns.by_exchange),
        *(_row(f"{kind}:", [side and side.by_kind.get(kind) for side in sides]) for kind in result.by_columns.by_kind),
    ]  # fmt: skip
    lines = [head.format(f"{result.n_lists} lists of {result.n_plans} dialogues"), *rows, "\n| | tracks | run | chance |\n",
             "| --- | ---: | ---: | ---: |\n",
             f"| refused earlier | {result.n_tracks} | {result.refused:.4f} | |\n",
             f"| recommended earlier, not asked for again | {result.n_tracks} | {result.repeated:.4f} | |\n"]
    lines += [f"| mean percentile rank of similarity, {kind} | {s.n} | {s.share:.3f} | {s.chance:.3f} |\n"
              for kind, s in result.likeness.items()]  # fmt: skip
    return "".join(lines)


def _row(name: str, shares: list[Share | None]) -> str:
    n = max(share.n for share in shares if share)
    cells = [_cell(figure) for share in shares for figure in ((share.share, share.chance) if share else (None, None))]
    return f"| {name} | {n} | {' | '.join(cells)} |\n"


def _cell(figure: float | None) -> str:
    return "–" if figure is None else f"{figure:.3f}"
