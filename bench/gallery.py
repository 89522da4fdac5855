"""Draw where slimgate shows: pieces that restored images change most, at twice their size.

``python -m bench.gallery`` draws docs/gallery.jpg from images of the demo, as uploaded, under the
default and under `economy`. Each piece is the one whose pixels `economy` changes most, so that the
picture shows the worst of an image, not its average. Below are bytes and SSIMULACRA2 of the whole.
"""

import argparse
import sys
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from bench import contest
from bench.before_after import TILE, Cell, Served, drawn, served
from bench.reference import Pixels, decoded
from slimgate.eval.demo import sample_images
from slimgate.models.engine.loading import LocalRestorers

IMAGES: Final = ("gravel.jpg", "hubble_deep_field.jpg", "chelsea.webp", "ihc.jpg", "logo.png")
"""Stones and stars, which are noise to a codec; fur; cells; an anti-aliased drawing."""

ZOOM: Final = 2
_FILE: Final = Path("docs/gallery.jpg")
_STEP: Final = 10
_QUALITY: Final = 82


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.gallery", description=__doc__)
    parser.add_argument("--out", type=Path, default=_FILE, metavar="FILE")
    options = parser.parse_args(arguments)
    networks, upscalers = contest.alone()
    rows = [_cells(recipe, upscalers) for recipe in sample_images.chosen(list(IMAGES))]
    networks.close()
    titles = ["as uploaded", "standard, the default", "economy"]
    drawn(titles, rows).save(options.out, quality=_QUALITY, subsampling=0, optimize=True)
    print(f"{options.out}: {options.out.stat().st_size:,} bytes")
    return 0


def most_changed(before: Pixels, after: Pixels, size: tuple[int, int]) -> tuple[int, int]:
    """Return left and top of the window of a size whose pixels differ most.

    Args:
        before: Pixels, height x width x channels.
        after: Pixels of the same shape.
        size: Width and height of the window, pixels; at most those of the image.
    """
    error = ((before.astype(np.float64) - after) ** 2).reshape(*before.shape[:2], -1).sum(axis=2)
    sums = np.pad(error.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    wide, high = size
    windows = sums[high:, wide:] - sums[high:, :-wide] - sums[:-high, wide:] + sums[:-high, :-wide]
    coarse = windows[::_STEP, ::_STEP]
    top, left = np.unravel_index(int(coarse.argmax()), coarse.shape)
    return int(left) * _STEP, int(top) * _STEP


def _cells(recipe: sample_images.Recipe, upscalers: LocalRestorers) -> list[Cell]:
    upload = sample_images.make(recipe).data
    before = decoded(upload)
    standard, economy = (
        served(upload, changes, upscalers) for changes in ({}, {"fidelity": "economy"})
    )
    size = TILE[0] // ZOOM, TILE[1] // ZOOM
    corner = most_changed(before, economy.pixels, size)
    return [
        Cell(_piece(before, corner), f"{recipe.key}: {len(upload):,} bytes"),
        Cell(_piece(standard.pixels, corner), _caption(standard)),
        Cell(_piece(economy.pixels, corner), _caption(economy)),
    ]


def _piece(pixels: Pixels, corner: tuple[int, int]) -> Image.Image:
    left, top = corner
    box = (left, top, left + TILE[0] // ZOOM, top + TILE[1] // ZOOM)
    image = Image.fromarray(pixels).convert("RGBA")
    ground = Image.new("RGBA", image.size, "white")
    whole = Image.alpha_composite(ground, image).convert("RGB")
    return whole.resize(TILE, Image.Resampling.NEAREST, box)


def _caption(found: Served) -> str:
    how = ", enlarged" if found.enlarged else ""
    return f"{found.size:,} bytes, score {found.score:.1f}{how}"


if __name__ == "__main__":
    sys.exit(main())
