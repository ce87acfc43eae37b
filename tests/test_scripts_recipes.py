"""What the scripts that show and evaluate the recipes print comes from the runs; their commands can be copied."""

import json
import re
import shlex
import shutil
import sys
from pathlib import Path

import plans
import pytest

from mdialog import run as runs
from mdialog.audio import AudioCache
from mdialog.cli import main as cli
from mdialog.evaluate.grounding import SOUNDS
from mdialog.plan import write_plans
from mdialog.write import Options

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))

import evaluate_recipes
import show_recipes

FAIL = (2, 5)
MATCHING = "| ranking | nDCG@10 | long-tail share |\n|---|---|---|\n| recommend | 0.7 | 0.5 |"


class Stumbling(plans.Reader):
    """Has nothing to say in some dialogues."""

    def _say(self, request, k, seed):
        return "" if request.id.startswith(tuple(f"md-{i:06d}/" for i in FAIL)) else super()._say(request, k, seed)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A run of 14 plans, two of which could not be written."""
    base = tmp_path_factory.mktemp("shown")
    many = [plans.plan(base / "music", i) for i in range(14)]
    run = base / "run"
    run.mkdir()
    write_plans(many, run / runs.PLANS)
    play = runs.player(AudioCache(base / "cache"), sample_rate=16000)
    runs.write_run(run, many, Stumbling(bad=0), play=play, options=Options(), models={"listener": "reader@1"})
    return run


class Commands:
    """Takes the place of mdialog: every run is the one that was written, and what is printed names folders."""

    def __init__(self, run: Path):
        self.run, self.said, self.counted = run, [], 0

    def __call__(self, *words) -> str:
        self.said.append([str(word) for word in words])
        return getattr(self, words[1].partition("/")[0])(*self.said[-1][2:]) if words[0] == "mdialog" else MATCHING

    def generate(self, *words):
        out = Path(words[words.index("--out") + 1])
        shutil.copytree(self.run, out)
        return str(runs.summary(out, start=0, n_utterances=72))

    def evaluate(self, run, *words):
        if "grounding" in words:
            self.counted += 1
            Path(run, "evaluation").mkdir()
            shares = {sound: {"all": {"hits": self.counted + i, "n": 20}} for i, sound in enumerate(SOUNDS)}
            Path(run, "evaluation", "grounding.json").write_text(json.dumps({"by_kind": shares}))
        return f"# run\n\n## Part\n\nfigures of {run}\n"

    def filter(self, run, *words):
        return f"12 dialogues kept in {run}/filtered"

    def synth(self, folder, *words):
        return f"40 scenes in {folder}"

    def ingest(self, *words):
        return f"9 metadata only; catalogue {words[-1]}"


@pytest.fixture
def commands(written, monkeypatch):
    made = Commands(written)
    monkeypatch.setattr(show_recipes, "ran", made)
    return made


def shown(tmp_path, monkeypatch, *arguments) -> str:
    monkeypatch.setattr(show_recipes, "OUT", tmp_path / "recipes.md")
    monkeypatch.setattr(sys, "argv", ["show_recipes.py", *map(str, arguments)])
    show_recipes.main()
    return (tmp_path / "recipes.md").read_text(encoding="utf-8")


def printed(page: str) -> list[list[str]]:
    blocks = re.findall(r"^```bash\n(.*?)^```", page, re.S | re.M)
    return [shlex.split(line) for text in blocks for line in text.splitlines()]


@pytest.fixture
def page(tmp_path, commands, monkeypatch):
    """Made from a folder that holds the catalogue, with a working folder elsewhere."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return shown(tmp_path, monkeypatch, "--catalog", "demo/catalog", "--work", tmp_path / "there" / "show")


def test_ten_records_of_each_are_shown_and_the_yield_is_the_runs(page, commands):
    sections = dict(zip(*[iter(re.split(r"^## (.*)$", page, flags=re.M)[1:])] * 2, strict=True))
    assert [*sections] == [*show_recipes.RECIPES, "scenes", "What measures of them print", "Matching"]
    for name in (*show_recipes.RECIPES, "scenes"):
        ids = re.findall(r"^`(md-\d+)`:$", sections[name], re.M)
        assert ids == [f"md-{i:06d}" for i in range(12) if i not in FAIL]
        planned = show_recipes.PLANNED.get(name, show_recipes.OTHERWISE_PLANNED)
        assert f"\n12 of {planned} written in " in sections[name] and "72 utterances at" in sections[name]
        assert "the first 10:" in sections[name]
    assert MATCHING in sections["Matching"]


def test_commands_can_be_copied_and_are_those_that_ran(page, commands, tmp_path):
    said = printed(page)
    assert all(words[0] == "mdialog" or words[0] == "python" and words[1].startswith("scripts/") for words in said)
    for words in said:
        if words[0] == "mdialog":
            cli.commands[words[1]].make_context(words[1], words[2:])
        else:
            assert (show_recipes.readme.ROOT / words[1]).is_file()
    generated = [words for words in said if words[1] == "generate"]
    assert len(generated) == 7 and all("--out" in words for words in generated)
    assert {words[words.index("--catalog") + 1] for words in generated} == {"demo/catalog", "show/scenes.catalog"}
    there = f"{tmp_path}/there/"
    ran = [[word.replace(there, "") for word in words] for words in commands.said]
    assert sorted(ran) == sorted(words for words in said if words[1] != "scripts/show_recipes.py")
    assert ["python", "scripts/show_recipes.py", "--catalog", "demo/catalog", "--work", "show"] in said


