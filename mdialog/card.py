"""Card: README.md of a dataset: whether its talk comes from the sound, what is in it, who wrote it, who may use it.

Its head is the YAML that the Hugging Face hub and ``datasets.load_dataset(FOLDER)`` read.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from mdialog.dialogue import Dialogue
from mdialog.errors import MdialogError
from mdialog.evaluate.grounding import SOUNDS
from mdialog.evaluation import FOLDER as EVALUATED
from mdialog.hearing import Share
from mdialog.kept import RESULT, Source
from mdialog.run import CONFIG

NAME = "README.md"
RIGHTS = 10  # statements about rights that are listed
UNTOLD = "nothing"  # what metadata says of the licence of most files


def card(
    source: Source, dialogues: Iterable[Dialogue], *, format: str, files: Mapping[str, str], rows: int, outcome: str,
    catalog: str | Path | None = None,
) -> str:  # fmt: skip
    """The card of a dataset.

    Parameters
    ----------
    source : Source
        What was exported.
    dialogues : iterable of Dialogue
        Those that are in it.
    format : str
    files : mapping of str to str
        Split to the pattern of its files.
    rows : int
    outcome : str
        What the export came to, in a line.
    catalog : str or Path, optional
        Where metadata is looked up; the run's own if not given.
    """
    recipes: Counter[str] = Counter()
    models: dict[str, None] = {}
    tracks: dict[str, None] = {}
    for dialogue in dialogues:
        recipes[dialogue.recipe] += 1
        models |= dict.fromkeys(f"{part}: {name}" for part, name in dialogue.models.items())
        tracks |= dict.fromkeys(span.track_id for turn in dialogue.turns for span in turn.heard)
    lines = [_head(source, files, rows), f"# {source.run.name}", "", *_grounding(source), "", "## What it is", "",
             f"Talk about music in the format `{format}`, written by audio-language models that heard the clips: `mdialog "
             f"generate` and `mdialog export`. {outcome}.", "", "| recipe | dialogues |", "|---|---:|",
             *(f"| {recipe} | {n} |" for recipe, n in sorted(recipes.items())), "", "Models:", "",
             *(f"- {model}" for model in models), "", *_filtered(source), *_splits(files),
             *_licence(source, list(tracks), catalog)]  # fmt: skip
    return "\n".join(lines) + "\n"


def _head(source: Source, files: Mapping[str, str], rows: int) -> str:
    import yaml

    sizes = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
    about = {
        "pretty_name": source.run.name, "language": ["en"], "tags": ["music", "audio", "dialogue", "synthetic", "mdialog"],
        "size_categories": [next((name for most, name in sizes if rows < most), "1M<n<10M")],
        "configs": [{"config_name": "default", "data_files": [{"split": s, "path": path} for s, path in files.items()]}],
    }  # fmt: skip
    return f"---\n{yaml.safe_dump(about, sort_keys=False, allow_unicode=True)}---\n"


def _grounding(source: Source) -> list[str]:
    """The headline: whether what is said of the sound is true, and whether the sound makes it so."""
    title = "## Does what is said of the sound come from the sound?"
    path = source.run / EVALUATED / "grounding.json"
    if not path.is_file():
        return [title, "", "Nobody has looked: the run was not evaluated. `mdialog evaluate "
                f"{source.run.name} --catalog CATALOG --part grounding` counts it; then export again."]  # fmt: skip
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        shares = {sound: cells.get("all", {"hits": 0, "n": 0}) for sound, cells in found["by_kind"].items()}
        cells = {sound: Share(shares[sound]["hits"], shares[sound]["n"]).figure() for sound in (*SOUNDS, "accepted")}
        who, truth, gain = found["listener"], found["truth"], found["gain"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return [title, "", f"Not known: {path.name} of the run cannot be read ({error!r}); evaluate it again."]
    judge = "the composer's labels" if truth == "composer" else "the verifier that filtered the run, for lack of labels"
    more = "With the real clip {:+.2f} [{:+.2f}, {:+.2f}] more is true than with another one. "
    adds = more.format(*gain) if gain else ""
    whole = " All figures are of the whole run, before it was filtered." if source.filtered else ""
    return [title, "", f"{adds}Share of the audible claims that are true, by {judge}, with 95 % Wilson intervals. Turns were "
            f"written again by {who} while it heard the real clip, another one, noise and silence; accepted is what stands in "
            "the run." + whole, "",
            f"| {' | '.join(cells)} |", "|" + "---|" * len(cells), f"| {' | '.join(cells.values())} |"]  # fmt: skip


def _filtered(source: Source) -> list[str]:
    if not source.filtered:
        return []
    found = json.loads((source.folder / RESULT).read_text(encoding="utf-8"))
    why = ", ".join(f"{reason} {n}" for reason, n in found["by_reason"].items()) or "nothing against any"
    return [f"Filtered by `mdialog filter`: {found['n_kept']} of {found['n']} {found['unit']}s were kept ({why}).", ""]


def _splits(files: Mapping[str, str]) -> list[str]:
    of = ["## Splits", "", *(f"- {split}: `{path}`" for split, path in files.items())]
    if "test" in files:
        of.append("\nNo track and no artist is on both sides; `test.tracks` has the ids of the tracks of the test side.")
    return [*of, ""]


def _licence(source: Source, tracks: list[str], catalog: str | Path | None) -> list[str]:
    """What metadata says of the rights of the audio; nothing is guessed."""
    lines = ["## Licence", "", "The clips are cut from the recordings of the catalogue; what may be done with them is for "
             "their owners to say. No `license` stands in the head of this card: add the one that holds.", ""]  # fmt: skip
    try:
        said = _rights(source, tracks, catalog)
    except (MdialogError, OSError, ValueError, KeyError, AttributeError):
        return [*lines, "The catalogue of the run is not at hand to look up what its metadata says; name it with `--catalog`."]
    return [*lines, f"What metadata says of the {len(tracks)} tracks that are heard:", "",
            *(f"- {text}: {n} tracks" for text, n in said.most_common(RIGHTS)),
            *([f"- {len(said) - RIGHTS} other statements"] if len(said) > RIGHTS else [])]  # fmt: skip


def _rights(source: Source, tracks: list[str], catalog: str | Path | None) -> Counter[str]:
    from mdialog.catalog import Catalog

    catalog = catalog or json.loads((source.run / CONFIG).read_text(encoding="utf-8"))["catalog"]
    rows = Catalog.open(catalog).columns(["track_id", "meta_extra"]).to_pylist()
    extra = {row["track_id"]: json.loads(row["meta_extra"] or "{}") for row in rows}
    of = (extra.get(track, {}) for track in tracks)
    return Counter(one.get("licence") or one.get("copyright") or UNTOLD for one in of)
