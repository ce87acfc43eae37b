"""Compositions: what the labels say is what is played, and every genre is itself."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from mdialog import vocab
from mdialog.errors import InputError
from mdialog.synth.compose import Style, compose
from mdialog.synth.genres import BEATS, genres, instruments
from mdialog.synth.harmony import TONICS, chord, parse_key

GENRES = vocab.load()["genre"].names


@pytest.fixture(scope="module")
def pieces():
    return [compose(seed, genre=genre) for genre in GENRES for seed in range(25)]


def part(piece, role):
    return next((p for p in piece.parts if p.role == role), None)


def beats_in_bar(piece, notes):
    """Where in the bar notes begin, in beats, rounded to a quarter of one."""
    beat_s = 60.0 / piece.labels.tempo_bpm
    beats = BEATS[piece.labels.metre]
    return np.round(notes[:, 0] / beat_s * 4) / 4 % beats


def test_same_arguments_same_piece():
    for genre in GENRES:
        a, b, other = (compose(seed, genre=genre) for seed in (5, 5, 6))
        assert a.labels == b.labels
        assert all(np.array_equal(x.notes, y.notes) for x, y in zip(a.parts, b.parts, strict=True))
        assert a.labels != other.labels


def test_spans_tile_the_piece_and_say_what_plays(pieces):
    for piece in pieces:
        spans = piece.labels.spans
        assert spans[0].start_s == 0 and spans[-1].end_s == pytest.approx(piece.duration_s, abs=1e-3)
        assert all(a.end_s == b.start_s for a, b in zip(spans, spans[1:], strict=False))
        for span in spans:
            assert 0 <= span.energy <= 1
            inside = {
                p.instrument: p
                for p in piece.parts
                if np.any((p.notes[:, 0] > span.start_s - 0.03) & (p.notes[:, 0] < span.end_s - 0.03))
            }
            assert set(span.instruments) == set(inside) - {"choir"}
            assert (span.vocal == "choir") == ("choir" in inside)
            lead = part(piece, "lead")
            if span.lead:
                assert span.lead == lead.instrument and span.lead in span.instruments


def test_notes_are_playable(pieces):
    table = instruments()
    for piece in pieces:
        for p in piece.parts:
            start, length, pitch, velocity = p.notes.T
            assert start.min() >= 0 and (start + length).max() <= piece.duration_s + 0.5 and length.min() > 0
            assert velocity.min() >= 1 and velocity.max() <= 127
            if p.is_drum:
                assert p.instrument == "drums"
            else:
                assert p.program in table[p.instrument].programs
            if p.role in ("lead", "second"):
                low, high = table[p.instrument].lead
                assert low <= pitch.min() and pitch.max() <= high


def test_every_value_of_the_vocabulary_is_heard(pieces):
    names = Counter(i for piece in pieces for span in piece.labels.spans for i in span.instruments)
    assert set(names) == set(vocab.load()["instrument"].names)
    leads = {span.lead for piece in pieces for span in piece.labels.spans}
    assert leads >= set(vocab.load()["instrument"].names) - {"bass", "drums", "synth pad"}
    assert {p.labels.key for p in pieces} == set(vocab.load()["key"].names)
    assert {p.labels.metre for p in pieces} == set(vocab.load()["metre"].names)
    tempi = [p.labels.tempo_bpm for p in pieces]
    assert 50 <= min(tempi) < 60 and 185 < max(tempi) <= 200
    choir = np.mean([any(s.vocal == "choir" for s in p.labels.spans) for p in pieces])
    assert 0.17 < choir < 0.35


def test_keys_are_even(pieces):
    tonics = Counter(p.labels.key.split()[0] for p in pieces)
    assert min(tonics.values()) > 0.5 * len(pieces) / 12
    assert 0.35 < np.mean([p.labels.mode == "minor" for p in pieces]) < 0.65


def test_energy_words_all_occur_often(pieces):
    words = Counter(vocab.load()["energy"].word_for(s.energy) for p in pieces for s in p.labels.spans)
    assert min(words.values()) > 0.2 * sum(words.values())
    ranges = [max(s.energy for s in p.labels.spans) - min(s.energy for s in p.labels.spans) for p in pieces]
    assert np.median(ranges) > 0.2


def test_the_genre_does_not_give_the_lead_away(pieces):
    for genre in GENRES:
        leads = Counter(part(p, "lead").instrument for p in pieces if p.labels.genre == genre and part(p, "lead"))
        assert len(leads) >= 7, genre
        assert max(leads.values()) < 0.5 * sum(leads.values()), genre


def test_the_tonic_begins_and_ends_and_thirds_say_the_mode(pieces):
    for piece in pieces:
        tonic, mode = parse_key(piece.labels.key)
        notes = np.concatenate([p.notes for p in piece.parts if not p.is_drum])
        first = notes[notes[:, 0] < piece.bar_s, 2].astype(int) % 12
        last_bar = piece.labels.spans[-1].end_s - 0.8 - piece.bar_s
        last = notes[notes[:, 0] > last_bar - 0.05, 2].astype(int) % 12
        home = set(chord("I" if mode == "major" else "i", tonic=tonic, mode=mode).pitches)
        assert set(last) <= home and tonic in last, piece.labels
        assert tonic in first
        third, other = ((tonic + x) % 12 for x in ((4, 3) if mode == "major" else (3, 4)))
        weight = {t: notes[notes[:, 2].astype(int) % 12 == t, 1].sum() for t in (third, other)}
        assert weight[third] > 3 * weight[other], piece.labels


def test_rhythm_of_genres():
    for seed in range(6):
        waltz = compose(seed, genre="waltz", drums=False)
        assert waltz.labels.metre == "3/4"
        assert set(beats_in_bar(waltz, part(waltz, "chords").notes)) <= {0, 1, 2}
        assert np.mean(beats_in_bar(waltz, part(waltz, "chords").notes) == 0) < 0.1  # only the last chord
        bass = beats_in_bar(compose(seed, genre="waltz"), part(compose(seed, genre="waltz"), "bass").notes)
        assert np.all(np.round(bass) % 3 == 0)
        techno = part(compose(seed, genre="techno", tempo_bpm=130), "drums").notes
        if 36 in techno[:, 2]:
            kicks = techno[techno[:, 2] == 36, 0] / (60 / 130)
            assert np.all(np.abs(kicks - np.round(kicks)) < 0.06)
        reggae = compose(seed, genre="reggae")
        chords = part(reggae, "chords").notes
        skank = beats_in_bar(reggae, chords[chords[:, 0] < reggae.labels.spans[-1].end_s - 1.0 - reggae.bar_s])
        assert np.mean(np.isin(skank, (0, 2))) < 0.05
        funk = compose(seed, genre="funk", drums=True)
        assert len(set(beats_in_bar(funk, part(funk, "chords").notes))) >= 2
    for seed in range(4):
        fast = compose(seed, genre="drum and bass")
        assert 135 < fast.labels.tempo_bpm <= 200


def test_sections_differ_in_layers_and_force(pieces):
    rising = 0
    for piece in pieces:
        quiet, loud = (f(piece.labels.spans, key=lambda s: s.energy) for f in (min, max))
        rising += len(loud.instruments) >= len(quiet.instruments)
    assert rising > 0.95 * len(pieces)


@pytest.mark.parametrize(
    ("wrong", "value"),
    [
        ({"genre": "skiffle"}, "skiffle"),
        ({"genre": "waltz", "metre": "4/4"}, "4/4"),
        ({"genre": "rock", "tempo_bpm": 20.0}, "20"),
        ({"genre": "rock", "key": "H major"}, "H major"),
        ({"genre": "rock", "lead": "kazoo"}, "kazoo"),
        ({"genre": "rock", "accompaniment": "flute"}, "flute"),
        ({"genre": "rock", "duration_s": 1.0}, "1.0"),
    ],
)
def test_mistakes_are_named(wrong, value):
    with pytest.raises(InputError, match=value):
        compose(0, **wrong)


def test_requests_are_followed():
    piece = compose(3, genre="folk", metre="6/8", tempo_bpm=88.0, key="Eb minor", lead="oboe", accompaniment="harp",
                    choir=True, drums=False)
    assert piece.labels.key == "D# minor" and piece.labels.metre == "6/8" and piece.labels.tempo_bpm == 88.0
    assert part(piece, "lead") is None or part(piece, "lead").instrument == "oboe"
    assert part(piece, "chords").instrument == "harp" and part(piece, "drums") is None
    style = Style(favourites=("sitar",), keys=("F#",), choir=True)
    plain = [compose(s, genre="rock") for s in range(60)]
    bent = [compose(s, genre="rock", style=style) for s in range(60)]
    count = lambda ps: sum(p.labels.spans[1].lead == "sitar" for p in ps)  # noqa: E731
    assert count(bent) > count(plain) + 10


def test_every_chord_of_every_genre_parses():
    for spec in genres().values():
        assert set(spec.patterns) >= set(spec.metres)
        for mode, progressions in spec.harmony.items():
            for text in progressions:
                for numeral in text.replace("||", "|").replace(",", "|").split("|"):
                    for tonic in range(12):
                        found = chord(numeral.strip(), tonic=tonic, mode=mode)
                        assert set(found.pitches) <= set(found.scale)
                first = text.split("|")[0].split(",")[0].strip()
                assert first.rstrip("maj7").lower() == "i"


def test_labels_of_a_clip_follow_the_spans():
    piece = compose(2, genre="jazz")
    for span in piece.labels.spans:
        clip = piece.labels.over(span.start_s, span.end_s)
        assert clip.energy_value == pytest.approx(span.energy)
        assert set(clip.instruments) == set(span.instruments) and clip.lead == span.lead
    assert replace(piece.labels).mode in ("major", "minor") and piece.labels.key.split()[0] in TONICS
