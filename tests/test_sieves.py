"""Sieves on embeddings, texts and listeners for which the right answer is known."""

import dataclasses

import numpy as np
import plans
import pytest

from mdialog.dialogue import validate
from mdialog.errors import InputError
from mdialog.evaluate.diversity import near_repeats
from mdialog.listener.base import DEFAULT
from mdialog.plan import Clip, PlannedTurn
from mdialog.run import record_of
from mdialog.sieves import Answer, _auc, answered_deaf, answers_of, calibrate, earlier, low_confidence
from mdialog.write import Written, WrittenTurn

HZ = {"t1": 220, "t2": 440, "t3": 660}
WORDS = {"t1": "slow", "t2": "fast", "t3": "very fast"}
RATE = 16_000


def unit(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


# ---- similarity


def test_answers_like_their_clips_are_told_apart_and_the_unlike_ones_lie_under_the_threshold():
    rng = np.random.default_rng(0)
    sounds = unit(rng.normal(size=(200, 32)))
    texts = unit(sounds + 0.1 * rng.normal(size=sounds.shape))
    texts[:10] = unit(rng.normal(size=(10, 32)))  # these speak of something else
    found = calibrate(texts, sounds, [{f"t{i}"} for i in range(200)], percentile=99.0)
    cosines = (texts * sounds).sum(axis=1)
    assert found.used and found.auc > 0.95 and found.low <= found.auc <= found.high
    assert (cosines[10:] > found.threshold).all() and (cosines[:10] < found.threshold).sum() >= 8
    assert found.below == pytest.approx((cosines < found.threshold).mean())
    assert found.below_mismatched == pytest.approx(0.99, abs=0.001)


def test_who_cannot_tell_clips_apart_drops_nothing_unless_a_threshold_is_given():
    rng = np.random.default_rng(1)
    texts, sounds = unit(rng.normal(size=(300, 16))), unit(rng.normal(size=(300, 16)))
    tracks = [{f"t{i % 30}"} for i in range(300)]
    found = calibrate(texts, sounds, tracks)
    assert found.low < 0.5 < found.high and not found.used and "nothing is dropped" in str(found)
    given = calibrate(texts, sounds, tracks, given=0.3)
    assert given.used and given.given and given.threshold == 0.3 and given.auc == found.auc
    assert found == calibrate(texts, sounds, tracks)
    few = calibrate(texts[:5], texts[:5], tracks[:5])
    assert few.auc == 1.0 and not few.used and "fewer than 30" in str(few)


def test_the_auc_is_the_area_under_the_curve():
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(2)
    own, others = rng.normal(0.5, 1, 40).round(1), rng.normal(size=(40, 20)).round(1)  # rounded: with ties
    there = rng.random((40, 20)) < 0.9
    weights = rng.integers(0, 3, size=(3, 40))
    for found, w in zip(_auc(own, others, there, weights), weights, strict=True):
        right = np.arange(40 + there.sum()) < 40
        of = np.concatenate([np.arange(40), np.nonzero(there)[0]])
        assert found == pytest.approx(roc_auc_score(right, np.concatenate([own, others[there]]), sample_weight=w[of]))


def test_a_clip_of_the_same_track_is_no_mismatch():
    same = unit(np.ones((6, 4)))
    found = calibrate(same, same, [{"t1"}, {"t1", "t2"}] * 3)
    assert found.n_mismatched == 0 and found.auc is None and not found.used and "nothing is dropped" in str(found)
    assert calibrate(same, same, [{"t1"}] * 6, given=0.3).used
    assert calibrate(same, same, [{"t1"}, {"t2"}, {"t1", "t2"}] * 2).n_mismatched > 0  # the first and the second share nothing


# ---- phrases


@pytest.mark.parametrize(
    "text",
    [
        "The key isn't specified.", "The tempo was not explicitly mentioned.", "I am not sure.",
        "I’m not really sure about that",
        "It's hard to say from this.", "That is unclear.", "I can't tell.", "The singer cannot be identified.",
        "There is not enough information.", "As an AI, it is a flute.", "The text doesn't mention drums.",
        "It seems unclear.", "The key is unclear.", "The singer remains unknown", "I cannot quite make it out.",
        "I’m not able to tell.", "It's hard to make them out.", "Might be jazz.", "Hmm, could be in minor…",
        "It could be a piano or a harp.", "Good question. That may well be a flute.", "I think it might be fast.",
        "The lead might be an oboe.", "It's either a piano or a harp.", "Perhaps it might be a waltz",
    ],
)  # fmt: skip
def test_what_does_not_commit_itself_is_found(text):
    assert low_confidence(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "It's a flute, I think.", "There are no drums.", "It is not clearly in major, it is in minor.", "No voices here.",
        "I'm not certain, but it might be a harp.", "I don't hear any singing.", "The beat is hard to resist.", "…", "日本語",
        "I can't quite put my finger on it, but it's slow.", "It's slow, but I might be wrong.", "It's fast, maybe, I think",
        "This might be what you want: it's slow.", "That could be it.", "Yes, probably, it's slow.", "It is clear and bright.",
        "It could be just what you need, slow and calm.", "Either way, it's slow.", "Its singer is unknown to many.",
        "Well, it may be called frantic in pace.",
    ],
)  # fmt: skip
def test_what_commits_itself_passes(text):
    assert low_confidence(text) is None


