"""Fit what verdicts on claims rest on, and print how often they are wrong on music that nothing was fitted on.

    python scripts/fit_verdicts.py --held UNSEEN.catalog                                   # the table of what is shipped
    python scripts/fit_verdicts.py --catalog SEEN.catalog --held UNSEEN.catalog [--write]  # its borders fitted again
    python scripts/fit_verdicts.py --clips work/clips --catalog SEEN.catalog --held UNSEEN.catalog [--write] [--clap MODEL]

All catalogues are ingested libraries of ``mdialog synth``, those held out rendered with a SoundFont that neither the models
nor these borders were fitted on (``--soundfont``). First linear read-outs of CLAP embeddings are fitted on the training clips
of render_clips.py, then each is corrected by measures on the windows of the catalogues; last the borders are fitted,
between which nothing is said. With ``--write`` they become ``verdicts.npz`` beside the CLAP model and
``mdialog/verdicts.json``. The table tells, for each kind, how many of the true claims are contradicted, of the false ones
supported, and of all how many get a verdict; and how many do, and of true ones, where each kind is as frequent as in people's
captions (the labelled ones of ``tests/sentences``).
"""

import argparse
import json
import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import clips as clip_data
import numpy as np

from mdialog import claims, evidence, verdicts, vocab
from mdialog.catalog import Catalog
from mdialog.claims import Claim
from mdialog.clap import Clap
from mdialog.hearing import Share
from mdialog.models import find_model, model_folders
from mdialog.plan import Clip
from mdialog.synth.labels import ClipLabels
from mdialog.synth.library import LABELS, read_labels

FALSE_CONTRADICTION, FALSE_SUPPORT = 0.013, 0.033  # aimed at where borders are fitted; .02 and .05 are to hold elsewhere
# Kinds that change most from one set of tracks to another.
AIMS = {"metre": (0.012, 0.02), "tempo": (0.01, 0.03), "lead": (0.0005, 0.025), "genre": (0.01, 0.03), "mood": (0.01, 0.028)}
FOLDS = 5
SINGLE = ("instrument", "no instrument")  # claims of one instrument: the most, and the hardest to hear
SENTENCES = Path(__file__).resolve().parent.parent / "tests" / "sentences"
FEW = 12  # positives under which a label's read-out is left as the training clips have it


@dataclass(frozen=True)
class Window:
    """A window of a rendered library: what is known of it, and the truth."""

    track_id: str
    evidence: evidence.Evidence
    labels: ClipLabels


def windows_of(path: Path) -> list[Window]:
    """Windows of a catalogue whose files ``mdialog synth`` wrote."""
    catalog = Catalog.open(path)
    tracks = catalog.columns(["track_id", "path"]).to_pylist()
    known = evidence.witness(catalog, [t["track_id"] for t in tracks])
    found, libraries = [], {}
    for track in tracks:
        file = Path(track["path"])
        library = file.parents[2]
        if library not in libraries:
            libraries[library] = read_labels(library)
        truth = libraries[library]["/".join(file.parts[-3:])]
        for row in known.windows.get(track["track_id"], ()):
            if row["end_s"] - row["start_s"] < verdicts.WIDE_ENOUGH_S:
                continue
            seen = known.of(Clip(track["track_id"], row["start_s"], row["end_s"]))
            if seen is not None:
                found.append(Window(track["track_id"], seen, truth.over(row["start_s"], row["end_s"])))
    if not found:
        raise SystemExit(f"{path}: no windows with truth; ingest a library of `mdialog synth` (with its {LABELS})")
    return found


def holds(labels: ClipLabels, name: str) -> bool:
    kind, value = name.split(":", 1)
    return claims.true_of(Claim("", kind, value, True, 0, 0), labels)


def label_names() -> list[str]:
    v = vocab.load()
    values = {kind: v["instrument" if kind == "lead" else kind].names for kind in verdicts.JUDGED if kind != "vocal"}
    names = [f"{kind}:{value}" for kind, own in values.items() for value in own]
    return [*names, "vocal:choir"]


# ---- read-outs


