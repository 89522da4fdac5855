"""Memory use of a run, and a description of the machine."""

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
    """Peak memory per process.

    Args:
        processes: number of concurrent processes.
    """

    def __init__(self, processes: int) -> None:
        self._processes = processes
        self._peaks: dict[int, int] = {}

    def note(self, process: int, peak_bytes: int) -> None:
        """Record the peak memory of a process."""
        self._peaks[process] = max(peak_bytes, self._peaks.get(process, 0))

    def total(self) -> int:
        """Return the peak memory of all concurrent processes and this one, in bytes.

        Pages shared by processes count once per process.
        """
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024  # kibibytes, on Linux
        return own + sum(sorted(self._peaks.values())[-self._processes :])


def versions() -> dict[str, str]:
    """Return versions of everything that creates or measures pixels."""
    found = {name: metadata.version(name) for name in _PACKAGES}
    return {"python": platform.python_version(), **found}


def machine() -> dict[str, str]:
    """Return a description of the machine, for comparing times."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "processor": _processor(),
        "cores": str(cores()),
        "memory": f"{pages / 2**30:.1f} GiB",
        "system": platform.platform(aliased=True, terse=True),
    }


def cores() -> int:
    """Return the number of cores available to this process."""
    return len(os.sched_getaffinity(0))


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())
