"""Likes and dislikes kept between calls: decay, replacement, and what a crash leaves."""

import json
import os
import signal
import subprocess
import sys

import pytest

from mdialog.errors import InputError
from mdialog.profile import HALF_LIFE, Profile, load

A, B = ("track", "a"), ("artist", "Béla 🎺")


def test_round_trip(tmp_path):
    path = tmp_path / "me.json"
    assert load(path) == Profile()
    mine = Profile().with_round(liked=[A], disliked=[B])
    mine.save(path)
    assert load(path) == mine and "Béla 🎺" in path.read_text(encoding="utf-8")
    assert not list(tmp_path.glob("*.partial"))


def test_opinions_fade_by_half_and_never_leave():
    mine = Profile().with_round(liked=[A], disliked=[B])
    assert mine.as_opinions().liked == {A: 1.0}
    for i in range(HALF_LIFE):
        mine = mine.with_round(liked=[("track", f"x{i}")])
    assert mine.as_opinions().liked[A] == pytest.approx(0.5) and mine.as_opinions().disliked[B] == pytest.approx(0.5)
    for i in range(500):
        mine = mine.with_round(liked=[("track", f"y{i}")])
    assert 0 < mine.as_opinions().disliked[B] < 1e-9


def test_a_round_without_opinions_is_none():
    mine = Profile().with_round(liked=[A])
    assert mine.with_round() is mine


def test_the_last_opinion_counts():
    mine = Profile().with_round(liked=[A]).with_round(disliked=[A])
    assert mine.as_opinions().liked == {} and mine.as_opinions().disliked == {A: 1.0} and len(mine.opinions) == 1
    with pytest.raises(InputError, match="liked and disliked at once"):
        mine.with_round(liked=[B], disliked=[B])


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"version": 2, "rounds": 0, "opinions": []}', '{"version": 1, "rounds": -1, "opinions": []}',
     '{"version": 1, "rounds": 1, "opinions": [{"kind": "mood", "value": "x", "liked": true, "round": 1}]}',
     '{"version": 1, "rounds": 1, "opinions": [], "more": 1}'],
)  # fmt: skip
def test_what_is_no_profile_is_refused(tmp_path, text):
    path = tmp_path / "me.json"
    path.write_text(text)
    with pytest.raises(InputError, match="not a profile") as error:
        load(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not a profile"):
        load(path)


def test_unreadable_and_unwritable_places(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        load(tmp_path)
    with pytest.raises(InputError, match="cannot be written"):
        Profile().with_round(liked=[A]).save(tmp_path / "none" / "me.json")


def test_a_kill_while_writing_leaves_the_old_profile(tmp_path):
    path = tmp_path / "me.json"
    Profile().with_round(liked=[A]).save(path)
    before = path.read_bytes()
    code = (  # killed between writing and putting in place
        "import os, signal, sys; from pathlib import Path\n"
        "from mdialog.profile import Profile, load\n"
        "Path.replace = lambda self, to: os.kill(os.getpid(), signal.SIGKILL)\n"
        "path = Path(sys.argv[1]); load(path).with_round(disliked=[('track', 'b')]).save(path)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], env=os.environ, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert path.read_bytes() == before and load(path).as_opinions().liked == {A: 1.0}
    load(path).with_round(disliked=[("track", "b")]).save(path)
    assert len(json.loads(path.read_text())["opinions"]) == 2
