"""Shards: immutable lists of objects to process, the unit of work of a job.

A shard is JSON lines in zstd. The first line describes the shard, so that an interrupted plan goes
on after it without reading what is before; every other line is an object. Any
writer of the bucket may have altered it: reading is bounded, and checks every value.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final, Literal, NamedTuple, Self

import imagecodecs
from pydantic import Field, JsonValue, NonNegativeInt

from slimgate.config.base import Frozen
from slimgate.gateway.jobs.state.store import JobStore
from slimgate.gateway.s3.routing import MAX_KEY_BYTES

MAX_ROWS: Final = 5000
MAX_SHARDS: Final = 10**6
MAX_TEXT_BYTES: Final = 32 << 20
"""Longest shard before compression, bytes; the planner ends a shard before it."""

_MAX_STORED_BYTES: Final = 34 << 20  # incompressible text, with the overhead of zstd
_LEVEL: Final = 3
_USUAL_RATIO: Final = 20  # lines of keys with common beginnings take a fifth to a tenth
_MAX_ETAG: Final = 256
_MAX_VERSION_ID: Final = 1024
MAX_SIZE: Final = 50 << 40  # S3 user guide, "Amazon S3 objects overview": 50 TB


class DamagedShard(ValueError):
    """A shard is missing or not as it was planned; the message says which and why."""


class Row(NamedTuple):
    """An object to process, as its source described it.

    Attributes:
        key: Decoded key.
        size: Stored size, bytes; None: unknown.
        etag: Stored ETag without quotes; None: unknown.
        modified: Last-Modified, aware; None: unknown.
        version: Version ID; None: the current version.
    """

    key: str
    size: int | None = None
    etag: str | None = None
    modified: datetime | None = None
    version: str | None = None

    def dumps(self) -> bytes:
        """Return a line."""
        modified = None if self.modified is None else self.modified.isoformat()
        short = {"k": self.key, "s": self.size, "e": self.etag, "m": modified, "v": self.version}
        return json.dumps(short, separators=(",", ":")).encode() + b"\n"

    @classmethod
    def loads(cls, line: bytes) -> Self:
        """Read a line.

        Raises:
            KeyError, TypeError, ValueError: It is not a row.
        """
        short = json.loads(line)
        if not isinstance(short, dict):
            raise TypeError("a row is an object")
        modified = _text(short["m"], _MAX_ETAG)
        row = cls(
            _text(short["k"], MAX_KEY_BYTES) or "",
            _size(short["s"]),
            _text(short["e"], _MAX_ETAG),
            None if modified is None else datetime.fromisoformat(modified),
            _text(short["v"], _MAX_VERSION_ID),
        )
        if not row.key:
            raise ValueError("a row needs a key")
        if row.modified is not None and row.modified.tzinfo is None:
            raise ValueError("a time needs a zone")
        return row


class ShardHeader(Frozen):
    """The description of a shard, its first line.

    Attributes:
        format: Version of the format.
        number: Number of the shard, from 0.
        rows: Number of objects.
        bytes: Sum of known sizes, bytes.
        after: Position in the source behind the shard, as the source understands it.
        total_rows: Objects up to the end of this shard.
        total_bytes: Their known sizes, bytes.
        skipped: Objects of the source that are not planned, up to here, by reason.
        digest: SHA-256 of the lines of the rows, hexadecimal; :func:`pack` computes it.
    """

    format: Literal[1] = 1
    number: NonNegativeInt
    rows: Annotated[int, Field(ge=0, le=MAX_ROWS)]
    bytes: NonNegativeInt
    after: dict[str, JsonValue]
    total_rows: NonNegativeInt
    total_bytes: NonNegativeInt
    skipped: dict[str, NonNegativeInt] = Field(default_factory=dict)
    digest: str = ""


def shard_name(number: int) -> str:
    """Return the name of a shard below the prefix of its job."""
    return f"shards/{number:08}.jsonl.zst"


def pack(header: ShardHeader, lines: bytes) -> bytes:
    """Return the content of a shard.

    Args:
        header: Description of the shard; its digest is computed.
        lines: The rows as :meth:`Row.dumps` returns them, joined.
    """
    described = header.model_copy(update={"digest": hashlib.sha256(lines).hexdigest()})
    # Not by pydantic, which writes and reads no keys that are not UTF-8.
    first = json.dumps(described.model_dump(), separators=(",", ":")).encode()
    return compressed(first + b"\n" + lines)


def unpack(data: bytes, number: int) -> tuple[ShardHeader, list[Row]]:
    """Read a shard.

    Args:
        data: Content of the object.
        number: Number that it must have.

    Raises:
        DamagedShard: It is something else.
    """
    try:
        first, _, lines = decompressed(data, MAX_TEXT_BYTES).partition(b"\n")
        header = ShardHeader.model_validate(json.loads(first))
        _check(header, lines, number)
        return header, [Row.loads(line) for line in lines.split(b"\n")[:-1]]
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise DamagedShard(f"{shard_name(number)} is damaged: {error}") from error


def _check(header: ShardHeader, lines: bytes, number: int) -> None:
    if hashlib.sha256(lines).hexdigest() != header.digest:
        raise ValueError("its rows are not those that were planned")
    if header.number != number:
        raise ValueError(f"it is number {header.number}")
    if lines.count(b"\n") != header.rows:
        raise ValueError("it has another number of rows")


async def read_shard(store: JobStore, number: int) -> tuple[ShardHeader, list[Row]]:
    """Read a shard of a job.

    Raises:
        DamagedShard: It is missing or damaged.
        Denied, S3Error: As :meth:`JobStore.read`.
    """
    found = await store.read(shard_name(number), _MAX_STORED_BYTES)
    if found is None:
        raise DamagedShard(f"{shard_name(number)} is missing: plan the job again")
    return unpack(found.data, number)


def largest_first(rows: Sequence[Row]) -> list[Row]:
    """Return rows by descending size, then key: the largest save most."""
    return sorted(rows, key=lambda row: (-(row.size or 0), row.key))


def compressed(text: bytes) -> bytes:
    """Return lines in zstd."""
    return bytes(imagecodecs.zstd_encode(text, _LEVEL))


def decompressed(data: bytes, max_bytes: int) -> bytes:
    """Return the lines in a zstd frame.

    Args:
        data: The frame.
        max_bytes: Most bytes of lines.

    Raises:
        ValueError: It is damaged or has more.
    """
    # Into a buffer of our size, for the frame's own length is not trusted: first into a usual one.
    usual = _USUAL_RATIO * len(data)
    for size in (min(usual, max_bytes), max_bytes):
        try:
            return bytes(imagecodecs.zstd_decode(data, out=bytearray(size)))
        except imagecodecs.ZstdError as failure:
            error = failure
    raise ValueError(f"not zstd of at most {max_bytes:,} bytes ({error})")


def _text(value: object, max_bytes: int) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError("not a text")
    if len(value) > max_bytes or len(value.encode(errors="surrogateescape")) > max_bytes:
        raise ValueError(f"longer than {max_bytes} bytes")
    return value


def _size(value: object) -> int | None:
    if value is None:
        return None
    if type(value) is not int or not 0 <= value <= MAX_SIZE:
        raise ValueError("not a size")
    return value
