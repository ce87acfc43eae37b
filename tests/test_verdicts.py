"""A claim is supported, contradicted, or cannot be told; between the two lies a band."""

import numpy as np
import pytest

from mdialog import verdicts
from mdialog.claims import Claim
from mdialog.errors import InputError
from mdialog.evidence import Evidence
from mdialog.verdicts import N_MEASURED, Judge, Verifier

LIMITS = {
    "tempo_sure": 0.6, "key_support": 0.5,
    "key_contradict": 0.7, "mode_support": 0.6, "mode_contradict": 0.8, "energy_support": -0.02, "energy_contradict": 0.1,
    "course_support": 0.2, "course_contradict": 0.0, "level_support": 0.05, "level_contradict": 0.2, "bright_hz": 2000.0,
    "dark_hz": 1000.0, "dense_hz": 5.0, "sparse_hz": 2.0, "brightness_hz_support": 0.0, "brightness_hz_contradict": 0.2,
    "onset_rate_hz_support": 0.0, "onset_rate_hz_contradict": 0.2, "tempo_bpm_same": 0.06, "tempo_bpm_differs": 0.1,
    "energy_same": 0.04, "energy_differs": 0.12, "brightness_hz_same": 0.1, "brightness_hz_differs": 0.3,
    "onset_rate_hz_same": 0.1, "onset_rate_hz_differs": 0.3, "tempo_bpm_unlike": 0.1, "energy_unlike": 0.2,
    "brightness_hz_unlike": 0.3, "onset_rate_hz_unlike": 0.3,
}  # fmt: skip
MEASURED = {
    "tempo_bpm": 100.0, "tempo_confidence": 0.8, "key": "D minor", "key_confidence": 0.8, "mode": "minor",
    "mode_confidence": 0.9, "energy": 0.5, "energy_trend": 0.0, "brightness_hz": 2500.0, "onset_rate_hz": 1.0,
    "percussive_share": 0.3, "beat_strength": 0.4,
}  # fmt: skip


def said(kind, value, *, present=True, comparison=None):
    return Claim(value, kind, value, present, 0, 1, comparison)


def told(claim, *, before=None, judge=None, read=None, embedding=None, duration_s=10.0, **measured):
    evidence = Evidence({**MEASURED, **measured}, embedding, read=read or {}, duration_s=duration_s)
    return Verifier(judge, LIMITS).verdict(claim, evidence, before).verdict


@pytest.mark.parametrize(
    "value, measured, expected",
    [
        ("moderate", {}, "supported"),
        ("fast", {}, "contradicted"),
        ("slow", {}, "unverifiable"),  # half of 100 would be slow
        ("very fast", {}, "unverifiable"),  # and so would the double
        ("fast", {"tempo_confidence": 0.5}, "unverifiable"),
        ("moderate", {"tempo_confidence": 0.3}, "unverifiable"),
        ("fast", {"tempo_bpm": 108.0}, "supported"),  # within 4 % of the border at 112
        ("fast", {"tempo_bpm": 107.0, "tempo_confidence": 0.7}, "contradicted"),
        ("104", {}, "supported"),
        ("105", {}, "contradicted"),
        ("200", {}, "unverifiable"),  # the double
        ("slow", {"tempo_bpm": None}, "unverifiable"),
    ],
)
def test_tempo(value, measured, expected):
    assert told(said("tempo", value), **measured) == expected


def test_a_claim_of_the_clip_before_or_of_both_is_held_against_these():
    here, there = Evidence({**MEASURED, "key": "D minor"}), Evidence({**MEASURED, "key": "E minor", "tempo_bpm": 70.0})

    def of(clip, kind, value, *, comparison=None, before=there, present=True):
        claim = Claim(value, kind, value, present, 0, 1, comparison, clip)
        return Verifier(None, LIMITS).verdict(claim, here, before).verdict

    assert [of(clip, "key", "D minor") for clip in ("this", "before", "both")] == ["supported", "contradicted", "contradicted"]
    assert [of(clip, "mode", "minor") for clip in ("this", "before", "both")] == ["supported"] * 3
    assert of("both", "key", "C major", present=False) == "supported"  # neither is in it
    assert [of(clip, "tempo", "fast", comparison="more") for clip in ("this", "before")] == ["supported", "contradicted"]
    unsure = Evidence({**MEASURED, "mode_confidence": 0.1})
    assert of("both", "mode", "minor", before=unsure) == "unverifiable" and of("both", "mode", "major") == "contradicted"
    assert of("both", "mode", "minor", before=None) == of("before", "mode", "minor", before=None) == "unverifiable"


