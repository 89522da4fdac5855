"""Tables of restorers at equal bytes, and of bytes at equal scores, by class."""

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
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
    """What a restorer gains over another one in the same files.

    Attributes:
        kind: class.
        restorer: label.
        files: number of files.
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


def gains(lines: Sequence[Line], labels: Sequence[str]) -> list[Gain]:
    """Return what restorers gain over the first one, by class and in total."""
    by_file: dict[tuple[str, int], dict[str, Line]] = defaultdict(dict)
    for line in lines:
        if line["scale"] > 1:
            by_file[line["image"], line["quality"]][line["restorer"]] = line
    found = []
    for label in labels[1:]:
        rows: dict[str, list[list[float]]] = defaultdict(list)
        for (image, _), own in by_file.items():
            if label in own and labels[0] in own:
                row = [own[label][name] - own[labels[0]][name] for name in _MEASURES]
                for kind in (_kind(image), _ALL):
                    rows[kind].append(row)
        for kind in _ordered(rows):
            means = np.mean(np.array(rows[kind]), axis=0).tolist()
            changes = dict(zip(_MEASURES, means, strict=True))
            found.append(Gain(kind, label, len(rows[kind]), changes))
    return found


def sizes(lines: Sequence[Line], labels: Sequence[str]) -> list[Sizes]:
    """Return bytes at equal scores, by restorer, score and class, and in total."""
    curves: dict[tuple[str, str], list[Line]] = defaultdict(list)
    for line in lines:
        curves[line["image"], line["restorer"]].append(line)
    images = sorted({line["image"] for line in lines})
    found = []
    for label, score in itertools.product(labels, SCORES):
        rows: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for image in images:
            full = size_at(curves[image, FULL], score)
            if math.isfinite(full):
                shrunk = size_at(curves[image, label], score)
                for kind in (_kind(image), _ALL):
                    rows[kind].append((full, shrunk))
        for kind in _ordered(rows):
            wins = sum(shrunk < full for full, shrunk in rows[kind])
            share = sum(map(min, rows[kind])) / sum(full for full, _ in rows[kind])
            found.append(Sizes(kind, label, score, len(rows[kind]), wins, share))
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


def text(lines: Sequence[Line], labels: Sequence[str]) -> str:
    """Return both tables as text.

    Args:
        lines: measures.
        labels: restorers; the first one is that which others are compared with.
    """
    return "\n".join([*_gains(lines, labels), "", *_sizes(lines, labels), ""])


def _gains(lines: Sequence[Line], labels: Sequence[str]) -> Iterator[str]:
    yield f"In the same files, over {labels[0]}:"
    yield f"{'class':20}{'restorer':24}{'files':>6}" + "".join(f"{m:>10}" for m in _MEASURES)
    for each in gains(lines, labels):
        values = "".join(f"{each.changes[name]:>+10.4f}" for name in _MEASURES)
        yield f"{each.kind:20}{each.restorer:24}{each.files:>6}{values}"


def _sizes(lines: Sequence[Line], labels: Sequence[str]) -> Iterator[str]:
    yield "At equal scores, shrunk wherever that is smaller: bytes by those of full size, and wins:"
    yield f"{'class':20}{'restorer':24}" + "".join(f"{score:>16}" for score in SCORES)
    rows: dict[tuple[str, str], dict[int, Sizes]] = defaultdict(dict)
    for each in sizes(lines, labels):
        rows[each.restorer, each.kind][each.score] = each
    for (label, kind), own in rows.items():
        cells = "".join(_cell(own.get(score)) for score in SCORES)
        yield f"{kind:20}{label:24}{cells}"


def _cell(found: Sizes | None) -> str:
    if found is None:
        return f"{'-':>16}"
    return f"{found.bytes:>9.3f} {f'{found.wins}/{found.images}':>6}"


def _ordered(kinds: Mapping[str, object]) -> list[str]:
    """Return classes by name; all of them together come last."""
    return sorted(kinds, key=lambda kind: (kind == _ALL, kind))


def _kind(image: str) -> str:
    return image.partition("/")[0]
