"""Compare restorers with each other, and shrinking with full-size AVIF, at equal scores.

``python -m bench.shrinking FOLDER --out FILE --restorer NAME|FILE.onnx...`` encodes images of a
folder with one subfolder per class as AVIF, tuned for SSIMULACRA2: at full size, the better of
4:4:4 and 4:2:0, and shrunk, restored by each restorer and by Lanczos. ``FILE`` gets a JSON line per
measure, so an interrupted run continues.

Restorers are compared with the first one at equal bytes. ``NAME+NAME...`` are restorers of several
scales that count as one: where bytes are compared at equal scores, the smallest file is stored.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from bench import journal, shrinking_tables
from bench.journal import Line
from slimgate.codec.encoders import EncoderSettings, avif
from slimgate.models.training import pairs, renditions
from slimgate.models.training.evaluation import restorers
from slimgate.models.training.evaluation.restorers import Tested

SPEED: Final = 8
"""Encoder speed, that of ``balanced``."""

_QUALITIES: Final = (12, 20, 30, 40, 50, 60, 70, 80, 88, 94)
_MULTIPLE: Final = 12  # of both sides of an image: all scales divide it
_BASELINE: Final = "lanczos"


@dataclass(frozen=True, slots=True)
class Task:
    """One image.

    Attributes:
        path: file.
        restorers: scales and names in the catalog, or ONNX files.
        max_pixels: pixels at its centre that count.
        full: measure full size, too.
    """

    path: Path
    restorers: tuple[tuple[int, str], ...]
    max_pixels: int
    full: bool


def main(arguments: list[str] | None = None) -> int:
    """Run the command line: measure what is missing, and print tables.

    Returns:
        0.
    """
    options = _parser().parse_args(arguments)
    groups = [name.split("+") for name in dict.fromkeys((*options.restorer, _BASELINE))]
    tested = {name: restorers.load(name) for group in groups for name in group}
    known = {(x["image"], x["scale"], x["restorer"]) for x in journal.lines(options.out)}
    todo = []
    for path in journal.spread(options.folder, options.limit):
        image = journal.name(path)
        lacking = [
            (scale, name)
            for name, each in tested.items()
            for scale in each.scales
            if scale in options.scale and (image, scale, each.label) not in known
        ]
        full = (image, 1, shrinking_tables.FULL) not in known
        if lacking or full:
            todo.append(Task(path, tuple(lacking), options.max_pixels, full))
    journal.run(trials, todo, options.out, options.jobs)
    lines = [line for line in journal.lines(options.out) if line["scale"] in (1, *options.scale)]
    labels = [tuple(tested[name].label for name in group) for group in groups]
    sys.stdout.write(shrinking_tables.text(lines, labels))
    if options.csv:
        options.csv.mkdir(parents=True, exist_ok=True)
        for name, content in shrinking_tables.csv_files(lines, labels).items():
            (options.csv / name).write_text(content, "utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.shrinking",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="file for a JSON line per measure")
    parser.add_argument("--restorer", nargs="+", required=True, metavar="NAME|FILE.onnx")
    parser.add_argument("--csv", type=Path, metavar="DIR", help="also write tables as CSV files")
    parser.add_argument("--scale", type=int, nargs="+", default=[2], choices=(2, 3, 4))
    parser.add_argument("--limit", type=int, help="images per class")
    parser.add_argument("--max-pixels", type=int, default=1_000_000)
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="processes")
    return parser


def trials(task: Task) -> list[Line]:
    """Return a line per measure of one image."""
    original = pairs.cut(task.path, task.max_pixels, _MULTIPLE)
    judge = renditions.Judge(original)
    common = {"image": journal.name(task.path), "pixels": original.shape[0] * original.shape[1]}
    lines = [*_full(original, judge)] if task.full else []
    for scale, name in task.restorers:
        lines += _shrunk(original, judge, scale, restorers.load(name))
    return [{**common, **line} for line in lines]


def _full(original: renditions.Pixels, judge: renditions.Judge) -> Iterator[Line]:
    for quality in _QUALITIES:
        for chroma in ("4:4:4", "4:2:0"):
            size, decoded = _coded(original, quality, chroma)
            line = {"scale": 1, "restorer": shrinking_tables.FULL, "quality": quality}
            yield {**line, "size": size, **_measures(judge, original, decoded)}


def _shrunk(
    original: renditions.Pixels, judge: renditions.Judge, scale: int, tested: Tested
) -> Iterator[Line]:
    small = renditions.shrink(original, scale, tested.restorer)
    for quality in _QUALITIES:
        size, decoded = _coded(small, quality, "4:4:4")
        level = renditions.level("avif", quality)
        restored = tested.restorer.upscale(decoded, scale, level=level)
        line = {"scale": scale, "restorer": tested.label, "quality": quality, "size": size}
        yield {**line, **_measures(judge, original, restored)}


def _coded(pixels: renditions.Pixels, quality: int, chroma: str) -> tuple[int, renditions.Pixels]:
    """Return the size of a file, bytes, and its pixels."""
    settings = EncoderSettings(quality=quality, subsampling=chroma, speed=SPEED, tune="ssimulacra2")
    data = avif.encode(pixels, settings)
    return len(data), avif.read(data, mode="RGB", width=pixels.shape[1], height=pixels.shape[0])


def _measures(
    judge: renditions.Judge, original: renditions.Pixels, restored: renditions.Pixels
) -> Line:
    return {"psnr_db": renditions.psnr(original, restored), **asdict(judge.measures(restored))}


if __name__ == "__main__":
    sys.exit(main())
