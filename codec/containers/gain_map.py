"""Find and read the gain map of a JPEG file, from which readers compute an HDR picture.

Ultra HDR 1.1 (XMP of Adobe's gain maps), ISO 21496-1 (binary, in APP2) and Apple's HDR gain maps
are read. All are JPEG images behind the first one.
"""

import math
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from slimgate.codec.containers.errors import Unsupported
from slimgate.codec.containers.jpeg_segments import Segment, walk_first

_ISO: Final = b"urn:iso:std:iso:ts:21496:-1\0"
_APPLE: Final = b"http://ns.apple.com/HDRGainMap/"
_MARKS: Final = (b"hdrgm:", b"http://ns.adobe.com/hdr-gain-map/", _APPLE, _ISO)

_START: Final = b"\xff\xd8\xff"
_MAX_IMAGES: Final = 16
_MAX_STOPS: Final = 16.0
_APPLE_HEADROOM: Final = 8.0  # the most that Apple's cameras write, if a file does not say it

_BACKWARD: Final = 0x04
_COMMON: Final = 0x08
_CHANNELS: Final = 0x80

_HEAD: Final = 5  # bytes
_SIGNS: Final = "iiIii"  # lowest, highest, gamma, offset, offset_hdr
_FIELDS: Final = len(_SIGNS)

Three = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class GainMap:
    """A gain map.

    Light of the HDR picture, relative to white of the first one, is that of the first picture plus
    ``offset``, times two to the power of the gain, minus ``offset_hdr``. The gain is that of a
    sample of the map, from ``lowest`` to ``highest`` at the power of ``1 / gamma``.

    Attributes:
        image: JPEG file of the map.
        lowest: gain at 0, stops, by channel.
        highest: gain at full scale, stops.
        gamma: exponent of the map.
        offset: offset of the first picture.
        offset_hdr: offset of the HDR picture.
        linear: the map's samples are sRGB-coded factors up to ``highest``, as Apple defines them.
    """

    image: bytes
    lowest: Three
    highest: Three
    gamma: Three
    offset: Three
    offset_hdr: Three
    linear: bool = False


def find(behind: bytes) -> GainMap | None:
    """Return the gain map among the images behind the first one, or None.

    Raises:
        Unsupported: there is one that cannot be read.
    """
    if not any(mark in behind for mark in _MARKS):
        return None
    for image, segments in _images(behind):
        found = _of_image(image, segments)
        if found is not None:
            return _checked(found)
    raise Unsupported("gain map")


def _images(behind: bytes) -> Iterator[tuple[bytes, list[Segment]]]:
    position = behind.find(_START)
    for _ in range(_MAX_IMAGES):
        if position < 0:
            return
        image = behind[position:]
        try:
            segments = list(walk_first(image))
        except Unsupported:
            position = behind.find(_START, position + 1)
            continue
        yield image[: segments[-1].end], segments
        position = behind.find(_START, position + segments[-1].end)


def _of_image(image: bytes, segments: list[Segment]) -> GainMap | None:
    apps = [(s.marker, s.payload(image)) for s in segments if s.marker in (0xE1, 0xE2)]
    xmp = b"".join(payload for marker, payload in apps if marker == 0xE1)
    iso = next((p for marker, p in apps if marker == 0xE2 and p.startswith(_ISO)), b"")
    if b"hdrgm:GainMapMax" in xmp:
        return _of_xmp(image, xmp.decode("utf-8", "replace"))
    if iso:
        return _of_iso(image, iso[len(_ISO) :])
    return _of_apple(image, xmp.decode("utf-8", "replace")) if _APPLE in xmp else None


def _of_xmp(image: bytes, xmp: str) -> GainMap:
    """Read the properties of ``http://ns.adobe.com/hdr-gain-map/1.0/``, with their defaults."""
    if _property(xmp, "hdrgm:BaseRenditionIsHDR")[:1] == ["True"]:
        raise Unsupported("gain map of an HDR picture")
    return GainMap(
        image,
        lowest=_three(xmp, "GainMapMin", 0.0),
        highest=_three(xmp, "GainMapMax", math.nan),
        gamma=_three(xmp, "Gamma", 1.0),
        offset=_three(xmp, "OffsetSDR", 1 / 64),
        offset_hdr=_three(xmp, "OffsetHDR", 1 / 64),
    )


def _three(xmp: str, name: str, default: float) -> Three:
    texts = _property(xmp, f"hdrgm:{name}")
    try:
        return _spread([float(text) for text in texts] or [default])
    except ValueError as error:
        raise Unsupported("gain map") from error


def _property(xmp: str, name: str) -> list[str]:
    """Return the values of a simple property or an array, attribute or element."""
    said = re.search(rf"{name}\s{{0,9}}=\s{{0,9}}[\"']([^\"']*)[\"']", xmp)
    if said is not None:
        text = said[1]
    else:
        # Not by a regular expression: an element that never ends would be looked for from each.
        _, begun, rest = xmp.partition(f"<{name}>")
        text, ended, _ = rest.partition(f"</{name}>")
        if not (begun and ended):
            return []
    return [item.strip() for item in re.findall(r"<rdf:li>([^<]*)</rdf:li>", text) or [text]]


def _spread(values: list[float]) -> Three:
    if len(values) == 1:
        values *= 3
    if len(values) != 3:
        raise Unsupported("gain map")
    return values[0], values[1], values[2]


def _of_iso(image: bytes, data: bytes) -> GainMap:
    """Read the metadata of ISO 21496-1, annex C.2: versions, flags, then fractions."""
    try:
        version, _, flags = struct.unpack_from(">HHB", data)
        count = 3 if flags & _CHANNELS else 1
        values = list(_common(data, count) if flags & _COMMON else _fractions(data, count))
    except (struct.error, ZeroDivisionError) as error:
        raise Unsupported("gain map") from error
    if version or flags & _BACKWARD:
        raise Unsupported("gain map of an HDR picture")
    lowest, highest, gamma, offset, offset_hdr = (
        _spread(values[index::_FIELDS]) for index in range(2, 2 + _FIELDS)
    )
    return GainMap(image, lowest, highest, gamma, offset, offset_hdr)


def _common(data: bytes, count: int) -> Iterator[float]:
    """Yield both headrooms and the values of each channel, all over one denominator."""
    below, *above = struct.unpack_from(f">III{_SIGNS * count}", data, _HEAD)
    yield from (each / below for each in above)


def _fractions(data: bytes, count: int) -> Iterator[float]:
    pairs = "".join(f"{sign}I" for sign in f"II{_SIGNS * count}")
    numbers = struct.unpack_from(f">{pairs}", data, _HEAD)
    yield from (above / below for above, below in zip(numbers[::2], numbers[1::2], strict=True))


def _of_apple(image: bytes, xmp: str) -> GainMap:
    said = _property(xmp, "HDRGainMap:HDRGainMapHeadroom")
    try:
        headroom = float(said[0]) if said else _APPLE_HEADROOM
        stops = math.log2(headroom)
    except ValueError as error:
        raise Unsupported("gain map") from error
    none, ones = _spread([0.0]), _spread([1.0])
    return GainMap(image, none, _spread([stops]), ones, none, none, linear=True)


def _checked(found: GainMap) -> GainMap:
    """Refuse values that no camera writes."""
    stops = all(abs(each) <= _MAX_STOPS for each in (*found.lowest, *found.highest))
    gamma = all(0.01 <= each <= 100 for each in found.gamma)
    offsets = all(0 <= each <= 1 for each in (*found.offset, *found.offset_hdr))
    if not (stops and gamma and offsets):
        raise Unsupported("gain map")
    return found
