"""Tests of engines on Ray Serve."""

from pathlib import Path

import numpy as np
import pytest

from slimgate import models
from slimgate.config import Engine, RemoteEngines
from slimgate.models.engine import wire
from slimgate.models.engine.loading import Restorers
from slimgate.models.engine.network import Pixels
from slimgate.models.serving.remote_images import RemoteImages
from tests.models.serving.engines import engines_of, image
from tests.servers.ray_serve import missing, ray_serve

pytestmark = pytest.mark.skipif(missing(), reason="Ray Serve is not installed")

_TOKEN = "token-of-the-test"
_X2 = models.chosen("native")[2]


@pytest.mark.slow  # starts a cluster of Ray
async def test_gateways_use_what_serve_deploys(tmp_path: Path) -> None:
    """The file in ``config/ray`` deploys an engine with the same bits; strangers are refused."""
    images = [image(40, 50, 3), image(33, 21), image(1200, 1300, 3)]
    with ray_serve(tmp_path, _TOKEN, {"threads": 1}) as server:
        found = [await _enlarged(server.url, _TOKEN, each) for each in images]
        settings = RemoteEngines(urls=(server.url,))
        async with RemoteImages(settings, "another token", {_X2}) as stranger:
            (refused,) = engines_of(stranger)
    local = Restorers(Engine(threads=1), timeout_s=60)
    for small, full in zip(images, found, strict=True):
        np.testing.assert_array_equal(local(_X2).upscale(small, 2, level=40), full)
    local.close()
    assert (refused.state, "refuses the token" in refused.reason) == ("refused", True)


async def _enlarged(url: str, token: str, small: Pixels) -> Pixels:
    request = wire.Request(_X2, 2, 40, small.shape[0], small.shape[1], 1 if small.ndim == 2 else 3)
    async with RemoteImages(RemoteEngines(urls=(url,)), token, {_X2}) as images:
        return await images.enlarge(request, small)
