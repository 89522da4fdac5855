"""Apply a function to many images in several processes."""

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import TypeVar

from tqdm import tqdm

_Result = TypeVar("_Result")


def results(
    function: Callable[..., _Result],
    arguments: Sequence[tuple[object, ...]],
    *,
    processes: int,
    title: str,
) -> list[_Result]:
    """Call a function with each tuple of arguments.

    Args:
        function: module-level function, importable by other processes.
        arguments: one tuple per image.
        processes: number of processes; 1: this process.
        title: title of the progress bar, on a terminal.

    Returns:
        The results, in the order of the arguments. The first error stops everything.
    """
    with tqdm(total=len(arguments), desc=title, unit="image", disable=None) as progress:
        if processes == 1 or len(arguments) < 2:
            return [_counted(function(*each), progress.update) for each in arguments]
        # Spawn: a process forked from an engine's threads may deadlock.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(min(processes, len(arguments)), mp_context=context) as pool:
            jobs = [pool.submit(function, *each) for each in arguments]
            try:
                for job in as_completed(jobs):
                    _counted(job.result(), progress.update)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return [job.result() for job in jobs]


def _counted(result: _Result, count: Callable[[], object]) -> _Result:
    count()
    return result
