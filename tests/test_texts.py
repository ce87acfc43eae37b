"""Texts beside the tracks: what is read, what takes whose place, what their words find."""

import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from mdialog import cli, run, texts
from mdialog.audio import AudioCache
from mdialog.catalog import Catalog
from mdialog.dialogue import read_dialogues, validate
from mdialog.errors import InputError
from mdialog.listener import load
from mdialog.shelf import Shelf
from mdialog.texts import Text


@pytest.fixture
def catalog(catalog_path, tmp_path):
    shutil.copytree(catalog_path, tmp_path / "catalog")
    return Catalog.open(tmp_path / "catalog")


def test_a_folder_says_by_its_names_what_texts_are_about(tmp_path):
    for name, text in {
        "artist/Ötzi & Söhne.txt": "They sing in the mountains.\n", "genre/Hip-Hop.md": "Beats and rhymes.",
        "Waltz.txt": "Three beats.", "notes.txt": "Of no genre.", "empty.txt": " \n", "picture.png": "no text",
    }.items():  # fmt: skip
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    found, problems = texts.read(tmp_path)
    assert {(t.kind, t.about, t.text) for t in found} == {
        ("artist", "Ötzi & Söhne", "They sing in the mountains."), ("genre", "hip hop", "Beats and rhymes."),
        ("genre", "waltz", "Three beats."), ("music", "notes", "Of no genre."),
    }  # fmt: skip
    assert len(problems) == 2 and "empty.txt" in problems[0] and "latin.txt" in problems[1]


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_a_table_keeps_its_good_rows(tmp_path, suffix):
    rows = [{"kind": "artist", "about": "Ana Sol", "text": "Sings, \"often\"."}, {"kind": "soup", "about": "x", "text": "y"},
            {"kind": "genre", "about": "", "text": "y"}]  # fmt: skip
    path = tmp_path / f"lives{suffix}"
    if suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        mark = "," if suffix == ".csv" else "\t"
        cells = [[f'"{v}"' if '"' not in v else '"Sings, ""often""."' for v in row.values()] for row in rows]
        path.write_text("\n".join([mark.join(rows[0]), *map(mark.join, cells)]) + "\n")
    found, problems = texts.read(path)
    assert [(t.kind, t.about, t.text) for t in found] == [("artist", "Ana Sol", 'Sings, "often".')]
    assert len(problems) == 2 and "'soup'" in problems[0] and "all filled" in problems[1]


@pytest.mark.parametrize(
    ("name", "content"), [("none", None), ("a.xlsx", "x"), ("broken.jsonl", "{"), ("empty.csv", "kind,about,text\n")]
)
def test_what_holds_no_texts_is_named(tmp_path, name, content):
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=name):
        texts.read(tmp_path / name)


def test_a_newer_description_takes_the_place_of_the_older_and_words_find_it(catalog):
    one, other, *_ = catalog.columns(["track_id"])["track_id"].to_pylist()
    assert texts.find("flute", catalog) == [] == texts.every(catalog)
    old = Text("track", one, "sentence", "A sleepy marimba tune.", "ear@1")
    assert texts.keep([old, Text("track", other, "sentence", "Brass.", "ear@1")], catalog) == 2
    new = Text("track", one, "sentence", "A quick flute tune.", "ear@2")
    assert texts.keep([new, Text("track", one, "dense", "flute, quick", "ear@2")], catalog) == 2
    assert len(texts.every(catalog)) == 3
    (best, score), (second, less) = texts.find("the flute", catalog)
    assert {best.form, second.form} == {"sentence", "dense"} and best.about == second.about == one and score >= less > 0
    assert texts.find("marimba", catalog) == [] == texts.find("  ", catalog)
    with pytest.raises(InputError, match="'nowhere'"):
        texts.keep([Text("track", "nowhere", "dense", "x", "ear@2")], catalog)


def test_texts_about_a_track_its_artist_and_its_genre_are_among_the_words_it_is_found_by(catalog):
    shelf = Shelf.of(catalog)
    row = next(i for i, artist in enumerate(shelf.artists) if artist)
    told = Text("track", shelf.ids[row], "dense", "zebrafish", "ear"), Text("music", "x", "text", "quokka", "x")
    texts.keep([*told, Text("artist", shelf.artists[row], "text", "yodelheim", "x")], catalog)
    document = Shelf.of(catalog)._documents()[row]
    assert "zebrafish" in document and "yodelheim" in document and "quokka" not in document
    others = [d for i, d in enumerate(Shelf.of(catalog)._documents()) if shelf.artists[i] != shelf.artists[row]]
    assert others and not any("yodelheim" in d or "zebrafish" in d for d in others)


class Halting:
    """A listener that never finds words of some lengths."""

    def __init__(self, listener, never):
        self._listener, self._never = listener, never

    def __getattr__(self, name):
        return getattr(self._listener, name)

    def write(self, requests, **how):
        states = [request.messages[-1]["content"][-1]["text"] for request in requests]
        drawn = self._listener.write(requests, **how)
        halts = [any(length in state for length in self._never) for state in states]
        return [["" for _ in texts] if stop else texts for stop, texts in zip(halts, drawn, strict=True)]


