"""vp.grid: a grid counts, blur and sharpness do not."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from vp.grid import FLOOR, PERIODS, grid_index, window


@pytest.fixture(scope="module")
def smooth(moving) -> torch.Tensor:
    """Waves of at least 16 pixels, in 8 bits: [2, 3, 64, 96] in [0, 1]."""
    return torch.from_numpy(moving(2, 64, 96)).permute(0, 3, 1, 2).float() / 255


@pytest.fixture(scope="module")
def detailed(smooth) -> torch.Tensor:
    """Frames with detail down to one pixel, the finer the fainter, as those of videos are: [2, 3, 64, 96]."""
    generator = torch.Generator().manual_seed(0)
    frames = smooth.clone()
    for scale, amplitude in ((1, 0.01), (2, 0.02), (4, 0.04), (8, 0.08)):
        noise = torch.randn(2, 3, 64 // scale, 96 // scale, generator=generator)
        frames += amplitude * F.interpolate(noise, size=(64, 96), mode="bicubic")
    return frames


def waves(period: int, amplitude: float) -> dict[str, torch.Tensor]:
    """Square waves of a period as columns, as rows and as a checkerboard, [64, 96] in grey levels of 255."""
    rows, columns = (1 - 2.0 * (torch.arange(side) % period < period / 2) for side in (64, 96))
    patterns = {
        "columns": columns.expand(64, 96),
        "rows": rows[:, None].expand(64, 96),
        "checks": rows[:, None] * columns,
    }
    return {name: amplitude / 255 * pattern for name, pattern in patterns.items()}


def blurred(x: torch.Tensor, sigma: float) -> torch.Tensor:
    taps = torch.exp(-(torch.arange(-6, 7.0) ** 2) / (2 * sigma**2))
    taps /= taps.sum()
    y = F.conv2d(F.pad(x.flatten(0, 1)[:, None], (6, 6, 6, 6), mode="reflect"), taps.view(1, 1, 1, -1))
    return F.conv2d(y, taps.view(1, 1, -1, 1)).reshape(x.shape)


@pytest.mark.parametrize("period", PERIODS)
def test_the_truth_has_as_much_grid_as_the_truth(detailed, period):
    assert grid_index(detailed, detailed, period).tolist() == [1, 1]


@pytest.mark.parametrize("pattern", ["columns", "rows", "checks"])
@pytest.mark.parametrize("period", PERIODS)
def test_a_faint_grid_shows_on_a_smooth_picture(smooth, period, pattern):
    one, two = (grid_index(smooth + waves(period, a)[pattern], smooth, period) for a in (1, 2))
    assert (one > 1.5).all()
    assert (two > 1.5 * one).all()


@pytest.mark.parametrize("pattern", ["columns", "rows", "checks"])
def test_a_grid_of_two_grey_levels_shows_on_a_detailed_picture_and_on_its_blur(detailed, pattern):
    grid = waves(2, 2)[pattern]
    assert (grid_index(detailed + grid, detailed) > 1.5).all()
    assert (grid_index(blurred(detailed, 1) + grid, detailed) > 1.2).all()


@given(amplitude=st.floats(0, 20), phase=st.tuples(st.integers(0, 1), st.integers(0, 1)))
def test_on_a_flat_picture_it_is_the_energy_of_the_checkerboard(amplitude, phase):
    flat = torch.full((3, 64, 96), 0.5)
    grid = waves(2, amplitude)["checks"].roll(phase, (0, 1))
    want = ((amplitude / 255) ** 2 + FLOOR) / FLOOR
    assert grid_index(flat + grid, flat).item() == pytest.approx(want, rel=1e-3)


@pytest.mark.parametrize("period", PERIODS)
@pytest.mark.parametrize("sigma", [0.5, 1, 2])
def test_blur_has_less(detailed, period, sigma):
    assert (grid_index(blurred(detailed, sigma), detailed, period) < 0.95).all()


def test_any_way_to_blur_has_less(detailed):
    box = F.avg_pool2d(F.pad(detailed, (1, 1, 1, 1), mode="reflect"), 3, stride=1)
    half = (detailed + F.pad(detailed, (0, 1, 0, 0), mode="replicate")[..., 1:]) / 2
    for blur in (box, half):
        assert (grid_index(blur, detailed) < 0.95).all()


@pytest.mark.parametrize("period", PERIODS)
@pytest.mark.parametrize("amount", [0.5, 1])
def test_sharpening_is_no_grid(detailed, period, amount):
    sharp = detailed + amount * (detailed - blurred(detailed, 1))
    assert ((grid_index(sharp, detailed, period) - 1).abs() < 0.25).all()


@pytest.mark.parametrize("period", PERIODS)
def test_noise_is_no_grid(detailed, period):
    noisy = detailed + torch.randn(detailed.shape, generator=torch.Generator().manual_seed(1)) / 255
    assert ((grid_index(noisy, detailed, period) - 1).abs() < 0.15).all()


@pytest.mark.parametrize("period", PERIODS)
def test_other_periods_are_told_apart(smooth, period):
    for other in PERIODS:
        indices = grid_index(smooth + waves(other, 3)["columns"], smooth, period)
        assert ((indices > 1.5) if other == period else (indices < 1.1)).all()


@pytest.mark.parametrize("lead", [(), (2,), (2, 3), (0,)], ids=str)
def test_leading_dimensions_are_kept_and_frames_are_scored_alone(lead):
    x, y = torch.rand(2, *lead, 3, 32, 64, generator=torch.Generator().manual_seed(0))
    values = grid_index(x, y)
    assert values.shape == lead
    for place in torch.cartesian_prod(*map(torch.arange, lead)).reshape(-1, len(lead)).tolist() if lead else ():
        assert values[tuple(place)].item() == pytest.approx(
            grid_index(x[tuple(place)], y[tuple(place)]).item(), rel=1e-3
        )


def test_half_precision_frames_are_scored_in_fp32(detailed):
    x, y = detailed[0].bfloat16(), detailed[1].bfloat16()
    assert grid_index(x, y).item() == pytest.approx(grid_index(x.float(), y.float()).item())


@pytest.mark.parametrize(("period", "size"), [(2, 31), (4, 31), (8, 63)])
def test_frames_smaller_than_a_window_are_refused(period, size):
    assert window(period) == size + 1
    with pytest.raises(ValueError, match=f"at least {size + 1} pixels"):
        grid_index(torch.zeros(3, 96, size), torch.zeros(3, 96, size), period)


def test_other_periods_are_refused(detailed):
    with pytest.raises(ValueError, match="2, 4 or 8"):
        grid_index(detailed, detailed, 3)
