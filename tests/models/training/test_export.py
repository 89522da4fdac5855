"""Tests of making the file that ships."""

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed; see make test-torch")
onnx = pytest.importorskip("onnx", reason="onnx is not installed; see the extra train")
pytest.importorskip("openvino", reason="openvino is not installed; see the extra train")

from slimgate.models.engine import selfcheck  # noqa: E402
from slimgate.models.formats import qdq  # noqa: E402
from slimgate.models.formats.integer import Inexact  # noqa: E402
from slimgate.models.training import export, run_files, unpublished  # noqa: E402
from slimgate.models.training.errors import EnginesDiffer, Unusable  # noqa: E402
from slimgate.models.training.evaluation import restorers  # noqa: E402
from slimgate.models.training.network import PlainStack, restore  # noqa: E402
from slimgate.models.training.patches import network_input  # noqa: E402
from slimgate.models.training.quantized import QuantizedStack  # noqa: E402
from slimgate.models.training.run_files import Checkpoint  # noqa: E402
from tests.models.networks import integer_network, random_tiles  # noqa: E402
from tests.models.training.samples import picture, tiny_run  # noqa: E402

pytestmark = pytest.mark.torch


def _checkpoint(folder: Path, scale: int = 2, *, weight: float = 1.0) -> Path:
    """Write the checkpoint of an integer run, with some weights of a random float network."""
    torch.manual_seed(scale)
    network = PlainStack(scale, width=4, depth=1)
    with torch.no_grad():
        network.last.kernel *= 100 * weight
    stack = QuantizedStack(scale, width=4, depth=1)
    stack.take(network, [torch.rand(2, 4, 16, 16)])
    run = tiny_run(folder / "secret", scale=scale, integer=True)
    path = folder / "step-000006.pt"
    run_files.write(path, Checkpoint(stack.state_dict(), run, 6, 0.5, "ab" * 32))
    return path


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_engines_agree_and_the_file_is_the_network(tmp_path: Path, scale: int) -> None:
    """Export compares engines, and the file holds the integers of the checkpoint."""
    path = _checkpoint(tmp_path, scale)
    out = tmp_path / "network.onnx"
    notes = export.export(path, out)
    assert "OpenVINO" in notes["engines"]
    tiles = random_tiles(2, 18, seed=scale)
    expected = export.integer_network(run_files.read(path)).residual(tiles)
    assert len(np.unique(expected)) > 50
    np.testing.assert_array_equal(expected, qdq.read(out.read_bytes()).residual(tiles))
    assert {each.name for each in tmp_path.iterdir()} == {"network.onnx", "step-000006.pt"}


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_validation_restores_as_engines_do(tmp_path: Path, scale: int) -> None:
    """Validated pixels are those of engines, also at edges and where bicubic overshoots."""
    small = picture(37, seed=scale)[:, :31]
    path, out = _checkpoint(tmp_path, scale), tmp_path / "network.onnx"
    export.export(path, out)
    expected = restorers.load(str(out)).restorer.upscale(small, scale, level=99)
    stack = QuantizedStack(scale, width=4, depth=1)
    stack.load_state_dict(run_files.read(path).network)
    with torch.no_grad():
        restored = restore(stack, torch.from_numpy(network_input(small, 99))[None].float() / 256)
    actual = restored[0].mul(256).round().clamp(0, 255).permute(1, 2, 0).numpy()
    difference = np.abs(actual - expected)
    assert difference.max() <= 1  # bicubic halves may round differently
    assert difference.astype(bool).mean() < 0.002


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_large_sums_agree_too(tmp_path: Path, scale: int) -> None:
    """Engines agree with the largest weights and saturated activations."""
    network = integer_network(scale, seed=scale, width=16, depth=3)
    out = tmp_path / "network.onnx"
    qdq.write(network, out)
    engines = export.compare(network, out.read_bytes())
    assert engines[0] == "OpenVINO"


def test_notes_tell_how_it_was_trained_and_nothing_of_the_machine(tmp_path: Path) -> None:
    """Run, step, data and gain are in the file; folders are not."""
    out = tmp_path / "network.onnx"
    export.export(_checkpoint(tmp_path), out)
    model = onnx.load_model(out)
    notes = {entry.key: entry.value for entry in model.metadata_props}
    assert (notes["step"], notes["gain_db"], notes["data_sha256"]) == ("6", "0.500", "ab" * 32)
    assert json.loads(notes["run"])["network"] == {"width": 4, "depth": 1}
    assert 2**24 > int(notes["largest_sum"]) > 0
    assert b"secret" not in out.read_bytes()


def test_the_card_is_told(tmp_path: Path) -> None:
    """Export says what the catalog needs: the digest of the file, of a result, and the reach."""
    out = tmp_path / "network.onnx"
    notes = export.export(_checkpoint(tmp_path), out)
    assert hashlib.sha256(out.read_bytes()).hexdigest() == notes["sha256"]
    assert notes["receptive_field"] == "3"
    assert selfcheck.digest(unpublished.ready(out.read_bytes())) == notes["check"]
    assert len(notes["check"]) == 64


def test_the_same_checkpoint_gives_the_same_file(tmp_path: Path) -> None:
    """Repeated exports yield the same bytes, and so the same hash."""
    path = _checkpoint(tmp_path)
    export.export(path, tmp_path / "one.onnx")
    export.export(path, tmp_path / "two.onnx")
    assert (tmp_path / "one.onnx").read_bytes() == (tmp_path / "two.onnx").read_bytes()


def test_another_network_is_noticed(tmp_path: Path) -> None:
    """A file that computes something else, by a single weight, is refused."""
    network = integer_network(2, seed=1)
    first = network.layers[0]
    weight = first.weight.copy()
    weight[0, 0, 1, 1] += 1 if weight[0, 0, 1, 1] < 0 else -1
    other = dataclasses.replace(first, weight=weight)
    out = tmp_path / "network.onnx"
    qdq.write(dataclasses.replace(network, layers=(other, *network.layers[1:])), out)
    with pytest.raises(EnginesDiffer, match="OpenVINO differs from the definition"):
        export.compare(network, out.read_bytes())


def test_what_cannot_be_proved_leaves_the_file_alone(tmp_path: Path) -> None:
    """A network whose sums may become too large is refused, and an earlier file stays."""
    path = _checkpoint(tmp_path)
    checkpoint = run_files.read(path)
    checkpoint.network["biases.0"].fill_(1e4)
    run_files.write(path, checkpoint)
    out = tmp_path / "network.onnx"
    out.write_bytes(b"before")
    with pytest.raises(Inexact, match="layer 0"):
        export.export(path, out)
    assert out.read_bytes() == b"before"


def test_float_runs_are_refused(tmp_path: Path) -> None:
    """A float checkpoint is answered with what to do."""
    path = tmp_path / "step-000001.pt"
    network = PlainStack(2, width=4, depth=1)
    run_files.write(path, Checkpoint(network.state_dict(), tiny_run(None), 1, 0.0))
    with pytest.raises(Unusable, match="fine-tune it with an integer run first"):
        export.export(path, tmp_path / "network.onnx")


def test_weights_of_another_shape_are_refused(tmp_path: Path) -> None:
    """Weights that do not belong to the run are an error that names it."""
    path = tmp_path / "step-000001.pt"
    stack = QuantizedStack(2, width=8, depth=1)
    run = tiny_run(None, integer=True)
    run_files.write(path, Checkpoint(stack.state_dict(), run, 1, 0.0))
    with pytest.raises(Unusable, match="do not fit the run tiny"):
        export.export(path, tmp_path / "network.onnx")
