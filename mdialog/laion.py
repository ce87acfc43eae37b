"""Original laion-clap checkpoints (``.pt``) as transformers models, without laion-clap itself.

The file holds two towers under other names; their sizes are read off the tensors. Its tokenizer is RoBERTa's, which the
file does not hold: ``roberta-base`` in one of the models' folders, or on the hub.
"""

import re
from pathlib import Path

import torch

from mdialog.errors import ModelError
from mdialog.models import model_folders

TOKENIZER = "roberta-base"
HEAD_SIZE = 64  # of every RoBERTa
MEL_BINS = 64

# What neither tower needs to embed: fixed transforms, the tagging heads, the projections of another loss.
_LEFT_OUT = re.compile(
    r"spectrogram_extractor|logmel_extractor|tscam_conv|audio_branch\.head\.|attn_mask|"
    r"^(?:text|audio)_transform\.|relative_position_index|position_ids"
)
_RENAMED = (
    (r"^text_branch\.", "text_model."),
    (r"^audio_branch\.", "audio_model.audio_encoder."),
    (r"\.attn\.proj\.", ".attention.output.dense."),
    (r"\.attn\.", ".attention.self."),
    (r"\.mlp\.fc1\.", ".intermediate.dense."),
    (r"\.mlp\.fc2\.", ".output.dense."),
    (r"(blocks\.\d+)\.norm1\.", r"\1.layernorm_before."),
    (r"(blocks\.\d+)\.norm2\.", r"\1.layernorm_after."),
    (r"\.bn0\.", ".batch_norm."),
    (r"^(text|audio)_projection\.0\.", r"\1_projection.linear1."),
    (r"^(text|audio)_projection\.2\.", r"\1_projection.linear2."),
)


def load(path: Path):
    """Convert a checkpoint.

    Parameters
    ----------
    path : Path
        A ``.pt`` file as laion-clap trains and releases them, HTSAT with RoBERTa, fused or not.

    Returns
    -------
    transformers.ClapModel
    transformers.ClapProcessor

    Raises
    ------
    ModelError
        If the file is no such checkpoint, or there is no tokenizer for it.
    """
    from transformers import AutoTokenizer, ClapFeatureExtractor, ClapModel, ClapProcessor

    weights = renamed(_read(path))
    config = config_of(weights, path)
    model = ClapModel(config)
    missing, extra = model.load_state_dict(weights, strict=False)
    missing = [name for name in missing if not re.search(r"position_i|token_type_ids|relative_position_index", name)]
    if missing or extra:
        raise ModelError(f"{path}: not laion-clap's HTSAT with RoBERTa; odd one is {(missing + extra)[0]!r}")
    name = next((str(f / TOKENIZER) for f in model_folders() if (f / TOKENIZER).is_dir()), TOKENIZER)
    try:
        tokenizer = AutoTokenizer.from_pretrained(name)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{path} needs the tokenizer of {TOKENIZER}: put its folder into {model_folders()[0]}, or allow the hub"
        ) from error
    fused = config.audio_config.enable_fusion
    extractor = ClapFeatureExtractor(truncation="fusion" if fused else "rand_trunc")
    return model.eval(), ClapProcessor(extractor, tokenizer)


def _read(path: Path) -> dict[str, torch.Tensor]:
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise ModelError(f"no file {path}") from None
    except Exception as error:  # torch.load has no error of its own: pickle's, zip's, its own advice on weights_only
        raise ModelError(f"cannot read {path} as a checkpoint of torch: {str(error).strip().splitlines()[0]}") from error
    weights = saved.get("state_dict", saved) if isinstance(saved, dict) else {}
    if not any("audio_branch" in name for name in weights):
        raise ModelError(f"{path} is no laion-clap checkpoint: it has no audio_branch")
    return {name.removeprefix("module."): tensor for name, tensor in weights.items()}


def renamed(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The same tensors under transformers' names; each joined query, key and value apart."""
    found = {}
    for name, tensor in weights.items():
        if _LEFT_OUT.search(name):
            continue
        for old, new in _RENAMED:
            name = re.sub(old, new, name)
        if ".qkv." in name:
            parts = zip(("query", "key", "value"), tensor.chunk(3), strict=True)
            found |= {name.replace("qkv", part): x for part, x in parts}
        else:
            found[name] = tensor
    return found


def config_of(weights: dict[str, torch.Tensor], path: Path):
    """A ``ClapConfig`` whose sizes are those of the tensors."""
    from transformers import ClapAudioConfig, ClapConfig, ClapTextConfig

    try:
        text, audio = "text_model.", "audio_model.audio_encoder."
        words, ffn = weights[f"{text}embeddings.word_embeddings.weight"], f"{text}encoder.layer.0.intermediate.dense.weight"
        patch = weights[f"{audio}patch_embed.proj.weight"]
        stages = [f"{audio}layers.{i}.blocks." for i in range(_count(weights, rf"{audio}layers\.(\d+)\."))]
        depths = [_count(weights, rf"{re.escape(stage)}(\d+)\.") for stage in stages]
        bias = [weights[f"{stage}0.attention.self.relative_position_bias_table"] for stage in stages]
        dim = weights["text_projection.linear2.weight"].shape[0]
        text_config = ClapTextConfig(
            vocab_size=words.shape[0], hidden_size=words.shape[1], intermediate_size=weights[ffn].shape[0],
            num_attention_heads=max(1, words.shape[1] // HEAD_SIZE),
            num_hidden_layers=_count(weights, rf"{text}encoder\.layer\.(\d+)\."),
            max_position_embeddings=weights[f"{text}embeddings.position_embeddings.weight"].shape[0],
            type_vocab_size=weights[f"{text}embeddings.token_type_embeddings.weight"].shape[0], projection_dim=dim,
        )  # fmt: skip
    except KeyError as error:
        raise ModelError(f"{path}: not laion-clap's HTSAT with RoBERTa; it has no {error}") from None
    fused = any("fusion_model" in name or "mel_conv2d" in name for name in weights)
    audio_config = ClapAudioConfig(
        patch_embeds_hidden_size=patch.shape[0], hidden_size=patch.shape[0] * 2 ** (len(depths) - 1), depths=depths,
        num_hidden_layers=len(depths), num_attention_heads=[table.shape[1] for table in bias], patch_size=patch.shape[-1],
        window_size=(int(bias[0].shape[0] ** 0.5) + 1) // 2, num_mel_bins=MEL_BINS, projection_dim=dim,
        enable_fusion=fused, fusion_type="aff_2d" if fused else None,
    )  # fmt: skip
    return ClapConfig(text_config=text_config.to_dict(), audio_config=audio_config.to_dict(), projection_dim=dim)


def _count(weights: dict[str, torch.Tensor], pattern: str) -> int:
    return 1 + max((int(found[1]) for name in weights if (found := re.match(pattern, name))), default=-1)
