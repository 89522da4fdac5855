"""The comparison with bare AVIF measures what GET returns, and finds the smallest bare file."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from bench import bare_avif, bare_avif_table, journal, reference
from bench.avif_search import Search, coded_size
from tests.codec.pictures import crop, save

pytestmark = pytest.mark.slow

_SIDE: Final = 96


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a photograph and a transparent drawing, of two classes."""
    drawing = np.zeros((_SIDE, _SIDE, 4), np.uint8)
    drawing[20:70, 10:60] = (200, 30, 30, 255)
    for name, data in {
        "photo/one.jpg": save(crop("RGB", _SIDE, _SIDE), "JPEG", quality=95),
        "drawing/two.png": save(drawing, "PNG"),
    }.items():
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
    return tmp_path / "images"


def test_a_run_measures_both_and_continues(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run writes a line per image and fidelity; the next run measures only what is missing."""
    out, tables = folder.parent / "results.jsonl", folder.parent / "tables.json"
    common = [str(folder), "--out", str(out), "--effort", "fast", "--json", str(tables)]
    assert bare_avif.main([*common, "--fidelity", "standard"]) == 0
    first = out.read_bytes()
    assert bare_avif.main([*common, "--fidelity", "standard", "--fidelity", "economy"]) == 0
    assert out.read_bytes()[: len(first)] == first
    lines = [*journal.lines(out)]
    assert [(line["image"], line["fidelity"]) for line in lines] == [
        ("drawing/two.png", "standard"),
        ("photo/one.jpg", "standard"),
        ("drawing/two.png", "economy"),
        ("photo/one.jpg", "economy"),
    ]
    assert all(line["score"] >= line["demanded"] for line in lines)
    assert all(0 <= line["extras"] < line["stored"] for line in lines)
    assert all(line["bare"]["score"] >= line["demanded"] for line in lines)
    table = [line.split()[0] for line in capsys.readouterr().out.splitlines()[-12:] if line]
    assert table == [
        "standard", "drawing", "photo", "all", "economy", "drawing", "photo", "all", "extras:",
        "score,",
    ]  # fmt: skip
    total = json.loads(tables.read_text())["standard"][-1]
    assert total["uploaded"] == sum(path.stat().st_size for path in folder.glob("*/*"))
    assert sum(total["tiers"].values()) == 2


def test_bare_files_of_another_run_are_not_searched_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given the results of another run, an image and a score in it need no search."""
    first = folder.parent / "first.jsonl"
    common = [str(folder), "--effort", "fast", "--fidelity", "standard"]
    assert bare_avif.main([*common, "--out", str(first)]) == 0
    known = bare_avif._known(first)
    tasks = [
        replace(task, known=known[journal.name(task.path)])
        for task in map(_task, sorted(folder.glob("*/*")))
    ]
    monkeypatch.setattr(Search, "smallest", lambda *_: pytest.fail("searched again"))
    found = [line for task in tasks for line in bare_avif._measure(task)]
    assert [line["bare"] for line in found] == [line["bare"] for line in journal.lines(first)]


def _task(path: Path) -> bare_avif.Task:
    return bare_avif.Task(path, ("standard",), "fast", thorough=False)


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("score", [55, 80])
def test_the_search_finds_what_a_full_search_finds(mode: str, score: float) -> None:
    """Bisection with neighbours finds a file as small as the smallest of all 100 qualities."""
    pixels = crop(mode, _SIDE, _SIDE)
    quick = Search(pixels).smallest(score)
    assert quick == Search(pixels, thorough=True).smallest(score)
    assert quick is not None
    assert quick.score >= score


def test_an_impossible_score_has_no_file() -> None:
    """The search returns None where the highest quality misses the score."""
    assert Search(crop("RGB", _SIDE, _SIDE)).smallest(99.9) is None


def test_the_container_does_not_count() -> None:
    """The coded size of a file is that of its image data alone."""
    file = save(crop("RGB", _SIDE, _SIDE), "AVIF", quality=50)
    assert 0 < coded_size(file) < len(file) - 200


def test_tables_count_uploads_that_are_smaller_than_bare_files() -> None:
    """An upload smaller than the bare file, or without one, counts itself."""
    line = {
        "image": "a/b", "kind": "a", "fidelity": "high", "megapixels": 2.0, "uploaded": 100,
        "bare": {"coded": 300}, "stored": 50, "extras": 7, "tier": "recode",
        "score": 81.0, "worst": 70.0, "faults": [], "seconds": 1.0,
    }  # fmt: skip
    none = {**line, "bare": None, "tier": "exact", "score": 100.0, "worst": 100.0}
    (own, total) = bare_avif_table.tables([line, none])["high"]
    assert own == bare_avif_table.Summary(
        kind="a", images=2, uploaded=200, bare=200, stored=100, extras=14,
        tiers={"exact": 1, "lossless": 0, "recode": 1, "downscale": 0, "plain": 0},
        score=81.0, worst=70.0, below=0, seconds=0.5,
    )  # fmt: skip
    assert (total.kind, total.ratio) == ("all", 0.5)


def test_a_line_cut_short_is_measured_again(tmp_path: Path) -> None:
    """A last line without its end is ignored, and removed before the run continues."""
    path = tmp_path / "out.jsonl"
    path.write_text('{"image": "a"}\n{"ima')
    assert [*journal.lines(path)] == [{"image": "a"}]
    journal.run(_echo, [], path, 1)
    assert path.read_text() == '{"image": "a"}\n'


def test_transparent_images_are_scored_on_two_backgrounds() -> None:
    """The reference scores transparent pixels as viewers blend them, the worse background first."""
    pixels = np.dstack([crop("RGB", _SIDE, _SIDE), np.full((_SIDE, _SIDE), 128, np.uint8)])
    other = pixels.copy()
    other[..., 3] = 120
    assert reference.ssimulacra2(pixels, other) < 99
    assert reference.ssimulacra2(pixels, pixels) == 100


def test_opaque_alpha_is_dropped() -> None:
    """An image whose pixels are all opaque is read as RGB, others as RGBA."""
    rgb = crop("RGB", _SIDE, _SIDE)
    for level, channels in ((255, 3), (254, 4)):
        pixels = np.dstack([rgb, np.full((_SIDE, _SIDE), level, np.uint8)])
        assert reference.decoded_plainly(save(pixels, "PNG")).shape[2] == channels


def _echo(task: str) -> list[journal.Line]:
    return [{"image": task}]
