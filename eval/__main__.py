"""Tell what a policy saves on your images, and what that costs in fidelity.

CORPUS is a folder of images (its subfolders are classes), a CSV file with a column 'path' and
maybe a column 'class', or s3://bucket/prefix, which is only read. The report goes into the folder
--out. A run that was ended goes on when the same command is given again.
"""

import argparse
import sys
from pathlib import Path
from typing import Any, Final

from config import ConfigError
from eval.compare import policies
from eval.compare.policies import NoPolicy
from eval.corpus.corpus import BadCorpus
from eval.cost import money_prices
from eval.demo.processes import end_in_order
from eval.report import report, terminal
from eval.run import machine
from eval.run.journal import BadOutput

_INTERRUPTED: Final = 130  # what shells give a program that Ctrl-C has ended
_BAD_INPUT: Final = 2


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        0 when the report is there, 2 when the input is at fault, 130 after Ctrl-C.
    """
    options = _parser().parse_args(arguments)
    try:
        wish = _wish(options)
        _announce(wish)
        study, summed = report.make(wish)
    except (BadCorpus, BadOutput, NoPolicy, ConfigError, OSError) as error:
        print(error, file=sys.stderr)
        return _BAD_INPUT
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on where it was.", file=sys.stderr)
        return _INTERRUPTED
    print("\n".join(terminal.lines(study, summed)))
    print(f"written to {wish.folder}: open report.html")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m eval",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("corpus", metavar="CORPUS", help="folder, CSV file, or s3://bucket/prefix")
    add("--out", type=Path, required=True, metavar="DIR", help="folder for the report")
    add("--policies", type=Path, metavar="FILE", help="configuration, or its policies alone")
    add("--policy", metavar="NAME", help="which of its policies, where there are several")
    add("--effort", choices=("fast", "balanced", "best"), help="in place of the policy's own")
    add(
        "--classes",
        choices=("folders", "auto"),
        default="folders",
        help="where classes come from: folders (or the CSV's column), or the looks of an image",
    )
    add("--only", type=_names, default=(), metavar="A,B", help="only these classes")
    add("--sample", type=_count, metavar="N", help="take N images, of all sizes and classes")
    add("--seed", type=int, default=0, metavar="S", help="of the sample and of intervals")
    add("--processes", type=_count, default=machine.cores(), metavar="N", help="default: cores")
    add("--endpoint-url", metavar="URL", help="of the bucket, where it is not Amazon's")
    add("--prices", type=Path, default=money_prices.DEFAULT, metavar="FILE", help="price list")
    add("--force", action="store_true", help="remove an earlier report from DIR, and begin anew")
    return parser


def _wish(options: argparse.Namespace) -> report.Wish:
    changes: dict[str, Any] = {"effort": options.effort} if options.effort else {}
    policy, engine = policies.choose(options.policies, options.policy, options.corpus, changes)
    return report.Wish(
        location=options.corpus,
        folder=options.out,
        policy=policy,
        engine=engine,
        auto=options.classes == "auto",
        kinds=options.only,
        count=options.sample,
        seed=options.seed,
        force=options.force,
        processes=options.processes,
        endpoint=options.endpoint_url,
        prices=money_prices.load(options.prices),
    )


def _announce(wish: report.Wish) -> None:
    print(
        f"Measuring {wish.location} under the policy {wish.policy.name} (effort "
        f"{wish.policy.effort}) in {wish.processes} processes …",
        file=sys.stderr,
        flush=True,
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= 10**9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return int(text)


if __name__ == "__main__":
    end_in_order()
    sys.exit(main())
