"""Rows of the dataset formats: who hears what stays, tags and clips agree, and nothing that a format can say is lost."""

import plans
import pyarrow
import pytest

from mdialog.dialogue import Claim, Heard, Turn, Writing, validate
from mdialog.errors import InputError
from mdialog.formats import (
    ASKED_FOR,
    FORMATS,
    audio_dialogues,
    chat,
    conversations,
    dialogue_of,
    embedded,
    embedded_schema,
    lp_musicdialog,
    messages,
    retrieval,
    span_key,
    spans_of,
)
from mdialog.intents import ROLE_INTENTS
from mdialog.recipes.description import LENGTHS

A, B, C = ("t1", 0.0, 10.0), ("t2", 10.0, 20.0), ("t3", 0.0, 10.0)


def said(role: str, content: str, *heard, **more) -> dict:
    spans = [dict(zip(("track_id", "start_s", "end_s"), span, strict=True)) for span in heard]
    return {"role": role, "content": content, "intent": [], "music_attribute": [], "heard": spans, **more}


def dialogue(*turns: dict, number: int = 0):
    return validate({
        "id": f"md-{number:06d}", "recipe": "music-discovery", "seed": 3, "persona": {"user_manner": "wry"},
        "goal": {"x": [1, "ä"]}, "models": {"listener": "l@1"}, "turns": list(turns),
        "tracks": {i: {"title": title, "artist": artist} for i, (title, artist) in plans.NAMES.items()},
    })  # fmt: skip


def name(span) -> str:
    return f"{span.track_id}@{span.start_s:g}"


TALK = dialogue(
    said("user", "Something calm, please."),
    said("assistant", 'Here is "Blue Hour".\u2028It is calm.', A),
    said("user", "Lovely. Another?", A),
    said("assistant", "This one is slower.", A, B),
    said("user", "Thanks."),
    said("assistant", "You are welcome."),
)


def test_clips_stand_before_what_was_said_while_hearing_them():
    shown = [(m.role, [p if isinstance(p, str) else name(p) for p in m.parts]) for m in chat(TALK)]
    assert shown == [
        ("user", ["Something calm, please.", "t1@0"]),
        ("assistant", ['Here is "Blue Hour".\u2028It is calm.']),
        ("user", ["Lovely. Another?", "t2@10"]),
        ("assistant", ["This one is slower."]),
        ("user", ["Thanks."]),
        ("assistant", ["You are welcome."]),
    ]
    assert [span_key(s) for s in spans_of(TALK)] == [A, B]


@pytest.mark.parametrize(
    ("turns", "roles"),
    [
        ([said("assistant", "a", A)], "ua"),
        ([said("assistant", "a")], "a"),
        ([said("user", "a"), said("user", "b", A), said("assistant", "c")], "ua"),
        ([said("user", "a"), said("assistant", "b"), said("assistant", "c")], "ua"),
        ([said("user", "a"), said("assistant", "b"), said("assistant", "c", A), said("user", "d", B)], "uauau"),
        ([said("user", "a", A, B), said("assistant", "b", A, B), said("assistant", "c", B, A, B)], "ua"),
    ],
)
def test_roles_alternate_no_word_and_no_clip_is_lost_and_none_is_given_twice(turns, roles):
    made = chat(dialogue(*turns))
    assert "".join(m.role[0] for m in made) == roles
    words = "\n".join(p for m in made for p in m.parts if isinstance(p, str)).split("\n")
    assert words == [t["content"] for t in turns]
    given = [span_key(p) for m in made for p in m.parts if not isinstance(p, str)]
    assert given == list(dict.fromkeys(tuple(span.values()) for t in turns for span in t["heard"]))
    assert all(isinstance(p, str) for m in made if m.role == "assistant" for p in m.parts)
    for m in made:
        assert not any(isinstance(p, str) and isinstance(q, str) for p, q in zip(m.parts, m.parts[1:], strict=False))


