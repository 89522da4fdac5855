import re
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from slimgate.eval.compare import curves, strategies
from slimgate.eval.compare.comparison import identical
from slimgate.eval.compare.rows import Row, Study
from slimgate.eval.cost import money, money_measured, money_prices
from slimgate.eval.cost.money import Assumptions, Basis, Money
from slimgate.eval.report import page
from slimgate.eval.report.page.money_view import FIELDS
from tests.eval import studies
from tests.servers.axe import needs_axe, violations
from tests.servers.browser import Browser

PRICES = money_prices.load()
WIDTHS = (1280, 390, 360)
FIT = "return document.documentElement.scrollWidth <= innerWidth"
# Reads what the page shows of money, exactly.
SHOWN = """return Object.fromEntries([...document.querySelectorAll('[data-money]')]
    .map(each => [each.dataset.money, each.value]))"""
ENTER = """const form = document.getElementById('money-form');
    for (const [name, value] of Object.entries(arguments[0])) form.elements[name].value = value;
    form.dispatchEvent(new Event('input', {bubbles: true}));"""
CASES: list[dict[str, Any]] = [
    {"terabytes": 1.0, "reads": 12.5, "cache_hits": 0.75},
    {"terabytes": 800.0, "originals_class": "DEEP_ARCHIVE", "uploads": 0.5},
    {"storage_class": "STANDARD_IA", "standing_cores": 64.0},
    {"storage_class": "GLACIER", "get_gpu_s": 0.25, "put_gpu_s": 2.0, "gpu_hour": 3.5},
    {"storage_class": "INTELLIGENT_TIERING_AIA", "cache_hits": 1.0},
    {"terabytes": 0.01, "core_hour": 0.0, "reads": 0.0},
    {"storage_class": "GLACIER_IR", "originals_class": "GLACIER", "reads": 0.001},
]


@pytest.fixture(scope="module")
def study() -> Study:
    """Make up a study."""
    return studies.study()


