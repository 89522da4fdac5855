import traceback
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from slimgate.config.problems import ConfigError
from tests.config.builders import SECRET, load_text, settings

PAIR = {"access_key": "a", "secret_key": SECRET}


def test_secrets_are_masked() -> None:
    """Neither text nor representation nor a JSON dump of settings shows a secret."""
    made = settings(
        credentials=[{**PAIR, "upstream_access_key": "b", "upstream_secret_key": SECRET}]
    )
    shown = f"{made} {made!r} {made.credentials[0]!r} {made.model_dump()} {made.model_dump_json()}"
    assert SECRET not in shown


@pytest.mark.parametrize("secret", [SECRET + "\n", SECRET * 50, [SECRET], {SECRET: SECRET}])
def test_a_refused_secret_is_not_shown(secret: Any) -> None:
    """The error for a bad secret does not repeat it."""
    with pytest.raises(ValidationError) as caught:
        settings(credentials=[{"access_key": "a", "secret_key": secret}])
    assert SECRET not in f"{caught.value} {caught.value!r}"


@pytest.mark.parametrize(
    "line",
    [
        f"secret_key: ' {SECRET}'",
        f"secret_key: [{SECRET}]",
        f"secret_key: &a{SECRET}",
        f"secret_key: *a{SECRET}",
        f"secret_key: '{SECRET}",
        f"secret_key: {SECRET}\n    secret_key: {SECRET}",
        f"secret_key: {SECRET}\n    upstream_secret_key: {SECRET}",
        f"secret_key: {SECRET}\n    other: {SECRET}",
        f"upstream_access_key: '{SECRET} '",
    ],
)
def test_no_error_shows_a_secret(tmp_path: Path, line: str) -> None:
    """Text, representation and traceback of the error are free of the secret."""
    text = f"upstream: {{endpoint: 'http://s'}}\ncredentials:\n  - access_key: a\n    {line}\n"
    with pytest.raises(ConfigError) as caught:
        load_text(tmp_path, text)
    shown = f"{caught.value!r}{''.join(traceback.format_exception(caught.value))}"
    assert SECRET not in shown
