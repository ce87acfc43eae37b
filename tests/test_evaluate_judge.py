"""A judge's protocol and parser, on answers that are known."""

import json
import re

import numpy as np
import pytest

from mdialog.dialogue import validate
from mdialog.errors import InputError
from mdialog.evaluate import judge as judging
from mdialog.evaluate.agreement import agreement, read_judgements, read_scores
from mdialog.evaluate.judge import Answer, MalformedAnswer, judge, load_rubrics, messages, parse


def dialogue(number, *, heard=True):
    """A short dialogue of its own names: a wish, an offer, a refusal, another offer."""
    artist, titles = f"Band {number}", [f"Song {number}a", f"Song {number}b"]
    span = [{"track_id": f"t{number}a", "start_s": 0.0, "end_s": 10.0}] if heard else []
    other = [{"track_id": f"t{number}b", "start_s": 5.0, "end_s": 15.0}] if heard else []
    genre = ("reggae", "techno", "folk", "jazz", "rock", "pop", "blues", "disco")[number % 8]

    def turn(role, content, intents, **more):
        return {"role": role, "content": content, "intent": intents, "music_attribute": [], **more}

    return validate(
        {
            "id": f"d{number}", "recipe": "music-discovery", "seed": 0, "models": {},
            "persona": {"user_manner": ("terse", "chatty")[number % 2], "assistant_manner": ("wry", "formal")[number % 2]},
            "goal": {"attributes": [f"genre:{genre}"]},
            "tracks": {f"t{number}{x}": {"title": t, "artist": f"{artist} {x}"} for x, t in zip("ab", titles, strict=True)},
            "turns": [
                turn("user", f"Some {genre}, please.", ["initial_query"]) | {"music_attribute": [f"genre:{genre}"]},
                turn("assistant", f'Try "{titles[0]}" by {artist} a.', ["passive_recommend"], heard=span,
                     track_seq=[f"t{number}a"]),
                turn("user", "Not that one.", ["reject_response"], refused=[f"t{number}a"], heard=span),
                turn("assistant", f'Then "{titles[1]}" by {artist} b.', ["passive_recommend"], heard=other,
                     track_seq=[f"t{number}b"]),
            ],
        }
    )  # fmt: skip


class Scripted:
    """A listener that answers with what a function makes of the request's text."""

    model_id, sample_rate, max_clip_s = "scripted@1", 16000, None

    def __init__(self, answer):
        self.answer, self.requests, self.sampled = answer, [], []

    def write(self, requests, *, n=1, first=0, seed=0, sampling=None):
        self.requests += requests
        self.sampled.append(sampling)
        return [[self.answer(text_of(request)) for _ in range(n)] for request in requests]


def text_of(request):
    return "\n".join(p["text"] for m in request.messages for p in m["content"] if p["type"] == "text")


def sounds_of(request):
    return [p["audio"] for m in request.messages for p in m["content"] if p["type"] == "audio"]


def rubric_of(text):
    return next(r for r in load_rubrics().values() if r.question in text)


def good(score=4):
    return json.dumps({"reason": "It fits.", "score": score})


# --- rubrics

def test_rubrics_cover_the_families_and_say_what_scores_mean():
    rubrics = load_rubrics()
    families = "goal persona helpfulness accuracy relevance personalisation explanation sound"
    assert list(rubrics) == families.split()
    for rubric in rubrics.values():
        assert len({rubric.one, rubric.three, rubric.five}) == 3 and all((rubric.question, rubric.known))
        assert rubric.sound in ("needed", "useful", "no") and set(rubric.shows) <= {"goal", "persona", "offers"}
    assert len({rubric.question for rubric in rubrics.values()}) == len(rubrics)


def test_each_request_asks_one_rubric_with_its_scale_and_schema():
    for rubric in load_rubrics().values():
        system, user = messages(dialogue(0), rubric)
        said = system["content"][0]["text"]
        assert all(part in said for part in (rubric.question, rubric.one, rubric.three, rubric.five))
        assert sum(other.question in said for other in load_rubrics().values()) == 1
        schema = json.loads(re.search(r"schema: (.*)$", said)[1])
        assert schema == Answer.model_json_schema() and schema["properties"]["score"]["maximum"] == 5
        shown = user["content"][-1]["text"]
        assert ("chatty" in shown or "terse" in shown) == ("persona" in rubric.shows)
        assert ("genre:reggae" in shown) == ("goal" in rubric.shows)
        assert ("tracks recommended" in shown) == ("offers" in rubric.shows)


def test_a_judge_that_hears_gets_the_clips_once_in_order_and_is_told_where_they_play():
    def play(of, span):
        return np.full(160, span.start_s, np.float32)

    parts = messages(dialogue(0), load_rubrics()["sound"], play=play)[1]["content"]
    assert [part["type"] for part in parts] == ["audio", "audio", "text"]
    assert [part["audio"][0] for part in parts[:2]] == [0.0, 5.0]
    lines = parts[-1]["text"].splitlines()
    assert [line for line in lines if "playing" in line] == ["  (playing: audio 1)"] * 2 + ["  (playing: audio 2)"]
    deaf = messages(dialogue(0), load_rubrics()["accuracy"])[1]["content"]
    assert len(deaf) == 1 and "do not hear" in deaf[0]["text"] and "playing" not in deaf[0]["text"]


