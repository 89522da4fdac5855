"""Measure images in several processes, bounding memory by megapixels in flight."""

import multiprocessing
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures import TimeoutError as PoolTimeoutError
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Self

from pebble import ProcessExpired, ProcessPool
from PIL import Image

from slimgate.eval.corpus.corpus import Item
from slimgate.eval.run import work
from slimgate.eval.run.work import ImageResult, Plan

MEGAPIXELS_IN_FLIGHT: Final = 32.0
"""Limit of megapixels measured at a time, at about 40 MB each. A larger image is measured alone."""

_TIMEOUT_S: Final = 600.0
_TIMEOUT_S_PER_MEGAPIXEL: Final = 120.0
_MAX_TASKS: Final = 200  # restart processes now and then, in case a decoder leaks
_BYTES_PER_PIXEL: Final = 0.1  # for objects with unread headers; few have less


@dataclass(frozen=True, slots=True)
class Job:
    """One image to measure, and its estimated size in megapixels."""

    item: Item
    megapixels: float

    @classmethod
    def of(cls, item: Item, *, local: bool) -> Self:
        """Estimate the size of an image, from its header if it is local."""
        pixels = item.bytes / _BYTES_PER_PIXEL
        if local:
            try:
                with Image.open(item.location) as image:
                    pixels = image.width * image.height
            except Exception:  # noqa: BLE001  # decoders raise any exception; the row will report it
                pixels = 0
        return cls(item, max(0.01, pixels / 1e6))


@contextmanager
def pool(plan: Plan, processes: int) -> Iterator[ProcessPool]:
    """Start processes; the context kills them on exit, even while busy."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([work.__name__])
    made = ProcessPool(
        max_workers=processes,
        max_tasks=_MAX_TASKS,
        initializer=work.initialize,
        initargs=[plan],
        context=context,
    )
    try:
        yield made
    finally:
        made.stop()  # type: ignore[no-untyped-call]  # pebble has no annotation
        made.join()


def run(
    workers: ProcessPool,
    jobs: Sequence[Job],
    processes: int,
    *arguments: Any,
) -> Iterator[tuple[Job, ImageResult]]:
    """Measure images, the largest first, and yield each result when it is done.

    Args:
        workers: processes from :func:`pool`.
        jobs: images to measure.
        processes: number of processes.
        arguments: further arguments of :func:`slimgate.eval.run.work.compare`.
    """
    waiting = sorted(jobs, key=lambda job: -job.megapixels)
    running: dict[Future[ImageResult], Job] = {}
    while waiting or running:
        while len(running) < processes and (job := _fitting(waiting, running.values())):
            waiting.remove(job)
            running[scheduled(workers, job, *arguments)] = job
        for ended in wait(running, return_when=FIRST_COMPLETED).done:
            job = running.pop(ended)
            yield job, result(job, ended)


def _fitting(waiting: Sequence[Job], running: Collection[Job]) -> Job | None:
    """Return the largest image that fits into memory."""
    room = MEGAPIXELS_IN_FLIGHT - sum(job.megapixels for job in running)
    if not running:
        return next(iter(waiting), None)
    return next((job for job in waiting if job.megapixels <= room), None)


def scheduled(workers: ProcessPool, job: Job, *arguments: Any) -> "Future[ImageResult]":
    """Measure an image as soon as a process is free.

    Args:
        workers: processes from :func:`pool`.
        job: image to measure.
        arguments: further arguments of :func:`slimgate.eval.run.work.compare`.
    """
    timeout_s = _TIMEOUT_S + _TIMEOUT_S_PER_MEGAPIXEL * job.megapixels
    future: Future[ImageResult] = workers.schedule(
        work.compare, [job.item, *arguments], timeout=timeout_s
    )
    return future


def result(job: Job, future: "Future[ImageResult]") -> ImageResult:
    """Return the result of a finished task; crashes and timeouts are rows, too."""
    try:
        return future.result()
    except PoolTimeoutError:
        why = "took too long"
    except ProcessExpired as error:
        why = f"ended the process that measured it (exit code {error.exitcode})"
    except BrokenProcessPool:
        why = "ended all processes"
    return ImageResult((work.failed(job.item, why),), 0.0, 0, 0)
