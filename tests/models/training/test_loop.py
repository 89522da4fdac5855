"""Tests of the training loop: it learns, and survives being killed."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="torch is not installed; see make test-torch")

from slimgate.models.training import perceptual, run_files  # noqa: E402
from slimgate.models.training.datasets import Data, load_data  # noqa: E402
from slimgate.models.training.errors import Diverged, NoDevice, NoImages, Unusable  # noqa: E402
from slimgate.models.training.loop import Loop, rate_at  # noqa: E402
from slimgate.models.training.measures import fidelity_loss  # noqa: E402
from slimgate.models.training.network import PlainStack, interpolate  # noqa: E402
from slimgate.models.training.pair_cache import PairCache  # noqa: E402
from slimgate.models.training.pairs import Small, Source  # noqa: E402
from slimgate.models.training.patches import Patches, as_tensors  # noqa: E402
from slimgate.models.training.settings import Run  # noqa: E402
from tests.models.training.samples import picture, tiny_run, write_pictures  # noqa: E402

pytestmark = pytest.mark.torch


class _Notes:
    """Records measurements, and calls a function at each."""

    def __init__(self) -> None:
        self.gains: dict[int, float] = {}
        self.values: dict[int, Mapping[str, float]] = {}

    def __call__(self, values: Mapping[str, float], step: int, /) -> None:
        self.gains[step] = values["gain_db"]
        self.values[step] = values


def _data(scale: int = 2) -> Data:
    """Make pairs that restoring can gain much on: every pixel of a shrunk image is repeated."""
    sources = []
    for seed in range(3):
        full = picture(24 * scale, seed=seed)
        small = full[::scale, ::scale].copy()
        sources.append(Source(f"{seed}", full, (Small(small, 0, "lossless"),)))
    return Data(sources[1:], sources[:1], "cd" * 32)


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """Sums are the same to the bit with one thread."""
    torch.set_num_threads(1)


def test_a_few_steps_lower_the_loss(tmp_path: Path) -> None:
    """After a few steps the loss on a batch that never changes is lower than before."""
    run = tiny_run(
        None,
        steps=40,
        validate_every=40,
        rate=0.01,
        psnr_from=1,
        network={"width": 8, "depth": 1},
    )
    loop = Loop(run, tmp_path, _data(), _Notes())
    small, full = Patches(_data().learning, scale=2, batch=8, patch=16, seed=5).draw()

    def loss() -> float:
        with torch.no_grad():
            return float(fidelity_loss(loop.network(small), small, full, decibels=False))

    before = loss()
    loop.finish()
    assert loss() < 0.95 * before


def test_integer_runs_go_on_from_float_ones(tmp_path: Path) -> None:
    """The float checkpoint becomes an integer network that is fine-tuned and validated."""
    parent = Loop(tiny_run(None), tmp_path / "float", _data(), _Notes()).finish()
    run = tiny_run(None, integer=True, start=parent)
    best = run_files.read(Loop(run, tmp_path / "integer", _data(), _Notes()).finish())
    assert "exponents" in best.network
    assert (best.run, best.data) == (run, "cd" * 32)


def test_the_three_best_checkpoints_are_kept(tmp_path: Path) -> None:
    """After many validations there are the three with the largest gain, and the best is named."""
    notes = _Notes()
    best = Loop(tiny_run(None, steps=14, rate=0.1), tmp_path, _data(), notes).finish()
    expected = sorted(notes.gains, key=lambda step: (notes.gains[step], step))[-3:]
    assert {path.name for path in tmp_path.glob("step-*")} == {
        f"step-{step:06d}.pt" for step in expected
    }
    assert best.name == f"step-{expected[-1]:06d}.pt"
    assert notes.gains[expected[-1]] == run_files.read(best).gain_db


def test_runs_end_when_nothing_is_gained(tmp_path: Path) -> None:
    """A run that learns nothing ends after as many validations as its patience allows."""
    notes = _Notes()
    run = tiny_run(None, steps=200, rate=1e-12, patience=2)
    best = Loop(run, tmp_path, _data(), notes).finish()
    assert list(notes.gains) == [2, 4, 6]
    assert best.name == "step-000002.pt"


def test_runs_for_a_score_keep_the_best_score(tmp_path: Path) -> None:
    """Validations record all measures, and the best checkpoint breaks no guard if any does not."""
    notes = _Notes()
    run = tiny_run(None, steps=14, rate=0.02, **_SEEN)
    best = run_files.read(Loop(run, tmp_path, _data(), notes).finish())

    def rank(step: int) -> tuple[bool, float]:
        values = notes.values[step]
        return values["guards_broken"] == 0, values["score"]

    assert rank(best.step) == max(map(rank, notes.values))
    assert best.gain_db == notes.gains[best.step]
    for values in notes.values.values():
        assert {"score", "worst", "ms_ssim", "orb", "score_change", "loss"} <= set(values)


def test_a_score_is_learned(tmp_path: Path) -> None:
    """Trained for it, the error of SSIMULACRA2 falls on averaged pixels, here of one picture."""
    full = picture(80, seed=4)
    small = np.asarray(Image.fromarray(full).reduce(2))
    source = Source("a", full, (Small(small, 0, "lossless"),))
    schedule = {"steps": 60, "validate_every": 60, "rate": 0.003, "psnr_from": 1, "patch": 40}
    run = tiny_run(None, network={"width": 8, "depth": 1}, perceptual=1.0, **schedule)
    loop = Loop(run, tmp_path, Data([source], [source], ""), _Notes())
    tensors = as_tensors(source.smalls[0], full)

    def error() -> float:
        with torch.no_grad():
            restored = loop.network(tensors[0]) + interpolate(tensors[0][:, :3], 2)
            return float(perceptual.error(restored[_INNER], tensors[1][_INNER]))

    before = error()
    loop.finish()
    assert error() < 0.95 * before


def test_runs_that_diverge_say_so(tmp_path: Path) -> None:
    """A rate that makes weights infinite ends the run with what to do, and keeps nothing of it."""
    run = tiny_run(None, steps=20, rate=1e30)
    with pytest.raises(Diverged, match=r"lower schedule\.rate"):
        Loop(run, tmp_path, _data(), _Notes()).finish()
    assert list(tmp_path.iterdir()) == []


_CHILD = """
import json, os, signal, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from slimgate.models.training import measures
from tests.models.training import test_loop
folder, step, changes = Path(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])
real, done = measures.fidelity_loss, []
def loss(*arguments, **named):
    done.append(None)
    if len(done) > step:
        os.kill(os.getpid(), signal.SIGKILL)  # after the forward pass, before the weights change
    return real(*arguments, **named)
