"""Check which uploads are eligible: type and limits of the policy."""

from typing import Final

from codec import manifest
from codec.containers import Container, Unsupported, jpeg_size, parse, sniff
from codec.reasons import Reason, Refused
from config import Policy

MIN_SIDE: Final = 16
"""Smaller images are stored as uploaded: measures are meaningless and savings negligible."""

_MANIFEST_ROOM: Final = 400
"""Approximate metadata overhead of a rendition, bytes, which is billed too."""


def check_type(data: bytes, policy: Policy) -> str:
    """Return the media type of an upload, by its first bytes.

    Raises:
        Refused: the policy does not include it.
    """
    mime = sniff(data[:32])
    if mime is None or mime not in policy.types:
        raise Refused(Reason.TYPE)
    return mime


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


def pixels_of(data: bytes) -> int:
    """Return the pixels of an upload by its headers; 0 if unreadable."""
    try:
        if sniff(data[:32]) == "image/jpeg":
            width, height = jpeg_size.read(data)
            return width * height
        upload = parse(data)
    except Unsupported:
        return 0
    return upload.width * upload.height


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
