"""Text metrics against values computed by hand, the libraries' own corpus scores, and ugly input."""

import json
import math
import sys

import numpy as np
import pytest

from mdialog.errors import InputError
from mdialog.evaluate.text import evaluate_text, table

ANSWERS = ["A calm flute over a slow beat.", "It is a piano.", "Drums keep it moving, fast", "No voices, and a café chord."]
REFERENCES = [
    ["A calm flute over a slow beat."],
    ["a harp, and nothing else at all", "It is an organ."],
    ["drums keep it moving", "a fast beat on the drums"],
    ["Nobody sings here."],
]


def scores(answers, references, **kw):
    result = evaluate_text(answers, references, **kw)
    return {m.name: m for m in result.metrics}


def test_an_answer_that_is_its_reference_scores_the_most_and_one_that_shares_nothing_scores_nothing():
    said, wished = ["a calm slow flute piece", "loud fast drums and bass", "zzz"], "an organ plays alone"
    found = scores(said, [said[0], said[1], wished])
    for metric in found.values():
        assert metric.items[0] == metric.items[1] == pytest.approx(metric.best)
        assert metric.items[2] == 0.0


def test_rouge_l_by_hand_takes_the_best_reference():
    found = scores(["the slow old tune ends"], [["nothing of it", "the tune slowly ends"]])["ROUGE-L"]
    # the longest common subsequence is "the tune ends": 3 of 5 words said, 3 of 4 words wished for
    assert found.score == pytest.approx(2 * (3 / 5) * (3 / 4) / (3 / 5 + 3 / 4))


def test_bleu_by_hand():
    found = scores(["a calm slow flute plays"], [["a calm slow flute sings here"]])["BLEU-4"]
    precisions = [4 / 5, 3 / 4, 2 / 3, 1 / 2]
    assert found.score == pytest.approx(100 * math.exp(1 - 6 / 5) * math.prod(precisions) ** (1 / 4))


def test_bleu_is_what_the_library_gives_for_the_whole_corpus():
    import sacrebleu

    found = scores(ANSWERS, REFERENCES)["BLEU-4"]
    streams = [[texts[0] for texts in REFERENCES], [texts[1] if len(texts) > 1 else None for texts in REFERENCES]]
    bleu = sacrebleu.BLEU(lowercase=True)
    assert found.score == pytest.approx(bleu.corpus_score(ANSWERS, streams).score)
    assert str(bleu.get_signature()) in found.library and "tok:13a" in found.library


def test_cider_d_by_hand_clips_and_penalises_length():
    # Two items, every reference word in one of them: each n-gram weighs log 2. The candidate says "drums" three times.
    found = scores(["drums drums drums", "slow"], [["drums loud"], ["slow organ"]])["CIDEr-D"]
    idf = math.log(2)
    unigrams = idf * idf / (3 * idf * math.sqrt(2) * idf)  # clipped: min(3, 1) of "drums" against |(3)| and |(1, 1)|
    penalty = math.exp(-((2 - 1) ** 2) / (2 * 6.0**2))  # lengths as coco-caption counts them: bigrams
    assert found.items[0] == pytest.approx(10 * unigrams * penalty / 4)
    longer = scores(["drums loud " * 12, "slow"], [["drums loud"], ["slow organ"]])["CIDEr-D"]
    assert 0 < longer.items[0] < found.items[0]


def test_cider_d_is_coco_captions_own_over_the_same_words():
    from pycocoevalcap.cider.cider import Cider

    words = {0: ["a calm flute over a slow beat"], 1: ["it is a piano"], 2: ["drums keep it moving fast"]}
    wished = {0: ["a calm flute"], 1: ["it is an organ", "a harp"], 2: ["drums keep it moving"]}
    theirs, each = Cider().compute_score(wished, words)
    punctuated = [f"{text[0].capitalize()}." for text in words.values()]
    ours = scores(punctuated, [[f"{t}!" for t in texts] for texts in wished.values()])["CIDEr-D"]
    assert ours.score == pytest.approx(theirs) and np.allclose(ours.items, each)


def test_one_item_has_no_cider_d_and_no_interval():
    found = scores(["a flute"], ["a flute"])
    assert found["CIDEr-D"].score is None and found["ROUGE-L"].score == 1.0
    assert all(metric.interval is None for metric in found.values())


def test_empty_answers_count_as_zero():
    result = evaluate_text(["", " \n", "…", "a calm flute it is"], ["a b c d", "a b", "a", "a calm flute it is"])
    assert result.n_empty == 3
    for metric in result.metrics:
        assert metric.items[:3] == (0.0, 0.0, 0.0) and metric.items[3] > 0
    rouge = next(m for m in result.metrics if m.name == "ROUGE-L")
    assert rouge.score == pytest.approx(1 / 4)


def test_intervals_hold_the_score_and_widen_where_answers_come_in_groups():
    answers = [text for text in ("a calm slow flute", "no") for _ in range(20)]
    references = ["a calm slow flute"] * 40
    alone = scores(answers, references)["ROUGE-L"]
    together = scores(answers, references, groups=[i // 10 for i in range(40)])["ROUGE-L"]
    for metric in (alone, together):
        assert metric.interval[0] < metric.score == 0.5 < metric.interval[1]
    assert np.diff(together.interval) > 1.5 * np.diff(alone.interval)
    assert alone == scores(answers, references)["ROUGE-L"]


def test_the_table_names_library_tokeniser_and_interval():
    result = evaluate_text(ANSWERS, REFERENCES)
    text = table(result)
    rows = [line for line in text.splitlines() if line.startswith("| ") and "metric" not in line]
    assert [row.split(" | ")[0] for row in rows] == ["| BLEU-4", "| ROUGE-L", "| CIDEr-D"]
    assert all(row.count("|") == 7 for row in rows), rows  # a signature's bars would break the columns
    assert "sacrebleu" in rows[0] and "rouge-score 0." in rows[1] and "pycocoevalcap 1." in rows[2] and "4 answers" in text
    assert json.loads(json.dumps(result.as_json()))["n_references"] == 6


@pytest.mark.parametrize(
    ("answers", "references", "message"),
    [
        ([], [], "0 answers"),
        (["a"], [], "1 answers and 0 lists of references"),
        (["a", "b"], [["a"], []], "answer 1: references"),
        (["a"], [["…"]], "with a word in it"),
        (["a"], [""], "with a word in it"),
    ],
)
def test_what_cannot_be_compared_is_said(answers, references, message):
    with pytest.raises(InputError, match=message):
        evaluate_text(answers, references)


def test_groups_need_one_for_each_answer():
    with pytest.raises(InputError, match="2 answers and 1 groups"):
        evaluate_text(["a", "b"], ["a", "b"], groups=["x"])


@pytest.mark.parametrize("module", ["sacrebleu", "rouge_score.rouge_scorer", "pycocoevalcap.cider.cider_scorer"])
def test_a_missing_library_names_the_extra(monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=r"mdialog\[eval\]"):
        evaluate_text(["a"], ["a"])
