"""The command ``demo``: a gateway and an in-memory store on this machine."""

import argparse
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tqdm import tqdm

from slimgate.config import Policy
from slimgate.eval.demo import events, hints, page, sample_images, table
from slimgate.eval.demo.page import Exhibit
from slimgate.eval.demo.processes import StartFailed, end_in_order, is_free
from slimgate.eval.demo.roundtrip import round_trip
from slimgate.eval.demo.sample_images import Recipe
from slimgate.eval.demo.servers import (
    BUCKET,
    ECONOMY,
    Pair,
    demo_policy,
    economy_policy,
    running,
    s3_client,
)
from slimgate.eval.run.machine import cores

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_MORE: Final = (
    "Everything runs on this machine: an in-memory store, a gateway, and images from scikit-image. "
    "Nothing is left behind but a page that shows every image before and after."
)

_EXAMPLES: Final = """\
slimgate demo
slimgate demo --page /tmp/demo.html
slimgate demo --serve --listen 127.0.0.1:9000"""

_NEEDED: Final = ("flask", "flask_cors", "moto", "skimage")
"""Packages of the extra eval."""

DEFAULT_LISTEN: Final = "127.0.0.1:9000"

_INTERRUPTED: Final = 130  # exit code of shells for a program ended by Ctrl-C


def run(options: argparse.Namespace) -> int:
    """Run the demo, or serve.

    Returns:
        0 if every restored image holds its floor; 1 if one does not, or a server fails to start;
            2 if the address is in use or the page cannot be written; 130 after Ctrl-C during the
            demo.

    Raises:
        ModuleNotFoundError: The extra eval is not installed.
    """
    for package in _NEEDED:
        if find_spec(package) is None:
            raise ModuleNotFoundError(f"No module named {package!r}", name=package)
    end_in_order()
    try:
        return _serve(options.listen) if options.serve else _demo(options.images, options.page)
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 0 if options.serve else _INTERRUPTED
    except StartFailed as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{options.page}: {error.strerror}; choose another with --page", file=sys.stderr)
        return 2


def add(subparsers: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``demo``."""
    summary = "try a gateway on sample images"
    parser = subparsers.add_parser(
        "demo",
        help=summary,
        description=f"{summary}. {_MORE}",
        epilog=_EXAMPLES,
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        "--serve", action="store_true", help="keep gateway and bucket running until Ctrl-C"
    )
    parser.add_argument(
        "--listen",
        type=_address,
        default=DEFAULT_LISTEN,
        metavar="HOST:PORT",
        help=f"address for --serve (default {DEFAULT_LISTEN})",
    )
    parser.add_argument(
        "--page",
        type=Path,
        default=Path(page.NAME),
        metavar="FILE",
        help=f"page to write, one file that opens offline (default {page.NAME})",
    )
    parser.add_argument(
        "--images", type=_images, default=(), metavar="A,B", help="names of the images to use"
    )


def _address(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT")
    return text


def _images(text: str) -> tuple[Recipe, ...]:
    try:
        return sample_images.chosen([name for name in text.split(",") if name])
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _demo(recipes: tuple[Recipe, ...], path: Path) -> int:
    path.with_name(f"{path.name}.part").touch()  # before a minute of work, not after
    policies = [Policy.model_validate(each) for each in (demo_policy(), economy_policy())]
    _print("Starting an in-memory bucket and a gateway …")
    with running() as pair:
        _print(f"Gateway {pair.endpoint}, store {pair.upstream}")
        for policy in policies:
            print(f"{hints.policy_line(policy)}")
        print(f"{hints.GUARDED}\n\n{table.header([str(each.fidelity) for each in policies])}")
        sys.stdout.flush()
        exhibits = _exhibits(pair, policies, recipes or sample_images.RECIPES)
    by_policy = zip(*(each.outcomes for each in exhibits), strict=True)
    sums = [table.totals([each.row for each in outcomes]) for outcomes in by_policy]
    page.write(path, exhibits, policies, sums)
    for policy, found in zip(policies, sums, strict=True):
        print(f"\n{policy.fidelity}: {found}\n{found.details}")
    print(f"\n{table.LEGEND}\n\n{hints.next_steps(path)}")
    return max(each.exit_code for each in sums)


def _exhibits(pair: Pair, policies: Sequence[Policy], recipes: Sequence[Recipe]) -> list[Exhibit]:
    """Send images through the gateway, one per core at a time, and print their lines."""
    gateway, upstream = s3_client(pair.endpoint), s3_client(pair.upstream)
    for policy in policies:
        gateway.create_bucket(Bucket=policy.bucket)

    def sent(recipe: Recipe) -> Exhibit:
        sample = sample_images.make(recipe)
        rows = [
            round_trip(sample, policy=policy, gateway=gateway, upstream=upstream)
            for policy in policies
        ]
        return page.exhibit(sample, rows, policies)

    exhibits = []
    pool = ThreadPoolExecutor(cores())
    try:
        # Without a terminal there is no progress bar; with one, lines go above it.
        with tqdm(total=len(recipes), unit="image", leave=False, disable=None) as bar:
            for exhibit in pool.map(sent, recipes):
                exhibits.append(exhibit)
                tqdm.write(table.line([each.row for each in exhibit.outcomes]), file=sys.stdout)
                sys.stdout.flush()
                bar.update()
    finally:
        pool.shutdown(cancel_futures=True)
    return exhibits


def _serve(listen: str) -> int:
    host, _, port = listen.rpartition(":")
    try:
        free = is_free(host, int(port))
    except OSError as error:
        print(f"Cannot listen on {listen}: {error.strerror}.", file=sys.stderr)
        return 2
    if not free:
        print(hints.taken(listen, int(port)), file=sys.stderr)
        return 2
    _print("Starting an in-memory bucket and a gateway …")
    with running(listen, _show, _operators(int(port))) as pair:
        for bucket in (BUCKET, ECONOMY):
            s3_client(pair.endpoint).create_bucket(Bucket=bucket)
        print(f"{hints.welcome(pair)}\n", flush=True)
        pair.gateway.process.wait()
    print("The gateway stopped unexpectedly.", file=sys.stderr)
    return 1


def _operators(port: int) -> str | None:
    """Return an address for operators next to the gateway's port; None if it is in use."""
    beside = port + 1
    if port == 0 or beside > 65535 or not is_free("127.0.0.1", beside):
        return None
    return f"127.0.0.1:{beside}"


def _show(line: str) -> None:
    told = events.readable(line)
    if told is not None:
        print(told, flush=True)


def _print(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
