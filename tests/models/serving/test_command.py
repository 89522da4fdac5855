"""Tests of the options of an engine that serves others."""

from dataclasses import replace
from pathlib import Path

import pytest

from slimgate import models
from slimgate.config import ConfigError, Engine
from slimgate.models.serving import command
from slimgate.models.serving.command import TOKEN_FILE, CannotServe, ServeOptions

_OPTIONS = ServeOptions(
    host="127.0.0.1",
    port=0,
    engine=Engine(threads=1),
    restorers=("native-x4",),
    max_queue=4,
    timeout_s=10,
    drain_s=1,
)


def test_a_token_is_read_from_a_file(tmp_path: Path) -> None:
    """The option is preferred to the environment, and a line break at the end is no part of it."""
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("first\n")
    two.write_text("second\r\n")
    assert command.token_of(replace(_OPTIONS, token_file=one), {TOKEN_FILE: str(two)}) == "first"
    assert command.token_of(_OPTIONS, {TOKEN_FILE: str(two)}) == "second"


def test_only_loopback_needs_no_token(tmp_path: Path) -> None:
    """Other machines could send images; an empty token is none."""
    assert command.token_of(_OPTIONS, {}) is None
    with pytest.raises(ValueError, match="name a file with a token"):
        command.token_of(replace(_OPTIONS, host="192.0.2.1"), {})
    empty = tmp_path / "empty"
    empty.write_text("\n")
    with pytest.raises(ValueError, match="must contain a token"):
        command.token_of(_OPTIONS, {TOKEN_FILE: str(empty)})
    with pytest.raises(ConfigError):
        command.token_of(_OPTIONS, {TOKEN_FILE: str(tmp_path / "missing")})


def test_families_name_all_their_networks() -> None:
    """Interpolation needs no engine."""
    expected = models.networks(models.chosen("native").values())
    assert command.networks(["native", "bicubic"]) == expected
    assert command.networks(["native-x2-1"]) == set(models.chosen("native-x2-1").values())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"restorers": ("nothing",)}, "unknown restorer 'nothing'"),
        ({"restorers": ("real-esrgan-x2plus",)}, "real-esrgan-x2plus"),
        ({"host": "192.0.2.1"}, "address"),
        ({"certificate": (Path("none.pem"), Path("none.key"))}, "none.pem and none.key are"),
    ],
)
async def test_what_cannot_serve_says_why(
    changes: dict[str, object], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the restorer, the address or the file."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(CannotServe, match=reason):
        await command.serve(replace(_OPTIONS, **changes), None)  # type: ignore[arg-type]
