"""Find what documents name: files, code, commands and links."""

import importlib
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]

PACKAGES: Final = ("bench", "codec", "config", "eval", "gateway", "models", "tests")

DOCUMENTS: Final = (
    *(path.name for path in sorted(ROOT.glob("*.md"))),
    *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))),
)
"""Every document, relative to the project."""

_BLOCK: Final = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_DOTTED: Final = re.compile(r"(?:slimgate|bench|tests)(?:\.\w+)+")
_COMMAND: Final = re.compile(r"python -m ([a-z_]+(?:\.[a-z_]+)*)")
_TARGET: Final = re.compile(r"(?<![\w-])make ([a-z]+(?:-[a-z]+)*)")
_LINK: Final = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")


def text(document: str) -> str:
    """Return the text of a document."""
    return (ROOT / document).read_text("utf-8")


def blocks(document: str) -> list[str]:
    """Return the blocks of code and the diagrams of a document."""
    return _BLOCK.findall(text(document))


def quoted(document: str) -> list[str]:
    """Return what stands between backquotes, without blocks of code."""
    prose = _BLOCK.sub("", text(document))
    return [word for line in prose.splitlines() for word in line.split("`")[1::2]]


def paths(document: str) -> list[str]:
    """Return the paths of the project that a document names; ``NAME`` stands for any."""
    tops = tuple(f"{top}/" for top in (*PACKAGES, "docs"))
    words = (word.split(":")[0] for word in quoted(document) if word.startswith(tops))
    return [word for word in words if " " not in word and "NAME" not in word]


def code_names(document: str) -> list[str]:
    """Return the dotted names of code that a document names."""
    return [word for word in quoted(document) if _DOTTED.fullmatch(word)]


def commands(document: str) -> list[str]:
    """Return the modules that a document runs by ``python -m``."""
    return _COMMAND.findall(text(document))


def typed(document: str) -> Iterator[str]:
    """Yield the command lines of the program in blocks of code, continued lines joined."""
    for block in blocks(document):
        for line in block.replace("\\\n", " ").splitlines():
            if line.startswith("slimgate ") and "--help" not in line:
                yield line.partition(" > ")[0]


def targets(document: str) -> Iterator[str]:
    """Name the targets of make that a document names in backquotes or blocks of code."""
    for part in (*quoted(document), *blocks(document)):
        yield from _TARGET.findall(part)


def links(document: str) -> list[str]:
    """Return the files that a document links to, relative to the project."""
    folder = (ROOT / document).parent
    found = (link for link in _LINK.findall(text(document)) if "://" not in link)
    return [str((folder / link).resolve().relative_to(ROOT)) for link in found]


def exists(name: str) -> bool:
    """Return whether a dotted name is a module, or something in one."""
    try:
        if find_spec(name) is not None:
            return True
    except ModuleNotFoundError:  # the parent is no package
        pass
    module, _, attribute = name.rpartition(".")
    return bool(module) and hasattr(importlib.import_module(module), attribute)
