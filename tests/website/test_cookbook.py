import re
from pathlib import Path

import pytest
import yaml

from slimgate.config.loading import load
from tests import documents

_BLOCKS = re.findall(
    r"^```yaml\n(policies:.*?)^```$",
    documents.text("docs/cookbook.md"),
    re.MULTILINE | re.DOTALL,
)


_REST = """\
upstream: {endpoint: "http://127.0.0.1:9"}
credentials: [{access_key: key, secret_key: secret-of-the-key}]
"""


@pytest.mark.parametrize(
    "block", _BLOCKS, ids=lambda block: yaml.safe_load(block)["policies"][0]["name"]
)
def test_policies_of_the_cookbook_are_valid(block: str, tmp_path: Path) -> None:
    """Each loads as a reader would paste it, and changes nothing before it is told to."""
    file = tmp_path / "slimgate.yaml"
    file.write_text(_REST + block)
    (policy,) = load(file, environ={}, known_restorers=frozenset({"native"})).policies
    assert policy.mode == "shadow"


def test_applications_that_compare_bytes_get_exact_tiers() -> None:
    """The table and the policies below it agree."""
    text = documents.text("docs/cookbook.md")
    for name in ("rails", "nextcloud", "immich", "evidence"):
        (line,) = re.findall(rf"^  - {{name: {name}, .*$", text, re.MULTILINE)
        assert "tiers: [exact]" in line
