"""vp.models.matching: where each place of a picture was in the picture before."""

import itertools

import pytest
import torch
from torch.nn import functional as F

from vp.models.matching import EVIDENCE, KEY, RADIUS, SHIFTS, Matcher, finer, refine, similarity, smooth, warp, within

WHOLE = [(x, y) for y in (-1, 0, 1) for x in (-1, 0, 1)]  # in the order of the channels


def keys(height: int, width: int, seed: int = 0, detail: int = 1) -> torch.Tensor:
    """Keys [1, KEY, height, width] that differ from place to place, over `detail` places."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(1, KEY, -(-height // detail), -(-width // detail), generator=generator)
    if detail > 1:
        noise = F.interpolate(noise, size=(height, width), mode="bicubic")
    return F.normalize(noise, dim=1)


def inner(x: torch.Tensor, border: int = 2) -> torch.Tensor:
    return x[..., border:-border, border:-border]


def constant(flow: tuple[float, float], size: tuple[int, int]) -> torch.Tensor:
    return torch.tensor(flow).view(1, 2, 1, 1).expand(1, 2, *size).clone()


@pytest.fixture
def matcher() -> Matcher:
    return Matcher(KEY)


# --- warp ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def last() -> torch.Tensor:
    return torch.rand(2, 3, 32, 64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("flow", [(3, 0), (-3, 0), (0, 2), (0, -2), (5, -4), (0, 0), (200, 0)])
def test_a_whole_flow_fetches_from_where_it_points(last, flow):
    right, down = flow
    rows = (torch.arange(32) + down).clamp(0, 31)
    columns = (torch.arange(64) + right).clamp(0, 63)  # beyond the border: the border
    field = constant(flow, (32, 64)).float().expand(2, -1, -1, -1)
    torch.testing.assert_close(warp(last, field), last[:, :, rows][:, :, :, columns], rtol=0, atol=1e-4)


def test_half_a_place_of_flow_is_the_mean_of_two(last):
    field = constant((0.5, 0.0), (32, 64)).expand(2, -1, -1, -1)
    torch.testing.assert_close(warp(last, field)[..., :-1], (last[..., :-1] + last[..., 1:]) / 2, rtol=0, atol=1e-4)


def test_bicubic_keeps_more_of_what_is_moved_to_and_fro(last):
    field = constant((0.5, 0.0), (32, 64)).expand(2, -1, -1, -1)
    smooth_picture = torch.sin(torch.arange(64) * 0.9).expand(2, 3, 32, 64)

    def off(mode: str) -> float:
        back = warp(warp(smooth_picture, field, mode), -field, mode)
        return (back - smooth_picture)[..., 4:-4].abs().mean().item()

    assert off("bicubic") < 0.4 * off("bilinear")
    torch.testing.assert_close(warp(last, 0 * field, "bicubic"), last, rtol=0, atol=1e-4)


def test_each_place_has_a_flow_of_its_own(last):
    field = torch.zeros(2, 2, 32, 64)
    field[0, 0, 5, 10], field[1, 1, 5, 10] = 4, -3
    got = warp(last, field)
    torch.testing.assert_close(got[0, :, 5, 10], last[0, :, 5, 14], rtol=0, atol=1e-4)
    torch.testing.assert_close(got[1, :, 5, 10], last[1, :, 2, 10], rtol=0, atol=1e-4)
    got[:, :, 5, 10] = last[:, :, 5, 10]
    torch.testing.assert_close(got, last, rtol=0, atol=1e-4)


def test_finer_is_the_same_motion_in_cells_half_as_large():
    fine = finer(constant((1.5, -0.25), (3, 4)))
    assert fine.shape == (1, 2, 6, 8)
    torch.testing.assert_close(fine, constant((3.0, -0.5), (6, 8)))


# --- the pieces ---------------------------------------------------------------------------------------------------


def test_similarity_is_the_cosine_with_every_neighbour_row_by_row():
    now, before = keys(5, 6), keys(5, 6, seed=1)
    found = similarity(now, before)
    assert (RADIUS, SHIFTS, found.shape) == (1, 9, (1, 9, 5, 6))
    for (channel, (dx, dy)), y, x in itertools.product(enumerate(WHOLE), range(5), range(6)):
        there = 0 <= y + dy < 5 and 0 <= x + dx < 6
        want = now[0, :, y, x] @ before[0, :, y + dy, x + dx] if there else torch.zeros(())
        assert found[0, channel, y, x].item() == pytest.approx(want.item(), abs=1e-5)


def test_within_are_the_neighbours_that_the_map_has():
    inside = within((3, 4), torch.device("cpu"))[0]
    for (channel, (dx, dy)), y, x in itertools.product(enumerate(WHOLE), range(3), range(4)):
        assert inside[channel, y, x] == (0 <= y + dy < 3 and 0 <= x + dx < 4)


def test_smooth_is_a_mean_over_places_that_exist():
    torch.testing.assert_close(smooth(constant((2.0, -1.0), (2, 2))), constant((2.0, -1.0), (2, 2)))
    wrong = torch.zeros(1, 2, 5, 5)
    wrong[0, 0, 2, 2] = 9
    assert smooth(wrong)[0, 0, 1:4, 1:4].unique().tolist() == [1.0] and smooth(wrong).sum() == 9


# --- a match ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("detail", [1, 4])
def test_a_still_picture_has_no_evidence_and_no_displacement(matcher, detail):
    still = keys(8, 12, detail=detail)
    match = matcher(still, still, None)
    assert match.evidence.shape == (1, EVIDENCE, 8, 12) and match.displacement.shape == (1, 2, 8, 12)
    compared, residual, peak, _ = match.evidence.split([SHIFTS, 2, 1, 1], dim=1)
    assert not compared.any() and not residual.any() and not match.displacement.any()
    torch.testing.assert_close(peak, torch.ones_like(peak))


@pytest.mark.parametrize("shift", [s for s in WHOLE if s != (0, 0)])
def test_a_shifted_picture_is_found(matcher, shift):
    dx, dy = shift  # the content was (dx, dy) further right and down before
    before = keys(10, 14)
    now = before.roll((-dy, -dx), (2, 3))
    match = matcher(now, before, None)
    torch.testing.assert_close(inner(match.displacement), inner(constant((dx, dy), (10, 14)).float()), rtol=0, atol=0.1)
    compared = match.evidence[:, :SHIFTS]
    assert (inner(compared).argmax(1) == WHOLE.index(shift)).float().mean() > 0.9  # but for chance likenesses
    assert (inner(match.evidence[:, SHIFTS + 2]) > 0.99).all()  # the peak: it is all there


@pytest.mark.parametrize("flow", [(3.0, 0.0), (-2.0, 4.0), (0.0, -5.0)])
def test_around_a_centre_it_finds_what_lies_beyond_its_window(matcher, flow):
    dx, dy = map(int, flow)
    before = keys(20, 24)
    now = before.roll((-dy, -dx), (2, 3))
    centre = constant((dx - 1.0, dy + 1.0), (20, 24))  # a cell off, either way
    alone, led = matcher(now, before, None).displacement, matcher(now, before, centre).displacement
    want = inner(constant(flow, (20, 24)), 7)
    assert (inner(alone, 7) - want).abs().amax(1).min() > 1
    torch.testing.assert_close(inner(led, 7), want, rtol=0, atol=0.15)


def test_the_evidence_names_what_was_added_to_the_centre(matcher):
    before = keys(20, 24)
    match = matcher(before.roll((0, -3), (2, 3)), before, constant((2.0, 0.0), (20, 24)))
    residual = match.evidence[:, SHIFTS : SHIFTS + 2]
    torch.testing.assert_close(inner(residual, 4), inner(constant((1.0, 0.0), (20, 24)), 4), rtol=0, atol=0.1)


def test_texture_is_high_on_a_plain_surface_and_low_where_places_differ(matcher):
    plain, rough = keys(1, 1).expand(1, KEY, 6, 8), keys(6, 8)
    assert (matcher(plain, plain, None).evidence[:, -1] > 0.99).all()
    assert (matcher(rough, rough, None).evidence[:, -1] < 0.6).all()


@pytest.mark.parametrize("size", [(1, 1), (2, 4), (4, 6)])
def test_nothing_is_found_outside_the_map(matcher, size):
    """Everything before is the opposite of what is now: outside, zeros would be more alike than any place within."""
    now = keys(1, 1).expand(1, KEY, *size)
    match = matcher(now, -now, None)
    inside = within(size, torch.device("cpu"))
    assert not (match.evidence[:, :SHIFTS] * (1 - inside)).any()
    torch.testing.assert_close(match.evidence[:, SHIFTS + 2], torch.full((1, *size), -1.0))  # the peak is no padding's
    assert not match.displacement.any()  # all places within are alike, so nothing pulls anywhere
    # And with places that differ no residual points out of the map.
    residual = matcher(keys(*size), -keys(*size, seed=2), None).evidence[0, SHIFTS + 2 : SHIFTS + 4]
    assert torch.isfinite(residual).all() and residual.abs().max() <= 2 * RADIUS


def test_keys_have_length_one_and_calibration_takes_the_directions_that_vary_most():
    matcher = Matcher(40)
    x = torch.randn(2, 40, 6, 8, generator=torch.Generator().manual_seed(0)) * torch.linspace(0.1, 3, 40).view(40, 1, 1)
    key = matcher.key(x.bfloat16().float())
    assert key.shape == (2, KEY, 6, 8) and key.dtype == torch.float32
    torch.testing.assert_close(key.norm(dim=1), torch.ones(2, 6, 8))
    matcher.calibrate(x + 5)  # a mean is no direction
    weight = matcher.project.weight[:, :, 0, 0]
    torch.testing.assert_close(weight @ weight.T, torch.eye(KEY), rtol=0, atol=1e-4)
    kept = weight.square().sum(0)  # how much of each channel is kept
    assert kept[-20:].min() > 0.9 and kept[:4].max() < 0.5
    assert not matcher.project.weight.requires_grad


# --- coarse to fine -----------------------------------------------------------------------------------------------


def pyramid(picture: torch.Tensor) -> list[torch.Tensor]:
    """Keys of a feature map at four resolutions, the finest first."""
    levels = [picture]
    for _ in range(3):
        levels.append(F.avg_pool2d(levels[-1], 2))
    return [F.normalize(level, dim=1) for level in levels]


@pytest.mark.parametrize("flow", [(8, 0), (0, -8), (6, 4), (-3, 2), (1, 0), (0, 0)])
def test_from_coarse_to_fine_a_shift_far_beyond_one_window_is_found_at_every_level(matcher, flow):
    dx, dy = flow
    picture = F.interpolate(
        torch.randn(1, KEY, 10, 12, generator=torch.Generator().manual_seed(0)), scale_factor=8, mode="bicubic"
    )
    now, before = pyramid(picture.roll((-dy, -dx), (2, 3))), pyramid(picture)
    centre = None
    for level in (3, 2, 1, 0):
        found = matcher(now[level], before[level], centre).displacement
        want = torch.tensor(flow) / 2**level
        border = 2 + 8 // 2**level
        error = inner(found, border).mean((0, 2, 3)) - want
        assert error.abs().max() < 0.3, (level, error)
        centre = finer(found)


def test_what_is_kept_of_a_size_serves_a_gradient_too():
    with torch.inference_mode():
        first = within((3, 5), torch.device("cpu"))
    maps = torch.ones(1, SHIFTS, 3, 5, requires_grad=True)
    again = within((3, 5), torch.device("cpu"))
    (maps * again).sum().backward()
    assert again is first and torch.equal(maps.grad, first)
    assert first.sum((0, 2, 3)).tolist() == [8, 10, 8, 12, 15, 12, 8, 10, 8]


# --- the last step, on grey values --------------------------------------------------------------------------------


def picture(right: float = 0, down: float = 0) -> torch.Tensor:
    """A smooth texture [1, 3, 48, 64], each place of which shows what is that many pixels to the right and down."""
    y, x = torch.meshgrid(torch.arange(48) + down, torch.arange(64) + right, indexing="ij")
    waves = torch.sin(x / 3 + y / 7) + torch.sin(y / 3 - x / 9) + torch.cos((x + y) / 5)
    return (0.5 + 0.16 * waves).expand(1, 3, -1, -1)


@pytest.mark.parametrize("by", [(0.4, 0.0), (-0.3, 0.6), (0.0, -0.7)])
def test_grey_values_find_a_fraction_of_a_pixel(by):
    found = inner(refine(torch.zeros(1, 2, 48, 64), picture(*by), picture()), 4)
    assert (found - constant(by, found.shape[-2:])).abs().mean() < 0.1


def test_grey_values_go_on_from_where_the_features_matched():
    start = constant((5.0, -3.0), (48, 64))
    found = inner(refine(start, picture(5.3, -3.4), picture()), 8)
    assert (found - constant((5.3, -3.4), found.shape[-2:])).abs().mean() < 0.08


def test_grey_values_change_nothing_that_is_right_or_flat_and_little_at_most():
    start = constant((2.0, 1.0), (48, 64))
    right = refine(start, picture(2, 1), picture())
    torch.testing.assert_close(inner(right, 4), inner(start, 4), rtol=0, atol=0.01)
    flat = torch.full((1, 3, 48, 64), 0.3)
    torch.testing.assert_close(refine(start, flat, flat), start)
    noise = torch.rand(2, 1, 3, 48, 64, generator=torch.Generator().manual_seed(0))
    assert (refine(start, *noise) - start).abs().max() <= 1


def test_no_gradient_passes_through_the_grey_values():
    frames = picture().requires_grad_()
    assert not refine(torch.zeros(1, 2, 48, 64), frames, frames.detach()).requires_grad
