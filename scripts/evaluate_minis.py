"""The figures of the model cards: what clap-mini and listener-mini hear, on music that neither was trained on.

    python scripts/evaluate_minis.py --unseen OTHER.sf3 [--write]

Two held-out sets: artists that no training clip is by, and those artists with a SoundFont never trained on. Everything
goes through the package's own path: rendered sound, `Clap.embed_audio`, `LocalListener.write`. With ``--write`` the
tables go into the cards, between their ``figures`` marks.
"""

import argparse
import dataclasses
import pickle
import random
import re
import shlex
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
import torchaudio
from exercises import naming, searching
from render_clips import SAMPLE_RATE_HZ, draw_clips, draw_scenes
from scipy.stats import rankdata

from mdialog import checks, claims, happenings, subjects, vocab
from mdialog.clap import Clap
from mdialog.exam import LIST_TASK
from mdialog.hearing import Share, share
from mdialog.listener.base import Request, Sampling
from mdialog.listener.local import LocalListener
from mdialog.marks import Marks
from mdialog.referee import answered
from mdialog.synth import captions, phrases
from mdialog.synth.render import default_soundfont
from mdialog.utterance import Utterance, given_names

ROOT = Path(__file__).resolve().parent.parent
FACTS_IN_QUERY = 5
CHOICES = ("genre", "tempo", "vocal", "metre", "mode", "energy")


def held_out_clips(n: int, soundfonts: list[Path], seed: int, keep: Path | None):
    """Sound and truth of `n` clips by held-out artists, one a piece; rendered once where there is a folder to keep them."""
    kept = keep / f"{seed}-{n}-{'-'.join(s.stem for s in soundfonts)}.pickle" if keep else None
    if kept and kept.exists():
        audio, labels, themes = pickle.loads(kept.read_bytes())
    else:
        rng = random.Random(seed)
        rows = [next(draw_clips(rng, soundfonts, held=True, augmented=False)) for _ in range(n)]
        audio, labels, themes = np.stack([r[0] for r in rows]), [r[1] for r in rows], [r[2] for r in rows]
        if kept:
            keep.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(pickle.dumps((audio, labels, themes)))
    return audio, [dataclasses.replace(row, themes=tuple(t)) for row, t in zip(labels, themes, strict=True)], themes


def clap_rows(clap, audio, labels, themes) -> dict[str, str]:
    """Recall of a clip by a caption of its facts; zero-shot accuracy a kind; AUC of instruments."""
    rng = random.Random(0)
    sound = clap.embed_audio(audio)
    known = [captions.facts(row, t) for row, t in zip(labels, themes, strict=True)]
    queries = []
    for true in known:
        chosen = list(captions.draw(true, rng, most=4))
        chosen += [f for f in rng.sample(sorted(true), len(true)) if f not in chosen]
        queries.append(captions.write(chosen[:FACTS_IN_QUERY], rng))
    text = clap.embed_text(queries)
    ranks = rankdata(-(text @ sound.T), axis=1)[np.arange(len(text)), np.arange(len(text))]
    recall = f"text-to-audio recall@10 of {len(text)} (chance {10 / len(text):.3f})"
    rows = {recall: Share(int((ranks <= 10).sum()), len(text)).figure()}
    zero = clap.zero_shot
    scores = sound @ zero.text_embeddings.T
    scores = (scores - scores.mean(0)) / scores.std(0)
    for kind in CHOICES:
        columns = [i for i, (k, _) in enumerate(zero.labels) if k == kind]
        best = scores[:, columns].argmax(1)
        said = [zero.labels[columns[b]][1] for b in best]
        hits = sum(s == getattr(row, kind) for s, row in zip(said, labels, strict=True))
        rows[f"zero-shot {kind} (of {len(columns)}, chance {1 / len(columns):.3f})"] = Share(hits, len(labels)).figure()
    columns = [i for i, (k, _) in enumerate(zero.labels) if k == "instrument"]
    lead = [(row.lead, zero.labels[columns[b]][1]) for row, b in zip(labels, scores[:, columns].argmax(1), strict=True)]
    sounding = sum(said in row.instruments for (_, said), row in zip(lead, labels, strict=True))
    rows["zero-shot first instrument sounds in the clip"] = Share(sounding, len(labels)).figure()
    aucs = []
    for i in columns:
        true = np.array([zero.labels[i][1] in row.instruments for row in labels])
        if 5 <= true.sum() <= len(true) - 5:
            r = rankdata(scores[:, i])
            aucs.append((r[true].sum() - true.sum() * (true.sum() + 1) / 2) / (true.sum() * (~true).sum()))
    rows[f"instrument AUC, mean of {len(aucs)} instruments"] = f"{np.mean(aucs):.3f}"
    return rows


