"""The playground as people see it, in Chromium."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from PIL import Image
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from skimage import data

from tests.conftest import Start
from tests.e2e import images
from tests.servers.axe import needs_axe, violations
from tests.servers.browser import Browser
from tests.servers.clients import s3_client
from tests.servers.gateway import GatewayProcess, configuration
from tests.servers.server import S3Server

_TOKEN: Final = "Up-to-no-good-0123456789"
_LOADED: Final = """[...document.images].every(i => i.complete && i.naturalWidth)
    && document.querySelector('.compare.ready')"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder for images and feedback."""
    folder = tmp_path_factory.mktemp("seen")
    pixels = data.coffee()  # type: ignore[no-untyped-call]  # scikit-image has no types
    Image.fromarray(pixels).resize((300, 200)).save(folder / "coffee.png")
    (folder / "none.png").write_bytes(b"no image")
    return folder


@pytest.fixture(scope="module")
def seen(
    moto: S3Server,
    chromium_process: Browser,
    folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[GatewayProcess]:
    """Run a gateway whose operators look at it."""
    del chromium_process  # without a browser there is nothing to run
    feedback = {"path": str(folder / "feedback.jsonl")}
    config = configuration(moto, admin={"listen": "127.0.0.1:0", "feedback": feedback})
    with GatewayProcess(config, tmp_path_factory.mktemp("gateway")) as process:
        yield process


def _address(process: GatewayProcess, path: str = "") -> str:
    return f"http://{process.wait_for('listening for operators')['address']}/_slimgate/{path}"


def _try(browser: Browser, process: GatewayProcess, file: Path) -> None:
    browser.open(_address(process))
    browser.driver.find_element(By.CSS_SELECTOR, "input[type=file]").send_keys(str(file))
    browser.until(f"document.querySelector('.drop-text').textContent === '{file.name}'")
    browser.driver.find_element(By.CSS_SELECTOR, "button.primary").click()
    browser.until("location.pathname.startsWith('/_slimgate/results/')")


def _is_ours(browser: Browser) -> bool:
    """Return whether only the gateway was contacted."""
    return all(
        url.startswith(("http://127.0.0.1:", "blob:http://127.0.0.1:"))
        for url in browser.requested()
    )


def test_an_image_is_chosen_compared_and_judged(
    browser: Browser, seen: GatewayProcess, folder: Path
) -> None:
    """A person compares both images, moves the divider by keyboard, and accepts."""
    _try(browser, seen, folder / "coffee.png")
    browser.until(_LOADED)
    assert "saved" in browser.driver.find_element(By.TAG_NAME, "h1").text
    slider = browser.driver.find_element(By.CSS_SELECTOR, ".slider")
    clip = "return document.querySelector('.over').style.clipPath"
    before = browser.script(clip)
    slider.send_keys(Keys.ARROW_LEFT * 10)
    assert (
        slider.get_property("value"), slider.get_attribute("aria-valuetext"),
    ) == ("40", "40 % uploaded")  # fmt: skip
    assert before != browser.script(clip)
    slider.send_keys(Keys.END)
    width = browser.script("return document.querySelector('.scroller').clientWidth")
    assert f"inset(0px 0px 0px {width}px)" == browser.script(clip)
    browser.driver.find_element(By.CSS_SELECTOR, "input[value=difference]").click()
    assert "difference" in browser.script("return document.querySelector('.stage').className")
    browser.driver.find_element(By.CSS_SELECTOR, "input[name=comment]").send_keys("crisp")
    browser.driver.find_element(By.CSS_SELECTOR, "button[value=up]").click()
    browser.until("document.querySelector('.thanks')")
    (line,) = (folder / "feedback.jsonl").read_text().splitlines()
    assert {"verdict": "up", "comment": "crisp"}.items() <= json.loads(line).items()
    pressed = browser.driver.find_element(By.CSS_SELECTOR, "button[value=up]")
    assert pressed.get_attribute("aria-pressed") == "true"
    assert (browser.complaints(), _is_ours(browser)) == ([], True)


def test_an_image_is_looked_at_closely(
    browser: Browser, seen: GatewayProcess, folder: Path
) -> None:
    """The map of differences, the wheel, the loupe and flicker work, and settings at once."""
    browser.look(1280, 900, still=True)
    _try(browser, seen, folder / "coffee.png")
    browser.until(_LOADED)
    click = "document.querySelector(arguments[0]).click()"
    browser.script(click, "input[value=heat]")
    browser.until("document.querySelector('.heat').dataset.drawn")
    colours = browser.script(
        "const context = document.querySelector('.heat').getContext('2d');"
        "const {data} = context.getImageData(0, 0, 300, 200);"
        "return new Set(new Uint32Array(data.buffer)).size"
    )
    assert colours > 3
    browser.script(click, "input[value=restored]")
    browser.script(
        "document.querySelector('.frame').dispatchEvent("
        "new WheelEvent('wheel', {ctrlKey: true, deltaY: -900, bubbles: true, cancelable: true}))"
    )
    assert "zoomed" in browser.script("return document.querySelector('.stage').className")
    browser.script(click, "input[name=loupe]")
    browser.script(
        "document.querySelector('.frame').dispatchEvent(new PointerEvent('pointermove',"
        "{clientX: 600, clientY: 500, bubbles: true}))"
    )
    assert browser.script("return document.querySelector('.loupe').hidden") is False
    browser.script(click, "input[value=flicker]")
    browser.until("document.querySelector('.over').style.visibility === 'hidden'")
    before = browser.driver.current_url
    browser.script(click, "input[name=fidelity][value=economy]")
    browser.until(f"location.href !== '{before}' && document.querySelector('circle.earlier')")
    assert (browser.complaints(), _is_ours(browser)) == ([], True)


def test_trials_are_not_cut(browser: Browser, seen: GatewayProcess, folder: Path) -> None:
    """The table of trials fits between phone and desk, at the fidelity with the longest rows."""
    _try(browser, seen, folder / "coffee.png")
    browser.until(_LOADED)
    before = browser.driver.current_url
    browser.script("document.querySelector('input[name=fidelity][value=economy]').click()")
    browser.until(f"location.href !== '{before}' && document.querySelector('.tried')")
    for width in (1440, 1100, 768, 375):
        browser.look(width)
        cut = "const table = document.querySelector('.scrolls');"
        assert browser.script(f"{cut} return table.scrollWidth <= table.clientWidth"), width


def test_several_images_are_a_table(browser: Browser, seen: GatewayProcess, folder: Path) -> None:
    """Each image gets a line with its result or the reason, and the last line has the sums."""
    browser.open(_address(seen))
    files = "\n".join(str(folder / name) for name in ("coffee.png", "none.png"))
    browser.driver.find_element(By.CSS_SELECTOR, "input[type=file]").send_keys(files)
    browser.driver.find_element(By.CSS_SELECTOR, "button.primary").click()
    browser.until("document.querySelector('form.try .status').textContent === '2 images done.'")
    rows = [row.text for row in browser.driver.find_elements(By.CSS_SELECTOR, ".many tbody tr")]
    assert [row.split()[0] for row in rows] == ["coffee.png", "none.png"]
    assert "not an image" in rows[1]
    assert browser.complaints() == []


def test_the_divider_follows_a_finger(browser: Browser, seen: GatewayProcess, folder: Path) -> None:
    """On a phone a drag on the image moves the divider, and nothing is wider than the screen."""
    browser.look(390, 844, dark=True)
    _try(browser, seen, folder / "coffee.png")
    browser.until(_LOADED)
    browser.script("document.querySelector('.frame').scrollIntoView({block: 'center'})")
    box = browser.script("return document.querySelector('.frame').getBoundingClientRect().toJSON()")
    y = box["y"] + box["height"] / 2
    for kind, part in (
        ("touchStart", 0.5),
        ("touchMove", 0.3),
        ("touchMove", 0.2),
        ("touchEnd", 0),
    ):
        points = [] if kind == "touchEnd" else [{"x": box["x"] + part * box["width"], "y": y}]
        browser.devtools("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    browser.until("document.querySelector('.slider').value === '20'")
    assert browser.script("return document.documentElement.scrollWidth") == 390
    assert (browser.complaints(), _is_ours(browser)) == ([], True)


def test_no_image_is_told(browser: Browser, seen: GatewayProcess, folder: Path) -> None:
    """What cannot be shown is explained, and no picture is broken."""
    _try(browser, seen, folder / "none.png")
    assert "Why: not an image" in browser.driver.find_element(By.ID, "why").text
    assert browser.script("return document.images.length") == 0
    assert browser.complaints() == []


def test_savings_are_live(
    moto: S3Server, moto_bucket: str, browser: Browser, seen: GatewayProcess
) -> None:
    """Objects stored while the page is open appear without a reload."""
    browser.open(_address(seen, "savings"))
    browser.until("document.querySelector('.pulse.on')")
    with s3_client(moto.at(seen.endpoint)) as client:
        client.put_object(Bucket=moto_bucket, Key="k.jpg", Body=images.jpeg())
    browser.until(f"document.querySelector('table')?.textContent.includes('{moto_bucket}')")
    for path in ("policies", ""):
        browser.driver.find_element(By.CSS_SELECTOR, f"nav a[href='/_slimgate/{path}']").click()
        browser.until("document.querySelector('h1')")
    assert (browser.complaints(), _is_ours(browser)) == ([], True)


def test_people_sign_in_and_out(moto: S3Server, browser: Browser, start: Start) -> None:
    """With a token a browser is led to a form, then to where it wanted, and out again."""
    process = start(configuration(moto, admin={"listen": "127.0.0.1:0", "token": _TOKEN}))
    browser.open(_address(process, "policies"))
    browser.until("document.title.startsWith('Sign in')")
    browser.driver.find_element(By.ID, "token").send_keys(_TOKEN + Keys.ENTER)
    browser.until("document.title.startsWith('Policies')")
    (cookie,) = browser.driver.get_cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    browser.driver.find_element(By.CSS_SELECTOR, "nav button").click()
    browser.until("document.title.startsWith('Sign in')")
    assert browser.driver.get_cookies() == []
    assert (browser.complaints(), _is_ours(browser)) == ([], True)


def test_everything_has_a_name(browser: Browser, seen: GatewayProcess, folder: Path) -> None:
    """Whatever can be focused on a page says what it is; each page has one heading above all."""
    _try(browser, seen, folder / "coffee.png")
    browser.until(_LOADED)
    paths = ("", "savings", "policies", "login")
    for address in (browser.driver.current_url, *(_address(seen, path) for path in paths)):
        browser.open(address)
        nodes = browser.devtools("Accessibility.getFullAXTree", {})["nodes"]
        nameless = [node["role"]["value"] for node in nodes if _is_nameless(node)]
        headings = browser.script("return document.querySelectorAll('h1').length")
        assert (nameless, headings) == ([], 1)
        assert browser.script("return document.documentElement.lang") == "en"


@needs_axe
@pytest.mark.parametrize("look", [{"width": 1440}, {"width": 375, "dark": True}])
def test_pages_are_accessible(
    browser: Browser, seen: GatewayProcess, folder: Path, look: dict[str, Any]
) -> None:
    """No page breaks a rule of WCAG 2.2 AA that axe-core checks."""
    browser.look(**look)
    _try(browser, seen, folder / "coffee.png")
    browser.until(_LOADED)
    paths = ("", "savings", "policies", "login", "results/none")
    for address in (browser.driver.current_url, *(_address(seen, path) for path in paths)):
        browser.open(address)
        browser.until("document.querySelector('h1')")
        assert violations(browser) == [], address


def _is_nameless(node: dict[str, Any]) -> bool:
    """Return whether the focused element lacks a name for screen readers."""
    properties = {each["name"]: each["value"].get("value") for each in node.get("properties", [])}
    if node["ignored"] or not properties.get("focusable") or node["role"]["value"] == "RootWebArea":
        return False
    return not node.get("name", {}).get("value")
