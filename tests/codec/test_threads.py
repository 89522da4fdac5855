"""Tests of the threads of one job: they change when something is computed, and nothing else."""

import subprocess
import sys
import threading

import pytest

from slimgate.codec.threads import ALONE, Threads


@pytest.mark.parametrize("count", [1, 2, 5])
def test_results_come_in_the_order_of_their_arguments(count: int) -> None:
    """Results are those of a loop, however many threads there are."""
    with Threads(count) as threads:
        assert threads.map(lambda number: number**2, range(50)) == [n**2 for n in range(50)]
        assert list(threads.ahead(str, range(5))) == ["0", "1", "2", "3", "4"]
        assert list(threads.ahead(str, [])) == []


@pytest.mark.parametrize("count", [1, 3])
def test_errors_reach_the_caller(count: int) -> None:
    """An error of a part is that of the job."""

    def broken() -> int:
        raise ValueError("broken")

    with Threads(count) as threads:
        with pytest.raises(ValueError, match="broken"):
            threads.map(lambda _: broken(), [1])
        result = threads.start(broken)
        with pytest.raises(ValueError, match="broken"):
            result()


def test_parts_run_beside_each_other() -> None:
    """Two parts that wait for each other both end."""
    meeting = threading.Barrier(2, timeout=10)
    with Threads(2) as threads:
        assert sorted(threads.map(lambda _: meeting.wait(), range(2))) == [0, 1]


def test_alone_nothing_runs_before_it_is_asked_for() -> None:
    """One thread computes as a plain program does, in the caller."""
    seen = list[int]()
    result = ALONE.start(lambda: seen.append(threading.get_ident()))
    assert seen == []
    result()
    assert seen == [threading.get_ident()]


def test_a_system_without_threads_leaves_the_caller_alone() -> None:
    """Limits of a container cost time and not the job."""
    script = (
        "import resource, threading; from slimgate.codec.threads import Threads;"
        "threading.stack_size(1 << 30); resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30));"
        "threads = Threads(4); print(threads.count, threads.map(abs, [-1, 2]))"
    )
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, check=True)
    assert done.stdout == b"1 [1, 2]\n"