def embedded(clap: Clap, data: clip_data.Clips) -> np.ndarray:
    """CLAP embeddings of stored training clips, (n, dim)."""
    import torch

    parts = []
    for start in range(0, len(data), 32):
        mels = torch.from_numpy(data.take("clap", np.arange(start, min(start + 32, len(data)))))[:, None]
        with torch.inference_mode():
            out = clap.model.get_audio_features(input_features=mels.to(clap.device)).pooler_output
        parts.append(out.float().cpu().numpy())
    rows = np.concatenate(parts)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def read_outs(model: str, data: clip_data.Clips, rows: np.ndarray, windows: list[Window]) -> tuple[verdicts.Judge, np.ndarray]:
    """Read-outs of embeddings, corrected by measures, and the logits of the windows by read-outs not fitted on them."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

    held = {name: [holds(one, name) for one in data.labels] for name in label_names()}
    held = {name: true for name, true in held.items() if FEW <= sum(true) <= len(true) - FEW}  # drums never lead
    names, dim = list(held), rows.shape[1]
    x = np.stack([verdicts.features(w.evidence) for w in windows])
    tracks = [w.track_id for w in windows]
    weights, bias, logits = [], [], []
    for name in names:
        first = LogisticRegression(C=30.0, max_iter=400).fit(rows, held[name])
        read, b = first.coef_[0], float(first.intercept_[0])
        w = np.concatenate([read, np.zeros(dim + verdicts.N_MEASURED)])
        true = np.array([holds(window.labels, name) for window in windows])
        logit = x @ w + b
        groups = {track for track, there in zip(tracks, true, strict=True) if there}
        if FEW <= true.sum() <= len(true) - FEW and len(groups) >= FOLDS:
            beside = np.column_stack([x[:, :dim] @ read, x[:, dim : 2 * dim] @ read, x[:, 2 * dim :]])
            second = LogisticRegression(C=0.3, max_iter=400)
            folds = StratifiedGroupKFold(FOLDS)
            logit = cross_val_predict(second, beside, true, cv=folds, groups=tracks, method="decision_function")
            second.fit(beside, true)
            w = np.concatenate([second.coef_[0, 0] * read, second.coef_[0, 1] * read, second.coef_[0, 2:]])
            b = float(second.intercept_[0])
        weights.append(w)
        bias.append(b)
        logits.append(logit)
    unknown = np.full(len(names), np.inf, np.float32)
    judge = verdicts.Judge(tuple(names), np.array(weights, np.float32), np.array(bias, np.float32), unknown, -unknown,
                           np.zeros(len(names), np.float32), model)  # fmt: skip
    return judge, np.array(logits)


def with_borders(
    judge: verdicts.Judge, logits: np.ndarray, windows: list[Window], only: Sequence[str] = verdicts.JUDGED
) -> verdicts.Judge:
    """The judge with borders fitted on windows, whose logits are (n_labels, n_windows); equal for a kind beyond the priors.

    Borders of kinds that are not among `only` stay as they are.
    """
    there = [np.array([holds(window.labels, name) for window in windows]) for name in judge.labels]
    share = np.array([(true.sum() + 0.5) / (len(true) + 1) for true in there])
    prior = np.log(share / (1 - share))
    kinds = [name.split(":")[0] for name in judge.labels]
    present, absent = np.zeros(len(kinds)), np.zeros(len(kinds))
    for kind in {*kinds}:
        own = [i for i, one in enumerate(kinds) if one == kind]
        rows = [(logits[i] - prior[i], there[i]) for i in own]
        present[own], absent[own] = band(rows, *AIMS.get(kind, (FALSE_CONTRADICTION, FALSE_SUPPORT)))
    arrays = {"present": present + prior, "absent": absent + prior, "prior": prior}
    fitted = np.isin(kinds, only)
    return replace(judge, **{name: np.where(fitted, array, getattr(judge, name)).astype(np.float32)
                             for name, array in arrays.items()})  # fmt: skip


def band(
    rows: list[tuple[np.ndarray, np.ndarray]], contradicted: float = FALSE_CONTRADICTION, supported: float = FALSE_SUPPORT
) -> tuple[float, float]:
    """From where on a label of a kind is there, and up to where it is not.

    A label is claimed of clips that it does not hold for about as often as it holds for others: false claims count by that.
    """
    false, weight, true = [], [], []
    for logit, holds_ in rows:
        false.append(logit[~holds_])
        weight.append(np.full((~holds_).sum(), holds_.mean()))
        true.append(logit[holds_])
    false, weight, true = map(np.concatenate, (false, weight, true))
    order = np.argsort(-false)
    passed = np.cumsum(weight[order]) / weight.sum()
    present = false[order][min(int((passed <= supported).sum()), len(order) - 1)]
    absent = np.quantile(true, contradicted)
    return max(float(present), float(absent)), min(float(present), float(absent))


# ---- thresholds on measures


def fit_limits(windows: list[Window], rng: random.Random) -> dict[str, float]:
    """Thresholds on measures, the widest verdicts that stay under the error aimed at."""
    limits: dict[str, float] = defaultdict(float)

    def fit(kind: str, side: str, grid, *, sign: int = 1, name: str | None = None) -> None:
        name = name or f"{kind}_{side}"
        limits[name] = _least(windows, rng, kind, side, limits, sign * grid, name)

    for kind in ("key", "mode"):
        fit(kind, "support", np.arange(0.0, 1.0, 0.02))
        # Rendered music is in tune: what is seldom wrong there at any confidence is not so in recordings.
        fit(kind, "contradict", np.arange(0.5, 1.0, 0.02))
    limits["tempo_sure"] = 0.9  # without a judge
    limits |= {"energy_support": -1.0, "energy_contradict": 1.0, "level_support": -1.0, "level_contradict": 1.0,
               "course_support": 1.0, "course_contradict": -1.0}  # fmt: skip
    fit("energy", "support", np.arange(-0.1, 0.15, 0.01), sign=-1)
    fit("energy", "contradict", np.arange(0.0, 0.5, 0.01))
    fit("course", "support", np.arange(0.0, 0.6, 0.01))
    fit("course", "contradict", np.arange(-0.4, 0.6, 0.01), sign=-1)
    fit("course", "support", np.arange(-0.2, 0.0, 0.01), sign=-1, name="level_support")
    fit("course", "contradict", np.arange(0.0, 0.6, 0.01), name="level_contradict")
    bright = [w.evidence.measured["brightness_hz"] for w in windows]
    onsets = [w.evidence.measured["onset_rate_hz"] for w in windows]
    # Words without a truth of the composer's: the outer thirds of rendered music, with a margin.
    limits |= {"bright_hz": float(np.quantile(bright, 0.65)), "dark_hz": float(np.quantile(bright, 0.35)),
               "dense_hz": float(np.quantile(onsets, 0.65)), "sparse_hz": float(np.quantile(onsets, 0.35))}
    for column in ("brightness_hz", "onset_rate_hz"):
        limits |= {f"{column}_support": 0.0, f"{column}_contradict": 0.15, f"{column}_same": 0.1, f"{column}_differs": 0.25}
    limits |= {"tempo_bpm_same": 0.06, "tempo_bpm_differs": 0.09, "tempo_bpm_unlike": 0.09, "brightness_hz_unlike": 0.25,
               "onset_rate_hz_unlike": 0.25, "energy_same": 0.06, "energy_differs": 0.1, "energy_unlike": 0.1}  # fmt: skip
    while _wrongly_compared(windows, rng, limits, "contradicted") > FALSE_CONTRADICTION and limits["energy_differs"] < 0.6:
        limits["energy_differs"] += 0.02
    while _wrongly_compared(windows, rng, limits, "contradicted", same=True) > FALSE_CONTRADICTION:
        limits["energy_unlike"] += 0.02
    while _wrongly_compared(windows, rng, limits, "supported", same=True) > FALSE_SUPPORT and limits["energy_same"] > 0:
        limits["energy_same"] -= 0.005
    return {name: round(float(x), 4) for name, x in limits.items()}


def _least(windows, rng, kind, side, limits, grid, name) -> float:
    """The first threshold of the grid at which the error of one side is under what is aimed at; infinite without one."""
    wrong_side, aim = ("supported", FALSE_SUPPORT) if side == "support" else ("contradicted", FALSE_CONTRADICTION)
    made = [(c, true, w.evidence) for w, o in paired(windows, rng) for c, true in made_claims(w.labels, o.labels)]
    cases = [case for case in made if case[0].kind == kind]
    if kind == "course":
        cases = [case for case in cases if (case[0].value == "level") == name.startswith("level")]
    cases = [case for case in cases if case[1] == (side == "contradict")]
    for x in grid:
        trial = limits.copy()
        trial[name] = float(x)
        judge = verdicts.Verifier(None, trial)
        wrong = sum(judge.verdict(c, seen).verdict == wrong_side for c, _, seen in cases)
        if wrong <= aim * len(cases):
            return float(x)
    return float(np.sign(grid[-1]) * 9.0)  # never


def _wrongly_compared(windows: list[Window], rng: random.Random, limits: dict, wrong: str, *, same: bool = False) -> float:
    """Share of the true comparisons of energy that are contradicted, or of the false ones that are supported."""
    judge = verdicts.Verifier(None, limits)
    name = "same energy" if same else "energy compared"
    cases = [case for one, before in paired(windows, rng) for case in compared(one, before, judge)[name]]
    found = [verdict for holds_, verdict in cases if holds_ == (wrong == "contradicted")]
    return found.count(wrong) / max(1, len(found))


# ---- claims with known truth


def made_claims(labels: ClipLabels, other: ClipLabels) -> list[tuple[Claim, bool]]:
    """True claims about a clip, and those that are true of another clip and not of this one."""
    found = []
    for source in (labels, other):
        values = [("tempo", source.tempo), ("key", source.key), ("mode", source.mode), ("metre", source.metre),
                  ("genre", source.genre), ("vocal", source.vocal), ("energy", source.energy), ("course", source.course),
                  ("tempo", str(round(source.tempo_bpm))), ("lead", source.lead),
                  *(("instrument", i) for i in source.instruments),
                  *(("instrument", which) for which, own in claims.LOOSE.items() if {*own} & {*source.instruments}),
                  *(("mood", m) for m in source.moods)]  # fmt: skip
        for kind, value in values:
            if value is None:
                continue
            claim = Claim(value, kind, value, True, 0, 0)
            true = claims.true_of(claim, labels)
            if true is not None and true == (source is labels):
                found.append((claim, true))
                if kind == "instrument":
                    found.append((Claim(value, kind, value, False, 0, 0), not true))
    return found


def paired(windows: list[Window], rng: random.Random) -> list[tuple[Window, Window]]:
    others = windows[:]
    rng.shuffle(others)
    return list(zip(windows, others, strict=True))


def compared(one: Window, before: Window, verifier: verdicts.Verifier) -> dict[str, list[tuple[bool, str]]]:
    out: dict[str, list] = defaultdict(list)
    for kind, value in (("tempo", "fast"), ("energy", "high")):
        for comparison in ("more", "less", "same"):
            claim = Claim("", kind, value, True, 0, 0, comparison)
            true = claims.true_of(claim, one.labels, before.labels)
            name = f"same {kind}" if comparison == "same" else f"{kind} compared"
            out[name].append((true, verifier.verdict(claim, one.evidence, before.evidence).verdict))
    return out


def table(windows: list[Window], verifier: verdicts.Verifier, seed: int) -> str:
    rows = defaultdict(list)
    for window, other in paired(windows, random.Random(seed)):
        for claim, true in made_claims(window.labels, other.labels):
            bare = replace(window.evidence, read={})  # metadata of rendered music is mostly right: no test of hearing
            row = row_of(claim.kind, claim.value, claim.present)
            rows[row].append((true, verifier.verdict(claim, bare).verdict))
        for kind, cases in compared(window, other, verifier).items():
            rows[kind] += cases
    counts = captioned()
    weighted = {"": told_of(rows, counts, (True, False)), "true ones, ": told_of(rows, counts, (True,))}
    rows["all"] = [x for name in list(rows) for x in rows[name]]
    rows["all but single instruments"] = [x for name in list(rows) for x in rows[name] if name not in ("all", *SINGLE)]
    lines = ["| claims of | true ones contradicted | false ones supported | verdict given |", "|---|---|---|---|"]
    for name, cases in rows.items():
        true, false = [v for t, v in cases if t], [v for t, v in cases if not t]
        told = [v for _, v in cases if v != "unverifiable"]
        wrong = Share(true.count("contradicted"), len(true)).figure(), Share(false.count("supported"), len(false)).figure()
        lines.append("| " + " | ".join([name, *wrong, Share(len(told), len(cases)).figure()]) + " |")
    for which, told in weighted.items():
        name = f"{which}of each kind as many as in people's captions (none of density, brightness, loudness)"
        lines.append(f"| {name} | | | {told:.3f} |")
    return "\n".join(lines)


def row_of(kind: str, value: str, present: bool) -> str:
    """Row of the table that a claim belongs to."""
    kind = "drums" if value == "drums" else "bpm" if value.isdigit() else kind
    kind = f"{kind} family" if value in claims.LOOSE else kind
    return kind if present else f"no {kind}"


def captioned() -> Counter[str]:
    """How many claims of each row people's captions make, by the labelled ones."""
    found: Counter[str] = Counter()
    for file in sorted(SENTENCES.glob("*.jsonl")):
        for record in map(json.loads, file.read_text(encoding="utf-8").splitlines()):
            for claim in record["claims"] if "row" in record else ():
                if not claim["comparison"]:
                    found[row_of(claim["kind"], claim["value"], claim["present"])] += 1
    return found


