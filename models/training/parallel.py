"""Do the same to many images, in several processes."""

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
    """Call a function with each of some tuples of arguments.

    Args:
        function: Of a module, so that other processes find it.
        arguments: One tuple for each image.
        processes: How many work at a time; 1: this one.
        title: Of the progress bar, which is there on a terminal only.

    Returns:
        What the function gave, in the order of the arguments. The first error ends everything.
    """
    with tqdm(total=len(arguments), desc=title, unit="image", disable=None) as progress:
        if processes == 1 or len(arguments) < 2:
            return [_counted(function(*each), progress.update) for each in arguments]
        # Fresh processes: one that is forked from threads of an engine may stop for ever.
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
