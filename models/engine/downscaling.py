"""Shrink images with the network that was trained together with their restorer.

A downscaler sees an image shrunk by Lanczos's filter, and the original. It adds a residual to the
former that makes its restorer return more of the latter for the same bytes. It is an integer
network of scale 1 whose tiles have more channels; see :func:`stacked`. Nothing that is stored
depends on it: renditions need only their restorer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from slimgate.models.engine.network import COLOURS, Pixels, stacked_channels
from slimgate.models.engine.tiling import gray
from slimgate.models.registry.cards import Card, Enlarger, Restorer

STRIP: Final = 1 << 20
"""Pixels of a shrunk image that are refined at once: stacks take more memory than the image."""

MARGIN: Final = 8
"""Rows around a strip whose results are discarded: at least the receptive field."""


@dataclass(frozen=True, slots=True)
class DownscalingRestorer:
    """A restorer, and the network that shrinks images for it.

    Attributes:
        restorer: enlarges.
        downscaler: refines shrunk images; None: they stay as they are.
    """

    restorer: Enlarger
    downscaler: Enlarger | None

    def upscale(self, pixels: Pixels, scale: int, *, level: int) -> Pixels:
        """Enlarge an image; see ``NetworkRestorer.upscale``."""
        return self.restorer.upscale(pixels, scale, level=level)

    def refine(self, small: Pixels, full: Pixels, scale: int) -> Pixels:
        """Refine a shrunk image, so that this restorer returns more of the original.

        Args:
            small: uint8, (height, width[, 3]), shrunk by Lanczos's filter.
            full: the original, uint8, (height * scale, width * scale[, 3]).
            scale: integer factor.

        Returns:
            uint8, like ``small``.

        Raises:
            EngineError: the engine failed.
        """
        if self.downscaler is None:
            return small
        refined = np.empty_like(small)
        height, width = small.shape[:2]
        rows = max(1, STRIP // width)
        for first in range(0, height, rows):
            last = min(first + rows, height)
            top, bottom = max(0, first - MARGIN), min(height, last + MARGIN)
            stack = stacked(small[top:bottom], full[top * scale : bottom * scale], scale)
            strip = self.downscaler.upscale(stack, 1, level=0)[first - top : last - top]
            refined[first:last] = strip if small.ndim == 3 else gray(strip)
        return refined


def with_downscaler(card: Card, find: Callable[[str], Enlarger]) -> Restorer:
    """Return the restorer of a card with its downscaler, if it has one.

    Args:
        card: card of a network.
        find: returns networks by hash.
    """
    downscaler = None if card.downscaler is None else find(card.downscaler)
    return DownscalingRestorer(find(card.hash), downscaler)


def stacked(small: Pixels, full: Pixels, scale: int) -> Pixels:
    """Return the input of a downscaler without the level.

    Args:
        small: uint8, (height, width[, 3]).
        full: uint8, (height * scale, width * scale[, 3]).
        scale: integer factor.

    Returns:
        uint8, (height, width, 3 + 3 * scale * scale): the small image, then the pixels of the
        original that each of its pixels covers, by colour, row and column. Gray counts as three
        equal colours.
    """
    height, width = small.shape[:2]
    stack = np.empty((height, width, stacked_channels(scale)), np.uint8)
    stack[..., :COLOURS] = small.reshape(height, width, -1)
    colours = np.broadcast_to(full.reshape(*full.shape[:2], -1), (*full.shape[:2], COLOURS))
    blocks = colours.reshape(height, scale, width, scale, COLOURS)
    stack[..., COLOURS:] = blocks.transpose(0, 2, 4, 1, 3).reshape(height, width, -1)
    return stack
