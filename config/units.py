"""Sizes as people write them: `64MiB`, `500kB`, `100MP`.

A size in the configuration is a plain integer (bytes or pixels) or a whole number that a unit
follows without a space. One spelling per unit and no fractions: one line says what is accepted.
"""

from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import BeforeValidator

# Enough for 999 999 TiB; longer ones are refused before they are converted.
_MAX_DIGITS: Final = 15


@dataclass(frozen=True, slots=True)
class Unit:
    """A quantity and the suffixes that it may be written with, smallest first.

    Attributes:
        quantity: what is counted, for messages: `bytes`, `pixels`.
        suffixes: pairs of suffix and the number that it stands for.
        example: one good value, for messages.
    """

    quantity: str
    suffixes: tuple[tuple[str, int], ...]
    example: str

    def parse(self, value: object) -> int:
        """Return the number that `value` stands for.

        Args:
            value: an integer that is not negative, or text such as `64MiB`.

        Raises:
            ValueError: it is neither; the message says what is accepted, never what was given.
        """
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        number = self._number(value) if isinstance(value, str) else None
        if number is None:
            raise ValueError(f"must be {self.accepted}")
        return number

    def render(self, number: int) -> str | int:
        """Return what people would write and `parse` turns into `number` again.

        That is the smallest whole number of a unit, or the number itself when no unit divides it.
        """
        fitting = [(factor, name) for name, factor in self.suffixes if number % factor == 0]
        if not number or not fitting:
            return number
        factor, suffix = max(fitting)
        return f"{number // factor}{suffix}"

    @property
    def accepted(self) -> str:
        """Describe the accepted spellings, to complete the sentence "must be"."""
        names = ", ".join(suffix for suffix, _ in self.suffixes)
        return (
            f"a whole number of {self.quantity}, alone or followed at once by {names},"
            f" such as {self.example}"
        )

    def _number(self, text: str) -> int | None:
        for suffix, factor in self.suffixes:
            digits = text.removesuffix(suffix)
            if digits != text and _is_short_number(digits):
                return int(digits) * factor
        return None


def _is_short_number(text: str) -> bool:
    return len(text) <= _MAX_DIGITS and text.isascii() and text.isdigit()


BYTES: Final = Unit(
    "bytes",
    (
        ("kB", 10**3),
        ("KiB", 2**10),
        ("MB", 10**6),
        ("MiB", 2**20),
        ("GB", 10**9),
        ("GiB", 2**30),
        ("TB", 10**12),
        ("TiB", 2**40),
    ),
    "64MiB",
)
PIXELS: Final = Unit("pixels", (("MP", 10**6),), "100MP")

# The unit itself stays in the metadata, so that the description of a setting can render its value.
ByteCount = Annotated[int, BeforeValidator(BYTES.parse), BYTES]
PixelCount = Annotated[int, BeforeValidator(PIXELS.parse), PIXELS]
