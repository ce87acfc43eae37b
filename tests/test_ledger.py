"""Lines that were added are there after a kill, and what was cut off is not."""

import json

import pytest

from mdialog.errors import InputError
from mdialog.ledger import append, appending, keep_only, open_run, put_in_order, recover

ODD = [{"id": "b", "title": "Late\u2028Night\x85\x0b"}, {"id": "å", "title": ""}, {"id": "a"}]


@pytest.fixture
def path(tmp_path):
    with appending(tmp_path / "lines.jsonl") as file:
        for record in ODD:
            append(file, json.dumps(record, ensure_ascii=False))
    return tmp_path / "lines.jsonl"


def test_what_was_added_comes_back_though_names_hold_line_ends(path):
    assert recover(path) == ODD and path.read_bytes().count(b"\n") == 3


def test_a_line_is_on_the_disk_before_the_next(tmp_path):
    with appending(tmp_path / "lines") as file:
        append(file, "1")
        assert (tmp_path / "lines").read_text() == "1\n"


def test_however_a_file_is_cut_its_whole_lines_are_recovered(path):
    data = path.read_bytes()
    for end in range(len(data) + 1):
        path.write_bytes(data[:end])
        whole = data[:end].count(b"\n")
        assert recover(path) == ODD[:whole]
        assert path.read_bytes() == b"".join(data.splitlines(keepends=True)[:whole])  # bytes know the one line end


def test_no_file_and_an_empty_one_hold_nothing(tmp_path):
    assert recover(tmp_path / "none") == [] and not (tmp_path / "none").exists()
    (tmp_path / "empty").touch()
    assert recover(tmp_path / "empty") == []


def test_a_damaged_line_is_named_and_left(path):
    damaged = path.read_bytes().replace(b'{"id": "a"', b'{"id: "a"')
    path.write_bytes(damaged)
    with pytest.raises(InputError, match="lines.jsonl, line 3"):
        recover(path)
    assert path.read_bytes() == damaged


def test_only_what_is_asked_for_is_kept_as_it_stood(path, tmp_path):
    lines = path.read_bytes().split(b"\n")
    with path.open("ab") as file:
        file.write(b'{"id": "a", "cut off')
    keep_only(path, {"a", "b", "c"})
    assert path.read_bytes() == lines[0] + b"\n" + lines[2] + b"\n"
    keep_only(tmp_path / "none", {"a"})
    assert (tmp_path / "none").read_bytes() == b""


def test_order_changes_no_line(path):
    before = path.read_bytes().split(b"\n")
    put_in_order(path, key=lambda record: "aåb".index(record["id"]))
    assert [record["id"] for record in recover(path)] == ["a", "å", "b"]
    assert sorted(path.read_bytes().split(b"\n")) == sorted(before)


def test_a_folder_is_open_once_at_a_time(tmp_path):
    with open_run(tmp_path / "deep" / "run") as folder, pytest.raises(InputError, match="another process"), open_run(folder):
        pass
    with open_run(folder):
        pass


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="file/run: cannot be written"), open_run(tmp_path / "file" / "run"):
        pass
