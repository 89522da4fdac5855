"""Tests of the pictures in the documents."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from PIL import Image

from bench import contest, reference
from bench.before_after import AVERAGES, FLOORS, README, TILE, Cell, Subject, drawn, main, served
from slimgate.config.floor import DEFAULT_FIDELITY, PRESETS
from slimgate.models.engine.loading import LocalRestorers

_EVAL: Final = Path(__file__).parents[2] / "../shared/data/eval"


@pytest.fixture(scope="module")
def upscalers() -> Iterator[LocalRestorers]:
    """Return restorers that compute in this process."""
    networks, restorers = contest.alone()
    yield restorers
    networks.close()


@pytest.mark.slow  # optimizes large images twice
@pytest.mark.parametrize("subject", FLOORS.subjects, ids=lambda subject: subject.title)
def test_the_default_keeps_what_averages_destroyed(
    subject: Subject, upscalers: LocalRestorers
) -> None:
    """What GET returns by default holds score, worst region and key points; averages did not."""
    try:
        upload = subject.read(_EVAL)
    except OSError as error:
        pytest.skip(f"needs {error.filename}")
    before = reference.decoded(upload)
    old, new = (served(upload, each, upscalers) for each in (AVERAGES, {}))
    assert old.score < 50
    assert list(reference.shortfalls(PRESETS[DEFAULT_FIDELITY], before, new.pixels)) == []


def test_pieces_stand_side_by_side() -> None:
    """Each row of the picture has its three pieces from left to right."""
    colours = [(200, 0, 0), (0, 200, 0), (0, 0, 200)]
    row = [Cell(Image.new("RGB", TILE, each), "what it is") for each in colours]
    picture = drawn(README.titles, [row, row])
    middle = picture.height // 2 - TILE[1] // 2
    seen = [picture.getpixel((picture.width * x // 6, middle)) for x in (1, 3, 5)]
    assert seen == colours


def test_missing_images_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without the images nothing is drawn, and the first that is missing is named."""
    found = FLOORS.subjects[1].file
    assert main([str(tmp_path), "--out", str(tmp_path / "out.jpg")]) == 2
    assert found in capsys.readouterr().err
