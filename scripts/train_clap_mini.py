"""Train models/clap-mini: a small ClapModel, contrastive over captions of rendered clips, with tag heads beside it.

    python scripts/render_clips.py work/clips ...
    python scripts/train_clap_mini.py work/clips --out work/clap --minutes 50

A caption is a set of facts; every clip of the batch for which all of them hold is a positive of it, not only the
clip that it was drawn from. Resumes from the last checkpoint. ``--device cuda`` runs the same code on a GPU.
"""

import json
import random
import time
from pathlib import Path

import clips as clip_data
import numpy as np
import torch
from heads import Heads, targets
from render_clips import clap_extractor
from torch import nn
from torch.nn import functional as F
from training import Clock, augmented, kept_tokenizer, parser, rounded, start

from mdialog import background, vocab
from mdialog.clap import Clap, heard_labels
from mdialog.synth import captions

TOKENS = 1500
DIM = 128
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")


def build_tokenizer(texts: list[str]):
    """A small RoBERTa tokenizer, the class CLAP's processor expects."""
    import tempfile

    from tokenizers import ByteLevelBPETokenizer
    from transformers import RobertaTokenizer

    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(texts, vocab_size=TOKENS, min_frequency=2, special_tokens=list(SPECIAL), show_progress=False)
    with tempfile.TemporaryDirectory() as folder:
        bpe.save_model(folder)
        vocabulary = json.loads((Path(folder) / "vocab.json").read_text())
        merges = [tuple(line.split()) for line in (Path(folder) / "merges.txt").read_text().splitlines()[1:]]
    return RobertaTokenizer(vocab=vocabulary, merges=merges, model_max_length=64)


def build_model(tokenizer):
    """A ClapModel of about 3.5 million parameters.

    Patches of 8 by 8 (instead of 4 by 4, with twice the width) and three stages: on a CPU twice as fast to train at
    the same number of parameters.
    """
    from transformers import ClapConfig, ClapModel

    model = ClapModel(ClapConfig(
        text_config={
            "vocab_size": len(tokenizer), "hidden_size": 160, "num_hidden_layers": 3, "num_attention_heads": 4,
            "intermediate_size": 480, "max_position_embeddings": 66, "hidden_dropout_prob": 0.05,
            "attention_probs_dropout_prob": 0.0,
        },
        audio_config={
            "patch_size": 8, "patch_stride": [8, 8], "patch_embeds_hidden_size": 64, "hidden_size": 256,
            "depths": [2, 4, 2], "num_attention_heads": [4, 8, 16], "num_hidden_layers": 3,
            "hidden_dropout_prob": 0.0, "drop_path_rate": 0.0,
        },
        projection_dim=DIM,
    ))
    wake(model)
    return model


def wake(model: nn.Module) -> None:
    """Initial weights by the width of each layer, so that the signal keeps its scale through narrow ones."""
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
        elif isinstance(module, nn.Conv2d):
            nn.init.kaiming_uniform_(module.weight, nonlinearity="linear")


class Training(nn.Module):
    """The model, its tag heads, and what one batch costs.

    The heads read the embedding itself, for so do the read-outs on which verdicts rest (fit_verdicts.py).
    """

    def __init__(self, model):
        super().__init__()
        self.model = model
        self.heads = Heads(DIM)

    def audio(self, mel: torch.Tensor) -> torch.Tensor:
        longer = torch.zeros((len(mel), 1), dtype=torch.bool, device=mel.device)
        pooled = self.model.audio_model(input_features=mel.unsqueeze(1), is_longer=longer).pooler_output
        return F.normalize(self.model.audio_projection(pooled).float(), dim=-1)

    def tags(self, audio: torch.Tensor) -> dict[str, torch.Tensor]:
        return self.heads(audio * DIM**0.5)

    def text(self, tokens) -> torch.Tensor:
        pooled = self.model.text_model(**tokens).pooler_output
        return F.normalize(self.model.text_projection(pooled).float(), dim=-1)

    def contrast(self, audio: torch.Tensor, text: torch.Tensor, positive: torch.Tensor) -> torch.Tensor:
        """Cross entropy both ways against every true pair. positive: (texts, clips) of 0 and 1."""
        logits = text @ audio.T * self.model.logit_scale_a.exp().clamp(max=50)
        to_clip = -(positive / positive.sum(1, keepdim=True) * F.log_softmax(logits, 1)).sum(1).mean()
        to_text = -(positive / positive.sum(0, keepdim=True).clamp(min=1) * F.log_softmax(logits, 0)).sum(0).mean()
        return to_clip + to_text


