"""The labelled sentences are what their README says: the claim finder's figures stand on them."""

import csv
import hashlib
import json
import re
from collections import Counter
from pathlib import Path

import pytest

from mdialog import vocab

FOLDER = Path(__file__).parent / "sentences"
HALVED = ("written", "listener", "captions")
FILES = (*HALVED, "more")
TEXT_KEYS = ["id", "text", "names", "claims", "half"]
CAPTION_KEYS = ["id", "row", "sentence", "claims", "half"]
CLAIM_KEYS = ["kind", "value", "present", "comparison"]
# The vocabulary has no word for an instrument of unknown sort, nor kinds for how loud, bright or dense a track is.
BROAD_INSTRUMENTS = {"guitar", "synth", "keyboard"}
POLES = {"loudness": {"loud", "quiet"}, "brightness": {"bright", "dark"}, "density": {"dense", "sparse"}}
UPWARD = {"tempo": "fast", "energy": "high", "loudness": "loud", "brightness": "bright", "density": "dense"}


def read(name: str) -> list[dict]:
    return [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


def captions() -> list[dict]:
    return [record for name in ("captions", "more") for record in read(name) if "row" in record]


@pytest.fixture(scope="module")
def records() -> list[dict]:
    return [record for name in FILES for record in read(name)]


@pytest.fixture(scope="module")
def claims(records) -> list[dict]:
    return [claim for record in records for claim in record["claims"]]


@pytest.fixture(scope="module")
def values() -> dict[str, set[str]]:
    names = {kind.name: {value.name for value in kind.values} for kind in vocab.load()}
    known = {kind: names[kind] for kind in ("tempo", "key", "mode", "metre", "mood", "energy", "course", "genre")}
    instruments = names["instrument"] | BROAD_INSTRUMENTS
    voices = names["vocal"] | {"voice"}
    return known | POLES | {"instrument": instruments, "lead": instruments, "vocal": voices}


def test_every_record_has_the_keys_of_its_file():
    for name, keys in (("written", TEXT_KEYS), ("listener", TEXT_KEYS), ("captions", CAPTION_KEYS)):
        assert all(list(record) == keys for record in read(name)), name
    assert all(list(record) == (CAPTION_KEYS if "row" in record else TEXT_KEYS) for record in read("more"))


def test_answers_about_two_clips_say_of_which(values):
    records = read("pairs")
    assert all(list(record) == ["id", "half", "text", "ask", "claims"] for record in records)
    assert len({record["text"] for record in records}) == len({record["id"] for record in records}) == len(records)
    found = [claim for record in records for claim in record["claims"]]
    assert all(list(claim) == [*CLAIM_KEYS, "clip"] and claim["clip"] in ("this", "before", "both") for claim in found)
    assert all(claim["value"] in values[claim["kind"]] or claim["value"].isdigit() for claim in found)
    assert Counter(record["half"] for record in records) == {"tune": 80, "final": 80}


def test_a_second_reader_has_labelled_the_final_half(records, values):
    final = {record["id"]: record["claims"] for record in records if record["half"] == "final"}
    second = read("second")
    assert [list(record) for record in second if "settled" not in record] == [["id", "claims"]] * (len(second) - 25)
    assert {record["id"] for record in second} == set(final) and len(second) == len(final)

    def said(claims):
        return {tuple(claim[key] for key in CLAIM_KEYS) for claim in claims}

    for record in second:
        assert all(c["value"] in values[c["kind"]] or c["value"].isdigit() for c in record["claims"])
        assert ("settled" in record) == (said(record["claims"]) != said(final[record["id"]])), record["id"]


def test_captions_hold_numbers_and_labels_but_no_text(values):
    labels = set().union(*values.values()) | set(values) | {"more", "less", "same", "tune", "final"}
    for record in captions():
        assert record["id"] == f"c{record['row']}.{record['sentence']}"
        words = [record["half"], *(v for c in record["claims"] for v in c.values() if isinstance(v, str))]
        assert all(word in labels or word.isdigit() for word in words), record["id"]


def test_ids_and_texts_are_unique(records):
    for key in ("id", "text"):
        found = Counter(record[key] for record in records if key in record)
        assert max(found.values()) == 1, found.most_common(1)


def test_names_stand_in_the_text(records):
    for record in records:
        assert all(name and name in record.get("text", "") for name in record.get("names", [])), record["id"]


def test_claims_are_of_the_vocabulary(claims, values):
    for claim in claims:
        assert list(claim) == CLAIM_KEYS
        kind, value = claim["kind"], claim["value"]
        beats = kind == "tempo" and value.isdecimal() and 20 <= int(value) <= 300
        assert beats or value in values[kind], (kind, value)
        assert isinstance(claim["present"], bool)
        assert claim["comparison"] in (None, "more", "less", "same")


def test_a_comparison_names_the_pole_that_more_points_to(claims):
    compared = [claim for claim in claims if claim["comparison"]]
    assert len(compared) >= 40
    for claim in compared:
        assert claim["value"] == UPWARD.get(claim["kind"], claim["value"]), claim


def test_no_voice_is_said_as_instrumental(claims):
    assert not [c for c in claims if c["kind"] == "vocal" and c["value"] == "voice" and not c["present"]]


def test_a_sentence_says_nothing_twice(records):
    for record in records:
        said = [tuple(claim.values()) for claim in record["claims"]]
        assert len(said) == len(set(said)), record["id"]
        lead, other = ({c["value"] for c in record["claims"] if c["kind"] == kind} for kind in ("lead", "instrument"))
        assert not lead & other, record["id"]


def test_halves_follow_the_hash_and_are_even():
    for name in HALVED:
        for record in read(name):
            even = hashlib.sha256(record["id"].encode()).digest()[0] % 2 == 0
            assert record["half"] == ("tune" if even else "final"), record["id"]
        halves = Counter(record["half"] for record in read(name))
        assert 0.4 <= halves["tune"] / halves.total() <= 0.6, (name, halves)
    assert {record["half"] for record in read("more")} == {"tune"}


def test_every_kind_has_enough_claims_and_silence_is_there_too(records, claims, values):
    kinds = Counter(claim["kind"] for claim in claims)
    assert set(kinds) == set(values)
    assert min(kinds.values()) >= 40, kinds.most_common()
    assert len(records) >= 560
    assert sum(not record["claims"] for record in records) >= len(records) / 5


def test_readme_counts_are_those_of_the_files(records, claims):
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert text.split("\n\n")[1].startswith(f"{len(records)} sentences")
    for name in FILES:
        assert f"| `{name}.jsonl` | {len(read(name))} |" in text
    for kind, n in Counter(claim["kind"] for claim in claims).items():
        row = re.search(rf"^\| {kind} \| (\d+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", text, re.M)
        assert row, kind
        *sources, total, tune, final = map(int, row.groups())
        assert sum(sources) == total == tune + final == n, kind
        assert len(re.findall(rf"^\| {kind} \|", text, re.M)) == 2, f"{kind}: one row of rules, one of counts"


def test_captions_point_at_sentences_that_exist(real_data):
    with open(real_data / "captions" / "musiccaps.csv", newline="", encoding="utf-8") as file:
        texts = [row["caption"] for row in csv.DictReader(file)]
    sentences = [re.split(r"(?<=[.!?])\s+", texts[r["row"]])[r["sentence"]] for r in captions()]
    assert all(sentence.strip() for sentence in sentences)
    assert len(sentences) == len(set(sentences))
