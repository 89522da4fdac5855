"""Watch the memory of a gateway and of all its processes: shared pages count once."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.servers.gateway import GatewayProcess

_SAMPLE_S: Final = 0.1


@dataclass
class Peak:
    """The most memory seen, proportional set sizes in bytes.

    Attributes:
        own: The process that clients talk to.
        tree: It with its workers and its engine.
    """

    own: int = 0
    tree: int = 0

    def see(self, process: GatewayProcess) -> None:
        """Take a sample."""
        own = pss(process.process.pid)
        tree = own + sum(pss(child.pid) for child in process.children())
        self.own, self.tree = max(self.own, own), max(self.tree, tree)


@contextmanager
def watched(process: GatewayProcess) -> Iterator[Peak]:
    """Sample the memory while the block runs."""
    peak = Peak()
    peak.see(process)
    with repeated(lambda: peak.see(process), _SAMPLE_S):
        yield peak


@contextmanager
def repeated(sample: Callable[[], None], every_s: float) -> Iterator[None]:
    """Take samples in a thread while the block runs."""
    over = threading.Event()

    def sampling() -> None:
        while not over.wait(every_s):
            sample()

    thread = threading.Thread(target=sampling)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def pss(pid: int) -> int:
    """Return the proportional set size of a process, bytes; 0 if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):  # it has ended
        return 0
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:"))