@pytest.mark.parametrize(
    "claim, measured, expected",
    [
        (said("key", "D minor"), {}, "supported"),
        (said("key", "F major"), {}, "contradicted"),
        (said("key", "F major"), {"key_confidence": 0.6}, "unverifiable"),
        (said("mode", "minor"), {"mode_confidence": 0.5}, "unverifiable"),
        (said("mode", "major"), {}, "contradicted"),
        (said("mode", "major", present=False), {}, "supported"),
        (said("energy", "medium"), {}, "supported"),
        (said("energy", "high"), {"energy": 0.6}, "unverifiable"),
        (said("energy", "high"), {"energy": 0.4}, "contradicted"),
        (said("loudness", "quiet"), {"energy": 0.1}, "supported"),
        (said("brightness", "bright"), {}, "supported"),
        (said("brightness", "dark"), {}, "contradicted"),
        (said("brightness", "dark"), {"brightness_hz": 1100.0}, "unverifiable"),
        (said("density", "sparse"), {}, "supported"),
        (said("density", "dense"), {}, "contradicted"),
        (said("course", "rising"), {"energy_trend": 0.3}, "supported"),
        (said("course", "rising"), {"energy_trend": 0.1}, "unverifiable"),
        (said("course", "falling"), {"energy_trend": 0.1}, "contradicted"),
        (said("course", "level"), {}, "supported"),
        (said("course", "rising"), {"energy_trend": 0.3, "duration_s": 4.0}, "unverifiable"),
    ],
)  # fmt: skip
def test_what_is_measured(claim, measured, expected):
    assert told(claim, **measured) == expected


def test_nothing_played_and_nothing_to_judge_by():
    assert Verifier(None, LIMITS).verdict(said("tempo", "slow"), None).verdict == "unverifiable"
    assert told(said("instrument", "flute")) == "unverifiable"
    assert told(said("lead", "flute")) == "unverifiable"


@pytest.mark.parametrize(
    "claim, here, there, expected",
    [
        (said("tempo", "fast", comparison="more"), 120.0, 100.0, "supported"),
        (said("tempo", "fast", comparison="less"), 120.0, 100.0, "contradicted"),
        (said("tempo", "fast", comparison="more", present=False), 120.0, 100.0, "contradicted"),
        (said("tempo", "fast", comparison="same"), 100.0, 102.0, "supported"),
        (said("tempo", "fast", comparison="more"), 106.0, 100.0, "unverifiable"),
    ],
)
def test_comparison_with_the_clip_before(claim, here, there, expected):
    before = Evidence({**MEASURED, "tempo_bpm": there})
    assert told(claim, tempo_bpm=here, before=before) == expected
    assert told(claim, tempo_bpm=here) == "unverifiable"  # there is none
    unsure = Evidence({**MEASURED, "tempo_bpm": there, "tempo_confidence": 0.1})
    assert told(claim, tempo_bpm=here, before=unsure) == "unverifiable"


def test_instruments_cannot_be_compared():
    assert told(said("instrument", "drums", comparison="more"), before=Evidence(MEASURED)) == "unverifiable"


@pytest.fixture(scope="module")
def judge():
    """Axis 0 is the flute, 1 the choir, 2 reggae; present from 1 on, absent under -1."""
    labels = ("instrument:flute", "vocal:choir", "genre:reggae", "instrument:synth lead", "instrument:synth pad")
    weights = np.zeros((5, 2 * 4 + N_MEASURED), np.float32)
    weights[[0, 1, 2, 3, 4], [0, 1, 2, 3, 3]] = 1.0
    bars = np.ones(5, np.float32)
    return Judge(labels, weights, 0 * bars, bars, -bars, 0 * bars, "abc")


