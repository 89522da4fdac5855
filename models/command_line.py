"""The command ``models``: list restorers, verify and fetch weights, measure and train."""

import argparse
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tqdm import tqdm

from slimgate.models.engine.network import EngineError
from slimgate.models.registry import formatting
from slimgate.models.registry.cards import Card
from slimgate.models.registry.catalog import CATALOG, RESTORERS, chosen, hashed, named
from slimgate.models.registry.fetch import FetchFailed, Report, cache_folder, fetch, find
from slimgate.models.registry.native import FAMILY
from slimgate.models.training import cli
from slimgate.models.training.cli import CommandFailed

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_LEAST_SIDE: Final = 16
_LARGEST_SIDE: Final = 8192


class _Failed(Exception):
    """The command failed; the message says why."""


def add(subparsers: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``models`` and its commands."""
    summary = "list, fetch, measure and train restorers"
    parser = subparsers.add_parser(
        "models",
        help=summary,
        description=summary,
        epilog="slimgate models list\nslimgate models show native",
    )
    parser.set_defaults(run=run)
    add_commands(parser.add_subparsers(required=True, metavar="COMMAND"))


def run(options: argparse.Namespace) -> int:
    """Run one command.

    Returns:
        0, or 1 after a failure, with the reason on standard error.

    Raises:
        ModuleNotFoundError: A package of an extra is missing.
    """
    act: Callable[[argparse.Namespace], str] = options.act
    try:
        sys.stdout.write(act(options))
    except (FetchFailed, CommandFailed, _Failed) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def add_commands(commands: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``list``, ``show``, ``verify``, ``fetch``, ``bench`` and the commands of training."""
    listing = _add(commands, "list", "list all restorers", "slimgate models list")
    listing.set_defaults(act=lambda _: formatting.table(RESTORERS))
    show = _add(
        commands, "show", "show all properties of one restorer", "slimgate models show native"
    )
    show.add_argument("name", metavar="NAME", help="name of the restorer, or of its family")
    show.set_defaults(act=lambda options: _show(options.name))
    verify = _add(
        commands, "verify", "verify fetched weights, or any checkpoint", "slimgate models verify"
    )
    verify.add_argument("what", nargs="?", metavar="NAME|FILE", help="default: all fetched weights")
    verify.set_defaults(act=lambda options: _verify(options.what))
    get = _add(
        commands,
        "fetch",
        "download the weights of a network",
        "slimgate models fetch real-esrgan-x2plus --to weights",
    )
    get.add_argument("name", metavar="NAME", help="name of the restorer")
    get.add_argument("--to", type=Path, metavar="DIR", help="default: the cache folder")
    get.set_defaults(act=lambda options: _fetch(_card(options.name), options.to))
    _add_bench(commands)
    cli.add_commands(commands)


def _add(
    commands: "_SubParsersAction[argparse.ArgumentParser]", name: str, summary: str, example: str
) -> argparse.ArgumentParser:
    return commands.add_parser(name, help=summary, description=summary, epilog=example)


def _add_bench(commands: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    bench = _add(
        commands,
        "bench",
        "measure a restorer against float32 torch",
        "slimgate models bench --restorer native-x2 --image-size 1024x1024",
    )
    bench.add_argument("--restorer", required=True, metavar="NAME", help="the network to measure")
    bench.add_argument(
        "--engine",
        choices=("openvino", "torch"),
        default="openvino",
        help="engine to run it (default: openvino)",
    )
    bench.add_argument(
        "--image-size", type=_size, default=(512, 512), metavar="WxH", help="size of the output"
    )
    bench.add_argument(
        "--seconds", type=_seconds, default=5.0, help="duration per line of the table, seconds"
    )
    bench.add_argument(
        "--threads", type=_threads, default=0, metavar="N", help="threads (0: one per core)"
    )
    bench.set_defaults(act=_bench)


def _size(text: str) -> tuple[int, int]:
    parts = re.fullmatch(r"([0-9]{2,4})x([0-9]{2,4})", text)
    sides = [int(part) for part in parts.groups()] if parts else []
    if not sides or min(sides) < _LEAST_SIDE or max(sides) > _LARGEST_SIDE:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a size such as 512x512 with sides from {_LEAST_SIDE} to "
            f"{_LARGEST_SIDE}"
        )
    return sides[0], sides[1]


def _seconds(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3})?", text) or not 0 < float(text) <= 600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds up to 600")
    return float(text)


def _threads(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,4}", text) or int(text) > 1024:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of threads from 0 to 1024")
    return int(text)


def _bench(options: argparse.Namespace) -> str:
    from slimgate.models.bench import benchmark  # noqa: PLC0415  # import heavy packages only when needed

    card = _card(options.restorer)
    size, seconds, threads = options.image_size, options.seconds, options.threads
    try:
        return benchmark.run(card, options.engine, size=size, seconds=seconds, threads=threads)
    except EngineError as error:
        raise _Failed(str(error)) from error


def _show(name: str) -> str:
    if name == FAMILY:
        return formatting.table(hashed(each) for each in chosen(name).values())
    return formatting.card(_card(name))


def _card(name: str) -> Card:
    try:
        return named(name)
    except LookupError as error:
        raise _Failed(str(error)) from error


def _verify(what: str | None) -> str:
    folder = cache_folder(os.environ)
    if what is None:
        return _verify_all(folder)
    path = Path(what)
    if path.suffix or path.exists():
        return _verify_file(path)
    card = _card(what)
    if card.download is None:
        raise _Failed(f"{card.name} has no weights to verify")
    return _verify_file(find(card.download, folder))


def _verify_all(folder: Path) -> str:
    downloads = [card.download for card in CATALOG if card.download is not None]
    there = [each for each in downloads if (folder / each.file).exists()]
    if not there:
        return f"No weights in {folder}; run slimgate models fetch NAME to download some.\n"
    return "".join(f"{find(each, folder)}: as published\n" for each in there)


def _verify_file(path: Path) -> str:
    from slimgate.models.formats import checkpoints  # noqa: PLC0415  # torch is an extra

    try:
        return formatting.checkpoint(checkpoints.load(path))
    except checkpoints.Unusable as error:
        raise _Failed(str(error)) from error


def _fetch(card: Card, folder: Path | None) -> str:
    if card.download is None:
        raise _Failed(f"{card.name} has no weights to fetch: use it directly")
    with _bar(card.download.file, card.download.size) as report:
        path = fetch(card.download, folder or cache_folder(os.environ), report=report)
    return f"{path}\n"


@contextmanager
def _bar(name: str, size: int) -> Iterator[Report]:
    """Show progress on a terminal."""
    with tqdm(desc=name, total=size, unit="B", unit_scale=True, disable=None) as bar:

        def report(there: int) -> None:
            bar.update(there - bar.n)

        yield report
