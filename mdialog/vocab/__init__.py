"""The vocabulary: every kind, value, synonym, prompt and threshold, read once from the TOML files here.

Composer, CLAP prompts, query language, phrase book and claim finder all read this and nothing else.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

# Kinds whose values are open (names, ids, numbers): they have no TOML file and any value is valid.
OPEN_KINDS = ("track", "artist", "album", "year", "user")

# Kinds measured or heard in the signal that people name when they speak of sound itself.
SONIC_KINDS = ("tempo", "key", "mode", "metre", "energy", "instrument", "vocal", "mood")


@dataclass(frozen=True)
class Value:
    """One value of a kind.

    Parameters
    ----------
    name : str
        Canonical name, as in ``kind:name``.
    words : tuple of str
        Ways to say it in English, the plainest first.
    prompts : tuple of str
        Texts that CLAP embeds for it; empty if it is never heard.
    low, high : float
        Half-open range ``low <= x < high`` of the kind's measure; infinite where open.
    programs : tuple of int in [0, 127]
        General MIDI programs that sound as this instrument.
    codes : tuple of str
        AudioSet's machine ids of it, as in ``/m/06mb1``.
    """

    name: str
    words: tuple[str, ...]
    prompts: tuple[str, ...] = ()
    low: float = float("-inf")
    high: float = float("inf")
    programs: tuple[int, ...] = ()
    codes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kind:
    """One kind of attribute and its values, in the order of its file.

    Parameters
    ----------
    name : str
    audible : bool
        Whether it can be heard in the signal.
    exclusive : bool
        Whether a span has at most one value.
    attribute : bool
        Whether people can ask for it (``course`` can only be stated).
    values : tuple of Value
    measure : str or None
        Name of the measured quantity that `low`/`high` divide.
    """

    name: str
    audible: bool
    exclusive: bool
    values: tuple[Value, ...]
    attribute: bool = True
    measure: str | None = None

    def __getitem__(self, name: str) -> Value:
        return self._by_name[name]

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._by_name)

    @property
    def _by_name(self) -> dict[str, Value]:
        return _index(self)

    def canonical(self, text: str) -> str | None:
        """The value that `text` names (case-insensitive, synonyms, flats, codes), or None."""
        wanted = " ".join(text.casefold().replace("_", " ").split())
        for value in self.values:
            if wanted in (value.name.casefold(), *(w.casefold() for w in value.words)) or text in value.codes:
                return value.name
        return None

    def word_for(self, x: float) -> str:
        """Name of the value whose range holds `x`.

        Raises
        ------
        ValueError
            If the kind has no ranges.
        """
        for value in self.values:
            if value.low <= x < value.high and (value.low, value.high) != (float("-inf"), float("inf")):
                return value.name
        raise ValueError(f"kind {self.name!r} has no range that holds {x!r}")


@cache
def _index(kind: Kind) -> dict[str, Value]:
    return {value.name: value for value in kind.values}


@dataclass(frozen=True)
class Vocabulary:
    """All kinds by name."""

    kinds: tuple[Kind, ...]

    def __getitem__(self, name: str) -> Kind:
        return next(kind for kind in self.kinds if kind.name == name)

    def __contains__(self, name: str) -> bool:
        return any(kind.name == name for kind in self.kinds)

    def __iter__(self):
        return iter(self.kinds)

    @property
    def attribute_kinds(self) -> tuple[str, ...]:
        """Every kind a query or an attribute may name: the closed ones, then the open ones."""
        return tuple(k.name for k in self.kinds if k.attribute) + OPEN_KINDS

    def canonical(self, kind: str, text: str) -> str | None:
        """The value of `kind` that `text` names (case-insensitive, synonyms, flats), or None."""
        return self[kind].canonical(text)


def _keys(table: dict) -> list[Value]:
    """The 24 keys, each with its enharmonic spellings as words."""
    flat_of = {sharp: flat for flat, sharp in table["flats"].items()}
    values = []
    for mode in ("major", "minor"):
        for tonic in table["tonics"]:
            spellings = [tonic] + ([flat_of[tonic]] if tonic in flat_of else [])
            words = [f"{s} {mode}" for s in spellings]
            words += [w.replace("#", "-sharp").replace("b ", "-flat ") for w in words if "#" in w or "b " in w]
            values.append(Value(name=f"{tonic} {mode}", words=tuple(words)))
    return values


@cache
def load() -> Vocabulary:
    """Read the vocabulary that ships with the package; kinds that are ``apart`` are not in it.

    Returns
    -------
    Vocabulary
    """
    return Vocabulary(kinds=tuple(kind for kind, apart in _tables() if not apart))


@cache
def events() -> Kind:
    """The kind `event`: sounds that are not music, with the names and codes that datasets have for them."""
    return next(kind for kind, apart in _tables() if apart and kind.name == "event")


def _tables() -> list[tuple[Kind, bool]]:
    """Every kind, in the order of the files' names, and whether it is apart from what music is described by."""
    paths = sorted((p for p in files(__package__).iterdir() if p.name.endswith(".toml")), key=lambda p: p.name)
    tables = [tomllib.loads(path.read_text(encoding="utf-8")) for path in paths]
    return [(_kind(table), table.get("apart", False)) for table in tables]


def _kind(table: dict) -> Kind:
    if table.get("expand") == "keys":
        values = _keys(table)
    else:
        values = [
            Value(
                name=row["name"],
                words=tuple(row["words"]),
                prompts=tuple(row.get("prompts", ())),
                low=row.get("low", float("-inf")),
                high=row.get("high", float("inf")),
                programs=tuple(row.get("programs", ())),
                codes=tuple(row.get("codes", ())),
            )
            for row in table["value"]
        ]
    return Kind(
        name=table["kind"],
        audible=table["audible"],
        exclusive=table["exclusive"],
        values=tuple(values),
        attribute=table.get("attribute", True),
        measure=table.get("measure"),
    )
