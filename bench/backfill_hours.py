"""How long optimizing a bucket takes, by cores: ``python -m bench.backfill_hours 50``.

The argument is its size in TB. The figures are those that `bench/backfill.py` measured; the table
in docs/sizing.md is the output, and a test compares the two.
"""

import argparse
import sys
from typing import Final

from bench.backfill import MEASURED, OBJECT_BYTES, READS, WRITES, Column, Measured, rounded
from slimgate.eval.cost import money_prices

_CORES: Final = (16, 64, 256)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.backfill_hours", description=__doc__)
    parser.add_argument("terabytes", type=float, metavar="TB", help="size of the bucket")
    options = parser.parse_args(arguments)
    measured = Measured.model_validate_json(MEASURED.read_text())
    sys.stdout.write(table(measured, options.terabytes))
    return 0


def table(of: Measured, terabytes: float) -> str:
    """Return hours by number of cores, and the cost of requests and cores, as Markdown."""
    prices = money_prices.load()
    objects = terabytes * prices.tb_bytes / OBJECT_BYTES
    lines = [
        f"| effort | core-hours | {' | '.join(f'{cores} cores' for cores in _CORES)} | in all |",
        "|---|---|" + "---|" * len(_CORES) + "---|",
    ]
    for effort, cost in (("balanced", of.balanced), ("fast", of.fast)):
        core_s = cost.optimize_cpu_s * OBJECT_BYTES / of.uploaded
        job = Column(effort, READS["optimize"], WRITES["optimize"], core_s)
        core_hours = objects * core_s / 3600
        times = (f"{rounded(core_hours / cores):,.0f} h" for cores in _CORES)
        _, dollars = job.figures(objects, prices)
        lines.append(
            f"| `{effort}` | {rounded(core_hours):,.0f} | {' | '.join(times)} "
            f"| ${rounded(dollars):,.0f} |"
        )
    return "".join(f"{line}\n" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
