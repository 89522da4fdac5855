import traceback
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimgate.config.document import MAX_FILE_BYTES
from slimgate.config.loading import config_path, load
from slimgate.config.problems import MAX_PROBLEMS, ConfigError, Problem
from tests.config.builders import (
    RESTORERS,
    SECRET,
    documents,
    dump,
    load_text,
    minimal,
    policy,
    revealed,
    settings,
    steady,
)

EXAMPLE = Path(__file__).parents[2] / "config" / "example.yaml"
HEAD = """\
upstream: {endpoint: "http://store:9000"}
credentials:
  - access_key: AKIA
    secret_key: hush
"""
POLICY = f"""{HEAD}policies:
  - name: photos
    bucket: "photos-*"
    mode: off
"""


def refusal(folder: Path, text: str, **environ: str) -> list[str]:
    """Return the lines of the error that loading the text raises, without the folder."""
    with pytest.raises(ConfigError) as caught:
        load_text(folder, text, **environ)
    return str(caught.value).replace(f"{folder}/", "").splitlines()


def test_a_small_file_is_loaded(tmp_path: Path) -> None:
    """The smallest file yields the same settings as the smallest document."""
    assert load_text(tmp_path, dump(minimal())) == settings()


def test_mode_off_needs_no_quotes(tmp_path: Path) -> None:
    """`mode: off` is the mode, not the boolean of YAML 1.1."""
    assert load_text(tmp_path, POLICY).policies[0].mode == "off"


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    """A file saved by an editor that marks UTF-8 is loaded."""
    assert load_text(tmp_path, HEAD) == load_text(tmp_path, "\ufeff" + HEAD)


def test_the_example_is_complete_and_shows_defaults() -> None:
    """The example is valid, and what is optional in it has its default."""
    made = load(EXAMPLE, environ={}, known_restorers=RESTORERS)
    required = {"name": "user-photos", "bucket": "photos-*", "mode": "shadow"}
    expected = settings(
        upstream={"endpoint": "https://s3.us-east-1.amazonaws.com"},
        credentials=[{"access_key": "EXAMPLEACCESSKEY", "secret_key": "replace-this-secret"}],
        policies=[required],
    )
    assert made == expected


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        ("tier: [recode]", "9: policies[0].tier: unknown key; did you mean 'tiers'?"),
        ("zzz: 1", "9: policies[0].zzz: unknown key"),
        ("originals: {bucket: a}", "9: policies[0].originals.bucket: unknown key"),
        ("originals:", "9: policies[0].originals: must be a mapping of keys to values"),
        ("originals: {keep: a}", "9: policies[0].originals.keep: must match pattern"),
        (
            "tiers:\n    - recode\n    - plain",
            "11: policies[0].tiers[1]: plain is the implicit last",
        ),
        ("tiers: []", "9: policies[0].tiers: must not be empty"),
        ("tiers: recode", "9: policies[0].tiers: must be a list"),
        ("codecs: [heic]", "9: policies[0].codecs[0]: must be 'avif', 'jpeg'"),
        ("scales: [5]", "9: policies[0].scales[0]: must be at most 4"),
        (
            "restorer: real",
            "9: policies[0].restorer: unknown restorer; choose one of lanczos, native",
        ),
        ("floor: 5", "9: policies[0].floor: must be a mapping of keys to values"),
        ("floor:\n      ssim: 2", "10: policies[0].floor.ssim: must be at most 1"),
        (
            "floor: {psnr_db: null, ssim: ~, orb: ~}",
            "9: policies[0].floor: no measure is left",
        ),
        ("limits: {max_bytes: 2GiB}", "9: policies[0].limits.max_bytes: must be at most 1GiB"),
        ("limits: {max_bytes: 64Mb}", "9: policies[0].limits.max_bytes: must be a whole number"),
        ("limits: {timeout_s: 0}", "9: policies[0].limits.timeout_s: must be more than 0"),
        ("min_saving: 1", "9: policies[0].min_saving: must be less than 1"),
        ("prefix: 5", "9: policies[0].prefix: must be text; a number or a word like true needs"),
        ("scales: [2]\n    tiers: [recode]", "9: policies[0].scales: scales need the tier"),
        ("mode: off", "9: policies[0].mode: duplicate key"),
        ("restorer: &a lanczos", "9: anchors and aliases are not accepted"),
        ("effort: [", "10: not valid YAML"),
        ("\n  - {name: b, bucket: b}", "10: policies[1].mode: required key is missing"),
        ("\n  - {name: photos, bucket: b, mode: off}", "10: policies[1].name: is a duplicate"),
        (
            "\n  - name: b\n    mode: off\n    bucket: 'photos-*'",
            "10: policies[1]: can never match",
        ),
    ],
)
def test_an_error_names_its_line(tmp_path: Path, tail: str, expected: str) -> None:
    """Each problem is one line with file, line of the key, setting and reason."""
    lines = refusal(tmp_path, f"{POLICY}    {tail}\n")
    assert [line.startswith(f"slimgate.yaml:{expected}") for line in lines] == [True]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ["slimgate.yaml:1: upstream: required key is missing"]),
        ("[]", ["slimgate.yaml:1: must be a mapping of keys to values"]),
        ("5", ["slimgate.yaml:1: must be a mapping of keys to values"]),
    ],
)
def test_a_file_that_is_no_mapping_is_refused(
    tmp_path: Path, text: str, expected: list[str]
) -> None:
    """An empty file lacks its required keys, and anything but a mapping is named so."""
    assert refusal(tmp_path, text)[:1] == expected


