"""Measure how long a restore takes, against pyvips doing the same two codecs.

``python -m bench.cold PHOTO.jpg… [--repetitions N]`` stores each JPEG file as AVIF at full size,
then alternates between restoring it and pyvips decoding the same rendition and encoding a JPEG of
the same quality and subsampling, on one core. pyvips compares no digests, and its file has no
metadata and another size. Install it beside: ``pip install "pyvips[binary]"``.
"""

import argparse
import importlib
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, Final

from bench.contest import policy_of
from bench.stats import interleave
from slimgate import models
from slimgate.codec.manifest import Manifest
from slimgate.codec.optimize import Optimized, OptimizeOptions, optimize
from slimgate.codec.restore.restore import restore

_REPETITIONS: Final = 9
_POLICY: Final = {"tiers": ["recode"], "codecs": ["avif"], "effort": "fast"}


def main() -> int:
    """Print a line per image, and the median ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--repetitions", type=int, default=_REPETITIONS)
    options = parser.parse_args()
    os.environ["VIPS_CONCURRENCY"] = "1"
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    try:
        pyvips = importlib.import_module("pyvips")  # no dependency; it reads the environment
    except ImportError:
        sys.stderr.write('pyvips is missing: pip install "pyvips[binary]"\n')
        return 2
    sys.stdout.write(f"{'':40}{'MP':>6}{'slimgate ms':>13}{'pyvips ms':>11}{'ratio':>7}\n")
    ratios = []
    for path in options.photos:
        made = _stored(path.read_bytes())
        taken = interleave(_calls(pyvips, made), options.repetitions)
        ours, theirs = median(taken["slimgate"]), median(taken["pyvips"])
        ratios.append(theirs / ours)
        megapixels = made.manifest.width * made.manifest.height / 1e6
        sys.stdout.write(
            f"{path.name[-38:]:40}{megapixels:6.1f}{ours * 1e3:13.0f}{theirs * 1e3:11.0f}"
            f"{theirs / ours:7.2f}\n"
        )
    sys.stdout.write(f"median ratio {median(ratios):.2f}\n")
    return 0


def _stored(data: bytes) -> Optimized:
    options = OptimizeOptions(policy_of(_POLICY), "image/jpeg", {}, "0.1.0", 600)
    return optimize(data, options, models.restorer)


def _calls(pyvips: Any, made: Optimized) -> dict[str, Callable[[], float]]:
    return {
        "slimgate": lambda: _timed(lambda: restore(made.rendition, made.manifest, models.restorer)),
        "pyvips": lambda: _timed(lambda: _by_pyvips(pyvips, made.rendition, made.manifest)),
    }


def _by_pyvips(pyvips: Any, rendition: bytes, manifest: Manifest) -> bytes:
    assert manifest.output is not None  # noqa: S101  # a JPEG file has one
    image = pyvips.Image.new_from_buffer(rendition, "", access="sequential")
    subsampled = manifest.output.subsampling == "4:2:0"
    return bytes(
        image.jpegsave_buffer(
            Q=manifest.output.quality, subsample_mode="on" if subsampled else "off", keep="none"
        )
    )


def _timed(work: Callable[[], bytes]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
