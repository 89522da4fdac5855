"""Tests of reading runs."""

from pathlib import Path

import pytest

from slimgate.models.training import data_settings, settings
from slimgate.models.training.errors import InvalidRun

_CONFIGS = sorted(Path(settings.__file__).parent.joinpath("configs").glob("*.yaml"))


_JOINT = [f"native-x{scale}-joint" for scale in (2, 3)]
_NETWORKS = [f"native-x{scale}{loss}" for scale in (1, 2, 3, 4) for loss in ("", "-score")]
_NETWORKS += _JOINT


def test_there_is_a_float_and_an_integer_run_for_every_network() -> None:
    """The runs of all networks are there: for fidelity, for the score, and with a downscaler."""
    expected = {f"{name}{kind}" for name in _NETWORKS for kind in ("", "-integer")}
    assert {path.stem for path in _CONFIGS} == expected


@pytest.mark.parametrize("path", _CONFIGS, ids=lambda path: path.stem)
def test_runs_that_ship_are_valid_and_name_no_folder(path: Path) -> None:
    """Each run is called as its file, is of the scale in its name, and works on any machine."""
    run = settings.load(path)
    assert run.name == path.stem
    trained_for = "-score" if run.perceptual else "-joint" if run.downscaler else ""
    assert f"native-x{run.scale}{trained_for}" == path.stem.removesuffix("-integer")
    assert run.integer == path.stem.endswith("-integer")
    assert (run.data.folder, run.start) == (None, None)


@pytest.mark.parametrize("name", _NETWORKS)
def test_integer_runs_have_the_shape_and_data_of_their_parents(name: str) -> None:
    """Integer runs fine-tune the trained network on the same pairs."""
    parent, child = (
        settings.load(_CONFIGS[0].with_name(f"{name}{kind}.yaml")) for kind in ("", "-integer")
    )
    assert (parent.network, parent.data) == (child.network, child.data)


@pytest.mark.parametrize("name", _JOINT)
def test_downscalers_keep_their_shape_in_integers(name: str) -> None:
    """Integer runs fine-tune the downscaler of their parents."""
    shapes = []
    for kind in ("", "-integer"):
        shape = settings.load(_CONFIGS[0].with_name(f"{name}{kind}.yaml")).downscaler
        assert shape is not None
        shapes.append((shape.width, shape.depth, shape.fidelity))
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ("scale: 1", "a scale of 2 or more"),
        ("scale: 2, data: {codings: [{codec: jxl}]}", "learns from AVIF"),
        ("scale: 2, perceptual: 0.1", "has its own loss"),
        ("scale: 2, data: {degradations: {}}", "has its own loss"),
        ("scale: 2, schedule: {steps: 1, patch: 24}", "a multiple of 16"),
        ("scale: 2, downscaler: {rate: 0}", "downscaler.rate: "),
    ],
    ids=["scale", "no avif", "other loss", "degradations", "patch", "rate"],
)
def test_what_downscalers_need_is_said(tmp_path: Path, changes: str, said: str) -> None:
    """A downscaler without what it learns from, or with what would be ignored, is refused."""
    path = tmp_path / "run.yaml"
    parts = ["name: a", changes]
    parts += [] if "schedule" in changes else ["schedule: {steps: 1}"]
    parts += [] if "downscaler" in changes else ["downscaler: {}"]
    path.write_text(f"{{{', '.join(parts)}}}")
    with pytest.raises(InvalidRun, match=said):
        settings.load(path)


def test_relative_paths_start_at_the_file(tmp_path: Path) -> None:
    """A run may lie beside its images and be started from anywhere."""
    path = tmp_path / "run.yaml"
    path.write_text("{name: a, scale: 2, start: b.pt, data: {folder: c}, schedule: {steps: 1}}")
    run = settings.load(path)
    assert (run.data.folder, run.start) == (tmp_path / "c", tmp_path / "b.pt")
    other = run.at(folder=tmp_path)
    assert (other.data.folder, other.start) == (tmp_path, tmp_path / "b.pt")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{name: a, scale: 5, schedule: {steps: 1}}", "scale: "),
        ("{name: a, scale: 2, schedule: {steps: 1, stepz: 2}}", "schedule.stepz: "),
        ("{name: A B, scale: 2, schedule: {steps: 1}}", "name: "),
        (
            "{name: a, scale: 2, integer: true, precision: bfloat16, schedule: {steps: 1}}",
            "float32",
        ),
        ("{name: a, scale: 2, schedule: {steps: 1, patch: 15}}", "schedule.patch: "),
        ("{name: a, scale: 2, perceptual: -1, schedule: {steps: 1}}", "perceptual: "),
        (
            "{name: a, scale: 2, data: {weights: {b: -1}}, schedule: {steps: 1}}",
            "data.weights.b: ",
        ),
        ("{", "is not YAML"),
        ("#" * (2 << 20), "bytes"),
        ("- 1", "the file: "),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, content: str, said: str) -> None:
    """A run that is not valid is refused with the file and the key."""
    path = tmp_path / "run.yaml"
    path.write_text(content)
    with pytest.raises(InvalidRun, match=f"(?s)run.yaml.*{said}"):
        settings.load(path)


def test_missing_files_are_said(tmp_path: Path) -> None:
    """A path that leads nowhere is refused by name."""
    with pytest.raises(InvalidRun, match=r"nowhere\.yaml cannot be read"):
        settings.load(tmp_path / "nowhere.yaml")


def test_limits_come_in_order() -> None:
    """A range of qualities from high to low is refused."""
    with pytest.raises(ValueError, match="lower limit must come first"):
        data_settings.Coding(codec="avif", qualities=(90, 30))
