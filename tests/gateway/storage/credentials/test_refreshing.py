import asyncio
from typing import Final

import pytest

from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.identity import Identity
from slimgate.gateway.storage.credentials.refreshing import (
    NotObtained,
    Obtained,
    RefreshingCredentials,
)
from slimgate.gateway.telemetry import metrics

_HOUR: Final = 3600.0


class _Sts:
    """Gives credentials that last, fails when told so, and waits for its gate."""

    def __init__(self, lifetime_s: float | None = _HOUR) -> None:
        self.lifetime_s = lifetime_s
        self.now = 1_000_000.0
        self.calls = 0
        self.fails = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def obtain(self) -> Obtained:
        """Return the next credentials."""
        self.calls += 1
        await self.gate.wait()
        if self.fails:
            raise NotObtained("the role x: could not be assumed")
        expires = None if self.lifetime_s is None else self.now + self.lifetime_s
        return Obtained(Identity(f"key{self.calls}", "secret", "token"), expires)

    def credentials(self) -> RefreshingCredentials:
        """Return credentials that come from here."""
        return RefreshingCredentials("role x", self.obtain, "role x", clock=lambda: self.now)


async def _settled() -> None:
    """Let tasks run that wait for nothing."""
    for _ in range(5):
        await asyncio.sleep(0)


async def _key(credentials: RefreshingCredentials) -> str:
    return (await credentials.current()).access_key


def _count(outcome: str) -> float:
    value: float = metrics.CREDENTIALS_REFRESHES.labels("role x", outcome)._value.get()
    return value


@pytest.fixture
def failed() -> list[float]:
    """Return the count of failures before the test."""
    return [_count("failed")]


async def test_concurrent_requests_share_an_attempt() -> None:
    """Many requests that need credentials at once get those of one attempt."""
    sts = _Sts()
    credentials = sts.credentials()
    assert await asyncio.gather(*(_key(credentials) for _ in range(50))) == ["key1"] * 50
    assert sts.calls == 1


async def test_a_cancelled_request_leaves_the_attempt_to_others() -> None:
    """A client that disconnects does not take the credentials away from the others."""
    sts = _Sts()
    sts.gate.clear()
    credentials = sts.credentials()
    gone, other = (asyncio.create_task(_key(credentials)) for _ in range(2))
    await _settled()
    gone.cancel()
    await _settled()
    sts.gate.set()
    assert await other == "key1"
    assert sts.calls == 1


async def test_requests_do_not_wait_for_an_early_refresh() -> None:
    """A quarter of an hour before the end others are obtained, while the old ones still sign."""
    sts = _Sts()
    credentials = sts.credentials()
    assert await _key(credentials) == "key1"
    sts.now += _HOUR - 901
    assert (await _key(credentials), sts.calls) == ("key1", 1)
    sts.now += 2
    sts.gate.clear()
    assert (await _key(credentials), await _key(credentials)) == ("key1", "key1")
    sts.gate.set()
    await _settled()
    assert (await _key(credentials), sts.calls) == ("key2", 2)


async def test_a_source_without_new_credentials_is_asked_again_soon() -> None:
    """The metadata service of an instance has others only five minutes before the end."""
    sts = _Sts()
    made = Obtained(Identity("old", "secret", "token"), sts.now + _HOUR)

    async def obtain() -> Obtained:
        if made.expires is not None and sts.now < made.expires - 300:
            return made
        return await sts.obtain()

    credentials = RefreshingCredentials("chain", obtain, "chain", clock=lambda: sts.now)
    assert await _key(credentials) == "old"
    sts.now += _HOUR - 900
    for _ in range(42):  # until half a minute after that
        await _key(credentials)
        await _settled()
        sts.now += 15.0
    assert (await _key(credentials), sts.calls) == ("key1", 1)


async def test_nothing_is_signed_with_expired_credentials() -> None:
    """After the end, and shortly before it, requests wait for others."""
    sts = _Sts(20.0)
    credentials = sts.credentials()
    await _key(credentials)
    sts.now += 19.5
    assert await _key(credentials) == "key2"
    sts.now += 20
    assert await _key(credentials) == "key3"


async def test_a_failure_keeps_valid_credentials(failed: list[float]) -> None:
    """Old credentials sign until their very end; attempts in between are counted, and few."""
    sts = _Sts()
    credentials = sts.credentials()
    await _key(credentials)
    sts.fails = True
    sts.now += _HOUR - 10
    for _ in range(5):
        assert await _key(credentials) == "key1"
        await _settled()
    assert (sts.calls, _count("failed") - failed[0]) == (2, 1)
    sts.now += 1
    assert await _key(credentials) == "key1"
    sts.now += 9
    with pytest.raises(S3Error, match="ServiceUnavailable") as caught:
        await _key(credentials)
    assert caught.value.headers == {"Retry-After": "5"}
    assert "role" not in caught.value.message


async def test_attempts_pause_while_there_are_none() -> None:
    """Without valid credentials requests fail at once until the pause is over."""
    sts = _Sts()
    sts.fails = True
    credentials = sts.credentials()
    for expected in (1, 1, 1):
        with pytest.raises(S3Error, match="ServiceUnavailable"):
            await _key(credentials)
        assert sts.calls == expected
    sts.fails, sts.now = False, sts.now + 1
    assert await _key(credentials) == "key2"


async def test_credentials_that_arrive_expired_count_as_none() -> None:
    """A wrong clock is reported, and signs nothing."""
    sts = _Sts(-1.0)
    with pytest.raises(S3Error, match="ServiceUnavailable"):
        await _key(sts.credentials())


async def test_rejected_credentials_are_renewed_once() -> None:
    """All requests that the store rejects for one pair get the same other one."""
    sts = _Sts()
    credentials = sts.credentials()
    old = await credentials.current()
    assert await credentials.renewed(old) is None  # they are new: others would not help
    sts.now += 2
    others = await asyncio.gather(*(credentials.renewed(old) for _ in range(20)))
    assert [other and other.access_key for other in others] == ["key2"] * 20
    assert sts.calls == 2
    sts.fails, sts.now = True, sts.now + 2
    for _ in range(3):  # one attempt, then a pause
        assert await credentials.renewed(await credentials.current()) is None
    assert (await _key(credentials), sts.calls) == ("key2", 3)


async def test_credentials_without_an_end_stay() -> None:
    """A pair in a file is read once, and again if the store rejects it."""
    sts = _Sts(None)
    credentials = sts.credentials()
    await _key(credentials)
    sts.now += 10 * 365 * 24 * _HOUR
    assert await _key(credentials) == "key1"
    other = await credentials.renewed(Identity("key1", "secret", "token"))
    assert other is not None
    assert other.access_key == "key2"


async def test_an_attempt_ends_with_the_gateway() -> None:
    """Closing does not wait for an STS that does not respond."""
    sts = _Sts()
    sts.gate.clear()
    credentials = sts.credentials()
    waiting = asyncio.create_task(_key(credentials))
    await _settled()
    await credentials.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
