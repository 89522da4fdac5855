"""Chromium without a window, driven through WebDriver: what people see, checked by machines.

The programs are Debian's chromium and chromium-driver. The browser cannot reach any network but
loopback, and remembers what it asked for and what it complained about.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from selenium.webdriver import Chrome
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.remote.command import Command
from selenium.webdriver.support.wait import WebDriverWait

PROGRAMS: Final = ("chromium", "chromedriver")

_FLAGS: Final = (
    "--headless",
    "--no-sandbox",  # Chromium refuses to run as root with one
    "--disable-gpu",
    "--disable-dev-shm-usage",  # containers have a small /dev/shm
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-color-profile=srgb",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
_PAGE_S: Final = 30


def missing_programs() -> list[str]:
    """List missing programs."""
    return [name for name in PROGRAMS if shutil.which(name) is None]


class Browser:
    """One tab of a running Chromium.

    Attributes:
        driver: What Selenium gives: ``get``, ``find_element``, ``execute_script``, …
    """

    def __init__(self, driver: Chrome) -> None:
        self.driver = driver

    def open(self, address: str | Path) -> None:
        """Open a URL or a local file, and forget what earlier pages asked for or complained of."""
        self.driver.get("about:blank")
        self.complaints()
        self.requested()
        self.driver.get(address.resolve().as_uri() if isinstance(address, Path) else address)

    def look(
        self, width: int = 1280, height: int = 900, *, dark: bool = False, still: bool = False
    ) -> None:
        """Choose the viewport in CSS pixels, a colour scheme, and whether motion is unwelcome."""
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.devtools("Emulation.setDeviceMetricsOverride", screen)
        media = [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if still else "no-preference"},
        ]
        self.devtools("Emulation.setEmulatedMedia", {"features": media})

    def complaints(self) -> list[str]:
        """Return warnings and errors of the console since they were last asked for."""
        return [f"{entry['level']}: {entry['message']}" for entry in self._log("browser")]

    def requested(self) -> list[str]:
        """Return the URLs that pages asked for since they were last asked for; no data: URLs."""
        messages = [json.loads(entry["message"])["message"] for entry in self._log("performance")]
        urls = [
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
        ]
        return [url for url in urls if not url.startswith(("data:", "about:"))]

    def script(self, body: str, *arguments: object) -> Any:
        """Run the body of a JavaScript function, and return its result."""
        return self.driver.execute_script(body, *arguments)

    def until(self, condition: str) -> None:
        """Wait until a JavaScript expression is true.

        Raises:
            selenium.common.TimeoutException: It has not become so in time.
        """
        wait: WebDriverWait[Chrome] = WebDriverWait(self.driver, _PAGE_S, poll_frequency=0.05)
        wait.until(lambda driver: driver.execute_script(f"return Boolean({condition})"), condition)

    def devtools(self, command: str, arguments: dict[str, Any]) -> Any:
        """Send a command of the Chrome DevTools protocol."""
        return self.driver.execute_cdp_cmd(command, arguments)

    def _log(self, kind: str) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.driver.execute(Command.GET_LOG, {"type": kind})[
            "value"
        ]
        return entries


@contextmanager
def chromium(directory: Path) -> Iterator[Browser]:
    """Run a browser for a while.

    Args:
        directory: An empty folder for its profile and its log.
    """
    options = Options()
    options.binary_location = shutil.which("chromium") or ""
    for flag in (*_FLAGS, f"--user-data-dir={directory / 'profile'}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "WARNING", "performance": "ALL"})
    service = Service(shutil.which("chromedriver"), log_output=str(directory / "driver.log"))
    driver = Chrome(options, service)
    try:
        driver.set_page_load_timeout(_PAGE_S)
        yield Browser(driver)
    finally:
        driver.quit()
