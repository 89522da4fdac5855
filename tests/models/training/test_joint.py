"""Tests of training a downscaler and a restorer together."""

import itertools
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed; see make test-torch")
pytest.importorskip("onnx", reason="onnx is not installed; see the extra train")
pytest.importorskip("openvino", reason="openvino is not installed; see the extra train")

from torch import Tensor  # noqa: E402

from slimgate.models.formats import qdq  # noqa: E402
from slimgate.models.training import export, perceptual, run_files  # noqa: E402
from slimgate.models.training.datasets import Data, load_data  # noqa: E402
from slimgate.models.training.downscaling import channels, inputs, pixel_values  # noqa: E402
from slimgate.models.training.errors import Unusable  # noqa: E402
from slimgate.models.training.evaluation import restorers  # noqa: E402
from slimgate.models.training.loop import Loop  # noqa: E402
from slimgate.models.training.network import PlainStack, restore  # noqa: E402
from slimgate.models.training.pair_cache import PairCache  # noqa: E402
from slimgate.models.training.pairs import Small, Source  # noqa: E402
from slimgate.models.training.quantized import QuantizedStack  # noqa: E402
from slimgate.models.training.renditions import shrink  # noqa: E402
from slimgate.models.training.settings import Run  # noqa: E402
from slimgate.models.training.validation import pixels  # noqa: E402
from tests.models.networks import integer_network  # noqa: E402
from tests.models.training.samples import Pixels, picture, tiny_run, write_pictures  # noqa: E402

pytestmark = pytest.mark.torch

_AVIF = {"codec": "avif", "qualities": [40, 90], "subsampling": ["4:4:4"]}
_LOSSLESS = {"codec": "lossless", "weight": 0.3}


class _Notes:
    def __init__(self) -> None:
        self.values: dict[int, Mapping[str, float]] = {}

    def __call__(self, values: Mapping[str, float], step: int, /) -> None:
        self.values[step] = values


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Sums are the same to the bit with one thread."""
    torch.set_num_threads(1)


def _run(**changes: object) -> Run:
    data = {"codings": [_AVIF, _LOSSLESS], "validation": 1}
    downscaler = {"width": 4, "depth": 1, "rate": 2e-3}
    return tiny_run(None, **{"data": data, "decay": 0, "downscaler": downscaler, **changes})


def _data(scale: int = 2) -> Data:
    sources = []
    for seed in range(3):
        full = picture(40 * scale, seed=seed)
        sources.append(Source(f"{seed}", full, (Small(shrink(full, scale), 0, "lossless"),)))
    return Data(sources[1:], sources[:1], "cd" * 32)


def _tensor(image: Pixels) -> Tensor:
    return torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 256


def _parent(folder: Path, *, scale: int = 2) -> Path:
    """Train a float run."""
    return Loop(_run(scale=scale, steps=4), folder, _data(scale), _Notes()).finish()


def test_both_networks_learn(tmp_path: Path) -> None:
    """A run changes both networks, and validates score and bytes against its start."""
    notes = _Notes()
    best = run_files.read(Loop(_run(), tmp_path, _data(), notes).finish())
    assert list(notes.values) == [2, 4, 6]
    assert best.downscaler is not None
    assert best.downscaler["stack.last.kernel"].any()
    assert set(best.network) == set(PlainStack(2, width=4, depth=1).state_dict())
    names = {"score_change", "gain_db_change", "guards_broken", "bytes_change", "steps_skipped"}
    assert names <= set(notes.values[6])
    assert notes.values[6]["bytes_change"] != 0


def test_bytes_fall_at_equal_score(tmp_path: Path) -> None:
    """Trained on one picture, the networks save bytes on it, and score more at equal bytes."""
    full = picture(96, seed=0)
    source = Source("0", full, (Small(shrink(full, 2), 0, "lossless"),))
    notes = _Notes()
    run = _run(
        data={"codings": [_AVIF | {"qualities": [45, 80]}]},
        network={"width": 8, "depth": 1},
        downscaler={"width": 4, "depth": 1, "rate": 5e-3},
        rate=1e-3,
        patch=32,
        ema=0.9,
        steps=100,
        validate_every=100,
    )
    Loop(run, tmp_path, Data([source], [source], ""), notes).finish()
    assert notes.values[100]["bytes_change"] < -0.02
    assert notes.values[100]["score_change"] > 1


def test_resumed_runs_end_like_others(tmp_path: Path) -> None:
    """A run that stops and goes on is bit-identical to one that does not stop."""
    parts, whole = tmp_path / "parts", tmp_path / "whole"
    Loop(_run(steps=4), parts, _data(), _Notes()).finish()
    for folder in (parts, whole):
        Loop(_run(steps=7), folder, _data(), _Notes()).finish()
    states = [torch.load(folder / "state.pt", weights_only=True) for folder in (parts, whole)]
    for part in ("network", "averaged"):
        for name, value in states[0][part].items():
            assert torch.equal(value, states[1][part][name]), name
    for part in ("random", "start", "price", "spikes", "best"):
        assert states[0][part] == states[1][part], part


@pytest.mark.parametrize("codec", ["jxl", "webp", "jpeg", "lossless"])
def test_other_codecs_teach_the_restorer_alone(tmp_path: Path, codec: str) -> None:
    """Batches of other codecs change the restorer, not the downscaler."""
    codings = [_AVIF | {"weight": 1e-9}, {"codec": codec, "qualities": [50, 90]}]
    loop = Loop(_run(data={"codings": codings}), tmp_path, _data(), _Notes())
    before = {name: value.clone() for name, value in loop.network.state_dict().items()}
    loop.finish()
    changed = {
        name.split(".")[0]
        for name, value in loop.network.state_dict().items()
        if not torch.equal(value, before[name])
    }
    assert changed == {"restorer"}


def test_steps_that_diverge_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step whose loss is not finite changes no weight, and the run goes on."""
    notes = _Notes()
    run = _run(data={"codings": [_AVIF | {"qualities": [60, 60]}]}, validate_every=3)
    loop = Loop(run, tmp_path, _data(), notes)
    weights: list[Mapping[str, Tensor]] = []
    real = perceptual.error

    def error(restored: Tensor, full: Tensor) -> Tensor:
        if not torch.is_grad_enabled():
            return real(restored, full)
        weights.append({name: value.clone() for name, value in loop.network.state_dict().items()})
        return real(restored, full) * (math.inf if len(weights) == 3 else 1)

    monkeypatch.setattr(perceptual, "error", error)
    loop.finish()
    same = [
        all(torch.equal(before[name], after[name]) for name in before)
        for before, after in itertools.pairwise(weights)
    ]
    assert same == [False, False, True, False, False]
    assert [notes.values[step]["steps_skipped"] for step in (3, 6)] == [1, 1]


