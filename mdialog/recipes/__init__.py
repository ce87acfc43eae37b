"""Recipes: each plans one kind of dialogue. A recipe's module has ``plan_dialogue`` and ``plan_many``."""

from importlib import import_module
from types import ModuleType

from mdialog.errors import InputError

RECIPES = {"music-discovery": "mdialog.recipes.music_discovery"}


def load(name: str) -> ModuleType:
    """The planner of a recipe.

    Parameters
    ----------
    name : str
        As on the command line, ``music-discovery``.

    Raises
    ------
    InputError
        If there is no such recipe.
    """
    if name not in RECIPES:
        raise InputError(f"{name!r} is no recipe; use one of: {', '.join(RECIPES)}")
    return import_module(RECIPES[name])
