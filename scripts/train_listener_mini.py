"""Train models/listener-mini: a small Qwen2-Audio that writes both sides of a dialogue from what it hears.

    python scripts/render_clips.py work/clips ...
    python scripts/train_listener_mini.py work/clips --out work/listener --minutes 60 20 60 60 20

Five stages, each with its own minutes, resumable from the last checkpoint:

1. encoder: the audio encoder under tag heads (tempo, key, instruments ...), mean-pooled;
2. counting: layers that count beats are put in front of it (counting.py), and it learns to use them;
3. text: the language model on briefs and utterances without any sound: short sequences in which it learns to copy names,
   to do what the brief says, and to put facts (written into the brief as hints) into words;
4. language: the language model on frozen, stored encoder outputs: with drills of listening (drills.py), at first mostly,
   and with the phrase book, which speaks most of what the encoder's heads find clear, of music and of scenes of sound
   events, which the encoder never learned. Heads half-way up the model (gathering.py) say what is to be gathered there;
5. joint: everything together, features augmented.

``--begin models/listener-mini`` goes on from a finished model with the stage "language": heads are fitted to its encoder
first, for their weights are not kept.

The same code runs on a GPU with ``--device cuda``, and on every core of a machine without one under
``torchrun --nproc-per-node N scripts/train_listener_mini.py ... --threads 1``.
"""

import dataclasses
import math
import time
from collections import defaultdict
from pathlib import Path

import clips as clip_data
import numpy as np
import torch
from counting import BEATS_HZ, before_reading, freeze, put_in_front, reserve, teach_reading
from drills import Drills
from exercises import SPECIAL, Batches, build_tokenizer, copying_drills, tokenizer_texts
from gathering import Gathering
from heads import BANDS, Heads, rhythm, targets
from listener_model import AUDIO_FRAMES, D_AUDIO, D_TEXT, build_model, export, language_loss, read
from states import stored
from torch.nn import functional as F
from training import Clock, Crew, augmented, kept_tokenizer, parser, start

DRILLED = 0.5  # drills end when their loss is under this: seven of eight tokens are copied by then
STAGES = ("encoder", "counting", "text", "language", "joint")
PARTS = ("model", "heads", "counter", "gathering")
COUNTING = 4.0  # weight of the loss of the rhythm's spectrum
HEADS_FIRST = 0.02  # of the minutes that go on from a finished model: new heads learn to read it before they teach it


