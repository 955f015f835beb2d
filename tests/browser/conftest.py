"""The page of the real server in Chromium, with a watch over everything that goes wrong in it."""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from driver import Explorer
    from playwright.sync_api import Browser, Page
    from serve import Server

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",  # a camera that films a pattern, for the webcam tab
    "--use-fake-ui-for-media-stream",
]


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.import_plugin("serve")


def _missing(reason: str) -> None:
    """Skips on a machine without a browser, unless it promised to have one."""
    if os.environ.get("CI", "").lower() in ("true", "1") or os.environ.get("VP_REQUIRE_BROWSER") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium: VP_CHROMIUM, the system's, or Playwright's own."""
    try:
        from playwright.sync_api import Error, expect, sync_playwright
    except ImportError:
        _missing("playwright is not installed")
    expect.set_options(timeout=60_000)  # as for everything else: the cores are shared
    chosen = os.environ.get("VP_CHROMIUM")
    if chosen and not Path(chosen).exists():
        pytest.fail(f"VP_CHROMIUM is {chosen}, which does not exist", pytrace=False)
    system = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        program = chosen or system
        if program is None and not Path(playwright.chromium.executable_path).exists():
            _missing("no Chromium: install chromium, run `playwright install chromium`, or set VP_CHROMIUM")
        try:
            running = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        except Error as error:
            _missing(f"Chromium does not start: {error}")
        yield running
        running.close()


@pytest.fixture(scope="session")
def windows() -> list[Page]:
    """Windows that tests take in turn: with Gradio's scripts in its cache a page takes half the time to open."""
    return []


@pytest.fixture
def arrive(browser: Browser, windows: list[Page]) -> Iterator[Callable[..., Explorer]]:
    """Open the page of a server as a new visitor: `arrive(server, width=390)`. At the end nothing may have gone wrong
    in it."""
    from driver import Explorer

    visits: list[Explorer] = []
    logs: dict[Server, int] = {}

    def open_page(
        server: Server,
        *,
        width: int = 1360,
        height: int = 900,
        motion: bool = False,
        scheme: str = "light",
        fragment: str = "",
    ) -> Explorer:
        logs.setdefault(server, len(server.log))
        if len(visits) == len(windows):  # visitors of one test share nothing
            context = browser.new_context()
            context.set_default_timeout(60_000)
            windows.append(context.new_page())
        page = windows[len(visits)]
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(reduced_motion="no-preference" if motion else "reduce", color_scheme=scheme)
        visits.append(Explorer(page, server.url))
        visits[-1].open(fragment)
        return visits[-1]

    yield open_page
    troubles = [trouble for visited in visits for trouble in visited.troubles]
    for visited in visits:
        visited.leave()
    assert not troubles, "\n".join(troubles)
    for server, before in logs.items():
        printed = server.log[before:]
        assert "Traceback" not in printed, printed[-5000:]


@pytest.fixture
def visit(arrive: Callable[..., Explorer], server: Server) -> Callable[..., Explorer]:
    """`arrive` at the app that all tests share."""
    return functools.partial(arrive, server)


@pytest.fixture
def explorer(visit: Callable[..., Explorer]) -> Explorer:
    """The page in a wide window, without motion: the cursor moves only when a test moves it."""
    return visit()
