import resource
import subprocess
import sys

from slimgate.gateway.http.connection import SendProgress
from tests.config.builders import settings

_LIMITS = settings(limits={"client_timeout_s": 10, "min_client_rate": 100}).limits


def _judged(*left: int) -> list[bool]:
    """Look once a second at the bytes left."""
    progress = SendProgress()
    return [
        progress.is_too_slow(count, float(second), _LIMITS) for second, count in enumerate(left)
    ]


def test_who_reads_nothing_crawls() -> None:
    """A reader is too slow only after the full timeout without progress."""
    assert _judged(*[5000] * 11) == [False] * 10 + [True]


def test_who_reads_at_the_rate_does_not_crawl() -> None:
    """A client that reads at the minimum rate is never too slow."""
    assert not any(_judged(*range(100_000, 95_000, -100)))
    assert any(_judged(*range(100_000, 95_000, -99)))


def test_what_is_added_does_not_hide_what_is_read() -> None:
    """A client that keeps up is not too slow, however many bytes are unsent."""
    assert not any(_judged(*[5000, 1000] * 30))


def test_as_many_files_as_are_needed() -> None:
    """A process raises its limit of open files, and warns if it cannot."""
    code = (
        "import resource as r; from slimgate.gateway.http.runner import allow_files;"
        "r.setrlimit(r.RLIMIT_NOFILE, (256, 700)); allow_files(600);"
        "print(r.getrlimit(r.RLIMIT_NOFILE)); allow_files(900); print(r.getrlimit(r.RLIMIT_NOFILE))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "(600, 700)" in done.stdout
    assert "(700, 700)" in done.stdout
    assert "ulimit -n" in done.stdout + done.stderr
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] >= 256
