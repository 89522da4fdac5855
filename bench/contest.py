"""Measure what the search stores of a folder of images, and its cost.

``python -m bench.contest FOLDER [--policy JSON] [--every N] [--out FILE]`` optimizes the
images of a folder with one subfolder per class, restores every rendition as GET would, and compares
the served file with the upload by scikit-image, independently of slimgate's measures.
"""

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
from PIL import AvifImagePlugin, Image

from bench.reference import decoded, shortfalls
from slimgate import models
from slimgate.codec.manifest import Manifest
from slimgate.codec.optimize import OptimizeOptions, Refused, optimize
from slimgate.codec.restore.restore import restore
from slimgate.codec.search.allowed_steps import AllowedSteps
from slimgate.codec.search.engine_costs import EngineCosts
from slimgate.config import Engine, Policy
from slimgate.models.engine.loading import LocalRestorers, Restorers


@dataclass(frozen=True, slots=True)
class Row:
    """Result for one image.

    Attributes:
        name: file name.
        upload: size of the upload, bytes.
        stored: bytes stored.
        how: tier, codec and scale; ``plain`` if stored as uploaded.
        quality: quality of the rendition; 0 if stored as uploaded.
        megapixels: size of the image.
        seconds: CPU time of optimizing.
        below: the served file is below the floor.
    """

    name: str
    upload: int
    stored: int
    how: str
    quality: int
    megapixels: float
    seconds: float
    below: bool


def main() -> None:
    """Print a line per class and a total."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--policy", type=json.loads, default={}, help="policy keys to override, as JSON"
    )
    parser.add_argument("--every", type=int, default=1, help="measure every nth image of a class")
    parser.add_argument("--out", type=Path, help="file for a JSON line per image")
    arguments = parser.parse_args()
    policy = policy_of(arguments.policy)
    everything: list[Row] = []
    networks, upscalers = alone()
    for kind in sorted(path for path in arguments.folder.iterdir() if path.is_dir()):
        paths = sorted(kind.iterdir())[:: arguments.every]
        rows = [row(path, policy, upscalers) for path in paths]
        _print(kind.name, rows)
        everything += rows
        if arguments.out:
            with arguments.out.open("a") as lines:
                lines.writelines(f"{json.dumps(asdict(row))}\n" for row in rows)
    _print("all", everything)
    networks.close()


def policy_of(changes: Mapping[str, Any]) -> Policy:
    """Return a policy of defaults with some keys overridden."""
    limits = {"timeout_s": 600}
    plain = {"name": "bench", "bucket": "*", "mode": "optimize", "limits": limits}
    return Policy.model_validate({**plain, **changes})


def alone() -> tuple[Restorers, LocalRestorers]:
    """Limit this process to one thread, and return its own restorers."""
    cv2.setNumThreads(1)
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    networks = Restorers(Engine(threads=1, max_wait_ms=0), timeout_s=600)
    return networks, LocalRestorers(networks)


def row(path: Path, policy: Policy, upscalers: LocalRestorers) -> Row:
    """Optimize one image, restore it and compare."""
    data = path.read_bytes()
    with Image.open(path) as image:
        megapixels = image.width * image.height / 1e6
    kept = stored(data, policy, upscalers)
    below = kept.served != data and any(
        shortfalls(policy.floor, decoded(data), decoded(kept.served))
    )
    return Row(
        path.name, len(data), kept.size, kept.how, kept.quality, megapixels, kept.seconds, below
    )


@dataclass(frozen=True, slots=True)
class Stored:
    """What the gateway stores of an upload.

    Attributes:
        size: bytes stored.
        served: file that GET serves.
        seconds: CPU time of optimizing.
        manifest: how it is restored; None: stored as uploaded.
        rendition: what is stored.
    """

    size: int
    served: bytes
    seconds: float
    manifest: Manifest | None
    rendition: bytes

    @property
    def tier(self) -> str:
        """Return the tier."""
        return self.manifest.stored.tier if self.manifest else "plain"

    @property
    def quality(self) -> int:
        """Return the quality; 0 if stored as uploaded."""
        return self.manifest.stored.quality if self.manifest else 0

    @property
    def how(self) -> str:
        """Return tier, codec and scale as text."""
        if self.manifest is None:
            return "plain"
        how = self.manifest.stored
        scale = f" x{how.scale}" if how.scale > 1 else ""
        cleaned = " cleaned" if how.scale == 1 and how.restorer else ""
        return f"{how.tier} {how.codec}{scale}{cleaned}"


def stored(data: bytes, policy: Policy, upscalers: LocalRestorers) -> Stored:
    """Optimize an upload as PUT does, and restore it as GET does."""
    began = time.process_time()
    try:
        made = optimize(data, _terms(policy), upscalers)
    except Refused:
        return Stored(len(data), data, time.process_time() - began, None, data)
    seconds = time.process_time() - began
    served = restore(made.rendition, made.manifest, upscalers)
    return Stored(len(made.rendition), served, seconds, made.manifest, made.rendition)


def _terms(policy: Policy) -> OptimizeOptions:
    restorers = models.chosen(policy.restorer)
    speed = models.speed_of(Engine())
    steps = AllowedSteps(engine=EngineCosts(speed, models.costs(policy.restorer, speed)))
    limit = policy.limits.timeout_s
    return OptimizeOptions(policy, "image/x", restorers, "0.1.0", limit, steps)


def _print(name: str, rows: list[Row]) -> None:
    how: dict[str, int] = defaultdict(int)
    for row in rows:
        how[row.how] += 1
    upload, stored = sum(row.upload for row in rows), sum(row.stored for row in rows)
    cost = sum(row.seconds for row in rows) / sum(row.megapixels for row in rows)
    each = sum(row.seconds / row.megapixels for row in rows) / len(rows)
    ways = ", ".join(f"{count} {way}" for way, count in sorted(how.items()))
    sys.stdout.write(
        f"{name:18}{len(rows):4}{upload:11}{stored:11}  {cost:.2f} CPU-s/MP (mean per image "
        f"{each:.2f})  {sum(row.below for row in rows)} below  {ways}\n"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    main()
