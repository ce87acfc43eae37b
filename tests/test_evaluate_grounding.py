"""Grounding on listeners whose hearing is known: one that hears, one that says the same to everything."""

import dataclasses

import numpy as np
import plans
import pytest

from mdialog.claims import Claim
from mdialog.errors import InputError
from mdialog.evaluate.grounding import SOUNDS, Stated, _by_verdict, _sounds, _Turn, _write, evaluate_grounding, table
from mdialog.evidence import COLUMNS, Witness
from mdialog.hearing import Share
from mdialog.listener.base import DEFAULT
from mdialog.plan import Clip
from mdialog.referee import Referee
from mdialog.run import record_of
from mdialog.synth.labels import Labels, Span
from mdialog.verdicts import Verifier
from mdialog.write import Written, write_plans

RATE = 16_000
HZ = {"t1": 220, "t2": 440, "t3": 660}
BPM = {"t1": 90.0, "t2": 130.0, "t3": 170.0}
WORDS = {90.0: "moderate", 130.0: "fast", 170.0: "very fast"}


def play(plan, clip: Clip) -> np.ndarray:
    return np.sin(2 * np.pi * HZ[clip.track_id] * np.arange(RATE) / RATE).astype(np.float32)


class Hearing(plans.Reader):
    """Says the tempo that belongs to the tone it hears; without a tone always the same word."""

    sampling = DEFAULT

    def __init__(self, *, deaf: bool = False):
        super().__init__(bad=0.0)
        self.deaf = deaf

    def _say(self, request, k, seed):
        said = super()._say(request, k, seed)
        played = [part["audio"] for part in request.messages[-1]["content"] if part["type"] == "audio"]
        if not played or "is one for you" not in said:
            return said
        spectrum = np.abs(np.fft.rfft(played[-1]))
        peak = int(spectrum.argmax())
        word = {hz: WORDS[BPM[t]] for t, hz in HZ.items()}.get(peak, "fast") if spectrum.max() > 4000 else "fast"
        return f"{said} The tempo is {'fast' if self.deaf else word}."


def truth(bpm: float) -> Labels:
    span = Span(0.0, 60.0, 0.5, ("flute",), "flute", "instrumental")
    return Labels(bpm, "D minor", "4/4", "folk", (), (span,))


TRUTH = {track: truth(bpm) for track, bpm in BPM.items()}


@pytest.fixture
def run_of(tmp_path):
    def make(listener, n=6):
        made = []
        for i in range(n):
            plan = plans.plan(tmp_path, i)
            first = ("t1", "t2", "t3")[i % 3]
            turn = dataclasses.replace(plan.turns[1], track_seq=(first,), clips=(Clip(first, 0.0, 10.0),))
            made.append(dataclasses.replace(plan, turns=(plan.turns[0], turn)))
        done = [w for w in write_plans(made, listener, play=play) if isinstance(w, Written)]
        return made, [record_of(w, models={}) for w in done]

    return make


@pytest.mark.parametrize("deaf", [False, True])
def test_who_hears_is_right_with_the_real_clip_only_and_who_does_not_is_as_right_with_any(run_of, deaf):
    listener = Hearing(deaf=deaf)
    made, dialogues = run_of(listener)
    referee = Referee(Witness({}, {}), Verifier())
    found = evaluate_grounding(dialogues, made, listener, referee, play=play, truth=TRUTH, n=50)
    share = {sound: found.by_kind[sound]["tempo"] for sound in SOUNDS}
    assert {s.n for s in share.values()} == {6} and found.truth == "composer"
    assert share["noise"].value == share["silence"].value == pytest.approx(1 / 3)
    assert share["real clip"].value == pytest.approx(1 / 3 if deaf else 1.0)
    assert share["another clip"].value == pytest.approx(1 / 3 if deaf else 0.0)
    assert found.written["real clip"].recommending.value == 1.0 and found.written["real clip"].claims == 1.0
    text = table(found)
    assert "| tempo |" in text and "another clip" in text
    assert found.as_json()["by_kind"]["real clip"]["all"]["n"] == 6
    gain, low, high = found.gain
    assert low <= gain <= high and gain == pytest.approx(0.0 if deaf else 1.0)
    assert found.chance == pytest.approx(1 / 3 if deaf else 0.0, abs=1e-4)  # what is true of one of the three clips alone
    assert f"With the real clip {gain:+.2f}" in text and "by chance" in text
    assert found.cost["listener"] > 0 < found.cost["checks"] and f"{found.cost['listener']:.0f} ms" in text


def test_candidates_of_failed_dialogues_count_among_the_rejected(run_of):
    listener = Hearing()
    made, dialogues = run_of(listener)
    how = {"play": play, "truth": TRUTH, "n": 2}
    failed = [{"candidates": 13, "rejected": {"claims.key": 10, "names": 3}}]
    found = evaluate_grounding(dialogues, made, listener, Referee(Witness({}, {}), Verifier()), failures=failed, **how)
    looked_at = 13 + sum(turn.writing.candidates for d in dialogues for turn in d.turns)
    assert found.rejected["claims.key"] == Share(10, looked_at)
    assert f"Of {looked_at} candidates" in table(found) and "claims.key" in table(found)


