"""Commands: parse, call, print. What they need is imported when they run, so that ``mdialog --help`` is quick."""

import json
import os
import sys
from pathlib import Path

import click

from mdialog import __version__
from mdialog.errors import InputError, MdialogError
from mdialog.progress import Progress

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100, "show_default": True}
FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, dir_okay=False)
POSITIVE = click.IntRange(min=1)


class Commands(click.Group):
    """Errors that a user can mend are shown without a traceback."""

    def invoke(self, ctx: click.Context):
        try:
            return super().invoke(ctx)
        except MdialogError as error:
            # Further lines point at a spot in the first one: they move with it.
            click.echo("mdialog: " + str(error).replace("\n", "\n         "), err=True)
            ctx.exit(1)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)  # in the order of the work, not of the alphabet


@click.group(cls=Commands, context_settings=_CONTEXT)
@click.version_option(__version__, prog_name="mdialog")
def main():
    """Dialogues about music whose every audible statement was heard.

    From a folder of music: ingest, generate, report. Each command says more with --help.
    """
    # transformers and lance report every load and every new table at length; what goes wrong is said by mdialog.
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("LANCE_LOG", "error")
    os.environ.setdefault("LANCEDB_LOG", "error")


def _read_config(ctx: click.Context, _: click.Parameter, path: Path | None) -> Path | None:
    if path is not None:
        from mdialog.config import read

        ctx.default_map = read(path, main.commands)[ctx.info_name]
    return path


def _named(ctx: click.Context, _: click.Parameter, pairs: tuple[str, ...]) -> dict[str, str]:
    if wrong := [pair for pair in pairs if "=" not in pair]:
        raise click.BadParameter(f"{wrong[0]!r} is not NAME=VALUE, such as sonic=0.8")
    return dict(pair.split("=", 1) for pair in pairs)


with_config = click.option("--config", type=FILE, is_eager=True, expose_value=False, callback=_read_config,
                           help="A run.yaml with options; `mdialog config` prints one.")
catalog_option = click.option("--catalog", required=True, help="The catalogue: a folder or a URI.")
device_option = click.option("--device", default="cpu", help="A torch device: cpu, cuda, cuda:1 …")
seed_option = click.option("--seed", type=click.IntRange(min=0), default=0, help="Same seed, same result.")
listener_option = click.option("--listener", help="Folder or hub id of an audio chat model.  [default: listener-mini]")
recipe_option = click.option("--recipe", default="music-discovery", help="The kind of dialogue.")
number_option = click.option("-n", "n", type=POSITIVE, default=50, help="Dialogues, of all shards together.")
limit_option = click.option("--limit", type=POSITIVE, help="Only the first so many.")
shard_option = click.option("--shard", default="1/1", metavar="I/N", help="The i-th of n shares of the work.")
set_option = click.option("--set", "recipe_options", multiple=True, metavar="NAME=VALUE", callback=_named,
                          help="An option of the recipe; `mdialog recipes` lists them.")
candidates_option = click.option("--candidates", type=POSITIVE, default=4, help="Candidates of a turn a round.")
batch_option = click.option("--batch", type=POSITIVE, default=64, help="Dialogues written side by side.")
temperature_option = click.option(
    "--temperature", type=click.FloatRange(min=0), help="0: no chance.  [default: the model's own, else 0.8]"
)


@main.command()
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


@main.command()
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


@main.command()
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


@main.command()
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
    for source in sources:
        found = list(kept.descriptions(source)) if (source / DIALOGUES).is_file() else None
        if found is None:
            found, wrong = kept.read(source)
            problems += wrong
        n = kept.keep(found, opened)
        click.echo(f"{n} text{'s' * (n != 1)} of {source} in {catalog}")
    for text, score in kept.find(find, opened, limit=limit) if find else ():
        click.echo(f"{score:6.2f}  {text.kind} {text.about}, {text.form}: {text.text}")
    for problem in problems:
        click.echo(f"lost: {problem}", err=True)
    sys.exit(1 if problems else 0)


@main.command()
def recipes():
    """List the recipes, and what may be --set of each."""
    from mdialog.recipes import described

    click.echo(described())


@main.command()
@recipe_option
@number_option
@catalog_option
@click.option("--out", required=True, type=FILE, help="The plans, a .jsonl.")
@seed_option
@shard_option
@set_option
@limit_option
@with_config
def plan(catalog, out, limit, **options):
    """Plan dialogues without writing them."""
    from mdialog.catalog import Catalog
    from mdialog.plan import write_plans
    from mdialog.run import config_from
    from mdialog.run import plan as run

    config = config_from({**options, "catalog": catalog, "out": out.parent, "n": _limited(options["n"], limit)})
    with Progress() as progress:
        made = write_plans(run(config, Catalog.open(catalog), progress=progress), out)
    click.echo(f"{made} plans in {out}")


claims_option = click.option("--claims/--no-claims", default=True, help="Reject what the signal contradicts.")
deaf_option = click.option("--allow-deaf", is_flag=True, help="Write with a listener that does not hear.")


@main.command()
@click.argument("plans", type=FILE)
@click.option("--out", required=True, type=FOLDER, help="The run folder.")
@catalog_option
@listener_option
@device_option
@candidates_option
@batch_option
@temperature_option
@claims_option
@deaf_option
@limit_option
@with_config
def write(plans, limit, **options):
    """Have PLANS written by a listener.

    Killed at any moment, the same command goes on where it was.
    """
    from mdialog.run import config_from
    from mdialog.run import generate as run

    config = config_from({**options, **_place_plans(plans, options["out"], limit=limit)})
    with Progress() as progress:
        _finish(run(config, progress=progress))


