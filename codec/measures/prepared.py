"""A reference image of comparisons, with cached intermediate results."""

from functools import cached_property

from slimgate.codec.image.pixels import Pixels
from slimgate.codec.measures import ssimulacra2
from slimgate.codec.measures.orb import KeyPoints
from slimgate.codec.measures.strip_lights import Light
from slimgate.codec.threads import ALONE, Threads


class Prepared:
    """An upload's pixels, key points and SSIMULACRA2 reference, computed on first use.

    Args:
        pixels: uint8, (height, width[, channels]).
        light: linear light for SSIMULACRA2; None: that of sRGB.
        threads: measure parts of an image, and key points beside its score.
    """

    def __init__(
        self, pixels: Pixels, light: Light | None = None, threads: Threads = ALONE
    ) -> None:
        self.pixels = pixels
        self.threads = threads
        self._light = light

    @cached_property
    def key_points(self) -> KeyPoints:
        """Return the ORB key points."""
        return KeyPoints.of(self.pixels)

    @cached_property
    def has_stable_key_points(self) -> bool:
        """Return whether key points survive a change that cannot be seen."""
        return not self.key_points.are_unstable_in(self.pixels)

    @cached_property
    def reference(self) -> ssimulacra2.Reference:
        """Return the reference of SSIMULACRA2.

        Raises:
            ValueError: a side is below ``ssimulacra2.SMALLEST``.
        """
        return ssimulacra2.Reference(self.pixels, self._light, self.threads)
