from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from slimgate.config.describe import MASK, effective, reference, rows
from slimgate.config.document import parse_document
from tests.config.builders import documents, dump, load_text, policy, revealed, settings, steady


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that examples of one property share."""
    return tmp_path_factory.mktemp("config")


def test_the_effective_configuration_is_readable() -> None:
    """Defaults are written out, units are rendered, endpoints are shown and secrets masked."""
    text = effective(settings(policies=[policy(tiers=["recode"], floor={"orb": 0.5})]))
    for line in (
        "listen: 127.0.0.1:9000",
        "  endpoint: http://store:9000",
        f"  secret_key: '{MASK}'",
        "  upstream_secret_key: null",
        "  max_bytes: 256MiB",
        "  worker_memory: 5GiB",
        "  max_header_bytes: 16KiB",
        "  mode: optimize",
        "  scales: []",
        "    orb: 0.5",
        "    max_pixels: 200MP",
    ):
        assert f"{line}\n" in text


def test_mode_off_stays_a_word() -> None:
    """The mode off is quoted, so that no reader of YAML takes it for false."""
    assert "mode: 'off'" in effective(settings(policies=[policy(mode="off")]))


@steady
@given(document=documents())
def test_the_effective_configuration_is_a_configuration(
    folder: Path, document: dict[str, Any]
) -> None:
    """With the secrets put back, the printed text loads as the very same settings."""
    made = settings(**document)
    tree = parse_document(effective(made), "effective").value
    tree["credentials"] = revealed(made.credentials)
    again = load_text(folder, dump(tree))
    assert made == again


@steady
@given(document=documents())
def test_no_secret_is_printed(document: dict[str, Any]) -> None:
    """Every secret is masked."""
    made = settings(**document)
    shown = parse_document(effective(made), "effective").value["credentials"]
    secrets = [value for pair in shown for key, value in pair.items() if "secret" in key]
    assert {secret for secret in secrets if secret is not None} == {MASK}


def test_every_setting_is_in_the_reference() -> None:
    """The table has a row with a default and a meaning for each value of the configuration."""
    text = (Path(__file__).parents[2] / "config" / "example.yaml").read_text(encoding="utf-8")
    document = parse_document(text, "example.yaml")
    keys = {_key(path) for path in document.lines if _is_leaf(path, document.lines)}
    named = {row.key for row in rows()}
    # Null stands for a whole group.
    groups = {key for key in keys if any(name.startswith(f"{key}.") for name in named)}
    within = tuple(f"{group}." for group in groups)
    assert keys - groups == {name for name in named if not name.startswith(within)}
    assert all(row.default and row.meaning for row in rows())


def test_rows_show_defaults_as_they_are_written() -> None:
    """Units, lists, nulls and what is required are shown as in the file."""
    shown = {row.key: row.default for row in rows()}
    expected = {
        "listen": "`127.0.0.1:9000`",
        "domains": "`[localhost]`",
        "upstream.endpoint": "required",
        "credentials[].secret_key": "required",
        "credentials[].upstream_secret_key": "`null`",
        "limits.max_header_bytes": "`16KiB`",
        "policies[].scales": "`[2, 3, 4]`",
        "policies[].limits.max_pixels": "`200MP`",
        "policies[].prefix": "`''`",
    }
    assert {key: shown[key] for key in expected} == expected


def test_the_reference_is_a_table() -> None:
    """Each line of the reference has three cells, and each row stands in it."""
    lines = reference().splitlines()
    assert len(lines) == len(rows()) + 2
    assert {line.count("|") for line in lines} == {4}
    assert "| `cache.max_bytes` | `256MiB` | size of the memory cache, bytes; 0: off |" in lines


def _key(path: tuple[str | int, ...]) -> str:
    """Return a path as the reference writes it; a list of plain values is one setting."""
    steps = ["[]" if isinstance(step, int) else f".{step}" for step in path]
    return "".join(steps).removeprefix(".").removesuffix("[]")


def _is_leaf(path: tuple[str | int, ...], lines: Any) -> bool:
    return bool(path) and not any(
        isinstance(other[-1], str) and other[: len(path)] == path and len(other) > len(path)
        for other in lines
        if other
    )
