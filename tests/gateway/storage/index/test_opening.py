"""Which index a configuration asks for, and what is wrong with its file."""

from pathlib import Path

import pytest

from slimgate.config import Settings
from slimgate.gateway.storage.index.layered import LayeredIndex
from slimgate.gateway.storage.index.memory import MemoryIndex
from slimgate.gateway.storage.index.opening import (
    OrMemory,
    configured_index,
    index_path,
    index_problems,
)


def _settings(**sections: object) -> Settings:
    return Settings.model_validate(
        {
            "upstream": {"endpoint": "http://store"},
            "credentials": [{"access_key": "main", "secret_key": "secret"}],
            **sections,
        }
    )


async def test_the_configuration_decides() -> None:
    """A file by default, memory if wanted, and Redis behind it where it is configured."""
    redis = {"redis": {"url": "redis://127.0.0.1:1/0"}}
    kinds = {
        OrMemory: _settings(),
        MemoryIndex: _settings(index={"kind": "memory"}),
        LayeredIndex: _settings(cache=redis),
    }
    for kind, settings in kinds.items():
        index = configured_index(settings)
        assert type(index) is kind
        await index.close()


def test_the_file_is_in_the_cache_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name may be configured."""
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/cache")
    assert index_path(_settings()) == Path("/var/cache/slimgate/listing-index.sqlite")
    assert index_path(_settings(index={"path": "/a/b"})) == Path("/a/b")


def test_unusable_files_are_named(tmp_path: Path) -> None:
    """What cannot be a file is a problem; what can be created is none."""
    good = tmp_path / "new" / "index"
    assert list(index_problems(_settings(index={"path": str(good)}))) == []
    (tmp_path / "file").write_bytes(b"")
    for bad in (tmp_path, tmp_path / "file" / "index", tmp_path / ("x" * 300) / "index"):
        (problem,) = index_problems(_settings(index={"path": str(bad)}))
        assert "set index.path" in problem
    assert list(index_problems(_settings(index={"kind": "memory"}))) == []
