import json

import pytest

from slimgate.config.describe import rows
from slimgate.config.json_schema import json_schema
from tests import documents
from website import settings

_SCHEMA = json.loads(json.dumps(json_schema()))


def test_reference_has_every_setting_with_its_meaning() -> None:
    """What is made from the schema has the settings of the program, in their order."""
    found = [(each.key, each.schema["description"]) for each in settings.settings(_SCHEMA)]
    assert found == [(row.key, row.meaning) for row in rows()]


def test_reference_takes_the_place_of_the_table() -> None:
    """The site's page has each setting once, with type and bounds, below its section."""
    page = settings.with_reference(documents.text("docs/configuration.md"), _SCHEMA)
    assert settings.TABLE not in page
    assert page.count("| `processes` |") == 1
    row = "| `processes` | whole number ≥ 1, ≤ 64 | `1` | number of gateway processes;"
    assert row in page.partition("## All settings")[2]
    assert "## Restorers" in page


def test_a_page_without_the_table_is_an_error() -> None:
    """A renamed table does not go unnoticed."""
    with pytest.raises(ValueError, match="no line"):
        settings.with_reference("# Configuration\n", _SCHEMA)


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 1}, "number > 0, ≤ 1"),
        ({"enum": ["off", "shadow"], "type": "string"}, "`off`, `shadow`"),
        ({"anyOf": [{"type": "boolean"}, {"type": "null"}]}, "true or false or null"),
        ({"type": "array", "items": {"type": "string"}, "maxItems": 3}, "list of text, at most 3"),
        (
            {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "x"}]},
            "whole number ≥ 0, or a size such as `64MiB`",
        ),
        ({"type": "string", "writeOnly": True}, "secret"),
    ],
)
def test_types_are_told_in_words(schema: dict[str, object], expected: str) -> None:
    """Bounds, choices and lists stand beside the type."""
    assert settings.kind(schema) == expected
