"""The figures of the model cards: what clap-mini and listener-mini hear, on music that neither was trained on.

    python scripts/evaluate_minis.py --unseen OTHER.sf3 [--write]

Two held-out sets: artists that no training clip is by, and those artists with a SoundFont never trained on. Everything
goes through the package's own path: rendered sound, `Clap.embed_audio`, `LocalListener.write`. With ``--write`` the
tables go into the cards, between their ``figures`` marks.
"""

import argparse
import random
import re
from collections import defaultdict
from pathlib import Path

import numpy as np
from render_clips import SAMPLE_RATE_HZ, draw_clip, specs
from scipy.stats import binomtest, rankdata

from mdialog import claims, vocab
from mdialog.synth import captions, phrases
from mdialog.synth.render import default_soundfont

ROOT = Path(__file__).resolve().parent.parent
FACTS_IN_QUERY = 5
CHOICES = ("genre", "tempo", "vocal", "metre", "mode", "energy")


def interval(hits: int, n: int) -> str:
    """A share with its 95 % Wilson interval."""
    if not n:
        return "-"
    ci = binomtest(hits, n).proportion_ci(method="wilson")
    return f"{hits / n:.3f} [{ci.low:.3f}, {ci.high:.3f}] (n {n})"


def held_out_clips(n: int, soundfonts: list[Path], seed: int):
    """Sound and truth of `n` clips by held-out artists."""
    rng = random.Random(seed)
    pool = specs(held=True)
    rows = [draw_clip(rng.choice(pool), rng, soundfonts, augmented=False) for _ in range(n)]
    return np.stack([r[0] for r in rows]), [r[1] for r in rows], [r[2] for r in rows]


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
    rows = {f"text-to-audio recall@10 of {len(text)} (chance {10 / len(text):.3f})": interval(int((ranks <= 10).sum()), len(text))}
    zero = clap.zero_shot
    scores = sound @ zero.text_embeddings.T
    scores = (scores - scores.mean(0)) / scores.std(0)
    for kind in CHOICES:
        columns = [i for i, (k, _) in enumerate(zero.labels) if k == kind]
        best = scores[:, columns].argmax(1)
        said = [zero.labels[columns[b]][1] for b in best]
        hits = sum(s == getattr(row, kind) for s, row in zip(said, labels, strict=True))
        rows[f"zero-shot {kind} (of {len(columns)}, chance {1 / len(columns):.3f})"] = interval(hits, len(labels))
    columns = [i for i, (k, _) in enumerate(zero.labels) if k == "instrument"]
    lead = [(row.lead, zero.labels[columns[b]][1]) for row, b in zip(labels, scores[:, columns].argmax(1), strict=True)]
    sounding = sum(said in row.instruments for (_, said), row in zip(lead, labels, strict=True))
    rows["zero-shot first instrument sounds in the clip"] = interval(sounding, len(labels))
    aucs = []
    for i in columns:
        true = np.array([zero.labels[i][1] in row.instruments for row in labels])
        if 5 <= true.sum() <= len(true) - 5:
            r = rankdata(scores[:, i])
            aucs.append((r[true].sum() - true.sum() * (true.sum() + 1) / 2) / (true.sum() * (~true).sum()))
    rows[f"instrument AUC, mean of {len(aucs)} instruments"] = f"{np.mean(aucs):.3f}"
    return rows


def recommending_briefs(n: int, seed: int):
    """Briefs of recommending or answering turns with one clip."""
    rng = random.Random(seed)
    found = []
    while len(found) < n:
        brief = phrases.random_brief(rng, 1)
        if brief.role == "assistant" and brief.clips:
            found.append(brief)
    return found


def said_about(utterances, given, labels, names) -> dict[str, list[bool]]:
    """Truth of each audible claim by kind; what the brief already held is echo and left out."""
    found = defaultdict(list)
    for text, brief, row, allowed in zip(utterances, given, labels, names, strict=True):
        told = {(a.kind, a.value) for a in (*brief.new, *brief.wanted, *brief.dropped)}
        for claim in claims.find(text, names=allowed):
            if (claim.kind, claim.value) in told or (claim.kind == "lead" and ("instrument", claim.value) in told):
                continue
            holds = claims.true_of(claim, row)
            if holds is not None:
                kind = "drums" if claim.value == "drums" else claim.kind
                found[kind].append(holds)
    return found


def listener_rows(listener, audio, labels, *, seed: int):
    """Truth of what is said with the real clip, another clip and noise; names; form."""
    import torch
    import torchaudio

    from mdialog import checks

    rng = np.random.default_rng(seed)
    heard = torchaudio.functional.resample(torch.from_numpy(audio), SAMPLE_RATE_HZ, listener.sample_rate).numpy()
    given = recommending_briefs(len(audio), seed)
    names = [[x for name in (*b.offered, *b.liked, *b.refused, *filter(None, (b.about, b.before)))
              for x in (name.title, name.artist)] + [a.value for a in (*b.new, *b.wanted, *b.dropped) if a.polarity == "like" or a.kind in ("artist", "track")]
             for b in given]
    order = np.roll(np.arange(len(audio)), 1)
    level = np.sqrt((heard**2).mean(1, keepdims=True))
    sounds = {"real clip": heard, "another clip": heard[order], "noise": (rng.standard_normal(heard.shape) * level).astype(np.float32)}
    table, well_formed, copied = {}, [0, 0], [0, 0]
    for condition, played in sounds.items():
        requests = [make_request(brief, clip) for brief, clip in zip(given, played, strict=True)]
        texts = [candidates[0] for candidates in listener.write(requests, n=1, seed=seed)]
        table[condition] = said_about(texts, given, labels, names)
        if condition == "real clip":
            for text, brief, allowed in zip(texts, given, names, strict=True):
                quoted = re.findall(r'"([^"]+)"', text)
                copied[0] += sum(q in allowed for q in quoted)
                copied[1] += len(quoted)
                well_formed[0] += not checks.well_formed(text)
                well_formed[1] += 1
    return table, well_formed, copied
