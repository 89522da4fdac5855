"""Tests of the whole evaluation, on a handful of small images."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from defusedxml import ElementTree

from slimgate.codec.image import resample
from slimgate.codec.measures import ssim
from slimgate.codec.measures.psnr import psnr
from slimgate.models.engines.interpolation import Interpolation
from slimgate.models.training import pairs, renditions
from slimgate.models.training.errors import NoImages, NoPlace, NoRestorer
from slimgate.models.training.evaluation import document, measuring, plan, restorers, sweep
from slimgate.models.training.evaluation.plan import Coding, Plan
from slimgate.models.training.evaluation.sweep import default_folder
from tests.models.command import main
from tests.models.networks import integer_network
from tests.models.training.samples import write_pictures

_PLAN = Plan(("avif",), (40, 80), (2,), (), 10_000)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep measurements in a folder of the test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return default_folder()


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Make two classes of images."""
    write_pictures(tmp_path / "images" / "cats", 2)
    write_pictures(tmp_path / "images" / "dogs", 1, side=60)
    return tmp_path / "images"


def _network(folder: Path, name: str = "net.onnx", *, scale: int = 2, seed: int = 1) -> str:
    pytest.importorskip("onnx", reason="onnx is not installed; see the extra train")
    pytest.importorskip("openvino", reason="openvino is not installed; see the extra train")
    from slimgate.models.formats import qdq  # noqa: PLC0415  # needs onnx

    path = folder / name
    path.parent.mkdir(exist_ok=True)
    qdq.write(integer_network(scale, seed=seed), path)
    return str(path)


def _evaluate(images: Path, out: Path, *more: str) -> int:
    options = ["--scale", "2", "--qualities", "40", "80", "--processes", "1", *more]
    return main(["evaluate", "--images", str(images), "--out", str(out), *options])


def test_points_are_what_the_gateway_would_store(images: Path, cache: Path) -> None:
    """Bytes and fidelity of a point are those of the rendition and of what restores it."""
    cache.mkdir(parents=True)
    path = images / "cats" / "0.png"
    points = measuring.measure(path, _PLAN, cache)
    original = pairs.cut(path, 10_000, 1)
    small = resample.downscale(original, 2)
    data = renditions.encode(small, "avif", 80, "4:4:4")
    decoded = renditions.decode(data, "avif", width=36, height=36)
    restored = Interpolation("lanczos").upscale(decoded, 2)
    (point,) = (
        each
        for each in points
        if (each.coding, each.restorer) == (Coding("avif", "4:4:4", 80, 2), "lanczos")
    )
    assert 8 * len(data) / original[..., 0].size == point.bits
    assert psnr(original, restored) == point.psnr_db
    assert ssim.exact(original, restored) == point.ssim
    assert len(points) == 2 * 2 + 2 * 2  # two chroma formats at full size, two interpolations


