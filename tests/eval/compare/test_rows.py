from dataclasses import replace
from pathlib import Path

import pytest

from slimgate.eval.compare import rows
from slimgate.eval.compare.rows import BrokenResult, Corpus, Row, Study
from slimgate.eval.compare.strategies import POLICY, STRATEGIES, named

MEASURED = Row(
    image="cats/größe one.jpg",
    kind="cats",
    strategy=POLICY,
    uploaded=4000,
    stored=1000,
    width=640,
    height=480,
    format="JPEG",
    tier="recode",
    codec="avif",
    quality=60,
    psnr_db=34.5,
    orb=0.75,
    holds=True,
)
BROKEN = Row("dogs.jpg", "", POLICY, 10, 10, problem="cannot be read")
STUDY = Study(
    corpus=Corpus("photos", images=3, taken=2, classes={"cats": 1, "": 1}, bytes=4010),
    policy={"name": "p", "floor": {"psnr_db": 34.0}},
    floor={"psnr_db": 34.0, "orb": None},
    seed=7,
    versions={"python": "3.11.2"},
    machine={"cores": "2"},
    started="2026-01-02T03:04:05+00:00",
)


def _write(folder: Path, *lines: str) -> None:
    STUDY.save(folder)
    (folder / rows.ROWS).write_text("".join(lines))


def test_a_study_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    """A saved run loads as the same study with the same rows."""
    _write(tmp_path, f"{MEASURED.dumps()}\n", f"{BROKEN.dumps()}\n")
    assert rows.load(tmp_path) == replace(STUDY, rows=(MEASURED, BROKEN))


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    """A run that was ended in the middle of a line leaves the rows before it."""
    _write(tmp_path, f"{MEASURED.dumps()}\n", BROKEN.dumps()[:20])
    assert rows.load(tmp_path).rows == (MEASURED,)


@pytest.mark.parametrize("line", ["{}", "[1]", '{"image": 3}', "nonsense"])
def test_a_line_that_is_no_row_is_named(tmp_path: Path, line: str) -> None:
    """A damaged line is reported by file and number."""
    _write(tmp_path, f"{MEASURED.dumps()}\n", f"{line}\n")
    with pytest.raises(BrokenResult, match=r"results\.jsonl, line 2: "):
        rows.load(tmp_path)


def test_a_folder_without_a_result_says_what_to_do(tmp_path: Path) -> None:
    """Where no run has been, the message names the command."""
    with pytest.raises(BrokenResult, match="run slimgate eval"):
        rows.load(tmp_path)


def test_a_damaged_study_is_named(tmp_path: Path) -> None:
    """A study that lacks something is reported by file and key."""
    (tmp_path / rows.STUDY).write_text('{"seed": 1}')
    with pytest.raises(BrokenResult, match=r"study\.json: corpus"):
        rows.load(tmp_path)


def test_saving_and_size_of_a_row() -> None:
    """The share saved is of the upload's bytes, and of an empty file nothing."""
    assert (MEASURED.saved, MEASURED.megapixels, MEASURED.measured) == (0.75, 0.3072, True)
    empty = Row("e", "", POLICY, 0, 0, problem="empty")
    assert (empty.saved, empty.measured) == (0.0, False)


def test_names_of_strategies_are_unique() -> None:
    """Each strategy is found by its name."""
    assert [named(strategy.name) for strategy in STRATEGIES] == list(STRATEGIES)


def test_an_unknown_strategy_is_refused_with_the_known_ones() -> None:
    """A wrong name is answered with the right ones."""
    with pytest.raises(LookupError, match=r"'nope'.*avif-floor"):
        named("nope")
