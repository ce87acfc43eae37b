"""What the listener is taught with: turns that share a sound do not see each other, drills can only be copied."""

import random
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))

import exercises as ex
import heads
import listener_model
from clips import Clips

from mdialog.metadata import EventSpan
from mdialog.synth.compose import compose
from mdialog.synth.labels import ClipEvents


@pytest.fixture(scope="module")
def tokenizer(listener_mini):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(listener_mini)


@pytest.fixture(scope="module")
def clips():
    labels = [compose(i, genre=g, duration_s=12).labels.over(0, 10) for i, g in enumerate(("folk", "jazz", "techno"))]
    return Clips(listener=[], clap=[], labels=labels)


@pytest.fixture(scope="module")
def model(tokenizer):
    torch.manual_seed(0)
    return listener_model.build_model(tokenizer).eval()


@pytest.mark.parametrize("seed", [1, 2, 5])
def test_turns_in_one_sequence_are_learned_as_if_each_were_alone(model, tokenizer, clips, seed):
    batches = ex.Batches(tokenizer, clips, batch_size=1, seed=seed)
    together = ex.with_sound(random.Random(seed), clips)
    sound = torch.randn(len(together.rows), ex.AUDIO_TOKENS, listener_model.D_AUDIO)

    def loss_of(exercise):
        *batch, _ = batches._collate([batches._encode(exercise)])
        with torch.inference_mode():
            loss, gathered = listener_model.language_loss(model, *batch, sound)
        counted = batch[2][:, 1:][batch[1][:, 1:] != -100].sum()
        return loss * counted, counted, gathered

    total, counted, gathered = loss_of(together)
    alone = [loss_of(ex.Exercise(together.rows, (turn,))) for turn in together.turns]
    assert len(alone) >= ex.TURNS
    assert total.item() == pytest.approx(sum(loss.item() for loss, *_ in alone), rel=1e-4)
    assert counted.item() == pytest.approx(sum(n.item() for _, n, _ in alone))
    assert torch.allclose(gathered, alone[0][2], atol=1e-4)


def test_a_sequence_reads_as_the_processor_writes_it(listener_mini, tokenizer, clips):
    from transformers import AutoProcessor

    exercise = ex.Exercise((0,), (ex.dense("list what you hear", "tempo slow"),))
    ids, counted, *_ = ex.Batches(tokenizer, clips, batch_size=1, seed=0)._encode(exercise)
    chat = [{"role": "user", "content": [{"type": "audio", "audio": None}, {"type": "text", "text": "list what you hear"}]}]
    prompt = AutoProcessor.from_pretrained(listener_mini).apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
    prompt = prompt.replace("<|AUDIO|>", "<|AUDIO|>" * ex.AUDIO_TOKENS)
    assert tokenizer.decode(ids) == prompt + "tempo slow<|im_end|>"
    assert tokenizer.decode([i for i, said in zip(ids, counted, strict=True) if said]) == "tempo slow<|im_end|>"


def counted_more(tokenizer, clips, turn):
    ids, _, weights, *_ = ex.Batches(tokenizer, clips, batch_size=1, seed=0)._encode(ex.Exercise((), (turn,)))
    return tokenizer.decode([i for i, w in zip(ids, weights, strict=True) if w == ex.FACT_WEIGHT])


@pytest.mark.parametrize(
    ("answer", "asks", "heavy", "light"),
    [
        ("Well, it has a flute, you know.", (), "flute", "Well"),
        ("No, as it happens.", (), "No", "happens"),
        ("Listen, the bell comes in after about 7 seconds, friend.", ("onset:bell",), "7", "friend"),
        ("Well, yes, there's a bell, my friend.", ("event:bell",), "yes", "friend"),
    ],
)
def test_words_that_state_what_is_heard_count_more(tokenizer, clips, answer, asks, heavy, light):
    found = counted_more(tokenizer, clips, ex.Turn("do: others", answer, ex._facts(answer, asks)))
    assert heavy in found and light not in found


def test_a_dense_turn_is_all_facts(tokenizer, clips):
    assert counted_more(tokenizer, clips, ex.dense("in short", "faster, less energy")) == "faster, less energy"


def test_heads_fitted_afterwards_find_what_an_embedding_holds(clips):
    true = heads.targets([*clips.labels] * 20)
    codes = torch.randn(3, 8, generator=torch.Generator().manual_seed(1)) * torch.logspace(-2, 2, 8)
    fitted = heads.Heads(8)
    fitted.fit(codes.repeat(20, 1), true, steps=300)
    found = fitted.accuracy(fitted(codes.repeat(20, 1)), true)
    assert found["genre"] == found["key"] == 1.0


