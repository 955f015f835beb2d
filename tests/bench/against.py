"""The networks of two checkouts, timed in turns on one machine: each program loads the checkpoints of its own tree."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from vp.models import NAMES

from .network import ROUTINES

ROOT = Path(__file__).resolve().parents[2]
# In a process of its own, with nothing but what every tree has: a trained network by name, run on frames.
PROGRAM = """
import json, sys, time
import numpy as np
from vp import load_predictor
name, seen, horizon = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
predictor = load_predictor(name)
frames = np.random.default_rng(0).integers(0, 256, (seen + horizon, 240, 320, 3), dtype=np.uint8)
times = []
for _ in range(9):
    start = time.perf_counter()
    predictor.run(frames, seen, horizon)
    times.append(time.perf_counter() - start)
print(json.dumps(min(times)))
"""


def compare(tree: Path, repeats: int = 3) -> dict[str, dict[str, float]]:
    """{network: seconds of a prediction in "that" tree and in "this" one, and their "ratio"}, by the fastest runs."""
    found = {}
    for name in NAMES:
        times: dict[Path, list[float]] = {tree: [], ROOT: []}
        for _ in range(repeats):
            for place, taken in times.items():
                command = [sys.executable, "-c", PROGRAM, name, *map(str, ROUTINES[name])]
                ran = subprocess.run(command, cwd=place, check=True, capture_output=True, text=True)
                taken.append(json.loads(ran.stdout))
        that, this = min(times[tree]), min(times[ROOT])
        found[name] = {"that": that, "this": this, "ratio": that / this}
    return found
