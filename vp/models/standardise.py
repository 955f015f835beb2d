"""Features on one scale, so that a ConvGRU's gates start where they can move."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Standardise(nn.Module):
    """Takes a fixed mean out of each channel and divides by a fixed spread.

    Features behind a ReLU are never negative. A gate that sums thousands of them moves as a whole with every step of
    training, and soon stays at 0 or 1: the wider the kernel, the sooner. Up to the border of the map this is another
    way to write the weights of the convolutions that follow, so the network can express nothing new; it can learn.

    mean, std: [C], buffers, 0 and 1 until they are set.
    forward: [N, C, h, w] -> the same, in the same precision.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("std", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        scale = 1 / self.std.float()
        shift = -self.mean.float() * scale
        return x * scale.view(1, -1, 1, 1).to(x.dtype) + shift.view(1, -1, 1, 1).to(x.dtype)

    @torch.no_grad()
    def set(self, mean: Tensor, std: Tensor) -> None:
        """Take these statistics [C] from now on. A channel that never says anything keeps its size."""
        self.mean.copy_(mean)
        self.std.copy_(torch.where(std > 1e-3, std, torch.ones_like(std)))
