"""The background that similarities are read against: a fixed sample of window embeddings of one CLAP model.

Raw cosines are not calibrated: one text is near to all music, another to none. Every cosine is therefore read as a
z-score against the cosines of the same sample. The sample is chosen once and then fixed, so that adding a track
changes no other row.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mdialog import vocab
from mdialog.errors import InputError

if TYPE_CHECKING:
    from mdialog.clap import Clap, ZeroShot

FILE = "background.npz"
MAX_WINDOWS = 512
# Under so many windows mean and spread of a cosine are guesses.
FEW_WINDOWS = 32
# A label counts as present from this z-score on, where no threshold was fitted: the upper 7 % of a normal background.
PRESENT_Z = 1.5
# Cosines of a handful of like windows hardly differ; a smaller spread would blow any difference up.
_MIN_STD = 0.01


@dataclass(frozen=True)
class Background:
    """A fixed sample of embeddings, and from which z-score on a label is present.

    Parameters
    ----------
    model_id : str
        ``Clap.model_id`` of the model that made the embeddings.
    embeddings : np.ndarray [shape=(n, dim), dtype=float32]
        L2-normalised.
    labels : tuple of (kind, value)
        Order of `thresholds` and of heard scores.
    thresholds : np.ndarray [shape=(n_labels,), dtype=float32]
        z-scores.
    """

    model_id: str
    embeddings: np.ndarray
    labels: tuple[tuple[str, str], ...]
    thresholds: np.ndarray

    def moments(self, queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of each query's cosines with the sample.

        Parameters
        ----------
        queries : np.ndarray [shape=(n, dim)]
            L2-normalised.

        Returns
        -------
        mean, std : np.ndarray [shape=(n,), dtype=float64]
            `std` is .01 at the least.
        """
        cosines = queries.astype(np.float64) @ self.embeddings.T.astype(np.float64)
        return cosines.mean(axis=1), np.maximum(cosines.std(axis=1), _MIN_STD)

    @cached_property
    def version(self) -> str:
        """Eight hex digits that change with the sample and the thresholds."""
        digest = hashlib.blake2b(self.model_id.encode(), digest_size=4)
        digest.update(np.ascontiguousarray(self.embeddings).tobytes())
        digest.update(np.ascontiguousarray(self.thresholds).tobytes())
        return digest.hexdigest()


def make_background(
    embeddings: np.ndarray, *, model_id: str, labels: tuple[tuple[str, str], ...], thresholds: np.ndarray | None = None
) -> Background:
    """A background from window embeddings; at most `MAX_WINDOWS` of them, evenly drawn, at float16 resolution.

    Parameters
    ----------
    embeddings : np.ndarray [shape=(n, dim)]
        L2-normalised; n > 0.
    thresholds : np.ndarray [shape=(n_labels,)], optional
        Fitted z-scores; `PRESENT_Z` for every label by default.

    Raises
    ------
    InputError
        If there are no embeddings, or not one threshold a label.
    """
    if not len(embeddings):
        raise InputError("a background needs embeddings of at least one window; 0 given")
    if thresholds is not None and len(thresholds) != len(labels):
        raise InputError(f"{len(thresholds)} thresholds for {len(labels)} labels; there must be one a label")
    picked = np.linspace(0, len(embeddings) - 1, min(len(embeddings), MAX_WINDOWS)).round().astype(int)
    # Rounded here, not on saving, so that what was computed before and after a reload is the same.
    sample = np.asarray(embeddings)[picked].astype(np.float16).astype(np.float32)
    filled = np.full(len(labels), PRESENT_Z) if thresholds is None else np.asarray(thresholds)
    return Background(model_id, sample, tuple(labels), filled.astype(np.float32))


def heard_scores(embeddings: np.ndarray, zero_shot: "ZeroShot", background: Background) -> np.ndarray:
    """Calibrated zero-shot scores: for each label the cosine's z-score against the background.

    Parameters
    ----------
    embeddings : np.ndarray [shape=(n, dim)]

    Returns
    -------
    np.ndarray [shape=(n, n_labels), dtype=float32]
    """
    mean, std = background.moments(zero_shot.text_embeddings)
    cosines = embeddings.astype(np.float64) @ zero_shot.text_embeddings.T.astype(np.float64)
    return ((cosines - mean) / std).astype(np.float32)