@pytest.fixture(scope="module")
def file(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write its page."""
    return page.write(study, studies.crops(study), tmp_path_factory.mktemp("page"), PRICES)


@pytest.fixture
def shown(browser: Browser, file: Path) -> Browser:
    """Open it, without motion that a test would have to wait for."""
    browser.look(still=True)
    browser.open(file)
    return browser


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_opens_offline(browser: Browser, file: Path, width: int, *, dark: bool) -> None:
    """On a desk and on phones it asks for nothing but itself, complains of nothing, and fits."""
    browser.look(width, 844, dark=dark)
    browser.open(file)
    browser.until("document.querySelectorAll('#plot-grid svg .mark').length > 0")
    assert browser.complaints() == []
    assert [file.as_uri()] == browser.requested()
    assert browser.script(FIT)
    ground = browser.script("return getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(20, 23, 27)" if dark else "rgb(255, 255, 255)")


@needs_axe
@pytest.mark.parametrize("look", [{"width": 1440}, {"width": 375, "dark": True}])
def test_the_report_is_accessible(browser: Browser, file: Path, look: dict[str, Any]) -> None:
    """No rule of WCAG 2.2 AA that axe-core checks is broken, in open details neither."""
    browser.look(**look)
    browser.open(file)
    browser.script("for (const each of document.querySelectorAll('details')) each.open = true")
    assert violations(browser) == []


def test_paper_has_figures_without_controls(shown: Browser) -> None:
    """In print nothing is there that needs a pointer, nothing is cut, and what is open stays."""
    shown.look(width=703)  # A4 between its margins
    first = "document.querySelector('#strategies details')"
    shown.script(f"{first}.open = true")
    controls = """return [...document.querySelectorAll('nav, .live, summary, [type=range]')]
        .filter(each => each.checkVisibility()).map(each => each.textContent.trim())"""
    assert len(shown.script(controls)) > 3
    shown.devtools("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert shown.script(controls) == [shown.script(f"return {first}.innerText.split('\\n')[0]")]
        assert shown.script(f"return {first}.querySelector('table').checkVisibility()")
        assert shown.script(FIT)
    finally:
        shown.devtools("Emulation.setEmulatedMedia", {"media": ""})


def test_hostile_names_do_nothing(shown: Browser) -> None:
    """A script that gets into the page all the same is not run."""
    shown.script(
        "const script = document.createElement('script'); script.textContent = 'window.hit = 1';"
        "document.body.append(script); document.body.insertAdjacentHTML('beforeend',"
        '\'<img src="data:," onerror="window.hit = 2">\');'
    )
    assert shown.script("return window.hit") is None
    assert any("Content Security Policy" in line for line in shown.complaints())


def _at(shown: Browser) -> str:
    pair = "document.querySelector('[data-pair]')"
    return str(shown.script(f"return {pair}.style.getPropertyValue('--at')"))


def test_slider_by_keyboard(shown: Browser) -> None:
    """Arrow keys move the line, and show more or less of the upload."""
    slider = shown.driver.find_element("css selector", "[data-slider]")
    assert _at(shown) == "50%"
    slider.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert _at(shown) == "52%"
    slider.send_keys(Keys.HOME)
    assert _at(shown) == "0%"
    over = "getComputedStyle(document.querySelector('[data-over]')).clipPath"
    assert "100%" in re.findall(r"[\d.]+%", str(shown.script(f"return {over}")))


def test_slider_by_pointer(shown: Browser) -> None:
    """The divider follows the pointer that drags it."""
    pair = shown.driver.find_element("css selector", "[data-pair]")
    quarter = pair.size["width"] // 4
    actions = ActionChains(shown.driver).move_to_element(pair).click_and_hold()
    actions.move_by_offset(quarter, 0).release().perform()
    assert _at(shown) == "75%"
    slider = shown.driver.find_element("css selector", "[data-slider]")
    assert slider.get_property("value") == "75"


def test_all_states_are_seen(shown: Browser) -> None:
    """The upload is compared with what is stored, with what is restored, or by their difference."""
    figure = shown.driver.find_element("css selector", "[data-exhibit]")

    def visible() -> list[str | None]:
        images = figure.find_elements("css selector", "[data-state]")
        return [each.get_attribute("data-state") for each in images if each.is_displayed()]

    assert visible() == ["restored"]
    figure.find_element("css selector", "[value=stored]").click()
    assert (visible(), _right(shown)) == (["stored"], "As stored")
    figure.find_element("css selector", "[value=difference]").click()
    assert (visible(), _right(shown)) == (["restored"], "Difference × 8")


def _right(shown: Browser) -> str:
    return str(shown.driver.find_element("css selector", "[data-right]").text)


def _said(study: Study, told: str) -> Row:
    """Find the row that a tooltip speaks of."""
    name, how, size, *_ = told.split("\n")
    stored = int(size.split(" of ")[0].replace(",", ""))
    title, _, tier = how.rpartition(": ")
    (row,) = [
        row for row in study.rows
        if (row.image, row.stored, row.tier) == (name, stored, tier)
        and strategies.named(row.strategy).title.lower() == title.lower()
    ]  # fmt: skip
    return row


def test_plot_by_pointer(shown: Browser, study: Study) -> None:
    """Pointing at a mark shows image, strategy, bytes and fidelity as they were measured."""
    plots = shown.driver.find_elements("css selector", "#plot-grid svg")
    shown.script("arguments[0].scrollIntoView({block: 'center'})", plots[2])
    mark = plots[2].find_element("css selector", ".mark.policy")
    ActionChains(shown.driver).move_to_element(mark).perform()
    tooltip = shown.driver.find_element("id", "tooltip")
    row = _said(study, tooltip.text)
    assert row.kind == "photos"
    assert f"{row.stored:,} of 2,000,000 bytes" in tooltip.text
    assert f"PSNR {row.psnr_db:.2f} dB" in tooltip.text
    ActionChains(shown.driver).move_to_element(
        shown.driver.find_element("tag name", "h1")
    ).perform()
    assert not tooltip.is_displayed()


def test_plot_by_keyboard(shown: Browser, study: Study) -> None:
    """Arrow keys step through the marks of a focused plot from left to right."""
    plot = shown.driver.find_element("css selector", "#plot-grid svg")
    tooltip = shown.driver.find_element("id", "tooltip")
    plot.send_keys(Keys.HOME)
    first = _said(study, tooltip.text)
    # Focusing a plot scrolls to it, and tells so later: the tooltip goes along.
    top = tooltip.rect["y"] - plot.rect["y"]
    shown.script("scrollBy(0, 30); window.told = false")
    shown.script("requestAnimationFrame(() => requestAnimationFrame(() => { told = true }))")
    shown.until("told")
    assert _said(study, tooltip.text) == first
    assert tooltip.rect["y"] - plot.rect["y"] == pytest.approx(top, abs=1)
    plot.send_keys(Keys.ARROW_RIGHT)
    second = _said(study, tooltip.text)
    assert first != second
    assert first.stored <= second.stored
    plot.send_keys(Keys.END)
    last = _said(study, tooltip.text)
    assert identical(last)
    assert "same pixels" in tooltip.text
    plot.send_keys(Keys.ESCAPE)
    assert not tooltip.is_displayed()


def test_legend(shown: Browser) -> None:
    """Every plot draws the selected strategies; another measure changes the axis."""
    count = "return document.querySelectorAll('#plot-grid svg .mark').length"
    before = int(shown.script(count))
    shown.driver.find_element("css selector", "#plot-legend input").click()
    assert before - 2 * studies.IMAGES == shown.script(count)  # of all, and of its class
    shown.driver.find_element("css selector", "#plot-measure [value='1']").click()
    labels = shown.driver.find_elements("css selector", "#plot-grid text")
    assert any(label.text == "SSIM" for label in labels)


def _basis(study: Study) -> Basis:
    return money_measured.basis(money_measured.images(study), PRICES)


def _assumed(study: Study, case: dict[str, Any]) -> Assumptions:
    rows = money_measured.images(study)
    return money_measured.assumptions(rows, PRICES).model_copy(update=case)


def _figures(result: Money) -> dict[str, str | float]:
    costs = {"now": result.now, "then": result.then}
    return {
        **{f"{when}.{name}": getattr(each, name) for when, each in costs.items() for name in PARTS},
        "now_per_tb": result.now.total / result.terabytes,
        "then_per_tb": result.then.total / result.terabytes,
        "terabytes": result.terabytes,
        "saved": result.saved,
        "backfill": result.backfill,
        "pays": result.pays if result.break_even is None else result.break_even,
        "payback_months": "never" if result.payback_months is None else result.payback_months,
        "smallest_tb": "none" if result.smallest_tb is None else result.smallest_tb,
    }


PARTS = ("storage", "originals", "requests", "retrieval", "compute", "standing", "total")


def _exact(text: str) -> str | float:
    return text if text.isalpha() else float(text)


def test_money_is_calculated_as_in_python(shown: Browser, study: Study) -> None:
    """The page's script and the model agree under any assumptions."""
    form = {field.name: field.factor for field in FIELDS}
    for case in CASES:
        assumed = _assumed(study, case)
        given = {name: getattr(assumed, name) * factor for name, factor in form.items()}
        given["storage_class"] = assumed.storage_class
        given["originals_class"] = assumed.originals_class or ""
        shown.script(ENTER, given)
        found = {name: _exact(text) for name, text in shown.script(SHOWN).items()}
        expected = _figures(money.calculate(_basis(study), assumed))
        assert found.keys() == expected.keys()
        for name, value in expected.items():
            wanted = value if isinstance(value, str) else pytest.approx(value, rel=1e-9, abs=1e-9)
            assert found[name] == wanted, (name, case)


# Carries out the page's formulas for many assumptions at once.
CALCULATE = """const data = JSON.parse(document.getElementById('money-data').textContent);
    return arguments[0].map(assumed => money.calculate(data, assumed));"""


def test_formulas_are_carried_out_as_in_python(shown: Browser, study: Study) -> None:
    """For every pair of storage classes, page and model come to the same on a grid of numbers."""
    numbers = [
        {"terabytes": size, "reads": reads, "cache_hits": hits}
        for size, reads, hits in product((0.5, 5000.0), (0.0, 40.0), (0.0, 1.0))
    ]
    names = [each.name for each in PRICES.classes]
    cases = [
        _assumed(study, {"storage_class": name, "originals_class": kept, **each})
        for name, kept, each in product(names, (None, *names), numbers)
    ]
    found = shown.script(CALCULATE, [each.model_dump() for each in cases])
    for assumed, figures in zip(cases, found, strict=True):
        expected = money.figures(_basis(study), assumed)
        assert figures.keys() == expected.keys()
        for name, value in expected.items():
            close = pytest.approx(value, rel=1e-12) if isinstance(value, float) else value
            assert figures[name] == close, (name, assumed)


def test_money_before_anything_is_changed(shown: Browser, study: Study) -> None:
    """The initial figures of the page equal those of its script."""
    before = {name: _exact(text) for name, text in shown.script(SHOWN).items()}
    words = (
        "return document.getElementById('money').innerText + document.querySelector('dl').innerText"
    )
    said = shown.script(words)
    shown.script(ENTER, {})
    assert {name: _exact(text) for name, text in shown.script(SHOWN).items()} == pytest.approx(
        before
    )
    assert said == shown.script(words)


def test_typing_changes_the_headline(shown: Browser) -> None:
    """Typing another size changes the headline, too; what is no size changes nothing."""
    field = shown.driver.find_element("name", "terabytes")
    headline = shown.driver.find_element("css selector", ".headline")
    before = headline.text
    field.clear()
    field.send_keys("7")
    assert "for 7 TB" in headline.text
    assert before != headline.text
    field.clear()
    field.send_keys("-3")
    assert "for 7 TB" in headline.text
    assert shown.script("return arguments[0].matches(':invalid')", field)


def test_everything_is_reached_by_tab(shown: Browser) -> None:
    """Plots, sliders and the fields of the money section are in the order of the page."""
    reached: list[str] = []
    for _ in range(80):
        ActionChains(shown.driver).send_keys(Keys.TAB).perform()
        reached.append(str(shown.script(
            "const at = document.activeElement; return at.name || at.dataset.slider !== undefined"
            " && 'slider' || at.tagName"
        )))  # fmt: skip
        if reached[-1] == "gpu_hour":
            break
    order = [reached.index(name) for name in ("A", "svg", "slider", "terabytes", "gpu_hour")]
    assert sorted(order) == order


def test_motion_is_reduced(browser: Browser, file: Path) -> None:
    """Readers who prefer reduced motion get jumps instead of scrolling."""
    for still, expected in ((False, "smooth"), (True, "auto")):
        browser.look(still=still)
        browser.open(file)
        style = "getComputedStyle(document.documentElement).scrollBehavior"
        assert browser.script(f"return {style}") == expected


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_curves_are_drawn(browser: Browser, tmp_path: Path, width: int, *, dark: bool) -> None:
    """Each class has a curve per codec and the policy's point, named for screen readers."""
    study = studies.scored()
    groups = curves.curves(study)
    browser.look(width, 844, dark=dark)
    browser.open(page.write(study, studies.crops(study), tmp_path, PRICES))
    browser.until("document.querySelectorAll('#curve-grid svg [data-policy]').length > 0")
    for what, count in (("svg", 1), (".curve", len(groups[0].needed)), ("[data-policy]", 1)):
        drawn = browser.script(f"return document.querySelectorAll('#curve-grid {what}').length")
        assert drawn == count * len(groups)
    label = "return document.querySelector('#curve-grid svg').getAttribute('aria-label')"
    assert f"{100 * groups[0].share('avif-score', 70):.1f} %" in str(browser.script(label))
    assert browser.complaints() == []
    assert browser.script(FIT)
