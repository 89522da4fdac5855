"""The setting of measurements of jobs: a bucket of small images, and another client of it."""

import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from bench.testbed import GRAIN_FLOOR, photo
from tests.servers.gateway import configuration, environment
from tests.servers.server import S3Server

_DISTINCT: Final = 20
"""Different images at the start; the keys share them."""

_THREADS: Final = 4


@dataclass
class Stage:
    """Two buckets, and the command line of a job on them.

    Attributes:
        direct: Client of the store.
        directory: For files.
        photos: Bucket with images.
        jobs: Bucket with the job.
        side: Side of the images, pixels.
        per_shard: Images in a shard.
        corners: Number of colours of an image from left to right: the more, the longer it takes.
        config: Configuration of the job.
        uploads: ETags of all uploads by key, oldest first.
    """

    direct: Any
    directory: Path
    photos: str
    jobs: str
    side: int
    per_shard: int
    corners: int = 4
    config: Path = field(init=False)
    uploads: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.config = self.directory / "slimgate.yaml"

    def prepare(self, shown: S3Server, number: int) -> None:
        """Create the buckets, upload images that can all be stored small, and write the settings.

        The images of each shard are in a folder of their own.

        Args:
            shown: The store as the job sees it.
            number: Number of images.
        """
        for bucket in (self.photos, self.jobs):
            self.direct.create_bucket(Bucket=bucket)
        policy = {"name": "photos", "bucket": self.photos, "mode": "optimize", "effort": "fast",
                  "floor": GRAIN_FLOOR}  # fmt: skip
        self.config.write_text(yaml.safe_dump(configuration(shown, policies=[policy])))
        bodies = [photo(seed, side=self.side, corners=self.corners) for seed in range(_DISTINCT)]

        def put(index: int) -> None:
            key = f"{index // self.per_shard:04}/{index:06}.png"
            self.upload(key, bodies[index % _DISTINCT])

        with ThreadPoolExecutor(_THREADS) as threads:
            list(threads.map(put, range(number)))

    def upload(self, key: str, body: bytes) -> None:
        """Upload an image past the gateway, as any other client of the store may."""
        put = self.direct.put_object(
            Bucket=self.photos, Key=key, Body=body, ContentType="image/png"
        )
        self.uploads.setdefault(key, []).append(put["ETag"].strip('"'))

    def etags(self) -> dict[str, str]:
        """Return the ETags of all objects by key."""
        pages = self.direct.get_paginator("list_objects_v2").paginate(Bucket=self.photos)
        found = (entry for page in pages for entry in page.get("Contents", ()))
        return {entry["Key"]: entry["ETag"].strip('"') for entry in found}

    def times(self) -> list[float]:
        """Return the times at which the objects were last written, seconds."""
        pages = self.direct.get_paginator("list_objects_v2").paginate(Bucket=self.photos)
        found = (entry for page in pages for entry in page.get("Contents", ()))
        return [entry["LastModified"].timestamp() for entry in found]

    def plan(self, name: str, folder: str = "") -> str:
        """Plan a job on all images, or on those of a folder; return its address."""
        job, of = f"s3://{self.jobs}/{name}", f"s3://{self.photos}/{folder}"
        self.run("plan", of, "--to", job, "--keys-per-shard", str(self.per_shard))
        return job

    def command(self, *words: str) -> list[str]:
        """Return the command line of an action of the job."""
        return [
            sys.executable,
            "-m",
            "slimgate",
            "job",
            *words,
            "--config",
            str(self.config),
        ]

    def run(self, *words: str) -> None:
        """Run an action of a job to its end.

        Raises:
            RuntimeError: It failed.
        """
        done = subprocess.run(
            self.command(*words), env=environment(), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"job {words[0]} failed: {done.stdout}{done.stderr}")

    def start(self, *words: str) -> "subprocess.Popen[bytes]":
        """Start an action of the job, with its output appended to ``driver.log``."""
        with (self.directory / "driver.log").open("ab") as output:
            return subprocess.Popen(
                self.command(*words), env=environment(), stdout=output, stderr=output
            )


@contextmanager
def other_client(stage: Stage, pause_s: float) -> Iterator[set[str]]:
    """Overwrite objects past the job for the duration of the block; yield their keys.

    Args:
        stage: The bucket.
        pause_s: Time between two objects, seconds.
    """
    ended, keys, written = threading.Event(), sorted(stage.uploads), set[str]()

    def write() -> None:
        dice, seed = random.Random(1), 1000
        while not ended.wait(pause_s):
            key, seed = dice.choice(keys), seed + 1
            written.add(key)
            stage.upload(key, photo(seed, side=stage.side, corners=stage.corners))

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    try:
        yield written
    finally:
        ended.set()
        thread.join()