@pytest.fixture(scope="module")
def scenes():
    rain, bell = EventSpan("rain", 0.0, 10.0), EventSpan("bell", 2.4, 4.0)
    return Clips(listener=[], clap=[], labels=[ClipEvents((rain, bell), 10.0), ClipEvents((), 10.0)])


def test_sounds_are_listed_with_their_seconds(scenes):
    assert [ex.timed(clip) for clip in scenes.labels] == ["rain 0-10; bell 2-4", "none"]


def test_a_question_without_sound_is_told_what_sounds(scenes):
    rng = random.Random(3)
    exercises = [ex.told_events(rng, scenes) for _ in range(40)]
    assert all(not exercise.rows for exercise in exercises)
    states = [turn.state for exercise in exercises for turn in exercise.turns]
    assert any("bell 2-4" in state and "rain 0-10" in state for state in states) and any("none" in state for state in states)


def test_an_answer_is_taught_with_what_is_to_be_noted(clips, scenes):
    rng = random.Random(0)
    for ask, of in (("onset:bell", scenes.labels[:1]), ("metre", clips.labels[:1]), ("metre", clips.labels[:2]),
                    (f"genre:{clips.labels[0].genre}", clips.labels[:1]), ("suits:party", clips.labels[:2])):  # fmt: skip
        turn = ex.question_talk(rng, ask, of)
        *state, note = turn.state.splitlines()
        expected = {"onset:bell": "2", "metre": of[-1].metre if ask == "metre" else ""}.get(ask)
        assert note.startswith("noted: ") and (expected is None or note == f"noted: {expected}")
        assert not any(line.startswith("noted") for line in state)
        assert len(note.split("; ")) == (2 if ":" in ask and ask != "onset:bell" else 1)
        asked = ex.question_talk(rng, ask, of, role="user")
        told = ex.question_talk(rng, ask, of, hints=["tempo fast"])
        assert "noted" not in asked.state + told.state


def test_a_clip_that_is_chosen_is_noted_by_the_name_that_the_answer_gives_it(clips):
    pair = [replace(clips.labels[0], themes=("party",)), replace(clips.labels[1], themes=())]
    for seed in range(20):
        turn = ex.question_talk(random.Random(seed), "suits:party", pair)
        note = turn.state.splitlines()[-1].removeprefix("noted: ").split("; ")[0]
        assert note.startswith('"') and note.strip('"') in turn.answer


def test_scenes_come_beside_music(tokenizer, clips, scenes):
    batches = iter(ex.Batches(tokenizer, clips, batch_size=2, seed=0, silent=0.0, scenes=scenes))
    rows = np.concatenate([next(batches)[-1] for _ in range(60)])
    share = np.mean(rows >= len(clips))
    assert rows.max() < len(clips) + len(scenes) and 0.2 < share < 0.5
    exercise = ex.with_events(random.Random(0), scenes)
    assert len(exercise.turns) == ex.TURNS + 1
    asked = [line for turn in exercise.turns[:-1] for line in turn.state.split("\n") if "item_attribute" in line]
    assert len(asked) == len(exercise.turns) - 1


def test_only_copying_solves_a_drill():
    drills = ex.copying_drills(50, batch_size=16, seed=3)
    for _ in range(20):
        ids, labels, weights, positions, segments = next(drills)
        for row, said in zip(ids.tolist(), labels.tolist(), strict=True):
            first = next(i for i, x in enumerate(said) if x != -100)
            assert said[first:] == row[first:]
            # The stretch that is counted, with the token before it, stands in the sequence once before.
            assert str(row[first - 1 :])[1:-1] in str(row[: first - 1])[1:-1] or first == 0


def test_names_of_one_brief_may_share_an_artist():
    rng = random.Random(0)
    drawn = [ex.naming(rng) for _ in range(60)]
    artists = [len({names(rng).artist for _ in range(6)}) for names in drawn]
    assert min(artists) <= 2 and max(artists) == 6


def test_hints_stand_in_for_the_sound_and_seldom_beside_it(clips):
    rng = random.Random(1)
    silent = [ex.talk(rng, clips, (0,), silent=True).state for _ in range(200)]
    sounding = [ex.talk(rng, clips, (0,)).state for _ in range(200)]
    tempo = f"tempo {clips.labels[0].tempo}"
    hinted = [sum(f"lead {clips.labels[0].lead or 'none'}" in state and tempo in state for state in states)
              for states in (silent, sounding)]
    assert hinted[0] > 130 and hinted[1] < 50
