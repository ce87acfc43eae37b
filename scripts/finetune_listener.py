"""Tunes any audio chat model of transformers on dialogues and descriptions that were written and checked: LoRA through peft.

    python scripts/finetune_listener.py my.run more.run/filtered --listener Qwen/Qwen2-Audio-7B-Instruct --out tuned
    python scripts/finetune_listener.py my.dataset --out tuned --exam 240

Each turn of the runs, or of what a filter kept of them, is one example: the brief with its clips as sound, and the utterance
that passed the checks. Of a dataset (`mdialog export --format messages --split`) it is each message of the assistant, after
those before it. The loss is of the utterance alone. Dialogues are held out so that no artist and no track of theirs is trained
on; their loss is printed before and after, and with --exam what share of questions about rendered clips is answered right. The
adapter is merged: OUT is a folder that `--listener` takes; its ``test.tracks`` holds the ids of the tracks that were held out,
for ``mdialog evaluate --tracks``.
"""

import argparse
import json
import math
import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from mdialog import brief as briefs
from mdialog import hearing
from mdialog.audio import AudioCache, decode, mono, resample
from mdialog.catalog import Catalog
from mdialog.errors import InputError, MdialogError
from mdialog.exam import Examiner
from mdialog.export import ABOUT
from mdialog.files import write_text
from mdialog.hints import Hints, hints_of
from mdialog.kept import Kept, Source
from mdialog.listener.base import Request
from mdialog.listener.local import LocalListener
from mdialog.plan import Plan, read_plans
from mdialog.probes import draw_items
from mdialog.run import CONFIG, PLANS, player
from mdialog.split import TRACKS, split, write_tracks
from mdialog.write import Play

EARS = r".*(audio_tower|audio_encoder|audio_model|embed_audio|multi_modal_projector).*"  # stay as they are
PROTOCOLS = ("letter", "cloze")  # of the exam: by writing, and by likelihood for who follows no instructions


@dataclass(frozen=True)
class Example:
    """A turn to learn: what the listener is handed, made anew each time so that no sound stays in memory, and what to say."""

    request: Callable[[], Request]
    said: str


# ---- runs


Taken = tuple[Source, Kept]


def examples(taken: Sequence[Taken], *, play: Play) -> list[Example]:
    """The turns of some dialogues of runs.

    Raises
    ------
    InputError
        If the sound of one is not there.
    """
    plans = {source: {plan.id: plan for plan in read_plans(source.run / PLANS)} for source in {source for source, _ in taken}}
    hints = {source: _hints(source, plans[source].values()) for source in plans}
    found = []
    for source, kept in taken:
        said, plan = [turn.content for turn in kept.dialogue.turns], plans[source][kept.dialogue.id]
        for i in kept.turns:
            for clip in (*plan.turns[i].ahead, *plan.turns[i].clips):
                _check(plan.tracks[clip.track_id].path or f"track {clip.track_id}")
            told = hints[source](plan.turns[i].clips[-1]) if hints[source] and plan.turns[i].clips else ()
            handed = (plan, i, said[:i], told)
            found.append(Example(lambda handed=handed: _request(*handed, play), said[i]))
    return found


def _hints(source: Source, plans: Iterable[Plan]) -> Hints | None:
    """What the run told its listener: who learns from it is told the same."""
    config = json.loads((source.run / CONFIG).read_text(encoding="utf-8")) if (source.run / CONFIG).is_file() else {}
    if not config.get("hints"):
        return None
    heard = {clip.track_id for plan in plans for turn in plan.turns for clip in turn.clips}
    return hints_of(Catalog.open(config["catalog"]), heard, config["hints"])


def _request(plan: Plan, i: int, before: Sequence[str], told: Sequence[str], play: Play) -> Request:
    return Request.of(f"{plan.id}/{i}", briefs.build(plan, i, before, hints=told), play=lambda clip: play(plan, clip))


def _check(path: str | Path) -> None:
    if not Path(path).is_file():
        raise InputError(f"{path}: no such sound file; put it back, or leave its dialogues out")


def sides(folders: Sequence[Path], *, test_share: float, seed: int) -> tuple[list[Taken], list[Taken]]:
    """What is trained on and what is held out: by artists and tracks, over all runs together."""
    sources = [Source.of(folder) for folder in folders]
    of = {f"{i:08d}": one for i, one in enumerate((source, kept) for source in sources for kept in source.read())}
    dialogues = [kept.dialogue.model_copy(update={"id": name}) for name, (_, kept) in of.items()]
    try:
        found = split(dialogues, test_share=test_share, seed=seed)
    except InputError:
        found = split(dialogues, test_share=test_share, by="held tracks", seed=seed)
    print(f"dialogues: {found}", flush=True)
    return [of[name] for name in found.train], [of[name] for name in found.test]


# ---- a dataset


def read_messages(folder: Path, side: str, *, sample_rate: int) -> list[Example]:
    """What the assistant says in a side of an exported dataset, each after the messages before it.

    Raises
    ------
    InputError
        If the dataset has no such side, or not the format.
    """
    path, found = folder / f"{side}.jsonl", []
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
        if about["format"] != "messages":
            raise InputError(f"{folder} has the format {about['format']!r}; export with --format messages --split")
        for row in rows:
            for i, message in enumerate(row["messages"]):
                for part in message["content"]:
                    if part["type"] == "audio":
                        _check(folder / part["audio"])
                if message["role"] == "assistant":
                    said = "\n".join(part["text"] for part in message["content"])
                    name, before = f"{row['id']}/{i}", row["messages"][:i]
                    found.append(Example(lambda n=name, b=before: Request(n, _loaded(b, folder, sample_rate)), said))
    except FileNotFoundError as error:
        raise InputError(f"{error.filename} is not there: export with --format messages --split") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: no rows of messages ({error!r}); export again") from error
    return found


