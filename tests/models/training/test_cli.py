"""Tests of the commands that train and export."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.models.command import main
from tests.models.training.samples import write_pictures

_RUN = """
name: tiny
scale: 2
data: {codings: [{codec: avif}], variants: 1, validation: 1}
network: {width: 4, depth: 1}
schedule: {steps: 2, batch: 1, patch: 16, validate_every: 1}
"""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep pairs in a folder of the test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


_DOWNSCALER = "downscaler: {width: 4, depth: 1}\n"


def _config(folder: Path, *, integer: bool = False, more: str = "") -> str:
    path = folder / ("tiny-integer.yaml" if integer else "tiny.yaml")
    path.write_text(_RUN + ("integer: true\n" if integer else "") + more)
    return str(path)


def test_nothing_heavy_is_imported_for_help() -> None:
    """The command line of the base package works without torch, ONNX and engines."""
    code = (
        "import sys; from slimgate.cli.dispatch import COMMANDS, parser; "
        "parser([each for each in COMMANDS if each.name == 'models']); "
        "sys.exit(bool({'torch', 'onnx', 'openvino', 'mlflow', 'scipy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.skipif(importlib.util.find_spec("torch") is not None, reason="torch is installed")
@pytest.mark.parametrize("command", [["train", "a.yaml"], ["export", "a.pt", "--out", "a.onnx"]])
def test_what_is_missing_is_said(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Without torch the answer is what to install."""
    assert main(command) == 2
    assert capsys.readouterr().err[-37:] == "torch: pip install 'slimgate[train]'\n"


@pytest.mark.torch
@pytest.mark.parametrize(
    ("more", "said", "files"),
    [
        ("", " dB\nstep 2: ", {"net.onnx"}),
        (_DOWNSCALER, "%, guards broken: ", {"net.onnx", "net-downscaler.onnx"}),
    ],
    ids=["restorer", "with downscaler"],
)
def test_a_network_is_trained_rounded_and_exported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], more: str, said: str, files: set[str]
) -> None:
    """From images to the files that ship in three commands."""
    pytest.importorskip("torch", reason="torch is not installed; see make test-torch")
    pytest.importorskip("openvino", reason="openvino is not installed; see the extra train")
    images = str(write_pictures(tmp_path / "images", 3))
    usual = ["--data", images, "--threads", "1", "--device", "cpu", "--out"]
    assert main(["train", _config(tmp_path, more=more), *usual, str(tmp_path / "a")]) == 0
    shown = capsys.readouterr()
    assert said in shown.err
    best = shown.out.removeprefix("best checkpoint: ").strip()
    start = ["--start", best, "--data", images, "--threads", "1"]
    rounded = _config(tmp_path, integer=True, more=more)
    assert main(["retrain", rounded, *start, "--out", str(tmp_path / "b")]) == 0
    best = capsys.readouterr().out.removeprefix("best checkpoint: ").strip()
    assert main(["export", best, "--out", str(tmp_path / "net.onnx")]) == 0
    assert "OpenVINO" in capsys.readouterr().out
    assert {path.name for path in tmp_path.glob("*.onnx")} == files
    assert all((tmp_path / name).stat().st_size > 1000 for name in files)


@pytest.mark.torch
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "nowhere.yaml"], "nowhere.yaml cannot be read"),
        (["train", "{config}"], "--data DIR"),
        (["train", "{config}", "--data", "{folder}"], "no images in"),
        (["retrain", "{config}", "--data", "{images}", "--start", "nowhere.pt"], "nowhere.pt"),
        (["export", "nowhere.pt", "--out", "x.onnx"], "nowhere.pt cannot be read"),
        (["export", "{config}", "--out", "x.onnx"], "tiny.yaml is damaged or not a checkpoint"),
    ],
    ids=["no run", "no data", "no images", "no start", "no checkpoint", "another file"],
)
def test_errors_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    """The commands say on standard error what to do, without a traceback."""
    pytest.importorskip("torch", reason="torch is not installed; see make test-torch")
    pytest.importorskip("openvino", reason="openvino is not installed; see the extra train")
    places = {
        "config": _config(tmp_path),
        "images": str(write_pictures(tmp_path / "images", 3)),
        "folder": str(tmp_path / "cache"),
    }
    (tmp_path / "cache").mkdir()
    out = [] if arguments[0] == "export" else ["--out", str(tmp_path / "run"), "--threads", "1"]
    assert main([argument.format(**places) for argument in [*arguments, *out]]) == 1
    assert said in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "a.yaml", "--threads", "0"],
        ["evaluate", "--images", "a", "--out", "b", "--qualities", "101"],
        ["evaluate", "--images", "a", "--out", "b", "--codec", "gif"],
        ["evaluate", "--images", "a", "--out", "b", "--scale", "5"],
        ["retrain", "a.yaml", "--data", "b"],
    ],
)
def test_nonsense_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Arguments that are out of range or missing are refused with the usage."""
    with pytest.raises(SystemExit):
        main(arguments)
    assert "usage:" in capsys.readouterr().err
