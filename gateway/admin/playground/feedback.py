"""Store operators' verdicts on restored images, for training."""

import asyncio
import hashlib
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import structlog

from slimgate import models
from slimgate.config import Feedback as FeedbackSettings
from slimgate.config import Ledger as LedgerSettings
from slimgate.gateway.admin.playground.results import Result
from slimgate.gateway.optimize import shadow_log
from slimgate.gateway.telemetry.ledger import Ledger, Line

VERDICTS: Final = ("up", "down")
MAX_COMMENT: Final = 500

_SUFFIXES: Final[Mapping[str, str]] = {
    "image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp",
}  # fmt: skip
"""Types of images to train with."""

_log = structlog.get_logger(__name__)


class FeedbackNotSaved(Exception):
    """A verdict could not be saved; the message says what to do."""


class Feedback:
    """Append verdicts to a file of JSON lines, and optionally save their images.

    Args:
        settings: Paths and limits.
    """

    def __init__(self, settings: FeedbackSettings) -> None:
        self._ledger = Ledger(LedgerSettings(path=settings.path, max_bytes=settings.max_bytes))
        self._folder = None if settings.images is None else Path(settings.images)
        self._max_bytes = settings.images_max_bytes
        self._writing = asyncio.Lock()
        self.wanted = settings.path is not None
        """Whether verdicts are saved."""

    async def take(self, result: Result, verdict: str, comment: str) -> None:
        """Save a verdict.

        Args:
            result: The judged result.
            verdict: One of ``VERDICTS``.
            comment: Comment; truncated if too long.

        Raises:
            FeedbackNotSaved: It could not be written.
        """
        digest = hashlib.sha256(result.upload).hexdigest()
        kept = await self._keep_image(result, digest)
        line: Line = {
            "sha256": digest,
            "verdict": verdict,
            "comment": comment.strip()[:MAX_COMMENT],
            "image": kept,
            "policy": result.policy.name,
            **_outcome(result),
        }
        if not await asyncio.to_thread(self._ledger.write, line):
            raise FeedbackNotSaved("the verdict was not saved: see the gateway's log")
        result.verdict = verdict
        result.verdicts += 1

    async def _keep_image(self, result: Result, digest: str) -> str | None:
        """Save the upload and return its file name; None: not saved."""
        suffix = _SUFFIXES.get(result.mime or "")
        if self._folder is None or suffix is None:
            return None
        name = digest + suffix
        try:
            async with self._writing:
                return await asyncio.to_thread(self._write, self._folder, name, result.upload)
        except OSError as error:
            _log.error("feedback image not saved", folder=str(self._folder), reason=str(error))
            return None

    def _write(self, folder: Path, name: str, data: bytes) -> str | None:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        target = folder / name
        if target.exists():
            return name
        if sum(each.stat().st_size for each in folder.iterdir()) + len(data) > self._max_bytes:
            hint = "train with these images and move them away, or raise images_max_bytes"
            _log.warning("feedback image folder full", folder=str(folder), hint=hint)
            return None
        # Write atomically: training reads every file in the folder.
        partial = folder / f".{secrets.token_hex(8)}"
        try:
            partial.touch(mode=0o640)
            partial.write_bytes(data)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
        return name


def _outcome(result: Result) -> Line:
    found = result.found
    if found is None:
        assert result.refusal is not None  # noqa: S101  # one of the two is there
        return {**shadow_log.plain(len(result.upload), result.refusal), "restorer": None}
    restorer = found.manifest.stored.restorer
    name = None if restorer is None else models.hashed(restorer).name
    return {**shadow_log.small(len(found.rendition), found.manifest), "restorer": name}
