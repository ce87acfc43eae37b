"""Answers to a listening sheet: every line counts or is named; figures known beforehand come out."""

import json

import pytest

from mdialog.answers import Answer, agreement, read_answers
from mdialog.errors import InputError
from mdialog.sheet import COLUMNS, KEY

HEAD = ",".join(COLUMNS)
# Ten supported, ten contradicted, four that could not be told.
VERDICTS = ["supported"] * 10 + ["contradicted"] * 10 + ["unverifiable"] * 4
ITEMS = [f"q{i:02d}" for i in range(24)]


@pytest.fixture
def run(tmp_path):
    key = {item: {"dialogue": "d", "turn": 1, "claim": 0, "kind": "tempo" if i % 2 else "key", "verdict": verdict}
           for i, (item, verdict) in enumerate(zip(ITEMS, VERDICTS, strict=True))}  # fmt: skip
    (tmp_path / KEY).write_text(json.dumps(key), encoding="utf-8")
    return tmp_path


def save(path, *lines, encoding="utf-8"):
    path.write_bytes("\r\n".join([HEAD, *lines]).encode(encoding))
    return path


def test_known_answers_give_known_figures(run):
    """One listener follows the verdicts but for two of twenty; another one answers half of the items, never decided."""
    said = ["true"] * 9 + ["false"] + ["true"] + ["false"] * 9 + ["can't tell", "true", "true", "false"]
    one = save(run / "one.csv", *(f"{i},{s},Ana,4.0" for i, s in zip(ITEMS, said, strict=True)))
    two = save(run / "two.csv", *(f"{i},can't tell,Bo,8.5" for i in ITEMS[:12]))
    found = agreement(run, [one, two])
    assert str(found) == "36 answers of 2 listeners to 24 of 24 items, 4 s an answer" and not found.problems
    rows = {(r.kind, r.verdict): r for r in found.rows}
    assert set(rows) == {("all", "all")} | {(k, v) for k in ("all", "key", "tempo") for v in VERDICTS}
    assert [s.hits for s in rows["all", "supported"].said] == [9, 1, 10] and rows["all", "supported"].said[0].n == 20
    assert [s.hits for s in rows["all", "unverifiable"].said] == [2, 1, 1] and rows["all", "unverifiable"].agree.n == 0
    agree = rows["all", "all"].agree
    assert (agree.hits, agree.n) == (18, 20)
    low, high = agree.interval  # Wilson for 18 of 20
    assert low == pytest.approx(0.699, abs=0.001) and high == pytest.approx(0.972, abs=0.001)
    assert sum(r.agree.hits for (kind, v), r in rows.items() if kind != "all") == 18
    assert found.checker.kappa == pytest.approx(0.8) and found.checker.equal == agree  # by hand: (.9 - .5) / (1 - .5)
    (pair,) = found.people
    assert (pair.one, pair.other, pair.equal.n, pair.equal.hits, pair.kappa) == ("Ana", "Bo", 12, 0, None)


def test_kappa_between_people_counts_cannot_tell(run):
    a = save(run / "a.csv", *(f"{i},{s},A,1" for i, s in zip(ITEMS, ["true", "false", "can't tell", "true"], strict=False)))
    b = save(run / "b.csv", *(f"{i},{s},B,1" for i, s in zip(ITEMS, ["true", "false", "can't tell", "false"], strict=False)))
    (pair,) = agreement(run, [a, b]).people
    assert pair.equal.hits == 3 and pair.kappa == pytest.approx((0.75 - 5 / 16) / (1 - 5 / 16))


def test_table_is_markdown(run):
    found = agreement(run, [save(run / "a.csv", f"{ITEMS[0]},true,a|b,2", f"{ITEMS[0]},true,c,2", f"{ITEMS[12]},true,c,2")])
    tables = [part.split("\n") for part in found.table().split("\n\n") if part.startswith("|")]
    assert len(tables) == 2
    for lines in tables:
        assert len({line.replace("\\|", "").count("|") for line in lines}) == 1
    assert "| all | contradicted | 1 | 1.00 | 0.00 | 0.00 | 0.00 [0.00, 0.79] |" in tables[0]
    assert "| a\\|b | c | 1 | 1.00 [0.21, 1.00] | - |" in tables[1]


def test_no_line_is_lost_in_silence(run):
    good = f"{ITEMS[0]},TRUE,Zoë,1.5"
    bad = ["nobody,true,A,1", f"{ITEMS[1]},maybe,A,1", f"{ITEMS[1]},true,,1", f"{ITEMS[1]},true,A,soon", f"{ITEMS[1]}",
           f"{ITEMS[1]},true,A,1,more", f"{ITEMS[1]},true,A,-1", ",,,"]  # fmt: skip
    answers, problems = read_answers(save(run / "a.csv", good, *bad, f"{ITEMS[2]},can’t tell,Zoë,2"), items=ITEMS)
    assert answers == [Answer(ITEMS[0], "true", "Zoë", 1.5), Answer(ITEMS[2], "can't tell", "Zoë", 2.0)]
    assert len(problems) == len(bad)
    for line, (problem, reason) in enumerate(zip(problems, ("'nobody'", "'maybe'", "no listener", "'soon'", "none of",
                                                            "more than 4", "'-1'", "no item ''"), strict=True), start=3):
        assert f"line {line}:" in problem and reason in problem, problem
    found = agreement(run, [run / "a.csv"])
    assert len(found.answers) == 2 and list(found.problems) == problems and str(found).endswith("8 lines do not count")


def test_later_answers_replace_earlier_ones(run):
    early = save(run / "early.csv", f"{ITEMS[0]},true,A,1", f"{ITEMS[1]},true,A,1")
    late = save(run / "late.csv", f"{ITEMS[0]},true,A,2", f"{ITEMS[1]},false,A,2", f"{ITEMS[2]},true,A,2")
    found = agreement(run, [early, late])
    assert {a.item: a.answer for a in found.answers} == dict(zip(ITEMS, ["true", "false", "true"], strict=False))
    assert len(found.problems) == 1 and ITEMS[1] in found.problems[0]


def test_files_as_spreadsheets_save_them(run):
    text = "\ufeff" + ";".join(COLUMNS) + f"\r\n{ITEMS[0]};FALSE;日本;1,5\r\n"
    (run / "a.csv").write_text(text, encoding="utf-8", newline="")
    assert read_answers(run / "a.csv", items=ITEMS) == ([Answer(ITEMS[0], "false", "日本", 1.5)], [])


def test_no_answers_at_all(run):
    found = agreement(run, [save(run / "a.csv")])
    assert str(found) == "0 answers of 0 listeners to 0 of 24 items" and not found.rows and found.checker.kappa is None
    assert found.table()


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "no column item"), (b"item,answer\nq00,true\n", "no column listener, seconds"), (b"\xff\xfe\x00", "UTF-8")],
)
def test_files_that_are_none_are_refused(run, content, said):
    (run / "a.csv").write_bytes(content)
    with pytest.raises(InputError, match=said):
        agreement(run, [run / "a.csv"])


def test_missing_file_and_missing_or_broken_key(run, tmp_path):
    with pytest.raises(InputError, match="none.csv"):
        agreement(run, [run / "none.csv"])
    with pytest.raises(InputError, match="make a sheet of the run first"):
        agreement(tmp_path / "other", [])
    for broken in ("{", "[]", '{"q": {"verdict": "odd", "kind": "key"}}', '{"q": 3}'):
        (run / KEY).write_text(broken, encoding="utf-8")
        with pytest.raises(InputError, match="not the key of a sheet"):
            agreement(run, [])
