"""Bodies that are read into memory, or do not fit."""

from typing import Final, cast
from unittest import mock

import pytest
from aiohttp.streams import StreamReader
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict, CIMultiDictProxy

from slimgate.config import Limits
from slimgate.gateway.http.byte_budget import ByteBudget
from slimgate.gateway.http.request_body import BodyLimits, Upload

_HALF: Final = 1 << 20
_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class _Pieces:
    """Content that arrives in two pieces."""

    total_bytes = 0

    def __init__(self) -> None:
        self._left = [b"a" * _HALF, b"b" * _HALF]

    def is_eof(self) -> bool:
        """Return whether the last piece has arrived."""
        return not self._left

    def read_nowait(self) -> bytes:
        """Return the next piece; empty at the end."""
        return self._left.pop(0) if self._left else b""


def _upload() -> Upload:
    headers = CIMultiDict({"Content-Length": str(2 * _HALF)})
    request = make_mocked_request(
        "PUT", "/photos/a", headers, payload=cast("StreamReader", _Pieces())
    )
    bounds = BodyLimits(Limits(), ByteBudget(0))
    return Upload(request, CIMultiDictProxy(headers), None, bounds)


async def test_a_body_that_fits_belongs_to_the_caller() -> None:
    """The caller releases what it has read."""
    upload = _upload()
    budget = ByteBudget(2 * _HALF)
    assert await upload.read(budget) == b"a" * _HALF + b"b" * _HALF
    upload.close()
    assert budget.held == 2 * _HALF


async def test_what_did_not_fit_counts_until_it_is_streamed() -> None:
    """Bytes that stay in memory stay reserved: others may not use them a second time."""
    upload = _upload()
    budget = ByteBudget(2 * _HALF)
    assert budget.reserve(1)
    assert await upload.read(budget) is None
    assert budget.held == 1 + _HALF
    streamed = b"".join([piece async for piece in upload])
    assert streamed == b"a" * _HALF + b"b" * _HALF
    assert budget.held == 1


async def test_what_is_not_streamed_is_released() -> None:
    """A client that goes away leaves nothing behind."""
    upload = _upload()
    budget = ByteBudget(2 * _HALF - 1)
    assert await upload.read(budget) is None
    upload.close()
    assert budget.held == 0


@pytest.mark.parametrize(("sent", "expected"), [(0, [mock.call(_CONTINUE)]), (1, [])])
async def test_nobody_is_asked_for_a_body_once_the_response_has_begun(
    sent: int, expected: list[object]
) -> None:
    """100 Continue precedes the final response, and is never written into it."""
    headers = CIMultiDict({"Content-Length": str(2 * _HALF), "Expect": "100-continue"})
    transport = mock.Mock()
    request = make_mocked_request(
        "PUT",
        "/photos/a",
        headers,
        payload=cast("StreamReader", _Pieces()),
        transport=transport,
        writer=mock.Mock(output_size=sent),
    )
    upload = Upload(request, CIMultiDictProxy(headers), None, BodyLimits(Limits(), ByteBudget(0)))
    assert len([piece async for piece in upload]) == 2
    assert transport.write.mock_calls == expected
