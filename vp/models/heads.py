"""Output heads: how the ladder's last maps become the next frame.

An absolute picture (`rgb`, the paper's) has to learn to copy before it can learn motion. `residual` and `warp`
start as an exact copy of the last frame, because their output convolution starts at zero, and learn only what
changes.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .config import LadderConfig
from .decoder import init_icnr_

CHANNELS = {"rgb": 3, "residual": 3, "warp": 6}
# Pixels of flow for one unit of the output convolution: motion between frames at 10 fps is a few pixels.
FLOW_SCALE = 4.0
# A flow beyond the frame has no meaning; the bound keeps an unlucky step of training finite.
FLOW_LIMIT = 32.0


class HeadOutput(NamedTuple):
    """frame: [N, 3, H, W], not clipped. flow (pixels: x right, y down, from the new frame back to the last one)
    [N, 2, H, W] and mask in [0, 1], the share that is painted rather than warped, [N, 1, H, W]: warp head only."""

    frame: Tensor
    flow: Tensor | None = None
    mask: Tensor | None = None


def warp(frame: Tensor, flow: Tensor) -> Tensor:
    """Fetch each pixel of the result from `frame` [N, 3, H, W] at its place plus `flow` [N, 2, H, W] in pixels."""
    height, width = frame.shape[-2:]
    ys = torch.arange(height, device=flow.device, dtype=flow.dtype)
    xs = torch.arange(width, device=flow.device, dtype=flow.dtype)
    x = (xs.view(1, 1, -1) + flow[:, 0] + 0.5) * (2 / width) - 1
    y = (ys.view(1, -1, 1) + flow[:, 1] + 0.5) * (2 / height) - 1
    grid = torch.stack([x, y], dim=-1)
    return F.grid_sample(frame, grid, mode="bilinear", padding_mode="border", align_corners=False)


class Upsample(nn.Module):
    """From the ladder's stride 2 to full resolution, by one of the paper's three ways (section 4.1, Fig. 9).

    Pixel shuffle needs a convolution to `4 * outputs` channels before it, unless `outputs` is None (the paper's:
    the maps themselves are shuffled, which is where its grid comes from).
    """

    def __init__(self, kind: str, inputs: int, outputs: int | None) -> None:
        super().__init__()
        shuffle = kind == "pixel_shuffle"
        self.conv = (
            nn.Identity() if outputs is None else nn.Conv2d(inputs, outputs * (4 if shuffle else 1), 3, padding=1)
        )
        if outputs is not None and shuffle:
            init_icnr_(self.conv, 2)
        self.up = nn.PixelShuffle(2) if shuffle else nn.Upsample(scale_factor=2, mode=kind)
        self.outputs = outputs or (inputs // 4 if shuffle else inputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.up(self.conv(x))


class Head(nn.Module):
    """concat(C1, L1) [N, inputs, h, w] and the last frame [N, 3, H, W] in [0, 1] -> the next frame."""

    def __init__(self, config: LadderConfig, inputs: int) -> None:
        super().__init__()
        self.kind = config.head
        refine = config.refine or None
        if config.full_resolution:
            self.up = nn.Conv2d(inputs, refine, 3, padding=1) if refine else nn.Identity()
            channels = refine or inputs
        else:
            self.up = Upsample(config.upsampling, inputs, refine)
            channels = self.up.outputs
        # SiLU, not ReLU: a zero-initialised output behind a ReLU can die and stay a copy for good.
        self.activation = nn.SiLU() if refine else nn.Identity()
        kernel = 3 if refine else 1
        self.output = nn.Conv2d(channels, CHANNELS[config.head], kernel, padding=kernel // 2)
        if self.kind != "rgb":
            nn.init.zeros_(self.output.weight)
            nn.init.zeros_(self.output.bias)

    @property
    def first(self) -> nn.Conv2d:
        """The convolution that reads concat(C1, L1)."""
        return next(module for module in self.modules() if isinstance(module, nn.Conv2d))

    def forward(self, x: Tensor, last: Tensor) -> HeadOutput:
        # Pictures are composed in fp32: bf16 has steps of 1/256 near white, as coarse as the picture itself.
        y = self.output(self.activation(self.up(x))).float()
        last = last.float()
        if self.kind == "rgb":
            return HeadOutput(y)
        if self.kind == "residual":
            return HeadOutput(last + y)
        flow, mask, paint = y.split([2, 1, 3], dim=1)
        with torch.autocast(y.device.type, enabled=False):
            flow = (flow * FLOW_SCALE).clamp(-FLOW_LIMIT, FLOW_LIMIT)
            mask = torch.sigmoid(mask)
            frame = torch.lerp(warp(last, flow), last + paint, mask)
        return HeadOutput(frame, flow, mask)
