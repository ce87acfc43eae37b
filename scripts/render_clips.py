"""Render labelled clips of the project's own music and store what both bundled models take in.

Each clip is ten seconds of one piece with its truth. Shards are written whole or not at all, so the script can be
killed and started again.

    python scripts/render_clips.py work/clips --train 10000 --held 600 --soundfont TRAIN.sf2 --unseen OTHER.sf3

Three splits of music: ``train``; ``artist``: artists that no training clip is by; ``soundfont``: those artists again, with a
SoundFont that no training clip was rendered with. Two of sound events, for the listener alone: ``scenes`` and
``scenes-held``. Only training clips are augmented.
"""

import argparse
import dataclasses
import json
import multiprocessing
import random
import sys
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np

from mdialog import seeds, vocab
from mdialog.metadata import events_over
from mdialog.synth.artists import Artist, make_artist
from mdialog.synth.augment import augment
from mdialog.synth.compose import compose
from mdialog.synth.labels import ClipEvents
from mdialog.synth.library import SAMPLE_RATE as SCENE_RATE_HZ
from mdialog.synth.render import default_soundfont, render
from mdialog.synth.scenes import make_scene

SAMPLE_RATE_HZ = 48_000
CLIP_S = 10.0
SHARD, CLIPS_A_PIECE = 100, 2
TRAINING_SEED = 1_000_003  # other artists than those of any library a user is likely to make
ARTISTS, HELD_OUT = 8000, 8  # so many that no one can be learned by heart; every eighth is kept from training

# What listener-mini takes in. Whisper's own 400-sample window cannot part semitones below 670 Hz; 1536 samples at
# 16 kHz with 192 mels can from 320 Hz on, and parts onsets that follow one another by a tenth of a second. A hop of 20 ms
# gives 125 audio tokens for ten seconds.
LISTENER_FEATURES = {"feature_size": 192, "sampling_rate": 16_000, "hop_length": 320, "n_fft": 1536, "chunk_length": 10}


def listener_extractor():
    from transformers import WhisperFeatureExtractor

    return WhisperFeatureExtractor(**LISTENER_FEATURES, return_attention_mask=True)


def clap_extractor():
    from transformers import ClapFeatureExtractor

    return ClapFeatureExtractor(feature_size=64, sampling_rate=SAMPLE_RATE_HZ, hop_length=480, fft_window_size=1024,
                                max_length_s=10, frequency_min=50, frequency_max=14_000,
                                truncation="rand_trunc", padding="repeatpad")


@cache
def _artist(index: int) -> Artist:
    return make_artist(TRAINING_SEED, index)


