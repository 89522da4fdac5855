"""Tests of running checkpoints with torch."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed; see make test-torch")

from slimgate.models.engine.network import BadResult, CannotRun, EngineError, OutOfMemory, Pixels  # noqa: E402
from slimgate.models.engine.tiling import tiling_of  # noqa: E402
from slimgate.models.engines.torch_device import choose, translated  # noqa: E402
from slimgate.models.engines.torch_engine import Precision, TorchNetwork  # noqa: E402
from slimgate.models.formats import checkpoints  # noqa: E402
from slimgate.models.formats.checkpoints import Checkpoint  # noqa: E402
from tests.models import checkpoint_files as files  # noqa: E402

pytestmark = pytest.mark.torch

_needs_no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")


def _checkpoint(state: files.State, folder: Path) -> Checkpoint:
    return checkpoints.load(files.saved({"params": state}, folder / "tiny.pth"))


def _random(*shape: int) -> Pixels:
    return np.random.default_rng(5).integers(0, 256, shape, np.uint8)


def _defined(checkpoint: Checkpoint, pixels: Pixels) -> Pixels:
    """Compute a network's result for (height, width, 3) in the most direct way."""
    with torch.inference_mode():
        image = torch.from_numpy(pixels / np.float32(255)).permute(2, 0, 1)[np.newaxis]
        values = checkpoint.module(image)[0].permute(1, 2, 0).numpy()
    levels: Pixels = np.rint(np.clip(values, 0, 1) * np.float32(255)).astype(np.uint8)
    return levels


def _distance(first: Pixels, second: Pixels) -> int:
    return int(np.abs(first.astype(int) - second).max())


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_tiles_come_back_enlarged(scale: int, tmp_path: Path) -> None:
    """A tile becomes what the network makes of its three colours; the level changes nothing."""
    checkpoint = _checkpoint(files.compact(scale), tmp_path)
    network = TorchNetwork(checkpoint, device="cpu", tile=40)
    tiles = _random(1, 40, 40, 4)
    result = network.run(tiles)
    assert result.dtype == np.uint8
    assert result.shape == (1, 40 * scale, 40 * scale, 3)
    assert _distance(_defined(checkpoint, tiles[0, ..., :3]), result[0]) <= 1
    tiles[..., 3] = 0
    assert np.array_equal(result, network.run(tiles))


@pytest.mark.parametrize("convolutions", [2, 16])
def test_tiling_leaves_no_seams(convolutions: int, tmp_path: Path) -> None:
    """An image in tiles is what it is at once: the halo holds all that the network looks at."""
    checkpoint = _checkpoint(files.compact(2, convolutions=convolutions, gain=1.5), tmp_path)
    network = TorchNetwork(checkpoint, device="cpu", tile=48)
    assert network.halo >= max(16, convolutions + 2)
    pixels = _random(50, 31, 3)
    tiling = tiling_of(network, pixels)
    canvas = np.zeros((100, 62, 3), np.uint8)
    for number in range(len(tiling)):
        tile = np.empty((1, 48, 48, 4), np.uint8)
        tiling.cut(pixels, number, level=0, out=tile[0])
        tiling.paste(network.run(tile)[0], number, canvas)
    margin = network.halo
    extended = np.pad(pixels, ((margin, margin), (margin, margin), (0, 0)), mode="edge")
    at_once = _defined(checkpoint, extended)[2 * margin : -2 * margin, 2 * margin : -2 * margin]
    assert len(tiling) > 1
    assert len(np.unique(at_once)) > 100
    assert _distance(at_once, canvas) <= 1


def test_the_shapes_that_a_network_needs_are_kept(tmp_path: Path) -> None:
    """Tiles and halos are multiples of what the network needs, so that tiles lie on its grid."""
    checkpoint = _checkpoint(files.rrdb(2, blocks=2), tmp_path)
    network = TorchNetwork(checkpoint, device="cpu", tile=65)
    assert (network.tile, network.halo, network.scale) == (68, 32, 2)
    assert network.run(_random(1, 68, 68, 4)).shape == (1, 136, 136, 3)
    needy = dataclasses.replace(checkpoint, multiple_of=12, minimum=96)
    assert _shape(TorchNetwork(needy, device="cpu", tile=8)) == (96, 36)


def _shape(network: TorchNetwork) -> tuple[int, int]:
    return network.tile, network.halo


