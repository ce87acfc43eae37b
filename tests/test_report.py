"""The page of a run: complete, self-contained, escaped, the same from the same input."""

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from pages import Page

from mdialog import pictures, vocab
from mdialog.catalog import Catalog
from mdialog.dialogue import validate
from mdialog.errors import InputError
from mdialog.metadata import Metadata
from mdialog.report import report
from mdialog.schema import heard_columns, track_row

UGLY = "<script>alert(\"x\")</script> & 'quotes' 🎺 ]]> {{ 7*7 }} \u2028 日本"
LABELS = tuple((k.name, v.name) for k in vocab.load() for v in k.values if v.prompts)
RATE = 22050


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A catalogue of 40 rows: 38 with a sound file of their own, one whose file is gone, one with metadata only."""
    folder = tmp_path_factory.mktemp("report")
    rng = np.random.default_rng(3)
    clap = SimpleNamespace(model_id="clap@1", dim=8, zero_shot=SimpleNamespace(labels=LABELS))
    catalog = Catalog.create(folder / "catalog", clap=clap, clap_source="none")
    rows = []
    for i in range(40):
        path = folder / f"{i:02d} ü.wav"
        if i < 38:
            rate = (RATE, 44100, 48000, 96000)[i % 4]
            t = np.arange(rate * 12) / rate
            tone = 0.3 * np.sin(2 * np.pi * (200 + 100 * (t >= 6)) * t)  # 200 Hz, from 6 s on 300 Hz
            soundfile.write(path, np.stack([tone, tone], axis=1), rate)
        embedding = rng.normal(size=8).astype(np.float32)
        embedding /= np.linalg.norm(embedding)
        genre = ("waltz", "techno", UGLY)[i % 3]
        heard = None if i == 39 else heard_columns(embedding, np.zeros(len(LABELS), np.float32),
                                                   {"genre": ["waltz"], "instrument": ["flute"]})
        title = UGLY if i == 3 else f"Title {i}"
        metadata = Metadata(title=title, artist=f"Artist {i % 5}", genre=(genre,) if i % 4 else ())
        measured = {"measured_tempo_bpm": 60.0 + 3 * i, "measured_key": "F# minor", "measured_energy": i / 40}
        row = track_row({"track_id": f"t{i:02d}", "path": None if i == 39 else str(path)}, metadata, heard=heard)
        rows.append(row | ({} if i == 39 else measured))
    catalog.write(rows[:39], [])
    catalog.write(rows[39:], [])
    return folder


def dialogue(number: int, *, heard=(("t03", 0.0, 5.0),), content="Something slow, please.", **turn) -> dict:
    ids = [f"t{i:02d}" for i in range(40)] + ["gone"]
    return {
        "id": f"d-{number}", "recipe": "music-discovery", "seed": 7, "persona": {"user_manner": "terse"},
        "goal": {"attributes": ["mood:calm"], "track_ids": ["t03"]},
        "models": {"listener": "listener-mini@abc", "clap": "clap@1"},
        "tracks": {i: {"title": UGLY if i == "t03" else f"Title {i}", "artist": "Artist"} for i in ids},
        "turns": [
            {"role": "user", "content": content, "intent": ["add_filter"],
             "music_attribute": ["mood:calm", "-vocal:choir", "~track:t03"], "pool_size": 30},
            {"role": "assistant", "content": "A flute over slow strings.", "intent": ["passive_recommend"],
             "music_attribute": [], "track_seq": ["t03", "t04"], "pool_size": 12,
             "heard": [dict(zip(("track_id", "start_s", "end_s"), h, strict=True)) for h in heard],
             "claims": [{"text": "a flute", "kind": "instrument", "value": "flute", "verdict": "contradicted",
                         "basis": "heard", "evidence": {"source": "heard", "value": 0.12, "threshold": 0.7}}]} | turn,
        ],
    }  # fmt: skip


def write_run(folder, dialogues, failures=()):
    folder.mkdir(exist_ok=True)
    for record in dialogues:
        validate(record)
    for name, rows in (("dialogues.jsonl", dialogues), ("failures.jsonl", failures)):
        (folder / name).write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), encoding="utf-8")
    return folder


def make(folder, small, **options):
    path = report(folder, catalog=small / "catalog", **options)
    source = path.read_text(encoding="utf-8")
    return source, Page(source)


def test_page_holds_the_dialogues(small, tmp_path):
    run = write_run(tmp_path / "run", [dialogue(1), dialogue(2, content="Louder.", removed=["tempo:slow"])],
                    [{"plan_id": "d-3", "turn": 2, "reason": "no candidate passed"}])
    source, page = make(run, small)
    for said in ("Something slow, please.", "Louder.", "A flute over slow strings.", "listener-mini@abc", "d-3",
                 "contradicted", "no candidate passed", "seeker's manner", "12 tracks left", "Title t04 – Artist"):
        assert said in page.text, said
    intents = [d["data-intents"] for d in page.all("details") if "data-intents" in d]
    assert intents == ["add_filter passive_recommend"] * 2
    assert {"want", "avoid", "like", "dropped"} <= {w for c in page.all("li") for w in c.get("class", "").split()}
    figures = dict(re.findall(r"<dt>([^<]+)</dt><dd>([\d,]+)</dd>", source))
    assert figures["dialogues"] == "2" and figures["turns"] == "4" and figures["failed"] == "1"
    assert figures["tracks in the catalogue"] == "40" and figures["of 2 claims supported"] == "0"
    assert source.count("<polyline") == 2


def test_page_needs_nothing_from_outside(small, tmp_path):
    source, page = make(write_run(tmp_path / "run", [dialogue(1)]), small)
    for _, attrs in page.tags:
        for name in ("src", "href", "xlink:href", "srcset", "action", "data"):
            if value := attrs.get(name):
                assert value.startswith(("#", "report_audio/", "data:,")), (name, value)
    outside = set(re.findall(r"(?:https?:)?//[\w.]+[^\s\"'<)]*", source))
    assert outside <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert "@import" not in source


def test_every_text_is_escaped(small, tmp_path):
    record = dialogue(1, content=UGLY)
    record["persona"]["user_manner"] = UGLY
    record["goal"]["note"] = UGLY
    record["models"]["listener"] = UGLY
    record["turns"][1]["claims"][0]["text"] = UGLY
    plain, _ = make(write_run(tmp_path / "plain", [dialogue(1)]), small)
    failure = {"plan_id": UGLY, "reason": UGLY, "role": UGLY}
    source, page = make(write_run(tmp_path / UGLY.replace("/", ""), [record], [failure]), small)
    assert len(page.all("script")) == 1 and source.count("<script") == 1
    shown = " ".join(UGLY.split())
    assert page.text.count(shown) >= 8
    assert "{{ 7*7 }}" in source
    assert len(re.findall("<script", plain)) == 1
    assert any(shown in " ".join(a.get("aria-label", "").split()) for a in page.all("audio"))


def test_clips_are_cut_exactly_and_once(small, tmp_path):
    spans = (("t00", 5.0, 7.0), ("t01", 5.0, 7.0), ("t02", 5.0, 7.0), ("t03", 5.0, 7.0))
    run = write_run(tmp_path / "run", [dialogue(1, heard=spans), dialogue(2, heard=spans)])
    stale = run / "report_audio" / "stale.mp3"
    stale.parent.mkdir()
    stale.write_bytes(b"x")
    source, page = make(run, small)
    players = [a["src"] for a in page.all("audio")]
    assert len(players) == 8 and len(set(players)) == 4 and all(a["preload"] == "none" for a in page.all("audio"))
    assert sorted(p.name for p in stale.parent.iterdir()) == sorted(p.rpartition("/")[2] for p in set(players))
    for player in set(players):
        samples, rate = soundfile.read(run / player)
        assert len(samples) / rate == pytest.approx(2.0, abs=0.1)
        for second, hz in ((0.25, 200), (1.25, 300)):  # the tone changes at 6 s of the track, 1 s of the clip
            piece = samples[int(second * rate) :][: rate // 2] * np.hanning(rate // 2)
            assert np.argmax(np.abs(np.fft.rfft(piece))) * 2 == pytest.approx(hz, abs=6)


def test_same_input_same_page_and_clips_are_kept(small, tmp_path):
    run = write_run(tmp_path / "run", [dialogue(1)])
    first, _ = make(run, small)
    (clip,) = (run / "report_audio").iterdir()
    made = clip.stat().st_mtime_ns
    second, _ = make(run, small)
    assert first == second and clip.stat().st_mtime_ns == made


def test_what_cannot_be_played_is_said(small, tmp_path):
    heard = (("t38", 0.0, 5.0), ("t39", 0.0, 5.0), ("gone", 0.0, 5.0), ("t01", 100.0, 110.0), ("t02", 0.0, 5.0))
    warnings = []
    _, page = make(write_run(tmp_path / "run", [dialogue(1, heard=heard)]), small, warn=warnings.append)
    assert len(page.all("audio")) == 1 and page.text.count("no sound here") == 4
    assert len(warnings) == 4
    for reason in ("metadata only", "not in this catalogue", "no such file", "no samples"):
        assert sum(reason in w.lower() for w in warnings) == 1, (reason, warnings)


def test_only_the_first_dialogues_are_shown(small, tmp_path):
    _, page = make(write_run(tmp_path / "run", [dialogue(i) for i in range(5)]), small, max_dialogues=2)
    assert "The first 2 of 5 dialogues are shown." in page.text
    assert sum("data-recipe" in d for d in page.all("details")) == 2


def test_a_run_without_dialogues_has_a_page(small, tmp_path):
    _, page = make(write_run(tmp_path / "run", [], [{"plan_id": "d-1", "reason": "nothing passed"}]), small)
    assert "This run holds no dialogue." in page.text and "nothing passed" in page.text


def test_refusals_name_the_file(small, tmp_path):
    with pytest.raises(InputError, match=r"dialogues\.jsonl"):
        report(tmp_path, catalog=small / "catalog")
    (tmp_path / "dialogues.jsonl").write_text('{"id": 3}\n')
    with pytest.raises(InputError, match="line 1"):
        report(tmp_path, catalog=small / "catalog")


def test_page_is_accessible(small, tmp_path):
    source, page = make(write_run(tmp_path / "run", [dialogue(1)]), small)
    assert page.all("html")[0]["lang"] == "en" and len(page.all("h1")) == 1
    labelled = {a["for"] for a in page.all("label")}
    assert all(field["id"] in labelled for tag in ("input", "select") for field in page.all(tag))
    assert all(a.get("aria-label") for a in page.all("audio"))
    assert all(s.get("aria-label") or s.get("aria-hidden") for s in page.all("svg"))
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and all(b - a <= 1 for a, b in zip(levels, levels[1:], strict=False))
    for scheme in re.findall(r"--page: .*?\}", source, re.S):
        colours = dict(re.findall(r"--(\w+): (#\w{6})", scheme))
        for pair in ("ink page", "ink card", "ink user", "ink assistant", "ink chip", "muted page", "muted card",
                     "muted chip", "accent card", "accent page", "bad card", "good card"):
            ink, ground = pair.split()
            assert contrast(colours[ink], colours[ground]) >= 4.5, pair


def contrast(a: str, b: str) -> float:
    """WCAG 2 contrast ratio of two colours."""

    def luminance(colour):
        parts = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def test_map_keeps_alike_together_and_every_title():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(4, 32))
    kind = np.arange(80) % 4
    embeddings = centres[kind] + 0.1 * rng.normal(size=(80, 32))
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    places = pictures.layout(embeddings)
    assert np.array_equal(places, pictures.layout(embeddings))
    gaps = np.linalg.norm(places[:, None] - places[None], axis=-1) + 9 * np.eye(80)
    assert (kind[gaps.argmin(axis=1)] == kind).all()
    drawn = pictures.embedding_map(embeddings, genres=[None if k == 3 else f"g{k}" for k in kind],
                                   titles=[f"<{i}> {UGLY}\x00" for i in range(80)])
    assert [entry.count for entry in drawn.legend] == [20] * 4 and drawn.legend[-1].genre == "no genre known"
    hover = Page(drawn.svg)
    assert len(hover.all("title")) == 80 and "\x00" not in drawn.svg and not hover.all("script")


@pytest.mark.parametrize("n", [3, 29])
def test_map_of_few_and_of_identical_tracks(n):
    places = pictures.layout(np.ones((n, 4)) / 2)
    assert places.shape == (n, 2) and np.isfinite(places).all()


def test_pictures_count_rightly():
    chart = pictures.genre_chart(read=[["waltz"], ["waltz", "$x$ <b>"], None], heard=[["waltz"], [], None])
    assert "metadata of 2 tracks and heard in 1" in chart.text
    assert "$x$ &lt;b&gt;" in chart.svg
    tempo = pictures.tempo_histogram([120.0, 120.0, None, float("nan"), 60.0])
    assert "of 3 tracks" in tempo.text
    assert "C minor (2)" in pictures.key_chart(["C minor", "C minor", None, "F# major"]).text
    for nothing in (pictures.tempo_histogram([None]), pictures.key_chart([None]), pictures.energy_histogram([]),
                    pictures.genre_chart(read=[None], heard=[[]]), pictures.instrument_chart([None])):
        assert nothing is None


def test_pictures_follow_the_page():
    svg = pictures.energy_histogram([0.1, 0.5]).svg
    assert "var(--accent)" in svg and "currentColor" in svg and "#0102" not in svg and "<style" not in svg
    assert "DejaVu" not in svg and "<text" in svg


def test_sparkline_falls_with_the_pool():
    points = [tuple(map(float, p.split(","))) for p in pictures.sparkline([300, 40, 40, 5]).split()]
    assert [x for x, _ in points] == sorted(x for x, _ in points)
    assert points[0][1] < points[1][1] == points[2][1] < points[3][1]
    assert pictures.sparkline([3]) == "" and "nan" not in pictures.sparkline([0, 0])


def test_pictures_of_an_evaluation_are_in_the_page(small, tmp_path):
    write_run(tmp_path, [dialogue(1)])
    assert "Beside people" not in make(tmp_path, small)[0]
    (tmp_path / "evaluation").mkdir()
    (tmp_path / "evaluation" / "words.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'></svg>")
    page, _ = make(tmp_path, small)
    assert "Beside people" in page and page.count("data:image/svg+xml") == 1
