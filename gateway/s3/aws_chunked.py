"""Decode aws-chunked bodies and verify their signatures, without I/O.

Source: Amazon S3 API reference, "Transferring Payload in Multiple Chunks" and "Including Trailing
Headers". Framing::

    chunk-size-in-hex [";chunk-signature=" 64 hex digits] CRLF data CRLF      (repeated)
    "0" [";chunk-signature=" 64 hex digits] CRLF (trailer-name ":" value CRLF)* [CRLF]
"""

import enum
import hashlib
import hmac
import re
from typing import Final

from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.sigv4 import ChunkKey

_CHUNK_HEADER: Final = re.compile(
    rb"([0-9A-Fa-f]{1,16})(?:;chunk-signature=([0-9a-f]{64}))?\r\n", re.ASCII
)
_TRAILER_NAME: Final = re.compile(r"[a-z0-9-]{1,128}", re.ASCII)
_TRAILER_SIGNATURE: Final = "x-amz-trailer-signature"
_NOTHING_SHA256: Final = hashlib.sha256().hexdigest()

# S3 user guide, "Transferring Payload in Multiple Chunks": "The chunk size must be at least 8 KB
# […] to all chunks except the last one." S3 also applies it to unsigned chunks, and reports it when
# the next chunk begins. It bounds the cost of a payload byte.
MIN_CHUNK: Final = 8192
_MAX_CHUNK_HEADER: Final = 256
_MAX_SIGNED_CHUNK: Final = 16 * 2**20
# S3 accepts up to 5 GiB per request; some SDKs send an unsigned body as a single chunk.
_MAX_DECODED: Final = 5 * 2**30
_MAX_TRAILERS: Final = 16
_MAX_TRAILER_BYTES: Final = 8192
# minio-go ends a trailer with a bare line feed and then sends up to two empty lines.
_MAX_EMPTY_LINES: Final = 2


class _State(enum.Enum):
    HEADER = enum.auto()  # expecting a chunk header
    DATA = enum.auto()
    DATA_END = enum.auto()  # expecting the CRLF after chunk data
    TRAILER = enum.auto()  # after the empty chunk