def recommending_briefs(labels, seed: int):
    """Briefs of assistant turns with one clip: what a listener is mostly asked."""
    rng = random.Random(seed)
    return [phrases.random_brief(rng, 1, role="assistant", names=naming(rng)) for _ in labels]


OPEN = (*CHOICES, "instrument", "key", "mood")
TURNS = {  # what each recipe asks of a listener: clips, intents, and the questions that are meant
    "audio dialogue: whether it is so": (1, ("item_attribute_answer",), lambda ask: ":" in ask),
    "audio dialogue: open questions": (1, ("item_attribute_answer",), lambda ask: ask in OPEN),
    "comparison": (2, ("item_attribute_answer",), lambda ask: ask.startswith(("compare", "same"))),
    "description": (1, ("description",), lambda ask: True),
}


def recipe_rows(listener, sounds: dict[str, np.ndarray], labels, *, seed: int) -> dict[str, dict[str, list[bool]]]:
    """Truth of what is said in the turns of the other recipes, by recipe, under each sound."""
    table: dict[str, dict[str, list[bool]]] = {condition: {} for condition in sounds}
    for recipe, (n_clips, intents, meant) in TURNS.items():
        rng, given = random.Random(seed), []
        rows = [(labels[i - 1], row)[-n_clips:] for i, row in enumerate(labels)]
        for row in rows:
            while True:
                brief = phrases.random_brief(rng, n_clips, labels=row, role="assistant", intents=intents, names=naming(rng))
                if brief.asks and all(map(meant, brief.asks)):
                    break
            given.append(dataclasses.replace(brief, new=(), wanted=(), dropped=(), liked=(), refused=()))
        for condition, played in sounds.items():
            requests = [Request.of(str(i), brief, play=_player(played, i, n_clips))
                        for i, brief in enumerate(given)]
            texts = [c[0] for c in listener.write(requests, n=1, seed=seed, sampling=listener.sampling)]
            found = said_about(texts, given, [row[-1] for row in rows], before=[row[0] for row in rows])
            table[condition][recipe] = [holds for values in found.values() for holds in values]
    return table


def suits_right(listener, sounds: dict[str, np.ndarray], labels, *, seed: int) -> dict[str, dict[str, list[bool]]]:
    """Whether the clip is named that suits a purpose, of two of which one does: by its title, or as "this one"."""
    rng, given, true = random.Random(seed), [], []
    for i, row in enumerate(labels):
        purposes = sorted(set(row.themes) ^ set(labels[i - 1].themes)) or ["study"]
        theme = rng.choice(purposes)
        brief = phrases.random_brief(rng, 2, role="assistant", intents=("item_attribute_answer",), names=naming(rng))
        given.append(dataclasses.replace(brief, asks=(f"suits:{theme}",), new=(), wanted=(), liked=(), refused=()))
        true.append(theme in row.themes)
    table: dict[str, dict[str, list[bool]]] = {}
    for condition, played in sounds.items():
        requests = [Request.of(str(i), brief, play=_player(played, i, 2))
                    for i, brief in enumerate(given)]  # fmt: skip
        texts = [c[0] for c in listener.write(requests, n=1, seed=seed, sampling=Sampling(temperature=0))]
        chosen = [_chosen(text, brief) for text, brief in zip(texts, given, strict=True)]
        table[condition] = {"which of two suits a purpose": [
            one == holds for one, holds, row, before in zip(chosen, true, labels, [labels[-1], *labels], strict=False)
            if set(row.themes) != set(before.themes)]}  # fmt: skip
    return table


