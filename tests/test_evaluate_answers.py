"""Answers whose worth is known: the phrase book's own, those of another clip, and those that have no truth."""

import dataclasses
import json
import sys
from types import SimpleNamespace

import pyarrow as pa
import pytest

from mdialog import brief as briefs
from mdialog import seeds, split
from mdialog.claims import find, true_of
from mdialog.dialogue import Dialogue
from mdialog.errors import InputError
from mdialog.evaluate.answers import evaluate_answers, missing, table
from mdialog.evaluate.references import REFERENCES, answers_of, compare
from mdialog.metadata import EventSpan, events_over
from mdialog.plan import Clip, Plan, PlannedTurn, TrackRef
from mdialog.recipes.audio_dialogue import exchange
from mdialog.run import record_of
from mdialog.snapshot import Snapshot
from mdialog.synth.labels import ClipEvents, Labels, Span
from mdialog.synth.phrases import say
from mdialog.write import Written, WrittenTurn

N = 8
IDS = tuple(f"t{i:02d}" for i in range(N))
PLAYED = (("flute", "folk"), ("violin", "tango"), ("organ", "techno"), ("piano", "jazz"), ("accordion", "polka"),
          ("electric guitar", "rock"), ("harpsichord", "baroque"), ("banjo", "country"))  # fmt: skip
TEMPI, KEYS = (70.0, 100.0, 128.0, 178.0), ("C major", "D minor", "E minor", "G major", "A minor")
SOUNDS = ("siren", "bell", "dog", "rain")
MANNER = {"user_manner": "plain", "assistant_manner": "plain"}


