"""Locked files that tell whether a worker on this machine is alive, at once and for certain.

A worker that was killed holds its leases until they run out. If another one shares its folder for
temporary files, the lock, which ended with the process, tells at once that it has ended.
"""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def present(owner: str) -> Iterator[None]:
    """Show that a worker is alive for the duration of the block.

    Args:
        owner: Its name.

    Raises:
        OSError: The file cannot be written.
    """
    path = _path(owner)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def is_gone(owner: str) -> bool:
    """Return whether a worker has certainly ended; one on another machine is unknown, so not."""
    path = _path(owner)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    except (OSError, ValueError):
        return False
    try:
        if os.fstat(descriptor).st_uid != os.getuid():
            return False
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    else:
        path.unlink(missing_ok=True)
        return True
    finally:
        os.close(descriptor)


def _path(owner: str) -> Path:
    # A lease is not trusted: its owner must not lead elsewhere.
    name = "".join(c if c.isalnum() or c in "-." else "_" for c in owner)[:200]
    return Path(tempfile.gettempdir()) / f"slimgate-workers-{os.getuid()}" / f"{name}.lock"
