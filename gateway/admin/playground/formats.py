"""What people try that is no image of pixels, and what is taken instead."""

from typing import Final

TAKEN: Final = "JPEG, PNG, WebP, TIFF, BMP, GIF, PNM and PSD"

_HEADS: Final = (
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript document"),
    (b"\x00\x00\x01\x00", "a Windows icon"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1aE\xdf\xa3", "a video (Matroska or WebM)"),
)

_VIDEOS: Final = frozenset({b"isom", b"iso2", b"mp41", b"mp42", b"M4V ", b"qt  "})
"""Major brands of videos (ISO/IEC 14496-12)."""

_LOOKED_AT: Final = 512


def named(data: bytes) -> str | None:
    """Return what a file is that is no image of pixels; None: unknown, or such an image.

    Images of pixels that are not taken are named by their reason.
    """
    if data[4:8] == b"ftyp" and data[8:12] in _VIDEOS:
        return "a video"
    for head, name in _HEADS:
        if data.startswith(head):
            return name
    return "an SVG drawing" if b"<svg" in data[:_LOOKED_AT] else None
