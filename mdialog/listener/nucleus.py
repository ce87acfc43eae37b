"""Nucleus sampling with two sizes: what is heard is said as the model is surest, everything else as freely as people talk."""

import re
from collections.abc import Sequence

import torch

from mdialog import vocab

DECIDES = 0.5  # probability of words that state something audible, from which on the next word is one of them
LESS_AGAIN = 4.0  # at temperature 1
ANSWERS = ("yes", "no")  # decide about the sound too
_ARTICLE = re.compile(r"^(?:an?|the|in|at|from) ")
_SHORTEST = 4  # letters of a word's first token, where the word has more: fewer begin too many other words


def stating_tokens(tokenizer) -> torch.Tensor:
    """Tokens that begin a word for something audible, or are "yes" or "no", shape (n,)."""
    kinds = [kind for kind in vocab.load() if kind.audible and kind.name != "course"]  # "it gets there" is no course
    words = {_ARTICLE.sub("", word) for kind in kinds for value in kind.values for word in value.words}
    found = set()
    for word in sorted({word for word in words if not word.startswith("music")} | set(ANSWERS)):
        for written in (word, word[:1].upper() + word[1:], f" {word}"):
            first = tokenizer.encode(written, add_special_tokens=False)[0]
            text = tokenizer.decode([first]).strip()
            if len(text) >= _SHORTEST or text.casefold() == word.casefold():
                found.add(first)
    return torch.tensor(sorted(found))


class Nucleus:
    """Logits processor: top-p (Holtzman and others, 2020), with a nucleus of its own where something audible is stated.

    Parameters
    ----------
    top_p, stated_top_p : float in (0, 1]
        Of free words, and of those that :func:`stating_tokens` begin.
    stating : torch.Tensor [shape=(n,)]
        Token ids.
    min_p : float in [0, 1)
        Share of the likeliest token's probability under which free words are left out too.
    """

    def __init__(self, top_p: float, stated_top_p: float, stating: torch.Tensor, min_p: float = 0.0):
        from transformers import LogitsProcessorList, MinPLogitsWarper, TopPLogitsWarper

        self._free = LogitsProcessorList([TopPLogitsWarper(top_p), MinPLogitsWarper(min_p)])
        self._stated, self._stating = TopPLogitsWarper(stated_top_p), stating

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        states = scores.softmax(-1)[:, self._stating.to(scores.device)].sum(-1, keepdim=True) >= DECIDES
        return torch.where(states, self._stated(input_ids, scores), self._free(input_ids, scores))


class Again:
    """Logits processor: a word that states something audible is seldom begun twice in one answer; checks reject it there.

    One for each batch, called token after token: it remembers which words each row has begun.

    Parameters
    ----------
    stating : torch.Tensor [shape=(n,)]
        Token ids.
    words : sequence of str
        What each of them begins: tokens of one word go together, with a blank or a capital or without.
    n_prompt : int >= 0
        Tokens that stand before the answers.
    less : float >= 0
        Taken from the logits.
    """

    def __init__(self, stating: torch.Tensor, words: Sequence[str], n_prompt: int, less: float = LESS_AGAIN):
        self._stating, self._n_prompt, self._less = stating, n_prompt, less
        groups = {word: i for i, word in enumerate(dict.fromkeys(words))}
        self._group = torch.tensor([groups[word] for word in words], dtype=torch.long)
        self._begun: torch.Tensor | None = None  # (rows, words)

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        stating, group = self._stating.to(scores.device), self._group.to(scores.device)
        if self._begun is None:
            self._begun = torch.zeros(len(scores), int(group.max()) + 1, dtype=scores.dtype, device=scores.device)
        if input_ids.shape[1] > self._n_prompt:
            row, place = (input_ids[:, -1:] == stating).nonzero(as_tuple=True)
            self._begun[row, group[place]] = 1.0
        return scores.index_add(1, stating, -self._less * self._begun[:, group])
