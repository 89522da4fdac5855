"""Decide whether a rendition, opened by itself, looks like the upload in any viewer."""

import hashlib
from typing import Final

from slimgate.codec.containers import Container, Unsupported, c2pa, parse, png_chunks
from slimgate.codec.image.pixels import orientation
from slimgate.codec.search.result import ChosenRendition
from slimgate.config.serve import Serve

_SRGB_GAMMA: Final = (45_455).to_bytes(4, "big")
_SRGB_COLOURS: Final = b"".join(
    each.to_bytes(4, "big")
    for each in (31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000)
)
"""Values of gAMA and cHRM for sRGB (PNG, third edition, 11.3.2.5)."""

_HDR: Final = frozenset([b"cICP", b"mDCV", b"cLLI"])


def digest(data: bytes, chosen: ChosenRendition, serve: Serve) -> str | None:
    """Return the digest to record for a rendition that may be served; None: it may not.

    Args:
        data: upload.
        chosen: its rendition.
        serve: which renditions the policy serves.

    Returns:
        The first 32 hex digits of the SHA-256 of the rendition.
    """
    if chosen.stored.codec not in serve.negotiate or not chosen.alone or not _looks(data, chosen):
        return None
    return hashlib.sha256(chosen.rendition).hexdigest()[:32]


def _looks(data: bytes, chosen: ChosenRendition) -> bool:
    """Return whether nothing that viewers show is missing from a rendition.

    Renditions have the pixels, the alpha channel, the colour profile and the orientation of the
    upload. What only the restored file has is a gain map, content credentials, the colours of
    indices, and what PNG says about colours without a profile.
    """
    output = chosen.output
    if chosen.stored.recipe or (output is not None and (output.verbatim or output.indexed)):
        return False
    try:
        upload = parse(data)
    except Unsupported:
        return False
    if upload.gain_map is not None or c2pa.is_signed(data):
        return False
    if upload.icc is not None and upload.mode == "L":
        return False  # WebP has no gray, and viewers differ about such profiles in other files
    if upload.format == "PNG" and not _is_srgb_or_profiled(data):
        return False
    return orientation(data, upload) == 1 or _turns(upload, chosen.stored.codec)


def _turns(upload: Container, codec: str) -> bool:
    # All viewers turn JPEG, AVIF and JPEG XL files; they differ about PNG and WebP files.
    return upload.format == "JPEG" and codec in ("avif", "jxl")


def _is_srgb_or_profiled(data: bytes) -> bool:
    """Return whether a PNG file is sRGB or has a profile, which overrides gAMA and cHRM."""
    start = len(png_chunks.SIGNATURE)
    found = {c.type: c.payload(data) for c in png_chunks.walk_any(data, start, until=b"IDAT")}
    if _HDR & found.keys():
        return False
    if found.keys() & {b"iCCP", b"sRGB"}:
        return True
    gamma, colours = found.get(b"gAMA", _SRGB_GAMMA), found.get(b"cHRM", _SRGB_COLOURS)
    return (gamma, colours) == (_SRGB_GAMMA, _SRGB_COLOURS)
