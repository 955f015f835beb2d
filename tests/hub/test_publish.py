"""train.publish: from a folder to the Hub and back, through the real client."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from vp.checkpoints import save_encoder, save_predictor
from vp.models import build, preset

from .hub_server import Hub

TINY = {"gru_widths": (2, 2, 2, 2), "decoder_width": 16, "lateral_width": 4, "height": 32, "width": 32}
PUBLISH = """
import runpy, sys, io, contextlib
sys.argv = ["publish", "--from", folder, "--to", to]
output = io.StringIO()
try:
    with contextlib.redirect_stdout(output):
        runpy.run_module("train.publish", run_name="__main__")
except SystemExit as error:
    output.write(f"REFUSED {error}")
result = output.getvalue().strip()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    model = build(replace(preset("one_frame"), **TINY))
    save_encoder(tmp_path, model, provenance="random numbers")
    for name in ("one_frame", "paper_one_frame"):
        save_predictor(tmp_path, name, model, training={"minutes": 0}, scores={})
    (tmp_path / "README.md").write_text("# Tiny\n", encoding="utf-8")
    (tmp_path / "last.ckpt").write_bytes(b"an optimiser's state, for nobody")
    (tmp_path / ".env").write_text("HF_TOKEN=secret", encoding="utf-8")
    return tmp_path


def test_what_the_app_loads_is_published_and_nothing_else(hub: Hub, client, folder: Path) -> None:
    output = client(PUBLISH, folder=str(folder), to="hf://me/ladder")
    assert output.startswith("published: python app.py --checkpoints hf://me/ladder@")
    pinned = output.split()[-1]
    listing = "from huggingface_hub import HfApi\nresult = sorted(HfApi().list_repo_files('me/ladder'))"
    kept = [f for f in client(listing) if f != ".gitattributes"]
    files = ("config.json", "model.safetensors")
    assert kept == [
        "README.md",
        *(f"{part}/{file}" for part in ("encoder", "one_frame", "paper_one_frame") for file in files),
    ]
    load = "from vp import load_predictor\nresult = list(load_predictor(name, spec).size)"
    assert all(client(load, name=name, spec=pinned) == [32, 32] for name in ("one_frame", "paper_one_frame"))

    (folder / "README.md").write_text("# Tiny, second edition\n", encoding="utf-8")
    again = client(PUBLISH, folder=str(folder), to="hf://me/ladder").split()[-1]
    assert again != pinned
    card = "from vp.checkpoints import open_checkpoints\nresult = open_checkpoints(spec).card()"
    assert [client(card, spec=spec) for spec in (pinned, again)] == ["# Tiny\n", "# Tiny, second edition\n"]


def test_nothing_is_sent_that_the_app_could_not_load(hub: Hub, client, folder: Path) -> None:
    weights = folder / "one_frame" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    assert "REFUSED" in (output := client(PUBLISH, folder=str(folder), to="hf://me/broken")) and weights.name in output
    (folder / "README.md").unlink()
    assert "model card" in client(PUBLISH, folder=str(folder), to="hf://me/broken")
    assert "hf://owner/name" in client(PUBLISH, folder=str(folder), to="me/broken")
    assert not hub.requests("/api/models", "POST") and not hub.requests("/api/repos", "POST")


def test_who_may_not_write_is_told_so(hub: Hub, client, folder: Path) -> None:
    code = "import os, huggingface_hub.utils._auth\nos.environ['HF_TOKEN'] = token\n" + PUBLISH
    try:
        output = client(code, folder=str(folder), to="hf://me/foreign", token="hf_wrong")
    finally:
        client("import os\nos.environ['HF_TOKEN'] = token", token=hub.token)
    assert "REFUSED" in output and "HF_TOKEN" in output and "hf_wrong" not in output
