"""A bounded file of JSON lines: one line per upload under a shadow policy."""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import structlog

from slimgate.config import Ledger as LedgerSettings

_log = structlog.get_logger(__name__)

Line = Mapping[str, str | int | float | None]

_MODE: Final = 0o640
"""Object keys may be confidential: only owner and group may read them."""


class Ledger:
    """Append lines to a file; a full file becomes ``NAME.1``, replacing an earlier one.

    A line that cannot be written is lost, and requests go on: only the first failure in a row is
    logged. Several gateways may share a file on a local disk.

    Args:
        settings: Path and largest size of the file.
    """

    def __init__(self, settings: LedgerSettings) -> None:
        self._path = None if settings.path is None else Path(settings.path)
        self._max_bytes = settings.max_bytes
        self._works = True

    def write(self, line: Line) -> bool:
        """Write one line, prefixed with the time; nothing if no file is configured.

        Returns:
            Whether the line was written.
        """
        if self._path is None:
            return False
        entry = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), **line}
        try:
            self._append(self._path, json.dumps(entry).encode() + b"\n")
        except OSError as error:
            if self._works:
                _log.error("ledger not written", path=str(self._path), reason=str(error))
            self._works = False
        else:
            self._works = True
        return self._works

    def _append(self, path: Path, line: bytes) -> None:
        # Open the file for each line: another gateway may have rotated it.
        if _size(path) + len(line) > self._max_bytes:
            path.replace(path.with_name(f"{path.name}.1"))
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, _MODE)
        try:
            # One call, so that lines of several gateways do not interleave.
            os.write(file, line)
        finally:
            os.close(file)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
