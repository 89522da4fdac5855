import asyncio

from gateway.admin.playground.results import Results
from tests.gateway.admin.playground.results import plain


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_entries_and_bytes_are_bounded() -> None:
    """The oldest give way to the newest, and what is held is never more than is allowed."""
    results = Results(max_entries=3, max_bytes=100)
    names = [results.put(plain(10)) for _ in range(4)]
    assert [False, True, True, True] == [results.get(name) is not None for name in names]
    assert 30 == results.held_bytes
    large = results.put(plain(95))
    assert (95, True) == (results.held_bytes, results.get(large) is not None)
    assert results.get(results.put(plain(101))) is None
    assert 0 == results.held_bytes


async def test_nothing_is_kept_for_long() -> None:
    """A result is gone after its time, whether somebody asks for it or not."""
    clock = _Clock()
    results = Results(lasts_s=60, clock=clock)
    old = results.put(plain())
    clock.now = 59
    assert results.get(old) is not None
    young = results.put(plain())
    clock.now = 60
    assert (None, True) == (results.get(old), results.get(young) is not None)
    soon = Results(lasts_s=0.01)
    soon.put(plain())
    later = asyncio.Event()
    asyncio.get_running_loop().call_later(0.02, later.set)
    await later.wait()
    assert 0 == soon.held_bytes


async def test_names_cannot_be_guessed() -> None:
    """Names have 128 random bits and nothing that an address cannot hold."""
    results = Results()
    names = {results.put(plain()) for _ in range(50)}
    assert 50 == len(names)
    assert {22} == {len(name) for name in names}
    assert "".join(names).replace("-", "").replace("_", "").isalnum()
