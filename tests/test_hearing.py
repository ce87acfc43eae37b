"""What answers come to: figures that can be reckoned by hand."""

import pytest

from mdialog import hearing
from mdialog.hearing import Share, better, share, verdict
from mdialog.probes import SOUNDS, Item

ITEMS = [Item(f"mode-{i:03d}", "mode", i, i + 1, ("major", "minor"), i % 2) for i in range(20)] + [
    Item(f"key-{i:03d}", "key", i, i + 1, ("C major", "D major", "E major", "F major"), 0) for i in range(20)
]


def answers(right, *, protocol: str = "letter", follows: bool = True) -> list[dict]:
    """Answers to all items under all sounds; `right` takes the item's number and the sound."""
    form = {"follows": follows} if protocol == "letter" else {}
    return [{"protocol": protocol, "item": item.id, "sound": sound, "chosen": 0, "right": bool(right(i, sound)), **form}
            for i, item in enumerate(ITEMS) for sound in SOUNDS]  # fmt: skip


def test_wilson_intervals():
    low, high = Share(8, 10).interval
    assert (round(low, 3), round(high, 3)) == (0.490, 0.943)
    assert Share(0, 0).interval == (0.0, 1.0) and str(Share(0, 0)) == "-" and Share(0, 0).as_json()["share"] is None
    assert share([True, False]) == Share(1, 2)


def test_mcnemar_by_hand():
    real = dict.fromkeys("abcdefg", True)
    assert better(real, dict.fromkeys("abcde", False) | dict.fromkeys("fg", True)) == pytest.approx(1 / 32)
    assert better(real, real) == 1.0
    assert better(dict.fromkeys("abcde", False), dict.fromkeys("abcde", True)) == 1.0


def test_a_listener_that_hears_is_said_to_hear():
    found = verdict(answers(lambda i, sound: sound == "real" or i % 4 == 0))
    assert not found.deaf and found.reason.startswith("hears") and "1.00 with the real clip, 0.25 with another" in found.reason


@pytest.mark.parametrize(
    "right",
    [
        lambda i, sound: i % 4 == 0,  # the sound changes nothing
        lambda i, sound: False,
        lambda i, sound: True,  # it can be read off the question
        lambda i, sound: sound in ("real", "another") or i % 4 == 0,  # music is told from noise, but not what music
        lambda i, sound: i % 4 == SOUNDS.index(sound),
    ],
)
def test_a_listener_that_gains_nothing_by_the_sound_is_deaf(right):
    found = verdict(answers(right))
    assert found.deaf and found.reason.startswith("deaf: ")


def test_one_protocol_suffices():
    both = answers(lambda i, sound: False) + answers(lambda i, sound: sound == "real", protocol="cloze")
    assert not verdict(both).deaf


def test_the_table_by_category():
    given = answers(lambda i, sound: sound == "real" or (i < 5 and sound == "noise") or (i < 3 and sound == "silence"))
    rows = {row.category: row for row in hearing.rows(given, ITEMS)}
    assert list(rows) == ["key", "mode", "all"]
    assert rows["mode"].chance == 0.5 and rows["key"].chance == 0.25 and rows["all"].chance == 0.375
    assert rows["mode"].right["real"] == Share(20, 20) and rows["mode"].right["noise"] == Share(5, 20)
    assert rows["mode"].without_sound == Share(3, 20) and rows["mode"].aspect == "harmony"
    assert rows["all"].follows == Share(160, 160)
    assert hearing.rows(answers(lambda i, sound: True, protocol="cloze"), ITEMS)[0].follows is None


def test_open_statements_count_only_what_can_be_judged():
    given = [{"protocol": "open", "item": "open-000", "sound": "real", "answer": "…",
              "claims": [["mode", "major", True, True], ["mode", "minor", True, False], ["course", "rising", True, None]]},
             {"protocol": "open", "item": "open-000", "sound": "noise", "answer": "", "claims": []}]  # fmt: skip
    rows = {row.kind: row.true for row in hearing.statements(given)}
    assert rows["mode"]["real"] == Share(1, 2) == rows["all"]["real"] and "course" not in rows
    assert rows["all"]["noise"].n == 0
    assert hearing.statements([]) == []


def test_the_page_and_the_picture(tmp_path):
    given = answers(lambda i, sound: sound == "real")
    table, found = hearing.rows(given, ITEMS), verdict(given)
    page = hearing.markdown("models/ä|b", found, table, [], n_open=0)
    assert "Hears: " in page and "| harmony | mode | 20 | 0.50 | 1.00 [0.84, 1.00] | 0.00 [0.00, 0.16] |" in page
    widths = {line.count("|") for line in page.splitlines() if line.startswith("| ") or line.startswith("|-")}
    assert len(widths) == 1
    hearing.draw(tmp_path / "exam.png", table, title="models/ä")
    assert (tmp_path / "exam.png").read_bytes().startswith(b"\x89PNG")
