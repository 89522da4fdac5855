"""Headers of JPEG XL files, against libjxl."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Final

import imagecodecs
import numpy as np

from fuzz.target import check
from slimgate.codec.containers import jxl_header
from slimgate.codec.containers.errors import ContainerError

MODULES: Final = ("slimgate.codec.containers",)
WORDS: Final = (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n", b"jxlc", b"jxlp", b"ftypjxl ", b"jbrd")
_MOST_PIXELS: Final = 1 << 16


def run(data: bytes) -> None:
    """Read a header: what libjxl decodes has this size, and these channels."""
    with suppress(ContainerError):
        jxl_header.read_size(data)
    try:
        found = jxl_header.read(data)
    except ContainerError:
        return
    if found.width * found.height > _MOST_PIXELS:
        return
    try:
        decoded = imagecodecs.jpegxl_decode(data)
    except (RuntimeError, ValueError):
        return
    shape = (found.height, found.width, found.channels)
    check(
        decoded.shape in {shape, shape[: 2 + (found.channels > 1)]}, f"{decoded.shape}, not {shape}"
    )
    check(decoded.itemsize * 8 == found.depth, f"{decoded.dtype}, not {found.depth} bits")


def seeds() -> Iterator[bytes]:
    """Yield small pictures of every kind that slimgate writes."""
    for channels in (1, 2, 3, 4):
        for kind in (np.uint8, np.uint16):
            pixels = np.arange(24 * 17 * channels, dtype=kind).reshape(24, 17, channels)
            for lossless in (False, True):
                coded = imagecodecs.jpegxl_encode(np.squeeze(pixels), lossless=lossless, effort=3)
                yield bytes(coded)
