"""Tests of what travels between workers and the engine."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimgate.models.engine import wire
from slimgate.models.engine.network import (
    BadResult,
    Busy,
    CannotRun,
    EngineError,
    OutOfMemory,
    TooLate,
)

_HASH = "0123456789abcdef"


@given(
    scale=st.integers(1, 4),
    level=st.integers(0, 255),
    height=st.integers(1, 2000),
    width=st.integers(1, 2000),
    channels=st.sampled_from([1, 3, 15, 30, 51]),
)
def test_requests_arrive_as_they_were_sent(
    scale: int, level: int, height: int, width: int, channels: int
) -> None:
    """Packing and unpacking loses nothing."""
    request = wire.Request(_HASH, scale, level, height, width, channels)
    assert request == wire.Request.unpack(request.pack())


@pytest.mark.parametrize(
    "request_",
    [
        wire.Request(_HASH, 0, 0, 1, 1, 3),
        wire.Request(_HASH, 5, 0, 1, 1, 3),
        wire.Request(_HASH, 2, 0, 0, 1, 3),
        wire.Request(_HASH, 2, 0, 1, 1, 4),
        wire.Request(_HASH, 1, 0, 1, 1, 16),
        wire.Request(_HASH, 4, 0, 1 << 14, 1 << 14, 3),
        wire.Request(_HASH, 1, 0, 1 << 12, 1 << 13, 51),
        wire.Request("../../etc/passwd", 2, 0, 1, 1, 3),
    ],
    ids=str,
)
def test_senseless_requests_are_refused(request_: wire.Request) -> None:
    """A request outside the bounds does not make anybody allocate memory."""
    with pytest.raises(wire.Broken):
        wire.Request.unpack(request_.pack())


@pytest.mark.parametrize(
    ("channels", "small", "full"),
    [(1, (4, 5), (8, 10)), (3, (4, 5, 3), (8, 10, 3)), (15, (4, 5, 15), (8, 10, 3))],
)
def test_results_have_colours(channels: int, small: tuple[int, ...], full: tuple[int, ...]) -> None:
    """What comes back is an image, however many channels went there."""
    request = wire.Request(_HASH, 2, 0, 4, 5, channels)
    assert (request.small_shape, request.full_shape) == (small, full)
    assert (request.small_bytes, request.full_bytes) == (math.prod(small), math.prod(full))


def test_another_protocol_is_refused() -> None:
    """Data with another magic number is not a request."""
    header = wire.Request(_HASH, 2, 0, 1, 1, 3).pack()
    with pytest.raises(wire.Broken):
        wire.Request.unpack(b"GET " + header[4:])


@pytest.mark.parametrize(
    "kind", [Busy, TooLate, BadResult, OutOfMemory, CannotRun, LookupError, EngineError]
)
def test_errors_arrive_as_what_they_are(kind: type[Exception]) -> None:
    """The client gets the server's error with its message."""
    arrived = wire.error_of(wire.status_of(kind("é: why")), "é: why".encode())
    assert type(arrived) is kind
    assert str(arrived) == "é: why"


def test_unexpected_errors_arrive_as_engine_errors() -> None:
    """An unexpected error arrives as EngineError."""
    assert type(wire.error_of(wire.status_of(ZeroDivisionError("x")), b"x")) is EngineError


@pytest.mark.parametrize("status", [0, 8, 255])
def test_unknown_statuses_are_refused(status: int) -> None:
    """A status that is no error, or of another version, is not taken for one."""
    assert isinstance(wire.error_of(status, b""), wire.Broken)
