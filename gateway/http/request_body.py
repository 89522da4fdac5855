"""Read request bodies: decode, verify, and never exceed the announced length."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Final, NamedTuple

from aiohttp import web
from multidict import CIMultiDictProxy

from slimgate.config import Limits
from slimgate.gateway.http.aiohttp_internals import has_begun, received_bytes
from slimgate.gateway.http.body_copy import BodyCopy
from slimgate.gateway.http.body_scheduler import BodyScheduler
from slimgate.gateway.http.byte_blocks import ByteQueue
from slimgate.gateway.http.byte_budget import Quota
from slimgate.gateway.http.min_rate import MinRateReader
from slimgate.gateway.http.spooled_file import SpooledFile
from slimgate.gateway.http.stall_timer import StallTimer
from slimgate.gateway.s3.aws_chunked import ChunkDecoder
from slimgate.gateway.s3.canonical import fold_headers
from slimgate.gateway.s3.checksums import BodyDigests
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.headers import CHECKSUM_PREFIX
from slimgate.gateway.s3.sigv4 import (
    STREAMING_UNSIGNED_TRAILER,
    UNSIGNED_PAYLOAD,
    Verified,
    check_payload_hash,
)
from slimgate.gateway.telemetry import metrics

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
MAX_LENGTH: Final = 5 * (1 << 40)  # the largest S3 object is 5 TiB
_MAX_DIGITS: Final = 20  # including leading zeros

_ASKED: Final = web.RequestKey("asked for its body", bool)


class TooManyChunks(web.RequestPayloadError):
    """A body in HTTP chunks so small that framing costs more than the content."""


def expects_continue(request: web.Request) -> bool:
    """Return whether the client waits for ``100 Continue`` before it sends the body."""
    expects = request.headers.get("Expect", "").lower() == "100-continue"
    return expects and _ASKED not in request


class BodyLimits(NamedTuple):
    """Limits of a request body.

    Attributes:
        limits: Limits of the gateway.
        spool: Disk budget for bodies of unknown length.
        stall_timer: Times the waits for the client.
        scheduler: Shares the event loop among bodies.
    """

    limits: Limits
    spool: Quota
    stall_timer: StallTimer | None = None
    scheduler: BodyScheduler | None = None


class _Kept:
    """Reserved bytes of a body that did not fit and is about to be streamed."""

    def __init__(self, buffers: Quota | None = None, held: int = 0) -> None:
        self._buffers = buffers
        self._held = held

    def release(self, amount: int | None = None) -> None:
        """Release some bytes; None: all that are left."""
        amount = self._held if amount is None else min(amount, self._held)
        if self._buffers is not None and amount:
            self._held -= amount
            self._buffers.release(amount)


class Upload:
    """The body of one request.

    Read it once, either by iterating or with :meth:`read`. The last piece is yielded only after all
    declared digests are verified, so a consumer that was promised ``length`` bytes never receives
    all of an invalid body.

    Args:
        request: The request, with an unread body.
        headers: Effective headers, those in the query included.
        verified: The verified signature; None for an anonymous request.
        bounds: Limits of the body.
        completes: The request is CompleteMultipartUpload: its checksum headers describe the object,
            not this body.

    Raises:
        S3Error: A declared length or digest is malformed.
    """

    def __init__(
        self,
        request: web.Request,
        headers: CIMultiDictProxy[str],
        verified: Verified | None,
        bounds: BodyLimits,
        *,
        completes: bool = False,
    ) -> None:
        self._request = request
        self._headers = headers
        self._reader = MinRateReader(bounds.limits, bounds.stall_timer, bounds.scheduler)
        self._room = bounds.spool
        self.payload_hash = verified.payload_hash if verified else _anonymous_hash(headers)
        self.framed = self.payload_hash.startswith("STREAMING-")
        self._signed = verified is not None
        self.length = self._announced_length()
        declaring = fold_headers(headers.items())
        if completes:
            declaring = {n: v for n, v in declaring.items() if not n.startswith(CHECKSUM_PREFIX)}
        self.digests = BodyDigests.declared(declaring, self.payload_hash)
        self.error: S3Error | None = None
        self._decoder = self._chunk_decoder(verified) if self.framed else None
        self._pieces = self._verified_pieces()
        self._peeked = ByteQueue()
        self._kept = _Kept()
        self._spool: SpooledFile | None = None
        self._copy: BodyCopy | None = None

    @property
    def forwarded_hash(self) -> str:
        """Return ``x-amz-content-sha256`` of the decoded body."""
        return _unframed(self.payload_hash)

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the body piece by piece.

        Raises:
            S3Error: The body differs from what the client declared; also stored as ``error``.
        """
        return self._remembering()

    async def peek(self, count: int) -> bytes:
        """Return the first ``count`` bytes or more, or all if it is shorter; consume nothing."""
        while self._peeked.size < count:
            piece = await anext(self._pieces, None)
            if piece is None:
                break
            self._peeked.append(piece)
        return self._peeked.first(count)

    async def read(self, buffers: Quota) -> bytes | None:
        """Return the whole body if it fits the budget.

        Bytes are reserved as they arrive, so slow clients do not block others.

        Args:
            buffers: Budget for the body; the caller releases its length.

        Returns:
            The body, or None if it does not fit: it can then still be iterated from the start, and
            what was read counts until it is yielded again.
        """
        pieces = ByteQueue()
        held = 0
        try:
            async for piece in self:
                pieces.append(piece)
                if not buffers.reserve(len(piece)):
                    self._peeked = pieces
                    self._kept, held = _Kept(buffers, held), 0
                    return None
                held += len(piece)
            body, held = await pieces.whole(), 0
            return body
        finally:
            buffers.release(held)

    async def settle(self) -> None:
        """Determine the length of a chunked body of unknown length by spooling it to disk."""
        if not self.framed or self.length is not None:
            return
        file = self._spool = SpooledFile(self._room)
        async for piece in self._pieces:
            await file.write(piece)
        self.length = file.size
        self._pieces = file.pieces()

    def copy(self, buffers: Quota, max_bytes: int) -> BodyCopy:
        """Copy all pieces yielded from now on, until the upload is closed."""
        self._copy = BodyCopy(buffers, max_bytes)
        return self._copy

    def close(self) -> None:
        """Release disk space, memory and the copy."""
        self._kept.release()
        if self._copy is not None:
            self._copy.close()
        if self._spool is not None:
            self._spool.close()

    async def _remembering(self) -> AsyncIterator[bytes]:
        try:
            while piece := self._peeked.popleft():
                yield self._copied(piece)
                self._kept.release(len(piece))
            async for piece in self._pieces:
                yield self._copied(piece)
        except S3Error as error:
            # The HTTP client that consumes this wraps foreign exceptions.
            self.error = error
            raise

    def _copied(self, piece: bytes) -> bytes:
        if self._copy is not None:
            self._copy.add(piece)
        return piece

    async def _verified_pieces(self) -> AsyncGenerator[bytes, None]:
        held, seen = b"", 0
        async for piece in self._decoded():
            self.digests.update(piece)
            seen += len(piece)
            if held:
                yield held
            held = piece
        trailers = self._decoder.finish() if self._decoder else {}
        self.digests.verify(trailers)
        if self.length is not None and seen != self.length:
            raise S3Error("IncompleteBody")
        if held:
            yield held

    async def _decoded(self) -> AsyncIterator[bytes]:
        await self._ask_for_body()
        try:
            while data := await self._reader.read(self._request.content):
                metrics.RECEIVED_BYTES.inc(len(data))
                payload = data if self._decoder is None else self._decoder.feed(data)
                if payload:
                    yield payload
        except TooManyChunks as error:
            raise S3Error("InvalidChunkSizeError") from error
        except (web.RequestPayloadError, ConnectionError) as error:
            raise S3Error("IncompleteBody") from error

    async def _ask_for_body(self) -> None:
        # RFC 9110 section 10.1.1: the caller is authenticated and the size is acceptable.
        if not expects_continue(self._request):
            return
        self._request[_ASKED] = True
        transport = self._request.transport
        # The store may refuse a body that it has asked for: nothing belongs between the head and
        # the body of that response.
        asks = not has_begun(self._request) and not received_bytes(self._request.content)
        if transport is not None and asks:
            transport.write(_CONTINUE)

    def _announced_length(self) -> int | None:
        name = "x-amz-decoded-content-length" if self.framed else "Content-Length"
        value = self._headers.get(name)
        if value is None and self.framed and self._signed:
            return None
        if value is None:
            if self._request.method in {"PUT", "POST"} and self._request.body_exists:
                raise S3Error("MissingContentLength")
            return 0 if self._request.method in {"PUT", "POST"} else None
        number = value.isascii() and value.isdigit() and len(value) <= _MAX_DIGITS
        if not number or int(value) > MAX_LENGTH:
            raise S3Error("InvalidArgument", f"{name} must be a number of bytes.")
        return int(value)

    def _chunk_decoder(self, verified: Verified | None) -> ChunkDecoder:
        return ChunkDecoder(
            key=verified.chunks if verified else None,
            trailer=self.payload_hash.endswith("-TRAILER"),
            decoded_length=self.length,
        )


def declared_hash(headers: Mapping[str, str], verified: Verified | None) -> str:
    """Return ``x-amz-content-sha256`` to forward with a request that has no body.

    Args:
        headers: Effective headers, those in the query included.
        verified: The verified signature; None for an anonymous request.

    Raises:
        S3Error: It is malformed.
    """
    return _unframed(verified.payload_hash if verified else _anonymous_hash(headers))


def _unframed(payload_hash: str) -> str:
    return UNSIGNED_PAYLOAD if payload_hash.startswith("STREAMING-") else payload_hash


def _anonymous_hash(headers: Mapping[str, str]) -> str:
    """Return the payload hash that an anonymous request declares.

    Raises:
        S3Error: AccessDenied for signed chunks, which require a key.
    """
    declared = check_payload_hash(headers.get("x-amz-content-sha256", UNSIGNED_PAYLOAD))
    if declared.startswith("STREAMING-") and declared != STREAMING_UNSIGNED_TRAILER:
        raise S3Error("AccessDenied")
    return declared
