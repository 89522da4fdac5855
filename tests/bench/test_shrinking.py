"""Tables compare restorers in the same files and bytes at the same score; runs continue."""

import math
from pathlib import Path

import pytest

from bench import journal, shrinking, shrinking_tables
from bench.journal import Line
from bench.shrinking_tables import FULL
from slimgate.codec.measures.ssimulacra2 import decibels
from tests.codec.pictures import crop, save


def _line(size: int, score: float, restorer: str = FULL, image: str = "a/1") -> Line:
    return {
        "image": image, "scale": 1 if restorer == FULL else 2, "restorer": restorer,
        "quality": size, "size": size, "score": score, "psnr_db": score / 2, "worst": score - 10,
        "ms_ssim": 0.9, "orb": 0.5,
    }  # fmt: skip


def test_sizes_lie_between_measured_ones() -> None:
    """Halfway between two scores in decibels, a file has the geometric mean of their bytes."""
    halfway = 100 - 10 ** (-(decibels(50) + decibels(80)) / 20)
    curve = [_line(100, 50), _line(400, 80)]
    assert shrinking_tables.size_at(curve, halfway) == pytest.approx(200)
    assert shrinking_tables.size_at(curve, 80) == pytest.approx(400)


def test_larger_files_with_lower_scores_do_not_count() -> None:
    """Of 4:4:4 and 4:2:0, the better one counts at each score."""
    curve = [_line(100, 50), _line(150, 40), _line(500, 70), _line(400, 80)]
    assert shrinking_tables.size_at(curve, 70) == shrinking_tables.size_at(
        [_line(100, 50), _line(400, 80)], 70
    )


def test_scores_beyond_all_files_have_no_size() -> None:
    """A score above all is out of reach, and one below all takes the smallest file."""
    curve = [_line(100, 50), _line(400, 80)]
    assert shrinking_tables.size_at(curve, 81) == math.inf
    assert shrinking_tables.size_at(curve, 20) == pytest.approx(100)
    assert shrinking_tables.size_at([], 20) == math.inf


def test_gains_are_at_equal_bytes() -> None:
    """A file is compared with what lies between two of the others, by class and over all."""
    lines = [
        _line(10, 50, "one"), _line(10, 54, "two"), _line(20, 60, "one"), _line(40, 64, "two"),
        _line(10, 50, "one", "b/1"), _line(10, 47, "two", "b/1"), _line(9, 70, "one", "b/1"),
    ]  # fmt: skip
    found = shrinking_tables.gains(lines, [("one",), ("two", "three")])
    assert [(each.kind, each.files) for each in found] == [("a", 2), ("b", 1), ("all", 3)]
    assert [each.changes["score"] for each in found] == pytest.approx([1.5, -3, 0])
    assert found[0].changes["psnr_db"] == pytest.approx(0.75)
    assert found[0].restorer == "two+three"


def test_of_several_scales_the_smallest_counts() -> None:
    """Restorers that count as one store the smaller of their files."""
    four = _line(40, 60, "four") | {"scale": 4}
    lines = [_line(100, 50), _line(300, 90), _line(60, 60, "two"), four]
    for group, expected in ((("two",), 0.6), (("two", "four"), 0.4)):
        table = shrinking_tables.sizes(lines, [group])
        assert table[0].bytes == pytest.approx(expected)


def test_the_smaller_of_both_is_stored() -> None:
    """Bytes are the sum of the smaller file, and images that full size cannot hold do not count."""
    lines = [
        *(_line(100, 50, image="a/1"), _line(300, 90, image="a/1"), _line(50, 60, "x", "a/1")),
        *(_line(100, 55, image="a/2"), _line(300, 90, image="a/2"), _line(200, 60, "x", "a/2")),
        *(_line(100, 20, image="a/3"), _line(50, 99, "x", "a/3")),
    ]
    table = {(each.kind, each.score): each for each in shrinking_tables.sizes(lines, [("x",)])}
    assert (table["a", 50].images, table["a", 50].wins) == (2, 1)
    assert table["a", 50].bytes == pytest.approx((50 + 100) / 200)
    assert table["all", 70].wins == 0
    assert table["all", 70].bytes == 1


def test_runs_measure_and_continue(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run measures both sizes; a second one with another restorer adds only what it lacks."""
    folder = tmp_path / "images" / "people"
    folder.mkdir(parents=True)
    (folder / "1.png").write_bytes(save(crop("RGB", 96, 90), "PNG"))
    out = tmp_path / "out.jsonl"
    words = [str(folder.parent), "--out", str(out), "--jobs", "1", "--restorer"]
    tables = tmp_path / "tables"
    assert shrinking.main([*words, "lanczos", "--csv", str(tables)]) == 0
    assert (tables / "gains.csv").read_text().startswith("class,restorer,files,score,psnr_db")
    assert "people,lanczos,50,1," in (tables / "bytes.csv").read_text()
    assert "people" in capsys.readouterr().out
    first = list(journal.lines(out))
    assert {(line["scale"], line["restorer"]) for line in first} == {(1, FULL), (2, "lanczos")}
    shrinking.main([*words, "lanczos", "bicubic"])
    added = list(journal.lines(out))[len(first) :]
    assert {(line["scale"], line["restorer"]) for line in added} == {(2, "bicubic")}
    shrinking.main([*words, "lanczos", "bicubic"])
    assert len(list(journal.lines(out))) == len(first) + len(added)
