"""Small random audio chat models of several families, saved as real checkpoints are: what a hub id would give."""

from pathlib import Path

AUDIO = "<|AUDIO|>"
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] %}{% if part['type'] == 'audio' %}" + AUDIO + "\n"
    "{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CORPUS = [
    "seeker, plain do: add_filter new: genre reggae; mood calm wanted: tempo slow now: \"River\" by Ana",
    "I would love something slow with a warm organ. Here is a track for you, it has a calm flute and drums.",
    "recommender, chatty do: passive_recommend offer: \"Blue Hour\" by The Lamps; liked: refused: before: hints:",
]
SMALL = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
         "num_key_value_heads": 2, "max_position_embeddings": 8192}


def tokenizer():
    """A byte-level BPE learned from a few lines, with the tokens that the families share."""
    from tokenizers import ByteLevelBPETokenizer
    from transformers import PreTrainedTokenizerFast

    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", AUDIO, "<|audio_bos|>", "<|audio_eos|>"]
    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(CORPUS, vocab_size=400, min_frequency=1, special_tokens=special, show_progress=False)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe._tokenizer, pad_token="<|endoftext|>", eos_token="<|im_end|>",
        additional_special_tokens=special, clean_up_tokenization_spaces=False,
    )


def _whisper(chunk_s: int):
    from transformers import WhisperFeatureExtractor

    return WhisperFeatureExtractor(
        feature_size=128, hop_length=400, n_fft=2048, chunk_length=chunk_s, sampling_rate=16000
    )


def _qwen2_audio(words):
    import transformers as t

    config = t.Qwen2AudioConfig(
        audio_config=dict(model_type="qwen2_audio_encoder", num_mel_bins=128, encoder_layers=1,
                          encoder_attention_heads=2, encoder_ffn_dim=32, d_model=16, max_source_positions=200),
        text_config=dict(model_type="qwen2", vocab_size=len(words), **SMALL),
        audio_token_index=words.convert_tokens_to_ids(AUDIO),
    )
    processor = t.Qwen2AudioProcessor(_whisper(10), words, chat_template=TEMPLATE, audio_token=AUDIO)
    return t.Qwen2AudioForConditionalGeneration(config), processor


def _flamingo(words, family: str):
    import transformers as t

    config_class = getattr(t, f"{family}Config")
    config = config_class(
        audio_config=dict(num_mel_bins=128, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
                          hidden_size=16, max_source_positions=200),
        text_config=dict(model_type="qwen2", vocab_size=len(words), **SMALL),
        audio_token_id=words.convert_tokens_to_ids(AUDIO),
    )
    processor = getattr(t, f"{family}Processor")(
        _whisper(10), words, chat_template=TEMPLATE, audio_token=AUDIO
    )
    return getattr(t, f"{family}ForConditionalGeneration")(config), processor


def _granite_speech(words):
    import transformers as t

    config = t.GraniteSpeechConfig(
        encoder_config=dict(input_dim=160, num_layers=2, hidden_dim=16, num_heads=2, output_dim=8, context_size=50),
        projector_config=dict(model_type="blip_2_qformer", hidden_size=16, num_hidden_layers=1,
                              num_attention_heads=2, intermediate_size=32, encoder_hidden_size=16),
        text_config=dict(model_type="granite", vocab_size=len(words), **SMALL),
        audio_token_index=words.convert_tokens_to_ids(AUDIO), has_lora_adapter=False,
    )
    processor = t.GraniteSpeechProcessor(
        t.GraniteSpeechFeatureExtractor(), words, audio_token=AUDIO, chat_template=TEMPLATE
    )
    return t.GraniteSpeechForConditionalGeneration(config), processor


FAMILIES = {
    "qwen2_audio": _qwen2_audio,
    "audioflamingo3": lambda words: _flamingo(words, "AudioFlamingo3"),
    "granite_speech": _granite_speech,
}


def save(family: str, folder: Path) -> Path:
    """A random model of `family` with its processor in `folder`, as ``save_pretrained`` writes them."""
    import torch

    torch.manual_seed(0)
    words = tokenizer()
    model, processor = FAMILIES[family](words)
    with torch.no_grad():  # the usual initial scale is so small that every token is nearly as likely as any other
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.mul_(4)
    model.generation_config.eos_token_id = words.eos_token_id
    model.generation_config.pad_token_id = words.pad_token_id
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
