"""Which words stand side by side in the phrase book: draws from it, and writes ``mdialog/neighbours.txt``.

    python scripts/find_neighbours.py [-n 200000] [--seed 0] [--workers 2]

What goes into the file is read by :mod:`mdialog.slips`. Last it prints in how many of as many texts as `--held` that were drawn
apart a pair is missing: that many true sentences are called slips.
"""

import argparse
import dataclasses
import random
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from mdialog import slips
from mdialog.hearing import share
from mdialog.synth import phrases, questions
from mdialog.synth.labels import random_labels
from mdialog.utterance import Utterance

ASKED = 0.3  # share of texts that ask or answer a question, of which talk has fewer
FILE = Path(slips.__file__).with_name(slips.FILE)


def draw(rng: random.Random) -> Utterance:
    """A text of the phrase book about no clip, one or two."""
    labels = [random_labels(rng) for _ in range(rng.choice((0, 1, 1, 2)))]
    if not labels or rng.random() >= ASKED:
        brief = phrases.random_brief(rng, len(labels), labels=labels)
        return Utterance(phrases.say(brief, labels, rng), brief)
    role, intent = rng.choice((("user", "item_attribute_question"), ("assistant", "item_attribute_answer")))
    brief = phrases.random_brief(rng, len(labels), labels=labels, role=role, intents=(intent,))
    brief = dataclasses.replace(brief, asks=(questions.draw_ask(rng, labels[-1], compares=len(labels) == 2),))
    return Utterance(phrases.say(brief, labels, rng), brief)


def found(seed: str, n: int) -> set[tuple[str, str]]:
    """The pairs of `n` texts."""
    rng = random.Random(seed)
    return {pair for _ in range(n) for pair in slips.pairs(draw(rng))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=200_000, help="texts")
    parser.add_argument("--held", type=int, default=5_000, help="texts that are drawn apart")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    parts = range(args.workers)
    with ProcessPoolExecutor(args.workers) as pool:
        every = set().union(*pool.map(found, (f"{args.seed}/{part}" for part in parts), [args.n // args.workers] * len(parts)))
    following = defaultdict(list)
    for first, second in sorted(every):
        following[first].append(second)
    FILE.write_text("".join(f"{first} {' '.join(seconds)}\n" for first, seconds in following.items()), encoding="utf-8")
    print(f"wrote {len(every)} pairs of {args.n} texts to {FILE.name}")
    slips.neighbours.cache_clear()
    rng = random.Random(f"{args.seed}/held")
    print(f"of texts drawn apart a pair is missing in {share(bool(slips.slips(draw(rng))) for _ in range(args.held)).figure()}")


if __name__ == "__main__":
    main()
