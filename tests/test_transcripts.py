"""Files of dialogues, whoever wrote them: every container gives the same transcripts, and a bad one says where."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mdialog.errors import InputError
from mdialog.transcripts import read_transcripts

TURNS = [
    {"role": "user", "content": "Söme jazz, please.", "intent": ["initial_query"], "music_attribute": ["genre:jazz"]},
    {"role": "system", "content": "Here you go.", "intent": "passive_recommend", "track_seq": ["A", "B"],
     "music_attribute": []},
    {"role": "user", "content": "A fast one.", "intent": ["add_filter"],
     "music_attribute": ["tempo:fast tempo", "similar_artist:Ana Sol", "continue:continue", "smell:sweet"]},
]  # fmt: skip


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def containers(folder):
    yield write(folder / "a.jsonl", json.dumps(TURNS) + "\n\n" + json.dumps({"id": "x", "chat": TURNS}) + "\n")
    yield write(folder / "b.json", "\ufeff" + json.dumps([TURNS, {"dialogue": repr(TURNS)}]))
    yield write(folder / "c.json", json.dumps({"one": TURNS, "two": repr(TURNS)}))
    yield write(folder / "d.json", json.dumps([json.dumps(TURNS), {"conversation": json.dumps(TURNS)}]))
    table = pa.table({"conversation": [repr(TURNS), repr(TURNS)], "other": [1, 2]})
    pq.write_table(table, folder / "e.parquet")
    yield folder / "e.parquet"
    pq.write_table(pa.Table.from_pylist([{"turns": TURNS[:1]}, {"turns": TURNS[:1]}]), folder / "f.parquet")
    yield folder / "f.parquet"


def test_every_container_holds_the_same(tmp_path):
    for path in containers(tmp_path):
        first, second = read_transcripts(path)
        assert first.texts == second.texts == tuple(t["content"] for t in TURNS)[: len(first.texts)], path
        assert [t.role for t in first.plan.turns] == ["user", "assistant", "user"][: len(first.texts)]
        assert first.plan.turns[0].attributes == ("genre:jazz",)
        assert not first.ours


def test_a_single_dialogue_may_be_the_document(tmp_path):
    for held in (TURNS, {"turns": TURNS, "id": "me"}):
        (only,) = read_transcripts(write(tmp_path / "one.json", json.dumps(held)))
        assert len(only.texts) == 3
    assert only.plan.id == "me"


def test_their_attributes_become_ours(tmp_path):
    (read,) = read_transcripts(write(tmp_path / "t.json", json.dumps(TURNS)))
    assert read.plan.turns[2].attributes == ("tempo:fast", "~artist:Ana Sol")
    assert read.plan.turns[1].intents == ("passive_recommend",) and read.plan.turns[1].track_seq == ("A", "B")
    assert [what for what in read.unchecked if "smell" in what] and not [what for what in read.unchecked if "continue" in what]


def test_ids_are_theirs_or_count(tmp_path):
    path = write(tmp_path / "t.jsonl", json.dumps(TURNS) + "\n" + json.dumps({"dialog_id": 7, "d": TURNS}))
    assert [read.plan.id for read in read_transcripts(path)] == ["#1", "7"]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.jsonl", "", "holds no dialogue"),
        ("a.json", "[]", "holds no dialogue"),
        ("a.json", "", "not JSON"),
        ("a.jsonl", json.dumps(TURNS) + "\n{", "line 2"),
        ("a.jsonl", json.dumps(TURNS) + "\n3", "line 2"),
        ("a.jsonl", '{"conversation": "__import__(\'os\').getcwd()"}', "no list of turns"),
        ("a.jsonl", '{"conversation": "[__import__(\'os\').getcwd()]"}', "no list of turns"),
        ("a.jsonl", '{"conversation": "[{"}', "no list of turns"),
        ("a.jsonl", json.dumps({"conversation": "[" * 5000}), "no list of turns"),
        ("a.jsonl", '[{"role": "narrator", "content": "x"}]', "turn 0: role is 'narrator'"),
        ("a.jsonl", '[{"role": "user", "content": null}]', "turn 0: content is None"),
        ("a.jsonl", '[{"role": "user"}]', "no list of turns"),
        ("a.jsonl", '{"recipe": "x", "turns": [], "tracks": {}}', "id: Field required"),
        ("a.parquet", "PAR1 not really", "not a Parquet file"),
        ("a.txt", "x", ".jsonl"),
    ],
)
def test_a_bad_file_says_where(tmp_path, name, text, said):
    with pytest.raises(InputError) as error:
        list(read_transcripts(write(tmp_path / name, text)))
    assert said in str(error.value) and "\n" not in str(error.value) and name in str(error.value)


def test_bytes_that_are_no_text_are_named(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not UTF-8"):
        list(read_transcripts(path))
