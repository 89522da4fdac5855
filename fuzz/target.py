"""What a fuzz target is."""

from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Final, NamedTuple, Self

MAX_LENGTH: Final = 1 << 16
"""Most bytes of an input."""

FOLDER: Final = Path(__file__).parent
NAMES: Final = tuple(
    sorted(each.stem for each in (FOLDER / "targets").glob("*.py") if each.stem != "__init__")
)
CRASHES: Final = FOLDER / "crashes"
"""Inputs that have failed once, in a folder for each target; tests run them again."""


class Broken(AssertionError):
    """An invariant does not hold."""


class Target(NamedTuple):
    """One parser, or several that read the same input.

    Attributes:
        run: Parses an input, and raises what no input may cause.
        seeds: Makes inputs to begin with.
        words: Words that mutations insert.
        modules: Prefixes of the modules whose coverage leads the mutations.
    """

    run: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    words: tuple[bytes, ...]
    modules: tuple[str, ...]

    @classmethod
    def named(cls, name: str) -> Self:
        """Import a target."""
        module = import_module(f"fuzz.targets.{name}")
        return cls(module.run, module.seeds, module.WORDS, module.MODULES)


def check(holds: bool, what: str) -> None:
    """Raise ``Broken`` unless an invariant holds."""
    if not holds:
        raise Broken(what)


def pieces(data: bytes) -> list[bytes]:
    """Return data in pieces of 1, 2, 3, … bytes, as a connection might deliver it."""
    found, start, size = [], 0, 1
    while start < len(data):
        found.append(data[start : start + size])
        start, size = start + size, size + 1
    return found
