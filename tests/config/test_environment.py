from pathlib import Path as FilePath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimgate.config.environment import MAX_VARIABLES, override
from slimgate.config.problems import Path
from tests.config.builders import steady


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("LISTEN", "[::1]:0", {"listen": "[::1]:0"}),
        ("UPSTREAM__ENDPOINT", "http://x", {"upstream": {"endpoint": "http://x"}}),
        ("UPSTREAM__READ_TIMEOUT_S", "2.5", {"upstream": {"read_timeout_s": 2.5}}),
        ("CACHE__MAX_BYTES", "64MiB", {"cache": {"max_bytes": "64MiB"}}),
        ("CACHE__MAX_BYTES", " 0 ", {"cache": {"max_bytes": 0}}),
        ("ENGINE__WORKERS", "auto", {"engine": {"workers": "auto"}}),
        ("ENGINE__WORKERS", "4", {"engine": {"workers": 4}}),
        ("DOMAINS__0", "123", {"domains": ["123"]}),
        ("POLICIES__0__MODE", "off", {"policies": [{"mode": "off"}]}),
        ("POLICIES__0__NAME", "007", {"policies": [{"name": "007"}]}),
        ("POLICIES__0__SCALES__0", "3", {"policies": [{"scales": [3]}]}),
        ("POLICIES__0__FLOOR__ORB", "null", {"policies": [{"floor": {"orb": None}}]}),
        ("CREDENTIALS__0__SECRET_KEY", "123", {"credentials": [{"secret_key": "123"}]}),
        ("CREDENTIALS__0__SECRET_KEY", "*a: !b", {"credentials": [{"secret_key": "*a: !b"}]}),
        (
            "CREDENTIALS__0__UPSTREAM_SECRET_KEY",
            "null",
            {"credentials": [{"upstream_secret_key": "null"}]},
        ),
    ],
)
def test_a_variable_sets_one_value(name: str, text: str, expected: Any) -> None:
    """Two underscores separate levels; text is taken as it is, other values as in YAML."""
    variable = f"SLIMGATE_{name}"
    value, origins, problems = override(None, {variable: text})
    assert (value, problems) == (expected, [])
    assert list(origins.values()) == [variable]


def test_a_variable_replaces_a_value_of_the_file() -> None:
    """The environment wins, and what it does not name stays."""
    tree = {"upstream": {"endpoint": "http://a", "region": "r"}, "domains": ["a", "b"]}
    environ = {"SLIMGATE_UPSTREAM__ENDPOINT": "http://b", "SLIMGATE_DOMAINS__1": "c"}
    expected: dict[Path, str] = {
        ("domains", 1): "SLIMGATE_DOMAINS__1",
        ("upstream", "endpoint"): "SLIMGATE_UPSTREAM__ENDPOINT",
    }
    value, origins, problems = override(tree, environ)
    assert value == {"upstream": {"endpoint": "http://b", "region": "r"}, "domains": ["a", "c"]}
    assert (origins, problems) == (expected, [])


def test_an_empty_group_is_filled() -> None:
    """A key without a value in the file is a group or a list with nothing in it."""
    environ = {"SLIMGATE_CACHE__MAX_BYTES": "1", "SLIMGATE_DOMAINS__0": "a"}
    expected = {"cache": {"max_bytes": 1}, "domains": ["a"]}
    assert override({"cache": None, "domains": None}, environ)[0] == expected


def test_a_list_grows_in_the_order_of_its_indexes() -> None:
    """Items are added by number, not by the spelling of the number."""
    environ = {f"SLIMGATE_DOMAINS__{index}": f"d{index}" for index in reversed(range(12))}
    assert override({}, environ)[0] == {"domains": [f"d{index}" for index in range(12)]}


def test_other_variables_do_not_count() -> None:
    """Variables of other programs and the path of the file itself are left alone."""
    environ = {"PATH": "x", "SLIMGATE": "x", "slimgate_listen": "x", "SLIMGATE_CONFIG": "x"}
    assert override({}, environ) == ({}, {}, [])