def test_integers_follow_and_ship(tmp_path: Path) -> None:
    """Both networks become integers, and their files shrink and restore like training's."""
    run = _run(integer=True, start=_parent(tmp_path / "float"))
    best = Loop(run, tmp_path / "integer", _data(), _Notes()).finish()
    out = tmp_path / "x2.onnx"
    notes = export.export(best, out)
    beside = tmp_path / "x2-downscaler.onnx"
    assert qdq.read(beside.read_bytes()).channels == inputs(2)
    assert notes["downscaler_sha256"] != notes["sha256"]

    full = picture(74, seed=9)
    lanczos = shrink(full, 2)
    shrunk = restorers.load(str(out)).restorer.refine(lanczos, full, 2)
    read = run_files.read(best)
    trained = QuantizedStack(1, width=4, depth=1, inputs=inputs(2))
    assert read.downscaler is not None
    trained.load_state_dict(read.downscaler)
    seen = channels(_tensor(full), _tensor(lanczos))
    with torch.no_grad():
        expected = pixels(pixel_values(restore(trained, seen)))
    np.testing.assert_array_equal(shrunk, expected)
    assert (shrunk != lanczos).mean() > 0.01


def test_files_of_both_networks_are_written_or_none(tmp_path: Path) -> None:
    """A downscaler that cannot ship leaves earlier files alone."""
    run = _run(integer=True, start=_parent(tmp_path / "float"), steps=2)
    best = Loop(run, tmp_path / "integer", _data(), _Notes()).finish()
    read = run_files.read(best)
    assert read.downscaler is not None
    del read.downscaler["biases.0"]
    run_files.write(best, read)
    out = tmp_path / "x2.onnx"
    out.write_bytes(b"before")
    with pytest.raises(Unusable, match="do not fit the run tiny"):
        export.export(best, out)
    assert out.read_bytes() == b"before"
    assert not out.with_name("x2-downscaler.onnx").exists()


def test_shipped_restorers_start_with_lanczos(tmp_path: Path) -> None:
    """From the file of a restorer, training begins with that and Lanczos' filter."""
    start = tmp_path / "x2.onnx"
    qdq.write(integer_network(2, seed=1, width=4, depth=1), start)
    loop = Loop(_run(start=start), tmp_path / "run", _data(), _Notes())
    state = loop.network.state_dict()
    assert not state["downscaler.stack.last.kernel"].any()
    weights = qdq.read(start.read_bytes()).layers[0]
    assert state["restorer.first.kernel"].shape == weights.weight.shape
    with pytest.raises(Unusable, match="has no downscaler"):
        Loop(_run(start=start, integer=True), tmp_path / "integer", _data(), _Notes())


def test_other_scales_lend_inner_layers(tmp_path: Path) -> None:
    """From a run of another scale the downscaler takes what does not depend on it."""
    start = _parent(tmp_path / "x2")
    learned = run_files.read(start).downscaler
    assert learned is not None
    loop = Loop(_run(scale=3, start=start), tmp_path / "x3", _data(3), _Notes())
    state = loop.network.state_dict()
    assert torch.equal(state["downscaler.stack.inner.0.kernel"], learned["stack.inner.0.kernel"])
    assert not state["downscaler.stack.last.kernel"].any()
    child = _run(scale=3, start=start, integer=True)
    with pytest.raises(Unusable, match="another scale or shape"):
        Loop(child, tmp_path / "integer", _data(3), _Notes())


def test_originals_are_not_coded_ahead(tmp_path: Path) -> None:
    """Data are originals and what Lanczos' filter makes of them, whatever the codings."""
    folder = write_pictures(tmp_path / "images", 3)
    run = _run().at(folder=folder)
    data = load_data(run, PairCache(tmp_path / "pairs"))
    for source in (*data.learning, *data.validating):
        (small,) = source.smalls
        assert (small.level, small.label) == (0, "lossless")
        np.testing.assert_array_equal(small.pixels, shrink(source.original, 2))
