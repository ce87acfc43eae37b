"""How fast plans are made, how large the snapshot is, and how near to people the planned intents and kinds are.

    python scripts/bench_plan.py [--tracks 10000] [--plans 2000] [--sonic 0.5] [--catalog PATH]
"""

import argparse
import random
import time
from collections import Counter

from mdialog.attributes import Attribute
from mdialog.cascade import kind_of
from mdialog.intents import IntentModel, kind_weights
from mdialog.recipes.music_discovery import Options, plan_many
from mdialog.snapshot import TRACK_COLUMNS, WINDOW_COLUMNS, Snapshot
from mdialog.synth.tables import draw_tables, labels


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracks", type=int, default=10_000, help="drawn tracks, if no catalogue is given")
    parser.add_argument("--catalog", help="measure on this catalogue instead")
    parser.add_argument("--dim", type=int, default=512, help="of the drawn embeddings")
    parser.add_argument("--plans", type=int, default=2_000)
    parser.add_argument("--sonic", type=float, default=0.5)
    parser.add_argument("--questions", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--profile", action="store_true")
    return parser


def read_snapshot(args: argparse.Namespace) -> Snapshot:
    if not args.catalog:
        tracks, windows = draw_tables(args.tracks, seed=args.seed, dim=args.dim)
        began = time.perf_counter()
        snapshot = Snapshot.from_arrow(tracks, windows, labels=labels())
    else:
        from mdialog.catalog import Catalog

        catalog = Catalog.open(args.catalog)
        began = time.perf_counter()
        tracks = catalog.columns([c for c in TRACK_COLUMNS if c in catalog.table("tracks").schema.names])
        windows = catalog.columns(WINDOW_COLUMNS, table="windows")
        snapshot = Snapshot.from_arrow(tracks, windows, labels=list(catalog.about.labels))
    took = time.perf_counter() - began
    per_track = snapshot.nbytes_per_track
    own = per_track - sum(getattr(snapshot, f"window_{n}").nbytes for n in ("s", "scores", "energy", "typical")) / len(
        snapshot
    )
    print(
        f"snapshot: {len(snapshot)} tracks, {len(snapshot.window_s)} windows in {took:.2f} s; "
        f"{per_track:.0f} bytes a track ({own:.0f} without windows), of them embedding "
        f"{snapshot.embedding.nbytes / len(snapshot):.0f}"
    )
    return snapshot


def main() -> None:
    args = get_parser().parse_args()
    snapshot, model = read_snapshot(args), IntentModel.load()
    options = {"seed": args.seed, "options": Options(sonic=args.sonic, questions=args.questions)}
    list(plan_many(snapshot, n=20, **options))  # first use builds what is cached
    if args.profile:
        import cProfile

        cProfile.runctx("list(plan_many(snapshot, n=args.plans, **options))", globals(), locals(), sort="tottime")
        return
    began = time.process_time()
    for _ in plan_many(snapshot, n=args.plans, **options):
        pass
    took = time.process_time() - began
    print(f"speed: {args.plans} plans in {took:.2f} s of one core: {args.plans / took:.0f} plans/s")
    plans = list(plan_many(snapshot, n=args.plans, **options))
    planned = [[(t.role, t.intents) for t in plan.turns] for plan in plans]
    floor = model.floor(random.Random(args.seed), n_dialogues=len(plans))
    alone = model.divergence(
        model.sample(random.Random(f"{args.seed} {i}")) for i in range(len(plans))
    )
    print(
        f"transitions: {model.divergence(planned):.4f} bits from people's as planned, {alone:.4f} as the model alone "
        f"draws them; sampling floor {floor:.4f}"
    )
    print(f"length: {sum(len(p) for p in planned) / 2 / len(planned):.2f} user turns (people 5.26)")
    intents = Counter((role, i) for turns in planned for role, names in turns for i in names)
    print("intents: " + ", ".join(f"{role[0]}:{i} {n}" for (role, i), n in intents.most_common()))
    kinds = Counter(
        kind_of(attribute)
        for plan in plans
        for turn in plan.turns
        for attribute in map(Attribute.parse, turn.attributes)
    )
    people, target = kind_weights(0.0), kind_weights(args.sonic)
    print(f"{'kind':16}{'planned':>9}{'dial':>9}{'people':>9}")
    for kind in sorted(target | kinds, key=lambda k: -target.get(k, 0)):
        print(f"{kind:16}{kinds[kind] / kinds.total():9.3f}{target.get(kind, 0):9.3f}{people.get(kind, 0):9.3f}")
    offered = [len(t.track_seq) for plan in plans for t in plan.turns if t.track_seq]
    liked = [t in plan.goal["track_ids"] for plan in plans for turn in plan.turns for t in turn.liked]
    print(
        f"tracks: {sum(offered) / len(offered):.1f} a recommendation, {sum(n == 10 for n in offered) / len(offered):.0%}"
        f" of them full; {sum(liked) / max(1, len(liked)):.0%} of the liked ones are of the goal"
    )


if __name__ == "__main__":
    main()
