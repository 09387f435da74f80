"""A real Chromium, driven by Playwright, and a person before it: screen, theme, what went wrong.

Debian's own is driven; nothing is fetched. A page that complains in its console, runs into an
error, opens a dialog or asks anybody but its server has failed, whatever it shows.
"""

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    Dialog,
    Locator,
    Page,
    Request,
    expect,
    sync_playwright,
)

from tests.conftest import needs

PROGRAM: Final = shutil.which("chromium") or shutil.which("chromium-browser") or ""
BOUND_MS: Final = 30_000
PHONE: Final = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True,
                "device_scale_factor": 2}  # fmt: skip
DESKTOP: Final = {"viewport": {"width": 1440, "height": 900}}
SCREENS: Final[Mapping[str, Mapping[str, Any]]] = {"phone": PHONE, "desktop": DESKTOP}
THEMES: Final = ("light", "dark")
_PICTURES: Final = os.environ.get("GATE_TEST_PICTURES", "")
"""A folder for pictures of the pages, to be looked at."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser; skips where there is none."""
    expect.set_options(timeout=BOUND_MS)
    needs(bool(PROGRAM), "Chromium (apt install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=PROGRAM,
            # Its own sandbox wants a user who is not root; what it opens here is ours.
            args=["--no-sandbox", "--no-proxy-server", "--disable-dev-shm-usage"],
        )
        try:
            yield browser
        finally:
            browser.close()


@dataclass(slots=True)
class Person:
    """Somebody at a browser of their own."""

    context: BrowserContext
    page: Page
    url: str
    faults: list[str] = field(default_factory=list)
    may_fail: bool = False
    """While the server is away, of which the console says much."""

    def open(self, path: str, url: str = "") -> None:
        """Open a page."""
        self.page.goto(f"{url or self.url}{path}", wait_until="load")

    @property
    def path(self) -> str:
        """Of the page that is open."""
        return urlsplit(self.page.url).path

    def press(self, name: str) -> None:
        """Press a button by its name."""
        self.page.get_by_role("button", name=name, exact=True).click()

    def sign_in(self, name: str, pin: str) -> None:
        """Fill in who it is, on the page that asks for it."""
        self.page.get_by_label("Name", exact=True).fill(name)
        self.page.get_by_label("PIN").fill(pin)
        self.press("Sign in")

    def figure(self, heading: str) -> Locator:
        """A number of Tonight, by what stands beneath it."""
        return self.page.locator(".figure", has_text=heading).locator(".number")

    def number(self, heading: str) -> int:
        """The same, read."""
        return int(self.figure(heading).inner_text())

    def wait_for(self, selector: str, text: str, bound_ms: int = BOUND_MS) -> None:
        """Until a part says exactly that; looked at with each frame that is drawn."""
        whole = re.compile(f"^\\s*{re.escape(text)}\\s*$")
        self.page.locator(selector, has_text=whole).first.wait_for(timeout=bound_ms)

    def picture(self, name: str) -> None:
        """Keep what is seen, where somebody wants to look at it."""
        if _PICTURES:
            Path(_PICTURES).mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=Path(_PICTURES, f"{name}.png"), full_page=True)

    def is_too_wide(self) -> bool:
        """Whether the page has to be pushed aside to be read."""
        root = self.page.locator("html")
        wide = root.evaluate("html => html.scrollWidth - html.clientWidth")
        return int(wide) > 0


@contextmanager
def person(browser: Browser, url: str, screen: str = "desktop", **more: Any) -> Iterator[Person]:
    """Somebody new; in the end nothing may have gone wrong on their pages."""
    context = browser.new_context(**(dict(SCREENS[screen]) | {"locale": "en-GB"} | more))
    context.set_default_timeout(BOUND_MS)
    page = context.new_page()
    at = Person(context, page, url)
    _watch(at)
    try:
        yield at
    finally:
        with suppress(Exception):
            context.close()
    assert at.faults == []


def _watch(at: Person) -> None:
    """Write down whatever a page should not do."""

    def complain(text: str) -> None:
        if not at.may_fail:
            at.faults.append(text)

    def asked(request: Request) -> None:
        ours = urlsplit(at.url).hostname
        if urlsplit(request.url).hostname != ours and not request.url.startswith("data:"):
            at.faults.append(f"asked for {request.url}")

    def dismiss(dialog: Dialog) -> None:
        at.faults.append(dialog.message)
        dialog.dismiss()

    page = at.page
    page.on("console", lambda said: complain(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: complain(str(error)))
    page.on("dialog", dismiss)
    page.on("request", asked)
