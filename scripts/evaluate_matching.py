"""How well recommending serves simulated seekers with known tastes, beside popularity order, BM25 and CLAP alone.

    python scripts/evaluate_matching.py --catalog demo/catalog           the table
    python scripts/evaluate_matching.py --catalog OTHER --fit            chooses the weights of mdialog/match.py
    python scripts/evaluate_matching.py --catalog OTHER --wishes 20      prints wishes and how they are read

Weights are fitted on another catalogue and other seekers than those that are reported. nDCG@10 is that of the tracks not yet
shown; figures are means over seekers with 95 % bootstrap intervals.
"""

import argparse
from dataclasses import replace

import numpy as np

from mdialog import match
from mdialog.catalog import Catalog
from mdialog.evaluate import seekers as people
from mdialog.evaluate.relevance import composer_truth
from mdialog.shelf import Shelf
from mdialog.snapshot import Snapshot

FIT_SEED, SEED = 1_001, 2_002
POPULARITY_WEIGHTS = (-2.0, -1.0, -0.5, 0.5, 1.0)
GRID = {"sound": (0.0, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0), "words": (0.0, 0.1, 0.25, 0.5, 0.75),
        "avoid": (0.7, 1.0, 1.5, 2.5), "context": (0.4, 0.7, 1.0), "lean": (0.25, 0.5, 1.0, 1.5)}  # fmt: skip
GRID_FEEDBACK = {"liked": (0.0, 0.25, 0.5, 0.75, 1.0, 1.5), "disliked": (0.0, 0.15, 0.3, 0.5, 0.75)}


def figure(values) -> str:
    mean, low, high = people.interval(values)
    return f"{mean:.3f} [{low:.3f}, {high:.3f}]"


def row(name: str, served, shelf: Shelf) -> str:
    lists = [one.ids for one in served]
    gini = people.gini(lists, shelf)
    return f"| {name} | {figure([s.ndcg for s in served])} | {figure([s.long_tail for s in served])} | {gini:.2f} |"


def report(shelf: Shelf, truth, crowd) -> None:
    """The table: ways of ranking, the effect of popularity weights, and rounds of feedback."""
    grade = {seeker.id: people.grades(seeker, shelf, truth) for seeker in crowd}

    def once(rank):
        return [people.serve(shelf, grade[s.id], rank(s.wish, match.NO_OPINIONS, ())) for s in crowd]

    print(f"{len(crowd)} seekers, {len(shelf)} tracks; of the catalogue: {shelf.exposure()}\n")
    print("| ranking | nDCG@10 | long-tail share | Gini of exposure |\n|---|---|---|---|")
    for name, rank in people.rankings(shelf).items():
        print(row(name, once(rank), shelf), flush=True)
    print(row("recommend", once(people.recommending(shelf)), shelf), flush=True)
    for weight in POPULARITY_WEIGHTS:
        ranked = once(people.recommending(shelf, popularity_weight=weight))
        print(row(f"recommend, popularity weight {weight:+g}", ranked, shelf), flush=True)
    rank = people.recommending(shelf)
    talks = [people.converse(shelf, truth, seeker, rank) for seeker in crowd]
    for i in range(1, people.ROUNDS + 1):
        print(row(f"recommend, after {i} round{'s' * (i > 1)} of feedback", [talk[i][0] for talk in talks], shelf))
        print(row("… the same remaining tracks without feedback", [talk[i][1] for talk in talks], shelf))
        gain = [talk[i][0].ndcg - talk[i][1].ndcg for talk in talks]
        print(f"| … gain by feedback, paired | {figure(gain)} | | |", flush=True)


def fit(shelf: Shelf, truth, crowd) -> None:
    """Coordinate search over the grids: the words by the first list, the opinions by the lists after feedback."""
    counted = people.counted_trust(shelf, truth)
    weights = replace(match.WEIGHTS, trust={**match.WEIGHTS.trust, **counted})
    print("trust, counted:", {f"{source} {kind}": (t.yes, t.no) for (source, kind), t in counted.items()})
    grade = {seeker.id: people.grades(seeker, shelf, truth) for seeker in crowd}

    def first_list(tried) -> float:
        rank = people.recommending(shelf, weights=tried)
        return np.mean([people.serve(shelf, grade[s.id], rank(s.wish, match.NO_OPINIONS, ())).ndcg for s in crowd])

    def later_lists(tried) -> float:
        rank = people.recommending(shelf, weights=tried)
        return np.mean([[mine.ndcg for mine, _ in people.converse(shelf, truth, s, rank)[1:]] for s in crowd])

    for _ in range(2):
        for grid, score in ((GRID, first_list), (GRID_FEEDBACK, later_lists)):
            for name, values in grid.items():
                tried = {value: score(replace(weights, **{name: value})) for value in values}
                best = max(tried, key=tried.get)
                weights = replace(weights, **{name: best})
                print(f"{name}: {best}  ({', '.join(f'{v}: {s:.4f}' for v, s in tried.items())})", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--catalog", required=True, help="of music made by `mdialog synth`")
    parser.add_argument("--seekers", type=int, default=300)
    parser.add_argument("--seed", type=int, help=f"of the seekers; {SEED}, and {FIT_SEED} with --fit")
    parser.add_argument("--fit", action="store_true", help="choose weights instead of reporting")
    parser.add_argument("--wishes", type=int, metavar="N", help="print the first N wishes and how they are read")
    args = parser.parse_args()
    catalog = Catalog.open(args.catalog)
    shelf = Shelf.of(catalog)
    truth = people.Truth.of(shelf, composer_truth(Snapshot.of(catalog)))
    seed = args.seed if args.seed is not None else FIT_SEED if args.fit or args.wishes else SEED
    crowd = people.draw_seekers(shelf, truth, n=args.wishes or args.seekers, seed=seed)
    if args.wishes:
        for seeker in crowd:
            print(f"{seeker.wish}\n    said {seeker.said}, unsaid {seeker.unsaid}, unwanted {seeker.unwanted}")
            print("    " + "\n    ".join(match.understand(shelf, seeker.wish).understood()))
    else:
        (fit if args.fit else report)(shelf, truth, crowd)


if __name__ == "__main__":
    main()
