"""The policy document of a form upload: which fields and which size its signer permits.

Source: Amazon S3 API reference, "Creating a POST policy".
"""

import base64
import binascii
import datetime
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, NoReturn

from slimgate.gateway.s3.errors import S3Error

_RANGE: Final = "content-length-range"
_UNCOVERED: Final = frozenset({"file", "policy", "x-amz-signature"})
_IGNORED: Final = "x-ignore-"
_LIST: Final = "content-type"
"""The field whose value may be a list, separated by commas; ``starts-with`` tests each item."""


class _Condition(NamedTuple):
    """A condition on one field.

    Attributes:
        operator: Key of ``_OPERATORS``.
        name: Name of the field, lower case.
        value: What it has to be, or to start with.
    """

    operator: str
    name: str
    value: str

    def holds(self, given: str) -> bool:
        """Return whether a value meets the condition."""
        listed = self.operator == "starts-with" and self.name == _LIST
        items = [item.strip() for item in given.split(",")] if listed else [given]
        return all(_OPERATORS[self.operator](item, self.value) for item in items)


_OPERATORS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "eq": str.__eq__,
    "starts-with": str.startswith,
}


@dataclass(frozen=True, slots=True)
class PostPolicy:
    """A policy document.

    Attributes:
        expiration: When it expires, aware.
        conditions: On fields and on the bucket.
        sizes: Smallest and largest size of the file, bytes; all have to hold.
    """

    expiration: datetime.datetime
    conditions: Sequence[_Condition]
    sizes: Sequence[tuple[int, int]]

    def check(self, fields: Mapping[str, str], now: datetime.datetime) -> None:
        """Check that a form is what the signer permits, but for the size of its file.

        Args:
            fields: Values by lower-case name, ``bucket`` included; variables are expanded.
            now: Current time, aware.

        Raises:
            S3Error: AccessDenied.
        """
        if now >= self.expiration:
            _deny("Policy expired.")
        for condition in self.conditions:
            if not condition.holds(fields.get(condition.name, "")):
                text = json.dumps([condition.operator, f"${condition.name}", condition.value])
                _deny(f"Policy Condition failed: {text}")
        covered = {condition.name for condition in self.conditions} | _UNCOVERED
        extra = [n for n in fields if n not in covered and not n.startswith(_IGNORED)]
        if extra:
            _deny(f"Extra input fields: {', '.join(extra)}")

    def check_size(self, size: int) -> None:
        """Check the size of the file, bytes.

        Raises:
            S3Error: EntityTooSmall or EntityTooLarge.
        """
        for least, most in self.sizes:
            if size < least:
                raise S3Error("EntityTooSmall")
            if size > most:
                raise S3Error("EntityTooLarge")


def read_policy(encoded: str) -> PostPolicy:
    """Return the policy in a form.

    Args:
        encoded: JSON in base64.

    Raises:
        S3Error: InvalidPolicyDocument.
    """
    document = _object(_decoded(encoded))
    conditions, sizes = [], []
    listed = document.get("conditions")
    if document.keys() != {"expiration", "conditions"} or not isinstance(listed, list):
        _invalid("it must have expiration and conditions.")
    for each in listed:
        if isinstance(each, list) and each and each[0] == _RANGE:
            sizes.append(_sizes(each))
        else:
            conditions.append(_condition(each))
    return PostPolicy(_expiration(document["expiration"]), conditions, sizes)


def _decoded(encoded: str) -> object:
    try:
        text = base64.b64decode("".join(encoded.split()), validate=True).decode()
        decoded: object = json.loads(text, object_pairs_hook=_unrepeated)
    except (binascii.Error, ValueError, RecursionError) as error:
        raise S3Error("InvalidPolicyDocument", "Invalid Policy: Invalid JSON.") from error
    return decoded


def _unrepeated(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    """Return an object; parsers differ on repeated names."""
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a repeated name")
    return dict(pairs)


def _object(decoded: object) -> dict[str, object]:
    if not isinstance(decoded, dict):
        _invalid("it must be an object.")
    return decoded


def _condition(each: object) -> _Condition:
    """Read ``{"name": "value"}`` or ``["operator", "$name", "value"]``."""
    if isinstance(each, dict) and len(each) == 1:
        each = next(("eq", f"${name}", value) for name, value in each.items())
    parts = each if isinstance(each, list | tuple) and len(each) == 3 else ("", "", "")
    operator, name, value = (part if isinstance(part, str) else "" for part in parts)
    known = operator.lower() in _OPERATORS and isinstance(parts[2], str)
    if not known or not name.startswith("$"):
        _invalid(f"a condition is malformed: {json.dumps(each)[:200]}")
    return _Condition(operator.lower(), name.removeprefix("$").lower(), value)


def _sizes(each: Sequence[object]) -> tuple[int, int]:
    numbers = [number for number in map(_size, each[1:]) if number is not None]
    if len(each) != 3 or len(numbers) != 2:
        _invalid(f"{_RANGE} must have a smallest and a largest size.")
    return numbers[0], numbers[1]


def _size(value: object) -> int | None:
    text = value if isinstance(value, str) else str(value) if type(value) is int else ""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else None


def _expiration(value: object) -> datetime.datetime:
    try:
        read = datetime.datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        read = None
    if read is None or read.tzinfo is None:
        _invalid("expiration must be a time such as 2030-01-01T12:00:00.000Z.")
    return read


def _deny(why: str) -> NoReturn:
    raise S3Error("AccessDenied", f"Invalid according to Policy: {why}")


def _invalid(why: str) -> NoReturn:
    raise S3Error("InvalidPolicyDocument", f"Invalid Policy: {why}")
