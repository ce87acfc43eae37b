"""The model of intents gives people's dialogues back, and the dial of kinds keeps what it promises."""

import json
import random
from collections import Counter

import pytest

from mdialog import vocab
from mdialog.errors import InputError
from mdialog.intents import (
    ROLE_INTENTS,
    SYSTEM_INTENTS,
    USER_INTENTS,
    IntentModel,
    human_counts,
    jensen_shannon,
    kind_weights,
    set_sizes,
    transition_counts,
)


@pytest.fixture(scope="module")
def model():
    return IntentModel.load()


@pytest.fixture(scope="module")
def dialogues(model):
    return [model.sample(random.Random(i)) for i in range(2000)]


def test_dialogues_start_with_the_user_alternate_and_end_with_the_assistant(dialogues):
    for turns in dialogues:
        assert [role for role, _ in turns] == ["user", "assistant"] * (len(turns) // 2)
        assert turns
        for role, intents in turns:
            assert intents and list(intents) == sorted(set(intents))
            assert set(intents) <= set(ROLE_INTENTS[role])


def test_transitions_are_as_near_to_people_as_sampling_allows(model, dialogues):
    floor = model.floor(random.Random(0), n_dialogues=2000)
    assert 0.007 < floor < 0.010  # .009 bits: people's own transitions, redrawn
    assert model.divergence(dialogues) < floor + 0.004


def test_divergence_sees_a_model_that_ignores_context(model, dialogues):
    rng = random.Random(0)
    shuffled = {r: [t for d in dialogues for t in d if t[0] == r] for r in ROLE_INTENTS}
    for turns in shuffled.values():
        rng.shuffle(turns)
    mixed = [[shuffled[role].pop() for role, _ in d] for d in dialogues]
    assert model.divergence(mixed) > 0.1


def test_lengths_follow_people(dialogues):
    lengths = Counter(len(turns) // 2 for turns in dialogues)
    mean = sum(n * k for n, k in lengths.items()) / lengths.total()
    assert abs(mean - 5.26) < 0.4
    people = Counter({int(n): k for n, k in human_counts()["user_turns_per_dialogue"].items()})
    assert jensen_shannon(lengths, people) < 0.02


def test_every_intent_occurs_about_as_often_as_people_use_it(model, dialogues):
    drawn = Counter((role, i) for turns in dialogues for role, intents in turns for i in intents)
    assert set(drawn) == {("user", i) for i in USER_INTENTS} | {("assistant", i) for i in SYSTEM_INTENTS}
    # FACTS: 3582 add_filter in 888 dialogues.
    assert drawn["user", "add_filter"] / len(dialogues) == pytest.approx(3582 / 888, rel=0.08)


def test_length_limit_holds_and_same_seed_same_dialogue(model):
    for limit in (2, 3, 7):
        for i in range(50):
            turns = model.sample(random.Random(i), max_turns=limit)
            assert 2 <= len(turns) <= limit and len(turns) % 2 == 0
    assert model.sample(random.Random(5)) == model.sample(random.Random(5))


def test_a_context_that_people_never_made_still_goes_on(model):
    history = [("user", ("accept_response", "greeting", "others", "remove_filter"))]
    role, intents = model.next_turn(random.Random(0), history=history)
    assert role == "assistant" and set(intents) <= set(SYSTEM_INTENTS)


def test_may_end_false_always_goes_on(model):
    history = [("user", ("add_filter",)), ("assistant", ("passive_recommend",))] * 20
    rng = random.Random(0)
    assert model.next_turn(rng, history=history) is None  # longer than any human dialogue
    assert all(model.next_turn(rng, history=history, may_end=False)[0] == "user" for _ in range(50))


@pytest.mark.parametrize("broken", [{}, {"next_given_previous": []}, {"next_given_previous": {"robot:x": {}}}])
def test_a_table_that_is_none_is_refused(broken):
    with pytest.raises(InputError, match="not a table of intent counts"):
        IntentModel.fit(broken)


def test_every_intent_has_a_meaning_of_one_sentence():
    for meanings in ROLE_INTENTS.values():
        for meaning in meanings.values():
            assert meaning[0].isupper() and meaning.endswith(".") and meaning.count(".") == 1


def test_counts_are_numbers_only_with_their_source():
    counts = human_counts()
    assert "CC BY 4.0" in counts["about"] and "cpcd" in counts["about"]
    assert len(json.dumps(counts)) < 200_000
    assert transition_counts([]).total() == 0


@pytest.mark.parametrize("stage", ["first", "later", "any"])
def test_kind_weights_are_shares_that_move_from_people_to_sound(stage):
    people, sound = kind_weights(0.0, stage=stage), kind_weights(1.0, stage=stage)
    assert set(sound) <= set(vocab.SONIC_KINDS)
    for dial in (0.0, 0.25, 0.5, 1.0):
        weights = kind_weights(dial, stage=stage)
        assert sum(weights.values()) == pytest.approx(1)
        for kind in people | sound:
            mixed = (1 - dial) * people.get(kind, 0) + dial * sound.get(kind, 0)
            assert weights.get(kind, 0) == pytest.approx(mixed)


def test_people_open_with_themes_and_go_on_with_artists():
    first, later = kind_weights(0.0, stage="first"), kind_weights(0.0, stage="later")
    assert max(first, key=first.get) == "theme" and max(later, key=later.get) == "artist"
    assert set_sizes(stage="first")[0] < set_sizes(stage="later")[0]
    assert sum(set_sizes()) == pytest.approx(1)


@pytest.mark.parametrize("dial", [-0.1, 1.1, float("nan")])
def test_a_dial_out_of_range_is_refused(dial):
    with pytest.raises(InputError, match="sonic"):
        kind_weights(dial)


def test_an_unknown_stage_is_refused():
    with pytest.raises(InputError, match="first, later, any"):
        kind_weights(0.5, stage="last")


def test_jensen_shannon_on_known_cases():
    assert jensen_shannon(Counter(a=1), Counter(a=5)) == 0
    assert jensen_shannon(Counter(a=1), Counter(b=1)) == pytest.approx(1)
    assert jensen_shannon(Counter(a=1, b=1), Counter(a=1)) == pytest.approx(0.311278, abs=1e-6)
