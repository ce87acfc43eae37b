"""Two nuclei: a word that states something audible is drawn narrowly, any other word freely."""

import pytest
import torch

from mdialog.listener.nucleus import LESS_AGAIN, Again, Nucleus, stating_tokens


@pytest.fixture(scope="module")
def tokenizer(listener_mini):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(listener_mini)


def test_stating_tokens_begin_audible_words_and_no_others(tokenizer):
    found = {tokenizer.decode([i]).strip().casefold() for i in stating_tokens(tokenizer).tolist()}
    assert found >= {"fast", "minor", "drums", "flute", "yes", "no", "instrumental"}
    assert not found & {"a", "the", "it", "in", "music", "i", "and", "with", "of", "on", "to", "you"}


def kept(processor, probabilities):
    scores = processor(torch.zeros(1, 1, dtype=torch.long), torch.tensor([probabilities]).log())
    return torch.isfinite(scores[0]).tolist()


def test_each_word_is_drawn_from_its_own_nucleus():
    nucleus = Nucleus(0.9, 0.4, torch.tensor([0, 1]))
    assert kept(nucleus, [0.4, 0.3, 0.2, 0.1]) == [True, False, False, False]  # 70 % of it states something
    assert kept(nucleus, [0.1, 0.2, 0.4, 0.3]) == [False, True, True, True]  # 30 %
    rows = nucleus(torch.zeros(2, 1, dtype=torch.long), torch.tensor([[0.4, 0.3, 0.2, 0.1], [0.1, 0.2, 0.4, 0.3]]).log())
    assert torch.isfinite(rows).sum(1).tolist() == [1, 3]  # each row by itself


def test_equal_nuclei_are_plain_top_p():
    from transformers import TopPLogitsWarper

    scores = torch.randn(8, 50, generator=torch.Generator().manual_seed(1)) * 3
    same = Nucleus(0.7, 0.7, torch.arange(10))(None, scores)
    assert torch.equal(same, TopPLogitsWarper(0.7)(None, scores))


def test_what_is_unlikely_beside_the_likeliest_is_left_out_of_free_words():
    nucleus = Nucleus(1.0, 1.0, torch.tensor([0]), min_p=0.3)
    assert kept(nucleus, [0.1, 0.5, 0.25, 0.1, 0.05]) == [False, True, True, False, False]
    assert kept(nucleus, [0.2, 0.22, 0.2, 0.2, 0.18]) == [True] * 5  # where much can be said, much is
    assert kept(nucleus, [0.6, 0.3, 0.05, 0.03, 0.02]) == [True] * 5  # what is heard has its own nucleus


def test_a_word_that_was_begun_is_less_likely_in_any_spelling_and_only_in_its_own_answer():
    again = Again(torch.tensor([2, 3, 5]), ["drums", "drums", "fast"], 2)
    rows = torch.tensor([[5, 2, 3, 1], [2, 3, 1, 1]])  # the second has it in its prompt
    first, second, third = (again(rows[:, :n], torch.zeros(2, 6)) for n in (2, 3, 4))
    assert not first.any()  # nothing was said yet
    assert second[0].tolist() == [0, 0, -LESS_AGAIN, -LESS_AGAIN, 0, 0] and not second[1].any()
    assert torch.equal(third, second)  # and it is remembered


def test_who_talks_by_the_book_says_less_twice(listener_mini, tokenizer):
    from mdialog.listener.local import LocalListener

    listener = LocalListener.load(listener_mini)
    assert listener.by_the_book and len(listener._begun) == len(listener._stating)
    assert {"drums", "fast"} <= {*listener._begun}
