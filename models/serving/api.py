"""What an engine answers to requests of gateways, whatever HTTP server it has."""

import asyncio
import contextlib
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from http import HTTPStatus
from importlib.metadata import version
from typing import Final

import numpy as np

from slimgate.models.engine import wire
from slimgate.models.engine.images import Images, shaped
from slimgate.models.engine.network import Busy, EngineError, TooLate
from slimgate.models.registry import catalog
from slimgate.models.registry.native import CARDS
from slimgate.models.serving import protocol
from slimgate.models.serving.admission import Admission
from slimgate.models.serving.protocol import Reply, error_reply
from slimgate.models.serving.repeated_check import RepeatedCheck

Read = Callable[[int], Awaitable[bytes]]
"""Reads exactly so many bytes of a body, or raises IncompleteReadError."""

_BYTES_PER_PIXEL: Final = 3


class EngineApi:
    """Answers requests; one per engine.

    Args:
        images: enlarges images.
        restorers: hashes of the networks that are loaded, whose self-check is repeated.
        admission: bounds of what is in flight.
        token: token of requests; None: none is wanted.
        timeout_s: timeout of one image, seconds.
    """

    def __init__(
        self,
        images: Images,
        restorers: Collection[str],
        admission: Admission,
        *,
        token: str | None,
        timeout_s: float,
    ) -> None:
        self._images = images
        self._checks = {each.hash: each.check or "" for each in CARDS}
        self._checks |= {each: catalog.hashed(each).check or "" for each in restorers}
        self._check = RepeatedCheck(images, restorers)
        self._token = token
        self._timeout_s = timeout_s
        self._problem: str | None = "starting"
        self.admission = admission
        self.draining = False

    @property
    def not_ready_reason(self) -> str | None:
        """Return why the engine takes no images; None: it does."""
        if self.draining:
            return "draining"
        return self._problem or ("the queue is full" if self.admission.full else None)

    async def check(self) -> None:
        """Repeat the self-check of all networks; a failure stops the engine from taking images.

        Raises:
            EngineError: it failed.
        """
        try:
            await self._check.run()
        except EngineError as error:
            self._problem = str(error)
            raise
        self._problem = None

    @contextlib.asynccontextmanager
    async def upscale(self, headers: Mapping[str, str], read: Read) -> AsyncIterator[Reply]:
        """Answer ``POST /v1/upscale``; the image is in flight until the end of the block.

        Args:
            headers: header fields, found whatever their case.
            read: reads the body.

        Yields:
            The response, to be sent in the block: one that waits for a slow caller takes memory.
        """
        if not protocol.is_authorized(headers, self._token):
            yield self._said(_unauthorized())
            return
        with contextlib.ExitStack() as in_flight:
            try:
                in_flight.enter_context(self.admission.admitted(self._size(headers)))
            except EngineError as error:
                yield self._said(error_reply(error))
                return
            yield self._said(await self._answer(headers, read), finished=1)

    def info(self, headers: Mapping[str, str]) -> Reply:
        """Answer ``GET /v1/info``."""
        if not protocol.is_authorized(headers, self._token):
            return self._said(_unauthorized())
        info = protocol.Info(
            protocol.VERSION,
            version("slimgate"),
            # A full queue may have room in a moment, and is refused before its body is sent.
            self._problem is None and not self.draining,
            self.admission.images,
            self._checks,
        )
        return self._said(Reply(200, {"Content-Type": "application/json"}, info.dumps()))

    def ready(self) -> Reply:
        """Answer ``GET /readyz``."""
        reason = self.not_ready_reason
        if reason is None:
            return self._said(Reply(200, {}, b"ready\n"))
        return self._said(Reply(503, {}, f"{reason}\n".encode()))

    async def _answer(self, headers: Mapping[str, str], read: Read) -> Reply:
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._left_s(headers)):
                return await self._upscaled(headers, read, started)
        except TimeoutError:
            return error_reply(TooLate("the deadline passed"))
        except (EngineError, LookupError) as error:
            return error_reply(error)
        except asyncio.IncompleteReadError:
            return error_reply(wire.Broken("the body is shorter than it was said to be"))

    async def _upscaled(self, headers: Mapping[str, str], read: Read, started: float) -> Reply:
        header = await read(wire.Request.LAYOUT.size)
        request = wire.Request.unpack(header)
        if len(header) + request.small_bytes != self._size(headers):
            raise wire.Broken("the body has not the size of its image")
        small = await read(request.small_bytes)
        before = protocol.checksum(header, small)
        if headers.get(protocol.CHECKSUM) != before:
            raise wire.Broken("the body does not match its checksum")
        left_s = self._left_s(headers) - (time.monotonic() - started)
        full = await self._images.enlarge(
            request, shaped(small, request.small_shape), timeout_s=left_s
        )
        body = np.ascontiguousarray(full).data.cast("B")
        return Reply(
            200,
            {
                "Content-Type": "application/octet-stream",
                protocol.CHECKSUM: protocol.checksum(body, before=before),
                protocol.CHECK: catalog.hashed(request.restorer).check or "",
            },
            body,
        )

    def _left_s(self, headers: Mapping[str, str]) -> float:
        """Return the time for an image: what its sender has left, or less."""
        try:
            asked_s = float(headers.get(protocol.TIMEOUT, "inf"))
        except ValueError:
            asked_s = math.nan
        if not asked_s > 0:
            raise wire.Broken(f"{protocol.TIMEOUT} must be a positive number of seconds")
        return min(asked_s, self._timeout_s)

    def _size(self, headers: Mapping[str, str]) -> int:
        """Return the size of a body, or refuse the request before reading it."""
        if self.draining or self._problem:
            raise Busy(f"this engine takes no images now: {self.not_ready_reason}")
        size = headers.get("Content-Length", "")
        most = wire.Request.LAYOUT.size + _BYTES_PER_PIXEL * wire.MAX_PIXELS
        if not size.isdecimal() or not wire.Request.LAYOUT.size < int(size[:20]) <= most:
            raise wire.Broken("Content-Length must be the size of a header and an image")
        return int(size)

    def _said(self, reply: Reply, finished: int = 0) -> Reply:
        headers = {protocol.QUEUE: str(self.admission.images - finished), **reply.headers}
        return Reply(reply.status, headers, reply.body)


def _unauthorized() -> Reply:
    headers = {"WWW-Authenticate": "Bearer", "Content-Type": "text/plain"}
    return Reply(HTTPStatus.UNAUTHORIZED, headers, b"wrong token\n")