def test_messages_have_one_type_of_part():
    row = messages(TALK, name)
    parts = [p for m in row["messages"] for p in m["content"]]
    assert all(p.keys() == {"type", "audio", "text"} and (p["audio"] is None) != (p["text"] is None) for p in parts)
    assert [p["audio"] for p in parts if p["type"] == "audio"] == ["t1@0", "t2@10"]


def test_as_many_tags_as_paths_in_their_order():
    row = conversations(TALK, name)
    assert [c["from"] for c in row["conversations"]] == ["human", "gpt"] * 3
    assert sum(c["value"].count("<audio>") for c in row["conversations"]) == len(row["audios"]) == 2
    assert row["audios"] == ["t1@0", "t2@10"]
    assert row["conversations"][2]["value"] == "Lovely. Another?\n<audio>"


def told(*asks: str, span=A) -> dict:
    return said("assistant", f"It is {asks}.", span, intent=["description"], asks=list(asks))


def test_each_length_of_a_description_is_asked_for_in_words_of_its_own():
    one = dialogue(*(told(length) for length in LENGTHS), told("haiku"), told())
    row = conversations(one, name)
    asked = [c["value"] for c in row["conversations"] if c["from"] == "human"]
    assert len(set(asked)) == len(asked) == len(LENGTHS) + 2 and row["audios"] == ["t1@0"]
    assert asked[0].startswith("<audio>\n") and "haiku" in asked[-2] and set(ASKED_FOR) == set(LENGTHS)
    assert [c["value"] for c in row["conversations"] if c["from"] == "gpt"] == [t.content for t in one.turns]
    first = messages(one, name)["messages"][0]["content"]
    assert [part["type"] for part in first] == ["audio", "text"]
    rows = list(audio_dialogues(one, name))
    assert [len(r["dialogue"]) for r in rows] == [4, 2] and all(held["user"] for r in rows for held in r["dialogue"])


def test_who_was_asked_for_a_description_is_not_asked_again():
    shown = [p for m in chat(dialogue(said("user", "Tell me of it."), told("dense"))) for p in m.parts if isinstance(p, str)]
    assert shown == ["Tell me of it.", "It is ('dense',)."]


