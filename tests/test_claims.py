import pytest

from mdialog import claims
from mdialog.synth.labels import ClipLabels

LABELS = ClipLabels(
    tempo_bpm=76.0, tempo="slow", key="F# minor", mode="minor", metre="3/4", genre="waltz",
    instruments=("flute", "strings"), lead="flute", vocal="instrumental", energy="low", energy_value=0.2,
    course="rising", moods=("melancholic",),
)  # fmt: skip


def found(text, **options):
    return [(c.kind, c.value, c.present) for c in claims.find(text, **options)]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("A slow flute, strings.", [("tempo", "slow", True), ("instrument", "flute", True), ("instrument", "strings", True)]),
        ("No drums here.", [("instrument", "drums", False)]),
        ("It does without any drums.", [("instrument", "drums", False)]),
        ("A very fast one.", [("tempo", "very fast", True)]),
        ("Some drum and bass for you.", [("genre", "drum and bass", True)]),
        ("The flute carries the tune.", [("lead", "flute", True)]),
        ("It is led by a saxophone.", [("lead", "saxophone", True)]),
        ("It is instrumental, no voices.", [("vocal", "instrumental", True), ("vocal", "instrumental", True)]),
        ("SAX up front!", [("lead", "saxophone", True)]),
        ("It is in Eb minor.", [("key", "D# minor", True)]),
        ("It is in a minor key.", [("mode", "minor", True)]),
        ("A major-key tune, no drums.", [("mode", "major", True), ("instrument", "drums", False)]),
        ("No, thanks. A slow one.", [("tempo", "slow", True)]),
        ("Nothing audible is said.", []),
        ("", []),
    ],
)  # fmt: skip
def test_find(text, expected):
    assert found(text) == expected


def test_words_inside_names_claim_nothing():
    assert found('I like "Slow Trumpet in D minor" by The Fast Oboes.', names=["The Fast Oboes"]) == []
    assert found("The Fast Oboes, see.") == [("tempo", "fast", True), ("instrument", "oboe", True)]


def test_positions_point_at_the_words():
    text = "Well, there is an oboe and no drums."
    assert [text[c.start : c.end] for c in claims.find(text)] == ["oboe", "drums"]


@pytest.mark.parametrize(
    "text, holds",
    [
        ("slow", True), ("moderate", True), ("fast", False), ("flute", True), ("no flute", False), ("no drums", True),
        ("drums", False), ("minor", True), ("major", False), ("sad", True), ("choir", False), ("builds up", True),
        ("winds down", False), ("waltz", True), ("tango", False), ("hushed", True), ("powerful", False),
    ],
)  # fmt: skip
def test_truth_against_labels(text, holds):
    # 76 BPM is slow; "moderate" begins at 80, within 4 % of it: both hold. `fast` begins at 112.
    labels = LABELS if text != "moderate" else ClipLabels(**{**LABELS.__dict__, "tempo_bpm": 77.5})
    (claim,) = claims.find(text)
    assert claims.true_of(claim, labels) is holds


def test_no_clear_course_is_no_verdict():
    (claim,) = claims.find("it builds up")
    assert claims.true_of(claim, ClipLabels(**{**LABELS.__dict__, "course": None})) is None
