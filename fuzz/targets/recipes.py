"""TIFF, BMP, GIF, PNM and PSD files: where they keep their pixels."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from bench.fuzz_seeds import seeds as images
from fuzz.target import MAX_LENGTH, check
from slimgate.codec.containers import kinds, sides
from slimgate.codec.containers.errors import ContainerError
from slimgate.codec.recipes import jpeg_strips, plans, tiff_plans
from slimgate.codec.recipes.plan import MAX_SEGMENTS

MODULES: Final = ("slimgate.codec.containers", "slimgate.codec.recipes")
WORDS: Final = (
    b"II*\0", b"MM\0*", b"II+\0\x08\0\0\0", b"BM", b"GIF89a", b"P6\n", b"P7\n", b"WIDTH ",
    b"ENDHDR", b"8BPS", b"\x2c", b"\x21\xf9", b"\xff\xff\xff\xff", b"\0\x01\0\0", b"\x01\x01\0\0",
    b"\xff\xd8",
)  # fmt: skip


def run(data: bytes) -> None:
    """Plan a file: only errors of containers; the work is bounded."""
    mime = kinds.whole_type(data)
    if mime is None:
        return
    with suppress(ContainerError):
        width, height = sides.read(data, mime)
        check(min(width, height) > 0, "a side is 0")
    with suppress(ContainerError):
        for plan in plans.plans(data, mime):
            check(len(plan.segments) <= MAX_SEGMENTS, "a file has too many segments")
    if mime == "image/tiff":
        tiff_plans.unusual(data)
        with suppress(ContainerError):
            jpeg_strips.find(data)


def seeds() -> Iterator[bytes]:
    """Yield files of every kind that are short enough."""
    for data in images().values():
        if kinds.whole_type(data) is not None and len(data) <= MAX_LENGTH:
            yield data