def test_a_rubric_that_needs_sound_is_not_asked_without_it():
    with pytest.raises(InputError, match="without the clips"):
        judge([dialogue(0)], Scripted(lambda _: good()), rubrics=["sound"])
    with pytest.raises(InputError, match="no rubric 'taste'.*goal, persona"):
        judge([dialogue(0)], Scripted(lambda _: good()), rubrics=["taste"])
    with pytest.raises(InputError, match="no dialogue"):
        judge([], Scripted(lambda _: good()))
    asked = judge([dialogue(0), dialogue(1, heard=False)], Scripted(lambda _: good()), rubrics=["sound"],
                  play=lambda of, span: np.zeros(16, np.float32))  # fmt: skip
    assert [j.dialogue for j in asked.all] == ["d0"] and asked.all[0].n_clips == 2


# --- the parser

@pytest.mark.parametrize(
    ("text", "score"),
    [
        ('{"reason": "Fits.", "score": 4}', 4),
        ('{"score": 1, "reason": "Non."}', 1),
        ('```json\n{"reason": "Fïts {so} it seems.", "score": 5}\n```', 5),
        ('Here it is: {"reason": "Fits.", "score": 3} and that is all {really}.', 3),
        ('{"reason": "Fits.", "score": 3} {"reason": "Still.", "score": 3}', 3),
    ],
)
def test_well_formed_answers_are_taken(text, score):
    assert parse(text).score == score


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "only text"),
        ("I would give it a 4 of 5.", "only text"),
        ('{"reason": "Fits."}', "score"),
        ('{"score": 4}', "reason"),
        ('{"reason": "  ", "score": 4}', "reason"),
        ('{"reason": "Fits.", "score": 6}', "score"),
        ('{"reason": "Fits.", "score": 0}', "score"),
        ('{"reason": "Fits.", "score": "four"}', "score"),
        ('{"reason": "Fits.", "score": "4"}', "score"),
        ('{"reason": "Fits.", "score": 4.5}', "score"),
        ('{"reason": "Fits.", "score": true}', "score"),
        ('{"reason": "Fits.", "score": null}', "score"),
        ('{"reason": "Fits.", "score": 4, "sure": 0.9}', "sure"),
        ('{"reason": "Fits.", "score": 2, "score": 4}', "twice"),
        ('{"reason": "Fits.", "score": 2} {"reason": "No.", "score": 4}', "disagree"),
        ('{"reason": "Fits.", "score": 2} so {"score": 6}', "disagree"),
        ('{"answer": {"reason": "Fits.", "score": 2}}', "reason"),
        ('{"reason": "Fits.", "score": 4', "not JSON"),
        ('{reason: "Fits.", score: 4}', "not JSON"),
        ('{"a":' * 100_000, "not JSON"),
    ],
)
def test_malformed_answers_are_refused_with_the_reason(text, why):
    with pytest.raises(MalformedAnswer, match=why):
        parse(text)


# --- the protocol

def test_every_dialogue_is_asked_every_rubric_alone_and_in_shuffled_order():
    scripted = Scripted(lambda text: good(3))
    dialogues = [dialogue(i) for i in range(6)]
    done = judge(dialogues, scripted, seed=1)
    names = [name for name in load_rubrics() if name != "sound"]
    assert len(done.all) == len(scripted.requests) == 6 * len(names)
    assert sorted({(j.dialogue, j.rubric) for j in done.all}) == sorted((d.id, name) for d in dialogues for name in names)
    assert [rubric_of(text_of(r)).name for r in scripted.requests] == [j.rubric for j in done.all]
    order = [(j.dialogue, j.rubric) for j in done.all]
    assert order != sorted(order) and order != [(d.id, name) for d in dialogues for name in names]
    assert order == [(j.dialogue, j.rubric) for j in judge(dialogues, scripted, seed=1).all]
    assert order != [(j.dialogue, j.rubric) for j in judge(dialogues, scripted, seed=2).all]
    assert all(sampling.temperature == 0 for sampling in scripted.sampled)
    assert not any(d.id in text_of(r) for r in scripted.requests for d in dialogues)


def test_a_refused_answer_is_listed_and_never_scored(tmp_path):
    def answer(text):
        return "A solid 4." if "techno" in text else good(2)

    out = tmp_path / "judgements.jsonl"
    done = judge([dialogue(i) for i in range(4)], Scripted(answer), rubrics=["relevance", "goal"], out=out)
    assert {(j.dialogue, j.rubric) for j in done.refused} == {("d1", "relevance"), ("d1", "goal")}
    assert all(j.score is None and j.refused and j.answer == "A solid 4." for j in done.refused)
    assert done.scores("goal") == {"d0": 2, "d2": 2, "d3": 2}
    assert read_judgements(out) == done
    judge([dialogue(5)], Scripted(answer), rubrics=["goal"], out=out)
    assert len(read_judgements(out).all) == len(done.all) + 1, "it appends"


