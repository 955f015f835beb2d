"""The app as a visitor meets it: from a click to pictures, from a start to the first page, and its memory."""

from __future__ import annotations

import re
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

from .timing import best


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
                "lesion": best(lambda k=key: handlers.inspect("silence", k, {"parts": ["C1.3x3"]})),
                "lesion_filter": best(lambda k=key: handlers.inspect("silence", k, {"parts": ["C1.7x7.3"]})),
                "memory_view": best(lambda k=key: handlers.activations(k, "C1", "3x3", "h")),
            }
    return found


def resident(process: int) -> float:
    """Megabytes that a process holds in memory."""
    status = Path(f"/proc/{process}/status")
    if not status.exists():  # not Linux
        return float("nan")
    return int(re.search(r"VmRSS:\s+(\d+)", status.read_text(encoding="utf-8"))[1]) / 1024


def cold_start(path: Path) -> dict[str, float]:
    """Seconds from `python app.py` to the first page, and megabytes after all three networks were used."""
    from gradio_client import Client, handle_file

    start = time.perf_counter()
    with serve() as server:
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with direct.open(server.url, timeout=60) as page:
            page.read()
        first = time.perf_counter() - start
        client = Client(server.url, verbose=False, analytics_enabled=False)
        for name in NAMES:
            client.predict(video=handle_file(str(path)), model=name, api_name="/predict")
        return {"first_page": first, "resident_mb": resident(server.process.pid)}


def still_clip(path: Path) -> Path:
    """A clip to work on where none is given: noise that moves, 320x240."""
    frames = np.random.default_rng(0).integers(0, 256, (60, 240, 320, 3), dtype=np.uint8)
    video.write_mp4(path, frames, fps=25)
    return path
