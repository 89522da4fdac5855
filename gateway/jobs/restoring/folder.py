"""A folder whose files are reached part by part of their names.

Names come from buckets, so anyone who may upload chooses them: no name leads out of the folder, and
no symbolic link below it is followed.
"""

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from io import BufferedReader
from pathlib import Path
from typing import Final

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_MODE: Final = 0o666  # less the umask, as of any new file
_LONGEST: Final = 255  # bytes of a part of a name, on all file systems of Linux
_NO_SYNC: Final = frozenset({errno.EINVAL, errno.EOPNOTSUPP})
_NO_LINKS: Final = frozenset({errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMLINK})


class UnsafeName(ValueError):
    """A name that is not that of a file below a folder; the message says why."""


class Folder:
    """Read and write files below a folder.

    Args:
        path: The folder; may itself be a symbolic link.

    Raises:
        OSError: It is not a folder, or may not be entered.
    """

    def __init__(self, path: Path) -> None:
        self._root = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def close(self) -> None:
        """Let go of the folder."""
        os.close(self._root)

    def open(self, name: str) -> BufferedReader:
        """Open a regular file for reading.

        Raises:
            UnsafeName: The name may not be used.
            OSError: There is no such file, or it is a symbolic link or a device.
        """
        with self._parent(name, create=False) as (parent, last):
            file = os.open(last, _READ, dir_fd=parent)
        if not stat.S_ISREG(os.fstat(file).st_mode):
            os.close(file)
            raise UnsafeName("it is not a regular file")
        return os.fdopen(file, "rb")

    def write(
        self, name: str, pieces: Iterable[bytes], *, modified: float | None, replace: bool
    ) -> None:
        """Write a file that is there in full or not at all; missing folders are made.

        Args:
            name: Name of the file, with slashes.
            pieces: Its bytes.
            modified: Time of its last change, seconds since 1970; None: now.
            replace: Whether a file of that name is replaced.

        Raises:
            UnsafeName: The name may not be used.
            FileExistsError: There is such a file, and it is not to be replaced.
            OSError: It cannot be written.
        """
        with self._parent(name, create=True) as (parent, last):
            temporary = f".slimgate-{secrets.token_hex(8)}"
            try:
                _write_new(temporary, parent, pieces, modified)
                if replace:
                    os.replace(temporary, last, src_dir_fd=parent, dst_dir_fd=parent)
                else:
                    _move_to_new(temporary, last, parent)
                _keep_names(parent)
            finally:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(temporary, dir_fd=parent)

    @contextlib.contextmanager
    def _parent(self, name: str, *, create: bool) -> Iterator[tuple[int, str]]:
        """Open the folder of a file, and yield it with the last part of the name."""
        *folders, last = parts(name)
        found = os.dup(self._root)
        try:
            for each in folders:
                if create:
                    _make(each, found)
                below = os.open(each, _DIRECTORY, dir_fd=found)
                os.close(found)
                found = below
            yield found, last
        finally:
            os.close(found)


def parts(name: str) -> list[str]:
    """Split a name at its slashes.

    Raises:
        UnsafeName: A part is empty, too long, or names a folder above.
    """
    found = name.split("/")
    for each in found:
        if each in {"", ".", ".."} or "\0" in each:
            raise UnsafeName("no file can have this name: a part of it is empty, '.' or '..'")
        if len(os.fsencode(each)) > _LONGEST:
            raise UnsafeName(f"no file can have this name: a part is longer than {_LONGEST} bytes")
    return found


def _write_new(name: str, parent: int, pieces: Iterable[bytes], modified: float | None) -> None:
    with os.fdopen(os.open(name, _CREATE, _MODE, dir_fd=parent), "wb") as file:
        for each in pieces:
            file.write(each)
        file.flush()
        os.fsync(file.fileno())  # people delete buckets once all is restored
        if modified is not None:
            os.utime(file.fileno(), (modified, modified))


def _make(name: str, parent: int) -> None:
    """Make a folder, unless it is there."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, dir_fd=parent)
        _keep_names(parent)


def _keep_names(folder: int) -> None:
    """Wait until the names in a folder survive a power failure, where its file system can."""
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise


def _move_to_new(temporary: str, name: str, parent: int) -> None:
    """Give a file its name, unless another has it."""
    try:
        os.link(temporary, name, src_dir_fd=parent, dst_dir_fd=parent, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # Without hard links, as on FAT: an empty file reserves the name.
        os.close(os.open(name, _CREATE, _MODE, dir_fd=parent))
        os.replace(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)
