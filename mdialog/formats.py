"""Dataset formats: a finished dialogue as the rows that other people's tools load. Pure functions; `export` writes the files.

Who hears what stays as it was: the spans of a turn's ``heard`` stand before the utterance that was written while hearing them.
Chat models hear, and do not play: what the assistant heard stands at the end of the user's message before its reply, and a clip
that the conversation has is not given again. Nobody asks for a description in its record; here the user does, in words made of
what the plan asked for (`ASKED_FOR`), for without them one clip would have as many right answers as there are lengths.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from mdialog.dialogue import Dialogue, Heard, TrackName, Turn
from mdialog.errors import InputError
from mdialog.pairs import pairs

if TYPE_CHECKING:
    import pyarrow

FORMATS = ("lp-musicdialog", "messages", "conversations", "parquet", "audio-dialogues", "retrieval")
WITHOUT_CLIPS = ("lp-musicdialog", "retrieval")
TAG = "<audio>"
ASKED_FOR = {  # by a description, as its user says it
    "tag line": "Describe this music in a tag line.",
    "sentence": "Describe this music in one sentence.",
    "paragraph": "Describe this music in a paragraph.",
    "dense": "Describe this music as a dense list of what it holds, to search by.",
}
MAX_EXCHANGES = 4  # of a row of Audio Dialogues

PathOf = Callable[[Heard], str]


def span_key(span: Heard) -> tuple[str, float, float]:
    """What makes two spans the same."""
    return span.track_id, span.start_s, span.end_s


def spans_of(dialogue: Dialogue) -> list[Heard]:
    """Every span of a dialogue once, in the order in which they were first heard."""
    return list({span_key(span): span for turn in dialogue.turns for span in turn.heard}.values())


def asked(dialogue: Dialogue) -> list[Turn]:
    """The turns, and before a description that nobody asked for the user's turn that asks for it."""
    turns: list[Turn] = []
    for turn in dialogue.turns:
        if "description" in turn.intent and (not turns or turns[-1].role == "assistant"):
            wanted = " ".join(ASKED_FOR.get(ask, f"Describe this music: {ask}.") for ask in turn.asks) or "Describe this music."
            turns.append(Turn(role="user", content=wanted, intent=[], music_attribute=[], asks=turn.asks, heard=turn.heard))
        turns.append(turn)
    return turns


# ---- chat


@dataclass(frozen=True)
class Message:
    """What one side says and, if it is the user, plays; no two texts stand side by side in it.

    Parameters
    ----------
    role : {'user', 'assistant'}
    parts : list of Heard or str
    """

    role: str
    parts: list[Heard | str]


def chat(dialogue: Dialogue) -> list[Message]:
    """Turns as messages of alternating roles.

    Turns of one side in a row become one message. What an assistant heard before anybody spoke is a user's message of its own.
    Each clip is given once, where it is heard first.
    """
    said: list[Message] = []
    given: set[tuple] = set()
    for turn in asked(dialogue):
        new = {span_key(span): span for span in turn.heard if span_key(span) not in given}
        given |= new.keys()
        for role, part in [*(("user", span) for span in new.values()), (turn.role, turn.content)]:
            if not said or said[-1].role != role:
                said.append(Message(role, []))
            parts = said[-1].parts
            if isinstance(part, str) and parts and isinstance(parts[-1], str):
                parts[-1] += "\n" + part
            else:
                parts.append(part)
    return said


def messages(dialogue: Dialogue, path_of: PathOf) -> dict:
    """A row for transformers' ``apply_chat_template`` and trainers that call it (trl's ``messages`` column).

    ``{"id", "messages": [{"role", "content": [{"type": "audio", "audio": path} | {"type": "text", "text": …}]}]}``. Every part
    has all three keys, the unused one null, so that the column has one type in Arrow; chat templates look at ``type`` alone.
    """

    def part(held: Heard | str) -> dict:
        if isinstance(held, str):
            return {"type": "text", "audio": None, "text": held}
        return {"type": "audio", "audio": path_of(held), "text": None}

    made = [{"role": message.role, "content": [part(held) for held in message.parts]} for message in chat(dialogue)]
    return {"id": dialogue.id, "messages": made}


_FROM = {"user": "human", "assistant": "gpt"}


