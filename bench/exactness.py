"""Show that every engine restores the same bits: ``python -m bench.exactness``.

Each image is restored by the float64 definition of a network, whole, then by every engine: in tiles
of several sizes, in batches of one to eight tiles of several images, and like the gateway. Any
differing bit is a failure.
"""

import argparse
import itertools
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Final

import numpy as np
from tqdm import tqdm

from bench.engines import LARGEST_BATCH, load, variants
from bench.samples import LARGEST_SIDE, Sample, photographs, samples
from slimgate.codec.image import resample
from slimgate.config import Engine
from slimgate.models.engine.downscaling import stacked
from slimgate.models.engine.loading import Restorers
from slimgate.models.engine.network import COLOURS, Network, Pixels
from slimgate.models.engine.tiling import tiling_of
from slimgate.models.engines.interpolation import Interpolation
from slimgate.models.formats import qdq
from slimgate.models.formats.integer import IntegerNetwork
from slimgate.models.registry import native
from slimgate.models.registry.cards import Card

_CORES: Final = (24, 48, 96, LARGEST_SIDE)
"""Tile sides without halo; the last one covers every image whole."""
_TITLES: Final = ("NETWORK", "ENGINE", "THREADS", "TILES", "BATCHES", "COMPARED", "DIFFERENT")