def test_no_place_of_this_machine_is_printed(page, tmp_path, written):
    assert str(tmp_path) not in page and str(Path.cwd()) not in page and str(written) not in page
    assert not re.search(r"(?<![\w.>])/(?:home|tmp|work|root|usr|private|Users)/", page)
    assert "12 dialogues kept in show/audio-dialogue.run/filtered" in page


def test_a_run_that_was_there_has_no_times(page, tmp_path, commands, monkeypatch):
    monkeypatch.setattr(commands, "generate", lambda *words: "12 dialogues, 2 failed in x; 0 utterances at 0.0/s in 3 s")
    again = shown(tmp_path, monkeypatch, "--catalog", "demo/catalog", "--work", tmp_path / "there" / "show")
    assert again.count(" written; the first 10:") == 7 and " s a dialogue" not in again and "utterances at" not in again


def test_human_playlists_are_shown_where_they_are(tmp_path, monkeypatch, commands, catalog_path, catalog):
    row = next(row for row in catalog.columns(["meta_artist", "meta_title"]).to_pylist() if all(row.values()))
    folder = tmp_path / "data" / "cpcd"
    folder.mkdir(parents=True)
    tracks = {"v1": {"track_artists": [row["meta_artist"]], "track_titles": row["meta_title"]},
              "v2": {"track_artists": ["Ana Sol"], "track_titles": "River"}}  # fmt: skip
    dialogue = {"id": "a", "turns": [], "tracks": tracks, "goal_playlist": ["v1", "v2", "v1"]}
    (folder / "cpcd_v1.dialogs.dev.train.jsonl").write_text(json.dumps(dialogue))
    (folder / "split.json").write_text('{"train": ["a"], "test": []}')
    work = tmp_path / "show"
    work.mkdir()
    monkeypatch.setattr(commands, "ingest", lambda *words: f"2 new; catalogue {shutil.copytree(catalog_path, words[-1])}")
    (section,) = show_recipes.playlists(work, tmp_path / "data", str(catalog_path))
    assert "1 playlists of CPCD's train split, 3 items" in section and section.count("2 of 3 entries are in the catalogue") == 2
    named = [json.loads(line) for line in (work / "cpcd" / "tracks.jsonl").read_text().splitlines()]
    assert sorted(one["title"] for one in named) == sorted(["River", row["meta_title"]])
    assert commands.said == [["mdialog", "ingest", str(work / "cpcd"), "--metadata", str(work / "cpcd" / "tracks.jsonl"),
                              "--catalog", str(work / "cpcd.catalog")]]  # fmt: skip
    assert show_recipes.playlists(work, tmp_path, "c") == show_recipes.captions(work, tmp_path) == []


def test_sources_are_printed_as_from_anywhere(tmp_path, monkeypatch, commands):
    (tmp_path / "data" / "captions").mkdir(parents=True)
    (tmp_path / "data" / "captions" / "musiccaps.csv").touch()
    page = shown(tmp_path, monkeypatch, "--catalog", "c", "--work", tmp_path / "show", "--data", tmp_path / "data")
    assert "--data $MDIALOG_REAL_DATA\n" in page
    assert "ingest $MDIALOG_REAL_DATA/captions --metadata $MDIALOG_REAL_DATA/captions/musiccaps.csv --catalog show/" in page
    assert "Playlists" not in page and str(tmp_path) not in page


def test_commands_are_run_and_what_breaks_is_said():
    assert show_recipes.ran("mdialog", "--version").startswith("mdialog, version")
    assert "--seekers" in show_recipes.ran("python", "scripts/evaluate_matching.py", "--help")
    with pytest.raises(SystemExit, match=r"^mdialog search x --catalog none: mdialog: no catalogue at"):
        show_recipes.ran("mdialog", "search", "x", "--catalog", "none")


def test_shares_of_each_recipe_are_the_runs(tmp_path, monkeypatch, capsys, commands):
    work = tmp_path / "recipes"
    card = tmp_path / "README.md"
    card.write_text("Before.\n<!-- recipes -->\nold\n<!-- end of recipes -->\nAfter.\n")
    monkeypatch.setattr(sys, "argv", ["x", "--catalog", "c", "-n", "14", "--listener", str(tmp_path), "--work", str(work)])
    monkeypatch.setattr(evaluate_recipes, "find_model", lambda name: tmp_path)
    evaluate_recipes.main()
    table = capsys.readouterr().out.strip().splitlines()[-9:]
    rows = {line.split("|")[1].strip(): line for line in table[2:]}
    assert table[0].startswith("| recipe | written | real clip |") and [*rows] == [*show_recipes.RECIPES, "scenes"]
    for number, row in enumerate(rows.values(), start=1):
        found = re.findall(r"(0\.\d+) \[[^]]*\] \(n 20\)", row)
        assert "| 12 of 14 |" in row and found == [f"{(number + i) / 20:.3f}" for i in range(len(SOUNDS))]
    assert rows["scenes"] in card.read_text() and "old" not in card.read_text() and "After." in card.read_text()
    of_scenes = [words for words in commands.said if f"{work / 'scenes.run'}" in words]
    assert [words[1] for words in of_scenes] == ["generate", "evaluate"]
    assert all(words[words.index("--catalog") + 1] == f"{work / 'scenes.catalog'}" for words in of_scenes)
