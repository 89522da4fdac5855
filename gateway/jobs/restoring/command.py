"""The command that restores renditions offline."""

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Final, NoReturn

from tqdm import tqdm

from slimgate.config import Engine
from slimgate.eval.corpus import buckets
from slimgate.gateway.jobs.address import Place
from slimgate.gateway.jobs.outcome import FAILED
from slimgate.gateway.jobs.printable import printable
from slimgate.gateway.jobs.resources import UsageError
from slimgate.gateway.jobs.restoring import bucket, files
from slimgate.gateway.jobs.restoring.folder import Folder
from slimgate.gateway.jobs.restoring.item import Item
from slimgate.gateway.jobs.restoring.memory_budget import MemoryBudget
from slimgate.gateway.jobs.restoring.restoring import LEFT_OUT, Restoring, Rules, Verdict
from slimgate.gateway.workers.pool import Workers

_BUDGET_BYTES: Final = 1 << 30
_PATIENCE: Final = {"max_queue": 10_000, "max_queue_wait_s": 3600.0}
_NO_MANIFEST: Final = (
    "Nothing here has a manifest. If these are renditions, their metadata was lost when they were "
    "copied: rclone copy --metadata keeps it, aws s3 sync does not.\n"
)


async def restore(options: argparse.Namespace) -> int:
    """Restore renditions from the command line.

    Returns:
        0; 1 if a file failed, or none has a manifest.

    Raises:
        UsageError: The arguments do not fit together.
        OSError, ValueError: The source cannot be read, or the folder for files not be made.
        CannotStart: Workers do not start.
    """
    _check(options)
    engine = Engine.model_validate({"workers": options.jobs or "auto", **_PATIENCE})
    rules = Rules(options.force, options.all, options.other_encoder)
    async with AsyncExitStack() as stack:
        items = _items(options, stack)
        out = None if options.out is None else _folder(options.out, stack, made=True)
        workers = await stack.enter_async_context(Workers(engine))
        restoring = Restoring(workers.restore, out, rules, MemoryBudget(_BUDGET_BYTES))
        counts = await _each(items, restoring, 2 * engine.worker_count)
    sys.stdout.writelines(f"{counts[kind]:>15,}  {kind}\n" for kind in sorted(counts))
    if counts.keys() <= {LEFT_OUT}:
        sys.stderr.write(_NO_MANIFEST)
        return 1
    return 1 if counts[FAILED] else 0


def _check(options: argparse.Namespace) -> None:
    """Check arguments that depend on each other.

    Raises:
        UsageError: They do not fit together.
    """
    place = options.place
    if options.metadata is not None and (isinstance(place, Place) or not place.is_dir()):
        raise UsageError("--metadata is for a folder of files")
    if options.endpoint_url is not None and isinstance(place, Path):
        raise UsageError("--endpoint-url is for s3://BUCKET/PREFIX")
    if options.out is None or isinstance(place, Place):
        return
    source, out = place.resolve(), options.out.resolve()
    if place.is_dir() and (out == source or source in out.parents):
        raise UsageError("--out must be outside of the folder that is read")


def _items(options: argparse.Namespace, stack: AsyncExitStack) -> Iterator[Item]:
    place = options.place
    if isinstance(place, Place):
        return bucket.of_bucket(buckets.client(options.endpoint_url), place)
    if not place.is_dir():
        return files.of_file(_folder(place.parent, stack), place.name)
    if options.metadata is not None:
        return files.of_list(_folder(place, stack), options.metadata)
    return files.of_folder(_folder(place, stack), place)


def _folder(path: Path, stack: AsyncExitStack, *, made: bool = False) -> Folder:
    """Open a folder for the duration of the command."""
    if made:
        path.mkdir(parents=True, exist_ok=True)
    return stack.enter_context(closing(Folder(path)))


async def _each(
    items: Iterator[Item], restore_one: Callable[[Item], Awaitable[Verdict]], at_once: int
) -> Counter[str]:
    """Restore all items, some at a time, and count the verdicts.

    Raises:
        OSError, ValueError: The items cannot be listed to their end; what had begun is done.
    """
    counts: Counter[str] = Counter()
    slots = asyncio.Semaphore(at_once)

    async def one(item: Item) -> None:
        try:
            verdict = await restore_one(item)
        finally:
            slots.release()
        counts[verdict.kind] += 1
        bar.update()
        if verdict.reason:
            bar.write(printable(f"{item.name}: {verdict.reason}"), file=sys.stderr)

    failed: Exception | None = None
    bar: tqdm[NoReturn] = tqdm(unit="file", disable=None, dynamic_ncols=True)
    with bar:
        async with asyncio.TaskGroup() as group:
            while failed is None:
                await slots.acquire()
                try:
                    item = await asyncio.to_thread(next, items, None)
                except (OSError, ValueError) as error:
                    failed = error
                else:
                    if item is None:
                        break
                    group.create_task(one(item))
    if failed is not None:
        raise failed
    return counts
