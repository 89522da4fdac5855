"""Which uploads are taken: of a type that the policy names, and within its limits."""

from typing import Final

from codec import manifest
from codec.containers import Container, Unsupported, jpeg_size, parse, sniff
from codec.reasons import Reason, Refused
from config import Policy

MIN_SIDE: Final = 16
"""Images with a smaller side stay plain: no measure is meaningful and nothing is to be saved."""

_MANIFEST_ROOM: Final = 400
"""Bytes of metadata that a rendition costs on top, in round figures: they are billed too."""


def check_type(data: bytes, policy: Policy) -> str:
    """Give the media type of an upload, judged by its first bytes.

    Raises:
        Refused: The policy does not name it.
    """
    mime = sniff(data[:32])
    if mime is None or mime not in policy.types:
        raise Refused(Reason.TYPE)
    return mime


def admit(data: bytes, policy: Policy) -> Container:
    """Take an upload apart whose pixels shall be restored.

    Raises:
        Refused: It cannot be, or it is larger or smaller than the policy allows.
    """
    try:
        upload = parse(data)
    except Unsupported as error:
        raise Refused(Reason.UNSUPPORTED, str(error)) from error
    check_size(upload.width, upload.height, policy)
    return upload


def jpeg_sides(data: bytes, policy: Policy) -> tuple[int, int]:
    """Give width and height of a JPEG file that returns as a whole, whatever is in it.

    Raises:
        Refused: It has none, or it is larger or smaller than the policy allows.
    """
    try:
        width, height = jpeg_size.read(data)
    except Unsupported as error:
        raise Refused(Reason.UNSUPPORTED, str(error)) from error
    check_size(width, height, policy)
    return width, height


def pixels_of(data: bytes) -> int:
    """Return the pixels of an upload by its headers; 0 where these cannot be read."""
    try:
        if sniff(data[:32]) == "image/jpeg":
            width, height = jpeg_size.read(data)
            return width * height
        upload = parse(data)
    except Unsupported:
        return 0
    return upload.width * upload.height


def check_size(width: int, height: int, policy: Policy) -> None:
    """Check sides in pixels before anything of that size is allocated.

    Raises:
        Refused: There are more or fewer pixels than the policy allows.
    """
    if width * height > min(policy.limits.max_pixels, manifest.MAX_PIXELS):
        raise Refused(Reason.PIXELS)
    if max(width, height) > manifest.MAX_SIDE:
        raise Refused(Reason.SIDE)
    if min(width, height) < MIN_SIDE:
        raise Refused(Reason.SMALL)


def max_stored(data: bytes, policy: Policy) -> int:
    """Give the bytes that a rendition may have to be worth storing, its manifest included."""
    return int(len(data) * (1 - policy.min_saving)) - _MANIFEST_ROOM
