"""Drills of listening: every question has the answer of the labels, and what is gathered is marked where it is."""

import random
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))

import drills
import gathering
import heads
from clips import Clips
from exercises import AUDIO_TOKENS

from mdialog import vocab
from mdialog.metadata import EventSpan
from mdialog.synth import questions
from mdialog.synth.compose import compose
from mdialog.synth.labels import ClipEvents, suits

NAMES = vocab.events().names
RAIN, BELL = NAMES.index("rain"), NAMES.index("bell")


@pytest.fixture(scope="module")
def clips():
    labels = [compose(i, genre=g, duration_s=12).labels.over(0, 10) for i, g in enumerate(("folk", "jazz", "techno"))]
    return Clips(listener=[], clap=[], labels=labels)


@pytest.fixture(scope="module")
def scenes():
    rain, bell = EventSpan("rain", 0.0, 10.0), EventSpan("bell", 2.4, 4.0)
    return Clips(listener=[], clap=[], labels=[ClipEvents((rain, bell), 10.0), ClipEvents((), 10.0)])


def answers(turns):
    return {turn.state.split(": ")[1]: turn.answer for turn in turns}


def test_questions_about_events_have_the_answers_of_their_times(scenes):
    found = {}
    for seed in range(20):
        found |= answers(drills.about_events(random.Random(seed), scenes.labels[0]))
    assert found["onset bell"] == found["duration bell"] == "2" and found["times bell"] == "1"
    assert found["order bell rain"] == found["order rain bell"] == "rain"
    assert found["event"] == "rain, bell" and found["together bell rain"] == "yes"
    assert found["whether event bell"] == "yes" and found["whether event siren"] == "no"


def test_questions_about_music_have_the_answers_of_its_labels(clips):
    one = replace(clips.labels[0], themes=("party",), tempo_bpm=90.4, energy_value=0.32)
    found = {}
    for seed in range(20):
        found |= answers(drills.about_music(random.Random(seed), one))
    assert all(found[kind] == (getattr(one, kind) or "none") for kind in ("tempo", "lead", "vocal", "genre", "key"))
    assert found["instrument"] == ", ".join(one.instruments) and (found["bpm"], found["level"]) == ("90", "6")
    assert found["suits party"] == str(suits("party", one)) and found["suits sleep"] == str(suits("sleep", one))
    assert found[f"whether mode {one.mode}"] == "yes"
    assert questions.value_of("lead", replace(one, lead=None)) == "none"
    assert questions.value_of("mood", one) == ", ".join(one.moods)
    assert questions.value_of("course", one) in (one.course, "none")


@pytest.mark.parametrize(
    ("instruments", "answer"),
    [(("flute", "drums", "bass"), "acoustic"), (("electric guitar", "drums"), "electric"), (("synth pad", "harp"), "both"),
     (("drums",), "acoustic")],
)  # fmt: skip
def test_drums_and_basses_are_neither_acoustic_nor_electric(clips, instruments, answer):
    assert questions.value_of("electric", replace(clips.labels[0], instruments=instruments)) == answer


def test_some_questions_are_answered_in_a_sentence_too(clips, scenes):
    for seed in range(12):
        for turns in (drills.about_events(random.Random(seed), scenes.labels[0], spoken=3),
                      drills.about_music(random.Random(seed), clips.labels[0], spoken=3)):  # fmt: skip
            short, said = turns[:-3], turns[-3:]
            asked = {turn.state.split(": ")[1] for turn in short}
            for turn in said:
                lines = [line.split(": ", 1)[-1] for line in turn.state.splitlines() if not line.startswith("noted")]
                assert asked & {*lines} or any(line.endswith(" it") for line in lines)
                assert ("item_attribute_question" in lines) == turn.state.startswith("seeker") == turn.answer.endswith("?")
                assert not any(line.startswith(("suits", "bpm", "level")) for line in lines)


