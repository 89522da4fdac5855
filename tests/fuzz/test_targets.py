"""What fuzz targets promise holds for their seeds, and for every input that once broke it."""

import pytest

from fuzz.__main__ import main
from fuzz.target import CRASHES, MAX_LENGTH, NAMES, Broken, Target, pieces


@pytest.mark.parametrize("name", NAMES)
def test_seeds_hold(name: str) -> None:
    """There are some, short enough to be used, and none is a fault."""
    target = Target.named(name)
    seeds = list(target.seeds())
    assert seeds
    assert max(map(len, seeds)) <= MAX_LENGTH
    assert target.words
    for seed in seeds:
        target.run(seed)


@pytest.mark.parametrize("name", NAMES)
def test_what_failed_once_holds(name: str) -> None:
    """Each input in fuzz/crashes belongs to a target, and is no fault any more."""
    target = Target.named(name)
    for file in sorted((CRASHES / name).glob("*")):
        target.run(file.read_bytes())


def test_every_crash_has_a_target() -> None:
    """No folder is left that nothing replays."""
    assert {each.name for each in CRASHES.iterdir() if each.is_dir()} - set(NAMES) == set()


def test_a_broken_invariant_is_a_fault() -> None:
    """It cannot be taken for an error that a parser declares."""
    assert issubclass(Broken, AssertionError)
    assert b"".join(pieces(bytes(range(100)))) == bytes(range(100))


def test_unknown_targets_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    """The error lists those that there are."""
    with pytest.raises(SystemExit):
        main(["nothing"])
    assert "unknown target: nothing" in capsys.readouterr().err
