"""/predict, /activations, /compare and /classify on a good clip."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import vp
from vp import video
from vp.models import BLOCKS, KERNELS, NAMES
from vp.rollout import QUANTITIES

pytestmark = pytest.mark.usefixtures("untroubled")

SCORES = ("psnr", "ssim", "copy_last_psnr", "copy_last_ssim", "flow_psnr", "flow_ssim")


def here(model: str, path: Path, start: float, fps: int, seen: int, horizon: int) -> vp.Rollout:
    """The same prediction without a server."""
    frames = video.read(path, fps=fps, start=start, frames=seen + horizon)
    return vp.load_predictor(model, os.environ.get("VP_CHECKPOINTS", "bundled")).run(frames, seen, horizon)


@pytest.mark.parametrize("model", NAMES)
def test_predict(ask: Callable, waves: Path, model: str) -> None:
    movie, numbers = ask("/predict", waves, model=model, start=0.2, fps=15, seen=4, horizon=5)

    assert {key: numbers[key] for key in ("model", "fps", "seen", "horizon")} == {
        "model": model, "fps": 15, "seen": 4, "horizon": 5,
    }  # fmt: skip
    assert set(numbers) == {"model", "fps", "seen", "horizon", "size", "seconds", *SCORES}
    assert 0 < numbers["seconds"] < 120
    expected = here(model, waves, 0.2, 15, 4, 5).scores
    for name in SCORES:
        assert len(numbers[name]) == 5
        assert numbers[name] == pytest.approx(expected[name], abs=0.05 if "psnr" in name else 0.002), name

    # Every frame once, then the last one three times more, at half speed.
    assert video.browser_playable(movie)
    info = video.probe(movie)
    assert info.frames == 4 + 5 + 3
    assert info.fps == pytest.approx(7.5, abs=0.1)
    assert len(video.read(movie, fps=25)) == pytest.approx(12 / 7.5 * 25, abs=2)


def test_the_fine_size_is_the_same_network_at_twice_its_size(ask: Callable, waves: Path) -> None:
    source = os.environ.get("VP_CHECKPOINTS", "bundled")
    _, numbers = ask("/predict", waves, model="full_res", start=0.2, fps=15, seen=3, horizon=2, size="fine")
    own = vp.load_predictor("full_res", source)
    expected = own.fine().run(video.read(waves, fps=15, start=0.2, frames=5), 3, 2)
    assert numbers["size"] == [2 * side for side in own.size] == list(expected.predictions.shape[1:3])
    for name in SCORES:
        assert numbers[name] == pytest.approx(expected.scores[name], abs=0.05 if "psnr" in name else 0.002), name
    for model, found in ask("/compare", waves, seen=2, horizon=1, size="fine").items():
        assert found["size"] == [2 * side for side in vp.load_predictor(model, source).size]


def test_defaults(ask: Callable, waves: Path) -> None:
    _, numbers = ask("/predict", waves)
    assert {key: numbers[key] for key in ("model", "fps", "seen", "horizon")} == {
        "model": "one_frame", "fps": 10, "seen": 5, "horizon": 3,
    }  # fmt: skip


@pytest.mark.parametrize(("fps", "seen", "horizon"), [(25, 1, 1), (5, 1, 10), (25, 20, 10), (15, 20, 1)])
def test_limits_of_the_settings_are_allowed(ask: Callable, waves: Path, fps: int, seen: int, horizon: int) -> None:
    _, numbers = ask("/predict", waves, fps=fps, seen=seen, horizon=horizon)
    true_frames = min(horizon, 2 * fps - seen)  # the clip lasts two seconds
    moved = [name for name in SCORES if name.startswith("flow")]  # one frame has not moved yet
    for name in SCORES:
        assert len(numbers[name]) == (0 if seen == 1 and name in moved else true_frames)
        assert np.isfinite(numbers[name]).all()


def test_a_window_at_the_very_end_has_nothing_to_compare_with(ask: Callable, waves: Path) -> None:
    movie, numbers = ask("/predict", waves, start=1.8, fps=25, seen=5, horizon=3)
    assert [numbers[name] for name in SCORES] == [[]] * len(SCORES)
    assert video.probe(movie).frames == 5 + 3 + 3


def test_a_still_clip_has_finite_scores(ask: Callable, tmp_path: Path, moving: Callable, write_video: Callable) -> None:
    still = write_video(tmp_path / "still.mp4", moving(1, 96, 128).repeat(30, axis=0))
    _, numbers = ask("/predict", still)
    assert np.isfinite([numbers[name] for name in SCORES]).all()
    assert max(numbers["copy_last_psnr"]) > 40


def test_odd_names_and_shapes(ask: Callable, tmp_path: Path, moving: Callable, write_video: Callable) -> None:
    tall = write_video(tmp_path / "ünïcode & spaces #1 (%20).mp4", moving(30, 200, 52))
    movie, numbers = ask("/predict", tall)
    assert len(numbers["psnr"]) == 3
    assert video.probe(movie).frames == 11


@pytest.mark.parametrize(
    ("block", "kernel", "quantity"),
    [("C1", "3x3", "h"), ("C2", "5x5", "dh"), ("C3", "7x7", "z"), ("C4", "3x3", "r"), ("C4", "7x7", "n")],
)
def test_activations(ask: Callable, waves: Path, block: str, kernel: str, quantity: str) -> None:
    assert block in BLOCKS
    assert kernel in KERNELS
    assert quantity in QUANTITIES
    settings = {"model": "lvln", "start": 0.0, "fps": 10, "seen": 3, "horizon": 2}
    picture, numbers = ask("/activations", waves, **settings, block=block, kernel=kernel, quantity=quantity, step=3)
    expected = here("lvln", waves, 0.0, 10, 3, 2).activation(block, kernel, quantity)
    assert numbers["steps"] == len(expected) == 4
    expected = expected[3]

    assert {k: numbers[k] for k in ("model", "block", "kernel", "quantity", "step")} == {
        "model": "lvln", "block": block, "kernel": kernel, "quantity": quantity, "step": 3,
    }  # fmt: skip
    assert (numbers["filters"], numbers["height"], numbers["width"]) == expected.shape
    assert numbers["activity"] == pytest.approx(np.abs(expected).mean((1, 2)).tolist(), abs=0.005)
    assert numbers["minimum"] == pytest.approx(float(expected.min()), abs=0.02)
    assert numbers["maximum"] == pytest.approx(float(expected.max()), abs=0.02)
    with Image.open(picture) as grid:
        assert grid.format == "PNG"
        assert grid.width >= 8 * expected.shape[2]
        assert len(grid.getcolors(grid.width * grid.height)) > 10


def test_compare(ask: Callable, waves: Path) -> None:
    window = {"start": 0.1, "fps": 10, "seen": 4, "horizon": 2}
    together = ask("/compare", waves, **window)
    assert list(together) == list(NAMES)
    for model, numbers in together.items():
        _, alone = ask("/predict", waves, model=model, **window)
        assert numbers.keys() == alone.keys()
        for name in SCORES:
            assert numbers[name] == pytest.approx(alone[name], abs=1e-3), (model, name)


def test_classify(ask: Callable, waves: Path) -> None:
    numbers = ask("/classify", waves)
    config = vp.load_classifier().config
    classes = config.classes
    assert set(numbers["scores"]) == set(classes) and len(classes) == 24
    scores = list(numbers["scores"].values())
    assert scores == sorted(scores, reverse=True) and sum(scores) == pytest.approx(1, abs=1e-3)
    assert numbers["top"] == next(iter(numbers["scores"]))
    course = numbers["course"][numbers["top"]]
    assert len(course) == 20 and course[-1] == pytest.approx(scores[0], abs=1e-3)  # two seconds, 10 frames a second
    # What was matched is the finest level's, whichever blocks are read.
    assert tuple(numbers["evidence"]) == ("C1", *config.blocks) and config.blocks == ("C2", "C3", "C4")
    assert len(numbers["filters"]) == 12
    strongest = [abs(f["evidence"]) for f in numbers["filters"]]
    assert strongest == sorted(strongest, reverse=True) and strongest[0] > 0
    # Waves are no sport.
    assert numbers["unsure"] and numbers["distance"] > 1

    here = vp.load_classifier().run(video.read(waves, fps=10, size=(128, 160)))
    assert here.scores.max() == pytest.approx(scores[0], abs=0.02)


def test_results_are_plain_json(ask: Callable, waves: Path) -> None:
    _, numbers = ask("/predict", waves, seen=2, horizon=1)
    assert json.loads(json.dumps(numbers, allow_nan=False)) == numbers
