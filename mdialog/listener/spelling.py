"""Spelling: once a listener begins to write a given name, it writes that name to its end.

Constrained decoding, as in entity retrieval (De Cao and others, 2021): the model chooses what to say and which name to
begin; what follows of the name is fixed. Small models miscopy names that they have never seen, and all models now and then.
"""

import re
from collections.abc import Callable, Sequence

import torch

from mdialog import lexicon
from mdialog.brief import Name

_STARTS = re.compile(r"(?<!\w)(?=[^\W\d_a-z]\w)|\b(?:by|from|of|like) (?=[a-z]\w)")
_QUOTED = re.compile(r'"([^"]+)"')
_CREDIT = re.compile(r'"([^"]+)" by( [^"]*)?$')


def expected(text: str, names: Sequence[Name]) -> list[str]:
    """What may follow `text` if it ends within a given name: the rest of every name that it can become.

    An empty rest stands for a name that is whole; an empty list for a text that ends in no name.

    Within are: a title whose quotation mark is open, one that was not quoted yet while there is any; the artist after
    ``"Title" by``; an artist's name of which two letters or more stand there, the first a capital that begins no sentence, or
    a small letter after *by*, *from*, *of* or *like*.

    Parameters
    ----------
    text : str
        An utterance so far.
    names : sequence of Name
        The given ones; either part may be empty.

    Returns
    -------
    list of str
        In order, without repeats.
    """
    if text.count('"') % 2:
        before, _, begun = text.rpartition('"')
        said = {title.rstrip(".,!?") for title in _QUOTED.findall(before)}
        titles = [name.title for name in names]
        return _rests(begun, [title for title in titles if title.rstrip(".,!?") not in said]) or _rests(begun, titles)
    if credit := _CREDIT.search(text):
        title, begun = credit[1].rstrip(".,!?"), credit[2] or ""
        artists = [f" {name.artist}" for name in names if name.artist and title == name.title.rstrip(".,!?")]
        if rests := _rests(begun, artists):
            return rests
    artists = [name.artist for name in names]
    longest = max(map(len, artists), default=0)
    for start in _STARTS.finditer(text):  # the longest stretch first
        begun, before = text[start.end() :], text[: start.end()].rstrip(' "“(')
        if len(begun) > longest or before[-1:] in ".!?…" or _ordinary(begun):  # nothing before: a sentence begins
            continue
        if rests := _rests(begun, artists):
            return rests
    return []


def _rests(begun: str, names: Sequence[str]) -> list[str]:
    return sorted({name[len(begun) :] for name in names if name and name.startswith(begun)})


def _ordinary(begun: str) -> bool:
    """Whether this may become a word that is always written with a capital, such as *Latin*."""
    return any(word.startswith(begun) for word in lexicon.capitalised())


class Spelling:
    """Keeps what a tokenizer's model generates to the given names.

    Parameters
    ----------
    tokenizer : transformers.PreTrainedTokenizerBase
        One that :func:`spells`.
    """

    def __init__(self, tokenizer):
        self._tokenizer = tokenizer
        texts = tokenizer.batch_decode([[token] for token in range(len(tokenizer))], skip_special_tokens=True)
        self._closing = torch.tensor([bool(re.match(r'[.,!?…]?"', text)) for text in texts])
        self._parting = torch.tensor([not re.match(r"\w", text) for text in texts])

    def processor(self, names: Sequence[Sequence[Name]], n_prompt: int) -> Callable[[torch.Tensor, torch.Tensor], torch.Tensor]:
        """A logits processor for one batch: `names` by row, and how many tokens stand before the answers."""
        paths: list[list[list[int]]] = [[] for _ in names]  # by row: what is left, as tokens, of the names begun

        def process(input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            texts = self._tokenizer.batch_decode(input_ids[:, n_prompt:], skip_special_tokens=True)
            for row, text in enumerate(texts):
                last = int(input_ids[row, -1])
                left = [path[1:] for path in paths[row] if path and path[0] == last]
                if not left:  # no name was begun, or it was whole
                    rests = expected(text, names[row])
                    left = [self._tokenizer.encode(rest, add_special_tokens=False) for rest in rests]
                paths[row] = left
                if left:
                    scores[row, ~self._allowed(left, text, scores)] = float("-inf")
            return scores

        return process

    def _allowed(self, left: list[list[int]], text: str, scores: torch.Tensor) -> torch.Tensor:
        allowed = torch.zeros(scores.shape[-1], dtype=torch.bool)
        for path in left:
            if path:
                allowed[path[0]] = True
            else:  # a whole name: the quotation mark closes, or the word ends
                ends = self._closing if text.count('"') % 2 else self._parting
                allowed[: len(ends)] |= ends[: len(allowed)]
        return allowed.to(scores.device)


def spells(tokenizer) -> bool:
    """Whether the tokens of a text's parts, one after the other, are the text again: so with byte-level tokenizers."""
    parts = ("I like ", '"Dr', 'öm" by J', "ohan")
    ids = [token for part in parts for token in tokenizer.encode(part, add_special_tokens=False)]
    return tokenizer.decode(ids) == "".join(parts)