def conversations(dialogue: Dialogue, path_of: PathOf) -> dict:
    """A row for fine-tuning scripts of Qwen2-Audio and LLaVA-style trainers.

    ``{"id", "conversations": [{"from": "human" | "gpt", "value": "<audio>\\n…"}], "audios": [path, …]}``; the i-th ``<audio>``
    of the row, over all its values, is the i-th path: a clip is there once, however often it is heard.

    * ms-swift (``--dataset FILE``) reads ``conversations`` (``from`` and ``value``, ``human`` and ``gpt``) and ``audios``, and
      looks for paths below ``ROOT_IMAGE_DIR``.
    * LLaMA-Factory reads the same two columns as its ``sharegpt`` formatting (`dataset_info`), and looks for paths below
      ``dataset_dir``. It skips lists that do not begin with ``human``, alternate and end with ``gpt``: where the assistant
      begins and hears nothing, an empty ``human`` value stands before it; a last turn of the user without a reply is left out.
    * Trainers in LLaVA's own fashion read ``id`` and ``conversations``, and the paths under a name of their own.

    Raises
    ------
    InputError
        If somebody says ``<audio>``, which all of them would take for a clip, or the assistant says nothing.
    """
    if any(TAG in turn.content for turn in dialogue.turns):
        raise InputError(f"dialogue {dialogue.id!r}: an utterance holds {TAG}, which trainers take for a clip; use messages")
    said = chat(dialogue)
    if said[-1].role == "user":
        said.pop()
    if not said:
        raise InputError(f"dialogue {dialogue.id!r}: the assistant says nothing in it: there is nothing to be learnt from it")
    if said[0].role == "assistant":
        said.insert(0, Message("user", []))
    values = [{"from": _FROM[m.role], "value": "\n".join(TAG if isinstance(p, Heard) else p for p in m.parts)} for m in said]
    audios = [path_of(part) for message in said for part in message.parts if isinstance(part, Heard)]
    return {"id": dialogue.id, "conversations": values, "audios": audios}


def dataset_info(names: Sequence[str]) -> dict:
    """LLaMA-Factory's ``dataset_info.json`` for files of `conversations`."""
    columns = {"messages": "conversations", "audios": "audios"}
    return {name: {"file_name": f"{name}.jsonl", "formatting": "sharegpt", "columns": columns} for name in names}


def audio_dialogues(dialogue: Dialogue, path_of: PathOf) -> Iterator[dict]:
    """Rows of questions and answers about clips, 1-4 exchanges each, as Audio Dialogues (arXiv 2404.07616) has them.

    ``{"id", "audio_id": path, "dialogue": [{"user": …, "assistant": …}]}``. The set itself is not public; its authors' training
    code (NVIDIA/audio-flamingo, branch legacy_audio_flamingo_1) reads a JSON list of rows with ``audio_id``, a file's name, and
    ``dialogue``. How rows about several clips name them is nowhere to be seen: here they have ``audio_ids``, a list, in the
    place of ``audio_id``, so that neither is mistaken for the other.

    A row is a run of exchanges that hear the same clips; a fifth exchange begins a new row. Exchanges in which the assistant
    hears nothing are in none: such an answer is not about a clip.

    Raises
    ------
    InputError
        If there is no such exchange: the dialogue would have no row.
    """
    rows: list[tuple[list[str], list[dict]]] = []
    open_row = False
    for question, answer in _exchanges(dialogue):
        spans = (*question.heard, *answer.heard) if answer.heard else ()
        paths = list(dict.fromkeys(map(path_of, spans)))
        if paths and not (open_row and rows[-1][0] == paths and len(rows[-1][1]) < MAX_EXCHANGES):
            rows.append((paths, []))
        open_row = bool(paths)
        if paths:
            rows[-1][1].append({"user": question.content, "assistant": answer.content})
    if not rows:
        raise InputError(f"dialogue {dialogue.id!r}: no question that the assistant answers while it hears a clip")
    for i, (paths, held) in enumerate(rows):
        audio = {"audio_id": paths[0]} if len(paths) == 1 else {"audio_ids": paths}
        yield {"id": f"{dialogue.id}-{i}", **audio, "dialogue": held}


