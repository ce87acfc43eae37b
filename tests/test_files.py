import pytest

from mdialog.files import write_text


def test_a_file_is_replaced_whole_or_stays(tmp_path):
    path = tmp_path / "a.json"
    write_text(path, "old ü\n")
    write_text(path, "new 日本\n")
    assert path.read_bytes() == "new 日本\n".encode() and list(tmp_path.iterdir()) == [path]
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "broken \ud800")
    assert path.read_text(encoding="utf-8") == "new 日本\n"
    write_text(path, "mended \ud800", errors="replace")
    assert path.read_text(encoding="utf-8") == "mended ?"
