from slimgate.gateway.workers.fair_shares import Client, FairShares


class _Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def _work(shares: FairShares, clock: _Clock, client: Client, seconds: float) -> None:
    with shares.working(client):
        clock.now += seconds


def test_least_is_next() -> None:
    """Clients are compared by the seconds that they have had, and equals by their order."""
    clock = _Clock()
    shares, a, b = FairShares(clock), Client("a"), Client("b")
    assert shares.least([b, a]) == b
    _work(shares, clock, b, 2.0)
    assert shares.least([b, a]) == a
    _work(shares, clock, a, 3.0)
    assert shares.least([a, b]) == b


def test_running_jobs_count() -> None:
    """Long jobs are charged while they run: nobody takes all workers first."""
    clock = _Clock()
    shares, a, b = FairShares(clock), Client("a"), Client("b")
    _work(shares, clock, b, 1.0)
    with shares.working(a):
        clock.now += 5.0
        assert shares.least([a, b]) == b


def test_many_addresses_are_one_tenant() -> None:
    """Identities are compared before the addresses that use them."""
    clock = _Clock()
    shares, tenant, other = FairShares(clock), Client("tenant", "10.0.0.1"), Client("other", "x")
    _work(shares, clock, tenant, 9.0)
    _work(shares, clock, other, 1.0)
    assert shares.least([Client("tenant", "10.0.0.2"), other]) == other
    assert shares.least([tenant, Client("tenant", "10.0.0.2")]).address == "10.0.0.2"


def test_the_past_is_forgotten() -> None:
    """Half of what a client has had is forgotten every minute."""
    clock = _Clock()
    shares, a, b = FairShares(clock), Client("a"), Client("b")
    _work(shares, clock, a, 10.0)
    clock.now += 240.0
    _work(shares, clock, b, 1.0)
    assert shares.least([b, a]) == a


def test_memory_is_bounded() -> None:
    """Of any number of clients the latest are remembered."""
    clock = _Clock()
    shares, first = FairShares(clock), Client("first")
    _work(shares, clock, first, 10.0)
    for number in range(10_000):
        _work(shares, clock, Client(f"{number}"), 1.0)
    assert len(shares._used) == 4096
    assert shares.least([Client("9999"), first]) == first
