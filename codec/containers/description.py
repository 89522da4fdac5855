"""Describe a file in a few words, by its bytes alone."""

from typing import Final

from slimgate.codec.containers import jpeg_size, sides
from slimgate.codec.containers.errors import Unsupported
from slimgate.codec.containers.kinds import SNIFFED, WHOLE, named
from slimgate.codec.containers.registry import parse, sniff

_NAMES: Final = {
    "image/bmp": "BMP", "image/gif": "GIF", "image/jpeg": "JPEG", "image/png": "PNG",
    "image/tiff": "TIFF", "image/vnd.adobe.photoshop": "PSD", "image/webp": "WebP",
    "image/x-portable-anymap": "PNM",
}  # fmt: skip


def described(data: bytes) -> str:
    """Return what a file is, with its size in pixels where that is known."""
    mime = sniff(data[:SNIFFED])
    if mime is None:
        return named(data[:SNIFFED]) or "not an image of a known type"
    try:
        width, height = _sides(data, mime)
    except Unsupported:
        return _NAMES[mime]
    return f"{_NAMES[mime]}, {width}x{height}"


def _sides(data: bytes, mime: str) -> tuple[int, int]:
    if mime == "image/jpeg":
        return jpeg_size.read(data)
    if mime in WHOLE:
        return sides.read(data, mime)
    found = parse(data)
    return found.width, found.height
