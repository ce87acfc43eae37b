"""Decoding keeps the sound, refuses what is none, and the cache never changes an answer."""

import hashlib
import multiprocessing
import os
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile

from mdialog import audio
from mdialog.errors import InputError

RATE = 44_100


def tone(seconds: float, *, rate: int = RATE, channels: int = 2, hz: float = 440.0) -> np.ndarray:
    """A tone whose pitch slowly rises, so that no two places are alike, (channels, n)."""
    t = np.arange(round(seconds * rate)) / rate
    y = 0.4 * np.sin(2 * np.pi * (hz * t + 15.0 * t**2))
    return np.stack([y * (1 - 0.2 * c) for c in range(channels)]).astype(np.float32)


def write(path: Path, samples: np.ndarray, rate: int = RATE, **how) -> Path:
    soundfile.write(path, samples.T, rate, **how)
    return path


def encode(path: Path, samples: np.ndarray, *, codec: str, rate: int = RATE) -> Path:
    """Write through FFmpeg what libsndfile does not write."""
    import av

    layout = {1: "mono", 2: "stereo", 6: "5.1"}[samples.shape[0]]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    return path


@pytest.fixture(scope="module")
def formats(tmp_path_factory) -> dict[str, tuple[Path, np.ndarray, int]]:
    """One sound in every format: path, the samples that went in, and their rate."""
    folder = tmp_path_factory.mktemp("formats")
    made = {}
    for suffix in ("wav", "flac", "ogg", "mp3"):
        made[suffix] = (write(folder / f"a.{suffix}", tone(6.0)), tone(6.0), RATE)
    for suffix, codec, rate in [("m4a", "aac", RATE), ("aac", "aac", RATE), ("webm", "libopus", 48_000),
                                ("opus", "libopus", 48_000)]:  # fmt: skip
        sound = tone(6.0, rate=rate)
        made[suffix] = (encode(folder / f"a.{suffix}", sound, codec=codec, rate=rate), sound, rate)
    return made


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", "m4a", "aac", "webm", "opus"])
def test_every_format_gives_the_sound_that_went_in(formats, suffix):
    path, sound, rate = formats[suffix]
    got = audio.decode(path)
    assert (got.sample_rate, got.channels, got.samples.dtype) == (rate, 2, np.float32)
    assert got.duration_s == pytest.approx(6.0, abs=0.06)
    delay = 2200 if suffix == "aac" else 30  # raw AAC cannot say how much its encoder put in front
    middle = sound[0, 2 * rate : 3 * rate]
    best = max(np.corrcoef(middle, got.samples[0, 2 * rate + d : 3 * rate + d])[0, 1] for d in range(-30, delay))
    assert best > 0.99
    assert np.std(got.samples[1]) == pytest.approx(0.8 * np.std(got.samples[0]), rel=0.02)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", "m4a", "aac", "webm", "opus"])
def test_an_excerpt_is_that_part_of_the_whole(formats, suffix):
    path, _, rate = formats[suffix]
    whole = audio.decode(path).samples
    for start_s, end_s in [(0.0, 1.0), (3.5, 4.25), (5.5, 99.0)]:
        part = audio.decode(path, start_s=start_s, end_s=end_s)
        wanted = whole[:, round(start_s * rate) : round(end_s * rate)]
        assert abs(part.samples.shape[1] - wanted.shape[1]) <= rate // 1000  # Matroska counts milliseconds
        n = min(part.samples.shape[1], wanted.shape[1])
        shifts = range(-25, 26)
        close = max(np.corrcoef(part.samples[0, 100 : n - 100], wanted[0, 100 + s : n - 100 + s])[0, 1] for s in shifts)
        assert close > 0.999


