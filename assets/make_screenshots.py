"""Shoot the README's pictures of the page from the bundled clips, into `assets/figures/`.

python -m assets.make_screenshots            # needs Debian's chromium (or VP_CHROMIUM)
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

FIGURES = Path(__file__).parent / "figures"
PORT = 7893
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]


def open_page(browser) -> Page:
    """The page with its example loaded, stopped on the second predicted frame."""
    context = browser.new_context(
        viewport={"width": 1440, "height": 900}, color_scheme="light", reduced_motion="reduce", device_scale_factor=1.5
    )
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{PORT}")
    page.wait_for_selector(".stage .timeline .cell")
    page.wait_for_selector(".gallery .clip img")
    page.evaluate("lvln.play(false); lvln.setCursor(lvln.state.rollout.seen + 1)")
    page.wait_for_timeout(1500)
    return page


def view(page: Page, tab: str, ready: str) -> None:
    page.get_by_role("tab", name=tab, exact=True).click()
    page.wait_for_selector(ready, timeout=60_000)
    page.wait_for_timeout(1500)


def save(name: str, shot: bytes) -> None:
    """WebP: a tenth of the PNG's size, with all of its colours."""
    path = FIGURES / f"{name}.webp"
    Image.open(io.BytesIO(shot)).convert("RGB").save(path, quality=88, method=6)
    print(f"{path.name} {path.stat().st_size / 1000:.0f} kB")


def experiments(page: Page) -> None:
    """Silence the ConvGRU that matters most, and run everything else."""
    parts = {
        "importance": "table",
        "memory_reset": "svg",
        "seen_sweep": "svg",
        "spectrum": ".paper canvas",
        "saliency": ".heat canvas",
    }
    for name, ready in parts.items():
        page.click(f".{name} .go")
        page.wait_for_selector(f".{name} {ready}")
    page.click(f"[data-part='{page.get_attribute('.importance [data-path]', 'data-path')}']")
    page.wait_for_selector(".silence .verdict")
    page.wait_for_timeout(800)


def shoot(browser) -> None:
    page = open_page(browser)
    save("page", page.screenshot())
    view(page, "Ladder", ".ladder [data-stage='e4']")
    save("ladder", page.locator("#view-ladder").screenshot())
    view(page, "Motion", ".motion .maps canvas")
    save("motion", page.locator("#view-motion .panels").screenshot())
    view(page, "Experiments", ".experiments .go")
    experiments(page)
    save("experiments", page.locator("#view-experiments").screenshot())
    view(page, "Classes", ".classes .board:not([hidden])")
    save("classes", page.locator("#view-classes").screenshot())


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


if __name__ == "__main__":
    main()
