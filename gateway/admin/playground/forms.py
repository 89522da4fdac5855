"""Read what browsers and scripts send, bounded in bytes, parts and time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import BodyPartReader, web

from gateway.http.byte_budget import ByteBudget

READ_S: Final = 120.0
"""Longest time for sending a body."""

_PIECE: Final = 1 << 16
_MAX_PARTS: Final = 8
_MAX_FIELD: Final = 4096
_MAX_NAME: Final = 200
MAX_FIELDS: Final = 1 << 15
"""Bytes of a form without files; the applications for operators allow no more."""

_FORM_ROOM: Final = 1 << 14
"""Bytes that a form may have beside the file in it."""


class RequestRefused(Exception):
    """A request is refused; the message tells the person what to do.

    Args:
        status: Of the answer.
        message: What is wrong.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@asynccontextmanager
async def reserved(
    request: web.Request, buffers: ByteBudget, max_bytes: int, *, form: bool = False
) -> AsyncIterator[None]:
    """Hold room for a body, out of what all uploads have together.

    Args:
        request: Whose body it is.
        buffers: Where the room comes from.
        max_bytes: That the file may have.
        form: Whether the file comes in a form.

    Raises:
        RequestRefused: The length is not given, too large, or there is no room.
    """
    length = request.content_length
    if length is None:
        raise RequestRefused(411, "say how long the body is (Content-Length)")
    if "Content-Encoding" in request.headers:
        raise RequestRefused(415, "send the file as it is, without a Content-Encoding")
    if length > max_bytes + (_FORM_ROOM if form else 0):
        raise RequestRefused(
            413, f"this file is larger than the {max_bytes >> 20} MiB that are taken"
        )
    if not buffers.reserve(length):
        raise RequestRefused(503, "too many uploads are held in memory: try again in a moment")
    try:
        yield
    finally:
        buffers.release(length)


async def whole(request: web.Request) -> bytes:
    """Read a body for which room was reserved.

    Raises:
        RequestRefused: It is empty, or takes too long.
    """
    try:
        async with asyncio.timeout(READ_S):
            data = await request.content.read()
    except TimeoutError:
        raise RequestRefused(408, f"the body took longer than {READ_S:g} s") from None
    if not data:
        raise RequestRefused(400, "the body is empty: send an image")
    return data


async def fields(request: web.Request) -> dict[str, str]:
    """Read a form without files, of the few bytes that the application allows.

    Raises:
        RequestRefused: It takes too long.
        HTTPRequestEntityTooLarge: It is larger.
    """
    try:
        async with asyncio.timeout(READ_S):
            found = await request.post()
    except TimeoutError:
        raise RequestRefused(408, f"the form took longer than {READ_S:g} s") from None
    except ValueError as error:
        raise RequestRefused(400, "this form is malformed") from error
    return {name: value for name, value in found.items() if isinstance(value, str)}


class Form(dict[str, str]):
    """The fields of a form, and the file in it.

    Attributes:
        file: Its bytes; None: there is none.
        file_name: As the browser says.
    """

    file: bytes | None = None
    file_name: str = ""


async def form(request: web.Request, max_bytes: int) -> Form:
    """Read a form for which room was reserved.

    Args:
        request: With a body of multipart/form-data.
        max_bytes: That the file in it may have.

    Raises:
        RequestRefused: The body is not a form, is too large, or takes too long.
    """
    if request.content_type != "multipart/form-data":
        raise RequestRefused(
            415, "send a form (multipart/form-data) with the fields image and policy"
        )
    try:
        async with asyncio.timeout(READ_S):
            return await _read(request, max_bytes)
    except TimeoutError:
        raise RequestRefused(408, f"the form took longer than {READ_S:g} s") from None
    except (ValueError, RuntimeError, AssertionError) as error:
        # aiohttp's parser says in all these ways that a form is malformed.
        raise RequestRefused(400, "this form is malformed") from error


async def _read(request: web.Request, max_bytes: int) -> Form:
    found = Form()
    parts = await request.multipart()
    for _ in range(_MAX_PARTS):
        part = await parts.next()
        if part is None:
            return found
        if not isinstance(part, BodyPartReader):
            raise RequestRefused(400, "a form within a form is not taken")
        if part.filename is None:
            field = await _bounded(part, _MAX_FIELD)
            found[part.name or ""] = field.decode("utf-8", "replace")
        else:
            found.file = await _bounded(part, max_bytes)
            found.file_name = "".join(c for c in part.filename if c.isprintable())[:_MAX_NAME]
    raise RequestRefused(400, f"this form has more than {_MAX_PARTS} fields")


async def _bounded(part: BodyPartReader, max_bytes: int) -> bytes:
    pieces, size = [], 0
    while piece := await part.read_chunk(_PIECE):
        size += len(piece)
        if size > max_bytes:
            raise RequestRefused(
                413, f"{part.name} is larger than the {max_bytes:,} bytes that are taken"
            )
        pieces.append(piece)
    return b"".join(pieces)
