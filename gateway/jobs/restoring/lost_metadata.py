"""Recognize renditions that were copied without their metadata."""

from pathlib import PurePosixPath
from typing import Final

from slimgate.codec.containers import SNIFFED, named, sniff

HEAD: Final = SNIFFED
"""First bytes of a file that tell its format."""

_RENDITIONS: Final = frozenset({"AVIF", "JPEG XL"})
_STARTS: Final = {b"\xcf\x84": "Lepton", b"\x28\xb5\x2f\xfd": "Zstandard"}
_NAMED: Final = {
    ".bmp": "BMP", ".gif": "GIF", ".jfif": "JPEG", ".jpe": "JPEG", ".jpeg": "JPEG", ".jpg": "JPEG",
    ".png": "PNG", ".psd": "PSD", ".tif": "TIFF", ".tiff": "TIFF", ".webp": "WebP",
}  # fmt: skip


class LostMetadata(ValueError):
    """A file without a manifest is probably a rendition; the message says why."""


def check_is_plain(name: str, head: bytes) -> None:
    """Check that a file without a manifest has the format that its name says.

    Args:
        name: Name of the file.
        head: Its first ``HEAD`` bytes.

    Raises:
        LostMetadata: It has that of a rendition instead.
    """
    expected = _NAMED.get(PurePosixPath(name).suffix.lower())
    found = _format(head)
    if expected is not None and found not in (None, expected):
        raise LostMetadata(
            f"it has no manifest, but is {found} under the name of a {expected} file: its metadata "
            "was probably lost when it was copied"
        )


def _format(head: bytes) -> str | None:
    """Return the format of a file, if most files of that format are renditions.

    JPEG is not among them: cameras and web sites name JPEG files otherwise often enough.
    """
    if sniff(head) == "image/webp":
        return "WebP"
    name = named(head)
    starts = (kind for start, kind in _STARTS.items() if head.startswith(start))
    return name if name in _RENDITIONS else next(starts, None)
