import listeners
import numpy as np
import pytest

from mdialog import run
from mdialog.errors import ModelError
from mdialog.listener.base import Request, Sampling
from mdialog.listener.local import LocalListener

RATE = 16000
SHORT = Sampling(max_new_tokens=10)
GREEDY = Sampling(temperature=0, max_new_tokens=10)


@pytest.fixture(scope="module", params=listeners.FAMILIES)
def listener(request, tmp_path_factory):
    return LocalListener.load(listeners.save(request.param, tmp_path_factory.mktemp("models") / request.param))


@pytest.fixture(scope="module")
def qwen(tmp_path_factory):
    folder = listeners.save("qwen2_audio", tmp_path_factory.mktemp("models") / "qwen2_audio")
    return lambda **options: LocalListener.load(folder, **options)


def noise(seed: int, seconds: float = 10.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, int(seconds * RATE)).astype(np.float32)


def request(name: str, *audio: np.ndarray, text: str = "new: genre reggae") -> Request:
    parts = [*({"type": "audio", "audio": samples} for samples in audio), {"type": "text", "text": text}]
    return Request(name, [{"role": "system", "content": "You recommend."}, {"role": "user", "content": parts}])


def mixed(n: int = 5) -> list[Request]:
    """Prompts of different lengths, with none, one and two clips."""
    return [request(f"r{i}", *map(noise, range(i % 3)), text="word " * 7 * i) for i in range(n)]


def test_what_is_heard_changes_the_answer(listener):
    real = listener.logits(request("x", noise(1)))
    assert np.allclose(real, listener.logits(request("x", noise(1))), atol=1e-5)
    for other in (0.3 * np.sin(np.arange(10 * RATE) / 20), np.zeros(10 * RATE)):
        assert np.abs(real - listener.logits(request("x", other.astype(np.float32)))).max() > 0.05 * real.std()


def test_both_of_two_clips_are_heard(listener):
    a, b, c = noise(1), np.sin(np.arange(10 * RATE) / 9).astype(np.float32), np.zeros(10 * RATE, np.float32)
    scores = [listener.logits(request("x", *pair)) for pair in ((a, b), (b, a), (c, b), (a, c))]
    assert all(np.abs(scores[0] - other).max() > 1e-3 for other in scores[1:])


@pytest.mark.parametrize("sampling", [GREEDY, SHORT])
def test_a_batch_of_one_is_a_batch_of_many(listener, sampling):
    together = listener.write(mixed(), n=2, seed=3, sampling=sampling)
    alone = [[listener.write([r], n=1, first=k, seed=3, sampling=sampling)[0][0] for k in (0, 1)] for r in mixed()]
    assert together == alone


def test_padding_changes_no_score(qwen):
    padded, bare = qwen(), qwen()
    bare._pad = lambda inputs: inputs
    for r in mixed():
        assert padded._inputs(r)["input_ids"].shape[1] % 64 == 0
        assert np.allclose(padded.logits(r), bare.logits(r), atol=1e-4)


def test_scored_answers_are_as_likely_as_in_a_plain_pass(listener):
    import torch

    def plain(r, text: str) -> list[float]:
        given = listener._inputs(r)
        answer = torch.tensor([listener.processor.tokenizer.encode(text)])
        more = {"input_ids": answer, "attention_mask": torch.ones_like(answer)}
        whole = {name: torch.cat([value, more[name]], 1) if name in more else value for name, value in given.items()}
        with torch.inference_mode():
            logs = listener.model(**whole).logits[:, -answer.shape[1] - 1 : -1].log_softmax(-1)
        return logs.gather(2, answer[..., None])[0, :, 0].tolist()

    asked = [*mixed(), mixed()[2]]
    asked.append(asked[1])  # one request twice, with other answers
    answers = [["slow", "a warm organ, and drums"], ["fast"], ["calm", "slow", "tempo"], [], ["River"], ["x"], ["reggae", "y"]]
    scores = listener.score(asked, answers)
    assert [len(row) for row in scores] == [len(row) for row in answers]
    for r, texts, found in zip(asked, answers, scores, strict=True):
        for text, logs in zip(texts, found, strict=True):
            assert np.allclose(logs, plain(r, text), atol=1e-3) and (logs < 0).all()


def test_candidates_differ_and_seeds_count(qwen):
    listener = qwen()
    (first,) = listener.write([request("a", noise(1))], n=3, seed=1, sampling=SHORT)
    (second,) = listener.write([request("a", noise(1))], n=3, seed=2, sampling=SHORT)
    (greedy,) = listener.write([request("a", noise(1))], n=3, seed=1, sampling=GREEDY)
    assert len({*first, *second}) == 6
    assert len(set(greedy)) == 1


def test_the_draw_follows_the_model(qwen):
    import torch

    from mdialog.listener.local import Draw

    scores = torch.log(torch.tensor([[0.1, 0.0, 0.6, 0.3]])).repeat(4000, 1)
    u = np.random.default_rng(0).random((4000, 1))
    drawn = Draw(u)(None, scores).argmax(-1)
    shares = torch.bincount(drawn, minlength=4) / 4000
    assert torch.allclose(shares, torch.tensor([0.1, 0.0, 0.6, 0.3]), atol=0.03) and shares[1] == 0
    edges = Draw(np.array([[0.0], [np.nextafter(1, 0)]]))(None, scores[:2]).argmax(-1)
    assert edges.tolist() == [0, 3]


def test_a_clip_is_encoded_once(qwen):
    listener = qwen()
    clips = [noise(i) for i in range(3)]
    asked = [request(f"r{i}", clips[i % 3], clips[(i + 1) % 3]) for i in range(6)]
    listener.write(asked, n=4, sampling=SHORT)
    listener.write(asked, n=2, first=4, sampling=SHORT)
    assert listener.memo.encoded == 3  # 72 rows were asked for