def test_more_phrases_can_be_given_and_the_first_one_is_told():
    assert low_confidence("Perhaps a flute, it's unclear.") == "it's unclear"
    assert low_confidence("Perhaps a flute, it's unclear.", more=["perhaps"]) == "Perhaps"


# ---- duplicates


def test_the_first_is_kept_and_what_repeats_only_a_dropped_one_is_no_duplicate():
    texts = ["a calm flute plays", "A calm flute plays!", "loud drums", "a calm flute plays", "…", "!"]
    assert earlier(texts, near=0.8, out=[False] * 6) == {1: (0, 1.0), 3: (0, 1.0)}
    assert earlier(texts, near=0.8, out=[True, *[False] * 5]) == {3: (1, 1.0)}
    assert earlier(texts, near=0.8, out=[False] * 6, kinds=[0, 1, 0, 1, 0, 0]) == {3: (1, 1.0)}
    assert earlier([], near=0.8, out=[]) == {}


def test_a_chain_of_likenesses_is_cut_at_what_was_dropped():
    a, b, c = "a b c d e f g h i j", "a b c d e f g h i x", "a b c d e f g h y x"
    assert earlier([a, b, c], near=0.8, out=[False] * 3).keys() == {1}  # c is like b alone, which is gone
    assert near_repeats([a, b, c]) == pytest.approx(2 / 3)


def test_blocks_change_nothing(monkeypatch):
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(list("abcdef"), size=4)) for _ in range(90)]
    whole = earlier(texts, near=0.8, out=[False] * 90)
    monkeypatch.setattr("mdialog.evaluate.diversity.BLOCK", 7)
    assert earlier(texts, near=0.8, out=[False] * 90) == whole and whole


# ---- without the sound


def play(plan, clip):
    return np.sin(2 * np.pi * HZ[clip.track_id] * np.arange(RATE) / RATE).astype(np.float32)


class Hearing:
    """Names the tempo that belongs to the tone it hears; without one always the same."""

    model_id, sample_rate, max_clip_s, sampling = "hearing@1", RATE, None, DEFAULT

    def __init__(self, *, deaf=False):
        self.deaf, self.seen = deaf, []

    def write(self, requests, *, n=1, first=0, seed=0, sampling=None):
        return [[self._say(request) for _ in range(n)] for request in requests]

    def _say(self, request):
        played = [part["audio"] for part in request.messages[-1]["content"] if part["type"] == "audio"]
        self.seen.append(played)
        spectrum = np.abs(np.fft.rfft(played[-1])) if played else np.zeros(1)
        tones = {hz: track for track, hz in HZ.items()}
        track = tones.get(int(spectrum.argmax())) if spectrum.max() > 4000 and not self.deaf else None
        return f"To my ear it's {WORDS[track] if track else 'slow'}."


def talk(folder, number, track, *, text=None, start_s=0.0):
    """A question about a track and its answer, as plan and record."""
    plan = plans.plan(folder, number)
    clip = (Clip(track, start_s, start_s + 1.0),)
    turns = (
        dataclasses.replace(plan.turns[0], intents=("item_attribute_question",), attributes=(), clips=clip, asks=("tempo",)),
        PlannedTurn("assistant", ("item_attribute_answer",), clips=clip, asks=("tempo",)),
    )
    plan = dataclasses.replace(plan, turns=turns)
    said = (WrittenTurn("How fast is it?", 1, {}), WrittenTurn(text or f"I'd say it's {WORDS[track]}.", 1, {}))
    return plan, record_of(Written(plan, said), models={"listener": "hearing@1", "clap": "stub@1"})


@pytest.fixture
def talks(tmp_path):
    return [talk(tmp_path, i, ("t1", "t2", "t3")[i % 3]) for i in range(9)]


@pytest.mark.parametrize("sound", ["noise", "silence", "none"])
def test_what_is_said_without_the_sound_too_is_found_and_the_control_tells_who_hears(talks, sound):
    answers = [a for _, record in talks for a in answers_of(record)]
    by_id = {plan.id: plan for plan, _ in talks}
    listener = Hearing()
    same, found = answered_deaf(answers, by_id, listener, play=play, sound=sound, samples=2, batch=4)
    assert same.tolist() == [1.0, 0.0, 0.0] * 3  # "slow" is its guess, right or not
    assert found.without.hits == 3 and found.control.hits == 9 and found.control_without.hits == 3
    played = listener.seen[0]
    assert {"noise": len(played) == 1 and np.std(played[0]) > 0.5, "silence": len(played) == 1 and not np.any(played[0]),
            "none": not played}[sound]  # fmt: skip
    _, deaf = answered_deaf(answers, by_id, Hearing(deaf=True), play=play, sound=sound, samples=2)
    assert deaf.control == deaf.control_without == deaf.without


