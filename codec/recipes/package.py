"""A rendition of a recipe and pictures.

The payload is a skippable frame (RFC 8878, section 3.1.2) with the lengths of the parts, then the
recipe and the pictures as Zstandard frames or JPEG XL files. If the first picture is a JPEG XL
file, it is the rendition, with the payload in a box that viewers skip.
"""

import struct
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from slimgate.codec.containers import Malformed, bmff
from slimgate.codec.encoders import zstd
from slimgate.codec.recipes.pictures import is_jxl

_SKIPPABLE: Final = struct.Struct("<II")  # magic number, size
_MAGIC: Final = 0x184D2A50
_LENGTHS: Final = struct.Struct("<QI")  # length of the recipe, number of parts
_LENGTH: Final = struct.Struct("<I")

MAX_PAYLOAD: Final = 1 << 30
"""Maximum payload, bytes."""

_MAX_RECIPE: Final = (1 << 30) + (1 << 24)
"""Maximum length of a recipe, bytes: a whole file, and all tables."""


class Package(NamedTuple):
    """A recipe, and the parts of all pictures in order."""

    recipe: bytes
    parts: tuple[bytes, ...]


def pack(recipe: bytes, parts: Sequence[bytes]) -> tuple[Literal["jxl", "zstd"], bytes]:
    """Return a rendition, and its codec."""
    frame = zstd.compress(recipe, zstd.level(len(recipe)))
    if is_jxl(parts[0]):
        payload = _payload(len(recipe), [frame, *parts[1:]])
        return "jxl", bmff.attach(parts[0], payload, most=MAX_PAYLOAD)
    return "zstd", _payload(len(recipe), [frame, *parts])


def unpack(rendition: bytes, codec: str) -> Package:
    """Return the recipe and the parts of a rendition.

    Args:
        rendition: result of :func:`pack`, from the bucket.
        codec: its codec.

    Raises:
        Malformed: the payload is damaged.
        Undecodable: the recipe is damaged.
    """
    if codec == "zstd":
        return _unpacked(rendition, ())
    payload = bmff.extract(rendition, most=MAX_PAYLOAD)
    return _unpacked(payload or b"", (rendition,))


def _payload(recipe: int, parts: Sequence[bytes]) -> bytes:
    lengths = _LENGTHS.pack(recipe, len(parts)) + b"".join(
        _LENGTH.pack(len(part)) for part in parts
    )
    return b"".join([_SKIPPABLE.pack(_MAGIC, len(lengths)), lengths, *parts])


def _unpacked(payload: bytes, first: tuple[bytes, ...]) -> Package:
    try:
        magic, size = _SKIPPABLE.unpack_from(payload)
        recipe, count = _LENGTHS.unpack_from(payload, _SKIPPABLE.size)
    except struct.error as error:
        raise Malformed("payload cut off") from error
    table = _SKIPPABLE.size + _LENGTHS.size
    start = _SKIPPABLE.size + size
    whole = magic == _MAGIC and count and start == table + count * _LENGTH.size <= len(payload)
    if not whole or recipe > _MAX_RECIPE:
        raise Malformed("payload is damaged")
    parts = []
    for (part,) in _LENGTH.iter_unpack(payload[table:start]):
        parts.append(payload[start : start + part])
        start += part
    if start != len(payload):
        raise Malformed("payload has another length")
    return Package(zstd.decompress(parts[0], recipe), (*first, *parts[1:]))
