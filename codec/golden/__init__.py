"""Stored objects of earlier versions, to check that they still restore to the same bytes.

The files here are renditions with manifests, one per tier, codec and format. They are never
re-encoded, like objects in buckets: if an upgraded package decodes or encodes differently, it shows
here before clients get other bytes.
"""

from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Literal, NamedTuple

from slimgate.codec.encoders import lepton
from slimgate.codec.manifest import Manifest, loads
from slimgate.codec.restore.restore import (
    DamagedRendition,
    DigestMismatch,
    EncoderChanged,
    Upscalers,
    restore,
)

Outcome = Literal["same", "changed", "failed"]
"""Same bytes; same pixels in other bytes, under another ETag; or neither."""


class Golden(NamedTuple):
    """An object as stored in a bucket.

    Attributes:
        name: file name.
        rendition: stored file.
        manifest: how to restore it.
    """

    name: str
    rendition: bytes
    manifest: Manifest

    def outcome(self, upscalers: Upscalers) -> Outcome:
        """Restore the object and compare the result."""
        try:
            restore(self.rendition, self.manifest, upscalers)
        except EncoderChanged:
            return "changed"
        except (DamagedRendition, DigestMismatch, LookupError):
            return "failed"
        return "same"


def objects() -> list[Golden]:
    """Return all golden objects, except those of an optional codec that is not installed."""
    return sorted(_objects())


def _objects() -> Iterator[Golden]:
    folder = resources.files(__name__)
    for file in folder.iterdir():
        stem, _, kind = file.name.rpartition(".")
        if kind not in {"json", "py", "pyc"} and file.is_file():
            manifest = _manifest(folder / f"{stem}.json")
            if manifest.stored.codec != "lepton" or lepton.installed():
                yield Golden(file.name, file.read_bytes(), manifest)


def _manifest(file: Traversable) -> Manifest:
    return loads(file.read_text("ascii").strip())
