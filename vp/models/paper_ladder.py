"""The Location-dependent Video Ladder Network as the paper describes it (section 3, Fig. 1 and 14)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .config import BLOCKS, LadderConfig
from .decoder import DecoderBlock
from .encoder import TAPS
from .ladder import Ladder, LadderOutput, Observation, Origin, State
from .lateral import LateralBlock


class PaperLadder(Ladder):
    """C1 to C4 read what `block_inputs` says and L4 reads e5. The output is an absolute picture."""

    def __init__(self, config: LadderConfig) -> None:
        super().__init__(config)
        self.stem = nn.Conv2d(3, TAPS[0], 7, padding=3) if config.full_resolution else None
        self.laterals = nn.ModuleDict({block: LateralBlock(config, block) for block in BLOCKS})
        m = config.lateral_width
        c1, c2, c3, c4 = (4 * width + m for width in config.gru_widths)
        self.decoder = nn.ModuleDict()
        for name, channels in {"L4": TAPS[4], "L3": c4, "L2": c3, "L1": c2}.items():
            # L4 bridges from the encoder's last tap to C4: one octave, or two at full resolution.
            factor = 4 if name == "L4" and config.full_resolution else 2
            self.decoder[name] = DecoderBlock(channels, config.decoder_width, m, factor=factor, layer_norm=False)
        # The maps themselves are shuffled or enlarged, then a bare 1x1 convolution makes the picture (Fig. 9).
        if config.full_resolution:
            up, channels = nn.Identity(), c1
        elif config.upsampling == "pixel_shuffle":
            up, channels = nn.PixelShuffle(2), c1 // 4
        else:
            up, channels = nn.Upsample(scale_factor=2, mode=config.upsampling), c1
        self.head = nn.Sequential(OrderedDict(up=up, output=nn.Conv2d(channels, 3, 1)))

    def observe(
        self, frames: Tensor, state: State | None = None, *, batch: int, blocks: Sequence[str] = BLOCKS
    ) -> Observation:
        whole = len(blocks) == len(BLOCKS)
        stem = [] if self.stem is None else [self.stem(self.encoder.normalise(frames))]
        depth = 1 + max(BLOCKS.index(block) for block in blocks) - len(stem)
        taps = stem + self.encoder(frames, len(TAPS) if whole else depth)
        inputs = {block: taps[BLOCKS.index(block)] for block in blocks}
        return Observation(frames, inputs, deepest=taps[-1] if whole else None)

    def decode(self, columns: dict[str, Tensor], seen: Observation, origin: Origin | None = None) -> LadderOutput:
        x = self.decoder["L4"](seen.deepest)
        stages = {"L4": x}
        for name, block in (("L3", "C4"), ("L2", "C3"), ("L1", "C2")):
            x = stages[name] = self.decoder[name](torch.cat([columns[block], x], dim=1))
        # The picture in fp32: bf16 has steps of 1/256 near white, as coarse as the picture itself.
        frame = self.head(torch.cat([columns["C1"], x], dim=1)).float()
        return LadderOutput(frame, stages=stages)
