"""The first page needs no network: it is served before PyTorch is imported, and whoever clicks then is answered."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from vp.explorer import Explorer
from vp.ui import build
from vp.ui.events import LOADING

ROOT = Path(__file__).resolve().parents[1]
# The real app, in which somebody looks at the page and asks for a prediction before any network was loaded.
PROGRAM = """
import json, sys, urllib.request
import gradio
import app
app.HEAD_START = 1000
found = {}
def visit(page):
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(page.local_url) as answer:
        found["page"] = "L-VLN explorer" in answer.read().decode()
    found["imported"] = [name for name in HEAVY if name in sys.modules]
    from gradio_client import Client, handle_file
    client = Client(page.local_url, verbose=False, analytics_enabled=False)
    _, found["numbers"] = client.predict(video=handle_file("assets/clips/walk.mp4"), seen=2, api_name="/predict")
    found["compiler"] = "torch._dynamo" in sys.modules
gradio.Blocks.block_thread = visit
app.run(app.parse(["--no-browser", "--clips", "bundled", "--checkpoints", "bundled"]))
print(json.dumps(found))
"""
HEAVY = ("torch", "torchvision", "safetensors.torch", "cv2", "scipy")


@pytest.fixture(scope="module")
def visited(tmp_path_factory: pytest.TempPathFactory) -> dict:
    """What a visitor found who was there before the networks."""
    own = {"GRADIO_TEMP_DIR": str(tmp_path_factory.mktemp("gradio")), "GRADIO_ANALYTICS_ENABLED": "False"}
    program = PROGRAM.replace("HEAVY", repr(HEAVY))
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=os.environ | own, capture_output=True, text=True, timeout=300
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    return json.loads(ran.stdout.splitlines()[-1])


def test_the_page_is_served_before_torch_is_imported(visited: dict) -> None:
    assert visited["page"]
    assert visited["imported"] == []


def test_whoever_asks_before_the_networks_are_there_is_answered(visited: dict) -> None:
    assert len(visited["numbers"]["psnr"]) == 3


def test_loading_a_network_does_not_load_a_compiler(visited: dict) -> None:
    """It takes two seconds and 100 MB, for a network that is never compiled."""
    assert not visited["compiler"]


def test_a_click_is_told_that_the_network_is_loading_while_it_is() -> None:
    explorer = Explorer()
    page = build(explorer)
    (predict,) = {
        f.fn for f in page.fns.values() if f.name == "predict" and f.api_visibility == "private" and f.fn is not None
    }
    given = [component.value for component in next(f for f in page.fns.values() if f.fn is predict).inputs]
    first, second = list(predict(*given)), list(predict(*given))
    assert first[0][0] == LOADING and [list(step[0]) for step in (*first[1:], *second)] == [["rollout"], ["rollout"]]
