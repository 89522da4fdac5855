"""Restorers with a network: images in, images out, computed by a queue."""

from concurrent.futures import Future

import numpy as np
from PIL import Image

from slimgate.models.engine.batching import BatchingQueue
from slimgate.models.engine.network import COLOURS, CannotRun, Pixels, TooLate
from slimgate.models.engines import strips
from slimgate.models.engines.interpolation import Interpolation


class NetworkRestorer:
    """Enlarges with a network; thread-safe.

    Args:
        queue: queue of the network.
        timeout_s: timeout of one image, seconds; None: none.
    """

    def __init__(self, queue: BatchingQueue, *, timeout_s: float | None = None) -> None:
        self._queue = queue
        self._timeout_s = timeout_s
        self._bicubic = Interpolation("bicubic")

    def upscale(self, pixels: Pixels, scale: int, *, level: int) -> Pixels:
        """Enlarge an image.

        Args:
            pixels: uint8, (height, width) or (height, width, 3). A gray image is processed as three
                equal channels; the result is their weighted mean. Downscalers take more channels,
                of which the first three are refined.
            scale: integer factor, 1 to 4.
            level: coding level, 0 to 255.

        Returns:
            uint8, (height * scale, width * scale[, 3]).

        Raises:
            CannotRun: the network does not support the scale.
            Busy: too many pixels are in flight.
            TooLate: exceeded ``timeout_s``.
            EngineError: the engine failed, or the queue is closed.
        """
        future = self.begin(pixels, scale, level=level)
        try:
            # The queue checks the deadline too, but not while a batch runs.
            full = future.result(self._timeout_s)
        except TimeoutError as error:
            raise TooLate(f"restoring took longer than {self._timeout_s:g} s") from error
        finally:
            future.cancel()  # drops the remaining tiles if this thread stopped waiting
        return self.finish(full, scale)

    def begin(
        self, pixels: Pixels, scale: int, *, level: int, timeout_s: float | None = None
    ) -> Future[Pixels]:
        """Start enlarging an image; like :meth:`upscale`, without waiting.

        Args:
            pixels: as for :meth:`upscale`; must not change until the future is done.
            scale: as for :meth:`upscale`.
            level: as for :meth:`upscale`.
            timeout_s: timeout of the image, seconds; None: that of the restorer.

        Returns:
            A future for :meth:`finish`; cancelling it drops the remaining tiles.

        Raises:
            CannotRun: the network does not support the scale.
            Busy: too many pixels are in flight.
            EngineError: the queue is closed.
        """
        self._check(scale)
        colours = pixels
        if pixels.ndim == 2:
            colours = np.broadcast_to(pixels[..., np.newaxis], (*pixels.shape, 3))
        return self._queue.submit(
            colours,
            level=level,
            canvas=lambda: self._canvas(pixels),
            timeout_s=self._timeout_s if timeout_s is None else timeout_s,
        )

    def finish(self, full: Pixels, scale: int) -> Pixels:
        """Resize the network's result to the requested scale.

        Args:
            full: result of :meth:`begin`.
            scale: requested scale.

        Returns:
            uint8, (height * scale, width * scale[, 3]).
        """
        step = self._queue.network.scale
        if scale == step:
            return full

        def lanczos(strip: Pixels) -> Pixels:
            image = Image.fromarray(strip)
            width, height = image.width // step * scale, image.height // step * scale
            # Rows first: by default, Pillow chooses the order by the shape of the strip.
            rows = image.resize((width, image.height), Image.Resampling.LANCZOS)
            return np.asarray(rows.resize((width, height), Image.Resampling.LANCZOS))

        return strips.resize(full, lanczos, step=step, scale=scale)

    def _check(self, scale: int) -> None:
        network = self._queue.network
        if network.scale != scale and (network.gives == "residual" or network.scale < scale):
            raise CannotRun(
                f"this network enlarges by {network.scale}, not by {scale}: "
                "choose a restorer for that factor"
            )

    def _canvas(self, pixels: Pixels) -> Pixels:
        """Return the array that receives results, or to which they are added."""
        network = self._queue.network
        scale = network.scale
        pixels = pixels[..., :COLOURS] if pixels.ndim == 3 else pixels
        if network.gives == "pixels":
            height, width = pixels.shape[:2]
            return np.empty((height * scale, width * scale, *pixels.shape[2:]), np.uint8)
        return strips.resize(
            pixels, lambda strip: self._bicubic.upscale(strip, scale), step=1, scale=scale
        )