@pytest.mark.parametrize(
    "claim, axes, expected",
    [
        (said("instrument", "flute"), (2, 0, 0, 0), "supported"),
        (said("instrument", "flute"), (0.5, 0, 0, 0), "unverifiable"),
        (said("instrument", "flute"), (-2, 0, 0, 0), "contradicted"),
        (said("instrument", "flute", present=False), (-2, 0, 0, 0), "supported"),
        (said("instrument", "harp"), (2, 0, 0, 0), "unverifiable"),  # nothing was fitted for it
        (said("instrument", "synth"), (0, 0, 0, 2), "supported"),
        (said("instrument", "synth"), (0, 0, 0, -2), "contradicted"),
        (said("lead", "flute"), (2, 0, 0, 0), "unverifiable"),
        (said("lead", "flute"), (-2, 0, 0, 0), "contradicted"),
        (said("lead", "flute", present=False), (-2, 0, 0, 0), "supported"),
        (said("vocal", "voice"), (0, 2, 0, 0), "supported"),
        (said("vocal", "instrumental"), (0, 2, 0, 0), "contradicted"),
        (said("vocal", "instrumental"), (0, -2, 0, 0), "supported"),
        (said("vocal", "instrumental"), (0, 0, 0, 0), "unverifiable"),
    ],
)
def test_what_is_heard(judge, claim, axes, expected):
    assert told(claim, judge=judge, embedding=np.array(axes, np.float32)) == expected


@pytest.mark.parametrize(
    ("claim", "axes", "leans"),
    [
        (said("instrument", "flute"), (0.5, 0, 0, 0), 0.5),
        (said("instrument", "flute", present=False), (0.5, 0, 0, 0), -0.5),
        (said("vocal", "voice"), (0, 0.5, 0, 0), 0.5),
        (said("vocal", "instrumental"), (0, 0.5, 0, 0), -0.5),
        (said("vocal", "instrumental", present=False), (0, 0.5, 0, 0), 0.5),
        (said("lead", "flute"), (0.5, 0, 0, 0), None),
    ],
)
def test_what_cannot_be_told_leans_to_one_side(judge, claim, axes, leans):
    found = Verifier(judge, LIMITS).verdict(claim, Evidence(MEASURED, np.array(axes, np.float32)))
    assert found.verdict == "unverifiable" and found.evidence.get("leans") == leans


def test_it_leans_by_what_the_sound_adds_to_how_common_a_label_is(judge):
    from dataclasses import replace

    common = replace(judge, prior=np.full(5, 2.0, np.float32))
    heard = Evidence(MEASURED, np.array([0.5, 0, 0, 0], np.float32))
    found = Verifier(common, LIMITS).verdict(said("instrument", "flute"), heard)
    assert found.evidence["leans"] == -1.5


@pytest.mark.parametrize(("energy", "expected"), [(0.53, "supported"), (0.65, "unverifiable"), (0.75, "contradicted")])
def test_as_much_energy_has_borders_of_its_own(energy, expected):
    claim = said("energy", "high", comparison="same")
    assert told(claim, energy=energy, before=Evidence({**MEASURED, "energy": 0.5})) == expected


def test_of_a_family_the_evidence_is_of_the_label_that_decides(judge):
    from dataclasses import replace

    prior = np.array([0, 0, 0, 2.0, -2.0], np.float32)
    family = replace(judge, prior=prior, present=prior + 1, absent=prior - 1, bias=np.array([0, 0, 0, 2.5, 0], np.float32))
    found = Verifier(family, LIMITS).verdict(said("instrument", "synth"), Evidence(MEASURED, np.zeros(4, np.float32)))
    assert found.verdict == "supported" and found.evidence["label"] == "instrument:synth pad"
    assert found.evidence["value"] >= found.evidence["thresholds"][1]


def test_who_leads_is_heard_where_the_judge_can(judge):
    weights = np.zeros((6, 2 * 4 + N_MEASURED), np.float32)
    weights[:5], weights[5, 1] = judge.weights, 1.0
    bars = np.ones(6, np.float32)
    leads = Judge((*judge.labels, "lead:flute"), weights, 0 * bars, bars, -bars, 0 * bars, "abc")

    def of(*axes, **other):
        return told(said("lead", "flute", **other), judge=leads, embedding=np.array(axes, np.float32))

    assert of(2, 2, 0, 0) == "supported" and of(2, 0, 0, 0) == "unverifiable" and of(2, -2, 0, 0) == "contradicted"
    assert of(-2, 2, 0, 0) == "contradicted"  # what does not sound does not lead
    assert of(2, -2, 0, 0, present=False) == "supported" and of(2, 2, 0, 0, present=False) == "contradicted"


def test_heard_tags_are_what_is_likely_there(judge):
    def values(*axes):
        return judge.values(Evidence(MEASURED, np.array(axes, np.float32)))

    assert values(2, 2, 2, 0) == {"instrument": ["flute"], "vocal": ["choir"], "genre": ["reggae"], "mood": []}
    assert values(0, -2, -1, 3)["instrument"] == ["synth lead", "synth pad"]
    assert values(0, -2, -1, 0)["vocal"] == ["instrumental"] and values(0, 0, -1, 0)["vocal"] == []


