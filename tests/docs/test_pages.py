"""The built documentation in a real browser, on a phone, a laptop and a desktop."""

from __future__ import annotations

import functools
import io
import itertools
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ecr_client import operations

Image = pytest.importorskip("PIL.Image", reason="install Pillow: pip install --group docs")
webdriver = pytest.importorskip(
    "selenium.webdriver", reason="install selenium: pip install --group docs"
)

ROOT = Path(__file__).resolve().parents[2]
READ_PAGE = (Path(__file__).parent / "read_page.js").read_text(encoding="utf-8")
PATIENCE = 20
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
DRIVER = shutil.which("chromedriver")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-sync"),
    *("--no-first-run", "--no-proxy-server"),
    *("--disable-background-networking", "--disable-component-update"),
)
WIDTHS = (390, 1280, 1920)
THEMES = ("light", "dark")
#: The methods of the client by the service's names of the operations.
METHODS = {
    each.name: name.lower()
    for name, each in vars(operations).items()
    if isinstance(each, operations.Operation)
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not (CHROMIUM and DRIVER),
        reason="install Chromium and its driver: apt-get install chromium chromium-driver",
    ),
]


class Quiet(SimpleHTTPRequestHandler):
    """A file server without a log."""

    def log_message(self, *_: object) -> None:
        pass


class Browser:
    """Chromium, showing the documentation."""

    def __init__(self, driver: Any, folder: Path, url: str) -> None:
        self.driver, self.folder, self.url = driver, folder, url

    @property
    def pages(self) -> list[str]:
        """The paths of all pages with text, without the indexes that Sphinx generates."""
        found = (str(page.relative_to(self.folder)) for page in self.folder.rglob("*.html"))
        return sorted(set(found) - {"genindex.html", "py-modindex.html", "search.html"})

    def open(self, page: str) -> None:
        self.driver.get(f"{self.url}/{page}")

    def emulate(self, width: int, theme: str) -> None:
        """Set the width of the screen, and whether the reader prefers dark colors."""
        screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        preference = {"name": "prefers-color-scheme", "value": theme}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [preference]})

    def find(self, selector: str) -> Any:
        """Return an element after scrolling it to the middle of the window at once."""
        found = self.driver.find_element("css selector", selector)
        instantly = "arguments[0].scrollIntoView({behavior: 'instant', block: 'center'})"
        self.driver.execute_script(instantly, found)
        return found

    def wait_for(self, script: str) -> Any:
        """Return the result of a script as soon as it is true."""
        from selenium.webdriver.support.wait import WebDriverWait

        wait = WebDriverWait(self.driver, PATIENCE, poll_frequency=0.01)
        return wait.until(lambda driver: driver.execute_script(script))


@pytest.fixture(scope="module")
def html(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the documentation, from ``DOCS_HTML`` or built now."""
    if "DOCS_HTML" in os.environ:
        return Path(os.environ["DOCS_HTML"])
    pytest.importorskip("sphinx", reason="install Sphinx: pip install --group docs")
    folder = tmp_path_factory.mktemp("html")
    subprocess.run([sys.executable, "-m", "sphinx", "-q", ROOT / "docs", folder], check=True)
    return folder


@pytest.fixture(scope="module")
def browser(html: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Yield Chromium with a server of the documentation."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(html)))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
        try:
            yield Browser(driver, html, f"http://127.0.0.1:{server.server_port}")
        finally:
            driver.quit()
    finally:
        server.shutdown()
        server.server_close()
        thread.join(PATIENCE)


def test_pages_are_readable(browser: Browser) -> None:
    """Text is visible and has contrast, code can be copied, and output does not look like code."""
    complaints = []
    for page in browser.pages:
        browser.open(page)
        for width, theme in itertools.product(WIDTHS, THEMES):
            browser.emulate(width, theme)
            for what, found in browser.driver.execute_script(READ_PAGE).items():
                complaints += [f"{page}, {width}, {theme}: {what}: {each}" for each in found]

    assert browser.pages
    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize("theme", THEMES)
def test_plots_are_readable(browser: Browser, theme: str) -> None:
    """A plot has the background of its page, and contrasts with it."""
    browser.emulate(1280, theme)
    browser.open("performance.html")
    plot = browser.find("article img[src$='.svg']")
    seen = Image.open(io.BytesIO(plot.screenshot_as_png)).convert("RGB")
    page = browser.driver.execute_script("return getComputedStyle(document.body).backgroundColor")
    behind = max(seen.getcolors(seen.width * seen.height))[1]
    darkest, lightest = seen.convert("L").getextrema()

    assert page == f"rgb{behind}"
    assert lightest - darkest > 200


def test_search_finds_operations(browser: Browser) -> None:
    """The first result for the name of an operation or of its method is the method."""
    wrong = []
    for operation, method in METHODS.items():
        for query in (operation, method):
            browser.open(f"search.html?q={query}")
            first = browser.wait_for("return document.querySelector('ul.search a')?.href")
            if not first.endswith(f"#ecr_client.ECRClient.{method}"):
                wrong.append((query, first))

    assert len(METHODS) == 62
    assert wrong == []


@pytest.mark.parametrize(
    ("page", "language", "start"),
    [
        ("guide/from-boto3", "python", "import boto3\n\nold = boto3.client("),
        ("guide/command-line", "console", "ecr repos create team/app --scan-on-push\necr push "),
    ],
)
def test_button_copies_code(browser: Browser, page: str, language: str, start: str) -> None:
    """The button of a block copies its code, without prompts and output."""
    permission = {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
    browser.driver.execute_cdp_cmd("Browser.grantPermissions", permission)
    browser.emulate(1280, "light")
    browser.open(f"{page}.html")
    browser.find(f".highlight-{language} button").click()
    browser.wait_for("return document.querySelector('button.success')")
    copied = browser.driver.execute_async_script(
        "navigator.clipboard.readText().then(arguments[0])"
    )

    assert copied.startswith(start)
