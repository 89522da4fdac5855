"""Run the Stable Diffusion x4 upscaler of SageMaker JumpStart on an endpoint.

One request per tile: JSON with a prompt and the image, answered by JSON with ``generated_images``.
Images are nested arrays of RGB values (content type ``application/json``) or base64 of a JPEG
(``application/json;jpeg``), as in Amazon's notebook "Introduction to JumpStart - Enhance image
quality guided by prompt". A diffusion model invents detail; use it where accuracy does not matter.
"""

import asyncio
import json
import threading
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final, Literal, Protocol

import numpy as np
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError

from slimgate.models.engine.network import (
    CHANNELS,
    BadResult,
    Busy,
    EngineError,
    Pixels,
    TooLate,
)
from slimgate.models.engines import sagemaker_images as images
from slimgate.models.engines.sagemaker_errors import is_throttled, translated

SCALE: Final = 4
_MAX_ANSWER: Final = 8 << 20  # the service returns at most 6 MB; arrays of a tile are about 4 MB
_CHUNK: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint and the parameters of its requests.

    Attributes:
        name: name of the endpoint.
        region: AWS region.
        url: endpoint URL; None: that of the region.
        prompt: description of the pictures; may be empty.
        steps: denoising steps, 1 or more; time per tile is proportional.
        guidance: weight of the prompt.
        seed: seed of the noise; equal seeds give similar results.
        jpeg: send images as JPEG, smaller but lossy.
        timeout_s: timeout of one tile including retries, seconds.
        attempts: attempts per tile while the endpoint is overloaded.
        pause_s: pause before the second attempt, doubled each time, seconds.
    """

    name: str
    region: str
    url: str | None = None
    prompt: str = ""
    steps: int = 50
    guidance: float = 7.5
    seed: int = 0
    jpeg: bool = False
    timeout_s: float = 120.0
    attempts: int = 4
    pause_s: float = 0.5


class _Body(Protocol):
    async def read(self, amt: int) -> bytes: ...

    def close(self) -> None: ...


class _Client(Protocol):
    async def invoke_endpoint(self, **arguments: str | bytes) -> dict[str, _Body]: ...


class SageMakerNetwork:
    """A network on an endpoint; call ``close`` at the end.

    Credentials come from the environment, as for other AWS programs.

    Args:
        endpoint: endpoint and parameters.
        tile: side of its tiles, halo included, in pixels; a multiple of 64.
        halo: halo, in small pixels.
    """

    gives: Literal["pixels"] = "pixels"
    scale = SCALE
    channels = CHANNELS
    max_batch = 1

    def __init__(self, endpoint: Endpoint, *, tile: int = 128, halo: int = 16) -> None:
        self.tile = tile
        self.halo = halo
        self._endpoint = endpoint
        self._runner = asyncio.Runner()
        self._opened = AsyncExitStack()
        self._client: _Client | None = None
        self._lock = threading.Lock()

    def run(self, tiles: Pixels) -> Pixels:
        """Compute a batch; see :meth:`slimgate.models.engine.network.Network.run`.

        Raises:
            CannotRun: missing or insufficient credentials, or no such endpoint.
            Busy: the endpoint is overloaded, even after several attempts.
            TooLate: exceeded ``timeout_s``.
            BadResult: the response is not an image of the right size.
            EngineError: the endpoint failed otherwise.
        """
        with self._lock:
            return np.stack([self._runner.run(self._enlarged(tile[..., :3])) for tile in tiles])

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            self._runner.run(self._opened.aclose())
            self._runner.close()

    async def _enlarged(self, tile: Pixels) -> Pixels:
        request = {
            "prompt": self._endpoint.prompt,
            "image": images.packed(tile, jpeg=self._endpoint.jpeg),
            "num_inference_steps": self._endpoint.steps,
            "guidance_scale": self._endpoint.guidance,
            "seed": self._endpoint.seed,
        }
        try:
            async with asyncio.timeout(self._endpoint.timeout_s):
                answer = await self._asked(json.dumps(request).encode())
        except TimeoutError as error:
            raise TooLate(f"no response within {self._endpoint.timeout_s:g} s") from error
        except (ClientError, BotoCoreError) as error:
            raise translated(error, self._endpoint.name) from error
        except OSError as error:
            raise EngineError(f"the connection to the endpoint broke: {error}") from error
        return images.unpacked(answer, tile.shape[0] * SCALE)

    async def _asked(self, request: bytes) -> bytes:
        """Send a request, retrying while the endpoint is overloaded."""
        pause_s = self._endpoint.pause_s
        for _ in range(self._endpoint.attempts):
            try:
                return await self._sent(request)
            except ClientError as error:
                if not is_throttled(error):
                    raise
            await asyncio.sleep(pause_s)
            pause_s *= 2
        raise Busy(
            f"endpoint {self._endpoint.name} is overloaded; add instances, or send fewer images"
        )

    async def _sent(self, request: bytes) -> bytes:
        client = await self._connected()
        kind = images.CONTENT_TYPES[self._endpoint.jpeg]
        answer = await client.invoke_endpoint(
            EndpointName=self._endpoint.name, ContentType=kind, Accept=kind, Body=request
        )
        body = answer["Body"]
        try:
            return await _bounded(body)
        finally:
            body.close()

    async def _connected(self) -> _Client:
        """Return the client, created on first use; it belongs to the event loop."""
        if self._client is not None:
            return self._client
        config = AioConfig(
            connect_timeout=min(10.0, self._endpoint.timeout_s),
            read_timeout=self._endpoint.timeout_s,
            retries={"total_max_attempts": 1},  # see _asked
        )
        client: _Client = await self._opened.enter_async_context(
            get_session().create_client(
                "sagemaker-runtime",
                region_name=self._endpoint.region,
                endpoint_url=self._endpoint.url,
                config=config,
            )
        )
        self._client = client
        return client


async def _bounded(body: _Body) -> bytes:
    answer = bytearray()
    while chunk := await body.read(_CHUNK):
        answer += chunk
        if len(answer) > _MAX_ANSWER:
            raise BadResult(f"the endpoint returned more than {_MAX_ANSWER} bytes")
    return bytes(answer)
