"""Options that are wrong are named in one line, with what was given and the rule."""

from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator

from mdialog import recipes
from mdialog.errors import InputError
from mdialog.options import validated


class Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    n: int = Field(default=3, ge=1)
    sources: tuple[Literal["artist", "sound"], ...] = ("artist",)
    name: str = "x"

    @field_validator("name")
    @classmethod
    def _is_short(cls, text: str) -> str:
        if len(text) > 3:
            raise ValueError(f"{text!r} is longer than 3")
        return text


def said(given, **more):
    with pytest.raises(InputError) as error:
        validated(Options, given, **more)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_what_is_not_given_is_as_by_default():
    assert validated(Options, {}) == Options() and validated(Options, {"n": "7"}, of="a walk") == Options(n=7)


def test_an_error_names_the_option_and_the_rule():
    assert said({"n": 0}) == "n: Input should be greater than or equal to 1"
    assert said({"m": 0}) == "m: Extra inputs are not permitted"
    assert said({"name": "långa"}) == "name: Value error, 'långa' is longer than 3"


def test_and_whose_it_is_with_the_value_that_was_given():
    assert said({"n": 0}, of="a walk") == "a walk: n=0: Input should be greater than or equal to 1"
    assert said({"m": 0}, of="a walk") == "a walk has no option 'm'; it has: n, sources, name"
    assert said({"name": "långa"}, of="a walk") == "a walk: name='långa': Value error, 'långa' is longer than 3"


def test_a_bad_item_of_a_list_is_named_by_its_place_and_shown():
    assert said({"sources": ["sound", "smell"]}, of="a walk").startswith("a walk: sources.1='smell': Input should be 'artist'")
    assert said({"sources": [None]}, of="a walk").startswith("a walk: sources.0=None: ")


@pytest.mark.parametrize("given", ["artist,smell", ["artist", "smell"]], ids=str)
def test_a_recipe_names_the_bad_item_too(given):
    with pytest.raises(InputError, match=r"^talk-the-walk: sources\.1='smell': Input should be 'artist', 'value' or 'sound'$"):
        recipes.options_of("talk-the-walk", {"sources": given})
