"""The interface of engines: a loaded network.

A network computes batches of equal square tiles. :mod:`slimgate.models.engine.tiling` cuts images
into tiles, and :mod:`slimgate.models.engine.batching` batches the tiles of many images.
"""

from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Tiles = npt.NDArray[np.uint8] | npt.NDArray[np.int8]

COLOURS = 3
"""Channels of an image: red, green, blue."""

CHANNELS = COLOURS + 1
"""Channels of a restorer's tile: those of an image, and the coding level."""


def stacked_channels(scale: int) -> int:
    """Return the channels of what downscalers take without the level: a shrunk image and blocks."""
    return COLOURS + COLOURS * scale * scale


class EngineError(Exception):
    """A network could not run.

    ├─ CannotRun       this machine or configuration cannot run it; the message says what to install
    ├─ OutOfMemory     the batch was too large; a smaller one may succeed
    ├─ Faulty          the result is not an image: not finite, or of the wrong shape
    ├─ Busy            too much is in flight; retry later
    ├─ Unreachable     the engine's process is gone
    └─ TooLate         the deadline passed
    """


class CannotRun(EngineError):
    """An engine, package or device that the network needs is missing."""


class OutOfMemory(EngineError):
    """The batch exceeded the memory of the device."""


class BadResult(EngineError):
    """The result of a network is not an image."""


class Busy(EngineError):
    """Too many pixels are in flight."""


class Unreachable(EngineError):
    """The engine's process does not respond; a new one may be starting."""


class TooLate(EngineError):
    """The deadline of the request passed."""


class Network(Protocol):
    """A loaded network; not thread-safe.

    Attributes:
        scale: scale factor, 1 to 4.
        tile: side of its tiles, halo included, in small pixels.
        halo: margin of a tile whose results are discarded, in small pixels; at least the receptive
            field's radius if tiled results must equal untiled ones.
        max_batch: maximum tiles per batch.
        channels: channels of a tile: those of an image, and the coding level. Downscalers take
            more than colours; see :func:`slimgate.models.engine.downscaling.stacked`.
        gives: ``residual``: int8, to add to the bicubic enlargement; ``pixels``: uint8.
    """

    @property
    def scale(self) -> int: ...  # noqa: D102  # see the attributes above
    @property
    def tile(self) -> int: ...  # noqa: D102
    @property
    def halo(self) -> int: ...  # noqa: D102
    @property
    def max_batch(self) -> int: ...  # noqa: D102
    @property
    def channels(self) -> int: ...  # noqa: D102
    @property
    def gives(self) -> Literal["residual", "pixels"]: ...  # noqa: D102

    def run(self, tiles: Pixels) -> Tiles:
        """Compute a batch.

        Args:
            tiles: uint8, (n, tile, tile, channels) with n from 1 to ``max_batch``.

        Returns:
            (n, tile * scale, tile * scale, 3), int8 or uint8 according to ``gives``. The result of
            a tile does not depend on the others in the batch.

        Raises:
            OutOfMemory: fewer tiles may succeed.
            BadResult: the result is not finite.
            EngineError: the engine failed otherwise.
        """
        ...
