"""A lateral block C1 to C4: what the ladder remembers at one resolution (paper section 3, Fig. 1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .config import BLOCKS, KERNELS, LadderConfig
from .convgru import ConvGRU, Gates
from .encoder import block_inputs
from .silence import LOCATION, SKIP, Mask


class LocationConv2d(nn.Module):
    """A 1x1 convolution plus a learned bias for every place of the map (Azizi et al. 2018, the paper's [AFB18]).

    An ordinary convolution treats all places alike; the bias lets the network learn what is usual where, for
    example that the ground is below and the sky above.

    forward: [N, inputs, h, w] -> [N, outputs, h, w]. On a map of another size than it was built for, the bias
    is resized bilinearly. keep [N, 1, 1, 1]: share of the bias to add for each map.
    """

    def __init__(self, inputs: int, outputs: int, *, size: tuple[int, int]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 1)
        self.location = nn.Parameter(torch.zeros(1, outputs, *size))

    def forward(self, x: Tensor, keep: Tensor | float = 1.0) -> Tensor:
        location = self.location
        if location.shape[-2:] != x.shape[-2:]:
            location = F.interpolate(location, size=x.shape[-2:], mode="bilinear", align_corners=False)
        y = self.conv(x)
        return y + keep * location.to(y.dtype)


class LateralBlock(nn.Module):
    """A (location-dependent) 1x1 convolution beside three ConvGRUs of 3x3, 5x5 and 7x7; run by `Ladder.remember`.

    width: channels of the convolution and of each ConvGRU, so the output has 4 * width.
    evidence: channels of other maps that the ConvGRUs read beside the input, of which they then read a 1x1
        convolution to `read` channels.
    """

    def __init__(self, config: LadderConfig, block: str, *, evidence: int = 0, read: int = 0) -> None:
        super().__init__()
        place = BLOCKS.index(block)
        inputs, width = block_inputs(config.full_resolution)[place], config.gru_widths[place]
        self.width = width
        if config.location[place]:
            self.skip = LocationConv2d(inputs, width, size=config.map_size(block))
        else:
            self.skip = nn.Conv2d(inputs, width, 1)
        self.read = nn.Conv2d(inputs, read, 1) if read else nn.Identity()
        inputs = (read or inputs) + evidence
        self.grus = nn.ModuleDict({name: ConvGRU(inputs=inputs, width=width, kernel=int(name[0])) for name in KERNELS})

    def gru_input(self, x: Tensor, evidence: Tensor | None) -> Tensor:
        """What the ConvGRUs read of an input [N, inputs, h, w] and the evidence beside it [N, evidence, h, w]."""
        x = self.read(x)
        return x if evidence is None else torch.cat([x, evidence.to(x.dtype)], dim=1)

    def recur(self, name: str, read: Tensor, h: Tensor | None, steps: int, silence: Mask | None = None) -> list[Gates]:
        """One ConvGRU over all steps, from what it reads [steps * B, C, h, w], time-major, and its state before
        [B, width, h, w] (None: empty), step by step."""
        gru, gates = self.grus[name], []

        def kept(h: Tensor) -> Tensor:
            return h if silence is None else h * silence[name].to(h.dtype)  # the states' type may be autocast's

        h = None if h is None else kept(h)
        for projected in gru.input(read).chunk(steps):
            made = gru.step(projected, h)
            gates.append(made._replace(h=kept(made.h)))
            h = gates[-1].h
        return gates

    def column(self, x: Tensor, states: list[Tensor], silence: Mask | None = None) -> Tensor:
        """The block's output [steps * B, 4 * width, h, w]: its convolution of x [steps * B, inputs, h, w], then the
        ConvGRUs' states [steps * B, width, h, w] in order of KERNELS."""
        if silence is None:
            return torch.cat([self.skip(x), *states], dim=1)
        # Masks are per clip, maps are per step and clip.
        keep, location = (silence[name].repeat(len(x) // len(silence[name]), 1, 1, 1) for name in (SKIP, LOCATION))
        y = self.skip(x, location) if isinstance(self.skip, LocationConv2d) else self.skip(x)
        return torch.cat([y * keep, *states], dim=1)
