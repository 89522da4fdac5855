"""Compare results on the demo's images with a baseline, so that no change costs bytes or fidelity.

``python -m slimgate.eval.demo.baseline`` measures demo images under fixed policies and compares the
results with ``eval/baselines/``. With ``--write`` (``make baselines``) it stores the results as the
new baseline, in a change that moves them on purpose.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter, ValidationError

from slimgate.config import Engine, Policy
from slimgate.config.policy import Effort
from slimgate.eval.compare.image_strategies import Comparison
from slimgate.eval.compare.row_builder import RowBuilder
from slimgate.eval.corpus.corpus import Item
from slimgate.eval.corpus.inspection import look
from slimgate.eval.demo import sample_images
from slimgate.eval.run.machine import cores
from slimgate.eval.run.work import single_threaded
from slimgate.models.engine.loading import LocalRestorers

FOLDER: Final = Path(__file__).parents[1] / "baselines"
"""Folder of baselines, one file per effort."""

NAMES: Final = (
    "astronaut.jpg",
    "coffee.jpg",
    "chelsea.webp",
    "rocket.jpg",
    "camera.jpg",
    "brick.jpg",
    "moon.png",
    "text.png",
    "logo.png",
    "phantom.png",
)
"""Demo images to measure: small ones, of every kind."""

EFFORTS: Final[tuple[Effort, ...]] = ("fast", "balanced")

_BYTES: Final = 1.005  # other builds of encoders differ by a few bytes
_CHEAPER: Final = 0.99
_SLACK: Final = {"ssimulacra2": 0.1, "ssimulacra2_worst": 1.0, "orb": 0.02}


@dataclass(frozen=True, slots=True)
class Figures:
    """Results for one image.

    Attributes:
        image: name of the image.
        tier: tier of the rendition.
        stored: bytes stored.
        ssimulacra2: SSIMULACRA2 of the served file, as in rows.
        ssimulacra2_worst: SSIMULACRA2 of the worst region, as in rows.
        orb: ORB, as in rows.
    """

    image: str
    tier: str
    stored: int
    ssimulacra2: float
    ssimulacra2_worst: float
    orb: float


_FIGURES: Final = TypeAdapter(list[Figures])


def policy(effort: Effort) -> Policy:
    """Return a policy of defaults with an effort."""
    return Policy(name="demo", bucket="photos", mode="optimize", effort=effort)


def measure(effort: Effort) -> list[Figures]:
    """Measure the images on all cores.

    Args:
        effort: effort of the policy.
    """
    with ProcessPoolExecutor(cores(), get_context("forkserver")) as pool:
        return list(pool.map(_measured, NAMES, [effort] * len(NAMES)))


def worse(before: Iterable[Figures], now: Iterable[Figures]) -> Iterator[str]:
    """Yield a message for each image that needs more bytes or has less fidelity than before."""
    known = {each.image: each for each in before}
    for each in now:
        if each.image not in known:
            yield f"{each.image}: is missing in the baseline"
            continue
        yield from _losses(known[each.image], each)


def load(effort: Effort) -> list[Figures]:
    """Load the baseline of an effort.

    Raises:
        OSError, ValidationError: the baseline is missing or damaged.
    """
    return _FIGURES.validate_json(_path(effort).read_bytes())


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Returns:
        0 if nothing is worse or a new baseline was written, else 1.
    """
    parser = argparse.ArgumentParser(
        prog="python -m slimgate.eval.demo.baseline", description=__doc__
    )
    parser.add_argument(
        "--write", action="store_true", help="store the results as the new baseline"
    )
    options = parser.parse_args(arguments)
    found = []
    for effort in EFFORTS:
        now = measure(effort)
        if options.write:
            FOLDER.mkdir(exist_ok=True)
            _path(effort).write_bytes(_FIGURES.dump_json(now, indent=1) + b"\n")
        try:
            found += [f"{effort}: {loss}" for loss in worse(load(effort), now)]
        except (OSError, ValidationError) as error:
            found.append(f"{effort}: {error}; create it with make baselines")
        stored = sum(each.stored for each in now)
        print(f"{effort}: {len(now)} images, {stored:,} bytes stored")
    print("\n".join(found) or "nothing is worse than the baseline")
    return int(bool(found))


def _path(effort: Effort) -> Path:
    return FOLDER / f"demo-{effort}.json"


def _losses(before: Figures, now: Figures) -> Iterator[str]:
    if now.stored > before.stored * _BYTES:
        yield f"{now.image}: {now.stored:,} bytes, {before.stored:,} before"
    if now.stored < before.stored * _CHEAPER:
        return  # fewer bytes for less margin to the floor is an improvement
    for name, slack in _SLACK.items():
        was, is_now = getattr(before, name), getattr(now, name)
        if is_now < was - slack:
            yield f"{now.image}: {name} {is_now:.4f}, {was:.4f} before"


def _measured(name: str, effort: Effort) -> Figures:
    (recipe,) = (each for each in sample_images.RECIPES if each.key == name)
    data = sample_images.make(recipe).data
    asked = policy(effort)
    seen = look(data, asked)
    make = RowBuilder(Item(name, "", len(data), ""), "", seen, len(data), asked.floor)
    row = next(Comparison(data, seen, asked, _upscalers(), make).rows())
    measures = {measure: round(getattr(row, measure), 5) for measure in _SLACK}
    return Figures(image=name, tier=row.tier, stored=row.stored, **measures)


@cache
def _upscalers() -> LocalRestorers:
    return single_threaded(Engine())


if __name__ == "__main__":
    sys.exit(main())