def told_of(rows: dict[str, list[tuple[bool, str]]], counts: Counter[str], of: tuple[bool, ...]) -> float:
    """Share of claims that get a verdict where rows are as frequent as counted; those without truth are left out."""
    told = {name: [v != "unverifiable" for t, v in cases if t in of] for name, cases in rows.items()}
    known = {name: n for name, n in counts.items() if told.get(name)}
    return sum(n * np.mean(told[name]) for name, n in known.items()) / sum(known.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, help="of render_clips.py, to fit read-outs on; the shipped ones without")
    parser.add_argument("--catalog", type=Path, nargs="*", default=[], help="to fit borders on; the shipped ones without")
    parser.add_argument("--held", type=Path, nargs="*", default=[], help="to print the tables of")
    parser.add_argument("--kinds", nargs="*", choices=verdicts.JUDGED, help="borders of these alone; of all, and limits, else")
    parser.add_argument("--clap", default="clap-mini")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    if args.kinds and (args.clips or not args.catalog):
        parser.error("--kinds fits borders alone: give --catalog, and no --clips, whose read-outs need the borders of all")
    if args.clips and not args.catalog or args.write and not args.catalog or not (args.catalog or args.held):
        parser.error("give --held to see what is shipped, --catalog to fit borders, and --clips too to fit read-outs")
    clap = Clap.load(args.clap, device=args.device)
    folder = Path(find_model(args.clap))
    folder = folder if folder.is_dir() else model_folders()[0] / clap.model_id.partition("@")[0]
    judge, limits = verdicts.judge_of(clap.model_id, str(folder)), verdicts.thresholds()
    if args.catalog:
        judge, fitted = fit(clap, judge, args.catalog, args.clips, args.kinds)
        limits = fitted or limits
    if judge is None:
        parser.error(f"no verdicts were fitted for {clap.model_id} yet; give --clips and --catalog")
    if args.write:
        folder.mkdir(parents=True, exist_ok=True)
        judge.save(folder / verdicts.FILE)
        (Path(verdicts.__file__).with_name("verdicts.json")).write_text(json.dumps(limits, indent=1) + "\n", encoding="utf-8")
    for path in (*args.catalog, *args.held):
        windows = windows_of(path)
        print(f"\n{path.name}: {len(windows)} windows\n{table(windows, verdicts.Verifier(judge, limits), 1)}", flush=True)


def fit(
    clap: Clap, judge: verdicts.Judge | None, catalogs: list[Path], clips: Path | None, kinds: Sequence[str] | None
) -> tuple[verdicts.Judge, dict[str, float]]:
    """Read-outs where there are clips, and borders; of some kinds alone no thresholds on measures."""
    windows = [window for path in catalogs for window in windows_of(path)]
    if clips:
        data = clip_data.load(clips, "train")
        print(f"{len(data)} clips, {len(windows)} windows to fit on", flush=True)
        judge, logits = read_outs(clap.model_id.partition("@")[2], data, embedded(clap, data), windows)
    elif judge is None:
        raise SystemExit(f"no read-outs were fitted for {clap.model_id} yet; give --clips")
    else:
        logits = np.stack([judge.logits(window.evidence) for window in windows], axis=1)
    if kinds:
        return with_borders(judge, logits, windows, kinds), {}
    return with_borders(judge, logits, windows), fit_limits(windows, random.Random(0))


if __name__ == "__main__":
    main()
