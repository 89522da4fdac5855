"""Measure how long a PUT waits for its rendition.

``python -m bench.put PHOTO… [--efforts fast,balanced] [--repetitions N]`` optimizes each file in
the workers of a gateway, one at a time, as uploads that come while the machine is idle. A PUT adds
the transfer. Run it alone: times double where another program takes one of two cores.
"""

import argparse
import asyncio
import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import structlog

from bench.contest import policy_of
from slimgate import models
from slimgate.codec.optimize import Optimized
from slimgate.codec.reasons import Refused
from slimgate.codec.search.state import Trial
from slimgate.config import Engine, Policy
from slimgate.gateway.workers.pool import Workers


def main() -> int:
    """Print a line per file and effort."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--efforts", default="fast,balanced")
    parser.add_argument("--repetitions", type=int, default=5)
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    policies = [policy_of({"effort": effort}) for effort in options.efforts.split(",")]
    asyncio.run(_measure(options.photos, policies, options.repetitions))
    return 0


async def _measure(photos: Sequence[Path], policies: Sequence[Policy], repetitions: int) -> None:
    async with Workers(Engine(), [*models.chosen("native").values()]) as workers:
        for path in photos:
            data = path.read_bytes()
            for policy in policies:
                await _once(workers, data, policy)  # a new worker imports, the engine compiles
                taken = [await _once(workers, data, policy) for _ in range(repetitions)]
                seconds = [each[0] for each in taken]
                sys.stdout.write(
                    f"{path.name[-38:]:40}{policy.effort:10}{median(seconds):7.2f} s "
                    f"({min(seconds):.2f} to {max(seconds):.2f})  {taken[0][1]}\n"
                )
                sys.stdout.flush()


async def _once(workers: Workers, data: bytes, policy: Policy) -> tuple[float, str]:
    began = time.perf_counter()
    try:
        made = await workers.optimize(data, policy, content_type="image/x", version="0.1.0")
    except Refused as refused:
        return time.perf_counter() - began, f"{refused.reason} {_trials(refused.trials)}"
    return time.perf_counter() - began, _described(made)


def _described(made: Optimized) -> str:
    stored = made.manifest.stored
    size = f"{made.manifest.size:,} bytes stored as {len(made.rendition):,}"
    return f"{size}: {stored.tier} x{stored.scale}, {_trials(made.trials)}"


def _trials(trials: Sequence[Trial]) -> str:
    whole = sum(not trial.sampled for trial in trials)
    return f"{whole} trials and {len(trials) - whole} of the sample"


if __name__ == "__main__":
    sys.exit(main())
