"""Compare image limits of policies with worker memory."""

from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from slimgate.cli import main
from slimgate.config import Settings
from slimgate.gateway.workers.capacity import memory_needed, memory_parts, shortages
from tests.config.builders import policy, settings

_DOCUMENT: Final = {
    "upstream": {"endpoint": "http://store:9000", "region": "us-east-1"},
    "credentials": [{"access_key": "key", "secret_key": "secret"}],
    "engine": {"worker_memory": "1GiB"},
    "policies": [{"name": "photos", "bucket": "photos", "mode": "optimize"}],
}


def _settings(memory: str | None = None, **changes: Any) -> Settings:
    engine = {} if memory is None else {"worker_memory": memory}
    return settings(engine=engine, policies=[policy(**changes)])


@pytest.mark.parametrize("tiers", [["exact"], ["recode"], ["recode", "exact", "lossless"], None])
def test_the_defaults_agree(tiers: list[str] | None) -> None:
    """Images of the default maximum size fit the default memory."""
    changes: dict[str, Any] = {} if tiers is None else {"tiers": tiers}
    assert list(shortages(_settings(**changes))) == []


@pytest.mark.parametrize(
    ("memory", "changes", "said"),
    [
        ("2GiB", {}, ("200 megapixels", "above 89 ", "worker_memory to 4", "max_pixels to 89MP")),
        ("4GiB", {"tiers": ["recode"], "codecs": ["avif"]}, ("above 89 ", "worker_memory to 9")),
        (
            "4GiB",
            {"tiers": ["recode"], "codecs": ["avif"], "fidelity": None},
            ("above 102 ", "worker_memory to 8"),
        ),
        ("1GiB", {"limits": {"max_pixels": "64MP"}}, ("64 megapixels", "above 44 ")),
    ],
)
def test_a_shortage_says_what_to_change(
    memory: str, changes: dict[str, Any], said: tuple[str, ...]
) -> None:
    """The warning names the policy, the largest image that fits, and both remedies."""
    (warning,) = shortages(_settings(memory, **changes))
    for words in ("policy 'photos'", *said):
        assert words in warning


def test_nothing_is_said_of_policies_that_are_off() -> None:
    """Policies that are off need no memory."""
    assert list(shortages(_settings("256MiB", mode="off"))) == []


def test_check_warns(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command line accepts such a configuration, and warns on standard error."""
    file = tmp_path / "slimgate.yaml"
    file.write_text(yaml.safe_dump(_DOCUMENT))
    assert main(["check", "--config", str(file)]) == 0
    assert "warning: policy 'photos' admits images of 200 megapixels" in capsys.readouterr().err


def test_check_prints_the_memory_and_its_parts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """People see which settings make up the sum; what is printed is still the configuration."""
    found = _settings("1GiB")
    file = tmp_path / "slimgate.yaml"
    file.write_text(yaml.safe_dump(_DOCUMENT))
    assert main(["check", "--config", str(file)]) == 0
    printed = capsys.readouterr().out
    lines = [line.split(maxsplit=2) for line in printed.splitlines() if line.startswith("# ")][1:]
    sizes = {name: int(size.replace(",", "")) for _, size, name in lines}
    total = sizes.pop("in all")
    assert sizes == {name: size // 2**20 for name, size in memory_parts(found).items()}
    assert total == sum(sizes.values()) == memory_needed(found) // 2**20
    assert yaml.safe_load(printed)["engine"]["worker_memory"] == "1GiB"
