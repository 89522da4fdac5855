"""The command ``eval``: report what a policy saves on images."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from slimgate.config import ConfigError
from slimgate.eval.compare import policies
from slimgate.eval.compare.policies import NoPolicy
from slimgate.eval.corpus.corpus import BadCorpus
from slimgate.eval.cost import money_prices
from slimgate.eval.demo.processes import end_in_order
from slimgate.eval.report import report, terminal
from slimgate.eval.run import machine
from slimgate.eval.run.journal import BadOutput

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_MORE: Final = (
    "CORPUS is a folder of images (subfolders are classes), a CSV file with the column path and an "
    "optional column class, or s3://bucket/prefix, which is only read. To continue an interrupted "
    "run, repeat the command."
)
_EXAMPLES: Final = """
slimgate eval photos/ --out report
slimgate eval list.csv --out report --policies slimgate.yaml
slimgate eval s3://bucket/prefix --out report --sample 500 --effort fast
"""

_INTERRUPTED: Final = 130  # exit code of shells for a program ended by Ctrl-C
_BAD_INPUT: Final = 2


def run(options: argparse.Namespace) -> int:
    """Make a report.

    Returns:
        0 if the report is complete, 2 if the input is invalid, 130 after Ctrl-C.
    """
    end_in_order()
    try:
        wanted = _report_options(options)
        _announce(wanted)
        study, summed = report.make(wanted)
    except (BadCorpus, BadOutput, NoPolicy, ConfigError, OSError) as error:
        print(error, file=sys.stderr)
        return _BAD_INPUT
    except KeyboardInterrupt:
        print("\nStopped. Repeat the command to continue.", file=sys.stderr)
        return _INTERRUPTED
    print("\n".join(terminal.lines(study, summed)))
    print(f"written to {wanted.folder}: open report.html")
    return 0


def add(subparsers: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``eval``."""
    summary = "report what a policy saves on your images, and what that costs in fidelity"
    parser = subparsers.add_parser(
        "eval", help=summary, description=f"{summary}. {_MORE}", epilog=_EXAMPLES
    )
    parser.set_defaults(run=run)
    _add_options(parser)


def _add_options(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("corpus", metavar="CORPUS", help="folder, CSV file, or s3://bucket/prefix")
    add("--out", type=Path, required=True, metavar="DIR", help="folder for the report")
    add("--policies", type=Path, metavar="FILE", help="configuration, or its policies alone")
    add("--policy", metavar="NAME", help="policy to use, if the file has several")
    add("--effort", choices=("fast", "balanced", "best"), help="override the policy's effort")
    add(
        "--classes",
        choices=("folders", "auto"),
        default="folders",
        help="source of classes: folders (or the CSV column), or detected from the image",
    )
    add("--only", type=_names, default=(), metavar="A,B", help="classes to include")
    add("--sample", type=_count, metavar="N", help="measure N images, stratified by size and class")
    add("--seed", type=int, default=0, metavar="S", help="seed of sampling and of intervals")
    add(
        "--processes",
        type=_count,
        default=machine.cores(),
        metavar="N",
        help="number of processes (default: one per core)",
    )
    add("--endpoint-url", metavar="URL", help="endpoint of the bucket, if not AWS")
    add("--prices", type=Path, default=money_prices.DEFAULT, metavar="FILE", help="price list")
    add("--force", action="store_true", help="remove an earlier report from DIR and start over")


def _report_options(options: argparse.Namespace) -> report.ReportOptions:
    changes: dict[str, Any] = {"effort": options.effort} if options.effort else {}
    policy, engine = policies.choose(options.policies, options.policy, options.corpus, changes)
    return report.ReportOptions(
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


def _announce(wanted: report.ReportOptions) -> None:
    print(
        f"Measuring {wanted.location} under the policy {wanted.policy.name} (effort "
        f"{wanted.policy.effort}) in {wanted.processes} processes …",
        file=sys.stderr,
        flush=True,
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= 10**9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number")
    return int(text)
