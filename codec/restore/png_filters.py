"""Filter the rows of a PNG with given filter types (PNG, third edition, 9.2)."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from slimgate.codec.image.pixels import Pixels

_BAND_ROWS: Final = 128  # bounds temporary memory

_Wide = npt.NDArray[np.int16]


def filtered_passes(passes: Sequence[Pixels], kinds: bytes) -> Iterator[bytes]:
    """Yield the filtered rows of several images, as :func:`filtered` does for each.

    Raises:
        ValueError: the number of types differs from the number of rows, or a type is invalid.
    """
    if len(kinds) != sum(len(each) for each in passes):
        raise ValueError("filter types do not fit the image")
    start = 0
    for each in passes:
        yield from filtered(each, kinds[start : start + len(each)])
        start += len(each)


def filtered(pixels: Pixels, kinds: bytes) -> Iterator[bytes]:
    """Yield the filtered rows, each after its filter type, in bands.

    Args:
        pixels: uint8, (height, width[, bytes of a pixel]).
        kinds: filter type of each row, 0 to 4.

    Raises:
        ValueError: the number of types differs from the number of rows, or a type is invalid.
    """
    height = pixels.shape[0]
    if len(kinds) != height or max(kinds) > 4:
        raise ValueError("filter types do not fit the image")
    rows = pixels.reshape(height, -1)
    step = rows.shape[1] // pixels.shape[1]
    types = np.frombuffer(kinds, np.uint8)
    above = np.zeros_like(rows[:1])
    for top in range(0, height, _BAND_ROWS):
        band = rows[top : top + _BAND_ROWS]
        up = np.concatenate([above, band[:-1]])
        yield _band(band, up, step, types[top : top + _BAND_ROWS]).tobytes()
        above = band[-1:]


def smallest_sums(pixels: Pixels) -> bytes:
    """Return the filter type of each row that leaves the smallest sum of differences (12.7).

    Args:
        pixels: uint8, (height, width[, 3 or 4]).
    """
    rows = pixels.reshape(pixels.shape[0], -1)
    step = rows.shape[1] // pixels.shape[1]
    above, chosen = np.zeros_like(rows[:1]), list[bytes]()
    for top in range(0, rows.shape[0], _BAND_ROWS):
        band = rows[top : top + _BAND_ROWS]
        up = np.concatenate([above, band[:-1]])
        left, corner = _shifted(band, step), _shifted(up, step)
        sums = [_differences(band - predict(left, up, corner)) for predict in _PREDICTORS]
        chosen.append(np.argmin(sums, axis=0).astype(np.uint8).tobytes())
        above = band[-1:]
    return b"".join(chosen)


def _differences(rows: Pixels) -> npt.NDArray[np.int64]:
    """Return the sum of differences in each row, taken as signed."""
    signed = np.minimum(rows, np.negative(rows))
    return np.asarray(signed.sum(axis=1, dtype=np.int64), np.int64)


def _band(rows: Pixels, up: Pixels, step: int, types: Pixels) -> Pixels:
    out = np.empty((rows.shape[0], rows.shape[1] + 1), np.uint8)
    out[:, 0] = types
    for kind, predict in enumerate(_PREDICTORS):
        chosen = types == kind
        if chosen.any():
            here, over = rows[chosen], up[chosen]
            predicted = predict(_shifted(here, step), over, _shifted(over, step))
            out[chosen, 1:] = here - predicted  # modulo 256
    return out


def _shifted(rows: Pixels, step: int) -> Pixels:
    """Return the samples one pixel to the left; 0 beyond the edge."""
    left = np.zeros_like(rows)
    left[:, step:] = rows[:, :-step]
    return left


def _average(left: Pixels, up: Pixels, _corner: Pixels) -> Pixels:
    return ((left.astype(np.uint16) + up) >> 1).astype(np.uint8)


def _paeth(left: Pixels, up: Pixels, corner: Pixels) -> Pixels:
    a, b, c = (plane.astype(np.int16) for plane in (left, up, corner))
    to_left, to_up, to_corner = _distances(a, b, c)
    # Ties prefer left, then up (9.4).
    nearest = np.where(to_up <= to_corner, up, corner)
    return np.where((to_left <= to_up) & (to_left <= to_corner), left, nearest)


def _distances(a: _Wide, b: _Wide, c: _Wide) -> tuple[_Wide, _Wide, _Wide]:
    return np.abs(b - c), np.abs(a - c), np.abs(a + b - 2 * c)


_PREDICTORS: Final[tuple[Callable[[Pixels, Pixels, Pixels], Pixels], ...]] = (
    lambda left, _up, _corner: np.zeros_like(left),
    lambda left, _up, _corner: left,
    lambda _left, up, _corner: up,
    _average,
    _paeth,
)
