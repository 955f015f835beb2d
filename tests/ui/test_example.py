"""The example on show at first paint is what the bundled network really predicts for the bundled clip."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from vp.explorer import Explorer
from vp.ui.handlers import EXAMPLE, Handlers


def picture(url: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))), dtype=float)


def test_the_shipped_example_is_up_to_date():
    handlers = Handlers(Explorer())
    shipped = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    fresh = handlers.predict(handlers.example_request())
    for key in ("clip", "clip_id", "model", "start", "fps", "seen", "horizon", "steps", "size", "blocks", "truths"):
        assert shipped[key] == fresh[key], f"{key} differs: run python -m assets.make_example"
    # Another processor rounds differently; another checkpoint predicts differently.
    for name, values in fresh["scores"].items():
        assert shipped["scores"][name] == pytest.approx(values, abs=0.1), "run python -m assets.make_example"
    difference = np.abs(picture(shipped["strips"]["predicted"]) - picture(fresh["strips"]["predicted"]))
    assert difference.mean() < 1.5, "run python -m assets.make_example"


def test_the_example_beats_the_bar_that_the_page_shows_beside_it():
    scores = json.loads(EXAMPLE.read_text(encoding="utf-8"))["scores"]
    assert np.mean(scores["psnr"]) > np.mean(scores["copy_last_psnr"])
