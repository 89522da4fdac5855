"""Carry a payload in an ISO base media file, in a box that viewers skip (ISO/IEC 14496-12).

AVIF and JPEG XL are such files. See sections 4.2 and 11.1.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple
from uuid import UUID

from slimgate.codec.containers.chunks import walk
from slimgate.codec.containers.errors import Malformed

BOX_ID: Final = UUID("487f3b8e-3464-4946-a236-a8a30090fa30").bytes
"""Extended type of slimgate's box, generated randomly."""

MAX_PAYLOAD: Final = 72 << 20
"""Maximum payload, bytes: a little more than ``header.MAX_KEPT``."""

_FIRST: Final = (b"ftyp", b"JXL ")  # ISO/IEC 18181-2, 9.1: the signature box comes first
_MAX_BOXES: Final = 1024  # an AVIF file has three to five top-level boxes


class Box(NamedTuple):
    """A box: its type, start and end of its content, and whether it extends to the end of file."""

    type: bytes
    body: int
    end: int
    open: bool


def attach(file: bytes, payload: bytes, *, most: int = MAX_PAYLOAD) -> bytes:
    """Append a box with a payload to an AVIF or JPEG XL file.

    Args:
        file: a complete file, without such a box.
        payload: payload.
        most: its maximum length, bytes.

    Raises:
        Malformed: the file is not a sequence of boxes, its last box is open-ended, it already has a
            payload, or the payload is too long.
    """
    found = list(boxes(file))
    if not found or found[0].type not in _FIRST:
        raise Malformed("no file type box at the start")
    if found[-1].open:
        raise Malformed("the last box reaches to the end of the file")
    if _own(file, found):
        raise Malformed("a payload is attached already")
    if len(payload) > most:
        raise Malformed("payload too long")
    size = 8 + len(BOX_ID) + len(payload)
    return file + size.to_bytes(4, "big") + b"uuid" + BOX_ID + payload


def extract(data: bytes, *, most: int = MAX_PAYLOAD) -> bytes | None:
    """Return the payload of a file of at most ``most`` bytes, or None.

    Raises:
        Malformed: the file is not a sequence of boxes, has two payloads, or one too long.
    """
    own = _own(data, list(boxes(data)))
    if not own:
        return None
    if len(own) > 1:
        raise Malformed("more than one payload")
    start, end = own[0].body + len(BOX_ID), own[0].end
    if end - start > most:
        raise Malformed("payload too long")
    return data[start:end]


def _own(data: bytes, found: list[Box]) -> list[Box]:
    return [
        box
        for box in found
        if box.type == b"uuid" and box.end - box.body >= 16 and data.startswith(BOX_ID, box.body)
    ]


def boxes(data: bytes) -> Iterator[Box]:
    """Return all top-level boxes.

    Raises:
        Malformed: the bytes are not a sequence of boxes, or there are too many.
    """
    return walk(data, 0, _box, most=_MAX_BOXES, too_many=Malformed("too many boxes"))


def _box(data: bytes, start: int) -> Box:
    """Parse a box header: size 1 means that a 64-bit size follows, 0 that the box is open-ended."""
    body = start + 8
    size = int.from_bytes(data[start : start + 4], "big")
    if size == 1:
        body = start + 16
        size = int.from_bytes(data[start + 8 : start + 16], "big")
    end = start + size if size else len(data)
    if not body <= end <= len(data):
        raise Malformed("a box is longer than the file or shorter than its header")
    return Box(data[start + 4 : start + 8], body, end, open=size == 0)
