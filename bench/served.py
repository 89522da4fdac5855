"""Check files served by a gateway for a folder of images, with independent libraries.

``python -m bench.served FOLDER [--policy JSON]`` uploads every image of a folder with one subfolder
per class through a real gateway, downloads it, and compares size, format, mode and dimensions,
everything that Pillow finds in the header, and the measures of the policy's floor by scikit-image,
OpenCV and `ssimulacra2`.
"""

import argparse
import io
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image, ImageFile
from tqdm import tqdm

from bench.reference import Pixels, decoded, shortfalls
from slimgate.config import Floor, Policy
from slimgate.eval.demo.servers import BUCKET, demo_policy, running, s3_client

_TYPES: Final = {".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png"}
_TIMEOUT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """Result for one image.

    Attributes:
        name: class and file name.
        tier: tier; ``plain`` if stored as uploaded.
        uploaded: size of the upload, bytes.
        stored: bytes in the bucket.
        faults: all faults.
    """

    name: str
    tier: str
    uploaded: int
    stored: int
    faults: tuple[str, ...]


def main() -> int:
    """Print each fault and a summary.

    Returns:
        0 without faults, else 1.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--policy", type=json.loads, default={}, help="policy keys to override, as JSON"
    )
    arguments = parser.parse_args()
    paths = sorted(path for path in arguments.folder.glob("*/*") if path.is_file())
    answers = list(tqdm(_answers(paths, arguments.policy), total=len(paths), disable=None))
    for answer in answers:
        for fault in answer.faults:
            sys.stdout.write(f"{answer.name} ({answer.tier}): {fault}\n")
    uploaded, stored = (sum(getattr(a, name) for a in answers) for name in ("uploaded", "stored"))
    tiers = ", ".join(f"{n} {tier}" for tier, n in sorted(Counter(a.tier for a in answers).items()))
    faulty = sum(bool(answer.faults) for answer in answers)
    sys.stdout.write(
        f"{len(answers)} images ({tiers}): {uploaded:,} bytes uploaded, {stored:,} stored, "
        f"{1 - stored / uploaded:.1%} saved, {faulty} with faults\n"
    )
    return int(faulty > 0)


def _answers(paths: list[Path], changes: Mapping[str, Any]) -> Iterator[Answer]:
    policy = {**demo_policy(), "limits": {"timeout_s": _TIMEOUT_S}, **changes}
    floor = Policy.model_validate(policy).floor
    with running(policies=[policy], timeout_s=2 * _TIMEOUT_S) as pair:
        gateway, bucket = s3_client(pair.endpoint), s3_client(pair.upstream)
        gateway.create_bucket(Bucket=BUCKET)
        for path in paths:
            yield _answer(path, floor, gateway, bucket)


def _answer(path: Path, floor: Floor, gateway: Any, bucket: Any) -> Answer:
    upload, name = path.read_bytes(), f"{path.parent.name}/{path.name}"
    kind = _TYPES.get(path.suffix.lower(), "application/octet-stream")
    there = {"Bucket": BUCKET, "Key": name}
    gateway.put_object(**there, Body=upload, ContentType=kind)
    answer = gateway.get_object(**there)
    served = answer["Body"].read()
    stored = bucket.head_object(**there)["ContentLength"]
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    tier = headers.get("x-slimgate-tier", "plain")
    faults = list(_disagreements(gateway, there, answer, len(upload)))
    if tier in {"plain", "exact"}:
        faults += [] if served == upload else ["downloaded other bytes"]
    else:
        faults += _differences(upload, served)
        pair = decoded(upload), decoded(served)
        faults += _altered(*pair) if tier == "lossless" else shortfalls(floor, *pair)
    return Answer(name, tier, len(upload), stored, tuple(faults))


def _disagreements(
    gateway: Any, there: Mapping[str, str], answer: Mapping[str, Any], size: int
) -> Iterator[str]:
    head = gateway.head_object(**there)
    (listed,) = gateway.list_objects_v2(Bucket=there["Bucket"], Prefix=there["Key"])["Contents"]
    if {size} != {answer["ContentLength"], head["ContentLength"], listed["Size"]}:
        yield "GET, HEAD and LIST report sizes other than the upload's"
    if len({answer["ETag"], head["ETag"], listed["ETag"]}) != 1:
        yield "GET, HEAD and LIST report different ETags"


def _differences(upload: bytes, served: bytes) -> Iterator[str]:
    if len(upload) != len(served):
        yield f"{len(served)} bytes downloaded of {len(upload)}"
    with Image.open(io.BytesIO(upload)) as before, Image.open(io.BytesIO(served)) as after:
        for what in ("format", "mode", "size"):
            pair = getattr(before, what), getattr(after, what)
            if pair[0] != pair[1]:
                yield f"{what} {pair[0]} became {pair[1]}"
        said, heard = _header(before), _header(after)
        for key in sorted(said):
            if said[key] != heard.get(key):
                yield f"{key} of the header differs"


def _header(image: ImageFile.ImageFile) -> dict[str, object]:
    """Return what a header contains apart from the coding of pixels."""
    image.load()
    said: dict[str, object] = {str(key): value for key, value in image.info.items()}
    return {**said, "EXIF": dict(image.getexif())}


def _altered(before: Pixels, after: Pixels) -> list[str]:
    return [] if np.array_equal(before, after) else ["pixels differ, though the tier is lossless"]


if __name__ == "__main__":
    sys.exit(main())