def texts_for(true: list[frozenset], rng: random.Random) -> tuple[list[str], torch.Tensor]:
    """Two captions a clip and forty labels of the vocabulary, with who they are true of."""
    v = vocab.load()
    chosen = [captions.draw(f, rng) for f in true for _ in range(2)]
    single = [fact for fact in rng.sample(heard_labels(), 60) if any(fact in f for f in true)][:40]
    texts = [captions.write(c, rng) for c in chosen] + [rng.choice(v[k][x].prompts) for k, x in single]
    sets = [frozenset(c) for c in chosen] + [frozenset([fact]) for fact in single]
    return texts, torch.tensor([[float(s <= f) for f in true] for s in sets])


class Trainer:
    """One stage with checkpoints."""

    def __init__(self, args, training, tokenizer, train, held):
        self.args, self.training, self.tokenizer, self.train, self.held = args, training.to(args.device), tokenizer, train, held
        self.path = args.out / "checkpoint.pt"
        self.done_s = 0.0
        if self.path.exists():
            saved = torch.load(self.path, map_location=args.device, weights_only=True)
            training.load_state_dict(saved["training"])
            self.done_s = saved["spent_s"]
            print(f"going on after {self.done_s:.0f} s", flush=True)

    def save(self, spent_s: float) -> None:
        partial = self.path.with_suffix(".partial")
        torch.save({"training": self.training.state_dict(), "spent_s": spent_s}, partial)
        partial.replace(self.path)

    def mels(self, data, rows, noise=None) -> torch.Tensor:
        mel = torch.from_numpy(data.take("clap", rows)).transpose(1, 2)  # (n, 64, 1001), decibels
        if noise is not None:
            mel = augmented(mel / 40.0, noise) * 40.0
        return mel.transpose(1, 2).to(self.args.device)

    def tokens(self, texts):
        return self.tokenizer(texts, padding=True, truncation=True, return_tensors="pt").to(self.args.device)

    def run(self) -> None:
        clock = Clock(self.args.minutes, self.args.rate, done_s=self.done_s)
        seed = int(self.done_s)
        rng, rows_rng = random.Random(seed), np.random.default_rng(seed)
        noise = torch.Generator().manual_seed(seed)
        true = {k: x.to(self.args.device) for k, x in targets(self.train.labels).items()}
        known = [captions.facts(row, row.themes) for row in self.train.labels]
        optimizer = torch.optim.AdamW(self.training.parameters(), lr=clock.peak, betas=(0.9, 0.98), weight_decay=0.05)
        last_say, last_save, window, seen = time.time(), time.time(), [], 0
        while clock.share < 1:
            for group in optimizer.param_groups:
                group["lr"] = clock.rate(clock.share)
            rows = rows_rng.choice(len(self.train), self.args.batch, replace=False)
            texts, positive = texts_for([known[i] for i in rows], rng)
            self.training.train()
            with torch.autocast(self.args.device.split(":")[0], dtype=torch.bfloat16):
                audio = self.training.audio(self.mels(self.train, rows, noise))
                text = self.training.text(self.tokens(texts))
                tags = self.training.tags(audio)
            contrast = self.training.contrast(audio, text, positive.to(self.args.device))
            loss = contrast + self.args.heads * Heads.loss(tags, {k: x[rows] for k, x in true.items()})
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.training.parameters(), 1.0)
            optimizer.step()
            window.append((contrast.item(), loss.item()))
            seen += len(rows)
            if time.time() - last_say > 60:
                print(f"{clock.spent_s:6.0f} s  contrast, all {np.mean(window, 0).round(3)}  "
                      f"{seen / (time.time() - clock.start):.1f} clips/s", flush=True)
                last_say, window = time.time(), []
            if time.time() - last_save > 300:
                self.save(clock.spent_s)
                self.report()
                last_save = time.time()
        self.save(clock.spent_s)
        self.report()

    def report(self) -> None:
        self.training.eval()
        outs = []
        with torch.inference_mode():
            for start in range(0, len(self.held), 64):
                rows = np.arange(start, min(start + 64, len(self.held)))
                outs.append(self.training.tags(self.training.audio(self.mels(self.held, rows))))
        out = {k: torch.cat([o[k] for o in outs]).float().cpu() for k in outs[0]}
        found = Heads.accuracy(out, targets(self.held.labels))
        print("heads, artists held out: " + "  ".join(f"{k} {x:.3f}" for k, x in found.items()), flush=True)


