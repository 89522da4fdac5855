"""What a store asks for: price lists as files, each with its date and its source.

``eval/cost/prices/aws-us-east-1.yaml`` is one, and shows how to write another.
"""

from datetime import date
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import BeforeValidator, Field, NonNegativeInt, ValidationError, model_validator

from config.base import LISTED, Frozen, contradiction
from config.document import Document, parse_document
from config.files import read_text
from config.problems import ConfigError, Problem, show_path

DEFAULT: Final = Path(__file__).parent / "prices" / "aws-us-east-1.yaml"
"""The price list that is taken where none is named."""

_MAX_CLASSES: Final = 50
_MAX_STEPS: Final = 20

Amount = Annotated[float, Field(ge=0, le=1e6)]
"""A price, in the currency of the list."""

Name = Annotated[str, Field(min_length=1, max_length=80)]


def _as_date(value: object) -> object:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError as error:
        raise ValueError("must be a date such as 2025-10-28") from error


Day = Annotated[date, BeforeValidator(_as_date)]


class Step(Frozen):
    """A price that holds up to an amount; everything beyond it has the price of the next step.

    Attributes:
        up_to_tb: Where the step ends, TB; None: nowhere.
        gb_month: Price of a GB for a month.
    """

    up_to_tb: Annotated[float, Field(gt=0)] | None = None
    gb_month: Amount


class Small(Frozen):
    """Objects that a class accepts and has billed as another one.

    Attributes:
        below_bytes: How large an object must be to be billed as its own class, bytes.
        billed_as: Name of the other class.
    """

    below_bytes: NonNegativeInt
    billed_as: Name


class Beside(Frozen):
    """What is stored beside each object, and billed.

    Attributes:
        own_bytes: At the price of its own class.
        other_bytes: At the price of another one.
        billed_as: Name of the other class.
    """

    own_bytes: NonNegativeInt
    other_bytes: NonNegativeInt
    billed_as: Name


class StorageClass(Frozen):
    """One storage class.

    Attributes:
        name: As S3 calls it; entries that S3 has no name of their own for add to it.
        title: What people read.
        storage: Prices of stored bytes, the first one from the first byte on.
        put_per_1000: Price of 1,000 PUT requests.
        get_per_1000: Price of 1,000 GET or HEAD requests.
        retrieval_per_gb: Price of reading a GB, besides the request.
        retrieval_per_1000: Price of asking 1,000 times that an object be made readable.
        monitoring_per_1000: Price of watching 1,000 objects for a month.
        min_object_bytes: What a smaller object is billed as, bytes.
        min_days: Days that an object is billed for, also when it is replaced before.
        small: Which objects are billed as another class; None: none are.
        beside: What is billed beside each object; None: nothing is.
    """

    name: Name
    title: Name
    storage: Annotated[tuple[Step, ...], LISTED, Field(min_length=1, max_length=_MAX_STEPS)]
    put_per_1000: Amount = 0.0
    get_per_1000: Amount = 0.0
    retrieval_per_gb: Amount = 0.0
    retrieval_per_1000: Amount = 0.0
    monitoring_per_1000: Amount = 0.0
    min_object_bytes: NonNegativeInt = 0
    min_days: NonNegativeInt = 0
    small: Small | None = None
    beside: Beside | None = None

    @model_validator(mode="after")
    def _steps_rise(self) -> Self:
        ends = [step.up_to_tb for step in self.storage]
        if ends[-1] is not None:
            reason = "the last step must have no up_to_tb: it holds for everything beyond"
            raise contradiction(("storage", len(ends) - 1), reason)
        bounded = [end for end in ends if end is not None]
        if len(bounded) != len(ends) - 1 or any(low >= high for low, high in pairwise(bounded)):
            raise contradiction(("storage",), "each up_to_tb must be larger than the one before")
        if self.small and self.beside and self.small.billed_as != self.beside.billed_as:
            raise contradiction(("beside",), "must be billed as the same class as small objects")
        return self

    @property
    def other(self) -> str | None:
        """Give the name of the class that a part of this one is billed as."""
        of = self.small or self.beside
        return of.billed_as if of else None


class Compute(Frozen):
    """What computing costs.

    Attributes:
        core_hour: Price of one processor core (a vCPU, where that is what is sold) for an hour.
        gpu_hour: Price of one machine with a GPU for an hour.
        date: When these prices held.
        source: Where they come from.
    """

    core_hour: Amount
    gpu_hour: Amount = 0.0
    date: Day
    source: Name


class Prices(Frozen):
    """The price list of a store.

    Attributes:
        name: Which store, and where.
        currency: ISO 4217 code.
        date: When these prices held.
        source: Where they come from.
        binary_units: Whether a GB has 2^30 bytes and a TB 1,024 GB; else 10^9 and 1,000.
        compute: What computing costs.
        classes: At least one; the first one is what is taken where none is named.
    """

    name: Name
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    date: Day
    source: Name
    binary_units: bool
    compute: Compute
    classes: Annotated[
        tuple[StorageClass, ...], LISTED, Field(min_length=1, max_length=_MAX_CLASSES)
    ]

    @model_validator(mode="after")
    def _classes_are_known(self) -> Self:
        for index, each in enumerate(self.classes):
            if each.name in {earlier.name for earlier in self.classes[:index]}:
                raise contradiction(("classes", index, "name"), "is taken by an earlier class")
            if each.other is not None and each.other not in self._by_name:
                raise contradiction(("classes", index), "is billed as a class that is not listed")
            if each.other is not None and self._by_name[each.other].other is not None:
                raise contradiction(("classes", index), "is billed as a class that is itself mixed")
        return self

    @property
    def gb_bytes(self) -> int:
        """Give the bytes of a GB as this store counts them."""
        return 2**30 if self.binary_units else 10**9

    @property
    def tb_bytes(self) -> int:
        """Give the bytes of a TB as this store counts them."""
        return 2**40 if self.binary_units else 10**12

    def named(self, name: str) -> StorageClass:
        """Look a storage class up.

        Raises:
            LookupError: The list has none of that name.
        """
        if name not in self._by_name:
            known = ", ".join(self._by_name)
            raise LookupError(f"{self.name} has no storage class {name!r}; there are {known}")
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> dict[str, StorageClass]:
        return {each.name: each for each in self.classes}


def load(path: Path = DEFAULT) -> Prices:
    """Read a price list.

    Args:
        path: A YAML file, at most 1 MiB.

    Raises:
        ConfigError: It cannot be read, or something in it is wrong; it says where and what.
    """
    document = parse_document(read_text(path), str(path))
    try:
        return Prices.model_validate(document.value)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        raise ConfigError([_problem(document, each) for each in found]) from error


def _problem(document: Document, error: Any) -> Problem:
    path = (*error["loc"], *error.get("ctx", {}).get("at", ()))
    nearest = next(path[:end] for end in range(len(path), -1, -1) if path[:end] in document.lines)
    reason = str(error["msg"]).removeprefix("Value error, ")
    return Problem(document.source, document.lines[nearest], show_path(path), reason)
