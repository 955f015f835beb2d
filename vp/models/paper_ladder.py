"""The Location-dependent Video Ladder Network as the paper describes it (section 3, Fig. 1 and 14)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .config import BLOCKS, LadderConfig
from .decoder import DecoderBlock
from .encoder import TAPS, block_inputs
from .ladder import Decoded, Ladder, Observation, State
from .lateral import LateralBlock


class PaperLadder(Ladder):
    """C1 to C4 read e1 to e4 and L4 reads e5. At full resolution C1 reads a new stride-1 convolution of the frame, and
    C2 to C4 one tap earlier (Fig. 14). The output is an absolute picture."""

    def __init__(self, config: LadderConfig) -> None:
        super().__init__(config)
        self.stem = nn.Conv2d(3, TAPS[0], 7, padding=3) if config.full_resolution else None
        inputs = block_inputs(config.full_resolution)
        self.laterals = nn.ModuleDict()
        for block, channels, width, location in zip(BLOCKS, inputs, config.gru_widths, config.location, strict=True):
            size = config.map_size(block) if location else None
            self.laterals[block] = LateralBlock(inputs=channels, width=width, location_size=size)
        c = [4 * width for width in config.gru_widths]
        m = config.lateral_width
        # L4 bridges from the encoder's last tap to C4: one octave, or two at full resolution.
        ladder = {"L4": (TAPS[4], 4 if config.full_resolution else 2)}
        ladder |= {"L3": (c[3] + m, 2), "L2": (c[2] + m, 2), "L1": (c[1] + m, 2)}
        self.decoder = nn.ModuleDict()
        for name, (channels, factor) in ladder.items():
            shape = {"inputs": channels, "width": config.decoder_width, "outputs": m, "factor": factor}
            self.decoder[name] = DecoderBlock(**shape, layer_norm=False)
        # The maps themselves are shuffled or enlarged, then a bare 1x1 convolution makes the picture (Fig. 9).
        shuffle = config.upsampling == "pixel_shuffle"
        channels = c[0] + m
        if config.full_resolution:
            up = nn.Identity()
        else:
            up = nn.PixelShuffle(2) if shuffle else nn.Upsample(scale_factor=2, mode=config.upsampling)
            channels = channels // 4 if shuffle else channels
        self.head = nn.Sequential(OrderedDict(up=up, output=nn.Conv2d(channels, 3, 1)))

    def observe(
        self, frames: Tensor, state: State | None = None, *, batch: int, blocks: Sequence[str] = BLOCKS
    ) -> Observation:
        whole = len(blocks) == len(BLOCKS)
        depth = 1 + max(BLOCKS.index(block) for block in blocks)
        if self.stem is None:
            taps = self.encoder(frames, 5 if whole else depth)
        else:
            taps = [self.stem(self.encoder.normalise(frames)), *self.encoder(frames, 5 if whole else depth - 1)]
        inputs = {block: taps[BLOCKS.index(block)] for block in blocks}
        return Observation(frames, inputs, deepest=taps[-1] if whole else None)

    def decode(self, columns: dict[str, Tensor], seen: Observation) -> Decoded:
        x = self.decoder["L4"](seen.deepest)
        stages = {"L4": x}
        for name, block in (("L3", "C4"), ("L2", "C3"), ("L1", "C2")):
            x = stages[name] = self.decoder[name](torch.cat([columns[block], x], dim=1))
        # The picture in fp32: bf16 has steps of 1/256 near white, as coarse as the picture itself.
        frame = self.head(torch.cat([columns["C1"], x], dim=1)).float()
        return Decoded(frame, stages=stages)
