"""Speed of composing and rendering, as seconds of music a second of one core, beside one plain symusic call a piece.

    OMP_NUM_THREADS=1 python scripts/bench_synth.py --pieces 12

The plain call plays the same notes through the same SoundFont, out of tune and without dynamics (see synth/soundfont.py).
Processor time, not the clock: other work on the machine does not count.
"""

import argparse
import time

import numpy as np

from mdialog.synth.library import SAMPLE_RATE, library_plan
from mdialog.synth.render import default_soundfont, forget, render


def plain(piece) -> np.ndarray:
    """The piece as one symusic score, played in one call."""
    import symusic

    score = symusic.Score(480).to("second")
    for part in piece.parts:
        track = symusic.Track(program=part.program, is_drum=part.is_drum, name="", ttype="second")
        n = part.notes
        track.notes = symusic.Note.from_numpy(
            n[:, 0].astype(np.float32), n[:, 1].astype(np.float32), n[:, 2].astype(np.int8), n[:, 3].astype(np.int8), "second"
        )
        score.tracks.append(track)
    synthesizer = symusic.Synthesizer(sf_path=str(default_soundfont()), sample_rate=SAMPLE_RATE, quality=4)
    return synthesizer.render(score, stereo=True)


def timed(work, items) -> tuple[float, list]:
    start = time.process_time()
    done = [work(item) for item in items]
    return time.process_time() - start, done


def afresh(piece) -> np.ndarray:
    forget()
    return render(piece, sample_rate=SAMPLE_RATE)


def kept(piece) -> np.ndarray:
    return render(piece, sample_rate=SAMPLE_RATE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pieces", type=int, default=12)
    args = parser.parse_args()
    specs = library_plan(args.pieces, 5)
    render(specs[0].compose(), sample_rate=SAMPLE_RATE, end_s=1.0)  # imports and the rewritten SoundFont
    composing_s, pieces = timed(lambda spec: spec.compose(), specs)
    music_s = sum(piece.duration_s for piece in pieces)
    plain_s, _ = timed(plain, pieces)
    for name, seconds in (
        ("compose", composing_s),
        ("render, each piece afresh (as libraries are written)", timed(afresh, pieces)[0]),
        ("render, notes kept between pieces (as training clips are)", timed(kept, pieces)[0]),
        ("plain symusic call", plain_s),
    ):
        print(f"{name:60s} {music_s / seconds:8.0f} x real time   {plain_s / seconds:5.2f} x the plain call's speed")


if __name__ == "__main__":
    main()
