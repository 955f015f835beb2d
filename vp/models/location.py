"""The location-dependent convolution (Azizi et al. 2018, the paper's [AFB18])."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class LocationConv2d(nn.Module):
    """A 1x1 convolution plus a learned bias for every place of the map.

    An ordinary convolution treats all places alike; the bias lets the network learn what is usual where, for
    example that the ground is below and the sky above.

    forward: [N, inputs, h, w] -> [N, outputs, h, w]. On a map of another size than it was built for, the bias
    is resized bilinearly. keep [N, 1, 1, 1]: share of the bias to add for each map, default 1.
    """

    def __init__(self, inputs: int, outputs: int, *, size: tuple[int, int]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 1)
        self.location = nn.Parameter(torch.zeros(1, outputs, *size))

    def forward(self, x: Tensor, keep: Tensor | None = None) -> Tensor:
        location = self.location
        if location.shape[-2:] != x.shape[-2:]:
            location = F.interpolate(location, size=x.shape[-2:], mode="bilinear", align_corners=False)
        y = self.conv(x)
        location = location.to(y.dtype)
        return y + (location if keep is None else keep * location)
