"""From a flow to the next frame: pixels of the last two frames moved, blended, and painted where none fits."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .decoder import init_icnr_
from .matching import composed, warp

WIDTH = 32
# Where a pair of neighbours lies at first: one to the right and one to the left, one above and one below.
NEIGHBOURS = ((1.0, 0.0), (0.0, 1.0))
# Pixels that a neighbour may lie away from its place, twice as far as where it starts.
LEASH = 2.0
WEIGHTS = len(NEIGHBOURS) + 2


def blur(x: Tensor) -> Tensor:
    """Maps [N, C, H, W] without what repeats every two pixels: the pattern of a pixel shuffle (blur after it, Sugawara
    et al. 2018), which a loss that asks for contrast would rather have than detail."""
    # As one convolution of each channel: a seventh of the time of two means over squares.
    kernel = x.new_tensor(((1, 2, 1), (2, 4, 2), (1, 2, 1))).div(16).expand(x.shape[1], 1, 3, 3)
    return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), kernel, groups=x.shape[1])


def fetched(last: Tensor, flow: Tensor, origin: tuple[Tensor, Tensor] | None) -> Tensor:
    """A frame [N, 3, H, W] moved by a flow [N, 2, H, W]; a prediction from its `Origin`, fp32."""
    if origin is None:
        return warp(last, flow, "bicubic")
    real, path = (part.float() for part in origin)
    painted = last - warp(real, path, "bicubic")
    return warp(real, composed(flow, path), "bicubic") + warp(painted, flow, "bicubic")


class Blend(nn.Module):
    """The output of a motion ladder.

    With f the flow, neighbours o_i, weights w_i, paint p and mask m from a convolution at full resolution, each for
    every pixel:

        A_0 = warp(last, f)        A_1, A_2 = (warp(last, f + o_i) + warp(last, f - o_i)) / 2
        A_3 = warp(before, 2 f)    A_4 = last, unmoved
        next = A_0 + sum_i w_i (A_i - A_0) + sigmoid(m) p

    A_0 and A_3 are fetched bicubically. Where `last` is a prediction itself, what of it was only moved is fetched from
    the last real frame in one go, by the flow of all steps since (`Origin`): each fetch between pixels blurs.
    Neighbours come in pairs, so that they can blur and sharpen but not move: a single one would do for two pixels what
    the memories are there for. w and p start at zero: at first the next frame is the last one exactly, as long as f is
    zero too. The pairs start apart, since equal ones would get equal gradients for ever.
    """

    def __init__(self, inputs: int, *, full_resolution: bool) -> None:
        super().__init__()
        self.shuffle = nn.Identity() if full_resolution else nn.PixelShuffle(2)
        factor = 1 if full_resolution else 2
        self.expand = nn.Conv2d(inputs, WIDTH * factor**2, 3, padding=1)
        init_icnr_(self.expand, factor)
        # The last frame, and both frames moved: where those two differ, the flow is wrong or something is covered.
        self.refine = nn.Conv2d(WIDTH + 9, WIDTH, 3, padding=1)
        self.output = nn.Conv2d(WIDTH, 2 * len(NEIGHBOURS) + WEIGHTS + 1 + 3, 3, padding=1)
        nn.init.zeros_(self.output.weight)
        nn.init.zeros_(self.output.bias)
        with torch.no_grad():
            # Numbers, not tensors: arithmetic on a network that is shapes only makes PyTorch import its compiler.
            offsets = [math.atanh(side / LEASH) for place in NEIGHBOURS for side in place]
            self.output.bias[: len(offsets)] = torch.tensor(offsets)

    def forward(
        self, x: Tensor, flow: Tensor, last: Tensor, before: Tensor, origin: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        """Maps x [N, inputs, h, w], flow [N, 2, H, W] in pixels, the last frame and the one before [N, 3, H, W] in
        [0, 1], the last one's `Origin` if it is a prediction -> the next frame, not clipped, and the mask
        [N, 1, H, W], both fp32."""
        # Pictures are composed in fp32: bf16 has steps of 1/256 near white, as coarse as the picture itself.
        last, before = last.float(), before.float()
        base, earlier = fetched(last, flow, origin), warp(before, 2 * flow, "bicubic")
        y = blur(self.shuffle(F.silu(self.expand(x))))
        # In the memory format of y, or all that is put together would be laid out anew.
        form = torch.channels_last if y.is_contiguous(memory_format=torch.channels_last) else torch.contiguous_format
        pictures = [(2 * one.to(y.dtype) - 1).contiguous(memory_format=form) for one in (last, base, earlier)]
        y = self.output(F.silu(self.refine(torch.cat([y, *pictures], dim=1)))).float()
        offsets, weights, mask, paint = y.split([2 * len(NEIGHBOURS), WEIGHTS, 1, 3], dim=1)
        offsets = (LEASH * torch.tanh(offsets)).chunk(len(NEIGHBOURS), dim=1)
        # All fetched at once: many small steps cost more than their arithmetic.
        sides = torch.cat([flow + o for o in offsets] + [flow - o for o in offsets])
        pairs = warp(last.repeat(2 * len(NEIGHBOURS), 1, 1, 1), sides).unflatten(0, (2, len(NEIGHBOURS), -1)).mean(0)
        others = [*pairs, earlier, last]
        mask = torch.sigmoid(mask)
        frame = base + mask * paint
        for weight, other in zip(weights.split(1, dim=1), others, strict=True):
            frame = frame + weight * (other - base)
        return frame, mask
