"""JPEG, PNG and WebP files: what an upload is, and the header segments of what is served."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from bench.fuzz_seeds import seeds as images
from fuzz.target import MAX_LENGTH, check
from slimgate.codec.containers import (
    bmff,
    c2pa,
    description,
    jpeg_payload,
    png_parts,
    registry,
    webp_payload,
)  # fmt: skip
from slimgate.codec.containers.errors import ContainerError

MODULES: Final = ("slimgate.codec.containers",)
WORDS: Final = (
    b"\xff\xd8\xff", b"\xff\xda", b"\xff\xd9", b"\xff\xc0", b"\xff\xc2", b"\xff\xe1\0", b"Exif\0\0",
    b"ICC_PROFILE\0", b"MPF\0", b"http://ns.adobe.com/xap/1.0/\0", b"\x89PNG\r\n\x1a\n", b"IHDR",
    b"IDAT", b"PLTE", b"tRNS", b"acTL", b"IEND", b"RIFF", b"WEBPVP8X", b"VP8L", b"VP8 ", b"ALPH",
    b"ANIM", b"jumb", b"c2pa", b"ftyp",
)  # fmt: skip


def run(data: bytes) -> None:
    """Parse a file: only errors of containers; what is taken apart returns to the byte."""
    registry.sniff(data)
    c2pa.is_signed(data)
    with suppress(ContainerError):
        description.described(data)
    with suppress(ContainerError):
        found = registry.parse(data)
        check(min(found.width, found.height) > 0, "a side is 0")
        check(len(found.metadata) <= len(data) + 64, "metadata grow")
        registry.overhead(found.format, found.metadata)
    with suppress(ContainerError):
        check(png_parts.join(png_parts.split(data), len(data)) == data, "a PNG file changes")
    for each in (bmff, jpeg_payload, webp_payload):
        with suppress(ContainerError):
            each.extract(data)


def seeds() -> Iterator[bytes]:
    """Yield files of every kind that are short enough."""
    for name, data in images().items():
        if name.split()[0] in {"jpeg", "png", "webp"} and len(data) <= MAX_LENGTH:
            yield data
