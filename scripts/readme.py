"""Write what README.md copies from elsewhere: the tree, from the files' first lines, and the first dialogues of a run.

    python scripts/readme.py [--run demo/run] [-n 3]
"""

import argparse
import ast
import json
from itertools import islice
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
WIDTH, COLUMN = 120, 26
MARKS = {"supported": "✓", "contradicted": "✗", "unverifiable": "?"}
SPEAKERS = {"user": "seeker", "assistant": "recommender"}


def about(path: Path) -> str:
    """First line of a file's docstring, or of a shell script's comment."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".sh":
        said = text.splitlines()[1].lstrip("# ") if text.startswith("#!") else text.splitlines()[0].lstrip("# ")
        return said.split(": ")[0].rstrip(".")
    return (ast.get_docstring(ast.parse(text)) or "").split("\n\n")[0].replace("\n", " ").replace("``", "").rstrip(".")


def line(name: str, said: str, depth: int) -> str:
    text = ("  " * depth + name).ljust(COLUMN - 1) + " " + said
    return text.rstrip() if len(text) <= WIDTH else text[: WIDTH - 2].rsplit(" ", 1)[0] + " …"


def files(folder: Path, depth: int) -> list[str]:
    """A line a module, then the folders below."""
    found = sorted(p for p in folder.iterdir() if p.suffix in (".py", ".sh") and not p.name.startswith("__"))
    return [line(p.name, about(p), depth) for p in found]


def tree() -> str:
    package = ROOT / "mdialog"
    lines = ["mdialog/", *files(package, 1)]
    for folder in ("evaluate", "listener", "recipes", "synth"):
        lines += [line(f"{folder}/", about(package / folder / "__init__.py"), 1), *files(package / folder, 2)]
    lines += [
        line("vocab/", about(package / "vocab" / "__init__.py"), 1),
        line("models/", "clap-mini and listener-mini: weights and cards; yours beside them", 0),
        line("audio_cache/", "decoded excerpts; safe to delete at any time", 0),
        "scripts/", *files(ROOT / "scripts", 1),
        line("tests/", "a file a module, on real parts", 0),
    ]  # fmt: skip
    return "```\n" + "\n".join(lines) + "\n```"


def dialogues(run: Path, n: int) -> str:
    """The first `n` dialogues of a run as tables, as they came."""
    parts = []
    with open(run / "dialogues.jsonl", encoding="utf-8") as records:
        for record in map(json.loads, islice(records, n)):
            texts = [t["content"].replace("|", r"\|") + verdicts(t) for t in record["turns"]]
            rows = [f"| {SPEAKERS[t['role']]} | {text} |" for t, text in zip(record["turns"], texts, strict=True)]
            parts.append("\n".join([f"`{record['id']}`:\n", "| | |", "|---|---|", *rows]))
    return "\n\n".join(parts)


def verdicts(turn: dict) -> str:
    """What came of the turn's audible statements, small, below it."""
    said = [f"{MARKS[claim['verdict']]} {'' if claim['present'] else 'no '}{claim['text']}" for claim in turn["claims"]
            if claim["basis"] == "heard"]  # fmt: skip
    return f"<br><sub>{' · '.join(dict.fromkeys(said))}</sub>" if said else ""


def put(text: str, mark: str, new: str) -> str:
    """Replace what stands between ``<!-- mark -->`` and ``<!-- end of mark -->``."""
    head, rest = text.split(f"<!-- {mark} -->")
    return f"{head}<!-- {mark} -->\n{new}\n<!-- end of {mark} -->" + rest.split(f"<!-- end of {mark} -->")[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, help="run folder whose first dialogues are shown")
    parser.add_argument("-n", type=int, default=3)
    args = parser.parse_args()
    text = put(README.read_text(encoding="utf-8"), "tree", tree())
    if args.run:
        text = put(text, "dialogues", dialogues(args.run, args.n))
    README.write_text(text, encoding="utf-8")
    print(f"wrote {README}")


if __name__ == "__main__":
    main()
