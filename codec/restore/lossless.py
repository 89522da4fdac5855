"""Tier ``lossless``: pixels of a PNG as lossless WebP or JPEG XL, whichever is smaller.

A recipe of the file's compression is stored with its ancillary chunks, so that it is mostly
reproduced byte for byte, tier ``exact``; otherwise with identical pixels, chunks and size.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from slimgate.codec.containers import Container, ContainerError, header
from slimgate.codec.encoders import by_name, jxl, webp
from slimgate.codec.image.pixels import Pixels
from slimgate.codec.restore import png_recipe
from slimgate.codec.restore.png_recipe import Recipe
from slimgate.codec.search.effort import Work

_Name = Literal["webp", "jxl"]

_ENCODERS: Final[tuple[tuple[_Name, Callable[..., bytes]], ...]] = (
    ("webp", webp.encode_lossless),
    ("jxl", jxl.encode_lossless),
)

_WORTH_ANOTHER: Final = 1.5
"""The second codec is tried unless the first result is larger than the limit times this."""


class Lossless(NamedTuple):
    """A rendition with identical pixels, and the file that GET will serve."""

    rendition: bytes
    codec: _Name
    served: bytes


class LosslessEncoding(NamedTuple):
    """One lossless encoding.

    Attributes:
        codec: codec.
        size: size without payload, bytes.
        seconds: encoding time, seconds.
    """

    codec: _Name
    size: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Task:
    """A PNG file to store.

    Attributes:
        data: upload.
        upload: parsed container.
        icc: colour profile that a rendition needs.
        pixels: decoded pixels.
        orientation: EXIF orientation.
        speed: 0 (smallest file) to 10 (fastest).
        max_stored: maximum size of a rendition, bytes.
        work: work done and allowed.
        tried: encodings tried, for reports.
    """

    data: bytes
    upload: Container
    icc: bytes | None
    pixels: Pixels
    orientation: int
    speed: int
    max_stored: int
    work: Work
    tried: list[LosslessEncoding] = field(default_factory=list)


def store(task: Task) -> Lossless | None:
    """Return the smallest lossless rendition of a PNG file.

    Returns:
        None if it is not small enough, or no such file has the size of the upload.
    """
    smallest = min(_renditions(task), key=lambda named: len(named[1]), default=None)
    if smallest is None or len(smallest[1]) > task.max_stored:
        return None
    codec, image = smallest
    metadata = task.upload.metadata
    try:
        recipe, served = png_recipe.find(task.data, task.pixels, metadata, work=task.work)
        rendition = by_name(codec).attach(image, pack(recipe, metadata, codec, task.icc))
    except ContainerError:
        return None
    return Lossless(rendition, codec, served) if len(rendition) <= task.max_stored else None


def pack(recipe: Recipe, metadata: bytes, codec: str, icc: bytes | None) -> bytes:
    """Return the payload of a lossless rendition.

    Raises:
        Unsupported: the header segments are too large.
    """
    return header.pack(recipe.dumps() + metadata, icc if by_name(codec).described else None)


def unpack(rendition: bytes, codec: str) -> tuple[Recipe, bytes]:
    """Return the recipe and the header segments of the upload.

    Raises:
        ContainerError: the payload is damaged.
        OSError, ValueError, SyntaxError: the rendition is damaged.
    """
    found = by_name(codec)
    blob = found.extract(rendition) or b""
    return Recipe.loads(header.unpack(blob, found.icc_profile(rendition)))


def _renditions(task: Task) -> Iterator[tuple[_Name, bytes]]:
    icc, orientation = task.icc, task.orientation
    size = (task.upload.width, task.upload.height)
    for name, encode in _ENCODERS:
        takes = by_name(name).takes(task.upload.mode, size, icc=icc, orientation=orientation)
        if takes and task.work.afford_lossless(size[0] * size[1]):
            began = time.perf_counter()
            try:
                image = encode(task.pixels, speed=task.speed, icc=icc, orientation=orientation)
            except Exception:  # noqa: BLE001  # the library may raise any exception; try the other one
                task.tried.append(LosslessEncoding(name, 0, time.perf_counter() - began))
                continue
            task.tried.append(LosslessEncoding(name, len(image), time.perf_counter() - began))
            yield name, image
            if len(image) > _WORTH_ANOTHER * task.max_stored:
                return
