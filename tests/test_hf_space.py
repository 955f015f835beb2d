"""On a Space with shared GPUs: a stand-in for the `spaces` package, which exists only there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from serve import Visitor, serve

ROOT = Path(__file__).resolve().parents[1]
# Like the real one it wraps functions and generators alike, and marks the time in which there is a GPU.
STAND_IN = """
import contextlib, functools, inspect, pathlib
INSIDE = []
@contextlib.contextmanager
def inside(name):
    INSIDE.append(name)
    with open(pathlib.Path(__file__).with_name("calls.txt"), "a") as file:
        file.write(name + "\\n")
    try:
        yield
    finally:
        INSIDE.pop()
def GPU(function=None, duration=60):
    if function is None:
        return functools.partial(GPU, duration=duration)
    @functools.wraps(function)
    def call(*args, **kwargs):
        with inside(function.__name__):
            return function(*args, **kwargs)
    @functools.wraps(function)
    def generate(*args, **kwargs):
        with inside(function.__name__):
            yield from function(*args, **kwargs)
    return generate if inspect.isgeneratorfunction(function) else call
"""
PROGRAM = """
import json, sys
import spaces
from vp.explorer import Explorer, Window
from vp.checkpoints import trial
from vp.models.motion_ladder import MotionLadder

trial.try_out = lambda *_: None  # weights are tried out on the CPU, as they are loaded
outside = []
observe = MotionLadder.observe
def watched(self, *args, **kwargs):
    if not spaces.INSIDE:
        outside.append(1)
    return observe(self, *args, **kwargs)
MotionLadder.observe = watched

explorer = Explorer()
clip = explorer.shelves[0].clips.path(explorer.shelves[0].clips.search()[0].id)
rollout = explorer.predict(clip, Window("one_frame", seen=2, horizon=1))
seen = [type(step).__name__ for step in explorer.classify(clip)]
print(json.dumps({"outside": len(outside), "psnr": rollout.scores["psnr"], "last": seen[-1]}))
"""


@pytest.fixture
def stand_in(tmp_path: Path) -> Path:
    """A folder with a module called `spaces`, for PYTHONPATH."""
    (tmp_path / "spaces.py").write_text(STAND_IN, encoding="utf-8")
    return tmp_path


def test_networks_run_only_while_there_is_a_gpu(stand_in: Path) -> None:
    path = os.pathsep.join((str(stand_in), str(ROOT)))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["outside"] == 0 and len(report["psnr"]) == 1 and report["last"] == "Classification"
    assert (stand_in / "calls.txt").read_text(encoding="utf-8").split() == ["_run", "_watch"]


def test_the_app_serves_as_a_space(stand_in: Path) -> None:
    from gradio_client import handle_file

    with serve(PYTHONPATH=str(stand_in), SPACE_ID="owner/lvln") as server:
        client = Visitor(server.url, download_files=False)
        clip = ROOT / "assets" / "clips" / "walk.mp4"
        answer = client.predict(video=handle_file(str(clip)), model="one_frame", seen=2, horizon=1, api_name="/predict")
        assert len(answer[1]["psnr"]) == 1
        assert "Traceback" not in server.log
    assert "_run" in (stand_in / "calls.txt").read_text(encoding="utf-8").split()
