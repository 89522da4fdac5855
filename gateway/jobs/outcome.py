"""Outcomes of objects."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple, Self

from slimgate.codec.reasons import Reason

FAILED: Final = "failed"
"""The only verdict that requires action."""

CHANGED: Final = "changed meanwhile"
STAYS: Final = "stays"


class Failure(StrEnum):
    """Why a job cannot process an object; the value is the label of its log.

    Attributes:
        text: What it means.
    """

    text: str

    def __new__(cls, label: str, text: str) -> Self:
        """Make a member."""
        member = str.__new__(cls, label)
        member._value_ = label
        member.text = text
        return member

    DENIED = ("denied", "the store does not permit a request about the object")
    STORE = ("store error", "the store or its response has an error, or the manifest is unreadable")
    ARCHIVED = ("original archived", "the original is in an archive class")
    ORIGINAL = ("original unreadable", "the original cannot be read, or is another file")
    UNRESTORED = ("not restored", "memory, time or processes were short")
    UNRESTORABLE = ("unrestorable", "the rendition is damaged, or its restorer cannot run")
    OTHER_BYTES = ("other bytes", "an upgraded encoder writes the same pixels in other bytes")


Label = Reason | Failure
"""Why an object stays as it is, or why the job failed."""


_NOTHING: Final[Mapping[str, object]] = MappingProxyType({})


class Outcome(NamedTuple):
    """The outcome of one object.

    Attributes:
        verdict: A word or two, by which outcomes are summed.
        before: Stored bytes before.
        after: Stored bytes after; in a dry run, as they would be.
        reason: Reason, if the verdict does not say it.
        label: Label of the reason for an object that stays or fails: see docs/reasons.md.
        detail: What was found out about the object, as JSON values; recorded with the outcome.
    """

    verdict: str
    before: int
    after: int
    reason: str = ""
    label: str = ""
    detail: Mapping[str, object] = _NOTHING

    @classmethod
    def same(
        cls, verdict: str, size: int, reason: str = "", label: Label | None = None
    ) -> "Outcome":
        """Return the outcome of an object whose size is unchanged."""
        return cls(verdict, size, size, reason, "" if label is None else label.value)
