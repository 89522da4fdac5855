"""Entries of the index as bytes: 23 for a plain object, 53 for most managed ones.

    flags              1 byte
    since              4 bytes, seconds since 1970
    until - since      2 bytes, seconds
    stored ETag        8 bytes, BLAKE2b
    version ID         8 bytes, BLAKE2b
    checksum           4 bytes, CRC-32 of flags and what follows, if managed: SQLite has none
    size               8 bytes, if managed
    ETag               16 bytes and 2 for the number of parts; otherwise as text at the end
    Last-Modified      8 bytes, milliseconds since 1970, if it is not that of the store

Integers are big-endian and unsigned. The script in :mod:`slimgate.gateway.storage.index.redis`
reads the first 23 bytes.
"""

import hashlib
import re
import struct
import zlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from slimgate.gateway.s3.listing_xml import LogicalView
from slimgate.gateway.storage.listing_index import Entry, Known, ListedObject

_FIXED: Final = struct.Struct(">BIH8s8s")
_SIZE: Final = struct.Struct(">Q")
_ETAG: Final = struct.Struct(">16sH")
_CHECKSUM: Final = struct.Struct(">I")

SEEN: Final = 1
_MANAGED: Final = 2
_TEXT: Final = 4
_MODIFIED: Final = 8

_MAX_TIME: Final = 2**32 - 1
_MAX_WINDOW: Final = 2**16 - 1
_MAX_SIZE: Final = 2**63
_MAX_ETAG: Final = 128
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_USUAL_ETAG: Final = re.compile(r"([0-9a-f]{32})(?:-([1-9][0-9]{0,4}))?")


def name(key: str, version_id: str | None) -> str:
    """Return the name of an entry: unique, and sorted by key."""
    # Version IDs have no control characters: the last one ends the key.
    return f"{key}\x01{version_id or ''}"


def names(listed: ListedObject) -> tuple[str, ...]:
    """Return the names under which a listed object may be found."""
    current = name(listed.key, None)
    if listed.version_id is None:
        return (current,)
    return (name(listed.key, listed.version_id), current)


def packed(entry: Entry) -> bytes | None:
    """Return an entry as bytes; None: it is not worth storing."""
    state, view = entry.state, entry.view
    window = state.until - state.since
    if not (0 < state.since <= _MAX_TIME and 0 <= window <= _MAX_WINDOW):
        return None
    etag, version = _digest(state.etag), _digest(state.version_id)
    flags = SEEN if state.is_seen else 0
    if view is None:
        return _FIXED.pack(flags, state.since, window, etag, version)
    shown = _packed_view(view)
    if shown is None:
        return None
    return _FIXED.pack(flags | shown[0], state.since, window, etag, version) + shown[1]


def _packed_view(view: LogicalView) -> tuple[int, bytes] | None:
    """Return flags and bytes of a view."""
    flags, parts = _MANAGED, []
    if not 0 <= view.size < _MAX_SIZE or len(view.etag) > _MAX_ETAG or not view.etag.isascii():
        return None
    parts.append(_SIZE.pack(view.size))
    usual = _USUAL_ETAG.fullmatch(view.etag)
    if usual is not None and int(usual[2] or 0) <= _MAX_WINDOW:
        parts.append(_ETAG.pack(bytes.fromhex(usual[1]), int(usual[2] or 0)))
    else:
        flags |= _TEXT
    if view.modified is not None:
        flags |= _MODIFIED
        milliseconds = (view.modified - _EPOCH) // _MILLISECOND
        if milliseconds < 0:
            return None
        parts.append(_SIZE.pack(milliseconds))
    if flags & _TEXT:
        parts.append(view.etag.encode("ascii"))
    packed_view = b"".join(parts)
    return flags, _CHECKSUM.pack(_checksum(flags, packed_view)) + packed_view


def match(listed: ListedObject, record: bytes) -> Known | None:
    """Return what a record says of a listed object; None: it is of another one, or damaged."""
    try:
        flags, since, window, etag, version = _FIXED.unpack_from(record)
        if listed.modified is None or not since <= listed.modified <= since + window:
            return None
        if etag != _digest(listed.etag):
            return None
        if listed.version_id is not None and version != _digest(listed.version_id):
            return None
        return _known(flags, record)
    except (struct.error, UnicodeDecodeError, OverflowError):
        return None


def _known(flags: int, record: bytes) -> Known | None:
    """Return the view of a record; None: it is damaged."""
    if not flags & _MANAGED:
        return Known(None) if len(record) == _FIXED.size else None
    shown = record[_FIXED.size + _CHECKSUM.size :]
    if _CHECKSUM.unpack_from(record, _FIXED.size) != (_checksum(flags, shown),):
        return None
    return Known(_view(flags, shown))


def first_match(listed: ListedObject, records: Iterable[bytes]) -> Known | None:
    """Return what the first fitting record says of a listed object."""
    matches = (match(listed, each) for each in records)
    return next((known for known in matches if known is not None), None)


def _view(flags: int, rest: bytes) -> LogicalView:
    (size,) = _SIZE.unpack_from(rest)
    at, modified = _SIZE.size, None
    digest, parts = b"", 0
    if not flags & _TEXT:
        digest, parts = _ETAG.unpack_from(rest, at)
        at += _ETAG.size
    if flags & _MODIFIED:
        (milliseconds,) = _SIZE.unpack_from(rest, at)
        modified = _EPOCH + milliseconds * _MILLISECOND
        at += _SIZE.size
    if flags & _TEXT:
        return LogicalView(size, rest[at:].decode("ascii"), modified)
    suffix = f"-{parts}" if parts else ""
    return LogicalView(size, f"{digest.hex()}{suffix}", modified)


def merged(old: bytes | None, new: bytes) -> bytes | None:
    """Return what replaces an old record; None: neither is certain.

    Two writes of one rendition within the same time may have been in either order, and only the
    later one is stored.
    """
    if old is None or old == new or len(old) < _FIXED.size:
        return new
    old_flags, old_since, old_window, *old_object = _FIXED.unpack_from(old)
    flags, since, window, *stored = _FIXED.unpack_from(new)
    overlap = since <= old_since + old_window and old_since <= since + window
    if flags & SEEN or old_object[0] != stored[0] or not overlap:
        return new
    same = old_flags & ~SEEN == flags & ~SEEN and old[_FIXED.size :] == new[_FIXED.size :]
    return new if same else None


def _checksum(flags: int, packed_view: bytes) -> int:
    # The same for looks and writes: records of one view are compared from here on.
    return zlib.crc32(bytes([flags & ~SEEN]) + packed_view)


def _digest(text: str) -> bytes:
    octets = text.encode("utf-8", "surrogateescape")
    return hashlib.blake2b(octets, digest_size=8).digest()
