"""vp.models.lateral: a convolution that knows where it is."""

import pytest
import torch
from torch.nn import functional as F

from vp.models.lateral import LocationConv2d


@pytest.fixture
def conv() -> LocationConv2d:
    torch.manual_seed(0)
    return LocationConv2d(5, 3, size=(4, 6)).requires_grad_(False)


@pytest.fixture
def x() -> torch.Tensor:
    return torch.randn(2, 5, 4, 6, generator=torch.Generator().manual_seed(1))


def test_it_starts_as_an_ordinary_convolution(conv, x):
    torch.testing.assert_close(conv(x), F.conv2d(x, conv.conv.weight, conv.conv.bias))


def test_every_place_has_a_bias_of_its_own(conv, x):
    before = conv(x)
    conv.location[0, 1, 2, 5] = 7.0
    change = conv(x) - before
    assert torch.allclose(change[:, 1, 2, 5], torch.tensor(7.0))
    change[:, 1, 2, 5] = 0
    assert not change.any()


def test_the_bias_is_learned(conv, x):
    conv.requires_grad_(True)
    conv(x).square().sum().backward()
    assert conv.location.grad.shape == (1, 3, 4, 6) and (conv.location.grad != 0).all()


@pytest.mark.parametrize("size", [(8, 12), (2, 3), (5, 4)])
def test_on_another_size_the_map_is_stretched(conv, size):
    ramp = torch.linspace(-1, 1, 6).expand(4, 6)
    conv.location[:] = torch.stack([ramp, torch.full_like(ramp, 2.0), ramp.flip(1)])
    x = torch.zeros(1, 5, *size)
    left_right, constant, right_left = (conv(x) - conv.conv(x))[0]
    torch.testing.assert_close(constant, torch.full(size, 2.0))
    assert (left_right.diff(dim=1) > 0).all() and (left_right.diff(dim=0).abs() < 1e-5).all()
    torch.testing.assert_close(right_left, left_right.flip(1))


def test_the_result_has_the_precision_of_the_convolution(conv, x):
    conv.location.normal_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert conv(x).dtype == torch.bfloat16
