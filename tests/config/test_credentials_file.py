import json
from pathlib import Path
from typing import Any

import pytest

from slimgate.config import ConfigError, Credential, read_credentials
from slimgate.config.credentials_file import MAX_CREDENTIALS
from tests.config.builders import SECRET

_ROWS: list[dict[str, Any]] = [
    {"access_key": "a", "secret_key": SECRET},
    {"access_key": "b", "secret_key": SECRET, "upstream": {"profile": "p"}},
]
_YAML = f"""
- access_key: a
  secret_key: {SECRET}
- {{access_key: b, secret_key: {SECRET}, upstream: {{profile: p}}}}
"""


def _read(folder: Path, text: str, taken: tuple[str, ...] = ()) -> list[Credential]:
    path = folder / "keys"
    path.write_text(text)
    return list(read_credentials(path, taken))


@pytest.mark.parametrize("text", [json.dumps(_ROWS), json.dumps(_ROWS, indent=1), _YAML])
def test_a_list_is_read(tmp_path: Path, text: str) -> None:
    """JSON and YAML give the same credentials as the setting of that name."""
    assert _read(tmp_path, text) == [Credential.model_validate(row) for row in _ROWS]


def test_an_empty_list_is_no_fault(tmp_path: Path) -> None:
    """There may be no credentials in the file, yet."""
    assert _read(tmp_path, "[]") == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{}", "must be a list of credentials"),
        ("", "must be a list of credentials"),
        ("[1]", "[0]: must be a mapping"),
        (json.dumps([*_ROWS, {"access_key": "c"}]), "[2].secret_key: required key is missing"),
        (json.dumps([{**_ROWS[0], "other": SECRET}]), "[0].other: unknown key"),
        (json.dumps([{**_ROWS[0], "upstream": {}}]), "[0].upstream: set exactly one of"),
        (json.dumps([*_ROWS, _ROWS[0]]), "[2].access_key: is a duplicate"),
        (json.dumps([{"access_key": "taken", "secret_key": SECRET}]), "is also in credentials"),
        ('[{"access_key": "a", "access_key": "b", "secret_key": "x"}]', "duplicate key"),
        (f'[{{"access_key": "a", "secret_key": "{SECRET}"', "not valid YAML"),
        (f'["{SECRET}", ' + " " * 2**20, "not valid JSON"),
        ("[" * 3000, "nested deeper"),
    ],
)
def test_what_is_wrong_is_told_without_secrets(tmp_path: Path, text: str, reason: str) -> None:
    """An invalid file is refused with place and reason."""
    with pytest.raises(ConfigError) as caught:
        _read(tmp_path, text, ("taken",))
    assert reason in str(caught.value)
    assert SECRET not in f"{caught.value!r}"


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """The name of a file that cannot be read is in the error."""
    with pytest.raises(ConfigError, match="nothing: cannot be read"):
        list(read_credentials(tmp_path / "nothing"))


def test_as_many_as_documented_are_read(tmp_path: Path) -> None:
    """The documented number of credentials is accepted, one more is not."""
    rows = [{"access_key": f"k{n}", "secret_key": "s"} for n in range(MAX_CREDENTIALS + 1)]
    assert len(_read(tmp_path, json.dumps(rows[1:]))) == MAX_CREDENTIALS
    with pytest.raises(ConfigError, match="more than 100,000"):
        _read(tmp_path, json.dumps(rows))
