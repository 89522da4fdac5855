from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from slimgate.config import Policy
from slimgate.eval.demo import page, sample_images, table
from slimgate.eval.demo.page import Exhibit
from slimgate.eval.demo.roundtrip import Row
from slimgate.eval.demo.servers import demo_policy, economy_policy
from tests.servers.axe import needs_axe, violations
from tests.servers.browser import Browser

POLICIES = [Policy.model_validate(each) for each in (demo_policy(), economy_policy())]


def _exhibits() -> Iterator[Exhibit]:
    for recipe in sample_images.chosen(["coins.jpg", "phone_astronaut.jpg"]):
        sample = sample_images.make(recipe)
        row = Row(recipe.key, "JPEG", (9, 9), len(sample.data), 1000, served=sample.data)
        yield page.exhibit(sample, [row, row], POLICIES)


def _write(path: Path, exhibits: list[Exhibit]) -> None:
    sums = [
        table.totals([each.outcomes[number].row for each in exhibits])
        for number in range(len(POLICIES))
    ]
    page.write(path, exhibits, POLICIES, sums)


def test_images_have_the_size_that_viewers_show() -> None:
    """A photograph that lies on its side in the file is shown upright."""
    assert [each.size for each in _exhibits()] == [(384, 303), (810, 1080)]


def test_failures_are_shown(tmp_path: Path) -> None:
    """An image that was not downloaded is there without a picture, and marked."""
    sample = sample_images.make(sample_images.chosen(["coins.jpg"])[0])
    row = Row("<b>.jpg", "JPEG", (9, 9), len(sample.data), 9, problems=("refused",))
    _write(tmp_path / "demo.html", [page.exhibit(sample, [row, row], POLICIES)])
    text = (tmp_path / "demo.html").read_text()
    assert (text.count("data:image"), text.count(" failed</b>")) == (1, 2)
    assert "<b>.jpg" not in text


@pytest.mark.browser
@pytest.mark.parametrize("look", [{"width": 1440}, {"width": 375, "dark": True}])
def test_the_page_works_offline(browser: Browser, tmp_path: Path, look: dict[str, Any]) -> None:
    """The line moves, the policy changes, and the page asks for nothing and fits."""
    _write(tmp_path / "demo.html", list(_exhibits()))
    browser.look(**look)
    browser.open(tmp_path / "demo.html")
    browser.until("[...document.images].every(each => each.hidden || each.naturalWidth)")
    shown = """return [...document.querySelectorAll('[data-state]:not([hidden])')]
        .map(each => each.dataset.state)"""
    assert browser.script(shown) == ["standard", "standard"]
    browser.script("document.querySelector('input[value=economy]').click()")
    assert browser.script(shown) == ["economy", "standard"]
    browser.script("document.querySelector('input[value=difference]').click()")
    assert browser.script(shown) == ["standard", "standard"]
    assert browser.script("return document.documentElement.scrollWidth <= innerWidth")
    assert browser.complaints() == []
    assert browser.requested() == [(tmp_path / "demo.html").as_uri()]


@needs_axe
@pytest.mark.parametrize("look", [{"width": 1440}, {"width": 375, "dark": True}])
def test_the_page_is_accessible(browser: Browser, tmp_path: Path, look: dict[str, Any]) -> None:
    """No rule of WCAG 2.2 AA that axe-core checks is broken."""
    _write(tmp_path / "demo.html", list(_exhibits()))
    browser.look(**look)
    browser.open(tmp_path / "demo.html")
    assert violations(browser) == []
