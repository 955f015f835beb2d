"""A decoder block L1 to L4: one step up in resolution (paper section 3)."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class LayerNorm(nn.LayerNorm):
    """Layer norm over the channels of each place (as in ConvNeXt, Liu et al. 2022): [N, C, h, w] -> the same."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)  # a view, in channels_last


def init_icnr_(conv: nn.Conv2d, factor: int) -> None:
    """Initialise a convolution before a pixel shuffle as nearest-neighbour upsampling (Aitken et al. 2017).

    All factor^2 sub-pixels of a place start with the same kernel, so there is no grid before training.
    """
    with torch.no_grad():
        base = conv.weight.new_empty((len(conv.weight) // factor**2, *conv.weight.shape[1:]))
        nn.init.kaiming_uniform_(base, nonlinearity="linear")
        conv.weight.copy_(base.repeat_interleave(factor**2, dim=0))
        conv.bias.copy_(conv.bias[:: factor**2].repeat_interleave(factor**2))


class DecoderBlock(nn.Module):
    """Norm, activation, 3x3 convolution, pixel shuffle (Shi et al. 2016), 3x3 convolution.

    forward: [N, inputs, h, w] -> [N, outputs, h * factor, w * factor]. `width` is the number of channels
    before the pixel shuffle. The paper normalises over the batch and takes ReLU; `layer_norm` takes the norm over the
    channels of a place, which does not drift when a rollout is fed its own frames, and SiLU.
    """

    def __init__(self, inputs: int, width: int, outputs: int, *, factor: int, layer_norm: bool) -> None:
        super().__init__()
        self.norm = LayerNorm(inputs) if layer_norm else nn.BatchNorm2d(inputs)
        self.activation = nn.SiLU() if layer_norm else nn.ReLU()
        self.expand = nn.Conv2d(inputs, width, 3, padding=1)
        self.shuffle = nn.PixelShuffle(factor)
        self.conv = nn.Conv2d(width // factor**2, outputs, 3, padding=1)
        # Signals keep their size on the way up: PyTorch's default would lose two thirds of the power at each of eight
        # convolutions, and the deep blocks with it.
        init_icnr_(self.expand, factor)
        nn.init.kaiming_uniform_(self.conv.weight, nonlinearity="linear")

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(self.shuffle(self.expand(self.activation(self.norm(x)))))