@dataclass(frozen=True, slots=True)
class Line:
    """Result of one engine: number of images compared, and of those that differ."""

    network: str
    engine: str
    threads: int
    tiles: str
    batches: str
    compared: int
    different: int


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        0; 1 if anything differs.
    """
    options = _parser().parse_args(arguments)
    chosen = list(samples(options.images, photographs(options.corpus)))
    lines = list(compare(native.CARDS, chosen))
    different = sum(line.different for line in lines)
    sys.stdout.write(table(lines))
    sys.stdout.write(
        f"\n{sum(line.compared for line in lines)} comparisons with the float64 definition, "
        f"{different} differences.\n"
    )
    return 1 if different else 0


def compare(cards: Sequence[Card], chosen: Sequence[Sample]) -> Iterator[Line]:
    """Restore all images in every way, and count differences.

    Args:
        cards: cards of integer networks.
        chosen: images.
    """
    total = len(cards) * (len(list(variants())) + 1)
    with tqdm(total=total, leave=False, disable=None) as bar:
        for card in cards:
            for line in _compare(card, chosen):
                bar.set_description(f"{card.name}, {line.engine}")
                bar.update()
                yield line


def _compare(card: Card, chosen: Sequence[Sample]) -> Iterator[Line]:
    data = resources.files("slimgate.models.registry.native").joinpath(str(card.file)).read_bytes()
    network = qdq.read(data)
    chosen = [_taken(sample, card) for sample in chosen]
    expected = [definition(network, sample) for sample in chosen]
    tiles = ", ".join(map(str, _CORES[:-1])) + ", whole"
    batches = f"1 to {_largest_batch(len(chosen))}"
    for variant in variants():
        different = 0
        for core in _CORES:
            loaded = load(variant, network, data, core=core)
            different += _differences(expected, _batched(loaded, chosen))
        compared = len(chosen) * len(_CORES)
        name = variant.engine
        yield Line(card.name, name, variant.threads, tiles, batches, compared, different)
    different = _differences(expected, _as_the_gateway_does(card, chosen))
    yield Line(card.name, "the gateway's", 2, "128", "1 to 2", len(chosen), different)


def _taken(sample: Sample, card: Card) -> Sample:
    """Return what a network takes of an image: a downscaler, all of it in blocks."""
    scale = card.shrinks
    if scale is None:
        return sample
    height, width = (side // scale * scale for side in sample.pixels.shape[:2])
    full = sample.pixels[:height, :width]
    return replace(sample, pixels=stacked(resample.downscale(full, scale), full, scale))


def _largest_batch(count: int) -> int:
    """Return the largest batch when images are distributed as below."""
    return max(size for size in range(1, LARGEST_BATCH + 1) if size * (size + 1) // 2 <= count)


def definition(network: IntegerNetwork, sample: Sample) -> Pixels:
    """Restore an image by the definition: whole, with repeated edges, in float64."""
    edge, scale = network.reach, network.scale
    height, width = sample.pixels.shape[:2]
    tile = np.full(
        (1, height + 2 * edge, width + 2 * edge, network.channels), sample.level, np.uint8
    )
    tile[0, ..., :-1] = np.pad(sample.pixels, ((edge, edge), (edge, edge), (0, 0)), mode="edge")
    margin = slice(edge * scale, -edge * scale)
    residual = network.residual(tile)[0, margin, margin].astype(np.int16)
    return np.asarray(np.clip(residual + _bicubic(sample, scale), 0, 255), np.uint8)


def table(lines: Sequence[Line]) -> str:
    """Return all lines in columns."""
    rows = [_TITLES]
    for each in lines:
        numbers = (str(each.compared), str(each.different))
        row = (each.network, each.engine, str(each.threads), each.tiles, each.batches, *numbers)
        rows.append(row)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "".join("  ".join(map(str.ljust, row, widths)).rstrip() + "\n" for row in rows)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.exactness", description=__doc__)
    parser.add_argument("--images", type=int, default=50, choices=range(1, 1001), metavar="N")
    parser.add_argument("--corpus", type=Path, metavar="DIR", help="photographs to crop")
    return parser


def _bicubic(sample: Sample, scale: int) -> Pixels:
    return np.array(Interpolation("bicubic").upscale(sample.pixels[..., :COLOURS], scale))


def _batched(network: Network, chosen: Sequence[Sample]) -> Iterator[Pixels]:
    """Restore one image in batches of one tile, the next two in batches of two, and so on."""
    remaining = iter(chosen)
    for size in itertools.cycle(range(1, LARGEST_BATCH + 1)):
        group = list(itertools.islice(remaining, size))
        if not group:
            return
        yield from _together(network, group, size)


def _together(network: Network, group: Sequence[Sample], size: int) -> list[Pixels]:
    """Restore images whose tiles share batches of that size."""
    canvases = [_bicubic(sample, network.scale) for sample in group]
    tilings = [tiling_of(network, sample.pixels) for sample in group]
    tickets = [(image, tile) for image, tiling in enumerate(tilings) for tile in range(len(tiling))]
    # Neighbours in a batch are then tiles of different images.
    tickets.sort(key=lambda ticket: ticket[1])
    for first in range(0, len(tickets), size):
        batch = tickets[first : first + size]
        tiles = np.empty((len(batch), network.tile, network.tile, network.channels), np.uint8)
        for out, (image, tile) in zip(tiles, batch, strict=True):
            sample = group[image]
            tilings[image].cut(sample.pixels, tile, level=sample.level, out=out)
        for result, (image, tile) in zip(network.run(tiles), batch, strict=True):
            tilings[image].paste(result, tile, canvases[image])
    return canvases


def _as_the_gateway_does(card: Card, chosen: Sequence[Sample]) -> Iterator[Pixels]:
    """Restore all images through the gateway's queue, concurrently."""
    restorers = Restorers(Engine(threads=2), timeout_s=600)
    try:
        restorer = restorers(card.hash)
        (scale,) = card.scales
        begun = [restorer.begin(each.pixels, scale, level=each.level) for each in chosen]
        for future in begun:
            yield restorer.finish(future.result(), scale)
    finally:
        restorers.close()


def _differences(expected: Sequence[Pixels], restored: Iterator[Pixels]) -> int:
    pairs = zip(expected, restored, strict=True)
    return sum(not np.array_equal(before, after) for before, after in pairs)


if __name__ == "__main__":
    sys.exit(main())