def event_rows(listener, soundfonts: list[Path], *, n: int, seed: int) -> dict[str, dict[str, list[bool]]]:
    """Truth of answers about sound events in `n` scenes that were not trained on, by what is asked, under each sound."""
    rng, known = random.Random(seed), frozenset(vocab.events().names)
    scenes = [next(draw_scenes(rng, soundfonts, augmented=False)) for _ in range(n)]
    asked = [happenings.draw_ask(rng, clip.events) for _, clip in scenes]
    given = []
    for ask in asked:
        brief = phrases.random_brief(rng, 1, role="assistant", intents=("item_attribute_answer",), names=naming(rng))
        given.append(dataclasses.replace(brief, asks=(ask,), new=(), wanted=(), liked=(), refused=()))
    table: dict[str, dict[str, list[bool]]] = {}
    for condition, played in conditions(np.stack([mono for mono, _ in scenes]), seed).items():
        requests = [Request.of(str(i), brief, play=lambda _, i=i, played=played: played[i])
                    for i, brief in enumerate(given)]  # fmt: skip
        texts = [c[0] for c in listener.write(requests, n=1, seed=seed, sampling=listener.sampling)]
        found = table.setdefault(condition, defaultdict(list))
        for text, ask, (_, clip) in zip(texts, asked, scenes, strict=True):
            marks = Marks(clip.events, clip.duration_s, known)
            kind, colon, _ = ask.partition(":")
            for claim in happenings.find(text, ask):
                holds = marks.holds(claim)[0]
                what = "which sounds there are" if not colon else "whether a sound is there" if kind == "event" else kind
                found[what] += [] if holds is None else [holds == claim.present]
    return table


