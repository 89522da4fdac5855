"""Where the objects of a job come from."""

from collections.abc import AsyncIterator, Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from pydantic import JsonValue

from slimgate.gateway.jobs.state.shards import Row
from slimgate.gateway.s3.routing import MAX_KEY_BYTES

Position = Mapping[str, JsonValue]
"""A place in a source; empty: the start."""

BATCH: Final = 1000
"""Objects in a batch, about."""


class BadSource(ValueError):
    """A source cannot be read; the message says where, why, and what to do."""


class Skipped(StrEnum):
    """Why an object of the source is not planned; the value is its name in `job.json`."""

    NO_POLICY = "no policy"
    SIZE = "size"
    FOLDER = "folder"
    ORIGINAL = "original"
    OF_JOB = "of the job"
    OLD_VERSION = "old version"
    DELETE_MARKER = "delete marker"
    OTHER_BUCKET = "other bucket"
    OTHER_PREFIX = "other prefix"
    NOT_SAMPLED = "not sampled"


class Found(NamedTuple):
    """An object of a source.

    Attributes:
        row: The object.
        skipped: Why the source leaves it out; None: it does not.
        is_latest: The version that the row names is the current one.
    """

    row: Row
    skipped: Skipped | None = None
    is_latest: bool = False

    @property
    def indexed_row(self) -> Row:
        """Return the object as the index of listings names it: a current version by key alone."""
        return self.row._replace(version=None) if self.is_latest else self.row


class Batch(NamedTuple):
    """Successive objects of a source.

    Attributes:
        found: The objects.
        at: The positions behind them, within the file.
        file: Number of the file.
    """

    found: Sequence[Found]
    at: Sequence[JsonValue]
    file: int = 0

    def after(self, index: int) -> dict[str, JsonValue]:
        """Return the position behind an object."""
        return {"file": self.file, "at": self.at[index]}


class Source(Protocol):
    """Objects in an order that does not change."""

    def batches(self, after: Position) -> AsyncIterator[Batch]:
        """Yield the objects behind a position.

        Raises:
            BadSource: The source cannot be read.
            Denied, S3Error: The store does not permit it, or does not respond.
        """
        ...


def check_key(key: str | None) -> str:
    """Return a key that S3 allows.

    Raises:
        ValueError: It is empty or too long.
    """
    if not key:
        raise ValueError("the key is empty")
    # A character has at most 4 bytes.
    if len(key) * 4 > MAX_KEY_BYTES and len(key.encode(errors="surrogateescape")) > MAX_KEY_BYTES:
        raise ValueError(f"the key is longer than {MAX_KEY_BYTES} bytes")
    return key
