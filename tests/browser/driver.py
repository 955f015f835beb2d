"""What a visitor does with the page, for the tests."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Locator, Page, Response

from vp.ui.views import VIEWS

WATCH = """() => {
  window.probe = { count: 0, acted: 0, took: null };
  for (const kind of ["pointerdown", "keydown", "change"]) {
    addEventListener(kind, () => { probe.acted = performance.now(); }, true);
  }
  lvln.on("rollout", () => requestAnimationFrame(() => {
    probe.took = performance.now() - probe.acted;
    probe.count += 1;
  }));
}"""
# A number that stands for the pixels of a canvas, and how many different grey levels there are.
PIXELS = """canvas => {
  const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  let sum = 0;
  const levels = new Set();
  for (let i = 0; i < data.length; i += 4) {
    sum = (sum * 31 + data[i] + 256 * data[i + 1] + 65536 * data[i + 2] + 7 * data[i + 3]) % 2147483647;
    levels.add(data[i]);
  }
  return [sum, levels.size];
}"""


class Explorer:
    """One visitor's page, in a window that others had before. troubles: what the browser complained about."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.context, self.url = page, page.context, url
        self.troubles: list[str] = []
        self.opened = 0.0  # seconds from address to picture
        self._watched = {
            "console": self._console,
            "pageerror": self._error,
            "response": self._response,
            "requestfailed": self._failed,
        }

    def _error(self, error: object) -> None:
        self.troubles.append(f"page error: {error}")

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.troubles.append(f"console: {message.text} ({message.location.get('url')})")

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self.troubles.append(f"HTTP {response.status}: {response.url}")

    def _failed(self, request: object) -> None:
        # Streams and films that are no longer wanted are cut off, by Gradio and by Chromium.
        if request.failure != "net::ERR_ABORTED":
            self.troubles.append(f"failed: {request.url}: {request.failure}")

    def open(self, fragment: str = "") -> None:
        """Load the page and wait for the first prediction. fragment: "#..." of a link."""
        if self.opened:
            self._close()
        for event, watch in self._watched.items():
            self.page.on(event, watch)
        start = time.monotonic()
        self.page.goto(f"{self.url}{fragment}", wait_until="domcontentloaded")
        self.wait("window.lvln && lvln.state.rollout && document.querySelector('#view-stage .cell')")
        self.opened = time.monotonic() - start
        self.page.evaluate(WATCH)

    def _close(self) -> None:
        """Go away from the page. What Gradio says then, of streams that are cut off, is no trouble."""
        for event, watch in self._watched.items():
            self.page.remove_listener(event, watch)
        self.page.goto("about:blank")

    def leave(self) -> None:
        """Leave the window as a new visitor finds it, but for what is in its cache."""
        self._close()
        self.page.mouse.move(0, 0)
        storage = self.context.new_cdp_session(self.page)
        storage.send("Storage.clearDataForOrigin", {"origin": self.url, "storageTypes": "local_storage"})
        storage.detach()
        self.context.clear_cookies()
        self.context.clear_permissions()

    def wait(self, condition: str, seconds: float = 60) -> None:
        """Wait for a JavaScript expression to become true."""
        self.page.wait_for_function(f"() => Boolean({condition})", timeout=seconds * 1000)

    def state(self, expression: str) -> object:
        """A value of the page's state: `state("rollout.seen")`."""
        return self.page.evaluate(f"() => lvln.state.{expression}")

    @contextmanager
    def new_rollout(self) -> Iterator[dict]:
        """Wait until what the block does has led to another prediction. Gives {"ms": from act to picture}."""
        count, key = self.page.evaluate("[probe.count, lvln.state.rollout.key]")
        result: dict = {}
        yield result
        # Of another key: on a slow machine the page may still be drawing the one that it opened with.
        another = f"probe.count > {count} && lvln.state.rollout.key !== {json.dumps(key)}"
        self.wait(f"{another} && !document.documentElement.classList.contains('lvln-busy')")
        result["ms"] = self.page.evaluate("probe.took")

    def view(self, name: str) -> Locator:
        """Open a view by its tab, out of the menu of tabs where there is no room. Returns its content."""
        self.tab(name)
        content = self.page.locator(f"#view-{name.lower()}")
        content.wait_for(state="visible")
        return content

    def tab(self, name: str) -> None:
        switch = self.page.locator("#view-switch button").get_by_text(name, exact=True)
        if name in VIEWS and self.page.viewport_size["width"] <= 560:
            switch.click()
            return
        tab = self.page.locator(f".tab-container:not(.visually-hidden) button[role=tab]:text-is('{name}')")
        menu = self.page.locator("#views .overflow-menu > button")
        # Gradio lays the tabs out after the page is there: one or the other comes up in a moment.
        tab.or_(menu).locator("visible=true").first.wait_for()
        if not tab.locator("visible=true").count():
            menu.click()
            self.page.locator(f"#views .overflow-dropdown button:has-text('{name}')").click()
            return
        tab.first.click()

    def pixels(self, selector: str) -> tuple[int, int]:
        """A number for the pixels of the first canvas that matches, and how many levels of red it has."""
        return tuple(self.page.locator(selector).first.evaluate(PIXELS))

    def changes(self, selector: str, action: Callable[[], object]) -> None:
        """Do something and wait for the canvas to look different."""
        before = self.pixels(selector)
        action()
        for _ in range(300):
            if self.pixels(selector) != before:
                return
            self.page.wait_for_timeout(100)
        raise AssertionError(f"{selector} looks the same after 30 s")

    def upload(self, path: Path) -> None:
        """Choose a file of this machine in the Upload tab."""
        self.tab("Upload")
        with self.page.expect_file_chooser() as chooser:
            self.page.locator("#upload button").first.click()
        chooser.value.set_files(path)

    def fragment(self, *parts: str) -> str:
        """What the address names behind its #, once it names all of these: it is written in a moment."""
        self.wait(f"{json.dumps(parts)}.every((part) => location.hash.includes(part))")
        return urlsplit(self.page.evaluate("location.href")).fragment

    def overflow(self) -> int:
        """Pixels by which the page is wider than the window."""
        return self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