test_loop.restoring_module().fidelity_loss = loss
test_loop.whole_run(folder, **changes)
"""


_SEEN = {"perceptual": 0.1, "patch": 20}
"""A run for a score; the error of its patches, without their edges, has two scales."""

_INNER = np.s_[..., 8:-8, 8:-8]
"""Patches without their edges, which the loss ignores."""


def restoring_module() -> object:
    """Return the module in which the loss is looked up."""
    from slimgate.models.training import restoring  # noqa: PLC0415  # for the child process

    return restoring


def whole_run(folder: Path, **changes: object) -> Path:
    """Train the run of the next test until it ends."""
    return Loop(tiny_run(None, steps=7, **changes), folder, _data(), _Notes()).finish()


@pytest.mark.parametrize("changes", [{}, _SEEN], ids=["fidelity", "score"])
def test_killed_runs_end_like_others(tmp_path: Path, changes: dict[str, object]) -> None:
    """A run killed in the middle of a step is bit-identical after resuming."""
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    child = subprocess.run(
        [sys.executable, "-c", _CHILD, str(killed), "5", json.dumps(changes)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        cwd=Path(__file__).parents[3],
        check=False,
    )
    assert child.returncode == -signal.SIGKILL
    assert {path.name for path in killed.iterdir()} == {
        "state.pt",
        "step-000002.pt",
        "step-000004.pt",
    }
    ends = [run_files.read(whole_run(folder, **changes)) for folder in (killed, whole)]
    assert ends[0].step == ends[1].step
    assert ends[0].gain_db == ends[1].gain_db
    states = [torch.load(folder / "state.pt", weights_only=True) for folder in (killed, whole)]
    for part in ("network", "averaged"):
        for name, value in states[0][part].items():
            assert torch.equal(value, states[1][part][name]), name
    for part in ("random", "start", "best"):
        assert states[0][part] == states[1][part], part


def test_ended_runs_stay_as_they_are(tmp_path: Path) -> None:
    """Starting an ended run again takes no step, and names the same checkpoint."""
    best = whole_run(tmp_path)
    notes = _Notes()
    again = Loop(tiny_run(None, steps=7), tmp_path, _data(), notes).finish()
    assert (again, notes.gains) == (best, {})


@pytest.mark.parametrize(
    "other",
    [{"seed": 1}, {"name": "other"}, {"data": {"codings": [{"codec": "jxl"}]}}],
    ids=["seed", "name", "data"],
)
def test_folders_of_other_runs_are_refused(tmp_path: Path, other: dict[str, object]) -> None:
    """A run is never resumed from the state of another."""
    whole_run(tmp_path)
    with pytest.raises(Unusable, match="another run"):
        Loop(tiny_run(None, **{"steps": 7, **other}), tmp_path, _data(), _Notes())


def test_schedules_may_be_prolonged(tmp_path: Path) -> None:
    """A finished run continues when its schedule is extended."""
    whole_run(tmp_path)
    notes = _Notes()
    Loop(tiny_run(None, steps=10), tmp_path, _data(), notes).finish()
    assert list(notes.gains) == [8, 10]


def test_states_without_their_run_are_resumed(tmp_path: Path) -> None:
    """A state that does not say which run it is of is taken for this one's."""
    whole_run(tmp_path)
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    del state["run"]
    torch.save(state, tmp_path / "state.pt")
    notes = _Notes()
    Loop(tiny_run(None, steps=7), tmp_path, _data(), notes).finish()
    assert notes.gains == {}


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04 cut off"])
def test_damaged_files_are_said(tmp_path: Path, content: bytes) -> None:
    """A damaged state or checkpoint is an error that names the file."""
    (tmp_path / "state.pt").write_bytes(content)
    with pytest.raises(Unusable, match=r"state\.pt is damaged"):
        Loop(tiny_run(None), tmp_path, _data(), _Notes())
    with pytest.raises(Unusable, match=r"state\.pt is damaged"):
        run_files.read(tmp_path / "state.pt")


