"""vp.inspection.saliency: which seen pixels a prediction depends on."""

import numpy as np
import pytest
import torch

from vp.errors import RequestError
from vp.inspection import saliency
from vp.predictor import Predictor


class Shift(torch.nn.Module):
    """Predicts the last frame moved right by 8 pixels, plus a tenth of the first one."""

    def __init__(self, like):
        super().__init__()
        self.config = like.config

    def forward(self, x):
        out = type("Out", (), {})()
        out.frames = torch.roll(x[:, -1:], 8, dims=-1) + 0.1 * x[:, :1]
        return out


@pytest.fixture(scope="module")
def shift(predictor) -> Predictor:
    copy = object.__new__(Predictor)
    copy.__dict__ |= predictor.__dict__ | {"model": Shift(predictor.model)}
    return copy


def test_a_region_looks_where_its_pixels_come_from(shift, frames):
    found = saliency(shift, frames, seen=3, region=(0.25, 0.5, 0.5, 0.75), samples=3)
    assert found.region == (8, 32, 16, 48) and found.heat.shape == (3, 32, 64)
    want = np.zeros((3, 32, 64))
    want[2, 8:16, 24:40] = np.sqrt(3)  # one derivative for each colour
    want[0, 8:16, 32:48] = 0.1 * np.sqrt(3)
    np.testing.assert_allclose(found.heat, want, atol=1e-5)
    assert found.shares == pytest.approx([1 / 101, 0, 100 / 101], abs=1e-4)


def hadamard():
    """[12, 12] signs with orthogonal rows (Paley): by them the sum over projections is no estimate but exact."""
    squares = {k * k % 11 for k in range(1, 11)}
    residue = [[0 if i == j else 1 if (i - j) % 11 in squares else -1 for j in range(11)] for i in range(11)]
    skew = torch.zeros(12, 12)
    skew[0, 1:], skew[1:, 0], skew[1:, 1:] = 1, -1, torch.tensor(residue)
    return skew + torch.eye(12)


def test_it_is_the_size_of_the_networks_derivatives(predictor, frames, monkeypatch):
    region = (0.5, 0.5, 0.5625, 0.53125)  # 2 x 2 pixels: the derivatives can be had one by one
    rows = iter((hadamard() + 1) / 2)
    monkeypatch.setattr(torch, "randint", lambda low, high, shape, generator: next(rows).reshape(shape))
    found = saliency(predictor, frames, seen=2, region=region, samples=12)
    monkeypatch.undo()
    some = saliency(predictor, frames, seen=2, region=region, samples=40)
    x = torch.from_numpy(frames[:2]).permute(0, 3, 1, 2)[None].float() / 255
    jacobian = torch.autograd.functional.jacobian(lambda v: predictor.model(v).frames[0, -1, :, 16:18, 32:34], x)
    want = jacobian.square().sum((0, 1, 2))[0].sum(1)
    torch.testing.assert_close(torch.from_numpy(found.heat).square(), want, rtol=1e-3, atol=1e-4 * want.max().item())
    # By signs at random it is so on average.
    assert np.square(some.heat).sum() == pytest.approx(want.sum().item(), rel=0.4)


def test_shares_add_up_and_the_same_seed_gives_the_same_map(predictor, frames):
    a, b = saliency(predictor, frames, seen=4), saliency(predictor, frames, seen=4)
    assert sum(a.shares) == pytest.approx(1, abs=1e-4) and len(a.shares) == 4
    np.testing.assert_allclose(a.heat, b.heat, atol=1e-6)
    assert not any(p.requires_grad for p in predictor.model.parameters())


@pytest.mark.parametrize("region", [(0.5, 0.5, 0.5, 0.9), (0.9, 0, 0.1, 1), (0, 0, 0.001, 1)])
def test_an_empty_region_is_refused(predictor, frames, region):
    with pytest.raises(RequestError, match="empty"):
        saliency(predictor, frames, region=region)


def test_numbers_that_are_none_are_refused(predictor, frames):
    with pytest.raises(RequestError, match="finite"):
        saliency(predictor, frames, region=(0, 0, float("nan"), 1))
