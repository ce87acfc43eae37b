"""Captions that teach CLAP: sets of facts about a clip, and the ways to write them down."""

import random
from collections.abc import Sequence

from mdialog import vocab
from mdialog.synth.labels import ClipLabels

# How often a caption draws on a kind: what people name most when they describe sound.
WEIGHTS = {
    "instrument": 6.0, "lead": 3.0, "genre": 3.0, "tempo": 2.5, "vocal": 2.0, "mood": 2.5, "energy": 1.5,
    "mode": 1.0, "metre": 0.7, "theme": 1.5,
}


def facts(labels: ClipLabels, themes: Sequence[str] = ()) -> frozenset[tuple[str, str]]:
    """Everything true of a clip, as ``(kind, value)``; ``lead`` stands beside the vocabulary's kinds."""
    found = {("tempo", labels.tempo), ("mode", labels.mode), ("metre", labels.metre), ("genre", labels.genre),
             ("vocal", labels.vocal), ("energy", labels.energy)}
    found |= {("instrument", i) for i in labels.instruments}
    found |= {("mood", m) for m in labels.moods}
    found |= {("theme", t) for t in themes}
    if labels.lead:
        found.add(("lead", labels.lead))
    return frozenset(found)


def draw(true: frozenset[tuple[str, str]], rng: random.Random, *, most: int = 4) -> tuple[tuple[str, str], ...]:
    """One to `most` facts for a caption, by `WEIGHTS`."""
    pool = sorted(true)
    weights = [WEIGHTS[kind] / sum(k == kind for k, _ in pool) for kind, _ in pool]
    chosen: list[tuple[str, str]] = []
    for _ in range(rng.choices(range(1, most + 1), weights=[4, 3, 2, 1][:most])[0]):
        fact = rng.choices(pool, weights=weights)[0]
        if fact not in chosen:
            chosen.append(fact)
    return tuple(chosen)


def write(chosen: Sequence[tuple[str, str]], rng: random.Random) -> str:
    """A caption that says exactly the `chosen` facts."""
    v = vocab.load()
    if len(chosen) == 1 and chosen[0][0] != "lead" and rng.random() < 0.6:
        kind, value = chosen[0]
        return rng.choice(v[kind][value].prompts)
    before, after = [], []
    for kind, value in chosen:
        word = value if kind == "lead" or rng.random() < 0.5 else rng.choice(v[kind][value].words)
        if kind in ("tempo", "energy", "mood", "mode"):
            before.append(f"in {word}" if word.startswith("a ") else word)
        elif kind == "genre":
            before.append(word.removeprefix("a "))
        elif kind == "lead":
            after.append(rng.choice((f"{word} playing the melody", f"a {word} melody", f"led by {word}")))
        elif kind == "instrument":
            after.append(rng.choice((f"with {word}", f"{word} playing", f"the sound of {word}")))
        elif kind == "theme":
            after.append(f"for {word}")
        elif kind == "metre":
            after.append(f"in {word}")
        else:
            after.append(word if value == "instrumental" else f"with {word}")
    rng.shuffle(after)
    inside = [b for b in before if b.startswith("in ")]
    before = [b for b in before if not b.startswith("in ")]
    noun = rng.choice(("music", "music", "track", "piece"))
    return ", ".join([" ".join([*before, noun]), *inside, *after])
