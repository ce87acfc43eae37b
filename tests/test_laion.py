"""Original checkpoints, made here from transformers' own weights under laion-clap's names."""

import re

import numpy as np
import pytest
import torch
from small_clap import small_clap

from mdialog import laion
from mdialog.clap import WINDOW_SAMPLES, Clap
from mdialog.errors import ModelError


def original_names(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The state dict as laion-clap saves it: its module names, query, key and value in one matrix, its other parts."""
    found = {}
    for name, tensor in weights.items():
        new = name.replace("text_model.", "text_branch.").replace("audio_model.audio_encoder.", "audio_branch.")
        new = re.sub(r"_projection\.linear([12])", lambda m: f"_projection.{2 * int(m[1]) - 2}", new)
        if new.startswith("audio_branch.layers"):
            new = new.replace("attention.self.relative", "attn.relative").replace("attention.output.dense", "attn.proj")
            new = new.replace("intermediate.dense", "mlp.fc1").replace("output.dense", "mlp.fc2")
            new = new.replace("layernorm_before", "norm1").replace("layernorm_after", "norm2")
            if part := re.search(r"attention\.self\.(query|key|value)", new):
                whole = new.replace(part[0], "attn.qkv")
                rows = [weights[name.replace(part[1], other)] for other in ("query", "key", "value")]
                found[f"module.{whole}"] = torch.cat(rows)
                continue
        new = new.replace("audio_branch.batch_norm", "audio_branch.bn0")
        found[f"module.{new}"] = tensor
    found["module.audio_branch.spectrogram_extractor.stft.conv_real.weight"] = torch.zeros(3)
    found["module.audio_branch.tscam_conv.weight"] = torch.zeros(3)
    found["module.text_transform.sequential.0.weight"] = torch.zeros(3)
    return found


def released(folder, *, fused: bool):
    """A model, and the file and tokenizer folder that a user would have of it."""
    from transformers import ClapAudioConfig, ClapConfig, ClapModel, ClapTextConfig

    small = small_clap()
    audio = ClapAudioConfig(
        patch_embeds_hidden_size=16, hidden_size=64, depths=[1, 2, 1], num_hidden_layers=3, num_attention_heads=[2, 2, 4],
        projection_dim=16, enable_fusion=fused, fusion_type="aff_2d" if fused else None,
    )  # fmt: skip
    text = ClapTextConfig(
        vocab_size=len(small.processor.tokenizer), hidden_size=128, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=96, max_position_embeddings=80, projection_dim=16, pad_token_id=1,
    )  # fmt: skip
    torch.manual_seed(1)
    model = ClapModel(ClapConfig(text_config=text.to_dict(), audio_config=audio.to_dict(), projection_dim=16))
    for name, parameter in model.named_parameters():
        if name.startswith("text") and parameter.ndim == 2:
            torch.nn.init.normal_(parameter, std=0.5)
    small.processor.tokenizer.save_pretrained(folder / "roberta-base")
    torch.save({"epoch": 1, "state_dict": original_names(model.state_dict())}, folder / "music.pt")
    processor = type(small.processor)(small.processor.feature_extractor, small.processor.tokenizer)
    return Clap(model.eval(), processor, model_id="x"), folder / "music.pt"


@pytest.mark.parametrize("fused", [False, True])
def test_a_checkpoint_embeds_as_its_model_does(tmp_path, monkeypatch, fused):
    monkeypatch.setenv("MDIALOG_MODELS", str(tmp_path))
    model, file = released(tmp_path, fused=fused)
    clap = Clap.load(str(file))
    assert clap.model.config.audio_config.enable_fusion is fused
    texts = ["a slow song", "drums and bass"]
    assert np.allclose(clap.embed_text(texts), model.embed_text(texts), atol=1e-6)
    if not fused:
        sound = np.random.default_rng(0).normal(0, 0.1, (2, WINDOW_SAMPLES)).astype(np.float32)
        assert np.allclose(clap.embed_audio(sound), model.embed_audio(sound), atol=1e-6)
    assert clap.model_id.startswith("music.pt@")


def test_every_weight_of_a_tower_is_taken_over(tmp_path, monkeypatch):
    monkeypatch.setenv("MDIALOG_MODELS", str(tmp_path))
    model, file = released(tmp_path, fused=True)
    found = laion.load(file)[0].state_dict()
    for name, tensor in model.model.state_dict().items():
        assert torch.equal(found[name], tensor), name


def test_bad_files_say_why(tmp_path, monkeypatch):
    monkeypatch.setenv("MDIALOG_MODELS", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelError, match="no file"):
        Clap.load(str(tmp_path / "none.pt"))
    (tmp_path / "text.pt").write_text("not weights")
    with pytest.raises(ModelError, match="cannot read"):
        Clap.load(str(tmp_path / "text.pt"))
    torch.save({"state_dict": {"encoder.weight": torch.zeros(1)}}, tmp_path / "other.pt")
    with pytest.raises(ModelError, match="no audio_branch"):
        Clap.load(str(tmp_path / "other.pt"))
    _, file = released(tmp_path, fused=False)
    saved = torch.load(file)
    saved["state_dict"].pop("module.text_projection.2.weight")
    torch.save(saved, tmp_path / "part.pt")
    with pytest.raises(ModelError, match="text_projection"):
        Clap.load(str(tmp_path / "part.pt"))


def test_the_original_tower_embeds_the_same(monkeypatch):
    """Beside the package itself, where its extra is installed (an environment of its own: it caps numpy below 2)."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    htsat = pytest.importorskip("laion_clap.clap_module.htsat", reason="the laion-clap extra is not installed")
    from types import SimpleNamespace

    from transformers import ClapAudioConfig, ClapConfig, ClapFeatureExtractor, ClapModel

    sizes = SimpleNamespace(
        model_type="HTSAT", model_name="tiny", sample_rate=48_000, window_size=1024, hop_size=480, mel_bins=64, fmin=50,
        fmax=14_000, class_num=527, audio_length=1024, clip_samples=480_000,
    )  # fmt: skip
    original = htsat.create_htsat_model(sizes, enable_fusion=False, fusion_type="None").eval()
    weights = laion.renamed({f"audio_branch.{name}": tensor for name, tensor in original.state_dict().items()})
    model = ClapModel(ClapConfig(audio_config=ClapAudioConfig().to_dict())).eval()
    assert not model.load_state_dict(weights, strict=False).unexpected_keys
    sound = 0.1 * torch.randn(1, 480_000)
    mel = ClapFeatureExtractor(truncation="rand_trunc")(sound[0].numpy(), sampling_rate=48_000, return_tensors="pt")
    with torch.no_grad():
        ours = model.audio_model(input_features=mel["input_features"], is_longer=torch.zeros(1, 1, dtype=torch.bool))
        theirs = original({"waveform": sound}, None, device="cpu")["embedding"]
    assert torch.nn.functional.cosine_similarity(ours.pooler_output, theirs) > 0.999