@pytest.mark.parametrize(
    ("turns", "values", "paths"),
    [
        ([said("assistant", "hi"), said("user", "yes"), said("assistant", "so")], ["", "hi", "yes", "so"], []),
        ([said("assistant", "hi", A)], ["<audio>", "hi"], ["t1@0"]),
        ([said("user", "a"), said("assistant", "b"), said("user", "c", A)], ["a", "b"], []),
    ],
)
def test_conversations_are_what_trainers_do_not_skip(turns, values, paths):
    row = conversations(dialogue(*turns), name)
    assert [c["value"] for c in row["conversations"]] == values and row["audios"] == paths
    assert [c["from"] for c in row["conversations"]] == ["human", "gpt"] * (len(values) // 2)


@pytest.mark.parametrize("turns", [[said("user", "play <audio>"), said("assistant", "b")], [said("user", "a")]])
def test_what_trainers_would_misread_is_refused(turns):
    with pytest.raises(InputError, match="md-000000"):
        conversations(dialogue(*turns), name)


def test_questions_about_the_same_clips_are_a_row():
    two = [said("user", "q"), said("assistant", "a", A)]
    rows = list(audio_dialogues(dialogue(*two * 6, said("user", "thanks"), said("assistant", "ok"), *two,
                                         said("user", "and?", A), said("assistant", "b", B)), name))  # fmt: skip
    assert [(r.get("audio_id"), r.get("audio_ids"), len(r["dialogue"])) for r in rows] == [
        ("t1@0", None, 4), ("t1@0", None, 2), ("t1@0", None, 1), (None, ["t1@0", "t2@10"], 1),
    ]  # fmt: skip
    assert [r["id"] for r in rows] == [f"md-000000-{i}" for i in range(4)]
    assert rows[3]["dialogue"] == [{"user": "and?", "assistant": "b"}]


def test_without_sound_there_is_nothing_to_ask_about():
    for turns in ([said("user", "q"), said("assistant", "a"), said("user", "q", A)], [said("assistant", "a", A)]):
        with pytest.raises(InputError, match="md-000000.*while it hears"):
            list(audio_dialogues(dialogue(*turns), name))


def test_lp_musicdialog_has_its_columns_and_notation():
    asked = said("user", "x", music_attribute=["~track:t1", "~artist:Ana Sol", "-genre:jazz", "mood:calm"])
    row = lp_musicdialog(dialogue(asked, said("assistant", "y", A, track_seq=["t2", "t1"])))
    assert all(t.keys() == {"role", "content", "intent", "music_attribute", "track_seq", "heard"} for t in row["turns"])
    assert row["turns"][0]["music_attribute"] == ["similar_track:t1", "similar_artist:Ana Sol", "-genre:jazz", "mood:calm"]
    assert row["turns"][1]["track_seq"] == ["t2", "t1"]
    assert {n["track_id"]: (n["title"], n["artist"]) for n in row["track_names"]} == plans.NAMES


def test_a_retrieval_row_has_the_talk_before_and_labels_what_was_refused():
    turns = [said("user", "x"), said("assistant", "y", track_seq=["t2", "t1"]), said("user", "z", refused=["t2"]),
             said("assistant", "w", track_seq=["t3"])]  # fmt: skip
    first, second = retrieval(dialogue(*turns))
    assert (first["id"], first["turn"], first["history"], first["query"]) == ("md-000000", 1, "", "x")
    assert [(t["track_id"], t["label"]) for t in first["tracks"]] == [("t2", 1), ("t1", 1)]
    assert (second["turn"], second["history"], second["query"]) == (3, "user: x\nassistant: y", "z")
    assert [(t["track_id"], t["text"], t["label"]) for t in second["tracks"]] == [
        ("t3", "\"Don't \"Stop\" Now\" by Ötzi & Söhne", 1), ("t2", '"River" by Ana Sol', 0),
    ]  # fmt: skip
    with pytest.raises(InputError, match="md-000000"):
        list(retrieval(dialogue(*turns[1:2])))


def test_a_schema_has_a_column_for_all_that_a_record_says():
    turn = embedded_schema().field("turns").type.value_type
    fields = {field.name: field.type for field in turn}
    assert fields.keys() == Turn.model_fields.keys()
    assert {field.name for field in fields["claims"].value_type} == Claim.model_fields.keys()
    assert {field.name for field in fields["heard"].value_type} == {*Heard.model_fields, "clip"}
    assert {field.name for field in fields["writing"]} == Writing.model_fields.keys()


def test_an_embedded_row_is_the_record():
    claim = {"text": "calm", "kind": "mood", "value": "calm", "verdict": "supported", "basis": "heard", "present": False,
             "comparison": "more", "clip": "both",
             "evidence": {"value": 0.1, "thresholds": [1, None], "why": "日本"}}  # fmt: skip
    full = dialogue(
        said("user", "x", liked=["t1"], refused=["t2"], removed=["mood:calm"], asks=["key"], pool_size=0,
             intent=sorted(ROLE_INTENTS["user"])),
        said("assistant", "y", B, A, claims=[claim], writing={"candidates": 3, "rejected": {"names": 2}}),
        said("user", "w", A, ahead=[{"track_id": "t3", "start_s": 0.0, "end_s": 10.0}]),
        said("assistant", "z", C, B),
    )  # fmt: skip
    sounds = {key: (key[0], key[0].encode()) for key in (A, B, C)}
    row = embedded(full, sounds)
    assert row.keys() == set(embedded_schema().names)
    assert [s["bytes"] for s in row["audio"]] == [b"t2", b"t1", b"t3"]
    assert [[s["clip"] for s in t["heard"]] for t in row["turns"]] == [[], [0, 1], [1], [2, 0]]
    assert dialogue_of(row) == full
    (stored,) = pyarrow.Table.from_pylist([row], schema=embedded_schema()).to_pylist()
    assert dialogue_of(stored) == full  # no field of the record is missing in the schema


def test_the_command_offers_every_format():
    from mdialog.cli import main

    (option,) = (p for p in main.commands["export"].params if p.name == "format")
    assert tuple(option.type.choices) == FORMATS
