import random

from mdialog import claims, vocab
from mdialog.synth import captions
from mdialog.synth.labels import ClipLabels

LABELS = ClipLabels(
    tempo_bpm=130.0, tempo="fast", key="C major", mode="major", metre="4/4", genre="funk",
    instruments=("saxophone", "bass", "drums"), lead="saxophone", vocal="choir", energy="high", energy_value=0.8,
    course="level", moods=("triumphant",),
)  # fmt: skip


def test_every_fact_is_of_the_vocabulary():
    v = vocab.load()
    for kind, value in captions.facts(LABELS, ["party"]):
        assert value in v["instrument" if kind == "lead" else kind]


def test_a_caption_says_its_facts_and_nothing_else():
    rng = random.Random(0)
    true = captions.facts(LABELS)
    for _ in range(500):
        chosen = captions.draw(true, rng)
        assert set(chosen) <= true
        text = captions.write(chosen, rng)
        assert "  " not in text and text == text.strip() and text
        for claim in claims.find(text):
            assert claims.true_of(claim, LABELS) is not False, (text, claim)


def test_captions_differ():
    rng = random.Random(1)
    true = captions.facts(LABELS, ["party"])
    assert len({captions.write(captions.draw(true, rng), rng) for _ in range(300)}) > 150
