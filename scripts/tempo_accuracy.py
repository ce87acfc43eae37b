"""Tempo, key and energy of ``mdialog.tags`` against the truth, beside librosa's ``beat_track`` as it comes.

    python scripts/tempo_accuracy.py                      # real recordings ($MDIALOG_REAL_DATA) and rendered pieces
    python scripts/tempo_accuracy.py --fit --pieces 600   # fit mdialog/tags_weights.json anew, then print

Rendered pieces for the figures are never those of the fit: their seeds differ.
"""

import argparse
import json
import os
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mdialog import audio, tags, tempo, vocab
from mdialog.table import read_table

WEIGHTS = Path(tags.__file__).with_name("tags_weights.json")
TEST_SEED, FIT_SEED = 400_000, 900_000
L2 = 5e-4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pieces", type=int, default=90, help="rendered pieces (default: 90)")
    parser.add_argument("--soundfont", action="append", help="SF2, SF3 or 'default'; if repeated, pieces take turns")
    parser.add_argument("--fit", action="store_true", help="fit the weights first, on as many other pieces")
    parser.add_argument("--no-librosa", action="store_true", help="leave out the comparison")
    args = parser.parse_args()
    fonts = [None if name == "default" else Path(name) for name in args.soundfont or ["default"]]
    if args.fit:
        fit(args.pieces, fonts)
    if real := os.environ.get("MDIALOG_REAL_DATA"):
        report_real(Path(real) / "real_music" / "labels.csv", librosa_too=not args.no_librosa)
    else:
        print("real recordings: MDIALOG_REAL_DATA is not set")
    report_rendered(args.pieces, fonts, librosa_too=not args.no_librosa)


