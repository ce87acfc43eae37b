"""A listener that runs here: any transformers audio chat model, bundled, in a folder, or from the hub."""

import hashlib
import weakref
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import jinja2
import numpy as np
import torch

from mdialog import seeds
from mdialog.errors import ModelError
from mdialog.listener.base import DEFAULT as DEFAULT_SAMPLING
from mdialog.listener.base import Request, Sampling
from mdialog.listener.doubts import settled
from mdialog.listener.memo import remember_tower
from mdialog.listener.notes import noted
from mdialog.listener.nucleus import Again, Nucleus, stating_tokens
from mdialog.listener.spelling import Spelling, spells
from mdialog.models import find_model

DEFAULT = "listener-mini"

# Where AutoModelForMultimodalLM has no entry (the Flamingos) or maps to a talker that also speaks (the Omnis).
_CLASSES = {
    "audioflamingo3": "AudioFlamingo3ForConditionalGeneration",
    "musicflamingo": "MusicFlamingoForConditionalGeneration",
    "qwen2_5_omni": "Qwen2_5OmniThinkerForConditionalGeneration",
    "qwen3_omni_moe": "Qwen3OmniMoeThinkerForConditionalGeneration",
}
# These take one audio a prompt: clips to compare are joined, a second of silence between them.
_ONE_AUDIO = ("audioflamingo3", "musicflamingo")
_GAP_S = 1.0
# Prompts are padded on the left to the next multiple, so that few lengths occur. The amount depends on the prompt
# alone, never on what it is batched with. Only for families for which tests/test_listener_local.py shows that padding
# changes nothing; others are batched at equal lengths.
_PAD_TO = {"qwen2_audio": 64, "audioflamingo3": 64, "musicflamingo": 64}
_MAX_LOGITS = 2**26  # held at once when answers are scored: 256 MB as float32


