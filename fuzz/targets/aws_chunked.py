"""Bodies in chunks of AWS: the decoder, and the digests that the body is compared with."""

import hashlib
from collections.abc import Iterator
from typing import Final

from fuzz.target import check, pieces
from slimgate.gateway.s3.aws_chunked import ChunkDecoder
from slimgate.gateway.s3.checksums import BodyDigests
from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.sigv4 import UNSIGNED_PAYLOAD, ChunkKey

MODULES: Final = ("slimgate.gateway.s3",)
WORDS: Final = (
    b"\r\n", b"0\r\n", b";chunk-signature=", b"x-amz-trailer-signature:", b"x-amz-checksum-crc32:",
    b"x-amz-checksum-sha256:", b"a" * 64, b"FFFFFFFF", b"2000\r\n",
)  # fmt: skip
_KEY: Final = ChunkKey(
    b"k" * 32, "20260101T000000Z", "20260101/us-east-1/s3/aws4_request", "0" * 64
)
_DECLARED: Final = {"x-amz-trailer": "x-amz-checksum-crc32"}


def run(data: bytes) -> None:
    """Decode a body whole and in pieces: payload, trailers and errors agree.

    The first byte says whether chunks are signed, trailers may follow, and the length is known.
    """
    flags, body = data[:1] or b"\0", data[1:]
    whole, split = (_decoded(flags[0], each) for each in ([body], pieces(body)))
    check(whole == split, "a body depends on how it arrives")
    check(len(whole[0]) <= len(body), "a body grows")


def _decoded(flags: int, parts: list[bytes]) -> tuple[bytes, object]:
    decoder = ChunkDecoder(
        key=_KEY if flags & 1 else None,
        trailer=bool(flags & 2),
        decoded_length=flags >> 3 if flags & 4 else None,
    )
    digests = BodyDigests.declared(_DECLARED if flags & 2 else {}, UNSIGNED_PAYLOAD)
    payload = b""
    try:
        for part in parts:
            piece = decoder.feed(part)
            digests.update(piece)
            payload += piece
        digests.verify(decoder.finish())
    except S3Error as error:
        # Chunks before the fault may or may not have been returned.
        return b"", error.code
    return payload, None


def seeds() -> Iterator[bytes]:
    """Yield bodies of all kinds."""
    yield b"\0" + b"5\r\nhello\r\n0\r\n\r\n"
    yield b"\x02" + b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n"
    yield bytes([4 | 5 << 3]) + b"5\r\nhello\r\n0\r\n\r\n"
    yield b"\0" + b"2000\r\n" + bytes(0x2000) + b"\r\n1\r\nx\r\n0\r\n\r\n"
    for trailer in (False, True):
        yield bytes([1 | 2 * trailer]) + _signed(b"hello", trailer=trailer)


def _signed(payload: bytes, *, trailer: bool) -> bytes:
    empty, previous, body = hashlib.sha256().hexdigest(), _KEY.seed_signature, b""
    for piece in (payload, b""):
        digest = hashlib.sha256(piece).hexdigest()
        previous = _KEY.sign("AWS4-HMAC-SHA256-PAYLOAD", previous, empty, digest)
        body += f"{len(piece):x};chunk-signature={previous}\r\n".encode() + piece
        body += b"\r\n" if piece else b""
    if not trailer:
        return body + b"\r\n"
    line = b"x-amz-checksum-crc32:NhCmhg=="
    digest = hashlib.sha256(line + b"\n").hexdigest()
    signature = _KEY.sign("AWS4-HMAC-SHA256-TRAILER", previous, digest)
    return body + line + f"\r\nx-amz-trailer-signature:{signature}\r\n\r\n".encode()
