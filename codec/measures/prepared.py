"""An image that others are compared with; what a measure needs of it is computed once."""

from functools import cached_property

from codec.image.pixels import Pixels
from codec.measures import ssimulacra2
from codec.measures.orb import KeyPoints


class Prepared:
    """An upload's pixels, its key points and its side of SSIMULACRA2, each made when first needed.

    Args:
        pixels: uint8, (height, width[, channels]).
    """

    def __init__(self, pixels: Pixels) -> None:
        self.pixels = pixels

    @cached_property
    def key_points(self) -> KeyPoints:
        """Return the ORB key points."""
        return KeyPoints.of(self.pixels)

    @cached_property
    def reference(self) -> ssimulacra2.Reference:
        """Return what SSIMULACRA2 compares with.

        Raises:
            ValueError: A side is below ``ssimulacra2.SMALLEST``.
        """
        return ssimulacra2.Reference(self.pixels)