class Trainer:
    """The stages over one model, with a checkpoint after every few minutes."""

    def __init__(self, args, crew, model, tokenizer, train, held, scenes, scenes_held):
        self.args, self.crew, self.model, self.tokenizer = args, crew, model.to(args.device), tokenizer
        self.train, self.held, self.scenes, self.scenes_held = train, held, scenes, scenes_held
        if not args.begin:
            reserve(self.model.model.audio_tower)
        self.heads = Heads(D_AUDIO).to(args.device)  # on the encoder's mean
        self.counter = torch.nn.Linear(D_AUDIO, BANDS * len(BEATS_HZ)).to(args.device)
        self.gathering = Gathering(D_TEXT).to(args.device)  # half-way up the language model
        self.true = {k: x.to(args.device) for k, x in targets(train.labels).items()}
        self.stored: tuple[np.ndarray, ...] = ()  # the encoder's outputs, from `told` on
        self.path = args.out / "checkpoint.pt"
        self.state = {"stage": STAGES.index("language") if args.begin else 0, "spent_s": 0.0}
        if self.path.exists():
            saved = torch.load(self.path, map_location=args.device, weights_only=True)
            for name in PARTS:
                if name in saved:  # a part that is newer than the checkpoint begins as it is
                    getattr(self, name).load_state_dict(saved[name])
            self.state = saved["state"]
            crew.say(f"going on from stage {self.state['stage']} after {self.state['spent_s']:.0f} s")

    def autocast(self):
        return torch.autocast(self.args.device.split(":")[0], dtype=torch.bfloat16)

    def save(self, stage: int, spent_s: float) -> None:
        self.state = {"stage": stage, "spent_s": spent_s}
        if not self.crew.leads:
            return
        partial = self.path.with_suffix(".partial")
        weights = {name: getattr(self, name).state_dict() for name in PARTS}
        torch.save(weights | {"state": self.state}, partial)
        partial.replace(self.path)

    def mels(self, data, rows) -> torch.Tensor:
        return torch.from_numpy(data.take("listener", rows)).to(self.args.device)

    def true_of(self, rows) -> dict[str, torch.Tensor]:
        return {k: x[rows] for k, x in self.true.items()}

    def there(self, batch) -> list[torch.Tensor]:
        return [x if x is None else x.to(self.args.device) for x in batch]

    def seed(self, clock: Clock) -> int:
        """Another stream for every process and every start."""
        return 1000 * int(clock.done_s) + self.crew.rank

    def run(self) -> None:
        for stage, (name, minutes) in enumerate(zip(STAGES, self.args.minutes, strict=True)):
            if self.state["stage"] > stage:
                continue
            done_s = self.state["spent_s"] if self.state["stage"] == stage else 0.0
            clock = Clock(minutes, self.args.rates[stage], done_s=done_s)
            if stage >= STAGES.index("counting"):
                freeze(self.model.model.audio_tower)
            if clock.share < 1:
                getattr(self, name)(clock, stage)
            self.save(stage + 1, 0.0)

    def _steps(self, clock: Clock, stage: int, modules, losses) -> None:
        parameters = [p for module in modules for p in module.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(parameters, lr=clock.peak, betas=(0.9, 0.98), weight_decay=0.02)
        last_save, last_say, seen, window = time.time(), time.time(), 0, []
        for loss, n in losses:
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            share = self.crew.average(parameters, clock.share)
            for group in optimizer.param_groups:
                group["lr"] = clock.rate(share)
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            seen += n * self.crew.size
            window.append(loss.item())
            if time.time() - last_say > 60:
                rate = seen / (time.time() - clock.start)
                self.crew.say(f"{clock.spent_s:6.0f} s  loss {np.mean(window):.3f}  {rate:.1f} examples/s")
                last_say, window = time.time(), []
            if time.time() - last_save > 240:
                self.save(stage, clock.spent_s)
                last_save = time.time()
            if share >= 1:
                return

    def counting(self, clock: Clock, stage: int) -> None:
        if not clock.done_s:
            tower = self.model.model.audio_tower
            rows = np.random.default_rng(0).permutation(len(self.train))
            put_in_front(tower.cpu(), torch.from_numpy(self.train.take("listener", rows[:450])))
            tower.to(self.args.device)
            seen = [before_reading(tower, self.mels(self.train, some))[:, :: AUDIO_FRAMES // 12].cpu()
                    for some in np.array_split(rows, math.ceil(len(rows) / 64))]  # fmt: skip
            teach_reading(tower, torch.cat(seen), {k: self.true[k][rows].cpu() for k in ("tempo", "bpm")})
            self.crew.share(tower)
            clock.start = time.time()
        self.encoder(clock, stage)

    def encoder(self, clock: Clock, stage: int) -> None:
        tower = self.model.model.audio_tower
        rng, noise = np.random.default_rng(self.seed(clock)), torch.Generator().manual_seed(self.seed(clock))
        if not clock.done_s:
            put_in_front(tower, self.mels(self.train, np.arange(min(500, len(self.train)))))

        for part in (tower.conv1, tower.conv2, *tower.layers[:2]):
            part.requires_grad_(False)

        def losses():
            tower.train()
            while True:
                rows = rng.choice(len(self.train), self.args.batch, replace=False)
                with self.autocast():
                    loss, _ = self.heard(rows, noise)
                yield loss, len(rows)

        self._steps(clock, stage, (tower, self.heads, self.counter), losses())
        self.report_heads()

    def heard(self, rows, noise) -> tuple[torch.Tensor, torch.Tensor]:
        """Loss of the encoder's heads on training clips of music, and its output for all of the clips."""
        music = rows < len(self.train)
        mel = torch.cat([self.mels(self.train if x else self.scenes, [row if x else row - len(self.train)])
                         for row, x in zip(rows, music, strict=True)])  # fmt: skip
        audio = self.model.model.audio_tower(augmented(mel, noise)).last_hidden_state
        if not music.any():
            return torch.zeros((), device=audio.device), audio
        pooled = audio[music].mean(1)
        counted = F.mse_loss(self.counter(pooled).float(), rhythm(mel[music], frames_per_s=AUDIO_FRAMES / 10.0))
        return Heads.loss(self.heads(pooled), self.true_of(rows[music])) + COUNTING * counted, audio

    def report_heads(self) -> None:
        if not self.crew.leads:
            return
        tower = self.model.model.audio_tower.eval()
        outs = []
        with torch.inference_mode(), self.autocast():
            for start in range(0, len(self.held), 64):
                rows = np.arange(start, min(start + 64, len(self.held)))
                outs.append(self.heads(tower(self.mels(self.held, rows)).last_hidden_state.mean(1)))
        self._say_heads("encoder", outs, targets(self.held.labels))

    def _say_heads(self, what: str, outs, true) -> None:
        out = {k: torch.cat([o[k] for o in outs]).float().cpu() for k in outs[0]}
        found = Heads.accuracy(out, true)
        print(f"{what}, artists held out: " + "  ".join(f"{k} {x:.3f}" for k, x in found.items()), flush=True)

    def told(self) -> clip_data.Clips:
        """The training clips, with how clear their facts are to the encoder's heads."""
        tower, labels = self.model.model.audio_tower.eval(), []
        with self.autocast():
            self.stored = tuple(stored(tower, data, self.args.out / "states", device=self.args.device)
                                for data in (self.train, self.scenes))  # fmt: skip
        parts = np.array_split(np.arange(len(self.train)), math.ceil(len(self.train) / 256))
        means = [torch.from_numpy(self.stored[0][rows].astype(np.float32)).to(self.args.device).mean(1) for rows in parts]
        if self.args.begin and not self.state["spent_s"]:
            self.heads.fit(torch.cat(means), self.true)
            self.crew.share(self.heads)
            self.report_heads()
        with torch.inference_mode():
            for rows, pooled in zip(parts, means, strict=True):
                clear = self.heads.clarity(self.heads(pooled), self.true_of(rows))
                labels += [dataclasses.replace(self.train.labels[i], clarity=c) for i, c in zip(rows, clear, strict=True)]
        return dataclasses.replace(self.train, labels=labels)

    def states_of(self, rows: np.ndarray) -> torch.Tensor:
        """Stored encoder outputs of clips; scenes are counted after the music."""
        music, scenes = self.stored
        states = [music[row] if row < len(music) else scenes[row - len(music)] for row in rows]
        return torch.from_numpy(np.stack(states).astype(np.float32)).to(self.args.device)

    def text(self, clock: Clock, stage: int) -> None:
        seed = self.seed(clock)
        batches = Batches(self.tokenizer, self.train, batch_size=self.args.batch, seed=seed, silent=1.0)
        batches.whole = True  # until copying works: everything in a sequence teaches it
        drills = copying_drills(len(self.tokenizer) - len(SPECIAL), batch_size=6 * self.args.batch, seed=seed)

        def losses():
            self.model.train()
            copied = 10.0  # running loss of the drills
            for step, (*batch, _) in enumerate(batches):
                drilled = step % (3 if copied > DRILLED else 12) == 0
                if drilled:
                    batch = next(drills)
                with self.autocast():
                    loss, _ = language_loss(self.model, *self.there(batch))
                yield loss, len(batch[0])
                if drilled:
                    copied = 0.9 * copied + 0.1 * loss.item()
                    batches.whole = copied > DRILLED

        self._steps(clock, stage, (self.model.model.language_model, self.model.lm_head), losses())

    def _gathered(self, heard, rows) -> torch.Tensor:
        music = rows < len(self.train)
        scenes = [self.scenes.labels[row - len(self.train)] for row in rows[~music]]
        return self.gathering.loss(heard, torch.from_numpy(music), self.true_of(rows[music]), scenes)

    def language(self, clock: Clock, stage: int) -> None:
        inner, seed, told = self.model.model, self.seed(clock), self.told()
        first, last = self.args.drills
        talk, drills = (iter(kind(self.tokenizer, told, batch_size=self.args.batch, seed=seed, scenes=self.scenes))
                        for kind in (Batches, Drills))  # fmt: skip
        kinds = np.random.default_rng(int(clock.done_s))  # the same for every process: a step of talk takes longer
        clock.start = time.time()

        def losses():
            self.model.train()
            while True:
                drilled = kinds.random() < first + clock.share * (last - first)
                *batch, rows = next(drills if drilled else talk)
                audio = self.states_of(rows) if len(rows) else None
                with self.autocast():
                    loss, heard = language_loss(self.model, *self.there(batch), audio)
                    if self.args.begin and clock.share < HEADS_FIRST:
                        heard = heard.detach()
                    yield loss + self._gathered(heard, rows), len(batch[0])

        self._steps(clock, stage, (inner.language_model, inner.multi_modal_projector, self.model.lm_head, self.gathering),
                    losses())
        self.report_language()

    def joint(self, clock: Clock, stage: int) -> None:
        told = self.told()
        clock.start = time.time()
        noise = torch.Generator().manual_seed(self.seed(clock))
        seed = 1_000_000 + self.seed(clock)
        batches = Batches(self.tokenizer, told, batch_size=self.args.batch, seed=seed, scenes=self.scenes)

        def losses():
            self.model.train()
            for *batch, rows in batches:
                audio, extra = None, 0.0
                with self.autocast():
                    if len(rows):
                        heard, audio = self.heard(rows, noise)
                        extra = 0.3 * heard
                    loss, heard = language_loss(self.model, *self.there(batch), audio)
                    yield loss + self._gathered(heard, rows) + extra, len(batch[0])

        self._steps(clock, stage, (self.model, self.heads, self.counter, self.gathering), losses())
        self.report_heads()
        self.report_language()

    def report_language(self) -> None:
        if not self.crew.leads:
            return
        self.model.eval()
        batches = iter(Batches(self.tokenizer, self.held, batch_size=32, seed=12345))
        losses, outs, labels = [], [], []
        with torch.inference_mode(), self.autocast():
            for _ in range(8):
                *batch, rows = next(batches)
                audio = self.model.model.audio_tower(self.mels(self.held, rows)).last_hidden_state if len(rows) else None
                loss, heard = language_loss(self.model, *self.there(batch), audio)
                losses.append(loss.item())
                if len(rows):
                    outs.append(self.gathering.music(heard[:, -1]))
                    labels += [self.held.labels[row] for row in rows]
            print(f"language, artists held out: loss {np.mean(losses):.3f}", flush=True)
            self._say_heads("gathered", outs, targets(labels))
            self.report_drills()

    def report_drills(self) -> None:
        """Shares of the drills answered right, by what they ask, and what was gathered of the scenes, all held out."""
        drills = Drills(self.tokenizer, self.held, batch_size=1, seed=54321, scenes=self.scenes_held)
        right, heard = defaultdict(list), []
        held = [drills.scene(row, spoken=0) for row in range(len(self.scenes_held))]
        held += [drills.music(row, spoken=0) for row in range(len(self.held))]
        for exercise in held:
            ids, labels, _, positions, segments, rows = drills.batch([exercise])
            mels = torch.cat([self.mels(self.held, [row]) if row < len(self.held) else
                              self.mels(self.scenes_held, [row - len(self.held)]) for row in rows])  # fmt: skip
            states = self.model.model.audio_tower(mels).last_hidden_state
            logits, half = read(self.model, *self.there((ids, labels, positions, segments)), states)
            if rows[0] >= len(self.held):
                heard.append(half)
            said = labels[0, 1:] != -100
            wrong = logits.argmax(-1).cpu() != ids[0, 1:][said]
            about = "scenes" if rows[0] >= len(self.held) else "music"
            for i, turn in enumerate(exercise.turns):
                asked = turn.state.split(": ")[1].split()[0]
                right[f"{about} {asked}"].append(not wrong[segments[0, 1:][said] == i + 1].any())
        found = self.gathering.found(torch.cat(heard), self.scenes_held.labels)
        print("in short, held out: " + "  ".join(f"{k} {np.mean(x):.3f} (n {len(x)})" for k, x in sorted(right.items())))
        print("scenes held out: " + "  ".join(f"{k} {x:.3f}" for k, x in found.items()), flush=True)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--minutes", type=float, nargs=5, default=(60, 20, 60, 60, 20), metavar=tuple(map(str.upper, STAGES)))
    options.add_argument("--rates", type=float, nargs=5, default=(1e-3, 4e-4, 2e-3, 1e-3, 4e-4))
    options.add_argument("--batch", type=int, default=16, help="clips a step; 8 where several processes share it")
    options.add_argument("--drills", type=float, nargs=2, default=(0.85, 0.3), metavar=("FIRST", "LAST"),
                         help="share of the steps of the stage language that are drills, at its begin and its end")
    options.add_argument("--begin", type=Path, help="a finished model to go on from, with the stage language")
    args = options.parse_args()
    start(args)
    crew = Crew()
    train = clip_data.load(args.clips, "train", part=crew.rank, parts=crew.size)
    held = clip_data.load(args.clips, "artist")
    scenes = clip_data.load(args.clips, "scenes", part=crew.rank, parts=crew.size)
    scenes_held = clip_data.load(args.clips, "scenes-held")
    if args.begin:
        from transformers import AutoTokenizer, Qwen2AudioForConditionalGeneration

        tokenizer = AutoTokenizer.from_pretrained(args.begin)
        model = Qwen2AudioForConditionalGeneration.from_pretrained(args.begin).float()
    else:
        folder = args.out / "tokenizer"
        tokenizer = kept_tokenizer(folder, lambda: build_tokenizer(tokenizer_texts(train), folder))
        model = build_model(tokenizer)
    crew.say(f"{len(train)} clips a process, {sum(p.numel() for p in model.parameters()) / 1e6:.1f} M parameters, "
             f"{len(tokenizer)} tokens")
    Trainer(args, crew, model, tokenizer, train, held, scenes, scenes_held).run()
    if crew.leads:
        export(model, tokenizer, args.out / "model")
        print(f"saved {args.out / 'model'}")


if __name__ == "__main__":
    main()
