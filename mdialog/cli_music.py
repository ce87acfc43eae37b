"""Commands about music: compose it, bring it into a catalogue, find it there, recommend it."""

import sys
from pathlib import Path

import click

from mdialog.cli_options import (
    FILE,
    FOLDER,
    POSITIVE,
    catalog_option,
    deaf_option,
    device_option,
    listener_option,
    seed_option,
    with_config,
)
from mdialog.progress import Progress


@click.command()
@click.argument("folder", type=FOLDER)
@click.option("-n", "--tracks", type=POSITIVE, default=300, help="How many; with --scenes none unless asked for.")
@click.option("--scenes", type=POSITIVE, help="How many scenes of sound events.")
@seed_option
@click.option("--soundfont", type=FILE, multiple=True, help="An SF2 or SF3 file, or several.  [default: bundled]")
@click.option("--workers", type=POSITIVE, help="Processes.  [default: all cores]")
@with_config
def synth(folder, tracks, scenes, seed, soundfont, workers):
    """Compose and render labelled music and scenes of sound.

    Both go into FOLDER. The scenes' index, events.tsv, is what `mdialog ingest --metadata` takes.
    """
    from mdialog.synth.library import write_library
    from mdialog.synth.scenes import write_scenes

    unasked = click.get_current_context().get_parameter_source("tracks") is click.core.ParameterSource.DEFAULT
    tracks, made = 0 if scenes and unasked else tracks, []
    with Progress() as progress:
        if tracks:
            write_library(folder, n_tracks=tracks, seed=seed, soundfonts=soundfont, workers=workers,
                          progress=progress.of("tracks"))
            made.append(f"{tracks} tracks")
        if scenes:
            write_scenes(folder, n=scenes, seed=seed, soundfont=next(iter(soundfont), None), workers=workers,
                         progress=progress.of("scenes"))
            made.append(f"{scenes} scenes")
    click.echo(f"{' and '.join(made)} in {folder}")


@click.command()
@click.argument("dirs", nargs=-1, required=True, type=click.Path(path_type=Path))
@catalog_option
@click.option("--metadata", type=FILE, help="A .csv, .tsv, .parquet or .jsonl about the files, or tracks without one.")
@click.option("--prune", is_flag=True, help="Remove the rows of files that are gone.")
@click.option("--workers", type=POSITIVE, help="Processes that decode and measure.  [default: all cores]")
@device_option
@click.option("--clap", help="Folder, hub id or laion-clap .pt of a CLAP model.  [default: clap-mini]")
@with_config
def ingest(dirs, catalog, metadata, prune, workers, device, clap):
    """Bring a catalogue up to date with the music in DIRS.

    Every file is measured and heard, in one pass; files that did not change are left as they are. Killed at any
    moment, the same command goes on where it was.
    """
    from mdialog.ingest import ingest as run

    with Progress() as progress:
        report = run(dirs, catalog=catalog, metadata=metadata, clap=clap, prune=prune, workers=workers, device=device,
                     progress=progress.of("files"))
    for note in report.notes:
        click.echo(f"note: {note}", err=True)
    for name, reason in list(report.failures.items())[:10]:
        click.echo(f"lost: {reason if name in reason else f'{name}: {reason}'}", err=True)
    if report.n_failed > 10:
        click.echo(f"lost: {report.n_failed - 10} more, in ingest-failures.jsonl", err=True)
    click.echo(f"{report}; catalogue {catalog}")
    sys.exit(report.exit_code)