def test_an_answer_is_the_same_by_its_claims_or_its_words(tmp_path):
    _, record = talk(tmp_path, 0, "t2", text="It's fast, with a flute.")
    answer = Answer(record, 1)
    assert answer.question == "How fast is it?" and answer.clips == (Clip("t2", 0.0, 1.0),)
    assert answer.same("A flute plays, and it's fast, in a minor key.") and not answer.same("It's fast.")
    _, record = talk(tmp_path, 0, "t2", text="Yes, twice.")
    assert Answer(record, 1).same("yes twice") and not Answer(record, 1).same("Yes, once.") and not Answer(record, 1).said


def pair(folder, text, *, asks=("compare",)):
    """An answer about two clips: "Blue Hour" and then "River"."""
    clips = (Clip("t1", 0.0, 1.0), Clip("t2", 0.0, 1.0))
    turns = [PlannedTurn(role, (intent,), asks=asks, clips=clips) for role, intent in
             (("user", "item_attribute_question"), ("assistant", "item_attribute_answer"))]  # fmt: skip
    plan = dataclasses.replace(plans.plan(folder), turns=tuple(turns))
    said = (WrittenTurn("How do the two compare?", 1, {}), WrittenTurn(text, 1, {}))
    return Answer(record_of(Written(plan, said), models={}), 1)


@pytest.mark.parametrize(
    ("text", "other", "same"),
    [
        ("The first one is faster.", "The second one is faster.", False),
        ("The first is slow. It has a harp, no drums.", "The first is slow and has a harp; no drums in the first.", True),
        ("The first one is faster.", "The second one is slower.", True),
        ("The first one is not faster.", "The second one isn't slower.", True),
        ("The second one has a flute.", '"Blue Hour" has a flute.', False),
        ("The second one has a flute.", 'There is a flute in "River".', True),
        ("Both are slow.", "The first one is slow, and the second one is slow.", True),
        ("Both are slow.", "The first one is slow.", False),
        ("The first one is slow.", "Both are slow.", True),
    ],
)
def test_of_two_clips_it_counts_of_which_something_is_said(tmp_path, text, other, same):
    assert pair(tmp_path, text).same(other) == same


@pytest.mark.parametrize(
    ("text", "other", "same"),
    [
        ("Yes, it does.", "Yes, I hear it.", True),
        ("Yes, it does.", "There is a flute in it.", True),
        ("Yes, it does.", "No, it doesn't.", False),
        ("No.", "There's no flute.", True),
        ("No.", "A flute plays.", False),
    ],
)
def test_yes_and_no_claim_what_was_asked_after(tmp_path, text, other, same):
    assert pair(tmp_path, text, asks=("instrument:flute",)).same(other) == same


@pytest.mark.parametrize(
    ("text", "of"),
    [
        ("The first one has a flute.", ("t1",)), ("It's slow.", ("t2",)), ("Both are slow.", ("t1", "t2")),
        ("The first one has a flute, the second one is slow.", ("t1", "t2")), ("The first one is faster.", ("t1", "t2")),
        ("Hm.", ("t1", "t2")),
    ],
)  # fmt: skip
def test_an_answer_speaks_of_the_clips_of_its_claims(tmp_path, text, of):
    assert tuple(clip.track_id for clip in pair(tmp_path, text).clips) == of


def test_answers_are_the_turns_that_say_something_of_a_clip(tmp_path):
    plan = plans.plan(tmp_path)
    texts = ['Some reggae like "River".', '"Blue Hour" by The Lamps is one for you.', "Lovely, it's slow.",
             '"River" by Ana Sol: it\'s fast.', "No drums.", "What is it for?"]  # fmt: skip
    record = record_of(Written(plan, tuple(WrittenTurn(text, 1, {}) for text in texts)), models={})
    assert [answer.turn for answer in answers_of(record)] == [3]  # the seeker's turn is none, nor one that claims nothing
    bare = validate({**record.model_dump(), "turns": [t.model_dump() | {"heard": []} for t in record.turns]})
    assert answers_of(bare) == []


def test_a_dialogue_without_its_plan_is_named(talks):
    with pytest.raises(InputError, match="md-000000.*plans.jsonl"):
        answered_deaf(answers_of(talks[0][1]), {}, Hearing(), play=play)


def test_nothing_to_ask_again_is_no_error():
    same, found = answered_deaf([], {}, Hearing(), play=play)
    assert not len(same) and found.without.n == found.control.n == 0 and "deaf" in str(found)


def test_answers_about_sound_events_are_compared_by_what_they_state(tmp_path):
    made = plans.plan(tmp_path)
    clip = (Clip("t1", 0.0, 10.0),)
    turns = [PlannedTurn(role, (intent,), asks=("onset:siren",), clips=clip) for role, intent in
             (("user", "item_attribute_question"), ("assistant", "item_attribute_answer"))]  # fmt: skip
    made = dataclasses.replace(made, turns=tuple(turns))
    words_ = (WrittenTurn("When does the siren start?", 1, {}), WrittenTurn("The siren comes in after about 4 seconds.", 1, {}))
    record = validate(record_of(Written(made, words_), models={}).model_dump())
    answer = Answer(record, 1)
    assert answer.same("About 4 seconds in.") and not answer.same("About 7 seconds in.")
