"""What the language model of listener-mini is taught with: the phrase book's turns, exercises and drills, as token batches."""

import dataclasses
import json
import random
from pathlib import Path

import clips as clip_data
import numpy as np
import torch

from mdialog import brief as briefs
from mdialog import claims, vocab
from mdialog.synth import artists, phrases
from mdialog.synth.briefs import random_name
from mdialog.synth.labels import ClipLabels

VOCAB_SIZE = 3000
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|AUDIO|>", "<|audio_bos|>", "<|audio_eos|>")
AUDIO_TOKENS = 125  # for ten seconds
FACT_WEIGHT = 4.0  # of the words that say something audible: few, and all that listening is about

# Two exercises beside the phrase book, each a way to say many facts densely, so that listening and copying are
# learned in minutes: name every label of the clip; repeat the names of the brief.
LIST_TASK, REPEAT_TASK = "list what you hear", "repeat the names"
HINTED, HINTED_SILENT = 0.08, 0.85  # share of briefs about a clip that hold its labels as hints, with and without its sound


def build_tokenizer(texts: list[str], folder: Path):
    """A byte-level BPE of the phrase book's language."""
    from tokenizers import ByteLevelBPETokenizer
    from transformers import Qwen2Tokenizer

    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(texts, vocab_size=VOCAB_SIZE - len(SPECIAL), min_frequency=2, show_progress=False)
    folder.mkdir(parents=True, exist_ok=True)
    bpe.save_model(str(folder))
    vocabulary = json.loads((folder / "vocab.json").read_text())
    for token in SPECIAL:
        vocabulary[token] = len(vocabulary)
    merges = [tuple(line.split()) for line in (folder / "merges.txt").read_text().splitlines()[1:]]
    tokenizer = Qwen2Tokenizer(vocab=vocabulary, merges=merges, eos_token="<|im_end|>", pad_token="<|endoftext|>",
                               bos_token=None, unk_token="<|endoftext|>",
                               additional_special_tokens=list(SPECIAL[1:]))
    (folder / "vocab.json").unlink()
    (folder / "merges.txt").unlink()
    return tokenizer


def heard_facts(labels: ClipLabels) -> list[str]:
    """Every label of a clip as a few words: the listing exercise's answer, and hints."""
    return [f"tempo {labels.tempo}", f"lead {labels.lead or 'none'}", "instruments " + ", ".join(labels.instruments),
             f"vocal {labels.vocal}", f"energy {labels.energy}", f"mode {labels.mode}", "mood " + ", ".join(labels.moods),
             f"genre {labels.genre}", f"metre {labels.metre}", f"key {labels.key}"]


def some_name(rng: random.Random) -> briefs.Name:
    """Names as the composer invents them, and of any other shape."""
    if rng.random() < 0.5:
        return briefs.Name(title=artists.random_title(rng), artist=artists.random_artist_name(rng))
    return random_name(rng)


def example(rng: random.Random, data: clip_data.Clips, *, silent: bool = False) -> tuple[str, str, list[int]]:
    """One training example: state, answer, rows of the clips that are played (none where `silent`)."""
    draw = rng.random()
    if draw < 0.2 and not silent:
        row = rng.randrange(len(data))
        return LIST_TASK, "; ".join(heard_facts(data.labels[row])), [row]
    rows = [rng.randrange(len(data)) for _ in range(rng.choices((0, 1, 2), weights=(25, 57, 18))[0])]
    labels = [data.labels[row] for row in rows]
    brief = phrases.random_brief(rng, len(rows), labels=labels, names=some_name)
    if draw < 0.32 and (brief.offered or brief.about or brief.liked):
        names = [*brief.offered, *brief.liked, *brief.refused, *([brief.about] if brief.about else [])]
        return REPEAT_TASK + "\n" + briefs.state(brief), "; ".join(dict.fromkeys(map(str, names))), []
    answer = phrases.say(brief, labels, rng)
    if labels and rng.random() < (HINTED_SILENT if silent else HINTED):
        facts = heard_facts(labels[-1])
        brief = dataclasses.replace(brief, hints=tuple(rng.sample(facts, len(facts))))
    return briefs.state(brief), answer, [] if silent else rows


class Batches:
    """Batches of examples of like length, padded on the right.

    ``whole`` counts the tokens of the prompts too, not only those of the answers.
    """

    def __init__(self, tokenizer, data: clip_data.Clips, *, batch_size: int, seed: int, silent: bool = False):
        self.tokenizer, self.data, self.batch_size, self.silent = tokenizer, data, batch_size, silent
        self.whole = False
        self.rng = random.Random(seed)
        self.audio = tokenizer.convert_tokens_to_ids("<|AUDIO|>")

    def __iter__(self):
        while True:
            pool = [self._encode(*example(self.rng, self.data, silent=self.silent)) for _ in range(self.batch_size * 8)]
            pool.sort(key=lambda e: len(e[0]))
            groups = [pool[i : i + self.batch_size] for i in range(0, len(pool), self.batch_size)]
            self.rng.shuffle(groups)
            yield from map(self._collate, groups)

    def _encode(self, state: str, answer: str, rows: list[int]):
        audio = "<|audio_bos|>" + "<|AUDIO|>" * AUDIO_TOKENS + "<|audio_eos|>\n"
        prompt = self.tokenizer.encode(audio * len(rows) + state + "<|im_end|>\n<|im_start|>")
        said = self.tokenizer(answer + "<|im_end|>", return_offsets_mapping=True)
        spans = [(claim.start, claim.end) for claim in claims.find(answer)]
        weights = [FACT_WEIGHT if any(a < end and start < b for start, end in spans) else 1.0
                   for a, b in said["offset_mapping"]]
        return prompt + said["input_ids"], [1.0] * len(prompt) + weights, len(prompt), rows

    def _collate(self, group):
        longest = max(len(ids) for ids, *_ in group)
        ids = torch.full((len(group), longest), self.tokenizer.pad_token_id)
        labels, weights = torch.full((len(group), longest), -100), torch.ones((len(group), longest))
        for i, (tokens, weight, n_prompt, _) in enumerate(group):
            ids[i, : len(tokens)] = torch.tensor(tokens)
            counted = 0 if self.whole else n_prompt
            labels[i, counted : len(tokens)] = torch.tensor(tokens[counted:])
            weights[i, : len(tokens)] = torch.tensor(weight)
        return ids, labels, weights, np.array([r for *_, rows in group for r in rows], dtype=np.int64)


def copying_drills(n_tokens: int, *, batch_size: int, seed: int):
    """Batches of random tokens of which a stretch comes again; only the second time is counted.

    Nothing but copying can lower this loss, so that the heads which copy names form here first (induction heads:
    Olsson and others, 2022).
    """
    rng, draw = random.Random(seed), torch.Generator().manual_seed(seed)
    while True:
        length, gap = rng.choice((8, 12, 16, 22)), rng.randrange(8)
        start = rng.randrange(length - 5)
        first = torch.randint(n_tokens, (batch_size, length), generator=draw)
        between = torch.randint(n_tokens, (batch_size, gap), generator=draw)
        ids = torch.cat([first, between, first[:, start:]], 1)
        labels = ids.clone()
        labels[:, : length + gap + 1] = -100
        yield ids, labels, torch.ones(ids.shape)


def tokenizer_texts(data: clip_data.Clips, n: int = 6_000) -> list[str]:
    rng = random.Random(0)
    texts = []
    for _ in range(n):
        state, answer, _ = example(rng, data)
        texts += [state, answer]
    v = vocab.load()
    return texts + [f" {word}" for kind in v for value in kind.values for word in (value.name, *value.words)]
