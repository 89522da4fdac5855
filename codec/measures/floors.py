"""Compare an image with a policy's floor, cheapest measure first."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from slimgate.codec.image.pixels import Pixels
from slimgate.codec.measures import ssim, ssimulacra2
from slimgate.codec.measures.block import block_psnr
from slimgate.codec.measures.prepared import Prepared
from slimgate.codec.measures.psnr import psnr
from slimgate.codec.measures.reading import Fidelity, Reading
from slimgate.config import Floor

Measure = Callable[[Prepared, Pixels], Sequence[float]]

_KEY_POINTS: Final = ("orb",)
_SCORES: Final = ("ssimulacra2", "ssimulacra2_worst")

# In order of cost. Text is measured elsewhere, as it needs another program.
_MEASURES: Final[dict[tuple[str, ...], Measure]] = {
    ("psnr_db",): lambda original, restored: (psnr(original.pixels, restored),),
    ("block_psnr_db",): lambda original, restored: (block_psnr(original.pixels, restored),),
    ("ssim",): lambda original, restored: (ssim.quick(original.pixels, restored),),
    _KEY_POINTS: lambda original, restored: (original.key_points.found_in(restored).share,),
    # Never above other implementations, which return 100 only for identical images.
    _SCORES: lambda original, restored: [
        score if score == 100 else score - ssimulacra2.ERROR
        for score in original.reference.compare(restored)
    ],
}

ALL: Final = tuple(name for names in _MEASURES for name in names)
"""Names of the measures taken here."""

_LARGE: Final = 2_000_000
"""Pixels from which a quick SSIM is recorded."""


def _recorded_ssim(original: Prepared, restored: Pixels) -> float:
    """Return an SSIM that never exceeds the exact one: of large images, the quick one."""
    height, width = restored.shape[:2]
    if height * width < _LARGE:
        return ssim.exact(original.pixels, restored)
    return ssim.quick(original.pixels, restored, original.threads) - ssim.QUICK_ERROR


_RECORDED: Final[dict[str, Callable[[Prepared, Pixels], float]]] = {
    "psnr_db": lambda original, restored: psnr(original.pixels, restored),
    "ssim": _recorded_ssim,
    "orb": lambda original, restored: original.key_points.found_in(restored).share,
}
"""Measures recorded for every stored image."""

_NEAR: Final = 2 * ssim.QUICK_ERROR
"""Distance from the floor within which the exact SSIM decides."""


FEATURELESS_DB: Final = 43.0
"""PSNR of the worst block required of images without enough key points, where ORB is demanded, dB.