def test_all_problems_are_shown_in_order(tmp_path: Path) -> None:
    """Problems of variables come first, then those of the file by line."""
    text = HEAD.replace("hush", "5") + "cash: {}\nlisten: 1\n"
    expected = [
        "SLIMGATE_CASH: unknown variable",
        "slimgate.yaml:4: credentials[0].secret_key: must be text",
        "slimgate.yaml:5: cash: unknown key",
        "slimgate.yaml:6: listen: must be text",
    ]
    assert [line.split(";")[0] for line in refusal(tmp_path, text, SLIMGATE_CASH="1")] == expected


def test_an_error_points_at_the_variable(tmp_path: Path) -> None:
    """A bad value from the environment names the variable, not a line."""
    expected = ["SLIMGATE_CACHE__MAX_BYTES: cache.max_bytes: must be at most 1TiB"]
    assert refusal(tmp_path, HEAD, SLIMGATE_CACHE__MAX_BYTES="2TiB") == expected


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    """A value from the environment wins, and a secret is taken character by character."""
    environ = {"SLIMGATE_LISTEN": "[::]:80", "SLIMGATE_CREDENTIALS__0__SECRET_KEY": "*12: !"}
    made = load_text(tmp_path, HEAD, **environ)
    assert (made.listen, made.credentials[0].secret_key.get_secret_value()) == ("[::]:80", "*12: !")


def test_an_unknown_variable_refuses_a_good_file(tmp_path: Path) -> None:
    """A misspelled override must not be silently without effect."""
    assert [refusal(tmp_path, HEAD, SLIMGATE_LISTENS="x")[0].split(":")[0]] == ["SLIMGATE_LISTENS"]


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    """A missing file, a folder and an impossible name are configuration errors."""
    for path, reason in (
        (tmp_path / "none.yaml", "none.yaml: cannot be read: No such file"),
        (tmp_path, "cannot be read: Is a directory"),
        (Path("a\0b"), "is not a valid file name"),
    ):
        with pytest.raises(ConfigError, match=reason):
            load(path, environ={}, known_restorers=RESTORERS)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    """A file that is not UTF-8 is refused with the line, and its content is not shown."""
    path = tmp_path / "a.yaml"
    path.write_bytes(f"# {SECRET}\n\n".encode() + b"\xff")
    with pytest.raises(ConfigError, match=r"a\.yaml:3: is not UTF-8 text") as caught:
        load(path, environ={}, known_restorers=RESTORERS)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_the_size_of_a_file_is_bounded(tmp_path: Path) -> None:
    """The largest file is read, one byte more is refused."""
    filled = HEAD + "#" * (MAX_FILE_BYTES - len(HEAD))
    assert load_text(tmp_path, HEAD) == load_text(tmp_path, filled)
    assert refusal(tmp_path, filled + "#") == ["slimgate.yaml: is larger than 1048576 bytes"]


def test_a_flood_of_problems_is_bounded(tmp_path: Path) -> None:
    """Thousands of unknown keys yield a bounded report."""
    lines = refusal(tmp_path, HEAD + "".join(f"listem{index}: 1\n" for index in range(5000)))
    assert len(lines) == MAX_PROBLEMS + 1
    assert lines[-1].endswith("and more problems like these")


def test_the_path_of_the_file_comes_from_the_environment() -> None:
    """SLIMGATE_CONFIG names the file, and there is a default name."""
    assert Path("/etc/a.yaml") == config_path({"SLIMGATE_CONFIG": "/etc/a.yaml"})
    assert [Path("slimgate.yaml")] * 2 == [config_path({}), config_path({"SLIMGATE_CONFIG": ""})]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that examples of one property share."""
    return tmp_path_factory.mktemp("config")


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
_TOP = st.sampled_from(["listen", "domains", "upstream", "credentials", "engine", "policies", "x"])


@steady
@given(changes=st.dictionaries(_TOP, _VALUES | st.lists(st.just(policy()), max_size=3)))
def test_junk_raises_configuration_errors_only(folder: Path, changes: dict[str, Any]) -> None:
    """No value of any setting raises anything else, and every problem says where it is."""
    problems: tuple[Problem, ...] = ()
    try:
        load_text(folder, dump(minimal(**changes)))
    except ConfigError as error:
        problems = error.problems
    assert all(problem.line or problem.path for problem in problems)
    assert SECRET not in repr(problems)


@steady
@given(text=st.binary(max_size=80))
def test_any_file_raises_configuration_errors_only(folder: Path, text: bytes) -> None:
    """No sequence of bytes raises anything else."""
    path = folder / "junk.yaml"
    path.write_bytes(text)
    with pytest.raises(ConfigError):
        load(path, environ={}, known_restorers=RESTORERS)


@steady
@given(document=documents())
def test_settings_dumped_and_loaded_are_equal(folder: Path, document: dict[str, Any]) -> None:
    """Settings written out with all defaults are the same settings when loaded again."""
    made = settings(**document)
    again = load_text(folder, dump(revealed(made)))
    assert made == again
    assert [policy.digest for policy in made.policies] == [p.digest for p in again.policies]
