"""A real ClapModel, small and untrained: the same code path as any CLAP, in a tenth of a second."""

from mdialog import vocab
from mdialog.clap import Clap


def small_clap(*, seed: int = 0, dim: int = 16) -> Clap:
    """A random `Clap`; the same seed gives the same weights and the same `model_id`."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import (
        ClapAudioConfig,
        ClapConfig,
        ClapFeatureExtractor,
        ClapModel,
        ClapProcessor,
        ClapTextConfig,
        PreTrainedTokenizerFast,
    )

    words = sorted({w for k in vocab.load() for v in k.values for p in v.prompts for w in p.lower().split()})
    table = {w: i for i, w in enumerate(["<s>", "<pad>", "</s>", "<unk>", *words])}
    inner = Tokenizer(models.WordLevel(table, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>",
        model_max_length=64,
    )  # fmt: skip
    audio = ClapAudioConfig(
        patch_embeds_hidden_size=16, hidden_size=128, depths=[1, 1, 1, 1], num_attention_heads=[2, 2, 2, 2],
        projection_dim=dim,
    )  # fmt: skip
    text = ClapTextConfig(
        vocab_size=len(table), hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=80, projection_dim=dim, pad_token_id=1,
    )  # fmt: skip
    config = ClapConfig(text_config=text.to_dict(), audio_config=audio.to_dict(), projection_dim=dim)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = ClapModel(config)
        # Fresh weights give every text one direction; larger ones tell them apart.
        for name, parameter in model.named_parameters():
            if name.startswith("text") and parameter.ndim == 2:
                torch.nn.init.normal_(parameter, std=0.5)
    processor = ClapProcessor(ClapFeatureExtractor(truncation="rand_trunc"), tokenizer)
    return Clap(model, processor, model_id=f"small@{seed:08x}")
