"""What all settings have in common: frozen, strict, unknown keys refused, inputs never printed."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, BeforeValidator, ConfigDict
from pydantic_core import PydanticCustomError

from config.problems import Path

CONTRADICTION = "contradiction"


class Frozen(BaseModel):
    """A group of settings that cannot change and accepts exactly the keys that it names."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        allow_inf_nan=False,
        # The text of a pydantic error repeats the input, and the input may be a secret key.
        hide_input_in_errors=True,
    )


def contradiction(at: Path, reason: str) -> PydanticCustomError:
    """Return an error for settings that are good one by one but not together.

    Args:
        at: the offending setting, relative to the model whose validator raises this.
        reason: what is wrong, without secrets.
    """
    # The reason travels as a value: a template would interpret braces inside of it.
    return PydanticCustomError(CONTRADICTION, "{reason}", {"reason": reason, "at": at})


def _as_tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


# YAML has lists only, and a frozen model must hold tuples.
LISTED = BeforeValidator(_as_tuple)


def later(names: Mapping[str, str]) -> BeforeValidator:
    """Return a validator that refuses values of later versions with the reason given for each."""

    def check(value: object) -> object:
        if isinstance(value, str) and value in names:
            raise ValueError(names[value])
        return value

    return BeforeValidator(check)


def unique_sorted(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the values of a set in order, so that equal sets are equal settings.

    Raises:
        ValueError: a value occurs twice.
    """
    if len(set(values)) != len(values):
        raise ValueError("names a value twice")
    return tuple(sorted(values))
