"""``run.yaml``: the options of every command in one file, checked; the command line wins over it.

The file has a part a command; an option on the top level counts for every command that has it::

    catalog: my.catalog
    seed: 7
    generate:
      out: my.run
      n: 200
"""

from pathlib import Path
from typing import Any

import click
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from mdialog.errors import InputError

# Not options of the work itself.
_NOT_IN_FILE = ("config", "help")


def read(path: str | Path, commands: dict[str, click.Command]) -> dict[str, dict[str, Any]]:
    """Options by command.

    Parameters
    ----------
    path : str or Path
    commands : dict of str to click.Command
        All that the file may speak of.

    Returns
    -------
    dict of str to dict
        For each command, the options that the file gives it: its own part, else the top level.

    Raises
    ------
    InputError
        If it is not YAML, or names an option that is not there, or gives a value that does not fit.
    """
    try:
        raw = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); `mdialog config` prints an example") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        said = " ".join(str(error).split())
        raise InputError(f"{path}: not YAML ({said}); `mdialog config` prints an example") from error
    try:
        found = _model(commands).model_validate(_underscored(raw or {})).model_dump(exclude_unset=True)
    except ValidationError as error:
        raise InputError(f"{path}: {_explain(error, commands)}") from error
    shared = {name: value for name, value in found.items() if name not in commands}
    return {name: {k: v for k, v in shared.items() if k in _options(command)} | (found.get(name) or {})
            for name, command in commands.items()}


def example(commands: dict[str, click.Command], given: dict[str, dict[str, Any]] | None = None) -> str:
    """A ``run.yaml`` with every option, what it means, and its value: given, else by default.

    Options without a value stand as comments.
    """
    lines = ["# Options of mdialog's commands, for --config run.yaml. The command line wins over this file.",
             "# An option on the top level counts for every command that has it. Paths start where the command runs."]
    for name, command in commands.items():
        options = _options(command)
        if not options:
            continue
        lines += ["", f"{name}:"]
        own = (given or {}).get(name, {})
        rows = [_line(k, own[k] if k in own else _default(option), _help(option)) for k, option in options.items()]
        lines += rows if any(not row.lstrip().startswith("#") for row in rows) else [f"{lines.pop()} {{}}", *rows]
    return "\n".join(lines) + "\n"


def _line(key: str, value: Any, text: str) -> str:
    comment = f"  # {text}" if text else ""
    if value is None or value == []:
        return f"  # {key}:{comment}"
    written = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**6).removesuffix("...\n")
    return f"  {key}: {written.strip()}{comment}"


def _options(command: click.Command) -> dict[str, click.Parameter]:
    return {p.name: p for p in command.params if p.name not in _NOT_IN_FILE}


def _default(option: click.Parameter) -> Any:
    value = option.to_info_dict().get("default")
    return list(value) if isinstance(value, tuple) else value if isinstance(value, str | int | float | list) else None


def _help(option: click.Parameter) -> str:
    return " ".join((getattr(option, "help", None) or "").split())


def _model(commands: dict[str, click.Command]) -> type[BaseModel]:
    """The file as a pydantic model: click's options are the one place where they are declared."""
    shared: dict[str, Any] = {}
    parts: dict[str, Any] = {}
    for name, command in commands.items():
        fields = {key: _field(option) for key, option in _options(command).items()}
        shared |= fields
        part = create_model(name, __config__=ConfigDict(extra="forbid", strict=True), **fields)
        parts[name] = (part | None, None)
    return create_model("run.yaml", __config__=ConfigDict(extra="forbid", strict=True), **(shared | parts))


def _field(option: click.Parameter) -> tuple[Any, Any]:
    kind: Any = str
    limits: dict[str, Any] = {}
    if getattr(option, "is_flag", False):
        kind = bool
    elif isinstance(option.type, click.IntRange | click.FloatRange):
        kind = int if isinstance(option.type, click.IntRange) else float
        limits = {k: v for k, v in (("ge", option.type.min), ("le", option.type.max)) if v is not None}
    elif option.type in (click.INT, click.FLOAT):
        kind = int if option.type == click.INT else float
    if option.multiple or option.nargs != 1:
        kind = list[kind]
    return kind, Field(default=None, **limits)


def _underscored(raw: Any) -> Any:
    """Keys as on the command line (``max-dialogues``) mean the same as with underscores."""
    if not isinstance(raw, dict):
        return raw
    return {str(key).replace("-", "_"): _underscored(value) for key, value in raw.items()}


def _explain(error: ValidationError, commands: dict[str, click.Command]) -> str:
    problem = error.errors()[0]
    where = ".".join(map(str, problem["loc"])) or "the file"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    if problem["type"] != "extra_forbidden":
        return f"{where} is {problem['input']!r}: {problem['msg'][:1].lower() + problem['msg'][1:]}{more}"
    place, key = problem["loc"][:-1], problem["loc"][-1]
    valid = _options(commands[place[0]]) if place else [*commands, *{k for c in commands.values() for k in _options(c)}]
    there = f"of {place[0]}" if place else "on the top level"
    return f"no option {key!r} {there}; use {', '.join(sorted(valid))}{more}"
