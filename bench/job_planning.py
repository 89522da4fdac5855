"""Measure the planning of jobs: ``python -m bench.job_planning``.

An S3 Inventory of photographs is stored, CSV and Parquet, and `job plan` reads it in a process of
its own: seconds, CPU-seconds, peak memory, requests and bytes. Then the plan is killed halfway and
repeated. Data files of more than a million rows are listed several times in the manifest, so that
10^7 rows need no generating; 10^8 rows are computed from the largest measurement.
"""

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any, Final, NamedTuple

import boto3
import yaml
from botocore.config import Config

from bench import inventories
from bench.inventories import Format, Listed
from bench.testbed import Store, moto_store
from slimgate.eval.cost import money_prices
from slimgate.gateway.jobs.state.shards import shard_name

_PER_FILE: Final = 1_000_000
_SHOWN: Final = 10**8
_START: Final = datetime(2020, 1, 1, tzinfo=UTC)
_BUCKET: Final = "photographs"
_MORE_PUTS: Final = 5
"""PUTs beside shards: three probes of conditional writes, plan.json and job.json."""

_MORE_OTHERS: Final = 7
"""Requests beside GETs of data files: manifest and digest, plan.json twice, the first shard and
job.json once, and the end of a probe."""


class Figures(NamedTuple):
    """A measured plan.

    Attributes:
        rows: Rows of the inventory.
        file_format: Format of its data files.
        inventory_bytes: Size of its data files, bytes.
        seconds: Wall-clock time, seconds.
        cpu_s: CPU time of the process, seconds.
        peak_bytes: Peak resident memory of the process, bytes.
        shards: Number of shards.
        shard_bytes: Their size in the store, bytes.
        requests: PUTs, and all others.
        resume_s: Start of the repeated command to its first new shard, seconds; None: not tried.
    """

    rows: int
    file_format: Format
    inventory_bytes: int
    seconds: float
    cpu_s: float
    peak_bytes: int
    shards: int
    shard_bytes: int
    requests: tuple[int, int]
    resume_s: float | None


class Bench:
    """A store with inventories, and the command that plans from them.

    Args:
        store: The store.
        folder: Folder of the configuration.
        keys_per_shard: Objects per shard.
    """

    def __init__(self, store: Store, folder: Path, keys_per_shard: int) -> None:
        self._bucket = f"slimgate-bench-jobs-{token_hex(4)}"
        self._keys_per_shard = keys_per_shard
        self._config = folder / "gateway.yaml"
        self._config.write_text(yaml.safe_dump(_settings(store)))
        self._s3 = boto3.client(
            "s3",
            endpoint_url=store.endpoint,
            aws_access_key_id=store.access_key,
            aws_secret_access_key=store.secret_key,
            region_name=store.region,
            config=Config(s3={"addressing_style": "path"}),
        )
        self._s3.create_bucket(Bucket=self._bucket)

    def measure(self, rows: int, file_format: Format, *, kill: bool) -> Figures:
        """Store an inventory, plan from it, and measure that."""
        manifest, size = self._publish(rows, file_format)
        job = f"{file_format.lower()}-{rows}"
        seconds, cpu_s, peak_bytes = _run(self._command(manifest, job))
        planned = json.loads(self._get(f"{job}/job.json"))
        sizes = list(self._sizes(f"{job}/shards/"))
        if (planned["shards"], planned["rows"]) != (len(sizes), rows):
            raise RuntimeError(f"{planned['rows']:,} rows were planned instead of {rows:,}")
        files = -(-rows // _PER_FILE)
        resume_s = self._resume(manifest, f"{job}-killed", len(sizes)) if kill else None
        puts, others = len(sizes) + _MORE_PUTS, files + _MORE_OTHERS
        return Figures(
            rows, file_format, size, seconds, cpu_s, peak_bytes, len(sizes), sum(sizes),
            (puts, others), resume_s,
        )  # fmt: skip

    def _publish(self, rows: int, file_format: Format) -> tuple[str, int]:
        count, last = divmod(rows, _PER_FILE)
        sizes = [_PER_FILE] * min(count, 1) + ([last] if last else [])
        files = [_data_file(size, file_format) for size in sizes]
        repeated = files[:1] * (count - 1) if count else []
        manifest = inventories.publish(self._put, _BUCKET, [*repeated, *files], file_format)
        return manifest, sum(map(len, [*repeated, *files]))

    def _resume(self, manifest: str, job: str, shards: int) -> float:
        """Kill a plan halfway, repeat it, and return the time to its first new shard, seconds."""
        process = subprocess.Popen(self._command(manifest, job), stdout=subprocess.DEVNULL)
        self._wait(job, shards // 2)
        process.kill()
        process.wait()
        written = sum(1 for _ in self._sizes(f"{job}/shards/"))
        began = time.monotonic()
        again = subprocess.Popen(self._command(manifest, job), stdout=subprocess.DEVNULL)
        self._wait(job, written)
        waited = time.monotonic() - began
        if again.wait():
            raise RuntimeError("the repeated plan failed")
        return waited

    def _wait(self, job: str, number: int) -> None:
        key = f"{job}/{shard_name(number)}"
        while not self._s3.list_objects_v2(Bucket=self._bucket, Prefix=key)["KeyCount"]:
            time.sleep(0.05)

    def _command(self, manifest: str, job: str) -> list[str]:
        return [
            sys.executable, "-m", "slimgate", "job", "plan", f"s3://{_BUCKET}",
            "--inventory", f"s3://{self._bucket}/{manifest}", "--to", f"s3://{self._bucket}/{job}",
            "--keys-per-shard", str(self._keys_per_shard), "--config", str(self._config),
        ]  # fmt: skip

    def _put(self, key: str, data: bytes) -> None:
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=data)

    def _get(self, key: str) -> bytes:
        return bytes(self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read())

    def _sizes(self, prefix: str) -> Iterator[int]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=prefix
        )
        return (entry["Size"] for page in pages for entry in page.get("Contents", ()))


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    options = _parser().parse_args(arguments)
    with _opened(options) as store, tempfile.TemporaryDirectory() as folder:
        bench = Bench(store, Path(folder), options.keys_per_shard)
        measured = []
        for rows in options.rows:
            for file_format in options.formats:
                figures = bench.measure(rows, file_format, kill=rows == min(options.rows))
                measured.append(figures)
                print(_line(figures) if len(measured) > 1 else _HEAD + _line(figures), flush=True)
    largest = max(measured, key=lambda figures: figures.rows)
    print(_growth(largest, options.keys_per_shard))
    if options.json is not None:
        options.json.write_text(json.dumps([each._asdict() for each in measured], indent=1))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.job_planning", description=__doc__)
    add = parser.add_argument
    add("--rows", type=int, nargs="+", default=[1_000_000], metavar="N", help="rows (default 10^6)")
    add("--formats", nargs="+", choices=("CSV", "Parquet"), default=("CSV", "Parquet"))
    add("--keys-per-shard", type=int, default=1000, metavar="N", help="as of `job plan`")
    add("--upstream", metavar="URL", help="another store instead of moto")
    add("--access-key", default="", help="access key with permission to create buckets")
    add("--secret-key", default="", help="secret key")
    add("--region", default="us-east-1", help="region of the store")
    add("--json", type=Path, metavar="FILE", help="also write the results as JSON")
    return parser