def heard_values(scores: np.ndarray, background: Background) -> dict[str, list[str]]:
    """The values over their thresholds, by kind, best first; an exclusive kind has one at the most.

    Parameters
    ----------
    scores : np.ndarray [shape=(n_labels,)]
        One row of :func:`heard_scores`.
    """
    margins = scores - background.thresholds
    found: dict[str, list[str]] = {kind: [] for kind, _ in background.labels}
    for i in np.argsort(-margins, kind="stable"):
        kind, value = background.labels[i]
        if margins[i] >= 0 and not (found[kind] and vocab.load()[kind].exclusive):
            found[kind].append(value)
    return found


def fit_thresholds(scores: np.ndarray, present: np.ndarray) -> np.ndarray:
    """For each label the z-score from which on calling it present has the best F1.

    Parameters
    ----------
    scores : np.ndarray [shape=(n, n_labels)]
        Of :func:`heard_scores`, for windows whose labels are known.
    present : np.ndarray [shape=(n, n_labels), dtype=bool]

    Returns
    -------
    np.ndarray [shape=(n_labels,), dtype=float32]
        Halfway between the last score taken and the first one left; `PRESENT_Z` for a label that is always or
        never present.
    """
    fitted = np.full(scores.shape[1], PRESENT_Z, np.float32)
    for i in np.flatnonzero(present.any(axis=0) & ~present.all(axis=0)):
        order = np.argsort(-scores[:, i], kind="stable")
        ranked = scores[order, i]
        right = np.cumsum(present[order, i])
        f1 = 2 * right / (np.arange(1, len(order) + 1) + right[-1])
        f1[:-1][ranked[:-1] == ranked[1:]] = 0  # a threshold cannot part equal scores
        best = int(np.argmax(f1))
        fitted[i] = (ranked[best] + ranked[min(best + 1, len(ranked) - 1)]) / 2
    return fitted


def save_background(background: Background, path: Path) -> None:
    """Write ``background.npz``, complete or not at all."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as out:
        np.savez_compressed(
            out,
            model_id=np.array(background.model_id),
            embeddings=background.embeddings.astype(np.float16),
            labels=np.array([f"{kind}:{value}" for kind, value in background.labels]),
            thresholds=background.thresholds,
        )
    partial.replace(path)


def load_background(path: Path, *, labels: Iterable[tuple[str, str]]) -> Background:
    """Read ``background.npz``, its thresholds put into the order of `labels`.

    A label that the file does not know takes `PRESENT_Z`.

    Raises
    ------
    InputError
        If it is not such a file.
    """
    labels = tuple(labels)
    try:
        with np.load(path, allow_pickle=False) as file:
            stored = dict(zip(file["labels"].tolist(), file["thresholds"].tolist(), strict=True))
            return Background(
                model_id=str(file["model_id"]),
                embeddings=file["embeddings"].astype(np.float32),
                labels=labels,
                thresholds=np.array([stored.get(f"{k}:{v}", PRESENT_Z) for k, v in labels], np.float32),
            )
    except (OSError, KeyError, ValueError) as error:
        raise InputError(f"{path}: not a background ({error}); make it again or delete it") from error


def shipped_background(clap: "Clap") -> Background | None:
    """The background that lies beside a model's weights, or None.

    Raises
    ------
    InputError
        If it cannot be read, or was made by other weights than those beside it.
    """
    path = Path(str(getattr(clap.model.config, "_name_or_path", "") or "")) / FILE
    if not path.is_file():
        return None
    background = load_background(path, labels=clap.zero_shot.labels)
    if background.model_id.partition("@")[2] != clap.model_id.partition("@")[2]:
        raise InputError(
            f"{path} was made by {background.model_id}, the weights beside it are {clap.model_id}; "
            "make it again with those weights, or delete it"
        )
    return Background(clap.model_id, background.embeddings, background.labels, background.thresholds)
