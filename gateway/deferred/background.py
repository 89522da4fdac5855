"""Work through the deferred queue while the gateway serves."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, Self

import structlog

from slimgate.config import Deferred
from slimgate.gateway.deferred.images import Failed, Outcome, TryAgain
from slimgate.gateway.deferred.queue import Claimed, DeferredQueue
from slimgate.gateway.handlers.deferring import QueueUnavailable
from slimgate.gateway.telemetry import metrics

_IDLE_S: Final = 0.5
"""Pause before the queue is asked again, seconds."""

_MAX_TEND_S: Final = 5.0
"""Longest time between two looks at the depth of the queue, seconds."""

_UNAVAILABLE_S: Final = 5.0
_FIRST_PAUSE_S: Final = 2.0
_MAX_PAUSE_S: Final = 900.0

_log = structlog.get_logger(__name__)

Images = Callable[[Claimed], Awaitable[Outcome]]


class Background:
    """Process queued uploads for the duration of an ``async with`` block.

    Args:
        settings: Concurrency, rate and attempts.
        queue: The queue.
        images: Processes one upload.
        is_wanted: Returns whether a policy in force queues uploads.
    """

    def __init__(
        self,
        settings: Deferred,
        queue: DeferredQueue,
        images: Images,
        is_wanted: Callable[[], bool],
    ) -> None:
        self._settings = settings
        self._queue = queue
        self._images = images
        self._is_wanted = is_wanted
        self._ready = asyncio.Event()
        self._claimed: dict[str, Claimed] = {}
        self._tasks: list[asyncio.Task[None]] = []
        per_minute = settings.images_per_minute
        self._interval_s = 60 / per_minute if per_minute else 0.0
        self._next_begin = 0.0
        self._turn = asyncio.Lock()

    async def __aenter__(self) -> Self:
        work = [self._work() for _ in range(self._settings.concurrency)]
        self._tasks = [asyncio.create_task(each) for each in (self._tend(), *work)]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for claimed in self._claimed.values():
            with suppress(QueueUnavailable):  # its lease ends
                await self._queue.retry(claimed, 0)

    async def _tend(self) -> None:
        """Renew the leases, and measure the queue."""
        while True:
            if self._queue.is_begun or self._is_wanted():
                try:
                    if not self._ready.is_set():
                        await self._queue.open()
                        self._ready.set()
                    await self._queue.renew()
                    depth = await self._queue.depth()
                    metrics.DEFERRED_QUEUED.set(depth.entries)
                    metrics.DEFERRED_OLDEST.set(depth.oldest_s)
                except QueueUnavailable as error:
                    _log.warning("deferred queue unavailable", reason=str(error))
                except Exception:  # noqa: BLE001  # leases must be renewed, whatever happened
                    _log.exception("deferred queue failed")
            await asyncio.sleep(min(self._settings.lease_s / 3, _MAX_TEND_S))

    async def _work(self) -> None:
        await self._ready.wait()
        while True:
            try:
                claimed = await self._claim()
                if claimed is None:
                    await asyncio.sleep(_IDLE_S)
                else:
                    await self._process(claimed)
            except QueueUnavailable as error:
                _log.warning("deferred queue unavailable", reason=str(error))
                await asyncio.sleep(_UNAVAILABLE_S)
            except Exception:  # noqa: BLE001  # whatever one entry meets, the others have their turn
                _log.exception("deferred queue failed")
                await asyncio.sleep(_UNAVAILABLE_S)

    async def _claim(self) -> Claimed | None:
        """Claim an upload when its turn has come: until then, other gateways may take it."""
        async with self._turn:
            loop = asyncio.get_running_loop()
            await asyncio.sleep(self._next_begin - loop.time())
            claimed = await self._queue.claim()
            if claimed is not None:
                self._next_begin = loop.time() + self._interval_s
        return claimed

    async def _process(self, claimed: Claimed) -> None:
        self._claimed[claimed.token] = claimed
        loop = asyncio.get_running_loop()
        started = loop.time()
        pause_s = await self._attempt(claimed)
        elapsed_s = loop.time() - started
        await self._tell(claimed, pause_s)
        del self._claimed[claimed.token]
        await asyncio.sleep(elapsed_s * (1 / self._settings.cpu_share - 1))

    async def _tell(self, claimed: Claimed, pause_s: float | None) -> None:
        """Tell the queue what became of an upload: until it knows, no process takes it."""
        while True:
            try:
                if pause_s is None:
                    await self._queue.complete(claimed)
                else:
                    await self._queue.retry(claimed, pause_s)
            except QueueUnavailable as error:
                _log.warning("deferred queue unavailable", reason=str(error))
                await asyncio.sleep(_UNAVAILABLE_S)
            else:
                return

    async def _attempt(self, claimed: Claimed) -> float | None:
        """Process an upload once; return the pause before another attempt, None: it is done."""
        upload = claimed.upload
        try:
            outcome = await self._images(claimed)
        except Failed as error:
            why = str(error)
        except TryAgain as error:
            why = str(error)
            if claimed.attempts < self._settings.max_attempts:
                _log.info("deferred image waits", bucket=upload.bucket, key=upload.key, reason=why)
                return _again(claimed)
        except Exception:  # noqa: BLE001  # whatever one image meets, the others have their turn
            _log.exception("deferred image failed", bucket=upload.bucket, key=upload.key)
            if claimed.attempts < self._settings.max_attempts:
                return _again(claimed)
            why = "unexpected errors"
        else:
            metrics.DEFERRED_IMAGES.labels(outcome).inc()
            return None
        metrics.DEFERRED_IMAGES.labels("failed").inc()
        hint = "optimize it by a job once this is mended"
        _log.error(
            "deferred image given up", bucket=upload.bucket, key=upload.key, reason=why, hint=hint
        )
        return None


def _again(claimed: Claimed) -> float:
    metrics.DEFERRED_IMAGES.labels("retried").inc()
    pause_s: float = _FIRST_PAUSE_S * 2 ** min(claimed.attempts - 1, 30)
    return min(pause_s, _MAX_PAUSE_S)
