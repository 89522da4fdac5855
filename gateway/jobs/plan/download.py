"""Copy files of a source to disk, verified before they are read."""

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import IO, Final

from slimgate.gateway.jobs.address import Place
from slimgate.gateway.jobs.plan.source import BadSource
from slimgate.gateway.jobs.repetition import repeated
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.storage.errors import Denied, check_available
from slimgate.gateway.storage.messages import UNREACHABLE, Response
from slimgate.gateway.storage.object_client import ObjectClient

_PIECE: Final = 1 << 20


@dataclass(slots=True)
class Downloaded:
    """A file on disk, without a name.

    Attributes:
        file: Open for reading, at its start.
        size: Size, bytes.
        md5: MD5, hexadecimal.
        sha256: SHA-256, hexadecimal.
    """

    file: IO[bytes]
    size: int
    md5: str
    sha256: str


@asynccontextmanager
async def downloaded(
    client: ObjectClient, place: Place, max_bytes: int
) -> AsyncIterator[Downloaded]:
    """Copy an object to a temporary file for the duration of the block.

    Args:
        client: Client of the store.
        place: Bucket and key.
        max_bytes: Largest object, bytes.

    Raises:
        BadSource: There is no such object, or it is larger.
        Denied, S3Error: The store does not permit it, or does not respond.
        OSError: The disk is full.
    """
    with tempfile.TemporaryFile() as file:

        async def once() -> Downloaded:
            async with client.get(place.target) as response:
                _check(response, place, max_bytes)
                return await _copy(response, file, place, max_bytes)

        yield await repeated(once)


def _check(response: Response, place: Place, max_bytes: int) -> None:
    if response.status == HTTPStatus.NOT_FOUND:
        raise BadSource(f"{place} does not exist")
    check_available(response)
    if response.status != HTTPStatus.OK:
        raise Denied(f"{place} cannot be read ({response.status}): may this key read it?")
    if (response.content_length or 0) > max_bytes:
        raise _too_large(place, max_bytes)


async def _copy(response: Response, file: IO[bytes], place: Place, max_bytes: int) -> Downloaded:
    digests = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    size = 0

    def write(piece: bytes) -> None:
        file.write(piece)
        for digest in digests:
            digest.update(piece)

    await asyncio.to_thread(_empty, file)
    held = bytearray()
    try:
        async for piece in response.content.iter_any():
            held += piece
            size += len(piece)
            if size > max_bytes:
                raise _too_large(place, max_bytes)
            if len(held) >= _PIECE:
                await asyncio.to_thread(write, bytes(held))
                held.clear()
    except UNREACHABLE as error:
        raise S3Error("ServiceUnavailable") from error
    await asyncio.to_thread(write, bytes(held))
    file.seek(0)
    return Downloaded(file, size, digests[0].hexdigest(), digests[1].hexdigest())


def _empty(file: IO[bytes]) -> None:
    file.seek(0)
    file.truncate()


def _too_large(place: Place, max_bytes: int) -> BadSource:
    return BadSource(f"{place} has more than {max_bytes:,} bytes")
