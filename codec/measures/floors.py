"""Hold an image against a policy's floor, the cheapest measure first."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from codec.image.pixels import Pixels
from codec.measures import ssim
from codec.measures.block import block_psnr
from codec.measures.orb import KeyPoints, orb
from codec.measures.psnr import psnr
from codec.measures.reading import Fidelity, Reading
from config import Floor

# In the order of cost. Text is read elsewhere: that takes another program.
_MEASURES: Final[dict[str, Callable[[Pixels, Pixels], float]]] = {
    "psnr_db": psnr,
    "block_psnr_db": block_psnr,
    "ssim": ssim.quick,
    "orb": orb,
}

ALL: Final = tuple(_MEASURES)
"""Names of the measures that are taken here."""

_NEAR: Final = 2 * ssim.QUICK_ERROR
"""So near to the floor the exact SSIM decides."""


FEATURELESS_DB: Final = 43.0
"""PSNR that the worst block keeps of an image without enough key points, where ORB is demanded.

Nothing hides an error there. Colour gradients of 1600x1000 pixels show false colours at 38 dB, and
a grid of blocks up to 42; at 43 they look smooth, for 1 to 3 % of their bytes. From 44 on they stay
without loss, since YCbCr of eight bits rounds colours by as much (docs/floors.md)."""


def applied(floor: Floor, original: Pixels) -> Floor:
    """Return what a floor demands of one image.

    ORB says nothing about an image that has too few key points (a gradient, fog, a thumbnail): two
    mosaics without any are alike. Such an image has to keep its worst block well instead.

    Args:
        floor: What the policy demands.
        original: uint8, (height, width[, channels]).
    """
    if floor.orb is None or KeyPoints.of(original).are_enough:
        return floor
    block = max(FEATURELESS_DB, floor.block_psnr_db or 0)
    # An image is at least as good as its worst block; to say so makes better guesses.
    whole = max(block, floor.psnr_db or 0)
    return floor.model_copy(update={"orb": None, "block_psnr_db": block, "psnr_db": whole})


def read(
    floor: Floor,
    original: Pixels,
    restored: Pixels,
    *,
    names: Sequence[str] = ALL,
    thorough: bool = False,
) -> Reading:
    """Measure what the floor demands, up to the first measure that is below it.

    Args:
        floor: What is demanded.
        original: uint8, (height, width[, channels]).
        restored: Same shape and dtype.
        names: Which measures to take at most.
        thorough: Whether to go on after a measure that is below the floor.

    Returns:
        The measures; SSIM may be too low by twice ``ssim.QUICK_ERROR`` where that decides nothing.
    """
    found: dict[str, float] = {}
    for name, measure in _MEASURES.items():
        demanded = getattr(floor, name)
        if demanded is None or name not in names:
            continue
        value = measure(original, restored)
        found[name] = value if name != "ssim" else _sure(value, demanded, original, restored)
        if found[name] < demanded and not thorough:
            break
    return Reading(**found)


def _sure(quick: float, demanded: float, original: Pixels, restored: Pixels) -> float:
    """Give an SSIM that is never above the exact one; near the floor, that one itself."""
    if abs(quick - demanded) < _NEAR:
        return ssim.exact(original, restored)
    return quick - ssim.QUICK_ERROR


def measure(original: Pixels, restored: Pixels) -> Fidelity:
    """Measure what is recorded of every stored image."""
    return complete(Reading(), original, lambda: restored)


def complete(reading: Reading, original: Pixels, restored: Callable[[], Pixels]) -> Fidelity:
    """Measure what is recorded of every stored image and was not yet measured.

    Args:
        reading: What was measured.
        original: uint8, (height, width[, channels]).
        restored: Gives the other image, of the same shape and dtype, if it is needed.
    """
    exact = {"psnr_db": psnr, "ssim": ssim.exact, "orb": orb}
    values = {name: getattr(reading, name) for name in exact}
    missing = [name for name, value in values.items() if value is None]
    if missing:
        other = restored()
        values |= {name: exact[name](original, other) for name in missing}
    return Fidelity(**values)


def holds(floor: Floor, reading: Reading) -> bool:
    """Return whether everything that was measured is at or above the floor."""
    return all(value >= demanded for _, value, demanded in _both(floor, reading))


def margins(floor: Floor, reading: Reading) -> dict[str, float]:
    """Say how far above the floor each measure is; below 0: beneath it.

    The units are such that a margin grows about evenly with a codec's quality: dB for PSNR, for
    SSIM the dB of what is lacking to 1, shares for the others.
    """
    return {
        name: _evened(name, value) - _evened(name, demanded)
        for name, value, demanded in _both(floor, reading)
    }


def _both(floor: Floor, reading: Reading) -> Iterator[tuple[str, float, float]]:
    for name in Reading.__slots__:
        value, demanded = getattr(reading, name), getattr(floor, name)
        if value is not None and demanded is not None:
            yield name, value, demanded


def _evened(name: str, value: float) -> float:
    return ssim.decibels(value) if name == "ssim" else value
