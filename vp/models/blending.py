"""From a flow to the next frame: pixels of the last two frames moved, blended, and painted where none fits."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .decoder import init_icnr_
from .matching import warp

WIDTH = 32
# Four neighbours of where the flow points, by which a blend can sharpen, blur or correct it.
NEIGHBOURS = ((-1.0, 0.0), (1.0, 0.0), (0.0, -1.0), (0.0, 1.0))
# Pixels that a neighbour may move away from its place, twice as far as where it starts.
LEASH = 2.0
WEIGHTS = len(NEIGHBOURS) + 2


class Blend(nn.Module):
    """The output of a motion ladder.

    With f the flow, d of at most a pixel, neighbours o_i, weights w_i, paint p and mask m from a convolution at full
    resolution, each for every pixel:

        A_0 = warp(last, f + d)        A_1..A_4 = warp(last, f + d + o_i)
        A_5 = warp(before, 2 (f + d))  A_6 = last, unmoved
        next = A_0 + sum_i w_i (A_i - A_0) + sigmoid(m) p

    w, d and p start at zero: at first the next frame is the last one exactly, as long as f is zero too. The neighbours
    start apart, since equal ones would get equal gradients for ever.
    """

    def __init__(self, inputs: int, *, full_resolution: bool) -> None:
        super().__init__()
        self.shuffle = nn.Identity() if full_resolution else nn.PixelShuffle(2)
        factor = 1 if full_resolution else 2
        self.expand = nn.Conv2d(inputs, WIDTH * factor**2, 3, padding=1)
        init_icnr_(self.expand, factor)
        # The last frame, and both frames moved: where those two differ, the flow is wrong or something is covered.
        self.refine = nn.Conv2d(WIDTH + 9, WIDTH, 3, padding=1)
        self.output = nn.Conv2d(WIDTH, 2 + 2 * len(NEIGHBOURS) + WEIGHTS + 1 + 3, 3, padding=1)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)
        with torch.no_grad():
            # Numbers, not tensors: arithmetic on a network that is shapes only makes PyTorch import its compiler.
            offsets = [math.atanh(side / LEASH) for place in NEIGHBOURS for side in place]
            self.output.bias[2 : 2 + len(offsets)] = torch.tensor(offsets)

    def forward(self, x: Tensor, flow: Tensor, last: Tensor, before: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Maps x [N, inputs, h, w], flow [N, 2, H, W] in pixels, the last frame and the one before [N, 3, H, W] in
        [0, 1] -> the next frame, not clipped, the flow after its refinement and the mask [N, 1, H, W], all fp32."""
        # Pictures are composed in fp32: bf16 has steps of 1/256 near white, as coarse as the picture itself.
        last, before = last.float(), before.float()
        with torch.autocast(x.device.type, enabled=False):
            moved = [last, warp(last, flow), warp(before, 2 * flow)]
        y = self.shuffle(F.silu(self.expand(x)))
        y = F.silu(self.refine(torch.cat([y, *(2 * picture.to(y.dtype) - 1 for picture in moved)], dim=1)))
        y = self.output(y).float()
        shift, offsets, weights, mask, paint = y.split([2, 2 * len(NEIGHBOURS), WEIGHTS, 1, 3], dim=1)
        with torch.autocast(x.device.type, enabled=False):
            flow = flow + torch.tanh(shift)
            base = warp(last, flow)
            others = [warp(last, flow + o) for o in (LEASH * torch.tanh(offsets)).chunk(len(NEIGHBOURS), dim=1)]
            others += [warp(before, 2 * flow), last]
            mask = torch.sigmoid(mask)
            frame = base + mask * paint
            for weight, other in zip(weights.split(1, dim=1), others, strict=True):
                frame = frame + weight * (other - base)
        return frame, flow, mask
