"""Draw images as uploaded and as served under two policies, side by side.

``python -m bench.before_after`` draws the picture of README.md, of two images of the demo under the
default and under `economy`. ``python -m bench.before_after DIR`` draws that of docs/floors.md: four
images that averages had destroyed, under PSNR 34 dB and mean SSIM 0.93 alone and under the default;
DIR has one folder of images per class, as for the other benchmarks. Each piece is shown at one
pixel per pixel, with bytes and SSIMULACRA2 of the whole image.
"""

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from bench import contest
from bench.reference import Pixels, decoded, ssimulacra2
from slimgate.eval.demo import sample_images
from slimgate.models.engine.loading import LocalRestorers

AVERAGES: Final[Mapping[str, Any]] = {
    "floor": {"psnr_db": 34, "ssim": 0.93, "orb": None, "block_psnr_db": None}
}
"""Policy keys for a floor of averages alone, from before key points and blocks counted."""

TILE: Final = (340, 240)
"""Width and height of a piece, pixels."""

_GAP: Final = 8
_LINE: Final = 22
_BACKGROUND: Final = (255, 255, 255)
_INK: Final = (30, 30, 30)
_QUALITY: Final = 93


@dataclass(frozen=True, slots=True)
class Subject:
    """An image and the piece of it that is shown.

    Attributes:
        title: what it is.
        file: path in the folder of images; of the demo's, the key alone.
        corner: left and top of the piece, pixels.
    """

    title: str
    file: str
    corner: tuple[int, int]

    def read(self, folder: Path) -> bytes:
        """Return the file.

        Raises:
            OSError: it is not in the folder.
        """
        if "/" in self.file:
            return (folder / self.file).read_bytes()
        (recipe,) = sample_images.chosen([self.file])
        return sample_images.make(recipe).data


class Column(NamedTuple):
    """A policy, as keys that differ from the default, and its title."""

    title: str
    policy: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a picture shows.

    Attributes:
        file: the picture, if no other one is named.
        subjects: a row each.
        columns: policies, beside the column of uploads.
    """

    file: str
    subjects: tuple[Subject, ...]
    columns: tuple[Column, ...]

    @property
    def titles(self) -> list[str]:
        """Return what stands above the columns."""
        return ["as uploaded", *(column.title for column in self.columns)]


README: Final = Plan(
    "docs/before-after.jpg",
    (Subject("photograph", "astronaut.jpg", (80, 20)), Subject("photograph", "brick.jpg", (0, 0))),
    (
        Column("restored: standard, the default", {}),
        Column("restored: economy", {"fidelity": "economy"}),
    ),
)

FLOORS: Final = Plan(
    "docs/floors.jpg",
    (
        Subject("fundus photograph", "retina.jpg", (860, 300)),
        Subject("chest X-ray", "xray/xray-d9eeef01.png", (560, 420)),
        Subject(
            "photograph",
            "photo_hires_clic/clic--validation__60430844748882ff66b9a5598ef06dd6.png",
            (640, 240),
        ),
        Subject("screenshot", "screenshot_ui/msterm--frosted-glass-theme.png", (330, 0)),
    ),
    (
        Column("PSNR 34 dB and SSIM 0.93 alone", AVERAGES),
        Column("the default: standard, guarded", {}),
    ),
)


class Served(NamedTuple):
    """What became of an image under one floor.

    Attributes:
        size: bytes stored.
        enlarged: it is stored smaller, and enlarged by a restorer.
        pixels: what GET returns.
        score: its SSIMULACRA2, by the package of that name.
    """

    size: int
    enlarged: bool
    pixels: Pixels
    score: float


class Cell(NamedTuple):
    """A piece of an image, and the line below it."""

    piece: Image.Image
    caption: str


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        0 if the picture was written, 2 if an image is missing.
    """
    parser = argparse.ArgumentParser(prog="python -m bench.before_after", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR", nargs="?")
    parser.add_argument("--out", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    plan = FLOORS if options.folder else README
    out = options.out or Path(plan.file)
    try:
        uploads = [each.read(options.folder or Path()) for each in plan.subjects]
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    networks, upscalers = contest.alone()
    pairs = zip(plan.subjects, uploads, strict=True)
    rows = [_cells(*pair, plan.columns, upscalers) for pair in pairs]
    networks.close()
    drawn(plan.titles, rows).save(out, quality=_QUALITY, subsampling=0, optimize=True)
    print(f"{out}: {out.stat().st_size:,} bytes")
    return 0


def served(upload: bytes, changes: Mapping[str, Any], upscalers: LocalRestorers) -> Served:
    """Store an image, and return what GET makes of it.

    Args:
        upload: content of the file.
        changes: keys of the policy that differ from the default.
        upscalers: source of restorers.
    """
    kept = contest.stored(upload, contest.policy_of(changes), upscalers)
    pixels = decoded(kept.served)
    enlarged = kept.manifest is not None and kept.manifest.stored.scale > 1
    return Served(kept.size, enlarged, pixels, ssimulacra2(decoded(upload), pixels))


def drawn(titles: list[str], rows: list[list[Cell]]) -> Image.Image:
    """Return the picture of all rows, with titles above the columns."""
    width, height = TILE[0] + _GAP, TILE[1] + _LINE + _GAP
    size = width * len(titles) + _GAP, _LINE + _GAP + height * len(rows)
    picture = Image.new("RGB", size, _BACKGROUND)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(15)
    for column, title in enumerate(titles):
        draw.text((_GAP + width * column, _GAP), title, _INK, font)
        for row, found in enumerate(rows):
            left, top = _GAP + width * column, _LINE + _GAP + height * row
            picture.paste(found[column].piece, (left, top))
            draw.text((left, top + TILE[1] + 2), found[column].caption, _INK, font)
    return picture


def _cells(
    subject: Subject, upload: bytes, columns: tuple[Column, ...], upscalers: LocalRestorers
) -> list[Cell]:
    before = decoded(upload)
    height, width = before.shape[:2]
    size = f"{width}x{height}, {len(upload):,} bytes"
    found = [served(upload, column.policy, upscalers) for column in columns]
    return [
        Cell(_cut(before, subject), f"{subject.title}, {size}"),
        *(Cell(_cut(each.pixels, subject), _caption(each)) for each in found),
    ]


def _caption(found: Served) -> str:
    how = ", enlarged" if found.enlarged else ""
    return f"{found.size:,} bytes{how}, SSIMULACRA2 {found.score:.1f}"


def _cut(pixels: Pixels, subject: Subject) -> Image.Image:
    left, top = subject.corner
    piece = pixels[top : top + TILE[1], left : left + TILE[0]]
    return Image.fromarray(np.ascontiguousarray(piece)).convert("RGB")


if __name__ == "__main__":
    sys.exit(main())
