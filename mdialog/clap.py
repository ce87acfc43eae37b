"""What CLAP hears: embeddings of ten-second windows and of text, and zero-shot scores over the vocabulary.

One code path for every model: a transformers ``ClapModel``, be it the bundled ``clap-mini``, a local folder or a
hub id. Windows have exactly 480,000 samples, so nothing is truncated at random.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from mdialog import vocab
from mdialog.errors import ModelError
from mdialog.models import find_model

SAMPLE_RATE_HZ = 48_000
WINDOW_SAMPLES = 480_000  # 10 s
DEFAULT = "clap-mini"

# Text towers that give every text the same direction; laion/larger_clap_music was measured at .999.
COLLAPSED_COSINE = 0.95


@dataclass(frozen=True)
class ZeroShot:
    """The vocabulary as CLAP sees it.

    Parameters
    ----------
    labels : tuple of (kind, value)
    text_embeddings : np.ndarray [shape=(n_labels, dim), dtype=float32]
        L2-normalised mean over each label's prompts.
    """

    labels: tuple[tuple[str, str], ...]
    text_embeddings: np.ndarray


def heard_labels() -> tuple[tuple[str, str], ...]:
    """Every ``(kind, value)`` of the vocabulary that has prompts, in the order of heard scores."""
    return tuple((kind.name, value.name) for kind in vocab.load() for value in kind.values if value.prompts)


class Clap:
    """A loaded CLAP model.

    Parameters
    ----------
    model : transformers.ClapModel
    processor : transformers.ClapProcessor
    model_id : str
        Name and content hash: embeddings of two models never mix in one catalogue.
    device : str
    """

    def __init__(self, model, processor, *, model_id: str, device: str = "cpu"):
        self.model = model.to(device).eval()
        self.processor = processor
        self.model_id = model_id
        self.device = device

    @classmethod
    def load(cls, name: str | None = None, *, device: str = "cpu") -> "Clap":
        """Load a model and make sure that it can tell texts apart.

        Parameters
        ----------
        name : str, optional
            A folder, a name under ``models/``, a hub id, or an original laion-clap checkpoint (``.pt``); the bundled
            ``clap-mini`` by default.
        device : str
            A torch device.

        Raises
        ------
        ModelError
            If it is no CLAP model, cannot be read, or its text tower has collapsed.
        """
        from transformers import AutoConfig, ClapModel, ClapProcessor

        if name and name.endswith(".pt"):
            from mdialog import laion

            model, processor = laion.load(Path(name).expanduser())
            return cls._checked(model, processor, name, device)
        path = find_model(name or DEFAULT)
        try:
            config = AutoConfig.from_pretrained(path)
            if config.model_type != "clap":
                raise ModelError(f"{path} is a {config.model_type!r} model; CLAP models have model_type 'clap'")
            model = ClapModel.from_pretrained(path)
            processor = ClapProcessor.from_pretrained(path)
        except (OSError, ValueError) as error:
            reason = str(error).strip().split("\n")[0]
            raise ModelError(f"cannot load CLAP model {path}: {reason}") from error
        return cls._checked(model, processor, path, device)

    @classmethod
    def _checked(cls, model, processor, path: str, device: str) -> "Clap":
        clap = cls(model.float(), processor, model_id=f"{Path(path).name}@{_revision(model)}", device=device)
        clap._refuse_collapsed()
        return clap

    @property
    def dim(self) -> int:
        """Length of an embedding."""
        return self.model.config.projection_dim

    def embed_audio(self, windows: np.ndarray, *, batch_size: int = 16) -> np.ndarray:
        """Embed ten-second windows.

        Parameters
        ----------
        windows : np.ndarray [shape=(n, 480000), dtype=float32]
            Mono at 48 kHz.
        batch_size : int > 0

        Returns
        -------
        np.ndarray [shape=(n, dim), dtype=float32]
            L2-normalised.

        Raises
        ------
        ValueError
            If the windows have another length: the extractor would cut them at random.
        """
        import torch

        if windows.ndim != 2 or windows.shape[1] != WINDOW_SAMPLES:
            raise ValueError(f"windows have shape {windows.shape}; CLAP takes (n, {WINDOW_SAMPLES}), 10 s at 48 kHz")
        parts = [np.zeros((0, self.dim), np.float32)]
        for start in range(0, len(windows), batch_size):
            inputs = self.processor.feature_extractor(
                list(windows[start : start + batch_size]), sampling_rate=SAMPLE_RATE_HZ, return_tensors="pt"
            )
            # The extractor flags one clip of a batch at random as "longer" when none is; only fusion models look.
            inputs["is_longer"] = torch.zeros_like(inputs["is_longer"])
            with torch.inference_mode():
                out = self.model.get_audio_features(**inputs.to(self.device))
            parts.append(_unit(out.pooler_output.float().cpu().numpy()))
        return np.concatenate(parts)

    def embed_text(self, texts: Sequence[str], *, batch_size: int = 64) -> np.ndarray:
        """Embed texts.

        Returns
        -------
        np.ndarray [shape=(n, dim), dtype=float32]
            L2-normalised.
        """
        import torch

        parts = [np.zeros((0, self.dim), np.float32)]
        for start in range(0, len(texts), batch_size):
            inputs = self.processor.tokenizer(
                list(texts[start : start + batch_size]), padding=True, truncation=True, return_tensors="pt"
            )
            with torch.inference_mode():
                out = self.model.get_text_features(**inputs.to(self.device))
            parts.append(_unit(out.pooler_output.float().cpu().numpy()))
        return np.concatenate(parts)

    @cached_property
    def zero_shot(self) -> ZeroShot:
        """Embeddings of the vocabulary's prompts, several a label, averaged."""
        v = vocab.load()
        labels = heard_labels()
        prompts = [(i, prompt) for i, (kind, value) in enumerate(labels) for prompt in v[kind][value].prompts]
        embedded = self.embed_text([prompt for _, prompt in prompts])
        mean = np.zeros((len(labels), self.dim), np.float32)
        np.add.at(mean, [i for i, _ in prompts], embedded)
        return ZeroShot(labels=labels, text_embeddings=_unit(mean))

    def _refuse_collapsed(self) -> None:
        text = self.zero_shot.text_embeddings
        cosine = float((np.square(text.sum(0)).sum() - len(text)) / (len(text) * (len(text) - 1)))
        if cosine > COLLAPSED_COSINE:
            raise ModelError(
                f"the text tower of {self.model_id} has collapsed: different prompts have a mean cosine of "
                f"{cosine:.3f} (rule: at most {COLLAPSED_COSINE}); take another model, laion/clap-htsat-unfused for one"
            )


def _unit(x: np.ndarray) -> np.ndarray:
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)


def _revision(model) -> str:
    """Eight hex digits that change with the weights: the hub commit, else a hash of config and weight samples."""
    commit = getattr(model.config, "_commit_hash", None)
    if commit:
        return commit[:8]
    digest = hashlib.blake2b(digest_size=4)
    config = model.config.to_dict()
    digest.update(json.dumps({k: v for k, v in config.items() if k != "_name_or_path"}, sort_keys=True, default=str).encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.flatten()[:64].float().cpu().numpy().tobytes())
    return digest.hexdigest()
