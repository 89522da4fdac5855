"""JPEG files with a gain map behind their picture."""

import struct
from typing import Final

import numpy as np

from slimgate.codec.image.pixels import Pixels
from tests.codec.containers.jpeg_parts import XMP_HEAD, segment_of
from tests.codec.pictures import crop, save

ISO: Final = b"urn:iso:std:iso:ts:21496:-1\0"
VALUES: Final = {"GainMapMin": "-0.5", "GainMapMax": "2.5", "Gamma": "0.8", "OffsetHDR": "0"}


def xmp(values: dict[str, str]) -> bytes:
    """Write the properties of Ultra HDR as attributes."""
    attributes = " ".join(f'hdrgm:{name}="{value}"' for name, value in values.items())
    return segment_of(0xE1, XMP_HEAD + f"<rdf:Description {attributes}/>".encode())


def iso(*, common: bool, channels: int = 1, flags: int = 0) -> bytes:
    """Write the metadata of ISO 21496-1: gains of -0.5 to 2.5 stops, gamma 0.8, offsets 1/64, 0."""
    values = [0, 160, *[-32, 160, 51, 1, 0] * channels]
    kinds = "II" + "iiIii" * channels
    if common:
        flags |= 8
        body = struct.pack(f">I{kinds}", 64, *values)
    else:
        pairs = [number for value in values for number in (value, 64)]
        body = struct.pack(">" + "".join(f"{kind}I" for kind in kinds), *pairs)
    flags |= 0x80 if channels == 3 else 0
    return segment_of(0xE2, ISO + struct.pack(">HHB", 0, 0, flags) + body)


def behind(*segments: bytes, pixels: Pixels | None = None) -> bytes:
    """Make the image of a gain map that has some segments."""
    image = save(ramp() if pixels is None else pixels, "JPEG", quality=95)
    return b"".join([image[:2], *segments, image[2:]])


def ramp(width: int = 60, height: int = 50) -> Pixels:
    """Make a map from no gain to all of it."""
    line = np.linspace(0, 255, width).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(line, (height, width)))


def ultra_hdr(width: int = 240, height: int = 200, quality: int = 92) -> bytes:
    """Make a file of a picture and its gain map."""
    picture = save(crop("RGB", width, height), "JPEG", quality=quality)
    announced = xmp({"Version": "1.0"})
    return picture[:2] + announced + picture[2:] + behind(xmp(VALUES))
