"""vp.models.heads: how maps become the next frame."""

import itertools

import pytest
import torch

from vp.models.config import UPSAMPLING
from vp.models.heads import FLOW_LIMIT, FLOW_SCALE, Head, Upsample, warp

STYLES = [
    {"upsampling": u, "refine": r, "full_resolution": f}
    for u, r, f in itertools.product(UPSAMPLING, (0, 8), (False, True))
    if not f or u == "bilinear"  # upsampling is unused at full resolution
]


@pytest.fixture(scope="module")
def last() -> torch.Tensor:
    return torch.rand(2, 3, 32, 64, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def build(make_config):
    """A head for `inputs` maps, and random maps for it."""

    def make(kind, **style):
        torch.manual_seed(1)
        config = make_config(head=kind, **style)
        size = config.map_size("C1")
        return Head(config, 12).requires_grad_(False), torch.randn(2, 12, *size)

    return make


@pytest.mark.parametrize("style", STYLES, ids=str)
def test_residual_and_warp_start_as_a_copy_of_the_last_frame(build, last, style):
    for kind in ("residual", "warp"):
        head, maps = build(kind, **style)
        torch.testing.assert_close(head(maps, last).frame, last, rtol=0, atol=1e-5)
    head, maps = build("rgb", **style)
    assert (head(maps, last).frame - last).abs().mean() > 0.1


@pytest.mark.parametrize("style", STYLES, ids=str)
@pytest.mark.parametrize("kind", ["residual", "warp"])
def test_a_head_that_starts_as_a_copy_learns(make_config, last, kind, style):
    torch.manual_seed(0)
    head = Head(make_config(head=kind, **style), 12)
    maps = torch.randn(2, 12, *head_size(make_config, style), requires_grad=True)
    target = last.roll(2, dims=-1)
    optimiser = torch.optim.SGD(head.parameters(), lr=0.1)
    losses = []
    for _ in range(3):
        loss = (head(maps, last).frame - target).square().mean()
        losses.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert losses[2] < losses[1] < losses[0]
    assert maps.grad.abs().sum() > 0


def head_size(make_config, style):
    return make_config(**style).map_size("C1")


@pytest.mark.parametrize("flow", [(3, 0), (-3, 0), (0, 2), (0, -2), (5, -4), (0, 0)])
def test_a_whole_flow_fetches_pixels_from_where_it_points(last, flow):
    right, down = flow
    field = torch.tensor(flow, dtype=torch.float32).view(1, 2, 1, 1).expand(2, 2, 32, 64)
    rows = (torch.arange(32) + down).clamp(0, 31)
    columns = (torch.arange(64) + right).clamp(0, 63)  # beyond the edge: the edge
    torch.testing.assert_close(warp(last, field), last[:, :, rows][:, :, :, columns], rtol=0, atol=1e-4)


def test_half_a_pixel_of_flow_is_the_mean_of_two(last):
    field = torch.zeros(2, 2, 32, 64)
    field[:, 0] = 0.5
    torch.testing.assert_close(warp(last, field)[..., :-1], (last[..., :-1] + last[..., 1:]) / 2, rtol=0, atol=1e-4)


def test_the_warp_head_puts_flow_mask_and_paint_together(build, last):
    head, maps = build("warp")
    bias = head.output.bias
    bias[:2] = torch.tensor([3.0, -2.0]) / FLOW_SCALE
    moved = last[:, :, (torch.arange(32) - 2).clamp(0, 31)][..., (torch.arange(64) + 3).clamp(0, 63)]
    bias[3:] = torch.tensor([0.1, 0.0, -0.1])
    painted = last + torch.tensor([0.1, 0.0, -0.1]).view(3, 1, 1)
    for mask, want in ((-100.0, moved), (100.0, painted), (0.0, (moved + painted) / 2)):
        bias[2] = mask
        out = head(maps, last)
        torch.testing.assert_close(out.frame, want, rtol=0, atol=1e-4)
        assert out.flow.shape == (2, 2, 32, 64) and out.mask.shape == (2, 1, 32, 64)
        torch.testing.assert_close(out.flow[0, :, 0, 0], torch.tensor([3.0, -2.0]))
        torch.testing.assert_close(out.mask, torch.full_like(out.mask, mask).sigmoid())


def test_the_flow_is_bounded(build, last):
    head, maps = build("warp")
    head.output.bias[:2] = torch.tensor([1e6, -1e6])
    flow = head(maps, last).flow
    assert (flow[:, 0] == FLOW_LIMIT).all() and (flow[:, 1] == -FLOW_LIMIT).all()


@pytest.mark.parametrize("kind", ["rgb", "residual", "warp"])
def test_pictures_are_composed_in_fp32(build, last, kind):
    head, maps = build(kind)
    out = head.bfloat16()(maps.bfloat16(), last)
    assert out.frame.dtype == torch.float32
    if kind != "rgb":  # a copy made in bf16 would be off by up to 1/512
        torch.testing.assert_close(out.frame, last, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", UPSAMPLING)
@pytest.mark.parametrize("outputs", [None, 5])
def test_upsampling_doubles_the_size_and_only_the_papers_own_has_a_grid(kind, outputs):
    torch.manual_seed(0)
    up = Upsample(kind, 8, outputs).requires_grad_(False)
    y = up(torch.randn(1, 8, 1, 1).expand(1, 8, 6, 8))
    assert y.shape == (1, up.outputs, 12, 16)
    inner = y[..., 4:-4, 4:-4]  # away from the padding, one colour all over
    gridded = (inner.amax((2, 3)) - inner.amin((2, 3))).max() > 1e-5
    assert gridded == (kind == "pixel_shuffle" and outputs is None)
