"""Parse the header of a Lepton file, to know what it decodes to before decoding.

The decoder of untrusted files allocates what their header says. Only files that slimgate writes
are accepted: of one partition, for a JPEG file of known length.

Source: lepton_jpeg_rust, lib/src/structs/lepton_header.rs and thread_handoff.rs.
"""

import zlib
from typing import Final

from slimgate.codec.containers import jpeg_size
from slimgate.codec.containers.errors import Malformed, Unsupported

_MAGIC: Final = b"\xcf\x84\x01"  # the letter tau, and the version
_KINDS: Final = b"ZX"  # baseline and progressive
_FIXED: Final = 28
_ROOM: Final = 65_536  # bytes of markers and recovery data that are not copied from the JPEG file
_START: Final = b"\xff\xd8"  # of a JPEG file; not stored
_HANDOFF: Final = 16  # bytes per partition


def read_size(data: bytes, *, length: int) -> jpeg_size.Size:
    """Return width and height of the JPEG file, pixels.

    Args:
        data: Lepton file.
        length: length of the JPEG file, bytes.

    Raises:
        Malformed: not a Lepton file, or not of the kind that slimgate writes.
    """
    if len(data) < _FIXED or not data.startswith(_MAGIC) or data[3] not in _KINDS:
        raise Malformed("no Lepton file")
    found = int.from_bytes(data[20:24], "little")
    if found != length:
        raise Malformed(f"decodes to {found} bytes, not {length}")
    size = int.from_bytes(data[24:28], "little")
    try:
        return jpeg_size.read(_START + _jpeg_header(_inflated(data, size, length)))
    except Unsupported as error:
        raise Malformed(f"its JPEG header: {error}") from error


def _inflated(data: bytes, size: int, length: int) -> bytes:
    """Return the compressed part, which cannot be much longer than the JPEG file."""
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(data[_FIXED : _FIXED + size], length + _ROOM)
    except zlib.error as error:
        raise Malformed("damaged header") from error
    if not inflater.eof:
        raise Malformed("header too short or too long")
    return text


def _jpeg_header(text: bytes) -> bytes:
    """Return the headers of the JPEG file, after checking all fields."""
    fields = _Fields(text)
    if fields.take(3) != b"HDR":
        raise Malformed("no JPEG header")
    header = fields.take(fields.number())
    partitions = 0
    while not fields.is_done:
        marker = fields.take(3)
        if marker[:2] == b"HH":
            partitions += marker[2]
            fields.take(_HANDOFF * marker[2])
        elif marker in _LENGTHS:
            fields.take(_LENGTHS[marker])
        elif marker in _UNITS:
            fields.take(fields.number() * _UNITS[marker])
        else:
            raise Malformed("unknown field in the header")
    if partitions != 1:
        raise Malformed(f"{partitions} partitions, not 1")
    return header


_LENGTHS: Final = {b"P0D": 1, b"EEE": 28}
"""Bytes of the padding bit, and of where a truncated file ends."""

_UNITS: Final = {b"CRS": 4, b"FRS": 1, b"GRB": 1}
"""Bytes per item: restart counts, false restarts, and what follows the image."""


class _Fields:
    """Reads fields one after another."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._position = 0

    @property
    def is_done(self) -> bool:
        return self._position == len(self._text)

    def take(self, count: int) -> bytes:
        start, self._position = self._position, self._position + count
        if self._position > len(self._text):
            raise Malformed("a field is longer than the header")
        return self._text[start : self._position]

    def number(self) -> int:
        return int.from_bytes(self.take(4), "little")
