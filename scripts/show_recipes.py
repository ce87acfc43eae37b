"""Ten records of each recipe as they came, with times, and what measures of them print: written into docs/recipes.md.

    python scripts/show_recipes.py --catalog demo/catalog [--work show] [--data DIR]

DIR holds CPCD's human playlists and MusicCaps' captions, to show that they are read (``cpcd/`` and ``captions/musiccaps.csv``);
an absolute one is written as $MDIALOG_REAL_DATA. Some dialogues fail: more are planned than are shown, most where most fail,
and where the filter needs answers by which it can tell like from unlike. Runs that are there already are not written again,
and lose their times.
"""

import argparse
import json
import shlex
import subprocess
import sys
import time
from pathlib import Path

import readme

OUT = readme.ROOT / "docs" / "recipes.md"
SHOWN, SEED = 10, 4
PLANNED = {"audio-dialogue": 40, "comparison": 20, "description": 20, "goal-driven": 20}
OTHERWISE_PLANNED = 14
SCENES, SCENES_SEED = 40, 9
SEEKERS = 300
RECIPES = {
    "music-discovery": "Someone seeks music, as people's intents follow one another; below a turn stand its claims.",
    "talk-the-walk": "A seeker walks from one set of tracks to the next and says what moves it.",
    "audio-dialogue": "Questions and answers about one clip.",
    "comparison": "Two clips, and what sets them apart.",
    "description": "One track in four lengths: a tag line, a sentence, a paragraph, a dense list to search by.",
    "goal-driven": "Nobody planned these: what is said next depends on what is heard.",
}
OF_SCENES = "Questions after sound events, held against their times."
MEASURED = (("consistency", "talk-the-walk"), ("answers", "audio-dialogue"), ("answers", "comparison"))
FILTERED = "audio-dialogue"


def ran(*words: object) -> str:
    """What a command prints; it may say that something was lost. The words are those that a reader would type."""
    program, *rest = map(str, words)
    start = ["-c", "from mdialog.cli import main; main()"] if program == "mdialog" else [str(readme.ROOT / rest.pop(0))]
    done = subprocess.run([sys.executable, *start, *rest], capture_output=True, text=True)
    if done.returncode not in (0, 1) or done.returncode == 1 and not done.stdout:
        why = done.stderr.strip().splitlines() or [f"ended with {done.returncode}"]
        raise SystemExit(f"{shlex.join(map(str, words))}: {why[-1]}")
    return done.stdout.strip()


def mdialog(*arguments: object) -> str:
    return ran("mdialog", *arguments)


def block(*commands: tuple) -> str:
    """Commands to copy."""
    return "\n".join(["```bash", *(shlex.join(map(str, words)) for words in commands), "```"])


def records(run: Path) -> int:
    """Dialogues that a run holds."""
    return len((run / "dialogues.jsonl").read_text(encoding="utf-8").splitlines())


# ---- recipes


def kinds(work: Path, catalog: str) -> dict[str, tuple]:
    """Every kind of dialogue: what `mdialog generate` is given for it, the catalogue last."""
    of_events = ("--recipe", "audio-dialogue", "--set", "events=1", "--catalog", work / "scenes.catalog")
    return {name: ("--recipe", name, "--catalog", catalog) for name in RECIPES} | {"scenes": of_events}


def making_scenes(work: Path) -> tuple[tuple, tuple]:
    """Commands that make a catalogue of rendered scenes of sound events."""
    folder, catalog = work / "scenes", work / "scenes.catalog"
    return (("mdialog", "synth", folder, "--scenes", SCENES, "--seed", SCENES_SEED),
            ("mdialog", "ingest", folder, "--metadata", folder / "events.tsv", "--catalog", catalog))  # fmt: skip


def make_scenes(work: Path) -> None:
    if not (work / "scenes.catalog").exists():
        for words in making_scenes(work):
            ran(*words)


def shown(work: Path, name: str, arguments: tuple) -> str:
    """A section: the commands, how many dialogues were written and how fast, and the first of them."""
    out, n = work / f"{name}.run", PLANNED.get(name, OTHERWISE_PLANNED)
    words = ("mdialog", "generate", "-n", n, "--seed", SEED, *arguments, "--out", out)
    was_there, begun = (out / "dialogues.jsonl").exists(), time.perf_counter()
    came = ran(*words).partition("; ")[2]
    seconds = time.perf_counter() - begun
    took = f" in {seconds:.0f} s with the start of the program, {seconds / n:.1f} s a dialogue ({came})"
    written = records(out)
    before = making_scenes(work) if name == "scenes" else ()
    return (f"## {name}\n\n{RECIPES.get(name, OF_SCENES)}\n\n{block(*before, words)}\n\n"
            f"{written} of {n} written{'' if was_there else took}; the first {min(SHOWN, written)}:\n\n"
            f"{readme.dialogues(out, SHOWN)}\n")  # fmt: skip


# ---- measures


def measured(run: Path, catalog: str, part: str) -> str:
    """What walks or answers come to."""
    words = ("mdialog", "evaluate", run, "--catalog", catalog, "--part", part)
    page = ran(*words).split("\n## ", 1)[-1].split("\n", 1)[-1].strip()
    return f"### {part} of {run.stem}\n\n{block(words)}\n\n{page}\n"


