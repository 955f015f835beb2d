"""Shoot the README's pictures of the page from the bundled clips, into `assets/figures/`.

python -m assets.make_screenshots            # needs Debian's chromium (or VP_CHROMIUM)
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

FIGURES = Path(__file__).parent / "figures"
PORT = 7893
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]


def open_page(browser, *, width: int, height: int, scheme: str) -> Page:
    """The page with its example loaded, stopped on the second predicted frame."""
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        reduced_motion="reduce",
        device_scale_factor=1.5,
    )
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{PORT}")
    page.wait_for_selector(".stage .timeline .cell")
    page.wait_for_selector(".gallery .clip img")
    page.evaluate("lvln.play(false); lvln.setCursor(lvln.state.rollout.seen + 1)")
    page.wait_for_timeout(1500)
    return page


def view(page: Page, tab: str, ready: str) -> None:
    page.get_by_role("tab", name=tab).click()
    page.wait_for_selector(ready, timeout=60_000)
    page.wait_for_timeout(1500)


def shoot(browser) -> None:
    page = open_page(browser, width=1440, height=900, scheme="light")
    page.screenshot(path=FIGURES / "page.png")
    view(page, "Memory", ".memory .steps .step")
    page.screenshot(path=FIGURES / "memory.png", full_page=True)
    view(page, "Compare", ".compare .model")
    page.screenshot(path=FIGURES / "compare.png", full_page=True)
    page = open_page(browser, width=1440, height=900, scheme="dark")
    view(page, "Memory", ".memory .steps .step")
    page.screenshot(path=FIGURES / "memory-dark.png", full_page=True)
    page = open_page(browser, width=390, height=844, scheme="light")
    page.screenshot(path=FIGURES / "phone.png")


def main() -> None:
    FIGURES.mkdir(exist_ok=True)
    chromium = os.environ.get("VP_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    server = subprocess.Popen([sys.executable, "app.py", "--no-browser", "--port", str(PORT)])
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{PORT}")
                break
            except OSError:
                time.sleep(0.5)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            shoot(browser)
            browser.close()
    finally:
        server.terminate()
        server.wait()
    # A quarter of the size, and nothing to see of it: screenshots have few colours.
    from PIL import Image

    for path in FIGURES.glob("*.png"):
        Image.open(path).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
        print(f"{path.name} {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
