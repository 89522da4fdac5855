"""Linear light of the strips of an image, at each scale of a comparison."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

import numpy as np

from slimgate.codec.image.pixels import Pixels
from slimgate.codec.measures import xyb
from slimgate.codec.measures.regions import Strip
from slimgate.codec.measures.xyb import Floats
from slimgate.codec.threads import Threads

Light = Callable[[Pixels, slice], Floats]
"""Returns linear light of some rows of an image."""

_ROWS: Final = 256
"""Rows whose light a function computes at a time."""


class StripLights:
    """Computes the light of strips.

    Args:
        light: returns linear light of some rows, of which white is 1; None: that of sRGB.
        scales: number of scales.
        threads: compute light of a function part by part, or that of sRGB ahead.
    """

    def __init__(self, light: Light | None, scales: int, threads: Threads) -> None:
        self._light, self._scales, self._threads = light, scales, threads

    @property
    def by_threads(self) -> bool:
        """Return whether a strip takes the threads, which must not compute it themselves then."""
        return self._light is not None

    def of(self, pixels: Pixels, background: float | None, strip: Strip) -> list[Floats]:
        """Return the light of the rows that a strip reads, at each scale.

        Args:
            pixels: uint8, (height, width[, channels]).
            background: sRGB value behind transparent pixels; None: ignore alpha.
            strip: strip.
        """
        if self._light is None:
            found = [xyb.linear(pixels[strip.seen], background)]
        else:
            tops = range(strip.seen.start, strip.seen.stop, _ROWS)
            parts = [slice(top, min(top + _ROWS, strip.seen.stop)) for top in tops]
            found = [np.concatenate(self._threads.map(partial(self._light, pixels), parts))]
        while len(found) < self._scales:
            found.append(xyb.halved(found[-1]))
        return found

    def of_all(
        self, pixels: Pixels, background: float | None, strips: Sequence[Strip]
    ) -> Iterator[list[Floats]]:
        """Yield the light of each strip, the next one being computed meanwhile."""
        lights = partial(self.of, pixels, background)
        return map(lights, strips) if self.by_threads else self._threads.ahead(lights, strips)
