"""Upload one image through the gateway, download it, and compare."""

import io
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

import numpy as np
from botocore.exceptions import BotoCoreError, ClientError
from PIL import Image, UnidentifiedImageError

from slimgate.codec.image import content_kind
from slimgate.codec.image.pixels import Pixels
from slimgate.codec.measures import floors
from slimgate.codec.measures.prepared import Prepared
from slimgate.codec.measures.psnr import PERFECT_PSNR_DB
from slimgate.codec.measures.reading import Reading
from slimgate.codec.search import guards
from slimgate.config import Floor, Policy
from slimgate.config.floor import DEFAULT_FIDELITY, PRESETS
from slimgate.eval.demo.sample_images import Sample

_T = TypeVar("_T")

PLAIN: Final = "plain"
"""Tier of images stored as uploaded."""

IDENTICAL: Final = Reading(PERFECT_PSNR_DB, PERFECT_PSNR_DB, 1.0, 1.0, 100.0, 100.0, 1.0)
"""Measures of identical pixels."""


@dataclass(frozen=True, slots=True)
class Row:
    """Result for one image.

    Attributes:
        key: object key.
        format: format, as Pillow names it.
        size: width and height, pixels.
        uploaded: size of the upload, bytes.
        stored: bytes in the bucket.
        tier: tier of the rendition, or ``plain``.
        measured: what the floor demands, of the downloaded file; None if not measurable.
        floor: floor that applies to the image, guards considered.
        put_ms: duration of the PUT, milliseconds.
        get_ms: duration of the GET, milliseconds.
        problems: errors; empty if none.
        served: the downloaded file; empty after an error.
    """

    key: str
    format: str
    size: tuple[int, int]
    uploaded: int
    stored: int
    tier: str = PLAIN
    measured: Reading | None = None
    floor: Floor = PRESETS[DEFAULT_FIDELITY]
    put_ms: float = 0.0
    get_ms: float = 0.0
    problems: tuple[str, ...] = ()
    served: bytes = field(default=b"", repr=False)

    @property
    def restored(self) -> bool:
        """Return whether GET restored the image."""
        return self.tier != PLAIN

    @property
    def below(self) -> bool:
        """Return whether a measure is below its floor."""
        return self.measured is not None and not floors.holds(self.floor, self.measured)


def round_trip(sample: Sample, *, policy: Policy, gateway: Any, upstream: Any) -> Row:
    """Upload, download and compare one image.

    Args:
        sample: file to upload.
        policy: policy of the target bucket, which it names in full.
        gateway: S3 client of the gateway.
        upstream: S3 client of the store, the authority on bytes stored.

    Returns:
        The row; client errors become problems, never exceptions.
    """
    name = {"Bucket": policy.bucket, "Key": sample.key}
    with Image.open(io.BytesIO(sample.data)) as image:
        row = Row(sample.key, image.format or "?", image.size, len(sample.data), len(sample.data))
    try:
        upload = {"Body": sample.data, "ContentType": sample.content_type}
        _, put_ms = _timed(lambda: gateway.put_object(**name, **upload))
        (answer, data), get_ms = _timed(lambda: _download(gateway, name))
        head = gateway.head_object(**name)
        listed = gateway.list_objects_v2(Bucket=policy.bucket, Prefix=sample.key)
        stored = upstream.head_object(**name)["ContentLength"]
    except (ClientError, BotoCoreError) as error:
        return replace(row, problems=(str(error),))
    tier = answer["ResponseMetadata"]["HTTPHeaders"].get("x-slimgate-tier", PLAIN)
    row, problems = _compared(row, sample, data, policy, plain=tier == PLAIN)
    return replace(
        row,
        stored=stored,
        tier=tier,
        put_ms=put_ms,
        get_ms=get_ms,
        served=data,
        problems=(*problems, *_contradictions(sample, answer, head, listed)),
    )


def _timed(call: Callable[[], _T]) -> tuple[_T, float]:
    started = time.perf_counter()
    result = call()
    return result, 1e3 * (time.perf_counter() - started)


def _download(client: Any, name: Mapping[str, str]) -> tuple[Any, bytes]:
    answer = client.get_object(**name)
    return answer, answer["Body"].read()


def _compared(
    row: Row, sample: Sample, data: bytes, policy: Policy, *, plain: bool
) -> tuple[Row, tuple[str, ...]]:
    if data == sample.data:
        return replace(row, measured=IDENTICAL), ()
    problems = ["stored as uploaded, but the bytes differ"] if plain else []
    if len(data) != len(sample.data):
        problems.append(f"{len(data)} bytes downloaded, {len(sample.data)} uploaded")
    try:
        with Image.open(io.BytesIO(sample.data)) as before, Image.open(io.BytesIO(data)) as after:
            seen = [(image.format, image.mode, image.size) for image in (before, after)]
            if seen[0] != seen[1]:
                return row, (*problems, f"uploaded {seen[0]}, downloaded {seen[1]}")
            pixels = np.asarray(before), np.asarray(after)
            return _measured(row, *pixels, policy), tuple(problems)
    except (UnidentifiedImageError, OSError, ValueError) as error:
        return row, (*problems, f"the downloaded file cannot be decoded: {error}")


def _measured(row: Row, before: Pixels, after: Pixels, policy: Policy) -> Row:
    if np.array_equal(before, after):
        return replace(row, measured=IDENTICAL)
    original = Prepared(before)
    floor = guards.applied(policy, original, content_kind.kind(before)).floor
    measured = floors.read(floor, original, after, thorough=True)
    floor = floors.without_unstable_orb(floor, original, measured)
    return replace(row, measured=measured, floor=floor)


def _contradictions(
    sample: Sample, answer: Mapping[str, Any], head: Mapping[str, Any], listed: Mapping[str, Any]
) -> Iterator[str]:
    """Yield disagreements of GET, HEAD and LIST."""
    entries = [entry for entry in listed.get("Contents", ()) if entry["Key"] == sample.key]
    if len(entries) != 1:
        yield f"listed {len(entries)} times"
    views = [("HEAD", (head["ContentLength"], head["ETag"]))]
    views += [("LIST", (entry["Size"], entry["ETag"])) for entry in entries]
    said = (answer["ContentLength"], answer["ETag"])
    for name, view in views:
        if view != said:
            yield f"{name} says {view}, GET says {said}"
    if {answer["ContentType"], head["ContentType"]} != {sample.content_type}:
        yield f"{sample.content_type} became {answer['ContentType']}"
