"""A run beside people: reading, equal budgets, wishes, the order of intents and its floor."""

import dataclasses
import json
import random
from xml.etree import ElementTree

import pytest

from mdialog.dialogue import validate
from mdialog.errors import InputError
from mdialog.evaluate import diversity, people
from mdialog.evaluate.pictures import pictures
from mdialog.intents import IntentModel, jensen_shannon
from mdialog.plan import Plan, PlannedTurn

CPCD = "cpcd/cpcd_v1.dialogs.dev.train.jsonl"


def record(number: int = 0, *, said: str = "Something like The Lamps"):
    names = {"t1": {"title": "Blue Hour", "artist": "The Lamps"}}
    user = {"role": "user", "intent": ["initial_query", "add_filter"], "music_attribute": ["genre:reggae", "~artist:Ana Sol"]}
    system = {"role": "assistant", "intent": ["passive_recommend"], "music_attribute": [], "track_seq": ["t1"]}
    turns = [
        {**user, "content": said},
        {**system, "content": f'"Blue Hour" is number {number}'},
        {**user, "intent": ["add_filter"], "music_attribute": ["-genre:rock"], "content": "not ana sol's rock"},
        {**system, "intent": ["feedback_request"], "track_seq": [], "content": "How was it?"},
    ]
    return validate({"id": f"d{number}", "recipe": "r", "seed": 0, "persona": {}, "goal": {}, "models": {}, "tracks": names,
                     "turns": turns})  # fmt: skip


def human(path, n: int = 3):
    track = {"track_titles": "Blue Hour (Live)", "track_artists": ["The Lamps"]}
    turns = [{"user_query": f"Play blue hour {i}, größer", "system_response": " " if i == 1 else "Sure!"} for i in range(3)]
    path.write_text("".join(json.dumps({"turns": turns, "tracks": {"x": track}}) + "\n" for _ in range(n)), encoding="utf-8")
    return path


def test_people_are_read_without_blank_turns_and_with_names_to_mask(tmp_path):
    (talk, *rest) = people.read_people(human(tmp_path / "h.jsonl"))
    assert len(rest) == 2 and [role for role, _ in talk.turns] == ["user", "assistant", "user", "user", "assistant"]
    assert diversity.mask(talk.turns[0][1], talk.names) == "Play <name> 0, größer"


def test_a_record_names_its_tracks_and_the_artists_of_its_attributes():
    talk = people.talk_of(record())
    assert talk.names == ("Blue Hour", "The Lamps", "Ana Sol")
    assert [diversity.mask(text, talk.names) for _, text in talk.turns] == [
        "Something like <name>", "<name> is number 0", "not <name>'s rock", "How was it?",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "holds no dialogue"),
        ("{", "line 1"),
        ('{"turns": []}', "line 1.*tracks"),
        ('{"turns": [], "tracks": {}}\n{"turns": [{"user_query": "hi"}], "tracks": {}}', "line 2.*system_response"),
        ('{"turns": [{"user_query": null, "system_response": "x"}], "tracks": {}}', "line 1"),
        ("[]", "line 1"),
        ("\xff", "cannot be read"),
    ],
)
def test_a_file_that_is_not_of_people_is_refused(tmp_path, content, said):
    path = tmp_path / "h.jsonl"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(InputError, match=f"(?s)h.jsonl.*{said}"):
        people.read_people(path)


def test_a_missing_file_and_an_empty_run_are_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        people.evaluate_people([record()], people_file=tmp_path / "none.jsonl")
    with pytest.raises(InputError, match="no dialogues"):
        people.evaluate_people([])
    with pytest.raises(InputError, match="no plans"):
        people.evaluate_transitions([])


def test_both_sides_are_measured_on_equally_many_utterances(tmp_path):
    result = people.evaluate_people([record(i) for i in range(9)], people_file=human(tmp_path / "h.jsonl"))
    for role, n in (("user", 9), ("assistant", 6)):
        run, other = result.run[role], result.people[role]
        assert run.n_utterances == 18 and other.n_utterances == n
        assert run.n_compared == other.n_compared == run.n_sampled == n
        assert 1 <= run.vendi[people.TFIDF] <= n + 1e-6
    assert (result.n_dialogues, result.n_people) == (9, 3)
    assert result.people["user"].exact_repeats == pytest.approx(6 / 9)  # three texts, thrice each
    assert result.people["assistant"].vendi[people.TFIDF] == pytest.approx(1)


def test_the_same_talk_has_the_same_figures_on_both_sides(tmp_path):
    talk = [people.talk_of(record(i, said=f"Something for {i}")) for i in range(30)]
    run, other = people._sides(talk, talk, {people.TFIDF: diversity.tfidf}, 0)
    assert run == other and run["user"].exact_repeats == pytest.approx(29 / 60)


def test_without_people_the_run_stands_beside_the_counts():
    result = people.evaluate_people([record(i) for i in range(3)])
    assert result.people == {} and result.n_people == 0 and result.run["user"].n_compared == 6
    assert result.user_turns_people.mean == pytest.approx(5.26, abs=0.005)  # of 888 dialogues
    assert "user, people" in people.table(result)


