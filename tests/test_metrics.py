"""vp.metrics, against slow computations written out."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vp import metrics
from vp.metrics import motion_mask, motion_psnr, psnr, sharpness, ssim, ssim_map


@pytest.fixture(scope="module")
def pair(moving) -> tuple[torch.Tensor, torch.Tensor]:
    """Two neighbouring frames, the second with noise, [3, 20, 24] in [0, 1]."""
    x, y = torch.from_numpy(moving(2, 20, 24)).permute(0, 3, 1, 2).float() / 255
    noise = torch.randn(y.shape, generator=torch.Generator().manual_seed(0))
    return x, (y + 0.05 * noise).clamp(0, 1)


def slow_ssim(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Wang et al. 2004, window by window, on the luma of frames [3, H, W]."""
    x, y = (np.tensordot([0.299, 0.587, 0.114], v, axes=1) for v in (x.astype(float), y.astype(float)))
    ramp = np.arange(11) - 5
    window = np.exp(-(ramp[:, None] ** 2 + ramp**2) / (2 * 1.5**2))
    window /= window.sum()
    rows, columns = x.shape[0] - 10, x.shape[1] - 10
    result = np.empty((rows, columns))
    for i in range(rows):
        for j in range(columns):
            a, b = x[i : i + 11, j : j + 11], y[i : i + 11, j : j + 11]
            ma, mb = (window * a).sum(), (window * b).sum()
            va, vb = (window * (a - ma) ** 2).sum(), (window * (b - mb) ** 2).sum()
            cov = (window * (a - ma) * (b - mb)).sum()
            c1, c2 = 0.01**2, 0.03**2
            result[i, j] = (2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))
    return result


def test_ssim_is_the_published_one_at_every_place(pair):
    x, y = pair
    want = slow_ssim(x.numpy(), y.numpy())
    got = ssim_map(x[None], y[None])
    assert got.shape == (1, 1, 10, 14)
    np.testing.assert_allclose(got[0, 0], want, atol=1e-3)
    assert ssim(x, y).item() == pytest.approx(want.mean(), abs=1e-4)
    assert 0.2 < want.mean() < 0.9 and want.std() > 0.02


def test_ssim_of_equals_is_one_and_of_a_negative_is_negative(pair):
    x, _ = pair
    assert ssim(x, x).item() == pytest.approx(1)
    assert ssim(x, 1 - x).item() < 0
    black, white = torch.zeros_like(x), torch.ones_like(x)
    assert ssim(black, black).item() == pytest.approx(1)
    assert ssim(black, white).item() == pytest.approx(0.0001, rel=0.01)


def test_psnr_is_the_formula_and_is_capped(pair):
    x, y = pair
    error = np.mean((x.numpy().astype(float) - y.numpy()) ** 2)
    assert psnr(x, y).item() == pytest.approx(10 * np.log10(1 / error), abs=1e-3)
    grey = torch.full((3, 16, 16), 0.5)
    assert psnr(grey, grey + 0.1).item() == pytest.approx(20, abs=1e-3)
    assert psnr(grey, grey).item() == pytest.approx(60)
    assert psnr(grey, grey + 1e-5).item() == pytest.approx(60)


@pytest.mark.parametrize("lead", [(), (3,), (2, 3), (0,)], ids=str)
@pytest.mark.parametrize("score", [psnr, ssim])
def test_leading_dimensions_are_kept_and_frames_are_scored_alone(score, lead):
    x, y = torch.rand(2, *lead, 3, 16, 18, generator=torch.Generator().manual_seed(0))
    values = score(x, y)
    assert values.shape == lead and len(values.unique()) == values.numel()
    for place in np.ndindex(*lead):
        assert values[place].item() == pytest.approx(score(x[place], y[place]).item(), abs=1e-4)


def test_psnr_is_that_of_torchmetrics(pair):
    functional = pytest.importorskip("torchmetrics.functional.image", reason="needs train/requirements.txt")
    x, y = (v[None] for v in pair)
    theirs = functional.peak_signal_noise_ratio(x, y, data_range=1.0, reduction="none", dim=(1, 2, 3))
    torch.testing.assert_close(psnr(x, y), theirs, rtol=1e-5, atol=1e-4)


def test_ssim_is_that_of_torchmetrics_on_the_luma_where_windows_fit(pair):
    """Theirs is a mean over colours, and over a border where the window sees the frame reflected: ours has neither."""
    functional = pytest.importorskip("torchmetrics.functional.image", reason="needs train/requirements.txt")
    luma = torch.tensor(metrics.LUMA).view(1, 3, 1, 1)
    x, y = ((v[None] * luma).sum(1, keepdim=True) for v in pair)
    _, theirs = functional.structural_similarity_index_measure(x, y, data_range=1.0, return_full_image=True)
    torch.testing.assert_close(ssim_map(pair[0][None], pair[1][None]), theirs[..., 5:-5, 5:-5], rtol=0, atol=1e-3)


