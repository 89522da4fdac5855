"""Objects that were stored once, and whether they still restore to the very same bytes.

The files beside this one are renditions with their manifests, one for each tier, codec and format.
They are never written anew, as objects in buckets are not: a package of another version that
decodes or encodes otherwise shows here, before the first client gets other bytes than before.
"""

from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Literal, NamedTuple

from codec.manifest import Manifest, loads
from codec.restore.restore import (
    DamagedRendition,
    DigestMismatch,
    EncoderChanged,
    Upscalers,
    restore,
)

Outcome = Literal["same", "changed", "failed"]
"""The same bytes; the same pixels in other bytes, under another ETag; or neither."""


class Golden(NamedTuple):
    """An object as it lies in a bucket.

    Attributes:
        name: Of its file.
        rendition: The stored file.
        manifest: How to restore it.
    """

    name: str
    rendition: bytes
    manifest: Manifest

    def outcome(self, upscalers: Upscalers) -> Outcome:
        """Restore it here and now, and compare."""
        try:
            restore(self.rendition, self.manifest, upscalers)
        except EncoderChanged:
            return "changed"
        except (DamagedRendition, DigestMismatch, LookupError):
            return "failed"
        return "same"


def objects() -> list[Golden]:
    """Read all of them."""
    return sorted(_objects())


def _objects() -> Iterator[Golden]:
    folder = resources.files(__name__)
    for file in folder.iterdir():
        stem, _, kind = file.name.rpartition(".")
        if kind not in {"json", "py", "pyc"} and file.is_file():
            yield Golden(file.name, file.read_bytes(), _manifest(folder / f"{stem}.json"))


def _manifest(file: Traversable) -> Manifest:
    return loads(file.read_text("ascii").strip())
