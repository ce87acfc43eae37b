"""Rows come in the order of their jobs, and come back as they were written."""

import pytest

from mdialog.errors import InputError
from mdialog.synth.batch import made_rows, read_rows, write_rows


def squared(job):
    return {"job": job[0], "square": job[0] ** 2}


def test_rows_come_in_the_order_of_the_jobs_however_many_work():
    jobs, seen = [(i,) for i in (3, 1, 2)], []
    alone = made_rows(squared, jobs, workers=1, progress=lambda done, of: seen.append((done, of)))
    assert alone == [squared(job) for job in jobs] == made_rows(squared, jobs, workers=2)
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert made_rows(squared, [], workers=None) == []


def read(path):
    return read_rows(path, "rows.jsonl", lambda row: row["name"], what="a name", batch="names")


def test_rows_come_back_from_the_file_or_its_folder(tmp_path):
    names = ["a", "ü 🎺", "late\u2028night\x85", ""]
    write_rows(tmp_path / "rows.jsonl", [{"name": name} for name in names])
    assert read(tmp_path) == read(tmp_path / "rows.jsonl") == read(str(tmp_path)) == names
    write_rows(tmp_path / "rows.jsonl", [])
    assert read(tmp_path) == []


@pytest.mark.parametrize("line", ["{", "[]", "null", '{"nom": 1}', ""])
def test_a_line_that_is_none_is_named(tmp_path, line):
    (tmp_path / "rows.jsonl").write_text(f'{{"name": "a"}}\n{line}\n{{"name": "b"}}\n')
    with pytest.raises(InputError, match="rows.jsonl, line 2: not a name .*; write the names again"):
        read(tmp_path)


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(InputError, match="is not there; give the folder that write_names wrote"):
        read(tmp_path)
