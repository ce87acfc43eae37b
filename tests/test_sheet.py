"""The listening sheet: spread evenly, blind, in neutral words; complete, the same from the same input."""

import json
import re
import shutil
import subprocess
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from pages import Page

from mdialog import claims, clauses, cli, vocab
from mdialog.answers import read_answers
from mdialog.catalog import Catalog
from mdialog.dialogue import Claim, Contradicted, to_json, validate
from mdialog.errors import InputError
from mdialog.metadata import Metadata
from mdialog.schema import heard_columns, track_row
from mdialog.sheet import ANSWERS, COLUMNS, KEY, NAME, draw, items_of, make, statement

NAMES = {"t0": ("Blue Hour", "The Lamps"), "t1": ('A "Slow" <b>', "Ötzi & Söhne"), "gone": ("Silent", "Nobody")}
LABELS = tuple((k.name, v.name) for k in vocab.load() for v in k.values if v.prompts)
KINDS = ("tempo", "key", "instrument", "mood")


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    """Folder of a catalogue: two tracks with sound, one whose file is gone."""
    folder = tmp_path_factory.mktemp("sheet")
    clap = SimpleNamespace(model_id="clap@1", dim=8, zero_shot=SimpleNamespace(labels=LABELS))
    made = Catalog.create(folder / "catalog", clap=clap, clap_source="none")
    rows = []
    for i, (track_id, (title, artist)) in enumerate(NAMES.items()):
        path = folder / f"{track_id}.wav"
        if track_id != "gone":
            soundfile.write(path, 0.3 * np.sin(2 * np.pi * 220 * (i + 1) * np.arange(16 * 8000) / 8000), 8000)
        heard = heard_columns(np.eye(8, dtype=np.float32)[i], np.zeros(len(LABELS), np.float32), {})
        rows.append(track_row({"track_id": track_id, "path": str(path)}, Metadata(title=title, artist=artist), heard=heard))
    made.write(rows, [])
    return folder / "catalog"


def claim(kind="instrument", value="drums", verdict="supported", text="drums", **more) -> dict:
    return {"text": text, "kind": kind, "value": value, "verdict": verdict, "basis": "heard", **more}


def turn(*said: dict, content="There are drums.", heard=(("t0", 0.0, 5.0),), role="assistant") -> dict:
    spans = [dict(zip(("track_id", "start_s", "end_s"), span, strict=True)) for span in heard]
    return {"role": role, "content": content, "intent": [], "music_attribute": [], "heard": spans, "claims": list(said)}


def dialogue(*turns: dict, number=0):
    return validate({
        "id": f"secret-{number:04d}", "recipe": "music-discovery", "seed": 0, "persona": {}, "goal": {}, "models": {},
        "tracks": {i: {"title": title, "artist": artist} for i, (title, artist) in NAMES.items()}, "turns": list(turns),
    })  # fmt: skip


def many(n=30):
    """Dialogues with claims of four kinds and three verdicts, the supported far the most frequent."""
    said_of = {"supported": ("fast", "D minor", "drums", "calm"), "contradicted": ("slow", "E minor", "flute", "tense"),
               "unverifiable": ("very fast", "A minor", "harp", "tender")}  # fmt: skip
    for i in range(n):
        span = ("t0" if i % 2 else "t1", i % 11 / 2, i % 11 / 2 + 3)
        verdicts = ["supported", *(["contradicted"] if i % 5 == 0 else []), *(["unverifiable"] if i % 3 == 0 else [])]
        said = [claim(kind, value, v, value) for v in verdicts for kind, value in zip(KINDS, said_of[v], strict=True)]
        yield dialogue(turn(*said, content=f"Well {i}, it has drums, is fast, calm and in D minor.", heard=[span]), number=i)


