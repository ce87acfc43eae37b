import pytest

from mdialog import vocab


@pytest.fixture(scope="module")
def v():
    return vocab.load()


def test_kinds_and_sizes(v):
    assert len(v["genre"].values) >= 12
    assert len(v["instrument"].values) >= 20
    assert len(v["key"].values) == 24
    assert set(vocab.SONIC_KINDS) <= {kind.name for kind in v if kind.audible}


def test_no_word_means_two_values_of_a_kind(v):
    for kind in v:
        seen = {}
        for value in kind.values:
            for word in {value.name.casefold(), *(w.casefold() for w in value.words)}:
                assert seen.setdefault(word, value.name) == value.name, (kind.name, word)


def test_no_audible_word_means_two_kinds(v):
    # The claim finder reads a word without knowing its kind.
    seen = {}
    for kind in v:
        if kind.audible:
            for value in kind.values:
                for word in {value.name.casefold(), *(w.casefold() for w in value.words)}:
                    assert seen.setdefault(word, kind.name) == kind.name, word


@pytest.mark.parametrize("kind", ["tempo", "energy", "popularity"])
def test_ranges_tile_the_line(v, kind):
    values = v[kind].values
    assert values[0].low == float("-inf") and values[-1].high == float("inf")
    assert all(a.high == b.low for a, b in zip(values, values[1:], strict=False))
    for value in values[1:]:
        assert v[kind].word_for(value.low) == value.name  # half open: the border belongs to the upper one


def test_word_for_a_kind_without_ranges(v):
    with pytest.raises(ValueError, match="no range"):
        v["genre"].word_for(1.0)


@pytest.mark.parametrize(
    "kind, text, name",
    [("key", "Eb minor", "D# minor"), ("key", "f-sharp major", "F# major"), ("key", "B-flat minor", "A# minor"),
     ("instrument", "SAX", "saxophone"), ("genre", "bossa_nova", "bossa nova"), ("tempo", "quick", "fast"),
     ("genre", "skiffle", None)],
)  # fmt: skip
def test_canonical(v, kind, text, name):
    assert v.canonical(kind, text) == name


def test_every_heard_label_has_prompts_of_its_own(v):
    prompts = [p for kind in v for value in kind.values for p in value.prompts]
    assert len(prompts) == len(set(prompts))


def test_programs_belong_to_one_instrument(v):
    programs = [p for value in v["instrument"].values for p in value.programs]
    assert len(programs) == len(set(programs)) and all(0 <= p < 128 for p in programs)
