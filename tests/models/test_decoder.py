"""vp.models.decoder: one step up in resolution."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from vp.models.decoder import DecoderBlock, LayerNorm, init_icnr_


def block(factor=2, layer_norm=False) -> DecoderBlock:
    torch.manual_seed(0)
    return DecoderBlock(inputs=6, width=32, outputs=5, factor=factor, layer_norm=layer_norm).eval()


def grid(x: torch.Tensor, factor: int) -> float:
    """Largest difference within the factor x factor cells of a map."""
    cells = F.unfold(x.flatten(0, 1).unsqueeze(1), factor, stride=factor)
    return (cells.amax(1) - cells.amin(1)).max().item()


@torch.inference_mode()
@pytest.mark.parametrize("factor", [2, 4])
def test_there_is_no_grid_at_initialisation(factor):
    fresh = block(factor)
    x = torch.randn(2, 6, 5, 7)
    shuffled = fresh.shuffle(fresh.expand(x))
    assert grid(shuffled, factor) < 1e-5
    assert shuffled.std(dim=(0, 2, 3)).min() > 0.05 and shuffled.std(dim=1).mean() > 0.05
    fresh.expand.reset_parameters()  # what PyTorch would have started from
    assert grid(fresh.shuffle(fresh.expand(x)), factor) > 0.1


def test_icnr_draws_a_kernel_for_every_channel_and_copies_it_to_its_sub_pixels():
    conv = nn.Conv2d(3, 4 * 5, 3)
    init_icnr_(conv, 2)
    cells = conv.weight.view(5, 4, -1)
    assert torch.equal(cells, cells[:, :1].expand_as(cells))
    assert torch.equal(conv.bias.view(5, 4), conv.bias[::4, None].expand(5, 4))
    assert len(cells[:, 0].unique(dim=0)) == 5 and len(conv.bias.unique()) == 5


@torch.inference_mode()
@pytest.mark.parametrize("layer_norm", [False, True])
@pytest.mark.parametrize("factor", [2, 4])
def test_the_block_is_its_layers_in_order(factor, layer_norm):
    b = block(factor, layer_norm)
    x = torch.randn(2, 6, 5, 7)
    b.norm.weight.uniform_(0.5, 1.5)
    b.norm.bias.normal_()
    if layer_norm:
        mean, variance = x.mean(1, keepdim=True), x.var(1, correction=0, keepdim=True)
    else:
        mean, variance = (
            v.view(-1, 1, 1) for v in (b.norm.running_mean.normal_(), b.norm.running_var.uniform_(0.5, 2))
        )
    want = (x - mean) / (variance + b.norm.eps).sqrt() * b.norm.weight.view(-1, 1, 1) + b.norm.bias.view(-1, 1, 1)
    want = want * torch.sigmoid(want) if layer_norm else want.clamp_min(0)
    want = F.conv2d(want, b.expand.weight, b.expand.bias, padding=1)
    want = F.conv2d(F.pixel_shuffle(want, factor), b.conv.weight, b.conv.bias, padding=1)
    got = b(x)
    assert got.shape == (2, 5, 5 * factor, 7 * factor)
    torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-5)


def test_layer_norm_looks_at_one_place_only():
    norm = LayerNorm(6)
    x = torch.randn(2, 6, 5, 7).to(memory_format=torch.channels_last)
    bright = x.clone()
    bright[:, :, 2, 3] *= 1000
    changed = (norm(x) - norm(bright)).abs().amax((0, 1))
    changed[2, 3] = 0
    assert not changed.any()
    torch.testing.assert_close(norm(x).mean(1), torch.zeros(2, 5, 7), rtol=0, atol=1e-6)
    assert norm(x).is_contiguous(memory_format=torch.channels_last)


def test_signals_keep_their_size_on_the_way_up():
    torch.manual_seed(0)
    fresh = DecoderBlock(inputs=192, width=256, outputs=64, factor=2, layer_norm=True).eval()
    assert 0.4 < fresh(torch.randn(1, 192, 8, 8)).std() < 0.9  # SiLU makes 0.6 of 1; the convolutions lose nothing
