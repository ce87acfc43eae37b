"""Tunes any audio chat model of transformers on dialogues and descriptions that were written and checked: LoRA through peft.

    python scripts/finetune_listener.py my.run more.run --listener Qwen/Qwen2-Audio-7B-Instruct --out tuned --device cuda

Each turn of the runs is one example: the brief with its clips as sound, and the utterance that passed the checks. The loss
is of the utterance alone. Dialogues are held out so that no artist and no track of theirs is trained on; their loss is printed
before and after. The adapter is merged: OUT is a folder that `--listener` takes; its ``test.tracks`` holds the ids of the
tracks that were held out, for ``mdialog evaluate --tracks``.
"""

import argparse
import math
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from mdialog import brief as briefs
from mdialog.audio import AudioCache
from mdialog.dialogue import read_dialogues
from mdialog.errors import InputError, MdialogError
from mdialog.listener.base import Request
from mdialog.listener.local import LocalListener
from mdialog.plan import read_plans
from mdialog.run import DIALOGUES, PLANS, player
from mdialog.split import split, write_tracks

EARS = r".*(audio_tower|audio_encoder|audio_model|embed_audio|multi_modal_projector).*"  # stay as they are


@dataclass(frozen=True)
class Example:
    """A turn to learn: what the listener is handed, and what it is to say."""

    request: Request
    said: str


def examples(runs: Sequence[Path], *, play, ids: set[tuple[Path, str]]) -> list[Example]:
    """The turns of some dialogues of the runs."""
    found = []
    for run in runs:
        plans = {plan.id: plan for plan in read_plans(run / PLANS)}
        for dialogue in read_dialogues(run / DIALOGUES):
            if (run, dialogue.id) not in ids:
                continue
            said, plan = [turn.content for turn in dialogue.turns], plans[dialogue.id]
            for i, text in enumerate(said):
                brief = briefs.build(plan, i, said[:i])
                messages = briefs.messages(brief, play=lambda clip, plan=plan: play(plan, clip))
                found.append(Example(Request(f"{run}/{dialogue.id}/{i}", messages), text))
    return found


def sides(runs: Sequence[Path], *, test_share: float, seed: int) -> tuple[set[tuple[Path, str]], set[tuple[Path, str]]]:
    """Which dialogues are trained on and which are held out: by artists and tracks, over all runs together."""
    of = {}
    dialogues = []
    for run in runs:
        for dialogue in read_dialogues(run / DIALOGUES):
            alias = dialogue.model_copy(update={"id": f"{len(of):08d}"})
            of[alias.id] = (run, dialogue.id)
            dialogues.append(alias)
    try:
        found = split(dialogues, test_share=test_share, seed=seed)
    except InputError:
        found = split(dialogues, test_share=test_share, by="held tracks", seed=seed)
    print(f"dialogues: {found}", flush=True)
    return {of[i] for i in found.train}, {of[i] for i in found.test}


