"""Recipes: each plans one kind of dialogue. A recipe's module has ``Options`` and ``plan_many``.

One that needs more of the catalogue than its snapshot has ``of_catalog``: what it gives, ``plan_many`` takes by name.
One that plans as it writes (:func:`traces`) has ``ids``, ``play_many`` and ``report`` instead of ``plan_many``.
"""

from collections.abc import Mapping
from importlib import import_module
from types import ModuleType

from pydantic import BaseModel

from mdialog.errors import InputError
from mdialog.options import validated

RECIPES = {
    "music-discovery": "mdialog.recipes.music_discovery",
    "talk-the-walk": "mdialog.recipes.talk_the_walk",
    "audio-dialogue": "mdialog.recipes.audio_dialogue",
    "comparison": "mdialog.recipes.comparison",
    "description": "mdialog.recipes.description",
    "goal-driven": "mdialog.recipes.goal_driven",
}


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


def traces(recipe: ModuleType) -> bool:
    """Whether a recipe plans as it writes: its plans are the traces of its dialogues."""
    return hasattr(recipe, "play_many")


def options_of(name: str, given: Mapping[str, object]) -> BaseModel:
    """A recipe's options, those that are given and the others by default.

    Parameters
    ----------
    name : str
    given : mapping of str to object
        Texts too, as a command line has them.

    Raises
    ------
    InputError
        If the recipe has no such option, or the value does not fit: names both.
    """
    return validated(load(name).Options, given, of=name)


def described() -> str:
    """Every recipe with its options, their defaults and their meaning, one a line."""
    lines = []
    for name in RECIPES:
        fields = {f"{option}={field.default}": field.description for option, field in load(name).Options.model_fields.items()}
        wide = max(map(len, fields))
        lines += [name, *(f"  {option:{wide}}  {meaning}" for option, meaning in fields.items())]
    return "\n".join(lines)
