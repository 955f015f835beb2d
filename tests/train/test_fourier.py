"""train.fourier: convolutions as products of spectra."""

import copy

import pytest
import torch
from torch import nn

from train.fourier import FourierConv2d, use_fourier, use_fourier_frozen
from train.losses import PredictionLoss
from train.objective import Objective
from vp.memory import states_along

# Batch, inputs, outputs, height, width, kernel.
SHAPES = [(3, 5, 7, 6, 9, 3), (2, 3, 4, 8, 12, 7), (2, 4, 3, 1, 1, 5), (1, 2, 2, 5, 4, 1), (4, 6, 2, 32, 48, 5)]


def answers(conv: nn.Conv2d, x: torch.Tensor, gradient: torch.Tensor) -> list[torch.Tensor]:
    """Output and the gradients of input, weight and bias."""
    x = x.clone().requires_grad_()
    conv.zero_grad()
    y = conv(x)
    y.backward(gradient)
    return [y, x.grad, conv.weight.grad, conv.bias.grad]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_it_is_the_convolution_forwards_and_backwards(shape):
    n, inputs, outputs, h, w, k = shape
    conv = nn.Conv2d(inputs, outputs, k, padding=k // 2).double()
    x, gradient = torch.randn(n, inputs, h, w).double(), torch.randn(n, outputs, h, w).double()
    direct = answers(conv, x, gradient)
    conv.__class__ = FourierConv2d
    for found, expected in zip(answers(conv, x, gradient), direct, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


def test_in_fp32_it_agrees_to_rounding_whatever_the_layout():
    conv = nn.Conv2d(64, 96, 7, padding=3)
    x, gradient = torch.randn(4, 64, 32, 48), torch.randn(4, 96, 32, 48)
    direct = answers(conv, x, gradient)
    conv.__class__ = FourierConv2d
    conv.forget()
    found = answers(conv, x.contiguous(memory_format=torch.channels_last), gradient)
    for ours, expected in zip(found, direct, strict=True):
        assert (ours - expected).abs().max() < 3e-5 * expected.abs().max()


def test_it_trains_after_it_was_run_without_gradients():
    conv, x = nn.Conv2d(2, 3, 5, padding=2), torch.randn(1, 2, 9, 11)
    conv.__class__ = FourierConv2d
    with torch.inference_mode():
        before = conv(x)
    conv.forget()
    conv(x).square().sum().backward()
    assert conv.weight.grad.abs().max() > 0
    torch.testing.assert_close(conv(x), before)


def test_what_is_fixed_is_not_given_a_gradient():
    conv = nn.Conv2d(3, 3, 3, padding=1)
    conv.__class__ = FourierConv2d
    conv.requires_grad_(False)
    x = torch.randn(1, 3, 4, 4, requires_grad=True)
    conv(x).sum().backward()
    assert conv.weight.grad is None and x.grad is not None


def train(objective: Objective, clips: torch.Tensor, steps: int) -> list[float]:
    optimiser = torch.optim.SGD([p for p in objective.parameters() if p.requires_grad], lr=0.05)
    losses = []
    for _ in range(steps):
        loss, _ = objective(clips, 3, 1)
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        losses.append(float(loss.detach()))
    return losses


def test_training_takes_the_same_course(make_ladder, moving_batch):
    model = make_ladder(head="warp", refine=6, norm="layer")
    model.encoder.requires_grad_(False)
    clips = moving_batch(2, 5, 32, 64)
    objectives = [Objective(m, PredictionLoss({"l1": 1.0}, m.encoder)) for m in (model, copy.deepcopy(model))]
    before = set(objectives[1].state_dict())
    assert use_fourier(objectives[1]) >= 12  # every 7x7 kernel of the ConvGRUs
    assert set(objectives[1].state_dict()) == before
    direct, fourier = (train(objective, clips, 4) for objective in objectives)
    assert fourier == pytest.approx(direct, rel=1e-4)
    assert direct[0] != pytest.approx(direct[-1], rel=1e-3)


def test_only_convolutions_for_which_it_pays_are_taken():
    def conv(inputs: int, k: int, **more: int) -> nn.Conv2d:
        return nn.Conv2d(inputs, 4, k, **({"padding": k // 2} | more))

    taken = [conv(2, 7), conv(64, 5), conv(192, 3)]
    left = [conv(32, 5), conv(128, 3), conv(192, 1), conv(4, 7, stride=2), conv(4, 7, padding=0), conv(4, 7, groups=2)]
    frozen = conv(2, 7).requires_grad_(False)
    assert use_fourier(nn.ModuleList([*taken, *left, frozen])) == 3
    assert all(isinstance(c, FourierConv2d) for c in taken)
    assert not any(isinstance(c, FourierConv2d) for c in [*left, frozen])


def test_the_states_of_a_trained_network_stay_the_same(make_ladder, moving_batch):
    model = make_ladder().requires_grad_(False)
    clip = moving_batch(1, 7, 32, 64)[0]
    direct = list(states_along(model, clip, chunk=4))
    assert use_fourier_frozen(model.laterals, one_clip=True) == 8  # the inputs of the 5x5 and 7x7 kernels of each block
    fourier = list(states_along(model, clip, chunk=4))
    for (expected, _), (found, _) in zip(direct, fourier, strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)
