"""train.findings: figures about what the networks learn, out of bundled weights and clips."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("matplotlib", reason="figures need train/requirements.txt")

from train.findings.filters import follows
from train.findings.runs import only_predictor
from train.findings.subsets import below


def figure(name: str, path: Path, *arguments: str) -> tuple[str, np.ndarray]:
    """What `python -m train.findings.NAME` prints, and its picture [h, w, 3]."""
    command = [sys.executable, "-m", f"train.findings.{name}", *arguments, "--figure", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout, np.array(Image.open(path).convert("RGB"))


def test_a_filter_that_changes_where_the_picture_does_is_found():
    rng = np.random.default_rng(0)
    frames = rng.random((6, 8, 12, 3))
    pooled = frames.mean(-1).reshape(6, 4, 2, 6, 2).mean((2, 4))
    moved = np.abs(np.diff(frames.mean(-1), axis=0)).reshape(5, 4, 2, 6, 2).mean((2, 4))
    follower = np.concatenate([np.zeros((1, 4, 6)), np.cumsum(moved, axis=0)])
    states = np.stack([rng.random(pooled.shape), 3 * follower - 1, np.full(pooled.shape, 0.7)], axis=1)
    close = follows(states, frames)
    assert close[1] == pytest.approx(1, abs=1e-4) and abs(close[0]) < 0.4 and close[2] == 0


def test_the_trained_filter_is_drawn_beside_the_fresh_one(tmp_path):
    told, picture = figure("filters", tmp_path / "filter.png", "--clip", "walk")
    assert re.match(r"C1 3x3 filter \d+, colours from -[01]\.\d\d", told)
    # Both ends of the diverging scale.
    red, blue = picture[..., 0].astype(int), picture[..., 2].astype(int)
    assert (red - blue > 80).mean() > 0.01 and (blue - red > 80).mean() > 0.01


def test_the_papers_colours_leave_their_range_and_ours_hardly(tmp_path):
    shares = {}
    for model in ("paper_one_frame", "one_frame"):
        told, picture = figure("clipping", tmp_path / f"{model}.png", "--model", model)
        shares[model] = [float(share) for share in re.findall(r"([\d.]+)%", told)]
        assert len(shares[model]) == 3 and picture.std() > 20
    assert max(shares["one_frame"]) < max(shares["paper_one_frame"])


def test_the_step_from_which_a_loss_stays_below_a_bar():
    assert below([(10, 0.3), (20, 0.09), (30, 0.2), (40, 0.05), (50, 0.08)], 0.1) == 40
    assert below([(10, 0.3), (20, 0.2)], 0.1) is None


def test_a_run_that_has_exported_nothing_is_told_so(tmp_path):
    (tmp_path / "export").mkdir()
    for folder in (tmp_path / "export", tmp_path / "absent"):
        with pytest.raises(SystemExit, match="no predictor; a run exports it at its end"):
            only_predictor(folder)
