"""Tables of restorers at equal bytes, and of bytes at equal scores, by class."""

import csv
import io
import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from bench.journal import Line
from slimgate.codec.measures.ssimulacra2 import decibels

FULL: Final = "full size"
"""Label of files that are not shrunk."""

SCORES: Final = (50, 55, 60, 70, 80)
_MEASURES: Final = ("score", "psnr_db", "worst", "ms_ssim", "orb")
_ALL: Final = "all"


class Gain(NamedTuple):
    """What restorers gain over others at equal bytes.

    Attributes:
        kind: class.
        restorer: label.
        files: number of files of the others that are compared.
        changes: mean change of each measure.
    """

    kind: str
    restorer: str
    files: int
    changes: Mapping[str, float]


class Sizes(NamedTuple):
    """Bytes at one score, shrunk and at full size.

    Attributes:
        kind: class.
        restorer: label.
        score: SSIMULACRA2.
        images: number of images that reach the score at full size.
        wins: how many of them are smaller shrunk.
        bytes: sum of the smaller one of both, relative to full size.
    """

    kind: str
    restorer: str
    score: int
    images: int
    wins: int
    bytes: float


Restorers = tuple[str, ...]
"""Labels of restorers of several scales that count as one."""


def gains(lines: Sequence[Line], groups: Sequence[Restorers]) -> list[Gain]:
    """Return what restorers gain over the first ones at equal bytes, by class and in total.

    The files of the first ones are compared with what the others have between files of the same
    image and scale; those outside their range are left out.
    """
    curves = _curves(lines)
    found = []
    for group in groups[1:]:
        rows: dict[str, list[list[float]]] = defaultdict(list)
        for (image, scale, label), base in curves.items():
            others = [
                curves[image, scale, each] for each in group if (image, scale, each) in curves
            ]
            if label in groups[0] and others:
                for kind in (_kind(image), _ALL):
                    rows[kind] += _changes(base, others[0])
        for kind in _ordered(rows):
            means = np.mean(np.array(rows[kind]), axis=0).tolist()
            changes = dict(zip(_MEASURES, means, strict=True))
            found.append(Gain(kind, _name(group), len(rows[kind]), changes))
    return found


def _curves(lines: Sequence[Line]) -> dict[tuple[str, int, str], list[Line]]:
    """Return files by image, scale and label, smallest first."""
    curves: dict[tuple[str, int, str], list[Line]] = defaultdict(list)
    for line in sorted(lines, key=lambda line: float(line["size"])):
        curves[line["image"], line["scale"], line["restorer"]].append(line)
    return curves


def _changes(base: Sequence[Line], other: Sequence[Line]) -> Iterator[list[float]]:
    """Yield what the other curve has more, at the bytes of each file of the first."""
    sizes = [math.log(line["size"]) for line in other]
    for line in base:
        at = math.log(line["size"])
        if sizes[0] <= at <= sizes[-1]:
            yield [
                float(np.interp(at, sizes, [each[name] for each in other])) - line[name]
                for name in _MEASURES
            ]


def sizes(lines: Sequence[Line], groups: Sequence[Restorers]) -> list[Sizes]:
    """Return bytes at equal scores, by restorers, score and class, and in total."""
    curves = _curves(lines)
    images = sorted({line["image"] for line in lines})
    found = []
    for group, score in itertools.product(groups, SCORES):
        rows: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for image in images:
            full = size_at(curves.get((image, 1, FULL), []), score)
            shrunk_sizes = [
                size_at(curve, score)
                for (of, scale, label), curve in curves.items()
                if of == image and scale > 1 and label in group
            ]
            if math.isfinite(full) and shrunk_sizes:
                shrunk = min(shrunk_sizes)
                for kind in (_kind(image), _ALL):
                    rows[kind].append((full, shrunk))
        for kind in _ordered(rows):
            wins = sum(shrunk < full for full, shrunk in rows[kind])
            share = sum(map(min, rows[kind])) / sum(full for full, _ in rows[kind])
            found.append(Sizes(kind, _name(group), score, len(rows[kind]), wins, share))
    return found