Such images hide no error. Colour gradients of 1600x1000 pixels show false colours at 38 dB, and
block edges up to 42; at 43 they look smooth, for 1 to 3 % of their bytes. From 44 on they would be
stored without loss, since 8-bit YCbCr rounds colours by as much (docs/floors.md)."""


def applied(floor: Floor, original: Prepared) -> Floor:
    """Return the floor that applies to one image.

    ORB is meaningless for an image with too few key points (a gradient, fog, a thumbnail): two
    mosaics without any are alike. Such an image must keep its worst block well instead.

    Args:
        floor: floor of the policy.
        original: upload.
    """
    if floor.orb is None or original.key_points.are_enough:
        return floor
    block = max(FEATURELESS_DB, floor.block_psnr_db or 0)
    # An image is at least as good as its worst block; stating it improves predictions.
    whole = max(block, floor.psnr_db or 0)
    return floor.model_copy(update={"orb": None, "block_psnr_db": block, "psnr_db": whole})


def without_unstable_orb(floor: Floor, original: Prepared, reading: Reading) -> Floor:
    """Return the floor without ORB, if that fails and means little for the image.

    Where SSIMULACRA2 leads, key points only guard against what it forgives. Those of faint textures
    get lost by changes that cannot be seen.

    Args:
        floor: floor that applies.
        original: upload.
        reading: measures taken.
    """
    failed = floor.orb is not None and reading.orb is not None and reading.orb < floor.orb
    if not failed or floor.ssimulacra2 is None or original.has_stable_key_points:
        return floor
    return floor.model_copy(update={"orb": None})


def read(
    floor: Floor,
    original: Prepared,
    restored: Pixels,
    *,
    names: Sequence[str] = ALL,
    thorough: bool = False,
) -> Reading:
    """Measure until the first measure below the floor.

    Args:
        floor: minimum fidelity.
        original: upload.
        restored: restored pixels, of the same shape and dtype.
        names: measures to take at most.
        thorough: continue after a measure below the floor.

    Returns:
        The measures; SSIM may be too low by twice ``ssim.QUICK_ERROR`` where that is irrelevant.
    """
    found: dict[str, float] = {}
    groups = {group: _demanded(floor, group, names) for group in _MEASURES}
    ahead: dict[tuple[str, ...], Sequence[float]] = {}
    for group, demanded in groups.items():
        if not demanded:
            continue
        if group == _KEY_POINTS and original.threads.count > 1 and groups[_SCORES]:
            ahead = _both_costly(original, restored)
        taken = ahead[group] if group in ahead else _MEASURES[group](original, restored)
        values = dict(zip(group, taken, strict=True))
        if "ssim" in demanded:
            values["ssim"] = _sure(values["ssim"], demanded["ssim"], original.pixels, restored)
        found |= values
        if not thorough and not holds(floor, Reading(**values)):
            break
    return Reading(**found)


def _demanded(floor: Floor, group: Sequence[str], names: Sequence[str]) -> dict[str, float]:
    """Return the demanded measures of a group, and their minimum."""
    demanded = {name: getattr(floor, name) for name in group if name in names}
    return {name: least for name, least in demanded.items() if least is not None}


def _both_costly(original: Prepared, restored: Pixels) -> dict[tuple[str, ...], Sequence[float]]:
    """Take the costly measures beside each other, although the second may turn out superfluous."""
    points = original.threads.start(lambda: _MEASURES[_KEY_POINTS](original, restored))
    scores = _MEASURES[_SCORES](original, restored)
    return {_KEY_POINTS: points(), _SCORES: scores}


def _sure(quick: float, demanded: float, original: Pixels, restored: Pixels) -> float:
    """Return an SSIM that never exceeds the exact one; near the floor, the exact one."""
    if abs(quick - demanded) < _NEAR:
        return ssim.exact(original, restored)
    return quick - ssim.QUICK_ERROR


def measure(original: Pixels, restored: Pixels) -> Fidelity:
    """Return the measures recorded for every stored image."""
    return complete(Reading(), Prepared(original), lambda: restored)


def complete(reading: Reading, original: Prepared, restored: Callable[[], Pixels]) -> Fidelity:
    """Add the recorded measures that are missing.

    Args:
        reading: measures taken so far.
        original: upload.
        restored: returns the restored pixels, of the same shape and dtype, if needed.
    """
    values = {name: getattr(reading, name) for name in _RECORDED}
    missing = [name for name, value in values.items() if value is None]
    if missing:
        other = restored()
        values |= {name: _RECORDED[name](original, other) for name in missing}
    return Fidelity(
        **values,
        ssimulacra2=reading.ssimulacra2,
        ssimulacra2_worst=reading.ssimulacra2_worst,
    )


def is_scored(floor: Floor) -> bool:
    """Return whether a floor demands SSIMULACRA2, of the image or of its worst region."""
    return floor.ssimulacra2 is not None or floor.ssimulacra2_worst is not None


def comparisons(floor: Floor, mode: str) -> int:
    """Return how often SSIMULACRA2 compares an image: not at all, once, twice with alpha.

    Args:
        floor: floor that applies.
        mode: mode of the image, as in Pillow.
    """
    if not is_scored(floor):
        return 0
    return 2 if mode == "RGBA" else 1


def holds(floor: Floor, reading: Reading) -> bool:
    """Return whether all measures taken are at or above the floor."""
    return all(value >= demanded for _, value, demanded in _both(floor, reading))


def margins(floor: Floor, reading: Reading) -> dict[str, float]:
    """Return the distance of each measure from the floor; negative if below.

    Margins grow about linearly with a codec's quality: dB for PSNR; for SSIM and SSIMULACRA2, the
    distance to 1 or 100 in dB; shares for others.
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
    even = _EVEN.get(name)
    return even(value) if even else value


_EVEN: Final[dict[str, Callable[[float], float]]] = {
    "ssim": ssim.decibels,
    "ssimulacra2": ssimulacra2.decibels,
    "ssimulacra2_worst": ssimulacra2.decibels,
}
