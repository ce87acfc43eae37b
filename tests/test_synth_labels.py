import pytest

from mdialog import vocab
from mdialog.synth.labels import Labels, Span, moods

LABELS = Labels(
    tempo_bpm=100.0, key="A minor", metre="4/4", genre="rock", themes=(),
    spans=(
        Span(0.0, 10.0, 0.2, ("piano",), "piano", "instrumental"),
        Span(10.0, 20.0, 0.9, ("flute", "drums", "piano"), "flute", "choir"),
    ),
)  # fmt: skip


def test_a_clip_within_a_span_has_its_labels():
    clip = LABELS.over(10.0, 20.0)
    assert clip.instruments == ("flute", "drums", "piano") and clip.lead == "flute" and clip.vocal == "choir"
    assert (clip.tempo, clip.mode, clip.energy, clip.course) == ("moderate", "minor", "high", "level")


def test_a_clip_across_spans_weighs_them():
    clip = LABELS.over(2.0, 12.0)  # 8 s of the first, 2 s of the second
    assert clip.instruments == ("piano",) and clip.lead == "piano" and clip.vocal == "instrumental"
    assert clip.energy_value == pytest.approx(0.34)
    assert LABELS.over(5.0, 15.0).course == "rising"


def test_a_clip_outside_is_an_error():
    with pytest.raises(ValueError, match="outside"):
        LABELS.over(20.0, 30.0)


def test_moods_follow_mode_and_arousal():
    assert moods(mode="major", tempo_bpm=60, energy=0.0) == ("calm",)
    assert moods(mode="major", tempo_bpm=180, energy=1.0) == ("triumphant",)
    assert moods(mode="minor", tempo_bpm=60, energy=0.0) == ("melancholic",)
    assert moods(mode="minor", tempo_bpm=180, energy=1.0) == ("aggressive",)
    for mode in ("major", "minor"):
        for energy in range(11):
            found = moods(mode=mode, tempo_bpm=100, energy=energy / 10)
            assert 1 <= len(found) <= 2 and all(m in vocab.load()["mood"] for m in found)