@pytest.mark.parametrize(("rate", "channels"), [(8_000, 1), (22_050, 2), (96_000, 2), (48_000, 6), (44_101, 1)])
def test_rates_and_channels(tmp_path, rate, channels):
    got = audio.decode(write(tmp_path / "a.wav", tone(2.0, rate=rate, channels=channels), rate))
    assert (got.channels, got.sample_rate) == (channels, rate)
    out = audio.resample(audio.mono(got.samples), rate, 48_000)
    assert abs(out.size - 96_000) <= 2
    assert out.dtype == np.float32
    spectrum = np.abs(np.fft.rfft(out[24_000:48_000] * np.hanning(24_000)))
    assert np.argmax(spectrum) * 2 == pytest.approx(440 + 30 * 0.75, abs=16)


def test_resampling_removes_what_would_alias():
    high = np.sin(2 * np.pi * 18_000 * np.arange(RATE) / RATE).astype(np.float32)
    assert np.std(audio.resample(high, RATE, 22_050)[500:-500]) < 0.01
    low = np.sin(2 * np.pi * 1_000 * np.arange(RATE) / RATE).astype(np.float32)
    assert np.std(audio.resample(low, RATE, 22_050)) == pytest.approx(np.std(low), rel=0.01)


def test_what_is_no_sound_is_refused_in_one_line(tmp_path, formats):
    (tmp_path / "empty.mp3").write_bytes(b"")
    (tmp_path / "text.mp3").write_text("Dear diary,\n" * 400)
    (tmp_path / "noise.m4a").write_bytes(np.random.default_rng(0).bytes(5000))
    (tmp_path / "list.m4a").write_text("#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:9/a.aac\n#EXT-X-ENDLIST\n")
    write(tmp_path / "none.wav", np.zeros((2, 0), np.float32))
    (tmp_path / "cut.m4a").write_bytes(formats["m4a"][0].read_bytes()[:3000])
    (tmp_path / "folder.wav").mkdir()
    write(tmp_path / "nan.wav", np.full((1, 4000), np.nan, np.float32), subtype="FLOAT")
    names = ["empty.mp3", "text.mp3", "noise.m4a", "list.m4a", "none.wav", "cut.m4a", "folder.wav", "nan.wav", "no.wav"]
    for name in names:
        with pytest.raises(InputError) as caught:
            audio.decode(tmp_path / name)
        said = str(caught.value)
        assert str(tmp_path / name) in said, name
        assert "\n" not in said and ";" in said, said
    with pytest.raises(InputError, match="no samples from 60 s on"):
        audio.decode(formats["flac"][0], start_s=60.0)
    with pytest.raises(InputError, match="no samples"):
        audio.decode(formats["m4a"][0], start_s=60.0)
    with pytest.raises(InputError, match="before end_s"):
        audio.decode(formats["flac"][0], start_s=3.0, end_s=2.0)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", "webm", "opus"])