def export(model, tokenizer, folder: Path) -> None:
    """Save what transformers alone can load, in half precision."""
    from transformers import ClapProcessor

    folder.mkdir(parents=True, exist_ok=True)
    ClapProcessor(feature_extractor=clap_extractor(), tokenizer=tokenizer).save_pretrained(folder)
    model = model.to("cpu").half()
    for weight in model.parameters():
        weight.data = rounded(weight.data) if weight.ndim > 1 else weight.data
    model.save_pretrained(folder)


def calibrate(folder: Path, held: clip_data.Clips) -> None:
    """Store the background sample and the threshold of each label, from clips that were not trained on."""
    clap = Clap.load(str(folder))
    parts = []
    with torch.inference_mode():
        for start in range(0, len(held), 64):
            mel = torch.from_numpy(held.take("clap", np.arange(start, min(start + 64, len(held))))).unsqueeze(1)
            longer = torch.zeros((len(mel), 1), dtype=torch.bool)
            parts.append(clap.model.get_audio_features(input_features=mel, is_longer=longer).pooler_output)
    embeddings = F.normalize(torch.cat(parts), dim=-1).numpy()
    zero = clap.zero_shot
    plain = background.make_background(embeddings, model_id=clap.model_id, labels=zero.labels)
    known = [captions.facts(row, row.themes) for row in held.labels]
    present = np.array([[label in true for label in zero.labels] for true in known])
    thresholds = background.fit_thresholds(background.heard_scores(embeddings, zero, plain), present)
    fitted = background.make_background(embeddings, model_id=clap.model_id, labels=zero.labels, thresholds=thresholds)
    background.save_background(fitted, folder / background.FILE)


def tokenizer_texts(data: clip_data.Clips) -> list[str]:
    """Every prompt of the vocabulary many times over, and captions of the clips."""
    rng = random.Random(0)
    texts = [p for kind in vocab.load() for value in kind.values for p in value.prompts] * 20
    for labels in data.labels:
        texts += [captions.write(captions.draw(captions.facts(labels, labels.themes), rng), rng) for _ in range(3)]
    return texts


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--minutes", type=float, default=50)
    options.add_argument("--rate", type=float, default=1e-3)
    options.add_argument("--heads", type=float, default=1.0, help="weight of the tag heads' loss")
    options.add_argument("--batch", type=int, default=32)
    args = options.parse_args()
    start(args)
    train, held = clip_data.load(args.clips, "train"), clip_data.load(args.clips, "artist")
    tokenizer = kept_tokenizer(args.out / "tokenizer", lambda: build_tokenizer(tokenizer_texts(train)))
    model = build_model(tokenizer)
    print(f"{len(train)} clips, {sum(p.numel() for p in model.parameters()) / 1e6:.1f} M parameters", flush=True)
    Trainer(args, Training(model), tokenizer, train, held).run()
    export(model, tokenizer, args.out / "model")
    calibrate(args.out / "model", held)
    print(f"saved {args.out / 'model'}")


if __name__ == "__main__":
    main()
