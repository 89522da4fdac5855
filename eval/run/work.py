"""Code of worker processes: read one image, measure it, and return its rows.

Errors become rows. A crash or hang costs one process.
"""

import hashlib
import os
import resource
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final

import cv2
from PIL import AvifImagePlugin

from slimgate.codec.image import content_kind
from slimgate.codec.manifest import Manifest
from slimgate.codec.measures.prepared import Prepared
from slimgate.codec.search import guards
from slimgate.config import Engine, Floor, Policy
from slimgate.eval.compare.image_strategies import Comparison
from slimgate.eval.compare.outcomes import NETWORK_TIMEOUT_S
from slimgate.eval.compare.row_builder import RowBuilder
from slimgate.eval.compare.rows import Crop, Row
from slimgate.eval.compare.strategies import POLICY
from slimgate.eval.corpus import buckets
from slimgate.eval.corpus.buckets import TooLarge, Unreadable
from slimgate.eval.corpus.corpus import Item
from slimgate.eval.corpus.inspection import Broken, Inspection, look
from slimgate.eval.report import crops
from slimgate.models.engine.loading import LocalRestorers, Restorers

RENDITIONS: Final = "renditions"
"""Folder of renditions, next to the rows: ``….bin`` and its manifest ``….json``."""

_UNSEEN: Final = Inspection("", 0, 0, None)


@dataclass(frozen=True, slots=True)
class Plan:
    """Settings shared by all images.

    Attributes:
        policy: policy as configured.
        engine: engine of networks.
        auto: detect classes from images.
        folder: folder of the report.
        bucket: bucket of the images; None: files.
        endpoint: endpoint of the bucket; None: the default.
    """

    policy: Policy
    engine: Engine
    auto: bool
    folder: Path
    bucket: str | None = None
    endpoint: str | None = None


@dataclass(frozen=True, slots=True)
class ImageResult:
    """Result for one image.

    Attributes:
        rows: rows to write.
        cpu_s: CPU time, seconds.
        process: process ID.
        peak_bytes: peak memory of the process so far.
    """

    rows: tuple[Row, ...]
    cpu_s: float
    process: int
    peak_bytes: int


class _Process:
    """State that a worker process keeps between images."""

    plan: ClassVar[Plan]
    upscalers: ClassVar[LocalRestorers]
    s3: ClassVar[Any] = None


def initialize(plan: Plan) -> None:
    """Initialize a worker process; Ctrl-C is left to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _Process.plan = plan
    _Process.upscalers = single_threaded(plan.engine)
    if plan.bucket is not None:
        _Process.s3 = buckets.client(plan.endpoint)


def single_threaded(engine: Engine) -> LocalRestorers:
    """Limit this process to one thread, as one process per core runs; return its restorers."""
    cv2.setNumThreads(1)
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    alone = engine.model_copy(update={"threads": 1, "max_wait_ms": 0.0})
    return LocalRestorers(Restorers(alone, timeout_s=NETWORK_TIMEOUT_S))


def compare(item: Item, later: dict[str, int] | None = None) -> ImageResult:
    """Measure one image.

    Args:
        item: image to measure.
        later: quality of each strategy with one for all images; None: all other strategies.
    """
    began = time.process_time()
    try:
        rows = _rows(item, later)
    except MemoryError:
        rows = (failed(item, "exceeds this machine's memory"),)
    except Exception as error:  # noqa: BLE001  # decoders raise any exception; others continue
        rows = (failed(item, f"cannot be measured: {type(error).__name__}: {error}"),)
    # Kibibytes, on Linux.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return ImageResult(rows, time.process_time() - began, os.getpid(), peak)


def cut(item: Item, row: Row) -> Crop | None:
    """Return a crop of an image; None if the image has changed or is gone.

    Args:
        item: image to crop.
        row: measures of the image under the policy.
    """
    plan = _Process.plan
    binary, note = rendition_files(plan.folder, item.name)
    try:
        source = look(read(item, plan, _Process.s3), plan.policy).source
        kept = binary.read_bytes(), note.read_text()
    except (Unreadable, Broken, OSError):
        return None
    return crops.exhibit(row, source, *kept, _Process.upscalers) if source else None


def rendition_files(folder: Path, image: str) -> tuple[Path, Path]:
    """Return the files of an image's rendition and manifest."""
    name = hashlib.sha256(image.encode()).hexdigest()[:32]
    return folder / RENDITIONS / f"{name}.bin", folder / RENDITIONS / f"{name}.json"


def failed(item: Item, why: str) -> Row:
    """Return the row of an image that could not be measured."""
    return Row(item.name, item.kind, POLICY, item.bytes, item.bytes, problem=why)


def read(item: Item, plan: Plan, s3: Any = None) -> bytes:
    """Return the content of an image.

    Raises:
        TooLarge: the image exceeds the policy's `max_bytes`.
        Unreadable: the image cannot be read.
    """
    limit = plan.policy.limits.max_bytes
    if plan.bucket is not None:
        return buckets.get(s3, plan.bucket, item.location, max_bytes=limit)
    try:
        with Path(item.location).open("rb") as file:
            data = file.read(limit + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise Unreadable(f"cannot be read: {why}") from error
    if len(data) > limit:
        raise TooLarge(f"larger than the policy's max_bytes ({limit:,})")
    return data


def _rows(item: Item, later: dict[str, int] | None) -> tuple[Row, ...]:
    plan = _Process.plan
    make = RowBuilder(item, item.kind, _UNSEEN, item.bytes, plan.policy.floor)
    try:
        data = read(item, plan, _Process.s3)
        seen = look(data, plan.policy)
    except TooLarge as why:
        return (make.same(POLICY, note=str(why)),)
    except (Unreadable, Broken) as why:
        return (failed(item, str(why)),)
    detected, floor = _kind_and_floor(seen, plan.policy)
    kind = detected if plan.auto else item.kind
    make = RowBuilder(item, kind, seen, len(data), floor)
    comparison = Comparison(data, seen, plan.policy, _Process.upscalers, make)
    if later is not None:
        return tuple(comparison.later(later))
    rows = tuple(comparison.rows())
    chosen = comparison.chosen
    if chosen is not None and chosen.manifest is not None and chosen.rendition is not None:
        _keep(item.name, chosen.rendition, chosen.manifest)
    return rows


def _kind_and_floor(seen: Inspection, policy: Policy) -> tuple[str, Floor]:
    """Return the detected kind of an image, and the floor that applies to it."""
    if seen.source is None:
        return "other", policy.floor
    kind = content_kind.kind(seen.source.pixels)
    return kind, guards.applied(policy, Prepared(seen.source.pixels), kind).floor


def _keep(image: str, rendition: bytes, manifest: Manifest) -> None:
    binary, note = rendition_files(_Process.plan.folder, image)
    binary.write_bytes(rendition)
    note.write_text(manifest.dumps())
