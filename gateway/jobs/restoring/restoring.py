"""Restore one file or object, and write it if its digest is that of the manifest."""

import asyncio
import contextlib
import errno
import hashlib
import os
from collections.abc import Awaitable, Callable, Iterator
from io import BufferedReader
from typing import Final, NamedTuple

from slimgate.codec.manifest import MAX_FILE_BYTES, BrokenManifest, Manifest, loads
from slimgate.gateway.jobs.outcome import FAILED
from slimgate.gateway.jobs.restoring.folder import Folder
from slimgate.gateway.jobs.restoring.item import Body, Item, Opened
from slimgate.gateway.jobs.restoring.lost_metadata import HEAD, check_is_plain
from slimgate.gateway.jobs.restoring.memory_budget import MemoryBudget
from slimgate.gateway.workers.pool import UNRESTORABLE, Busy, NotRestored

RESTORED: Final = "restored"
VERIFIED: Final = "would be restored"
THERE: Final = "there already"
COPIED: Final = "copied: they have no manifest"
LEFT_OUT: Final = "left out: they have no manifest"

_PIECE: Final = 1 << 20
_OTHER_ENCODER: Final = (
    "its pixels are right, but an upgraded encoder writes other bytes: --other-encoder takes them"
)
_REASONS: Final = {
    errno.ELOOP: "it is, or lies behind, a symbolic link",
    errno.EEXIST: "another file has this name: --force replaces it",
}


class Verdict(NamedTuple):
    """What became of one file or object.

    Attributes:
        kind: One of the constants of this module, or ``outcome.FAILED``.
        size: Bytes of the restored or copied file.
        reason: Why it failed.
    """

    kind: str
    size: int = 0
    reason: str = ""


class Rules(NamedTuple):
    """What may be written.

    Attributes:
        replace: Files that are there already are replaced.
        plain: Files without a manifest are copied.
        other_encoder: Files may have other bytes than recorded, if their pixels are proved.
    """

    replace: bool = False
    plain: bool = False
    other_encoder: bool = False


class Restoring:
    """Restore files and objects.

    Args:
        restore: Restores a rendition; returns the file, and whether it has the recorded bytes.
        out: Where files are written; None: they are only verified.
        rules: What may be written.
        budget: Bounds the memory that images take.
    """

    def __init__(
        self,
        restore: Callable[[bytes, Manifest], Awaitable[tuple[bytes, bool]]],
        out: Folder | None,
        rules: Rules,
        budget: MemoryBudget,
    ) -> None:
        self._restore = restore
        self._out = out
        self._rules = rules
        self._budget = budget

    async def __call__(self, item: Item) -> Verdict:
        """Restore one; what fails is said in the verdict, and nothing is written then."""
        try:
            with contextlib.closing(await asyncio.to_thread(item.open)) as opened:
                if opened.note is None:
                    return await asyncio.to_thread(self._plain, item, opened)
                return await self._managed(item.name, opened, loads(opened.note))
        except BrokenManifest as error:
            return Verdict(FAILED, reason=f"broken manifest: {error}")
        except OSError as error:
            reason = _REASONS.get(error.errno or 0, error.strerror or str(error))
            return Verdict(FAILED, reason=reason)
        except (*UNRESTORABLE, NotRestored, Busy, ValueError) as error:
            return Verdict(FAILED, reason=str(error))

    async def _managed(self, name: str, opened: Opened, manifest: Manifest) -> Verdict:
        if self._out is not None and await asyncio.to_thread(self._is_there, name, manifest):
            return Verdict(THERE, manifest.size)
        if opened.size > MAX_FILE_BYTES:
            raise ValueError(f"larger than any rendition: {opened.size:,} bytes")
        async with self._budget.reserved(opened.size + manifest.size):
            rendition = await asyncio.to_thread(_read, opened)
            file, as_recorded = await self._restore(rendition, manifest)
            await asyncio.to_thread(_check_digest, file, manifest, as_recorded)
            if not as_recorded and not self._rules.other_encoder:
                raise ValueError(_OTHER_ENCODER)
            if self._out is None:
                return Verdict(VERIFIED, len(file))
            await asyncio.to_thread(self._write, name, iter([file]), opened.modified)
        return Verdict(RESTORED, len(file))

    def _plain(self, item: Item, opened: Opened) -> Verdict:
        """Copy a plain file piece by piece, or leave it out."""
        head = opened.body.read(HEAD)
        if not opened.is_certain:
            check_is_plain(item.name, head)
        if self._out is None or not self._rules.plain:
            return Verdict(LEFT_OUT)
        pieces = _pieces(head, opened.body)
        if not self._rules.replace and (there := self._existing(item.name)) is not None:
            with there:
                if any(there.read(len(each)) != each for each in pieces) or there.read(1):
                    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
            return Verdict(THERE, opened.size)
        self._write(item.name, pieces, opened.modified)
        return Verdict(COPIED, opened.size)

    def _is_there(self, name: str, manifest: Manifest) -> bool:
        """Return whether the restored file is there already.

        Raises:
            FileExistsError: Another file is there, which may not be replaced.
        """
        there = self._existing(name)
        if there is None:
            return False
        with there:
            is_same = (
                os.fstat(there.fileno()).st_size == manifest.size
                and hashlib.file_digest(there, "sha256").hexdigest() == manifest.sha256
            )
        if not is_same and not self._rules.replace:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        return is_same

    def _existing(self, name: str) -> BufferedReader | None:
        """Open the file that has a name already; None: there is none, or a link to replace."""
        if self._out is None:
            return None
        try:
            return self._out.open(name)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno == errno.ELOOP and self._rules.replace:
                return None
            raise

    def _write(self, name: str, pieces: Iterator[bytes], modified: float | None) -> None:
        if self._out is not None:
            self._out.write(name, pieces, modified=modified, replace=self._rules.replace)


def _read(opened: Opened) -> bytes:
    """Read as many bytes as were announced.

    Raises:
        ValueError: There are fewer, or more.
    """
    data = b"".join(_pieces(b"", opened.body, opened.size + 1))
    if len(data) != opened.size:
        raise ValueError(f"it has other than the {opened.size:,} bytes that were announced")
    return data


def _pieces(head: bytes, body: Body, most: int | None = None) -> Iterator[bytes]:
    """Yield a body in pieces, up to a maximum of bytes."""
    if head:
        yield head
    while piece := body.read(_PIECE if most is None else min(_PIECE, most)):
        yield piece
        if most is not None:
            most -= len(piece)


def _check_digest(file: bytes, manifest: Manifest, as_recorded: bool) -> None:
    """Check here, too, what a worker process says of a file.

    Raises:
        ValueError: It is another one.
    """
    is_recorded = hashlib.sha256(file).hexdigest() == manifest.sha256
    if is_recorded != as_recorded or len(file) != manifest.size:
        raise ValueError("what was restored is not the file of the manifest")
