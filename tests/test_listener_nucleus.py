"""Two nuclei: a word that states something audible is drawn narrowly, any other word freely."""

import pytest
import torch

from mdialog.listener.nucleus import LESS_AGAIN, OPENING, Again, Nucleus, Opening, stating_tokens


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


def test_an_answer_is_opened_by_one_processor_and_goes_on_by_another():
    opening = Opening(lambda ids, scores: scores + 1, lambda ids, scores: scores + 2, 5, [True, False, True])
    added = [opening(torch.zeros(3, n, dtype=torch.long), torch.zeros(3, 2))[:, 0].tolist() for n in (2, 4, 5, 6)]
    assert added == [[1, 2, 1], [1, 2, 1], [2, 2, 2], [2, 2, 2]]


def test_seekers_open_freely(listener_mini):
    import numpy as np
    from transformers import LogitsProcessorList

    from mdialog.listener.base import Sampling
    from mdialog.listener.local import LocalListener

    listener = LocalListener.load(listener_mini)
    word, n = next(i for i in range(100, 2000) if i not in listener._stating.tolist()), 20
    scores = torch.full((2, 3000), -1e9)
    scores[:, word : word + 2] = torch.tensor([0.9, 0.1]).log()  # the second is in a nucleus of .95, and not of .5
    drawn = np.full((2, 96), 0.999)

    def taken(length: int, opening: float | None) -> list[int]:
        sampling = Sampling(0.5, 0.5, opening_top_p=opening)
        processors = LogitsProcessorList(listener._samplers(drawn, sampling, n, [False, True]))
        return (processors(torch.zeros(2, length, dtype=torch.long), scores).argmax(-1) - word).tolist()

    assert listener.sampling.opening_top_p == 0.95
    assert [taken(length, 0.95) for length in (n, n + OPENING - 1, n + OPENING)] == [[0, 1], [0, 1], [0, 0]]
    assert taken(n, None) == [0, 0]