def piece(i: int) -> Labels:
    name, genre = PLAYED[i]
    span = Span(0.0, 40.0, (0.1, 0.5, 0.9)[i % 3], (name, "drums"), name, ("choir", "instrumental")[i // 4])
    return Labels(TEMPI[i % 4], KEYS[i % 5], "4/4", genre, (("study", "party")[i % 2],), (span,))


TRUTH = {track: piece(i) for i, track in enumerate(IDS)}


def catalogue(**columns) -> Snapshot:
    rows = [{"track_id": t, "meta_title": f"Song {t}", **{name: values(i) for name, values in columns.items()}}
            for i, t in enumerate(IDS)]  # fmt: skip
    windows = pa.schema([("track_id", pa.string()), ("start_s", pa.float32()), ("end_s", pa.float32())]).empty_table()
    return Snapshot.from_arrow(pa.Table.from_pylist(rows), windows, labels=[])


SNAPSHOT = catalogue()


def marks(i: int) -> list[dict]:
    """Two sounds a track, with times of its own; one that is marked nowhere is no truth."""
    one, two = SOUNDS[i % 4], SOUNDS[(i + 1) % 4]
    return [{"label": one, "start_s": 1.0 + i % 3, "end_s": 3.0 + i % 3}, {"label": two, "start_s": 6.0, "end_s": 9.0}]


def plans_of(asks, recipe="audio-dialogue", length=10.0) -> list[Plan]:
    """A plan a track: of questions and answers, or of descriptions."""
    made = []
    for i, track in enumerate(IDS):
        clip = Clip(track, 0.0, length)
        before = (Clip(IDS[(i + 5) % N], 0.0, length),) if recipe == "comparison" else ()
        if recipe == "description":
            turns = tuple(PlannedTurn("assistant", ("description",), asks=(ask,), clips=(clip,)) for ask in asks)
        else:
            turns = tuple(turn for ask in asks for turn in exchange((ask,), (*before, clip)))
        refs = {c.track_id: TrackRef(c.track_id, f"Song {c.track_id}", f"Band {i % 6}") for c in (*before, clip)}
        made.append(Plan(f"d{i:02d}", recipe, 0, MANNER, {}, turns, refs))
    return made


def written(plans, answer) -> list[Dialogue]:
    """Dialogues with ``answer(number of the plan, brief, number of the turn)`` in the assistant's turns."""
    made = []
    for k, plan in enumerate(plans):
        texts = []
        for i, turn in enumerate(plan.turns):
            texts.append("What is it?" if turn.role == "user" else answer(k, briefs.build(plan, i, texts), i))
        made.append(record_of(Written(plan, tuple(WrittenTurn(text, 1, {}) for text in texts)), models={}))
    return made


def hears(shift: int = 0, truth=TRUTH):
    """The phrase book's answer, true of the clips of the plan `shift` further on, from a stream of its own."""

    def answer(k, brief, i):
        there = [truth[IDS[(IDS.index(c.track_id) + shift) % N]].over(c.start_s, c.end_s) for c in brief.clips]
        return say(brief, there, seeds.stdlib(99, k, i))

    return answer


def of(dialogues, plans, snapshot=SNAPSHOT, truth=TRUTH, **kw):
    found = evaluate_answers(dialogues, plans, snapshot, truth=truth, **kw)
    return found, {row.of: {f.metric: f for f in row.figures} for row in found.rows}


ASKS = {
    "audio-dialogue": ("instrument", "genre"),
    "comparison": ("suits:study", "compare:instrument"),
    "description": ("tag line", "paragraph"),
}


@pytest.mark.parametrize("recipe", ASKS)
def test_who_hears_is_above_the_control_and_who_heard_another_clip_is_not(recipe):
    plans = plans_of(ASKS[recipe], recipe)
    told, true = of(written(plans, hears()), plans)
    _, other = of(written(plans, hears(shift=1)), plans)
    assert told.n == len(told.compared) == N * len(ASKS[recipe]) and not told.left_out
    assert true["all"]["CIDEr-D"].adds_interval[0] > max(0, other["all"]["CIDEr-D"].adds)
    for name, hearing in true["all"].items():
        deaf = other["all"][name]
        assert hearing.adds > max(0, deaf.adds) and hearing.score > deaf.score
        assert hearing.adds == pytest.approx(hearing.score - hearing.another)
        assert hearing.book == deaf.book > hearing.another and hearing.book_adds == deaf.book_adds  # whoever answers
    assert true["all"]["BLEU-4"].adds_interval[0] > 0


@pytest.mark.parametrize("hearing", [False, True])
def test_who_always_says_yes_gains_nothing_by_it(hearing):
    words = ("slow", "moderate", "fast", "very fast")
    asked = [f"tempo:{words[(i + i // 4) % 4]}" for i in range(N)]  # so it is of the first four, and of no other
    plans = [dataclasses.replace(plan, id=f"{plan.id}-{n}") for n in range(4)
             for i in range(N) for plan in [plans_of((asked[i],))[i]]]  # fmt: skip

    def answer(k, brief, i):
        value = brief.asks[0].partition(":")[2]
        tempo = TRUTH[brief.clips[-1].track_id].over(0.0, 10.0).tempo if hearing else value
        return f"Yes, it's {value}." if tempo == value else f"No, it's {tempo}."

    found, rows = of(written(plans, answer), plans)
    assert not found.left_out and {one.kind for one in found.compared} == {"whether"}
    value = {plan.id: plan.turns[0].asks[0].partition(":")[2] for plan in plans}

    def yes(texts, asked):
        return any(claim.value == asked for text in texts for claim in find(text) if claim.kind == "tempo")

    n_yes = [sum(yes(texts, value[one.dialogue]) for one, texts in zip(found.compared, side, strict=True))
             for side in ([one.references for one in found.compared], [one.another for one in found.compared])]  # fmt: skip
    assert n_yes == [16, 16]
    adds = rows["all"]["CIDEr-D"].adds
    assert adds > 0.3 if hearing else abs(adds) < 0.15


def test_an_answer_that_is_one_of_its_references_scores_the_most():
    plans = plans_of(("tempo", "genre"))
    made = written(plans, hears())
    compared, left_out = compare(answers_of(made), plans, SNAPSHOT, TRUTH)
    text = {(one.dialogue, one.turn): one.references[3] for one in compared}
    _, rows = of(written(plans, lambda k, brief, i: text[plans[k].id, i]), plans)
    assert rows["all"]["ROUGE-L"].score == 1.0 > rows["all"]["ROUGE-L"].another
    assert rows["all"]["BLEU-4"].score == pytest.approx(100.0) and not left_out
    assert all(len(one.references) == len(one.another) == REFERENCES for one in compared)


def test_references_say_what_is_true_of_the_clip_and_the_others_what_is_true_of_one_other_track():
    def untrue(text, track):
        return any(true_of(claim, TRUTH[track].over(0.0, 10.0), None) is False for claim in find(text))

    plans = plans_of(("tempo", "mode"))
    compared, _ = compare(answers_of(written(plans, hears())), plans, SNAPSHOT, TRUTH)
    for one in compared:
        true_for = {t for t in IDS if not any(untrue(text, t) for text in one.another)}
        assert true_for and true_for != {one.tracks[0]}
        assert not any(untrue(text, one.tracks[0]) for text in (*one.references, one.book))


def test_the_same_seed_gives_the_same_figures_in_any_order_of_the_dialogues():
    plans = plans_of(("tempo", "genre"))
    made = written(plans, hears())
    one, two = of(made, plans, seed=4)[0], of(made[::-1], plans[::-1], seed=4)[0]
    assert {c.dialogue: (c.references, c.another) for c in one.compared} == {
        c.dialogue: (c.references, c.another) for c in two.compared}  # fmt: skip
    assert of(made, plans, seed=5)[0].compared != one.compared
    assert len(of(made, plans, n=7)[0].compared) == of(made, plans, n=7)[0].n == 7


def test_what_has_no_truth_is_left_out_and_counted():
    plans = plans_of(("tempo", "theme", "course"))  # nothing hears a theme, and energies here are level
    made = written(plans, lambda k, brief, i: "It is fast.")
    known = {t: labels for t, labels in TRUTH.items() if t != IDS[3]}
    found, rows = of(made, plans[:-1], truth=known)
    assert found.left_out == {"without a plan": 3, "a track without a truth": 3, "no clear answer in the truth": 6}
    assert {one.kind for one in found.compared} == {"value asked", "course"} and {*rows} == {"all"}
    assert sum(found.left_out.values()) + len(found.compared) == found.n == 24
    assert "a track without a truth 3" in table(found) and IDS[3] not in {t for one in found.compared for t in one.tracks}


def test_nothing_with_a_truth_and_nobody_else_to_compare_with_make_no_rows():
    plans = plans_of(("tempo",))
    made = written(plans, hears())
    found, rows = of(made, plans, truth={})
    assert not rows and found.left_out == {"a track without a truth": N} and "0 of 8 answers compared" in table(found)
    alone, _ = of(made, plans, truth={IDS[0]: TRUTH[IDS[0]]})
    assert alone.left_out == {"a track without a truth": N - 1, "no other track to compare with": 1} and not alone.rows
    assert evaluate_answers([], [], SNAPSHOT, truth={}).n == 0


def test_only_the_tracks_of_a_test_side_are_looked_at():
    plans = plans_of(("tempo",))
    made = written(plans, hears())
    test = set(split.split(made, test_share=0.3).test)
    held = {track for d in made if d.id in test for track in d.tracks}
    found, _ = of(made, plans, tracks=held)
    assert {one.dialogue for one in found.compared} == test and 2 <= found.n < N
    assert of(made, plans, tracks=())[0].n == 0
    pairs = plans_of(("same",), "comparison")
    assert of(written(pairs, hears()), pairs, tracks=IDS[:4])[0].n == 1  # t00 before t03 is all: both have to be held


def test_kinds_of_question_and_recipes_have_rows_where_there_are_enough():
    plans = plans_of(("tempo", "genre", "key", "vocal:choir", "mode:minor", "tempo:slow"))
    others = [dataclasses.replace(plan, id=f"c-{plan.id}") for plan in plans_of(("same", "compare"), "comparison")]
    found, rows = of(written(plans + others, hears()), plans + others)
    sizes = {row.of: (row.n, row.n_tracks, row.source) for row in found.rows}
    assert sizes == {"all": (64, 8, "phrase book"), "audio-dialogue": (48, 8, "phrase book"),
                     "value asked": (24, 8, "phrase book"), "whether": (24, 8, "phrase book")}  # fmt: skip
    text = table(found)
    assert "sacrebleu nrefs:5" in text and "tok:13a" in text and "pycocoevalcap" in text and "rouge-score" in text
    assert text.count("| ROUGE-L |") == 4 and len(json.dumps(found.as_json())) > len(text)


# ---- sound events and captions


def test_answers_about_events_are_held_against_the_marked_times():
    snapshot = catalogue(meta_events=marks)
    plans = plans_of(("event", "onset:siren", "event:bell", "times:dog", "event:helicopter", "onset:unheard of"))

    def answer(k, brief, i):
        events = events_over((EventSpan(**mark) for mark in marks(k)), 0.0, 10.0)
        known = brief.asks[0] not in ("event:helicopter", "onset:unheard of")
        return say(brief, [ClipEvents(events, 10.0)], seeds.stdlib(7, k, i)) if known else "No idea."

    made = written(plans, answer)
    found, rows = of(made, plans, snapshot, truth={})
    assert found.left_out == {"no clear answer in the truth": 2 * N} and {c.kind for c in found.compared} == {"events"}
    assert rows["all"]["CIDEr-D"].adds_interval[0] > 0 and rows["all"]["ROUGE-L"].adds > 0
    siren = [one for one in found.compared if one.turn == 3]
    assert any("no siren" in text for one in siren for text in one.references)
    assert any("second" in text for one in siren for text in one.references)


def test_captions_are_used_as_they_are_and_stand_apart():
    texts = [f"Café-Musik № {i}: {PLAYED[i][0]} over a {SOUNDS[i // 4]}" for i in range(N)]
    plans = plans_of(("sentence", "tag line"), "description")
    snapshot = catalogue(meta_caption=lambda i: texts[i] if i != 4 else "…")
    made = written(plans, lambda k, brief, i: texts[k])
    found, rows = of(made, plans, snapshot, truth={IDS[0]: TRUTH[IDS[0]]})
    assert found.left_out == {"a track without a truth": 2} and {row.source for row in found.rows} == {"captions"}
    assert {one.references for one in found.compared} == {(t,) for i, t in enumerate(texts) if i != 4}
    assert all(one.another != one.references and one.another[0] in texts for one in found.compared)
    assert rows["all"]["ROUGE-L"].score == 1.0 and rows["all"]["ROUGE-L"].book is None and "nrefs:1" in table(found)
    _, both = of(made, plans, snapshot)  # t04 has labels too, but nobody beside it to compare with
    assert both["all"]["CIDEr-D"].book is not None


# ---- libraries


def test_a_missing_library_is_named_with_what_installs_it(monkeypatch):
    assert missing() is None
    plans = plans_of(("tempo",))
    made = written(plans, hears())
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "sacrebleu" else SimpleNamespace())
    assert missing() == "sacrebleu not installed; text metrics need: pip install 'mdialog[eval]'"
    monkeypatch.setitem(sys.modules, "sacrebleu", None)
    with pytest.raises(InputError, match=r"pip install 'mdialog\[eval\]'"):
        of(made, plans)
