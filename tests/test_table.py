"""Rows of tables in every format: good ones are kept, bad ones named, files found where they lie."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from mdialog import metadata
from mdialog.errors import InputError
from mdialog.metadata import Metadata
from mdialog.table import read_table


def sound(path: Path) -> Path:
    soundfile.write(path, np.zeros((4800, 1)), 48_000)
    return path


def test_the_same_rows_from_every_kind_of_table(tmp_path):
    import pyarrow
    import pyarrow.parquet

    sound(tmp_path / "a.wav")
    records = [
        {"Path": "a.wav", "title": "One", "Tempo": "90", "genres": "rock;funk", "mine": "x"},
        {"Path": "", "title": "Two", "Tempo": "", "genres": "", "mine": "y"},
        {"Path": "gone.wav", "title": "", "Tempo": "abc", "genres": "jazz", "mine": ""},
    ]
    lines = [",".join(records[0])] + [",".join(record.values()) for record in records]
    (tmp_path / "t.csv").write_text("\ufeff" + "\r\n".join(lines) + "\r\n", encoding="utf-8")
    (tmp_path / "t.tsv").write_text("\n".join(lines).replace(",", "\t"))
    (tmp_path / "t.jsonl").write_text("\n\n".join(json.dumps(record) for record in records))
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(records), tmp_path / "t.parquet")
    one = Metadata(title="One", tempo_bpm=90.0, genre=("rock", "funk"), extra={"mine": "x"})
    expected = [
        ((tmp_path / "a.wav").resolve(), one),
        (None, Metadata(title="Two", extra={"mine": "y"})),
        (None, Metadata(title="gone", genre=("jazz",), extra={"Tempo": "abc"})),
    ]
    for name, third in [("t.csv", 4), ("t.tsv", 4), ("t.jsonl", 5), ("t.parquet", 3)]:
        table = read_table(tmp_path / name)
        assert [(row.path, row.metadata) for row in table] == expected, name
        [problem] = table.problems
        assert problem.startswith(f"{tmp_path / name}:{third}: file 'gone.wav' is in none of"), name


def test_a_row_of_a_file_that_exists_does_not_take_the_file_name_for_a_title(tmp_path):
    path = sound(tmp_path / "a.flac")
    import mutagen

    file = mutagen.File(path)
    file["title"] = "From the tag"
    file.save()
    (tmp_path / "t.csv").write_text("file,bpm\na.flac,100\n")
    [row] = read_table(tmp_path / "t.csv")
    got = metadata.merge(metadata.read_tags(path), row.metadata)
    assert (got.title, got.tempo_bpm) == ("From the tag", 100.0)


def test_files_are_looked_for_beside_the_table_then_in_the_folders(tmp_path):
    for folder in ("tables", "one/sub", "two/sub"):
        (tmp_path / folder).mkdir(parents=True)
    sound(tmp_path / "two/sub/b.wav")
    table = tmp_path / "tables/t.csv"
    table.write_text(f'filename\n"sub\\b.wav"\n{tmp_path / "two/sub/b.wav"}\n')
    found = read_table(table, folders=[tmp_path / "one", tmp_path / "two"])
    assert [row.path for row in found] == [(tmp_path / "two/sub/b.wav").resolve()] * 2
    sound(tmp_path / "one/sub/b.wav")
    assert read_table(table, folders=[tmp_path / "one", tmp_path / "two"]).rows[0].path.parts[-3] == "one"


def test_bad_rows_are_named_by_line_and_the_rest_kept(tmp_path):
    (tmp_path / "t.csv").write_text('title,year\n"two\nlines",2001\nshort\nlong,1,2\n\n,1999\nlast,2002\n')
    table = read_table(tmp_path / "t.csv")
    assert [(row.line, row.metadata.title) for row in table] == [(2, "two lines"), (8, "last")]
    assert [problem.split(": ")[0].rsplit(":", 1)[1] for problem in table.problems] == ["4", "5", "7"]
    lines = ['{"title": "a"}', '{"title": ', "[1]", '"row is not JSON"', '{"title": "b", "x": {"y": 1}}']
    (tmp_path / "t.jsonl").write_text("\n".join(lines))
    table = read_table(tmp_path / "t.jsonl")
    assert [(row.line, row.metadata.title) for row in table] == [(1, "a"), (5, "b")]
    assert [problem.split(": ")[0].rsplit(":", 1)[1] for problem in table.problems] == ["2", "3", "4"]


def test_unusable_tables(tmp_path):
    (tmp_path / "cols.csv").write_text("a,b\n1,2\n")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "latin.csv").write_bytes("title\nMüller\n".encode("latin-1"))
    (tmp_path / "no.parquet").write_bytes(b"PAR1 no")
    (tmp_path / "t.xlsx").write_bytes(b"PK")
    (tmp_path / "empty.jsonl").write_text("")
    for name, said in [("cols.csv", "'a', 'b'"), ("empty.csv", "neither"), ("latin.csv", "UTF-8"),
                       ("no.parquet", "not Parquet"), ("t.xlsx", ".parquet"), ("empty.jsonl", "neither"),
                       ("missing.csv", "no such table")]:  # fmt: skip
        with pytest.raises(InputError, match=said) as caught:
            read_table(tmp_path / name)
        assert "\n" not in str(caught.value) and str(tmp_path / name) in str(caught.value)


@pytest.mark.skipif("MDIALOG_REAL_DATA" not in os.environ, reason="needs MDIALOG_REAL_DATA")
def test_the_table_of_real_recordings():
    table = read_table(Path(os.environ["MDIALOG_REAL_DATA"]) / "real_music" / "labels.csv")
    assert len(table) == 30 and not table.problems
    assert all(row.path.is_file() and row.metadata.title and row.metadata.extra["licence"] for row in table)
    assert sum(row.metadata.tempo_bpm is not None for row in table) == 8
    polka = next(row.metadata for row in table if row.metadata.title == "Four Beers' Polka")
    assert polka.tempo_bpm == 124.0 and {"trumpet", "clarinet", "accordion"} <= set(polka.instrument)
    assert "peppy" in polka.description