def test_n_draws_dialogues_by_seed():
    def drawn(seed):
        done = judge([dialogue(i) for i in range(8)], Scripted(lambda _: good()), rubrics=["goal"], n=3, seed=seed)
        return {j.dialogue for j in done.all}

    assert len(drawn(0)) == 3 and drawn(0) == drawn(0) and len({frozenset(drawn(seed)) for seed in range(5)}) > 1


@pytest.mark.slow
def test_the_bundled_listener_is_asked_and_refused(listener_mini):
    """It knows nothing of JSON: what it says is refused, not scored."""
    from mdialog.listener.local import LocalListener

    listener = LocalListener.load(listener_mini)
    done = judge([dialogue(0)], listener, rubrics=["sound"],
                 play=lambda of, span: np.zeros(int(listener.sample_rate * 10), np.float32))  # fmt: skip
    (judgement,) = done.all
    assert judgement.judge == listener.model_id and judgement.n_clips == 2
    assert judgement.score is None and judgement.refused and judgement.answer


def test_a_runs_player_plays_the_spans_of_its_dialogues():
    asked = []
    play = judging.plays({"d0": "plan 0"}, lambda plan, clip: asked.append((plan, clip)) or np.zeros(1, np.float32))
    play(dialogue(0), dialogue(0).turns[1].heard[0])
    assert asked[0][0] == "plan 0" and asked[0][1].track_id == "t0a" and asked[0][1].end_s == 10.0
    with pytest.raises(InputError, match="d1 has no plan"):
        play(dialogue(1), dialogue(1).turns[1].heard[0])


# --- agreement

def scores(*values):
    return {f"d{i}": value for i, value in enumerate(values)}


def test_kappa_of_cases_with_a_known_answer():
    assert agreement(scores(1, 2, 3, 4, 5), scores(1, 2, 3, 4, 5)).kappa == pytest.approx(1)
    assert agreement(scores(1, 1, 5, 5), scores(5, 5, 1, 1)).kappa == pytest.approx(-1)
    assert agreement(scores(1, 1, 5, 5), scores(1, 5, 1, 5)).kappa == pytest.approx(0)
    # By hand: squared differences 0, 1, 1, 0 against 5, averaged over all pairs of the margins 2, 1, 1, 2 of 4.
    near = agreement(scores(1, 2, 4, 5), scores(1, 3, 5, 5))
    expected = sum((a - b) ** 2 for a in (1, 2, 4, 5) for b in (1, 3, 5, 5)) / 4
    assert near.kappa == pytest.approx(1 - 2 / expected) and near.exact == 0.5


def test_only_what_both_scored_counts():
    found = agreement({"a": 1, "b": 5, "c": 3}, {"b": 5, "a": 1, "x": 2})
    assert found.n == 2 and found.kappa == pytest.approx(1)


@pytest.mark.parametrize(
    ("one", "other", "why"),
    [({}, {"a": 1}, "both"), ({"a": 1}, {"b": 1}, "both"), (scores(3, 3, 3), scores(3, 3, 3), "first"),
     (scores(3, 3, 3), scores(1, 2, 3), "first"), (scores(1, 2, 3), scores(4, 4, 4), "second judge gives 4")],
)  # fmt: skip
def test_no_kappa_where_there_is_nothing_to_agree_on(one, other, why):
    found = agreement(one, other)
    assert found.kappa is None and why in found.reason


def test_peoples_scores_are_read(tmp_path):
    path = tmp_path / "people.csv"
    text = '\ufeffdialogue,rubric,score,comment\nd0,goal,4,"so,\nso"\nd0,relevance,1,\nd1,goal,5,é\n'
    path.write_text(text, encoding="utf-8")
    assert read_scores(path) == {"goal": {"d0": 4, "d1": 5}, "relevance": {"d0": 1}}


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "no column dialogue"), ("dialogue,score\n", "no column rubric"), ("dialogue,rubric,score\nd,taste,3\n", "taste"),
     ("dialogue,rubric,score\nd,goal,6\n", "'6'"), ("dialogue,rubric,score\nd,goal,four\n", "'four'"),
     ("dialogue,rubric,score\nd,goal\n", "''"), ("dialogue,rubric,score\nd,goal,3\nd,goal,3\n", "twice")],
)  # fmt: skip
def test_bad_scores_are_named(tmp_path, text, said):
    path = tmp_path / "people.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as error:
        read_scores(path)
    assert said in str(error.value)
    with pytest.raises(InputError, match="no such file"):
        read_scores(tmp_path / "none.csv")
