"""Carry a payload in an AVIF file, in a box that viewers skip (ISO/IEC 14496-12, 4.2 and 11.1)."""

from collections.abc import Iterator
from typing import Final, NamedTuple
from uuid import UUID

from codec.containers.errors import Malformed

BOX_ID: Final = UUID("487f3b8e-3464-4946-a236-a8a30090fa30").bytes
"""The extended type of slimgate's own box, made once by chance."""

MAX_PAYLOAD: Final = 8 << 20
"""Most bytes that a box carries."""

_MAX_BOXES: Final = 1024  # an AVIF file has three to five at the top level


class _Box(NamedTuple):
    type: bytes
    body: int
    end: int
    open: bool


def attach(avif: bytes, payload: bytes) -> bytes:
    """Append a box with a payload to an AVIF file.

    Args:
        avif: A complete file, without such a box.
        payload: At most ``MAX_PAYLOAD`` bytes.

    Raises:
        Malformed: The file is no sequence of boxes, its last box has no end, it carries a
            payload already, or the payload is too long.
    """
    boxes = list(_boxes(avif))
    if not boxes or boxes[0].type != b"ftyp":
        raise Malformed("no file type box at the start")
    if boxes[-1].open:
        raise Malformed("the last box reaches to the end of the file")
    if _own(avif, boxes):
        raise Malformed("a payload is attached already")
    if len(payload) > MAX_PAYLOAD:
        raise Malformed("payload too long")
    size = 8 + len(BOX_ID) + len(payload)
    return avif + size.to_bytes(4, "big") + b"uuid" + BOX_ID + payload


def extract(data: bytes) -> bytes | None:
    """Give the payload that a file carries, or None when it carries none.

    Raises:
        Malformed: The file is no sequence of boxes, or carries two payloads or one too long.
    """
    own = _own(data, list(_boxes(data)))
    if not own:
        return None
    if len(own) > 1:
        raise Malformed("more than one payload")
    start, end = own[0].body + len(BOX_ID), own[0].end
    if end - start > MAX_PAYLOAD:
        raise Malformed("payload too long")
    return data[start:end]


def _own(data: bytes, boxes: list[_Box]) -> list[_Box]:
    return [
        box
        for box in boxes
        if box.type == b"uuid" and box.end - box.body >= 16 and data.startswith(BOX_ID, box.body)
    ]


def _boxes(data: bytes) -> Iterator[_Box]:
    position = 0
    for _ in range(_MAX_BOXES):
        if position == len(data):
            return
        box = _box(data, position)
        yield box
        position = box.end
    if position != len(data):
        raise Malformed("too many boxes")


def _box(data: bytes, start: int) -> _Box:
    """Read one box header: a size of 1 means a 64-bit size follows, 0 means up to the end."""
    body = start + 8
    size = int.from_bytes(data[start : start + 4], "big")
    if size == 1:
        body = start + 16
        size = int.from_bytes(data[start + 8 : start + 16], "big")
    end = start + size if size else len(data)
    if not body <= end <= len(data):
        raise Malformed("a box is longer than the file or shorter than its header")
    return _Box(data[start + 4 : start + 8], body, end, open=size == 0)
