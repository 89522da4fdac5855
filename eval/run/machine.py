"""How much memory a run takes, and what machine it runs on."""

import os
import platform
import resource
from importlib import metadata
from pathlib import Path
from typing import Final

_PACKAGES: Final = (
    "slimgate",
    "numpy",
    "opencv-python-headless",
    "pillow",
    "imagecodecs",
    "openvino",
)


class Peaks:
    """The most memory of each process.

    Args:
        processes: How many of them live at the same time.
    """

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._peaks: dict[int, int] = {}

    def note(self, process: int, peak_bytes: int) -> None:
        """Note what a process has had so far."""
        self._peaks[process] = max(peak_bytes, self._peaks.get(process, 0))

    def total(self) -> int:
        """Give what all had at the same time at most, this process included, bytes.

        Pages that processes share count for each of them.
        """
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # kibibytes, on Linux
        return own + sum(sorted(self._peaks.values())[-self._processes :])


def versions() -> dict[str, str]:
    """Give the version of everything that makes or measures pixels."""
    found = {name: metadata.version(name) for name in _PACKAGES}
    return {"python": platform.python_version(), **found}


def machine() -> dict[str, str]:
    """Describe the machine for people who compare times."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "processor": _processor(),
        "cores": str(cores()),
        "memory": f"{pages / 2**30:.1f} GiB",
        "system": platform.platform(aliased=True, terse=True),
    }


def cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0))


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())
