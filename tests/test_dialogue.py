import json

import pytest

from mdialog import dialogue
from mdialog.errors import InputError


def record(**turn) -> dict:
    return {
        "id": "md-000001", "recipe": "music-discovery", "seed": 7, "persona": {}, "goal": {},
        "models": {"listener": "models/listener-mini@1"}, "tracks": {"a": {"title": "Été\u2028", "artist": "B"}},
        "turns": [
            {"role": "user", "content": "Something calm.", "intent": ["add_filter"], "music_attribute": ["mood:calm"]},
            {"role": "assistant", "content": "Here.", "intent": ["passive_recommend"], "music_attribute": [],
             "track_seq": ["a"], "pool_size": 3, "heard": [{"track_id": "a", "start_s": 20.0, "end_s": 30.0}],
             "claims": [{"text": "a slow flute", "kind": "instrument", "value": "flute", "verdict": "supported",
                         "basis": "heard", "evidence": {"source": "heard", "value": 0.93}}]} | turn,
        ],
    }  # fmt: skip


def test_the_shipped_schema_is_the_codes():
    assert dialogue.shipped_schema() == dialogue.schema(), (
        "write it again: python -c 'import json; from mdialog import dialogue as d; "
        "open(\"mdialog/dialogue.schema.json\", \"w\").write(json.dumps(d.schema(), indent=1) + \"\\n\")'"
    )


def test_a_record_survives_writing_and_reading(tmp_path):
    there = dialogue.validate(record())
    assert dialogue.from_json(dialogue.to_json(there)) == there
    path = tmp_path / "dialogues.jsonl"
    path.write_text(dialogue.to_json(there) + "\n" + dialogue.to_json(there) + "\n", encoding="utf-8")
    assert list(dialogue.read_dialogues(path)) == [there, there]


@pytest.mark.parametrize(
    ("turn", "says"),
    [
        ({"role": "system"}, "turns.1.role"),
        ({"role": "user"}, "no intent of the user: passive_recommend"),
        ({"content": ""}, "turns.1.content"),
        ({"colour": "blue"}, "turns.1.colour: Extra inputs"),
        ({"track_seq": ["a", "a"]}, "a track twice"),
        ({"track_seq": ["b"]}, "turn 1: track 'b' is not among"),
        ({"track_seq": list("abcdefghijk")}, "turns.1.track_seq"),
        ({"pool_size": -1}, "turns.1.pool_size"),
        ({"heard": [{"track_id": "a", "start_s": 30.0, "end_s": 30.0}]}, "not after its start"),
        ({"heard": [{"track_id": "z", "start_s": 0, "end_s": 1}]}, "track 'z'"),
        ({"ahead": [{"track_id": "z", "start_s": 0, "end_s": 1}]}, "track 'z'"),
        ({"claims": [{"text": "x", "kind": "k", "value": "v", "verdict": "true", "basis": "heard"}]}, "verdict"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(turn, says):
    with pytest.raises(InputError, match="md-000001") as error:
        dialogue.validate(record(**turn))
    assert says in str(error.value) and "\n" not in str(error.value)


def test_a_bad_line_is_named(tmp_path):
    path = tmp_path / "dialogues.jsonl"
    path.write_text(json.dumps(record()) + "\n{not json\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 2"):
        list(dialogue.read_dialogues(path))
    with pytest.raises(InputError, match="mdialog generate"):
        list(dialogue.read_dialogues(tmp_path / "none.jsonl"))
