"""Batch the tiles of all images in flight for one network."""

import logging
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Self

import numpy as np

from slimgate.models.engine.batch_limit import BatchLimit
from slimgate.models.engine.inflight import Counters, InFlight
from slimgate.models.engine.network import (
    BadResult,
    EngineError,
    Network,
    OutOfMemory,
    Pixels,
    Tiles,
)
from slimgate.models.engine.tile_scheduler import Job, Ticket
from slimgate.models.engine.tiling import Tiling, tiling_of

_log = logging.getLogger(__name__)


class BatchingQueue:
    """Computes images with one network in one thread; thread-safe.

    A batch runs when it is full or its oldest tile has waited long enough. Images with few tiles go
    first, without starving others; see :mod:`slimgate.models.engine.tile_scheduler`.

    Args:
        network: network, used by this queue alone.
        max_wait_ms: maximum wait of a tile for a full batch, milliseconds.
        max_pixels: maximum output pixels in flight, in whole tiles. A larger image is accepted if
            no other is in flight.
        max_batch: maximum tiles per batch, if below the network's.

    Raises:
        ValueError: a limit is out of range.
    """

    def __init__(
        self,
        network: Network,
        *,
        max_wait_ms: float,
        max_pixels: int,
        max_batch: int | None = None,
    ) -> None:
        most = network.max_batch if max_batch is None else min(max_batch, network.max_batch)
        if most < 1 or max_pixels < 1 or not 0 <= max_wait_ms < math.inf:
            raise ValueError("max_batch and max_pixels must be at least 1, max_wait_ms at least 0")
        self.network = network
        self._limit = BatchLimit(most)
        self._inflight = InFlight(max_pixels=max_pixels, max_wait_s=max_wait_ms / 1e3)
        # A daemon thread: a process may exit without closing the queue.
        self._thread = threading.Thread(target=self._serve, name="batches", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def counters(self) -> Counters:
        """Return a snapshot of all counters."""
        return self._inflight.counters

    def submit(
        self,
        pixels: Pixels,
        *,
        level: int,
        canvas: Callable[[], Pixels],
        timeout_s: float | None = None,
    ) -> Future[Pixels]:
        """Queue an image.

        Cancelling the future drops tiles that are not yet in a batch. Futures complete in the
        queue's thread, so their callbacks must be short.

        Args:
            pixels: uint8, (height, width, channels of a tile less one); must not change until the
                future is done.
            level: coding level, 0 to 255.
            canvas: called in this thread once the image is accepted; returns the array that
                receives results or to which they are added: writable uint8, (height * scale, width
                * scale) or with three channels.
            timeout_s: deadline of the result, seconds; None: none.

        Returns:
            A future of the canvas. It fails with TooLate if the deadline passes while tiles are
            left, checked between batches, and with another EngineError if the engine fails or the
            queue is closed.

        Raises:
            Busy: too many pixels are in flight.
            EngineError: the queue is closed.
            ValueError: image, level or canvas do not fit this network.
        """
        deadline = math.inf if timeout_s is None else time.monotonic() + timeout_s
        tiling = tiling_of(self.network, pixels)
        if not 0 <= level <= 255:
            raise ValueError(f"level must be 0 to 255, not {level}")
        cost = len(tiling) * (tiling.core * tiling.scale) ** 2
        number = self._inflight.reserve(cost)
        try:
            made = _checked(canvas(), tiling)
            now = time.monotonic()
            job = Job(number, pixels, made, tiling, level, cost=cost, since=now, deadline=deadline)
            self._inflight.add(job)
        except BaseException:
            self._inflight.withdraw(cost)
            raise
        return job.future

    def close(self) -> None:
        """Fail all images in flight, and wait for the current batch."""
        self._inflight.close()
        self._thread.join()

    def _serve(self) -> None:
        while not self._inflight.closed:
            self._compute(self._inflight.due(self._limit.at(time.monotonic())))

    def _compute(self, tickets: list[Ticket]) -> None:
        # Jobs may have been cancelled meanwhile, or failed with another tile of the same image.
        while tickets := [ticket for ticket in tickets if self._inflight.holds(ticket[0])]:
            batch = tickets[: self._limit.at(time.monotonic())]
            if self._attempt(batch):
                tickets = tickets[len(batch) :]

    def _attempt(self, batch: list[Ticket]) -> bool:
        """Compute a batch; return False to retry with a smaller one."""
        try:
            self._deliver(batch, self._run(batch))
        except OutOfMemory as error:
            if len(batch) > 1:
                self._shrink(len(batch))
                return False
            self._fail(batch, error)
        except Exception as error:  # noqa: BLE001  # any failure is reported to the callers
            self._fail(batch, error)
        return True

    def _run(self, batch: list[Ticket]) -> Tiles:
        side, scale = self.network.tile, self.network.scale
        tiles = np.empty((len(batch), side, side, self.network.channels), np.uint8)
        for out, (job, number) in zip(tiles, batch, strict=True):
            job.tiling.cut(job.pixels, number, level=job.level, out=out)
        results = self.network.run(tiles)
        expected = (len(batch), side * scale, side * scale, 3)
        dtype = np.int8 if self.network.gives == "residual" else np.uint8
        if results.shape != expected or results.dtype != dtype:
            raise BadResult(
                f"the network returned {results.dtype} {results.shape} instead of "
                f"{np.dtype(dtype)} {expected}: it does not match its card"
            )
        slots = self._limit.at(time.monotonic())
        self._inflight.count(batches=1, tiles=len(batch), slots=slots)
        return results

    def _deliver(self, batch: list[Ticket], results: Tiles) -> None:
        for result, (job, number) in zip(results, batch, strict=True):
            job.tiling.paste(result, number, job.canvas)
            job.pasted += 1
            if job.pasted == len(job.tiling):
                self._inflight.settle(job)

    def _shrink(self, size: int) -> None:
        smaller = self._limit.halve(size, time.monotonic())
        self._inflight.count(halvings=1)
        _log.warning("%d tiles did not fit into memory; continuing with %d", size, smaller)

    def _fail(self, batch: list[Ticket], error: Exception) -> None:
        _log.error("a batch of %d tiles failed", len(batch), exc_info=error)
        for job, _ in batch:
            self._inflight.settle(job, _failure(error))


def _checked(canvas: Pixels, tiling: Tiling) -> Pixels:
    expected = (tiling.height * tiling.scale, tiling.width * tiling.scale)
    if (
        canvas.dtype != np.uint8
        or canvas.shape not in (expected, (*expected, 3))
        or not canvas.flags.writeable
    ):
        raise ValueError(
            f"the canvas must be writable uint8 {expected}, or with three channels; "
            f"this is {canvas.dtype} {canvas.shape}"
        )
    return canvas


def _failure(error: Exception) -> EngineError:
    """Return a separate error per image: each is raised in another thread."""
    kind = type(error) if isinstance(error, EngineError) else EngineError
    failure = kind(str(error) or type(error).__name__)
    # The traceback was logged; keeping it would keep every image of the batch in memory.
    failure.__cause__ = error.with_traceback(None)
    return failure
