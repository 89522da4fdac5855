from pathlib import Path

import pytest

from tests.servers.browser import Browser

PAGE = """<!doctype html><html lang="en"><title>Tried</title>
<meta name="viewport" content="width=device-width"><style>
p { color: rgb(1, 2, 3) } @media (prefers-color-scheme: dark) { p { color: rgb(4, 5, 6) } }
@media (max-width: 600px) { p { width: 77px } }
</style><p>Text</p><script>console.error("oh dear"); fetch("http://example.org/out")
.catch(() => { document.title = "No way out" })</script></html>"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """Write a page with something of everything."""
    file = tmp_path / "page.html"
    file.write_text(PAGE)
    return file


def test_what_a_page_complains_of_and_asks_for_is_seen(browser: Browser, page: Path) -> None:
    """An error in the console and a request to another host do not go unnoticed."""
    browser.open(page)
    browser.until("document.title === 'No way out'")
    assert any("oh dear" in line for line in browser.complaints())
    assert [page.as_uri(), "http://example.org/out"] == browser.requested()


@pytest.mark.parametrize("dark", [False, True])
def test_looks_are_chosen(browser: Browser, page: Path, *, dark: bool) -> None:
    """Width and colour scheme of the viewport are the ones that a test asks for."""
    browser.look(390, 800, dark=dark)
    browser.open(page)
    style = "getComputedStyle(document.querySelector('p'))"
    assert browser.script(f"return {style}.width") == "77px"
    assert browser.script(f"return {style}.color") == ("rgb(4, 5, 6)" if dark else "rgb(1, 2, 3)")