def test_the_memo_changes_nothing_and_stays_small(qwen):
    remembering, plain = qwen(), qwen()
    plain.model.model.audio_tower.forward = plain.memo._forward
    remembering.memo._max_rows = 2
    asked = [request(f"r{i}", noise(i), noise(i, seconds=4.0)) for i in range(4)] * 2
    for r in asked:
        assert np.allclose(remembering.logits(r), plain.logits(r), atol=1e-5)
    assert len(remembering.memo._rows) == 2
    assert remembering.memo.encoded >= 8


def test_silence_at_the_end_is_not_a_shorter_clip(qwen):
    listener = qwen()
    short = noise(1, seconds=5.0)
    padded = np.concatenate([short, np.zeros(5 * RATE, np.float32)])
    assert not np.allclose(listener.logits(request("x", short)), listener.logits(request("x", padded)), atol=1e-4)


def test_a_long_clip_is_split_and_heard_to_its_end(qwen):
    listener = qwen()
    long = noise(1, seconds=25.0)
    changed = long.copy()
    changed[-4 * RATE :] = 0
    assert listener._prepare(request("x", long).messages)["input_features"].shape[0] == 3
    assert not np.allclose(listener.logits(request("x", long)), listener.logits(request("x", changed)), atol=1e-3)


def test_sound_that_would_be_cut_is_refused(qwen):
    listener = qwen()
    listener.max_clip_s = 30.0  # a wrong belief: the extractor keeps 10 s
    with pytest.raises(ModelError, match="of 25.0 s of audio only 10.0 s"):
        listener.logits(request("x", noise(1, seconds=25.0)))


def test_what_cannot_be_loaded_is_said(tmp_path):
    from transformers import Qwen2Config, Qwen2ForCausalLM

    with pytest.raises(ModelError, match="no model 'nowhere'"):
        LocalListener.load("nowhere")
    words = listeners.tokenizer()
    config = Qwen2Config(vocab_size=len(words), **listeners.SMALL)
    Qwen2ForCausalLM(config).save_pretrained(tmp_path / "text")
    words.save_pretrained(tmp_path / "text")
    with pytest.raises(ModelError, match="text"):
        LocalListener.load(tmp_path / "text")


@pytest.mark.parametrize("template", ["{% broken", "{{ raise_exception('no system message, please') }}"])
def test_a_template_that_fails_is_an_error_of_the_model(tmp_path, template):
    folder = listeners.save("qwen2_audio", tmp_path / "qwen")
    (folder / "chat_template.jinja").write_text(template)
    listener = LocalListener.load(folder)
    with pytest.raises(ModelError, match="does not take the brief"):
        listener.write([request("x", noise(1))])


def test_the_id_follows_the_weights(tmp_path):
    from safetensors.torch import load_file, save_file

    folder = listeners.save("qwen2_audio", tmp_path / "model")
    before = LocalListener.load(folder).model_id
    weights = load_file(folder / "model.safetensors")
    weights[min(weights)] += 1
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    assert LocalListener.load(folder).model_id != before
    assert before.startswith(f"{tmp_path.name}/model@")


def test_the_makers_advice_on_sampling_is_taken(tmp_path):
    listener = LocalListener.load(listeners.save("qwen2_audio", tmp_path / "plain"))
    assert listener.sampling == Sampling()
    own = listener.model.generation_config
    own.do_sample, own.temperature, own.top_p = True, 0.5, None
    listener.model.save_pretrained(tmp_path / "plain")
    assert LocalListener.load(tmp_path / "plain").sampling == Sampling(temperature=0.5, top_p=1.0)
    assert not listener.by_the_book and listener.max_clips is None
    listener.model.config.stated_top_p, own.min_p = 0.1, 0.05
    listener.model.config.by_the_book, listener.model.config.max_clips = True, 2
    listener.model.save_pretrained(tmp_path / "plain")
    advised = LocalListener.load(tmp_path / "plain")
    assert advised.sampling == Sampling(0.5, 1.0, stated_top_p=0.1, min_p=0.05) and advised.by_the_book
    assert advised.max_clips == 2
    options = run.config_from({"catalog": "c", "out": tmp_path / "run"}).options(advised)
    assert options.sampling == advised.sampling and options.by_the_book
    asked = run.config_from({"catalog": "c", "out": tmp_path / "run", "temperature": 0.0, "top_p": 0.4})
    assert asked.options(advised).sampling == Sampling(0.0, 0.4)
    asked = run.config_from({"catalog": "c", "out": tmp_path / "run", "temperature": 0.3})
    assert asked.options(advised).sampling == Sampling(0.3, 1.0, stated_top_p=0.1, min_p=0.05)
    asked = run.config_from({"catalog": "c", "out": tmp_path / "run", "min_p": 0.2})
    assert asked.options(advised).sampling == Sampling(0.5, 1.0, stated_top_p=0.1, min_p=0.2)


def test_a_checkpoint_that_advises_min_p_is_drawn_from_here_alone(tmp_path, monkeypatch):
    listener = LocalListener.load(listeners.save("qwen2_audio", tmp_path / "plain"))
    listener.model.generation_config.min_p, seen = 0.05, []
    generate = listener.model.generate
    monkeypatch.setattr(
        listener.model, "generate", lambda **given: seen.append(listener.model.generation_config.min_p) or generate(**given)
    )
    listener.write([request("x", noise(1))], sampling=Sampling(min_p=0.05))
    assert seen == [None] and listener.model.generation_config.min_p == 0.05  # else transformers warns that it is not used
