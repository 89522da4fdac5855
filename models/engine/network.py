"""The seam between what asks for pixels and what computes them: a network, loaded on an engine.

A network sees nothing but batches of equal square tiles; how images become tiles is the business of
:mod:`models.engine.tiling`, how tiles of many images share batches that of
:mod:`models.engine.batching`.
"""

from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
Tiles = npt.NDArray[np.uint8] | npt.NDArray[np.int8]

CHANNELS = 4
"""Channels of a tile: red, green, blue, and the level that says how coarse the codec was."""


class EngineError(Exception):
    """A network could not be run.

    ├─ CannotRun       this machine or configuration cannot run it at all; says what to install
    ├─ OutOfMemory     the batch was too large; a smaller one may succeed
    ├─ Faulty          the result is no image: not finite, or of a wrong shape
    ├─ Busy            more is waiting than is allowed; later it may be taken
    ├─ Unreachable     the engine is in another process, and that one has gone
    └─ TooLate         the deadline passed before the result was there
    """


class CannotRun(EngineError):
    """An engine, a package or a device that the network needs is not there."""


class OutOfMemory(EngineError):
    """The batch did not fit into the memory of the device."""


class Faulty(EngineError):
    """What the network computed is not an image."""


class Busy(EngineError):
    """Too many pixels are in flight already."""


class Unreachable(EngineError):
    """The process of the engine does not answer; another one may be on its way."""


class TooLate(EngineError):
    """The deadline of the request passed."""


class Network(Protocol):
    """A network that is ready to run; called by one thread at a time.

    Attributes:
        scale: By how much it enlarges, 1 to 4.
        tile: Side of the small tiles that it takes, halo included, in pixels.
        halo: Small pixels along each edge of a tile whose results are thrown away; at least the
            receptive field for a network whose tiled results have to equal the untiled ones.
        max_batch: Most tiles in one call.
        gives: ``residual``: int8, to be added to the bicubic enlargement; ``pixels``: uint8.
    """

    @property
    def scale(self) -> int: ...  # noqa: D102  # the attributes stand above
    @property
    def tile(self) -> int: ...  # noqa: D102
    @property
    def halo(self) -> int: ...  # noqa: D102
    @property
    def max_batch(self) -> int: ...  # noqa: D102
    @property
    def gives(self) -> Literal["residual", "pixels"]: ...  # noqa: D102

    def run(self, tiles: Pixels) -> Tiles:
        """Compute one batch.

        Args:
            tiles: uint8, (n, tile, tile, 4) with n from 1 to ``max_batch``.

        Returns:
            (n, tile * scale, tile * scale, 3), int8 or uint8 as ``gives`` says. The result of a
            tile does not depend on the others in the batch.

        Raises:
            OutOfMemory: Fewer tiles may work.
            Faulty: The result is not finite.
            EngineError: The engine failed otherwise.
        """
        ...
