"""`mdialog sheet`: a page on which people judge a run's claims by ear, blind to the verdicts of the checker."""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from itertools import islice, zip_longest
from pathlib import Path

from mdialog import claims, seeds
from mdialog.dialogue import Claim, Contradicted, Dialogue, read_dialogues
from mdialog.errors import InputError
from mdialog.files import write_text
from mdialog.plan import Clip, about_and_before
from mdialog.report import Heard, cut_clips, span_of, write_page
from mdialog.run import CONTRADICTED, DIALOGUES, recover
from mdialog.statements import meant, statement

PAGE, AUDIO_FOLDER = "sheet", "audio"  # the folder that listeners get
KEY = "sheet-key.json"  # in the run's folder, not in the page's: who gets the page must not get the verdicts
ANSWERS = ("true", "false", "can't tell")
COLUMNS = ("item", "answer", "listener", "seconds")
NAME = "[name]"  # stands for what a track or an artist is called

# ---- what is asked


@dataclass(frozen=True)
class Item:
    """A claim to be judged by ear.

    Parameters
    ----------
    id : str
        The same whenever the same claim is drawn; tells nothing.
    dialogue : str
    turn : int
        Counted from 0.
    claim : int or None
        Of the turn, counted from 0; None where it stood in a candidate that was thrown away for it.
    kind, verdict, basis : str
        As the record has them.
    statement : str
    meant : str
        What its words mean; may be empty.
    sentence : str
        In which the claim was made, with names masked.
    spans : tuple of (track_id, start_s, end_s)
        What it is about, last; before it what a comparison is with.
    """

    id: str
    dialogue: str
    turn: int
    claim: int | None
    kind: str
    verdict: str
    basis: str
    statement: str
    meant: str
    sentence: str
    spans: tuple[tuple[str, float, float], ...]


def items_of(dialogues: Iterable[Dialogue], thrown: Iterable[Contradicted] = ()) -> list[Item]:
    """Claims on turns that heard a clip; of equal statements about equal clips the first.

    Parameters
    ----------
    dialogues : iterable of Dialogue
    thrown : iterable of Contradicted
        Candidates that did not get into them: without these hardly a contradicted claim is there to be judged.
    """
    found: dict[tuple, Item] = {}
    refused: dict[str, list[Contradicted]] = {}
    for candidate in thrown:
        refused.setdefault(candidate.id, []).append(candidate)
    for dialogue in dialogues:
        names = [part for name in dialogue.tracks.values() for part in (name.title, name.artist)]
        said_of = [(i, t.content, j, claim, _nth(t.claims, j)) for i, t in enumerate(dialogue.turns)
                   for j, claim in enumerate(t.claims)]  # fmt: skip
        said_of += [(c.turn, c.content, None, claim, _nth(c.claims, j)) for c in refused.get(dialogue.id, ())
                    for j, claim in enumerate(c.claims) if claim.verdict == "contradicted"]  # fmt: skip
        for i, content, j, claim, nth in said_of:
            spans = _spans(dialogue, i, claim)
            said = statement(claim)
            if spans and (said, spans) not in found:
                found[said, spans] = Item(
                    id=_id(dialogue.id, i, j, said, spans), dialogue=dialogue.id, turn=i, claim=j, kind=claim.kind,
                    verdict=claim.verdict, basis=claim.basis, statement=said, meant=meant(claim),
                    sentence=_sentence(content, claim, names, nth=nth), spans=spans,
                )  # fmt: skip
    return list(found.values())


def _id(*parts: object) -> str:
    # The letter keeps spreadsheets from reading 12345e67 as a number.
    return "q" + hashlib.blake2b("\x1f".join(map(str, parts)).encode(), digest_size=5).hexdigest()


def _spans(dialogue: Dialogue, turn: int, claim: Claim) -> tuple[tuple[str, float, float], ...]:
    """Spans that a claim of a turn rests on: the clip that it speaks of; before it, what a comparison is with."""
    heard = [[Clip(*span_of(span)) for span in t.heard] for t in dialogue.turns[: turn + 1]]
    about, before = about_and_before(heard, beside=claim.beside)
    if claim.clip == "none":
        return ()
    if claim.clip == "before":
        about, before = before, about
    needed = (before, about) if claim.comparison or claim.clip == "both" else (about,)
    return tuple(astuple(clip) for clip in needed if clip) if all(needed) else ()


_HIDDEN = "\ue000"  # of the private use area: stands for one letter of a name
_ENDS = re.compile(r"[.!?…]+[\"'’”)\]]*\s+|\n+")


def _nth(said: Sequence[Claim], j: int) -> int:
    """How often a claim's words stand in the same sense before it."""
    return sum((c.text, c.kind, c.value) == (said[j].text, said[j].kind, said[j].value) for c in said[:j])


def _sentence(content: str, claim: Claim, names: Iterable[str], *, nth: int) -> str:
    """The sentence that a claim stands in; names and quotations masked."""
    names = sorted(filter(None, names), key=len, reverse=True)
    hidden = re.sub(r'"[^"]*"|“[^”]*”', lambda m: _HIDDEN * len(m[0]), content)
    for name in names:
        hidden = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", lambda m: _HIDDEN * len(m[0]), hidden)
    said = (claim.text, claim.kind, claim.value)
    found = [c.start for c in claims.find(content, names=names) if (c.text, c.kind, c.value) == said]
    found = found or [m.start() for m in re.finditer(rf"(?<!\w){re.escape(claim.text)}(?!\w)", hidden)] or [0]
    place = found[min(nth, len(found) - 1)]
    bounds = [0, *(m.end() for m in _ENDS.finditer(hidden)), len(hidden)]
    start = max(b for b in bounds if b <= place)
    end = min((b for b in bounds if b > place), default=len(hidden))
    return re.sub(f"{_HIDDEN}+", NAME, hidden[start:end]).strip()