def size_at(curve: Sequence[Line], score: float) -> float:
    """Return the bytes that a score takes, between measured ones; infinite if it is not reached.

    Args:
        curve: files of one image; of two with the same score, the smaller counts.
        score: SSIMULACRA2.
    """
    smallest: list[tuple[float, float]] = []
    for line in sorted(curve, key=lambda each: (-each["score"], each["size"])):
        if not smallest or line["size"] < smallest[-1][1]:
            smallest.append((line["score"], line["size"]))
    above = [(decibels(each), math.log(size)) for each, size in smallest if each >= score]
    below = [(decibels(each), math.log(size)) for each, size in smallest if each < score]
    if not above:
        return math.inf
    if not below:
        return math.exp(above[-1][1])
    ends = [below[0], above[-1]]
    wanted = np.interp(decibels(score), [at for at, _ in ends], [size for _, size in ends])
    return math.exp(float(wanted))


def text(lines: Sequence[Line], groups: Sequence[Restorers]) -> str:
    """Return both tables as text.

    Args:
        lines: measures.
        groups: restorers; the first ones are those which others are compared with.
    """
    return "\n".join([*_gains(lines, groups), "", *_sizes(lines, groups), ""])


def csv_files(lines: Sequence[Line], groups: Sequence[Restorers]) -> dict[str, str]:
    """Return both tables as CSV files, by name."""
    gained = [
        [each.kind, each.restorer, each.files, *(round(each.changes[m], 4) for m in _MEASURES)]
        for each in gains(lines, groups)
    ]
    stored = [
        [each.kind, each.restorer, each.score, each.images, each.wins, round(each.bytes, 4)]
        for each in sizes(lines, groups)
    ]
    return {
        "gains.csv": _csv([("class", "restorer", "files", *_MEASURES), *gained]),
        "bytes.csv": _csv([("class", *Sizes._fields[1:]), *stored]),
    }


def _csv(rows: Iterable[Sequence[object]]) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows(rows)
    return file.getvalue()


def _gains(lines: Sequence[Line], groups: Sequence[Restorers]) -> Iterator[str]:
    yield f"At equal bytes, over {_name(groups[0])}:"
    yield f"{'class':20}{'restorer':24}{'files':>6}" + "".join(f"{m:>10}" for m in _MEASURES)
    for each in gains(lines, groups):
        values = "".join(f"{each.changes[name]:>+10.4f}" for name in _MEASURES)
        yield f"{each.kind:20}{each.restorer:24}{each.files:>6}{values}"


def _sizes(lines: Sequence[Line], groups: Sequence[Restorers]) -> Iterator[str]:
    yield "At equal scores, shrunk wherever that is smaller: bytes by those of full size, and wins:"
    yield f"{'class':20}{'restorer':24}" + "".join(f"{score:>16}" for score in SCORES)
    rows: dict[tuple[str, str], dict[int, Sizes]] = defaultdict(dict)
    for each in sizes(lines, groups):
        rows[each.restorer, each.kind][each.score] = each
    for (label, kind), own in rows.items():
        cells = "".join(_cell(own.get(score)) for score in SCORES)
        yield f"{kind:20}{label:24}{cells}"


def _cell(found: Sizes | None) -> str:
    if found is None:
        return f"{'-':>16}"
    return f"{found.bytes:>9.3f} {f'{found.wins}/{found.images}':>6}"


def _name(group: Restorers) -> str:
    return "+".join(group)


def _ordered(kinds: Mapping[str, object]) -> list[str]:
    """Return classes by name; all of them together come last."""
    return sorted(kinds, key=lambda kind: (kind == _ALL, kind))


def _kind(image: str) -> str:
    return image.partition("/")[0]
