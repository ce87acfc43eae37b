"""How many tracks a second ingest takes, and where the time goes, on a rendered library.

    python scripts/bench_ingest.py [--tracks 60] [--workers N] [--clap NAME] [--device cpu] [--folder MUSIC]

Runs three times: a first ingest, one with nothing to do, and one after every tenth file was touched. `decode`,
`measure` and `resample` are summed over the workers, `embed` and `write` are the main process's own.
"""

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path

from mdialog.catalog import Catalog
from mdialog.ingest import IngestReport, ingest, scan


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracks", type=int, default=60, help="to render, if no folder is given")
    parser.add_argument("--folder", help="music that is there already")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--clap")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seed", type=int, default=0)
    return parser


def show(name: str, report: IngestReport, n: int) -> None:
    total = report.seconds["total"]
    print(f"{name}: {n} files in {total:.1f} s, {n / total:.1f} files/s; {report}")
    for part, seconds in sorted(report.seconds.items(), key=lambda item: -item[1]):
        if part != "total":
            print(f"    {part:<9} {seconds:7.2f} s   {1e3 * seconds / n:7.1f} ms a file")


def main() -> None:
    args = get_parser().parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        music = Path(args.folder) if args.folder else Path(scratch, "music")
        if not args.folder:
            from mdialog.synth.library import write_library

            began = time.perf_counter()
            write_library(music, n_tracks=args.tracks, seed=args.seed, workers=args.workers)
            print(f"rendered {args.tracks} tracks in {time.perf_counter() - began:.1f} s")
        files = scan([music])[1]
        catalog = Path(scratch, "catalog")
        options = {"catalog": catalog, "clap": args.clap, "workers": args.workers, "device": args.device}
        show("first ingest", ingest([music], **options), len(files))
        seconds = sum(filter(None, Catalog.open(catalog).columns(["duration_s"])["duration_s"].to_pylist()))
        print(f"    {seconds / 60:.1f} minutes of music, {Catalog.open(catalog).table('windows').count_rows()} windows")
        show("nothing to do", ingest([music], **options), len(files))
        for path in files[::10]:
            if not args.folder:  # music of the user's own is not touched
                os.utime(path)
        show("a tenth touched", ingest([music], **options), len(files))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(f"peak memory: main process {peak:.2f} GiB (torch and model included)")


if __name__ == "__main__":
    main()
