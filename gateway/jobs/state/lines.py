"""JSON lines in a Zstandard frame, with a digest: objects of a job that hold many records."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Final

from slimgate.codec.encoders import zstd
from slimgate.codec.image.pixels import Undecodable

MAX_LENGTH: Final = 64 << 20
"""Most bytes of lines in one object; what claims more is damaged."""

_LEVEL: Final = 3
_HEAD: Final = 64 + 1 + 10 + 1
"""Bytes before the frame: SHA-256 of the lines, their length in bytes, and a newline."""


class Damaged(Exception):
    """An object of the job is not what was written; the message says why."""


def pack(lines: Sequence[Mapping[str, object]]) -> bytes:
    """Return lines as the content of an object.

    Raises:
        ValueError: They are too long.
    """
    text = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    if len(text) > MAX_LENGTH:
        raise ValueError(f"lines of {len(text):,} bytes do not fit into one object")
    digest = hashlib.sha256(text).hexdigest()
    return f"{digest} {len(text):010}\n".encode() + zstd.compress(text, _LEVEL)


def unpack(content: bytes) -> list[dict[str, object]]:
    """Return the lines of an object.

    Raises:
        Damaged: The content is torn, altered, or no such object.
    """
    head, frame = content[:_HEAD], content[_HEAD:]
    digest, _, length = head.partition(b" ")
    if not (head.endswith(b"\n") and length[:-1].isdigit() and int(length) <= MAX_LENGTH):
        raise Damaged("its first line is invalid")
    try:
        text = zstd.decompress(frame, int(length)) if frame else b""
    except Undecodable as error:
        raise Damaged(f"it cannot be decompressed: {error}") from error
    if hashlib.sha256(text).hexdigest().encode() != digest:
        raise Damaged("its digest is wrong")
    return [_record(line) for line in text.splitlines()]


def _record(line: bytes) -> dict[str, object]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Damaged("a line is not JSON") from error
    if not isinstance(found, dict):
        raise Damaged("a line is not a JSON object")
    return found
