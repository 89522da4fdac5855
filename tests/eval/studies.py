"""A small study, made by hand: what a page may be asked to show, hostile names included."""

import io
import random
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import skimage
from PIL import Image

from slimgate.codec.image.pixels import Pixels
from slimgate.codec.measures.psnr import PERFECT_PSNR_DB
from slimgate.eval.compare.rows import Corpus, Crop, Row, Study
from slimgate.eval.compare.strategies import POLICY, STRATEGIES

HOSTILE = '"><script>alert(1)</script>&\u202egnp.<img src=x onerror=alert(2)>\n\udcff'
"""A file name that attacks whoever writes it into a page as it is."""

KINDS = ("photos", "scans & <b>more</b>", "charts")
IMAGES = 12
_BETTER = {"policy": 1.0, "avif": 1.1, "webp": 1.3, "jpeg": 1.6, "bicubic": 1.2, "jxl": 3.0}


def study(**changes: Any) -> Study:
    """Make up rows of every strategy, for three classes; two images could not be measured."""
    rows = tuple(_rows())
    counts = {kind: IMAGES // len(KINDS) for kind in KINDS}
    given: dict[str, Any] = {
        "corpus": Corpus("/data/<images>", IMAGES + 2, IMAGES + 2, counts, 24_000_000),
        "policy": {"name": "photos & co", "tiers": ["exact", "recode"], "effort": "fast"},
        "floor": {"psnr_db": 34.0, "ssim": 0.93, "orb": None},
        "seed": 7,
        "versions": {"slimgate": "0.1.0", "numpy": np.__version__, "Python": "3.11.2"},
        "machine": {"processor": "two cores", "memory": "8.3 GB"},
        "started": "2026-11-25T20:00:00Z",
        "seconds": 754.0,
        "cpu_seconds": 1402.0,
        "peak_bytes": 1_200_000_000,
        "rows": rows,
    }
    return Study(**(given | changes))


def scored() -> Study:
    """Add scores to all rows, and curves to those at equal scores."""
    made = study()
    return replace(made, rows=tuple(_scored(row) for row in made.rows))


def _scored(row: Row) -> Row:
    if row.problem:
        return row
    if row.psnr_db == PERFECT_PSNR_DB:
        return replace(row, ssimulacra2=100.0, ssimulacra2_worst=100.0)
    score = 55 + 6 * ((row.psnr_db or 0.0) - 34)
    curve = tuple((int(row.stored * 1.04 ** (each - 70)), float(each)) for each in (30, 60, 80, 91))
    return replace(
        row,
        ssimulacra2=score,
        ssimulacra2_worst=score - 12,
        curve=curve if row.strategy.endswith("-score") else (),
    )


def _rows() -> Iterator[Row]:
    chance, score_chance = random.Random(3), random.Random(4)
    for number in range(IMAGES):
        name = HOSTILE if number == 0 else f"folder/image-{number:02}.jpg"
        kind, easy = KINDS[number % len(KINDS)], chance.uniform(0.08, 0.3)
        for strategy in STRATEGIES:
            by_score = strategy.family == "ssimulacra2"
            yield _row(name, kind, strategy.name, easy, score_chance if by_score else chance)
    for name, problem in (("broken.jpg", "no image: <truncated>"), ("empty.png", "0 bytes")):
        yield Row(name, KINDS[0], POLICY, 999, 999, problem=problem)


def _row(name: str, kind: str, strategy: str, easy: float, chance: random.Random) -> Row:
    worse = _BETTER.get(strategy.partition("-")[0], 1.4) * chance.uniform(0.9, 1.2)
    uploaded = 2_000_000
    exact = strategy in ("tier-exact", "tier-lossless", "jxl-transcode")
    same = exact or (kind == "charts" and strategy == POLICY)
    kept_back = kind == "charts" and strategy == POLICY
    psnr_db = PERFECT_PSNR_DB if same else 34 + 4 * chance.random() ** 2
    return Row(
        name, kind, strategy, uploaded, int(uploaded * (0.8 if same else min(1.0, easy * worse))),
        width=2000, height=1500, format="JPEG", tier="exact" if same else "recode",
        codec="jxl" if same else "avif", quality=60, psnr_db=psnr_db, psnr_luma_db=psnr_db,
        ssim=1.0 if same else 0.93 + 0.05 * chance.random(), orb=0.8, block_psnr_db=psnr_db - 6,
        put_wall_s=chance.uniform(0.5, 3), put_cpu_s=chance.uniform(1, 4),
        get_wall_s=0.1, get_cpu_s=0.09, holds=psnr_db >= 34.1,
        obstacle="the file cannot be taken apart (<b>odd</b>)" if kept_back else "",
        could=400_000 if kept_back else None,
    )  # fmt: skip


def crops(of: Study) -> list[Crop]:
    """Show two images: one recoded at its own size, one shrunk to a half."""
    row = next(row for row in of.of() if row.measured and row.tier == "recode")
    shrunk = Row("shrunk.png", "photos", POLICY, 500_000, 9_000, 512, 512, "PNG", "downscale",
                 "avif", 50, 2, "native", psnr_db=33.1, ssim=0.94, holds=False)  # fmt: skip
    photo, recoded, small, enlarged = _states()
    return [
        Crop(row, 0, 0, photo, recoded, recoded),
        Crop(shrunk, 0, 0, photo, small, enlarged),
    ]


@cache
def _states() -> tuple[Pixels, Pixels, Pixels, Pixels]:
    """Return a photo, the same recoded, its half recoded, and that half enlarged."""
    with Image.open(Path(skimage.__file__).parent / "data" / "astronaut.png") as image:
        photo = np.asarray(image)
        small = _recoded(np.asarray(image.reduce(2)), 50)
        enlarged = Image.fromarray(small).resize(image.size, Image.Resampling.BICUBIC)
    return photo, _recoded(photo, 40), small, np.asarray(enlarged)


def _recoded(pixels: Pixels, quality: int) -> Pixels:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "AVIF", quality=quality)
    return np.asarray(Image.open(file))
