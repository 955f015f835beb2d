"""The ladder whose memories move things: coarse to fine, each level a band of the motion.

At each level k from 4 to 1 (C4 to C1):

    match      where each place of the frame was in the frame before, around where level k + 1 found it (`matching`)
    remember   the block's three ConvGRUs read the features, the match and band_k(d_k); h_k is their states
    move       step_k = (a_k d_k + s_k) (1 + g_k) in pixels;  f_k = up(f_{k+1}) + band_k(step_k)

d_k is the displacement that was found; how much of it is believed, a_k, and what is added to it, s_k, are a convolution
of h_k without a bias: a memory that is silent moves nothing, and nothing else moves a pixel. band_k lets
pass what no other level may say (a Laplacian pyramid of the motion, Burt and Adelson 1983): the motion of large areas
has to come from C4, that of small ones from C1. The finest flow f_1 goes to the head (`blending`), which moves the last
frame by it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .blending import Blend
from .config import BLOCKS, LadderConfig
from .decoder import DecoderBlock
from .encoder import block_inputs
from .ladder import Ladder, LadderOutput, Observation, Origin, State
from .lateral import LateralBlock
from .matching import EVIDENCE, Matcher, enlarged, finer, refine

# Sizes in pixels of what each level moves: (fine, coarse). `train.findings.bands` measures what each is worth.
BANDS = {"C1": (1, 8), "C2": (8, 16), "C3": (16, 64), "C4": (64, None)}
# What the ConvGRUs read in all, evidence and displacement included: the fine levels, whose maps are large, less.
READ = {"C1": 32, "C2": 32, "C3": 64, "C4": 64}
DECODER = {"C4": "L3", "C3": "L2", "C2": "L1"}


def low_pass(flow: Tensor, cells: int) -> Tensor:
    """A flow [N, 2, h, w] without what is smaller than `cells` of its places: means over squares of about that size,
    bilinear between."""
    if cells == 1:
        return flow
    size = flow.shape[-2:]
    means = F.adaptive_avg_pool2d(flow, [max(1, round(side / cells)) for side in size])
    return F.interpolate(means, size=size, mode="bilinear", align_corners=False)


class Standardise(nn.Module):
    """Takes a fixed mean out of each channel and divides by a fixed spread.

    Features behind a ReLU are never negative. A gate that sums thousands of them moves as a whole with every step of
    training, and soon stays at 0 or 1: the wider the kernel, the sooner. Up to the border of the map this is another
    way to write the weights of the convolutions that follow, so the network can express nothing new; it can learn.

    mean, std: [C], buffers, 0 and 1 until `calibrate`.
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
    def calibrate(self, x: Tensor) -> None:
        """Take the statistics of features [N, C, h, w]. A channel that never says anything keeps its size."""
        std = x.float().std((0, 2, 3))
        self.mean.copy_(x.float().mean((0, 2, 3)))
        self.std.copy_(torch.where(std > 1e-3, std, 1.0))


class MotionBlock(nn.Module):
    """From a level's memories to its step.

    forward: states [N, memory, h, w], context [N, context, h, w] and the displacement that was found, [N, 2, h, w] in
    pixels -> [N, 2, h, w] in pixels, of the sizes from `fine` to below `coarse` in places of the map (coarse None: of
    all sizes from `fine`).
    """

    def __init__(self, memory: int, context: int, *, fine: int, coarse: int | None) -> None:
        super().__init__()
        self.fine, self.coarse = fine, coarse
        self.step = nn.Conv2d(memory, 1 + 2, 3, padding=1, bias=False)
        self.gain = nn.Conv2d(context, 2, 1)
        for parameter in (self.step.weight, self.gain.weight, self.gain.bias):
            nn.init.zeros_(parameter)

    def forward(self, memory: Tensor, context: Tensor, displacement: Tensor) -> Tensor:
        return self.band(self.moved(memory, displacement) * (1 + self.gain(context).float()))

    def band(self, flow: Tensor) -> Tensor:
        """What a flow [N, 2, h, w] has of the sizes that this level moves."""
        passed = low_pass(flow, self.fine)
        return passed if self.coarse is None else passed - low_pass(flow, self.coarse)

    def moved(self, memory: Tensor, displacement: Tensor) -> Tensor:
        """What the memories make of the displacement, a d + s: as `forward`, before the gain and the band."""
        believed, added = self.step(memory).float().split([1, 2], dim=1)
        return believed * displacement + added


