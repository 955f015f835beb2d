"""A lateral block C1 to C4: what the ladder remembers at one resolution (paper section 3, Fig. 1)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .config import KERNELS
from .convgru import ConvGRU, Gates
from .silence import Mask


class LocationConv2d(nn.Module):
    """A 1x1 convolution plus a learned bias for every place of the map (Azizi et al. 2018, the paper's [AFB18]).

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


class LateralBlock(nn.Module):
    """A (location-dependent) 1x1 convolution beside three ConvGRUs with 3x3, 5x5 and 7x7 kernels.

    width: channels of the convolution and of each ConvGRU, so the output has 4 * width.
    location_size: (h, w) of the map for a location-dependent convolution, None for an ordinary one.
    evidence: channels of other maps that the ConvGRUs read beside the input, of which they then read a 1x1
        convolution to `read` channels.
    """

    def __init__(
        self, *, inputs: int, width: int, location_size: tuple[int, int] | None, evidence: int = 0, read: int = 0
    ) -> None:
        super().__init__()
        self.width = width
        self.skip = LocationConv2d(inputs, width, size=location_size) if location_size else nn.Conv2d(inputs, width, 1)
        self.read = nn.Conv2d(inputs, read, 1) if read else nn.Identity()
        inputs = (read or inputs) + evidence
        self.grus = nn.ModuleDict({name: ConvGRU(inputs=inputs, width=width, kernel=int(name[0])) for name in KERNELS})

    def forward(
        self,
        x: Tensor,
        state: dict[str, Tensor] | None,
        *,
        steps: int,
        silence: Mask | None = None,
        evidence: Tensor | None = None,
    ) -> tuple[Tensor, dict[str, Tensor], dict[str, list[Gates]]]:
        """All steps of a sequence.

        x: [steps * B, inputs, h, w], time-major: the B maps of the first step come first.
        state: {kernel: [B, width, h, w]} before the first step; None is empty.
        silence: masks of what is silenced, see `vp.models.silence`.
        evidence: [steps * B, evidence, h, w].
        Returns the output [steps * B, 4 * width, h, w], the state after the last step, and each ConvGRU's
        gates step by step (they are computed anyway: recording is only keeping them).
        """
        read = self.gru_input(x, evidence)
        before = dict.fromkeys(KERNELS) if state is None else state
        record = {name: self.recur(name, read, before[name], steps=steps, silence=silence) for name in KERNELS}
        after = {name: gates[-1].h for name, gates in record.items()}
        states = [torch.cat([g.h for g in record[name]]) if steps > 1 else after[name] for name in KERNELS]
        return self.column(x, states, steps=steps, silence=silence), after, record

    def gru_input(self, x: Tensor, evidence: Tensor | None) -> Tensor:
        """What the ConvGRUs read of an input [N, inputs, h, w] and the evidence beside it."""
        x = self.read(x)
        return x if evidence is None else torch.cat([x, evidence.to(x.dtype)], dim=1)

    def recur(
        self, name: str, read: Tensor, h: Tensor | None, *, steps: int, silence: Mask | None = None
    ) -> list[Gates]:
        """One ConvGRU over all steps, from what it reads [steps * B, C, h, w] and its state before (None: empty)."""
        gru, gates = self.grus[name], []
        if silence is not None and h is not None:
            h = h * silence.grus[name]
        for projected in gru.project(read).chunk(steps):
            made = gru.step(projected, h)
            gates.append(made if silence is None else made._replace(h=made.h * silence.grus[name]))
            h = gates[-1].h
        return gates

    def column(self, x: Tensor, states: list[Tensor], *, steps: int, silence: Mask | None = None) -> Tensor:
        """The block's output: its convolution of x, then the ConvGRUs' states in order of KERNELS."""
        return torch.cat([self._skip(x, silence, steps), *states], dim=1)

    def _skip(self, x: Tensor, silence: Mask | None, steps: int) -> Tensor:
        if silence is None:
            return self.skip(x)
        # Masks are per clip, maps are per step and clip.
        skip, location = (mask.repeat(steps, 1, 1, 1) for mask in (silence.skip, silence.location))
        y = self.skip(x, location) if isinstance(self.skip, LocationConv2d) else self.skip(x)
        return y * skip
