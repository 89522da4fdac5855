"""Check APPn segments of JPEG files: which are kept, and which make a file unsupported."""

from collections.abc import Iterable
from typing import Final

from slimgate.codec.containers import c2pa
from slimgate.codec.containers.errors import Unsupported

_ICC: Final = b"ICC_PROFILE\0"  # ICC.1:2022, B.4
_INDEX: Final = b"MPF\0"  # CIPA DC-007, 5.1

# Payload prefixes, by marker, of data that depends on more than the pixels of one image.
_REFUSED: Final = {
    0xE8: ((b"SPIFF\0", "spiff file"),),  # T.84 annex F: other colour spaces
}


def check(segments: Iterable[tuple[int, bytes]], *, components: int) -> None:
    """Refuse files whose metadata affects pixels in unsupported ways.

    Args:
        segments: marker and payload of each APPn segment, in order.
        components: number of components of the frame.

    Raises:
        Unsupported: such metadata was found.
    """
    for marker, payload in segments:
        for prefix, reason in _REFUSED.get(marker, ()):
            if payload.startswith(prefix):
                raise Unsupported(reason)
        # Others are residuals of JPEG XT (ISO/IEC 18477-3) or JPEG-HDR.
        if marker == 0xEB and not c2pa.is_superbox(payload):
            raise Unsupported("residuals for high dynamic range")
        if marker == 0xEE and payload.startswith(b"Adobe"):
            _check_adobe(payload, components)


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
