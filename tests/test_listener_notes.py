"""Notes: every question of the sound is put to the listener alone, and its answer stands below the state."""

import dataclasses

import listeners
import numpy as np
import pytest

from mdialog import brief as briefs
from mdialog.brief import Brief, Name
from mdialog.listener.base import Request, Sampling
from mdialog.listener.local import LocalListener
from mdialog.listener.notes import FREELY, SURELY, noted
from mdialog.plan import Clip

RATE = 16000
PAIR = Brief("assistant", ("item_attribute_answer",), asks=("suits:study",), about=Name("Blue", "Ana"), template=1,
             before=Name("Red", "Bo"), clips=(Clip("red", 0.0, 10.0), Clip("blue", 0.0, 10.0)))  # fmt: skip
ONE = Brief("assistant", ("item_attribute_answer",), asks=("key",), about=Name("Blue", "Ana"), clips=PAIR.clips[1:])
NOTHING = Brief("assistant", ("item_attribute_answer",), asks=("year",), about=Name("Blue", "Ana"), clips=PAIR.clips[1:])


def request(name: str, brief: Brief) -> Request:
    rng = np.random.default_rng(len(name))
    return Request.of(name, brief, play=lambda clip: rng.normal(0, 0.1, 10 * RATE).astype(np.float32))


@pytest.fixture
def requests():
    return [request("pair", PAIR), request("nothing", NOTHING), request("one", ONE)]


class Pen:
    """Answers every line with its number and the last word of what is asked, and keeps what it was asked."""

    def __init__(self, words=lambda number: f"{number}\n or so "):
        self.asked, self.words = [], words

    def __call__(self, requests, *, n=1, first=0, seed=0, sampling=None):
        self.asked += [(first, seed, sampling, one) for one in requests]
        return [[self.words(first)] for _ in requests]


def text(request: Request) -> str:
    return request.messages[-1]["content"][-1]["text"]


def test_each_question_is_put_alone_beside_one_clip(requests):
    pen = Pen()
    noted(requests, [0], write=pen, seed=7, greedy=False)
    lines = [one for *_, one in pen.asked]
    apart = [f"question: {what}" for what in ("tempo", "energy", "vocal", "whether instrument drums")]
    assert [text(one) for one in lines] == ["question: suits study"] * 2 + apart * 2 + ["ask: key"]
    sounds = [[part["audio"] for part in one.messages[-1]["content"][:-1]] for one in lines]
    assert {len(one) for one in sounds} == {1} and len({one.id for one in lines}) == len(lines)
    first, second = (part["audio"] for part in requests[0].messages[-1]["content"][:2])
    played = [first, second, *[first] * 4, *[second] * 4]
    assert all(one[0] is clip for one, clip in zip(sounds, played, strict=False))
    assert all(one.messages == one.messages[-1:] and not one.questions for one in lines)
    assert {(first, seed) for first, seed, *_ in pen.asked} == {(0, 7)}


def test_notes_stand_below_the_state(requests):
    found = noted(requests, [0, 1], write=Pen(), seed=0, greedy=False)
    assert set(found) == {(0, 0), (0, 1), (2, 0), (2, 1)}
    assert text(found[0, 1]).startswith(briefs.state(PAIR) + "\nnoted: neither; ")
    assert text(found[2, 0]) == briefs.state(ONE) + "\nnoted: 0 or so"
    assert found[0, 1].messages[:-1] == requests[0].messages[:-1] and found[0, 1].id == "pair"
    assert text(requests[0]) == briefs.state(PAIR)


@pytest.mark.parametrize(("greedy", "samplings"), [(False, [SURELY, FREELY]), (True, [SURELY, SURELY])])
def test_the_first_candidate_notes_what_is_likeliest(requests, greedy, samplings):
    pen = Pen()
    noted(requests[2:], [0, 3], write=pen, seed=0, greedy=greedy)
    assert [sampling for *_, sampling, _ in pen.asked] == samplings and SURELY.temperature == 0 < FREELY.temperature


def test_of_the_last_of_two_clips_is_noted_what_is_asked_of_it(requests):
    pair = dataclasses.replace(PAIR, asks=("key",))
    alone = dataclasses.replace(pair, before=None, clips=ONE.clips)
    pen = Pen()
    noted([request("x", pair), request("x", alone)], [0], write=pen, seed=0, greedy=False)
    two, one = (line for *_, line in pen.asked)
    assert len(two.messages[-1]["content"]) == 2 and two.id == one.id


def test_nothing_is_noted_twice(requests):
    found = noted(requests[2:], [0], write=Pen(lambda number: "flute, drums,\nflute,"), seed=0, greedy=False)
    assert text(found[0, 0]).endswith("\nnoted: flute, drums")


def test_candidates_with_the_same_notes_are_one_request(requests):
    found = noted(requests, range(3), write=Pen(lambda number: "yes"), seed=0, greedy=False)
    assert found[0, 0] is found[0, 2] and found[0, 0] is not found[2, 0]


def test_nothing_is_noted_where_nothing_is_asked(requests):
    pen = Pen()
    assert noted(requests[1:2], [0, 1], write=pen, seed=0, greedy=False) == {} and not pen.asked


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = listeners.save("qwen2_audio", tmp_path_factory.mktemp("models") / "taught")
    model = LocalListener.load(folder).model
    model.config.takes_notes = True
    model.save_pretrained(folder)
    return folder


def test_who_was_taught_with_notes_writes_with_them(folder, requests, monkeypatch):
    taught = LocalListener.load(folder)
    read = []
    monkeypatch.setattr(taught, "_prepare", lambda messages: read.append(messages) or LocalListener._prepare(taught, messages))
    short = Sampling(max_new_tokens=6)
    together = taught.write(requests, n=2, seed=3, sampling=short)
    of_pair = [messages for messages in read if briefs.state(PAIR) in messages[-1]["content"][-1]["text"]]
    assert of_pair and all("\nnoted: " in messages[-1]["content"][-1]["text"] for messages in of_pair)
    assert together == [[taught.write([one], first=k, seed=3, sampling=short)[0][0] for k in (0, 1)] for one in requests]
    taught.takes_notes = False
    assert taught.write(requests, n=2, seed=3, sampling=short)[1] == together[1]
    assert taught.write(requests, n=2, seed=3, sampling=short) != together


def test_others_are_asked_nothing_beforehand(folder, requests, monkeypatch):
    plain = LocalListener.load(folder)
    plain.takes_notes = False
    monkeypatch.setattr("mdialog.listener.local.noted", lambda *args, **options: pytest.fail("it takes no notes"))
    assert len(plain.write(requests, sampling=Sampling(max_new_tokens=4))) == 3
