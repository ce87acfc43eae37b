"""How true each kind of dialogue is, with the real clip and without it: the table of the listener's card.

    python scripts/evaluate_recipes.py --catalog demo/catalog [-n 40] [--listener listener-mini] [--work recipes]

Dialogues of every recipe are generated, and turns of them written again with the real clip, another one, noise and silence
(`mdialog evaluate --part grounding`); what is true the labels of the composer say, and of scenes of sound events, which are
rendered for this, their marked times. Runs that are there are not written again. The table is printed, and put into the card
of a bundled listener.
"""

import argparse
import json
from pathlib import Path

import readme
from show_recipes import kinds, make_scenes, mdialog, records

from mdialog.hearing import Share
from mdialog.models import find_model

SOUNDS = ("real clip", "another clip", "noise", "silence", "accepted")
SEED, TURNS = 23, 120


def row(recipe: str, out: Path, n: int) -> str:
    """A recipe's line: dialogues written, and the share of heard statements that is true under each sound."""
    found = json.loads((out / "evaluation" / "grounding.json").read_text(encoding="utf-8"))["by_kind"]
    shares = [found.get(sound, {}).get("all", {"hits": 0, "n": 0}) for sound in SOUNDS]
    cells = [Share(one["hits"], one["n"]).figure() for one in shares]
    return f"| {recipe} | {records(out)} of {n} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--catalog", required=True)
    parser.add_argument("-n", type=int, default=40, help="dialogues of each recipe")
    parser.add_argument("--listener", default="listener-mini")
    parser.add_argument("--work", type=Path, default=Path("recipes"))
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    lines = [f"| recipe | written | {' | '.join(SOUNDS)} |", "|---" * (2 + len(SOUNDS)) + "|"]
    make_scenes(args.work)
    for recipe, arguments in kinds(args.work, args.catalog).items():
        out = args.work / f"{recipe}.run"
        mdialog("generate", "-n", args.n, "--seed", SEED, *arguments, "--listener", args.listener, "--out", out)
        mdialog("evaluate", out, "--catalog", arguments[-1], "--part", "grounding", "--turns", TURNS)
        lines.append(row(recipe, out, args.n))
        print(lines[-1], flush=True)
    table = "\n".join(lines)
    print(table)
    card = Path(find_model(args.listener)) / "README.md"
    if card.is_file() and "<!-- recipes -->" in (text := card.read_text(encoding="utf-8")):
        card.write_text(readme.put(text, "recipes", table), encoding="utf-8")


if __name__ == "__main__":
    main()
