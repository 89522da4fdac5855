"""Make a page of blind pairs: two restorers at equal bytes, for people to choose from.

``python -m bench.blind_pairs FOLDER --out FILE.html --restorer ONE OTHER`` shrinks images of a
folder with one subfolder per class, codes them as AVIF, and shows the original between both
restorations, at the place where these differ most. The first restorer's file has the quality
``--quality``, and the other's is the best one that is not larger. Sides are random. The page is one
file, needs no network, and counts the choices.
"""

import argparse
import base64
import bisect
import html
import io
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from PIL import Image

from bench import journal
from slimgate.codec.encoders import EncoderSettings, avif
from slimgate.models.training import pairs, renditions
from slimgate.models.training.evaluation import restorers
from slimgate.models.training.evaluation.restorers import Tested

SIDE: Final = 192
"""Side of a piece, pixels."""

_SPEED: Final = 8
_MAX_PIXELS: Final = 1_000_000

_PAGE: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Blind pairs</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 1260px; margin: 2em auto; padding: 0 1em }}
figure {{ display: flex; gap: 8px; margin: 0 }}
figure div {{ flex: 1; text-align: center }}
img {{ width: 100%; image-rendering: pixelated }}
fieldset {{ border: 0; border-top: 1px solid #ccc; padding: 1em 0; margin: 0 }}
label {{ margin-right: 2em }}
</style>
<h1>Which side is closer to the middle?</h1>
<p>The middle is the original. Quality {quality}, ×{scale}, {size} pixels a side.</p>
<form>{rows}</form>
<p><button id="count">Count</button> <output id="counted"></output></p>
<script>
const key = JSON.parse(atob("{key}"));
document.getElementById("count").onclick = () => {{
  const votes = {{}};
  key.forEach((sides, n) => {{
    const chosen = document.querySelector(`input[name="p${{n}}"]:checked`);
    const vote = chosen ? (sides[chosen.value] ?? "no difference") : "not answered";
    votes[vote] = (votes[vote] ?? 0) + 1;
  }});
  document.getElementById("counted").textContent =
    Object.entries(votes).map(([name, count]) => `${{name}}: ${{count}}`).join(", ");
}};
</script>
</html>
"""


@dataclass(frozen=True, slots=True)
class Pair:
    """One place of an image.

    Attributes:
        title: what it shows.
        original: uint8, (side, side, 3).
        left: what one restorer made of it.
        right: what the other one made of it.
        sides: labels of the restorers, left and right.
    """

    title: str
    original: renditions.Pixels
    left: renditions.Pixels
    right: renditions.Pixels
    sides: tuple[str, str]


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        0.
    """
    parser = argparse.ArgumentParser(prog="python -m bench.blind_pairs", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.html")
    parser.add_argument("--restorer", nargs=2, required=True, metavar="NAME|FILE.onnx")
    parser.add_argument("--scale", type=int, default=2, choices=(2, 3, 4))
    parser.add_argument("--quality", type=int, default=60)
    parser.add_argument("--limit", type=int, default=2, help="images per class")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    random = np.random.default_rng(options.seed)
    found = [
        pair(path, options.restorer, options.scale, options.quality, swapped=random.random() < 0.5)
        for path in journal.spread(options.folder, options.limit)
    ]
    options.out.write_text(page(found, scale=options.scale, quality=options.quality), "utf-8")
    sys.stdout.write(f"{options.out}: {len(found)} pairs\n")
    return 0


def pair(path: Path, names: tuple[str, str], scale: int, quality: int, *, swapped: bool) -> Pair:
    """Return the place of an image where two restorers differ most.

    Args:
        path: image.
        names: restorers.
        scale: downscale factor.
        quality: quality of AVIF.
        swapped: show the first restorer on the right.
    """
    original = pairs.cut(path, _MAX_PIXELS, scale)
    one, other = (_Subject(original, scale, restorers.load(name)) for name in names)
    most = len(one.file(quality))
    shown = [(one, one.restored(quality)), (other, other.restored(other.best(most)))]
    (_, left), (_, right) = shown = shown[::-1] if swapped else shown
    top, start = most_different(left, right)
    place = np.s_[top : top + SIDE, start : start + SIDE]
    sides = shown[0][0].tested.label, shown[1][0].tested.label
    return Pair(journal.name(path), original[place], left[place], right[place], sides)


@dataclass(frozen=True, slots=True)
class _Subject:
    """An image as one restorer stores it."""

    original: renditions.Pixels
    scale: int
    tested: Tested

    def file(self, quality: int) -> bytes:
        small = renditions.shrink(self.original, self.scale, self.tested.restorer)
        return avif.encode(small, _settings(quality))

    def best(self, size: int) -> int:
        """Return the highest quality whose file has at most that many bytes."""
        fits = bisect.bisect_right(range(101), size, key=lambda quality: len(self.file(quality)))
        return max(0, fits - 1)

    def restored(self, quality: int) -> renditions.Pixels:
        height, width = (side // self.scale for side in self.original.shape[:2])
        decoded = avif.read(self.file(quality), mode="RGB", width=width, height=height)
        level = renditions.level("avif", quality)
        return self.tested.restorer.upscale(decoded, self.scale, level=level)


def _settings(quality: int) -> EncoderSettings:
    return EncoderSettings(quality=quality, subsampling="4:4:4", speed=_SPEED, tune="ssimulacra2")


def most_different(one: renditions.Pixels, other: renditions.Pixels) -> tuple[int, int]:
    """Return top and left of the piece in which two images differ most."""
    height, width = (min(SIDE, length) for length in one.shape[:2])
    squares = np.square(one.astype(np.float32) - other.astype(np.float32)).sum(axis=2)
    sums = cv2.boxFilter(squares, -1, (width, height), anchor=(0, 0), normalize=False)
    inside = sums[: one.shape[0] - height + 1, : one.shape[1] - width + 1]
    top, left = np.unravel_index(int(inside.argmax()), inside.shape)
    return int(top), int(left)


def page(found: list[Pair], *, scale: int, quality: int) -> str:
    """Return the page as HTML."""
    rows = "\n".join(_row(number, each) for number, each in enumerate(found))
    key = base64.b64encode(json.dumps([each.sides for each in found]).encode()).decode()
    return _PAGE.format(rows=rows, key=key, scale=scale, quality=quality, size=SIDE)


def _row(number: int, shown: Pair) -> str:
    pieces = "".join(
        f'<div><img alt="{name}" src="{_source(pixels)}"></div>'
        for name, pixels in (
            ("left", shown.left), ("original", shown.original), ("right", shown.right)
        )
    )  # fmt: skip
    choices = "".join(
        f'<label><input type="radio" name="p{number}" value="{value}"> {text}</label>'
        for value, text in (("0", "left"), ("none", "no difference"), ("1", "right"))
    )
    title = html.escape(shown.title)
    return f"<fieldset><legend>{title}</legend><figure>{pieces}</figure>{choices}</fieldset>"


def _source(pixels: renditions.Pixels) -> str:
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


if __name__ == "__main__":
    sys.exit(main())