def draw_clips(rng: random.Random, soundfonts: list[Path], *, held: bool, augmented: bool, n: int = 1) -> Iterator[tuple]:
    """Clips of ten seconds from one piece, each cut and augmented by itself.

    Yields
    ------
    mono : np.ndarray [shape=(480000,), dtype=float32]
    labels : ClipLabels
    themes : tuple of str
    source : dict
        Artist, piece and SoundFont.
    """
    index = rng.randrange(ARTISTS // HELD_OUT) * HELD_OUT + (0 if held else rng.randrange(1, HELD_OUT))
    artist = _artist(index)
    genre = rng.choices(list(artist.style.genres), weights=list(artist.style.genres.values()))[0]
    if rng.random() < 0.3:  # styles alone favour some genres
        genre = rng.choice(vocab.load()["genre"].names)
    piece = compose(rng.getrandbits(40), genre=genre, style=artist.style)
    soundfont = rng.choice(soundfonts)
    for _ in range(n):
        start_s = rng.uniform(0.0, max(0.0, piece.duration_s - CLIP_S - 1.0))
        audio = render(piece, soundfont=soundfont, sample_rate=SAMPLE_RATE_HZ, start_s=start_s, end_s=start_s + CLIP_S)
        mono = audio.mean(0, keepdims=True)
        if augmented and rng.random() < 0.7:
            mono = augment(mono, SAMPLE_RATE_HZ, np.random.default_rng(rng.getrandbits(63)))
        source = {"artist": artist.name, "seed": piece.seed, "soundfont": soundfont.name, "start_s": round(start_s, 3)}
        yield mono[0], piece.labels.over(start_s, start_s + CLIP_S), piece.labels.themes, source


def draw_scenes(rng: random.Random, soundfonts: list[Path], *, augmented: bool, n: int = 1) -> Iterator[tuple]:
    """Clips of ten seconds from one scene of sound events.

    Yields
    ------
    mono : np.ndarray [shape=(160000,), dtype=float32]
        At the listener's rate.
    events : ClipEvents
    """
    import torch
    import torchaudio

    scene, sound = make_scene(rng.getrandbits(40), soundfont=rng.choice(soundfonts))
    rate = LISTENER_FEATURES["sampling_rate"]
    slow = torchaudio.functional.resample(torch.from_numpy(sound.mean(0)), SCENE_RATE_HZ, rate).numpy()
    for _ in range(n):
        start_s = rng.uniform(0.0, scene.duration_s - CLIP_S)
        mono = slow[None, round(start_s * rate) :][:, : round(CLIP_S * rate)]
        if augmented and rng.random() < 0.3:  # noise and crackle are like some of the sounds
            mono = augment(mono, rate, np.random.default_rng(rng.getrandbits(63)))
        yield mono[0], ClipEvents(events_over(scene.spans, start_s, start_s + CLIP_S), CLIP_S)


def write_shard(job: tuple) -> Path:
    """Render one shard of a split into its folder."""
    folder, split, index, soundfonts = job
    target = folder / split / f"shard-{index:05d}"
    if target.exists():
        return target
    import torch

    torch.set_num_threads(1)
    rng = seeds.stdlib(TRAINING_SEED, split, index)
    make = _events_shard if split.startswith("scenes") else _music_shard
    arrays, rows = make(rng, soundfonts, training=split in ("train", "scenes"))
    partial = target.with_name(target.name + ".partial")
    partial.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        np.save(partial / f"{name}.npy", array.astype(np.float16))
    (partial / "labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    partial.rename(target)
    return target


def _music_shard(rng: random.Random, soundfonts: list[Path], *, training: bool) -> tuple[dict[str, np.ndarray], list[dict]]:
    import torch
    import torchaudio

    audio, rows = [], []
    for _ in range(SHARD // CLIPS_A_PIECE):
        for mono, labels, themes, source in draw_clips(
            rng, soundfonts, held=not training, augmented=training, n=CLIPS_A_PIECE
        ):
            audio.append(mono)
            rows.append(dataclasses.asdict(labels) | {"themes": themes, "source": source})
    sound = torch.from_numpy(np.stack(audio))
    slow = torchaudio.functional.resample(sound, SAMPLE_RATE_HZ, LISTENER_FEATURES["sampling_rate"]).numpy()
    embedded = clap_extractor()(audio, sampling_rate=SAMPLE_RATE_HZ, return_tensors="np")
    return {"listener": _heard(list(slow)), "clap": embedded["input_features"][:, 0]}, rows


def _events_shard(rng: random.Random, soundfonts: list[Path], *, training: bool) -> tuple[dict[str, np.ndarray], list[dict]]:
    audio, rows = [], []
    for _ in range(SHARD // CLIPS_A_PIECE):
        for mono, events in draw_scenes(rng, soundfonts, augmented=training, n=CLIPS_A_PIECE):
            audio.append(mono)
            rows.append(dataclasses.asdict(events))
    return {"listener": _heard(audio)}, rows


def _heard(audio: list[np.ndarray]) -> np.ndarray:
    rate = LISTENER_FEATURES["sampling_rate"]
    return listener_extractor()(audio, sampling_rate=rate, return_tensors="np")["input_features"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--train", type=int, default=10_000, metavar="CLIPS")
    parser.add_argument("--scenes", type=int, default=6_000, metavar="CLIPS", help="of sound events, to train with")
    parser.add_argument("--held", type=int, default=600, metavar="CLIPS", help="of each held-out split")
    parser.add_argument("--soundfont", type=Path, action="append", default=[], help="to train with, beside the default")
    parser.add_argument("--unseen", type=Path, help="SoundFont of the split `soundfont`")
    parser.add_argument("--workers", type=int, default=multiprocessing.cpu_count())
    args = parser.parse_args()
    seen = [default_soundfont(), *args.soundfont]
    jobs = [(args.folder, "artist", i, seen) for i in range(-(-args.held // SHARD))]
    if args.unseen:
        jobs += [(args.folder, "soundfont", i, [args.unseen]) for i in range(-(-args.held // SHARD))]
    jobs += [(args.folder, "scenes-held", i, seen) for i in range(-(-args.held // SHARD))]
    jobs += [(args.folder, "scenes", i, seen) for i in range(-(-args.scenes // SHARD))]
    jobs += [(args.folder, "train", i, seen) for i in range(-(-args.train // SHARD))]
    start = time.time()
    with multiprocessing.get_context("spawn").Pool(args.workers) as pool:
        for done, shard in enumerate(pool.imap_unordered(write_shard, jobs), 1):
            print(f"{time.time() - start:6.0f} s  {done}/{len(jobs)} shards  {shard}", file=sys.stderr, flush=True)
    print(f"{len(jobs) * SHARD} clips in {args.folder}")


if __name__ == "__main__":
    main()
