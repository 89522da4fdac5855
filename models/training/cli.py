"""Commands of the training pipeline; heavy packages are imported when a command runs."""

import argparse
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from slimgate.models.engine.network import EngineError
from slimgate.models.formats.integer import Inexact
from slimgate.models.training.errors import TrainingError

if TYPE_CHECKING:
    from argparse import _SubParsersAction

_QUALITIES: Final = (10, 20, 35, 50, 65, 80, 90, 95)
_PER_CORE: Final = "their number (default: one per core)"
_CODECS: Final = ("avif", "webp", "jxl", "jpeg")


class CommandFailed(Exception):
    """The command failed; the message says what to do."""


def add_commands(commands: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``train``, ``retrain``, ``export`` and ``evaluate``.

    Each sets ``act``, a function of the parsed options that returns the output and raises
    CommandFailed.
    """
    train = _add(
        commands,
        "train",
        "train a network, or continue an interrupted run",
        "slimgate models train run.yaml --data images --out runs/first",
    )
    _add_run(train)
    train.add_argument("--start", type=Path, metavar="CHECKPOINT", help="checkpoint to start from")
    train.add_argument("--data", type=Path, metavar="DIR", help="training images")
    train.set_defaults(act=_acting(_train))
    retrain = _add(
        commands,
        "retrain",
        "continue from a checkpoint with more images",
        "slimgate models retrain run.yaml --start runs/first/last.pt --data feedback",
    )
    _add_run(retrain)
    retrain.add_argument(
        "--start", type=Path, required=True, metavar="CHECKPOINT", help="checkpoint to start from"
    )
    retrain.add_argument("--data", type=Path, required=True, metavar="DIR", help="training images")
    retrain.set_defaults(act=_acting(_train))
    export = _add(
        commands,
        "export",
        "write the ONNX file of an integer run, and that of its downscaler",
        "slimgate models export runs/first/last.pt --out x2.onnx",
    )
    export.add_argument("checkpoint", type=Path, metavar="CHECKPOINT", help="of the integer run")
    export.add_argument(
        "--out", type=Path, required=True, metavar="FILE.onnx", help="file to write"
    )
    export.set_defaults(act=_acting(_export))
    _add_evaluate(commands)


def _add(
    commands: "_SubParsersAction[argparse.ArgumentParser]", name: str, summary: str, example: str
) -> argparse.ArgumentParser:
    return commands.add_parser(name, help=summary, description=summary, epilog=example)


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", type=Path, help="run configuration, a YAML file")
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: runs/NAME")
    parser.add_argument("--tracking", metavar="URL", help="MLflow server; default: files in DIR")
    parser.add_argument(
        "--threads", type=_positive, default=os.cpu_count() or 1, metavar="N", help=_PER_CORE
    )
    parser.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="where to train (default: auto, a GPU if present)",
    )
    parser.add_argument("--pairs", type=Path, metavar="DIR", help="cache of pairs, shared by runs")


def _add_evaluate(commands: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = _add(
        commands,
        "evaluate",
        "compare restorers and codecs at equal bytes",
        "slimgate models evaluate --images photos --out docs --restorer native-x2 --scale 2",
    )
    parser.add_argument(
        "--images", type=Path, required=True, metavar="DIR", help="images; subfolders are classes"
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="destination, such as docs"
    )
    parser.add_argument(
        "--restorer", nargs="*", default=[], metavar="NAME|FILE.onnx", help="restorers to compare"
    )
    parser.add_argument(
        "--scale",
        type=int,
        nargs="+",
        default=[2, 3, 4],
        choices=(2, 3, 4),
        help="factors to compare (default: all)",
    )
    parser.add_argument(
        "--codec",
        nargs="+",
        default=list(_CODECS[:1]),
        choices=_CODECS,
        help=f"codecs of the renditions (default: {_CODECS[0]})",
    )
    parser.add_argument(
        "--qualities",
        type=_quality,
        nargs="+",
        default=list(_QUALITIES),
        metavar="Q",
        help="qualities to measure at, 0 to 100",
    )
    parser.add_argument(
        "--max-pixels",
        type=_positive,
        default=1_000_000,
        metavar="N",
        help="larger images are cut to this many (default: 1,000,000)",
    )
    parser.add_argument("--limit", type=_positive, metavar="N", help="maximum images per class")
    parser.add_argument(
        "--processes", type=_positive, default=os.cpu_count() or 1, metavar="N", help=_PER_CORE
    )
    parser.set_defaults(act=_acting(_evaluate))


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:10]) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number")
    return int(text[:10])


def _quality(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:4]) <= 100):
        raise argparse.ArgumentTypeError(f"{text!r} is not a quality from 0 to 100")
    return int(text)


def _acting(
    command: Callable[[argparse.Namespace], str],
) -> Callable[[argparse.Namespace], str]:
    def act(options: argparse.Namespace) -> str:
        with _translated():
            return command(options)

    return act


@contextmanager
def _translated() -> Iterator[None]:
    """Translate errors that users can fix; missing packages and bugs pass."""
    try:
        yield
    except (TrainingError, Inexact, EngineError, OSError) as error:
        raise CommandFailed(str(error)) from error


def _train(options: argparse.Namespace) -> str:
    from slimgate.models.training import commands  # noqa: PLC0415  # torch is an extra

    return commands.train(options)


def _export(options: argparse.Namespace) -> str:
    from slimgate.models.training import commands  # noqa: PLC0415  # as above

    return commands.export(options)


def _evaluate(options: argparse.Namespace) -> str:
    from slimgate.models.training.evaluation import command  # noqa: PLC0415  # so are engines

    return command.evaluate(options)