def _exchanges(dialogue: Dialogue) -> Iterator[tuple[Turn, Turn]]:
    """A turn of the user and the assistant's reply."""
    for question, answer in pairwise(asked(dialogue)):
        if (question.role, answer.role) == ("user", "assistant"):
            yield question, answer


def retrieval(dialogue: Dialogue) -> Iterator[dict]:
    """Rows that a retriever learns from, one a recommendation (`pairs`): the talk so far, and the tracks that answer it.

    ``{"id", "turn", "history", "query", "tracks": [{"track_id", "title", "artist", "text", "label": 1 | 0}]}``: the id of the
    dialogue and the number of the turn that recommends, which name a row together; what was said before the query, a line a
    turn (``user: …``); what the user said last; the set that was recommended, best first, with the label 1, then what was
    refused so far, with the label 0. ``text`` is title and artist; whoever encodes sound or other texts goes by ``track_id``.

    * sentence-transformers trains on columns of one text each, in their order: ``query`` and the ``text`` of each track with
      the label 1 are (anchor, positive) pairs; ``query``, ``text`` and ``label`` are pairs with a label.
    * Tevatron's ``positive_passages`` and ``negative_passages``, and FlagEmbedding's ``pos`` and ``neg``, are the tracks with
      the one label and with the other. Here they are one list: a list that is empty in all rows that `datasets` sees first has
      no type for it, and a refusal in a row after them would be an error.

    Raises
    ------
    InputError
        If nothing that somebody asked for is recommended: the dialogue would have no row.
    """
    found = False
    for row in pairs([dialogue]):
        found = True
        labelled = [*((track, 1) for track in row.pop("positives")), *((track, 0) for track in row.pop("negatives"))]
        yield row | {"tracks": [{"track_id": track, **_called(dialogue.tracks[track]), "label": n} for track, n in labelled]}
    if not found:
        raise InputError(f"dialogue {dialogue.id!r}: no recommendation that somebody asked for")


def _called(name: TrackName) -> dict:
    return {**name.model_dump(), "text": f'"{name.title}" by {name.artist}'}


# ---- tables


def lp_musicdialog(dialogue: Dialogue) -> dict:
    """A row as LP-MusicDialog has them, nested where the public set keeps a Python literal in a string.

    Turns have its columns, similar tracks and artists its notation (``similar_artist:…``). Two things stand beside them: what
    was heard in each turn, and how the tracks are called, which its ids leave to the Million Song Dataset. What was liked,
    refused and taken back is not in it.
    """
    turns = [
        {
            "role": turn.role,
            "content": turn.content,
            "intent": turn.intent,
            "music_attribute": [_their_attribute(text) for text in turn.music_attribute],
            "track_seq": turn.track_seq,
            "heard": [span.model_dump() for span in turn.heard],
        }
        for turn in dialogue.turns
    ]
    return {"id": dialogue.id, "turns": turns, "track_names": _names(dialogue)}


def _their_attribute(text: str) -> str:
    return f"similar_{text[1:]}" if text.startswith(("~track:", "~artist:")) else text


def _names(dialogue: Dialogue) -> list[dict]:
    # A list: as a mapping, every track id would become a column.
    return [{"track_id": track_id, **name.model_dump()} for track_id, name in dialogue.tracks.items()]


_FREE = ("persona", "goal", "models")  # what they hold differs from recipe to recipe: JSON in a string


