"""What shadow policies find out, one JSON line per upload, in a file that stays bounded."""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import structlog

from codec.manifest import Manifest
from config import Ledger as LedgerSettings

_log = structlog.get_logger(__name__)

Line = Mapping[str, str | int | float | None]

_MODE: Final = 0o640
"""Keys of objects may be confidential: nobody but owner and group reads them."""


class Ledger:
    """Append lines to a file; a file that is full becomes ``NAME.1``, in place of an earlier one.

    A line that cannot be written is lost and costs nothing else: the first failure is logged, and
    again the first one after a line that could be written. Several gateways may share a file, as
    long as it lies on a local disk.

    Args:
        settings: Where the file is, and how large it may become.
    """

    def __init__(self, settings: LedgerSettings) -> None:
        self._path = None if settings.path is None else Path(settings.path)
        self._max_bytes = settings.max_bytes
        self._works = True

    def write(self, line: Line) -> bool:
        """Write one line, with the time before it, or nothing when no file is configured.

        Returns:
            Whether the line is in the file.
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
        # Opened anew for each line: another gateway may have moved the full file away.
        if _size(path) + len(line) > self._max_bytes:
            path.replace(path.with_name(f"{path.name}.1"))
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, _MODE)
        try:
            # In one call, so that lines of several gateways do not mix.
            os.write(file, line)
        finally:
            os.close(file)


def optimizable(policy: str, name: tuple[str, str], stored_bytes: int, manifest: Manifest) -> Line:
    """Make the line of an upload that would have been stored small.

    Args:
        policy: Name of the policy.
        name: Bucket and key.
        stored_bytes: Size of the rendition.
        manifest: How it would have been restored.
    """
    return {**_named(policy, name), **small(stored_bytes, manifest)}


def staying(policy: str, name: tuple[str, str], uploaded_bytes: int | None, reason: str) -> Line:
    """Make the line of an upload that would have been stored as it came.

    Args:
        policy: Name of the policy.
        name: Bucket and key.
        uploaded_bytes: Size of the upload; None: not known.
        reason: Why it stays.
    """
    return {**_named(policy, name), **plain(uploaded_bytes, reason)}


def small(stored_bytes: int, manifest: Manifest) -> dict[str, str | int | float | None]:
    """Say how an image is stored small; the arguments are those of :func:`optimizable`."""
    stored, measured = manifest.stored, manifest.measured
    return {
        "tier": stored.tier,
        "codec": stored.codec,
        "scale": stored.scale,
        "quality": stored.quality,
        "uploaded_bytes": manifest.size,
        "stored_bytes": stored_bytes,
        "psnr_db": measured.psnr_db,
        "ssim": measured.ssim,
        "orb": measured.orb,
        "reason": None,
    }


def plain(uploaded_bytes: int | None, reason: str) -> dict[str, str | int | float | None]:
    """Say why an image stays as it came; the arguments are those of :func:`staying`."""
    nothing = dict.fromkeys(("codec", "scale", "quality"))
    unmeasured = dict.fromkeys(("psnr_db", "ssim", "orb"))
    sizes = {"uploaded_bytes": uploaded_bytes, "stored_bytes": uploaded_bytes}
    return {"tier": "plain", **nothing, **sizes, **unmeasured, "reason": reason}


def _named(policy: str, name: tuple[str, str]) -> dict[str, str]:
    return {"policy": policy, "bucket": name[0], "key": name[1]}


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
