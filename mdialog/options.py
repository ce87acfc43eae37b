"""Options as they are given, a mapping, to a pydantic model of them; what is wrong with them in one line."""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from mdialog.errors import InputError

Model = TypeVar("Model", bound=BaseModel)


def validated(model: type[Model], given: Mapping[str, object], *, of: str | None = None) -> Model:
    """A model of the options that are given, the others by default.

    Parameters
    ----------
    model : type of pydantic.BaseModel
    given : mapping of str to object
        Texts too, as a command line has them.
    of : str, optional
        Whose options they are: an error then says so, with the value, or with what there is instead of an unknown option.

    Raises
    ------
    InputError
        If one is wrong: names it and the rule. A part of an option is named by its place, ``sources.0``.
    """
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        problem = error.errors()[0]
        option = ".".join(map(str, problem["loc"]))
        if of and problem["type"] == "extra_forbidden":
            raise InputError(f"{of} has no option {option!r}; it has: {', '.join(model.model_fields)}") from error
        named = f"{of}: {option}={problem['input']!r}" if of else option
        raise InputError(f"{named}: {problem['msg']}") from error
