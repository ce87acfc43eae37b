"""What several commands take: their options, and ``--config``."""

from pathlib import Path

import click

FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, dir_okay=False)
POSITIVE = click.IntRange(min=1)


def _read_config(ctx: click.Context, _: click.Parameter, path: Path | None) -> Path | None:
    if path is not None:
        from mdialog.config import read

        ctx.default_map = read(path, ctx.find_root().command.commands)[ctx.info_name]
    return path


with_config = click.option("--config", type=FILE, is_eager=True, expose_value=False, callback=_read_config,
                           help="A run.yaml with options; `mdialog config` prints one.")
catalog_option = click.option("--catalog", required=True, help="The catalogue: a folder or a URI.")
device_option = click.option("--device", default="cpu", help="A torch device: cpu, cuda, cuda:1 …")
seed_option = click.option("--seed", type=click.IntRange(min=0), default=0, help="Same seed, same result.")
listener_option = click.option("--listener", help="Folder or hub id of an audio chat model.  [default: listener-mini]")
limit_option = click.option("--limit", type=POSITIVE, help="Only the first so many.")
deaf_option = click.option("--allow-deaf", is_flag=True, help="Write with a listener that does not hear.")