@main.command()
@recipe_option
@number_option
@catalog_option
@click.option("--out", required=True, type=FOLDER, help="The run folder.")
@listener_option
@device_option
@seed_option
@shard_option
@set_option
@candidates_option
@batch_option
@temperature_option
@claims_option
@deaf_option
@limit_option
@with_config
def generate(limit, **options):
    """Plan dialogues and have them written by a listener.

    Killed at any moment, the same command goes on where it was.
    """
    from mdialog.run import config_from
    from mdialog.run import generate as run

    config = config_from({**options, "n": _limited(options["n"], limit)})
    with Progress() as progress:
        _finish(run(config, progress=progress))


@main.command()
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
        click.echo(f"{row['title'] or row['track_id']}: {reason.text or f'(no sentence: {reason.lacking})'}")
    click.echo(f"this list: {found.shown}; the catalogue: {found.catalog}")


@main.command()
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


@main.command("filter")
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
    same without the sound, or if the run has said it before. The RUN itself is left as it is.
    """
    from mdialog.catalog import Catalog
    from mdialog.filtration import FILTERS, filter_from, filter_run, written_by
    from mdialog.listener import load

    chosen = filter_from({**options, "filters": filters or FILTERS})
    who = load(listener or written_by(run), device=device) if "deaf" in chosen.filters else None
    found = filter_run(run, catalog=Catalog.open(catalog, device=device), listener=who, options=chosen,
                       out=out or run / "filtered", say=lambda text: click.echo(text, err=True))
    click.echo(found.table())
    click.echo(str(found))


@main.command()
@click.argument("run", type=FOLDER)
@click.option("--format", "format", required=True, help="What shall load it.",
              type=click.Choice(["lp-musicdialog", "messages", "conversations", "parquet", "audio-dialogues"]))
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

    messages: for chat templates of transformers and trl; conversations: lists with <audio> tags for ms-swift, LLaMA-Factory
    and LLaVA-style trainers; parquet: for `datasets`, with the sound inside; lp-musicdialog and audio-dialogues: rows as
    those sets have them. Killed at any moment, the same command goes on where it was.
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


@main.command()
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


@main.command()
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


@main.command()
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


@main.command()
@click.argument("run", type=FOLDER)
@catalog_option
@click.option("--part", "parts", type=click.Choice(["grounding", "relevance", "consistency", "people"]), multiple=True,
              help="Only this.  [default: all that the run has]")
@click.option("--turns", type=POSITIVE, default=200, help="Turns to write again for the grounding.")
@click.option("--people", type=FILE, help="CPCD's dialogues (.jsonl), to stand beside the run.")
@click.option("--listener", help="Who writes turns again.  [default: the run's]")
@click.option("--judge", help="Folder, hub id or endpoint:… of a model that scores dialogues by rubrics.")
@seed_option
@device_option
@with_config
def evaluate(run, catalog, parts, people, **options):
    """Evaluate a RUN: grounding, relevance, likeness to people.

    Turns are written again with the real clip, another clip, noise and silence. What it finds goes into
    RUN/evaluation.
    """
    from mdialog.evaluation import evaluate as look

    page = look(run, catalog=catalog, parts=parts, people=people, say=lambda text: click.echo(text, err=True),
                **options)
    click.echo(page)


@main.command()
@click.option("--config", "path", type=FILE, help="Print what this file comes to.")
def config(path):
    """Print a run.yaml with every option and what it means."""
    from mdialog import config as files

    commands = {name: command for name, command in main.commands.items() if name not in ("config", "doctor")}
    click.echo(files.example(commands, files.read(path, commands) if path else None), nl=False)


@main.command()
def doctor():
    """Look whether everything is there and works."""
    from mdialog.doctor import examine

    broken = 0
    for finding in examine():
        broken += finding.state == "broken"
        click.echo(f"{finding.state:>6}  {finding.name}: {finding.text}")
    click.echo(f"{broken} broken" if broken else "all well")
    sys.exit(1 if broken else 0)


def _limited(n: int, limit: int | None) -> int:
    return n if limit is None else min(n, limit)


def _place_plans(path: Path, out: Path, *, limit: int | None) -> dict:
    """Put plans where a run looks for its own; returns the options that they were made with."""
    from mdialog.plan import read_plans, to_json, write_plans
    from mdialog.run import PLANS

    if not path.is_file():
        raise InputError(f"{path} is no file; make plans with `mdialog plan`")
    plans = list(read_plans(path))[:limit]
    if not plans:
        raise InputError(f"{path} holds no plan; make some with `mdialog plan`")
    placed = out / PLANS
    if placed.exists():
        if [*map(to_json, read_plans(placed))] != [*map(to_json, plans)]:
            raise InputError(f"{out} holds a run of other plans; choose another --out")
    else:
        out.mkdir(parents=True, exist_ok=True)
        write_plans(plans, placed)
    return {"recipe": plans[0].recipe, "seed": plans[0].seed, "n": len(plans)}


def _finish(summary) -> None:
    click.echo(str(summary))
    sys.exit(summary.exit_code)
