"""Files for the clients, the same in every run, and what has to be true of them afterwards."""

import io
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from tests.e2e.images import FLOOR_SCORE, MIMES, opened, photo, score

MIB: Final = 1 << 20

IMAGES: Final = ("photo.jpg", "scans/page 1.png", "web/grün + 100%2F.webp")
"""Those files of :func:`tree` that are stored small in a bucket for photographs."""


@cache
def image(format_: str = "JPEG", width: int = 480, height: int = 400) -> bytes:
    """Return a photograph as a file that can be stored much smaller."""
    options = {"JPEG": {"quality": 92}, "PNG": {"compress_level": 1}, "WEBP": {"quality": 95}}
    return _saved(photo(width, height), format_, **options[format_])


@cache
def big_png() -> bytes:
    """Return a photograph that takes two parts of 5 MiB, the smallest that S3 allows."""
    return _saved(photo(1500, 1200), "PNG", compress_level=0)


@cache
def big_jpeg() -> bytes:
    """Return a photograph of the same kind, with so much grain that it is not small as a JPEG."""
    width, height = 2300, 1900
    grain = np.random.default_rng(1).integers(-3, 4, (height, width, 3), np.int16)
    pixels = np.clip(np.asarray(photo(width, height)) + grain, 0, 255).astype(np.uint8)
    return _saved(Image.fromarray(pixels), "JPEG", quality=100, subsampling=0)


def noise(size: int) -> bytes:
    """Return bytes that are no image; a different size gives different ones."""
    return np.random.default_rng(size).bytes(size)


@cache
def tree() -> Mapping[str, bytes]:
    """Return a folder as relative paths and contents; some names are hard to transport."""
    jpeg, png, webp = IMAGES
    return {
        jpeg: image("JPEG", 640, 480),
        png: image("PNG", 240, 200),
        webp: image("WEBP", 320, 256),
        "notes & more #1?.txt": b"not an image\n" * 99,
        "deep/er/empty.bin": b"",
        "deep/one byte": b"1",
        "6 MiB.bin": noise(6 * MIB),
    }


def write_tree(folder: Path) -> Path:
    """Write the files of :func:`tree` into a folder."""
    for name, content in tree().items():
        write(folder / name, content)
    return folder


def write(path: Path, content: bytes) -> Path:
    """Write one file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def assert_tree_restored(folder: Path, *, managed: bool) -> None:
    """Compare a folder with :func:`tree`.

    Args:
        folder: What a client has downloaded.
        managed: Whether it was in a bucket whose images are stored small.
    """
    found = {path.relative_to(folder).as_posix(): path for path in _files(folder)}
    assert set(found) == set(tree())
    for name, content in tree().items():
        assert_returned(content, found[name].read_bytes(), managed=managed and name in IMAGES)


def assert_returned(upload: bytes, served: bytes, *, managed: bool) -> None:
    """Compare a file with what was uploaded; byte for byte, unless it was stored small."""
    if managed:
        assert_restored(upload, served)
    else:
        assert upload == served


def assert_restored(upload: bytes, served: bytes) -> None:
    """Compare an image that was stored small with what was uploaded."""
    expected, actual = _described(upload), _described(served)
    assert actual == expected
    assert score(upload, served) >= FLOOR_SCORE


def mime(content: bytes) -> str:
    """Return the media type of an image of ours, or that of unknown bytes."""
    return next((MIMES[f] for f, m in _MAGIC.items() if m in content[:12]), _UNKNOWN)


_UNKNOWN: Final = "application/octet-stream"
_MAGIC: Final = {"JPEG": b"\xff\xd8\xff", "PNG": b"\x89PNG", "WEBP": b"WEBP"}


def _described(content: bytes) -> tuple[int, str, tuple[int, int]]:
    return len(content), mime(content), opened(content).size


def _files(folder: Path) -> Iterable[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _saved(picture: Image.Image, format_: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, format_, **options)
    return file.getvalue()