class Tuner:
    """Low-rank adapters on the language model of a listener."""

    def __init__(self, listener: LocalListener, *, rank: int, rate: float):
        from peft import LoraConfig, get_peft_model

        self.listener = listener
        config = LoraConfig(r=rank, lora_alpha=2 * rank, lora_dropout=0.05, target_modules="all-linear", exclude_modules=EARS)
        self.model = get_peft_model(listener.model, config)
        listener.model = self.model  # who asks the listener meanwhile hears the tuned one
        self.trained = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(self.trained, lr=rate, weight_decay=0.0)
        self.rate = rate

    def loss(self, example: Example) -> torch.Tensor:
        """Mean cross entropy of an utterance's tokens and its end, given the brief and the sound."""
        tokenizer, listener = self.listener.processor.tokenizer, self.listener
        inputs = listener._collate([listener._inputs(example.request)])
        said = tokenizer.encode(example.said, add_special_tokens=False)
        said = torch.tensor([[*said, tokenizer.eos_token_id]], device=listener.model.device)
        n_prompt = inputs["input_ids"].shape[1]
        for name, tensor in inputs.items():
            if tensor.shape[:2] == (1, n_prompt) and tensor.ndim == 2:  # one value a token of the prompt
                more = said if name == "input_ids" else torch.full_like(said, int(name == "attention_mask"))
                inputs[name] = torch.cat([tensor, more.to(tensor.dtype)], 1)
        logits = self.model(**inputs).logits[0, -said.shape[1] - 1 : -1]
        return torch.nn.functional.cross_entropy(logits.float(), said[0])

    @torch.inference_mode()
    def held_out_loss(self, held: Sequence[Example]) -> float:
        self.model.eval()
        return sum(self.loss(example).item() for example in held) / max(1, len(held))

    def train(self, taught: Sequence[Example], *, minutes: float, epochs: float, batch: int, seed: int) -> None:
        """Steps until the time or the passes are over; the rate falls along a cosine of what has gone of either."""
        self.model.train()
        start, last, seen, losses = time.time(), time.time(), 0, []
        for group in _groups(taught, batch, random.Random(seed)):
            gone = max((time.time() - start) / (60 * minutes), seen / (epochs * len(taught)))
            if gone >= 1:
                break
            for setting in self.optimizer.param_groups:
                setting["lr"] = self.rate * min(1.0, gone / 0.03 + 0.05) * 0.5 * (1 + math.cos(math.pi * gone))
            for example in group:
                loss = self.loss(example) / len(group)
                loss.backward()
                losses.append(loss.item() * len(group))
            torch.nn.utils.clip_grad_norm_(self.trained, 1.0)
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
            seen += len(group)
            if time.time() - last > 30:
                print(f"{time.time() - start:6.0f} s  loss {sum(losses) / len(losses):.3f}  {seen} examples", flush=True)
                last, losses = time.time(), []

    def save(self, folder: Path) -> None:
        """The merged model with its processor: what `--listener` takes."""
        merged = self.model.merge_and_unload()
        merged.save_pretrained(folder)
        self.listener.processor.save_pretrained(folder)


def _groups(taught: Sequence[Example], batch: int, rng: random.Random) -> Iterator[list[Example]]:
    while True:
        order = rng.sample(list(taught), len(taught))
        yield from (order[i : i + batch] for i in range(0, len(order), batch))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="+", help="run folders of `mdialog generate`, of any recipe")
    parser.add_argument("--listener", default="listener-mini")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--rate", type=float, default=2e-4)
    parser.add_argument("--batch", type=int, default=8, help="turns a step")
    parser.add_argument("--epochs", type=float, default=2.0)
    parser.add_argument("--minutes", type=float, default=60.0, help="at most")
    parser.add_argument("--held", type=float, default=0.1, help="share of the dialogues held out")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(arguments)
    torch.manual_seed(args.seed)
    try:
        listener = LocalListener.load(args.listener, device=args.device, dtype="float32" if args.device == "cpu" else None)
        play = player(AudioCache(), sample_rate=listener.sample_rate)
        train, test = sides(args.runs, test_share=args.held, seed=args.seed)
        taught, held = (examples(args.runs, play=play, ids=ids) for ids in (train, test))
    except MdialogError as error:
        raise SystemExit(str(error)) from error
    tuner = Tuner(listener, rank=args.rank, rate=args.rate)
    print(f"{len(taught)} turns taught, {len(held)} held out, {sum(p.numel() for p in tuner.trained):,} parameters", flush=True)
    print(f"held out before: loss {tuner.held_out_loss(held):.4f}", flush=True)
    tuner.train(taught, minutes=args.minutes, epochs=args.epochs, batch=args.batch, seed=args.seed)
    print(f"held out after: loss {tuner.held_out_loss(held):.4f}", flush=True)
    tuner.save(args.out)
    write_tracks((dialogue for run in args.runs for dialogue in read_dialogues(run / DIALOGUES) if (run, dialogue.id) in test),
                 args.out)  # fmt: skip
    print(f"saved {args.out}; write with it: mdialog generate --listener {args.out}")


if __name__ == "__main__":
    main()
