"""Split of dialogues into train and test so that no track and no artist is on both sides; never by dialogue alone."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mdialog import seeds
from mdialog.dialogue import Dialogue
from mdialog.errors import InputError
from mdialog.files import write_text

WAYS = ("components", "held tracks")
TRACKS = "test.tracks"  # the file of the test side's tracks, an id a line
_ROUNDS = 50  # in which held tracks are chosen: in each, at most so small a part of the test side
_COMPARED = 64  # dialogues that are compared one by one for it


@dataclass(frozen=True)
class Split:
    """Which dialogue is on which side.

    Parameters
    ----------
    train, test : tuple of str
        Ids, in the order of the dialogues.
    left_out : tuple of str
        Ids of those that mix both sides; none when split by components.
    """

    train: tuple[str, ...]
    test: tuple[str, ...]
    left_out: tuple[str, ...] = ()

    def __str__(self) -> str:
        left_out = f", {len(self.left_out)} left out, which mix both" if self.left_out else ""
        return f"{len(self.train)} train, {len(self.test)} test{left_out}"


def split(dialogues: Iterable[Dialogue], *, test_share: float = 0.1, by: str = "components", seed: int = 0) -> Split:
    """Split dialogues by the tracks and artists that they name or play.

    Parameters
    ----------
    dialogues : iterable of Dialogue
        Read once; only names are kept.
    test_share : float in (0, 1)
        Share of the dialogues that are to be tested on, of those that are not left out.
    by : {'components', 'held tracks'}
        ``components``: dialogues that share a track or an artist, directly or through others, stay together (connected
        components); which go where is drawn by the name of each component, and no dialogue is lost. ``held tracks``: tracks and
        artists are held back for the test, those of dialogues that share the least with the others; dialogues that have
        both held tracks and others are left out.
    seed : int, optional

    Returns
    -------
    Split

    Raises
    ------
    InputError
        If there are no two sides to be had: says how large the components are.
    """
    if by not in WAYS:
        raise InputError(f"by {by!r}: dialogues can be split by {' or by '.join(WAYS)}")
    if not 0 < test_share < 1:
        raise InputError(f"a test share of {test_share:g} leaves one side empty; give one between 0 and 1")
    ids, named = [], []
    for dialogue in dialogues:
        ids.append(dialogue.id)
        named.append(names_of(dialogue))
    if len(ids) < 2:
        raise InputError(f"{len(ids)} dialogues cannot be split; write two or more")
    sides = (_by_components if by == "components" else _by_held_tracks)(ids, named, test_share=test_share, seed=seed)
    return Split(*(tuple(name for name, on in zip(ids, sides, strict=True) if on == side) for side in (_TRAIN, _TEST, _OUT)))


_TRAIN, _TEST, _OUT = 0, 1, 2


def write_tracks(dialogues: Iterable[Dialogue], folder: Path) -> None:
    """Ids of all tracks of these dialogues into ``folder/test.tracks``."""
    write_text(folder / TRACKS, "".join(f"{i}\n" for i in sorted({i for dialogue in dialogues for i in dialogue.tracks})))


def read_tracks(path: Path) -> frozenset[str]:
    """Ids of tracks, one a line, as `write_tracks` left them.

    Raises
    ------
    InputError
        If the file cannot be read or holds none.
    """
    try:
        found = frozenset(filter(None, path.read_text(encoding="utf-8").split("\n")))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: ids of tracks, one a line, cannot be read from it ({error})") from error
    if not found:
        raise InputError(f"{path} is empty; give the ids of tracks, one a line")
    return found


def names_of(dialogue: Dialogue) -> frozenset[tuple[str, str]]:
    """Every track and artist of a dialogue, as ("track", id) and ("artist", name); spelling of names does not matter.

    Artists that are only asked for count too.
    """
    found = {("track", track_id) for track_id in dialogue.tracks}
    artists = [name.artist for name in dialogue.tracks.values()]
    for turn in dialogue.turns:
        for text in (*turn.music_attribute, *turn.removed):
            kind, _, value = text.lstrip("-~").partition(":")
            artists += [value] if kind == "artist" else []
    return frozenset(found | {("artist", " ".join(artist.casefold().split())) for artist in artists if artist.strip()})


def _incidence(named: list[frozenset]):
    """Dialogues by names, as a sparse matrix of ones."""
    from scipy.sparse import csr_array

    columns = sorted(set().union(*named))
    place = {name: i for i, name in enumerate(columns)}
    rows = np.repeat(np.arange(len(named)), [len(names) for names in named])
    cells = np.fromiter((place[name] for names in named for name in names), dtype=np.int64, count=len(rows))
    shape = (len(named), max(1, len(columns)))
    return csr_array((np.ones(len(rows), np.int32), (rows, cells)), shape=shape)


def _by_components(ids: list[str], named: list[frozenset], *, test_share: float, seed: int) -> np.ndarray:
    from scipy.sparse import block_array
    from scipy.sparse.csgraph import connected_components

    holds = _incidence(named)
    _, component = connected_components(block_array([[None, holds], [holds.T, None]]), directed=False)
    component = component[: len(ids)]
    sizes = Counter(component.tolist())
    # The least of its names stands for a component, so that the draw does not depend on the order of the dialogues.
    name_of: dict[int, tuple] = {}
    for i, names, dialogue_id in zip(component.tolist(), named, ids, strict=True):
        name_of[i] = min(name_of.get(i, ("~",)), min(names, default=("dialogue", dialogue_id)))
    drawn = sorted(name_of, key=lambda i: (seeds.derive(seed, "split", *name_of[i]), name_of[i]))
    wanted, chosen, held = test_share * len(ids), [], 0
    for i in drawn:
        if abs(held + sizes[i] - wanted) < abs(held - wanted):
            chosen.append(i)
            held += sizes[i]
    if not wanted / 2 <= held <= min(2 * wanted, len(ids) - 1):
        largest = [f"{size / len(ids):.1%}" for _, size in sizes.most_common(3)]
        raise InputError(
            f"{len(ids)} dialogues hang together by tracks and artists in {len(sizes)} components, the largest of "
            f"{', '.join(largest)} of them: a test side of {test_share:.1%} cannot be had, the nearest has "
            f"{held / len(ids):.1%}; split by held tracks, which leaves out dialogues that mix both sides"
        )
    return np.where(np.isin(component, chosen), _TEST, _TRAIN)


def _by_held_tracks(ids: list[str], named: list[frozenset], *, test_share: float, seed: int) -> np.ndarray:
    """Hold back the names of those dialogues that cost the fewest others, until the test side has its share."""
    holds = _incidence(named)
    drawn = np.array([seeds.derive(seed, "split", dialogue_id) for dialogue_id in ids])
    held = np.zeros(holds.shape[1], bool)
    some = np.array([bool(names) for names in named])  # one without any name is not tested on: nothing is held back with it
    sides = np.full(len(ids), _TRAIN)
    while True:
        n_test, n_train = np.count_nonzero(sides == _TEST), np.count_nonzero(sides == _TRAIN)
        missing = test_share * (n_test + n_train) - n_test
        if missing <= 0:
            break
        waiting = np.flatnonzero((sides != _TEST) & some)
        several = min(max(1, int(missing) // _ROUNDS), len(waiting))
        cost = _cost(holds, waiting, drawn, held=held, train=sides == _TRAIN, at_least=several)
        chosen = waiting[np.lexsort((drawn[waiting], cost))][:several]
        held[np.unique(holds[chosen].indices)] = True
        outside, inside = holds @ ~held, holds @ held
        sides = np.where(inside == 0, _TRAIN, np.where(outside == 0, _TEST, _OUT))
        if not len(waiting) or not (sides == _TRAIN).any():
            raise InputError(
                f"no test side of {test_share:.1%} can be held back: {len(ids)} dialogues share so many tracks and artists "
                f"that testing on {np.count_nonzero(sides == _TEST)} leaves {np.count_nonzero(sides == _TRAIN)} to train on; "
                f"take a smaller share, or write on a larger catalogue"
            )
    return sides


def _cost(holds, waiting: np.ndarray, drawn: np.ndarray, *, held: np.ndarray, train: np.ndarray, at_least: int) -> np.ndarray:
    """How many dialogues would be left out for testing on each of those waiting; infinite for those that are clearly dear."""
    # How often its names stand in training dialogues counts some of them twice, but is had without comparing all with all.
    uses = np.where(held, 0, holds[train].sum(axis=0))
    estimate = holds[waiting] @ uses
    near = np.lexsort((drawn[waiting], estimate))[: max(_COMPARED, at_least)]
    shared = holds[waiting[near]].multiply(~held) @ holds[train].T
    cost = np.full(len(waiting), np.inf)
    cost[near] = (shared > 0).sum(axis=1)
    return cost