def rendered(n: int, first_seed: int, fonts: list[Path | None]) -> Iterator[tuple[object, np.ndarray]]:
    """Pieces of every genre in turn with their sound, (2, n) at 44.1 kHz; one in five at any tempo of 50 to 200."""
    from mdialog.synth.compose import compose
    from mdialog.synth.render import render

    genres = vocab.load()["genre"].names
    for i in range(n):
        draw = random.Random(first_seed + i)
        bpm = float(np.exp(draw.uniform(np.log(50), np.log(200)))) if draw.random() < 0.2 else None
        piece = compose(first_seed + i, genre=genres[i % len(genres)], tempo_bpm=bpm, duration_s=30.0)
        yield piece, render(piece, soundfont=fonts[(i // len(genres)) % len(fonts)])


def within(bpm: float | None, truth: float, *factors: float) -> bool:
    return bpm is not None and min(abs(bpm / truth / factor - 1) for factor in factors) <= 0.04


def librosa_bpm(samples: np.ndarray, rate: int) -> float:
    import librosa

    y = librosa.resample(audio.mono(samples), orig_sr=rate, target_sr=22_050)
    return float(np.atleast_1d(librosa.beat.beat_track(y=y, sr=22_050)[0])[0])


def show(name: str, pairs: list[tuple[float | None, float]]) -> None:
    exact = sum(within(bpm, truth, 1.0) for bpm, truth in pairs)
    octave = sum(within(bpm, truth, 0.5, 1.0, 2.0) for bpm, truth in pairs)
    n = len(pairs)
    print(f"  tempo, {name:22s} within 4 %: {exact}/{n} = {exact / n:.3f}   with half/double: {octave / n:.3f}")


def report_real(table: Path, *, librosa_too: bool) -> None:
    rows = [row for row in read_table(table) if row.metadata.tempo_bpm]
    ours, theirs = [], []
    print(f"{len(rows)} real recordings with a labelled tempo")
    for row in rows:
        decoded = audio.decode(row.path)
        found, truth = tags.measure(decoded.samples, decoded.sample_rate), row.metadata.tempo_bpm
        ours.append((found.tempo_bpm, truth))
        line = f"  {row.metadata.title:22s} {truth:5.0f}   mdialog {found.tempo_bpm:6.1f}"
        line += f" ({found.tempo_confidence:.2f})"
        if librosa_too:
            theirs.append((librosa_bpm(decoded.samples, decoded.sample_rate), truth))
            line += f"   librosa {theirs[-1][0]:6.1f}"
        print(line)
    show("mdialog.tags.measure", ours)
    if theirs:
        show("librosa beat_track", theirs)


def report_rendered(n: int, fonts: list[Path | None], *, librosa_too: bool) -> None:
    v = vocab.load()
    ours, theirs, sure, keys, modes = [], [], [], [], []
    windows = {"tempo": [], "tempo word": [], "key": [], "mode": [], "energy word": []}
    for piece, samples in rendered(n, TEST_SEED, fonts):
        found, truth = tags.measure_track(samples, 44_100), piece.labels
        ours.append((found.track.tempo_bpm, truth.tempo_bpm))
        sure.append((found.track.tempo_confidence, within(found.track.tempo_bpm, truth.tempo_bpm, 1.0)))
        keys.append((found.track.key_confidence, found.track.key == truth.key))
        modes.append((found.track.mode_confidence, found.track.mode == truth.mode))
        for (start_s, end_s), window in zip(audio.windows(samples.shape[1], 44_100), found.windows, strict=True):
            if window is None:
                continue
            clip, said = truth.over(start_s, end_s), tags.words(window)
            windows["tempo"].append(within(window.tempo_bpm, clip.tempo_bpm, 1.0))
            windows["tempo word"].append(tempo_word_right(window.tempo_bpm, clip.tempo_bpm))
            windows["key"].append(window.key == clip.key)
            windows["mode"].append(window.mode == clip.mode)
            windows["energy word"].append(said["energy"] == v["energy"].word_for(clip.energy_value))
        if librosa_too:
            theirs.append((librosa_bpm(samples, 44_100), truth.tempo_bpm))
    print(f"{n} rendered pieces of about 30 s, {len(v['genre'].names)} genres")
    show("mdialog.tags.measure", ours)
    if theirs:
        show("librosa beat_track", theirs)
    for name, pairs in [("tempo", sure), ("key", keys), ("mode", modes)]:
        show_confidence(name, pairs)
    print("  of 10 s windows: " + ", ".join(f"{name} {np.mean(right):.3f}" for name, right in windows.items()))


def tempo_word_right(bpm: float | None, truth: float) -> bool:
    """Whether the word for `bpm` is right for the truth: its range holds it, give or take 4 %."""
    if bpm is None:
        return False
    kind = vocab.load()["tempo"]
    word = kind[kind.word_for(bpm)]
    return word.low / 1.04 <= truth < word.high * 1.04


def show_confidence(name: str, pairs: list[tuple[float, bool]]) -> None:
    """Accuracy, and that of the surer and the less sure half: a confidence must tell them apart."""
    pairs = sorted(pairs, key=lambda pair: pair[0])
    half = len(pairs) // 2
    low, high = (np.mean([right for _, right in part]) for part in (pairs[:half], pairs[half:]))
    print(
        f"  {name:5s} right {np.mean([r for _, r in pairs]):.3f}   mean confidence {np.mean([c for c, _ in pairs]):.3f}"
        f"   less sure half {low:.3f}   surer half {high:.3f}"
    )


# --- fitting -----------------------------------------------------------------------------------------------


def fit(n: int, fonts: list[Path | None]) -> None:
    """Fit the weights of tempo (maximum likelihood) and energy (least squares) and write them into the package."""
    seen, truths, parts, energies = [], [], [], []
    for piece, samples in rendered(n, FIT_SEED, fonts):
        found = tags.frames(samples, 44_100)
        half = found.duration_s / 2
        for span in [(0.0, 2 * half), (0.0, half), (half, 2 * half)]:
            rate = tags.onset_rate_hz(found, *span)
            seen.append(tempo.features(found.tempogram.over(*span), tags.FPS, onset_rate_hz=rate).astype(np.float32))
            truths.append(np.log(piece.labels.tempo_bpm))
        for start_s, end_s in audio.windows(samples.shape[1], 44_100):
            parts.append(tags.energy_parts(found, start_s, end_s))
            energies.append(piece.labels.over(start_s, end_s).energy_value)
    weights = {
        "tempo": [round(float(w), 4) for w in fit_tempo(np.stack(seen), np.array(truths))],
        "energy": fit_energy(parts, np.array(energies)),
    }
    WEIGHTS.write_text(json.dumps(weights) + "\n")
    print(f"fitted on {n} pieces: {WEIGHTS.name}, energy {weights['energy']}")
    for cached in (tempo.weights, tags.energy_weights):
        cached.cache_clear()


def fit_energy(parts: list[dict[str, float]], truth: np.ndarray) -> dict[str, float]:
    """Least squares, stretched about the mean to the spread of the truth: low and high must occur as often."""
    names = list(parts[0])
    columns = np.array([[part[name] for name in names] + [1.0] for part in parts])
    w, *_ = np.linalg.lstsq(columns, truth, rcond=None)
    stretch = 1.0 / np.corrcoef(columns @ w, truth)[0, 1]
    w *= stretch
    w[-1] += truth.mean() * (1.0 - stretch)
    return {name: round(float(x), 4) for name, x in zip([*names, "bias"], w, strict=True)}


def fit_tempo(seen: np.ndarray, truths: np.ndarray) -> np.ndarray:
    """Weights under which the softmax over the grid puts most of its mass within 2 % of the truth."""
    import torch

    x = torch.from_numpy(seen)
    near = torch.from_numpy(np.abs(np.log(tempo.GRID_BPM)[None] - truths[:, None]) < 0.02)
    w = torch.zeros(x.shape[2], requires_grad=True)
    optimizer = torch.optim.LBFGS([w], max_iter=200, line_search_fn="strong_wolfe")

    def loss():
        optimizer.zero_grad()
        share = torch.log_softmax(x @ w, dim=1)
        value = -torch.logsumexp(share.masked_fill(~near, -1e9), dim=1).mean() + L2 * (w**2).sum()
        value.backward()
        return value

    optimizer.step(loss)
    return w.detach().numpy()


if __name__ == "__main__":
    main()
