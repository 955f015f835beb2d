"""vp.models.blending: pixels of the last two frames moved, blended and painted."""

import itertools

import pytest
import torch
from torch.nn import functional as F

from vp.models.blending import LEASH, NEIGHBOURS, WEIGHTS, Blend, blur, fetched
from vp.models.matching import warp

OFFSETS, MIX = slice(0, 4), slice(4, 4 + WEIGHTS)
MASK, PAINT = 4 + WEIGHTS, slice(5 + WEIGHTS, 8 + WEIGHTS)


@pytest.fixture
def last() -> torch.Tensor:
    return torch.rand(2, 3, 32, 64, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def before() -> torch.Tensor:
    return torch.rand(2, 3, 32, 64, generator=torch.Generator().manual_seed(1))


@pytest.fixture(params=[False, True], ids=["half", "full"])
def blend(request) -> Blend:
    torch.manual_seed(0)
    return Blend(6, full_resolution=request.param).requires_grad_(False)


def maps(blend: Blend) -> torch.Tensor:
    factor = 1 if isinstance(blend.shuffle, torch.nn.Identity) else 2
    return torch.randn(2, 6, 32 // factor, 64 // factor, generator=torch.Generator().manual_seed(2))


def flow_of(right: float, down: float) -> torch.Tensor:
    return torch.tensor([float(right), float(down)]).view(1, 2, 1, 1).expand(2, 2, 32, 64).clone()


def shifted(picture: torch.Tensor, right: int, down: int) -> torch.Tensor:
    """Each pixel from `right` further right and `down` further down; beyond the border, the border."""
    rows, columns = ((torch.arange(n) + d).clamp(0, n - 1) for n, d in ((32, down), (64, right)))
    return picture[:, :, rows][:, :, :, columns]


def test_the_channels_are_what_the_tests_take_them_for(blend):
    assert len(blend.output.bias) == PAINT.stop and len(NEIGHBOURS) == 2 and WEIGHTS == 4


def test_at_first_it_moves_the_last_frame_by_the_flow_and_does_nothing_else(blend, last, before):
    frame, mask = blend(maps(blend), flow_of(3, -2), last, before)
    torch.testing.assert_close(frame, shifted(last, 3, -2), rtol=0, atol=1e-4)
    assert mask.shape == (2, 1, 32, 64) and (mask == 0.5).all()
    copied, _ = blend(maps(blend), flow_of(0, 0), last, before)
    torch.testing.assert_close(copied, last, rtol=0, atol=1e-4)


def test_a_prediction_is_fetched_from_the_last_real_frame_in_one_go(blend, last, before):
    """Two steps of half a pixel are one of a whole pixel, which blurs nothing; what was painted moves on with it."""
    real, half = last, flow_of(0.5, 0)
    first, _ = blend(maps(blend), half, real, before)
    paint = torch.zeros_like(first)
    paint[..., 10:20, 20:30] = 0.25
    twice, _ = blend(maps(blend), half, first + paint, real)
    once, _ = blend(maps(blend), half, first + paint, real, (real, half))
    inner = (..., slice(None), slice(2, -2))
    painted = warp(paint, half, "bicubic")
    torch.testing.assert_close(once[inner], (shifted(real, 1, 0) + painted)[inner], rtol=0, atol=1e-4)
    assert (once - twice)[inner].abs().max() > 0.05
    torch.testing.assert_close(fetched(first, half, (real, half)), once - painted, rtol=0, atol=1e-4)


def test_a_pattern_of_two_pixels_is_taken_out_and_what_is_larger_stays():
    rows, columns = torch.meshgrid(torch.arange(16.0), torch.arange(24.0), indexing="ij")
    for pattern in (rows, columns, rows + columns):
        assert blur((-1.0) ** pattern.view(1, 1, 16, 24))[..., 1:-1, 1:-1].abs().max() < 1e-6
    ramp = (rows + 2 * columns).view(1, 1, 16, 24)
    torch.testing.assert_close(blur(ramp)[..., 1:-1, 1:-1], ramp[..., 1:-1, 1:-1])
    assert blur(ramp).shape == ramp.shape


@torch.inference_mode()
def test_no_grid_comes_from_the_phases_of_the_shuffle(last, before):
    """Each sub-pixel a constant of its own: the paint is as flat as the picture."""
    torch.manual_seed(0)
    blend = Blend(6, full_resolution=False)
    torch.nn.init.normal_(blend.output.weight)
    blend.expand.bias.normal_()
    flat = torch.full_like(last, 0.5)
    frame, _ = blend(torch.zeros(2, 6, 16, 32), flow_of(0, 0), flat, flat)
    inner = frame[..., 3:-3, 3:-3]
    assert (inner - inner.mean((-2, -1), keepdim=True)).abs().max() < 1e-4 < (inner - 0.5).abs().max()


def test_neighbours_start_a_pixel_away_on_both_sides_and_stay_on_their_leash(blend, last, before):
    starts = LEASH * torch.tanh(blend.output.bias[OFFSETS]).view(2, 2)
    torch.testing.assert_close(starts, torch.tensor(NEIGHBOURS))

    def both_sides(right: int, down: int, x: int, y: int) -> torch.Tensor:
        return (shifted(last, right + x, down + y) + shifted(last, right - x, down - y)) / 2

    for i, (x, y) in enumerate(NEIGHBOURS):
        blend.output.bias[MIX] = 0
        blend.output.bias[MIX][i] = 1
        frame, _ = blend(maps(blend), flow_of(2, 1), last, before)
        torch.testing.assert_close(frame, both_sides(2, 1, int(x), int(y)), rtol=0, atol=1e-4)
        blend.output.bias[OFFSETS][2 * i : 2 * i + 2] = torch.tensor([1e6, -1e6])
        frame, _ = blend(maps(blend), flow_of(0, 0), last, before)
        torch.testing.assert_close(frame, both_sides(0, 0, 2, -2), rtol=0, atol=1e-4)


def test_neighbours_blur_and_sharpen_but_do_not_move(blend):
    """Whatever offsets and weights, a ramp stays where it is."""
    ramp = torch.linspace(0, 1, 64).expand(2, 3, 32, 64)
    for offsets, weights in itertools.product(([1e6, 1e6, -1e6, 0.3], [0.1, 2.0, 0.7, -1e6]), ([1.0, 0], [-2.0, 3])):
        blend.output.bias[OFFSETS] = torch.tensor(offsets)
        blend.output.bias[MIX] = torch.tensor([*weights, 0, 0])
        frame, _ = blend(maps(blend), flow_of(0, 0), ramp, ramp)
        torch.testing.assert_close(frame[..., 3:-3], ramp[..., 3:-3], rtol=0, atol=1e-4)


def test_the_frame_before_moves_twice_as_far_and_the_last_one_can_stay(blend, last, before):
    blend.output.bias[MIX] = torch.tensor([0.0, 0, 1, 0])
    frame, _ = blend(maps(blend), flow_of(2, -1), last, before)
    torch.testing.assert_close(frame, shifted(before, 4, -2), rtol=0, atol=1e-4)
    blend.output.bias[MIX] = torch.tensor([0.0, 0, 0.25, 0.5])
    frame, _ = blend(maps(blend), flow_of(2, -1), last, before)
    want = 0.25 * shifted(last, 2, -1) + 0.25 * shifted(before, 4, -2) + 0.5 * last
    torch.testing.assert_close(frame, want, rtol=0, atol=1e-4)


def test_paint_is_added_as_far_as_the_mask_lets_it(blend, last, before):
    colour = torch.tensor([0.1, 0.0, -0.1])
    blend.output.bias[PAINT] = colour
    for logit, share in ((-100.0, 0.0), (0.0, 0.5), (100.0, 1.0)):
        blend.output.bias[MASK] = logit
        frame, mask = blend(maps(blend), flow_of(0, 0), last, before)
        torch.testing.assert_close(frame, last + share * colour.view(3, 1, 1), rtol=0, atol=1e-4)
        torch.testing.assert_close(mask, torch.full((2, 1, 32, 64), share))


def test_it_sees_where_the_two_moved_frames_differ(blend, last):
    """What the output convolution reads depends on the frames, not only on the maps."""
    blend.output.weight.normal_(0, 0.1)
    x = maps(blend)
    moving, _ = blend(x, flow_of(0, 0), last, last.flip(-1))
    still, _ = blend(x, flow_of(0, 0), last, last)
    assert (moving - still).abs().mean() > 1e-3


def test_pictures_are_composed_in_fp32(blend, last, before):
    for x, head in ((maps(blend), blend), (maps(blend).bfloat16(), blend.bfloat16())):
        with torch.autocast("cpu", torch.bfloat16, enabled=x.dtype == torch.float32):
            frame, mask = head(x, flow_of(0, 0), last, before)
        assert frame.dtype == mask.dtype == torch.float32
        torch.testing.assert_close(frame, last, rtol=0, atol=1e-4)  # a copy made in bf16 would be off by up to 1/512


def test_a_blend_that_starts_as_a_copy_learns(last, before):
    torch.manual_seed(0)
    blend = Blend(6, full_resolution=False)
    x = maps(blend).requires_grad_()
    target = F.avg_pool2d(warp(last, flow_of(0.5, 0)), 3, 1, 1)
    optimiser = torch.optim.SGD(blend.parameters(), lr=0.3)
    losses = []
    for _ in range(4):
        loss = (blend(x, flow_of(0, 0), last, before)[0] - target).square().mean()
        losses.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert losses[3] < losses[2] < losses[1] < losses[0] and x.grad.abs().sum() > 0
    offsets = blend.output.bias.grad[OFFSETS].view(2, 2)
    assert len(offsets.unique(dim=0)) == 2  # equal pairs would get equal gradients for ever
