import contextlib

import pytest

from slimgate.gateway.cache.circuit_breaker import CircuitBreaker, CircuitOpen


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def _fail(breaker: CircuitBreaker) -> None:
    with pytest.raises(OSError, match="broken"), breaker.attempt():
        raise OSError("broken")


def _is_tried(breaker: CircuitBreaker) -> bool:
    """Return whether an attempt is admitted, without completing it."""
    try:
        with contextlib.suppress(KeyError), breaker.attempt():
            raise KeyError
    except CircuitOpen:
        return False
    return True


def test_nothing_is_tried_right_after_a_failure() -> None:
    """After a failure attempts are rejected for a while; then one may probe."""
    clock = _Clock()
    breaker = CircuitBreaker(OSError, clock=clock)
    _fail(breaker)
    with pytest.raises(CircuitOpen), breaker.attempt():
        pytest.fail("tried")
    clock.now += 0.6
    with breaker.attempt():
        pass
    assert not breaker.is_open


def test_one_finds_out_for_all() -> None:
    """During a probe all other attempts are rejected."""
    clock = _Clock()
    breaker = CircuitBreaker(OSError, clock=clock)
    _fail(breaker)
    clock.now += 0.6
    with breaker.attempt(), pytest.raises(CircuitOpen), breaker.attempt():
        pytest.fail("tried")
    with breaker.attempt(), breaker.attempt():
        pass


def test_pauses_grow_to_a_limit() -> None:
    """Each failed probe doubles the pause, up to three seconds."""
    clock = _Clock()
    breaker = CircuitBreaker(OSError, clock=clock)
    pauses = []
    for _ in range(5):
        _fail(breaker)
        began = clock.now
        while not _is_tried(breaker):
            clock.now += 0.125
        pauses.append(clock.now - began)
    assert pauses == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_other_errors_are_no_failures() -> None:
    """Other exceptions pass through and do not open the circuit."""
    breaker = CircuitBreaker(OSError)
    with pytest.raises(KeyError), breaker.attempt():
        raise KeyError
    with breaker.attempt():
        pass
