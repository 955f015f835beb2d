"""vp.baselines on motion that is known exactly."""

import sys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vp.baselines import constant_velocity, copy_last, flow_oracle, optical_flow
from vp.metrics import psnr
from vp.models.matching import warp

BORDER = 14  # pixels that motion may have brought in from outside the frame


def texture(height: int, width: int, seed: int = 0) -> torch.Tensor:
    """Smooth coloured noise [3, height, width] in [0, 1], with detail of some ten pixels."""
    noise = torch.rand(1, 3, height // 5, width // 5, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(noise, size=(height, width), mode="bicubic")[0].clamp(0, 1)


def travelling(steps: int, dx: int, dy: int, height: int = 64, width: int = 96, seed: int = 0) -> torch.Tensor:
    """A texture that moves (dx, dy) pixels a frame (right, down): [1, steps, 3, height, width]."""
    margin = max(abs(dx), abs(dy)) * steps
    world = texture(height + 2 * margin, width + 2 * margin, seed)
    frames = []
    for t in range(steps):
        top, left = margin - dy * t, margin - dx * t
        frames.append(world[:, top : top + height, left : left + width])
    return torch.stack(frames)[None]


def inner(x: torch.Tensor) -> torch.Tensor:
    return x[..., BORDER:-BORDER, BORDER:-BORDER]


@pytest.fixture(autouse=True, scope="module")
def opencv():
    pytest.importorskip("cv2", reason="optical flow needs train/requirements.txt")


def test_copy_last_repeats_the_last_seen_frame():
    seen = torch.rand(2, 4, 3, 8, 8)
    guess = copy_last(seen, 3)
    assert guess.shape == (2, 3, 3, 8, 8)
    assert all(torch.equal(guess[:, k], seen[:, 3]) for k in range(3))


@given(dx=st.integers(-3, 3), dy=st.integers(-3, 3), seed=st.integers(0, 99))
@settings(max_examples=15)
def test_the_flow_is_where_the_start_is_in_the_end(dx, dy, seed):
    start, end = travelling(2, dx, dy, seed=seed)[0]
    flow = optical_flow(start[None], end[None])
    assert flow.shape == (1, 2, 64, 96) and flow.dtype == torch.float32
    middle = inner(flow).flatten(2).median(-1).values[0]
    assert middle.tolist() == pytest.approx([dx, dy], abs=0.15)
    assert psnr(inner(warp(end[None], flow)), inner(start[None])).item() > 30


def test_each_pair_of_a_batch_has_its_own_flow():
    right, down = travelling(2, 2, 0), travelling(2, 0, 2, seed=1)
    both = optical_flow(torch.cat([right[:, 0], down[:, 0]]), torch.cat([right[:, 1], down[:, 1]]))
    for i, clip in enumerate((right, down)):
        torch.testing.assert_close(both[i : i + 1], optical_flow(clip[:, 0], clip[:, 1]), rtol=0, atol=1e-3)


@given(dx=st.integers(-2, 2), dy=st.integers(-2, 2), seed=st.integers(0, 99))
@settings(max_examples=15)
def test_constant_velocity_carries_a_translation_on(dx, dy, seed):
    clip = travelling(6, dx, dy, seed=seed)
    guess = constant_velocity(clip[:, :3], 3)
    assert guess.shape == (1, 3, 3, 64, 96)
    assert (psnr(inner(guess), inner(clip[:, 3:])) > 28).all()
    if dx or dy:
        copy = psnr(inner(copy_last(clip[:, :3], 3)), inner(clip[:, 3:]))
        assert (psnr(inner(guess), inner(clip[:, 3:])) > copy + 8).all()


def test_constant_velocity_looks_at_the_last_pair_alone():
    clip = travelling(5, 2, 1)
    torch.testing.assert_close(constant_velocity(clip, 2), constant_velocity(clip[:, 3:], 2), rtol=0, atol=0)


def test_one_frame_has_no_velocity():
    with pytest.raises(ValueError, match="two seen frames"):
        constant_velocity(torch.rand(1, 1, 3, 64, 96), 3)


def test_still_frames_stay_still():
    still = texture(64, 96)[None, None].expand(1, 3, -1, -1, -1)
    assert (psnr(constant_velocity(still, 3), still) > 50).all()


def test_the_oracle_follows_motion_that_nothing_seen_announced():
    clip = travelling(4, 2, -1)
    last, truth = clip[:, 0], clip[:, 1:]
    guess = flow_oracle(last, truth)
    assert guess.shape == truth.shape
    copy = psnr(inner(copy_last(last[:, None], 3)), inner(truth))
    assert (psnr(inner(guess), inner(truth)) > copy + 8).all()


def test_without_opencv_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(ImportError, match=r"pip install -r requirements\.txt"):
        optical_flow(*torch.rand(2, 1, 3, 64, 96))