def write_run(folder, dialogues):
    folder.mkdir(exist_ok=True)
    (folder / "dialogues.jsonl").write_text("".join(to_json(d) + "\n" for d in dialogues), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def run(catalog, tmp_path_factory):
    folder = write_run(tmp_path_factory.mktemp("runs") / "run", many())
    make(folder, catalog=catalog, n=24, seed=3)
    return folder


def page_of(run):
    source = (run / "sheet" / "index.html").read_text(encoding="utf-8")
    return source, Page(source)


def key_of(run):
    return json.loads((run / KEY).read_text(encoding="utf-8"))


# ---- statements


@pytest.mark.parametrize(
    ("kind", "value", "present", "comparison", "said"),
    [
        ("instrument", "drums", False, None, "There are no drums."),
        ("instrument", "oboe", True, None, "There is an oboe."),
        ("instrument", "bass", True, None, "There is a bass."),
        ("instrument", "brass", True, None, "There is brass."),
        ("instrument", "guitar", True, "more", "It has more of the guitar than the clip before."),
        ("lead", "strings", True, None, "The main melody is played by strings."),
        ("tempo", "fast", True, None, "The tempo is fast."),
        ("tempo", "120", False, None, "The tempo is not 120 beats a minute."),
        ("tempo", "fast", True, "more", "It is faster than the clip before."),
        ("tempo", "fast", False, "less", "It is not slower than the clip before."),
        ("loudness", "loud", True, "same", "It is as loud as the clip before."),
        ("mood", "calm", True, "less", "It is less calm than the clip before."),
        ("key", "D minor", True, None, "It is in D minor."),
        ("vocal", "instrumental", False, None, "It is not instrumental: somebody sings."),
        ("course", "rising", True, None, "It builds up over the clip."),
        ("genre", "drum and bass", False, None, "The genre is not drum and bass."),
    ],
)
def test_statement(kind, value, present, comparison, said):
    assert statement(Claim(**claim(kind, value, present=present, comparison=comparison))) == said


def test_every_claim_there_can_be_has_words_of_its_own():
    values = {(kind.name, value) for kind in vocab.load() if kind.audible for value in kind.names}
    values |= {(kind, value) for kind, rows in clauses.TABLE.items() if kind != "comparative" for value in rows}
    values |= {("lead", value) for kind, value in values if kind == "instrument"} | {("tempo", "97")}
    compared = [*claims.POLES.items(), ("mood", "tense"), ("genre", "jazz"), ("instrument", "flute")]
    cases = [(*case, present, None) for case in values for present in (True, False)]
    cases += [(*case, present, how) for case in compared for present in (True, False) for how in ("more", "less", "same")]
    said = [statement(Claim(**claim(kind, value, present=p, comparison=c))) for kind, value, p, c in cases]
    assert len({kind for kind, *_ in cases}) >= 14 and len(set(said)) == len(said)
    assert all(re.fullmatch(r"[A-Z][\w #/':-]+\.", text) for text in said)
    negative = re.compile(r"\bno\b|\bnot\b|^No |somebody")
    for (_, _, present, _), text in zip(cases, said, strict=True):
        assert bool(negative.search(text)) != present, text


# ---- what is asked


def test_drawing_is_even_over_kinds_and_verdicts_and_repeatable():
    items = items_of(many())
    cells = Counter((item.kind, item.verdict) for item in items)
    assert len(cells) == 12 and max(cells.values()) > 2 * min(cells.values())
    ordered = draw(items, seed=1)
    assert sorted(i.id for i in ordered) == sorted(i.id for i in items)
    for n in (12, 24, 31):
        drawn = Counter((item.kind, item.verdict) for item in ordered[:n])
        assert len(drawn) == 12 and max(drawn.values()) - min(drawn.values()) <= 1
    assert ordered == draw(reversed(items), seed=1) != draw(items, seed=2)


def test_only_claims_that_can_be_heard_are_asked():
    found = items_of([
        dialogue(
            turn(claim("tempo", "slow"), heard=()),  # nothing was played
            turn(claim("tempo", "fast", comparison="more")),  # nothing before to compare with
            turn(claim("mood", "calm"), claim("tempo", "fast", comparison="less"), heard=[("t0", 5.0, 8.0), ("t1", 0.0, 5.0)]),
            turn(claim("mood", "calm"), role="user", heard=[("t1", 0.0, 5.0)]),  # the same of the same clip
            turn(claim("mood", "sad", clip="before"), claim(clip="both"),
                 claim("tempo", "fast", comparison="more", clip="before"), heard=[("t0", 5.0, 8.0), ("t1", 0.0, 5.0)]),
        )
    ])  # fmt: skip
    assert [(i.turn, i.claim, i.spans) for i in found] == [
        (2, 0, (("t1", 0.0, 5.0),)),
        (2, 1, (("t0", 5.0, 8.0), ("t1", 0.0, 5.0))),
        (4, 0, (("t0", 5.0, 8.0),)),
        (4, 1, (("t0", 5.0, 8.0), ("t1", 0.0, 5.0))),
        (4, 2, (("t1", 0.0, 5.0), ("t0", 5.0, 8.0))),
    ]
    assert found[-2].statement == "Of both clips: there are drums."


def test_each_claim_is_shown_in_its_own_sentence():
    said = "Is it fun, drumsless? The first has drums. The second has drums."
    heard = [("t0", 5.0, 8.0), ("t1", 0.0, 5.0)]
    found = items_of([dialogue(turn(claim(clip="before"), claim(), content=said, heard=heard))])
    assert [item.sentence for item in found] == ["The first has drums.", "The second has drums."]
    live = claim("setting", "live", text="live")  # words that the finder reads only where they are asked after
    (item,) = items_of([dialogue(turn(live, content="I can deliver. It was recorded live."))])
    assert item.sentence == "It was recorded live."


def test_claims_for_which_a_candidate_was_thrown_away_are_asked_too():
    written = dialogue(turn(claim("mood", "calm"), content="It is calm."))
    slow = Contradicted(id=written.id, turn=0, content="Well. It is slow, with drums.", claims=[
        Claim(**claim("tempo", "slow", "contradicted", "slow")), Claim(**claim())])  # fmt: skip
    elsewhere = slow.model_copy(update={"id": "a dialogue that failed"})
    calm, other = items_of([written], [slow, elsewhere, slow])
    assert (calm.claim, other.claim, other.verdict) == (0, None, "contradicted")
    assert (other.statement, other.sentence) == ("The tempo is slow.", "It is slow, with drums.")


def test_a_run_brings_its_contradicted_candidates_to_the_sheet(catalog, tmp_path):
    folder = write_run(tmp_path / "run", [dialogue(turn(claim("mood", "calm"), content="It is calm."))])
    thrown = Contradicted(id="secret-0000", turn=0, content="It is slow.", claims=[
        Claim(**claim("tempo", "slow", "contradicted", "slow"))])  # fmt: skip
    (folder / "contradicted.jsonl").write_text(thrown.model_dump_json() + "\n", encoding="utf-8")
    make(folder, catalog=catalog)
    key = json.loads((folder / KEY).read_text(encoding="utf-8"))
    assert sorted(item["verdict"] for item in key.values()) == ["contradicted", "supported"]


def test_sentence_is_the_claims_own_with_names_masked():
    content = "Is it fast? “Drums” by Ötzi & Söhne, like Blue Hour, has drums! It’s slow… 日本 too."
    (item,) = items_of([dialogue(turn(claim(), content=content))])
    assert item.sentence == f"{NAME} by {NAME}, like {NAME}, has drums!"
    for odd in ("drums", "\ue000", "no such word here.\nNor here"):  # a text that the claim's words are not in
        (item,) = items_of([dialogue(turn(claim(text="zither"), content=odd))])
        assert item.sentence


# ---- the page


def test_page_is_blind(run):
    source, page = page_of(run)
    key = key_of(run)
    assert len(key) == 24 and {e["verdict"] for e in key.values()} == {"supported", "contradicted", "unverifiable"}
    for secret in ("supported", "contradicted", "unverifiable", "verdict", "secret-", "evidence", "t0", "t1", KEY,
                   *(part for name in NAMES.values() for part in name)):
        assert secret not in source, secret
    assert not (run / "sheet" / KEY).exists() and sorted(p.name for p in (run / "sheet").iterdir()) == ["audio", "index.html"]
    shown = [a["data-item"] for a in page.all("article")]
    assert sorted(shown) == sorted(key)
    sorted_by_key = sorted(key, key=lambda i: (key[i]["kind"], key[i]["verdict"]))
    assert shown not in (sorted(key), sorted_by_key), "the order would give them away"
    for entry in key.values():
        assert entry["statement"] in page.text


def test_page_is_whole(run):
    source, page = page_of(run)
    key = key_of(run)
    players = [a["src"] for a in page.all("audio")]
    assert len(players) == len(key)
    assert {p.name for p in (run / "sheet" / "audio").iterdir()} >= {src.removeprefix("audio/") for src in players}
    for src in players:
        assert soundfile.info(run / "sheet" / src).duration == pytest.approx(3.0, abs=0.1)
    for _, attrs in page.tags:
        for name in ("src", "href", "srcset", "action", "data"):
            assert attrs.get(name, "#").startswith(("#", "audio/", "data:,"))
    assert "://" not in source and "@import" not in source
    radios = Counter(a["name"] for a in page.all("input") if a["type"] == "radio")
    assert radios == dict.fromkeys(key, len(ANSWERS))
    labelled = {a["for"] for a in page.all("label") if "for" in a}
    assert all(a["id"] in labelled for a in page.all("input") if a["type"] == "text")
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids)) and set(re.findall(r"byId\('([\w-]+)'\)", source)) <= set(ids)
    assert page.all("html")[0]["lang"] == "en" and len(page.all("h1")) == 1
    assert all(a.get("aria-label") for a in page.all("audio"))


