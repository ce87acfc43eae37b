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


def test_events_are_apart(v):
    """Nothing that reads the vocabulary of music meets them."""
    from mdialog.clap import heard_labels
    from mdialog.query import KINDS

    assert "event" not in v and "event" not in v.attribute_kinds and "event" not in KINDS
    assert [kind.name for kind in v] == ["course", "culture", "energy", "genre", "instrument", "key", "metre", "mode", "mood",
                                         "popularity", "tempo", "theme", "vocal"]  # fmt: skip
    assert not any(kind == "event" for kind, _ in heard_labels())
    assert len(heard_labels()) == sum(bool(value.prompts) for kind in v for value in kind.values)


def test_a_name_or_a_code_means_one_event():
    events = vocab.events()
    words = [word.casefold() for value in events.values for word in dict.fromkeys((value.name, *value.words, *value.codes))]
    assert len(words) == len(set(words)) and all(value.codes and not value.prompts for value in events.values)
    assert events.canonical("/m/06mb1") == "rain" and events.canonical("Church Bell") == "bell"
    assert events.canonical("choir") is None and events.canonical("/M/06MB1") is None