@contextmanager
def _opened(options: argparse.Namespace) -> Iterator[Store]:
    with ExitStack() as stack:
        if options.upstream is None:
            yield stack.enter_context(moto_store())
        else:
            yield Store(options.upstream, options.access_key, options.secret_key, options.region)


def _settings(store: Store) -> dict[str, Any]:
    pair = {"access_key": store.access_key, "secret_key": store.secret_key}
    return {
        "upstream": {"endpoint": store.endpoint, "region": store.region},
        "credentials": [pair],
        "policies": [{"name": "photographs", "bucket": _BUCKET, "mode": "optimize"}],
    }


def _data_file(rows: int, file_format: Format) -> bytes:
    write = inventories.csv_file if file_format == "CSV" else inventories.parquet_file
    return write(_listed(rows))


def _listed(rows: int) -> Iterator[Listed]:
    """Yield objects as applications name them: by day, user and a random name."""
    draw = random.Random(0)
    for number in range(rows):
        day = _START + timedelta(seconds=60 * number)
        name = f"{draw.getrandbits(64):016x}"
        key = (
            f"uploads/{day:%Y/%m/%d}/{draw.randrange(10**6):06}/IMG {number % 10_000:04} {name}.jpg"
        )
        etag = f"{draw.getrandbits(128):032x}"
        yield Listed(_BUCKET, key, None, True, False, draw.randrange(1 << 20, 6 << 20), day, etag)


def _run(command: Sequence[str]) -> tuple[float, float, int]:
    """Run a command; return wall-clock and CPU seconds, and its peak memory in bytes."""
    began, peak = time.monotonic(), 0
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    status_file = Path(f"/proc/{process.pid}/status")
    while True:
        # The peak that wait4 returns is at least that of this process when it forked.
        peak = max(peak, _peak_bytes(status_file.read_text()))
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        time.sleep(0.02)
    seconds = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"the plan failed with {process.returncode}")
    return seconds, usage.ru_utime + usage.ru_stime, peak


def _peak_bytes(status: str) -> int:
    """Return the peak resident memory in ``/proc/PID/status``, bytes; 0 after its end."""
    found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


_HEAD: Final = (
    "      ROWS  FORMAT   INVENTORY  SECONDS  CPU-SECONDS  PEAK MEMORY   SHARDS  IN STORE   PUT  "
    "OTHERS  RESUME S\n"
)


def _line(of: Figures) -> str:
    resume = "-" if of.resume_s is None else f"{of.resume_s:.1f}"
    return (
        f"{of.rows:>10,}  {of.file_format:<7}  {of.inventory_bytes / 1e6:>6,.0f} MB  "
        f"{of.seconds:>7.1f}  {of.cpu_s:>11.1f}  {of.peak_bytes / 1e6:>8,.0f} MB  {of.shards:>7,}  "
        f"{of.shard_bytes / 1e6:>5,.0f} MB  {of.requests[0]:>4,}  {of.requests[1]:>6,}  {resume:>8}"
    )


def _growth(of: Figures, keys_per_shard: int) -> str:
    """Return what a plan of 10^8 objects takes, by a measured one."""
    prices = money_prices.load().named("STANDARD")
    lines = [f"\nGrowth by the plan of {of.rows:,} rows ({of.file_format}):"]
    for rows in (of.rows, 10**7, _SHOWN):
        ratio = rows / of.rows
        shards = -(-rows // keys_per_shard)
        puts, others = shards + _MORE_PUTS, -(-rows // _PER_FILE) + _MORE_OTHERS
        dollars = (puts * prices.put_per_1000 + others * prices.get_per_1000) / 1000
        lines.append(
            f"{rows:>12,} rows: {shards:>7,} shards, {of.shard_bytes * ratio / 1e6:>8,.0f} MB in "
            f"the store, {puts:>7,} PUTs, {others:>4,} other requests, ${dollars:.2f}, "
            f"{of.cpu_s * ratio:>6,.0f} CPU-seconds, {of.peak_bytes / 1e6:,.0f} MB of memory"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
