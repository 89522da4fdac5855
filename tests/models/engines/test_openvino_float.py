"""Tests of float checkpoints on OpenVINO."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed; see make test-torch")

from slimgate.models.engines import openvino_float
from slimgate.models.engines.torch_engine import TorchNetwork
from slimgate.models.formats import checkpoints
from tests.models import checkpoint_files as files

pytestmark = [
    pytest.mark.torch,
    # The conversion traces the network, which torch is about to replace.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


@pytest.mark.parametrize("state", [files.compact(2), files.compact(4), files.rrdb()], ids=len)
def test_both_engines_agree(state: files.State, tmp_path: Path) -> None:
    """A checkpoint on OpenVINO equals torch except for rounding."""
    checkpoint = checkpoints.load(files.saved({"params": state}, tmp_path / "tiny.pth"))
    converted = openvino_float.load(checkpoint, threads=1, tile=40)
    reference = TorchNetwork(checkpoint, device="cpu", tile=40)
    shape = ("scale", "tile", "halo", "gives")
    assert [getattr(reference, name) for name in shape] == [
        getattr(converted, name) for name in shape
    ]
    side = reference.tile
    tiles = np.random.default_rng(3).integers(0, 256, (1, side, side, 4), np.uint8)
    difference = reference.run(tiles).astype(int) - converted.run(tiles)
    assert np.abs(difference).max() <= 1
