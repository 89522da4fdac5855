"""Credentials that expire, and are obtained again in time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

import structlog

from slimgate.gateway.s3.errors import S3Error
from slimgate.gateway.s3.identity import Identity
from slimgate.gateway.s3.routing import Target
from slimgate.gateway.telemetry import metrics

_MAX_LEAD_S: Final = 900.0
"""Refresh at most this long before the end, seconds, as botocore does."""

_MAX_MARGIN_S: Final = 60.0
"""Sign nothing with credentials that expire sooner than this, seconds, if others can be had."""

_TIMEOUT_S: Final = 30.0
_MIN_PAUSE_S: Final = 1.0
_MAX_PAUSE_S: Final = 10.0
_LONGEST_SLEEP_S: Final = 60.0

_SAME_PAUSE_S: Final = 30.0
"""Pause after a source has returned the same credentials again, seconds: instances have new ones
only some minutes before the old ones expire."""

UNAVAILABLE: Final = (
    "The gateway has no valid credentials for the object store at the moment. Please try again."
)

_log = structlog.get_logger(__name__)


class Obtained(NamedTuple):
    """Credentials, and when they expire.

    Attributes:
        identity: The credentials.
        expires: Seconds since the epoch; None: never.
    """

    identity: Identity
    expires: float | None


class NotObtained(Exception):
    """Credentials cannot be obtained; the message tells the operator why, and what to do."""


class RefreshingCredentials:
    """Credentials that are obtained again before they expire.

    Concurrent requests share one attempt. While the old credentials are valid, requests do not wait
    for new ones, and a failure only counts.

    Args:
        name: Name in logs.
        obtain: Obtains credentials; raises NotObtained.
        label: Name in metrics.
        tells_expiry: A metric says when they expire.
        clock: Returns seconds since the epoch.
    """

    def __init__(
        self,
        name: str,
        obtain: Callable[[], Awaitable[Obtained]],
        label: str,
        *,
        tells_expiry: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._name = name
        self._obtain = obtain
        self._label = label
        self._tells_expiry = tells_expiry
        self._clock = clock
        self._held: Obtained | None = None
        self._obtained_at = 0.0
        self._attempt: asyncio.Task[None] | None = None
        self._next_attempt = 0.0
        self._pause_s = _MIN_PAUSE_S

    @property
    def obtained(self) -> bool:
        """Return whether any have been obtained, valid or not."""
        return self._held is not None

    @property
    def is_renewable(self) -> bool:
        """Return True."""
        return True

    @property
    def depends_on_keys(self) -> bool:
        """Return False: it signs requests about all objects."""
        return False

    def for_request(self, target: Target, query: str) -> "RefreshingCredentials":
        """Return itself: it signs requests about all objects."""
        del target, query
        return self

    async def current(self) -> Identity:
        """Return valid credentials; begin to obtain new ones when it is time.

        Raises:
            S3Error: ServiceUnavailable if there are none.
        """
        due, now = self._due, self._clock()
        if due is not None and now >= due:
            attempt = self._begin()
            if self._remaining_s(now) <= self._margin_s:
                # A request that waits may be cancelled; the others still need the result.
                await asyncio.shield(attempt)
        if self._held is None or self._remaining_s(self._clock()) <= 0:
            raise S3Error("ServiceUnavailable", UNAVAILABLE)
        return self._held.identity

    async def renewed(self, rejected: Identity) -> Identity | None:
        """Return other credentials than those that the store has rejected; None: there are none.

        Others are obtained at most once a second, and after failures as rarely as otherwise,
        whatever the store rejects.
        """
        held = self._held
        if held is not None and held.identity == rejected:
            now = self._clock()
            if now < max(self._obtained_at + _MIN_PAUSE_S, self._next_attempt):
                return None
            await asyncio.shield(self._begin())
        held = self._held
        return held.identity if held is not None and held.identity != rejected else None

    async def refresh_when_due(self) -> None:
        """Wait until it is time to obtain new credentials, and for the attempt to do so."""
        while (due := self._due) is None or due > self._clock():
            # The clock may be set meanwhile.
            until_s = _LONGEST_SLEEP_S if due is None else due - self._clock()
            await asyncio.sleep(min(_LONGEST_SLEEP_S, max(0.0, until_s)))
        await asyncio.shield(self._begin())

    def end_expiry(self) -> None:
        """Report no expiry from now on: nothing renews these credentials."""
        self._tell_expiry(None)
        self._tells_expiry = False

    async def close(self) -> None:
        """Cancel an attempt in progress."""
        if self._attempt is not None:
            self._attempt.cancel()
            await asyncio.gather(self._attempt, return_exceptions=True)

    @property
    def _due(self) -> float | None:
        """Return when to obtain credentials, seconds since the epoch; None: never."""
        if self._held is None:
            return self._next_attempt
        if self._held.expires is None:
            return None
        return max(self._held.expires - self._lead_s, self._next_attempt)

    @property
    def _lead_s(self) -> float:
        if self._held is None or self._held.expires is None:
            return 0.0
        return min(_MAX_LEAD_S, (self._held.expires - self._obtained_at) / 2)

    @property
    def _margin_s(self) -> float:
        return min(_MAX_MARGIN_S, self._lead_s / 10)

    def _remaining_s(self, now: float) -> float:
        if self._held is None:
            return 0.0
        return float("inf") if self._held.expires is None else self._held.expires - now

    def _begin(self) -> "asyncio.Task[None]":
        """Return the attempt in progress, or begin one."""
        if self._attempt is None or self._attempt.done():
            self._attempt = asyncio.create_task(self._refresh())
        return self._attempt

    async def _refresh(self) -> None:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                obtained = await self._obtain()
            self._keep(obtained)
        except NotObtained as error:
            self._fail(str(error))
        except TimeoutError:
            self._fail(f"{self._name}: no answer within {_TIMEOUT_S:g} s")

    def _keep(self, obtained: Obtained) -> None:
        now = self._clock()
        if obtained.expires is not None and obtained.expires <= now:
            raise NotObtained(f"{self._name}: expired when it arrived; check the clocks")
        self._tell_expiry(obtained.expires)
        self._next_attempt, self._pause_s = 0.0, _MIN_PAUSE_S
        if obtained == self._held:
            self._next_attempt = now + _SAME_PAUSE_S
        else:
            self._held, self._obtained_at = obtained, now
        metrics.CREDENTIALS_REFRESHES.labels(self._label, "ok").inc()
        _log.info("upstream credentials obtained", source=self._name, expires=obtained.expires)

    def _tell_expiry(self, expires: float | None) -> None:
        """Set the metric; what never expires has none, unless it had one before."""
        told = expires is not None or (self._held is not None and self._held.expires is not None)
        if self._tells_expiry and told:
            # A metric of several processes cannot be removed.
            shown = float("inf") if expires is None else expires
            metrics.CREDENTIALS_EXPIRY.labels(self._label).set(shown)

    def _fail(self, reason: str) -> None:
        now = self._clock()
        self._next_attempt = now + self._pause_s
        self._pause_s = min(_MAX_PAUSE_S, 2 * self._pause_s)
        metrics.CREDENTIALS_REFRESHES.labels(self._label, "failed").inc()
        report = _log.warning if self._remaining_s(now) > 0 else _log.error
        expires = self._held.expires if self._held else None
        report("upstream credentials not obtained", reason=reason, old_ones_expire=expires)
