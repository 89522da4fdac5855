"""Measure the overhead of the gateway: ``python -m bench``."""

import argparse
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NoReturn

from botocore.exceptions import BotoCoreError, ClientError
from tqdm import tqdm

from bench import measures, report
from bench.client import Unexpected
from bench.measures import Measure
from bench.report import Result
from bench.testbed import Store, bench, echo_store, moto_store
from slimgate.eval.demo.processes import StartFailed
from slimgate.eval.demo.servers import REGION

# Transfers come first, so that the memory of the gateway is measured after them.
_FULL: Final[tuple[Measure, ...]] = (
    measures.transfers,
    measures.small_requests,
    measures.plain_listings,
    measures.mixed_listings,
)
_BARE: Final[tuple[Measure, ...]] = (measures.bare_transfers, measures.bare_small_requests)
_BARE_TITLE: Final = "zeros from memory (the gateway's overhead in the worst case)"


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    0; 1 if a server did not start or answered unexpectedly; 130 after Ctrl-C.
        0; 1 when a server did not start or did not answer as it should; 130 after Ctrl-C.
    """
    options = _parser().parse_args(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        results = list(_results(options))
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped.\n")
        return 130
    except (StartFailed, Unexpected, ClientError, BotoCoreError, OSError) as error:
        sys.stderr.write(f"\n{error}\n")
        return 1
    _write(f"\n{report.EXPLANATION}")
    if options.json is not None:
        options.json.write_text(report.as_json(results))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--upstream-kind",
        choices=["moto", "echo", "both"],
        default="both",
        help="store to measure with",
    )
    parser.add_argument("--upstream", metavar="URL", help="another store instead of moto")
    parser.add_argument("--access-key", help="access key with permission to create buckets")
    parser.add_argument("--secret-key", help="secret key")
    parser.add_argument("--region", default=REGION, help=f"region of the store (default {REGION})")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results as JSON")
    return parser


def _interrupt(number: int, _: object) -> NoReturn:
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt(number)


def _results(options: argparse.Namespace) -> Iterator[Result]:
    if options.upstream_kind != "echo":
        with _store(options) as store:
            title = options.upstream or "moto, a store in memory written in Python"
            yield _measured(store, title, _FULL)
    if options.upstream_kind != "moto":
        with echo_store() as store:
            yield _measured(store, _BARE_TITLE, _BARE)


@contextmanager
def _store(options: argparse.Namespace) -> Iterator[Store]:
    if options.upstream is None:
        with moto_store() as store:
            yield store
        return
    if not options.access_key or not options.secret_key:
        raise StartFailed("--upstream needs --access-key and --secret-key")
    yield Store(options.upstream, options.access_key, options.secret_key, options.region)


def _measured(store: Store, title: str, wanted: tuple[Measure, ...]) -> Result:
    comparisons, memory = [], []
    with bench(store) as setting, tqdm(unit="line", leave=False, disable=None) as bar:
        idle = setting.rss_mib()
        _write(report.header(title))
        for measure in wanted:
            bar.set_description((measure.__doc__ or "").splitlines()[0])
            for comparison in measure(setting):
                comparisons.append(comparison)
                _write(report.line(comparison))
                bar.update()
            memory.append(setting.rss_mib())
    result = Result(title, comparisons, idle, memory[0])
    _write(report.memory(result))
    return result


def _write(text: str) -> None:
    tqdm.write(text, file=sys.stdout)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
