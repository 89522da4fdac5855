"""Renditions with their manifests: decoders, recipes and encoders."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from fuzz.target import MAX_LENGTH, check
from slimgate import models
from slimgate.codec import manifest
from slimgate.codec.golden import objects
from slimgate.codec.restore.restore import DamagedRendition, DigestMismatch, restore

MODULES: Final = ("slimgate.codec",)
WORDS: Final = (
    b'"n":',
    b'"w":',
    b'"h":',
    b'"q":',
    b"\x28\xb5\x2f\xfd",
    b"\xff\x0a",
    b"IDAT",
    b"VP8L",
)
_MOST_PIXELS: Final = 1 << 18
_MOST_BYTES: Final = 1 << 22


def run(data: bytes) -> None:
    """Restore: the size of the manifest comes out, or a declared error.

    The first line of the input is the manifest, the rest the rendition.
    """
    text, _, rendition = data.partition(b"\n")
    try:
        found = manifest.loads(text.decode("utf-8", "replace"))
    except manifest.BrokenManifest:
        return
    if found.width * found.height > _MOST_PIXELS or found.size > _MOST_BYTES:
        return  # workers bound memory and time
    with suppress(DamagedRendition, DigestMismatch, LookupError):
        check(len(restore(rendition, found, models.restorer)) == found.size, "a wrong size")


def seeds() -> Iterator[bytes]:
    """Yield small stored objects that no network restores."""
    for golden in objects():
        seed = golden.manifest.dumps().encode() + b"\n" + golden.rendition
        if golden.manifest.stored.restorer is None and len(seed) <= MAX_LENGTH:
            yield seed
