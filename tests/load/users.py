"""Many visitors at once: `python -m tests.load.users --users 32 --minutes 10 --json FILE`.

Each visitor is a gradio_client of its own that asks one thing after another: predictions by all networks,
activations, comparisons, experiments, on bundled clips that it uploads anew. It gets an answer or a clear "busy, try
again"; anything else is an error and is reported. The memory of the server is watched all along.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
from gradio_client import Client, handle_file

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.server import resident
from serve import ROOT, Server, serve

from vp.models import BLOCKS, KERNELS, NAMES

CLIPS = sorted((ROOT / "assets" / "clips").glob("*.mp4"))
# What Gradio answers, and what it raises, beyond its queue.
BUSY = ("queue is full", "busy", "try again")


def question(rng: random.Random) -> tuple[str, dict]:
    """An endpoint and its settings, as likely as visitors would ask."""
    window = {"model": rng.choice(NAMES), "fps": rng.choice((25, 15, 10)), "seen": rng.randint(2, 6)}
    kind = rng.random()
    if kind < 0.5:
        return "/predict", {**window, "horizon": rng.randint(1, 5)}
    if kind < 0.7:
        choice = {"block": rng.choice(BLOCKS), "kernel": rng.choice(KERNELS), "quantity": rng.choice("hzrn")}
        return "/activations", {**window, "horizon": 2, **choice}
    if kind < 0.8:
        return "/compare", {"fps": window["fps"], "seen": window["seen"], "horizon": 2}
    if kind < 0.9:
        return "/silence", {**window, "horizon": 2, "parts": f"{rng.choice(BLOCKS)}.{rng.choice(KERNELS)}"}
    return "/importance", window


class Visitors:
    """What happened to all of them. Thread-safe."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.outcomes: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self._lock = threading.Lock()

    def note(self, outcome: str, seconds: float, detail: str = "") -> None:
        with self._lock:
            self.outcomes[outcome] += 1
            if outcome == "answered":
                self.seconds.append(seconds)
            elif outcome == "error":
                self.errors[detail[:200]] += 1

    def visit(self, url: str, until: float, seed: int) -> None:
        """Ask until the time is over."""
        rng = random.Random(seed)
        client = Client(url, verbose=False, analytics_enabled=False, download_files=False)
        while time.monotonic() < until:
            endpoint, settings = question(rng)
            start = time.monotonic()
            try:
                client.predict(video=handle_file(str(rng.choice(CLIPS))), **settings, api_name=endpoint)
                self.note("answered", time.monotonic() - start)
            except Exception as error:
                text = str(error)
                busy = any(word in text.lower() for word in BUSY)
                self.note("busy" if busy else "error", 0.0, f"{endpoint} {type(error).__name__}: {text}")
                time.sleep(rng.uniform(0.5, 2) if busy else 0.2)


def watch(server: Server, until: float, samples: list[tuple[float, float]]) -> None:
    """Note (seconds, megabytes) of the server every few seconds."""
    start = time.monotonic()
    while time.monotonic() < until:
        samples.append((time.monotonic() - start, resident(server.process.pid)))
        time.sleep(2)


def run(users: int, minutes: float) -> dict:
    """Serve the app, let the visitors in, and report."""
    with serve() as server:
        visitors, samples = Visitors(), []
        until = time.monotonic() + 60 * minutes
        threads = [threading.Thread(target=visitors.visit, args=(server.url, until, seed)) for seed in range(users)]
        threads.append(threading.Thread(target=watch, args=(server, until, samples)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # After the storm the next visitor is served as if nothing had been.
        start = time.monotonic()
        Client(server.url, verbose=False, analytics_enabled=False, download_files=False).predict(
            video=handle_file(str(CLIPS[0])), api_name="/predict"
        )
        after = time.monotonic() - start
        log = server.log
    # The first part fills caches; a leak goes on after it.
    late = [(t, mb) for t, mb in samples if t > 60 * minutes / 3]
    slope = float(np.polyfit(*zip(*late), 1)[0] * 60) if len(late) > 2 else float("nan")
    waits = np.array(visitors.seconds or [float("nan")])
    return {
        "users": users,
        "minutes": minutes,
        "outcomes": dict(visitors.outcomes),
        "errors": dict(visitors.errors.most_common(10)),
        "tracebacks": log.count("Traceback"),
        "per_second": len(visitors.seconds) / (60 * minutes),
        "seconds": {
            "median": float(np.median(waits)),
            "p95": float(np.quantile(waits, 0.95)),
            "worst": float(waits.max()),
        },
        "resident_mb": {"first": samples[0][1], "last": samples[-1][1], "most": max(mb for _, mb in samples)},
        "slope_mb_per_minute": slope,
        "next_visitor_seconds": after,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=32)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--json", type=Path, default=None)
    args = parser.parse_args()
    report = run(args.users, args.minutes)
    text = json.dumps(report, indent=1)
    print(text)
    if args.json:
        args.json.write_text(text + "\n", encoding="utf-8")
    if report["outcomes"].get("error") or report["tracebacks"]:
        sys.exit("there were errors")


if __name__ == "__main__":
    main()