class ChunkDecoder:
    """Decode an aws-chunked body piece by piece, in linear time.

    The payload of all chunks in one piece comes back as one piece, so small chunks cost downstream
    no more than large ones.

    Signed chunks are returned before their signature is verified. The caller must hold back the end
    of the body until ``finish`` has passed, and must drop everything if ``feed`` or ``finish``
    raises. A decoder that has raised keeps raising.

    Args:
        key: Verifies signed chunks; None for unsigned chunks.
        trailer: Whether trailers may follow; with a key they are required, and signed.
        decoded_length: Announced payload size, bytes; None: unknown.
    """

    def __init__(self, *, key: ChunkKey | None, trailer: bool, decoded_length: int | None) -> None:
        self._key = key
        self._trailer = trailer
        self._announced = decoded_length
        self._state = _State.HEADER
        self._line = bytearray()
        self._left = 0
        self._chunk_size = MIN_CHUNK
        self._decoded = 0
        self._hash = hashlib.sha256()
        self._expected = ""
        self._previous = key.seed_signature if key else ""
        self._trailers: dict[str, str] = {}
        self._trailer_bytes = 0
        self._empty_lines = 0
        self._trailers_verified = False
        self._error: S3Error | None = None

    def feed(self, data: bytes) -> bytes:
        """Decode received bytes and return their payload, which may be empty.

        Args:
            data: The next bytes of the body, split anywhere.

        Raises:
            S3Error: ``SignatureDoesNotMatch``, ``IncompleteBody`` (broken framing, or more payload
                than announced), ``InvalidChunkSizeError`` (a small chunk is not the last),
                ``InvalidRequest`` (a limit is exceeded, or data follows the end),
                ``MalformedTrailerError`` or ``EntityTooLarge``.
        """
        self._reraise()
        try:
            return self._decode(data)
        except S3Error as error:
            self._error = error
            raise

    def finish(self) -> dict[str, str]:
        """Check that the body is complete, and return its trailers by lower-case name.

        Raises:
            S3Error: ``IncompleteBody`` if something is missing.
        """
        self._reraise()
        unsigned_trailers = self._key and self._trailer and not self._trailers_verified
        if self._state is not _State.TRAILER or self._line or unsigned_trailers:
            raise S3Error("IncompleteBody", "The request body terminated unexpectedly")
        if self._announced not in {None, self._decoded}:
            raise S3Error("IncompleteBody")
        return dict(self._trailers)

    def _reraise(self) -> None:
        if self._error:
            raise self._error

    def _decode(self, data: bytes) -> bytes:
        pieces: list[bytes] = []
        position = 0
        while position < len(data):
            if self._state is _State.DATA:
                piece = data[position : position + self._left]
                self._take(piece)
                pieces.append(piece)
                position += len(piece)
            else:
                position = self._read_line(data, position)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _take(self, piece: bytes) -> None:
        self._left -= len(piece)
        if self._key:
            self._hash.update(piece)
        if not self._left:
            self._check_chunk()
            self._state = _State.DATA_END

    def _read_line(self, data: bytes, position: int) -> int:
        end = data.find(b"\n", position) + 1 or len(data)
        limit = _MAX_TRAILER_BYTES if self._state is _State.TRAILER else _MAX_CHUNK_HEADER
        if len(self._line) + end - position > limit:
            raise S3Error("InvalidRequest", "A chunk header or trailer line is too long.")
        self._line += data[position:end]
        if self._line.endswith(b"\n"):
            line = bytes(self._line)
            self._line.clear()
            self._on_line(line)
        return end

    def _on_line(self, line: bytes) -> None:
        if self._state is _State.HEADER:
            self._on_chunk_header(line)
        elif self._state is _State.TRAILER:
            self._on_trailer(line)
        elif line == b"\r\n":
            self._state = _State.HEADER
        else:
            raise S3Error("IncompleteBody", "A chunk is longer than its header declares.")

    def _on_chunk_header(self, line: bytes) -> None:
        header = _CHUNK_HEADER.fullmatch(line)
        if header is None or (header[2] is None) != (self._key is None):
            raise S3Error("IncompleteBody", "A chunk header is malformed.")
        self._expected = (header[2] or b"").decode("ascii")
        self._left = int(header[1], 16)
        self._check_size()
        self._chunk_size = self._left
        self._decoded += self._left
        if self._left:
            self._state = _State.DATA
        else:
            self._check_chunk()
            self._state = _State.TRAILER

    def _check_size(self) -> None:
        if self._left and self._chunk_size < MIN_CHUNK:
            raise S3Error("InvalidChunkSizeError")
        decoded = self._decoded + self._left
        if self._announced is not None and decoded > self._announced:
            raise S3Error("IncompleteBody", "The body is longer than x-amz-decoded-content-length.")
        if self._key and self._left > _MAX_SIGNED_CHUNK:
            raise S3Error("InvalidRequest", f"A signed chunk exceeds {_MAX_SIGNED_CHUNK} bytes.")
        if decoded > _MAX_DECODED:
            raise S3Error("EntityTooLarge")

    def _check_chunk(self) -> None:
        if self._key is None:
            return
        actual = self._key.sign(
            "AWS4-HMAC-SHA256-PAYLOAD", self._previous, _NOTHING_SHA256, self._hash.hexdigest()
        )
        if not hmac.compare_digest(actual, self._expected):
            raise S3Error("SignatureDoesNotMatch")
        self._previous = actual
        self._hash = hashlib.sha256()

    def _on_trailer(self, line: bytes) -> None:
        self._trailer_bytes += len(line)
        if self._trailer_bytes > _MAX_TRAILER_BYTES:
            raise S3Error("InvalidRequest", "The trailers are too long.")
        text = line.rstrip(b"\r\n")
        if not text:
            self._empty_lines += 1
            if self._empty_lines > _MAX_EMPTY_LINES:
                raise S3Error("InvalidRequest", "Data follows the end of the body.")
            return
        name, value = _split_trailer(text)
        if self._trailers_verified or not self._trailer:
            raise S3Error("InvalidRequest", "Data follows the end of the body.")
        if self._key and name == _TRAILER_SIGNATURE:
            self._check_trailers(self._key, value)
        elif self._empty_lines:
            raise S3Error("InvalidRequest", "Data follows the end of the body.")
        else:
            self._add_trailer(name, value)

    def _add_trailer(self, name: str, value: str) -> None:
        if name in self._trailers or len(self._trailers) == _MAX_TRAILERS:
            raise S3Error("MalformedTrailerError")
        self._trailers[name] = value

    def _check_trailers(self, key: ChunkKey, signature: str) -> None:
        lines = "".join(f"{name}:{value}\n" for name, value in sorted(self._trailers.items()))
        digest = hashlib.sha256(lines.encode("ascii")).hexdigest()
        actual = key.sign("AWS4-HMAC-SHA256-TRAILER", self._previous, digest)
        if not hmac.compare_digest(actual, signature):
            raise S3Error("SignatureDoesNotMatch")
        self._trailers_verified = True


def _split_trailer(line: bytes) -> tuple[str, str]:
    name, colon, value = line.partition(b":")
    if not (colon and line.isascii()):
        raise S3Error("MalformedTrailerError")
    lower = name.decode("ascii").lower()
    text = value.decode("ascii").strip(" \t")
    if not (_TRAILER_NAME.fullmatch(lower) and text.isprintable()):
        raise S3Error("MalformedTrailerError")
    return lower, text
