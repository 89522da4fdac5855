"""Mutate files: bytes, and the segments and chunks that formats are made of."""

import struct
import zlib
from collections.abc import Callable, Sequence
from random import Random
from typing import Final

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_NUMBERS: Final = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_WAYS: Final = ("<H", ">H", "<I", ">I")
_MOST: Final = 3
_GENTLY: Final = 0.5
_GENTLE: Final = ("followed", "rearranged", "rewritten")
_LONGEST: Final = 4000  # bytes inserted

Mutation = Callable[[bytes, Random, bytes], bytes]
"""Changes a file; the last argument is another file to take pieces from."""


def mutated(data: bytes, other: bytes, random: Random) -> tuple[bytes, list[str]]:
    """Return a file after one to three mutations, and their names.

    Half of the files are changed in ways that mostly leave their picture.

    Args:
        data: file.
        other: file to take pieces from.
        random: source of all choices.
    """
    ways = _GENTLE if random.random() < _GENTLY else list(_MUTATIONS)
    names = random.choices(ways, k=random.randint(1, _MOST))
    for name in names:
        if data:
            data = _MUTATIONS[name](data, random, other)
    return data, names


def _bits(data: bytes, random: Random, _: bytes) -> bytes:
    changed = bytearray(data)
    for _turn in range(random.randint(1, 8)):
        changed[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _early(data: bytes, random: Random, _: bytes) -> bytes:
    """Change a byte of the first ones, where headers are."""
    at = random.randrange(min(len(data), 64))
    return data[:at] + bytes([random.randrange(256)]) + data[at + 1 :]


def _number(data: bytes, random: Random, _: bytes) -> bytes:
    """Overwrite some bytes with a number that programs trip over."""
    way = random.choice(_WAYS)
    size = struct.calcsize(way)
    value = struct.pack(way, random.choice(_NUMBERS) % (1 << 8 * size))
    at = random.randrange(max(1, len(data) - size))
    return data[:at] + value + data[at + size :]


def _range(data: bytes, random: Random) -> tuple[int, int]:
    start = random.randrange(len(data))
    return start, min(len(data), start + random.choice((1, 2, 4, 16, 100, 1000)))


def _deleted(data: bytes, random: Random, _: bytes) -> bytes:
    start, end = _range(data, random)
    return data[:start] + data[end:]


def _repeated(data: bytes, random: Random, _: bytes) -> bytes:
    start, end = _range(data, random)
    return data[:end] + data[start:end] * random.randint(1, 3) + data[end:]


def _inserted(data: bytes, random: Random, _: bytes) -> bytes:
    start, _end = _range(data, random)
    return data[:start] + random.randbytes(random.choice((1, 2, 30))) + data[start:]


def _cut(data: bytes, random: Random, _: bytes) -> bytes:
    return data[: random.choice((-1, -2, -12, -random.randrange(1, len(data) + 1)))]


def _spliced(data: bytes, random: Random, other: bytes) -> bytes:
    return data[: random.randrange(len(data))] + other[random.randrange(len(other) or 1) :]


def _followed(data: bytes, random: Random, other: bytes) -> bytes:
    tails = (other, data, random.randbytes(40), bytes(random.randrange(5000)), b"\xff\xd9", b"\n")
    return data + random.choice(tails)


def _pieces(data: bytes) -> list[bytes]:
    """Split a file into its head, segments or chunks, and what follows them."""
    if data.startswith(_PNG):
        return _split(data, 8, lambda at: 12 + int.from_bytes(data[at : at + 4], "big"))
    if data.startswith(b"RIFF"):
        return _split(data, 12, lambda at: _even(int.from_bytes(data[at + 4 : at + 8], "little")))
    if data.startswith(b"\xff\xd8"):
        return _split(data, 2, lambda at: 2 + int.from_bytes(data[at + 2 : at + 4], "big"))
    middle = len(data) // 2
    return [data[:8], data[8:middle], data[middle:]]


def _even(size: int) -> int:
    return 8 + size + size % 2


def _split(data: bytes, start: int, size: Callable[[int], int]) -> list[bytes]:
    pieces, at = [data[:start]], start
    while at < len(data) and not data.startswith(b"\xff\xda", at):
        end = min(len(data), at + max(size(at), 1))
        pieces.append(data[at:end])
        at = end
    return [*pieces, data[at:]]


def _joined(pieces: Sequence[bytes]) -> bytes:
    whole = b"".join(pieces)
    if whole.startswith(b"RIFF"):
        return whole[:4] + struct.pack("<I", len(whole) - 8 & 0xFFFFFFFF) + whole[8:]
    return whole


def _rearranged(data: bytes, random: Random, other: bytes) -> bytes:
    """Drop, repeat, swap or bring in a segment or chunk."""
    pieces = _pieces(data)
    one, two = (random.randrange(1, len(pieces)) for _ in range(2))
    foreign = random.choice(_pieces(other)) if other else b""
    turn = random.randrange(4)
    if turn == 0:
        del pieces[one]
    elif turn == 1:
        pieces.insert(two, pieces[one])
    elif turn == 2:
        pieces[one], pieces[two] = pieces[two], pieces[one]
    else:
        pieces.insert(one, foreign[:_LONGEST])
    return _joined(pieces)


def _rewritten(data: bytes, random: Random, _: bytes) -> bytes:
    """Change a byte of a segment or chunk; checksums of PNG stay right."""
    pieces = _pieces(data)
    at = random.randrange(1, len(pieces))
    piece = bytearray(pieces[at])
    if len(piece) < 5:
        return data
    piece[random.randrange(4, len(piece))] = random.randrange(256)
    if data.startswith(_PNG) and len(piece) >= 12:
        piece[-4:] = zlib.crc32(piece[4:-4]).to_bytes(4, "big")
    pieces[at] = bytes(piece)
    return _joined(pieces)


_MUTATIONS: Final[dict[str, Mutation]] = {
    "bits": _bits,
    "early byte": _early,
    "number": _number,
    "deleted": _deleted,
    "repeated": _repeated,
    "inserted": _inserted,
    "cut": _cut,
    "spliced": _spliced,
    "followed": _followed,
    "rearranged": _rearranged,
    "rewritten": _rewritten,
}