def test_of_a_track_that_failed_in_one_length_the_others_are_kept_and_the_rest_counted(catalog, listener_mini, tmp_path):
    config = run.config_from({"catalog": catalog.path, "out": tmp_path / "run", "recipe": "description", "n": 3,
                              "listener": str(listener_mini), "recipe_options": {"lengths": "paragraph,tag line"}})  # fmt: skip
    made = list(run.plan(config, catalog))
    listener, play = load(str(listener_mini)), run.player(AudioCache(tmp_path / "cache"), sample_rate=16000)
    with run.open_run(tmp_path / "run") as folder:
        run.write_run(folder, made, Halting(listener, ["paragraph"]), play=play, options=config.options(listener),
                      models={"listener": listener.model_id}, referee=run.referee_of(catalog, made))  # fmt: skip
    assert not list(read_dialogues(folder / run.DIALOGUES))
    finished = [validate(row["finished"]) for row in run.recover(folder / run.FAILURES) if "finished" in row]
    assert finished and all(turn.claims and turn.writing for one in finished for turn in one.turns)
    result = CliRunner().invoke(cli.main, ["texts", str(folder), "--catalog", catalog.path])
    assert result.exit_code == 0, result.output
    told = {(text.about, text.form, text.text, text.source) for text in texts.every(catalog)}
    assert told == {(one.goal["track_ids"][0], "tag line", one.turns[0].content, listener.model_id) for one in finished}
    n = len(catalog)
    assert f"{n - len(finished)} of {n} tracks have no description\n" in result.output


def words_of(catalog):
    """The documents by which tracks are found, once texts are kept."""
    return Shelf.of(Catalog.open(catalog.path))._documents()


def test_a_genre_that_is_only_heard_finds_its_texts_and_metadata_goes_first(catalog, monkeypatch):
    texts.keep([Text("genre", "Hip-Hop", "text", "zebrafish", "x"), Text("genre", "waltz", "text", "quokka", "x")], catalog)
    shelf = Shelf.of(catalog)
    held = {"meta_genre": [["hip hop"], None, [], ["waltz"], None], "heard_genre": [["waltz"], ["hip hop"], ["waltz"], [], []]}
    fill = [None] * (len(shelf) - 5)
    column = type(shelf).column
    given = {name: pa.array([*values, *fill], pa.list_(pa.string())) for name, values in held.items()}
    monkeypatch.setattr(Shelf, "column", lambda self, name: given.get(name, column(self, name)))
    found = [("zebrafish" in document, "quokka" in document) for document in shelf._documents()]
    assert found == [(True, False), (True, False), (False, True), (False, True), *[(False, False)] * (1 + len(fill))]


def test_a_text_about_music_is_found_by_tracks_of_its_topic(catalog):
    rows = Shelf.of(catalog)
    album = next(filter(None, rows.column("meta_album").to_pylist()))
    mood = next(moods[0] for moods in rows.column("heard_mood").to_pylist() if moods)
    told = [Text("music", album.upper(), "text", "zebrafish", "x"), Text("music", mood, "text", "quokka", "y"),
            Text("music", "A history of nothing", "text", "yodelheim", "z")]  # fmt: skip
    texts.keep(told, catalog)
    read, heard = (rows.column(name).to_pylist() for name in ("meta_mood", "heard_mood"))
    for i, document in enumerate(words_of(catalog)):
        assert ("zebrafish" in document) == (rows.column("meta_album").to_pylist()[i] == album)
        assert document.count("quokka") == int(mood in (read[i] or heard[i] or ()))
        assert "yodelheim" not in document


def test_metadata_alone_has_no_word_of_a_text(catalog):
    shelf = Shelf.of(catalog)
    before = shelf.bm25_of_metadata.scores("zebrafish")
    texts.keep([Text("track", shelf.ids[0], "dense", "zebrafish", "ear")], catalog)
    after = Shelf.of(catalog)
    assert not before.any() and not after.bm25_of_metadata.scores("zebrafish").any() and after.bm25.scores("zebrafish")[0] > 0


def test_the_command_keeps_and_finds(catalog, tmp_path):
    (tmp_path / "lives").mkdir()
    (tmp_path / "lives" / "waltz.txt").write_text("A dance of three beats from Vienna.")
    (tmp_path / "lives" / "bad.txt").write_bytes(b"\xff\xfe\xfa")
    kept = CliRunner().invoke(cli.main, ["texts", str(tmp_path / "lives"), "--catalog", catalog.path])
    assert kept.exit_code == 1 and "1 text" in kept.output and "bad.txt" in kept.output
    found = CliRunner().invoke(cli.main, ["texts", "--find", "vienna dance", "--catalog", catalog.path])
    assert found.exit_code == 0 and "waltz" in found.output and "three beats" in found.output