def test_accepted_statements_are_counted_by_their_verdict():
    stated = [("heard", True, "supported")] * 3 + [("heard", False, "supported"), ("heard", True, "unverifiable")]
    stated += [("heard", False, "unverifiable"), ("echoed", False, "supported"), ("heard", None, "unverifiable")]
    said = Claim("fast", "tempo", "fast", True, 0, 0)
    found = _by_verdict([Stated("accepted", "tempo", basis, true, verdict, said) for basis, true, verdict in stated])
    assert found["accepted and supported ones that are true"] == Share(3, 4)
    assert found["accepted ones that cannot be told, and are true"] == Share(1, 2)


def test_what_was_asked_for_is_no_hearing(run_of):
    listener = Hearing()
    made, dialogues = run_of(listener)
    wish = dataclasses.replace(made[0].turns[0], attributes=("tempo:fast",))
    asked = [dataclasses.replace(p, turns=(wish, p.turns[1])) for p in made]
    referee = Referee(Witness({}, {}), Verifier())
    found = evaluate_grounding(dialogues, asked, listener, referee, play=play, truth=TRUTH, n=50)
    assert found.by_kind["real clip"]["tempo"].n == 4  # "fast" was asked for: two clips that are fast are an echo
    written = found.written["real clip"]
    assert (written.recommending.hits, written.recommending_heard.hits, written.claims) == (6, 4, pytest.approx(4 / 6))
    assert "all" not in found.by_kind["silence"]


def test_without_labels_the_verifier_is_the_truth(run_of):
    listener = Hearing()
    made, dialogues = run_of(listener)
    same = {f"measured_{column}": 0.5 for column in COLUMNS}
    rows = {track: [{"start_s": 0.0, "end_s": 10.0, "embedding": [1.0], **same, "measured_tempo_bpm": bpm,
                     "measured_tempo_confidence": 1.0}] for track, bpm in BPM.items()}  # fmt: skip
    found = evaluate_grounding(dialogues, made, listener, Referee(Witness(rows, {}), Verifier()), play=play, truth={}, n=50)
    assert found.truth == "verifier" and found.by_kind["real clip"]["tempo"].value == 1.0
    assert found.by_kind["another clip"]["tempo"].value == 0.0 and found.checker == {}


def test_another_clip_is_never_of_the_same_track_and_never_lacking(run_of):
    made, dialogues = run_of(Hearing(), n=2)  # t1 and t2
    both = dataclasses.replace(made[0].turns[1], clips=(Clip("t1", 0.0, 10.0), Clip("t1", 20.0, 30.0)))
    turns = [_Turn(dataclasses.replace(made[0], turns=(made[0].turns[0], both)), 1, ["Hello."]), _Turn(made[1], 1, ["Hello."])]
    swapped = _sounds(turns, play, 0)["another clip"]
    assert [len(clips) for clips in swapped] == [2, 1]
    assert all(np.abs(np.fft.rfft(clip)).argmax() == HZ["t2"] for clip in swapped[0])
    with pytest.raises(InputError, match="the same tracks"):
        evaluate_grounding(dialogues[:1], made, Hearing(), Referee(Witness({}, {}), Verifier()), play=play, truth=TRUTH)


def test_what_a_run_told_its_listener_is_told_again(run_of):
    listener = Hearing()
    made, dialogues = run_of(listener)
    how = {"play": play, "truth": TRUTH, "n": 50, "hints": lambda clip: ("tempo fast", "tempo moderate")}
    told = evaluate_grounding(dialogues, made, listener, Referee(Witness({}, {}), Verifier()), **how)
    assert told.by_kind["real clip"]["tempo"].n == 2  # the very fast one; the others were told
    assert told.written["real clip"].claims == pytest.approx(2 / 6)


def test_what_plays_ahead_is_exchanged_too(tmp_path):
    def tones(clips):
        return [int(np.abs(np.fft.rfft(clip)).argmax()) for clip in clips]

    ahead, other = plans.looks_ahead(plans.plan(tmp_path)), plans.plan(tmp_path, 1)
    said = dataclasses.replace(other.turns[1], clips=(Clip("t3", 0.0, 10.0),))
    turns = [_Turn(ahead, 2, ["One.", "Two."]),
             _Turn(dataclasses.replace(other, turns=(other.turns[0], said)), 1, ["One."])]  # fmt: skip
    sounds = {sound: clips[0] for sound, clips in _sounds(turns, play, 0).items()}
    assert tones(sounds["real clip"]) == [HZ["t2"], HZ["t1"]]
    assert tones(sounds["another clip"]) == [HZ["t3"]] * 2
    assert [clip.any() for clip in sounds["silence"]] == [False, False]
    assert all(np.abs(np.fft.rfft(clip)).max() < 2000 for clip in sounds["noise"])  # a tone has 8000
    heard = []
    listener = Hearing()
    listener._on_write = lambda requests: heard.extend(requests)
    _write(listener, turns, _sounds(turns, play, 0)["another clip"], 0)
    parts = [part["audio"] for part in heard[0].messages[-1]["content"] if part["type"] == "audio"]
    assert tones(parts) == [HZ["t3"]] * 2
