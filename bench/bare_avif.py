"""Compare what slimgate stores with bare AVIF at the same SSIMULACRA2 score.

``python -m bench.bare_avif DIR --out FILE [--fidelity standard]`` stores every image of a folder
with one subfolder per class twice: as slimgate does under a fidelity by name, and as the smallest
AVIF file that has the SSIMULACRA2 score which that fidelity demands of this image, guards
considered (:mod:`bench.avif_search`).
Uploads that are smaller than that file count as they are. The package ``ssimulacra2`` scores what
GET returns; the lowest region is by slimgate's own measure, as the package has none.

``FILE`` gets a JSON line per image and fidelity, so an interrupted run continues.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain, zip_longest
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from bench import bare_avif_table, journal, reference
from bench.avif_search import Bare, Search, coded_size
from bench.contest import Stored, policy_of, stored
from bench.journal import Line
from slimgate.codec.image import content_kind
from slimgate.codec.image.pixels import Pixels
from slimgate.codec.measures.prepared import Prepared
from slimgate.codec.measures.ssimulacra2 import Reference
from slimgate.codec.search import guards
from slimgate.config import Floor, Policy
from slimgate.config.floor import PRESETS

_EFFORTS: Final = ("fast", "balanced", "best")
_LARGEST_MP: Final = 200.0
_PERFECT: Final = 100.0


@dataclass(frozen=True, slots=True)
class Task:
    """One image under the fidelities that are not measured yet."""

    path: Path
    fidelities: tuple[str, ...]
    effort: str
    thorough: bool
    known: Mapping[float, Bare | None] = field(default_factory=dict)
    """Smallest bare files found before, by score."""


@dataclass(frozen=True, slots=True)
class Result:
    """One image under one fidelity.

    Attributes:
        image: class and file name.
        kind: class.
        fidelity: fidelity by name.
        effort: effort of the search.
        megapixels: size of the image.
        uploaded: bytes uploaded.
        demanded: lowest SSIMULACRA2 of both.
        bare: smallest bare file; None: no quality has the score.
        stored: bytes that slimgate stores.
        extras: how many of them are container and metadata, if it is AVIF; else 0.
        tier: tier of what it stores.
        how: tier, codec and scale.
        quality: quality of what it stores; 0: stored as uploaded.
        score: SSIMULACRA2 of what GET returns, by the package; 100 for identical pixels.
        worst: SSIMULACRA2 of its worst region.
        faults: measures below the floor.
        seconds: CPU time of slimgate's search.
    """

    image: str
    kind: str
    fidelity: str
    effort: str
    megapixels: float
    uploaded: int
    demanded: float
    bare: Bare | None
    stored: int
    extras: int
    tier: str
    how: str
    quality: int
    score: float
    worst: float
    faults: tuple[str, ...]
    seconds: float


def main(arguments: list[str] | None = None) -> int:
    """Run the command line: measure what is missing, and print a table per fidelity.

    Returns:
        0 if nothing is below its floor, else 1.
    """
    options = _parser().parse_args(arguments)
    known = [*journal.lines(options.out)]
    done = {(line["image"], line["fidelity"]) for line in known if line["effort"] == options.effort}
    tasks = [*_tasks(options, done, _known(options.bare))]
    journal.run(_measure, tasks, options.out, options.jobs)
    lines = [line for line in journal.lines(options.out) if line["effort"] == options.effort]
    lines = [line for line in lines if line["fidelity"] in (options.fidelity or PRESETS)]
    tables = bare_avif_table.tables(lines)
    sys.stdout.write("\n".join(bare_avif_table.text(tables)) + "\n")
    if options.json:
        options.json.write_text(json.dumps(bare_avif_table.plain(tables), indent=2) + "\n")
    return int(any(line["faults"] for line in lines))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench.bare_avif",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("folder", type=Path, metavar="DIR", help="folder with one subfolder of images per class")
    add("--out", type=Path, required=True, metavar="FILE", help="file of results; continued")
    add("--fidelity", action="append", choices=tuple(PRESETS), help="repeatable; default: all")
    add("--effort", choices=_EFFORTS, default="balanced", help="effort of slimgate's search")
    add("--limit", type=int, metavar="N", help="images per class, spread evenly over their names")
    add("--max-megapixels", type=float, default=_LARGEST_MP, metavar="M", help="largest image")
    add("--jobs", type=int, default=1, metavar="N", help="processes")
    add("--thorough", action="store_true", help="try all 100 qualities of AVIF, for comparison")
    add("--bare", type=Path, metavar="FILE", help="take bare files from the results of another run")
    add("--json", type=Path, metavar="FILE", help="also write the tables as JSON")
    return parser


def _known(path: Path | None) -> dict[str, dict[float, Bare | None]]:
    """Return the bare files in the results of another run, by image and score."""
    found = dict[str, dict[float, Bare | None]]()
    for line in journal.lines(path) if path else ():
        bare = Bare(**line["bare"]) if line["bare"] else None
        found.setdefault(line["image"], {})[line["demanded"]] = bare
    return found


def _tasks(
    options: argparse.Namespace,
    done: set[tuple[str, str]],
    known: Mapping[str, Mapping[float, Bare | None]],
) -> Iterator[Task]:
    """Yield the images with missing results, class by turns, so that a stopped run has all."""
    wanted = options.fidelity or PRESETS
    for path in filter(None, chain.from_iterable(zip_longest(*_classes(options)))):
        name = journal.name(path)
        missing = tuple(each for each in wanted if (name, each) not in done)
        if missing:
            found = known.get(name, {})
            yield Task(path, missing, options.effort, options.thorough, found)


def _classes(options: argparse.Namespace) -> Iterator[list[Path]]:
    for kind in sorted(path for path in options.folder.iterdir() if path.is_dir()):
        small = [path for path in sorted(kind.iterdir()) if _size(path) <= options.max_megapixels]
        yield _spread(small, options.limit or len(small))


def _spread(paths: Sequence[Path], count: int) -> list[Path]:
    """Return at most some paths, at equal distances."""
    count = min(count, len(paths))
    return [paths[number * len(paths) // count] for number in range(count)]


def _size(path: Path) -> float:
    with Image.open(path) as image:
        return image.width * image.height / 1e6


def _measure(task: Task) -> list[Line]:
    """Measure one image; the trials of bare files serve all fidelities."""
    data = task.path.read_bytes()
    search = Search(reference.decoded_plainly(data), task.thorough)
    return [asdict(each) for each in _results(task, data, search)]


def _results(task: Task, data: bytes, search: Search) -> Iterator[Result]:
    for fidelity in task.fidelities:
        changes = {"fidelity": fidelity, "effort": task.effort}
        policy = policy_of(changes)
        floor = _floor(policy, search.pixels)
        kept = stored(data, policy, journal.upscalers())
        score, worst, faults = _judged(floor, search.pixels, kept)
        demanded = _demanded(floor)
        yield Result(
            image=journal.name(task.path),
            kind=task.path.parent.name,
            fidelity=fidelity,
            effort=task.effort,
            megapixels=_size(task.path),
            uploaded=len(data),
            demanded=demanded,
            bare=(task.known[demanded] if demanded in task.known else search.smallest(demanded)),
            stored=kept.size,
            extras=_extras(kept),
            tier=kept.tier,
            how=kept.how,
            quality=kept.quality,
            score=score,
            worst=worst,
            faults=faults,
            seconds=kept.seconds,
        )


def _extras(kept: Stored) -> int:
    if kept.manifest is None or kept.manifest.stored.codec != "avif":
        return 0
    return kept.size - coded_size(kept.rendition)


def _floor(policy: Policy, pixels: Pixels) -> Floor:
    """Return the floor of one image: guards raise that of medical images, maps and others."""
    return guards.applied(policy, Prepared(pixels), content_kind.kind(pixels)).floor


def _demanded(floor: Floor) -> float:
    """Return the score that a floor demands."""
    if floor.ssimulacra2 is None:
        raise ValueError("the floor demands no SSIMULACRA2")
    return floor.ssimulacra2


def _judged(floor: Floor, before: Pixels, kept: Stored) -> tuple[float, float, tuple[str, ...]]:
    """Return score, score of the worst region, and what is below the floor."""
    after = reference.decoded_plainly(kept.served)
    if np.array_equal(before, after):
        return _PERFECT, _PERFECT, ()
    score = reference.ssimulacra2(before, after)
    worst = Reference(before).compare(after).worst
    faults = [*reference.shortfalls(floor.model_copy(update={"ssimulacra2": None}), before, after)]
    faults += [f"SSIMULACRA2 {score:.3f}"] if score < (floor.ssimulacra2 or 0) else []
    if floor.ssimulacra2_worst is not None and worst < floor.ssimulacra2_worst:
        faults.append(f"SSIMULACRA2 of a region {worst:.3f}")
    return score, worst, tuple(faults)


if __name__ == "__main__":
    sys.exit(main())
