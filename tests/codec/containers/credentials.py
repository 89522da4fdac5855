"""Files with boxes of content credentials, and with other boxes of the same kind."""

from typing import Final

from slimgate.codec.containers import webp_chunks
from slimgate.codec.containers.png_chunks import make
from tests.codec.containers.jpeg_parts import segment_of

_TYPE: Final = bytes.fromhex("63327061 00110010 8000 00AA00389B71")


def superbox(label: bytes, content: bytes = bytes(100)) -> bytes:
    """Build a JUMBF box (ISO/IEC 19566-5, 5.2) with a labelled description."""
    described = _box(b"jumd", _TYPE + b"\x03" + label + b"\0")
    return _box(b"jumb", described + content)


def in_jpeg(data: bytes, box: bytes, *, long: bool = False) -> bytes:
    """Return a JPEG file with a box in an APP11 segment, its length in 4 or 8 bytes."""
    if long:
        box = b"\0\0\0\1" + box[4:8] + (len(box) + 8).to_bytes(8, "big") + box[8:]
    return data[:2] + segment_of(0xEB, b"JP\0\1\0\0\0\1" + box) + data[2:]


def in_png(data: bytes, box: bytes) -> bytes:
    """Return a PNG file with a box in its chunk, behind the image header."""
    return data[:33] + make(b"caBX", box) + data[33:]


def in_webp(data: bytes, box: bytes) -> bytes:
    """Return a WebP file with a box in its chunk at the end."""
    return webp_chunks.make_file(data[12:] + webp_chunks.make(b"C2PA", box))


def _box(kind: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4, "big") + kind + content