def embedded(dialogue: Dialogue, sounds: dict[tuple[str, float, float], tuple[str, bytes]]) -> dict:
    """A row with everything that the record holds and the clips themselves; `dialogue_of` reads it back.

    Parameters
    ----------
    dialogue : Dialogue
    sounds : dict
        `span_key` to (name, bytes of a sound file).

    Returns
    -------
    dict
        As `embedded_schema` says: ``audio`` has every clip once, and ``clip`` of a span counts in it.
    """
    keys = [span_key(span) for span in spans_of(dialogue)]
    row = dialogue.model_dump(mode="json")
    row |= {name: _dumped(row[name]) for name in _FREE} | {"tracks": _names(dialogue)}
    for turn in row["turns"]:
        for span in turn["heard"]:
            span["clip"] = keys.index((span["track_id"], span["start_s"], span["end_s"]))
        for claim in turn["claims"]:
            claim["evidence"] = _dumped(claim["evidence"])
        if turn["writing"]:
            turn["writing"]["rejected"] = _dumped(turn["writing"]["rejected"])
    return row | {"audio": [{"bytes": sounds[key][1], "path": sounds[key][0]} for key in keys]}


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def dialogue_of(row: dict) -> Dialogue:
    """The dialogue of a row of `embedded`, with or without its ``audio``."""
    row = {name: value for name, value in row.items() if name != "audio"}
    row |= {name: json.loads(row[name]) for name in _FREE}
    row["tracks"] = {name["track_id"]: TrackName(title=name["title"], artist=name["artist"]) for name in row["tracks"]}
    row["turns"] = [
        turn
        | {"heard": [{name: value for name, value in span.items() if name != "clip"} for span in turn["heard"]]}
        | {"claims": [claim | {"evidence": json.loads(claim["evidence"])} for claim in turn["claims"]]}
        | {"writing": turn["writing"] and turn["writing"] | {"rejected": json.loads(turn["writing"]["rejected"])}}
        for turn in row["turns"]
    ]
    return Dialogue.model_validate(row)


def lp_schema() -> "pyarrow.Schema":
    """Columns of `lp_musicdialog`."""
    import pyarrow as pa

    text, texts = pa.string(), pa.list_(pa.string())
    span = pa.struct({"track_id": text, "start_s": pa.float64(), "end_s": pa.float64()})
    turn = pa.struct({"role": text, "content": text, "intent": texts, "music_attribute": texts, "track_seq": texts,
                      "heard": pa.list_(span)})  # fmt: skip
    return _with_features(pa.schema({"id": text, "turns": pa.list_(turn), "track_names": pa.list_(_named())}))


def embedded_schema() -> "pyarrow.Schema":
    """Columns of `embedded`; as `datasets` reads it, ``audio`` is a list of ``Audio``."""
    import pyarrow as pa

    text, texts, number = pa.string(), pa.list_(pa.string()), pa.int32()
    untold = {"track_id": text, "start_s": pa.float64(), "end_s": pa.float64()}
    span = pa.struct({**untold, "clip": number})
    claim = pa.struct({"text": text, "kind": text, "value": text, "present": pa.bool_(), "comparison": text, "clip": text,
                       "beside": text, "verdict": text, "basis": text, "evidence": text})  # fmt: skip
    turn = pa.struct({
        "role": text, "content": text, "intent": texts, "music_attribute": texts, "removed": texts, "asks": texts,
        "track_seq": texts, "pool_size": number, "liked": texts, "refused": texts, "heard": pa.list_(span),
        "ahead": pa.list_(pa.struct(untold)), "claims": pa.list_(claim),
        "writing": pa.struct({"candidates": number, "rejected": text}),
    })  # fmt: skip
    audio = pa.struct({"bytes": pa.binary(), "path": text})
    return _with_features(pa.schema({
        "id": text, "recipe": text, "seed": pa.int64(), "persona": text, "goal": text, "models": text,
        "tracks": pa.list_(_named()), "turns": pa.list_(turn), "audio": pa.list_(audio),
    }))  # fmt: skip


def _named() -> "pyarrow.DataType":
    import pyarrow as pa

    return pa.struct({"track_id": pa.string(), "title": pa.string(), "artist": pa.string()})


def _with_features(schema: "pyarrow.Schema") -> "pyarrow.Schema":
    """The schema with what `datasets` wants to be told: that structs of bytes and path are sound."""
    features = {field.name: _feature(field.type) for field in schema}
    return schema.with_metadata({"huggingface": json.dumps({"info": {"features": features}})})


def _feature(kind: "pyarrow.DataType") -> Any:
    import pyarrow as pa

    if pa.types.is_list(kind):
        return [_feature(kind.value_type)]  # this form is read by every version of datasets; {"_type": "List"} is not
    if not pa.types.is_struct(kind):
        return {"dtype": {"double": "float64"}.get(str(kind), str(kind)), "_type": "Value"}
    if [field.name for field in kind] == ["bytes", "path"]:
        return {"_type": "Audio"}
    return {field.name: _feature(field.type) for field in kind}
