"""Precision and recall of the claim finder on the labelled sentences, per kind, with 95 % Wilson intervals.

    python scripts/evaluate_claims.py                      the tuning half
    python scripts/evaluate_claims.py --final              the half that was kept for the last figure
    python scripts/evaluate_claims.py --pairs [--final]    answers about two clips: and of which clip a claim is
    python scripts/evaluate_claims.py --second             how far a second reader agrees with the labels of the final half

Captions are stored as row numbers: their text is read from captions/musiccaps.csv below MDIALOG_REAL_DATA; without it they
are left out. A claim counts as found if kind, value, presence and comparison are those of the label; metres that the labels
have no value for are left out.
"""

import argparse
import csv
import json
import os
import re
from collections import Counter
from pathlib import Path

from mdialog import claims, subjects, vocab
from mdialog.brief import Brief, Name
from mdialog.hearing import Share
from mdialog.plan import Clip

SENTENCES = Path(__file__).resolve().parent.parent / "tests" / "sentences"
FILES = ("written", "listener", "captions", "more")


def records(half: str):
    """Source, text, names and labels of each sentence of a half."""
    data = os.environ.get("MDIALOG_REAL_DATA")
    captions = None
    if data:
        with open(Path(data) / "captions" / "musiccaps.csv", encoding="utf-8", newline="") as file:
            captions = [row["caption"] for row in csv.DictReader(file)]
    for source in FILES:
        for line in (SENTENCES / f"{source}.jsonl").read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            if record["half"] != half or ("row" in record and captions is None):
                continue
            text = record.get("text") or re.split(r"(?<=[.!?])\s+", captions[record["row"]])[record["sentence"]]
            yield source, record["id"], text, record.get("names", ()), _labels(record["claims"])


FIRST, SECOND = Name("Red Sky", "Bob Lune"), Name("Blue Hour", "Ann Vale")  # the two clips of pairs.jsonl


def of_pairs(half: str, *, errors: bool) -> str:
    """Figures on answers about two clips; what is said of both counts once for each."""
    right, found_n, true_n, clips = 0, 0, 0, []
    for line in (SENTENCES / "pairs.jsonl").read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        if record["half"] != half:
            continue
        brief = Brief("assistant", ("item_attribute_answer",), asks=(record["ask"],), about=SECOND, before=FIRST,
                      clips=(Clip("first", 0.0, 10.0), Clip("second", 0.0, 10.0)))  # fmt: skip
        found = {(c.kind, c.value, c.present, c.comparison, c.clip) for c in subjects.find(record["text"], brief)}
        labels = {(c["kind"], c["value"], c["present"], c["comparison"], c["clip"]) for c in record["claims"]}
        clips += [label in found for label in labels if label[:4] in {one[:4] for one in found}]
        found, labels = _of_each(found), _of_each(labels)
        right, found_n, true_n = right + len(found & labels), found_n + len(found), true_n + len(labels)
        if errors and found != labels:
            print(f"{record['id']} {record['text']}")
            print(f"    missed {sorted(map(str, labels - found))}\n    wrong {sorted(map(str, found - labels))}")
    rows = (("precision", Share(right, found_n)), ("recall", Share(right, true_n)),
            ("of the right clip", Share(sum(clips), len(clips))))  # fmt: skip
    return "| of two clips | |\n|---|---|\n" + "\n".join(f"| {name} | {figure.figure()} |" for name, figure in rows)


def _of_each(said: set[tuple]) -> set[tuple]:
    return {(*one[:4], clip) for one in said for clip in (("this", "before") if one[4] == "both" else one[4:])}


def read_again() -> tuple[dict[str, set], dict[str, set]]:
    """The final half's labels by a second reader, and those that a third settled where the two differ, by id."""
    lines = (SENTENCES / "second.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return {r["id"]: _labels(r["claims"]) for r in rows}, {r["id"]: _labels(r["settled"]) for r in rows if "settled" in r}


def _labels(claims_: list[dict]) -> set[tuple]:
    return {(c["kind"], c["value"], c["present"], c["comparison"]) for c in claims_}


def _found(text: str, names) -> set[tuple]:
    """What the finder finds, without metres that the labels have no value for (5/4, 7/8): it knows them, to contradict them."""
    metres = vocab.load()["metre"].names
    found = {(c.kind, c.value, c.present, c.comparison) for c in claims.find(text, names=names)}
    return {one for one in found if one[0] != "metre" or one[1] in metres}


def agreement() -> str:
    """Of the claims that either reader labels the share that both do, as F1, by kind; the finder against what was settled."""
    second, settled = read_again()
    first = {name: labels for _, name, _, _, labels in records("final")}
    kinds = sorted({label[0] for labels in (*first.values(), *second.values()) for label in labels})
    lines = ["| kind | F1 of two readers |", "|---|---|"]
    for kind in ("all", *kinds):
        a, b = ({(name, *label) for name in first for label in labels[name] if kind in ("all", label[0])}
                for labels in (first, second))  # fmt: skip
        lines.append(f"| {kind} | {2 * len(a & b) / (len(a) + len(b)):.3f} (n {len(a)}, {len(b)}) |")
    right, found_n, true_n = 0, 0, 0
    for _, name, text, names, labels in records("final"):
        found = _found(text, names)
        true = settled.get(name, labels)
        right, found_n, true_n = right + len(found & true), found_n + len(found), true_n + len(true)
    lines += ["", f"against the labels settled by a third reader ({len(settled)} sentences): precision "
              f"{Share(right, found_n).figure()}, recall {Share(right, true_n).figure()}"]  # fmt: skip
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--final", action="store_true", help="the half kept for the last figure")
    parser.add_argument("--errors", action="store_true", help="list what was missed or found wrongly (tuning half only)")
    parser.add_argument("--pairs", action="store_true", help="answers about two clips")
    parser.add_argument("--second", action="store_true", help="what a second reader makes of the final half")
    args = parser.parse_args()
    if args.second:
        print(agreement())
        return
    if args.pairs:
        print(of_pairs("final" if args.final else "tune", errors=args.errors and not args.final))
        return
    right, found_n, true_n = Counter(), Counter(), Counter()
    for source, name, text, names, labels in records("final" if args.final else "tune"):
        found = _found(text, names)
        for group in ("all", f"source {source}"):
            right[group] += len(found & labels)
            found_n[group] += len(found)
            true_n[group] += len(labels)
        for one in found | labels:
            right[one[0]] += one in found and one in labels
            found_n[one[0]] += one in found
            true_n[one[0]] += one in labels
        if args.errors and not args.final and found != labels:
            print(f"{name} {text[:200]}")
            print(f"    missed {sorted(map(str, labels - found))}\n    wrong {sorted(map(str, found - labels))}")
    print("| kind | precision | recall |\n|---|---|---|")
    for kind in sorted(true_n | found_n):
        print(f"| {kind} | {Share(right[kind], found_n[kind]).figure()} | {Share(right[kind], true_n[kind]).figure()} |")


if __name__ == "__main__":
    main()
