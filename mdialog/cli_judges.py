"""Commands that judge: what was written, by ear, by rule and beside people; and how well who writes it hears."""

import sys

import click

from mdialog.cli_options import FILE, FOLDER, POSITIVE, catalog_option, device_option, limit_option, seed_option, with_config
from mdialog.progress import Progress


@click.command()
@click.argument("run", type=FOLDER)
@click.option("--catalog", help="The catalogue, a folder or a URI; needed to make the page.")
@click.option("-n", "n", type=POSITIVE, default=60, help="How many statements.")
@seed_option
@click.option("--out", type=FOLDER, help="Folder of the page.  [default: RUN/sheet]")
@click.option("--answers", type=FILE, multiple=True, help="A CSV that a listener saved, or several: compare them.")
@with_config
def sheet(run, catalog, n, seed, out, answers):
    """Have people check the claims of a RUN by ear.

    Makes a page with clips and statements, without the verdicts: hand out its folder. What listeners save there comes
    back with --answers and is held against the verdicts; the key to them stays in RUN.
    """
    if answers:
        from mdialog.answers import agreement

        found = agreement(run, answers)
        for line in found.problems:
            click.echo(f"does not count: {line}", err=True)
        click.echo(found.table())
        sys.exit(1 if found.problems else 0)
    if catalog is None:
        raise click.UsageError("give --catalog to make the page, or --answers to compare what came back")
    from mdialog.sheet import make

    lost = []
    path = make(run, catalog=catalog, n=n, seed=seed, out=out, warn=lost.append)
    for line in lost:
        click.echo(f"no sound: {line}", err=True)
    click.echo(f"{path}" + (f"; {len(lost)} clips cannot be played" if lost else ""))
    sys.exit(1 if lost else 0)


@click.command()
@click.argument("file", type=FILE)
@click.option("--json", "as_json", type=FILE, help="Write all faults here too.")
@limit_option
@with_config
def check(file, as_json, limit):
    """Look for faults in the dialogues of FILE.

    FILE is a run's dialogues.jsonl, or a .jsonl, .json or .parquet in LP-MusicDialog's format. One line a fault; turns
    count from 0. What cannot be checked, because the file does not say it, is named.
    """
    from itertools import islice

    from mdialog.audit import audit
    from mdialog.transcripts import read_transcripts

    found = audit(islice(read_transcripts(file), limit))
    for finding in found.findings:
        click.echo(str(finding))
    if as_json:
        found.write(as_json)
    click.echo(str(found))
    sys.exit(found.exit_code)


@click.command()
@click.option("--listener", help="Folder or hub id, or endpoint:MODEL@http://host:port/v1.  [default: listener-mini]")
@click.option("--out", required=True, type=FOLDER, help="Answers, tables and a picture.")
@click.option("--items", type=POSITIVE, default=480, help="Questions, four to a clip; each under four sounds.")
@click.option("--protocol", type=click.Choice(["letter", "cloze", "both"]), default="both",
              help="Write the letter of an option, or score options as statements.")
@seed_option
@device_option
@with_config
def exam(listener, out, items, protocol, seed, device):
    """Find out how well a listener hears.

    Rendered clips with known truth, each with the real sound, another clip, noise and silence. Killed at any moment,
    the same command goes on where it was.
    """
    from mdialog.exam import exam as run
    from mdialog.listener import load

    with Progress() as progress:
        report = run(load(listener, device=device), out, items=items, seed=seed, protocol=protocol, progress=progress)
    click.echo(str(report))


@click.command()
@click.argument("run", type=FOLDER)
@catalog_option
@click.option("--part", "parts", multiple=True, help="Only this.  [default: all that the run has]",
              type=click.Choice(["grounding", "answers", "relevance", "consistency", "people"]))
@click.option("--turns", type=POSITIVE, default=200, help="Turns to write again for the grounding.")
@click.option("--people", type=FILE, help="CPCD's dialogues (.jsonl), to stand beside the run.")
@click.option("--listener", help="Who writes turns again.  [default: the run's]")
@click.option("--tracks", type=FILE, help="Answers about the tracks of this file alone: an export's test.tracks.")
@click.option("--judge", help="Folder, hub id or endpoint:… of a model that scores dialogues by rubrics.")
@seed_option
@device_option
@with_config
def evaluate(run, catalog, parts, people, tracks, **options):
    """Evaluate a RUN: grounding, relevance, likeness to people.

    Turns are written again with the real clip, another clip, noise and silence. What it finds goes into
    RUN/evaluation.
    """
    from mdialog.evaluation import evaluate as look
    from mdialog.split import read_tracks

    options["tracks"] = read_tracks(tracks) if tracks else None
    page = look(run, catalog=catalog, parts=parts, people=people, say=lambda text: click.echo(text, err=True),
                **options)
    click.echo(page)
