"""Consistency: does an utterance find the set of tracks that answers it among the other sets of the run?

By sound, the utterance's text embedding (CLAP's) is held against the mean of each set's tracks; by text, its words against the
words that the catalogue has for them (TF-IDF). The planner chose the sets by these very words: the text's figures say whether
the writer said what was planned, the sound's whether what it said is heard.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from mdialog import seeds
from mdialog.contrast import flags
from mdialog.dialogue import Dialogue
from mdialog.errors import InputError
from mdialog.gather import unit
from mdialog.hearing import Share
from mdialog.pairs import pairs
from mdialog.plan import Plan
from mdialog.snapshot import Snapshot

AT = (1, 5)
PERMUTATIONS = 200
MOST = 2_000  # utterances: every one is held against every set


@dataclass(frozen=True)
class Found:
    """How far up utterances rank their own sets.

    Parameters
    ----------
    n : int
        Utterances, and sets.
    mrr, chance_mrr : float in (0, 1]
        Mean reciprocal rank, and what a random order gives.
    hits : dict of int to Share
        Of ranks up to 1 and up to 5.
    chance_hits : dict of int to float
    shuffled_mrr : (float, float, float)
        The same utterances and sets, paired at random `PERMUTATIONS` times: mean, 2.5th and 97.5th percentile.
    p : float
        Share of these pairings, the true one among them, that do no worse than the true one.
    """

    n: int
    mrr: float
    chance_mrr: float
    hits: dict[int, Share]
    chance_hits: dict[int, float]
    shuffled_mrr: tuple[float, float, float]
    p: float


@dataclass(frozen=True)
class Consistency:
    """Consistency of a run.

    Parameters
    ----------
    n_dialogues : int
    by_text : Found
    by_sound : Found or None
        None where no text can be embedded, or no set sounds.
    """

    n_dialogues: int
    by_text: Found
    by_sound: Found | None


def evaluate_consistency(
    talks: Iterable[Dialogue | Plan],
    snapshot: Snapshot,
    *,
    embed_text: Callable[[Sequence[str]], np.ndarray] | None = None,
    seed: int = 0,
) -> Consistency:
    """Rank the sets of a run for each user's utterance that a set answers.

    Parameters
    ----------
    talks : iterable of Dialogue or Plan
        Plans are read in the query language: what the writer could at best say.
    snapshot : Snapshot
        Of the catalogue that they were planned on.
    embed_text : callable, optional
        Texts to vectors of the tracks' space, as ``Clap.embed_text``.
    seed : int
        Of the order of ties, the pairings, and the sample where there are more than `MOST` utterances.

    Raises
    ------
    InputError
        If no utterance is answered by a set, or a track is not in the catalogue.
    """
    talks = list(talks)
    rows = list(pairs(talks))
    if not rows:
        raise InputError(f"{len(talks)} dialogues recommend nothing; give dialogues of a recipe that does")
    if len(rows) > MOST:
        rows = seeds.stdlib(seed, "consistency").sample(rows, MOST)
    if unknown := [track for row in rows for track in row["positives"] if track not in snapshot.index]:
        raise InputError(f"track {unknown[0]!r} is not in the catalogue; name the one that the run was planned on")
    queries = [row["query"] for row in rows]
    sets = [np.array([snapshot.index[track] for track in row["positives"]]) for row in rows]
    by_text = found(text_scores(queries, [words(snapshot, tracks) for tracks in sets]), seed=seed)
    by_sound = None
    means = unit(np.array([snapshot.embedding[tracks].sum(axis=0) for tracks in sets]))
    if embed_text is not None and (sounds := means.any(axis=1)).any():
        asked = unit(embed_text([query for query, sound in zip(queries, sounds, strict=True) if sound]))
        by_sound = found(asked @ means[sounds].T, seed=seed)
    return Consistency(len(talks), by_text, by_sound)


def words(snapshot: Snapshot, tracks: np.ndarray) -> str:
    """What the catalogue says of some tracks: titles, artists, and every value of each track."""
    has = flags(snapshot, snapshot.rows, tracks)
    refs = [snapshot.ref(track) for track in tracks.tolist()]
    said = [f"{ref.title} {ref.artist}" for ref in refs]
    return " ".join([*said, *(snapshot.values[v][1] for v in np.argwhere(has)[:, 1].tolist())])


def text_scores(queries: Sequence[str], documents: Sequence[str]) -> np.ndarray:
    """Cosines of TF-IDF vectors (n_queries, n_documents), weighted by the documents, term frequencies by their logarithm."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectoriser = TfidfVectorizer(sublinear_tf=True, token_pattern=r"[^\W_]+")
    try:
        known = vectoriser.fit_transform(documents)
    except ValueError:  # not a word in any document: nothing can be told apart
        return np.zeros((len(queries), len(documents)))
    return (vectoriser.transform(queries) @ known.T).toarray()


def found(scores: np.ndarray, *, seed: int = 0) -> Found:
    """Ranks of the true pairs, and of random ones.

    Parameters
    ----------
    scores : np.ndarray of float [shape=(n, n)]
        Of utterance i and set j; the true pairs stand on the diagonal. Equal scores are ordered at random.
    seed : int
    """
    n, rng = len(scores), seeds.generator(seed, "consistency")
    columns = rng.permutation(n)
    order = columns[np.argsort(-scores[:, columns], axis=1, kind="stable")]
    ranks = np.empty((n, n), dtype=np.int64)
    np.put_along_axis(ranks, order, np.arange(1, n + 1)[None], axis=1)
    own, rows = ranks.diagonal(), np.arange(n)
    shuffled = np.array([(1 / ranks[rows, rng.permutation(n)]).mean() for _ in range(PERMUTATIONS)])
    mrr = float((1 / own).mean())
    low, high = np.percentile(shuffled, [2.5, 97.5]).tolist()
    return Found(
        n=n,
        mrr=mrr,
        chance_mrr=float((1 / np.arange(1, n + 1)).mean()),
        hits={k: Share(int((own <= k).sum()), n) for k in AT},
        chance_hits={k: min(k, n) / n for k in AT},
        shuffled_mrr=(float(shuffled.mean()), low, high),
        p=float((1 + (shuffled >= mrr - 1e-12).sum()) / (1 + PERMUTATIONS)),
    )


def table(result: Consistency) -> str:
    """The figures as a Markdown table."""
    heads = ["by", "utterances", "MRR", "chance", "paired at random", "p", *(f"hit@{k} (chance)" for k in AT)]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for name, one in (("text", result.by_text), ("sound", result.by_sound)):
        if one:
            mean, low, high = one.shuffled_mrr
            cells = [name, str(one.n), f"{one.mrr:.3f}", f"{one.chance_mrr:.3f}", f"{mean:.3f} [{low:.3f}, {high:.3f}]",
                     f"{one.p:.3f}", *(f"{one.hits[k]} ({one.chance_hits[k]:.3f})" for k in AT)]  # fmt: skip
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", f"Of {result.n_dialogues} dialogues; shares with 95 % Wilson intervals."])
