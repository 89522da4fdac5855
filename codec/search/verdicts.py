"""Verdicts of the search on candidates."""

from enum import StrEnum
from typing import Self


class Verdict(StrEnum):
    """Why a candidate won or lost; the value appears in the table of trials.

    Attributes:
        meaning: explanation in a sentence.
        is_failure: the verdict is unrelated to the candidate's quality.
    """

    meaning: str
    is_failure: bool

    def __new__(cls, value: str, meaning: str, is_failure: bool = False) -> Self:
        """Make a member."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        member.is_failure = is_failure
        return member

    HOLDS = ("holds", "Every measure is at or above the floor.")
    BELOW_FLOOR = ("below floor", "A measure is below the floor.")
    TOO_BIG = ("too big", "The rendition saves less than min_saving, or than the best so far.")
    DOES_NOT_FIT = (
        "does not fit",
        "The served file would be larger than the upload, whatever its quality.",
    )
    CEILING = (
        "ceiling below floor",
        "Shrinking and restoring alone, without any codec, is below the floor.",
    )
    CANNOT_READ = ("cannot read text", "The words in the image could not be compared.")
    DOES_NOT_RETURN = ("does not return", "The same bytes, or as many, would not come back.")
    NEEDS_MEMORY = (
        "needs more memory",
        "It may need more than engine.worker_memory, and was not begun.",
        True,
    )
    FAILED = ("failed", "An encoder, a decoder or a restorer raised an error.", True)