@pytest.mark.parametrize(("reach", "halo"), [(None, 32), (4, 16), (34, 34), (48, 48), (49, 32)])
def test_halos_follow_the_reach(reach: int | None, halo: int, tmp_path: Path) -> None:
    """A network that looks far is given a halo that does, within reason."""
    checkpoint = dataclasses.replace(_checkpoint(files.compact(2), tmp_path), reach=reach)
    assert TorchNetwork(checkpoint, device="cpu").halo == halo


def test_values_that_are_not_finite_are_faults(tmp_path: Path) -> None:
    """Values that are not an image never become a black or a white one."""
    checkpoint = _checkpoint(files.compact(2), tmp_path)
    checkpoint.module.body[0].weight.fill_(1e38)
    network = TorchNetwork(checkpoint, device="cpu", tile=34)
    with pytest.raises(BadResult, match=r"tiny\.pth did not return an image"):
        network.run(_random(1, 34, 34, 4))


def test_results_of_another_shape_are_faults(tmp_path: Path) -> None:
    """A network that enlarges by another factor than it says is found out."""
    checkpoint = dataclasses.replace(_checkpoint(files.compact(2), tmp_path), scale=3)
    with pytest.raises(BadResult):
        TorchNetwork(checkpoint, device="cpu", tile=34).run(_random(1, 34, 34, 4))


def test_an_overflow_in_half_precision_is_computed_again(tmp_path: Path) -> None:
    """Values too large for float16 are computed in float32, once and from then on."""
    state = files.compact(2)
    state["body.0.weight"] *= 1e6
    state["body.4.weight"] *= 1e-6
    checkpoint = _checkpoint(state, tmp_path)
    tiles = _random(1, 34, 34, 4)
    network = TorchNetwork(checkpoint, device="cpu", precision="float16", tile=34)
    assert network._type == torch.float16
    first = network.run(tiles)
    assert network._type == torch.float32
    exact = TorchNetwork(checkpoint, device="cpu", precision="float32", tile=34).run(tiles)
    assert np.array_equal(exact, first)
    assert np.array_equal(exact, network.run(tiles))


@pytest.mark.parametrize(
    ("precision", "half", "bfloat16", "expected"),
    [
        ("auto", True, True, torch.float32),
        ("float16", True, True, torch.float16),
        ("float16", False, True, torch.float32),
        ("bfloat16", True, True, torch.bfloat16),
        ("bfloat16", True, False, torch.float32),
    ],
)
def test_precisions_are_those_that_the_network_allows(
    precision: Precision, half: bool, bfloat16: bool, expected: object, tmp_path: Path
) -> None:
    """A network that cannot be computed in a precision is computed in float32."""
    loaded = _checkpoint(files.compact(2), tmp_path)
    checkpoint = dataclasses.replace(loaded, half=half, bfloat16=bfloat16)
    network = TorchNetwork(checkpoint, device="cpu", precision=precision, tile=34)
    assert network._type == expected
    tiles = _random(1, 34, 34, 4)
    assert _distance(_defined(checkpoint, tiles[0, ..., :3]), network.run(tiles)[0]) <= 4


def test_loading_leaves_the_checkpoint_alone(tmp_path: Path) -> None:
    """A checkpoint can be loaded again after it has been brought into another precision."""
    checkpoint = _checkpoint(files.compact(2), tmp_path)
    TorchNetwork(checkpoint, device="cpu", precision="bfloat16", tile=34)
    assert {each.dtype for each in checkpoint.module.parameters()} == {torch.float32}


@_needs_no_gpu
def test_a_gpu_that_is_not_there_is_an_error() -> None:
    """Requesting a missing GPU raises; auto uses the CPU."""
    with pytest.raises(CannotRun, match="torch finds no GPU"):
        choose("cuda")
    assert torch.device("cpu") == choose("auto")


def test_threads_are_limited() -> None:
    """The number of threads is that of the configuration, and 0 leaves it alone."""
    before = torch.get_num_threads()
    try:
        choose("cpu", threads=1)
        choose("cpu")
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_errors_of_torch_are_ours() -> None:
    """Out of memory is distinguished from other errors."""
    with pytest.raises(OutOfMemory), translated():
        torch.empty(1 << 50)
    with pytest.raises(OutOfMemory), translated():
        raise torch.OutOfMemoryError("CUDA out of memory")
    with pytest.raises(EngineError, match=r"torch failed: .*shape") as caught, translated():
        torch.zeros(2, 3) @ torch.zeros(2, 3)
    assert EngineError is type(caught.value)