def test_comparison_brings_both_clips_and_every_text_is_escaped(catalog, tmp_path):
    ugly = "It's \"<script>alert(1)</script>\" & {{ 7*7 }} faster <i>than</i> 日本 🎺"
    run = write_run(tmp_path / "run", [dialogue(
        turn(claim(), heard=[("t0", 0.0, 5.0)]),
        turn(claim("tempo", "fast", text="faster", comparison="more"), claim("mood", "<b>odd</b>", text="odd"),
             content=ugly, heard=[("t1", 2.0, 6.0)]),
    )])  # fmt: skip
    path = make(run, catalog=catalog, out=tmp_path / "elsewhere")
    source = path.read_text(encoding="utf-8")
    page = Page(source)
    assert path == tmp_path / "elsewhere" / "index.html" and (run / KEY).is_file() and not (run / "sheet").exists()
    labels = Counter(a["aria-label"].split(" of ")[0] for a in page.all("audio"))
    assert labels == {"The clip": 3, "The clip before": 1}
    assert source.count("<script") == 1 and "<b>odd" not in source and "<i>than" not in source
    assert "It is faster than the clip before." in page.text and "The mood is <b>odd</b>." in page.text


def test_same_input_same_page(run, catalog, tmp_path):
    again = write_run(tmp_path / "run", many())
    make(again, catalog=catalog, n=24, seed=3)
    assert page_of(again)[0] == page_of(run)[0] and key_of(again) == key_of(run)
    make(again, catalog=catalog, n=24, seed=4)
    assert key_of(again) != key_of(run)