class MotionLadder(Ladder):
    """There is no path from the encoder to the output around C1 to C4: the ladder's top is C4."""

    def __init__(self, config: LadderConfig) -> None:
        super().__init__(config)
        inputs = dict(zip(BLOCKS, block_inputs(config.full_resolution), strict=True))
        widths = dict(zip(BLOCKS, config.gru_widths, strict=True))
        m, evidence = config.lateral_width, EVIDENCE + 2
        self.standardise = nn.ModuleDict({block: Standardise(inputs[block]) for block in BLOCKS})
        self.matchers = nn.ModuleDict({block: Matcher(inputs[block]) for block in BLOCKS})
        self.laterals = nn.ModuleDict(
            {block: LateralBlock(config, block, evidence=evidence, read=READ[block] - evidence) for block in BLOCKS}
        )
        above = {"C4": 0, "C3": m, "C2": m, "C1": m}  # channels that come down from the coarser level
        self.motion = nn.ModuleDict()
        for block, stride in zip(BLOCKS, config.strides, strict=True):
            fine, coarse = (size and max(1, size // stride) for size in BANDS[block])
            memory, context = 3 * widths[block], widths[block] + above[block]
            self.motion[block] = MotionBlock(memory, context, fine=fine, coarse=coarse)
        self.decoder = nn.ModuleDict()
        for block, name in DECODER.items():
            channels = 4 * widths[block] + above[block] + 2
            self.decoder[name] = DecoderBlock(channels, config.decoder_width, m, factor=2, layer_norm=True)
        self.blend = Blend(4 * widths["C1"] + m + 2, full_resolution=config.full_resolution)

    def observe(
        self, frames: Tensor, state: State | None = None, *, batch: int, blocks: Sequence[str] = BLOCKS
    ) -> Observation:
        # Each level's match starts from the coarser one's: the encoder always runs to the deepest.
        maps = {block: self.standardise[block](tap) for block, tap in zip(BLOCKS, self._taps(frames), strict=True)}
        keys, matches, centre = {}, {}, None
        for block in reversed(BLOCKS):
            key = keys[block] = self.matchers[block].key(maps[block])
            before = _shifted(key, batch, None if state is None else state.keys[block])
            matches[block] = self.matchers[block](key, before, centre)
            centre = finer(matches[block].displacement)
        before = _shifted(frames, batch, None if state is None else state.frame)
        finest = self.config.strides[0]
        coarse = matches["C1"].displacement if finest == 1 else centre  # in pixels
        pixels = refine(coarse, frames, before)
        displacement = {b: F.avg_pool2d(pixels, stride) for b, stride in zip(BLOCKS, self.config.strides, strict=True)}
        # Every level is told what was found in the end, of its own sizes only: a memory that knew the rest would tell
        # the head, which paints what another has not moved. In the finest level's cells: a pixel is a sixteenth of a
        # cell of C4 and would be lost among the other maps.
        evidence = {
            b: torch.cat([matches[b].evidence, self.motion[b].band(displacement[b]) / finest], dim=1) for b in BLOCKS
        }
        inputs = {block: maps[block] for block in blocks}
        return Observation(frames, inputs, before=before, evidence=evidence, displacement=displacement, keys=keys)

    def decode(self, columns: dict[str, Tensor], seen: Observation, origin: Origin | None = None) -> LadderOutput:
        flow, above, levels, stages = None, [], {}, {}  # above: what comes down from the coarser level
        for block in reversed(BLOCKS):
            column, width = columns[block], self.laterals[block].width
            skip, memory = column[:, :width], column[:, width:]
            step = self.motion[block](memory, torch.cat([skip, *above], dim=1), seen.displacement[block])
            flow = levels[block] = step if flow is None else enlarged(flow) + step
            x = torch.cat([column, *above, flow.to(column.dtype)], dim=1)
            if block in DECODER:
                x = stages[DECODER[block]] = self.decoder[DECODER[block]](x)
            above = [x]
        flow = flow if self.config.full_resolution else enlarged(flow)
        frame, mask = self.blend(x, flow, seen.frames, seen.before, origin)
        return LadderOutput(frame, flow=flow, mask=mask, levels=levels, stages=stages)

    @torch.no_grad()
    def calibrate(self, frames: Tensor) -> None:
        """Set what is not learned: mean and spread of the features that each block reads, and the directions in which
        they are compared, from frames [N, 3, H, W] in [0, 1]."""
        for block, x in zip(BLOCKS, self._taps(frames), strict=True):
            self.standardise[block].calibrate(x)
            self.matchers[block].calibrate(self.standardise[block](x))

    def _taps(self, frames: Tensor) -> list[Tensor]:
        """The encoder's maps of frames [N, 3, H, W] that C1 to C4 read, at the strides of the configuration."""
        if self.config.full_resolution:
            return [self.encoder.fine(frames), *self.encoder(frames, 3)]
        return self.encoder(frames, 4)


def _shifted(x: Tensor, batch: int, earlier: Tensor | None) -> Tensor:
    """What each of the time-major x [T * batch, ...] finds one step before it: the first `earlier`, or itself."""
    first = x[:batch] if earlier is None else earlier.to(x.dtype)
    return torch.cat([first, x[:-batch]]) if len(x) > batch else first
