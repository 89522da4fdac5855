"""Uploads in aws-chunked framing, in each of its flavours."""

import base64
import enum
import hmac
import zlib

from slimgate.gateway.s3.sigv4 import ChunkKey
from tests.e2e import wire
from tests.gateway.s3.test_aws_chunked import _encode_signed, _encode_unsigned
from tests.servers.server import Keys, S3Server

_CHUNK = 64 << 10
_CRC32 = "x-amz-checksum-crc32"


class Frames(enum.Enum):
    """One flavour; the value is what x-amz-content-sha256 says."""

    SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
    UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

    def upload(
        self,
        server: S3Server,
        path: str,
        body: bytes,
        crc32: str | None = None,
        *,
        chunk: int = _CHUNK,
    ) -> tuple[dict[str, str], bytes]:
        """Make headers and framed body of a PUT, with a CRC-32 of the payload.

        Args:
            server: Whom it is for.
            path: As it is sent.
            body: The payload.
            crc32: What the checksum says; None: the truth.
            chunk: Bytes of each chunk but the last.
        """
        crc32 = crc32 or self.checksum(body)
        headers = {
            "Content-Encoding": "aws-chunked",
            "X-Amz-Decoded-Content-Length": str(len(body)),
        }
        headers |= {_CRC32: crc32} if self is Frames.SIGNED else {"X-Amz-Trailer": _CRC32}
        signed = wire.signed(server, "PUT", path, headers, payload_hash=self.value)
        trailers = {} if self is Frames.SIGNED else {_CRC32: crc32}
        chunks = [body[at : at + chunk] for at in range(0, len(body), chunk)]
        if self is Frames.UNSIGNED_TRAILER:
            return signed, _encode_unsigned(chunks, trailers)
        key = _chunk_key(signed, server.main)
        return signed, _encode_signed(chunks, trailers or None, key)

    @staticmethod
    def checksum(body: bytes) -> str:
        """Return the CRC-32 as S3 spells it."""
        return base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()


def _chunk_key(headers: dict[str, str], keys: Keys) -> ChunkKey:
    timestamp = headers["X-Amz-Date"]
    scope = f"{timestamp[:8]}/{wire.REGION}/s3/aws4_request"
    signing_key = f"AWS4{keys.secret}".encode()
    for step in scope.split("/"):
        signing_key = hmac.digest(signing_key, step.encode(), "sha256")
    seed = headers["Authorization"].rpartition("Signature=")[2]
    return ChunkKey(signing_key, timestamp, scope, seed)
