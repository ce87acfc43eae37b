"""The exam: listeners that know, guess or repeat themselves get what they deserve."""

import json

import listeners
import numpy as np
import pytest
from click.testing import CliRunner
from test_listener_endpoint import completion, server

from mdialog import cli
from mdialog import exam as exams
from mdialog.errors import InputError
from mdialog.exam import exam, quick_exam, read_letter, sign_flip, statements_of
from mdialog.listener.base import Sampling
from mdialog.listener.endpoint import EndpointListener
from mdialog.probes import SOUNDS, Item, Sounds, draw_items, holds

ITEMS = 26  # two of each category
KEY = Item("key-000", "key", 0, 1, ("C major", "G major", "A major", "F# major"), 2)
MODE = Item("mode-000", "mode", 0, 1, ("major", "minor"), 0)


class Fake:
    """Answers by what `say` makes of the question and the sound's number (None: noise or silence)."""

    model_id, sample_rate, max_clip_s, sampling = "fake", 2000, None, Sampling(temperature=0)

    def __init__(self, say, *, n: int = ITEMS, seed: int = 0):
        self.probes, self.items = draw_items(n, seed=seed)
        sounds = Sounds(self.probes, sample_rate=self.sample_rate)
        self.number = {sounds.of(i, i, "real").tobytes(): i for i in range(len(self.probes))}
        self.say, self.asked = say, 0

    def write(self, requests, *, n=1, first=0, seed=0, sampling=None):
        self.asked += len(requests)
        parts = [request.messages[-1]["content"] for request in requests]
        return [[self.say(self, text["text"], self.number.get(sound["audio"].tobytes()))] * n for sound, text in parts]


def knowing(self, question: str, number: int | None) -> str:
    """The right letter about the clip that is played, whichever was meant; the first one where nothing is."""
    if not question.startswith("Listen"):
        return "" if number is None else f"It is {self.probes[number].labels.mode}."
    item = next(item for item in self.items if item.question == question)
    right = [i for i, option in enumerate(item.options)
             if number is not None and holds(item.category, option, self.probes[number].labels)]  # fmt: skip
    return f"The answer is {'ABCD'[right[0]]}." if right else "A"


def always_b(self, question: str, number: int | None) -> str:
    return "B"


class Scoring(Fake):
    """Also scores: what holds of the clip that is played is likelier."""

    def score(self, requests, continuations):
        found = []
        for request, texts in zip(requests, continuations, strict=True):
            number = self.number.get(request.messages[-1]["content"][0]["audio"].tobytes())
            labels = None if number is None else self.probes[number].labels
            words = {"tempo": (labels.tempo,), "lead": (labels.lead,), "instruments": labels.instruments,
                     "vocal": (labels.vocal,), "energy": (labels.energy,), "mode": (labels.mode,), "mood": labels.moods,
                     "genre": (labels.genre,), "metre": (labels.metre,), "key": (labels.key,)} if labels else {}  # fmt: skip
            split = [text.partition(" ") for text in texts]
            found.append([np.array([-1.0, -1.0 if value in words.get(word, ()) else -3.0]) for word, _, value in split])
        return found


def test_one_that_knows_hears(tmp_path):
    report = exam(Fake(knowing), tmp_path / "x", items=ITEMS)
    everything = next(row for row in report.rows if row.category == "all")
    assert everything.right["real"].value == 1.0 and everything.right["another"].value < 0.5
    assert everything.follows.value == 1.0 and not report.hearing.deaf
    said = report.statements[-1]
    assert said.kind == "all" and said.true["real"].value == 1.0 and said.true["real"].n > said.true["noise"].n == 0
    stored = json.loads((tmp_path / "x" / "exam.json").read_text())
    assert stored["listener"] == "fake" and stored["verdict"]["deaf"] is False and stored["items"] == ITEMS
    page = (tmp_path / "x" / "exam.md").read_text()
    assert "Hears: " in page and "exam.png" in page and (tmp_path / "x" / "exam.png").stat().st_size > 10_000
    assert "hears" in str(report)


def test_one_that_repeats_itself_is_deaf(tmp_path):
    report = exam(Fake(always_b), tmp_path / "x", items=ITEMS)
    assert report.hearing.deaf and "deaf" in str(report) and "Deaf: " in (tmp_path / "x" / "exam.md").read_text()
    rows = {row.category: row for row in report.rows}
    assert len({rows["all"].right[sound] for sound in SOUNDS}) == 1 and rows["all"].without_sound == rows["all"].right["real"]
    assert quick_exam(Fake(always_b, n=exams.QUICK_ITEMS)).deaf


def test_quick_exams_tell_who_hears():
    assert not quick_exam(Fake(knowing, n=exams.QUICK_ITEMS)).deaf
    scored = quick_exam(Scoring(always_b, n=exams.QUICK_ITEMS))
    assert not scored.deaf and "nats" in scored.reason


def test_statements_are_scored(tmp_path):
    report = exam(Scoring(always_b), tmp_path / "x", items=ITEMS)
    rows = {(row.protocol, row.category): row for row in report.rows}
    assert rows["cloze", "all"].right["real"].value == 1.0 and rows["cloze", "all"].follows is None
    assert ("cloze", "course") not in rows and ("letter", "course") in rows
    assert rows["cloze", "absent"].right["real"].value == 1.0
    assert not report.hearing.deaf
    only = exam(Scoring(always_b), tmp_path / "y", items=4, protocol="cloze")
    assert {row.protocol for row in only.rows} == {"cloze"}


