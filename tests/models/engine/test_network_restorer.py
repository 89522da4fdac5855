"""Tests of restorers with a network."""

import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from slimgate.models.engine.batching import BatchingQueue
from slimgate.models.engine.network import Busy, CannotRun, EngineError, Pixels, TooLate
from slimgate.models.engine.network_restorer import NetworkRestorer
from slimgate.models.engines import strips
from slimgate.models.engines.interpolation import Interpolation
from slimgate.models.registry.cards import Enlarger
from tests.models.fakes import FakeNetwork

_RANDOM = np.random.default_rng(3)
_LIMITS = {"max_wait_ms": 0, "max_pixels": 10**9}
_PATIENCE_S = 60.0


def _image(*shape: int) -> Pixels:
    return _RANDOM.integers(0, 256, shape, dtype=np.uint8)


def _restored(network: FakeNetwork, pixels: Pixels, scale: int, level: int = 20) -> Pixels:
    with BatchingQueue(network, **_LIMITS) as queue:
        restorer: Enlarger = NetworkRestorer(queue)
        return restorer.upscale(pixels, scale, level=level)


def _colours(pixels: Pixels) -> Pixels:
    return pixels if pixels.ndim == 3 else np.dstack([pixels] * 3)


def _expected(network: FakeNetwork, pixels: Pixels, level: int) -> Pixels:
    """Restore at the factor of the network, in the plainest way."""
    colours = _colours(pixels)
    full = network.whole(colours, level).astype(np.int64)
    if network.gives == "residual":
        bicubic = Interpolation("bicubic").upscale(colours, network.scale)
        full = np.clip(bicubic + full, 0, 255)
    if pixels.ndim == 2:
        full = (full[..., 0] + 2 * full[..., 1] + full[..., 2] + 2) >> 2
    return full.astype(np.uint8)


def _shrunk(full: Pixels, width: int, height: int) -> Pixels:
    rows = Image.fromarray(full).resize((width, full.shape[0]), Image.Resampling.LANCZOS)
    return np.asarray(rows.resize((width, height), Image.Resampling.LANCZOS))


@settings(deadline=None)
@given(
    network=st.builds(
        FakeNetwork, scale=st.integers(1, 4), gives=st.sampled_from(["residual", "pixels"])
    ),
    size=st.tuples(st.integers(1, 19), st.integers(1, 19)),
    gray=st.booleans(),
    level=st.integers(0, 255),
)
def test_results_are_those_of_the_definition(
    network: FakeNetwork, size: tuple[int, int], gray: bool, level: int
) -> None:
    """Colour and gray, residual and pixels, of any size: the result is what the network defines."""
    pixels = _image(*size) if gray else _image(*size, 3)
    actual = _restored(network, pixels, network.scale, level)
    np.testing.assert_array_equal(_expected(network, pixels, level), actual)
    assert actual.dtype == np.uint8


@pytest.mark.parametrize(("own", "scale"), [(2, 1), (3, 2), (4, 1), (4, 2), (4, 3)])
@pytest.mark.parametrize("shape", [(7, 11, 3), (7, 11), (1, 1, 3)])
def test_larger_results_are_shrunk(own: int, scale: int, shape: tuple[int, ...]) -> None:
    """A network with a larger scale runs as it is, and Lanczos reduces to the wanted size."""
    network, pixels = FakeNetwork(scale=own, gives="pixels"), _image(*shape)
    full = _expected(network, pixels, 20)
    expected = _shrunk(full, shape[1] * scale, shape[0] * scale)
    np.testing.assert_array_equal(expected, _restored(network, pixels, scale))


@pytest.mark.parametrize(
    ("network", "scale"),
    [
        (FakeNetwork(scale=2, gives="pixels"), 3),
        (FakeNetwork(scale=2, gives="residual"), 3),
        (FakeNetwork(scale=4, gives="residual"), 2),
    ],
)
def test_other_factors_are_refused(network: FakeNetwork, scale: int) -> None:
    """A factor that the network does not reach is refused, and so is any other of an exact one."""
    with pytest.raises(CannotRun, match=f"enlarges by {network.scale}, not by {scale}"):
        _restored(network, _image(4, 4, 3), scale)
    assert network.batches == []


def test_threads_share_a_restorer() -> None:
    """Images that are restored at the same time do not get mixed up."""
    network = FakeNetwork(max_batch=8)
    images = [_image(5 + number % 7, 9) for number in range(40)]
    with BatchingQueue(network, **_LIMITS) as queue, ThreadPoolExecutor(8) as threads:
        restorer = NetworkRestorer(queue)
        actual = threads.map(lambda image: restorer.upscale(image, 2, level=1), images)
        for image, result in zip(images, actual, strict=True):
            np.testing.assert_array_equal(_expected(network, image, 1), result)


def test_a_hung_engine_is_not_waited_for() -> None:
    """After the time-out the caller is free, though the engine never answers."""
    released = threading.Event()

    def hang(_: Pixels) -> None:
        released.wait(_PATIENCE_S)

    network = FakeNetwork(before=hang)
    with BatchingQueue(network, **_LIMITS) as queue:
        try:
            with pytest.raises(TooLate, match=r"longer than 0\.01 s|deadline"):
                NetworkRestorer(queue, timeout_s=0.01).upscale(_image(4, 4, 3), 2, level=0)
            assert queue.counters.waiting_pixels == 0
        finally:
            released.set()


def test_errors_reach_the_caller() -> None:
    """Errors of queue and engine are raised unchanged."""
    network = FakeNetwork()
    queue = BatchingQueue(network, **_LIMITS)
    restorer = NetworkRestorer(queue)
    queue._inflight.count(waiting_pixels=10**9)
    with pytest.raises(Busy):
        restorer.upscale(_image(4, 4, 3), 2, level=0)
    queue.close()
    with pytest.raises(EngineError, match="closed"):
        restorer.upscale(_image(4, 4, 3), 2, level=0)


@pytest.mark.parametrize("shape", [(900, 600, 3), (900, 600)])
def test_memory_is_that_of_the_result(
    shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the image and its result there are a few tiles and strips, and no second copy."""
    monkeypatch.setattr(strips, "_PIXELS", 2**14)
    network = FakeNetwork(depth=1, halo=1, core=46, max_batch=1)
    pixels = _image(*shape)
    tracemalloc.start()
    try:
        result = _restored(network, pixels, 2)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1.5 * result.nbytes
