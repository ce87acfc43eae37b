"""Commands: parse, call, print. What they need is imported when they run, so that ``mdialog --help`` is quick."""

import os
import sys

import click

from mdialog import __version__
from mdialog.cli_dialogues import generate, plan, recipes, write
from mdialog.cli_judges import check, evaluate, exam, sheet
from mdialog.cli_music import ingest, recommend, search, synth, texts
from mdialog.cli_options import FILE
from mdialog.cli_runs import export, filter_, report
from mdialog.errors import MdialogError

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100, "show_default": True}

# In the order of the work.
_COMMANDS = (synth, ingest, search, texts, recipes, plan, write, generate, recommend, report, filter_, export, sheet, check,
             exam, evaluate)  # fmt: skip


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
        return list(self.commands)  # not by the alphabet


@click.group(cls=Commands, commands=_COMMANDS, context_settings=_CONTEXT)
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
