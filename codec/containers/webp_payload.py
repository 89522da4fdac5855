"""Carry a payload in a WebP file, in a chunk that viewers skip (RFC 9649, 2.7.1.6)."""

from typing import Final

from slimgate.codec.containers import webp_chunks
from slimgate.codec.containers.bmff import MAX_PAYLOAD
from slimgate.codec.containers.errors import Malformed

CHUNK: Final = b"SLMD"
"""slimgate's chunk."""


def attach(webp: bytes, payload: bytes) -> bytes:
    """Append a chunk with a payload to a WebP file.

    Args:
        webp: a complete still file, without such a chunk.
        payload: at most ``MAX_PAYLOAD`` bytes.

    Raises:
        Unsupported: the file is damaged.
        Malformed: the file already has a payload, or the payload is too long.
    """
    chunks = webp_chunks.read_file(webp)
    if any(chunk.type == CHUNK for chunk in chunks):
        raise Malformed("a payload is attached already")
    if len(payload) > MAX_PAYLOAD:
        raise Malformed("payload too long")
    # Only the extended format allows further chunks.
    extended = b"" if chunks[:1] and chunks[0].type == b"VP8X" else _extended(webp, chunks)
    return webp_chunks.make_file(extended + webp[12:] + webp_chunks.make(CHUNK, payload))


def extract(data: bytes) -> bytes | None:
    """Return the payload of a file, or None.

    Raises:
        Unsupported: the file is damaged.
        Malformed: two payloads, or one too long.
    """
    own = [chunk for chunk in webp_chunks.read_file(data) if chunk.type == CHUNK]
    if not own:
        return None
    if len(own) > 1:
        raise Malformed("more than one payload")
    payload = own[0].payload(data)
    if len(payload) > MAX_PAYLOAD:
        raise Malformed("payload too long")
    return payload


def _extended(data: bytes, chunks: list[webp_chunks.Chunk]) -> bytes:
    if len(chunks) != 1 or chunks[0].type not in (b"VP8 ", b"VP8L"):
        raise Malformed("no simple WebP file")
    payload = chunks[0].payload(data)
    lossless = chunks[0].type == b"VP8L"
    still = webp_chunks.read_lossless(payload) if lossless else webp_chunks.read_lossy(payload)
    return webp_chunks.extended_header(still, webp_chunks.ALPHA_FLAG if still.alpha else 0)
