"""The documents tell the truth about the program."""

from pathlib import Path

import pytest

from codec.reasons import Reason
from codec.search.omissions import Omission
from codec.search.verdicts import Verdict
from config import reference

_ROOT = Path(__file__).parents[1]


def test_readme_names_every_setting() -> None:
    """The README holds the table of settings exactly as the program describes them."""
    assert reference() in (_ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize(
    "row",
    [
        *(f"| `{reason.value}` | {reason.text} | {reason.advice} |" for reason in Reason),
        *(f"| `{verdict.value}` | {verdict.meaning} |" for verdict in Verdict),
        *(f"- {omission.value}" for omission in Omission),
    ],
)
def test_every_reason_is_documented(row: str) -> None:
    """The list of reasons, verdicts and omissions has each as the program describes it."""
    assert row in (_ROOT / "docs/reasons.md").read_text("utf-8").splitlines()


@pytest.mark.parametrize("name", ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"])
def test_files_named_in_documents_exist(name: str) -> None:
    """What a document names between backquotes as a path of the project is there."""
    words = (_ROOT / name).read_text("utf-8").split("`")[1::2]
    tops = ("gateway/", "codec/", "models/", "eval/", "config/", "tests/")
    paths = [word.split(":")[0] for word in words if word.startswith(tops) and " " not in word]
    assert [path for path in paths if not (_ROOT / path).exists()] == []
