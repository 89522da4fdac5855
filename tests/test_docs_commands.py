"""Every command of the documents is run by a test, or says why not."""

import re
from typing import Final

import pytest

from tests import documents
from tests.documents import DOCUMENTS
from tests.tutorial import MARK

_FOLLOWED: Final = {"docs/tutorial.md", "docs/deploy.md"}
"""Documents whose lines are run one after the other, except for those that end with a mark."""

_REASON: Final = re.compile(r"<!-- not run in CI: (.+) -->")
_BLOCK: Final = re.compile(r"^([^\n]*)\n```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SYNOPSIS: Final = re.compile(r"[\[\]]|\b(?:DIR|FILE|IMAGE|PATH)\b|\.\.\.")
_COMMAND: Final = re.compile(r"(?:slimgate|python3? -m|make|pip|curl|aws|docker|kubectl|helm) ")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_commands_are_run_or_marked(name: str) -> None:
    """A block of commands has its reason above it; those of make are what CI itself runs."""
    unmarked = [
        block
        for above, language, block in _BLOCK.findall(documents.text(name))
        if language == "sh" and name not in _FOLLOWED
        if not _REASON.fullmatch(above) and not _is_make(block)
    ]
    assert unmarked == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_commands_stand_in_blocks_of_commands(name: str) -> None:
    """A block without a language has output or a synopsis with placeholders."""
    commands = [
        line
        for _, language, block in _BLOCK.findall(documents.text(name))
        if language == "" and not _SYNOPSIS.search(block)
        for line in block.splitlines()
        if _COMMAND.match(line)
    ]
    assert commands == []


def test_marks_say_what_ci_lacks() -> None:
    """In documents that are followed, only installations are left to the reader, beside clouds."""
    text = documents.text("docs/tutorial.md")
    marked = [line for line in text.splitlines() if line.endswith(MARK)]
    assert [line for line in marked if not re.search(r"venv|\. .*activate|pip install", line)] == []


def _is_make(block: str) -> bool:
    run = documents.text(".ci/run")
    targets = re.findall(r"^make ([a-z-]+)", block, re.MULTILINE)
    lines = [line for line in block.splitlines() if line.strip()]
    # `make test` is a part of `make coverage`.
    return len(targets) == len(lines) and all(t == "test" or f"make {t}" in run for t in targets)
