"""Look into the APPn segments of a JPEG file: what is kept, what makes the file unfit."""

from collections.abc import Iterable
from typing import Final

from codec.containers.errors import Unsupported

_ICC: Final = b"ICC_PROFILE\0"  # ICC.1:2022, B.4
_XMP: Final = b"http://ns.adobe.com/xap/1.0/\0"  # XMP part 3, 1.1.3
_XMP_MORE: Final = b"http://ns.adobe.com/xmp/extension/\0"
_INDEX: Final = b"MPF\0"  # CIPA DC-007, 5.1
_XMP_MORE_HEAD: Final = len(_XMP_MORE) + 40  # digest, total length and offset of the portion

# Payload prefixes, by marker, of what ties more to the file than the pixels of one image. An index
# of several pictures (MPF, CIPA DC-007) does not: the others return verbatim (``check_behind``).
_REFUSED: Final = {
    0xE2: ((b"urn:iso:std:iso:ts:21496:-1\0", "gain map"),),
    0xE8: ((b"SPIFF\0", "spiff file"),),  # T.84 annex F: other colour spaces
    0xEB: ((b"", "jumbf segment"),),  # ISO/IEC 19566-5: gain maps, content credentials
}

# Names and name spaces in XMP that announce a gain map or a video behind the picture.
_REFUSED_XMP: Final = (
    (b"hdrgm:", "gain map"),
    (b"http://ns.adobe.com/hdr-gain-map/", "gain map"),
    (b"GCamera:MicroVideo", "motion photo"),
    (b"GCamera:MotionPhoto", "motion photo"),
    (b"Container:Directory", "motion photo"),
    (b"http://ns.google.com/photos/1.0/container/", "motion photo"),
)


# What makes an image behind the first one a part of how the first one looks.
_REFUSED_BEHIND: Final = (
    b"hdrgm:",
    b"http://ns.adobe.com/hdr-gain-map/",
    b"http://ns.apple.com/HDRGainMap/",
    b"urn:iso:std:iso:ts:21496",
)


def check(segments: Iterable[tuple[int, bytes]], *, components: int) -> None:
    """Refuse files whose metadata says more about the pixels than slimgate restores.

    Args:
        segments: Marker and payload of each APPn segment, in order.
        components: Number of components of the frame.

    Raises:
        Unsupported: Something was found.
    """
    xmp = []
    for marker, payload in segments:
        for prefix, reason in _REFUSED.get(marker, ()):
            if payload.startswith(prefix):
                raise Unsupported(reason)
        if marker == 0xE1 and payload.startswith(_XMP):
            xmp.append(payload[len(_XMP) :])
        elif marker == 0xE1 and payload.startswith(_XMP_MORE):
            xmp.append(payload[_XMP_MORE_HEAD:])
        elif marker == 0xEE and payload.startswith(b"Adobe"):
            _check_adobe(payload, components)
    _check_xmp(b"".join(xmp))  # a name may be split between two portions


def check_behind(images: bytes) -> None:
    """Refuse images behind the first one that say how the first one is to be shown.

    Args:
        images: Everything behind the end of the first image.

    Raises:
        Unsupported: There is one.
    """
    if any(name in images for name in _REFUSED_BEHIND):
        raise Unsupported("gain map")


def is_index(marker: int, payload: bytes) -> bool:
    """Return whether a segment is the index of a multi-picture file."""
    return marker == 0xE2 and payload.startswith(_INDEX)


def icc_profile(segments: Iterable[tuple[int, bytes]]) -> bytes | None:
    """Put the colour profile together from its APP2 segments.

    Args:
        segments: Marker and payload of each APPn segment, in order.

    Raises:
        Unsupported: Portions are missing, doubled or numbered in two ways.
    """
    portions: dict[int, bytes] = {}
    counts = set()
    for marker, payload in segments:
        if not is_icc(marker, payload):
            continue
        if len(payload) < len(_ICC) + 2 or payload[12] in portions:
            raise Unsupported("colour profile in pieces that do not fit")
        portions[payload[12]] = payload[14:]
        counts.add(payload[13])
    if not portions:
        return None
    if counts != {len(portions)} or set(portions) != set(range(1, len(portions) + 1)):
        raise Unsupported("colour profile in pieces that do not fit")
    return b"".join(portions[number] for number in sorted(portions)) or None


def is_icc(marker: int, payload: bytes) -> bool:
    """Return whether a segment holds a portion of a colour profile."""
    return marker == 0xE2 and payload.startswith(_ICC)


def _check_adobe(payload: bytes, components: int) -> None:
    """Accept only the transform that the number of components implies (T.872, 6.5.3)."""
    if len(payload) < 12:
        raise Unsupported("adobe segment too short")
    if payload[11] != (1 if components == 3 else 0):
        raise Unsupported("adobe colour transform")


def _check_xmp(xmp: bytes) -> None:
    for name, reason in _REFUSED_XMP:
        if name in xmp:
            raise Unsupported(reason)
