"""Restorers with a network: images in, images out; what is between goes through the queue."""

from concurrent.futures import Future

import numpy as np
from PIL import Image

from models.engine.batching import BatchingQueue
from models.engine.network import CannotRun, Pixels, TooLate
from models.engines import strips
from models.engines.interpolation import Interpolation


class NetworkRestorer:
    """Enlarge by a network; may be shared by threads.

    Args:
        queue: Where its tiles are computed.
        timeout_s: Longest time for one image; None: as long as it takes.
    """

    def __init__(self, queue: BatchingQueue, *, timeout_s: float | None = None) -> None:
        self._queue = queue
        self._timeout_s = timeout_s
        self._bicubic = Interpolation("bicubic")

    def upscale(self, pixels: Pixels, scale: int, *, level: int) -> Pixels:
        """Enlarge one plane, and wait for it.

        Args:
            pixels: uint8, (height, width) or (height, width, 3). A gray image goes through the
                network as three equal channels; the mean of those that come back is its result.
            scale: Whole factor, 1 to 4.
            level: How coarse the codec was, 0 to 255.

        Returns:
            uint8, (height * scale, width * scale[, 3]).

        Raises:
            CannotRun: The network does not enlarge by that factor.
            Busy: Too many pixels are in flight.
            TooLate: It took longer than ``timeout_s``.
            EngineError: The engine failed, or the queue has been closed.
        """
        future = self.begin(pixels, scale, level=level)
        try:
            # The queue keeps the deadline, too, but not while a batch is computed.
            full = future.result(self._timeout_s)
        except TimeoutError as error:
            raise TooLate(f"restoring took longer than {self._timeout_s:g} s") from error
        finally:
            future.cancel()  # spares the rest if this thread does not wait any more
        return self.finish(full, scale)

    def begin(self, pixels: Pixels, scale: int, *, level: int) -> Future[Pixels]:
        """Let an image be computed, as :meth:`upscale` does, without waiting for it.

        Args:
            pixels: As there; not to be changed before the future is done.
            scale: As there.
            level: As there.

        Returns:
            A future of what :meth:`finish` takes; cancelling it spares what is not computed yet.

        Raises:
            CannotRun: The network does not enlarge by that factor.
            Busy: Too many pixels are in flight.
            EngineError: The queue has been closed.
        """
        self._check(scale)
        colours = pixels
        if pixels.ndim == 2:
            colours = np.broadcast_to(pixels[..., np.newaxis], (*pixels.shape, 3))
        return self._queue.submit(
            colours, level=level, canvas=lambda: self._canvas(pixels), timeout_s=self._timeout_s
        )

    def finish(self, full: Pixels, scale: int) -> Pixels:
        """Bring what the network gave to the factor that was asked for.

        Args:
            full: The result of :meth:`begin`.
            scale: As there.

        Returns:
            uint8, (height * scale, width * scale[, 3]).
        """
        step = self._queue.network.scale
        if scale == step:
            return full

        def lanczos(strip: Pixels) -> Pixels:
            image = Image.fromarray(strip)
            width, height = image.width // step * scale, image.height // step * scale
            # Along the rows first: left to itself, Pillow decides that by the shape of the strip.
            rows = image.resize((width, image.height), Image.Resampling.LANCZOS)
            return np.asarray(rows.resize((width, height), Image.Resampling.LANCZOS))

        return strips.resize(full, lanczos, step=step, scale=scale)

    def _check(self, scale: int) -> None:
        network = self._queue.network
        if network.scale != scale and (network.gives == "residual" or network.scale < scale):
            raise CannotRun(
                f"this network enlarges by {network.scale}, not by {scale}: "
                "name a restorer for that factor"
            )

    def _canvas(self, pixels: Pixels) -> Pixels:
        """Make what the results are put on, or added to."""
        network = self._queue.network
        scale = network.scale
        if network.gives == "pixels":
            height, width = pixels.shape[:2]
            return np.empty((height * scale, width * scale, *pixels.shape[2:]), np.uint8)
        return strips.resize(
            pixels, lambda strip: self._bicubic.upscale(strip, scale), step=1, scale=scale
        )
