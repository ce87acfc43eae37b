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


def test_each_question_is_put_alone_with_all_that_sounds(requests):
    pen = Pen()
    noted(requests, [0], write=pen, seed=7, greedy=False)
    lines = [one for *_, one in pen.asked]
    assert [text(one) for one in lines] == ["question: suits study", "question: compare", "ask: key"]
    sounds = [[part["audio"] for part in one.messages[-1]["content"][:-1]] for one in lines]
    assert [len(several) for several in sounds] == [2, 2, 1] and len({one.id for one in lines}) == 3
    assert sounds[0][1] is requests[0].messages[-1]["content"][1]["audio"]
    assert all(one.messages == one.messages[-1:] and not one.questions for one in lines)
    assert {(first, seed) for first, seed, *_ in pen.asked} == {(0, 7)}


def test_notes_stand_below_the_state(requests):
    found = noted(requests, [0, 1], write=Pen(), seed=0, greedy=False)
    assert set(found) == {(0, 0), (0, 1), (2, 0), (2, 1)}
    assert text(found[0, 1]) == briefs.state(PAIR) + "\nnoted: 1 or so; 1 or so"
    assert text(found[2, 0]) == briefs.state(ONE) + "\nnoted: 0 or so"
    assert found[0, 1].messages[:-1] == requests[0].messages[:-1] and found[0, 1].id == "pair"
    assert text(requests[0]) == briefs.state(PAIR)


@pytest.mark.parametrize(("greedy", "samplings"), [(False, [SURELY, FREELY]), (True, [SURELY, SURELY])])
def test_the_first_candidate_notes_what_is_likeliest(requests, greedy, samplings):
    pen = Pen()
    noted(requests[2:], [0, 3], write=pen, seed=0, greedy=greedy)
    assert [sampling for *_, sampling, _ in pen.asked] == samplings and SURELY.temperature == 0 < FREELY.temperature


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


@pytest.mark.parametrize(
    ("asks", "asked"),
    [(("tempo", "artist"), ("tempo",)), (("vocal:male",), (("vocal", "male"),)),
     (("lead:harp",), (("lead", "harp"),)), (("instrument:flute",), ("instrument:flute",)),
     (("compare",), ("compare", "compare:instrument")), (("compare:bpm",), ()), (("live",), ()), (("course",), ("course",)),
     (("order:bell+rain",), ("order:bell+rain",)), (("suits:study",), ("suits:study", "compare")), (("same",), ("same",)),
     (("key:C minor", "key"), (("key", "C minor"), "key")), (("mood:calm",), ("mood:calm", "mood"))],
)  # fmt: skip
def test_what_is_noted_can_be_told_in_a_word(asks, asked):
    brief = dataclasses.replace(PAIR, asks=asks)
    found = briefs.questions(brief)
    assert tuple((one.ask, one.value) if one.value else one.ask for one in found) == asked
    told = {"hints": ("tempo fast",)}, {"role": "user"}, {"clips": ()}, {"intents": ("description",)}
    assert not any(briefs.questions(dataclasses.replace(brief, **one)) for one in told)
    for one in found:
        assert one.line in briefs.state(dataclasses.replace(brief, asks=(one.ask,))).splitlines()


@pytest.mark.parametrize(
    ("answer", "note"), [("this", "this one"), ("other", '"Red"'), ("both", "both"), ("neither", "neither")]
)
def test_a_clip_that_is_chosen_is_called_as_one_speaks_of_it(answer, note):
    chosen, compared = briefs.questions(PAIR)
    assert chosen.note(answer) == note and compared.note("slower") == "slower"


def test_a_value_asked_after_is_there_if_it_is_what_is_heard():
    (one,) = briefs.questions(dataclasses.replace(ONE, asks=("tempo:fast",)))
    assert (one.note("fast"), one.note("slow")) == ("yes; fast", "no; slow")
    found = noted([request("x", dataclasses.replace(ONE, asks=("tempo:fast",)))], [0], write=Pen(lambda number: "slow"), seed=0,
                  greedy=False)  # fmt: skip
    assert text(found[0, 0]).endswith("\nnoted: no; slow")
