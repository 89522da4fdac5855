"""axe-core in a browser: rules of WCAG 2.2 AA that machines can check."""

from pathlib import Path
from typing import Final

import pytest

from tests.servers.browser import Browser

_AXE: Final = Path(__file__).parents[1] / "clients/node/node_modules/axe-core/axe.min.js"

needs_axe = pytest.mark.skipif(
    not _AXE.exists(), reason="axe-core is not installed: npm is missing"
)


def violations(browser: Browser) -> list[list[str]]:
    """Return what axe-core complains of on the page that is open: rule, and where."""
    browser.script(_AXE.read_text("utf-8"))
    found: list[list[str]] = browser.driver.execute_async_script(
        "const done = arguments[0]; axe.run().then(found => done(found.violations.map("
        "each => [each.id, ...each.nodes.map(node => node.target.join(' '))])))"
    )
    return found