def test_metadata_beside_the_signal(judge):
    def look(claim, axes, **read):
        evidence = Evidence(MEASURED, np.array(axes, np.float32), read=read)
        return Verifier(judge, LIMITS).verdict(claim, evidence)

    reggae = said("genre", "reggae")
    believed = look(reggae, (0, 0, 0, 0), genre=("reggae",))
    assert (believed.verdict, believed.evidence["source"]) == ("supported", "metadata")
    assert look(reggae, (0, 0, 0, 0), genre=("jazz",)).verdict == "contradicted"
    assert look(reggae, (0, 0, 0, 0), genre=("dancehall", "jazz")).verdict == "unverifiable"  # one that may be a kind of it
    against = look(reggae, (0, 0, 2, 0), genre=("jazz",))
    assert against.verdict == "unverifiable" and against.evidence["disagrees"] and against.evidence["metadata"] == ["jazz"]
    bars = [np.array([x], np.float32) for x in (0, 1, -1, 0)]
    fast = Judge(("tempo:fast",), np.eye(1, 2 * 4 + N_MEASURED, dtype=np.float32), *bars, "m")
    evidence = Evidence(MEASURED, np.array((2, 0, 0, 0), np.float32), read={"tempo_bpm": 90.0})
    heard = Verifier(fast, LIMITS).verdict(said("tempo", "fast"), evidence)
    assert heard.verdict == "unverifiable" and heard.evidence["disagrees"]
    title = look(said("key", "D minor"), (0, 0, 0, 0), key="D# major")
    assert title.verdict == "supported" and title.evidence["disagrees"]
    assert "disagrees" not in look(said("key", "D minor"), (0, 0, 0, 0), key="D minor").evidence
    # Whatever is claimed: the signal has D minor.
    assert look(said("key", "C major"), (0, 0, 0, 0), key="D# major").evidence["disagrees"]
    assert look(said("mode", "minor"), (0, 0, 0, 0), key="D# major").evidence["disagrees"]
    assert "disagrees" not in look(said("mode", "major"), (0, 0, 0, 0), key="A minor").evidence
    assert look(said("tempo", "moderate"), (0, 0, 0, 0), tempo_bpm=160.0).evidence["disagrees"]


def test_a_judge_is_kept_and_read_again(judge, tmp_path):
    judge.save(tmp_path / "verdicts.npz")
    again = Judge.load(tmp_path / "verdicts.npz")
    assert again.labels == judge.labels and again.model == "abc" and np.allclose(again.weights, judge.weights)
    (tmp_path / "broken.npz").write_bytes(b"no")
    with pytest.raises(InputError, match="fit_verdicts"):
        Judge.load(tmp_path / "broken.npz")


def test_the_bundled_judge_belongs_to_the_bundled_clap(clap_mini):
    from mdialog.clap import Clap

    found = verdicts.judge_of(Clap.load(str(clap_mini)).model_id)
    assert found is not None and "instrument:drums" in found.labels and "vocal:choir" in found.labels
    assert verdicts.judge_of("clap-mini@00000000") is None and verdicts.judge_of("another@1") is None


def test_a_judge_is_found_beside_a_model_that_lies_anywhere(judge, tmp_path):
    judge.save(tmp_path / "verdicts.npz")
    assert verdicts.judge_of("my-clap@abc", str(tmp_path)).labels == judge.labels
    assert verdicts.judge_of("my-clap@abd", str(tmp_path)) is None and verdicts.judge_of("my-clap@abc", "owner/name") is None


def test_of_two_clips_as_fast_as_each_other_none_is_faster():
    def look(comparison, bpm):
        one, before = (Evidence(MEASURED | {"tempo_bpm": x, "tempo_confidence": 1.0}) for x in (bpm, 100.0))
        return Verifier(None, LIMITS).verdict(said("tempo", "fast", comparison=comparison), one, before).verdict

    assert [look(how, 101.0) for how in ("more", "less", "same")] == ["contradicted", "contradicted", "supported"]
    assert [look(how, 105.5) for how in ("more", "less")] == ["unverifiable", "unverifiable"]
    assert [look(how, 130.0) for how in ("more", "less", "same")] == ["supported", "contradicted", "contradicted"]


def test_the_shipped_thresholds_have_every_name():
    assert set(verdicts.thresholds()) == set(LIMITS)