def _parent(folder: Path, *, scale: int = 2, width: int = 4) -> Path:
    run = tiny_run(None, scale=scale, network={"width": width, "depth": 1})
    network = PlainStack(scale, width=width, depth=1)
    path = folder / "parent.pt"
    run_files.write(path, run_files.Checkpoint(network.state_dict(), run, 1, 0.0))
    return path


def test_other_scales_lend_their_body(tmp_path: Path) -> None:
    """A run starts with all weights of another scale that fit: all but those of the last layer."""
    parent = _parent(tmp_path, scale=3)
    loop = Loop(tiny_run(None, start=parent), tmp_path / "run", _data(), _Notes())
    own, learned = loop.network.state_dict(), run_files.read(parent).network
    for name, value in own.items():
        assert name.startswith("last.") or torch.equal(learned[name], value), name
    assert own["last.kernel"].shape != learned["last.kernel"].shape


def test_wider_networks_begin_with_what_narrower_ones_give(tmp_path: Path) -> None:
    """New channels change nothing at first, and learn from the first step on."""
    parent = _parent(tmp_path)
    wide = tiny_run(None, start=parent, network={"width": 12, "depth": 1}, warmup=0)
    loop = Loop(wide, tmp_path / "run", _data(), _Notes())
    small, _ = Patches(_data().learning, scale=2, batch=4, patch=16, seed=5).draw()
    narrow = PlainStack(2, width=4, depth=1)
    narrow.load_state_dict(run_files.read(parent).network)
    with torch.no_grad():
        torch.testing.assert_close(loop.network(small), narrow(small), rtol=0, atol=1e-6)
    before = loop.network.state_dict()["last.kernel"][:, 4:].clone()
    assert not before.any()
    loop.finish()
    assert loop.network.state_dict()["last.kernel"][:, 4:].any()


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (tiny_run(None, integer=True), "pass it with --start"),
        (tiny_run(None, integer=True, scale=3), "another scale or shape: last.bias"),
        (
            tiny_run(None, integer=True, network={"width": 8, "depth": 1}),
            "shape: first.bias, first.kernel",
        ),
        (tiny_run(None, network={"width": 4, "depth": 2}), "shape: inner.1.bias"),
    ],
    ids=["no parent", "parent of another scale", "parent of another width", "shorter parent"],
)
def test_parents_that_do_not_fit_are_refused(tmp_path: Path, run: Run, said: str) -> None:
    """A run that cannot start from what is named, or needs a start, says so."""
    start = None if "--start" in said else _parent(tmp_path)
    with pytest.raises(Unusable, match=said):
        Loop(run.at(start=start), tmp_path / "run", _data(run.scale), _Notes())


