import errno
import mmap
from typing import Never

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimgate.gateway.http.byte_blocks import BLOCK, ByteQueue

_cuts = st.lists(st.integers(0, 2 * BLOCK), max_size=12)


@given(_cuts)
def test_pieces_come_back_in_order(sizes: list[int]) -> None:
    """Appended bytes come back complete and in order, at once or block by block."""
    pieces, expected = ByteQueue(), b""
    for number, size in enumerate(sizes):
        piece = bytes([number]) * size
        pieces.append(piece)
        expected += piece
    assert (pieces.size, pieces.joined()) == (len(expected), expected)
    blocks = list(iter(pieces.popleft, b""))
    assert (pieces.size, b"".join(blocks)) == (0, expected)


def test_small_pieces_share_blocks() -> None:
    """A million small pieces take as many blocks as a few large ones."""
    pieces = ByteQueue()
    for _ in range(1 << 20):
        pieces.append(b"ab")
    blocks = list(iter(pieces.popleft, b""))
    assert [len(block) for block in blocks] == [BLOCK] * 8


def test_large_pieces_are_not_copied() -> None:
    """A piece of block size is returned as the same object."""
    pieces, piece = ByteQueue(), bytes(BLOCK)
    pieces.append(piece)
    assert pieces.joined() is piece
    assert pieces.popleft() is piece


def test_adding_behind_what_was_joined() -> None:
    """Joining and appending can alternate, followed by popping."""
    pieces = ByteQueue()
    seen = []
    for piece in (b"a", b"b", bytes(BLOCK), b"c"):
        pieces.append(piece)
        seen.append(len(pieces.joined()))
    assert seen == [1, 2, 2 + BLOCK, 3 + BLOCK]
    assert b"".join(iter(pieces.popleft, b"")) == b"ab" + bytes(BLOCK) + b"c"


@given(_cuts, st.integers(0, 3 * BLOCK))
def test_the_beginning_is_looked_at(sizes: list[int], count: int) -> None:
    """The first bytes can be looked at before all come back, complete and in order."""
    pieces, expected = ByteQueue(), b""
    for number, size in enumerate(sizes):
        pieces.append(bytes([number]) * size)
        expected += bytes([number]) * size
    first = pieces.first(count)
    assert len(first) >= min(count, len(expected))
    assert expected.startswith(first)
    assert (pieces.size, pieces.joined()) == (len(expected), expected)


def test_what_is_not_looked_at_is_not_copied() -> None:
    """Looking at the first bytes of a large body joins no more than their block."""
    pieces = ByteQueue()
    for _ in range(4 * BLOCK // 1024):
        pieces.append(bytes(1024))
    assert len(pieces.first(1)) == BLOCK


def test_blocks_need_no_maps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that may map no more pages keeps blocks on its heap."""

    def refused(*_: object, **__: object) -> Never:
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    monkeypatch.setattr(mmap, "mmap", refused)
    queue = ByteQueue()
    queue.append(bytes(BLOCK + 1))
    assert queue.joined() == bytes(BLOCK + 1)


async def test_large_bodies_are_joined_beside_the_event_loop() -> None:
    """A body of many blocks comes back complete, and stays whole in the queue."""
    pieces, expected = ByteQueue(), bytes(range(256)) * (9 << 12)
    for start in range(0, len(expected), 100_000):
        pieces.append(expected[start : start + 100_000])
    whole = await pieces.whole()
    assert whole == expected
    assert pieces.joined() is whole
    assert await pieces.whole() is whole