def slow_mask(truth: np.ndarray, last: np.ndarray) -> np.ndarray:
    """The mask of one frame [3, H, W], pixel by pixel: [H, W]."""
    change = truth.astype(float) - last
    height, width = change.shape[1:]
    mask = np.zeros((height, width), bool)
    for y in range(height):
        for x in range(width):
            near = change[:, max(0, y - 1) : y + 2, max(0, x - 1) : x + 2]
            mask[y, x] = (np.abs(near.mean((1, 2))) > 0.06).any()
    return mask


def test_moving_pixels_are_those_whose_neighbourhood_changed(pair):
    x, y = pair[0], torch.lerp(*pair, 0.2)
    got = motion_mask(y, x)
    assert got.shape == (1, 20, 24) and got.dtype == torch.bool
    np.testing.assert_array_equal(got[0].numpy(), slow_mask(y.numpy(), x.numpy()))
    assert 0.1 < got.float().mean() < 0.9


def test_noise_alone_moves_nothing_and_one_colour_is_enough():
    generator = torch.Generator().manual_seed(0)
    last = torch.rand(3, 40, 40, generator=generator)
    assert motion_mask(last + 3 / 255 * torch.randn(3, 40, 40, generator=generator), last).sum() == 0
    blue = last.clone()
    blue[2, 10:20, 10:20] += 0.1
    assert motion_mask(blue, last).sum() == 100 - 4  # all of the square but its corners


@given(top=st.integers(0, 30), left=st.integers(0, 30), side=st.integers(1, 10), error=st.floats(0.02, 0.5))
def test_motion_psnr_is_the_psnr_of_the_moving_pixels(top, left, side, error):
    last = torch.full((3, 40, 40), 0.3)
    truth = last.clone()
    truth[:, top : top + side, left : left + side] = 0.8
    mask = motion_mask(truth, last)
    guess = torch.where(mask, truth + error, truth - 0.2)  # what is outside must not matter
    score = motion_psnr(guess, truth, last)
    if mask.sum() < 0.01 * 40 * 40:
        assert score.isnan()
    else:
        assert score.item() == pytest.approx(-20 * np.log10(error), abs=1e-3)


def test_frames_without_motion_have_no_motion_psnr_and_drop_out_of_the_mean(pair):
    x, y = pair
    scores = motion_psnr(torch.stack([x, x]), torch.stack([x, y]), x)
    assert scores[0].isnan() and scores[1].isfinite()
    assert scores.nanmean() == scores[1]


def test_motion_psnr_keeps_leading_dimensions_and_takes_one_last_frame_for_all():
    x, y = torch.rand(2, 2, 4, 3, 16, 18, generator=torch.Generator().manual_seed(0))
    last = torch.rand(2, 1, 3, 16, 18, generator=torch.Generator().manual_seed(1))
    scores = motion_psnr(x, y, last)
    assert scores.shape == (2, 4)
    for i, k in np.ndindex(2, 4):
        assert scores[i, k].item() == pytest.approx(motion_psnr(x[i, k], y[i, k], last[i, 0]).item(), abs=1e-4)


def test_sharpness_is_the_mean_of_neighbouring_differences():
    ramp = torch.arange(8.0).expand(3, 6, 8) / 10
    assert sharpness(ramp).item() == pytest.approx(0.1)
    checks = (torch.arange(6)[:, None] + torch.arange(8)) % 2
    assert sharpness(checks.expand(3, 6, 8)).item() == pytest.approx(2)
    assert sharpness(torch.full((2, 3, 6, 8), 0.7)).tolist() == [0, 0]


def test_a_blurred_picture_is_less_sharp(pair):
    _, y = pair
    assert sharpness(torch.nn.functional.avg_pool2d(y, 3, stride=1)) < 0.8 * sharpness(y)


def test_ssim_can_be_a_loss_after_it_was_a_score(pair):
    x, y = pair
    metrics._blur_matrix.cache_clear()
    with torch.inference_mode():
        ssim(x, y)
    guess = y.clone().requires_grad_(True)
    loss = 1 - ssim(x, guess)
    loss.backward()
    assert guess.grad.isfinite().all() and guess.grad.any()
    better = ssim(x, y - 0.1 * guess.grad / guess.grad.abs().max())
    assert better > ssim(x, y)


def test_half_precision_frames_are_scored_in_fp32(pair):
    x, y = (v.bfloat16() for v in pair)
    assert ssim(x, y).item() == pytest.approx(ssim(x.float(), y.float()).item())
    assert psnr(x, y).item() == pytest.approx(psnr(x.float(), y.float()).item())
    assert ssim(x, y).dtype == psnr(x, y).dtype == torch.float32


def test_scores_are_the_same_under_autocast(pair):
    x, y = pair
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = psnr(x, y).item(), ssim(x, y).item()
    assert inside == pytest.approx((psnr(x, y).item(), ssim(x, y).item()), abs=1e-3)
