"""The glossary names code that exists."""

from tests import documents


def test_the_glossary_has_code_names() -> None:
    """The third column is found: a changed layout must not pass as an empty glossary."""
    lines = documents.text("docs/glossary.md").splitlines()
    rows = [line for line in lines if line.startswith("| ") and "in code" not in line]
    assert [row for row in rows if "`" not in row.split("|")[3]] == []
    assert "slimgate.codec.manifest.Manifest" in documents.code_names("docs/glossary.md")
