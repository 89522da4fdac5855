"""Hold an image against a policy's floor, the cheapest measure first."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from codec import fidelity, quick_ssim
from codec.fidelity import Fidelity
from codec.pixels import Pixels
from config import Floor


@dataclass(frozen=True, slots=True)
class Reading:
    """As much of an image's fidelity as was measured; None: not measured.

    Attributes:
        psnr_db: Of all samples.
        block_psnr_db: Of the worst block.
        ssim: Mean structural similarity.
        orb: Share of key points found again.
        text: Share of words read again.
    """

    psnr_db: float | None = None
    block_psnr_db: float | None = None
    ssim: float | None = None
    orb: float | None = None
    text: float | None = None


# In the order of cost. Text is read elsewhere: that takes another program.
_MEASURES: Final[dict[str, Callable[[Pixels, Pixels], float]]] = {
    "psnr_db": fidelity.psnr,
    "block_psnr_db": fidelity.block_psnr,
    "ssim": quick_ssim.ssim,
    "orb": fidelity.orb,
}

ALL: Final = tuple(_MEASURES)
"""Names of the measures that are taken here."""

_NEAR: Final = 2 * quick_ssim.ERROR
"""So near to the floor the exact SSIM decides."""


def read(
    floor: Floor, original: Pixels, restored: Pixels, *, names: Sequence[str] = ALL
) -> Reading:
    """Measure what the floor demands, up to the first measure that is below it.

    Args:
        floor: What is demanded.
        original: uint8, (height, width[, channels]).
        restored: Same shape and dtype.
        names: Which measures to take at most.

    Returns:
        The measures; SSIM may be too low by twice ``quick_ssim.ERROR`` where that decides nothing.
    """
    found: dict[str, float] = {}
    for name, measure in _MEASURES.items():
        demanded = getattr(floor, name)
        if demanded is None or name not in names:
            continue
        value = measure(original, restored)
        found[name] = value if name != "ssim" else _sure(value, demanded, original, restored)
        if found[name] < demanded:
            break
    return Reading(**found)


def _sure(quick: float, demanded: float, original: Pixels, restored: Pixels) -> float:
    """Give an SSIM that is never above the exact one; near the floor, that one itself."""
    if abs(quick - demanded) < _NEAR:
        return fidelity.ssim(original, restored)
    return quick - quick_ssim.ERROR


def complete(reading: Reading, original: Pixels, restored: Callable[[], Pixels]) -> Fidelity:
    """Measure what is recorded of every stored image and was not yet measured.

    Args:
        reading: What was measured.
        original: uint8, (height, width[, channels]).
        restored: Gives the other image, of the same shape and dtype, if it is needed.
    """
    exact = {"psnr_db": fidelity.psnr, "ssim": fidelity.ssim, "orb": fidelity.orb}
    values = {name: getattr(reading, name) for name in exact}
    missing = [name for name, value in values.items() if value is None]
    if missing:
        other = restored()
        values |= {name: exact[name](original, other) for name in missing}
    return Fidelity(**values)


def holds(floor: Floor, reading: Reading) -> bool:
    """Tell whether everything that was measured is at or above the floor."""
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
    return fidelity.ssim_db(value) if name == "ssim" else value
