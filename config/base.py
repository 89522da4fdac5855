"""Base of all settings: frozen, strict, no unknown keys, and inputs never printed."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic_core import PydanticCustomError

from slimgate.config.problems import Path

CONTRADICTION = "contradiction"


class Frozen(BaseModel):
    """An immutable group of settings that refuses unknown keys."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        allow_inf_nan=False,
        # pydantic's error text repeats the input, which may be a secret key.
        hide_input_in_errors=True,
    )


def contradiction(at: Path, reason: str) -> PydanticCustomError:
    """Return an error for settings that are valid alone but not together.

    Args:
        at: path of the offending setting, relative to the validated model.
        reason: what is wrong and how to fix it, without secrets.
    """
    # The reason is passed as a value: a template would interpret its braces.
    return PydanticCustomError(CONTRADICTION, "{reason}", {"reason": reason, "at": at})


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


# YAML has only lists; a frozen model needs tuples.
LISTED = BeforeValidator(_as_tuple)


def later(names: Mapping[str, str]) -> BeforeValidator:
    """Return a validator that refuses reserved values, each with its reason."""

    def check(value: object) -> object:
        if isinstance(value, str) and value in names:
            raise ValueError(names[value])
        return value

    return BeforeValidator(check)


def unique_sorted(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the values sorted, so that equal sets are equal settings.

    Raises:
        ValueError: a value occurs twice.
    """
    if len(set(values)) != len(values):
        raise ValueError("contains a value twice: remove one")
    return tuple(sorted(values))
