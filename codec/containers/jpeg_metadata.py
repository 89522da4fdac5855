"""Check APPn segments of JPEG files: which are kept, and which make a file unsupported."""

from collections.abc import Iterable
from typing import Final

from codec.containers import c2pa
from codec.containers.errors import Unsupported

_ICC: Final = b"ICC_PROFILE\0"  # ICC.1:2022, B.4
_XMP: Final = b"http://ns.adobe.com/xap/1.0/\0"  # XMP part 3, 1.1.3
_XMP_MORE: Final = b"http://ns.adobe.com/xmp/extension/\0"
_INDEX: Final = b"MPF\0"  # CIPA DC-007, 5.1
_XMP_MORE_HEAD: Final = len(_XMP_MORE) + 40  # digest, total length and offset of the portion

# Payload prefixes, by marker, of data that depends on more than the pixels of one image. An index
# of several pictures (MPF, CIPA DC-007) does not: the others are restored verbatim.
_REFUSED: Final = {
    0xE2: ((b"urn:iso:std:iso:ts:21496:-1\0", "gain map"),),
    0xE8: ((b"SPIFF\0", "spiff file"),),  # T.84 annex F: other colour spaces
}

# Names and namespaces in XMP that announce a gain map.
_REFUSED_XMP: Final = (
    (b"hdrgm:", "gain map"),
    (b"http://ns.adobe.com/hdr-gain-map/", "gain map"),
)


# Marks of a later image that affects the display of the first one.
_REFUSED_BEHIND: Final = (
    b"hdrgm:",
    b"http://ns.adobe.com/hdr-gain-map/",
    b"http://ns.apple.com/HDRGainMap/",
    b"urn:iso:std:iso:ts:21496",
)


def check(segments: Iterable[tuple[int, bytes]], *, components: int) -> None:
    """Refuse files whose metadata affects pixels in unsupported ways.

    Args:
        segments: marker and payload of each APPn segment, in order.
        components: number of components of the frame.

    Raises:
        Unsupported: such metadata was found.
    """
    xmp = []
    for marker, payload in segments:
        for prefix, reason in _REFUSED.get(marker, ()):
            if payload.startswith(prefix):
                raise Unsupported(reason)
        # Others are residuals of JPEG XT (ISO/IEC 18477-3) or JPEG-HDR.
        if marker == 0xEB and not c2pa.is_superbox(payload):
            raise Unsupported("residuals for high dynamic range")
        if marker == 0xE1 and payload.startswith(_XMP):
            xmp.append(payload[len(_XMP) :])
        elif marker == 0xE1 and payload.startswith(_XMP_MORE):
            xmp.append(payload[_XMP_MORE_HEAD:])
        elif marker == 0xEE and payload.startswith(b"Adobe"):
            _check_adobe(payload, components)
    _check_xmp(b"".join(xmp))  # a name may span two portions


def check_behind(images: bytes) -> None:
    """Refuse later images that affect the display of the first one.

    Args:
        images: everything after the end of the first image.

    Raises:
        Unsupported: such an image was found.
    """
    if any(name in images for name in _REFUSED_BEHIND):
        raise Unsupported("gain map")


def is_index(marker: int, payload: bytes) -> bool:
    """Return whether a segment is the index of a multi-picture file."""
    return marker == 0xE2 and payload.startswith(_INDEX)


def icc_profile(segments: Iterable[tuple[int, bytes]]) -> bytes | None:
    """Assemble the colour profile from its APP2 segments.

    Args:
        segments: marker and payload of each APPn segment, in order.

    Raises:
        Unsupported: portions are missing, duplicated or inconsistently numbered.
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
    """Return whether a segment is a portion of a colour profile."""
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
