"""Messages between gateway and workers: a kind, a JSON document and bytes.

Nothing that a worker sends is unpickled: a decoder that an image has taken over could otherwise
run code in the gateway.
"""

import struct
from enum import IntEnum
from typing import Final, NamedTuple

HEAD: Final = struct.Struct("!BIQ")
"""Kind, bytes of the document, bytes of the body."""

MAX_DOCUMENT: Final = 4 << 20
"""Bytes of a document, which lists hundreds of trials at most."""


class Kind(IntEnum):
    """What a message says, and who sends it.

    The gateway sends START once and then jobs, one at a time. The worker answers START with READY,
    and a job with RESULT or FAILURE, before which it sends any number of STEP and CONNECT.
    """

    START = 1
    JOB = 2
    READY = 3
    STEP = 4
    CONNECT = 5
    """The worker needs a connection to the engine: the answer is one byte, with it or without."""
    RESULT = 6
    FAILURE = 7


_WITH_BODY: Final = frozenset({Kind.JOB, Kind.RESULT})

GRANTED: Final = b"y"
DENIED: Final = b"n"


class Violation(Exception):
    """A message that no intact process sends."""


class Message(NamedTuple):
    """A message.

    Attributes:
        kind: What it says.
        document: JSON.
        body: Bytes of a file.
    """

    kind: Kind
    document: bytes
    body: bytes


def head(kind: Kind, document: bytes, size: int) -> bytes:
    """Return the head of a message and its document, which the body follows.

    Args:
        kind: What it says.
        document: JSON.
        size: Bytes of the body.
    """
    return HEAD.pack(kind, len(document), size) + document


def unpacked(data: bytes, max_body: int) -> tuple[Kind, int, int]:
    """Return kind, bytes of the document, and bytes of the body.

    Args:
        data: The beginning of a message, `HEAD.size` bytes.
        max_body: Most bytes of a body.

    Raises:
        Violation: The kind is unknown, or a length exceeds its bound.
    """
    kind, document, body = HEAD.unpack(data)
    try:
        known = Kind(kind)
    except ValueError as error:
        raise Violation("it sent a message of an unknown kind") from error
    if document > MAX_DOCUMENT or body > (max_body if known in _WITH_BODY else 0):
        raise Violation(f"it sent a message of {document + body} bytes")
    return known, document, body
