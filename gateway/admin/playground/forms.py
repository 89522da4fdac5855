"""Read requests of browsers and scripts, bounded in bytes, parts and time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import BodyPartReader, web

from slimgate.gateway.http.byte_budget import ByteBudget

READ_S: Final = 120.0
"""Longest time to send a body, seconds."""

_PIECE: Final = 1 << 16
_MAX_PARTS: Final = 8
_MAX_FIELD: Final = 4096
_MAX_NAME: Final = 200
MAX_FIELDS: Final = 1 << 15
"""Most bytes of a form without files, enforced by the admin applications."""

_FORM_ROOM: Final = 1 << 14
"""Bytes of form data in addition to the file."""


class RequestRefused(Exception):
    """A refused request; the message tells the person what to do.

    Args:
        status: HTTP status.
        message: What is wrong.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@asynccontextmanager
async def reserved(
    request: web.Request, buffers: ByteBudget, max_bytes: int, *, form: bool = False
) -> AsyncIterator[None]:
    """Reserve memory for a body.

    Args:
        request: The request.
        buffers: Shared memory budget of uploads.
        max_bytes: Most bytes of the file.
        form: Whether the file is part of a form.

    Raises:
        RequestRefused: The length is missing or too large, or the budget is exhausted.
    """
    length = request.content_length
    if length is None:
        raise RequestRefused(411, "send the length of the body (Content-Length)")
    if "Content-Encoding" in request.headers:
        raise RequestRefused(415, "send the file without a Content-Encoding")
    if length > max_bytes + (_FORM_ROOM if form else 0):
        raise RequestRefused(
            413,
            f"this file is too large, {length / 2**20:.1f} MiB: choose one of at most "
            f"{max_bytes >> 20} MiB",
        )
    if not buffers.reserve(length):
        raise RequestRefused(503, "too many uploads are in memory: try again in a moment")
    try:
        yield
    finally:
        buffers.release(length)


async def whole(request: web.Request) -> bytes:
    """Read a body after :func:`reserved`.

    Raises:
        RequestRefused: It is empty, or takes too long.
    """
    try:
        async with asyncio.timeout(READ_S):
            data = await request.content.read()
    except TimeoutError:
        raise RequestRefused(
            408,
            f"the body took longer than {READ_S:g} s: try a smaller image or a faster connection",
        ) from None
    if not data:
        raise RequestRefused(400, "the body is empty: send an image")
    return data


async def fields(request: web.Request) -> dict[str, str]:
    """Read a form without files.

    Raises:
        RequestRefused: It takes too long.
        HTTPRequestEntityTooLarge: It is too large.
    """
    return {name: values[-1] for name, values in (await field_lists(request)).items()}


async def field_lists(request: web.Request) -> dict[str, list[str]]:
    """Read a form without files, whose names may have several values; errors as :func:`fields`."""
    try:
        async with asyncio.timeout(READ_S):
            found = await request.post()
    except TimeoutError:
        raise RequestRefused(408, f"the form took longer than {READ_S:g} s") from None
    except ValueError as error:
        raise RequestRefused(400, "this form is malformed") from error
    return {
        name: [each for each in found.getall(name) if isinstance(each, str)]
        for name in found
        if isinstance(found[name], str)
    }


class Form(dict[str, str]):
    """Fields of a form, the last of each name, and its file.

    Attributes:
        file: Content of the file; None: there is none.
        file_name: File name sent by the browser.
    """

    file: bytes | None = None
    file_name: str = ""


async def form(request: web.Request, max_bytes: int) -> Form:
    """Read a form after :func:`reserved`.

    Args:
        request: A multipart/form-data request.
        max_bytes: Most bytes of the file.

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
        # aiohttp's parser raises any of these for a malformed form.
        raise RequestRefused(400, "this form is malformed") from error


async def _read(request: web.Request, max_bytes: int) -> Form:
    found = Form()
    parts = await request.multipart()
    for _ in range(_MAX_PARTS):
        part = await parts.next()
        if part is None:
            return found
        if not isinstance(part, BodyPartReader):
            raise RequestRefused(400, "nested forms are not supported")
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
