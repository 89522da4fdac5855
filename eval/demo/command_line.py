"""The command ``demo``: a gateway and an in-memory store on this machine."""

import argparse
import sys
from collections.abc import Iterable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from tqdm import tqdm

from slimgate.config import Policy
from slimgate.eval.demo import events, hints, sample_images, table
from slimgate.eval.demo.processes import StartFailed, end_in_order, is_free
from slimgate.eval.demo.roundtrip import Row, round_trip
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
from slimgate.eval.demo.table import Totals

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_MORE: Final = (
    "Everything runs on this machine and leaves nothing behind: an in-memory store, a gateway, and "
    "images from scikit-image."
)

_NEEDED: Final = ("flask", "flask_cors", "moto", "skimage")
"""Packages of the extra eval."""

DEFAULT_LISTEN: Final = "127.0.0.1:9000"

_INTERRUPTED: Final = 130  # exit code of shells for a program ended by Ctrl-C


def run(options: argparse.Namespace) -> int:
    """Run the demo, or serve.

    Returns:
        0 if every restored image holds its floor; 1 if one does not, or a server fails to start;
            2 if the address is in use; 130 after Ctrl-C during the demo.

    Raises:
        ModuleNotFoundError: The extra eval is not installed.
    """
    for package in _NEEDED:
        if find_spec(package) is None:
            raise ModuleNotFoundError(f"No module named {package!r}", name=package)
    end_in_order()
    try:
        return _serve(options.listen) if options.serve else _demo(options.images)
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 0 if options.serve else _INTERRUPTED
    except StartFailed as error:
        print(error, file=sys.stderr)
        return 1


def add(subparsers: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``demo``."""
    summary = "try a gateway on sample images"
    parser = subparsers.add_parser(
        "demo",
        help=summary,
        description=f"{summary}. {_MORE}",
        epilog="slimgate demo\nslimgate demo --serve --listen 127.0.0.1:9000",
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


def _demo(recipes: tuple[Recipe, ...]) -> int:
    recipes = recipes or sample_images.RECIPES
    _print("Starting an in-memory bucket and a gateway …")
    with running() as pair:
        _print(f"Gateway {pair.endpoint}, store {pair.upstream}")
        found = [_totals(pair, Policy.model_validate(demo_policy()), recipes)]
        again = [recipe for recipe in recipes if recipe.key in sample_images.ECONOMY]
        if again:
            found.append(_totals(pair, Policy.model_validate(economy_policy()), again))
    print(f"{table.LEGEND}\n\n{hints.next_steps()}")
    return max(each.exit_code for each in found)


def _totals(pair: Pair, policy: Policy, recipes: Iterable[Recipe]) -> Totals:
    """Print the table of a policy, and return its totals."""
    print(f"{hints.policy_line(policy)}\n\n{table.header()}", flush=True)
    found = table.totals(_rows(pair, policy, recipes))
    print(f"\n{found}\n{found.enlarged} of them enlarged by super-resolution\n", flush=True)
    return found


def _rows(pair: Pair, policy: Policy, recipes: Iterable[Recipe]) -> list[Row]:
    gateway, upstream = s3_client(pair.endpoint), s3_client(pair.upstream)
    gateway.create_bucket(Bucket=policy.bucket)
    rows = []
    # Without a terminal there is no progress bar; with one, lines go above it.
    with tqdm(list(recipes), unit="image", leave=False, disable=None) as bar:
        for recipe in bar:
            bar.set_description(recipe.key)
            sample = sample_images.make(recipe)
            rows.append(round_trip(sample, policy=policy, gateway=gateway, upstream=upstream))
            tqdm.write(table.line(rows[-1]), file=sys.stdout)
            sys.stdout.flush()
    return rows


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
