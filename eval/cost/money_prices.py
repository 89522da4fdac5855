"""Price lists of stores, as files with date and source.

``eval/cost/prices/aws-us-east-1.yaml`` is an example.
"""

from datetime import date
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import BeforeValidator, Field, NonNegativeInt, ValidationError, model_validator

from slimgate.config.base import LISTED, Frozen, contradiction
from slimgate.config.document import Document, parse_document
from slimgate.config.files import read_text
from slimgate.config.problems import ConfigError, Problem, show_path

DEFAULT: Final = Path(__file__).parent / "prices" / "aws-us-east-1.yaml"
"""Default price list."""

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
    """A price up to an amount; the next step applies beyond it.

    Attributes:
        up_to_tb: end of the step, TB; None: unlimited.
        gb_month: price per GB and month.
    """

    up_to_tb: Annotated[float, Field(gt=0)] | None = None
    gb_month: Amount


class Small(Frozen):
    """Objects that a class bills as another class.

    Attributes:
        below_bytes: smallest object billed as its own class, bytes.
        billed_as: name of the other class.
    """

    below_bytes: NonNegativeInt
    billed_as: Name


class Overhead(Frozen):
    """Overhead stored and billed per object.

    Attributes:
        own_bytes: bytes at the price of its own class.
        other_bytes: bytes at the price of another class.
        billed_as: name of the other class.
    """

    own_bytes: NonNegativeInt
    other_bytes: NonNegativeInt
    billed_as: Name


class StorageClass(Frozen):
    """One storage class.

    Attributes:
        name: name in S3; variants that S3 does not name append to it.
        title: title for people.
        storage: prices of stored bytes, by step.
        put_per_1000: price of 1,000 PUT requests.
        get_per_1000: price of 1,000 GET or HEAD requests.
        retrieval_per_gb: price of reading a GB, in addition to the request.
        retrieval_per_1000: price of 1,000 retrieval requests.
        monitoring_per_1000: monthly price of monitoring 1,000 objects.
        min_object_bytes: minimum billable object size, bytes.
        min_days: minimum billable duration, days.
        small: objects billed as another class; None: none.
        beside: overhead billed per object; None: none.
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
    beside: Overhead | None = None

    @model_validator(mode="after")
    def _steps_rise(self) -> Self:
        ends = [step.up_to_tb for step in self.storage]
        if ends[-1] is not None:
            reason = "the last step must not have up_to_tb: it applies to all larger amounts"
            raise contradiction(("storage", len(ends) - 1), reason)
        bounded = [end for end in ends if end is not None]
        if len(bounded) != len(ends) - 1 or any(low >= high for low, high in pairwise(bounded)):
            raise contradiction(("storage",), "each up_to_tb must be larger than the one before")
        if self.small and self.beside and self.small.billed_as != self.beside.billed_as:
            raise contradiction(("beside",), "must be billed as the same class as small objects")
        return self

    @property
    def other(self) -> str | None:
        """Return the name of the class that part of this one is billed as."""
        of = self.small or self.beside
        return of.billed_as if of else None


class Compute(Frozen):
    """Prices of compute.

    Attributes:
        core_hour: price of one CPU core (or vCPU) per hour.
        gpu_hour: price of one machine with a GPU per hour.
        date: date of the prices.
        source: source of the prices.
    """

    core_hour: Amount
    gpu_hour: Amount = 0.0
    date: Day
    source: Name


class Prices(Frozen):
    """The price list of a store.

    Attributes:
        name: store and region.
        currency: ISO 4217 code.
        date: date of the prices.
        source: source of the prices.
        binary_units: a GB has 2^30 bytes and a TB 1,024 GB; else 10^9 and 1,000.
        compute: prices of compute.
        classes: storage classes, the default first; at least one.
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
                raise contradiction(("classes", index, "name"), "duplicates an earlier class")
            if each.other is not None and each.other not in self._by_name:
                raise contradiction(
                    ("classes", index), "is billed as an unlisted class: add that class"
                )
            if each.other is not None and self._by_name[each.other].other is not None:
                raise contradiction(("classes", index), "is billed as a class that is itself mixed")
        return self

    @property
    def gb_bytes(self) -> int:
        """Return the bytes per GB of this store."""
        return 2**30 if self.binary_units else 10**9

    @property
    def tb_bytes(self) -> int:
        """Return the bytes per TB of this store."""
        return 2**40 if self.binary_units else 10**12

    def named(self, name: str) -> StorageClass:
        """Return the storage class of a name.

        Raises:
            LookupError: the list has no such class.
        """
        if name not in self._by_name:
            known = ", ".join(self._by_name)
            raise LookupError(f"{self.name} has no storage class {name!r}; choose one of {known}")
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> dict[str, StorageClass]:
        return {each.name: each for each in self.classes}


def load(path: Path = DEFAULT) -> Prices:
    """Load a price list.

    Args:
        path: YAML file, at most 1 MiB.

    Raises:
        ConfigError: the file is unreadable or invalid; the message says where and why.
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