def test_a_truncated_file_gives_its_first_part(tmp_path, formats, suffix):
    path, sound, rate = formats[suffix]
    cut = tmp_path / f"cut.{suffix}"
    whole = path.read_bytes()
    cut.write_bytes(whole[: len(whole) * 2 // 3])
    got = audio.decode(cut)
    assert 2.0 < got.duration_s < 5.5
    # Sound as it was, as far as it goes.
    assert np.std(got.samples[0, rate : 2 * rate]) == pytest.approx(np.std(sound[0, rate : 2 * rate]), rel=0.05)


def test_a_file_named_for_another_format_still_plays(tmp_path, formats):
    renamed = tmp_path / "really_m4a.mp3"
    renamed.write_bytes(formats["m4a"][0].read_bytes())
    assert audio.decode(renamed).duration_s == pytest.approx(6.0, abs=0.06)


def test_samples_that_are_not_finite_are_counted_and_zeroed(tmp_path):
    sound = tone(1.0, channels=1)
    sound[0, 100:110] = [np.nan, np.inf, -np.inf, np.nan, np.nan, np.inf, np.nan, np.nan, np.nan, np.nan]
    got = audio.decode(write(tmp_path / "a.wav", sound, subtype="FLOAT"))
    assert got.nonfinite == 10
    assert np.all(got.samples[0, 100:110] == 0)
    assert np.array_equal(got.samples[0, 110:], sound[0, 110:])


@pytest.mark.parametrize(
    ("seconds", "spans"),
    [
        (0.0, []),
        (0.3, [(0.0, 0.3)]),
        (9.9, [(0.0, 9.9)]),
        (10.0, [(0.0, 10.0)]),
        (14.9, [(0.0, 10.0)]),
        (15.0, [(0.0, 10.0), (10.0, 15.0)]),
        (31.0, [(0.0, 10.0), (10.0, 20.0), (20.0, 30.0)]),
        (36.0, [(0.0, 10.0), (10.0, 20.0), (20.0, 30.0), (30.0, 36.0)]),
    ],
)
def test_windows(seconds, spans):
    for rate in (8_000, 44_100, 48_000):
        got = audio.windows(round(seconds * rate), rate)
        assert got == [(pytest.approx(a), pytest.approx(b)) for a, b in spans]


def test_every_window_is_cut_to_the_same_length():
    for seconds in (0.01, 3.3, 9.999, 12.0, 17.0, 40.0):
        sound = tone(seconds, rate=8_000)
        for start_s, end_s in audio.windows(sound.shape[1], 8_000):
            piece = audio.cut(sound, 8_000, start_s=start_s, end_s=end_s)
            assert piece.shape == (2, 80_000)
            n = min(round((end_s - start_s) * 8_000), 80_000)
            first = sound[:, round(start_s * 8_000) :][:, :n]
            assert np.array_equal(piece[:, :n], first)
            assert np.array_equal(piece[:, n : 2 * n], first[:, : max(0, 80_000 - n)])
    with pytest.raises(InputError, match="outside"):
        audio.cut(tone(1.0), RATE, start_s=5.0, end_s=6.0)


def test_silence():
    assert audio.is_silent(np.zeros((2, 100), np.float32))
    assert audio.is_silent(np.zeros((2, 0), np.float32))
    assert audio.is_silent(np.full((2, 1000), 0.5, np.float32))  # an offset is no sound
    assert audio.is_silent(tone(0.5) * 0.002)
    assert not audio.is_silent(tone(0.5) * 0.005)
    one_sided = tone(0.5)
    one_sided[0] = 0
    assert not audio.is_silent(one_sided)


def test_content_hash_is_of_the_bytes(tmp_path):
    body = np.random.default_rng(1).bytes((1 << 20) + 7)
    (tmp_path / "a").write_bytes(body)
    (tmp_path / "b").write_bytes(body)
    (tmp_path / "c").write_bytes(body[:-1])
    assert audio.content_hash(tmp_path / "a") == hashlib.blake2b(body, digest_size=16).hexdigest()
    assert audio.content_hash(tmp_path / "a") == audio.content_hash(tmp_path / "b")
    assert audio.content_hash(tmp_path / "a") != audio.content_hash(tmp_path / "c")
    with pytest.raises(InputError, match="cannot be read"):
        audio.content_hash(tmp_path / "missing")


# --- cache -------------------------------------------------------------------------------------------------


@pytest.fixture
def song(tmp_path) -> tuple[Path, str]:
    path = write(tmp_path / "song.flac", tone(25.0))
    return path, audio.content_hash(path)


def kept(folder: Path) -> list[Path]:
    return sorted(folder.glob("??/*"))


def test_the_cache_gives_the_same_with_and_without(song, tmp_path):
    path, digest = song
    cache = audio.AudioCache(tmp_path / "cache")
    ask = dict(start_s=10.0, end_s=20.0, sample_rate=16_000)
    first = cache.clip(path, digest, **ask)
    assert first.shape == (160_000,) and first.dtype == np.float32
    path.unlink()
    assert np.array_equal(first, cache.clip(path, digest, **ask))
    with pytest.raises(InputError, match="no such file"):
        cache.clip(path, digest, start_s=10.0, end_s=20.0, sample_rate=48_000)  # another rate is another excerpt


def test_the_cache_keeps_the_sound(song, tmp_path):
    path, digest = song
    clip = audio.AudioCache(tmp_path / "cache").clip(path, digest, start_s=4.0, end_s=9.0, sample_rate=RATE)
    wanted = audio.mono(audio.decode(path).samples)[4 * RATE : 9 * RATE]
    assert np.max(np.abs(clip - wanted)) < 2e-4


def test_the_cache_survives_deletion_damage_and_an_unwritable_folder(song, tmp_path):
    path, digest = song
    folder = tmp_path / "cache"
    cache = audio.AudioCache(folder)
    ask = dict(start_s=0.0, end_s=10.0, sample_rate=8_000)
    first = cache.clip(path, digest, **ask)
    [file] = kept(folder)
    file.write_bytes(file.read_bytes()[:40])
    assert np.array_equal(first, cache.clip(path, digest, **ask))
    for part in kept(folder):
        part.unlink()
    (folder / digest[:2]).rmdir()
    folder.rmdir()
    assert np.array_equal(first, cache.clip(path, digest, **ask))
    blocked = tmp_path / "a_file"
    blocked.write_text("not a folder")
    assert np.array_equal(first, audio.AudioCache(blocked).clip(path, digest, **ask))


def test_the_cache_drops_what_was_unused_longest(song, tmp_path):
    path, digest = song
    folder = tmp_path / "cache"
    cache = audio.AudioCache(folder)
    for i in range(8):
        cache.clip(path, digest, start_s=float(i), end_s=i + 2.0, sample_rate=8_000)
    sizes = [file.stat().st_size for file in kept(folder)]
    for file in kept(folder):
        age = time.time() - 1000 + int(file.name.split("-")[1]) / 1000
        os.utime(file, (age, age))
    cache.clip(path, digest, start_s=0.0, end_s=2.0, sample_rate=8_000)  # the oldest, used again
    small = audio.AudioCache(folder, max_bytes=sum(sizes) * 5 // 8)
    small.clip(path, digest, start_s=20.0, end_s=22.0, sample_rate=8_000)
    starts = {int(file.name.split("-")[1]) // 1000 for file in kept(folder)}
    assert {0, 20, 7} <= starts
    assert not {1, 2, 3} & starts
    assert sum(file.stat().st_size for file in kept(folder)) <= small.max_bytes


def hammer(path: Path, digest: str, folder: Path) -> float:
    cache = audio.AudioCache(folder, max_bytes=150_000)
    total = 0.0
    for i in range(40):
        start_s = float(i % 10)
        total += float(cache.clip(path, digest, start_s=start_s, end_s=start_s + 5, sample_rate=8_000).sum())
    return total


def test_the_cache_is_safe_with_several_processes(song, tmp_path):
    path, digest = song
    folder = tmp_path / "cache"
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        sums = pool.starmap(hammer, [(path, digest, folder)] * 4)
    assert len(set(sums)) == 1
    assert sums[0] == hammer(path, digest, tmp_path / "alone")
    assert not list(folder.glob("??/*.part"))
    assert sum(file.stat().st_size for file in kept(folder)) <= 200_000


def test_where_the_cache_is(monkeypatch, tmp_path):
    monkeypatch.setenv("MDIALOG_AUDIO_CACHE", str(tmp_path / "here"))
    assert audio.AudioCache().folder == tmp_path / "here"
    monkeypatch.delenv("MDIALOG_AUDIO_CACHE")
    assert audio.default_cache_folder().name in ("audio_cache", "audio")


# --- real recordings ---------------------------------------------------------------------------------------


@pytest.mark.skipif("MDIALOG_REAL_DATA" not in os.environ, reason="needs MDIALOG_REAL_DATA")
def test_every_real_recording_decodes_and_one_is_silent():
    folder = Path(os.environ["MDIALOG_REAL_DATA"]) / "real_music"
    files = [file for file in folder.glob("*/*") if file.suffix in audio.SUFFIXES]
    assert len(files) == 30
    silent = []
    for file in files:
        got = audio.decode(file, end_s=20.0)
        assert 3.0 < got.duration_s <= 20.0 and np.isfinite(got.samples).all() and got.nonfinite == 0
        if audio.is_silent(got.samples):
            silent.append(file.stem)
    assert silent == ["silence"]