def test_clips_that_cannot_be_played_are_replaced_and_named(catalog, tmp_path):
    lost = [turn(claim("mood", "calm", "contradicted"), heard=[("gone", float(i), 5.0 + i)]) for i in range(9)]
    there = [turn(claim(*said), heard=[("t1", 0.0, 5.0)]) for said in (("mood", "calm", "contradicted"), ("tempo", "fast"))]
    run = write_run(tmp_path / "run", [dialogue(*lost, turn(claim()), *there)])
    warnings = []
    make(run, catalog=catalog, n=3, warn=warnings.append)
    assert {e["kind"] for e in key_of(run).values()} == {"instrument", "tempo", "mood"}
    assert len(warnings) == 1 and "gone.wav" in warnings[0]
    silent = write_run(tmp_path / "silent", [dialogue(*lost)])
    with pytest.raises(InputError, match="gone.wav.*catalogue"):
        make(silent, catalog=catalog)


@pytest.mark.parametrize("dialogues", [[], [dialogue(turn())], [dialogue(turn(claim(), heard=()))]])
def test_run_without_claims_is_refused(dialogues, catalog, tmp_path):
    run = write_run(tmp_path / "run", dialogues)
    with pytest.raises(InputError, match="no claim about a clip.*write its dialogues again"):
        make(run, catalog=catalog)
    assert not (run / KEY).exists()


@pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")
def test_what_the_page_saves_is_read_back(run, tmp_path):
    """The page's own script writes the file."""
    source, page = page_of(run)
    code = re.search(r"const quote = .*?\(state\.seconds\[id\][^\n]*\n", source, re.S)[0]
    ids = [a["data-item"] for a in page.all("article")]
    name = 'Zoë "Z", O\'Neill;\n日本'
    state = {"listener": name, "answers": dict(zip(ids, ANSWERS, strict=False)), "seconds": {ids[0]: 12.345, ids[9]: 3}}
    script = (f"const columns = {json.dumps(COLUMNS)}, ids = {json.dumps(ids)};\n{code}\n"
              f"process.stdout.write(csv(rows({json.dumps(state)})));")
    saved = tmp_path / "answers.csv"
    saved.write_bytes(subprocess.run(["node", "-e", script], capture_output=True, check=True).stdout)
    answers, problems = read_answers(saved, items=ids)
    assert not problems
    assert [(a.item, a.answer, a.listener, a.seconds) for a in answers] == [
        (i, said, name, seconds) for i, said, seconds in zip(ids, ANSWERS, (12.3, 0, 0), strict=False)
    ]


def test_command(run, catalog, tmp_path):
    made = CliRunner().invoke(cli.main, ["sheet", str(run), "--catalog", str(catalog), "-n", "24", "--seed", "3"])
    assert made.exit_code == 0 and made.stdout.strip() == str(run / "sheet" / "index.html")
    answers = tmp_path / "a.csv"
    answers.write_text(",".join(COLUMNS) + "".join(f"\n{i},true,A,3.0" for i in key_of(run)), encoding="utf-8")
    compared = CliRunner().invoke(cli.main, ["sheet", str(run), "--answers", str(answers)])
    assert compared.exit_code == 0 and compared.stdout.startswith("24 answers of 1 listener")
    assert CliRunner().invoke(cli.main, ["sheet", str(run)]).exit_code == 2


@pytest.mark.parametrize(
    ("kind", "value", "present", "said"),
    [
        ("event", "siren", False, "There is no such sound: siren."),
        ("onset", "siren 4", True, "The siren comes in after about 4 s."),
        ("duration", "rain all", True, "The rain lasts the whole clip."),
        ("times", "dog 2+", True, "The dog comes in 2 or more times."),
        ("order", "bell rain", False, "The bell does not begin before the rain."),
        ("together", "bell+rain", False, "The bell and the rain never sound together."),
    ],
)
def test_statements_about_sound_events_are_sentences(kind, value, present, said):
    assert statement(claims.Claim("", kind, value, present, 0, 0)) == said