def filtered(run: Path, catalog: str) -> str:
    words = ("mdialog", "filter", run, "--catalog", catalog)
    return f"### mdialog filter on {run.stem}\n\n{block(words)}\n\n```\n{ran(*words)}\n```\n"


def measures(work: Path, catalog: str) -> list[str]:
    parts = [measured(work / f"{run}.run", catalog, part) for part, run in MEASURED]
    return ["## What measures of them print\n", *parts, filtered(work / f"{FILTERED}.run", catalog)]


def matching(catalog: str) -> str:
    """How well recommending serves: the table of scripts/evaluate_matching.py."""
    words = ("python", "scripts/evaluate_matching.py", "--catalog", catalog, "--seekers", SEEKERS)
    about = ("Simulated seekers wish in plain language; how well a track fits is what its composer knows. The weights were "
             "fitted on another catalogue and other seekers.")  # fmt: skip
    return f"## Matching\n\n{about}\n\n{block(words)}\n\n{ran(*words)}\n"


# ---- sources


def without_sound(table: Path, catalog: Path) -> tuple:
    """The command that reads a table of tracks that nobody can hear; its folder holds no music."""
    return ("mdialog", "ingest", table.parent, "--metadata", table, "--catalog", catalog)


def captions(work: Path, data: Path) -> list[str]:
    """MusicCaps' captions as a source, where they are."""
    table = data / "captions" / "musiccaps.csv"
    if not table.is_file():
        return []
    words = without_sound(table, work / "captions.catalog")
    return [f"## Captions as a source\n\n{block(words)}\n\n{ran(*words).splitlines()[-1]}\n"]


def playlists(work: Path, data: Path, catalog: str) -> list[str]:
    """CPCD's playlists as a source, where they are: how many are read, and found in catalogues."""
    file = data / "cpcd" / "cpcd_v1.dialogs.dev.train.jsonl"
    if not file.is_file():
        return []
    from mdialog.playlists import read_playlists

    lists, named = read_playlists(file), work / "cpcd.catalog"
    words = without_sound(table_of(lists, work / "cpcd" / "tracks.jsonl"), named)
    said = ran(*words).splitlines()[-1]
    read = f"{len(lists)} playlists of CPCD's train split, {sum(len(one.entries) for one in lists)} items."
    rows = "\n".join(f"| {path} | {found(lists, path)} |" for path in (named, catalog))
    walks = "A walk needs tracks that sound: `--set playlists=FILE` has talk-the-walk go over those that are found."
    return [f"## Playlists as sources\n\n{read} A table of their artists and titles gives tracks without sound:\n\n"
            f"{block(words)}\n\n{said}\n\n| catalogue | found there of the playlists |\n|---|---|\n{rows}\n\n{walks}\n"]


def table_of(lists: list, table: Path) -> Path:
    """Artists and titles of playlists, each track once."""
    names = sorted({entry.names[0] for one in lists for entry in one.entries if entry.names})
    lines = [json.dumps({"artist": artist, "title": title}, ensure_ascii=False) + "\n" for artist, title in names]
    table.parent.mkdir(exist_ok=True)
    table.write_text("".join(lines), encoding="utf-8")
    return table


def found(lists: list, catalog: str | Path) -> str:
    """What a catalogue has of playlists."""
    from mdialog.catalog import Catalog
    from mdialog.gather import gather
    from mdialog.snapshot import Snapshot

    return str(gather(lists, Snapshot.of(Catalog.open(str(catalog)))))


# ---- the page


def placed(page: str, args: argparse.Namespace) -> str:
    """The page without the places of this machine: what lies below the current folder as from there, the rest by its name."""
    page = page.replace(f"{Path.cwd()}/", "")
    names = {args.data: "$MDIALOG_REAL_DATA"} if args.data else {}
    names |= {path: path.name for path in (args.work, Path(args.catalog))}
    for path in sorted(filter(Path.is_absolute, names), key=lambda path: len(str(path)), reverse=True):
        page = page.replace(str(path), names[path])
    return page


def head(args: argparse.Namespace) -> str:
    words = ["python", "scripts/show_recipes.py", "--catalog", args.catalog]
    words += ["--work", args.work] if args.work != Path("show") else []
    words += ["--data", args.data] if args.data else []
    return ("# Every kind of dialogue\n\nWritten by this, as they came; each section shows what it was made by.\n\n"
            f"{block(tuple(words))}\n")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--catalog", required=True)
    parser.add_argument("--work", type=Path, default=Path("show"))
    parser.add_argument("--data", type=Path)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    make_scenes(args.work)
    sections = [shown(args.work, name, arguments) for name, arguments in kinds(args.work, args.catalog).items()]
    sections += [*measures(args.work, args.catalog), matching(args.catalog)]
    sections += [*captions(args.work, args.data), *playlists(args.work, args.data, args.catalog)] if args.data else []
    OUT.write_text(placed("\n".join([head(args), *sections]) + "\n", args), encoding="utf-8")
    print(f"wrote {OUT}")


if __name__ == "__main__":
    main()