def test_integer_parents_are_refused(tmp_path: Path) -> None:
    """An integer checkpoint is refused as a start."""
    parent = Loop(tiny_run(None), tmp_path / "float", _data(), _Notes()).finish()
    child = tiny_run(None, integer=True, start=parent)
    rounded = Loop(child, tmp_path / "integer", _data(), _Notes()).finish()
    with pytest.raises(Unusable, match="float parent"):
        Loop(tiny_run(None, start=rounded), tmp_path / "again", _data(), _Notes())


def test_data_come_from_the_folder(tmp_path: Path) -> None:
    """Pairs come from the images of a folder, some for validation; a missing folder is reported."""
    folder = write_pictures(tmp_path / "images", 3)
    data = load_data(tiny_run(folder), PairCache(tmp_path / "pairs"))
    assert (len(data.learning), len(data.validating)) == (2, 1)
    assert {source.original.shape for source in data.learning} == {(72, 72, 3)}
    assert data.validating[0].original.shape == (64, 64, 3)
    with pytest.raises(NoImages, match="--data DIR"):
        load_data(tiny_run(None), PairCache(tmp_path / "pairs"))


def test_missing_devices_are_said(tmp_path: Path) -> None:
    """A GPU that is not there is an error and no slow run."""
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(NoDevice, match="no GPU"):
        Loop(tiny_run(None), tmp_path, _data(), _Notes(), device="cuda")


def test_bfloat16_learns_too(tmp_path: Path) -> None:
    """A mixed-precision run keeps its weights in float32 and has a finite gain."""
    notes = _Notes()
    best = Loop(tiny_run(None, precision="bfloat16"), tmp_path, _data(), notes).finish()
    assert {value.dtype for value in run_files.read(best).network.values()} == {torch.float32}
    assert all(abs(gain) < 50 for gain in notes.gains.values())


def test_rates_rise_stay_and_fall() -> None:
    """The rate warms up linearly, stays at its peak, and ends near zero."""
    run = tiny_run(None, steps=100, warmup=10, decay=0.5, rate=1.0)
    rates = [rate_at(step, run) for step in range(100)]
    assert [rates[0], rates[1], rates[9]] == pytest.approx([0.1, 0.2, 1.0])
    assert set(rates[10:51]) == {1.0}
    assert rates[51:] == sorted(rates[51:], reverse=True)
    assert 0 < rates[99] < 0.01
