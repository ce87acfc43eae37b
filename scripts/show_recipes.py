"""Ten records of each recipe as they came, with times, and what measures of them print: written into docs/recipes.md.

    python scripts/show_recipes.py --catalog demo/catalog [--work show] [--data DIR]

DIR holds CPCD's human playlists and MusicCaps' captions, to show that they are read (``cpcd/`` and ``captions/musiccaps.csv``).
Runs that are there already are not written again, and lose their times.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

import readme

OUT = readme.ROOT / "docs" / "recipes.md"
N, SEED = 10, 4
SCENES = 40
RECIPES = {
    "music-discovery": "Someone seeks music, as people's intents follow one another; below a turn stand its claims.",
    "talk-the-walk": "A seeker walks from one set of tracks to the next and says what moves it.",
    "audio-dialogue": "Questions and answers about one clip.",
    "comparison": "Two clips, and what sets them apart.",
    "description": "One track in four lengths: a tag line, a sentence, a paragraph, a dense list to search by.",
    "goal-driven": "Nobody planned these: what is said next depends on what is heard.",
}


def mdialog(*arguments: object) -> str:
    """What a command prints; it may say that something was lost."""
    done = subprocess.run([sys.executable, "-c", "from mdialog.cli import main; main()", *map(str, arguments)],
                          capture_output=True, text=True)  # fmt: skip
    if done.returncode > 1 or done.returncode == 1 and not done.stdout:
        raise SystemExit(f"mdialog {' '.join(map(str, arguments))}: {done.stderr.strip().splitlines()[-1]}")
    return done.stdout.strip()


def shown(work: Path, name: str, about: str, *arguments: str) -> str:
    """A section: the command, how long it took, and the records."""
    out, begun = work / f"{name}.run", time.perf_counter()
    came = mdialog("generate", "-n", N, "--seed", SEED, *arguments, "--out", out).rpartition("; ")[2]
    seconds = time.perf_counter() - begun
    written = len((out / "dialogues.jsonl").read_text(encoding="utf-8").splitlines())
    command = f"mdialog generate -n {N} --seed {SEED} {' '.join(Path(a).name if '/' in a else a for a in arguments)}"
    return (f"## {name}\n\n{about} `{command}`: {written} of {N} written in {seconds:.0f} s with the start of the program, "
            f"{seconds / N:.1f} s a dialogue ({came}).\n\n{readme.dialogues(out, N)}\n")  # fmt: skip


def scenes(work: Path) -> Path:
    """A catalogue of rendered scenes of sound events."""
    catalog = work / "scenes.catalog"
    if not catalog.exists():
        mdialog("synth", work / "scenes", "--scenes", SCENES, "--seed", 9)
        mdialog("ingest", work / "scenes", "--metadata", work / "scenes" / "events.tsv", "--catalog", catalog)
    return catalog


def measures(work: Path, catalog: str) -> list[str]:
    """What walks, answers and the filter come to."""
    parts = []
    for part, run in (("consistency", "talk-the-walk"), ("answers", "audio-dialogue"), ("answers", "comparison")):
        page = mdialog("evaluate", work / f"{run}.run", "--catalog", catalog, "--part", part)
        parts.append(f"### {part} of {run}\n\n" + page.split("\n## ", 1)[-1].split("\n", 1)[-1].strip() + "\n")
    for run in ("audio-dialogue", "comparison"):
        said = mdialog("filter", work / f"{run}.run", "--catalog", catalog)
        parts.append(f"### mdialog filter on {run}\n\n```\n{said}\n```\n")
    return ["## What measures of them print\n", *parts]


def sources(work: Path, data: Path) -> list[str]:
    """Captions and human playlists as sources."""
    (work / "nothing").mkdir(exist_ok=True)
    captions, cpcd = data / "captions" / "musiccaps.csv", data / "cpcd" / "cpcd_v1.dialogs.dev.train.jsonl"
    said = [mdialog("ingest", work / "nothing", "--metadata", captions, "--catalog", work / "captions.catalog") if not
            (work / "captions.catalog").exists() else "read before"]  # fmt: skip
    from mdialog.playlists import read_playlists

    lists = read_playlists(cpcd, split=data / "cpcd" / "split.json")
    said.append(f"{len(lists)} playlists of CPCD's train split, {sum(len(one.entries) for one in lists)} items")
    return ["## Sources\n", *(f"- {text.splitlines()[-1] if text else 'nothing was said'}" for text in said)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--catalog", required=True)
    parser.add_argument("--work", type=Path, default=Path("show"))
    parser.add_argument("--data", type=Path)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    on = ("--catalog", args.catalog)
    sections = [shown(args.work, recipe, about, "--recipe", recipe, *on) for recipe, about in RECIPES.items()]
    of_events = ("--recipe", "audio-dialogue", "--set", "events=1", "--catalog", str(scenes(args.work)))
    sections.append(shown(args.work, "scenes", "Questions after sound events, held against their times.", *of_events))
    sections += measures(args.work, args.catalog)
    sections += sources(args.work, args.data) if args.data else []
    head = f"# Every kind of dialogue\n\nWritten by `python scripts/show_recipes.py --catalog {args.catalog}`, as they came.\n"
    page = "\n".join([head, *sections]) + "\n"
    OUT.write_text(page.replace(f"{args.work}/", ""), encoding="utf-8")
    print(f"wrote {OUT}")


if __name__ == "__main__":
    main()
