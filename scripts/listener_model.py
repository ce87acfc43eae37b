"""The shape of listener-mini, a Qwen2-Audio: how it is built, read and saved."""

import math
from pathlib import Path

import torch
from counting import RULED
from exercises import AUDIO_TOKENS
from render_clips import listener_extractor
from torch.nn import functional as F
from training import rounded

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
    own.do_sample, own.temperature, own.top_p, own.min_p = True, 1.0, 1.0, 0.05
    model.config.stated_top_p = 0.1
    model.config.by_the_book, model.config.takes_notes, model.config.max_clips = True, True, 2
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    return model


def read(model, ids, labels, positions, segments, audio_states=None) -> tuple[torch.Tensor, torch.Tensor]:
    """What the model would say at the positions that are counted, and what stands half-way up where it hears the clips.

    Only positions that are counted go through the vocabulary layer. Padding is on the right, where no counted token
    can look, so that no mask is needed but for `segments`: a turn sees the sound and itself.

    Returns
    -------
    logits : torch.Tensor [shape=(n_counted, vocabulary)]
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
    there = ids == model.config.audio_token_id
    there = there | F.pad(there[:, :-1], (1, 0))
    heard = out.hidden_states[TEXT_LAYERS // 2][there]
    heard = heard.view(len(heard) // (AUDIO_TOKENS + 1), AUDIO_TOKENS + 1, D_TEXT)
    return model.lm_head(out.last_hidden_state[:, :-1][labels[:, 1:] != -100]), heard


def language_loss(model, ids, labels, weights, positions, segments, audio_states=None) -> tuple[torch.Tensor, torch.Tensor]:
    """Weighted cross entropy of the answers, and what was heard (:func:`read`)."""
    logits, heard = read(model, ids, labels, positions, segments, audio_states)
    said = labels[:, 1:] != -100
    each = F.cross_entropy(logits.float(), labels[:, 1:][said], reduction="none")
    weight = weights[:, 1:][said]
    return (each * weight).sum() / weight.sum(), heard


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
