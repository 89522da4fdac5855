import asyncio

from slimgate.gateway.admin.playground.results import Results
from tests.gateway.admin.playground.results import plain


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_entries_and_bytes_are_bounded() -> None:
    """The oldest results are dropped to stay within the limits."""
    results = Results(max_entries=3, max_bytes=100)
    names = [results.put(plain(10)) for _ in range(4)]
    assert [results.get(name) is not None for name in names] == [False, True, True, True]
    assert results.held_bytes == 30
    large = results.put(plain(95))
    assert (results.held_bytes, results.get(large) is not None) == (95, True)
    assert results.get(results.put(plain(101))) is None
    assert results.held_bytes == 0


async def test_nothing_is_kept_for_long() -> None:
    """A result expires, requested or not."""
    clock = _Clock()
    results = Results(lasts_s=60, clock=clock)
    old = results.put(plain())
    clock.now = 59
    assert results.get(old) is not None
    young = results.put(plain())
    clock.now = 60
    assert (results.get(old), results.get(young) is not None) == (None, True)
    soon = Results(lasts_s=0.01)
    soon.put(plain())
    later = asyncio.Event()
    asyncio.get_running_loop().call_later(0.02, later.set)
    await later.wait()
    assert soon.held_bytes == 0


async def test_names_cannot_be_guessed() -> None:
    """Names have 128 random bits and are URL-safe."""
    results = Results()
    names = {results.put(plain()) for _ in range(50)}
    assert len(names) == 50
    assert {len(name) for name in names} == {22}
    assert "".join(names).replace("-", "").replace("_", "").isalnum()
