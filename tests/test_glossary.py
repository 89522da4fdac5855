"""The glossary names code that exists."""

import importlib
from pathlib import Path

import pytest

_GLOSSARY = Path(__file__).parents[1] / "docs" / "glossary.md"


def _code_names() -> list[str]:
    rows = [line for line in _GLOSSARY.read_text("utf-8").splitlines() if line.startswith("| ")]
    columns = [row.split("|")[3] for row in rows]
    return [name for column in columns for name in column.split("`")[1::2]]


def _exists(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        module, _, attribute = name.rpartition(".")
        return hasattr(importlib.import_module(module), attribute)
    return True


def test_the_glossary_has_code_names() -> None:
    """The third column is found: a changed layout must not pass as an empty glossary."""
    assert "codec.manifest.Manifest" in _code_names()


@pytest.mark.parametrize("name", _code_names())
def test_each_code_name_exists(name: str) -> None:
    """A module, class, function or constant of the glossary can be imported."""
    assert _exists(name)
