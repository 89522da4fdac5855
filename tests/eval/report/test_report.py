"""The whole report, as people run it, over a small folder that has everything in it."""

import csv
import html
import json
import shutil
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image
from skimage import data

from slimgate import cli
from slimgate.config import Engine, Policy
from slimgate.eval.compare import rows
from slimgate.eval.compare.rows import COLUMNS, Row, Study
from slimgate.eval.compare.strategies import POLICY, STRATEGIES, named
from slimgate.eval.corpus.inspection import look
from slimgate.eval.report import crops
from slimgate.eval.run.journal import OUTPUTS
from slimgate.eval.run.work import rendition_files, single_threaded

SIDE = 192


def _crop(name: str, top: int = 40, left: int = 100) -> Image.Image:
    pixels = getattr(data, name)()
    return Image.fromarray(pixels[top : top + SIDE, left : left + SIDE])


def _corpus(root: Path) -> None:
    """Save photographs, a drawing, what the gateway passes through, and what is broken."""
    for folder in ("photo", "drawn", "odd"):
        (root / folder).mkdir(parents=True)
    _crop("astronaut").save(root / "photo" / "face.jpg", quality=95)
    _crop("chelsea").save(root / "photo" / "cat.png")
    _crop("rocket").save(root / "photo" / "=rocket.webp", quality=90)
    _crop("page", 0, 0).save(root / "drawn" / "text.png")
    Image.fromarray(np.zeros((64, 64), np.uint16)).save(root / "odd" / "deep.png")
    (root / "odd" / "empty.png").touch()
    (root / "odd" / "cut.png").write_bytes((root / "photo" / "cat.png").read_bytes()[:9000])
    (root / "odd" / "text.jpg").write_text("no image")


