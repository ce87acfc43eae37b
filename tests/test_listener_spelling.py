import listeners
import pytest
import torch

from mdialog.brief import Name
from mdialog.listener.base import Request, Sampling
from mdialog.listener.local import LocalListener
from mdialog.listener.spelling import Spelling, expected, spells

NAMES = (
    Name("Blue Hour", "The Lamps"), Name("Blue", "Johan Brodd (jobromedia)"), Name("", "Ana"), Name("Año", ""),
    Name("", "cynicmusic"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "rests"),
    [
        ("", []),
        ("Try ", []),
        ('Try "', ["Año", "Blue", "Blue Hour"]),
        ('Try "Blu', ["e", "e Hour"]),
        ('Try "Blue', ["", " Hour"]),
        ('Try "Blue Hour', [""]),
        ('Try "Blue Hour"', []),
        ('As "Blue" pleased you, try "', ["Año", "Blue Hour"]),  # a title once said is not said for another
        ('"Blue." Or "Año"? Then "', ["Blue Hour"]),
        ('As "Blue" pleased you, try "Blue', [" Hour"]),
        ('"Blue", "Año", "Blue Hour," "', ["Año", "Blue", "Blue Hour"]),
        ('Try "Red', []),  # nothing given begins so: the checks reject it
        ('Try "Blue Hour" by', [" The Lamps"]),
        ('Try "Blue Hour" by The La', ["mps"]),
        ('Try "Blue" by Johan Brodd (jobro', ["media)"]),
        ('Try "Blue" by Johan Brodd (jobromedia)', [""]),
        ("You asked for Joh", ["an Brodd (jobromedia)"]),
        ("You asked for J", []),  # one letter may be a key
        ("Johan", []),  # a sentence may begin with anything
        ("Good. Johan", []),
        ("You asked for The Lamps", [""]),
        ("You asked for The Lamps, and", []),
        ("I like Latin", []),
        ("More of An", ["a"]),
        ("Something by cy", ["nicmusic"]),
        ("Something by cynicmusic", [""]),
        ("Something cy", []),  # a small letter tells nothing by itself
        ("Something by the", []),
    ],
)
def test_what_may_follow(text, rests):
    assert expected(text, NAMES) == rests


def test_a_word_with_a_capital_of_its_own_is_no_name_begun():
    assert expected("Something Lat", (Name("", "Latona"),)) == []
    assert expected("Something Lato", (Name("", "Latona"),)) == ["na"]


def _write(tokenizer, names, wanted: str, steps: int = 60) -> str:
    """What comes of a model that wants to write `wanted`, whatever it may, token by token."""
    process = Spelling(tokenizer).processor([names], 1)
    ids = tokenizer.encode("x")[:1]
    for _ in range(steps):
        text = tokenizer.decode(ids[1:])
        rest = wanted[len(text) :] if wanted.startswith(text) else " and so on"
        scores = torch.zeros(1, len(tokenizer)).index_fill(1, torch.tensor(tokenizer.encode(rest or "!")[:1]), 9.0)
        ids.append(int(process(torch.tensor([ids]), scores).argmax()))
        if ids[-1] == tokenizer.encode("!")[0]:
            break
    return tokenizer.decode(ids[1:])


@pytest.mark.parametrize(
    ("wanted", "written"),
    [
        ('I like "Blue Hour" by The Lamps, yes', 'I like "Blue Hour" by The Lamps, yes!'),
        ('I like "Blue" by Johan Brodd (jobromedia), yes', 'I like "Blue" by Johan Brodd (jobromedia), yes!'),
        ('I like "Año", yes', 'I like "Año", yes!'),  # a letter of two bytes
    ],
)
def test_names_that_are_right_stay(wanted, written):
    assert _write(listeners.tokenizer(), NAMES, wanted) == written


def test_names_that_go_wrong_are_put_right():
    words = listeners.tokenizer()
    assert _write(words, NAMES[:1], 'I like "Blue Horse" by The').startswith('I like "Blue Hour"')
    assert _write(words, NAMES, 'I like "Blue" by Johan Brod (jo').startswith('I like "Blue" by Johan Brodd (jobromedia)')
    assert "Anabel" not in _write(words, NAMES, "I like Anabel")


def test_no_names_change_nothing():
    words = listeners.tokenizer()
    assert _write(words, (), 'I like "Blue Horse"') == 'I like "Blue Horse"!'


def test_a_tokenizer_that_adds_spaces_does_not_spell():
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    assert spells(listeners.tokenizer())
    other = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    other.normalizer, other.pre_tokenizer = normalizers.Lowercase(), pre_tokenizers.Whitespace()
    assert not spells(PreTrainedTokenizerFast(tokenizer_object=other, unk_token="[UNK]"))


def test_listeners_write_only_given_titles(tmp_path):
    """A random model that opens a quotation mark now and then: whatever it quotes whole begins as a given title."""
    listener = LocalListener.load(listeners.save("qwen2_audio", tmp_path / "qwen2_audio"))
    quote = listener.processor.tokenizer.encode('"')[0]
    listener.model.lm_head.bias = torch.nn.Parameter(torch.zeros(listener.model.lm_head.out_features))
    listener.model.lm_head.bias.data[quote] = 4.0
    request = Request("r", [{"role": "user", "content": "new: genre reggae"}], names=NAMES)
    texts = listener.write([request], n=8, sampling=Sampling(max_new_tokens=40))[0]
    quoted = [part for text in texts for part in text.split('"')[1:-1:2]]
    assert quoted
    assert all(part.rstrip(".,!?…") in ("Blue", "Blue Hour", "Año") for part in quoted)
