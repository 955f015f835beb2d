"""train.findings: figures about what the networks learn, out of bundled weights and clips."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

pytest.importorskip("matplotlib", reason="figures need train/requirements.txt")

from train.findings.runs import logged, only_predictor
from train.findings.subsets import below
from vp.errors import CheckpointError
from vp.predictor import load_predictor


def figure(name: str, path: Path, *arguments: str) -> tuple[str, np.ndarray]:
    """What `python -m train.findings.NAME` prints, and its picture [h, w, 3]."""
    command = [sys.executable, "-m", f"train.findings.{name}", *arguments, "--figure", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout, np.array(Image.open(path).convert("RGB"))


def test_the_papers_colours_leave_their_range_and_ours_hardly(tmp_path):
    shares = {}
    for model in ("paper_one_frame", "one_frame"):
        output, picture = figure("clipping", tmp_path / f"{model}.png", "--model", model)
        shares[model] = [float(share) for share in re.findall(r"([\d.]+)%", output)]
        assert len(shares[model]) == 3 and picture.std() > 20
    assert max(shares["one_frame"]) < max(shares["paper_one_frame"])


def test_the_step_from_which_a_loss_stays_below_a_bar():
    assert below([(10, 0.3), (20, 0.09), (30, 0.2), (40, 0.05), (50, 0.08)], 0.1) == 40
    assert below([(10, 0.3), (20, 0.2)], 0.1) is None


def test_a_run_that_has_exported_nothing_is_told_so(tmp_path):
    (tmp_path / "export").mkdir()
    for folder in (tmp_path / "export", tmp_path / "absent"):
        with pytest.raises(CheckpointError, match="no predictor; a run exports it at its end"):
            only_predictor(folder)


def test_what_was_undone_by_a_kill_is_left_out_of_a_log(tmp_path):
    """Of a run killed after step 100, which went on from 80."""
    writers = pytest.importorskip("torch.utils.tensorboard", reason="training needs train/requirements.txt")
    for rows in ([(1, 0.0), (50, 0.4), (100, 0.7)], [(90, 0.5), (140, 0.9)]):
        with writers.SummaryWriter(tmp_path) as writer:
            for step, gain in rows:
                writer.add_scalar("validation/gain", gain, step)
    steps = logged(tmp_path, "validation/gain")
    assert steps == [(s, pytest.approx(v)) for s, v in ((1, 0.0), (50, 0.4), (90, 0.5), (140, 0.9))]
    with pytest.raises(ValueError, match="has no train/loss in its log yet"):
        logged(tmp_path, "train/loss")


def test_motion_of_a_size_is_worth_what_its_octave_holds():
    """Two areas 48 pixels wide that move apart: the larger the octave, the more of it."""
    pytest.importorskip("cv2", reason="optical flow needs train/requirements.txt")
    from train.findings.bands import PIXELS, worth

    noise = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    smooth = torch.nn.functional.avg_pool2d(noise, 5, 1, 2)
    left, right = smooth[..., :48], smooth.flip(-1)[..., :48]

    def frame(step: int) -> torch.Tensor:
        return torch.cat([left.roll(-2 * step, -1), right.roll(2 * step, -1)], dim=-1)

    found = worth(frame(0), frame(1), frame(2))
    assert list(found) == list(PIXELS)
    gains, lost = zip(*found.values())
    assert sorted(gains[:6], reverse=True) == list(gains[:6]) and gains[0] > 3
    # Means over about 64 pixels are means over one half of this picture each, which move as one.
    assert lost[6] > lost[4] > lost[3] > 1 > lost[0]


def test_grey_values_make_exact_what_the_features_find():
    """A texture that moves by five and a half pixels a frame: too far for grey values alone, too fine for features."""
    from train.findings.match_quality import worth

    noise = torch.rand(1, 3, 16, 40, generator=torch.Generator().manual_seed(0))
    world = torch.nn.functional.interpolate(noise, scale_factor=8, mode="bicubic").clamp(0, 1)
    frames = [world[..., ::2, 22 - 11 * t :: 2][..., :64] for t in range(3)]
    found = worth(load_predictor("one_frame", dtype=torch.float32).model, *frames)
    back = {name: gain for name, (gain, _) in found.items()}
    assert list(found) == ["features", "grey values", "features, then grey values", "optical flow"]
    assert back["features, then grey values"] > 1 + max(back["features"], back["grey values"])
