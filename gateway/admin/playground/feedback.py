"""Keep what operators think of restored images, for training."""

import asyncio
import hashlib
import secrets
from pathlib import Path
from typing import Final

import structlog

import models
from config import Feedback as FeedbackSettings
from config import Ledger as LedgerSettings
from gateway.admin.playground.results import Result
from gateway.optimize import shadow_log
from gateway.telemetry.ledger import Ledger, Line

VERDICTS: Final = ("up", "down")
MAX_COMMENT: Final = 500

_SUFFIXES: Final = {"image/jpeg": ".jpg", "image/png": ".png", "image/webp": ".webp"}

_log = structlog.get_logger(__name__)


class FeedbackNotSaved(Exception):
    """A verdict could not be kept; the message says what to do."""


class Feedback:
    """Write verdicts as JSON lines, and keep the images where that is wanted.

    Args:
        settings: Where, and how much.
    """

    def __init__(self, settings: FeedbackSettings) -> None:
        self._ledger = Ledger(LedgerSettings(path=settings.path, max_bytes=settings.max_bytes))
        self._folder = None if settings.images is None else Path(settings.images)
        self._max_bytes = settings.images_max_bytes
        self._writing = asyncio.Lock()
        self.wanted = settings.path is not None
        """Whether verdicts are kept at all."""

    async def take(self, result: Result, verdict: str, comment: str) -> None:
        """Keep a verdict.

        Args:
            result: What it is about.
            verdict: One of ``VERDICTS``.
            comment: What else was said; its end is cut off where it is too long.

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
            raise FeedbackNotSaved("the verdict was not written: the gateway's log says why")
        result.verdict = verdict
        result.verdicts += 1

    async def _keep_image(self, result: Result, digest: str) -> str | None:
        """Keep the upload, and give the name of its file; None: it is not kept."""
        if self._folder is None or result.mime is None:
            return None
        name = digest + _SUFFIXES[result.mime]
        try:
            async with self._writing:
                return await asyncio.to_thread(self._write, self._folder, name, result.upload)
        except OSError as error:
            _log.error("image of a verdict not kept", folder=str(self._folder), reason=str(error))
            return None

    def _write(self, folder: Path, name: str, data: bytes) -> str | None:
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        target = folder / name
        if target.exists():
            return name
        if sum(each.stat().st_size for each in folder.iterdir()) + len(data) > self._max_bytes:
            hint = "train with what is there and move it away, or raise images_max_bytes"
            _log.warning("the folder of images is full", folder=str(folder), hint=hint)
            return None
        # Complete or not at all: training reads whatever lies there.
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