def test_what_was_measured_is_not_measured_again(
    images: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second sweep only encodes what the first one has not."""
    cache.mkdir(parents=True)
    path = images / "cats" / "0.png"
    before = measuring.measure(path, _PLAN, cache)
    encoded: list[int] = []

    def encode(pixels: renditions.Pixels, codec: str, quality: int, chroma: str) -> bytes:
        encoded.append(quality)
        return _ENCODE(pixels, codec, quality, chroma)

    monkeypatch.setattr(renditions, "encode", encode)
    assert before == measuring.measure(path, _PLAN, cache)
    assert encoded == []
    more = Plan(("avif",), (40, 60, 80), (2,), (), 10_000)
    assert set(before) < set(measuring.measure(path, more, cache))
    assert encoded == [60, 60, 60]


_ENCODE = renditions.encode


def test_networks_are_measured_as_they_ship(images: Path, tmp_path: Path, cache: Path) -> None:
    """A network from a file is run by the engine, tile by tile, and given the level."""
    name = _network(tmp_path)
    cache.mkdir(parents=True)
    path = images / "cats" / "1.png"
    points = measuring.measure(path, Plan(("avif",), (40,), (2,), (name,), 10_000), cache)
    original = pairs.cut(path, 10_000, 1)
    small = renditions.encode(resample.downscale(original, 2), "avif", 40, "4:4:4")
    decoded = renditions.decode(small, "avif", width=36, height=36)
    tested = restorers.load(name)
    restored = tested.restorer.upscale(decoded, 2, level=renditions.level("avif", 40))
    assert (tested.label, tested.scales) == ("net", (2,))
    assert psnr(original, restored) in {each.psnr_db for each in points if each.restorer == "net"}


def test_networks_of_full_size_compete_there(images: Path, tmp_path: Path, cache: Path) -> None:
    """A network that does not enlarge is measured at full size, and nowhere else."""
    names = (_network(tmp_path, "x1.onnx", scale=1),)
    cache.mkdir(parents=True)
    path = images / "cats" / "1.png"
    points = measuring.measure(path, Plan(("webp",), (40,), (2,), names, 10_000), cache)
    expected = {(1, "none"), (1, "x1"), (2, "bicubic"), (2, "lanczos")}
    assert {(point.coding.scale, point.restorer) for point in points} == expected


def test_the_report_tells_everything(images: Path, tmp_path: Path) -> None:
    """Tables, figures and numbers are written, and the text around the tables stays."""
    out = tmp_path / "docs"
    out.mkdir()
    (out / "restorers.md").write_text(
        f"Before.\n\n{document.BEGIN}\nold\n{document.END}\n\nAfter.\n"
    )
    network = _network(tmp_path)
    assert _evaluate(images, out, "--codec", "avif", "webp", "--restorer", network) == 0
    text = (out / "restorers.md").read_text()
    assert text.startswith("Before.\n\n<!--")
    assert text.endswith("-->\n\nAfter.\n")
    assert "old" not in text
    for said in ("cats 2, dogs 1", "in the same avif files", "| class | net |", "| dogs | "):
        assert said in text
    ranges = _rows(out / "restorers" / "equal-bytes.csv")
    assert {row["against"] for row in ranges} == {"avif, full size"}
    assert {row["contender"] for row in ranges} == {"avif, 1/2 size + net", "webp, full size"}
    for name in ("cats", "dogs"):
        figure = ElementTree.fromstring((out / "restorers" / f"{name}.svg").read_text())
        assert len(figure.findall("{http://www.w3.org/2000/svg}polyline")) == 2 * 3
        assert f"restorers/{name}.svg" in text
    rows = _rows(out / "restorers" / "points.csv")
    content = json.loads((out / "restorers" / "points.json").read_text())
    assert content["plan"]["restorers"] == ["net.onnx"]
    assert len(rows) == sum(len(each["points"]) for each in content["classes"].values())
    # For each class and quality: avif in two chroma formats and webp at full size, and both
    # codecs at half size with three restorers.
    assert len(rows) == 2 * 2 * (3 + 2 * 3)


def _rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def test_gains_are_means_of_differences(images: Path, tmp_path: Path) -> None:
    """The short table has the mean difference of what the points say."""
    network = _network(tmp_path)
    assert _evaluate(images, tmp_path / "docs", "--restorer", network) == 0
    points = {
        (row["quality"], row["restorer"]): float(row["psnr_db"])
        for row in _rows(tmp_path / "docs" / "restorers" / "points.csv")
        if (row["class"], row["scale"]) == ("dogs", "2")
    }
    mean = sum(points[quality, "net"] - points[quality, "lanczos"] for quality in ("40", "80")) / 2
    assert f"| dogs | {mean:+.2f}, " in (tmp_path / "docs" / "restorers.md").read_text()


def test_a_second_report_replaces_the_first(images: Path, tmp_path: Path) -> None:
    """Without a document one is made, and writing it again changes nothing."""
    assert _evaluate(images, tmp_path / "docs") == 0
    written = (tmp_path / "docs" / "restorers.md").read_bytes()
    assert _evaluate(images, tmp_path / "docs") == 0
    assert written == (tmp_path / "docs" / "restorers.md").read_bytes()
    ranges = _rows(tmp_path / "docs" / "restorers" / "equal-bytes.csv")
    assert {row["contender"] for row in ranges} == {"avif, 1/2 size + lanczos"}


def test_processes_measure_the_same(images: Path, cache: Path) -> None:
    """Two processes yield the points of one, in the order of the images."""
    classes = plan.classes(images, None)
    alone = sweep.sweep(classes, _PLAN, cache / "one", processes=1)
    assert alone == sweep.sweep(classes, _PLAN, cache / "two", processes=2)
    assert [len(points) for points in alone.values()] == [2, 1]


def test_classes_are_folders(images: Path, tmp_path: Path) -> None:
    """Images belong to the first folder that they are in; a limit picks evenly."""
    write_pictures(images / "cats" / "deeper", 1)
    write_pictures(images, 1)
    found = plan.classes(images, None)
    assert {name: len(each) for name, each in found.items()} == {"cats": 3, "dogs": 1, "images": 1}
    many = [tmp_path / f"{number}" for number in range(10)]
    assert [many[0], many[3], many[6]] == plan._spread(many, 3)


def test_images_that_are_too_small_are_left_out(tmp_path: Path, cache: Path) -> None:
    """A thumbnail is no image to judge by, and a folder of nothing else is an error."""
    write_pictures(tmp_path / "small" / "icons", 1, side=40)
    with pytest.raises(NoImages, match="smaller than 48 pixels"):
        sweep.sweep(plan.classes(tmp_path / "small", None), _PLAN, cache, processes=1)


@pytest.mark.parametrize("name", ["unknown", "missing.onnx", "broken.onnx"])
def test_restorers_that_are_not_there_are_said(tmp_path: Path, name: str) -> None:
    """A name or a file that is no restorer is refused by name before anything is measured."""
    pytest.importorskip("onnx", reason="onnx is not installed; see the extra train")
    (tmp_path / "broken.onnx").write_bytes(b"no network")
    given = str(tmp_path / name) if name.endswith(".onnx") else name
    with pytest.raises(NoRestorer, match=name):
        restorers.load_all((given,))


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    """Restorers with equal labels are refused."""
    one, two = (_network(tmp_path / part, seed=seed) for seed, part in enumerate(("a", "b")))
    with pytest.raises(NoRestorer, match="two restorers have the label net"):
        restorers.load_all((one, two))


@pytest.mark.parametrize(
    "text", ["no markers", document.BEGIN, f"{document.END}{document.BEGIN}", 2 * document.BEGIN]
)
def test_documents_without_a_place_are_refused(tmp_path: Path, text: str) -> None:
    """A document without exactly one pair of markers stays as it is."""
    (tmp_path / "restorers.md").write_text(text)
    with pytest.raises(NoPlace, match=r"restorers\.md has no markers"):
        document.write(tmp_path, {}, _PLAN, {}, counts={})
    assert (tmp_path / "restorers.md").read_text() == text


def test_errors_are_one_line(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command says on standard error what to do, without a traceback."""
    assert _evaluate(tmp_path / "nowhere", tmp_path) == 1
    assert _evaluate(images, tmp_path, "--restorer", "unknown") == 1
    said: Sequence[str] = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert "no images in" in said[0]
    assert "unknown" in said[1]
