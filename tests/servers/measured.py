"""The gateway with every step of its event loop timed: ``python -m tests.servers.measured …``.

It takes the arguments of ``slimgate`` and logs each step that took more than
``LOG_MS`` of the thread's own CPU time, which a busy machine does not lengthen as it does the
clock's. The loop is asyncio's: uvloop cannot be looked into.
"""

import asyncio
import sys
import threading
import time
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Final

import structlog
import uvloop

from slimgate.cli import main

HELD: Final = "the event loop was held"
"""The event that a long step is logged as."""

LOG_MS: Final = 15.0
_SAMPLE_S: Final = 0.01
_FRAMES: Final = 6

_log = structlog.get_logger(__name__)


class _Stopwatch:
    """Times the steps of the loop of the main thread, and looks at what long ones are doing."""

    def __init__(self) -> None:
        self._began = 0.0
        self._seen = ""

    def measuring(self, run: Callable[[asyncio.Handle], None]) -> Callable[[asyncio.Handle], None]:
        """Wrap what runs a step."""

        def measured(handle: asyncio.Handle) -> None:
            self._seen, self._began = "", time.monotonic()
            cpu_s = time.thread_time()
            try:
                run(handle)
            finally:
                cpu_ms = 1000 * (time.thread_time() - cpu_s)
                wall_ms, self._began = 1000 * (time.monotonic() - self._began), 0.0
                if cpu_ms > LOG_MS:
                    _log.warning(HELD, cpu_ms=cpu_ms, wall_ms=wall_ms, at=self._seen)

        return measured

    def look(self) -> None:
        """Note where the main thread is, for ever, whenever it has been there for a while."""
        main_thread = threading.main_thread().ident or 0
        while True:
            time.sleep(_SAMPLE_S)
            began = self._began
            if began and time.monotonic() - began > LOG_MS / 1000:
                self._seen = _where(sys._current_frames().get(main_thread))


def _where(frame: FrameType | None) -> str:
    places = traceback.extract_stack(frame)[-_FRAMES:]
    return " > ".join(f"{place.filename.rpartition('/')[2]}:{place.lineno}" for place in places)


if __name__ == "__main__":
    stopwatch = _Stopwatch()
    # There is no public way in.
    asyncio.Handle._run = stopwatch.measuring(asyncio.Handle._run)  # type: ignore[method-assign,assignment]
    uvloop.run = asyncio.run  # type: ignore[assignment]
    threading.Thread(target=stopwatch.look, daemon=True).start()
    sys.exit(main())
