"""Measure memory and CPU time of storing large photographs: ``python -m bench.memory``.

Each photograph is stored by its own worker process, as with default settings. The table shows what
is stored, peak resident memory, and CPU-seconds of storing and restoring.
"""

import argparse
import json
import multiprocessing
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench import mosaics
from slimgate import models
from slimgate.codec.optimize import Refused
from slimgate.config import Engine, Policy
from slimgate.gateway.workers import jobs
from slimgate.gateway.workers.job_values import OptimizeJob, RestoreJob

_SIZES: Final = (12, 50, 64, 100, 200)
_MIB: Final = 1 << 20
_HEAD: Final = "MP            tier      codec  saved peak MiB  B/pixel   CPU s   GET MiB   CPU s\n"
_NO_ENGINE: Final = Path("/nonexistent/engine")
_CLEAR_PEAK: Final = "5"  # proc(5), /proc/PID/clear_refs


def _measured(data: bytes, policy: Policy, memory: int) -> str:
    """Store and restore a photograph in this process, and return its row."""
    jobs.initialize(memory, models.Upscalers(models.Remote(_NO_ENGINE, timeout_s=1)))
    before, began = _rss("VmRSS"), time.process_time()
    try:
        job = OptimizeJob(policy, "image/jpeg", "bench", frozenset(), may_be_large=True)
        result, rendition = jobs.perform(job, data)
    except Refused as reason:
        return f"plain: {reason}"
    taken, peak = time.process_time() - began, _rss("VmHWM") - before
    manifest = result.optimized(rendition).manifest
    stored, pixels = manifest.stored, manifest.width * manifest.height
    saved = 1 - len(rendition) / len(data)
    Path("/proc/self/clear_refs").write_text(_CLEAR_PEAK)
    before, began = _rss("VmRSS"), time.process_time()
    jobs.perform(RestoreJob(manifest, may_be_large=True), rendition)
    back, peak_back = time.process_time() - began, _rss("VmHWM") - before
    return (
        f"{stored.tier:9} {stored.codec:5} {saved:6.1%} {peak / _MIB:8,.0f} "
        f"{peak / pixels:8.1f} {taken:7.1f} {peak_back / _MIB:9,.0f} {back:7.1f}"
    )


def _rss(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) << 10
    raise RuntimeError(f"/proc/self/status has no {name}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.memory", description=__doc__)
    parser.add_argument("--megapixels", type=float, nargs="+", default=_SIZES)
    parser.add_argument("--policy", default="{}", help="policy keys to override, as JSON")
    parser.add_argument("--files", type=Path, nargs="+", help="JPEG files instead of mosaics")
    options = parser.parse_args(arguments)
    settings = {"name": "bench", "bucket": "bench", "mode": "optimize"}
    policy = Policy.model_validate({**settings, **json.loads(options.policy)})
    sys.stdout.write(_HEAD)
    context = multiprocessing.get_context("forkserver")
    for name, data in _photographs(options):
        with context.Pool(1) as pool:
            row = pool.apply(_measured, (data, policy, Engine().worker_memory))
        sys.stdout.write(f"{name:13} {row}\n")
        sys.stdout.flush()
    return 0


def _photographs(options: argparse.Namespace) -> list[tuple[str, bytes]]:
    if options.files:
        return [(file.name, file.read_bytes()) for file in options.files]
    return [(f"{size:g}", mosaics.jpeg(size)) for size in options.megapixels]


if __name__ == "__main__":
    sys.exit(main())
