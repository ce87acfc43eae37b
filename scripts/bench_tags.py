"""Speed of reading and measuring: tracks a second of each part, beside a plain librosa script that does as much.

    OMP_NUM_THREADS=1 python scripts/bench_tags.py [FILE...]    # default: rendered pieces of 30 s, as FLAC
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mdialog import audio, tags, vocab


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--tracks", type=int, default=8, help="rendered tracks when no file is given (default: 8)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run(args.files or rendered(args.tracks, Path(folder)))


def rendered(n: int, folder: Path) -> list[Path]:
    import soundfile

    from mdialog.synth.compose import compose
    from mdialog.synth.render import render

    files, genres = [], vocab.load()["genre"].names
    for i in range(n):
        piece = compose(i, genre=genres[i % len(genres)], duration_s=30.0)
        files.append(folder / f"{i}.flac")
        soundfile.write(files[-1], render(piece).T, 44_100)
    return files


def run(files: list[Path]) -> None:
    import torch

    torch.set_num_threads(1)
    decoded = [audio.decode(file) for file in files]
    mean_s = float(np.mean([d.duration_s for d in decoded]))
    resampled = [resampled_mono(d) for d in decoded]
    print(f"{len(files)} tracks of {mean_s:.1f} s, one thread, processor time")
    rows: list[tuple[str, Callable, list]] = [
        ("decode", audio.decode, files),
        ("resample to 22.05 kHz", resampled_mono, decoded),
        ("measure track and windows", lambda d: tags.measure_track(d.samples, d.sample_rate), decoded),
        ("all of it", whole, files),
        ("plain librosa script", plain, resampled),
    ]
    took = {}
    for name, part, inputs in rows:
        took[name] = timed(part, inputs)
        print(f"  {name:28s} {1 / took[name]:7.2f} tracks/s   {took[name] * 1e3 * 30 / mean_s:7.1f} ms per 30 s")
    ratio = took["plain librosa script"] / took["measure track and windows"]
    print(f"  measuring takes 1/{ratio:.1f} of the plain script's time")


def resampled_mono(decoded: audio.Decoded) -> np.ndarray:
    return audio.resample(audio.mono(decoded.samples), decoded.sample_rate, tags.SAMPLE_RATE)


def whole(file: Path) -> None:
    decoded = audio.decode(file)
    tags.measure_track(decoded.samples, decoded.sample_rate)


def timed(part: Callable, inputs: list) -> float:
    """Seconds of processor time an input, after one pass that compiles and fills caches.

    So what else runs on the machine does not count; with one thread it is the time that an idle one takes.
    """
    part(inputs[0])
    start = time.process_time()
    for one in inputs:
        part(one)
    return (time.process_time() - start) / len(inputs)


def plain(y: np.ndarray) -> None:
    """What a user of librosa would write for the same measures (loudness left out), from samples already resampled."""
    import librosa

    rate = tags.SAMPLE_RATE
    librosa.beat.beat_track(y=y, sr=rate)
    librosa.feature.chroma_cqt(y=y, sr=rate)
    harmonic, percussive = librosa.effects.hpss(y)
    float(np.mean(percussive**2) / np.mean(harmonic**2 + percussive**2))
    librosa.feature.spectral_centroid(y=y, sr=rate)
    librosa.feature.rms(y=y)
    librosa.onset.onset_detect(y=y, sr=rate)


if __name__ == "__main__":
    main()
