"""Commands that make dialogues: plan them, have them written, or both."""

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
    limit_option,
    listener_option,
    seed_option,
    with_config,
)
from mdialog.errors import InputError
from mdialog.progress import Progress


def _named(ctx: click.Context, _: click.Parameter, pairs: tuple[str, ...]) -> dict[str, str]:
    if wrong := [pair for pair in pairs if "=" not in pair]:
        raise click.BadParameter(f"{wrong[0]!r} is not NAME=VALUE, such as sonic=0.8")
    return dict(pair.split("=", 1) for pair in pairs)


recipe_option = click.option("--recipe", default="music-discovery", help="The kind of dialogue.")
number_option = click.option("-n", "n", type=POSITIVE, default=50, help="Dialogues, of all shards together.")
shard_option = click.option("--shard", default="1/1", metavar="I/N", help="The i-th of n shares of the work.")
set_option = click.option("--set", "recipe_options", multiple=True, metavar="NAME=VALUE", callback=_named,
                          help="An option of the recipe; `mdialog recipes` lists them.")
candidates_option = click.option("--candidates", type=POSITIVE, default=4, help="Candidates of a turn a round.")
batch_option = click.option("--batch", type=POSITIVE, default=64, help="Dialogues written side by side.")
temperature_option = click.option(
    "--temperature", type=click.FloatRange(min=0), help="0: no chance.  [default: the model's own, else 0.8]"
)
hints_option = click.option("--hints", multiple=True, metavar="KIND",
                            help="Tell the listener what was `measured` of each clip, or is `known` by metadata and texts.")
strict_option = click.option("--strict/--no-strict", default=False, help="Reject also what nothing here can tell.")
claims_option = click.option("--claims/--no-claims", default=True, help="Reject what the signal contradicts.")


def _writing_options(command):
    """How a listener writes, for both commands that have one write."""
    about_truth = (deaf_option, claims_option, strict_option, hints_option)
    for option in (*about_truth, temperature_option, batch_option, candidates_option):
        command = option(command)
    return command


@click.command()
def recipes():
    """List the recipes, and what may be --set of each."""
    from mdialog.recipes import described

    click.echo(described())


@click.command()
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


@click.command()
@click.argument("plans", type=FILE)
@click.option("--out", required=True, type=FOLDER, help="The run folder.")
@catalog_option
@listener_option
@device_option
@_writing_options
@limit_option
@with_config
def write(plans, limit, **options):
    """Have PLANS written by a listener.

    Killed at any moment, the same command goes on where it was.
    """
    _run({**options, **_place_plans(plans, options["out"], limit=limit)})


@click.command()
@recipe_option
@number_option
@catalog_option
@click.option("--out", required=True, type=FOLDER, help="The run folder.")
@listener_option
@device_option
@seed_option
@shard_option
@set_option
@_writing_options
@limit_option
@with_config
def generate(limit, **options):
    """Plan dialogues and have them written by a listener.

    Killed at any moment, the same command goes on where it was.
    """
    _run({**options, "n": _limited(options["n"], limit)})


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


def _run(options: dict) -> None:
    """Write a run and say what it came to; nothing follows."""
    from mdialog.run import config_from, generate

    config = config_from(options)
    with Progress() as progress:
        summary = generate(config, progress=progress)
        click.echo(str(summary))
        sys.exit(summary.exit_code)
