"""Compress indices as GIF does (GIF89a, appendix F).

All greedy coders give the same codes but for one choice: when they clear the table.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Final

MAX_CODES: Final = 4096
MIN_SIZE, MAX_SIZE = 2, 8  # bits per index
_MAX_WIDTH: Final = 12


def encode(indices: bytes, size: int, limit: int, block: int) -> bytes:
    """Return image data: the code size, blocks, and the terminator.

    Args:
        indices: indices, each below ``1 << size``.
        size: initial code size, bits.
        limit: codes after which the table is cleared; 0: never.
        block: bytes per block, 1 to 255.

    Raises:
        ValueError: an index is too large.
    """
    if indices and max(indices) >= 1 << size:
        raise ValueError("an index is larger than the code size allows")
    stream = _packed(_codes(indices, size, limit))
    blocks = [stream[at : at + block] for at in range(0, len(stream), block)]
    return bytes([size]) + b"".join(bytes([len(each)]) + each for each in blocks) + b"\0"


def decode(stored: bytes, length: int) -> bytes | None:
    """Return indices; None if the image data are damaged, or of another length.

    Args:
        stored: image data, untrusted.
        length: number of indices; not many more are decoded.
    """
    size = stored[0] if stored else 0
    if not MIN_SIZE <= size <= MAX_SIZE:
        return None
    clear = 1 << size
    first = [bytes([index]) for index in range(clear)] + [b"", b""]
    table, last, found = first.copy(), b"", bytearray()
    for code in _read(_stream(stored, len(stored)), size):
        if code == clear:
            table, last = first.copy(), b""
            continue
        if code == clear + 1 or len(found) > length:
            break
        if code > len(table) or (code == len(table) and not last):
            return None
        entry = table[code] if code < len(table) else last + last[:1]
        found += entry
        if last and len(table) < MAX_CODES:
            table.append(last + entry[:1])
        last = entry
    return bytes(found) if len(found) == length else None


def _read(stream: bytes, size: int) -> Iterator[int]:
    """Yield all codes of a stream, each as wide as its place in the table demands."""
    clear, width, bits, held, count = 1 << size, size + 1, 0, 0, 0
    for byte in stream:
        bits |= byte << held
        held += 8
        while held >= width:
            code = bits & (1 << width) - 1
            bits >>= width
            held -= width
            yield code
            count = 0 if code == clear else count + 1
            width = min(_MAX_WIDTH, max(size + 1, (clear + 1 + count).bit_length()))


def limit(stored: bytes) -> int:
    """Return the number of codes after which the coder of image data first cleared its table.

    Args:
        stored: image data, untrusted.

    Returns:
        0 if it never did, or later than any coder clears a table that is full.
    """
    size = stored[0] if stored else 0
    if not MIN_SIZE <= size <= MAX_SIZE:
        return 0
    clear, count = 1 << size, 0
    for code in _read(_stream(stored, 2 * MAX_CODES), size):
        if code == clear and count:
            return count
        if code == clear + 1 or count > MAX_CODES:
            break
        count = 0 if code == clear else count + 1
    return 0


def _stream(stored: bytes, most: int) -> bytes:
    parts, position, length = list[bytes](), 1, 0
    while position < len(stored) and stored[position] and length < most:
        parts.append(stored[position + 1 : position + 1 + stored[position]])
        length += len(parts[-1])
        position += 1 + stored[position]
    return b"".join(parts)


def _codes(indices: bytes, size: int, limit: int) -> Iterator[tuple[int, int]]:
    """Yield each code with its width, bits."""
    clear = 1 << size
    width, count = size + 1, clear + 2
    table, emitted = dict[int, int](), 0
    yield clear, width
    found = indices[0] if indices else clear + 1
    for index in islice(indices, 1, None):
        key = found << 8 | index
        longer = table.get(key)
        if longer is not None:
            found = longer
            continue
        yield found, width
        found, emitted = index, emitted + 1
        if count < MAX_CODES:
            if count == 1 << width:
                width += 1
            table[key] = count
            count += 1
        if emitted == limit:
            yield clear, width
            table.clear()
            width, count, emitted = size + 1, clear + 2, 0
    if indices:
        yield found, width
        if count == 1 << width and width < _MAX_WIDTH:
            width += 1
    yield clear + 1, width


def _packed(codes: Iterator[tuple[int, int]]) -> bytes:
    stream, bits, held = bytearray(), 0, 0
    for code, width in codes:
        bits |= code << held
        held += width
        while held >= 8:
            stream.append(bits & 0xFF)
            bits >>= 8
            held -= 8
    if held:
        stream.append(bits)
    return bytes(stream)