def _loaded(messages: Sequence[dict], folder: Path, sample_rate: int) -> list[dict]:
    """Messages with samples in the place of paths."""

    def part(held: dict) -> dict:
        if held["type"] == "audio":
            return {"type": "audio", "audio": _samples(folder / held["audio"], sample_rate)}
        return {"type": "text", "text": held["text"]}

    return [{"role": message["role"], "content": [part(held) for held in message["content"]]} for message in messages]


def _samples(path: Path, sample_rate: int) -> np.ndarray:
    found = decode(path)
    return resample(mono(found.samples), found.sample_rate, sample_rate)


# ---- tuning


class Tuner:
    """Low-rank adapters on the language model of a listener."""

    def __init__(self, listener: LocalListener, *, rank: int, rate: float):
        from peft import LoraConfig, get_peft_model

        self.listener = listener
        listener.takes_notes = listener.doubts = False  # nobody knows what was noted for the turns that it is taught
        config = LoraConfig(r=rank, lora_alpha=2 * rank, lora_dropout=0.05, target_modules="all-linear", exclude_modules=EARS)
        self.model = get_peft_model(listener.model, config)
        listener.model = self.model  # who asks the listener meanwhile hears the tuned one
        self.trained = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(self.trained, lr=rate, weight_decay=0.0)
        self.rate = rate

    def loss(self, example: Example) -> torch.Tensor:
        """Mean cross entropy of an utterance's tokens and its end, given the brief and the sound."""
        tokenizer, listener = self.listener.processor.tokenizer, self.listener
        inputs = listener._collate([listener._inputs(example.request())])
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
        if getattr(merged.config, "by_the_book", False):
            merged.config.by_the_book = False  # the dialogues may have taught it other words
        if getattr(merged.config, "takes_notes", False):
            merged.config.takes_notes = False
        merged.save_pretrained(folder)
        self.listener.processor.save_pretrained(folder)


def _groups(taught: Sequence[Example], batch: int, rng: random.Random) -> Iterator[list[Example]]:
    while True:
        order = rng.sample(list(taught), len(taught))
        yield from (order[i : i + batch] for i in range(0, len(order), batch))


def examine(listener: LocalListener, *, n: int, seed: int) -> Iterator[str]:
    """What share of `n` questions about rendered clips is right with each sound, a line a protocol."""
    listener.model.eval()
    probes, items = draw_items(n, seed=seed)
    examiner = Examiner(listener, probes, items, seed=seed)
    tasks = [task for task in examiner.tasks(PROTOCOLS) if task[0] in PROTOCOLS]
    answers = [answer for several in examiner.answers(tasks) for answer in several]
    for row in hearing.rows(answers, items):
        if row.category == "all":
            shares = ", ".join(f"{hearing.SOUND_NAMES[sound]} {share}" for sound, share in row.right.items())
            yield f"{row.protocol}: right with the {shares} (n {row.right['real'].n}, chance {row.chance:.2f})"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="+", help="run folders, filters' folders, or one exported dataset")
    parser.add_argument("--listener", default="listener-mini")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--rate", type=float, default=2e-4)
    parser.add_argument("--batch", type=int, default=8, help="turns a step")
    parser.add_argument("--epochs", type=float, default=2.0)
    parser.add_argument("--minutes", type=float, default=60.0, help="at most")
    parser.add_argument("--held", type=float, default=0.1, help="share of the dialogues held out; a dataset has its own")
    parser.add_argument("--exam", type=int, default=0, help="questions about rendered clips, before and after")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(arguments)
    torch.manual_seed(args.seed)
    try:
        listener = LocalListener.load(args.listener, device=args.device, dtype="float32" if args.device == "cpu" else None)
        taught, held, write_held = _data(args, listener.sample_rate)
    except MdialogError as error:
        raise SystemExit(str(error)) from error
    tuner = Tuner(listener, rank=args.rank, rate=args.rate)
    print(f"{len(taught)} turns taught, {len(held)} held out, {sum(p.numel() for p in tuner.trained):,} parameters", flush=True)
    _report("before", tuner, held, args)
    tuner.train(taught, minutes=args.minutes, epochs=args.epochs, batch=args.batch, seed=args.seed)
    _report("after", tuner, held, args)
    tuner.save(args.out)
    write_held()
    print(f"saved {args.out}; write with it: mdialog generate --listener {args.out}")


def _data(args: argparse.Namespace, sample_rate: int) -> tuple[list[Example], list[Example], Callable[[], None]]:
    """What is taught, what is held out, and how the tracks of the latter are written down."""
    if any((folder / ABOUT).is_file() for folder in args.data):
        (folder, *others) = args.data
        if others:
            raise InputError("a dataset has a test side of its own, which others may train on; give it alone, or give runs")
        taught, held = (read_messages(folder, side, sample_rate=sample_rate) for side in ("train", "test"))
        return taught, held, lambda: write_text(args.out / TRACKS, (folder / TRACKS).read_text(encoding="utf-8"))
    play = player(AudioCache(), sample_rate=sample_rate)
    train, test = sides(args.data, test_share=args.held, seed=args.seed)
    taught, held = (examples(taken, play=play) for taken in (train, test))
    return taught, held, lambda: write_tracks((kept.dialogue for _, kept in test), args.out)


def _report(when: str, tuner: Tuner, held: Sequence[Example], args: argparse.Namespace) -> None:
    print(f"held out {when}: loss {tuner.held_out_loss(held):.4f}", flush=True)
    for line in examine(tuner.listener, n=args.exam, seed=args.seed) if args.exam else ():
        print(f"exam {when}, {line}", flush=True)


if __name__ == "__main__":
    main()