@click.command()
@click.argument("query")
@catalog_option
@click.option("--limit", type=POSITIVE, default=10, help="How many tracks.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@device_option
@with_config
def search(query, catalog, limit, as_json, device):
    """Find tracks by metadata, tags and sound.

    Example: 'genre:reggae tempo:>120 -vocal:choir ~track:3f9a "warm organ over a slow groove"'. Terms of kind:value
    are exact; ~track, ~artist and quoted text rank by sound; a leading - turns a term round.
    """
    import json

    from mdialog.catalog import Catalog
    from mdialog.listing import rows_of, table

    opened = Catalog.open(catalog, device=device)
    rows = rows_of(opened, opened.search(query, limit=limit))
    if as_json:
        for row in rows:
            click.echo(json.dumps(row, ensure_ascii=False))
    elif rows:
        click.echo(table(rows))
    else:
        click.echo(f"no track of {len(opened)} matches {query!r}")


@click.command()
@click.argument("sources", nargs=-1, type=click.Path(path_type=Path))
@catalog_option
@click.option("--find", metavar="WORDS", help="Show the texts that these words are in.")
@click.option("--limit", type=POSITIVE, default=10, help="How many texts to show.")
@with_config
def texts(sources, catalog, find, limit):
    """Keep descriptions and other texts beside the tracks.

    SOURCES are runs of the recipe `description`, folders of .txt and .md files (artist/NAME.txt, genre/NAME.txt …), and tables
    with the columns kind, about, text.
    """
    from mdialog import texts as kept
    from mdialog.catalog import Catalog
    from mdialog.run import DIALOGUES

    opened, problems = Catalog.open(catalog), []
    runs = [source for source in sources if (source / DIALOGUES).is_file()]
    for source in sources:
        found, wrong = (list(kept.descriptions(source)), []) if source in runs else kept.read(source)
        problems += wrong
        n = kept.keep(found, opened)
        click.echo(f"{n} text{'s' * (n != 1)} of {source} in {catalog}")
    if runs:
        click.echo("{} of {} tracks have no description".format(*kept.undescribed(opened)))
    for text, score in kept.find(find, opened, limit=limit) if find else ():
        click.echo(f"{score:6.2f}  {text.kind} {text.about}, {text.form}: {text.text}")
    for problem in problems:
        click.echo(f"lost: {problem}", err=True)
    sys.exit(1 if problems else 0)


@click.command()
@click.argument("wish")
@catalog_option
@click.option("--like", multiple=True, help="A title, an artist or a track's id; again for more.")
@click.option("--dislike", multiple=True, help="The same; it never comes again.")
@click.option("--profile", type=FILE, help="A .json that keeps likes and dislikes for the next time.")
@click.option("--popularity-weight", type=float, default=0.0, help="Under 0 the little known come first.")
@click.option("-n", "n", type=POSITIVE, default=10, help="How many tracks.")
@click.option("--explain/--no-explain", default=True, help="Have a listener hear each pick and say why.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object: what was understood, picks, exposure.")
@listener_option
@device_option
@seed_option
@deaf_option
@with_config
def recommend(wish, catalog, n, explain, as_json, listener, device, seed, allow_deaf, **options):
    """Recommend tracks for a WISH in plain language.

    Example: "bouncy guitar pop I can hum, for a long drive, nothing too famous". Says what was understood and what
    counts by likeness only, and whom the list shows beside the catalogue.
    """
    import json

    from mdialog import recommend as recommending
    from mdialog.catalog import Catalog
    from mdialog.listing import rows_of, table
    from mdialog.shelf import Shelf

    shelf = Shelf.of(Catalog.open(catalog, device=device))
    found = recommending.answer(shelf, wish, limit=n, **options)
    rows = rows_of(shelf.catalog, found.hits)
    reasons = None
    if explain and rows:
        reasons = recommending.explain(found, shelf, listener=listener, device=device, seed=seed, allow_deaf=allow_deaf)
    if as_json:
        click.echo(json.dumps(recommending.as_json(found, rows, reasons), ensure_ascii=False))
        return
    for line in found.wish.understood():
        click.echo(line, err=True)
    click.echo(table(rows) if rows else f"no track of {len(shelf)} is left")
    for row in rows if reasons else ():
        reason = reasons[row["track_id"]]
        click.echo(f"{row['title'] or row['track_id']}: {reason}")
    click.echo(f"this list: {found.shown}; the catalogue: {found.catalog}")
