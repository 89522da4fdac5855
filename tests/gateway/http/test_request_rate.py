from slimgate.gateway.http.request_rate import RequestRate


class _Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_passes_and_then_the_rate() -> None:
    """Four requests at once, then one every half second; refused ones take nothing."""
    clock = _Clock()
    rate = RequestRate(2, 4, clock)
    assert [rate.wait_s("a") for _ in range(6)] == [0, 0, 0, 0, 0.5, 0.5]
    clock.now += 0.5
    assert [rate.wait_s("a") for _ in range(2)] == [0, 0.5]
    clock.now += 1.25
    assert [rate.wait_s("a") for _ in range(3)] == [0, 0, 0.25]


def test_a_client_that_rests_has_its_whole_burst_again() -> None:
    """No more than the burst is saved up, however long it rests."""
    clock = _Clock()
    rate = RequestRate(10, 3, clock)
    assert [rate.wait_s("a") for _ in range(3)] == [0, 0, 0]
    clock.now += 3600
    assert [rate.wait_s("a") > 0 for _ in range(4)] == [False, False, False, True]


def test_clients_do_not_share() -> None:
    """What one has used up, another one has."""
    rate = RequestRate(1, 1, _Clock())
    assert [rate.wait_s(name) for name in ("a", "b", "a")] == [0, 0, 1]


def test_a_million_addresses_take_bounded_memory() -> None:
    """Those that asked longest ago are forgotten, and a client that keeps asking is not."""
    rate = RequestRate(0.001, 1, _Clock())
    for number in range(100_000):
        assert rate.wait_s(str(number)) == 0
    assert rate.wait_s("99999") > 0
    assert len(rate) <= 65_536