def _run(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "slimgate", "eval", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the corpus ``in`` and its report ``out``."""
    root = tmp_path_factory.mktemp("report")
    _corpus(root / "in")
    done = _run(root / "in", "--out", root / "out", "--effort", "fast", "--processes", "2")
    assert (done.returncode, "below the floor" in done.stdout) == (0, True), done.stderr
    (root / "terminal.txt").write_text(done.stdout)
    return root


@pytest.fixture(scope="module")
def study(place: Path) -> Study:
    """Return the measured study."""
    return rows.load(place / "out")


def _row(study: Study, image: str, strategy: str = POLICY) -> Row:
    (row,) = (row for row in study.rows if (row.image, row.strategy) == (image, strategy))
    return row


def test_every_image_is_measured_or_explained(study: Study) -> None:
    """Each file of the corpus has a row of the policy, with measures or with a reason."""
    problems = {row.image: row.problem for row in study.of() if row.problem}
    assert {image: why.partition(" (0 bytes not")[0] for image, why in problems.items()} == {
        "odd/cut.png": "cannot be decoded: OSError: image file is truncated",
        "odd/empty.png": "the file is empty (0 bytes)",
        "odd/text.jpg": "is not an image of any known format",
    }
    assert study.corpus.taken == len(study.of()) == 8
    assert all(row.holds for row in study.of() if not row.problem)


def test_what_the_gateway_passes_through_is_measured_as_it_is(study: Study) -> None:
    """A small image with 16 bits stays as uploaded, and says why."""
    kept = _row(study, "odd/deep.png")
    assert ("plain", 99.99, kept.uploaded) == (kept.tier, kept.psnr_db, kept.stored)
    assert kept.note == "nothing smaller holds the floor (too big)"
    assert kept.obstacle == "nothing smaller holds the floor"
    assert _row(study, "odd/deep.png", "avif-floor").note == "not smaller than the upload"


def test_all_strategies_are_compared(study: Study) -> None:
    """An image that can be taken apart has a row for every strategy."""
    names = [row.strategy for row in study.rows if row.image == "photo/face.jpg"]
    assert names == [strategy.name for strategy in STRATEGIES]


def test_strategies_do_what_they_say(study: Study) -> None:
    """At the floor it holds and one step lower does not; equal bytes and PSNR are about equal."""
    policy = _row(study, "photo/cat.png")
    for codec in ("avif", "webp", "jpeg"):
        floor, same_bytes, same_psnr = (
            _row(study, "photo/cat.png", f"{codec}-{family}")
            for family in ("floor", "bytes", "psnr")
        )
        assert floor.holds
        assert same_bytes.stored == pytest.approx(policy.stored, rel=0.05)
        assert same_psnr.psnr_db == pytest.approx(policy.psnr_db, abs=0.3)
        same_score = _row(study, "photo/cat.png", f"{codec}-score")
        assert same_score.ssimulacra2 == pytest.approx(policy.ssimulacra2, abs=2.5)
        assert same_score.stored in [size for size, _ in same_score.curve]
        (_, least), *_, (_, most) = same_score.curve
        assert least < 55
        assert most > 80


def test_one_quality_for_all_is_the_highest_that_any_image_needs(study: Study) -> None:
    """Strategies with one quality use the largest of those that single images need."""
    for name in ("avif", "webp", "jpeg"):
        needed = [row.quality for row in study.of(f"{name}-floor") if row.codec]
        used = {row.quality for row in study.of(f"{name}-fixed") if row.codec}
        assert {max(quality for quality in needed if quality)} == used


def test_tiers_alone_stay_in_their_tier(study: Study) -> None:
    """Under one tier nothing of another one is stored."""
    for strategy in STRATEGIES:
        if strategy.family == "tier":
            tier = strategy.name.removeprefix("tier-")
            found = {row.tier for row in study.of(strategy.name) if row.measured}
            allowed = {tier, "plain"} | ({"exact"} if tier == "lossless" else set())
            assert found <= allowed


def test_the_csv_has_the_same_rows(place: Path, study: Study) -> None:
    """results.csv and results.jsonl agree, and no name in it runs as a formula."""
    with (place / "out" / "results.csv").open(newline="") as file:
        read = list(csv.DictReader(file))
    assert [*read[0]] == [*COLUMNS]
    expected = [
        {name: "" if value is None else str(value) for name, value in asdict(row).items()}
        for row in study.rows
    ]
    assert read == expected
    assert {r["image"] for r in read if "rocket" in r["image"]} == {"photo/=rocket.webp"}


def test_the_recommended_policy_can_be_pasted(place: Path, study: Study) -> None:
    """The recommended policy is valid, demands the floor asked for, and saves about as much."""
    text = (place / "out" / "recommended-policy.yaml").read_text()
    (written,) = yaml.safe_load(text)["policies"]
    assert study.floor == Policy.model_validate(written).floor.model_dump()
    summary = json.loads((place / "out" / "summary.json").read_text())
    found = summary["recommended"]
    assert found["saved"] >= found["configured"] - 0.001
    assert summary["images"] == 5


def test_the_terminal_has_the_figures_of_the_summary(place: Path) -> None:
    """Printed and written figures agree."""
    summary = json.loads((place / "out" / "summary.json").read_text())
    saved = 1 - summary["stored"] / summary["uploaded"]
    printed = (place / "terminal.txt").read_text()
    assert f"saved {saved:.1%} of 5 images" in printed
    found = summary["money"]["result"]
    assert f"money: ${sum(found['now'].values()) / found['terabytes']:.2f} per TB and" in printed
    assert all(strategy.title in printed for strategy in STRATEGIES)
    for standing in summary["standings"]:
        if standing["kind"] is None:
            title, value = named(standing["strategy"]).title, standing["saved"]["value"]
            assert any(
                line.startswith(title) and f"{100 * value:.1f} %" in line
                for line in printed.splitlines()
            )


def test_the_page_shows_the_worst_images(place: Path, study: Study) -> None:
    """report.html names every image that lost something, and the CSV beside it."""
    page = (place / "out" / "report.html").read_text()
    lossy = [row.image for row in study.of() if row.tier in {"recode", "downscale"}]
    assert lossy
    assert all(html.escape(name) in page for name in lossy)
    assert 3 * len(lossy) >= page.count("data:image/webp;base64,") >= 2 * len(lossy)


def test_the_worst_images_are_sorted_by_score(place: Path, study: Study) -> None:
    """summary.json names the least faithful images with the score of their worst region."""
    summary = json.loads((place / "out" / "summary.json").read_text())
    lossy = [row for row in study.of() if row.tier in {"recode", "downscale"}]
    expected = sorted((row.ssimulacra2, row.ssimulacra2_worst, row.image) for row in lossy)
    found = [(w["ssimulacra2"], w["ssimulacra2_worst"], w["image"]) for w in summary["worst"]]
    assert found == expected
    printed = (place / "terminal.txt").read_text()
    assert f"least faithful: score {expected[0][0]:.1f}, worst region" in printed
    assert summary["curves"][0]["kind"] is None


def test_a_piece_is_cut_around_the_worst_block(place: Path, study: Study) -> None:
    """A piece shows the same place of upload, rendition and served file, at their own scales."""
    row = _row(study, "photo/face.jpg")
    data = (place / "in" / row.image).read_bytes()
    source = look(data, Policy.model_validate(study.policy)).source
    assert source is not None
    binary, note = rendition_files(place / "out", row.image)
    made = binary.read_bytes(), note.read_text()
    piece = crops.exhibit(row, source, *made, single_threaded(Engine()))
    height, width = piece.original.shape[:2]
    rows_, columns = slice(piece.top, piece.top + height), slice(piece.left, piece.left + width)
    assert np.array_equal(source.pixels[rows_, columns], piece.original)
    assert piece.original.shape == piece.served.shape
    assert (-(-height // row.scale), -(-width // row.scale)) == piece.stored.shape[:2]
    assert len(made[0]) == row.stored


def test_a_finished_report_is_not_overwritten(place: Path) -> None:
    """Without --force a folder with a report is refused and stays as it is."""
    before = {path.name: path.read_bytes() for path in (place / "out").glob("*.*")}
    done = _run(place / "in", "--out", place / "out")
    assert (done.returncode, "contains a report; choose another folder" in done.stderr) == (2, True)
    assert before == {path.name: path.read_bytes() for path in (place / "out").glob("*.*")}


def test_a_killed_run_goes_on(place: Path, tmp_path: Path) -> None:
    """Rows that were written before the end of a run are kept, torn ones are measured again."""
    out = tmp_path / "out"
    shutil.copytree(place / "out", out)
    for name in OUTPUTS:
        if name not in {rows.ROWS, rows.STUDY}:
            (out / name).unlink(missing_ok=True)
    lines = (out / rows.ROWS).read_text().splitlines(keepends=True)
    (out / rows.ROWS).write_text("".join(lines[:-12]) + lines[-12][:30])
    done = _run(place / "in", "--out", out, "--effort", "fast", "--processes", "2")
    assert done.returncode == 0, done.stderr
    again, first = rows.load(out), rows.load(place / "out")
    assert _timeless(first) == _timeless(again)
    kept = {row.dumps() for row in first.rows} & {row.dumps() for row in again.rows}
    assert len(kept) > len(first.rows) / 3


def test_a_run_of_something_else_is_not_continued(place: Path, tmp_path: Path) -> None:
    """An interrupted run with another seed is refused by name."""
    out = tmp_path / "out"
    out.mkdir()
    shutil.copy(place / "out" / rows.STUDY, out)
    shutil.copy(place / "out" / rows.ROWS, out)
    done = _run(place / "in", "--out", out, "--effort", "fast", "--seed", "7")
    assert (done.returncode, "interrupted run with another seed" in done.stderr) == (2, True)


def test_force_removes_earlier_results_and_nothing_else(place: Path, tmp_path: Path) -> None:
    """With --force a report is made anew beside what else is in the folder."""
    small = tmp_path / "in"
    small.mkdir()
    shutil.copy(place / "in" / "odd" / "deep.png", small)
    out = tmp_path / "out"
    shutil.copytree(place / "out", out)
    (out / "mine.txt").write_text("mine")
    done = _run(small, "--out", out, "--force", "--processes", "1", "--sample", "5")
    assert done.returncode == 0, done.stderr
    assert "fewer than the sample: measuring all" in done.stderr
    assert [row.image for row in rows.load(out).of()] == ["deep.png"]
    assert (out / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_ended_run_says_how_to_go_on(
    number: signal.Signals, place: Path, tmp_path: Path
) -> None:
    """An interrupted run ends with 130 and without a traceback."""
    arguments = [str(place / "in"), "--out", str(tmp_path / "out"), "--processes", "1"]
    with subprocess.Popen(
        [sys.executable, "-m", "slimgate", "eval", *arguments], stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stderr is not None
        run.stderr.readline()  # it announces what it does
        run.send_signal(number)
        rest = run.stderr.read()
    assert (run.returncode, "Repeat the command to continue" in rest) == (130, True)
    assert "Traceback" not in rest


def _timeless(study: Study) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in asdict(row).items() if not name.endswith("_s")}
        for row in study.rows
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gone"], "gone does not exist; name a folder of images"),
        (["empty"], "empty contains no images"),
        (["in", "--only", "birds"], "unknown class birds; the corpus has cats"),
        (["in", "--policies", "gone.yaml"], "gone.yaml: cannot be read"),
        (["in", "--prices", "gone.yaml"], "gone.yaml: cannot be read"),
        (["in", "--policies", "bad.yaml"], "unknown key; did you mean 'bucket'"),
        (["in", "--policies", "two.yaml"], "choose a policy of two.yaml with --policy: "),
        (["in", "--policy", "a"], "add --policies FILE"),
        (["in", "--out", "full"], "full is not empty and contains no interrupted run"),
        (["in", "--out", "file"], "file is a file; choose a folder"),
        (["s3://"], "has no bucket; write"),
        (["s3://bucket", "--endpoint-url", "nonsense"], "Invalid endpoint: nonsense"),
    ],
)
def test_bad_input_is_explained(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each input error is reported in one message, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    for folder in ("empty", "in/cats", "full"):
        Path(folder).mkdir(parents=True)
    Path("in/cats/a.png").write_bytes(b"")
    Path("full/mine.txt").write_text("mine")
    Path("file").write_text("mine")
    policy = "{name: NAME, bucket: NAME, mode: optimize}"
    two = ", ".join(policy.replace("NAME", name) for name in ("aaa", "bbb"))
    Path("two.yaml").write_text(f"policies: [{two}]\n")
    Path("bad.yaml").write_text("policies: [{name: a, buckt: a, mode: optimize}]\n")
    before = sorted(tmp_path.rglob("*"))
    given = arguments if "--out" in arguments else [*arguments, "--out", "out"]
    assert cli.main(["eval", *given]) == 2
    assert message in capsys.readouterr().err
    assert before == sorted(tmp_path.rglob("*"))


@pytest.mark.parametrize("count", ["0", "-1", "x", "1e3"])
def test_a_wrong_count_is_a_usage_error(count: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Samples and processes are whole numbers above 0."""
    with pytest.raises(SystemExit):
        cli.main(["eval", "in", "--out", "out", "--sample", count])
    assert "is not a positive number" in capsys.readouterr().err
