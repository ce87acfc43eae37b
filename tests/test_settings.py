"""What of a run's settings decides what comes out."""

from pathlib import Path

from mdialog.settings import GenerateConfig


def settings(**given):
    return GenerateConfig(**{"catalog": "c", "out": "run", **given})


FREE = {"out": "elsewhere", "device": "cuda", "dtype": "float16", "batch": 1, "max_rows": 1, "allow_deaf": True}


def test_how_a_run_is_computed_decides_nothing():
    assert settings(**FREE).decisive() == settings().decisive()


def test_everything_else_does():
    assert settings().decisive().keys() == GenerateConfig.model_fields.keys() - FREE.keys()
    other = {"catalog": "d", "recipe": "comparison", "n": 3, "seed": 1, "shard": "1/2", "listener": "x", "candidates": 1,
             "max_rounds": 1, "surer": 0, "temperature": 0.0, "top_p": 0.1, "min_p": 0.1, "max_new_tokens": 1,
             "recipe_options": {"sonic": 1}, "claims": False, "strict": True, "hints": ("known",)}  # fmt: skip
    for name, value in other.items():
        differ = {k for k, v in settings(**{name: value}).decisive().items() if v != settings().decisive()[k]}
        assert differ == {name}


def test_a_folder_is_the_same_however_it_is_named_and_an_address_stays(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert settings(catalog="a/../c").decisive() == settings(catalog=str(Path.cwd() / "c")).decisive()
    assert settings(catalog="s3://a/c").decisive()["catalog"] == "s3://a/c"


def test_shards_count_from_one_on_a_command_line():
    assert settings(shard="2/4").part == (1, 4) and settings().part == (0, 1)
