"""Each promise of the trust page has tests that exist."""

import ast
import re

from tests import documents
from tests.documents import ROOT

_NAME = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def _rows() -> list[str]:
    promises = documents.text("docs/trust.md").partition("## Promises")[2].partition("\n## ")[0]
    return [line for line in promises.splitlines() if line.startswith("| ")][1:]


def test_every_promise_names_its_tests() -> None:
    """Each row has a sentence, and one test or more."""
    rows = _rows()
    assert len(rows) > 10
    for row in rows:
        _, sentence, tests, _ = row.split("|")
        assert sentence.strip().endswith(".")
        assert _NAME.sub("", tests).strip(" ,") == ""
        assert _NAME.findall(tests)


def test_the_tests_exist() -> None:
    """Each is a function of its module that can be run."""
    for path, name in (found for row in _rows() for found in _NAME.findall(row)):
        tree = ast.parse((ROOT / path).read_text("utf-8"))
        functions = (ast.FunctionDef, ast.AsyncFunctionDef)
        assert name in [node.name for node in tree.body if isinstance(node, functions)], path