def test_what_is_asked_of_two_is_answered_in_sentences_by_what_is_noted_of_each(clips):
    slow = replace(clips.labels[0], genre="ambient", moods=("calm",), tempo_bpm=70.0, energy="low", energy_value=0.1)
    fast = replace(clips.labels[1], genre="metal", moods=("aggressive",), tempo_bpm=128.0, energy="high", energy_value=0.7)
    turns = [turn for seed in range(60) for turn in drills.about_two(random.Random(seed), [slow, fast])]
    asked = {}
    questions_ = [turn for turn in turns if turn.state.startswith("seeker")]
    assert 0.2 < len(questions_) / len(turns) < 0.5 and all(turn.answer.endswith("?") for turn in questions_)
    for turn in (turn for turn in turns if turn not in questions_):
        *lines, notes = turn.state.splitlines()
        labels = ("ask", "question", "about")
        ask = next(line.split(": ", 1)[1] for line in lines[1:] if line.split(": ")[0] in labels and "acts" not in line)
        assert notes.startswith("noted: ") and len(turn.answer) > 2
        asked.setdefault(ask, []).append((notes.removeprefix("noted: "), turn))
    assert {notes for notes, _ in asked["compare tempo"]} == {"faster"} and {notes for notes, _ in asked["compare energy"]} == {
        "more energy"}  # fmt: skip
    assert all(notes.startswith('"') and any(b > a for a, b in turn.facts) for notes, turn in asked["suits sleep"])
    assert all(notes.startswith("this one; ") for notes, _ in asked["suits workout"])
    assert any(ask.startswith("which instrument ") for ask in asked) and "same" in asked and "compare instrument" in asked


def test_drills_are_of_scenes_of_clips_and_of_pairs(listener_mini, clips, scenes):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(listener_mini)
    source = drills.Drills(tokenizer, clips, batch_size=4, seed=0, scenes=scenes)
    batches = iter(source)
    kinds = []
    for _ in range(40):
        drawn = [source.draw() for _ in range(4)]
        kinds += ["scene" if one.rows[0] >= len(clips) else len(one.rows) for one in drawn]
        assert all(len(one.turns) <= drills.OF_A_PAIR for one in drawn if len(one.rows) == 2)
        ids, labels, _, _, segments, rows = next(batches)
        assert segments.max() <= drills.QUESTIONS + drills.SPOKEN and len(rows) >= 4 and rows.max() < len(clips) + len(scenes)
        assert (labels != -100).any(1).all()
    shares = {kind: kinds.count(kind) / len(kinds) for kind in ("scene", 1, 2)}
    assert shares["scene"] == pytest.approx(drills.SCENES, abs=0.12) and shares[2] == pytest.approx(drills.PAIRS, abs=0.12)


def test_sounds_are_marked_where_they_are_and_where_they_come_in(scenes):
    there, begins = gathering.sounding(scenes.labels), gathering.coming_in(scenes.labels)
    assert there.shape == begins.shape == (2, AUDIO_TOKENS, len(NAMES)) and there[1].sum() == begins[1].sum() == 0
    assert there[0, :, RAIN].all()
    assert np.flatnonzero(there[0, :, BELL]).tolist() == list(range(30, 50))
    assert np.flatnonzero(begins[0, :, BELL]).tolist() == list(range(27, 35))
    assert np.flatnonzero(begins[0, :, RAIN]).tolist() == list(range(5))
    assert gathering.seconds()[[0, 12, 13, 124]].tolist() == [0, 0, 1, 9]


def test_who_gathered_all_of_it_has_hardly_a_loss(clips, scenes):
    """What the heads read is put before them: the loss falls to almost nothing, and rises where one second is another's."""
    n = len(NAMES)
    made = gathering.Gathering(2 * n + gathering.SECONDS)
    with torch.no_grad():
        for layer, where in ((made.sounds, slice(0, 2 * n)), (made.second, slice(2 * n, None))):
            layer.weight.zero_()
            layer.weight[:, where] = 40 * torch.eye(len(layer.weight))
            layer.bias.fill_(-20)
    heard = torch.zeros(2, AUDIO_TOKENS + 1, 2 * n + gathering.SECONDS)
    heard[:, :-1, :n], heard[:, :-1, n : 2 * n] = gathering.sounding(scenes.labels), gathering.coming_in(scenes.labels)
    heard[:, :-1, 2 * n :] = torch.eye(gathering.SECONDS)[gathering.seconds()]
    none = torch.zeros(2, dtype=torch.bool)
    assert made.loss(heard, none, {}, scenes.labels) < 1e-3
    assert made.loss(heard.roll(1, -1), none, {}, scenes.labels) > 1
    found = made.found(heard[:1], scenes.labels[:1])
    assert found["sounds"] == found["begins"] == found["second"] == 1.0 and 0 < found["begins by chance"] < 0.1
    facts = heads.targets(clips.labels)
    music = made.loss(heard[[0, 0, 0]], torch.ones(3, dtype=torch.bool), facts, [])
    assert music > 1  # nothing of the music was gathered


def test_without_clips_nothing_is_gathered():
    made = gathering.Gathering(4)
    assert made.loss(torch.zeros(0, AUDIO_TOKENS + 1, 4), torch.zeros(0, dtype=torch.bool), {}, []) == 0