def conditions(heard: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """The same clips as they are, each replaced by another one, and by noise at its level."""
    level = np.sqrt((heard**2).mean(1, keepdims=True))
    noise = np.random.default_rng(seed).standard_normal(heard.shape) * level
    return {"real clip": heard, "another clip": np.roll(heard, 1, axis=0), "noise": noise.astype(np.float32)}


def _chosen(text: str, brief) -> bool | None:
    """True for the clip that plays now, False for the one before, None where neither is named; the first that is."""
    places = {True: text.casefold().find("this one"), False: text.find(brief.before.title)}
    named = {which: place for which, place in places.items() if place >= 0}
    return min(named, key=named.get) if named else None


def queries_right(listener, n: int, seed: int) -> list[bool]:
    """Whether a query holds just what the seeker's words ask for: all of it, and nothing else."""
    rng = random.Random(seed)
    asked = [searching(rng) for _ in range(n)]
    requests = [Request(str(i), [{"role": "user", "content": [{"type": "text", "text": one.state}]}])
                for i, one in enumerate(asked)]  # fmt: skip
    texts = [c[0] for c in listener.write(requests, n=1, sampling=Sampling(temperature=0))]
    return [_terms(text) == _terms(one.answer) for text, one in zip(texts, asked, strict=True)]


def _terms(query: str) -> set[str]:
    """Terms of a query; an odd quotation mark is closed, apostrophes are letters."""
    return set(shlex.split(query.replace("'", "\\'") + '"' * (query.count('"') % 2)))


def _player(played: np.ndarray, i: int, n_clips: int):
    """Plays the clip before and the clip of a turn, in this order, whatever they are."""
    queue = [played[i - 1], played[i]][-n_clips:]
    return lambda _: queue.pop(0)


def said_about(utterances, given, labels, before=None) -> dict[str, list[bool]]:
    """Truth of each audible claim by kind; what the brief already holds is an echo and left out."""
    found = defaultdict(list)
    for text, brief, row, earlier in zip(utterances, given, labels, before or labels, strict=True):
        told = {(a.kind, a.value) for a in (*brief.new, *brief.wanted, *brief.dropped)}
        said = subjects.find(text, brief)
        for claim in [*said, *answered(text, brief, said)]:
            kind = "instrument" if claim.kind == "lead" else claim.kind
            holds = claims.true_of(claim, row, earlier)
            if (kind, claim.value) not in told and holds is not None:
                found["drums" if claim.value == "drums" else claim.kind].append(holds)
    return found


def well_formed(texts, given) -> list[bool]:
    said = (Utterance(text, brief) for text, brief in zip(texts, given, strict=True))
    return [not [*checks.form(one), *checks.language(one)] for one in said]


def titles_right(texts, given) -> list[bool]:
    """Whether each quoted title is one of the brief's."""
    pairs = zip(texts, map(given_names, given), strict=True)
    return [quoted in allowed for text, allowed in pairs for quoted in re.findall(r'"([^"]+)"', text)]


def listener_rows(
    listener, audio, labels, *, seed: int, n_briefs: int, events: list[Path]
) -> tuple[dict[str, dict[str, list[bool]]], dict[str, list[bool]]]:
    """Truth of what is said with the real clip, another clip and noise; form and names with the real clip; answers about
    events over music of the SoundFonts `events`.
    """
    heard = torchaudio.functional.resample(torch.from_numpy(audio), SAMPLE_RATE_HZ, listener.sample_rate).numpy()
    sounds = conditions(heard, seed)
    table = {}
    extra = {"listed": listed_rows(listener, sounds, labels), "recipes": recipe_rows(listener, sounds, labels, seed=seed),
             "suits": suits_right(listener, sounds, labels, seed=seed)}  # fmt: skip
    extra["events"] = event_rows(listener, events, n=2 * len(labels), seed=seed)
    labels = [row for row in labels for _ in range(n_briefs)]
    given = recommending_briefs(labels, seed)

    def write(played, *, spelt: bool = False, doubts: bool = listener.doubts) -> list[str]:
        listener.doubts, kept = doubts, listener.doubts
        requests = [Request.of(str(i), brief, play=lambda _, i=i: played[i // n_briefs]) for i, brief in enumerate(given)]
        requests = requests if spelt else [dataclasses.replace(request, names=()) for request in requests]
        texts = [candidates[0] for candidates in listener.write(requests, n=1, seed=seed, sampling=listener.sampling)]
        listener.doubts = kept
        return texts

    for condition, played in sounds.items():
        texts = write(played)
        table[condition] = said_about(texts, given, labels)
        if condition == "real clip":
            extra["well formed"], extra["quoted titles exact"] = well_formed(texts, given), titles_right(texts, given)
            drawn = said_about(write(played, doubts=False), given, labels)
            extra["true of what was drawn first, nothing doubted"] = [x for found in drawn.values() for x in found]
            extra["says something audible"] = [bool(claims.find(t, names=given_names(b)))
                                               for t, b in zip(texts, given, strict=True)]
    extra["queries that ask for just what was said"] = queries_right(listener, len(given), seed)
    extra["quoted titles exact, spelt as `mdialog generate` has it"] = titles_right(write(heard, spelt=True), given)
    return table, extra


def listed_rows(listener, sounds: dict[str, np.ndarray], labels) -> dict[str, dict[str, list[bool]]]:
    """Truth of each kind when the listener is asked to list what it hears, greedily."""
    table = {}
    for condition, played in sounds.items():
        requests = [Request(id=str(i), messages=[{"role": "user", "content": [
            {"type": "audio", "audio": clip}, {"type": "text", "text": LIST_TASK}]}]) for i, clip in enumerate(played)]
        texts = [c[0] for c in listener.write(requests, n=1, sampling=Sampling(temperature=0))]
        table[condition] = {
            kind: [f"{kind} {getattr(row, kind)}" in text.split("; ") for text, row in zip(texts, labels, strict=True)]
            for kind in (*CHOICES, "key", "lead")
        }
    return table


def listener_table(table, extra) -> str:
    listed, recipes, suits = (extra.pop(part) for part in ("listed", "recipes", "suits"))
    return "\n".join([
        "Said in assistant turns, when the brief calls for a turn of talk:\n", *said_table(table),
        "\nAsked to list what it hears, greedily:\n", *said_table(listed),
        "\nTruth of what it says in the turns of other recipes:\n", *said_table(recipes),
        *said_table(suits)[2:-1],
        "\nAnswers about the sound events of scenes not trained on:\n", *said_table(extra.pop("events")),
        "", *(f"- {what}: {share(values).figure()}" for what, values in extra.items()),
    ])  # fmt: skip


def said_table(table) -> list[str]:
    kinds = sorted({kind for found in table.values() for kind in found})
    lines = ["| said about | " + " | ".join(table) + " |", "|---|" + "---|" * len(table)]
    table = {sound: found | {"all": [x for values in found.values() for x in values]} for sound, found in table.items()}
    for kind in [*kinds, "all"]:
        lines.append(f"| {kind} | " + " | ".join(share(found.get(kind, [])).figure() for found in table.values()) + " |")
    return lines


def into_card(card: Path, text: str) -> None:
    """Replace what stands between a model card's ``figures`` marks."""
    old = card.read_text(encoding="utf-8")
    begin, end = "<!-- figures -->", "<!-- end of figures -->"
    head, rest = old.split(begin)
    card.write_text(head + begin + "\n" + text + "\n" + end + rest.split(end)[1], encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clap", default="clap-mini")
    parser.add_argument("--listener", default="listener-mini")
    parser.add_argument("--soundfont", type=Path, action="append", default=[], help="trained with, beside the default")
    parser.add_argument("--unseen", type=Path, help="a SoundFont that was not trained with")
    parser.add_argument("--keep", type=Path, help="folder of rendered clips, to evaluate again without rendering again")
    parser.add_argument("-n", type=int, default=400, help="clips a set")
    parser.add_argument("--briefs", type=int, default=3, help="turns of talk about each clip")
    parser.add_argument("--only", choices=("clap", "listener"), help="one of the two models")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--write", action="store_true", help="put the tables into the model cards")
    args = parser.parse_args()
    sets = {"artists held out": [default_soundfont(), *args.soundfont]}
    if args.unseen:
        sets["artists and SoundFont held out"] = [args.unseen]
    clap = Clap.load(args.clap, device=args.device) if args.only != "listener" else None
    listener = LocalListener.load(args.listener, device=args.device) if args.only != "clap" else None
    clap_text, listener_text = [], []
    for seed, (name, soundfonts) in enumerate(sets.items(), 2026):
        audio, labels, themes = held_out_clips(args.n, soundfonts, seed, args.keep)
        if clap:
            clap_text += [f"\n### {name}, {args.n} clips\n", "| what | figure |", "|---|---|"]
            clap_text += [f"| {what} | {figure} |" for what, figure in clap_rows(clap, audio, labels, themes).items()]
        if listener:
            found = listener_rows(listener, audio, labels, seed=seed, n_briefs=args.briefs, events=soundfonts)
            what = f"{args.n} clips, {args.briefs} turns of talk about each"
            listener_text += [f"\n### {name}, {what}\n", listener_table(*found)]
        print("\n".join(["", "# clap", *clap_text, "", "# listener", *listener_text]), flush=True)
    for model, text in (("clap-mini", clap_text), ("listener-mini", listener_text)):
        if args.write and text:
            into_card(ROOT / "models" / model / "README.md", "\n".join(text))


if __name__ == "__main__":
    main()
