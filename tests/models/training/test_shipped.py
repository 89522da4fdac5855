"""Tests of starting from a network that ships."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed; see make test-torch")

from slimgate.models.formats import qdq  # noqa: E402
from slimgate.models.training import shipped  # noqa: E402
from slimgate.models.training.errors import Unusable  # noqa: E402
from slimgate.models.training.initialization import build  # noqa: E402
from slimgate.models.training.network import PlainStack  # noqa: E402
from slimgate.models.training.quantized import QuantizedStack  # noqa: E402
from tests.models.networks import random_tiles  # noqa: E402
from tests.models.training.samples import tiny_run  # noqa: E402

pytestmark = pytest.mark.torch


def _trained(path: Path, *, width: int = 8, depth: int = 3) -> PlainStack:
    """Write the integer form of a float network, like an export; return the float one."""
    torch.manual_seed(1)
    network = PlainStack(2, width=width, depth=depth)
    with torch.no_grad():
        network.last.kernel *= 20
    stack = QuantizedStack(2, width=width, depth=depth)
    tiles = torch.from_numpy(random_tiles(4, 20, seed=1).transpose(0, 3, 1, 2).copy())
    stack.take(network, [tiles.float() / 256])
    qdq.write(stack.export(), path)
    return network


def test_it_computes_what_the_integers_do(tmp_path: Path) -> None:
    """The float network differs from the shipped one by no more than roundings add up to."""
    _trained(path := tmp_path / "network.onnx")
    network = PlainStack(2, width=8, depth=3)
    network.load_state_dict(shipped.weights(path))
    tiles = random_tiles(3, 20, seed=2)
    expected = qdq.read(path.read_bytes()).residual(tiles)
    with torch.no_grad():
        small = torch.from_numpy(tiles.transpose(0, 3, 1, 2).copy()).float() / 256
        result = (network(small) * 256).numpy().transpose(0, 2, 3, 1)
    assert expected.std() > 20
    assert np.abs(result.clip(-128, 127) - expected).mean() < 1.0


def test_a_run_starts_from_it(tmp_path: Path) -> None:
    """A run that names the file of a shipped network begins with its weights."""
    _trained(path := tmp_path / "network.onnx", width=8, depth=1)
    run = tiny_run(None, start=path, network={"width": 8, "depth": 1})
    network = build(run, [])
    torch.testing.assert_close(shipped.weights(path)["first.kernel"], network.first.kernel.data)
    torch.testing.assert_close(shipped.weights(path)["last.bias"], network.last.bias.data)


def test_other_files_are_refused(tmp_path: Path) -> None:
    """A file that is not an integer network, or is not there, is named in a clear error."""
    (path := tmp_path / "x.onnx").write_bytes(b"\x00\xffnothing")
    with pytest.raises(Unusable, match="not an integer network"):
        shipped.weights(path)
    with pytest.raises(Unusable, match="cannot be read"):
        shipped.weights(tmp_path / "absent.onnx")