def draw(items: Iterable[Item], *, seed: int) -> list[Item]:
    """All items, in an order of which every beginning is spread evenly over kinds and verdicts."""
    rng = seeds.stdlib(seed, "sheet")
    cells: dict[tuple[str, str], list[Item]] = {}
    for item in sorted(items, key=lambda item: item.id):
        cells.setdefault((item.kind, item.verdict), []).append(item)
    queues = [rng.sample(cell, len(cell)) for _, cell in sorted(cells.items())]
    rounds = ([item for item in one_each if item] for one_each in zip_longest(*queues))
    return [item for one_each in rounds for item in rng.sample(one_each, len(one_each))]


# ---- the page


@dataclass(frozen=True)
class _Asked:
    """An item as the page shows it."""

    id: str
    statement: str
    meant: str
    sentence: str
    players: tuple[tuple[str, str], ...]  # label, file


@dataclass(frozen=True)
class _Page:
    """Everything that the template reads: nothing of the key."""

    id: str
    items: list[_Asked]
    answers: tuple[str, ...]
    columns: tuple[str, ...]
    has_names: bool


def make(run: str | Path, *, catalog: str | Path, n: int = 60, seed: int = 0, out: str | Path | None = None,
         warn: Callable[[str], None] | None = None) -> Path:
    """Write the listening sheet of a run: ``index.html`` and ``audio/`` in a folder to hand out, the key beside the run.

    The page is static: opened from the disk or from any web server, it keeps a listener's answers in the browser and gives them
    back as a CSV file. It holds no verdict; the key, ``sheet-key.json``, stays in the run's folder.

    Parameters
    ----------
    run : str or Path
        A run folder.
    catalog : str or Path
        The catalogue that its dialogues were planned from.
    n : int > 0
        Claims to ask about; fewer where the run has fewer. Drawn evenly over kinds and verdicts as far as there are any.
    seed : int
    out : str or Path, optional
        Folder of the page; ``RUN/sheet`` if not given.
    warn : callable, optional
        Called with one line for each clip that cannot be played: its claims are not asked about.

    Returns
    -------
    Path of ``index.html``

    Raises
    ------
    InputError
        If the run has no claim about a clip that was heard, or none of the clips can be played.
    """
    from mdialog.catalog import Catalog

    run = Path(run)
    folder = Path(out) if out else run / PAGE
    thrown = [Contradicted.model_validate(record) for record in recover(run / CONTRADICTED)]
    items = items_of(read_dialogues(run / DIALOGUES), thrown)
    if not items:
        raise InputError(f"{run} has no claim about a clip that was heard; write its dialogues again with claims checked")
    table = Catalog.open(catalog).columns(["track_id", "path", "meta_title", "meta_artist"])
    tracks = {row["track_id"]: row for row in table.to_pylist()}
    chosen, clips = _playable(draw(items, seed=seed), n, tracks=tracks, folder=folder / AUDIO_FOLDER)
    problems = sorted({clip.problem for clip in clips.values() if clip.problem})
    for problem in problems if warn else ():
        warn(problem)
    if not chosen:
        raise InputError(f"{run}: no clip of its claims can be played ({problems[0]}); give the catalogue it was planned from")
    _write_key(run / KEY, chosen)
    asked = [_asked(item, clips) for item in seeds.stdlib(seed, "sheet", "order").sample(chosen, len(chosen))]
    page = _Page(_id(*sorted(item.id for item in chosen)), asked, ANSWERS, COLUMNS, any(NAME in a.sentence for a in asked))
    write_page(folder / "index.html", page, template="sheet.html.jinja")
    return folder / "index.html"


def _playable(ordered: Iterable[Item], n: int, *, tracks: dict[str, dict],
              folder: Path) -> tuple[list[Item], dict[tuple, Heard]]:
    """The first `n` items whose clips can all be played, and every clip that was tried."""
    waiting, chosen, clips = iter(ordered), [], {}
    while more := list(islice(waiting, n - len(chosen))):
        clips = cut_clips([*clips, *(span for item in more for span in item.spans)], tracks=tracks, folder=folder)
        chosen += [item for item in more if all(clips[span].src for span in item.spans)]
    return chosen, clips


def _asked(item: Item, clips: Mapping[tuple, Heard]) -> _Asked:
    labels = ("The clip before", "The clip") if len(item.spans) == 2 else ("The clip",)
    players = tuple((label, clips[span].src) for label, span in zip(labels, item.spans, strict=True))
    return _Asked(item.id, item.statement, item.meant, item.sentence, players)


def _write_key(path: Path, items: Iterable[Item]) -> None:
    names = ("dialogue", "turn", "claim", "kind", "verdict", "basis", "statement")
    key = {item.id: {name: getattr(item, name) for name in names} for item in sorted(items, key=lambda item: item.id)}
    write_text(path, json.dumps(key, ensure_ascii=False, indent=1) + "\n")