UNKNOWN = "unknown variable"
SEVERAL = "names several settings"
NO_PLACE = "no such place"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("SLIMGATE_", UNKNOWN),
        ("SLIMGATE_LISTENS", UNKNOWN),
        ("SLIMGATE_listen", UNKNOWN),
        ("SLIMGATE_LISTEN__", UNKNOWN),
        ("SLIMGATE_LISTEN__PORT", UNKNOWN),
        ("SLIMGATE_UPSTREAM_ENDPOINT", UNKNOWN),
        ("SLIMGATE_UPSTREAM__URL", UNKNOWN),
        ("SLIMGATE_DOMAINS__X", UNKNOWN),
        ("SLIMGATE_DOMAINS__-1", UNKNOWN),
        ("SLIMGATE_DOMAINS__٣", UNKNOWN),
        ("SLIMGATE_DOMAINS__" + "9" * 5000, UNKNOWN),
        ("SLIMGATE_" + "A__" * 5000, UNKNOWN),
        ("SLIMGATE_PORT_9000_TCP", "enableServiceLinks: false"),
        ("SLIMGATE_UPSTREAM", SEVERAL),
        ("SLIMGATE_DOMAINS", SEVERAL),
        ("SLIMGATE_POLICIES__0", SEVERAL),
        ("SLIMGATE_POLICIES__0__TIERS", SEVERAL),
        ("SLIMGATE_DOMAINS__2", NO_PLACE),
        ("SLIMGATE_CACHE__MAX_BYTES", NO_PLACE),
        ("SLIMGATE_POLICIES__0__NAME", NO_PLACE),
    ],
)
def test_a_variable_without_a_place_is_named(name: str, reason: str) -> None:
    """A variable that sets nothing is a problem, never ignored, and its value is not shown."""
    tree = {"domains": ["a"], "cache": 5, "policies": {}}
    value, origins, problems = override(tree, {name: "wJalr"})
    assert value == {"domains": ["a"], "cache": 5, "policies": {}}
    assert (origins, [problem.source for problem in problems]) == ({}, [name])
    assert reason in problems[0].reason
    assert "wJalr" not in str(problems)


def test_the_number_of_variables_is_bounded() -> None:
    """A flood of variables is one problem."""
    environ = {f"SLIMGATE_DOMAINS__{index}": "a" for index in range(MAX_VARIABLES + 1)}
    value, origins, problems = override({}, environ)
    assert (value, origins, len(problems)) == ({}, {}, 1)


_NAMES = st.lists(
    st.sampled_from(["UPSTREAM", "ENDPOINT", "POLICIES", "DOMAINS", "0", "1", "NAME", "", "TIERS"]),
    max_size=4,
).map(lambda parts: "SLIMGATE_" + "__".join(parts))


@steady
@given(
    st.sampled_from([None, 5, "x", [], [1], {}, {"policies": [1]}, {"upstream": "x"}]),
    st.dictionaries(_NAMES, st.text(max_size=5), max_size=4),
)
def test_every_variable_is_used_or_reported(tree: Any, environ: dict[str, str]) -> None:
    """Each variable is either the origin of a value or a problem, whatever the file contains."""
    _, origins, problems = override(tree, environ)
    assert sorted(environ) == sorted([*origins.values(), *(problem.source for problem in problems)])


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_a_variable_names_a_file_with_the_value(tmp_path: FilePath, ending: str) -> None:
    """Secrets of containers are files; the line break that ends them is not part of the value."""
    (tmp_path / "token").write_bytes(b"t0ken " + ending.encode())
    variable = "SLIMGATE_ADMIN__TOKEN_FILE"
    value, origins, problems = override(None, {variable: str(tmp_path / "token")})
    assert (value, problems) == ({"admin": {"token": "t0ken "}}, [])
    assert origins == {("admin", "token"): variable}


def test_values_in_files_mean_what_they_mean_in_variables(tmp_path: FilePath) -> None:
    """Numbers and sizes may stand in files, too."""
    (tmp_path / "workers").write_text("4\n")
    environ = {"SLIMGATE_ENGINE__WORKERS_FILE": str(tmp_path / "workers")}
    assert override(None, environ)[0] == {"engine": {"workers": 4}}


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("ADMIN__TOKEN_FILE", None, "the file that it names cannot be read: No such file or"),
        ("ADMIN__TOKEN_FILE", b"\xff\xfe", "the file that it names is not UTF-8 text"),
        ("ADMIN__TOKEN_FILE", b"a" * (1 << 20) + b"a", "the file that it names is larger than"),
        ("ADMIN__TOCKEN_FILE", b"a", "unknown variable"),
        ("ADMIN_FILE", b"a", "names several settings"),
        ("ADMIN__TOKEN_FILE_FILE", b"a", "unknown variable"),
        ("CONFIG_FILE", b"a", "unknown variable"),
    ],
)
def test_files_that_cannot_be_used_are_told(
    tmp_path: FilePath, name: str, content: bytes | None, reason: str
) -> None:
    """Of a file that is missing or no text the variable is named, and nothing is set."""
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    value, origins, problems = override(None, {f"SLIMGATE_{name}": str(tmp_path / "secret")})
    assert (value, origins) == ({}, {})
    (problem,) = problems
    assert problem.source == f"SLIMGATE_{name}"
    assert problem.reason.startswith(reason)


def test_a_value_comes_from_one_place(tmp_path: FilePath) -> None:
    """A variable and a file for the same setting contradict each other."""
    (tmp_path / "token").write_text("a")
    variables = {
        "SLIMGATE_ADMIN__TOKEN_FILE": str(tmp_path / "token"),
        "SLIMGATE_ADMIN__TOKEN": "b",
    }
    for environ in (variables, dict(reversed(variables.items()))):
        _, origins, problems = override(None, environ)
        assert len(origins) == 1
        assert [problem.path for problem in problems] == ["admin.token"]
        assert problems[0].reason.endswith("also sets it; remove one of them")
