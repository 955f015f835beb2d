"""The app as a visitor meets it: from a click to pictures, from a start to the first page, and its memory."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from serve import serve  # the real app in a process of its own

from vp import render, video
from vp.explorer import Explorer, Window
from vp.models import NAMES
from vp.ui.handlers import Handlers
from vp.ui.store import Request

from .timing import best, rates


def click_to_picture(path: Path, checkpoints: str = "bundled") -> dict[str, dict[str, float]]:
    """Seconds on the server from the choice of a clip to all that the page draws, by network; and its parts."""
    handlers = Handlers(Explorer(checkpoints=checkpoints))
    found = {}
    seconds = video.probe(path).seconds
    with tempfile.TemporaryDirectory() as folder:
        movie = Path(folder) / "movie.mp4"
        for name in handlers.explorer.checkpoints.names():
            predictor = handlers.explorer.predictor(name)
            window = Window(name, fps=10, seen=predictor.default_seen, horizon=3)
            request = Request(str(path), seconds, "a clip", None, window)
            key, rollout = handlers.store.run(request)
            found[name] = {
                "all": best(lambda request=request: handlers.predict(request)),
                "decode": best(lambda: video.read(path, fps=10, start=0.0, frames=8)),
                "network": rollout.seconds,
                "render": best(lambda r=rollout, q=request, k=key: handlers._payload(r, q, k)),
                "mp4": best(lambda r=rollout: render.side_by_side_mp4(r, movie, 10)),
                "silence": best(lambda k=key: handlers.inspect("silence", k, {"parts": "C1.3x3"})),
                "silence_filter": best(lambda k=key: handlers.inspect("silence", k, {"parts": "C1.7x7.3"})),
                "memory_view": best(lambda k=key: handlers.activations(k, "C1", "3x3", "h")),
            }
    return found


def resident(process: int) -> float:
    """Megabytes that a process holds in memory."""
    status = Path(f"/proc/{process}/status")
    if not status.exists():  # not Linux
        return float("nan")
    return int(re.search(r"VmRSS:\s+(\d+)", status.read_text(encoding="utf-8"))[1]) / 1024


def cold_start(repeats: int = 5) -> dict[str, float]:
    """Seconds from `python app.py` to the first page and of `import gradio` alone, and the ratio of the two."""
    settings = os.environ | {"GRADIO_ANALYTICS_ENABLED": "False"}
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    pages = []

    def first_page() -> None:
        start = time.perf_counter()
        with serve(poll=0.01) as server:
            with direct.open(server.url, timeout=60) as page:
                page.read()
            pages.append(time.perf_counter() - start)

    def gradio() -> None:
        subprocess.run([sys.executable, "-c", "import gradio"], env=settings, check=True)

    alone = rates({"gradio": gradio, "page": first_page}, repeats)["gradio"]
    return {"first_page": min(pages), "import_gradio": alone, "ratio": min(pages) / alone}


def memory(path: Path, rounds: int = 8) -> dict[str, object]:
    """Megabytes that the server holds: with all three networks used once, and after each of `rounds` in which every
    endpoint is asked, with other frames each time."""
    from gradio_client import Client, handle_file

    with serve() as server, tempfile.TemporaryDirectory() as folder:
        client = Client(server.url, download_files=folder, verbose=False, analytics_enabled=False)
        for name in NAMES:
            client.predict(video=handle_file(str(path)), model=name, api_name="/predict")
        found, count = [resident(server.process.pid)], 0
        endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
        for turn in range(rounds):
            for name, about in endpoints.items():
                takes = {parameter["parameter_name"] for parameter in about["parameters"]}
                for model in NAMES if "model" in takes else (None,):
                    options = {"video": handle_file(str(path)), "model": model, "start": 0.1 * (turn % 10)}
                    known = {key: value for key, value in options.items() if key in takes and value is not None}
                    client.predict(api_name=name, **known)
                    count += 1
            found.append(resident(server.process.pid))
        return {"networks_used": found[0], "rounds": found[1:], "requests": count}


def browser_click(clicks: int = 8) -> dict[str, float]:
    """Seconds in Chromium from a click on a bundled clip to the painted pictures, by the page's own clock, and of them
    the network's, in the fastest of several clicks."""
    from playwright.sync_api import sync_playwright

    sys.path.insert(0, str(Path(__file__).parents[1] / "browser"))
    from driver import Explorer as Visitor

    program = os.environ.get("VP_CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    with (
        serve(OMP_WAIT_POLICY="passive") as server,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"]) as chromium,
    ):
        context = chromium.new_context(viewport={"width": 1360, "height": 900}, reduced_motion="reduce")
        context.set_default_timeout(60_000)
        visitor = Visitor(context.new_page(), server.url)
        visitor.open()
        found = []
        for click in range(1, clicks + 1):
            visitor.page.wait_for_timeout(1500)  # the player and what else comes after the pictures
            with visitor.new_rollout() as seen:
                visitor.page.locator("#view-gallery .clip").nth(click % 6).click()
            found.append((seen["ms"] / 1000, visitor.state("rollout.seconds")))
        painted, network = min(found)
        return {"painted": painted, "network": network}


def still_clip(path: Path) -> Path:
    """A clip to work on where none is given: noise that moves, 320x240."""
    frames = np.random.default_rng(0).integers(0, 256, (60, 240, 320, 3), dtype=np.uint8)
    video.write_mp4(path, frames, fps=25)
    return path
