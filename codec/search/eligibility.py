"""Check which uploads are eligible: type and limits of the policy."""

from typing import Final

from slimgate.codec import manifest
from slimgate.codec.containers import (
    SNIFFED,
    WHOLE,
    Container,
    Unsupported,
    jpeg_size,
    kinds,
    named,
    parse,
    png_parts,
    sides,
    sniff,
    tiff,
)
from slimgate.codec.reasons import Reason, Refused
from slimgate.config import Policy

MIN_SIDE: Final = 16
"""Smaller images are stored as uploaded: measures are meaningless and savings negligible."""

_MANIFEST_ROOM: Final = 400
"""Approximate metadata overhead of a rendition, bytes, which is billed too."""


def check_type(data: bytes, policy: Policy) -> str:
    """Return the media type of an upload, by its first bytes.

    Raises:
        Refused: the policy does not include it, or nothing is stored of its kind.
    """
    mime = check_head(data[:SNIFFED], policy)
    if mime == kinds.TIFF and _is_raw(data):
        raise Refused(Reason.KIND, "RAW")
    return mime


def check_head(head: bytes, policy: Policy) -> str:
    """Return the media type of an upload, by its first ``SNIFFED`` bytes.

    Raises:
        Refused: the policy does not include it, or nothing is stored of its kind.
    """
    mime = sniff(head)
    if mime in policy.types:
        return mime
    name = named(head) if mime is None else None
    raise Refused(Reason.TYPE) if name is None else Refused(Reason.KIND, name)


def _is_raw(data: bytes) -> bool:
    """Return whether a TIFF file is a camera's raw file."""
    try:
        return tiff.parse(data).is_raw
    except Unsupported:
        return False


def parse_eligible(data: bytes, policy: Policy) -> Container:
    """Parse an upload whose pixels will be restored.

    Raises:
        Refused: it is unsupported, or outside the policy's limits.
    """
    try:
        upload = parse(data)
    except Unsupported as error:
        raise Refused(Reason.UNSUPPORTED, str(error)) from error
    check_size(upload.width, upload.height, policy)
    return upload


def jpeg_sides(data: bytes, policy: Policy) -> tuple[int, int]:
    """Return width and height of any JPEG file, for transcoding.

    Raises:
        Refused: it has no size, or is outside the policy's limits.
    """
    try:
        width, height = jpeg_size.read(data)
    except Unsupported as error:
        raise Refused(Reason.UNSUPPORTED, str(error)) from error
    check_size(width, height, policy)
    return width, height


def whole_sides(data: bytes, mime: str, policy: Policy) -> tuple[int, int]:
    """Return width and height of a file that is stored only byte for byte.

    Raises:
        Refused: it has no size, or is outside the policy's limits.
    """
    try:
        width, height = sides.read(data, mime)
    except Unsupported as error:
        raise Refused(Reason.UNSUPPORTED, str(error)) from error
    check_size(width, height, policy)
    return width, height


def pixels_of(data: bytes) -> int:
    """Return the pixels of an upload by its headers; 0 if unreadable."""
    mime = sniff(data[:SNIFFED])
    try:
        if mime == "image/jpeg":
            width, height = jpeg_size.read(data)
        elif mime in WHOLE:
            width, height = sides.read(data, mime)
        elif mime == "image/png":
            return png_parts.pixels(data)
        else:
            upload = parse(data)
            width, height = upload.width, upload.height
    except Unsupported:
        return 0
    return width * height


def check_size(width: int, height: int, policy: Policy) -> None:
    """Check the size in pixels before anything of that size is allocated.

    Raises:
        Refused: the size is outside the policy's limits.
    """
    if width * height > min(policy.limits.max_pixels, manifest.MAX_PIXELS):
        raise Refused(Reason.PIXELS)
    if max(width, height) > manifest.MAX_SIDE:
        raise Refused(Reason.SIDE)
    if min(width, height) < MIN_SIDE:
        raise Refused(Reason.SMALL)


def max_stored(data: bytes, policy: Policy) -> int:
    """Return the maximum size of a rendition worth storing, manifest included, bytes."""
    return int(len(data) * (1 - policy.min_saving)) - _MANIFEST_ROOM
