"""Train models/listener-mini: a small Qwen2-Audio that writes both sides of a dialogue from what it hears.

    python scripts/render_clips.py work/clips ...
    python scripts/train_listener_mini.py work/clips --out work/listener --minutes 60 20 60 60 20

Five stages, each with its own minutes, resumable from the last checkpoint:

1. encoder: the audio encoder under tag heads (tempo, key, instruments ...), mean-pooled;
2. counting: layers that count beats are put in front of it (counting.py), and it learns to use them;
3. text: the language model on briefs and utterances without any sound: short sequences in which it learns to copy names,
   to do what the brief says, and to put facts (written into the brief as hints) into words;
4. language: the language model on frozen, stored encoder outputs, with the phrase book, which speaks most of what the
   encoder's heads find clear, of music and of scenes of sound events, which the encoder never learned. Half-way up the
   model, heads read where a clip's audio ends what was gathered of it, and at every place of it which sounds are there:
   of the clips of a batch, and of many more that are only listened to, by this half alone;
5. joint: everything together, features augmented.

``--begin models/listener-mini`` goes on from a finished model with the stage "language": heads are fitted to its encoder
first, for their weights are not kept.

The same code runs on a GPU with ``--device cuda``, and on every core of a machine without one under
``torchrun --nproc-per-node N scripts/train_listener_mini.py ... --threads 1``.
"""

import copy
import dataclasses
import math
import time
from pathlib import Path

import clips as clip_data
import numpy as np
import torch
from counting import BEATS_HZ, RULED, before_reading, freeze, put_in_front, reserve, teach_reading
from exercises import AUDIO_TOKENS, SPECIAL, Batches, build_tokenizer, copying_drills, tokenizer_texts
from heads import BANDS, SECONDS, Heads, begins, lasting, rhythm, sounding, targets
from render_clips import listener_extractor
from states import stored
from torch.nn import functional as F
from training import Clock, Crew, augmented, kept_tokenizer, parser, rounded, start

from mdialog import vocab

D_AUDIO, AUDIO_LAYERS, FFN = 288, 6, 960
D_TEXT, TEXT_LAYERS = 256, 4
AUDIO_FRAMES = 500  # for ten seconds

# Only the user message is read: instructions for larger models stand in the system message.
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if message['role'] == 'user' %}"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'audio' %}{{ '<|audio_bos|><|AUDIO|><|audio_eos|>\\n' }}"
    "{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}{{ '<|im_end|>\\n' }}"
    "{% elif message['role'] == 'assistant' %}{{ '<|im_start|>' }}"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}{{ part['text'] }}{% endfor %}{% endif %}{{ '<|im_end|>\\n' }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>' }}{% endif %}"
)


