"""What a job on a large bucket costs and takes: ``python -m bench.backfill``.

With ``--measure DIR...`` photographs are optimized and restored first, one at a time, and the sums
written to `bench/backfill.json`. The table in docs/jobs.md is the output without it; a test
compares the two.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image
from tqdm import tqdm

from bench.contest import alone, policy_of, stored
from slimgate.codec.restore.restore import restore
from slimgate.config.base import Frozen
from slimgate.eval.cost import money, money_prices
from slimgate.eval.cost.money_prices import Prices
from slimgate.eval.run import machine
from slimgate.gateway.jobs.terms import CHECKPOINT_S
from slimgate.models.engine.loading import LocalRestorers

MEASURED: Final = Path(__file__).with_suffix(".json")

READS: Final = {"optimize": 5, "verify": 2}
"""GET and HEAD requests per object; optimizing looks twice, and reads tags and ACL, too."""

WRITES: Final = {"optimize": 1, "verify": 0}

_TERABYTES: Final = 100
OBJECT_BYTES: Final = 3_000_000
_KEYS_PER_SHARD: Final = 1000
_CORES_PER_PROCESS: Final = 8
_DAYS: Final = 30
_MIN_BYTES: Final = 1_000_000  # photographs as cameras and phones store them
_STATE_WRITES: Final = 2  # a checkpoint renews the lease and writes progress
_SHARD_WRITES: Final = 4  # the shard, its lease, its last progress, its record


_HEAD: Final = (
    "| job | reads / writes / state per object | requests | core-seconds per object | core-hours | "
    f"cores for {_DAYS} days | compute | in all |"
)

_SAVING_HEAD: Final = (
    "| effort | stored | storage a month | saved a month, unread | each read once, 3 % replaced | "
    "paid back after |"
)


class Cost(Frozen):
    """Sums over all measured photographs.

    Attributes:
        stored: Bytes stored.
        optimize_cpu_s: CPU time of optimizing, seconds.
        restore_cpu_s: CPU time of restoring, seconds.
    """

    stored: int
    optimize_cpu_s: float
    restore_cpu_s: float


class Measured(Frozen):
    """Photographs, optimized with each effort.

    Attributes:
        processor: Processor that measured.
        images: Number of photographs.
        uploaded: Their bytes.
        megapixels: Their sizes.
        balanced: Sums with effort ``balanced``.
        fast: Sums with effort ``fast``.
    """

    processor: str
    images: int
    uploaded: int
    megapixels: float
    balanced: Cost
    fast: Cost


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.backfill", description=__doc__)
    parser.add_argument("--measure", type=Path, nargs="+", metavar="DIR", help="photographs")
    options = parser.parse_args(arguments)
    if options.measure:
        measured = measure(options.measure)
        MEASURED.write_text(measured.model_dump_json(indent=1) + "\n")
    sys.stdout.write(table(Measured.model_validate_json(MEASURED.read_text())))
    return 0


def measure(folders: Sequence[Path]) -> Measured:
    """Optimize and restore all JPEG files of at least 1 MB."""
    paths = sorted(path for each in folders for path in each.rglob("*.jp*g") if _is_large(path))
    networks, upscalers = alone()
    pixels = 0
    for path in paths:
        with Image.open(path) as image:
            pixels += image.width * image.height
    balanced, fast = (_cost(paths, effort, upscalers) for effort in ("balanced", "fast"))
    networks.close()
    return Measured(
        processor=machine.machine()["processor"],
        images=len(paths),
        uploaded=sum(path.stat().st_size for path in paths),
        megapixels=round(pixels / 1e6, 1),
        balanced=balanced,
        fast=fast,
    )


def _is_large(path: Path) -> bool:
    return path.stat().st_size >= _MIN_BYTES


def _cost(paths: Sequence[Path], effort: str, upscalers: LocalRestorers) -> Cost:
    policy, size, work, back = policy_of({"effort": effort}), 0, 0.0, 0.0
    for path in tqdm(paths, desc=effort, disable=None):
        kept = stored(path.read_bytes(), policy, upscalers)
        size, work = size + kept.size, work + kept.seconds
        if kept.manifest is not None:
            began = time.process_time()
            restore(kept.rendition, kept.manifest, upscalers)
            back += time.process_time() - began
    return Cost(stored=size, optimize_cpu_s=round(work, 1), restore_cpu_s=round(back, 2))


@dataclass(frozen=True, slots=True)
class Column:
    """A job on the bucket.

    Attributes:
        name: What is done.
        reads: GET and HEAD requests per object.
        writes: PUT requests per object.
        core_s: CPU time per object, seconds.
    """

    name: str
    reads: int
    writes: int
    core_s: float

    def figures(self, objects: float, prices: Prices) -> tuple[list[str], float]:
        """Return the cells of the table, and the cost."""
        checkpoints = self.core_s / (CHECKPOINT_S * _CORES_PER_PROCESS)
        state = checkpoints * _STATE_WRITES + _SHARD_WRITES / _KEYS_PER_SHARD
        place = prices.classes[0]
        requests = (
            objects * (self.reads + checkpoints) * place.get_per_1000
            + objects * (self.writes + state) * place.put_per_1000
        ) / 1000
        core_hours = objects * self.core_s / 3600
        compute = core_hours * prices.compute.core_hour
        cells = [
            self.name,
            f"{self.reads} / {self.writes} / {state:.2f}",
            f"${rounded(requests):,.0f}",
            f"{self.core_s:.1f}",
            f"{rounded(core_hours):,.0f}",
            f"{rounded(core_hours / 24 / _DAYS):,.0f}",
            f"${rounded(compute):,.0f}",
            f"${rounded(requests + compute):,.0f}",
        ]
        return cells, requests + compute


def table(of: Measured) -> str:
    """Return the table as Markdown."""
    prices = money_prices.load()
    objects = _TERABYTES * prices.tb_bytes / OBJECT_BYTES
    share = OBJECT_BYTES / of.uploaded  # of an average object in the sums
    jobs = [
        Column("optimize, `balanced`", READS["optimize"], WRITES["optimize"],
               of.balanced.optimize_cpu_s * share),
        Column("optimize, `fast`", READS["optimize"], WRITES["optimize"],
               of.fast.optimize_cpu_s * share),
        Column("verify", READS["verify"], WRITES["verify"], of.balanced.restore_cpu_s * share),
    ]  # fmt: skip
    cells, costs = zip(*(job.figures(objects, prices) for job in jobs), strict=True)
    each = of.megapixels * share
    lines = [
        f"{rounded(objects) / 1e6:.1f} million objects, {each:.1f} megapixels each",
        "",
        _HEAD,
        "|---|---|---|---|---|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in cells),
        "",
        _SAVING_HEAD,
        "|---|---|---|---|---|---|",
        _saving("balanced", of, of.balanced, costs[0]),
        _saving("fast", of, of.fast, costs[1]),
    ]
    return "".join(f"{line}\n" for line in lines)


def _saving(name: str, of: Measured, cost: Cost, backfill: float) -> str:
    still, busy = (_money(of, cost, reads, uploads) for reads, uploads in ((0.0, 0.0), (1.0, 0.03)))
    now, then = still.now.storage, still.then.storage
    saved = (f"${rounded(each.saved):,.0f}" for each in (still, busy))
    months = (f"{backfill / each.saved:.1f}" for each in (still, busy))
    return (
        f"| `{name}` | {100 * cost.stored / of.uploaded:.0f} % | ${rounded(now):,.0f} → "
        f"${rounded(then):,.0f} | {' | '.join(saved)} | {' / '.join(months)} months |"
    )


def _money(of: Measured, cost: Cost, reads: float, uploads: float) -> money.Money:
    """Return what the bucket costs with such renditions.

    Args:
        of: Measured photographs.
        cost: Their sums.
        reads: Reads per object and month.
        uploads: Share of objects replaced per month.
    """
    prices = money_prices.load()
    share = OBJECT_BYTES / of.uploaded
    basis = money.basis([(OBJECT_BYTES, round(cost.stored * share))], prices)
    assumed = money.Assumptions(
        terabytes=_TERABYTES,
        storage_class=prices.classes[0].name,
        reads=reads,
        uploads=uploads,
        put_core_s=cost.optimize_cpu_s * share,
        get_core_s=cost.restore_cpu_s * share,
        core_hour=prices.compute.core_hour,
        gpu_hour=prices.compute.gpu_hour,
    )
    return money.calculate(basis, assumed)


def rounded(value: float) -> float:
    """Return a number with three digits that count."""
    return float(f"{value:.3g}")


if __name__ == "__main__":
    sys.exit(main())