class LocalListener:
    """A transformers model and its processor as a :class:`mdialog.listener.base.Listener`.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        In evaluation mode, on its device.
    processor : transformers.ProcessorMixin
        With a chat template that knows ``{"type": "audio"}`` parts.
    model_id : str
        For the record.
    max_rows : int > 0
        Sequences generated at once.
    """

    def __init__(self, model, processor, *, model_id: str, max_rows: int = 128):
        self.model, self.processor, self.model_id, self.max_rows = model, processor, model_id, max_rows
        extractor = _feature_extractor(processor)
        self.sample_rate = int(getattr(extractor, "sampling_rate", 0) or 0)
        if not self.sample_rate:
            raise ModelError(f"{model_id}: its processor has no audio feature extractor; choose an audio chat model")
        if not getattr(processor, "chat_template", None):
            raise ModelError(f"{model_id}: its processor has no chat template; add chat_template.jinja to its folder")
        self.max_clip_s = _max_clip_s(processor, extractor)
        self.sampling = _advised(model)
        self.by_the_book = bool(getattr(model.config, "by_the_book", False))
        self.takes_notes = self.doubts = bool(getattr(model.config, "takes_notes", False))  # it was taught to answer in a line
        self.max_clips = getattr(model.config, "max_clips", None)
        self.memo = remember_tower(model)
        self._spelling = Spelling(processor.tokenizer) if spells(processor.tokenizer) else None
        self._stating = stating_tokens(processor.tokenizer)
        self._begun = [processor.tokenizer.decode([token]).strip().casefold() for token in self._stating.tolist()]
        self._prepared = weakref.WeakKeyDictionary()

    @classmethod
    def load(
        cls, name: str | Path | None = None, *, device: str = "cpu", dtype: str | None = None, max_rows: int = 128
    ) -> "LocalListener":
        """Load an audio chat model.

        Parameters
        ----------
        name : str or Path, optional
            A folder, a bundled model's name, or a hub id; the bundled listener-mini by default.
        device : str
            Of torch: ``cpu``, ``cuda``, ``cuda:1`` …
        dtype : str, optional
            Of torch: ``bfloat16`` …; by default float32 on a CPU, elsewhere as the checkpoint was saved.
        max_rows : int > 0
            Sequences generated at once.

        Raises
        ------
        ModelError
            If there is no such model, or it is not an audio chat model that transformers can load.
        """
        import transformers

        found = find_model(str(name or DEFAULT))
        try:
            config = transformers.AutoConfig.from_pretrained(found)
            processor = transformers.AutoProcessor.from_pretrained(found)
            model_class = _model_class(config.model_type)
            dtype = dtype or ("float32" if device == "cpu" else "auto")
            model = model_class.from_pretrained(found, dtype=dtype).to(device).eval()
        except (OSError, ValueError, ImportError, KeyError) as error:
            raise ModelError(f"cannot load {found!r} as an audio chat model: {_first_line(error)}") from error
        return cls(model, processor, model_id=_model_id(found, config), max_rows=max_rows)

    def write(
        self, requests: Sequence[Request], *, n: int = 1, first: int = 0, seed: int = 0, sampling: Sampling = DEFAULT_SAMPLING
    ) -> list[list[str]]:
        """Draw candidates number ``first .. first + n - 1`` of every request.

        Candidate k of a request comes from a stream of its own, ``(seed, request.id, k)``: what else is in the
        batch, and how many are drawn at once, does not change it (up to the rounding of floating-point sums).

        Returns
        -------
        list of list of str
            For every request, its `n` candidates, stripped of surrounding white space.

        Raises
        ------
        ModelError
            If the processor does not take the messages, or would not hear all of the audio.
        """
        rows = {(i, k): request for i, request in enumerate(requests) for k in range(first, first + n)}
        if self.takes_notes:
            greedy = sampling.temperature == 0
            rows |= noted(requests, range(first, first + n), write=self.write, seed=seed, greedy=greedy)

        def draw(rows: Mapping[tuple[int, int], Request], time: int = 0) -> dict[tuple[int, int], str]:
            return self._drawn(rows, sampling, (seed, "again", time) if time else (seed,))

        drawn = settled(rows, draw=draw, score=self.score) if self.doubts and sampling.temperature else draw(rows)
        return [[drawn[i, k] for k in range(first, first + n)] for i in range(len(requests))]

    def _drawn(self, rows: Mapping[tuple[int, int], Request], sampling: Sampling, stream: tuple) -> dict[tuple[int, int], str]:
        """A text for each row: candidate k of request i, from the stream that their names make."""
        texts: dict[tuple[int, int], str] = {}
        for bucket in self._buckets(rows):
            batch = self._collate([self._inputs(rows[row]) for row in bucket])
            draws = np.stack([
                seeds.generator(*stream, rows[i, k].id, k).random(sampling.max_new_tokens) for i, k in bucket
            ])
            texts |= zip(bucket, self._generate(batch, draws, [rows[row] for row in bucket], sampling), strict=True)
        return texts

    def logits(self, request: Request) -> np.ndarray:
        """Scores of the first token of the answer, shape ``(vocabulary,)``."""
        with torch.inference_mode():
            outputs = self.model(**self._collate([self._inputs(request)]))
        return outputs.logits[0, -1].float().cpu().numpy()

    def score(self, requests: Sequence[Request], continuations: Sequence[Sequence[str]]) -> list[list[np.ndarray]]:
        """How likely given answers are.

        Parameters
        ----------
        requests : sequence of Request
        continuations : sequence of sequence of str
            For every request, texts that its answer may begin with.

        Returns
        -------
        list of list of np.ndarray [shape=(n_tokens,), dtype=float32]
            For every continuation, the natural logarithm of each token's probability after those before it; their sum is
            that of the text.
        """
        scores: dict[tuple[int, int], np.ndarray] = {}
        first = {request: i for i, request in reversed([*enumerate(requests)])}  # a prompt is read once
        for bucket in self._buckets({(i, 0): requests[i] for i in sorted(first.values())}):
            rows = [(i, k) for i, request in enumerate(requests) if (first[request], 0) in bucket
                    for k in range(len(continuations[i]))]  # fmt: skip
            prompts = [self._inputs(requests[i]) for i, _ in bucket]
            prompt_of = {row: bucket.index((first[requests[row[0]]], 0)) for row in rows}
            at_once = max(1, _MAX_LOGITS // (prompts[0]["input_ids"].shape[1] * len(self.processor.tokenizer)))
            for start in range(0, len(rows), at_once):
                part = rows[start : start + at_once]
                used = sorted({prompt_of[row] for row in part})
                answers = [self.processor.tokenizer.encode(continuations[i][k], add_special_tokens=False) for i, k in part]
                of = [used.index(prompt_of[row]) for row in part]
                scores |= zip(part, self._answer_scores(self._collate([prompts[j] for j in used]), answers, of), strict=True)
        return [[scores[i, k] for k in range(len(texts))] for i, texts in enumerate(continuations)]

    def _answer_scores(
        self, batch: dict[str, torch.Tensor], answers: list[list[int]], prompt_of: list[int]
    ) -> list[np.ndarray]:
        """Log-probabilities of answers, each to a row of `batch`; shorter ones are padded behind, where nothing looks."""
        n = max(map(len, answers))
        of = torch.tensor(prompt_of, device=self.model.device)
        ids = torch.tensor([answer + [0] * (n - len(answer)) for answer in answers], device=self.model.device)
        there = torch.tensor([[1] * len(answer) + [0] * (n - len(answer)) for answer in answers], device=self.model.device)
        with torch.inference_mode():
            read = self.model(**batch, use_cache=True)
            read.past_key_values.batch_select_indices(of)
            mask = torch.cat([batch["attention_mask"][of], there], 1)
            said = self.model(input_ids=ids, attention_mask=mask, past_key_values=read.past_key_values, use_cache=True)
        logits = torch.cat([read.logits[of, -1:], said.logits[:, :-1]], 1).float().log_softmax(-1)  # (answers, n, vocabulary)
        chosen = logits.gather(2, ids[..., None])[..., 0].cpu().numpy()
        return [row[: len(answer)] for row, answer in zip(chosen, answers, strict=True)]

    def _buckets(self, rows: Mapping[tuple[int, int], Request]) -> Iterator[list[tuple[int, int]]]:
        """Rows whose inputs have equal shapes, at most `max_rows` together."""
        by_shape = defaultdict(list)
        for row, request in rows.items():
            inputs = self._inputs(request)
            by_shape[tuple((k, len(v), *v.shape[1:]) for k, v in sorted(inputs.items()))].append(row)
        for bucket in by_shape.values():
            for start in range(0, len(bucket), self.max_rows):
                yield bucket[start : start + self.max_rows]

    def _inputs(self, request: Request) -> dict[str, torch.Tensor]:
        """What the model takes for one request, made once."""
        if request not in self._prepared:
            self._prepared[request] = self._pad(self._prepare(request.messages))
        return self._prepared[request]

    def _prepare(self, messages: list[dict]) -> dict[str, torch.Tensor]:
        messages = self._fit(messages)
        try:
            inputs = self.processor.apply_chat_template(
                [messages], add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
            )
        except (ValueError, TypeError, RuntimeError, KeyError, jinja2.TemplateError) as error:
            said = _first_line(error)
            raise ModelError(f"{self.model_id}: its processor does not take the brief ({said})") from error
        inputs = {k: v for k, v in inputs.items() if isinstance(v, torch.Tensor)}
        self._check_heard(inputs, _audio(messages))
        return inputs

    def _fit(self, messages: list[dict]) -> list[dict]:
        """The same messages with audio parts that this model hears whole."""
        join = self.model.config.model_type in _ONE_AUDIO
        fitted = []
        for message in messages:
            content = message["content"]
            if isinstance(content, list):
                audio = [part["audio"] for part in content if part["type"] == "audio"]
                rest = [part for part in content if part["type"] != "audio"]
                if join and len(audio) > 1:
                    audio = [_joined(audio, int(_GAP_S * self.sample_rate))]
                pieces = [piece for samples in audio for piece in self._split(samples)]
                content = [*({"type": "audio", "audio": piece} for piece in pieces), *rest]
            fitted.append({**message, "content": content})
        return fitted

    def _split(self, samples: np.ndarray) -> list[np.ndarray]:
        """Adjacent pieces that are each heard whole; feature extractors cut longer ones without a word."""
        if self.max_clip_s is None:
            return [samples]
        longest = int(self.max_clip_s * self.sample_rate)
        if len(samples) > longest and self.model.config.model_type in _ONE_AUDIO:
            raise ModelError(
                f"{self.model_id} hears {self.max_clip_s:g} s a prompt, the clips have "
                f"{len(samples) / self.sample_rate:.1f} s; plan shorter clips"
            )
        return [samples[start : start + longest] for start in range(0, max(len(samples), 1), longest)]

    def _check_heard(self, inputs: dict[str, torch.Tensor], audio: list[np.ndarray]) -> None:
        """Frames marked as sound must cover the audio, where the processor marks them one by one."""
        if not audio:
            return
        mask = inputs.get("feature_attention_mask", inputs.get("input_features_mask"))
        features = inputs.get("input_features")
        if features is None and not any("audio" in name or "feature" in name for name in inputs):
            raise ModelError(f"{self.model_id}: its processor made no audio features: the model would not hear")
        hop = getattr(_feature_extractor(self.processor), "hop_length", None)
        if mask is None or hop is None or features is None or mask.shape[-1] != features.shape[-1]:
            return
        heard_s, given_s = int(mask.sum()) * hop / self.sample_rate, sum(map(len, audio)) / self.sample_rate
        if heard_s < given_s - 0.1 * len(audio):
            raise ModelError(f"{self.model_id}: of {given_s:.1f} s of audio only {heard_s:.1f} s would be heard")

    def _pad(self, inputs: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Prompt padded on the left to the next multiple that its family allows."""
        length = inputs["input_ids"].shape[1]
        short = -length % _PAD_TO.get(self.model.config.model_type, 1)
        pad = self.processor.tokenizer.pad_token_id
        if not short or pad is None:
            return inputs
        ids = torch.nn.functional.pad(inputs["input_ids"], (short, 0), value=pad)
        mask = torch.nn.functional.pad(inputs["attention_mask"], (short, 0), value=0)
        return {**inputs, "input_ids": ids, "attention_mask": mask}

    def _collate(self, rows: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
        """Inputs of equal shape one below the other.

        Done here and not by ``num_return_sequences``, which repeats the audios of a prompt one by one: with two of
        them the second candidate would hear the first clip twice.
        """
        batch = {}
        for name in rows[0]:
            tensor = torch.cat([row[name] for row in rows]).to(self.model.device)
            batch[name] = tensor.to(self.model.dtype) if tensor.is_floating_point() else tensor
        return batch

    def _generate(
        self, batch: dict[str, torch.Tensor], draws: np.ndarray, requests: Sequence[Request], sampling: Sampling
    ) -> list[str]:
        from transformers import GenerationConfig, LogitsProcessorList

        own = self.model.generation_config
        tokenizer = self.processor.tokenizer
        ends = _as_list(own.eos_token_id) + _as_list(tokenizer.eos_token_id)
        pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else (ends or [0])[0]
        config = GenerationConfig(
            max_new_tokens=sampling.max_new_tokens,
            do_sample=False,  # the draw is in the logits processors: a stream a row, not one for the batch
            temperature=1.0,  # said, so that the checkpoint's own is not taken and warned about
            top_p=1.0,
            eos_token_id=sorted(set(ends)) or None,
            pad_token_id=pad,
            bos_token_id=own.bos_token_id,
        )
        n_prompt = batch["input_ids"].shape[1]
        processors = LogitsProcessorList(self._samplers(draws, sampling))
        if processors and self.by_the_book:
            processors.insert(0, Again(self._stating, self._begun, n_prompt))
        if self._spelling and any(request.names for request in requests):
            processors.insert(0, self._spelling.processor([request.names for request in requests], n_prompt))
        min_p, own.min_p = own.min_p, None  # it would fill what `config` leaves open, and be warned about
        try:
            with torch.inference_mode():
                out = self.model.generate(**batch, generation_config=config, logits_processor=processors)
        finally:
            own.min_p = min_p
        new = out[:, n_prompt:]
        return [text.strip() for text in tokenizer.batch_decode(new, skip_special_tokens=True)]

    def _samplers(self, draws: np.ndarray, sampling: Sampling) -> list:
        from transformers import TemperatureLogitsWarper

        if sampling.temperature == 0:
            return []
        stated = sampling.top_p if sampling.stated_top_p is None else sampling.stated_top_p
        nucleus = Nucleus(sampling.top_p, stated, self._stating, sampling.min_p)
        return [TemperatureLogitsWarper(sampling.temperature), nucleus, Draw(draws)]


class Draw:
    """Logits processor that leaves one token a row, drawn with that row's own uniform numbers.

    Parameters
    ----------
    draws : np.ndarray [shape=(rows, max_new_tokens)]
        Uniform in [0, 1); column t decides token t by the inverse of the cumulative distribution.
    """

    def __init__(self, draws: np.ndarray):
        self._draws, self._step = draws, 0

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        u = torch.as_tensor(self._draws[:, self._step, None], device=scores.device)
        self._step += 1
        sums = scores.double().softmax(-1).cumsum(-1)  # (rows, vocabulary)
        token = torch.searchsorted(sums, u * sums[:, -1:], right=True).clamp(max=scores.shape[-1] - 1)
        return torch.full_like(scores, float("-inf")).scatter(1, token, 0.0)


def _advised(model) -> Sampling:
    """What a checkpoint says about sampling; the default where it says nothing.

    Its generation config, and ``stated_top_p`` of its config: generation configs keep no key that transformers does not know.
    """
    own = model.generation_config
    if not own.do_sample or own.temperature is None:
        return DEFAULT_SAMPLING
    stated = getattr(model.config, "stated_top_p", None)
    return Sampling(temperature=float(own.temperature), top_p=float(own.top_p or 1.0), min_p=float(own.min_p or 0.0),
                    stated_top_p=float(stated) if stated else None)  # fmt: skip


def _model_class(model_type: str):
    import transformers

    name = _CLASSES.get(model_type)
    return getattr(transformers, name) if name else transformers.AutoModelForMultimodalLM


def _feature_extractor(processor):
    for name in ("feature_extractor", "audio_processor"):
        if (extractor := getattr(processor, name, None)) is not None:
            return extractor
    return None


def _max_clip_s(processor, extractor) -> float | None:
    """Longest audio that is not cut: the processor's limit where it cuts windows itself, else the extractor's."""
    limit = getattr(processor, "max_audio_len", None) or getattr(extractor, "chunk_length", None)
    return float(limit) if limit else None


def _audio(messages: list[dict]) -> list[np.ndarray]:
    parts = (part for m in messages if isinstance(m["content"], list) for part in m["content"])
    return [part["audio"] for part in parts if part["type"] == "audio"]


def _joined(audio: list[np.ndarray], gap: int) -> np.ndarray:
    silence = np.zeros(gap, np.float32)
    pieces = [piece for samples in audio for piece in (silence, samples)]
    return np.concatenate(pieces[1:])


def _model_id(found: str, config) -> str:
    """Name and revision: the hub's commit, or a hash of a folder's configuration and weights' sizes and heads."""
    folder = Path(found)
    if not folder.is_dir():
        return f"{found}@{(getattr(config, '_commit_hash', None) or 'unknown')[:12]}"
    digest = hashlib.blake2b(digest_size=6)
    for path in sorted([folder / "config.json", *folder.glob("*.safetensors")]):
        digest.update(path.read_bytes())
    return f"{folder.parent.name}/{folder.name}@{digest.hexdigest()}"


def _as_list(ids) -> list[int]:
    return [] if ids is None else list(ids) if isinstance(ids, (list, tuple)) else [ids]


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