def lines(folder):
    return [json.loads(line) for line in (folder / "answers.jsonl").read_text().splitlines()]


def test_a_killed_exam_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(exams, "BATCH", 10)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    first = Fake(knowing)
    exam(first, whole, items=ITEMS)

    def kill(what, done, total):
        if done >= 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        exam(Fake(knowing), cut, items=ITEMS, progress=kill)
    assert not (cut / "exam.json").exists() and 0 < len(lines(cut)) < len(lines(whole))
    with (cut / "answers.jsonl").open("a") as file:
        file.write('{"protocol": "lett')  # cut off in writing
    second = Fake(knowing)
    report = exam(second, cut, items=ITEMS)
    assert lines(cut) == lines(whole) and 0 < second.asked < first.asked
    assert (cut / "exam.json").read_text() == (whole / "exam.json").read_text()
    third = Fake(knowing)
    assert exam(third, cut, items=ITEMS).rows == report.rows and third.asked == 0


def test_other_options_need_another_folder(tmp_path):
    exam(Fake(always_b, n=2), tmp_path / "x", items=2)
    for options, named in (({"items": 3}, "items"), ({"seed": 1}, "seed"), ({"protocol": "letter"}, None)):
        if named:
            with pytest.raises(InputError, match=f"other options .{named}."):
                exam(Fake(always_b, n=2), tmp_path / "x", **{"items": 2} | options)
        else:  # both is letter alone where nothing can be scored
            exam(Fake(always_b, n=2), tmp_path / "x", **{"items": 2} | options)
    other = Fake(always_b, n=2)
    other.model_id = "another"
    with pytest.raises(InputError, match="listener"):
        exam(other, tmp_path / "x", items=2)
    (tmp_path / "x" / "config.json").write_text("not JSON")
    with pytest.raises(InputError, match="not JSON"):
        exam(Fake(always_b, n=2), tmp_path / "x", items=2)


@pytest.mark.parametrize(
    ("options", "said"),
    [({"protocol": "soup"}, "soup"), ({"protocol": "cloze"}, "--protocol letter"), ({"items": 0}, "0 items")],
)
def test_wrong_options_are_said(options, said, tmp_path):
    with pytest.raises(InputError, match=said):
        exam(Fake(always_b, n=1), tmp_path / "x", **options)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("C", (2, True)), (" C.\n", (2, True)), ("(C)", (2, True)), ("C) A major", (2, True)), ("**C**", (2, True)),
        ("Answer: C", (2, True)), ("The correct answer is C.", (2, True)), ("Option B: G major", (1, True)),
        ("A major", (2, False)), ("c major.", (0, False)), ("A calm piece", (None, False)), ("", (None, False)),
        ("E", (None, False)), ("A or B", (None, False)), ("Because it is bright.", (None, False)), ("🎵", (None, False)),
    ],
)  # fmt: skip
def test_letters_are_read(text, read):
    assert read_letter(text, KEY) == read


def test_letters_beyond_the_options_are_no_choice():
    assert read_letter("C", MODE) == (None, False) and read_letter("Minor.", MODE) == (1, False)


def test_statements_stand_where_the_list_names_their_kind():
    said = "tempo slow; lead harp; mode minor; mood calm"
    assert statements_of(MODE, said) == ["tempo slow; lead harp; mode major", "tempo slow; lead harp; mode minor"]
    assert statements_of(MODE, "mode major") == ["mode major", "mode minor"] == statements_of(MODE, "A slow harp tune.")


def test_sign_flips_by_hand():
    assert sign_flip(np.array([1.0, 2.0, 3.0])) == 1 / 8
    assert sign_flip(-np.array([1.0, 2.0, 3.0])) == 1.0
    assert sign_flip(np.zeros(5)) == 1.0


def test_a_server_is_examined(tmp_path):
    with server(lambda body: completion("B")) as (url, seen):
        report = exam(EndpointListener("ears", url), tmp_path / "x", items=4)
    assert report.hearing.deaf and report.n_answers == len(seen) and report.listener == f"ears@{url}"
    formats = {part["type"] for body in seen for message in body["messages"] for part in message["content"]}
    assert formats == {"text", "input_audio"}


@pytest.mark.parametrize("family", listeners.FAMILIES)
def test_random_weights_are_deaf(family, tmp_path):
    from mdialog.listener.local import LocalListener

    found = quick_exam(LocalListener.load(listeners.save(family, tmp_path / family)))
    assert found.deaf and "deaf" in found.reason


@pytest.mark.slow
def test_the_bundled_listener_is_not_deaf(listener_mini):
    from mdialog.listener.local import LocalListener

    assert not quick_exam(LocalListener.load(listener_mini)).deaf


def test_the_command_examines_the_bundled_listener(listener_mini, tmp_path):
    arguments = ["exam", "--listener", str(listener_mini), "--items", "3", "--out", str(tmp_path / "x")]
    done = CliRunner().invoke(cli.main, arguments)
    assert done.exit_code == 0, done.output
    assert "models/listener-mini@" in done.stdout and done.stdout.count("\n") == 1
    given = lines(tmp_path / "x")
    assert {a["protocol"] for a in given} == {"letter", "cloze", "open"} and {a["sound"] for a in given} == set(SOUNDS)
    again = CliRunner().invoke(cli.main, [*arguments, "--seed", "1"])
    assert again.exit_code == 1 and "other options (seed)" in again.stderr