def build_model(tokenizer):
    """A Qwen2-Audio of about 11 million parameters."""
    from transformers import Qwen2AudioConfig, Qwen2AudioForConditionalGeneration

    config = Qwen2AudioConfig(
        audio_config={
            "model_type": "qwen2_audio_encoder", "num_mel_bins": 192, "d_model": D_AUDIO,
            "encoder_layers": AUDIO_LAYERS, "encoder_attention_heads": D_AUDIO // 32, "encoder_ffn_dim": FFN,
            "max_source_positions": AUDIO_FRAMES // 2,
        },
        text_config={
            "model_type": "qwen2", "vocab_size": len(tokenizer), "hidden_size": D_TEXT,
            "intermediate_size": 3 * D_TEXT, "num_hidden_layers": TEXT_LAYERS, "num_attention_heads": 4,
            "num_key_value_heads": 4, "max_position_embeddings": 1024, "tie_word_embeddings": False,
            "rope_parameters": {"rope_type": "default", "rope_theta": 10_000.0},
            "bos_token_id": None, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id,
        },
        audio_token_index=tokenizer.convert_tokens_to_ids("<|AUDIO|>"),
    )
    model = Qwen2AudioForConditionalGeneration(config)
    tower = model.model.audio_tower
    # Sinusoids, as Whisper's encoder has, slower than beats: those come with the layers that count.
    places = D_AUDIO - RULED
    slow_hz = 0.02 * (1.0 / 0.02) ** (torch.arange(places // 2) / (places // 2))
    angles = 2 * math.pi * torch.arange(AUDIO_FRAMES // 2)[:, None] / (AUDIO_FRAMES / 2 / 10.0) * slow_hz
    tower.embed_positions.weight.data[:, :places] = 0.3 * torch.cat([angles.sin(), angles.cos()], 1)
    # Weights by the width of each layer. The default spread of .02 suits thousands of dimensions. At 256 attention stays
    # even, and copying does not begin: after 660 batches of drills their loss stood at 7.97 (chance is 8.0), with these
    # weights at 7.80 after 460 and under 6.1 a hundred batches later. In the encoder the convolutions' output (.03) would
    # drown in the positions (.64): after 150 batches the heads' loss was 22.7, with these weights 22.0.
    for name, weight in [*model.model.language_model.named_parameters(), *tower.named_parameters()]:
        if weight.ndim > 1 and "embed_positions" not in name:
            torch.nn.init.normal_(weight, std=1.0 if "embed" in name else weight[0].numel() ** -0.5)
    model.set_attn_implementation({"audio_config": "eager"})  # on a CPU a fifth faster to train here than the default
    own = model.generation_config  # the nucleus of a word about the sound is small: it is then the likeliest one
    own.do_sample, own.temperature, own.top_p, model.config.stated_top_p = True, 0.7, 0.8, 0.1
    model.config.by_the_book = True
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    return model


def language_loss(model, ids, labels, weights, positions, segments, audio_states=None) -> tuple[torch.Tensor, torch.Tensor]:
    """Weighted cross entropy of the answers, and what stands half-way up the language model where it hears the clips.

    Only positions that are counted go through the vocabulary layer. Padding is on the right, where no counted token
    can look, so that no mask is needed but for `segments`: a turn sees the sound and itself.

    Returns
    -------
    loss : torch.Tensor [shape=()]
    heard : torch.Tensor [shape=(n_clips, AUDIO_TOKENS + 1, d_text)]
        At every place of each clip, and right after it.
    """
    inner = model.model
    embeds = inner.language_model.get_input_embeddings()(ids)
    if audio_states is not None:
        projected = inner.multi_modal_projector(audio_states).to(embeds.dtype)
        where = (ids == model.config.audio_token_id).unsqueeze(-1)
        embeds = embeds.masked_scatter(where, projected)
    seen = None
    if segments is not None:
        seen = (segments[:, None, :] == 0) | (segments[:, None, :] == segments[:, :, None])
        seen = seen.tril()[:, None]
    out = inner.language_model(inputs_embeds=embeds, attention_mask=seen, position_ids=positions, use_cache=False,
                               output_hidden_states=True)
    said = labels[:, 1:] != -100
    logits = model.lm_head(out.last_hidden_state[:, :-1][said])
    there = ids == model.config.audio_token_id
    there = there | F.pad(there[:, :-1], (1, 0))
    heard = out.hidden_states[TEXT_LAYERS // 2][there]
    heard = heard.view(len(heard) // (AUDIO_TOKENS + 1), AUDIO_TOKENS + 1, D_TEXT)
    each = F.cross_entropy(logits.float(), labels[:, 1:][said], reduction="none")
    weight = weights[:, 1:][said]
    return (each * weight).sum() / weight.sum(), heard


DRILLED = 0.5  # drills end when their loss is under this: seven of eight tokens are copied by then
STAGES = ("encoder", "counting", "text", "language", "joint")
PARTS = ("model", "heads", "counter", "gatherers", "spotter", "timer", "placer")
COUNTING = 4.0  # weight of the loss of the rhythm's spectrum
GATHERING = 0.15  # weight of the loss of what is gathered
SPOTTING, TIMING = 6.0, 2.0  # weights of the losses of which sounds are where, and of what is gathered of their begins
PLACING = 1.0  # weight of the loss of which second each place of a clip is
HEADS_FIRST = 0.04  # of the minutes that go on from a finished model: new heads learn to read it before they teach it
LISTENED = 24  # clips a step that are only listened to, two of three of them scenes


class Trainer:
    """The stages over one model, with a checkpoint after every few minutes."""

    def __init__(self, args, crew, model, tokenizer, train, held, scenes, scenes_held):
        self.args, self.crew, self.model, self.tokenizer = args, crew, model.to(args.device), tokenizer
        self.train, self.held, self.scenes, self.scenes_held = train, held, scenes, scenes_held
        if not args.begin:
            reserve(self.model.model.audio_tower)
        self.heads = Heads(D_AUDIO).to(args.device)  # on the encoder's mean
        self.counter = torch.nn.Linear(D_AUDIO, BANDS * len(BEATS_HZ)).to(args.device)
        self.gatherers = Heads(D_TEXT).to(args.device)  # on what the language model gathers of a clip
        self.spotter = torch.nn.Linear(D_TEXT, len(vocab.events().names)).to(args.device)  # on each place of a clip
        self.timer = torch.nn.Linear(D_TEXT, 2 * len(vocab.events().names) * SECONDS).to(args.device)  # where the clip ends
        # Which second of the clip a place is: the encoder hardly hands it on (a linear probe explains a tenth of it), so that
        # what is to say when a sound comes in has to count places first.
        self.placer = torch.nn.Linear(D_TEXT, SECONDS - 1).to(args.device)
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

    def _said(self, batch, rows, audio):
        """Loss of a batch of utterances and of what was heard for them."""
        loss, heard = language_loss(self.model, *self.there(batch), audio)
        return loss + self._gathered(heard, rows)

    def _gathered(self, heard, rows):
        """Loss of what was gathered of the music, and of the scenes: which sounds are where, since when and how long."""
        music, scenes = rows < len(self.train), rows >= len(self.train)
        place = torch.arange(AUDIO_TOKENS, device=heard.device) * (SECONDS - 1) // AUDIO_TOKENS
        loss = torch.zeros((), device=heard.device)
        if len(rows):
            placed = self.placer(heard[:, :-1]).float().flatten(0, 1)
            loss = loss + PLACING * F.cross_entropy(placed, place.repeat(len(rows)))
        if music.any():
            loss = loss + GATHERING * Heads.loss(self.gatherers(heard[music, -1]), self.true_of(rows[music]))
        if scenes.any():
            clips = [self.scenes.labels[row - len(self.train)] for row in rows[scenes]]
            spotted = self.spotter(heard[scenes, :-1]).float()
            there = sounding(clips).to(heard.device)
            loss = loss + SPOTTING * F.binary_cross_entropy_with_logits(spotted, there)
            timed = self.timer(heard[scenes, -1]).float().view(-1, SECONDS)
            rare = torch.tensor([0.1] + [1.0] * (SECONDS - 1), device=timed.device)
            true = torch.stack([begins(clips), lasting(there)], 1).to(timed.device)
            loss = loss + TIMING * F.cross_entropy(timed, true.view(-1), rare)
        return loss

    def listen(self, audio) -> torch.Tensor:
        """What stands half-way up the language model at every place of clips and where they end, as in `language_loss`."""
        inner = self.model.model
        begin, end = (inner.language_model.get_input_embeddings()(self._mark(x, len(audio))) for x in ("bos", "eos"))
        played = torch.cat([begin, inner.multi_modal_projector(audio), end], 1)
        return lower_half(inner.language_model)(inputs_embeds=played, use_cache=False).last_hidden_state[:, 1:]

    def language(self, clock: Clock, stage: int) -> None:
        inner = self.model.model
        batches = Batches(self.tokenizer, self.told(), batch_size=self.args.batch, seed=self.seed(clock), scenes=self.scenes)
        rng = np.random.default_rng(self.seed(clock))
        clock.start = time.time()

        def losses():
            self.model.train()
            for *batch, rows in batches:
                audio = self.states_of(rows) if len(rows) else None
                scenes = len(self.train) + rng.integers(len(self.scenes), size=2 * LISTENED // 3)
                more = np.concatenate([rng.integers(len(self.train), size=LISTENED // 3), scenes])
                with self.autocast():
                    loss, heard = language_loss(self.model, *self.there(batch), audio)
                    both = torch.cat([heard, self.listen(self.states_of(more))])
                    if self.args.begin and clock.share < HEADS_FIRST:
                        both = both.detach()
                    parts = both.split([len(heard), len(more)])
                    gathered = self._gathered(parts[0], rows) + self._gathered(parts[1], more)
                    yield loss + gathered, len(batch[0])

        modules = (inner.language_model, inner.multi_modal_projector, self.model.lm_head, self.gatherers, self.spotter,
                   self.timer, self.placer)  # fmt: skip
        self._steps(clock, stage, modules, losses())
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
                    loss = self._said(batch, rows, audio)
                yield loss + extra, len(batch[0])

        self._steps(clock, stage, (self.model, self.heads, self.counter, self.gatherers, self.spotter, self.timer,
                                   self.placer), losses())
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
                    outs.append(self.gatherers(heard[:, -1]))
                    labels += [self.held.labels[row] for row in rows]
            print(f"language, artists held out: loss {np.mean(losses):.3f}", flush=True)
            self._say_heads("gathered", outs, targets(labels))
            self.report_spotted()

    def report_spotted(self) -> None:
        """How well the spotter knows the sounds of scenes held out, place by place: mean average precision over the sounds."""
        from sklearn.metrics import average_precision_score

        spotted, timed, placed = [], [], []
        for rows in np.array_split(np.arange(len(self.scenes_held)), math.ceil(len(self.scenes_held) / 32)):
            heard = self.listen(self.model.model.audio_tower(self.mels(self.scenes_held, rows)).last_hidden_state)
            spotted.append(self.spotter(heard[:, :-1]).float().cpu())
            placed.append(self.placer(heard[:, :-1]).argmax(-1).cpu())
            timed.append(self.timer(heard[:, -1]).float().cpu().view(len(rows), 2, -1, SECONDS))
        true, found = sounding(self.scenes_held.labels), torch.cat(spotted)
        each = [average_precision_score(true[..., i].flatten(), found[..., i].flatten()) for i in range(true.shape[-1])
                if true[..., i].any()]  # fmt: skip
        facts, told = torch.stack([begins(self.scenes_held.labels), lasting(true)], 1), torch.cat(timed)
        there = facts[:, 0] > 0
        second = torch.arange(AUDIO_TOKENS) * (SECONDS - 1) // AUDIO_TOKENS
        known = average_precision_score(there.flatten(), (1 - told[:, 0].softmax(-1)[..., 0]).flatten())
        near = ((told[..., 1:].argmax(-1) + 1 - facts).abs() <= 1).transpose(0, 1)[:, there].float().mean(1)
        print(f"spotted, scenes held out: average precision {np.mean(each):.3f}, chance {true.mean():.3f}; gathered: "
              f"{known:.3f}, chance {there.float().mean():.3f}, begin within a second {near[0]:.3f}, length {near[1]:.3f}; "
              f"second known {(torch.cat(placed) == second).float().mean():.3f}", flush=True)  # fmt: skip

    def _mark(self, which: str, n: int) -> torch.Tensor:
        return torch.full((n, 1), self.tokenizer.convert_tokens_to_ids(f"<|audio_{which}|>"), device=self.args.device)


def lower_half(language_model: torch.nn.Module) -> torch.nn.Module:
    """The same weights, up to where the heads read what was gathered."""
    half = copy.copy(language_model)
    half._modules = dict(language_model._modules) | {
        "layers": language_model.layers[: TEXT_LAYERS // 2], "norm": torch.nn.Identity(),
    }  # fmt: skip
    half.config = copy.copy(language_model.config)
    half.config.num_hidden_layers = TEXT_LAYERS // 2
    return half


def export(model, tokenizer, folder: Path) -> None:
    """Save what transformers alone can load, in half precision."""
    from transformers import Qwen2AudioProcessor

    processor = Qwen2AudioProcessor(feature_extractor=listener_extractor(), tokenizer=tokenizer, chat_template=CHAT_TEMPLATE)
    folder.mkdir(parents=True, exist_ok=True)
    processor.save_pretrained(folder)
    model = model.to("cpu").half()
    for part in (model.model.language_model, model.model.multi_modal_projector, model.lm_head):
        for weight in part.parameters():
            weight.data = rounded(weight.data)
    model.save_pretrained(folder)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--minutes", type=float, nargs=5, default=(60, 20, 60, 60, 20), metavar=tuple(map(str.upper, STAGES)))
    options.add_argument("--rates", type=float, nargs=5, default=(1e-3, 4e-4, 2e-3, 1e-3, 4e-4))
    options.add_argument("--batch", type=int, default=16, help="clips a step; 8 where several processes share it")
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
