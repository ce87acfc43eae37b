"""Doubts: each statement about the sound is put back as a question of its own, and what is then doubted is drawn anew."""

import dataclasses

import listeners
import numpy as np
import pytest

from mdialog.attributes import Attribute
from mdialog.brief import Brief, Name
from mdialog.listener.base import Request, Sampling
from mdialog.listener.doubts import AGAIN, SURE, UNHEARD, settled, sureness
from mdialog.listener.local import LocalListener
from mdialog.plan import Clip

RATE = 16000
ONE = Brief("assistant", ("passive_recommend",), about=Name("Blue", "Ana"), clips=(Clip("blue", 0.0, 10.0),), template=1)
TWO = dataclasses.replace(ONE, before=Name("Red", "Bo"), clips=(Clip("red", 0.0, 10.0), *ONE.clips))


def request(brief: Brief, name: str = "x") -> Request:
    sounds = {clip: np.full(8, i, np.float32) for i, clip in enumerate(brief.clips)}
    return Request.of(name, brief, play=sounds.__getitem__)


class Ear:
    """Gives answers the probabilities of `heard` by (sound, question, answer); keeps what it was asked."""

    def __init__(self, heard: dict):
        self.heard, self.asked = heard, []

    def __call__(self, requests, continuations):
        found = []
        for one, answers in zip(requests, continuations, strict=True):
            (message,) = one.messages
            sound, question = message["content"]
            place = int(sound["audio"][0])
            self.asked += [(place, question["text"], answer) for answer in answers]
            found.append([np.log([self.heard[place, question["text"].removeprefix("question: "), a]]) for a in answers])
        return found


def sure(text: str, heard: dict, brief: Brief = ONE) -> float:
    (found,) = sureness([request(brief)], [text], score=Ear(heard))
    return round(found, 3)


@pytest.mark.parametrize(
    ("text", "heard", "expected"),
    [
        ("It is slow.", {(0, "tempo", "slow"): 0.9}, 0.9),
        ("It has no drums.", {(0, "whether instrument drums", "yes"): 0.2}, 0.8),
        ("It is slow, with a flute.", {(0, "tempo", "slow"): 0.9, (0, "whether instrument flute", "yes"): 0.3}, 0.3),
        ("It runs at 70 bpm.", {(0, "tempo", "slow"): 0.6}, 0.6),
        ("It is loud.", {(0, "energy", "high"): 0.7}, 0.7),
        ("A choir sings.", {(0, "vocal", "choir"): 0.4}, 0.4),
        ("It is in C minor.", {(0, "key", "C minor"): 0.8}, 0.8),
        ("There is a synth in it.", {(0, "whether instrument synth lead", "yes"): 0.1,
                                     (0, "whether instrument synth pad", "yes"): 0.7}, 0.7),
        ("The piano leads.", {(0, "lead", "piano"): 0.6}, 0.6),
        ("It sounds calm.", {(0, "whether mood calm", "yes"): 0.55}, 0.55),
        ("It is faster than the last one.", {(0, "tempo", word): 0.25 for word in ("slow", "moderate", "fast", "very fast")},
         UNHEARD),
    ],
)  # fmt: skip
def test_a_text_is_as_sure_as_its_least_likely_statement(text, heard, expected):
    assert sure(text, heard) == expected


TEMPOS = ("slow", "moderate", "fast", "very fast")
TIE = 0.1 * 0.5 / 2  # both moderate


def of_two(before: tuple, now: tuple) -> dict:
    return {(place, "tempo", word): p for place, row in enumerate((before, now)) for word, p in zip(TEMPOS, row, strict=True)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is faster than the first one.", 0.9 + 0.1 * 0.5 + TIE),
        ("It is slower than the first one.", TIE),
        ("The first one is slower.", 0.9 + 0.1 * 0.5 + TIE),
        ("The first one is slow.", 0.5),
        ("Both are fast.", 0.001),
    ],
)
def test_of_two_clips_each_is_asked_alone(text, expected):
    heard = of_two((0.5, 0.5, 0.001, 1e-9), (1e-9, 0.1, 0.9, 1e-9))
    assert sure(text, heard, TWO) == pytest.approx(expected, abs=0.003)


def test_what_neither_has_is_missing_in_each():
    heard = {(0, "whether instrument drums", "yes"): 0.1, (1, "whether instrument drums", "yes"): 0.7}
    assert sure("Neither has drums.", heard, TWO) == 0.3
    assert sure("Both have drums.", heard, TWO) == 0.1


def test_neither_what_the_brief_holds_nor_what_was_noted_is_doubted():
    wishing = dataclasses.replace(ONE, new=(Attribute.parse("tempo:slow"),))
    answering = dataclasses.replace(ONE, intents=("item_attribute_answer",), asks=("tempo",))
    told = dataclasses.replace(ONE, hints=("energy high",))
    for brief in (wishing, answering, told, dataclasses.replace(ONE, clips=())):
        assert sure("It is slow.", {}, brief) == 1.0
    for brief in (wishing, answering):
        assert sure("It is slow, and calm.", {(0, "whether mood calm", "yes"): 0.4}, brief) == 0.4


