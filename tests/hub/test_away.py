"""The whole app with a Hub that is away, slow or full: it starts and says what is missing."""

from __future__ import annotations

import sys
import urllib.request
from pathlib import Path

import pytest
from gradio_client import handle_file
from gradio_client.exceptions import AppError

from .hub_server import Hub

sys.path.insert(0, str(Path(__file__).parents[1]))

from serve import ROOT, Visitor, serve

CLIP = ROOT / "assets" / "clips" / "walk.mp4"
pytestmark = pytest.mark.slow


def page(url: str) -> str:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(f"{url}/config", timeout=60) as answer:
        return answer.read().decode()


def ask(url: str) -> object:
    client = Visitor(url, download_files=False)
    return client.predict(video=handle_file(str(CLIP)), seen=2, horizon=1, api_name="/predict")


def test_without_its_checkpoints_the_app_starts_and_says_so(hub: Hub, tmp_path: Path) -> None:
    hub.fault("/api/models/me/ladder", status=503, times=-1)
    environment = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path), "HF_HUB_ETAG_TIMEOUT": "3"}
    with serve("--checkpoints", "hf://me/ladder", **environment) as server:
        shown = page(server.url)
        assert "Something is missing." in shown and "503" in shown and "hf://me/ladder" in shown
        with pytest.raises(AppError, match="503"):
            ask(server.url)
        assert "Traceback" not in server.log


def test_without_its_clips_an_upload_still_works(hub: Hub, tmp_path: Path) -> None:
    hub.fault("/api/datasets/me/clips", status=500, times=-1)
    environment = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path), "VP_CACHE": str(tmp_path / "cache")}
    with serve("--clips", "hf://datasets/me/clips", **environment) as server:
        assert "Something is missing." in page(server.url)
        _, numbers = ask(server.url)
        assert len(numbers["psnr"]) == 1
        assert "Traceback" not in server.log
