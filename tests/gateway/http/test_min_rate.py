import asyncio
import itertools

import pytest
from aiohttp import StreamReader

from slimgate.gateway.http.aiohttp_client_internals import readable
from slimgate.gateway.http.body_scheduler import BodyScheduler
from slimgate.gateway.http.min_rate import MinRateReader
from slimgate.gateway.s3.errors import S3Error
from tests.config.builders import settings


class _Body:
    """A body whose pieces arrive after delays."""

    def __init__(self, *pieces: tuple[float, bytes]) -> None:
        self._pieces = list(pieces)

    def is_eof(self) -> bool:
        return False

    def read_nowait(self) -> bytes:
        return b""

    async def readany(self) -> bytes:
        seconds, piece = self._pieces.pop(0) if self._pieces else (0.0, b"")
        await asyncio.sleep(seconds)
        return piece


def _reader(seconds: float, rate: int) -> MinRateReader:
    limits = {"client_timeout_s": seconds, "min_client_rate": rate}
    return MinRateReader(settings(limits=limits).limits)


async def _read(reader: MinRateReader, body: _Body | StreamReader) -> bytes:
    received = b""
    while piece := await reader.read(body):  # type: ignore[arg-type]  # all that is used of one
        received += piece
    return received


async def test_a_steady_body_is_read_to_its_end() -> None:
    """A body at the minimum rate may take any time."""
    body = _Body(*[(0.02, b"x" * 1000)] * 20)
    assert len(await _read(_reader(0.2, 1000), body)) == 20_000


@pytest.mark.parametrize(
    "body",
    [
        _Body((30.0, b"late")),
        _Body(*[(0.02, b"x")] * 1000),
        # Fast bytes at the start earn at most the full timeout.
        _Body((0.0, b"x" * 1_000_000), (30.0, b"late")),
    ],
    ids=["silent", "dripping", "stops"],
)
async def test_too_slow_is_a_time_out(body: _Body) -> None:
    """Silence and dripping bytes end with RequestTimeout."""
    with pytest.raises(S3Error, match="RequestTimeout"):
        await _read(_reader(0.1, 1000), body)


async def test_bytes_at_hand_are_read_without_a_wait() -> None:
    """A body that has arrived is returned even if no time is left to wait for one."""
    body = readable(b"all of it")
    assert await _read(_reader(1e-9, 1), body) == b"all of it"


async def test_large_pieces_take_turns() -> None:
    """Of many uploads whose bytes have arrived, few go on in each step of the event loop."""
    limits, scheduler = settings().limits, BodyScheduler(2)
    bodies = [_Body((0.0, bytes(1 << 16))) for _ in range(20)]
    tasks = [
        asyncio.create_task(MinRateReader(limits, None, scheduler).read(body))  # type: ignore[arg-type]  # as above
        for body in bodies
    ]
    seen = [0]
    while seen[-1] < len(tasks):
        await asyncio.sleep(0)
        seen.append(sum(task.done() for task in tasks))
    assert max(later - earlier for earlier, later in itertools.pairwise(seen)) <= 2
