"""train.muon: one step changes what a convolution makes of its input by its rate, whatever the kernel."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from train.predictor.muon import Muon, orthogonalise


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 48), st.integers(1, 200), st.integers(0, 99))
def test_all_singular_values_come_near_one(rows, columns, seed):
    matrix = torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))
    values = torch.linalg.svdvals(orthogonalise(torch.stack([torch.ones_like(matrix), matrix]))[1])
    assert values.max() < 1.3
    # A square random matrix may have one as small as it likes; all the others are lifted.
    assert values.median() > 0.6


def test_singular_vectors_stay():
    matrix = torch.randn(6, 40, generator=torch.Generator().manual_seed(0))
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    turned = u.T @ orthogonalise(matrix[None])[0] @ v.T
    assert torch.allclose(turned - torch.diag(turned.diag()), torch.zeros(6, 6), atol=1e-4)


def test_no_gradient_is_no_step():
    assert torch.equal(orthogonalise(torch.zeros(2, 3, 5)), torch.zeros(2, 3, 5))


@pytest.mark.parametrize("kernel", (1, 3, 7))
def test_kernels_of_any_size_move_what_comes_out_alike(kernel):
    torch.manual_seed(0)
    conv = nn.Conv2d(8, 8, kernel, bias=False).to(memory_format=torch.channels_last)
    x = torch.randn(1, 8, kernel, kernel)
    x = x / x.square().mean().sqrt()
    optimiser = Muon([conv.weight], lr=0.1)
    before = conv(x)
    (-before[:, 0]).sum().backward()  # the gradient of one output is the input itself
    optimiser.step()
    moved = (conv(x) - before).detach().flatten().abs()
    # All of a step of 0.1 in one of eight outputs, and singular values of about 0.7.
    assert moved[0].item() == pytest.approx(0.1 * 8**0.5 * 0.7, rel=0.02)
    assert moved[1:].max() < 1e-4


def test_a_regression_is_learned_faster_than_by_chance():
    torch.manual_seed(0)
    teacher, conv = nn.Conv2d(4, 6, 3), nn.Conv2d(4, 6, 3)
    optimisers = [Muon([conv.weight], lr=0.05), torch.optim.AdamW([conv.bias], lr=0.0025, betas=(0.9, 0.99))]
    rates = [optimiser.param_groups[0]["lr"] for optimiser in optimisers]
    x = torch.randn(16, 4, 8, 8)
    losses = []
    for step in range(120):
        loss = (conv(x) - teacher(x).detach()).square().mean()
        conv.zero_grad()
        loss.backward()
        for optimiser, rate in zip(optimisers, rates):
            optimiser.param_groups[0]["lr"] = rate * (1 - step / 120)
            optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.02 * losses[0]


def test_its_state_survives_saving():
    torch.manual_seed(0)
    convs = [nn.Conv2d(3, 4, 3) for _ in range(2)]
    convs[1].load_state_dict(convs[0].state_dict())

    def make(conv):
        return Muon([conv.weight], lr=0.01)

    def step(conv, optimiser):
        optimiser.zero_grad()
        conv(torch.ones(1, 3, 5, 5)).square().sum().backward()
        optimiser.step()

    optimisers = [make(conv) for conv in convs]
    step(convs[0], optimisers[0])
    step(convs[1], optimisers[1])
    resumed = make(convs[1])
    resumed.load_state_dict(optimisers[1].state_dict())
    step(convs[0], optimisers[0])
    step(convs[1], resumed)
    for a, b in zip(convs[0].parameters(), convs[1].parameters(), strict=True):
        assert torch.equal(a, b)


def test_weights_of_one_shape_do_not_hear_each_other():
    torch.manual_seed(0)
    weights = [nn.Parameter(torch.randn(4, 3, 3, 3)) for _ in range(3)]
    alone = [nn.Parameter(weight.detach().clone()) for weight in weights]
    gradients = [torch.randn(4, 3, 3, 3) for _ in weights]
    for weight, single, gradient in zip(weights, alone, gradients):
        weight.grad = single.grad = gradient
    Muon(weights, lr=0.1, weight_decay=0.1).step()
    for weight, single in zip(weights, alone):
        Muon([single], lr=0.1, weight_decay=0.1).step()
        torch.testing.assert_close(weight, single)