def test_wishes_by_kind():
    assert people.wishes_of([record()]) == {"genre": 1.0, "similar_artist": 0.5}
    shares = people.wishes_of_people()
    assert next(iter(shares)) == "artist" and 0.4 < shares["artist"] < 0.6 and "none" not in shares


def test_clap_gives_a_second_vendi_score(clap_mini):
    from mdialog.clap import Clap

    clap = Clap.load(str(clap_mini))
    result = people.evaluate_people([record(i, said=f"{i} flutes") for i in range(4)], clap=clap)
    assert set(result.run["user"].vendi) == {people.TFIDF, clap.model_id}
    assert clap.model_id in people.table(result)


def test_a_divergence_of_known_distributions():
    one, other = people.intents_of([("user", ("b", "a"))]), [("user", ("a", "b"))]
    assert one == other
    model = IntentModel.load()
    same = dataclasses.replace(model, transitions=people.transition_counts([one]))
    assert people.evaluate_transitions([other], model=same, n_floor=1).divergence_bits == 0
    apart = people.evaluate_transitions([[("assistant", ("z",))]], model=same, n_floor=1)
    assert apart.divergence_bits == pytest.approx(1)
    assert sum(row[4] for row in apart.largest) == pytest.approx(1)  # four pairs, nothing in common
    assert jensen_shannon(same.transitions, same.transitions) == 0


# Means of 60 redraws; one redraw spreads by .0009 and .0004 around them, and figures counted once elsewhere (.017, .009)
# lie within two such spreads.
@pytest.mark.parametrize(("n", "floor", "spread"), [(888, 0.0183, 0.0009), (2000, 0.0088, 0.0004)])
def test_the_floor_of_sampling_is_what_was_counted(n, floor, spread):
    model = IntentModel.load()
    found = people.evaluate_transitions([model.sample(random.Random(i)) for i in range(n)], seed=1)
    assert found.floor_bits == pytest.approx(floor, abs=3 * spread / people.FLOOR_SEEDS**0.5)
    assert found.divergence_bits < found.floor_bits + 0.004 and found.enough == (n >= 2000)
    assert spread / 4 < found.floor_sd_bits < 2 * spread and found.n_floor == people.FLOOR_SEEDS


def test_plans_records_and_sequences_are_one_to_the_transitions():
    turns = (PlannedTurn("user", ("add_filter", "initial_query")), PlannedTurn("assistant", ("passive_recommend",)),
             PlannedTurn("user", ("add_filter",)), PlannedTurn("assistant", ("feedback_request",)))
    plan = Plan("d0", "r", 0, {}, {}, turns)
    assert people.intents_of(plan) == people.intents_of(record()) == people.intents_of(people.intents_of(plan))


def test_table_and_json_hold_everything(tmp_path):
    result = people.evaluate_people([record(i) for i in range(9)], people_file=human(tmp_path / "h.jsonl"))
    transitions = people.evaluate_transitions([record(i) for i in range(9)])
    text = people.table(result, transitions)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert "few" in text and f"{transitions.divergence_bits:.4f}" in text
    assert {line.count("|") for line in rows} == {6, 4}
    assert any(line.startswith("| Distinct-2 at 8,000 tokens |") and "–" in line for line in rows)
    again = json.loads(json.dumps(dataclasses.asdict(result)))
    assert again["run"]["user"]["n_utterances"] == 18 and again["wishes"] == result.wishes


def test_pictures_are_files_that_parse(tmp_path):
    result = people.evaluate_people([record(i, said="word " * 90) for i in range(30)], people_file=human(tmp_path / "h.jsonl"))
    drawn = pictures(result, tmp_path / "new" / "folder")
    assert [path.name for path in drawn] == ["words.svg", "distinct.svg", "openings.svg"]
    for path in drawn:
        assert ElementTree.parse(path).getroot().tag.endswith("svg")
    before = [path.read_bytes() for path in drawn]
    assert [path.read_bytes() for path in pictures(result, tmp_path / "new" / "folder")] == before
    short = people.evaluate_people([record()])
    assert "distinct.svg" not in [path.name for path in pictures(short, tmp_path / "short")]


def test_people_s_figures_are_those_counted_elsewhere(real_data):
    talks = people.read_people(real_data / CPCD)
    assert len(talks) == 400
    # Counted on all 888 dialogues; these are 400 of them.
    for role, at_8000, at_1500 in (("user", 0.606, 0.748), ("assistant", 0.535, 0.722)):
        texts = [text for talk in talks for speaker, text in talk.turns if speaker == role]
        assert diversity.distinct(texts, budget=8000)["2"] == pytest.approx(at_8000, abs=0.015)
        assert diversity.distinct(texts, budget=1500)["2"] == pytest.approx(at_1500, abs=0.025)
        exact, near = diversity.exact_repeats(texts), diversity.near_repeats(texts)
        print(f"{role}: {len(texts)} utterances, exact repeats {exact:.3f}, near repeats {near:.3f}")
        assert 0.02 < exact < near < 0.3
