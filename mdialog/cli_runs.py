"""Commands that hand on what was written: as a page, sorted by a filter, as a dataset."""

import sys

import click

from mdialog.cli_options import FOLDER, POSITIVE, catalog_option, device_option, seed_option, with_config
from mdialog.progress import Progress


@click.command()
@click.argument("run", type=FOLDER)
@catalog_option
@click.option("--max-dialogues", type=POSITIVE, default=200, help="How many to show, the first ones.")
@click.option("--workers", type=POSITIVE, help="Threads that cut clips.  [default: all cores]")
@with_config
def report(run, catalog, max_dialogues, workers):
    """Make the page of a RUN, to read and to listen to.

    It holds the dialogues, a player for every span that was heard, and a picture of the catalogue.
    """
    from mdialog.report import report as make

    lost = []
    path = make(run, catalog=catalog, max_dialogues=max_dialogues, warn=lost.append, workers=workers)
    for line in lost:
        click.echo(f"no sound: {line}", err=True)
    click.echo(f"{path}" + (f"; {len(lost)} clips cannot be played" if lost else ""))
    sys.exit(1 if lost else 0)


@click.command("filter")
@click.argument("run", type=FOLDER)
@catalog_option
@click.option("--out", type=FOLDER, help="Folder of kept.jsonl and dropped.jsonl.  [default: RUN/filtered]")
@click.option("--filter", "filters", type=click.Choice(["similarity", "phrases", "deaf", "duplicates"]), multiple=True,
              help="Only this.  [default: all]")
@click.option("--unit", type=click.Choice(["dialogue", "answer"]), default="dialogue",
              help="Keep or drop whole dialogues, or single questions with their answers.")
@click.option("--may-fail", type=click.FloatRange(0, 1), default=0.0,
              help="Share of its answers that may fail in a kept dialogue.")
@click.option("--percentile", type=click.FloatRange(0, 100), default=10.0,
              help="Of the similarities of answers with other clips: under it is unlike.")
@click.option("--min-similarity", type=click.FloatRange(-1, 1), help="Cosine to be reached instead; Audio Dialogues: 0.3.")
@click.option("--phrase", "phrases", multiple=True, help="Another low-confidence phrase, a regular expression.")
@click.option("--sound", type=click.Choice(["noise", "silence", "none"]), default="noise", help="What the deaf pass plays.")
@click.option("--samples", type=POSITIVE, default=4, help="Answers of the deaf pass to each question.")
@click.option("--agree", type=click.FloatRange(0, 1, min_open=True), default=0.5, help="Share of them that must say the same.")
@click.option("--near", type=click.FloatRange(0, 1, min_open=True), default=0.8, help="Likeness of words that makes a repeat.")
@click.option("--same-clip", is_flag=True, help="Call it a duplicate only where the clips are the same too.")
@click.option("--listener", help="Who answers without the sound.  [default: the run's]")
@device_option
@seed_option
@with_config
def filter_(run, catalog, out, filters, listener, device, **options):
    """Sort the dialogues of a RUN into kept and dropped.

    An answer about a clip fails if CLAP finds it unlike the clip, if it does not commit itself, if the listener says the
    same without the sound, or if the run has said it before. The RUN itself is left as it is; `mdialog export` takes the
    folder of what was kept in its place.
    """
    from mdialog.catalog import Catalog
    from mdialog.filtration import FILTERS, Filter, filter_run, written_by
    from mdialog.listener import load
    from mdialog.options import validated

    chosen = validated(Filter, {**options, "filters": filters or FILTERS})
    who = load(listener or written_by(run), device=device) if "deaf" in chosen.filters else None
    found = filter_run(run, catalog=Catalog.open(catalog, device=device), listener=who, options=chosen,
                       out=out or run / "filtered", say=lambda text: click.echo(text, err=True))
    click.echo(found.table())
    click.echo(str(found))


@click.command()
@click.argument("run", type=FOLDER)
@click.option("--format", "format", required=True, help="What shall load it.",
              type=click.Choice(["lp-musicdialog", "messages", "conversations", "parquet", "audio-dialogues", "retrieval"]))
@click.option("--out", required=True, type=FOLDER, help="Folder of the dataset.")
@click.option("--catalog", help="Where the sound is, a folder or a URI.  [default: as planned]")
@click.option("--split", "parted", is_flag=True, help="Into train and test, without a track or an artist on both sides.")
@click.option("--split-by", type=click.Choice(["components", "held-tracks"]), default="components",
              help="Keep together what shares tracks or artists, or leave out what mixes both sides.")
@click.option("--test-share", type=click.FloatRange(min=0, max=1, min_open=True, max_open=True), default=0.1,
              help="Of the dialogues, for --split.")
@click.option("--max-shard-mb", type=POSITIVE, default=500, help="Size of a Parquet file.")
@click.option("--workers", type=POSITIVE, help="Threads that cut clips.  [default: all cores]")
@with_config
def export(run, parted, split_by, **options):
    """Write a RUN as a dataset, with the clips that were heard.

    RUN/filtered in its place is what `mdialog filter` kept. A README.md says what is in it, and how well it is grounded.

    messages: for chat templates of transformers and trl; conversations: lists with <audio> tags for ms-swift, LLaMA-Factory
    and LLaVA-style trainers; parquet: for `datasets`, with the sound inside; lp-musicdialog and audio-dialogues: rows as
    those sets have them; retrieval: the talk before each recommendation with the tracks that answer it, for dense
    retrievers. Killed at any moment, the same command goes on where it was.
    """
    from mdialog.export import export as write

    with Progress() as progress:
        report = write(run, by=split_by.replace("-", " ") if parted else None, progress=progress.of("dialogues"), **options)
    for name, why in report.lost[:10]:
        click.echo(f"lost: {name}: {why}", err=True)
    if len(report.lost) > 10:
        click.echo(f"lost: {len(report.lost) - 10} more, in lost.jsonl", err=True)
    click.echo(str(report))
    sys.exit(report.exit_code)
