"""The payload of renditions, with the JPEG pictures in it as JPEG XL.

Previews in Exif and behind the image, pictures of multi-picture files and gain maps are 5 to 20 %
smaller so. Layout: version (1 byte), method (1 byte: 3), CRC-32 of all that is kept (4 bytes,
big-endian), number of pictures (1 byte); for each, the bytes between it and the one before, its
length, and that of its JPEG XL file (4 bytes each); these files; and the payload of
:mod:`slimgate.codec.containers.header` of everything else. Other payloads are those of that module.
"""

import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from slimgate.codec.containers import Malformed, Unsupported, header, jpeg_size, jxl_header
from slimgate.codec.containers.jpeg_segments import walk_first
from slimgate.codec.restore import exact

_VERSION: Final = 1
_PICTURES: Final = 3
_HEAD: Final = struct.Struct(">BBIB")
_ENTRY: Final = struct.Struct(">III")

_START: Final = b"\xff\xd8\xff"
_MAX_PICTURES: Final = 16
_MAX_STARTS: Final = 64  # each may be read to the end of the file
_SMALLEST: Final = 1 << 10  # bytes: tables of shorter files are as long as what is saved
_TIMES: Final = 2
"""Pixels of all pictures, relative to those of the image, at most: each costs as much as that of
a file of the tier ``exact``. Stereo pairs have one more of the same size."""


class _Picture(NamedTuple):
    """A JPEG picture in what is kept: its position and length, and the same as JPEG XL."""

    start: int
    length: int
    stored: bytes


class _Entry(NamedTuple):
    """A picture in a payload: bytes before it, its length, and that of its JPEG XL file."""

    gap: int
    length: int
    stored: int


def pack(metadata: bytes, icc: bytes | None, *, pixels: int) -> bytes:
    """Return the smallest payload.

    Args:
        metadata: at most ``header.MAX_KEPT`` bytes.
        icc: colour profile of the rendition; ``unpack`` needs the same one.
        pixels: pixels of the image, or 0 if there is no memory for transcoding as many.

    Raises:
        Unsupported: too much is kept.
        MemoryError: not enough memory.
    """
    plain = header.pack(metadata, icc)
    pictures = list(_pictures(metadata, pixels))
    if not pictures:
        return plain
    entries, rest, end = [], [], 0
    for start, length, stored in pictures:
        rest.append(metadata[end:start])
        entries.append(_ENTRY.pack(start - end, length, len(stored)))
        end = start + length
    others = header.pack(b"".join([*rest, metadata[end:]]), icc)
    head = _HEAD.pack(_VERSION, _PICTURES, zlib.crc32(metadata), len(pictures))
    packed = b"".join([head, *entries, *(each.stored for each in pictures), others])
    return min(plain, packed, key=len)


def unpack(
    payload: bytes, icc: bytes | None, *, pixels: int, max_bytes: int = header.MAX_KEPT
) -> bytes:
    """Return what a payload keeps.

    Args:
        payload: result of ``pack``, from the bucket.
        icc: colour profile that was passed to ``pack``.
        pixels: pixels of the image.
        max_bytes: maximum size; no more is written.

    Raises:
        Malformed, Undecodable: the payload is damaged or too long, or the profile differs.
        MemoryError: not enough memory.
    """
    if payload[:2] != bytes([_VERSION, _PICTURES]):
        return header.unpack(payload, icc, max_bytes=max_bytes)
    entries, (*pictures, rest), checksum = _parsed(payload)
    room = max_bytes - sum(each.length for each in entries)
    if room < 0:
        raise Malformed("more kept segments than allowed")
    _check_pixels(pictures, pixels)
    others = header.unpack(rest, icc, max_bytes=room)
    metadata = b"".join(_joined(entries, pictures, others))
    if zlib.crc32(metadata) != checksum:
        raise Malformed("kept segments have another checksum")
    return metadata


def _pictures(metadata: bytes, pixels: int) -> Iterator[_Picture]:
    """Yield the pictures that are smaller as JPEG XL."""
    left, found = _TIMES * pixels, 0
    for start, length in _files(metadata):
        data = metadata[start : start + length]
        try:
            width, height = jpeg_size.read(data)
        except Unsupported:
            continue
        if width * height > min(left, pixels):
            continue
        left -= width * height
        stored = exact.transcode(data)
        if stored is not None and len(stored) + _ENTRY.size < length:
            yield _Picture(start, length, stored)
            found += 1
        if found == _MAX_PICTURES:
            return


def _files(metadata: bytes) -> Iterator[tuple[int, int]]:
    """Yield position and length of complete JPEG files."""
    position = metadata.find(_START)
    for _ in range(_MAX_STARTS):
        if position < 0:
            return
        length = _length(metadata[position:])
        if length >= _SMALLEST:
            yield position, length
        position = metadata.find(_START, position + max(1, length))


def _length(data: bytes) -> int:
    """Return the length of the JPEG file that some data start with; 0 if none."""
    try:
        return [segment.end for segment in walk_first(data)][-1]
    except Unsupported:
        return 0


def _parsed(payload: bytes) -> tuple[list[_Entry], list[bytes], int]:
    """Return the entries, the stored pictures and the payload of the rest, and the checksum."""
    if len(payload) < _HEAD.size:
        raise Malformed("kept segments are cut off")
    _, _, checksum, count = _HEAD.unpack_from(payload)
    start = _HEAD.size + count * _ENTRY.size
    if not 0 < count <= _MAX_PICTURES or len(payload) < start:
        raise Malformed("kept segments are cut off")
    entries = [_Entry(*each) for each in _ENTRY.iter_unpack(payload[_HEAD.size : start])]
    stored = []
    for entry in entries:
        stored.append(payload[start : start + entry.stored])
        start += entry.stored
    if start > len(payload):
        raise Malformed("kept segments are cut off")
    return entries, [*stored, payload[start:]], checksum


def _check_pixels(pictures: Sequence[bytes], most: int) -> None:
    """Refuse pictures that would need more time or memory than the image."""
    areas = []
    for each in pictures:
        width, height = jxl_header.read_size(each)
        areas.append(width * height)
    if max(areas) > most or sum(areas) > _TIMES * most:
        raise Malformed("more pixels in kept pictures than allowed")


def _joined(entries: Sequence[_Entry], pictures: Sequence[bytes], others: bytes) -> Iterator[bytes]:
    position = 0
    for (gap, length, _), each in zip(entries, pictures, strict=True):
        if position + gap > len(others):
            raise Malformed("kept pictures lie behind the end")
        yield others[position : position + gap]
        position += gap
        yield exact.restore(each, size=jxl_header.read_size(each), length=length)
    yield others[position:]