def test_an_answer_that_says_nothing_takes_the_place_of_none():
    answering = dataclasses.replace(ONE, intents=("item_attribute_answer",), asks=("mood",), about=ONE.about)
    heard = {(0, "tempo", "slow"): 0.6}
    for brief, taken in ((answering, SLOW), (ONE, FREE)):
        drawn = Pen(a=[SLOW, *[FREE] * AGAIN])
        assert settled({(0, 0): request(brief, "a")}, draw=drawn, score=Ear(heard)) == {(0, 0): taken}
    assert settled({(0, 0): request(answering, "a")}, draw=Pen(a=[FREE]), score=Ear({})) == {(0, 0): FREE}


@pytest.mark.parametrize("text", ["How about this one?", "It is in 2/4.", "It is bright.", '"Slow Fire" is for you.'])
def test_what_no_question_is_taught_for_is_not_doubted(text):
    assert sure(text, {}) == 1.0


def test_nothing_is_asked_without_a_brief_or_twice():
    ear, bare = Ear({(0, "tempo", "slow"): 0.9}), dataclasses.replace(request(ONE), brief=None)
    assert sureness([bare], ["It is slow."], score=ear) == [1.0] and not ear.asked
    sureness([request(ONE)], ["It is slow. Yes, slow."], score=ear)
    assert ear.asked == [(0, "question: tempo", "slow")]


class Pen:
    """Says for each row what comes next in its list, and counts."""

    def __init__(self, **said):
        self.said, self.times = said, []

    def __call__(self, rows, time):
        self.times.append((time, [one.id for one in rows.values()]))
        return {row: self.said[one.id][time] for row, one in rows.items()}


SLOW, FAST, FREE = "It is slow.", "It is fast.", "How about this?"
HEARD = {(0, "tempo", "slow"): 0.6, (0, "tempo", "fast"): SURE, (0, "tempo", "moderate"): 0.1}


def test_what_is_doubted_is_drawn_anew_and_nothing_else():
    pen = Pen(a=[FAST], b=[SLOW, FREE], c=["It is moderate.", SLOW, "It is moderate.", FAST])
    rows = {(i, 0): request(ONE, name) for i, name in enumerate("abc")}
    assert settled(rows, draw=pen, score=Ear(HEARD)) == {(0, 0): FAST, (1, 0): FREE, (2, 0): FAST}
    assert pen.times == [(0, ["a", "b", "c"]), (1, ["b", "c"]), (2, ["c"]), (3, ["c"])]


def test_where_all_is_doubted_the_surest_is_taken():
    drawn = ["It is moderate."] * (AGAIN + 1)
    drawn[1] = SLOW
    assert settled({(0, 0): request(ONE, "a")}, draw=Pen(a=drawn), score=Ear(HEARD)) == {(0, 0): SLOW}


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    listener = LocalListener.load(listeners.save("qwen2_audio", tmp_path_factory.mktemp("models") / "taught"))
    listener.doubts = True
    return listener


def test_a_listener_draws_anew_from_streams_of_their_own(taught, monkeypatch):
    """Who doubts everything says something else; candidate by candidate it is the same whatever it is written beside."""
    sampling = Sampling(max_new_tokens=8)
    asked = [request(dataclasses.replace(ONE, template=i), f"r{i}") for i in range(3)]
    for one in asked:
        one.messages[-1]["content"][0]["audio"] = np.random.default_rng(0).normal(0, 0.1, 10 * RATE).astype(np.float32)
    plain = taught.write(asked, n=2, seed=3, sampling=sampling)
    doubtful = iter(np.linspace(0.0, 0.5, 1000))
    monkeypatch.setattr("mdialog.listener.doubts.sureness", lambda requests, texts, **_: [next(doubtful) for _ in texts])
    anew = taught.write(asked, n=2, seed=3, sampling=sampling)
    assert all(a != b for one, other in zip(plain, anew, strict=True) for a, b in zip(one, other, strict=True))
    assert anew == [[taught.write([one], first=k, seed=3, sampling=sampling)[0][0] for k in (0, 1)] for one in asked]
    monkeypatch.setattr("mdialog.listener.doubts.sureness", lambda *_, **__: pytest.fail("the likeliest is never drawn anew"))
    taught.write(asked[:1], sampling=dataclasses.replace(sampling, temperature=0))


def test_the_bundled_listener_is_surer_of_what_is_so(listener_mini, library):
    """Of each clip of a rendered library: its own tempo word and mode against another's."""
    from mdialog.audio import decode, mono, resample
    from mdialog.synth.library import read_labels

    listener, labels = LocalListener.load(listener_mini), read_labels(library)
    right = []
    for name, track in sorted(labels.items()):
        sound = decode(library / name, end_s=10.0)
        clip = resample(mono(sound.samples), sound.sample_rate, listener.sample_rate)
        truth = track.over(0.0, 10.0)
        asked = Request.of("x", ONE, play=lambda _, clip=clip: clip)
        false = [f"It is {word}." for word in TEMPOS if word != truth.tempo]
        false.append(f"It is in a {'major' if truth.mode == 'minor' else 'minor'} key.")
        texts = [f"It is {truth.tempo}.", f"It is in a {truth.mode} key.", *false]
        sure = sureness([asked] * len(texts), texts, score=listener.score)
        right += [sure[0] > max(sure[2:-1]), sure[1] > sure[-1]]
    assert np.mean(right) >= 0.75
