import pytest

from mdialog.errors import ModelError
from mdialog.models import find_model


def test_order_named_folder_first(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "config.json").write_text("{}")
    monkeypatch.setenv("MDIALOG_MODELS", str(tmp_path))
    assert find_model("mine") == str(tmp_path / "mine")
    assert find_model(str(tmp_path / "mine")) == str(tmp_path / "mine")


def test_hub_ids_pass_through():
    assert find_model("laion/clap-htsat-unfused") == "laion/clap-htsat-unfused"


@pytest.mark.parametrize("name", ["nowhere", "./nowhere", "/no/where", ""])
def test_what_is_nowhere_says_where_it_looked(name):
    with pytest.raises(ModelError, match="MDIALOG_MODELS"):
        find_model(name)
