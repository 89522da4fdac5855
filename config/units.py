"""Sizes as people write them: `64MiB`, `500kB`, `100MP`.

A size is an integer (bytes or pixels), or an integer with a unit and no space between. Each unit
has one spelling, and fractions are refused, so one line can list what is accepted.
"""

from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import BeforeValidator, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

# Enough for 999 999 TiB. Longer numbers are refused before they are converted.
_MAX_DIGITS: Final = 15


@dataclass(frozen=True, slots=True)
class Unit:
    """A quantity and its suffixes, smallest first.

    Attributes:
        quantity: name in messages: `bytes`, `pixels`.
        suffixes: pairs of suffix and factor.
        example: a valid value, for messages.
    """

    quantity: str
    suffixes: tuple[tuple[str, int], ...]
    example: str

    def parse(self, value: object) -> int:
        """Return `value` as a number.

        Args:
            value: a non-negative integer, or text such as `64MiB`.

        Raises:
            ValueError: neither; the message lists the accepted forms and never repeats the value.
        """
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        number = self._number(value) if isinstance(value, str) else None
        if number is None:
            raise ValueError(f"must be {self.accepted}")
        return number

    def render(self, number: int) -> str | int:
        """Return the shortest text that `parse` turns back into `number`.

        The result is `number` itself if no unit divides it.
        """
        fitting = [(factor, name) for name, factor in self.suffixes if number % factor == 0]
        if not number or not fitting:
            return number
        factor, suffix = max(fitting)
        return f"{number // factor}{suffix}"

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return the JSON Schema of a size: a number within bounds, or text with a unit."""
        number = handler(schema)
        suffixes = "|".join(suffix for suffix, _ in self.suffixes)
        text = {"type": "string", "pattern": f"^[0-9]{{1,{_MAX_DIGITS}}}({suffixes})$"}
        return {"anyOf": [{**number, "minimum": number.get("minimum", 0)}, text]}

    @property
    def accepted(self) -> str:
        """Return the accepted forms, to complete "must be"."""
        names = ", ".join(suffix for suffix, _ in self.suffixes)
        return (
            f"a whole number of {self.quantity}, optionally followed without a space by {names},"
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

# The unit stays in the metadata so that the settings reference can render the default.
ByteCount = Annotated[int, BeforeValidator(BYTES.parse), BYTES]
PixelCount = Annotated[int, BeforeValidator(PIXELS.parse), PIXELS]
