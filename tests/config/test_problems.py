import pickle

import pytest

from slimgate.config.problems import MAX_PROBLEMS, ConfigError, Path, Problem, show_path


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        (Problem("a.yaml", 12, "cache", "bad"), "a.yaml:12: cache: bad"),
        (Problem("a.yaml", None, "", "bad"), "a.yaml: bad"),
        (Problem("SLIMGATE_LISTEN", None, "listen", "bad"), "SLIMGATE_LISTEN: listen: bad"),
    ],
)
def test_a_problem_is_one_line(problem: Problem, expected: str) -> None:
    """A problem says file and line or variable, then setting, then reason."""
    assert str(problem) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ((), ""),
        (("policies", 0, "tiers", 1), "policies[0].tiers[1]"),
        (("a" * 70,), "a" * 64 + "…"),
        (("a\x1b[0m",), "'a\\x1b[0m'"),
        (("x", "\ud800"), "x.'\\ud800'"),
    ],
)
def test_paths_are_bounded_and_printable(path: Path, expected: str) -> None:
    """The path of any key is safe for a terminal."""
    assert show_path(path) == expected


def test_an_error_lists_its_problems() -> None:
    """The text of the error has one line per problem."""
    problems = (Problem("a", 1, "b", "c"), Problem("a", 2, "d", "e"))
    error = ConfigError(problems)
    assert problems == error.problems
    assert str(error) == "a:1: b: c\na:2: d: e"
    assert problems == pickle.loads(pickle.dumps(error)).problems  # noqa: S301  # our own bytes


def test_an_error_is_bounded() -> None:
    """Past the limit one line stands for all that follow."""
    error = ConfigError([Problem("a", 1, "", "b")] * 10_000)
    assert len(error.problems) == MAX_PROBLEMS + 1
    assert str(error).endswith("\na: and more problems like these")
