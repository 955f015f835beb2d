"""vp.models.lateral.ConvGRU, against its equations written out."""

import pytest
import torch
from torch.nn import functional as F

from vp.models import ConvGRU, Gates


@pytest.fixture(params=[3, 5, 7], ids="{0}x{0}".format)
def gru(request) -> ConvGRU:
    torch.manual_seed(request.param)
    gru = ConvGRU(inputs=5, width=4, kernel=request.param).requires_grad_(False)
    for p in gru.parameters():
        p.mul_(2)
    return gru


@pytest.fixture
def x() -> torch.Tensor:
    return torch.randn(2, 5, 6, 9, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def h() -> torch.Tensor:
    return torch.rand(2, 4, 6, 9, generator=torch.Generator().manual_seed(2)) * 2 - 1


def test_the_equations(gru, x, h):
    def conv(v, weight, bias=None):
        return F.conv2d(v, weight, bias, padding=weight.shape[-1] // 2)

    w, b = gru.input.weight.chunk(3), gru.input.bias.chunk(3)
    u = [*gru.gates.weight.chunk(2), gru.candidate.weight]
    z = 1 / (1 + torch.exp(-conv(x, w[0], b[0]) - conv(h, u[0])))
    r = 1 / (1 + torch.exp(-conv(x, w[1], b[1]) - conv(h, u[1])))
    n = torch.tanh(conv(x, w[2], b[2]) + conv(r * h, u[2]))
    got = gru.step(gru.input(x), h)
    for name, want in {"z": z, "r": r, "n": n, "h": (1 - z) * h + z * n}.items():
        torch.testing.assert_close(getattr(got, name), want, rtol=1e-4, atol=1e-5, msg=lambda m, name=name: name + m)
        assert want.std() > 0.1


def test_states_and_gates_stay_in_their_ranges(gru, x, h):
    for k in range(20):
        gates = gru.step(gru.input(30 * x * (-1) ** k), h)
        h = gates.h
        assert 0 <= gates.z.min() and gates.z.max() <= 1
        assert 0 <= gates.r.min() and gates.r.max() <= 1
        assert gates.n.abs().max() <= 1 and gates.h.abs().max() <= 1
    assert gates.z.max() > 0.99 and gates.z.min() < 0.01 and gates.n.abs().max() > 0.99


def forced(gru, gate, value, x):
    """The projected input with one gate ("z" or "r") forced open (1) or shut (0)."""
    projected = gru.input(x).clone()
    projected.chunk(3, dim=1)["zr".index(gate)].fill_(1000 if value else -1000)
    return projected


def test_an_update_gate_of_one_replaces_the_state_and_of_zero_keeps_it(gru, x, h):
    replaced = gru.step(forced(gru, "z", 1, x), h)
    assert torch.equal(replaced.h, replaced.n) and not torch.allclose(replaced.n, h)
    kept = gru.step(forced(gru, "z", 0, x), h)
    assert torch.equal(kept.h, h) and not torch.allclose(kept.n, h)


def test_a_reset_gate_of_zero_hides_the_state_from_the_candidate(gru, x, h):
    shut = forced(gru, "r", 0, x)
    assert torch.equal(gru.step(shut, h).n, gru.step(shut, -h).n)
    open_ = forced(gru, "r", 1, x)
    assert not torch.allclose(gru.step(open_, h).n, gru.step(open_, -h).n)


def test_without_input_and_state_nothing_happens(gru, x):
    gru.input.bias.zero_()
    gates = gru.step(gru.input(torch.zeros_like(x)), x.new_zeros(2, 4, 6, 9))
    assert not gates.h.any() and not gates.n.any()
    assert (gates.z == 0.5).all() and (gates.r == 0.5).all()


def test_an_empty_state_is_one_of_zeros(gru, x, h):
    projected = gru.input(x)
    for name, got, want in zip(Gates._fields, gru.step(projected, None), gru.step(projected, torch.zeros_like(h))):
        torch.testing.assert_close(got, want, rtol=0, atol=1e-5, msg=lambda m, name=name: name + m)
